"""Frames, pixel by pixel, without a window."""

from __future__ import annotations

import ast
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from moments import ENCODING, GENOMES, chart, contributions, moment, shown, view

import evonsfw
from evonsfw.brush import GROUND, TEXT
from evonsfw.cells import Box
from evonsfw.figures import format_every, format_time, small_figures
from evonsfw.gallery import Memory, picture_at
from evonsfw.genome import Encoding
from evonsfw.layout import layout
from evonsfw.moment import MODES, Contributions, Look, Moment, View
from evonsfw.raster import render
from evonsfw.scene import Frame, draw, format_score
from evonsfw.shapes import Canvas
from evonsfw.sheet import sheet

TEXT_EDGES = 0.002
"""Share of pixels that another version of FreeType may draw otherwise: the edges of letters."""
PAST = shown(42, score=0.4422, mean_score=0.1315, past=True, liked=True, near=True)
GOLDEN = {
    "wide": (moment(), Look(), (900, 560)),
    "tall": (moment(message="saved 00310.png and 00310.svg"), Look(), (480, 560)),
    "small": (moment(finished=True), Look(), (480, 360)),
    "past": (
        moment(shown=PAST, paused=True, chart=replace(chart(), near=True)),
        Look(),
        (720, 450),
    ),
    "keys": (moment(), Look(keys=True), (640, 480)),
    "population": (moment(), Look(mode="population", hover=(200, 200)), (720, 450)),
    "chosen": (moment(), Look(mode="population", chosen=2), (720, 450)),
    "weighing": (moment(contributions=contributions(12)), Look(mode="shapes"), (720, 450)),
    "weighed": (
        moment(contributions=contributions()),
        Look(mode="shapes", hover=(120, 300)),
        (720, 450),
    ),
    "bare": (moment(), Look(hud=False), (480, 360)),
}


@pytest.mark.parametrize("name", GOLDEN)
def test_golden_frame(name: str, golden) -> None:
    there, look, size = GOLDEN[name]
    golden(draw(there, view(), look, size), f"scene-{name}", tolerance=8, outliers=TEXT_EDGES)


LOOKS = st.builds(
    Look,
    hud=st.booleans(),
    keys=st.booleans(),
    mode=st.sampled_from(MODES),
    chosen=st.none() | st.integers(0, 60),
    hover=st.none() | st.tuples(st.integers(-9, 400), st.integers(-9, 400)),
)


@settings(deadline=None, max_examples=60)
@given(
    size=st.tuples(st.integers(1, 400), st.integers(1, 400)),
    canvas=st.tuples(st.integers(16, 900), st.integers(16, 900)),
    look=LOOKS,
    points=st.integers(1, 40),
    count=st.integers(0, 48),
    paused=st.booleans(),
    message=st.sampled_from(["", "saved a.png", "ü" * 300, " \n", "a →\u0000 b " * 40]),
    done=st.none() | st.sampled_from([0, 12, ENCODING.n]),
)
def test_any_size(
    size: Canvas,
    canvas: Canvas,
    look: Look,
    points: int,
    count: int,
    paused: bool,
    message: str,
    done: int | None,
) -> None:
    there = moment(
        chart=chart(points),
        thumbnails=moment().thumbnails[: count % 12],
        population=GENOMES[:count],
        scores=moment().scores[:count],
        paused=paused,
        message=message,
        contributions=None if done is None else contributions(done),
    )
    frame = draw(there, view(canvas=canvas), look, size)
    assert frame.shape == (size[1], size[0], 3)
    assert frame.dtype == np.uint8


@pytest.mark.parametrize("size", [(1, 1), (50, 40), (1, 500), (500, 1), (160, 160), (2000, 170)])
@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("keys", [False, True])
def test_odd_windows(size: Canvas, mode: str, keys: bool) -> None:
    look = Look(mode=mode, keys=keys, hover=(0, 0))
    there = moment(contributions=contributions(), chart=chart(1), message="saved")
    assert draw(there, view(), look, size).shape == (size[1], size[0], 3)


@pytest.mark.parametrize("n", [1, 2000])
@pytest.mark.parametrize("mode", MODES)
def test_any_number_of_shapes_one_individual_one_generation(n: int, mode: str) -> None:
    encoding = Encoding(("triangles",), n)
    genome = np.random.default_rng(n).random(encoding.length, np.float32)
    first = shown(1, genome=genome, mean_score=float("nan"))
    there = moment(
        shown=first, chart=chart(1), thumbnails=((1, genome),), population=(genome,), scores=(0.5,)
    )
    found = draw(there, view(encoding=encoding), Look(mode=mode, hover=(99, 99)), (400, 300))
    assert found.shape == (300, 400, 3)


