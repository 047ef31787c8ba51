"""Frames, drawn in a thread of their own, always of the newest moment."""

from __future__ import annotations

import math
import threading
import time
from collections import deque
from collections.abc import Callable
from typing import NamedTuple, Protocol

from evonsfw.moment import Look, Moment, Shown, View
from evonsfw.scene import Frame, draw
from evonsfw.shapes import Canvas

LONGEST = 2.0
"""Seconds, at most, until the next frame: the first one of all takes many times what others do."""
LARGE = 2_000_000
"""Pixels of a frame above which keys and mouse are answered with a sketch first."""


class Subject(Protocol):
    """What a window looks at, and all that can be done to it.

    `moment` is called in the painter's thread, `save`, `like` and `branch` in a thread of their
    own, everything else in the main thread.
    """

    def moment(self, look: Look) -> Moment | None:
        """What there is to show, or None for nothing yet."""
        ...

    def seek(self, number: int | None) -> None:
        """Go to a generation; None for the newest, and whatever comes after it."""
        ...

    def hold(self, moment: Moment | None) -> None:
        """Keep the generation and the population of a moment on show; None to let go of them."""
        ...

    def pause(self) -> None:
        """Hold what goes on, or let it go on."""
        ...

    def step(self) -> None:
        """Let it go on for one generation, and hold it then."""
        ...

    def keep_every(self, count: int) -> str:
        """Keep the best picture of every so many generations; what to tell."""
        ...

    def save(self, shown: Shown) -> str:
        """Keep a picture as files; what to tell."""
        ...

    def like(self, shown: Shown) -> str:
        """Mark a picture as liked, or no longer; what to tell."""
        ...

    def branch(self, shown: Shown) -> str:
        """End this run, and begin another with a picture; what to tell."""
        ...

    def close(self) -> None:
        """Nobody looks any more."""
        ...


class Painted(NamedTuple):
    """A frame, and what it shows: what a click on it means depends on that.

    Attributes:
        frame: (H, W, 3) uint8.
        moment: what is shown.
        look: how it was looked at.
    """

    frame: Frame
    moment: Moment
    look: Look


class Painter:
    """Draws in a thread, so that a large window or a slow frame never delays a key.

    Args:
        moment: called in the thread for what is to be shown, or None for nothing yet.
        view: how it is meant.
        size: width and height of the first frames.
        pace: how many times a second to ask for something new; what keys change is drawn at once.
        share: of a core, about what frames may take while a run goes on and nobody touches
            anything: the longer one takes, the later the next; above 0, infinite for no limit.
        ready: called in the thread when there is a frame to take.
    """

    def __init__(
        self,
        moment: Callable[[Look], Moment | None],
        view: View,
        size: Canvas,
        pace: float,
        share: float,
        ready: Callable[[], None],
    ) -> None:
        self._moment, self._view, self._size = moment, view, _at_least_one(size)
        self._pace, self._share, self._ready = pace, share, ready
        self._look = Look()
        self._wake = threading.Event()
        self._calls = 0
        self._ended = False
        self._newest: deque[Painted] = deque(maxlen=1)
        self._failure: BaseException | None = None
        self._thread = threading.Thread(target=self._work, name="painter", daemon=True)
        self._thread.start()

    def resize(self, size: Canvas) -> None:
        """Draw at this size from then on."""
        self._size = _at_least_one(size)
        self.wake()

    def show(self, look: Look) -> None:
        """Look at it so from then on, and draw now."""
        self._look = look
        self.wake()

    def wake(self) -> None:
        """Draw now, if there is something new."""
        self._calls += 1
        self._wake.set()

    def take(self) -> Painted | None:
        """The newest frame, if there is one that was not taken yet.

        Raises: what went wrong in the thread.
        """
        if self._failure is not None:
            raise self._failure
        try:
            return self._newest.popleft()
        except IndexError:
            return None

    def close(self) -> None:
        """End the thread."""
        self._ended = True
        self._wake.set()
        self._thread.join()

    def _work(self) -> None:
        try:
            self._paint()
        except BaseException as error:  # noqa: BLE001  # raised again where the frames are taken
            self._failure = error

    def _paint(self) -> None:
        drawn: tuple[object, ...] | None = None
        answered, due = 0, -math.inf
        while not self._ended:
            self._wake.clear()
            calls = self._calls
            called, answered = calls != answered, calls
            sketched = False
            if called or time.monotonic() >= due:
                began = time.thread_time()
                look, size = self._look, self._size
                moment = self._moment(look)
                if moment is not None and (wanted := (*_seen(moment), look, size)) != drawn:
                    sketched = called and size[0] * size[1] > LARGE
                    frame = draw(moment, self._view, look, size, sketched)
                    self._newest.append(Painted(frame, moment, look))
                    self._ready()
                    drawn = None if sketched else wanted
                    rest = min((time.thread_time() - began) / self._share, LONGEST)
                    if sketched or moment.paused or moment.finished:  # nobody needs the core
                        rest = 0.0
                    due = time.monotonic() + rest
            self._wake.wait(0.0 if sketched else 1.0 / self._pace)


def _seen(moment: Moment) -> tuple[object, ...]:
    """What of a moment changes a frame; the rate changes with the generation."""
    shown, graph = moment.shown, moment.chart.numbers
    drawing = shown.drawing
    return (
        *(moment.generation, moment.evaluations, moment.paused, moment.finished, moment.message),
        *(shown.number, shown.genome.tobytes(), shown.score, shown.past, shown.liked),
        drawing and (drawing.geometry.tobytes(), drawing.alphas.tobytes()),
        *(len(graph), int(graph[-1]), len(moment.thumbnails), len(moment.population)),
        *(moment.liked, moment.contributions, moment.every, shown.near),
    )


def _at_least_one(size: Canvas) -> Canvas:
    return max(1, size[0]), max(1, size[1])
