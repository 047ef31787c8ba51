"""The window over a run, from end to end: what it leaves, what it owes to whom, its first size."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Generator
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import yaml
from bench import Bench
from driver import (
    FOREVER,
    Driver,
    driver,
    held_after,
    message,
    moment,
    mouse,
    number,
    on_show,
    plan,
    press,
    started,
    until,
)
from program import Call

from evonsfw import window as window_module
from evonsfw.config import make_config
from evonsfw.crew import NICENESS
from evonsfw.evaluation import Pool, open_evaluator
from evonsfw.figures import small_figures
from evonsfw.genome import genome_hash
from evonsfw.layout import layout
from evonsfw.likes import all_likes
from evonsfw.logbook import Logbook
from evonsfw.moment import PICTURE, SHAPES, Look
from evonsfw.showing import show_run
from evonsfw.stage import complete, set_up
from evonsfw.window import Window, pygame

__all__ = ["driver"]


def test_what_s_saves_is_what_verify_finds(driver: Driver, call: Call) -> None:
    """A past generation as well as the newest, the PNG and the SVG of each."""

    def script(window: Window) -> Generator[None]:
        yield from held_after(window, 12)
        press(pygame.K_s)
        yield from message(window, "saved")
        press(pygame.K_HOME)
        yield from until(lambda: on_show(window).number == 1)
        press(pygame.K_s)
        yield from message(window, "saved saved_00001.png and .svg")
        press(pygame.K_q)

    driver.play(script, **FOREVER)
    saved = sorted(driver.folder.glob("saved_*"))
    assert [path.suffix for path in saved] == [".png", ".svg"] * 2
    outcome = call("verify", *map(str, saved))
    assert outcome.code == 0
    for path, line in zip(saved, outcome.out.splitlines(), strict=False):
        what = "pixels" if path.suffix == ".png" else "shapes"
        assert line.startswith(f"{path}: genome whole, {what} identical, ")
        assert line.endswith(" as claimed")


def test_scrubbing_never_holds_the_run(driver: Driver) -> None:
    """With the mouse held down on the graph, generations go on as they come."""

    def script(window: Window) -> Generator[None]:
        yield from started(window)
        yield from until(lambda: len(moment(window).chart.numbers) > 20)
        plot = plan(window).plot
        assert plot is not None
        mouse(pygame.MOUSEBUTTONDOWN, (plot.left, plot.top))
        yield from until(lambda: on_show(window).number == 1)
        for share in (0.25, 0.5, 0.75):
            before = number(window)
            x = plot.left + round(share * plot.width)
            mouse(pygame.MOUSEMOTION, (x, plot.top))
            yield from until(lambda: number(window) > before + 5)  # noqa: B023
            assert on_show(window).past
            assert not window._live.paused
        mouse(pygame.MOUSEBUTTONUP, (plot.left, plot.top))
        press(pygame.K_q)

    driver.play(script, **FOREVER)


def test_dragging_goes_through_the_past_while_shapes_are_weighed(driver: Driver) -> None:
    """Each generation that is stopped at is weighed; at the end the last one is kept on show, and
    E leads back to the run as it goes on.
    """
    weighed = []

    def script(window: Window) -> Generator[None]:
        yield from held_after(window, 20)
        press(pygame.K_e)
        yield from until(lambda: _mode(window) == SHAPES)
        plot = plan(window).plot
        assert plot is not None
        mouse(pygame.MOUSEBUTTONDOWN, (plot.left, plot.top))
        yield from until(lambda: on_show(window).number == 1)
        mouse(pygame.MOUSEMOTION, (plot.left + plot.width // 2, plot.top))
        yield from until(lambda: on_show(window).number > 1)
        mouse(pygame.MOUSEBUTTONUP, (plot.left + plot.width // 2, plot.top))
        yield from until(lambda: _values(window))
        known = moment(window).contributions
        assert known is not None
        weighed.append((known.genome_hash, genome_hash(on_show(window).genome)))
        assert _mode(window) == SHAPES
        last = moment(window).generation
        press(pygame.K_END)
        yield from until(lambda: on_show(window).number == last)
        press(pygame.K_SPACE)
        yield from until(lambda: moment(window).generation > last + 3)
        assert on_show(window).number == last
        press(pygame.K_e)
        yield from until(lambda: _mode(window) == PICTURE and not on_show(window).past)
        press(pygame.K_q)

    driver.play(script, size="32x32", **FOREVER)
    assert weighed[0][0] == weighed[0][1]


def _mode(window: Window) -> str:
    painted = window._controls._painted
    assert painted is not None
    return painted.look.mode


def _values(window: Window) -> bool:
    known = moment(window).contributions
    return known is not None and known.values is not None


def test_a_branch_begins_with_the_picture_on_show(driver: Driver) -> None:
    """It is among the first that the new run scores, so its first best is as good."""
    scores = []

    def script(window: Window) -> Generator[None]:
        yield from held_after(window, 30)
        press(pygame.K_LEFT)
        yield from until(lambda: on_show(window).past)
        scores.append((on_show(window).number, on_show(window).score))
        press(pygame.K_b)
        yield from until(lambda: len(driver.windows) == 2)
        yield from started(driver.windows[1])
        press(pygame.K_q)

    driver.play(script, search="genetic", backend="onnxruntime", **FOREVER)
    (branch,) = [path for path in driver.folder.parent.iterdir() if path != driver.folder]
    config = yaml.safe_load((branch / "config.yaml").read_text())
    assert config["parent"]["generation"] == scores[0][0]
    assert config["parent"]["run"] == str(driver.folder)
    first = Logbook(branch, make_config(_settings(driver)).encoding.length).row(1)
    assert first.best_score >= round(scores[0][1], 6)
    assert first.best_score > Logbook(driver.folder, 0).row(1).best_score


def _settings(driver: Driver) -> dict[str, object]:
    return {"classifier": str(driver.model), "n": 3, "size": "48x32"}


@pytest.mark.parametrize("exact", [True, False])
def test_a_mean_of_a_backend_that_is_not_exact_is_marked(
    driver: Driver, monkeypatch: pytest.MonkeyPatch, exact: bool
) -> None:
    """While the run goes on, of its past, and in `show`; its best has the reference's score."""
    monkeypatch.setattr("evonsfw.backends.onnxruntime.EXACT", exact)
    seen = []

    def noted(window: Window) -> None:
        there, view = moment(window), window._painter._view
        mean = dict(small_figures(there, view))["mean"]
        seen.append((there.shown.near, there.chart.near, mean.startswith("≈ 0.")))

    def script(window: Window) -> Generator[None]:
        yield from held_after(window, 12)
        noted(window)
        press(pygame.K_HOME)
        yield from until(lambda: on_show(window).number == 1)
        noted(window)
        press(pygame.K_q)

    driver.play(script, search="genetic", backend="onnxruntime", **FOREVER)
    driver.act(script_of_show(noted), lambda: show_run(driver.folder, driver.said.append))
    assert seen == [(not exact,) * 3] * 3


