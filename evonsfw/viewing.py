"""Who looks at a run: its window or its progress bar, and what the window can do to the run.

Nothing here brings the classifier along, so that a run can be looked at without.
"""

from __future__ import annotations

import math
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from types import FrameType
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from evonsfw import progress
from evonsfw.exporters import png, svg
from evonsfw.generation import Champion, Generation
from evonsfw.genome import Genome, genome_hash
from evonsfw.likes import Like, all_likes, toggle_like
from evonsfw.live import Branch, Live
from evonsfw.moment import SHAPES, Chart, Look, Moment, Shown, View
from evonsfw.past import Past
from evonsfw.runs import RunFolder
from evonsfw.telling import Say
from evonsfw.weigher import Weigher

if TYPE_CHECKING:
    from evonsfw.pipeline import Pipeline
    from evonsfw.stage import Stage

REFRESH_SECONDS = 0.25
"""How often the run folder is looked at, at most."""


class Newest(NamedTuple):
    """How far a run has come.

    Attributes:
        shown: the newest generation.
        rate: scorings per second.
        finished: whether it is over.
        population: genomes, best first; empty where they are not known.
        scores: of the population; empty where they are not known.
    """

    shown: Shown
    rate: float
    finished: bool
    population: tuple[Genome, ...] = ()
    scores: tuple[float, ...] = ()


class Visit:
    """A run that is looked at: a `painter.Subject`, whatever it is that runs.

    Args:
        folder: the run's.
        live: for messages; a branch ends it.
        weigher: says what shapes contribute.
        newest: how far the run has come; None for not yet anywhere.
    """

    def __init__(
        self,
        folder: RunFolder,
        live: Live,
        weigher: Weigher,
        newest: Callable[[], Newest | None],
    ) -> None:
        self.folder, self.past = folder, Past(folder.path, folder.config.encoding.length)
        self._live, self._weigher, self._newest = live, weigher, newest
        self._cursor: int | None = None
        self._held: Moment | None = None
        self._likes: list[Like] = []
        self._looked = -math.inf
        self._disk = threading.RLock()
        self._read_likes()

    def moment(self, look: Look) -> Moment | None:
        """What there is to show."""
        with self._disk:
            self._refresh(REFRESH_SECONDS)
            return self._moment(look)

    def seek(self, number: int | None) -> None:
        """Go to a generation; None for the newest."""
        self._held, self._cursor = None, number

    def hold(self, moment: Moment | None) -> None:
        """Keep a moment's generation and population on show."""
        self._held = moment

    def pause(self) -> None:
        """Hold the run, or let it go on."""
        if not self._live.finished.is_set():
            self._live.toggle_pause()

    def step(self) -> None:
        """One generation."""
        if not self._live.finished.is_set():
            self._live.step()

    def keep_every(self, count: int) -> str:
        """Write the best picture of every so many generations from then on."""
        self.folder.every = count
        every = "every generation" if count == 1 else f"every {count} generations"
        return f"keeping the best picture of {every}"

    def save(self, shown: Shown) -> str:
        """Write PNG and SVG into the run folder."""
        try:
            return f"saved {self._save(shown)} and .svg"
        except (OSError, ValueError) as error:
            return f"not saved: {_reason(error)}"

    def like(self, shown: Shown) -> str:
        """List it in likes.yaml, or no longer; an individual is saved too, for nothing else
        would keep it.
        """
        code = genome_hash(shown.genome)
        try:
            known = any(like.genome_sha256 == code for like in all_likes(self.folder.path))
            picture = "" if known or self._leader(shown) else self._save(shown)
            like = Like(shown.number, self._scored(shown).score, code, picture)
            liked = toggle_like(self.folder.path, like)
            self._likes = all_likes(self.folder.path)
        except (OSError, ValueError) as error:
            return f"not noted: {_reason(error)}"
        return f"generation {shown.number}: {'liked' if liked else 'no longer liked'}"

    def branch(self, shown: Shown) -> str:
        """End the run, and begin a new one with what is on show."""
        try:
            shown = self._scored(shown)
        except (OSError, ValueError) as error:
            return f"no branch: {_reason(error)}"
        self._live.branch_off(Branch(shown.genome, shown.number, shown.score))
        return f"branching off at generation {shown.number}"

    def close(self) -> None:
        """End the thread that weighs shapes."""
        self._weigher.close()

    def _moment(self, look: Look) -> Moment | None:
        newest = self._newest()
        if newest is None:
            return None
        held = self._held
        shown = held.shown if held else self._scrubbed(newest) or newest.shown
        shown = self._with_like(self._with_score(shown))
        if look.mode == SHAPES:
            self._weigher.weigh(shown.genome)
        else:
            self._weigher.give_up()
        return Moment(
            generation=newest.shown.number,
            evaluations=newest.shown.evaluations,
            rate=newest.rate,
            paused=self._live.paused,
            finished=newest.finished,
            message=self._live.message,
            shown=replace(shown, past=shown.past or held is not None),
            chart=self._chart(newest.shown),
            thumbnails=self.past.thumbnails(last=newest.finished),
            population=held.population if held else newest.population,
            scores=held.scores if held else newest.scores,
            liked=frozenset(like.generation for like in self._likes if not like.picture),
            contributions=self._weigher.state,
            every=self.folder.every,
        )

    def _refresh(self, seconds: float) -> None:
        """Look at the folder, unless that was just done."""
        if time.monotonic() - self._looked < seconds:
            return
        try:
            self.past.refresh()
        except OSError as error:
            self._live.say(f"run folder {self.folder.path}: {error.strerror}")
        self._looked = time.monotonic()

    def _scrubbed(self, newest: Newest) -> Shown | None:
        """The generation that was gone back to; None for the newest, or where it is not there."""
        number = self._cursor
        if number is None or number >= newest.shown.number:
            return None
        if number > len(self.past):
            self._refresh(0.0)
        try:
            if self.past.problem:
                raise ValueError(self.past.problem)
            return self.past.shown(min(number, len(self.past))) if len(self.past) else None
        except (OSError, ValueError) as error:
            self._live.say(_reason(error))
            self._cursor = None
            return None

    def _chart(self, newest: Shown) -> Chart:
        """The graph, up to the newest generation, which may not be on the disk yet."""
        chart = self.past.chart()
        if chart is not None and chart.numbers[-1] >= newest.number:
            return chart
        last = np.array([newest.number]), np.array([newest.score]), np.array([newest.mean_score])
        if chart is None:
            return Chart(*last, newest.near)
        known = chart.numbers, chart.best, chart.mean
        numbers, best, mean = (np.append(*pair) for pair in zip(known, last, strict=True))
        return Chart(numbers, best, mean, newest.near)

    def _read_likes(self) -> None:
        try:
            self._likes = all_likes(self.folder.path)
        except ValueError as error:
            self._live.say(str(error))

    def _with_like(self, shown: Shown) -> Shown:
        code = genome_hash(shown.genome)
        return replace(shown, liked=any(like.genome_sha256 == code for like in self._likes))

    def _with_score(self, shown: Shown) -> Shown:
        """With its score by the reference, once it is known."""
        if not math.isnan(shown.score):
            return shown
        return replace(shown, score=self._weigher.score_soon(shown.genome))

    def _leader(self, shown: Shown) -> int:
        """The generation that a picture was first the best of; 0 for one that never was."""
        with self._disk:
            self._refresh(0.0)
            if not 1 <= shown.number <= len(self.past):
                return 0
            found = self.past.shown(shown.number).genome
            return self.past.leader(shown.number) if np.array_equal(found, shown.genome) else 0

    def _scored(self, shown: Shown) -> Shown:
        """With its score by the reference, where it is not known; it may bring the classifier."""
        if not math.isnan(shown.score):
            return shown
        return replace(shown, score=self._weigher.score(shown.genome))

    def _save(self, shown: Shown) -> str:
        """PNG and SVG, at the size that was scored; the PNG's name.

        One of the population is named by its genome too, so that two of a generation have room.
        """
        leader = self._leader(shown)
        shown = self._scored(shown)
        word = "" if leader or not shown.past else f"_{genome_hash(shown.genome)[:8]}"
        path = self.folder.path / f"saved_{shown.number:05d}{word}.png"
        champion = Champion(shown.genome, math.nan, shown.score, leader or shown.number)
        artwork = self.folder.artwork(champion)
        artwork = replace(artwork, contributions=self._weigher.known(shown.genome))
        png.write(path, artwork, self.folder.config.canvas)
        svg.write(path.with_suffix(".svg"), artwork, self.folder.config.canvas)
        return path.name


