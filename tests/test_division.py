"""Strips of a picture: together all of it, each with its share, none in another's way."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest

from evonsfw.division import Strip, band, cuts
from evonsfw.genome import Encoding
from evonsfw.growth import dotted, grow, grow_on
from evonsfw.portrait import Portrait
from evonsfw.refinement import Refinement, improve

HEIGHT, WIDTH = 48, 80
STRIPS = 3
ANGLES = (0.0, 0.7, np.pi / 2.0, 2.5)
Pictures = npt.NDArray[np.uint8]
ENCODING = Encoding(shapes=("triangles",), n=15)


@pytest.fixture(scope="module", name="target")
def _target() -> Pictures:
    """Noise of a few colours, over a slope."""
    rng = np.random.default_rng(4)
    y, x = np.indices((HEIGHT, WIDTH))
    picture = np.stack([x + y, 2 * y, 120 - x], axis=2)
    picture += 12 * rng.integers(0, 8, (HEIGHT // 8, WIDTH // 8, 3)).repeat(8, 0).repeat(8, 1)
    return picture.clip(0, 255).astype(np.uint8)


@pytest.mark.parametrize("kinds", [1, 2, 3])
@pytest.mark.parametrize("rows", [(0, 12), (5, 6), (3, 20), (0, 0)])
def test_rows_are_shared_out(rows: tuple[int, int], kinds: int) -> None:
    """One strip begins where another ends, and at a turn's first kind."""
    ends = [cuts(rows, Strip(number, STRIPS), kinds) for number in range(STRIPS)]
    assert [ends[0][0], ends[-1][1]] == list(rows)
    assert [first for first, _ in ends[1:]] == [last for _, last in ends[:-1]]
    assert all((first - rows[0]) % kinds == 0 for first, _ in ends)
    sizes = [last - first for first, last in ends[:-1]]
    assert max(sizes, default=0) - min(sizes, default=0) <= kinds


@pytest.mark.parametrize("angle", ANGLES)
def test_bands_are_the_whole_canvas(angle: float, target: Pictures) -> None:
    portrait = Portrait(target, ENCODING)
    bands = [band(portrait, Strip(number, STRIPS, angle)) for number in range(STRIPS)]
    covered = np.zeros((HEIGHT, WIDTH), int)
    for left, top, width, height in bands:
        covered[top : top + height, left : left + width] += 1
    assert (covered == 1).all()


@pytest.mark.parametrize("angle", ANGLES)
def test_improvements_of_strips_change_other_shapes(angle: float, target: Pictures) -> None:
    genome = grow(ENCODING, target, seed=1).genome
    before = {row.tobytes() for row in ENCODING.rows(genome)}
    lost: list[set[bytes]] = []
    for number in range(STRIPS):
        strip = Strip(number, STRIPS, angle)
        found = improve(genome, ENCODING, target, budget=400_000, seed=number, strip=strip).genome
        lost.append(before - {row.tobytes() for row in ENCODING.rows(found)})
    assert all(lost)
    assert sum(len(rows) for rows in lost) == len(set.union(*lost))
    assert max(len(rows) for rows in lost) <= ENCODING.n // STRIPS


def test_more_strips_than_shapes(target: Pictures) -> None:
    """Somebody has nothing to do, and changes nothing."""
    encoding = Encoding(shapes=("circles",), n=2)
    genome = grow(encoding, target, seed=1).genome
    strips = [Strip(number, 5, 0.3) for number in range(5)]
    found = [
        improve(genome, encoding, target, budget=50_000, seed=1, strip=strip).genome
        for strip in strips
    ]
    assert sum(not np.array_equal(one, genome) for one in found) <= 2


def test_growth_fills_its_rows_and_no_others(target: Pictures) -> None:
    start = dotted(ENCODING, target, seed=1)
    errors = [start.error]
    genome = start.genome
    for rows in ((0, 6), (6, 15)):
        grown = grow_on(genome, ENCODING, target, rows=rows, seed=2)
        same = (ENCODING.rows(grown.genome) == ENCODING.rows(genome)).all(axis=1)
        assert same.tolist() == [not rows[0] <= row < rows[1] for row in range(ENCODING.n)]
        genome = grown.genome
        errors.append(grown.error)
    assert errors[0] > errors[1] > errors[2]


def test_what_is_grown_in_a_band_stays_in_it(target: Pictures) -> None:
    genome = dotted(ENCODING, target, seed=1).genome
    for number in range(STRIPS):
        strip = Strip(number, STRIPS)
        portrait = Portrait(target, ENCODING)
        portrait.read(genome)
        portrait.count = 0
        left, _, width, _ = band(portrait, strip)
        grown = grow_on(genome, ENCODING, target, rows=(0, 6), seed=3, strip=strip).genome
        first, last = cuts((0, 6), strip, 1)
        portrait.read(grown)
        corners = portrait.corners[first:last, :, 0]
        assert corners.clip(0, WIDTH).min() >= left
        assert corners.clip(0, WIDTH).max() <= left + width


def test_a_band_that_is_too_narrow_for_any_shape(target: Pictures) -> None:
    """Then it is looked for anywhere, and what is put down makes the picture better."""
    encoding = Encoding(shapes=("circles",), n=3)
    portrait = Portrait(target.repeat(14, axis=0).repeat(12, axis=1), encoding)
    portrait.paint_background()
    refinement = Refinement(portrait, 5)
    for _ in range(3):
        before = portrait.squared_error()
        assert refinement.add((240, 0, 8, portrait.canvas[1])) == pytest.approx(before)
        assert portrait.squared_error() < 0.99 * before
