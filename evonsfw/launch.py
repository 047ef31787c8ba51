"""From settings to a finished run: opens what the loop needs, runs it beside whoever watches.

The loop runs in a thread of its own; the main thread belongs to the window or the progress bar,
and to signals. Workers are started before the window opens.
"""

from __future__ import annotations

import secrets
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import Any

import numpy as np

from evonsfw import progress
from evonsfw.classifier import Classifier, choose_device
from evonsfw.composition import compose
from evonsfw.config import DEFAULT_EVALUATIONS, RunConfig, make_config, read_config
from evonsfw.evaluation import Evaluator, open_evaluator, usable_cores
from evonsfw.evolution import Evolution
from evonsfw.exporters import svg
from evonsfw.generation import Champion
from evonsfw.genome import BACKGROUND_GENES, Encoding
from evonsfw.live import Live, Snapshot
from evonsfw.model_spec import read_spec
from evonsfw.objectives import Goal, Objective, load_objective
from evonsfw.pictures import open_picture, target_on_canvas
from evonsfw.pipeline import Job
from evonsfw.raster import render
from evonsfw.runs import Recorder, RunFolder, create_run, save_picture
from evonsfw.scene import View, format_score
from evonsfw.search import Problem, Search, load_search

Say = Callable[[str], None]


@dataclass
class Stage:
    """What a run needs, opened and checked before anything is written.

    Attributes:
        config: complete settings.
        job: what the workers do.
        objective: values pictures or probabilities.
        referee: the classifier's reference pipeline, or None where the objective needs none.
        device: where the classifier runs.
    """

    config: RunConfig
    job: Job
    objective: Objective
    referee: Classifier | None
    device: str

    @property
    def classifier_hash(self) -> str:
        """SHA-256 of the model file, or ""."""
        return self.referee.hash if self.referee else ""


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
        OSError: the disk is full or gone; the run can be resumed.
    """
    stage = set_up(complete(config))
    say(f"seed {stage.config.seed}, {_place(stage)}")
    with _evaluator(stage) as evaluator:
        folder = create_run(stage.config, out, command, stage.classifier_hash)
        if stage.job.goal.target is not None:
            save_picture(folder.path / "target.png", stage.job.goal.target)
        _run(stage, folder, evaluator, _evolution(stage), window, say)


def resume_run(path: Path, more: dict[str, Any], window: bool, say: Say) -> None:
    """Go on with a run where its last checkpoint left it.

    Args:
        path: the run folder.
        more: generations, evaluations, minutes: how much more; until: the new score;
            workers, device: instead of the run's own.
        window: whether to open a window.
        say: prints one line.

    Raises:
        ValueError: not a run folder, made by a newer version, or at its end already.
        EvaluationError, OSError: as `start_run`.
    """
    if not (path / "config.yaml").is_file():
        raise ValueError(f"run folder {path}: there is no config.yaml in it; is it a run folder?")
    config = make_config(read_config(path / "config.yaml"))
    state, problem = RunFolder(path, config, "").read_checkpoint()
    if problem:
        say(problem)
    config = _extended(config, more, state)
    stage = set_up(config)
    evolution = _evolution(stage)
    if state is not None:
        evolution.restore(state)
    reason = _end(stage, evolution)
    if reason is not None:
        raise ValueError(
            f"run folder {path}: at its end already ({reason}); "
            f"go on with --evaluations MORE, --generations MORE, --minutes MORE or --until SCORE"
        )
    folder = RunFolder(path, config, stage.classifier_hash)
    with _evaluator(stage) as evaluator:
        folder.write_config()
        folder.rewind_log(evolution.progress.generation)
        say(f"resuming after generation {evolution.progress.generation}, {_place(stage)}")
        _run(stage, folder, evaluator, evolution, window, say)


def complete(config: RunConfig) -> RunConfig:
    """Fill in what was left open, so that the settings alone repeat the run."""
    changes: dict[str, Any] = {}
    module = load_objective(config.goal_name)
    if config.seed is None:
        changes["seed"] = secrets.randbelow(2**32)
    if config.population is None:
        problem = problem_of(config.encoding)
        changes["population"] = load_search(config.search).default_population(problem)
    if not config.has_end:
        changes["until"] = module.DEFAULT_UNTIL
        changes["evaluations"] = DEFAULT_EVALUATIONS
    changes["objective"] = config.goal_name
    return make_config({**config.to_dict(), **changes})


def set_up(config: RunConfig) -> Stage:
    """Open and check the classifier, the target and the device.

    Raises:
        ValueError: one of them does not work out.
    """
    module = load_objective(config.goal_name)
    needs_model = module.NEEDS == "probabilities"
    model = read_spec(config.classifier) if needs_model else None
    target = target_on_canvas(Path(config.target), config.canvas) if config.target else None
    goal = Goal(target_score=config.target_score, target=target)
    if model is not None:
        index = model.class_index(config.class_)
        goal = Goal(index, model.classes[index], config.target_score, target)
    objective = module.build(goal)
    device = choose_device(config.device) if model is not None else "cpu"
    job = Job(config.encoding, config.canvas, config.goal_name, goal, model)
    return Stage(config, job, objective, Classifier(model) if model else None, device)


def problem_of(encoding: Encoding) -> Problem:
    """What a search is told of an encoding's genomes."""
    return Problem(
        header=BACKGROUND_GENES,
        rows=encoding.n,
        row_length=encoding.row_length,
        kinds=len(encoding.shapes),
        compose=lambda rng, count: compose(encoding, rng, count),
    )


