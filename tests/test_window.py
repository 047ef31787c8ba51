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
import yaml
from driver import (
    FOREVER,
    Driver,
    click,
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
    surface_pixels,
    until,
)
from PIL import Image

from evonsfw.classifier import Classifier
from evonsfw.config import make_config
from evonsfw.launch import start_run
from evonsfw.likes import all_likes
from evonsfw.logbook import BESTS
from evonsfw.model_spec import read_spec
from evonsfw.moment import PICTURE, POPULATION, SHAPES
from evonsfw.runs import load_state
from evonsfw.scene import draw
from evonsfw.window import STAYING, Window, pygame

__all__ = ["driver"]
SHIFT = {"mod": pygame.KMOD_LSHIFT}
TURNS = 100
"""Turns during which a paused run has to stand still."""


def assert_whole(driver: Driver) -> None:
    """Everything is written: the checkpoint, and a log that ends where it does."""
    done = load_state(driver.folder / "checkpoint")["generation"]
    rows = (driver.folder / "log.csv").read_text().splitlines()
    assert len(rows) == done + 1
    with Image.open(driver.folder / "best.png") as image:
        assert image.size == (48, 32)
    assert driver.said[-1].startswith(f"{driver.folder / 'best.png'}: blue 0.")


def pixels_match(window: Window) -> bool:
    """Whether the screen shows just what `scene` makes of the moment."""
    painted = window._controls._painted
    assert painted is not None
    surface = pygame.display.get_surface()
    assert surface is not None
    frame = draw(painted.moment, window._painter._view, painted.look, surface.get_size())
    return np.array_equal(surface_pixels(), frame)


@pytest.mark.parametrize(
    ("key", "reason"),
    [(pygame.K_q, "Q was pressed"), (pygame.K_ESCAPE, "Esc was pressed")],
)
def test_q_and_escape_end_the_run(driver: Driver, key: int, reason: str) -> None:
    def script(window: Window) -> Generator[None]:
        yield from started(window)
        press(key)

    driver.play(script, **FOREVER)
    assert driver.reason == reason
    assert_whole(driver)


def test_closing_the_window_ends_the_run(driver: Driver) -> None:
    def script(window: Window) -> Generator[None]:
        yield from started(window)
        pygame.event.post(pygame.event.Event(pygame.QUIT))

    driver.play(script, **FOREVER)
    assert driver.reason == "the window was closed"
    assert_whole(driver)


def test_a_finished_run_closes_the_window_by_itself(driver: Driver) -> None:
    def script(_window: Window) -> Generator[None]:
        yield

    driver.play(script, generations=5)
    assert driver.reason == "5 generations done"
    assert_whole(driver)


