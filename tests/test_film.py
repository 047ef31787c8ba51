"""The film of a run: when what is seen, and what is seen then."""

from __future__ import annotations

import json
import math
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from reel import ENCODING, Steps, artwork_of, climb, picture

from evonsfw.brush import GROUND
from evonsfw.exporters import Artwork, Manner, Story
from evonsfw.film import (
    Film,
    Timetable,
    changes,
    film_manner,
    frame_count,
    from_comment,
    motion,
    picture_box,
    to_comment,
)
from evonsfw.shapes import Canvas


def test_every_genome_that_differs_is_seen_in_order() -> None:
    one, two, three = climb(3)
    timetable = Timetable(Story(Steps([one, one, two, two, two, three]), "", {}), ENCODING, 6.0)
    assert timetable.keyframes == 3
    seen = [timetable.at(time) for time in np.linspace(0.0, 1.0, 601)]
    numbers = [instant.number for instant in seen]
    assert numbers == sorted(numbers)
    assert (numbers[0], numbers[-1]) == (1, 6)
    for genome in (one, two, three):
        alphas = ENCODING.decode(genome).alphas
        apart = [
            np.abs(i.drawing.alphas - alphas).max() for i in seen if len(i.drawing.alphas) == 5
        ]
        assert min(apart) < 0.02


@pytest.mark.parametrize("seconds", [0.1, 1.0, 5.9, 6.0, 12.0, 600.0])
def test_it_opens_with_the_first_picture_and_rests_on_the_last(seconds: float) -> None:
    genomes = climb(4)
    timetable = Timetable(Story(Steps(genomes), "", {}), ENCODING, seconds)
    opening, end = motion(seconds)
    assert 0.0 < opening <= 0.04 + 1e-9
    held = seconds * (1.0 - end)
    assert held <= 10.0 + 1e-9
    if 6.0 <= seconds <= 50.0:
        assert held >= 1.5 - 1e-9
        assert 0.15 <= held / seconds <= 0.25 + 1e-9
    for time, genome in ((0.0, 0), (opening, 0), (end + 1e-9, 3), (1.0, 3)):
        np.testing.assert_array_equal(
            timetable.at(time).drawing.geometry, ENCODING.decode(genomes[genome]).geometry
        )
    assert timetable.at(end + 1e-9).drawing is timetable.at(1.0).drawing
    assert timetable.at(end - 0.05).drawing is not timetable.at(1.0).drawing


def test_it_ends_with_the_artwork_even_where_the_run_does_not() -> None:
    genomes = climb(4)
    liked = climb(1, seed=9)[0]
    timetable = Timetable(Story(Steps(genomes), "", {}), ENCODING, 6.0, liked)
    last = timetable.at(1.0)
    np.testing.assert_array_equal(last.drawing.alphas, ENCODING.decode(liked).alphas)
    assert last.number == 4


def test_big_changes_get_more_time_than_small_ones() -> None:
    first = np.full(ENCODING.length, 0.5, np.float32)
    small, big = first.copy(), first.copy()
    small[0] += 0.02
    big[:3] = 0.0
    timetable = Timetable(Story(Steps([first, small, big]), "", {}), ENCODING, 6.0)
    opening, end = motion(6.0)
    times = np.linspace(opening, end, 2001)[1:-1]
    red = np.array([timetable.at(time).drawing.background[0] for time in times])
    share = float((np.diff(red) > 0).mean())
    assert 0.05 < share < 0.3


def test_a_long_run_is_thinned_and_hardly_read() -> None:
    genomes = climb(60)
    steps = Steps([genome for genome in genomes for _ in range(1000)])
    timetable = Timetable(Story(steps, "", {}), ENCODING, 6.0)
    assert steps.reads < 5000
    opening, end = motion(6.0)
    assert 10 <= timetable.keyframes <= 6.0 * (end - opening) / 0.25 + 2
    steps.reads = 0
    timetable.at(0.5)
    assert steps.reads <= 4


@given(st.lists(st.integers(1, 9), min_size=1, max_size=12))
def test_changes_are_all_found(lengths: list[int]) -> None:
    steps = Steps([np.full(3, k, np.float32) for k, n in enumerate(lengths) for _ in range(n)])
    assert changes(steps) == [sum(lengths[:k]) for k in range(len(lengths))]


