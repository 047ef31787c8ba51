"""How long keys and mouse wait for their answer while evolution runs at full load.

    python -m benchmarks.window [--events 200] [--size 1180x760] [--backend onnxruntime]
                                [--search genetic]

A thread posts real events at odd moments: clicks and drags on the graph, arrows, and the keys that
change what is seen. The time runs from posting one until the frame that answers it is on the
screen. Run it with a display (or under Xvfb); without one it uses SDL's dummy driver. Figures are
given as a ratio to the 50 ms that an answer may take.
"""

from __future__ import annotations

import argparse
import os
import random
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from evonsfw.config import make_config
from evonsfw.display import display_present
from evonsfw.launch import start_run
from evonsfw.live import Live
from evonsfw.painter import Painted
from evonsfw.shapes import Canvas
from evonsfw.stage import complete

WANTED = 50.0
"""Milliseconds."""
PAUSE = 0.03, 0.4
"""Seconds from an answer to the next event."""
BEFORE = 20
"""Generations before the first event."""
LOST = 10.0
"""Seconds after which an answer counts as lost."""
LOOKS = {"h": "keys", "tab": "hud", "p": "mode", "e": "mode"}
"""Keys that change what is seen, and the field of `Look` that they change; the same key leads back.
"""


class Answer(NamedTuple):
    """What was done, and the milliseconds until it was answered."""

    kind: str
    wait: float


class Hand:
    """Posts events in a thread, and notes how long each takes to be answered.

    Args:
        events: how many.
        live: the run, which is ended after the last one.
    """

    def __init__(self, events: int, live: Live) -> None:
        self.answers: list[Answer] = []
        self._events, self._live = events, live
        self._window: Any = None
        self._answers: Callable[[Painted], bool] = lambda _: False
        self._answered = threading.Event()
        self._thread = threading.Thread(target=self._work, daemon=True)
        self._rng = random.Random(0)
        self._back = ""

    def seen(self, window: Any) -> None:
        """A frame has come to the screen."""
        painted = window._controls._painted
        if self._window is None and painted.moment.generation >= BEFORE:
            self._window = window
            self._thread.start()
        if self._answers(painted):
            self._answered.set()

    def _work(self) -> None:
        """Act, wait for the answer, pause."""
        for _ in range(self._events):
            time.sleep(self._rng.uniform(*PAUSE))
            kind, post = self._next()
            self._answered.clear()
            before = time.perf_counter()
            post()
            if not self._answered.wait(LOST):
                raise SystemExit(f"{kind} was not answered")
            self.answers.append(Answer(kind, 1000.0 * (time.perf_counter() - before)))
        self._live.stop("every event was answered", by_hand=True)

    def _next(self) -> tuple[str, Callable[[], None]]:
        """What to do, in a word, and how to post it."""
        back, self._back = self._back, ""
        if back:
            return back, self._key(back)
        kind = self._rng.choice(["click", "drag", "left", *LOOKS])
        if kind in LOOKS:
            self._back = kind
            return kind, self._key(kind)
        return kind, self._scrub(kind)

    def _key(self, name: str) -> Callable[[], None]:
        """A key that changes a field of the look."""
        field, before = LOOKS[name], self._window._controls.look
        self._answers = lambda painted: getattr(painted.look, field) != getattr(before, field)
        return lambda: _press(name)

    def _scrub(self, kind: str) -> Callable[[], None]:
        """To another generation than the one on show, never to the newest."""
        painted = self._window._controls._painted
        shown, last = painted.moment.shown.number, int(painted.moment.chart.numbers[-1])
        if kind == "left" and shown > 2:
            self._answers = lambda seen: seen.moment.shown.number == shown - 1
            return lambda: _press("left")
        plan, wanted = self._window._controls._layout(), shown
        while wanted in (shown, last):
            x = self._rng.randrange(plan.plot.left, plan.plot.right - 2)
            wanted = plan.generation_at(x, painted.moment)
        cursor = self._window._controls
        self._answers = lambda seen: (
            seen.moment.shown.number != shown and seen.moment.shown.number == cursor._cursor
        )
        return lambda: _mouse((x, plan.plot.top + 5), drag=kind == "drag")


