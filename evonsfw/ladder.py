"""`evonsfw ladder`: a series of pictures, each a rung further, from a score of 0 to one of 1.

One picture is moved along. First it climbs to the highest rung and from there down to the lowest;
then each rung goes an equal part of the way that is left to the highest, and from there to its
own score: so neighbours differ visibly, and about equally. To its score it goes by the gradient
until one picture is below and another above, and then by halving the line between these two.
"""

from __future__ import annotations

import datetime
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path
from types import FrameType
from typing import Any

import numpy as np

from evonsfw.classifier import REFERENCE
from evonsfw.climbing import Climb, Climbing, Found, race
from evonsfw.composition import compose
from evonsfw.config import RunConfig, make_config
from evonsfw.generation import Champion, read_only
from evonsfw.genome import Genome
from evonsfw.pipeline import Job
from evonsfw.runs import RunFolder, require_new
from evonsfw.stage import Stage, complete, place, set_up
from evonsfw.telling import Say
from evonsfw.whole_file import whole_file

TOLERANCE = 0.001
"""How far from its target a rung's score may be, on disk."""
RUNG_EVALUATIONS = 1_000
"""Scorings after which a rung is given up, where none are given."""
FOUNDERS = 8
"""Composed pictures that race to the highest rung; the first one there is moved along."""
STEPS = (2, 1_001)
"""Fewest and most rungs: with more, neighbours would be nearer than the tolerance."""
TABLE, COLUMNS = "ladder.csv", "file,target,score,scorings"
TAKEN = (
    *("objective", "target", "weight", "target_score", "until", "until_rmse", "search"),
    *("population", "generations", "minutes", "robust", "fewest", "pareto", "workers", "backend"),
    *("device", "every", "from_"),
)
"""Settings that have no meaning here."""


@dataclass(frozen=True)
class Rung:
    """One picture of the series.

    Attributes:
        number: its place, from 0.
        target: the score asked for.
        found: the picture, and its score.
        scorings: what it took, that of its file included; the highest rung has those of the race.
    """

    number: int
    target: float
    found: Found
    scorings: int

    @property
    def reached(self) -> bool:
        """Whether it is near enough to its target."""
        return abs(self.found.score - self.target) <= TOLERANCE


def make_ladder(config: RunConfig, steps: int, out: Path | None, command: str, say: Say) -> bool:
    """Make a ladder's folder; Ctrl-C or SIGTERM ends it and keeps the rungs that are finished.

    Args:
        config: settings; `evaluations` are for each rung, what is left open is filled in.
        steps: rungs, those of 0 and 1 included.
        out: the folder, or None for one in runs/.
        command: the command line, for the folder.
        say: prints one line.

    Returns:
        whether there are all rungs, each within `TOLERANCE` on disk.

    Raises:
        ValueError: a setting has no meaning here; nothing has been written.
    """
    stage = set_up(_settings(config, steps))
    path = out if out is not None else Path("runs") / _name(stage.config)
    require_new(path)
    say(f"seed {stage.config.seed}, {place(stage)}")
    path.mkdir(parents=True)
    ladder = Ladder(stage, steps, path, say)
    ladder.write_table()
    ladder.folder.write_config()
    (path / "command.txt").write_bytes((command + "\n").encode("utf-8", "surrogateescape"))
    try:
        with _sigterm_interrupts():
            ladder.climb()
    except KeyboardInterrupt as stop:
        say(f"stopped by {stop.args[0] if stop.args else 'Ctrl-C'}")
    hits = sum(rung.reached for rung in ladder.rungs)
    say(
        f"{path}: {hits} of {steps} rungs within {TOLERANCE:g} on disk, "
        f"{ladder.scorings:,} scorings"
    )
    return hits == steps


def require_no_ladder(path: Path) -> None:
    """Raise ValueError where a folder is a ladder's: it has no checkpoint to go on from."""
    if (path / TABLE).is_file():
        raise ValueError(
            f"run folder {path}: it is a ladder's, which cannot be resumed; begin anew, by the "
            f"words in {path / 'command.txt'} with another --out"
        )


@contextmanager
def _sigterm_interrupts() -> Iterator[None]:
    """SIGTERM does as Ctrl-C does."""

    def interrupt(number: int, _frame: FrameType | None) -> None:
        raise KeyboardInterrupt(signal.Signals(number).name)

    before = signal.signal(signal.SIGTERM, interrupt)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _settings(config: RunConfig, steps: int) -> RunConfig:
    """Complete settings, those of the lowest rung."""
    if not STEPS[0] <= steps <= STEPS[1]:
        raise ValueError(f"steps = {steps}: expected {STEPS[0]} to {STEPS[1]:,}")
    default = make_config({})
    for name in TAKEN:
        if getattr(config, name) != getattr(default, name):
            word = name.rstrip("_").replace("_", "-")
            raise ValueError(f"a ladder has no use for --{word}: leave it out")
    own: dict[str, Any] = {"objective": "lowest", "until": TOLERANCE, "search": "auto"}
    own |= {"workers": 0, "backend": REFERENCE}
    if config.evaluations is None:
        own["evaluations"] = RUNG_EVALUATIONS
    return complete(make_config({**config.to_dict(), **own}))


def _name(config: RunConfig) -> str:
    time = datetime.datetime.now().strftime("%Y%m%d-%H%M%S")
    return f"{time}_ladder_{'+'.join(config.shapes)}-{config.n}_s{config.seed}"


