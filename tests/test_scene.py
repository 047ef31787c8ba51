"""Frames, pixel by pixel, without a window."""

from __future__ import annotations

import ast
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evonsfw import scene
from evonsfw.generation import Champion, Generation, read_only
from evonsfw.genome import Encoding
from evonsfw.live import Snapshot
from evonsfw.raster import render
from evonsfw.scene import View, draw, format_score, panel_height, picture_at, picture_box
from evonsfw.shapes import Canvas

ENCODING = Encoding(("circles", "triangles"), 30)
GENOME = np.random.default_rng(3).random(ENCODING.length, np.float32)
TEXT_EDGES = 0.002
"""Share of pixels that another version of FreeType may draw otherwise: the edges of letters."""


def _snapshot(
    paused: bool = False, message: str = "", points: int = 200, score: float = 0.8734
) -> Snapshot:
    champion = Champion(read_only(GENOME), 1.0, score, 1)
    generation = Generation(
        number=1234,
        evaluations=56789,
        seconds=100.0,
        best=champion,
        best_so_far=champion,
        mean_fitness=0.0,
        std_fitness=0.0,
        genomes=np.zeros((1, 3), np.float32),
        fitness=np.zeros(1),
    )
    curve = tuple(np.linspace(0, 1, points) ** 0.5) if points > 1 else (score,) * points
    return Snapshot(generation, curve, 42.0, paused, message)


def _view(keys: bool = False, canvas: Canvas = (256, 256)) -> View:
    return View(ENCODING, canvas, "teapot", keys)


@pytest.mark.parametrize(
    ("name", "size", "keys", "paused", "message"),
    [
        ("tall", (360, 400), False, False, ""),
        ("wide", (640, 360), False, True, ""),
        ("keys", (360, 400), True, False, ""),
        ("message", (640, 360), False, False, "saved saved_01234.png"),
    ],
)
def test_golden_frame(
    name: str, size: Canvas, keys: bool, paused: bool, message: str, golden
) -> None:
    frame = draw(_snapshot(paused, message), _view(keys), size)
    golden(frame, f"scene-{name}", tolerance=8, outliers=TEXT_EDGES)


@settings(deadline=None, max_examples=25)
@given(
    size=st.tuples(st.integers(1, 300), st.integers(1, 300)),
    canvas=st.tuples(st.integers(16, 900), st.integers(16, 900)),
    keys=st.booleans(),
    paused=st.booleans(),
    message=st.sampled_from(["", "saved a.png", "ü" * 300]),
    points=st.integers(1, 40),
)
def test_any_size(
    size: Canvas, canvas: Canvas, keys: bool, paused: bool, message: str, points: int
) -> None:
    frame = draw(_snapshot(paused, message, points), _view(keys, canvas), size)
    assert frame.shape == (size[1], size[0], 3)
    assert frame.dtype == np.uint8


@pytest.mark.parametrize("size", [(1, 1), (50, 40), (1, 500), (500, 1), (160, 160), (2000, 170)])
@pytest.mark.parametrize("keys", [False, True])
def test_odd_windows(size: Canvas, keys: bool) -> None:
    assert draw(_snapshot(points=1), _view(keys), size).shape == (size[1], size[0], 3)


def test_the_picture_is_drawn_anew_at_the_size_of_its_box() -> None:
    size = (300, 420)
    left, top, width, height = picture_box((256, 256), size)
    frame = draw(_snapshot(), _view(), size)
    exact = render(GENOME[None], ENCODING, (width, height))[0]
    np.testing.assert_array_equal(frame[top : top + height, left : left + width], exact)


def test_around_the_picture_is_ground() -> None:
    size = (500, 400)
    left, top, width, height = picture_box((256, 256), size)
    frame = draw(_snapshot(), _view(), size)
    assert left > 0
    assert np.all(frame[top : top + height, :left] == scene.GROUND)
    assert np.all(frame[top : top + height, left + width :] == scene.GROUND)