def build_search(config: RunConfig) -> Search:
    """The search of complete settings, at its start."""
    assert config.population is not None
    problem = problem_of(config.encoding)
    rng = np.random.default_rng(config.seed)
    return load_search(config.search).build(problem, config.population, rng)


def _evolution(stage: Stage) -> Evolution:
    return Evolution(build_search(stage.config))


@contextmanager
def _evaluator(stage: Stage) -> Iterator[Evaluator]:
    """Workers, from start to end."""
    wanted = stage.config.workers
    evaluator = open_evaluator(
        stage.job, usable_cores() if wanted is None else wanted, stage.device
    )
    try:
        yield evaluator
    finally:
        evaluator.close()


def _run(
    stage: Stage,
    folder: RunFolder,
    evaluator: Evaluator,
    evolution: Evolution,
    window: bool,
    say: Say,
) -> None:
    """The loop in its thread, the viewer in this one, then the last lines."""
    live = Live()
    failures: list[BaseException] = []

    def work() -> None:
        try:
            _loop(stage, folder, evaluator, evolution, live)
        except BaseException as error:  # noqa: BLE001  # raised again on the main thread
            failures.append(error)
        finally:
            live.finished.set()

    viewer = _viewer(stage, folder, live, window, say)
    thread = threading.Thread(target=work, name="evolution")
    with _signals(live):
        thread.start()
        try:
            viewer()
        finally:
            live.stop("the viewer ended")
            thread.join()
    if failures:
        raise failures[0]
    _report(stage, folder, evolution, live, say)


def _loop(
    stage: Stage, folder: RunFolder, evaluator: Evaluator, evolution: Evolution, live: Live
) -> None:
    """Iterate, publish, record, until an end is reached."""
    evolution.attach(evaluator, live.stopping, _reference(stage))
    recorder = Recorder(folder)
    try:
        for generation in evolution:
            live.publish(generation)
            recorder.record(generation, evolution.state())
            reason = _end(stage, evolution)
            if reason is not None:
                live.stop(reason)
            live.wait_while_paused()
    finally:
        recorder.close()


def _reference(stage: Stage) -> Callable[[Champion], float] | None:
    """On a GPU, what is shown is scored again by the reference; on a CPU it was it already."""
    if stage.device == "cpu" or stage.referee is None:
        return None
    referee, job, objective = stage.referee, stage.job, stage.objective

    def score(champion: Champion) -> float:
        pictures = render(champion.genome[None], job.encoding, job.canvas)
        return float(objective.scores(referee.probabilities(pictures))[0])

    return score


def _end(stage: Stage, evolution: Evolution) -> str | None:
    """Which end has been reached, in words, or None."""
    config, done = stage.config, evolution.progress
    if done.best is None:
        return None
    until = config.until
    if until is not None and stage.objective.reached(done.best.score, until):
        return f"reached {stage.objective.label} {format_score(done.best.score)}"
    if config.evaluations is not None and done.evaluations >= config.evaluations:
        return f"{config.evaluations:,} scorings done"
    if config.generations is not None and done.generation >= config.generations:
        return f"{config.generations:,} generations done"
    if config.minutes is not None and done.seconds >= config.minutes * 60.0:
        return f"{config.minutes:g} minutes over"
    return None