def script_of_show(noted: Callable[[Window], None]) -> Callable[[Window], Generator[None]]:
    def script(window: Window) -> Generator[None]:
        yield from started(window)
        noted(window)
        press(pygame.K_q)

    return script


@pytest.mark.parametrize("yielding", [False, True])
def test_workers_beside_a_window_leave_it_the_processor(
    tiny_model: Callable[..., Path], yielding: bool
) -> None:
    if not hasattr(os, "getpriority"):
        pytest.skip("priorities are POSIX's")
    config = make_config({"classifier": str(tiny_model()), "n": 3, "size": 16})
    job = replace(set_up(complete(config)).job, yielding=yielding)
    genomes = np.zeros((2, job.encoding.length), np.float32)
    with closing(open_evaluator(job, 1)) as pool:
        assert isinstance(pool, Pool)
        pool.evaluate(genomes, lambda: False)
        (worker,) = pool._crew._workers
        found = os.getpriority(os.PRIO_PROCESS, worker.process.pid)
    own = os.getpriority(os.PRIO_PROCESS, 0)
    assert found == min(19, own + NICENESS * yielding)


@pytest.mark.parametrize(
    ("desktop", "size"),
    [
        ((1280, 800), (1180, 760)),
        ((3840, 2160), (1180, 760)),
        ((1024, 600), (984, 560)),
        ((320, 200), (320, 320)),
    ],
)
def test_the_first_size_fits_the_screen(
    monkeypatch: pytest.MonkeyPatch, desktop: tuple[int, int], size: tuple[int, int]
) -> None:
    monkeypatch.setattr(pygame.display, "get_desktop_sizes", lambda: [desktop])
    assert window_module._fitting(window_module.FIRST_SIZE) == size


