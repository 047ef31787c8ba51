"""`show` and `replay`: a run folder in the window, without its classifier."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import threading
from collections.abc import Callable, Generator, Iterator
from pathlib import Path

import numpy as np
import pytest
import yaml
from bench import Bench
from driver import (
    Driver,
    driver,
    message,
    moment,
    on_show,
    press,
    started,
    surface_pixels,
    until,
)
from PIL import Image
from program import Call, assert_refused

from evonsfw.contribution import contributions
from evonsfw.likes import read_likes
from evonsfw.logbook import BESTS
from evonsfw.moment import SHAPES, Look
from evonsfw.reference import reference_of
from evonsfw.scene import draw
from evonsfw.showing import Onlooker, Player, _Run, replay_run, show_run
from evonsfw.window import Window, pygame

__all__ = ["driver"]
GENERATIONS = 14


@pytest.fixture
def run(bench: Bench) -> Path:
    """A finished run."""
    return bench.start("finished", generations=GENERATIONS)


def shows(driver: Driver, run: Path, script: Callable[[Window], Generator[None]]) -> None:
    driver.act(script, lambda: show_run(run, driver.said.append))


def test_a_finished_run_is_shown_until_somebody_closes_the_window(
    driver: Driver, run: Path
) -> None:
    before = {path: path.read_bytes() for path in run.rglob("*") if path.is_file()}

    def script(window: Window) -> Generator[None]:
        yield from started(window)
        assert moment(window).generation == GENERATIONS
        assert moment(window).finished
        assert not on_show(window).past
        assert window._painter._view.label == "blue"
        for _ in range(10):
            yield
        press(pygame.K_HOME)
        yield from until(lambda: on_show(window).number == 1)
        press(pygame.K_RIGHT)
        yield from until(lambda: on_show(window).number == 2)
        frame = draw(moment(window), window._painter._view, Look(), window._surface.get_size())
        assert np.array_equal(surface_pixels(), frame)
        press(pygame.K_q)

    shows(driver, run, script)
    assert {path: path.read_bytes() for path in run.rglob("*") if path.is_file()} == before


def test_what_belongs_to_the_runs_own_window_is_told(driver: Driver, run: Path) -> None:
    def script(window: Window) -> Generator[None]:
        yield from started(window)
        for key in (pygame.K_SPACE, pygame.K_n, pygame.K_PLUS):
            press(key)
            yield from message(window, "this window only looks")
            window._live.say("")
            yield from until(lambda: not moment(window).message)
        press(pygame.K_p)
        yield from message(window, "the population is there only while")
        press(pygame.K_ESCAPE)

    shows(driver, run, script)


def test_pictures_are_saved_and_liked(driver: Driver, run: Path) -> None:
    def script(window: Window) -> Generator[None]:
        yield from started(window)
        press(pygame.K_HOME)
        yield from until(lambda: on_show(window).number == 1)
        press(pygame.K_s)
        yield from message(window, "saved saved_00001.png")
        press(pygame.K_l)
        yield from until(lambda: on_show(window).liked)
        press(pygame.K_q)

    shows(driver, run, script)
    assert read_likes(run) == [1]
    with Image.open(run / "saved_00001.png") as saved, Image.open(run / "best.png") as best:
        kept = "evonsfw:settings", "evonsfw:classifier_sha256", "evonsfw:label", "evonsfw:seed"
        assert {key: saved.text[key] for key in kept} == {key: best.text[key] for key in kept}
    assert (run / "saved_00001.svg").is_file()


def test_likes_that_are_damaged_are_told_and_stay(driver: Driver, run: Path) -> None:
    (run / "likes.yaml").write_text("nonsense")

    def script(window: Window) -> Generator[None]:
        yield from started(window)
        yield from message(window, "expected a list")
        press(pygame.K_l)
        yield from message(window, "not noted")
        press(pygame.K_q)

    shows(driver, run, script)
    assert (run / "likes.yaml").read_text() == "nonsense"


def test_shapes_are_weighed_with_the_runs_classifier(driver: Driver, run: Path) -> None:
    found = []

    def script(window: Window) -> Generator[None]:
        yield from started(window)
        press(pygame.K_e)
        yield from until(lambda: _weighed(window))
        found.append((on_show(window).genome, _weighed(window)))
        press(pygame.K_q)

    shows(driver, run, script)
    config = _Run(run).config
    pipeline = reference_of(config)[1]
    (genome, values) = found[0]
    assert values == contributions(pipeline, genome, config.encoding, config.canvas)


def _weighed(window: Window) -> tuple[float, ...] | None:
    known = moment(window).contributions
    return known.values if known is not None else None


@pytest.mark.parametrize(
    ("change", "words"), [("gone", "no such file"), ("other", "not the one that the run was made")]
)
def test_without_the_runs_classifier_everything_else_works(
    driver: Driver,
    bench: Bench,
    tiny_model: Callable[..., Path],
    change: str,
    words: str,
) -> None:
    bench.model = tiny_model(weights=np.eye(3, dtype=np.float32))  # of this test alone
    run = bench.start("finished", generations=3)
    if change == "gone":
        shutil.rmtree(bench.model.parent)
    else:
        shutil.copy(tiny_model().with_name("tiny.onnx"), bench.model.with_name("tiny.onnx"))

    def script(window: Window) -> Generator[None]:
        yield from started(window)
        press(pygame.K_e)
        yield from until(lambda: _message(window))
        assert words in _message(window)
        assert window._controls.look.mode == SHAPES
        press(pygame.K_e)
        press(pygame.K_s)
        yield from message(window, "saved")
        press(pygame.K_q)

    shows(driver, run, script)


def _message(window: Window) -> str:
    known = moment(window).contributions
    return "" if known is None else known.message


def test_a_running_run_is_followed(driver: Driver, bench: Bench) -> None:
    """It goes on in another thread here, as it would in another process."""
    run = bench.start("growing", generations=3)
    thread = threading.Thread(target=lambda: _resumed(run))

    def script(window: Window) -> Generator[None]:
        yield from started(window)
        assert moment(window).generation == 3
        thread.start()
        yield from until(lambda: moment(window).generation == 9)
        assert len(moment(window).chart.numbers) == 9
        press(pygame.K_q)

    try:
        shows(driver, run, script)
    finally:
        thread.join()


def _resumed(run: Path) -> None:
    code = (
        "import sys; from pathlib import Path; from evonsfw.launch import resume_run; "
        "resume_run(Path(sys.argv[1]), {'generations': 6}, False, print)"
    )
    subprocess.run([sys.executable, "-c", code, str(run)], check=True, capture_output=True)


def test_a_branch_begins_a_run_beside_the_one_that_is_shown(driver: Driver, run: Path) -> None:
    before = (run / "log.csv").read_bytes()

    def script(window: Window) -> Generator[None]:
        yield from started(window)
        press(pygame.K_HOME)
        yield from until(lambda: on_show(window).number == 1)
        press(pygame.K_b)
        yield from until(lambda: len(driver.windows) == 2)
        yield from started(driver.windows[1])
        press(pygame.K_q)

    shows(driver, run, script)
    (branch,) = [one for one in run.parent.iterdir() if one != run and (one / "log.csv").is_file()]
    parent = yaml.safe_load((branch / "config.yaml").read_text())["parent"]
    assert parent["generation"] == 1
    assert (run / "log.csv").read_bytes() == before


def test_a_newest_picture_that_is_damaged_is_the_one_in_best_png(driver: Driver, run: Path) -> None:
    best = _Run(run).artwork.genome

    def script(window: Window) -> Generator[None]:
        yield from started(window)
        assert np.array_equal(on_show(window).genome, best)
        assert "damaged" in moment(window).message
        press(pygame.K_q)

    subject_of = Onlooker.__init__

    def damaged(self: Onlooker, run_: _Run) -> None:
        data = bytearray((run / BESTS).read_bytes())
        record = 4 + 4 * len(best)
        for place in range(4, len(data), record):
            data[place : place + 4] = b"\xff" * 4
        (run / BESTS).write_bytes(bytes(data))
        subject_of(self, run_)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Onlooker, "__init__", damaged)
        shows(driver, run, script)


@pytest.mark.parametrize("command", ["show", "replay"])
def test_what_cannot_be_shown_is_told_in_one_line(
    call: Call, run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, command: str
) -> None:
    monkeypatch.setenv("SDL_VIDEODRIVER", "dummy")
    (tmp_path / "empty").mkdir()
    begun = tmp_path / "begun"
    shutil.copytree(run, begun)
    (begun / "best.png").unlink()
    old = tmp_path / "old"
    shutil.copytree(run, old)
    (old / BESTS).unlink()
    for path, words in [
        (tmp_path / "missing", "config.yaml"),
        (tmp_path / "empty", "config.yaml"),
        (begun, "no generation is finished yet"),
        (old, "bests.bin or log.csv is missing or empty, or an older evonsfw made it"),
    ]:
        assert_refused(call(command, str(path)), str(path), words)
    assert_refused(call("replay", str(run), "--seconds", "0"), "--seconds 0")


@pytest.mark.parametrize("command", ["show", "replay"])
def test_without_a_display_that_is_told(call: Call, run: Path, command: str) -> None:
    """And not by flags that the command does not have."""
    outcome = call(command, str(run))
    assert_refused(outcome, "no display", "evonsfw export RUN page.html")
    assert "--" not in outcome.err


def test_the_classifier_is_not_brought_along(run: Path) -> None:
    """Nor onnxruntime, which is most of what starting takes."""
    code = """
