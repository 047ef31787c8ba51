"""Curves, areas, thresholds and mistakes, against what is worked out by hand."""

from __future__ import annotations

import math
import sys

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from evonsfw.insight.curves import (
    Counted,
    area_error,
    count,
    curves_of,
    require_scikit_learn,
    worst_mistakes,
)

SCORES = [0.1, 0.4, 0.35, 0.8]
TRUTH = [False, False, True, True]
"""Of the four pairs of a positive and a negative, three are in order."""


def test_the_areas_are_those_worked_out_by_hand() -> None:
    pytest.importorskip("sklearn")
    curves = curves_of(SCORES, TRUTH)
    assert (curves.positives, curves.negatives) == (2, 2)
    assert curves.roc_area == pytest.approx(3 / 4)
    assert curves.average_precision == pytest.approx(0.5 * 1 + 0.5 * 2 / 3)
    assert curves.best_f1 == Counted(0.35, 2, 1, 0, 1)
    assert curves.best_youden == Counted(0.8, 1, 0, 1, 2)
    assert curves.roc[0].tolist() == [0, 0]
    assert curves.roc[-1].tolist() == [1, 1]
    assert curves.precision_recall[-1].tolist() == [0, 1]


def test_a_score_that_tells_nothing_has_half_the_area() -> None:
    pytest.importorskip("sklearn")
    curves = curves_of([0.5] * 6, [True, True, False, False, False, False])
    assert curves.roc_area == 0.5
    assert curves.average_precision == pytest.approx(2 / 6)


@given(
    st.lists(
        st.tuples(st.integers(0, 8).map(lambda tenths: tenths / 8), st.booleans()), min_size=2
    ).filter(lambda pairs: len({truth for _, truth in pairs}) == 2)
)
def test_the_area_is_the_share_of_pairs_in_order(pairs: list[tuple[float, bool]]) -> None:
    pytest.importorskip("sklearn")
    scores, truth = [score for score, _ in pairs], [kind for _, kind in pairs]
    ups = [score for score, kind in pairs if kind]
    downs = [score for score, kind in pairs if not kind]
    order = [(up > down) + 0.5 * (up == down) for up in ups for down in downs]
    assert curves_of(scores, truth).roc_area == pytest.approx(sum(order) / len(order))


@given(
    st.lists(st.tuples(st.floats(0, 1), st.booleans()), min_size=2).filter(
        lambda pairs: len({truth for _, truth in pairs}) == 2
    ),
    st.floats(0, 1),
)
def test_thresholds_count_as_one_would_by_hand(
    pairs: list[tuple[float, bool]], threshold: float
) -> None:
    row = count([score for score, _ in pairs], [kind for _, kind in pairs], [threshold])[0]
    assert row.hits == sum(score >= threshold and kind for score, kind in pairs)
    assert row.false_alarms == sum(score >= threshold and not kind for score, kind in pairs)
    assert row.misses == sum(score < threshold and kind for score, kind in pairs)
    assert row.rejections == sum(score < threshold and not kind for score, kind in pairs)


def test_rates_of_a_row() -> None:
    row = Counted(0.5, 30, 10, 20, 40)
    assert row.recall == 0.6
    assert row.false_alarm_rate == 0.2
    assert row.precision == 0.75
    assert row.f1 == pytest.approx(2 * 0.6 * 0.75 / (0.6 + 0.75))
    assert row.accuracy == 0.7
    assert math.isnan(Counted(0.9, 0, 0, 3, 3).precision)


def test_the_standard_error_is_hanley_and_mcneils() -> None:
    q1, q2 = 0.9 / 1.1, 2 * 0.81 / 1.9
    spread = (0.09 + 49 * (q1 - 0.81) + 99 * (q2 - 0.81)) / (50 * 100)
    assert area_error(0.9, 50, 100) == pytest.approx(math.sqrt(spread))
    assert area_error(1.0, 5, 5) == 0.0
    assert area_error(0.5, 1, 1) == 0.5


def test_mistakes_come_worst_first() -> None:
    scores = [0.9, 0.2, 0.6, 0.1, 0.7, 0.4]
    truth = [False, True, False, True, True, False]
    assert worst_mistakes(scores, truth, 0.5, 10) == ([0, 2], [3, 1])
    assert worst_mistakes(scores, truth, 0.5, 1) == ([0], [3])
    assert worst_mistakes(scores, truth, 0.3, 9) == ([0, 2, 5], [3, 1])


@pytest.mark.parametrize(
    ("scores", "truth", "told"),
    [
        ([0.1, 0.2], [True, True], "all 2 pictures are positive"),
        ([0.1, 0.2], [False, False], "all 2 pictures are negative"),
        ([0.1], [True, False], "expected"),
        ([0.1, math.nan], [True, False], "1 of 2 are not a number"),
    ],
)
def test_what_makes_no_curve_is_refused(scores: list[float], truth: list[bool], told: str) -> None:
    with pytest.raises(ValueError, match=told):
        count(np.array(scores), np.array(truth), [0.5])


def test_a_missing_library_is_told_with_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "sklearn.metrics", None)
    with pytest.raises(ValueError, match=r"pip install 'evonsfw\[instruments\]'"):
        require_scikit_learn()