BLOCKED = """
import json, os, sys
os.environ["SDL_VIDEODRIVER"] = "dummy"
for name in ("onnxruntime", "onnx", "openvino", "av"):
    sys.modules[name] = None  # importing it fails, as where it is not installed
from pathlib import Path
from evonsfw import showing, window
from evonsfw.window import pygame

run, seen, steps = Path(sys.argv[1]), [], []

def press(name):
    for kind in (pygame.KEYDOWN, pygame.KEYUP):
        pygame.event.post(pygame.event.Event(kind, key=getattr(pygame, "K_" + name)))

def shown(there):
    press("HOME")
    while there().shown.number != 1:
        yield
    press("s")
    while "saved saved_00001.png" not in there().message:
        yield
    press("l")
    while not there().shown.liked:
        yield
    press("e")
    while not (there().contributions and there().contributions.message):
        yield
    seen.append(there().contributions.message)
    press("q")

def played(there):
    while there().shown.number == 1:
        yield
    seen.append("played")
    press("q")

show = window.Window._show

def act(self):
    show(self)
    if self._controls._painted is None:
        return
    if not steps:
        script = played if seen else shown
        steps.append(script(lambda: self._controls._painted.moment))
    next(steps[0], None)

window.Window._show = act
showing.show_run(run, print)
steps.clear()
showing.replay_run(run, 1.0, print)
print(json.dumps(seen))
"""


def test_show_and_replay_need_no_package_of_the_classifiers(bench: Bench) -> None:
    """Everything but weighing shapes works where onnxruntime cannot be imported; that is told."""
    run = bench.start("finished", generations=14)
    command = [sys.executable, "-c", BLOCKED, str(run)]
    answer = subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)
    assert (answer.returncode, answer.stderr) == (0, "")
    told, played = json.loads(answer.stdout.splitlines()[-1])
    assert "onnx" in told
    assert played == "played"
    assert [like.generation for like in all_likes(run)] == [1]
    assert (run / "saved_00001.svg").is_file()


THROUGH_X = """
"$1" -m evonsfw --window --classifier "$2" --n 3 --size 32 --workers 0 --seed 2 --out "$3" \\
    --evaluations 100000000 & program=$!
until [ "$(xdotool getwindowfocus getwindowname)" = evonsfw ]; do kill -0 $program || exit 9; done
window=$(xdotool getwindowfocus)
until [ -e "$3/likes.yaml" ]; do xdotool key l sleep 0.2; done
until [ -e "$3/saved_00001.svg" ]; do
    xdotool mousemove --window "$window" "$4" "$5" click 1 sleep 0.2 key s sleep 0.2
done
xdotool key q
wait $program
"""


def test_keys_and_mouse_of_a_real_display_reach_the_run(
    tiny_model: Callable[..., Path], tmp_path: Path
) -> None:
    """Through X: L likes, a click on the graph's first column and S save generation 1, Q ends."""
    if not all(map(shutil.which, ("xvfb-run", "xdotool", "bash"))):
        pytest.skip("Xvfb, xdotool or bash is not installed")
    run = tmp_path / "run"
    plot = layout((32, 32), window_module.FIRST_SIZE, Look()).plot
    assert plot is not None
    hidden = {"SDL_VIDEODRIVER", "WAYLAND_DISPLAY"}
    environment = {key: value for key, value in os.environ.items() if key not in hidden}
    display = ["xvfb-run", "-a", "-s", "-screen 0 1280x800x24"]
    words = [sys.executable, tiny_model(), run, plot.left, plot.top + 3]
    outcome = subprocess.run(
        [*display, "bash", "-c", THROUGH_X, "bash", *map(str, words)],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=180,
    )
    assert outcome.returncode == 0, outcome.stderr
    assert "Q was pressed" in outcome.stdout
    assert (run / "saved_00001.png").is_file()
    assert (run / "likes.yaml").is_file()