def test_many_individuals_are_said_to_be_left_out() -> None:
    look, size = Look(mode="population"), (400, 300)
    population = GENOMES * 6
    some, more = (
        draw(moment(population=population[:count], scores=()), view(), look, size)
        for count in (257, 288)
    )
    assert np.any(some != more)


def _part(frame: Frame, box: Box | None) -> Frame:
    assert box is not None
    return frame[box.top : box.bottom, box.left : box.right]


@pytest.mark.parametrize("size", [(640, 400), (300, 420), (1600, 900)])
@pytest.mark.parametrize("hud", [False, True])
def test_the_picture_is_drawn_anew_at_the_size_of_its_box(size: Canvas, hud: bool) -> None:
    box = layout((256, 256), size, Look(hud=hud)).picture
    frame = draw(moment(), view(), Look(hud=hud), size)
    exact = render(GENOMES[0][None], ENCODING, (box.width, box.height))[0]
    np.testing.assert_array_equal(_part(frame, box), exact)


def test_around_the_picture_is_ground() -> None:
    size = (500, 400)
    box = layout((256, 256), size, Look(hud=False)).picture
    frame = draw(moment(), view(), Look(hud=False), size)
    assert box == (50, 0, 400, 400)
    assert np.all(frame[:, :50] == GROUND)
    assert np.all(frame[:, 450:] == GROUND)


def test_a_small_window_is_all_picture() -> None:
    frame = draw(moment(), view(), Look(), (100, 100))
    np.testing.assert_array_equal(frame, render(GENOMES[0][None], ENCODING, (100, 100))[0])


def test_what_lies_between_two_generations_is_shown_instead_of_the_genome() -> None:
    size = (300, 200)
    box = layout((256, 256), size, Look()).picture
    drawing = ENCODING.decode(GENOMES[7])
    frame = draw(moment(shown=shown(drawing=drawing)), view(), Look(), size)
    exact = render(GENOMES[7][None], ENCODING, (box.width, box.height))[0]
    np.testing.assert_array_equal(_part(frame, box), exact)


def test_a_chosen_individual_is_seen_large_the_last_where_there_are_fewer() -> None:
    size = (640, 400)
    box = layout((256, 256), size, Look()).picture
    for chosen, genome in ((5, GENOMES[5]), (99, GENOMES[-1])):
        frame = draw(moment(), view(), Look(mode="population", chosen=chosen), size)
        exact = render(genome[None], ENCODING, (box.width, box.height))[0]
        np.testing.assert_array_equal(_part(frame, box)[:200], exact[:200])


@pytest.mark.parametrize(
    ("part", "change"),
    [
        ("figures", {"paused": True}),
        ("figures", {"finished": True}),
        ("figures", {"rate": 17.0}),
        ("figures", {"every": 20}),
        ("figures", {"shown": shown(score=0.8735)}),
        ("figures", {"shown": shown(mean_score=float("nan"))}),
        ("figures", {"shown": shown(liked=True)}),
        ("figures", {"shown": shown(past=True)}),
        ("graph", {"liked": frozenset({42})}),
        ("graph", {"chart": replace(chart(), mean=chart().mean / 2)}),
        ("strip", {"thumbnails": moment().thumbnails[::2]}),
        ("picture", {"message": "saved"}),
        ("picture", {"shown": shown(genome=GENOMES[1])}),
    ],
)
def test_a_change_is_seen_where_it_belongs_and_nowhere_else(
    part: str, change: dict[str, object]
) -> None:
    size = (900, 560)
    one, two = (draw(m, view(), Look(), size) for m in (moment(), moment(**change)))
    box = getattr(layout((256, 256), size, Look()), part)
    assert np.any(_part(one, box) != _part(two, box))
    _part(one, box)[:] = _part(two, box)
    np.testing.assert_array_equal(one, two)


def test_a_hovered_shape_is_framed_and_named() -> None:
    size = (640, 400)
    there = moment(contributions=contributions())
    plain, named = (
        draw(there, view(), Look(mode="shapes", hover=hover), size) for hover in (None, (120, 200))
    )
    framed = np.all(named == TEXT, axis=-1) & np.any(plain != named, axis=-1)
    assert framed.sum() > 50


def test_contributions_of_another_genome_are_not_shown() -> None:
    size, look = (640, 400), Look(mode="shapes")
    wrong = replace(contributions(), genome_hash="another")
    none, other, right = (
        draw(moment(contributions=c), view(), look, size) for c in (None, wrong, contributions())
    )
    np.testing.assert_array_equal(none, other)
    assert np.any(right != none)


