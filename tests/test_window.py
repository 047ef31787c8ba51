"""The window, driven with real pygame events: on SDL's dummy screen, and once under Xvfb."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Generator, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from evonsfw.config import make_config
from evonsfw.launch import start_run
from evonsfw.runs import load_state
from evonsfw.scene import View, draw

os.environ.setdefault("PYGAME_HIDE_SUPPORT_PROMPT", "1")
import pygame

from evonsfw import window as window_module
from evonsfw.window import Window

Script = Callable[[Window], Generator[None]]
FRAMES = 30
"""Frames during which a paused run has to stand still."""
PATIENCE = 3000
"""Frames after which something that a script waits for counts as never coming."""


class Stage:
    """Runs a small evolution with a window; a script acts between the window's frames."""

    def __init__(self, folder: Path, model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.folder = folder / "run"
        self.said: list[str] = []
        self._model = model
        self._patch = monkeypatch

    def play(self, script: Script, **ends: Any) -> None:
        settings = {"classifier": str(self._model), "n": 3, "size": "48x32", "every": 1000}
        config = make_config({**settings, "seed": 2, "workers": 0, **ends})
        show, acts = Window._show, []

        def act_and_show(window: Window) -> None:
            acts[:] = acts or [script(window)]
            show(window)
            next(acts[0], None)

        self._patch.setattr(Window, "_show", act_and_show)
        start_run(config, self.folder, "evonsfw", True, self.said.append)
        assert acts
        assert next(acts[0], "over") == "over"

    @property
    def reason(self) -> str:
        return self.said[-2].split(":")[0]


@pytest.fixture
def stage(
    tmp_path: Path, tiny_model: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> Stage:
    monkeypatch.setenv("SDL_VIDEODRIVER", "dummy")
    monkeypatch.setattr(window_module, "HOLD_SECONDS", 0.05)
    return Stage(tmp_path, tiny_model(), monkeypatch)


FOREVER = {"evaluations": 100_000_000}


def press(key: int) -> None:
    pygame.event.post(pygame.event.Event(pygame.KEYDOWN, key=key))


def until(condition: Callable[[], Any]) -> Iterator[None]:
    """Let frames pass until something is so."""
    for _ in range(PATIENCE):
        if condition():
            return
        yield
    pytest.fail("the window did not get there")


def started(window: Window) -> Iterator[None]:
    return until(lambda: window._live.snapshot() is not None)


def number(window: Window) -> int:
    snapshot = window._live.snapshot()
    assert snapshot is not None
    return snapshot.generation.number


def assert_whole(stage: Stage) -> None:
    """Everything is written: the checkpoint, and a log that ends where it does."""
    done = load_state(stage.folder / "checkpoint")["generation"]
    rows = (stage.folder / "log.csv").read_text().splitlines()
    assert len(rows) == done + 1
    with Image.open(stage.folder / "best.png") as image:
        assert image.size == (48, 32)
    assert stage.said[-1].startswith(f"{stage.folder / 'best.png'}: blue 0.")
    assert not pygame.display.get_init()


@pytest.mark.parametrize("key", [pygame.K_q, pygame.K_ESCAPE])
def test_q_and_escape_end_the_run(stage: Stage, key: int) -> None:
    def script(window: Window) -> Generator[None]:
        yield from started(window)
        press(key)

    stage.play(script, **FOREVER)
    assert stage.reason == "Q was pressed"
    assert_whole(stage)


def test_closing_the_window_ends_the_run(stage: Stage) -> None:
    def script(window: Window) -> Generator[None]:
        yield from started(window)
        pygame.event.post(pygame.event.Event(pygame.QUIT))

    stage.play(script, **FOREVER)
    assert stage.reason == "the window was closed"
    assert_whole(stage)


def test_a_finished_run_closes_the_window_by_itself(stage: Stage) -> None:
    def script(_window: Window) -> Generator[None]:
        yield

    stage.play(script, generations=5)
    assert stage.reason == "5 generations done"
    assert_whole(stage)


def test_space_holds_the_run_and_lets_it_go_on(stage: Stage) -> None:
    def script(window: Window) -> Generator[None]:
        yield from started(window)
        press(pygame.K_SPACE)
        yield from until(lambda: window._live.paused)
        held = number(window)
        for _ in range(FRAMES):
            yield
        assert number(window) <= held + 1
        press(pygame.K_SPACE)
        yield from until(lambda: number(window) > held + 1)
        press(pygame.K_q)

    stage.play(script, **FOREVER)
    assert_whole(stage)


def test_a_paused_run_can_be_ended(stage: Stage) -> None:
    def script(window: Window) -> Generator[None]:
        yield from started(window)
        press(pygame.K_SPACE)
        yield from until(lambda: window._live.paused)
        press(pygame.K_q)

    stage.play(script, **FOREVER)
    assert_whole(stage)


def test_s_keeps_the_picture_as_png_and_svg(stage: Stage) -> None:
    messages: list[str] = []

    def script(window: Window) -> Generator[None]:
        yield from started(window)
        press(pygame.K_s)
        yield from until(lambda: window._live.snapshot().message)  # type: ignore[union-attr]
        messages.append(window._live.snapshot().message)  # type: ignore[union-attr]
        press(pygame.K_q)

    stage.play(script, **FOREVER)
    (png,) = stage.folder.glob("saved_*.png")
    assert messages == [f"saved {png.name}"]
    with Image.open(png) as image:
        assert image.size == (48, 32)
        assert "evonsfw:genome" in image.text
    assert png.with_suffix(".svg").read_text().startswith("<svg")


def test_a_picture_that_cannot_be_kept_is_told_and_the_run_goes_on(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    messages: list[str] = []

    def full(*_: Any) -> None:
        raise OSError(28, "No space left on device")

    def script(window: Window) -> Generator[None]:
        yield from started(window)
        monkeypatch.setattr("evonsfw.exporters.svg.write", full)
        press(pygame.K_s)
        yield from until(lambda: window._live.snapshot().message)  # type: ignore[union-attr]
        messages.append(window._live.snapshot().message)  # type: ignore[union-attr]
        press(pygame.K_q)

    stage.play(script, **FOREVER)
    assert messages == ["not saved: No space left on device"]
    assert_whole(stage)


def surface_pixels() -> np.ndarray:
    """(H, W, 3) uint8: what the window shows."""
    return pygame.surfarray.array3d(pygame.display.get_surface()).transpose(1, 0, 2)


def shown(window: Window, view: View) -> bool:
    """Whether the window shows the paused run's moment, drawn anew at the window's size."""
    snapshot = window._live.snapshot()
    assert snapshot is not None
    surface = pygame.display.get_surface()
    assert surface is not None
    return np.array_equal(surface_pixels(), draw(snapshot, view, surface.get_size()))


def test_h_shows_the_keys_and_a_resized_window_is_drawn_anew(stage: Stage) -> None:
    def script(window: Window) -> Generator[None]:
        yield from started(window)
        press(pygame.K_SPACE)
        yield from until(lambda: window._live.paused)
        plain = window._painter._view
        assert not plain.keys
        yield from until(lambda: shown(window, plain))
        press(pygame.K_h)
        yield from until(lambda: window._painter._view.keys)
        yield from until(lambda: shown(window, window._painter._view))
        press(pygame.K_h)
        yield from until(lambda: shown(window, plain))
        yield from resized(500, 377)
        yield from until(lambda: surface_pixels().shape == (377, 500, 3) and shown(window, plain))
        yield from resized(120, 90)
        yield from until(lambda: surface_pixels().shape == (90, 120, 3) and shown(window, plain))
        press(pygame.K_q)

    stage.play(script, **FOREVER)
    assert_whole(stage)


def resized(width: int, height: int) -> Iterator[None]:
    """What dragging the window's corner does; SDL's new surface is there a frame later."""
    from pygame._sdl2.video import Window as SystemWindow

    SystemWindow.from_display_module().size = (width, height)
    yield


def test_without_a_screen_the_run_goes_on_without_a_window(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: Any) -> None:
        raise pygame.error("x11 not available")

    monkeypatch.setattr(pygame.display, "set_mode", fail)
    config = make_config({"classifier": str(stage._model), "n": 3, "size": 16, "workers": 0})
    ends = config.model_copy(update={"generations": 2, "seed": 1})
    start_run(ends, stage.folder, "evonsfw", True, stage.said.append)
    assert "no window can be opened: x11 not available; going on without" in stage.said
    assert stage.reason == "2 generations done"
    pygame.display.quit()


@pytest.fixture
def xvfb() -> Iterator[str]:
    """The name of a virtual display."""
    program = shutil.which("Xvfb")
    if program is None:
        pytest.skip("Xvfb is not installed")
    reader, writer = os.pipe()
    command = [program, "-displayfd", str(writer), "-screen", "0", "800x600x24", "-nolisten", "tcp"]
    quiet = subprocess.DEVNULL
    with subprocess.Popen(command, pass_fds=[writer], stdout=quiet, stderr=quiet) as server:
        os.close(writer)
        with os.fdopen(reader) as answer:
            number = answer.readline().strip()
        try:
            if not number:
                pytest.skip("Xvfb does not start here")
            yield f":{number}"
        finally:
            server.terminate()


def test_the_program_runs_with_a_window_under_xvfb(
    xvfb: str, tiny_model: Callable[..., Path], tmp_path: Path
) -> None:
    hidden = {"SDL_VIDEODRIVER", "WAYLAND_DISPLAY"}
    environment = {key: value for key, value in os.environ.items() if key not in hidden}
    command = [sys.executable, "-m", "evonsfw", "--window", "--classifier", str(tiny_model())]
    ends = ["--n", "3", "--workers", "1", "--generations", "20", "--out", str(tmp_path / "run")]
    outcome = subprocess.run(
        [*command, *ends],
        env={**environment, "DISPLAY": xvfb},
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert (outcome.returncode, outcome.stderr) == (0, "")
    assert "going on without" not in outcome.stdout
    assert "20 generations done" in outcome.stdout
    assert (tmp_path / "run" / "generations" / "gen_00020.png").is_file()
