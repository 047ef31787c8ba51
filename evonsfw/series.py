"""`--seeds`: one run for each of several seeds, side by side in one folder, and what they came to.

Every run is a process of its own that scores within itself, so as many run at a time as there are
cores, and one that fails takes no other with it. A run of a series is the run of its seed alone.
"""

from __future__ import annotations

import datetime
import math
import multiprocessing
import re
import signal
import sys
import threading
from collections import Counter, deque
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait
from multiprocessing.context import SpawnProcess
from pathlib import Path
from types import FrameType
from typing import Any

import yaml

import evonsfw
from evonsfw.config import FORMAT, SERIES, RunConfig, make_config
from evonsfw.cores import usable_cores
from evonsfw.fewest import check_fewest
from evonsfw.founding import founded, founder
from evonsfw.genome import genome_hash
from evonsfw.launch import AtItsEndError, resume_run, start_run
from evonsfw.logbook import Logbook
from evonsfw.provenance import read_provenance
from evonsfw.runs import require_new
from evonsfw.series_index import Result, lines, page, ranked, table
from evonsfw.stage import Stage, complete, score_on_disk, set_up, without_gradients
from evonsfw.strict_yaml import read_yaml
from evonsfw.telling import Say
from evonsfw.whole_file import whole_file

MOST = 10_000
"""Runs of a series, at most."""
TURN = 0.2
"""Seconds between looks for a signal."""
TABLE, PAGE = "summary.csv", "index.html"


def parse_seeds(text: str) -> list[int]:
    """Take "0..9", "3,5,8", "7" or "0..4,9" to seeds in that order.

    Raises:
        ValueError: none of these, one twice, too large, or more than `MOST`.
    """
    seeds: list[int] = []
    for part in text.split(","):
        ends = re.fullmatch(r"\s*(\d{1,10})\s*(?:\.\.\s*(\d{1,10})\s*)?", part, re.ASCII)
        if ends is None:
            raise ValueError(f"seeds '{text[:80]}': expected seeds as in 0..9, or 3,5,8")
        first, last = int(ends[1]), int(ends[2] or ends[1])
        if last < first:
            raise ValueError(f"seeds '{text[:80]}': {first}..{last} is empty: give {last}..{first}")
        if last >= 2**32:
            raise ValueError(
                f"seeds '{text[:80]}': {last} is too large: expected at most {2**32 - 1}"
            )
        if len(seeds) + last - first >= MOST:
            raise ValueError(f"seeds '{text[:80]}': expected at most {MOST:,} runs")
        seeds += range(first, last + 1)
    twice = [seed for seed, count in Counter(seeds).items() if count > 1]
    if twice:
        raise ValueError(f"seeds '{text[:80]}': {twice[0]} is there twice: leave one out")
    return seeds


def run_series(config: RunConfig, seeds: str, out: Path | None, command: str, say: Say) -> bool:
    """Run a series to its end; Ctrl-C or SIGTERM ends its runs cleanly.

    Args:
        config: settings of every run but for the seed; `workers` is how many run at a time.
        seeds: as `parse_seeds` takes them.
        out: the folder, or None for one in runs/.
        command: the command line, for the folder.
        say: prints one line.

    Returns:
        whether none failed.

    Raises:
        ValueError: the settings or the folder do not work out; nothing has been written.
    """
    numbers = parse_seeds(seeds)
    stage = _checked(config, numbers[0])
    path = out if out is not None else Path("runs") / _name(stage.config)
    require_new(path)
    path.mkdir(parents=True)
    (path / "command.txt").write_bytes((command + "\n").encode("utf-8", "surrogateescape"))
    content = {"format": FORMAT, "version": evonsfw.__version__, "seeds": seeds}
    content["settings"] = _anywhere(config)
    with whole_file(path / SERIES) as draft:
        draft.write_text(yaml.safe_dump(content, sort_keys=False), encoding="utf-8")
    return _Series(config, numbers, path, command, {}, stage, say).run()