def test_why_nothing_can_be_weighed_is_told_with_and_without_hud() -> None:
    failed = Contributions(contributions().genome_hash, None, 0, "no classifier")
    for hud in (False, True):
        look = Look(mode="shapes", hud=hud)
        one, two = (draw(moment(contributions=c), view(), look, (640, 400)) for c in (None, failed))
        assert np.any(one != two)


@pytest.mark.parametrize("size", [(320, 240), (320, 900), (640, 480), (3840, 2160)])
def test_the_help_sheet_fits(size: Canvas) -> None:
    plan = layout((256, 256), size, Look())
    unit, room = plan.unit, plan.room
    height, width, _ = sheet(size, unit).shape
    assert width + 2 <= size[0]
    assert height + 2 <= size[1]
    plain, helped = (draw(moment(), view(), Look(keys=keys), size) for keys in (False, True))
    if room.width < width + 2 or room.height < height + 2:
        room = Box(0, 0, *size)
    left, top = room.left + (room.width - width) // 2, room.top + (room.height - height) // 2
    np.testing.assert_array_equal(
        helped[top : top + height, left : left + width], sheet(size, unit)
    )
    np.testing.assert_array_equal(plain[: top - 1], helped[: top - 1])


def test_a_frame_is_new_every_time() -> None:
    one = draw(moment(), view(), Look(), (320, 240))
    one[:] = 0
    assert np.any(draw(moment(), view(), Look(), (320, 240)))


def test_a_picture_is_remembered() -> None:
    assert picture_at(GENOMES[0], ENCODING, (40, 40)) is picture_at(
        GENOMES[0].copy(), ENCODING, (40, 40)
    )
    assert picture_at(GENOMES[0], ENCODING, (40, 41)).shape == (41, 40, 3)


def test_what_was_unused_for_longest_is_forgotten() -> None:
    made: list[str] = []

    def frame(name: str, size: int = 10) -> Frame:
        made.append(name)
        return np.zeros((1, size, 1), np.uint8)

    memory = Memory(25)
    for name in ("a", "b", "a", "c", "a", "b"):
        memory(name, lambda name=name: frame(name))
    assert made == ["a", "b", "c", "b"]
    assert memory("large", lambda: frame("large", 26)).shape == (1, 26, 1)
    memory("large", lambda: frame("large", 26))
    memory("b", lambda: frame("b"))
    assert made[4:] == ["large", "large"]


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
        (-3.25, "-3.2500"),
    ],
)
def test_scores_as_text(score: float, text: str) -> None:
    assert format_score(score) == text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0, "00:00"), (59.9, "00:59"), (61, "01:01"), (3599, "59:59"), (3600, "1:00:00"),
     (90061, "25:01:01")],
)  # fmt: skip
def test_times_as_text(seconds: float, text: str) -> None:
    assert format_time(seconds) == text


@pytest.mark.parametrize(
    ("every", "text"),
    [(1, "every one"), (2, "every 2nd"), (3, "every 3rd"), (10, "every 10th"), (11, "every 11th"),
     (13, "every 13th"), (21, "every 21st"), (112, "every 112th"), (1000, "every 1,000th")],
)  # fmt: skip
def test_how_often_pictures_are_kept(every: int, text: str) -> None:
    assert format_every(every) == text


def _figures(there: Moment, how: View) -> dict[str, str]:
    return dict(small_figures(there, how))


def test_figures_are_those_of_the_generation_on_show() -> None:
    new, past = _figures(moment(), view()), _figures(moment(shown=PAST), view(seed=None))
    assert new == {
        "mean": "0.6123",
        "scorings": "14,880",
        "per second": "231",
        "time": "1:04:35",
        "kept": "every 10th",
        "seed": "7",
    }
    assert past["scorings"] == "2,016"
    assert past["mean"] == "≈ 0.1315"
    assert past["time"] == "08:45"
    assert past["seed"] == "not known"


PURE = (
    "scene", "layout", "cells", "moment", "brush", "gallery", "graph", "scales", "ticks",
    "figures", "sheet", "weighing", "ranking",
)  # fmt: skip


@pytest.mark.parametrize("name", PURE)
def test_frames_are_drawn_without_pygame_clock_or_disk(name: str) -> None:
    path = Path(evonsfw.__file__).parent / f"{name}.py"
    tree = ast.parse(path.read_text(encoding="utf-8"))
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