import json, os, sys
os.environ["SDL_VIDEODRIVER"] = "dummy"
from pathlib import Path
from evonsfw import showing, window
show = window.Window._show
turns = []
def close(self):
    show(self)
    if self._controls._painted is not None:
        turns.append(1)
        self._live.stop("seen", by_hand=True)
window.Window._show = close
path = Path(sys.argv[1])
showing.show_run(path, print)
showing.replay_run(path, 5.0, print)
print(json.dumps([len(turns), sorted(sys.modules)]))
"""
    command = [sys.executable, "-c", code, str(run)]
    answer = subprocess.run(
        command, check=True, capture_output=True, text=True, env=dict(os.environ)
    )
    turns, modules = json.loads(answer.stdout.splitlines()[-1])
    assert turns == 2
    heavy = {"onnxruntime", "openvino", "onnx", "av", "evonsfw.classifier", "evonsfw.stage"}
    assert not heavy & set(modules)


class Clock:
    """Seconds that pass when a test says so."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def player(run: Path, clock: Clock) -> Iterator[Player]:
    player = Player(_Run(run), 10.0, clock)
    yield player
    player.close()


def at(player: Player, clock: Clock, seconds: float) -> int:
    """The generation that is seen so many seconds of film later."""
    for _ in range(round(seconds / 0.25)):
        clock.now += 0.25
        seen = player.moment(Look())
    assert seen is not None
    return seen.shown.number