def viewer(
    stage: Stage, folder: RunFolder, live: Live, window: bool, say: Say
) -> Callable[[], None]:
    """The main loop of the window, or of the progress bar where there is to be none.

    Args:
        stage: the run's.
        folder: where it is written.
        live: the run.
        window: whether to open a window; it is open when this returns.
        say: prints one line.
    """
    if window:
        from evonsfw.window import Window

        config = stage.config
        weigher = Weigher(lambda: _reference(stage), config.encoding, config.canvas)
        visit = Visit(folder, live, weigher, lambda: _newest(live))
        view = View(config.encoding, config.canvas, stage.label, config.seed)
        try:
            return Window(live, view, visit).run
        except RuntimeError as error:
            say(f"{error}; going on without")
    return lambda: progress.show_progress(live, stage.config, stage.label)


@contextmanager
def ended_by_signals(live: Live) -> Iterator[None]:
    """Ctrl-C and SIGTERM end the run cleanly; from the third on, Ctrl-C ends it at once."""

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


def _reference(stage: Stage) -> Pipeline:
    """A reference pipeline of its own: the stage's is in use in the loop's thread."""
    from evonsfw.classifier import REFERENCE
    from evonsfw.pipeline import Pipeline

    return Pipeline(replace(stage.job, backend=REFERENCE, files=(), gradient=False))


def _newest(live: Live) -> Newest | None:
    snapshot = live.snapshot()
    if snapshot is None:
        return None
    generation = snapshot.generation
    order = np.argsort(-generation.fitness, kind="stable")
    scores = generation.scores[order].tolist() if len(generation.scores) else []
    population = tuple(generation.genomes[order])
    finished = live.finished.is_set()
    return Newest(_shown(generation), snapshot.rate, finished, population, tuple(scores))


def _shown(generation: Generation) -> Shown:
    best, figures = generation.best_so_far, (generation.evaluations, generation.seconds)
    near = generation.rescored > 0
    return Shown(
        generation.number, best.genome, best.score, generation.mean_score, *figures, near=near
    )


def _reason(error: Exception) -> str:
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    return " ".join(str(error).split())
