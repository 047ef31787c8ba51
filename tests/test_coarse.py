"""Grids of scores: which pixels count which, and what lies between scores that are known."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from evonsfw.coarse import Ask, Point, Refinement, averaged, coverage, refine_all, starts

EYE = np.eye(33)


def _asked(function: Callable[[int, int], float]) -> tuple[Ask, list[Point]]:
    """What gives scores of a function of the place, and all that it was asked for."""
    asked: list[Point] = []

    def ask(points: Sequence[Point]) -> list[float]:
        asked.extend(points)
        return [function(*point) for point in points]

    return ask, asked


def test_windows_begin_at_every_stride_and_the_last_is_flush() -> None:
    assert starts(10, 4, 3).tolist() == [0, 3, 6]
    assert starts(11, 4, 3).tolist() == [0, 3, 6, 7]
    assert starts(4, 4, 3).tolist() == [0]
    assert len(starts(256, 64, 3)) == 65


@given(st.data())
def test_every_pixel_lies_in_a_window(data: st.DataObject) -> None:
    length = data.draw(st.integers(1, 60))
    window = data.draw(st.integers(1, length))
    stride = data.draw(st.integers(1, window))
    begins = starts(length, window, stride)
    covered = coverage(begins, window, length)
    assert covered.sum(axis=0).min() >= 1
    assert np.all(covered.sum(axis=1) == window)
    assert np.all((np.diff(begins) > 0) & (np.diff(begins) <= stride))


def test_a_pixel_has_the_mean_of_the_windows_that_it_lies_in() -> None:
    down = coverage(starts(3, 2, 1), 2, 3)
    across = coverage(starts(4, 2, 2), 2, 4)
    scores = np.array([[1.0, 2.0], [3.0, 8.0]])
    expected = [[1.0, 1.0, 2.0, 2.0], [2.0, 2.0, 5.0, 5.0], [3.0, 3.0, 8.0, 8.0]]
    assert averaged(scores, down, across).tolist() == expected


def test_what_is_bilinear_is_right_from_its_corners() -> None:
    ask, asked = _asked(lambda row, column: 1.0 + 2.0 * row - column + 0.5 * row * column)
    grid = Refinement(ask, EYE, EYE[:9, :9])
    assert sorted(asked) == [(0, 0), (0, 8), (32, 0), (32, 8)]
    rows, columns = np.mgrid[:33, :9]
    np.testing.assert_allclose(grid.scores(), 1 + 2 * rows - columns + 0.5 * rows * columns)


def test_it_looks_closer_where_scores_change() -> None:
    ask, asked = _asked(lambda row, column: (row * 7 + column * 3) % 5 * (row > 20 < column))
    Refinement(ask, EYE, EYE).refine(120)
    rows, columns = np.array(asked).T
    near = (rows > 20) & (columns > 20)
    assert near.mean() > 0.5  # of all places an eighth lies there


@pytest.mark.parametrize("budget", [4, 5, 17, 100, 1089, 2000])
def test_it_asks_for_each_score_once_and_keeps_to_its_budget(budget: int) -> None:
    ask, asked = _asked(lambda row, column: np.sin(row / 3) * np.cos(column / 5))
    grid = Refinement(ask, EYE, EYE)
    grid.refine(budget)
    assert len(asked) == len(set(asked)) == len(grid) <= budget
    found = grid.scores()
    assert all(found[point] == np.sin(point[0] / 3) * np.cos(point[1] / 5) for point in asked)
    if budget >= 1089:
        assert len(grid) == 1089
        assert grid.worst == 0


@pytest.mark.parametrize(("rows", "columns"), [(1, 1), (1, 9), (9, 1), (2, 2), (2, 3)])
def test_thin_grids(rows: int, columns: int) -> None:
    ask, asked = _asked(lambda row, column: row * 10.0 + column**2)
    grid = Refinement(ask, EYE[:rows, :rows], EYE[:columns, :columns])
    grid.refine(100)
    place = np.mgrid[:rows, :columns]
    assert len(asked) == rows * columns
    np.testing.assert_array_equal(grid.scores(), place[0] * 10.0 + place[1] ** 2)


def test_of_two_grids_the_rougher_one_gets_more() -> None:
    flat, _ = _asked(lambda row, column: 0.5)
    rough, _ = _asked(lambda row, column: float((row * 7 + column * 3) % 5))
    grids = [Refinement(flat, EYE, EYE), Refinement(rough, EYE, EYE)]
    refine_all(grids, 200)
    assert 190 <= len(grids[0]) + len(grids[1]) <= 200
    assert len(grids[0]) <= 30 + 1 < len(grids[1])


def test_all_may_be_asked_for() -> None:
    ask, _ = _asked(lambda row, column: float(row))
    grids = [Refinement(ask, EYE[:3, :3], EYE[:3, :3]) for _ in range(2)]
    refine_all(grids, 100)
    assert list(map(len, grids)) == [9, 9]
