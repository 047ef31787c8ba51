"""Grids of scores: which pixels count which, and what lies between scores that are known."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from evonsfw import coarse
from evonsfw.coarse import Ask, Point, Survey, averaged, coverage, starts, survey
from evonsfw.kriging import Kriged

EYE = np.eye(33)
FEW = 0, 0, 1
FOUR = [(down, along) for down in (False, True) for along in (False, True)]


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


def test_what_is_even_is_right_from_few_points() -> None:
    ask, asked = _asked(lambda row, column: 0.25)
    grid = Survey(ask, EYE, EYE[:9, :9])
    grid.spread(12)
    assert len(asked) == 12
    np.testing.assert_allclose(grid.scores(), 0.25)


def test_what_is_smooth_is_nearly_right_from_a_tenth() -> None:
    def hill(row: float, column: float) -> float:
        return float(np.exp(-((row - 12) ** 2 + (column - 20) ** 2) / 100))

    window = coverage(starts(40, 8, 1), 8, 40)
    ask, asked = _asked(hill)
    grid = Survey(ask, window, window)
    survey([grid], 109)
    apart = averaged(grid.scores() - np.fromfunction(np.vectorize(hill), (33, 33)), window, window)
    assert len(asked) == 109
    assert abs(apart).max() < 0.02
    assert abs(apart).mean() < 0.005


def test_it_looks_closer_where_scores_change() -> None:
    ask, asked = _asked(lambda row, column: (row * 7 + column * 3) % 5 * (row > 20 < column))
    window = coverage(starts(40, 8, 1), 8, 40)
    survey([Survey(ask, window, window)], 300)
    rows, columns = np.array(asked).T
    rough = (rows > 16) & (columns > 16)
    assert rough.mean() > 0.35  # of all places, and of the first half, a quarter lies there
    assert rough[150:].mean() > 0.5


def test_first_points_are_spread_evenly() -> None:
    ask, asked = _asked(lambda row, column: 0.0)
    Survey(ask, EYE, EYE).spread(200)
    rows, columns = np.array(asked).T
    quarters = [((rows > 16) == down) & ((columns > 16) == along) for down, along in FOUR]
    assert all(44 <= quarter.sum() <= 56 for quarter in quarters)
    assert {(0, 0), (0, 32), (32, 0), (32, 32)} < set(asked)


def test_edges_have_more_points_where_they_count_for_more() -> None:
    window = coverage(starts(40, 8, 1), 8, 40)
    ask, asked = _asked(lambda row, column: 0.0)
    Survey(ask, window, window).spread(200)
    rows, columns = np.array(asked).T
    rim = (np.minimum(rows, 32 - rows) < 3) | (np.minimum(columns, 32 - columns) < 3)
    assert rim.mean() > 0.4  # of all places a third


@pytest.mark.parametrize("budget", [1, 4, 5, 17, 100, 1089, 2000])
def test_it_asks_for_each_score_once_and_keeps_to_its_budget(budget: int) -> None:
    ask, asked = _asked(lambda row, column: np.sin(row / 3) * np.cos(column / 5))
    grid = Survey(ask, EYE, EYE)
    survey([grid], budget)
    assert len(asked) == len(set(asked)) == len(grid) == min(budget, 1089)
    found = grid.scores()
    assert all(found[point] == np.sin(point[0] / 3) * np.cos(point[1] / 5) for point in asked)
    assert grid.doubt == 0.0 or budget < 1089


@pytest.mark.parametrize(("rows", "columns"), [(1, 1), (1, 9), (9, 1), (2, 2), (2, 3)])
def test_thin_grids(rows: int, columns: int) -> None:
    ask, asked = _asked(lambda row, column: row * 10.0 + column**2)
    grid = Survey(ask, EYE[:rows, :rows], EYE[:columns, :columns])
    survey([grid], 100)
    place = np.mgrid[:rows, :columns]
    assert len(asked) == rows * columns
    np.testing.assert_array_equal(grid.scores(), place[0] * 10.0 + place[1] ** 2)


def test_of_two_grids_the_rougher_one_gets_more() -> None:
    flat, _ = _asked(lambda row, column: 0.5)
    rough, _ = _asked(lambda row, column: float((row * 7 + column * 3) % 5))
    grids = [Survey(flat, EYE, EYE), Survey(rough, EYE, EYE)]
    survey(grids, 200)
    assert list(map(len, grids)) == [24, 176]


def test_all_may_be_asked_for() -> None:
    ask, _ = _asked(lambda row, column: float(row))
    grids = [Survey(ask, EYE[:3, :3], EYE[:3, :3]) for _ in range(2)]
    survey(grids, 100)
    assert list(map(len, grids)) == [9, 9]


def test_of_three_grids_each_gets_some() -> None:
    asks = [_asked(lambda row, column, k=k: float((row * 7 + column * 3) % 5 * k))[0] for k in FEW]
    grids = [Survey(ask, EYE, EYE) for ask in asks]
    survey(grids, 300)
    assert sum(map(len, grids)) == 300
    assert min(map(len, grids)) >= 24


@pytest.mark.parametrize(("height", "few"), [(0.004, True), (0.006, False)])
def test_a_grid_that_is_all_but_even_gets_only_a_glance(height: float, few: bool) -> None:
    """845 points in two grids: a glance is 35, and what is spread before maps are compared 105."""
    window = coverage(starts(256, 64, 3), 64, 256)
    calm, asked = _asked(lambda row, column: height * row / 64)
    rough, _ = _asked(lambda row, column: float((row * 7 + column * 3) % 5 / 4))
    grids = [Survey(ask, window, window) for ask in (calm, rough)]
    survey(grids, 845)
    assert len(asked) == len(grids[0]) == (35 if few else 105)
    assert sum(map(len, grids)) == 845
    told = averaged(grids[0].scores(), window, window)
    known = height * np.arange(65.0)[:, None] / 64 * np.ones(65)
    assert np.abs(told - averaged(known, window, window)).max() < 0.001


@pytest.mark.parametrize("middle", [(11, 20), (32, 32), (50, 41), (20, 52)])
def test_a_glance_sees_a_bump_a_third_of_a_window_wide(middle: Point) -> None:
    window = coverage(starts(256, 64, 3), 64, 256)
    down, along = (np.arange(65) - one for one in middle)
    bump = 0.5 * np.exp(-(down[:, None] ** 2 + along**2) / 18.0)
    grid = Survey(lambda points: [float(bump[point]) for point in points], window, window)
    grid.spread(int(coarse.GLANCE * 845 / 2))
    assert not grid.even


def test_a_low_wide_grid_is_told_as_well_as_a_high_narrow_one() -> None:
    def wave(row: float, column: float) -> float:
        return 0.5 + 0.5 * float(np.sin((row + column) / 20))

    wide, low = coverage(starts(400, 40, 2), 40, 400), coverage(starts(44, 40, 2), 40, 44)
    for down, across in ((low, wide), (wide, low)):
        grid = Survey(_asked(wave)[0], down, across)
        survey([grid], 40)
        truth = np.fromfunction(np.vectorize(wave), (len(down), len(across)))
        assert np.abs(averaged(grid.scores() - truth, down, across)).mean() < 0.015


def test_points_go_where_they_count_for_pixels_that_are_unsure() -> None:
    window = coverage(starts(40, 8, 1), 8, 40)
    ask, asked = _asked(
        lambda row, column: float(np.random.default_rng(33 * row + column).random())
    )
    grid = Survey(ask, window, window)
    survey([grid], 300)
    rows, columns = np.array(asked).T
    corner = (np.minimum(rows, 32 - rows) < 2) & (np.minimum(columns, 32 - columns) < 2)
    assert corner.sum() == 16  # each alone is a large part of a pixel


@pytest.mark.parametrize("budget", [0, 1])
def test_a_budget_that_is_too_small_is_told(budget: int) -> None:
    ask, _ = _asked(lambda row, column: 0.0)
    with pytest.raises(ValueError, match=f"budget {budget}: expected one for each of 2 grids"):
        survey([Survey(ask, EYE, EYE) for _ in range(2)], budget)


def test_the_same_points_are_asked_for_again() -> None:
    asked = []
    for _ in range(2):
        ask, points = _asked(lambda row, column: float((row * 7 + column * 3) % 5))
        survey([Survey(ask, EYE, EYE[:20, :20])], 150)
        asked.append(points)
    assert asked[0] == asked[1]


def test_what_is_told_is_what_a_score_can_be() -> None:
    ask, _ = _asked(lambda row, column: float((row - 16) ** 2 + (column - 16) ** 2 < 80))
    grid = Survey(ask, EYE, EYE)
    survey([grid], 200)
    assert 0.0 <= grid.scores().min() < 0.01
    assert 0.99 < grid.scores().max() <= 1.0
    assert (grid._now().variance >= 0.0).all()


def test_scores_are_the_squared_sines_of_normal_angles(monkeypatch: pytest.MonkeyPatch) -> None:
    """Against a million draws."""
    monkeypatch.setattr(coarse, "CREDIBLE", 0.01)
    means, variances = np.array([[0.2, 0.7, 1.2]]), np.array([[0.004, 0.01, 0.002]])
    rng = np.random.default_rng(0)
    drawn = np.sin(rng.normal(means, np.sqrt(variances), (10**6, 3))) ** 2
    told = coarse._as_scores(Kriged(means, variances))
    np.testing.assert_allclose(told.mean[0], drawn.mean(axis=0), atol=3e-4)
    np.testing.assert_allclose(told.variance[0], drawn.var(axis=0), rtol=0.01)


def test_what_is_even_is_told_as_such_beside_a_jump() -> None:
    window = coverage(starts(130, 32, 3), 32, 130)
    rows, columns = np.mgrid[: len(window), : len(window)]
    whole = ((rows - 14.0) ** 2 + (columns - 18.0) ** 2 < 80.0).astype(float)
    grid = Survey(lambda points: [float(whole[point]) for point in points], window, window)
    survey([grid], whole.size // 5)
    apart = np.abs(averaged(grid.scores(), window, window) - averaged(whole, window, window))
    assert apart.mean() < 0.01
