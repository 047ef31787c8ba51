"""The graph of the scores: its axes by hand, its curves where the scores are."""

from __future__ import annotations

import numpy as np
import pytest
from moments import chart

from evonsfw.brush import ACCENT, HEART, LINE, PANEL, SECOND, TEXT
from evonsfw.cells import Box
from evonsfw.gallery import Frame
from evonsfw.graph import graph
from evonsfw.moment import Chart
from evonsfw.scales import CLOSEST, upright
from evonsfw.ticks import Axis, round_step

SIZE, PLOT, UNIT = (360, 250), Box(66, 30, 279, 193), 15


@pytest.mark.parametrize(
    ("least", "step"),
    [(0.7, 1), (1, 1), (1.1, 2), (2.1, 5), (5.1, 10), (0.03, 0.05), (0.0021, 0.005), (1234, 2000)],
)
def test_steps_are_round(least: float, step: float) -> None:
    assert round_step(least) == pytest.approx(step)


@pytest.mark.parametrize(
    ("low", "high", "most", "finest", "texts"),
    [
        (0, 1, 5, 0, ["0.0", "0.2", "0.4", "0.6", "0.8", "1.0"]),
        (-3, 17, 5, 0, ["0", "5", "10", "15"]),
        (-0.5, 0.5, 2, 0, ["-0.5", "0.0", "0.5"]),
        (0.3, 0.6, 3, 0, ["0.3", "0.4", "0.5", "0.6"]),
        (1, 3, 9, 1, ["1", "2", "3"]),
        (1, 310, 4, 1, ["100", "200", "300"]),
        (0.951, 0.959, 4, 0, ["0.952", "0.954", "0.956", "0.958"]),
    ],
)
def test_ticks_by_hand(low: float, high: float, most: int, finest: float, texts: list[str]) -> None:
    axis = Axis(low, high, 100, 500)
    found = list(axis.ticks(most, finest))
    assert [text for _, text in found] == texts
    for pixel, text in found:
        assert pixel == pytest.approx(100 + (float(text) - low) / (high - low) * 400)


def _texts(values: list[float], most: int = 5) -> list[str]:
    return [text for _, text in upright(np.array(values, float), 200, 0, most).ticks()]


@pytest.mark.parametrize(
    ("values", "texts"),
    [
        ([0.0, 1e-4, 0.93], ["0.0", "0.2", "0.4", "0.6", "0.8", "1.0"]),
        ([0.5, 0.96], ["0.5", "0.6", "0.7", "0.8", "0.9", "1.0"]),
        ([0.2, 0.9995], ["0.5", "0.9", "0.99", "0.999"]),
        ([0.8, 0.99995], ["0.9", "0.99", "0.999", "0.9999"]),
        ([12.0, 80.0], ["0", "20", "40", "60", "80"]),
        ([-5.0, -2.5], ["-5.0", "-4.5", "-4.0", "-3.5", "-3.0", "-2.5"]),
        ([0.4], ["0.0", "0.2", "0.4", "0.6", "0.8", "1.0"]),
        ([1.0, 1.0], ["0.0", "0.2", "0.4", "0.6", "0.8", "1.0"]),
        ([], ["0.0", "0.2", "0.4", "0.6", "0.8", "1.0"]),
        ([20.0], ["18", "19", "20", "21", "22"]),
        ([-20.0], ["-22", "-21", "-20", "-19", "-18"]),
        ([0.0, 3e9], ["0", "1e+09", "2e+09", "3e+09"]),
    ],
)
def test_numbers_beside_the_scores(values: list[float], texts: list[str]) -> None:
    assert _texts(values) == texts


def test_few_numbers_where_there_is_little_room() -> None:
    """Every second or third then, counted from the one nearest 1."""
    assert _texts([0.05, 0.9999], 2) == ["0.9", "0.9999"]
    assert _texts([0.05, 0.9999], 3) == ["0.5", "0.99", "0.9999"]
    assert _texts([1e-6, 1 - 1e-6]) == ["0.000001", "0.001", "0.5", "0.999", "0.999999"]


