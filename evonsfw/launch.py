"""From settings to a finished run: opens what the loop needs, runs it beside whoever watches.

The loop runs in a thread of its own; the main thread belongs to the window or the progress bar,
and to signals. Workers are started before the window opens.
"""

from __future__ import annotations

import shlex
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from evonsfw.backends import AUTO, load_backend
from evonsfw.classifier import REFERENCE
from evonsfw.config import RunConfig, make_config, read_config, read_parent
from evonsfw.crew import EvaluationError
from evonsfw.ends import end_reached, extended
from evonsfw.evaluation import Evaluator, open_evaluator
from evonsfw.evolution import Evolution
from evonsfw.fewest import check_fewest, fewest_due, leave_fewest
from evonsfw.founding import branched, founded, founder
from evonsfw.front import front_due, write_front
from evonsfw.generation import Champion, Founder
from evonsfw.ladder import require_no_ladder
from evonsfw.live import Branch, Live
from evonsfw.recorder import Recorder
from evonsfw.reference import keep_target
from evonsfw.runs import RunFolder, create_run, require_new, run_name
from evonsfw.spelling import AUTO_NUMBER
from evonsfw.stage import (
    Stage,
    build_search,
    complete,
    models_of,
    place,
    referee,
    score_on_disk,
    set_up,
    with_backend,
    without_gradients,
    worker_count,
)
from evonsfw.telling import Say
from evonsfw.viewing import ended_by_signals, viewer

PATIENCE = 1.5
"""Seconds after which it is said what takes so long."""
COUNTING = "finding out how many shapes it takes"
READYING = "getting the classifier ready: some seconds, the first time"
HASH = "classifier_sha256"
"""The checkpoint's key for the model file that the run began with."""


class AtItsEndError(ValueError):
    """A run that is to go on has come to its end already."""


def start_run(config: RunConfig, out: Path | None, command: str, window: bool, say: Say) -> None:
    """Run a new evolution to its end.

    Args:
        config: settings; what is left open is filled in.
        out: the run folder, or None for one named after the run.
        command: the command line, for the folder.
        window: whether to open a window.
        say: prints one line.

    Raises:
        ValueError: the settings or the folder do not work out; nothing has been written.
        EvaluationError: scoring failed for good; the run can be resumed.
            A disk that is full or gone is one such reason.
    """
    if out is not None:
        require_new(out)
    folder, branch = _begin(config, founder(config), out, command, window, say)
    if branch is not None:
        branch_run(folder.config, folder.path, branch, window, say)


def branch_run(config: RunConfig, run: Path, branch: Branch, window: bool, say: Say) -> None:
    """Run a new evolution, in a folder beside another's, that begins with one of its individuals;
    then those that leave this one in turn.

    Args:
        config: complete settings of the run that is left; the new one gets another seed, and ends
            as a run from a file gets them.
        run: its folder, which nobody writes to.
        branch: the individual.
        window: whether to open a window.
        say: prints one line.

    Raises:
        ValueError, EvaluationError: as `start_run`.
    """
    left: Branch | None = branch
    while left is not None:
        config, first = branched(config, run, left)
        out = run.parent / run_name(config)
        command = shlex.join(["evonsfw", "--config", str(out / "config.yaml")])
        say(f"going on in {out}")
        folder, left = _begin(config, first, out, command, window, say)
        config, run = folder.config, folder.path


def _begin(
    config: RunConfig,
    first: Founder | None,
    out: Path | None,
    command: str,
    window: bool,
    say: Say,
) -> tuple[RunFolder, Branch | None]:
    """One run from its beginning to its end; its folder, and where the next is to leave it."""
    words = ""
    with _patience(say, COUNTING if config.n == AUTO_NUMBER else READYING):
        stage = set_up(complete(config))
        if first is not None:
            stage, words = founded(stage, config, first)
    check_fewest(stage.config)
    where = place(stage, config.backend == AUTO) + without_gradients(config)
    say(f"seed {stage.config.seed}, {where}{words and f'; {words}'}")
    live = Live()
    with ended_by_signals(live), _evaluator(stage, window, say) as evaluator:
        folder = create_run(stage.config, out, command, stage.classifier_hash, first)
        keep_target(folder.path, stage.config)
        _run(stage, folder, evaluator, _evolution(stage, first), live, window, say)
    return folder, live.branch