@pytest.mark.parametrize("shape", ["", "rubbish", "32", "32x24"])
def test_a_run_of_one_step_is_a_still_film(shape: str) -> None:
    artwork = artwork_of(climb(1), shape)
    frames = list(Film(artwork, (32, 24), 3.0).frames(4))
    assert all(frame is frames[0] for frame in frames)
    assert frames[0].shape == (24, 32, 3)


def test_one_picture_is_no_film() -> None:
    with pytest.raises(ValueError, match="made of a run, not of one picture"):
        Film(Artwork(climb(1)[0], ENCODING), (32, 24), 3.0)


def test_frames_begin_and_end_with_the_runs_pictures_and_glide_between() -> None:
    genomes = climb(3)
    frames = list(Film(artwork_of(genomes), (32, 24), 2.0).frames(41))
    np.testing.assert_array_equal(frames[0], picture(genomes[0], (32, 24)))
    np.testing.assert_array_equal(frames[-1], picture(genomes[-1], (32, 24)))
    steps = [np.abs(b.astype(int) - a).mean() for a, b in pairwise(frames)]
    assert max(steps) < 0.15 * sum(steps)
    assert frames[-1] is frames[-6]
    only = list(Film(artwork_of(genomes), (32, 24), 2.0).frames(1))
    np.testing.assert_array_equal(only[0], frames[-1])


def test_bars_are_dark_and_the_picture_is_in_the_middle() -> None:
    genomes = climb(2)
    (frame,) = Film(artwork_of(genomes, "24x24"), (64, 36), 1.0).frames(1)
    np.testing.assert_array_equal(frame[:, 14:50], picture(genomes[-1], (36, 36)))
    for bar in (frame[:, :14], frame[:, 50:]):
        assert (bar == GROUND).all()


@pytest.mark.parametrize(
    ("shape", "canvas", "box"),
    [
        ((256, 256), (1920, 1080), (420, 0, 1080, 1080)),
        ((100, 200), (1920, 1080), (690, 0, 540, 1080)),
        ((400, 100), (1920, 1080), (0, 300, 1920, 480)),
        ((640, 427), (400, 266), (0, 0, 400, 266)),
        ((30, 3000), (64, 64), (31, 0, 1, 64)),
        (None, (64, 36), (0, 0, 64, 36)),
    ],
)
def test_picture_box(shape: Canvas | None, canvas: Canvas, box: tuple[int, ...]) -> None:
    assert picture_box(shape, canvas) == box


@pytest.mark.parametrize(("fps", "seconds"), [(0, 1.0), (-3, 1.0), (121, 1.0)])
def test_silly_speeds(fps: int, seconds: float) -> None:
    with pytest.raises(ValueError, match=rf"^--fps {fps}: expected 1 to 120"):
        film_manner(Manner(fps=fps, seconds=seconds), 30, 12.0)


@pytest.mark.parametrize("seconds", [0.0, 0.09, -1.0, 601.0, math.inf, math.nan])
def test_silly_lengths(seconds: float) -> None:
    with pytest.raises(ValueError, match=r"^--seconds .*: expected 0.1 to 600 seconds"):
        film_manner(Manner(seconds=seconds), 30, 12.0)


def test_a_formats_own_speed_and_length() -> None:
    assert film_manner(Manner(), 30, 12.0) == (30, 12.0)
    assert film_manner(Manner(fps=1, seconds=600.0), 30, 12.0) == (1, 600.0)
    assert [frame_count(*both) for both in ((30, 12.0), (24, 0.1), (1, 0.1), (7, 1.0))] == [
        360,
        2,
        1,
        7,
    ]


def test_a_comment_of_another_program() -> None:
    for text in ("", "Created with GIMP", "[1, 2]", "7", "[" * 100_000):
        assert from_comment(text) == {}
    assert from_comment('{"a": "b", "c": 3}') == {"a": "b"}
    assert from_comment(to_comment({"a": 'ü"\n'})) == {"a": 'ü"\n'}
    assert json.loads(to_comment({"a": "b"})) == {"a": "b"}