def test_scores_near_one_are_told_apart() -> None:
    """The step from 0.99 to 0.999 is as high as that from 0.9 to 0.99, to a twentieth."""
    scale = upright(np.array([0.1, 0.9999]), 1000, 0, 5)
    y = scale.places([0.9, 0.99, 0.999])
    assert y[1] - y[2] == pytest.approx(y[0] - y[1], rel=0.05)
    assert scale.odds
    assert float(scale.places(0.5)) == pytest.approx(
        1000 * (scale.axis.high / (scale.axis.high - scale.axis.low))
    )


def test_zero_and_one_have_a_place_among_odds() -> None:
    scale = upright(np.array([0.0, 1.0]), 1000, 0, 5)
    assert scale.odds
    places = scale.places([0.0, CLOSEST, 1 - CLOSEST, 1.0])
    assert np.all(np.isfinite(places))
    assert places[0] == places[1] > places[2] == places[3]


def _drawn(data: Chart, liked: frozenset[int] = frozenset(), shown: int = 1) -> Frame:
    return graph(data, liked, shown, SIZE, PLOT, UNIT)


def _rows(frame: Frame, x: int, colour: tuple[int, int, int]) -> np.ndarray:
    """Rows of the plot's column x that are more of a colour than of the ground."""
    column = frame[PLOT.top : PLOT.bottom, x].astype(int)
    return PLOT.top + np.flatnonzero(np.abs(column - colour).max(axis=-1) < 75)


def test_curves_lie_where_the_scores_are() -> None:
    best, mean = np.linspace(0.0, 0.8, 101), np.full(101, 0.2)
    frame = _drawn(Chart(np.arange(1, 102), best, mean))
    for share in (0.4, 0.6, 0.8):
        x = round(PLOT.left + share * (PLOT.width - 1))
        y = PLOT.bottom - 1 - share * (PLOT.height - 1)
        assert np.abs(_rows(frame, x, ACCENT) - y).max() <= 2
        assert np.abs(_rows(frame, x, SECOND) - (PLOT.bottom - 1 - 0.25 * 192)).max() <= 2


def test_a_mean_that_is_not_known_leaves_a_gap() -> None:
    mean = np.full(101, 0.2)
    mean[40:60] = np.nan
    frame = _drawn(Chart(np.arange(1, 102), np.full(101, 0.8), mean))
    columns = [round(PLOT.left + share * (PLOT.width - 1)) for share in (0.3, 0.5, 0.7)]
    assert [len(_rows(frame, x, SECOND)) > 0 for x in columns] == [True, False, True]


def test_the_generation_on_show_has_a_line() -> None:
    data = chart()
    still = _drawn(data, shown=1)
    frame = _drawn(data, shown=156)
    x = PLOT.left + round(155 / 309 * (PLOT.width - 1))
    changed = np.flatnonzero(np.any(still != frame, axis=(0, 2)))
    assert x in changed
    near = changed[changed > PLOT.left + 20]
    assert near.min() >= x - 7
    assert near.max() <= x + 7
    assert np.any(np.abs(frame.astype(int) - TEXT).max(axis=-1) < 10)


def test_likes_have_hearts() -> None:
    data = chart()
    plain, liked = _drawn(data), _drawn(data, frozenset({156}))
    hearts = np.abs(liked.astype(int) - HEART).max(axis=-1) < 12
    assert not np.any(np.abs(plain.astype(int) - HEART).max(axis=-1) < 12)
    ys, xs = np.nonzero(hearts[PLOT.top :])
    x = PLOT.left + 155 / 309 * (PLOT.width - 1)
    assert abs(xs.mean() - x) < 1.5
    assert len(ys) > 20


def test_likes_of_other_runs_are_left_out() -> None:
    data = chart(10)
    with_legend = _drawn(data, frozenset({5000}))
    hearts = np.abs(with_legend.astype(int) - HEART).max(axis=-1) < 12
    assert not hearts[PLOT.top :].any()


@pytest.mark.parametrize("points", [1, 2, 3, 2000])
@pytest.mark.parametrize("score", [0.0, 0.5, 1.0, -7.0, 255.0, 1e12, np.nan, np.inf])
def test_any_scores_can_be_drawn(points: int, score: float) -> None:
    data = Chart(np.arange(1, points + 1), np.full(points, score), np.full(points, np.nan))
    frame = _drawn(data, frozenset({1}), points)
    assert frame.shape == (250, 360, 3)
    assert np.any(np.all(frame == LINE, axis=-1))
    assert np.any(np.all(frame == PANEL, axis=-1))