def resume_run(path: Path, more: dict[str, Any], window: bool, say: Say) -> None:
    """Go on with a run where its last checkpoint left it.

    Args:
        path: the run folder.
        more: generations, evaluations, minutes: how much more; until: the new score;
            workers, backend, device: instead of the run's own.
        window: whether to open a window.
        say: prints one line.

    Raises:
        ValueError: not a run folder, made by a newer version, or at its end already; or a backend
            without the gradients that the run takes. Nothing has been written.
        EvaluationError: as `start_run`.
    """
    if not (path / "config.yaml").is_file():
        raise ValueError(f"run folder {path}: there is no config.yaml in it; is it a run folder?")
    require_no_ladder(path)
    config = make_config(read_config(path / "config.yaml"))
    _check_gradients(path, config, more)
    state, problem = RunFolder(path, config, "").read_checkpoint()
    if problem:
        say(problem)
    if "device" in more and "backend" not in more and not _runs_on(config.backend, more["device"]):
        more = {**more, "backend": AUTO}
    config = with_backend(extended(config, more, state))
    with _patience(say, READYING):
        stage = set_up(config)
    evolution = _evolution(stage, founder(config) if state is None else None)
    if state is not None:
        if state.pop(HASH) != stage.classifier_hash:
            raise ValueError(
                f"run folder {path}: the classifier's file is not the one that the run began with; "
                f"get that one back, or begin anew: evonsfw --config {path / 'config.yaml'}"
            )
        try:
            evolution.restore(state)
        except KeyError:  # what `auto` comes to may be another search since
            raise ValueError(
                f"run folder {path}: its checkpoint is of another search, an older evonsfw's; go "
                f"on from its picture: evonsfw --from {path / 'best.png'}"
            ) from None
    reason = end_reached(stage.config, stage.wish, evolution.progress)
    parent = read_parent(path / "config.yaml")
    folder = RunFolder(path, config, stage.classifier_hash, parent)
    if reason is not None and _made_up(stage, folder, evolution, say):
        return
    if reason is not None:
        raise AtItsEndError(
            f"run folder {path}: at its end already ({reason}); "
            f"go on with --evaluations MORE, --generations MORE, --minutes MORE or --until SCORE"
        )
    live = Live()
    with ended_by_signals(live), _evaluator(stage, window, say) as evaluator:
        folder.write_config()
        folder.rewind(evolution.progress.best, evolution.progress.generation)
        say(f"resuming after generation {evolution.progress.generation}, {place(stage)}")
        _run(stage, folder, evaluator, evolution, live, window, say)
    if live.branch is not None:
        branch_run(folder.config, path, live.branch, window, say)


def _check_gradients(path: Path, config: RunConfig, more: dict[str, Any]) -> None:
    """Raise ValueError where a run that takes gradients would go on where there are none."""
    allowed = {"backend": (AUTO, REFERENCE), "device": (AUTO, "cpu")}
    flags = [f"--{key}" for key in allowed if more.get(key, AUTO) not in allowed[key]]
    if flags and config.takes_gradients and models_of(config):
        raise ValueError(
            f"run folder {path}: it takes gradients, which only {REFERENCE} on the CPU gives: "
            f"leave out {' and '.join(flags)}"
        )


def _made_up(stage: Stage, folder: RunFolder, evolution: Evolution, say: Say) -> bool:
    """Make what a run at its end was killed before or during; whether there was anything."""
    done = evolution.progress
    assert done.best is not None, "a run at its end has one"
    if front_due(stage, folder.path, done.generation):
        say(write_front(stage, folder, evolution.genomes, done.generation))
        return True
    if fewest_due(stage, folder.path, done.best):
        _pare(stage, folder, done.best, say)
        return True
    return False


