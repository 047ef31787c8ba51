"""How long a click waits for its answer while evolution runs at full load.

    python -m benchmarks.window [--clicks 200] [--size 1280x800] [--backend onnxruntime]

A thread presses the mouse on the graph at odd moments; the time ends when the frame that shows the
generation is on the screen. Run it with a display (or under Xvfb); without one it uses SDL's dummy
driver. Figures are given as a ratio to the 50 ms that an answer may take, and the window's turns
as a ratio to the same run without a window.
"""

from __future__ import annotations

import argparse
import os
import random
import tempfile
import threading
import time
from pathlib import Path
from typing import Any

import numpy as np

from evonsfw.config import make_config
from evonsfw.display import display_present
from evonsfw.launch import start_run
from evonsfw.live import Live
from evonsfw.shapes import Canvas
from evonsfw.stage import complete

WANTED = 50.0
"""Milliseconds."""
PAUSE = 0.03, 0.4
"""Seconds from an answer to the next click."""
BEFORE = 20
"""Generations before the first click."""


class Clicker:
    """Clicks on the graph in a thread, and notes how long each takes to be answered.

    Args:
        clicks: how many.
        live: the run, which is ended after the last one.
    """

    def __init__(self, clicks: int, live: Live) -> None:
        self.waits: list[float] = []
        self._clicks, self._live = clicks, live
        self._window: Any = None
        self._before = 0
        self._answered = threading.Event()
        self._thread = threading.Thread(target=self._work, daemon=True)

    def seen(self, window: Any) -> None:
        """A frame has come to the screen."""
        painted = window._controls._painted
        if self._window is None and painted.moment.generation >= BEFORE:
            self._window = window
            self._thread.start()
        number = painted.moment.shown.number
        if number != self._before and number == window._controls._cursor:
            self._answered.set()

    def _work(self) -> None:
        """Click, wait for the answer, pause."""
        import pygame

        rng = random.Random(0)
        for _ in range(self._clicks):
            time.sleep(rng.uniform(*PAUSE))
            position = self._somewhere(rng)
            before = time.perf_counter()
            for kind in (pygame.MOUSEBUTTONDOWN, pygame.MOUSEBUTTONUP):
                pygame.event.post(pygame.event.Event(kind, pos=position, button=1))
            self._answered.wait()
            self.waits.append(1000.0 * (time.perf_counter() - before))
        self._live.stop("every click was answered", by_hand=True)

    def _somewhere(self, rng: random.Random) -> tuple[int, int]:
        """A place on the graph, of another generation than the one on show."""
        while True:
            controls = self._window._controls
            plan, moment = controls._layout(), controls._painted.moment
            x = rng.randrange(plan.plot.left, plan.plot.right - 2)
            number = plan.generation_at(x, moment)
            if number not in (moment.shown.number, int(moment.chart.numbers[-1])):
                self._before = moment.shown.number
                self._answered.clear()
                return x, plan.plot.top + 5


def main() -> None:
    """Run an evolution with its window and time the answers."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--clicks", type=int, default=200)
    parser.add_argument("--size", default="1280x800")
    parser.add_argument("--backend", default="onnxruntime")
    arguments = parser.parse_args()
    if not display_present():
        os.environ["SDL_VIDEODRIVER"] = "dummy"
    width, height = arguments.size.split("x")
    waits, turns, counts = measure(arguments.clicks, (int(width), int(height)), arguments.backend)
    gaps = 1000.0 * np.diff(turns)
    median, late = np.median(waits), np.quantile(waits, 0.99)
    print(f"{len(waits)} clicks, each answered by a frame of {arguments.size}, {counts}:")
    print(f"median {median:.1f} ms = {median / WANTED:.2f} of {WANTED:.0f} ms")
    print(f"99%    {late:.1f} ms = {late / WANTED:.2f} of {WANTED:.0f} ms")
    print(f"worst  {max(waits):.1f} ms, {np.mean(np.array(waits) <= WANTED):.1%} within 50 ms")
    print(f"turns of the main thread: 99% of them within {np.quantile(gaps, 0.99):.1f} ms")


def measure(clicks: int, size: Canvas, backend: str) -> tuple[list[float], list[float], str]:
    """Milliseconds of each answer, seconds at which each turn ended, and how much was scored."""
    from evonsfw import viewing, window

    turns: list[float] = []
    clickers: list[Clicker] = []
    put, over, opened = window.Window._put, window.Window._over, window.Window.__init__

    def open_window(self: Any, live: Live, *arguments: Any, **more: Any) -> None:
        clickers.append(Clicker(clicks, live))
        opened(self, live, *arguments, **more)

    def timed_put(self: Any, painted: Any) -> None:
        put(self, painted)
        clickers[0].seen(self)

    def timed_over(self: Any) -> bool:
        turns.append(time.perf_counter())
        return over(self)

    window.FIRST_SIZE = size
    window._fitting = lambda size: size
    window.Window.__init__ = open_window  # type: ignore[method-assign]
    window.Window._put = timed_put  # type: ignore[method-assign]
    window.Window._over = timed_over  # type: ignore[method-assign]
    assert viewing, "it opens the window"
    said: list[str] = []
    settings = {"seed": 1, "search": "genetic", "minutes": 60, "backend": backend}
    with tempfile.TemporaryDirectory() as folder:
        config = complete(make_config(settings))
        start_run(config, Path(folder) / "run", "benchmark", True, said.append)
    return clickers[0].waits, turns, said[-2].partition(": ")[2]


if __name__ == "__main__":
    main()