def resume_series(path: Path, more: dict[str, Any], say: Say) -> bool:
    """Go on with the runs of a series that are not at their end, and begin those that are missing.

    Args:
        path: the series' folder.
        more: as `launch.resume_run` takes it, for every run.
        say: prints one line.

    Returns:
        whether none failed.

    Raises:
        ValueError: series.yaml is damaged or a newer version's.
    """
    content = read_yaml(path / SERIES, "series")
    if not isinstance(content.get("format"), int) or content["format"] > FORMAT:
        raise ValueError(f"series {path / SERIES}: made by a newer evonsfw: update evonsfw")
    settings, seeds = content.get("settings"), content.get("seeds")
    if not isinstance(settings, dict) or not isinstance(seeds, str | int):
        raise ValueError(f"series {path / SERIES}: expected `seeds` and `settings` in it")
    config, numbers = make_config(settings), parse_seeds(str(seeds))
    command = f"evonsfw resume {path}"
    stage = _checked(config, numbers[0])
    return _Series(config, numbers, path, command, more, stage, say).run()


@dataclass
class _Run:
    """A run that is on."""

    seed: int
    process: SpawnProcess
    pipe: Connection
    failure: str = ""
    told: bool = False


class _Series:
    """The runs as they begin and end."""

    def __init__(
        self,
        config: RunConfig,
        seeds: Sequence[int],
        path: Path,
        command: str,
        more: dict[str, Any],
        stage: Stage,
        say: Say,
    ) -> None:
        self._config, self._seeds, self._path = config, seeds, path
        self._command, self._more = command, more
        self._stage, self._say = stage, say
        self._waiting = deque(seeds)
        self._running: list[_Run] = []
        self._results: list[Result] = []
        self._stopped = ""
        self._at_once = min(len(seeds), config.workers or usable_cores())

    def run(self) -> bool:
        """Run all; write and tell what they came to."""
        self._say(
            f"{self._path}: {len(self._seeds)} runs, {self._at_once} at a time"
            f"{without_gradients(self._config)}"
        )
        try:
            with self._signals():
                while self._running or (self._waiting and not self._stopped):
                    self._begin()
                    self._look()
        finally:
            self._stop()
        self._tell()
        return not any(result.failure for result in self._results)

    def _begin(self) -> None:
        """Have as many runs on as may be."""
        while self._waiting and not self._stopped and len(self._running) < self._at_once:
            seed = self._waiting.popleft()
            ours, theirs = multiprocessing.Pipe()
            folder = self._path / _folder(seed)
            config = _of_seed(self._config, seed)
            arguments = (config, folder, self._command, self._more, theirs)
            process = multiprocessing.get_context("spawn").Process(target=_one, args=arguments)
            with _deaf():
                process.start()
            theirs.close()
            self._running.append(_Run(seed, process, ours))

    def _look(self) -> None:
        """Wait a little for runs to end; hand on a signal."""
        ready = wait([run.pipe for run in self._running], TURN)
        for run in [run for run in self._running if run.pipe in ready]:
            try:
                run.failure, run.told = str(run.pipe.recv()), True
            except (EOFError, OSError):
                self._running.remove(run)
                self._end(run)
        if self._stopped:
            self._call_off()

    def _call_off(self) -> None:
        """Tell every run that is on to end."""
        for run in self._running:
            with suppress(OSError):
                run.pipe.send("end")

    def _stop(self) -> None:
        """Leave no run behind, whatever went wrong here."""
        self._call_off()
        for run in self._running:
            run.process.join()

    def _end(self, run: _Run) -> None:
        """Note what a run came to, and tell it."""
        run.process.join()
        code = run.process.exitcode
        if not run.told and not self._stopped:
            run.failure = f"its process ended with exit code {code}"
        result = _result(self._stage, self._path, run.seed, run.failure)
        self._results.append(result)
        count = f"({len(self._results)} of {len(self._seeds)})"
        if result.failure:
            self._say(f"seed {run.seed}: failed: {result.failure} {count}")
        elif result.score is not None:
            score = f"{self._stage.wish.label} {result.score:.6f}"
            self._say(f"seed {run.seed}: {score}, {result.evaluations:,} scorings {count}")

    def _tell(self) -> None:
        """The page, the table, and the last lines."""
        results, label = self._results, self._stage.wish.label
        title = _title(self._stage.config, label)
        _write(self._path / TABLE, table(results))
        _write(self._path / PAGE, page(results, label, title, self._stage.config.canvas))
        if any(result.score is not None for result in results):
            for line in lines(results, label):
                self._say(line)
        if self._stopped:
            self._say(f"stopped by {self._stopped}; go on with: evonsfw resume {self._path}")
        self._say(f"{self._path / PAGE}: {len(ranked(results))} runs")

    @contextmanager
    def _signals(self) -> Iterator[None]:
        """Ctrl-C and SIGTERM end all runs cleanly."""

        def handle(number: int, _frame: FrameType | None) -> None:
            self._stopped = "Ctrl-C" if number == signal.SIGINT else signal.Signals(number).name

        kinds = (signal.SIGINT, signal.SIGTERM)
        before = {kind: signal.signal(kind, handle) for kind in kinds}
        try:
            yield
        finally:
            for kind, handler in before.items():
                signal.signal(kind, handler)