def _evolution(stage: Stage, first: Founder | None) -> Evolution:
    return Evolution(build_search(stage.config, None if first is None else first.genome))


@contextmanager
def _evaluator(stage: Stage, window: bool, say: Say) -> Iterator[Evaluator]:
    """Workers, from start to end; a window has the right of way."""
    job = replace(stage.job, yielding=window)
    with _patience(say, "compiling for this processor: once after installation, some seconds"):
        evaluator = open_evaluator(job, worker_count(stage.config))
    try:
        yield evaluator
    finally:
        evaluator.close()


@contextmanager
def _patience(say: Say, notice: str) -> Iterator[None]:
    """Say what takes so long, where it does."""
    timer = threading.Timer(PATIENCE, say, [notice])
    timer.start()
    try:
        yield
    finally:
        timer.cancel()


def _runs_on(backend: str, device: str) -> bool:
    return backend != AUTO and device in (AUTO, load_backend(backend).DEVICE)


def _run(
    stage: Stage,
    folder: RunFolder,
    evaluator: Evaluator,
    evolution: Evolution,
    live: Live,
    window: bool,
    say: Say,
) -> None:
    """The loop in its thread, the viewer in this one, then the last lines."""
    failures: list[BaseException] = []
    folder.label = stage.label

    def work() -> None:
        try:
            _loop(stage, folder, evaluator, evolution, live)
        except BaseException as error:  # noqa: BLE001  # raised again on the main thread
            failures.append(error)
        finally:
            live.finished.set()

    look = viewer(stage, folder, live, window, say)
    thread = threading.Thread(target=work, name="evolution")
    thread.start()
    try:
        look()
    finally:
        live.stop("the viewer ended")
        thread.join()
    if failures:
        raise _with_folder(failures[0], folder.path)
    _report(stage, folder, evolution, live, say)


def _with_folder(failure: BaseException, path: Path) -> BaseException:
    """A full or lost disk, told with the folder and the way on; anything else as it is."""
    if not isinstance(failure, OSError) or failure.strerror is None:
        return failure
    return EvaluationError(
        f"run folder {path}: {failure.strerror}; what was finished is kept, "
        f"go on with: evonsfw resume {path}"
    )


def _loop(
    stage: Stage, folder: RunFolder, evaluator: Evaluator, evolution: Evolution, live: Live
) -> None:
    """Iterate, publish, record, until an end is reached."""
    recorder = Recorder(folder)

    def breathe() -> bool:
        recorder.write_queued()
        return live.stopping()

    again = referee(stage, evolution.progress.rescored)
    evolution.attach(evaluator, breathe, again, evaluator.begin, stage.job.cost)
    try:
        for generation in evolution:
            live.publish(generation)
            recorder.record(generation, {**evolution.state(), HASH: stage.classifier_hash})
            reason = end_reached(stage.config, stage.wish, evolution.progress)
            if reason is not None:
                live.stop(reason)
            if live.paused:
                recorder.write_queued(now=True)
            live.wait_while_paused()
    finally:
        recorder.close()


def _report(stage: Stage, folder: RunFolder, evolution: Evolution, live: Live, say: Say) -> None:
    """Which end it was, and what the reference pipeline says of best.png on disk."""
    done = evolution.progress
    say(
        f"{live.stop_reason}: {done.generation:,} generations, {done.evaluations:,} scorings, "
        f"{done.seconds:.1f} s"
    )
    if done.best is None:
        say(f"{folder.path}: stopped before the first generation was scored")
        return
    say(f"{folder.best}: {stage.wish.label} {score_on_disk(stage, folder.best):.6f}")
    if stage.config.pareto:
        say(write_front(stage, folder, evolution.genomes, done.generation))
    if stage.config.fewest and live.branch is None:
        _pare(stage, folder, done.best, say)


def _pare(stage: Stage, folder: RunFolder, best: Champion, say: Say) -> None:
    """Leave as few shapes as it takes; Ctrl-C ends this, whatever ended the run."""
    live = Live()
    with ended_by_signals(live):
        leave_fewest(stage, folder, best, live.stopping, say)