def _viewer(
    stage: Stage, folder: RunFolder, live: Live, window: bool, say: Say
) -> Callable[[], None]:
    """The window's or the progress bar's main loop."""
    label = stage.objective.label
    if window:
        from evonsfw.window import Window

        view = View(stage.config.encoding, stage.config.canvas, label)
        try:
            return Window(live, view, lambda moment: _save(folder, moment)).run
        except RuntimeError as error:
            say(f"{error}; going on without")
    return lambda: progress.show_progress(live, stage.config, label)


def _save(folder: RunFolder, moment: Snapshot) -> str:
    """Keep the picture on show, as PNG and SVG; returns what to tell."""
    number, best = moment.generation.number, moment.generation.best_so_far
    path = folder.path / f"saved_{number:05d}.png"
    try:
        folder.write_picture(path, best, number)
        artwork = folder.artwork(best, number)
        svg.write(path.with_suffix(".svg"), artwork, folder.config.canvas)
    except OSError as error:
        return f"not saved: {error.strerror}"
    return f"saved {path.name}"


@contextmanager
def _signals(live: Live) -> Iterator[None]:
    """Ctrl-C and SIGTERM end the run cleanly; a second Ctrl-C ends it at once."""

    def handle(number: int, _frame: FrameType | None) -> None:
        if live.stopped_by_hand:
            signal.signal(signal.SIGINT, signal.default_int_handler)
        name = "Ctrl-C" if number == signal.SIGINT else signal.Signals(number).name
        live.stop(f"stopped by {name}", by_hand=True)

    kinds = (signal.SIGINT, signal.SIGTERM)
    before = {kind: signal.signal(kind, handle) for kind in kinds}
    try:
        yield
    finally:
        for kind, handler in before.items():
            signal.signal(kind, handler)


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
    say(f"{folder.best}: {stage.objective.label} {score_on_disk(stage, folder.best):.6f}")


def score_on_disk(stage: Stage, path: Path) -> float:
    """The score of a picture file: by the reference pipeline, or its RMSE to the target."""
    if stage.referee is not None:
        probabilities = stage.referee.score_image(open_picture(path, "picture"))
        return float(stage.objective.scores(probabilities[None])[0])
    picture = np.asarray(open_picture(path, "picture").convert("RGB"))
    return float(stage.objective.scores(picture[None])[0])


def _extended(config: RunConfig, more: dict[str, Any], state: dict[str, Any] | None) -> RunConfig:
    """The settings with further ends: `more` counts from where the run stands, and the ends
    that the run has come to give way to it.
    """
    changes = {key: value for key, value in more.items() if value is not None}
    done = {
        "generations": state["generation"] if state else 0,
        "evaluations": state["evaluations"] if state else 0,
        "minutes": state["seconds"] / 60.0 if state else 0.0,
    }
    further = {key: done[key] + changes[key] for key in done if key in changes}
    if further or "until" in changes:
        for key, amount in done.items():
            end = getattr(config, key)
            further.setdefault(key, None if end is not None and amount >= end else end)
        if state and config.until is not None and _was_reached(config, state["best_score"]):
            further["until"] = None
    return make_config({**config.to_dict(), **further, **_others(changes, done)})


def _others(changes: dict[str, Any], done: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in changes.items() if key not in done}


def _was_reached(config: RunConfig, score: float) -> bool:
    """Whether a score is as good as the settings' `until`."""
    assert config.until is not None
    target = np.zeros((1, 1, 3), np.uint8)
    goal = Goal(target_score=config.target_score, target=target)
    return load_objective(config.goal_name).build(goal).reached(score, config.until)


def _place(stage: Stage) -> str:
    """Where the work is done, in words."""
    workers = stage.config.workers
    count = usable_cores() if workers is None else workers
    hands = f"{count} worker{'s' if count != 1 else ''}" if count else "no workers"
    if stage.referee is None:
        return f"{hands}, no classifier"
    chosen = " (chosen by auto)" if stage.config.device == "auto" else ""
    return f"classifier {stage.referee.spec.name} on {stage.device}{chosen}, {hands}"