@contextmanager
def _deaf() -> Iterator[None]:
    """A process that starts within this hears no Ctrl-C until its run listens for it."""
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


def _one(
    config: RunConfig, path: Path, command: str, more: dict[str, Any], pipe: Connection
) -> None:
    """One run, in a process of its own: begun, or gone on with; then what went wrong is sent."""
    sys.stdout = None  # a run among several shows no progress
    threading.Thread(target=_heed, args=(pipe,), daemon=True).start()
    failure = ""
    try:
        if path.exists():
            resume_run(path, {**more, "workers": 0}, False, _keep_quiet)
        else:
            start_run(config, path, command, False, _keep_quiet)
    except AtItsEndError:
        pass
    except (ValueError, OSError, RuntimeError) as error:
        failure = " ".join(str(error).split()) or type(error).__name__
    with suppress(OSError):  # the series may be gone
        pipe.send(failure)


def _heed(pipe: Connection) -> None:
    """End the run when the series says so, or is gone."""
    with suppress(EOFError, OSError):
        pipe.recv()
    signal.raise_signal(signal.SIGTERM)


def _keep_quiet(_line: str) -> None:
    """Say nothing."""


def _checked(config: RunConfig, seed: int) -> Stage:
    """The stage of the first run: what does not work out for it works out for none."""
    own = _of_seed(config, seed)
    first = founder(own)
    stage = set_up(complete(own))
    if first is not None:
        stage, _ = founded(stage, own, first)
    check_fewest(stage.config)
    return stage


def _of_seed(config: RunConfig, seed: int) -> RunConfig:
    """The settings of one run, as they would be given for it alone."""
    given = config.model_dump(mode="json", by_alias=True, exclude_unset=True)
    return make_config({**given, "seed": seed, "workers": 0})


def _anywhere(config: RunConfig) -> dict[str, Any]:
    """The settings that were given; files that they name are found from any folder."""
    given = config.model_dump(mode="json", by_alias=True, exclude_unset=True)
    for key in ("target", "weight", "from"):
        if given.get(key) is not None:
            given[key] = str(Path(given[key]).absolute())
    if "classifier" in given:
        names = (
            Path(name).absolute() if Path(name).is_file() else name for name in config.classifiers
        )
        given["classifier"] = ",".join(map(str, names))
    return given


def _result(stage: Stage, path: Path, seed: int, failure: str) -> Result:
    """What is on disk of a run."""
    folder = path / _folder(seed)
    best = folder / "best.png"
    rows = Logbook(folder, stage.config.encoding.length).rows() if folder.is_dir() else ()
    found = read_provenance(best) if best.is_file() else None
    if not rows or found is None:
        return Result(seed, folder.name, None, -math.inf, 0, 0, 0.0, "", failure)
    last = rows[-1]
    return Result(
        seed,
        folder.name,
        score_on_disk(stage, best),
        max(row.best_fitness for row in rows),
        last.generation,
        last.evaluations,
        last.seconds,
        genome_hash(found.genome),
        failure,
    )


def _write(path: Path, text: str) -> None:
    with whole_file(path) as draft:
        draft.write_text(text, encoding="utf-8")


def _folder(seed: int) -> str:
    return f"s{seed:05d}"


def _title(config: RunConfig, label: str) -> str:
    goal = config.goal_name if label in config.goal_name else f"{config.goal_name} {label}"
    return f"{config.n} {' and '.join(config.shapes)}: {goal}"


def _name(config: RunConfig) -> str:
    time = datetime.datetime.now().strftime("%Y%m%d-%H%M%S")
    return f"{time}_series_{config.goal_word}_{'+'.join(config.shapes)}-{config.n}"