def test_a_film_goes_from_the_first_picture_to_the_last(player: Player, clock: Clock) -> None:
    first = player.moment(Look())
    assert first is not None
    assert first.shown.number == 1
    numbers = [at(player, clock, 0.5) for _ in range(22)]
    assert numbers == sorted(numbers)
    assert len(set(numbers)) > 3
    assert numbers[-1] == GENERATIONS
    last = player.moment(Look())
    assert last is not None
    assert last.shown.drawing is None
    assert np.array_equal(last.shown.genome, player._best)


def test_on_the_way_shapes_glide(player: Player, clock: Clock) -> None:
    player.moment(Look())
    number = at(player, clock, 5.0)
    seen = player.moment(Look())
    assert seen is not None
    assert seen.shown.drawing is not None
    assert np.array_equal(seen.shown.genome, player.past.shown(number).genome)


def test_space_holds_a_film_and_lets_it_go_on(player: Player, clock: Clock) -> None:
    player.moment(Look())
    before = at(player, clock, 3.0)
    player.pause()
    assert at(player, clock, 5.0) == before
    player.pause()
    assert at(player, clock, 10.0) == GENERATIONS


def test_space_at_the_end_begins_again(player: Player, clock: Clock) -> None:
    player.moment(Look())
    assert at(player, clock, 12.0) == GENERATIONS
    player.pause()
    assert at(player, clock, 0.25) == 1


def test_going_somewhere_holds_the_film_there_and_space_goes_on(
    player: Player, clock: Clock
) -> None:
    player.moment(Look())
    player.seek(9)
    assert at(player, clock, 5.0) == 9
    player.step()
    assert at(player, clock, 5.0) == 10
    player.pause()
    assert 9 <= at(player, clock, 0.25) <= 11
    assert at(player, clock, 10.0) == GENERATIONS
    player.seek(2)
    player.seek(None)
    assert at(player, clock, 1.0) == GENERATIONS


def test_a_film_in_the_window(driver: Driver, run: Path) -> None:
    numbers = []

    def script(window: Window) -> Generator[None]:
        yield from started(window)
        while on_show(window).number < GENERATIONS:
            numbers.append(on_show(window).number)
            yield
        press(pygame.K_LEFT)
        yield from until(lambda: on_show(window).number == GENERATIONS - 1)
        press(pygame.K_q)

    driver.act(script, lambda: replay_run(run, 0.6, driver.said.append))
    assert numbers == sorted(numbers)