def test_at_the_end_a_line_says_how_to_keep_the_window_and_a_key_does(
    driver: Driver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("evonsfw.window.HOLD_SECONDS", 1e6)

    def script(window: Window) -> Generator[None]:
        yield from started(window)
        yield from until(lambda: moment(window).message == STAYING)
        press(pygame.K_TAB)
        yield from until(lambda: window._stirred)
        window._hold = 0.0
        for _ in range(TURNS):
            yield
        press(pygame.K_q)

    driver.play(script, generations=5)
    assert driver.reason == "5 generations done"


def test_the_window_stays_while_somebody_looks_at_something(driver: Driver) -> None:
    def script(window: Window) -> Generator[None]:
        yield from held_after(window, 3)
        press(pygame.K_HOME)
        press(pygame.K_SPACE)
        yield from until(window._live.finished.is_set)
        yield from until(lambda: window._hold < 0.0)
        for _ in range(TURNS):
            yield
        assert on_show(window).number == 1
        press(pygame.K_q)

    driver.play(script, generations=4000)
    assert driver.reason == "4,000 generations done"
    assert_whole(driver)


def test_space_holds_the_run_and_lets_it_go_on(driver: Driver) -> None:
    def script(window: Window) -> Generator[None]:
        yield from started(window)
        press(pygame.K_SPACE)
        yield from until(lambda: window._live.paused)
        held = number(window)
        for _ in range(TURNS):
            yield
        assert number(window) <= held + 1
        press(pygame.K_SPACE)
        yield from until(lambda: number(window) > held + 1)
        press(pygame.K_q)

    driver.play(script, **FOREVER)
    assert_whole(driver)


def test_n_lets_a_held_run_go_on_for_one_generation(driver: Driver) -> None:
    def script(window: Window) -> Generator[None]:
        yield from started(window)
        press(pygame.K_n)
        yield from until(lambda: window._live.paused)
        yield from held_still(window)
        for _ in range(3):
            before = number(window)
            press(pygame.K_n)
            yield from until(lambda: number(window) > before)  # noqa: B023
            yield from held_still(window)
            assert number(window) == before + 1
        press(pygame.K_q)

    def held_still(window: Window) -> Iterator[None]:
        past = window._subject.past  # type: ignore[attr-defined]
        yield from until(lambda: len(past) == number(window) == moment(window).generation)

    driver.play(script, **FOREVER)
    assert_whole(driver)


def test_a_paused_run_can_be_ended(driver: Driver) -> None:
    def script(window: Window) -> Generator[None]:
        yield from started(window)
        press(pygame.K_SPACE)
        yield from until(lambda: window._live.paused)
        press(pygame.K_q)

    driver.play(script, **FOREVER)
    assert_whole(driver)


def test_arrows_go_through_the_past_while_the_run_goes_on(driver: Driver) -> None:
    def script(window: Window) -> Generator[None]:
        yield from started(window)
        yield from until(lambda: moment(window).generation > 30)
        press(pygame.K_HOME)
        yield from until(lambda: on_show(window).number == 1)
        assert on_show(window).past
        for key, more, expected in [
            (pygame.K_RIGHT, {}, 2),
            (pygame.K_RIGHT, SHIFT, 12),
            (pygame.K_LEFT, {}, 11),
            (pygame.K_LEFT, SHIFT, 1),
            (pygame.K_LEFT, {}, 1),
        ]:
            press(key, **more)
            yield from until(lambda: on_show(window).number == expected)  # noqa: B023
        before = number(window)
        yield from until(lambda: number(window) > before + 10)
        press(pygame.K_END)
        yield from until(lambda: not on_show(window).past)
        assert on_show(window).number > before
        press(pygame.K_q)

    driver.play(script, **FOREVER)
    assert_whole(driver)


def test_a_past_generation_is_shown_as_it_was(driver: Driver) -> None:
    """Its picture is the best until then, drawn at the window's size."""

    def script(window: Window) -> Generator[None]:
        yield from held_after(window, 20)
        past = window._subject.past  # type: ignore[attr-defined]
        for wanted in (1, 11):
            press(pygame.K_HOME) if wanted == 1 else press(pygame.K_RIGHT, **SHIFT)
            yield from until(lambda: on_show(window).number == wanted)  # noqa: B023
            expected = past.shown(wanted)
            assert np.array_equal(on_show(window).genome, expected.genome)
            assert on_show(window).score == expected.score
            assert pixels_match(window)
        press(pygame.K_q)

    driver.play(script, **FOREVER)


def test_a_click_on_the_graph_and_dragging_go_to_generations(driver: Driver) -> None:
    def script(window: Window) -> Generator[None]:
        yield from held_after(window, 30)
        last = number(window)
        plot = plan(window).plot
        assert plot is not None
        y = plot.top + 3
        mouse(pygame.MOUSEBUTTONDOWN, (plot.left, y))
        yield from until(lambda: on_show(window).number == 1)
        middle = (plot.left + plot.width // 2, y)
        mouse(pygame.MOUSEMOTION, middle)
        expected = plan(window).generation_at(middle[0], moment(window))
        assert 10 < expected < last
        yield from until(lambda: on_show(window).number == expected)
        mouse(pygame.MOUSEMOTION, (0, 0))  # far outside, held all the same
        yield from until(lambda: on_show(window).number == 1)
        mouse(pygame.MOUSEMOTION, (plot.right + 5, y))
        yield from until(lambda: on_show(window).number == last)
        assert not on_show(window).past
        mouse(pygame.MOUSEBUTTONUP, (plot.right + 5, y))
        mouse(pygame.MOUSEMOTION, middle)
        yield from until(lambda: window._controls.look.hover == middle)
        assert on_show(window).number == last
        press(pygame.K_q)

    driver.play(script, **FOREVER)


def test_a_click_on_a_thumbnail_shows_its_generation(driver: Driver) -> None:
    def script(window: Window) -> Generator[None]:
        yield from held_after(window, 30)
        yield from until(lambda: len(moment(window).thumbnails) > 1)
        thumbnails = moment(window).thumbnails
        index, cell = plan(window).thumbnails(len(thumbnails))[1]
        click((cell.box.left + 2, cell.box.top + 2))
        yield from until(lambda: on_show(window).number == thumbnails[index][0])
        assert on_show(window).past
        press(pygame.K_q)

    driver.play(script, **FOREVER)


def test_s_keeps_the_picture_as_png_and_svg(driver: Driver) -> None:
    def script(window: Window) -> Generator[None]:
        yield from started(window)
        press(pygame.K_s)
        yield from message(window, "saved")
        press(pygame.K_q)

    driver.play(script, **FOREVER)
    (png,) = driver.folder.glob("saved_*.png")
    with Image.open(png) as image:
        assert image.size == (48, 32)
        assert "evonsfw:genome" in image.text
    assert "<svg" in png.with_suffix(".svg").read_text()


def test_s_keeps_a_past_generation_that_is_on_show(driver: Driver) -> None:
    genomes = []

    def script(window: Window) -> Generator[None]:
        yield from held_after(window, 12)
        press(pygame.K_HOME)
        yield from until(lambda: on_show(window).number == 1)
        genomes.append(on_show(window).genome)
        press(pygame.K_s)
        yield from message(window, "saved saved_00001.png")
        press(pygame.K_q)

    driver.play(script, **FOREVER)
    assert np.array_equal(genome_in(driver.folder / "saved_00001.png"), genomes[0])


def genome_in(path: Path) -> np.ndarray:
    from evonsfw.genome import genome_from_text

    with Image.open(path) as image:
        return genome_from_text(image.text["evonsfw:genome"])


def test_a_picture_that_cannot_be_kept_is_told_and_the_run_goes_on(
    driver: Driver, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: Any) -> None:
        raise OSError(28, "No space left on device")

    def script(window: Window) -> Generator[None]:
        yield from started(window)
        monkeypatch.setattr("evonsfw.exporters.svg.write", full)
        press(pygame.K_s)
        yield from message(window, "not saved: No space left on device")
        monkeypatch.setattr("evonsfw.likes.whole_file", full)
        press(pygame.K_l)
        yield from message(window, "not noted: No space left on device")
        press(pygame.K_q)

    driver.play(script, **FOREVER)
    assert_whole(driver)


def test_l_marks_a_generation_as_liked_and_no_longer(driver: Driver) -> None:
    def script(window: Window) -> Generator[None]:
        yield from held_after(window, 12)
        press(pygame.K_HOME)
        yield from until(lambda: on_show(window).number == 1)
        press(pygame.K_l)
        yield from until(lambda: on_show(window).liked)
        assert moment(window).liked == {1}
        press(pygame.K_END)
        yield from until(lambda: not on_show(window).past)
        press(pygame.K_l)
        yield from until(lambda: on_show(window).liked)
        press(pygame.K_l)
        yield from until(lambda: not on_show(window).liked)
        assert moment(window).liked == {1}
        press(pygame.K_q)

    driver.play(script, **FOREVER)
    (like,) = yaml.safe_load((driver.folder / "likes.yaml").read_text())
    assert like["generation"] == 1
    rows = (driver.folder / "log.csv").read_text().splitlines()
    assert like["score"] == float(rows[1].split(",")[3])
    assert list(driver.folder.glob("saved_*")) == []


def test_p_shows_the_population_best_first_and_a_click_one_of_it(driver: Driver) -> None:
    kept = []

    def script(window: Window) -> Generator[None]:
        yield from held_after(window, 5)
        press(pygame.K_p)
        yield from until(lambda: shows(window, POPULATION))
        scores = moment(window).scores
        assert list(scores) == sorted(scores, reverse=True)
        assert len(moment(window).population) == len(scores) > 5
        genome = moment(window).population[5]
        click(plan(window).cells(len(scores))[5].box[:2])
        yield from until(lambda: shows(window, POPULATION, 5))
        assert np.array_equal(on_show(window).genome, genome)
        assert on_show(window).score == scores[5]
        assert pixels_match(window)
        press(pygame.K_SPACE)
        yield from until(lambda: moment(window).generation > on_show(window).number + 3)
        assert np.array_equal(on_show(window).genome, genome)
        for key in (pygame.K_s, pygame.K_l):
            press(key)
            yield from message(window, "saved" if key == pygame.K_s else "liked")
        kept.append(genome)
        click((plan(window).picture.left + 5, plan(window).picture.top + 5))
        yield from until(lambda: shows(window, POPULATION))
        press(pygame.K_p)
        yield from until(lambda: shows(window, PICTURE))
        press(pygame.K_q)

    driver.play(script, search="genetic", backend="onnxruntime", **FOREVER)
    (like,) = all_likes(driver.folder)
    assert np.array_equal(genome_in(driver.folder / like.picture), kept[0])
    assert {path.name for path in driver.folder.glob("saved_*.png")} == {like.picture}


def test_scores_that_are_only_nearly_right_are_never_shown(driver: Driver) -> None:
    """One of the population is scored by the reference, once it is looked at."""
    found = []

    def script(window: Window) -> Generator[None]:
        yield from held_after(window, 5)
        press(pygame.K_p)
        yield from until(lambda: shows(window, POPULATION))
        assert moment(window).scores == ()
        click(plan(window).cells(len(moment(window).population))[3].box[:2])
        yield from until(lambda: shows(window, POPULATION, 3))
        yield from until(lambda: on_show(window).score > 0.0)
        found.append(on_show(window))
        press(pygame.K_s)
        yield from message(window, "saved")
        press(pygame.K_q)

    pytest.importorskip("openvino")
    driver.play(script, search="genetic", backend="openvino", **FOREVER)
    reference = Classifier(read_spec(str(driver.model)))
    (png,) = driver.folder.glob("saved_*.png")
    with Image.open(png) as image:
        score = float(reference.score_image(image)[2])
        assert image.text["evonsfw:score"] == f"{score:.6f}"
    assert found[0].score == pytest.approx(score, abs=1e-7)


def shows(window: Window, mode: str, chosen: int | None = None) -> bool:
    """Whether the screen shows a mode."""
    painted = window._controls._painted
    assert painted is not None
    return (painted.look.mode, painted.look.chosen) == (mode, chosen)


def test_e_shows_what_each_shape_contributes_and_svg_says_it(driver: Driver) -> None:
    found = []

    def script(window: Window) -> Generator[None]:
        yield from started(window)
        press(pygame.K_e)
        yield from until(lambda: shows(window, SHAPES))
        yield from until(lambda: weighed(window) is not None)
        genome, values = on_show(window).genome, weighed(window)
        yield from until(lambda: moment(window).generation > on_show(window).number + 3)
        assert np.array_equal(on_show(window).genome, genome)
        press(pygame.K_s)
        yield from message(window, "saved")
        found.append((genome, values))
        press(pygame.K_e)
        yield from until(lambda: shows(window, PICTURE) and not on_show(window).past)
        press(pygame.K_q)

    driver.play(script, **FOREVER)
    (svg,) = driver.folder.glob("saved_*.svg")
    assert svg.read_text().count("data-contribution=") == 3
    assert found[0][1] == weighed_by_hand(driver, found[0][0])


def weighed(window: Window) -> tuple[float, ...] | None:
    known = moment(window).contributions
    return None if known is None else known.values


def weighed_by_hand(driver: Driver, genome: np.ndarray) -> tuple[float, ...] | None:
    from evonsfw.contribution import contributions
    from evonsfw.reference import reference_of

    config = make_config({"classifier": str(driver.model), "n": 3, "size": "48x32"})
    pipeline = reference_of(config)[1]
    return contributions(pipeline, genome, config.encoding, config.canvas)


def test_plus_and_minus_change_how_often_pictures_are_kept(driver: Driver) -> None:
    def script(window: Window) -> Generator[None]:
        yield from held_after(window, 3)
        for key, text, every in [
            (pygame.K_KP_PLUS, "+", 500),
            (pygame.K_PLUS, "+", 200),
            (pygame.K_MINUS, "-", 500),
            (pygame.K_KP_MINUS, "-", 1000),
            (pygame.K_MINUS, "-", 1000),
        ]:
            press(key, unicode=text)
            yield from until(lambda: moment(window).every == every)  # noqa: B023
        for _ in range(12):
            press(pygame.K_PLUS, unicode="+")
        yield from until(lambda: moment(window).every == 1)
        yield from message(window, "keeping the best picture of every generation")
        for _ in range(2):
            before = number(window)
            press(pygame.K_n)
            yield from until(lambda: number(window) > before)  # noqa: B023
        press(pygame.K_q)

    driver.play(script, **FOREVER)
    last = load_state(driver.folder / "checkpoint")["generation"]
    kept = sorted(path.name for path in (driver.folder / "generations").iterdir())
    assert kept[-2:] == [f"gen_{last - 1:05}.png", f"gen_{last:05}.png"]
    assert len(kept) <= 4


def test_b_ends_the_run_and_begins_another_with_what_is_on_show(driver: Driver) -> None:
    genomes = []

    def script(window: Window) -> Generator[None]:
        yield from held_after(window, 12)
        press(pygame.K_HOME)
        yield from until(lambda: on_show(window).number == 1)
        genomes.append(on_show(window).genome)
        press(pygame.K_b)
        yield from until(lambda: len(driver.windows) == 2)
        other = driver.windows[1]
        yield from started(other)
        press(pygame.K_q)

    driver.play(script, **FOREVER)
    assert "branched at generation 1" in [line.split(":")[0] for line in driver.said]
    (branch,) = [path for path in driver.folder.parent.iterdir() if path != driver.folder]
    parent = yaml.safe_load((branch / "config.yaml").read_text())["parent"]
    assert parent["generation"] == 1
    assert np.array_equal(genome_in(branch / "start.png"), genomes[0])
    assert load_state(driver.folder / "checkpoint")["generation"] >= 12


def test_h_tab_and_resizing_are_drawn_anew(driver: Driver) -> None:
    def script(window: Window) -> Generator[None]:
        yield from held_after(window, 3)
        yield from until(lambda: pixels_match(window))
        for key, name in [(pygame.K_h, "keys"), (pygame.K_TAB, "hud")]:
            for _ in range(2):
                before = getattr(window._controls.look, name)
                press(key)
                yield from until(lambda: seen(window, name) != before)  # noqa: B023
                assert pixels_match(window)
        for size in [(500, 377), (120, 90)]:
            yield from resized(*size)
            yield from until(lambda: surface_pixels().shape[1::-1] == size)  # noqa: B023
            yield from until(lambda: pixels_match(window))
        press(pygame.K_q)

    driver.play(script, **FOREVER)
    assert_whole(driver)


def seen(window: Window, name: str) -> Any:
    """A field of the look that is on the screen."""
    painted = window._controls._painted
    assert painted is not None
    return getattr(painted.look, name)


def resized(width: int, height: int) -> Iterator[None]:
    """What dragging the window's corner does; SDL's new surface is there a frame later."""
    from pygame._sdl2.video import Window as SystemWindow

    SystemWindow.from_display_module().size = (width, height)
    yield


def test_f_fills_the_screen_and_gives_it_back(driver: Driver) -> None:
    def script(window: Window) -> Generator[None]:
        yield from held_after(window, 3)
        first = window._surface.get_size()
        desktop = pygame.display.get_desktop_sizes()[0]
        assert first != desktop
        for key, size in [(pygame.K_f, desktop), (pygame.K_f, first)] * 2:
            press(key)
            yield from until(lambda: window._surface.get_size() == size)  # noqa: B023
            yield from until(lambda: pixels_match(window))
        press(pygame.K_f)
        yield from until(lambda: window._surface.get_size() == desktop)
        press(pygame.K_ESCAPE)
        yield from until(lambda: window._surface.get_size() == first)
        press(pygame.K_q)

    driver.play(script, **FOREVER)
    assert_whole(driver)


def test_escape_closes_what_is_open_and_only_then_the_window(driver: Driver) -> None:
    def script(window: Window) -> Generator[None]:
        yield from held_after(window, 3)
        press(pygame.K_p)
        yield from until(lambda: shows(window, POPULATION))
        click(plan(window).cells(len(moment(window).population))[0].box[:2])
        yield from until(lambda: shows(window, POPULATION, 0))
        press(pygame.K_e)
        yield from until(lambda: shows(window, SHAPES, 0))
        press(pygame.K_h)
        yield from until(lambda: seen(window, "keys"))
        for mode, chosen in [(SHAPES, 0), (POPULATION, 0), (POPULATION, None), (PICTURE, None)]:
            press(pygame.K_ESCAPE)
            yield from until(lambda: shows(window, mode, chosen) and not seen(window, "keys"))  # noqa: B023
        press(pygame.K_ESCAPE)

    driver.play(script, **FOREVER)
    assert driver.reason == "Esc was pressed"


def test_a_key_that_is_held_down_counts_once_but_for_those_that_scrub(driver: Driver) -> None:
    def down(key: int) -> None:
        for _ in range(3):
            pygame.event.post(pygame.event.Event(pygame.KEYDOWN, key=key))

    def script(window: Window) -> Generator[None]:
        yield from held_after(window, 12)
        down(pygame.K_h)
        yield from until(lambda: seen(window, "keys"))
        press(pygame.K_ESCAPE)
        press(pygame.K_HOME)
        yield from until(lambda: on_show(window).number == 1)
        for expected in (2, 3, 4):
            pygame.event.post(pygame.event.Event(pygame.KEYDOWN, key=pygame.K_RIGHT))
            yield from until(lambda: on_show(window).number == expected)  # noqa: B023
        press(pygame.K_q)

    driver.play(script, **FOREVER)


def test_genomes_that_are_damaged_are_told_and_the_window_stays(driver: Driver) -> None:
    def script(window: Window) -> Generator[None]:
        yield from held_after(window, 12)
        with (driver.folder / BESTS).open("r+b") as file:
            file.seek(4)
            file.write(b"\xff" * 8)
        window._subject.past._genomes.clear()  # type: ignore[attr-defined]
        press(pygame.K_HOME)
        yield from message(window, "damaged at generation 1")
        assert not on_show(window).past
        (driver.folder / BESTS).unlink()
        press(pygame.K_HOME)
        yield from message(window, "No such file")
        press(pygame.K_q)

    driver.play(script, **FOREVER)


def test_where_the_mouse_does_not_matter_nothing_is_drawn_for_it(driver: Driver) -> None:
    def script(window: Window) -> Generator[None]:
        yield from held_after(window, 3)
        graph = plan(window).graph
        assert graph is not None
        mouse(pygame.MOUSEMOTION, (graph.left + 2, graph.top + 2))
        yield from until(lambda: seen(window, "hover") == (graph.left + 2, graph.top + 2))
        mouse(pygame.MOUSEMOTION, (30, 40))
        yield from until(lambda: seen(window, "hover") is None)
        mouse(pygame.MOUSEMOTION, (graph.left + 2, graph.top + 2))
        yield from until(lambda: seen(window, "hover") is not None)
        pygame.event.post(pygame.event.Event(pygame.WINDOWLEAVE))
        yield from until(lambda: seen(window, "hover") is None)
        press(pygame.K_q)

    driver.play(script, **FOREVER)


def test_a_defect_of_a_frame_is_not_hidden(driver: Driver, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: Any) -> None:
        raise ZeroDivisionError("a defect")

    def script(_window: Window) -> Generator[None]:
        yield from iter([None] * 10_000)

    monkeypatch.setattr("evonsfw.painter.draw", broken)
    with pytest.raises(ZeroDivisionError, match="a defect"):
        driver.play(script, **FOREVER)
    pygame.display.quit()


def test_without_a_screen_the_run_goes_on_without_a_window(
    driver: Driver, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: Any) -> None:
        raise pygame.error("x11 not available")

    monkeypatch.setattr(pygame.display, "set_mode", fail)
    config = make_config({"classifier": str(driver.model), "n": 3, "size": 16, "workers": 0})
    ends = config.model_copy(update={"generations": 2, "seed": 1})
    start_run(ends, driver.folder, "evonsfw", True, driver.said.append)
    assert "no window can be opened: x11 not available; going on without" in driver.said
    assert driver.reason == "2 generations done"
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
