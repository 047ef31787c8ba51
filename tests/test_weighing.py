"""What each shape contributes, as it is shown and told; the brush that frames are drawn with."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from moments import ENCODING, GENOMES, contributions, moment, shown
from PIL import Image

from evonsfw.brush import (
    disc,
    fill,
    fitted,
    heart,
    length,
    rounded,
    spelled,
    stroke,
    wrapped,
    write,
)
from evonsfw.genome import Encoding
from evonsfw.moment import Contributions
from evonsfw.raster import render
from evonsfw.weighing import progress, ranked, shape_at, told, values_of, weighed

SIZE = (120, 90)


def _circles(*rows: tuple[float, float, float, float]) -> tuple[np.ndarray, Encoding]:
    """Circles of x, y, size and alpha genes, and their encoding."""
    encoding = Encoding(("circles",), len(rows), alpha=(0.0, 1.0))
    genome = np.zeros(encoding.length, np.float32)
    for row, (x, y, size, alpha) in zip(encoding.rows(genome), rows, strict=True):
        row[:] = (x, y, size, 0.9, 0.5, 0.2, alpha)
    return genome, encoding


def test_the_uppermost_shape_that_can_be_seen_is_found() -> None:
    genome, encoding = _circles((0.5, 0.5, 0.9, 1), (0.5, 0.5, 0.5, 1), (0.5, 0.5, 0.7, 0))
    assert shape_at(genome, encoding, SIZE, (60, 45)) == 1
    assert shape_at(genome, encoding, SIZE, (60, 70)) == 0
    assert shape_at(genome, encoding, SIZE, (1, 1)) is None


@given(place=st.tuples(st.integers(0, 119), st.integers(0, 89)))
def test_the_shape_found_is_one_that_changes_the_pixel(place: tuple[int, int]) -> None:
    genome = GENOMES[0]
    x, y = place
    found = shape_at(genome, ENCODING, SIZE, (x + 0.5, y + 0.5))
    bright = genome.copy()
    if found is not None:
        row = ENCODING.rows(bright)[found]
        row[-4:-1] = 1.0 - np.round(row[-4:-1])
    one, two = render(np.stack([genome, bright]), ENCODING, SIZE)[:, y, x].astype(int)
    assert np.any(one != two) == (found is not None)


def test_in_words() -> None:
    assert told(11, -0.1234) == "shape 12 raises the score by 0.123"
    assert told(0, 0.05) == "shape 1 lowers the score by 0.0500"
    assert told(0, 0.0) == "shape 1 leaves the score as it is"
    assert told(4, None) == "shape 5"
    assert told(4, -12.3456) == "shape 5 raises the score by 12.35"
    assert told(4, 1.5e-5) == "shape 5 lowers the score by 0.000015"


def test_those_that_contribute_most_come_first_of_either_sign() -> None:
    assert ranked((0.1, -0.5, 0.0, 0.3, -0.1)) == [1, 3, 0, 4, 2]


def test_progress() -> None:
    n, genome_hash = ENCODING.n, contributions().genome_hash
    assert progress(moment(), n) == "weighing shapes"
    assert progress(moment(contributions=contributions(12)), n) == "weighing shapes: 12 of 30"
    assert progress(moment(contributions=contributions()), n) == ""
    failed = Contributions(genome_hash, None, 0, "no classifier here")
    assert progress(moment(contributions=failed), n) == "no classifier here"
    other = moment(contributions=contributions(), shown=shown(genome=GENOMES[1]))
    assert progress(other, n) == "weighing shapes"
    assert values_of(other) is None
    assert len(values_of(moment(contributions=contributions())) or ()) == n


def test_what_raises_is_warm_what_lowers_is_cold_what_does_nothing_is_grey() -> None:
    genome, encoding = _circles((0.15, 0.5, 0.6, 1), (0.5, 0.5, 0.6, 1), (0.85, 0.5, 0.6, 1))
    picture = weighed(genome, encoding, (-0.2, 0.2, 0.0), SIZE).astype(int)
    raises, lowers, nothing = picture[45, 18], picture[45, 60], picture[45, 102]
    assert raises[0] - raises[2] > 60
    assert lowers[2] - lowers[0] > 30
    assert np.ptp(nothing) == 0
    waiting = weighed(genome, encoding, None, SIZE)
    assert np.all(waiting.max(axis=-1) == waiting.min(axis=-1))
    np.testing.assert_array_equal(weighed(genome, encoding, None, SIZE), waiting)


def test_where_no_shape_contributes_all_is_grey() -> None:
    picture = weighed(GENOMES[0], ENCODING, (0.0,) * ENCODING.n, SIZE)
    assert np.all(picture.max(axis=-1) == picture.min(axis=-1))


@pytest.mark.parametrize(
    ("text", "seen"),
    [
        ("plain", "plain"),
        ("Jürgen → 3 × −2", "Jurgen > 3 x -2"),
        ("wait…", "wait…"),
        ("日本", "??"),
    ],
)
def test_letters_that_cannot_be_drawn_are_spelled(text: str, seen: str) -> None:
    assert spelled(text) == seen


@given(text=st.text(max_size=60), size=st.integers(8, 40), width=st.floats(0, 400))
def test_lines_fit(text: str, size: int, width: float) -> None:
    line = fitted(text, size, width)
    assert length(line, size) <= width or not line
    lines = wrapped(text, size, width, 3)
    assert len(lines) <= 3
    assert all(length(line, size) <= width or not line for line in lines)


def test_long_lines_are_cut_and_say_so() -> None:
    assert fitted("generation", 20, 1000) == "generation"
    cut = fitted("generation", 20, 60)
    assert cut.endswith("…")
    assert "generation".startswith(cut[:-1])
    words = "one two three four five six seven"
    assert " ".join(wrapped(words, 20, 1000, 3)) == words
    assert " ".join(wrapped(words, 20, 130, 9)) == words
    assert wrapped(words, 20, 100, 2)[-1].endswith("…")
    assert wrapped("", 20, 100, 2) == []


@pytest.mark.parametrize("side", ["left", "middle", "right"])
def test_letters_stand_where_they_are_put(side: str) -> None:
    image = Image.new("RGB", (100, 40))
    width = write(image, (50, 20), "HHH", 20, (255, 255, 255), side)
    lit = np.asarray(image)[..., 0] > 60
    ys, xs = np.nonzero(lit)
    shift = {"left": 0.0, "middle": 0.5, "right": 1.0}[side] * width
    assert abs(xs.min() - (50 - shift)) <= 4
    assert abs(xs.max() - (50 - shift + width)) <= 4
    assert abs((ys.min() + ys.max()) / 2 - 20) <= 1


def test_polygons_are_filled_as_one() -> None:
    image = Image.new("RGB", (20, 20))
    halves = [rounded(2, 2, 10.5, 10, 0), rounded(10.5, 2, 18, 10, 0), rounded(5, 2, 12, 10, 0)]
    fill(image, halves, (200, 100, 50))
    pixels = np.asarray(image)
    assert np.all(pixels[2:10, 2:18] == (200, 100, 50))
    assert pixels[10:].max() == pixels[:2].max() == pixels[:, :2].max() == 0


def test_what_is_outside_is_left_out() -> None:
    image = Image.new("RGB", (10, 10))
    for shape in (rounded(-9, -9, -1, -1, 2), rounded(10, 3, 40, 9, 0), disc(-50, 5, 9)):
        fill(image, [shape], (255, 255, 255))
    assert np.asarray(image).max() == 0
    fill(image, [], (255, 255, 255))
    fill(image, [rounded(-100, -100, 100, 100, 4)], (255, 255, 255))
    assert np.asarray(image).min() == 255


def test_strokes_are_as_wide_as_asked_for() -> None:
    image = Image.new("RGB", (40, 40))
    fill(image, stroke(np.array([[5.0, 20.0], [20.0, 20.0], [35.0, 20.0]]), 4.0), (255, 255, 255))
    column = np.asarray(image)[:, 20, 0]
    assert column.astype(int).sum() == pytest.approx(4 * 255, abs=20)
    assert np.flatnonzero(column).tolist() == [18, 19, 20, 21]


def test_a_heart_is_as_large_as_asked_for() -> None:
    corners = heart(50, 40, 20)
    assert np.ptp(corners[:, 0]) == pytest.approx(20, abs=0.1)
    assert corners[:, 0].mean() == pytest.approx(50)
    assert abs((corners[:, 1].min() + corners[:, 1].max()) / 2 - 40) < 1
