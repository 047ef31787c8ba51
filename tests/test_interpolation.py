"""Between two genomes: exact at both ends, smooth on the way, still where nothing moves."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evonsfw.genome import Drawing, Encoding, Genome
from evonsfw.interpolation import COMES, GAP, GOES, STAYS, UNLIKE, Glide, ease, paired
from evonsfw.interpolation import _aligned as aligned
from evonsfw.interpolation import _faded as faded
from evonsfw.interpolation import _parts as parts
from evonsfw.interpolation import _rising as rising
from evonsfw.raster import render_drawing
from evonsfw.search import Problem
from evonsfw.shapes import cyclic, shape_names

MIXES = [("triangles", "circles"), ("circles", "circles"), tuple(shape_names())]
MIXES += [(name,) for name in shape_names()]
BARELY = 1e-6


def _genome(encoding: Encoding, seed: int) -> Genome:
    return np.random.default_rng(seed).random(encoding.length, np.float32)


def _picture(drawing: Drawing) -> np.ndarray:
    picture = np.empty((36, 48, 3), np.uint8)
    render_drawing(drawing, (48, 36), picture)
    return picture.astype(int)


def _make_room(encoding: Encoding, genome: Genome, row: int) -> Genome:
    """What every search does: a shape out, those of its kind above it down, a new one on top."""
    kinds = len(encoding.shapes)
    problem = Problem(3, encoding.n, encoding.row_length, kinds, lambda *_: genome[None])
    changed = genome.copy()
    stack = problem.make_room(problem.rows_of(changed), row)
    stack[-1] = np.random.default_rng(99).random(encoding.row_length)
    return changed


def _roles(encoding: Encoding, one: Genome, other: Genome) -> list[tuple[int, int, int]]:
    found = parts(encoding.decode(one), encoding.decode(other))
    return [(part.role, part.old, part.new) for part in found]


@pytest.mark.parametrize("shapes", MIXES)
@pytest.mark.parametrize("seed", range(4))
def test_the_ends_are_the_genomes(shapes: tuple[str, ...], seed: int) -> None:
    encoding = Encoding(shapes, 11)
    one, other = (encoding.decode(_genome(encoding, 10 * seed + k)) for k in range(2))
    glide = Glide(one, other)
    for time in (-1.0, 0.0):
        np.testing.assert_array_equal(_picture(glide.at(time)), _picture(one))
    for time in (1.0, 2.0):
        np.testing.assert_array_equal(_picture(glide.at(time)), _picture(other))


@pytest.mark.parametrize("shapes", MIXES)
@pytest.mark.parametrize("seed", range(4))
def test_nothing_pops_at_the_ends(shapes: tuple[str, ...], seed: int) -> None:
    """What is painted in between becomes what is painted at the ends, with all who go and come."""
    encoding = Encoding(shapes, 11)
    first, second = (_genome(encoding, 10 * seed + k) for k in range(2))
    second = _make_room(encoding, np.where(second < 0.2, second, first), 3)
    one, other = encoding.decode(first), encoding.decode(second)
    glide = Glide(one, other)
    for time, end in ((BARELY, one), (1.0 - BARELY, other)):
        assert np.abs(_picture(glide.at(time)) - _picture(end)).max() <= 1


def test_solid_shapes_fade_too() -> None:
    encoding = Encoding(("triangles", "circles"), 12, alpha=(1.0, 1.0))
    one = _genome(encoding, 1)
    glide = Glide(encoding.decode(one), encoding.decode(_make_room(encoding, one, 2)))
    times = np.linspace(0.0, 1.0, 31)
    way = [_picture(glide.at(time)) for time in times]
    steps = [np.abs(after - before).mean() for before, after in itertools.pairwise(way)]
    assert max(steps) < 0.5 * sum(steps)


@pytest.mark.parametrize("shapes", MIXES)
def test_a_genome_on_its_way_to_itself_stands_still(shapes: tuple[str, ...]) -> None:
    encoding = Encoding(shapes, 9)
    drawing, twin = (encoding.decode(_genome(encoding, 3)) for _ in range(2))
    glide = Glide(drawing, twin)
    for time in np.linspace(0.0, 1.0, 7):
        np.testing.assert_array_equal(_picture(glide.at(time)), _picture(drawing))


def test_a_single_moved_shape_moves_steadily() -> None:
    encoding = Encoding(("triangles",), 6)
    one = _genome(encoding, 5)
    other = one.copy()
    row = encoding.rows(other)[2]
    row[:] = np.where(row < 0.5, row + 0.2, row - 0.2)
    glide = Glide(encoding.decode(one), encoding.decode(other))
    way = [glide.at(time) for time in np.linspace(0.0, 1.0, 9)]
    assert {len(drawing.alphas) for drawing in way} == {6}
    table = np.array([[*d.geometry[2], *d.colours[2], d.alphas[2]] for d in way])
    signs = np.sign(np.diff(table, axis=0))
    assert (signs == signs[0]).all()
    assert (signs != 0).all()
    still = np.array([np.delete(d.geometry, 2, axis=0) for d in way])
    assert (still == still[0]).all()


@pytest.mark.parametrize("name", [name for name in shape_names() if cyclic(name).any()])
def test_a_turned_shape_turns_the_shorter_way(name: str) -> None:
    encoding = Encoding((name,), 3)
    one = _genome(encoding, 5)
    column = int(cyclic(name).argmax())
    encoding.rows(one)[1, column] = 0.95
    other = one.copy()
    encoding.rows(other)[1, column] = 0.05
    forth, back = (
        Glide(*map(encoding.decode, (one, other))),
        Glide(*map(encoding.decode, (other, one))),
    )
    for time in (0.25, 0.5, 0.75):
        angle = float(forth.at(time).geometry[1, column])
        assert angle == pytest.approx(0.95 + 0.1 * time)
        np.testing.assert_array_equal(_picture(forth.at(time)), _picture(back.at(1.0 - time)))


def test_a_stack_that_sank_by_one_stands_still_but_for_two() -> None:
    encoding = Encoding(("triangles",), 8)
    one = _genome(encoding, 7)
    roles = _roles(encoding, one, _make_room(encoding, one, 3))
    stay = [(STAYS, row, row - (row > 3)) for row in range(8) if row != 3]
    assert roles == [*stay[:3], (GOES, 3, -1), *stay[3:], (COMES, -1, 7)]


def test_who_goes_and_comes_only_fades() -> None:
    encoding = Encoding(("triangles",), 8)
    one = encoding.decode(_genome(encoding, 7))
    other = encoding.decode(_make_room(encoding, _genome(encoding, 7), 3))
    seen = Glide(one, other).at(0.5)
    np.testing.assert_array_equal(seen.geometry[:8], one.geometry)
    np.testing.assert_array_equal(seen.geometry[8], other.geometry[7])
    np.testing.assert_array_equal(np.delete(seen.alphas[:8], 3), np.delete(one.alphas, 3))
    assert 0.0 < seen.alphas[3] < one.alphas[3]
    assert 0.0 < seen.alphas[8] < other.alphas[7]


def test_one_kind_sinks_among_the_others() -> None:
    """In a mix, a stack that sinks by one passes shapes of the other kind, one each: three shapes,
    of either kind, go where they were and come where they will be; all others stay.
    """
    encoding = Encoding(("triangles", "circles"), 12)
    one = _genome(encoding, 8)
    roles = _roles(encoding, one, _make_room(encoding, one, 4))
    sunk, passed = {(6, 4), (8, 6), (10, 8)}, {(5, 5), (7, 7), (9, 9)}
    twice = {part[1:] for part in roles if part[0] == GOES and -1 not in part}
    assert twice in (sunk, passed)
    assert twice == {part[1:] for part in roles if part[0] == COMES and -1 not in part}
    stay = {part[1:] for part in roles if part[0] == STAYS}
    assert stay == {(0, 0), (1, 1), (2, 2), (3, 3), (11, 11)} | ((sunk | passed) - twice)
    assert len(roles) == len(stay) + 2 * len(twice) + 2
    assert {(GOES, 4, -1), (COMES, -1, 10)} <= set(roles)


@pytest.mark.parametrize("seed", range(5))
def test_every_row_keeps_its_kind(seed: int) -> None:
    encoding = Encoding(("triangles", "circles", "circles"), 14)
    one, other = (encoding.decode(_genome(encoding, 50 * seed + k)) for k in range(2))
    other = encoding.decode(_make_room(encoding, _genome(encoding, 50 * seed), 2 + seed))
    barely = Glide(one, other).at(BARELY)
    for turn in range(3):
        rows = barely.geometry[turn::3][barely.alphas[turn::3] > 0.1]
        np.testing.assert_allclose(rows, one.geometry[turn::3], atol=1e-4)


@given(st.floats(0.0, 0.99), st.floats(0.0, 1.0))
def test_a_shape_that_is_there_twice_is_as_opaque_as_one(alpha: float, time: float) -> None:
    goes, comes, stays = faded(np.full(3, alpha), np.array([GOES, COMES, STAYS]), time)
    assert (1.0 - goes) * (1.0 - comes) == pytest.approx(1.0 - alpha, abs=1e-12)
    assert stays == alpha


@given(st.lists(st.integers(0, 20), unique=True, max_size=8))
def test_the_longest_rising_subsequence(values: list[int]) -> None:
    found = [values[index] for index in rising(np.array(values, np.int64))]
    assert found == sorted(found)
    longest = max(
        size
        for size in range(len(values) + 1)
        for some in itertools.combinations(values, size)
        if list(some) == sorted(some)
    )
    assert len(found) == longest


def _cheapest(one: np.ndarray, other: np.ndarray) -> float:
    """What the best alignment costs, by trying all."""
    if not len(one) or not len(other):
        return GAP * (len(one) + len(other))
    distance = float(np.sqrt(((one[-1] - other[-1]) ** 2).sum()))
    return min(
        _cheapest(one[:-1], other[:-1]) + 2.0 * GAP * distance / (distance + UNLIKE),
        _cheapest(one[:-1], other) + GAP,
        _cheapest(one, other[:-1]) + GAP,
    )


@settings(deadline=None)
@given(st.integers(0, 5), st.integers(0, 5), st.integers(0, 2**32 - 1))
def test_no_alignment_costs_less(rows: int, columns: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    one, other = rng.random((rows, 2)), rng.random((columns, 2))
    shared = min(rows, columns, seed % 4)
    other[:shared] = one[rows - shared :]
    pairs = aligned(one, other)
    assert (np.diff(pairs, axis=0) > 0).all()
    distances = np.sqrt(((one[pairs[:, 0]] - other[pairs[:, 1]]) ** 2).sum(axis=1))
    cost = GAP * (rows + columns - 2 * len(pairs))
    cost += (2.0 * GAP * distances / (distances + UNLIKE)).sum()
    assert cost == pytest.approx(_cheapest(one, other), abs=1e-5)


def test_equal_rows_at_both_ends_are_found_without_a_search() -> None:
    rows = np.random.default_rng(0).random((9, 4))
    pairs = aligned(rows, np.delete(rows, 4, axis=0))
    assert pairs.tolist() == [[row, row - (row > 4)] for row in range(9) if row != 4]
    assert aligned(rows, rows).tolist() == [[row, row] for row in range(9)]


def test_small_steps_of_every_shape_keep_every_shape() -> None:
    encoding = Encoding(("triangles", "circles"), 40)
    one = _genome(encoding, 1)
    other = np.clip(one + np.random.default_rng(2).normal(0.0, 0.03, one.shape), 0.0, 1.0)
    pairs = paired(encoding.decode(one), encoding.decode(other.astype(np.float32)))
    assert pairs.tolist() == [[row, row] for row in range(40)]


def test_one_shape_and_a_background() -> None:
    encoding = Encoding(("circles",), 1)
    one, other = (encoding.decode(_genome(encoding, seed)) for seed in (1, 2))
    seen = Glide(one, other).at(0.25)
    np.testing.assert_allclose(
        seen.background, 0.75 * one.background + 0.25 * other.background, atol=1e-6
    )
    np.testing.assert_allclose(
        seen.geometry, 0.75 * one.geometry + 0.25 * other.geometry, atol=1e-12
    )


def test_ease_is_steady_and_slow_at_both_ends() -> None:
    times = np.linspace(0.0, 1.0, 101)
    eased = np.array([ease(time) for time in times])
    assert (eased[0], eased[50], eased[100]) == pytest.approx((0.0, 0.5, 1.0))
    speed = np.diff(eased) * 100
    assert (speed > 0.3).all()
    assert speed[0] < 0.5 < 1.2 < speed[50]