class Ladder:
    """The series as it is made.

    Args:
        stage: the settings and classifier of the lowest rung.
        steps: how many rungs.
        path: the folder, which is there.
        say: prints one line.

    Attributes:
        folder: writes the pictures.
        rungs: those that are finished, in the order of their scores.
    """

    def __init__(self, stage: Stage, steps: int, path: Path, say: Say) -> None:
        self.folder = RunFolder(path, stage.config, stage.classifier_hash)
        self.rungs: list[Rung] = []
        self._stage = stage
        self._last = steps - 1
        self._say = say
        self._climbing = Climbing(stage)

    @property
    def scorings(self) -> int:
        """Spent so far."""
        return self._climbing.scorings

    def climb(self) -> None:
        """Make all rungs: the highest, the lowest, then those between."""
        limit = self._limit()
        top = self._rung(self._last, self._first(limit), limit).found.genome
        here = self._rung(0, top, self._limit()).found.genome
        for number in range(1, self._last):
            here = here + (top - here) / np.float32(self._last + 1 - number)
            here = self._rung(number, here, self._limit()).found.genome

    def _limit(self) -> int:
        """The count of scorings after which a rung that begins here is given up."""
        most = self._stage.config.evaluations
        assert most is not None
        return self.scorings + most

    def _first(self, end: int) -> Genome:
        """Of composed pictures, the one that is first at the highest rung, or nearest to it when
        the count of scorings comes to `end`.
        """
        rng = np.random.default_rng(self._stage.config.seed)
        job = self._goal(1.0)
        founders = self._climbing.score(job, list(compose(job.encoding, rng, FOUNDERS)))
        founders.sort(key=lambda one: -one.fitness)

        def back(climb: Climb, scorings: int) -> bool:
            limit = min(end, self.scorings + scorings)
            while not _hit([climb.best], 1.0) and self.scorings < limit:
                climb.step()
            return _hit([climb.best], 1.0)

        first, _ = race([Climb(self._climbing, job, [one]) for one in founders], back)
        return first.best.genome

    def _rung(self, number: int, start: Genome, limit: int) -> Rung:
        """Move a picture to a rung's score, write it, and say what is on disk."""
        target = number / self._last
        found = self._moved(self._goal(target), target, start, limit)
        config = self._config(target)
        path = self.folder.path / self._file(number, target)
        folder = RunFolder(self.folder.path, config, self._stage.classifier_hash)
        champion = Champion(read_only(found.genome), found.fitness, found.score, number)
        folder.write_picture(path, champion)
        found = replace(found, score=self._climbing.score_file(path))
        folder.write_picture(path, replace(champion, score=found.score))
        spent = self.scorings - sum(one.scorings for one in self.rungs)
        rung = Rung(number, target, found, spent)
        self.rungs = sorted([*self.rungs, rung], key=lambda one: one.number)
        self.write_table()
        missed = "" if rung.reached else f": missed, by {abs(found.score - target):.4f}"
        self._say(f"{path}: {self._stage.wish.label} {found.score:.6f}{missed}")
        return rung

    def _moved(self, job: Job, target: float, start: Genome, limit: int) -> Found:
        """From a picture to the nearest that has a score, or that was seen until the count of
        scorings came to `limit`.
        """
        seen = self._climbing.score(job, [start])
        climb = Climb(self._climbing, job, seen)
        while not _hit(seen, target) and self.scorings < limit:
            seen += climb.step()
            between = _bracket(seen, target)
            if between is not None and not _hit(seen, target):
                seen += self._halved(job, target, between, limit)
        return min(seen, key=lambda one: abs(one.score - target))

    def _halved(
        self, job: Job, target: float, ends: tuple[Found, Found], limit: int
    ) -> list[Found]:
        """Those found by halving the line between two pictures, one below and one above."""
        seen: list[Found] = []
        below, above = ends
        while not _hit(seen, target) and self.scorings < limit:
            middle = (below.genome + above.genome) / np.float32(2.0)
            if np.array_equal(middle, below.genome) or np.array_equal(middle, above.genome):
                break
            seen += self._climbing.score(job, [middle])
            if seen[-1].score < target:
                below = seen[-1]
            else:
                above = seen[-1]
        return seen

    def _config(self, target: float) -> RunConfig:
        """A rung's settings: those with which a run would look for the same."""
        own: dict[str, Any] = {"objective": "highest", "until": 1.0 - TOLERANCE}
        if target < 1.0:
            own = {"objective": "target-score", "target_score": target, "until": TOLERANCE}
        if target > 0.0:
            return make_config({**self._stage.config.to_dict(), **own})
        return self._stage.config

    def _goal(self, target: float) -> Job:
        """A rung's job; 0 and 1 are the lowest and the highest score."""
        config, job = self._config(target), self._climbing.job
        goal = replace(job.goal, target_score=config.target_score)
        return replace(job, objective=config.goal_name, goal=goal)

    def _file(self, number: int, target: float) -> str:
        return f"{number:0{max(2, len(str(self._last)))}}_{target:.3f}.png"

    def write_table(self) -> None:
        """ladder.csv, with the rungs that are finished."""
        rows = [
            f"{self._file(rung.number, rung.target)},{rung.target:.6g},"
            f"{rung.found.score:.6f},{rung.scorings}"
            for rung in self.rungs
        ]
        with whole_file(self.folder.path / TABLE) as draft:
            draft.write_text("\n".join([COLUMNS, *rows]) + "\n", encoding="utf-8")


def _hit(seen: list[Found], target: float) -> bool:
    return any(abs(one.score - target) <= TOLERANCE for one in seen)


def _bracket(seen: list[Found], target: float) -> tuple[Found, Found] | None:
    """The last two that were seen one after the other, one below the target and one above it."""
    for one, other in reversed(list(pairwise(seen))):
        if min(one.score, other.score) < target < max(one.score, other.score):
            return (one, other) if one.score < target else (other, one)
    return None