def test_a_small_window_is_all_picture() -> None:
    frame = draw(_snapshot(), _view(), (100, 100))
    np.testing.assert_array_equal(frame, render(GENOME[None], ENCODING, (100, 100))[0])


@settings(deadline=None)
@given(
    canvas=st.tuples(st.integers(16, 4096), st.integers(16, 4096)),
    size=st.tuples(st.integers(1, 3000), st.integers(1, 3000)),
)
def test_picture_box_keeps_proportions_and_fills_the_room(canvas: Canvas, size: Canvas) -> None:
    left, top, width, height = picture_box(canvas, size)
    room_w, room_h = size[0], max(1, size[1] - panel_height(size))
    assert 1 <= width <= room_w
    assert 1 <= height <= room_h
    assert width >= room_w - 1 or height >= room_h - 1
    scale = min(room_w / canvas[0], room_h / canvas[1])
    assert abs(width - canvas[0] * scale) <= 1
    assert abs(height - canvas[1] * scale) <= 1
    assert abs((room_w - width) - 2 * left) <= 1
    assert abs((room_h - height) - 2 * top) <= 1


@pytest.mark.parametrize(
    ("canvas", "size", "box"),
    [
        ((256, 256), (100, 100), (0, 0, 100, 100)),
        ((200, 100), (100, 100), (0, 25, 100, 50)),
        ((100, 200), (100, 100), (25, 0, 50, 100)),
        ((256, 256), (1, 1), (0, 0, 1, 1)),
        ((4096, 16), (50, 40), (0, 19, 50, 1)),
    ],
)
def test_picture_boxes_by_hand(
    canvas: Canvas, size: Canvas, box: tuple[int, int, int, int]
) -> None:
    assert picture_box(canvas, size) == box


def test_panel_height() -> None:
    assert panel_height((159, 900)) == panel_height((900, 159)) == 0
    assert panel_height((160, 160)) == 52
    assert panel_height((900, 800)) == 88
    assert panel_height((900, 3000)) == 120


@pytest.mark.parametrize(
    ("change", "other"),
    [
        (_snapshot(), _snapshot(paused=True)),
        (_snapshot(), _snapshot(message="saved")),
        (_snapshot(), _snapshot(score=0.8735)),
        (_snapshot(), _snapshot(points=3)),
    ],
)
def test_what_changes_is_seen_in_the_panel(change: Snapshot, other: Snapshot) -> None:
    size = (640, 360)
    one, two = draw(change, _view(), size), draw(other, _view(), size)
    top = size[1] - panel_height(size)
    np.testing.assert_array_equal(one[:top], two[:top])
    assert np.any(one[top:] != two[top:])


def test_the_keys_are_seen() -> None:
    plain, helped = (draw(_snapshot(), _view(keys), (640, 480)) for keys in (False, True))
    changed = np.any(plain != helped, axis=-1)
    assert 0.1 < changed.mean() < 0.9


def test_a_picture_is_remembered_while_it_is_on_show() -> None:
    assert picture_at(GENOME, ENCODING, (40, 40)) is picture_at(GENOME.copy(), ENCODING, (40, 40))
    assert picture_at(GENOME, ENCODING, (40, 41)).shape == (41, 40, 3)


@pytest.mark.parametrize(
    ("score", "text"),
    [
        (0.0, "0.0000"),
        (0.5, "0.5000"),
        (0.99949, "0.9995"),
        (0.9995, "0.999500"),
        (0.999999, "0.999999"),
        (1.0, "1.000000"),
        (12.345, "12.35"),
        (255.0, "255.00"),
    ],
)
def test_scores_as_text(score: float, text: str) -> None:
    assert format_score(score) == text


def test_scene_is_drawn_without_pygame_clock_or_disk() -> None:
    tree = ast.parse(Path(scene.__file__).read_text(encoding="utf-8"))
    imported = {
        alias.name.split(".")[0]
        for node in ast.walk(tree)
        if isinstance(node, ast.Import)
        for alias in node.names
    } | {
        str(node.module).split(".")[0]
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom)
    }
    assert not imported & {"pygame", "time", "pathlib", "os", "random"}