def _press(name: str) -> None:
    """A key, down and up."""
    import pygame

    key = getattr(pygame, f"K_{name if len(name) == 1 else name.upper()}")
    for kind in (pygame.KEYDOWN, pygame.KEYUP):
        pygame.event.post(pygame.event.Event(kind, key=key))


def _mouse(place: tuple[int, int], drag: bool) -> None:
    """A click, or a button that goes down elsewhere and is drawn to the place."""
    import pygame

    first = (place[0] + 3, place[1]) if drag else place
    pygame.event.post(pygame.event.Event(pygame.MOUSEBUTTONDOWN, pos=first, button=1))
    if drag:
        moved = pygame.event.Event(pygame.MOUSEMOTION, pos=place, buttons=(1, 0, 0), rel=(-3, 0))
        pygame.event.post(moved)
    pygame.event.post(pygame.event.Event(pygame.MOUSEBUTTONUP, pos=place, button=1))


def main() -> None:
    """Run an evolution with its window and time the answers."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--events", type=int, default=200)
    parser.add_argument("--size", default="1180x760")
    parser.add_argument("--backend", default="onnxruntime")
    parser.add_argument("--search", default="genetic")
    arguments = parser.parse_args()
    if not display_present():
        os.environ["SDL_VIDEODRIVER"] = "dummy"
    width, height = arguments.size.split("x")
    settings = {"search": arguments.search, "backend": arguments.backend}
    answers, turns, counts = measure(arguments.events, (int(width), int(height)), settings)
    driver = os.environ.get("SDL_VIDEODRIVER", "a display")
    print(f"{len(answers)} events, each answered by a frame of {arguments.size} on {driver}")
    print(f"{arguments.search} by {arguments.backend}: {counts}")
    for kind in (*sorted({answer.kind for answer in answers}), "all"):
        _tell(kind, [answer.wait for answer in answers if kind in (answer.kind, "all")])
    gaps = 1000.0 * np.diff(turns)
    print(f"turns of the main thread: 99% of them within {np.quantile(gaps, 0.99):.1f} ms")


def _tell(kind: str, waits: list[float]) -> None:
    """One line of figures."""
    median, late = np.median(waits), np.quantile(waits, 0.99)
    within = np.mean(np.array(waits) <= WANTED)
    print(
        f"{kind:6} {len(waits):4}: median {median:5.1f} ms ({median / WANTED:.2f}), "
        f"99% {late:5.1f} ms ({late / WANTED:.2f} of {WANTED:.0f} ms), worst {max(waits):5.1f}, "
        f"{within:.1%} within"
    )


def measure(
    events: int, size: Canvas, settings: dict[str, Any]
) -> tuple[list[Answer], list[float], str]:
    """Every answer, seconds at which each turn ended, and how much was scored."""
    from evonsfw import window

    turns: list[float] = []
    hands: list[Hand] = []
    put, over, opened = window.Window._put, window.Window._over, window.Window.__init__

    def open_window(self: Any, live: Live, *arguments: Any, **more: Any) -> None:
        hands.append(Hand(events, live))
        opened(self, live, *arguments, **more)

    def timed_put(self: Any, painted: Any) -> None:
        put(self, painted)
        hands[0].seen(self)

    def timed_over(self: Any) -> bool:
        turns.append(time.perf_counter())
        return over(self)

    window.FIRST_SIZE = size
    window._fitting = lambda size: size
    window.Window.__init__ = open_window  # type: ignore[method-assign]
    window.Window._put = timed_put  # type: ignore[method-assign]
    window.Window._over = timed_over  # type: ignore[method-assign]
    said: list[str] = []
    with tempfile.TemporaryDirectory() as folder:
        config = complete(make_config({"seed": 1, "minutes": 60, **settings}))
        start_run(config, Path(folder) / "run", "benchmark", True, said.append)
    return hands[0].answers, turns, said[-2].partition(": ")[2]


if __name__ == "__main__":
    main()
