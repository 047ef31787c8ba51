"""`evonsfw show` and `evonsfw replay`: a run folder in the window, without the classifier."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from evonsfw.chronicle import CLASSIFIER, LABEL, Chronicle
from evonsfw.exporters import Artwork
from evonsfw.film import Timetable
from evonsfw.live import Live
from evonsfw.moment import Shown, View
from evonsfw.runs import RunFolder
from evonsfw.telling import Say
from evonsfw.viewing import Newest, Visit, ended_by_signals
from evonsfw.weigher import Weigher

if TYPE_CHECKING:
    from evonsfw.pipeline import Pipeline

RUNNING_SECONDS = 10.0
"""A run that has written nothing for so long counts as over."""
LOOKING = 0.05
"""Of a core, about what frames of a run that goes on elsewhere may take: somebody wants to look."""
FILM_FRAMES = 30.0
"""Frames a second of a film, at most."""
LONGEST_FRAME = 0.5
"""Seconds that a film moves on by between two frames at most: it waits for a slow window."""
FINENESS = 1e-3
"""Share of a film: that near, a generation is found in it."""
ONLOOKER = "this window only looks: that is for the window that a run has itself"


def show_run(path: Path, say: Say) -> None:
    """Open a run in the window, finished or still running; then branches, where there are any.

    Args:
        path: the run folder.
        say: prints one line.

    Raises:
        ValueError: it is no run's folder, no generation is finished, or an older evonsfw made it.
        RuntimeError: no window can be opened here.
    """
    run = _Run(path)
    _open(run, Onlooker(run), say, {"share": LOOKING})


def replay_run(path: Path, seconds: float, say: Say) -> None:
    """Play a run as a film in the window; its last picture stays until somebody closes it.

    Args:
        path: the run folder.
        seconds: how long the film is.
        say: prints one line.

    Raises:
        ValueError, RuntimeError: as `show_run`.
    """
    run = _Run(path)
    _open(run, Player(run, seconds), say, {"pace": FILM_FRAMES, "share": math.inf})


class _Run:
    """A run on disk, checked, with what is needed to look at it."""

    def __init__(self, path: Path) -> None:
        chronicle = Chronicle(path)
        self.config, self.artwork = chronicle.config, chronicle.best()
        if self.artwork.story is None:
            raise ValueError(
                f"run folder {path}: bests.bin or log.csv is missing or empty, or an older evonsfw "
                f"made it: there are no past generations; look at {path / 'best.png'} instead"
            )
        metadata = self.artwork.metadata
        self._hash = metadata.get(CLASSIFIER, "")
        self.folder = RunFolder(path, self.config, self._hash)
        self.folder.label = metadata.get(LABEL, "")
        label = metadata.get(LABEL, self.config.goal_word)
        self.view = View(self.config.encoding, self.config.canvas, label, self.config.seed)
        self.live = Live()
        self.live.finished.set()  # nothing runs here that would have to be ended

    def weigher(self) -> Weigher:
        """Brings the classifier only when shapes are weighed."""

        def reference() -> Pipeline:
            from evonsfw.reference import reference_of

            stage, pipeline = reference_of(self.config)
            if stage.classifier_hash != self._hash:
                raise ValueError("the classifier's file is not the one that the run was made with")
            return pipeline

        return Weigher(reference, self.config.encoding, self.config.canvas)


class Onlooker(Visit):
    """A visit to a run that is somebody else's, or over.

    Args:
        run: what is looked at.
        clock: seconds.
    """

    def __init__(self, run: _Run, clock: Callable[[], float] = time.monotonic) -> None:
        super().__init__(run.folder, run.live, run.weigher(), self._of_folder)
        self._best, self._clock = run.artwork.genome, clock
        self._length, self._grew = len(self.past), -math.inf

    def pause(self) -> None:
        """Not here."""
        self._live.say(ONLOOKER)

    def step(self) -> None:
        """Not here."""
        self._live.say(ONLOOKER)

    def keep_every(self, count: int) -> str:
        """Not here."""
        del count
        return ONLOOKER

    def _of_folder(self) -> Newest | None:
        """How far the folder says that the run has come."""
        last = len(self.past)
        if last != self._length:
            self._length, self._grew = last, self._clock()
        if not last:
            return None  # it is being rewound
        finished = self._clock() - self._grew > RUNNING_SECONDS
        return Newest(self._last(last), self.past.rate(), finished)

    def _last(self, number: int) -> Shown:
        """The newest generation; with the picture in best.png where its own genome is damaged."""
        try:
            return replace(self.past.shown(number), past=False)
        except (OSError, ValueError) as error:
            self._live.say(str(error))
            return replace(self.past.shown(number, self._best), past=False)


class Player(Onlooker):
    """A film of a run: it goes on by itself until somebody holds it or goes somewhere else.

    Args:
        run: what is played.
        seconds: how long it takes.
        clock: seconds.
    """

    def __init__(
        self, run: _Run, seconds: float, clock: Callable[[], float] = time.monotonic
    ) -> None:
        super().__init__(run, clock)
        artwork: Artwork = run.artwork
        assert artwork.story is not None, "it was checked"
        self._timetable = Timetable(artwork.story, artwork.encoding, seconds, artwork.genome)
        self._seconds, self._position = seconds, 0.0
        self._before: float | None = None
        self._next: int | None = None
        self._number = 1

    def seek(self, number: int | None) -> None:
        """Stand still at a generation; None for the end."""
        super().seek(number)
        self._next, self._position = number, 1.0
        if not self._live.paused:
            self._live.toggle_pause()

    def pause(self) -> None:
        """Hold the film, or let it go on; from the beginning where it was at its end."""
        if self._next is None and self._position >= 1.0:
            self._position = 0.0
            if not self._live.paused:
                return
        super().seek(None)
        self._live.toggle_pause()

    def step(self) -> None:
        """One generation further, and hold there."""
        self.seek(self._number + 1)

    def _scrubbed(self, newest: Newest) -> Shown | None:
        """What is seen at this moment of the film; None at its end."""
        passed = self._passed()
        still = self._cursor is not None
        shown = super()._scrubbed(newest) if still else self._played(passed)
        self._number = newest.shown.number if shown is None else shown.number
        return shown

    def _passed(self) -> float:
        """Seconds since the frame before, as far as they count."""
        now, before = self._clock(), self._before
        self._before = now
        return 0.0 if before is None else min(now - before, LONGEST_FRAME)

    def _played(self, passed: float) -> Shown | None:
        try:
            if self._next is not None:
                self._position, self._next = self._time_of(self._next), None
            if not self._live.paused:
                self._position = min(1.0, self._position + passed / self._seconds)
            if self._position >= 1.0:
                return None
            instant = self._timetable.at(self._position)
            shown = self.past.shown(min(instant.number, len(self.past)))
        except (OSError, ValueError) as error:
            self._live.say(str(error))
            self._position = 1.0
            return None
        return replace(shown, drawing=instant.drawing)

    def _time_of(self, number: int) -> float:
        """When a generation is seen, from 0 to 1."""
        low, high = 0.0, 1.0
        while high - low > FINENESS:
            middle = (low + high) / 2.0
            if self._timetable.at(middle).number < number:
                low = middle
            else:
                high = middle
        return high


def _open(run: _Run, subject: Onlooker, say: Say, pace: dict[str, float]) -> None:
    """The window until it is closed; then the run that somebody has begun from it."""
    from evonsfw.window import Window

    with ended_by_signals(run.live):
        Window(run.live, run.view, subject, hold=math.inf, **pace).run()
    if run.live.branch is not None:
        from evonsfw.launch import branch_run

        branch_run(run.config, run.folder.path, run.live.branch, True, say)
