"""What tests of the window share: a small run with a window, a script that acts between turns of
its main loop with real events, and what is on its screen.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Generator, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from evonsfw.config import make_config
from evonsfw.launch import start_run
from evonsfw.layout import Layout, layout
from evonsfw.moment import Moment, Shown
from evonsfw.past import POINTS

os.environ.setdefault("PYGAME_HIDE_SUPPORT_PROMPT", "1")
import pygame

from evonsfw import window as window_module
from evonsfw.window import Window

Script = Callable[[Window], Generator[None]]
PATIENCE = 60.0
"""Seconds after which something that a script waits for counts as never coming."""
FOREVER = {"evaluations": 100_000_000}


class Driver:
    """Runs a small evolution, or anything else, with a window that a script acts on."""

    def __init__(self, folder: Path, model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.folder, self.model = folder / "run", model
        self.said: list[str] = []
        self.windows: list[Window] = []
        self._patch = monkeypatch

    def play(self, script: Script, **settings: Any) -> None:
        """A run with a window."""
        small = {"classifier": str(self.model), "n": 3, "size": "48x32", "every": 1000}
        config = make_config({**small, "seed": 2, "workers": 0, **settings})
        self.act(script, lambda: start_run(config, self.folder, "evonsfw", True, self.said.append))

    def act(self, script: Script, call: Callable[[], Any]) -> None:
        """Whatever opens a window; the script has to come to its end. A second window goes on with
        the script of the first.
        """
        show, acts = Window._show, []

        def act_and_show(window: Window) -> None:
            if window not in self.windows:
                self.windows.append(window)
            acts[:] = acts or [script(window)]
            show(window)
            next(acts[0], None)

        with self._patch.context() as patch:
            patch.setattr(Window, "_show", act_and_show)
            call()
        assert acts
        assert next(acts[0], "over") == "over"
        assert not pygame.display.get_init()

    @property
    def reason(self) -> str:
        """What a run said of its end."""
        return self.said[-2].split(":")[0]


@pytest.fixture
def driver(
    tmp_path: Path, tiny_model: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> Driver:
    monkeypatch.setenv("SDL_VIDEODRIVER", "dummy")
    monkeypatch.setattr(window_module, "HOLD_SECONDS", 0.05)
    return Driver(tmp_path, tiny_model(), monkeypatch)


def press(key: int, **more: Any) -> None:
    """A key, down and up."""
    pygame.event.post(pygame.event.Event(pygame.KEYDOWN, key=key, **more))
    pygame.event.post(pygame.event.Event(pygame.KEYUP, key=key))


def mouse(kind: int, position: tuple[int, int]) -> None:
    """The left button, or a move while it is held."""
    more = {"buttons": (1, 0, 0)} if kind == pygame.MOUSEMOTION else {"button": 1}
    pygame.event.post(pygame.event.Event(kind, pos=position, **more))


def click(position: tuple[int, int]) -> None:
    mouse(pygame.MOUSEBUTTONDOWN, position)
    mouse(pygame.MOUSEBUTTONUP, position)


def until(condition: Callable[[], Any]) -> Iterator[None]:
    """Let turns pass until something is so."""
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end:
        if condition():
            return
        yield
    pytest.fail("the window did not get there")


def started(window: Window) -> Iterator[None]:
    return until(lambda: window._controls._painted is not None)


def moment(window: Window) -> Moment:
    """What is on the screen."""
    painted = window._controls._painted
    assert painted is not None
    return painted.moment


def on_show(window: Window) -> Shown:
    return moment(window).shown


def plan(window: Window) -> Layout:
    """Where everything is on the screen."""
    return layout(window._controls._canvas, window._surface.get_size(), window._controls.look)


def held_after(window: Window, generations: int) -> Iterator[None]:
    """A run that is paused after so many generations or more, all of them on disk and on show."""
    yield from started(window)
    yield from until(lambda: moment(window).generation >= generations)
    press(pygame.K_SPACE)
    standing = window._live._changed._waiters  # type: ignore[attr-defined]
    yield from until(lambda: window._live.paused and standing)  # no generation is in work
    past, live = window._subject.past, window._live  # type: ignore[attr-defined]

    def whole() -> bool:
        """The frame may be older than what has been read since: its graph counts."""
        seen, last = moment(window), number(window)
        all_of_it = len(seen.chart.numbers) == min(POINTS, last)
        return len(past) == seen.generation == last and all_of_it

    yield from until(whole)
    assert live.paused


def number(window: Window) -> int:
    """How far the run is."""
    snapshot = window._live.snapshot()
    assert snapshot is not None
    return snapshot.generation.number


def message(window: Window, words: str) -> Iterator[None]:
    """Until a message with these words is on the screen."""
    return until(lambda: words in moment(window).message)


def surface_pixels() -> np.ndarray:
    """(H, W, 3) uint8: what the window shows."""
    return pygame.surfarray.array3d(pygame.display.get_surface()).transpose(1, 0, 2)
