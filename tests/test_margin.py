"""The margin: closed form, finite at the ends, and growing where a probability has rounded."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evonsfw.margin import logit, margin


@settings(deadline=None)
@given(st.floats(-15, 15))
def test_two_classes_are_the_log_odds(odds: float) -> None:
    p = np.array([[1 / (1 + math.exp(odds)), 1 / (1 + math.exp(-odds))]], np.float32)
    assert margin(p, 1)[0] == pytest.approx(odds, abs=1e-5)
    assert margin(p, 0)[0] == pytest.approx(-odds, abs=1e-5)


def test_many_classes_by_hand() -> None:
    p = np.array([[0.5, 0.25, 0.25]], np.float32)
    np.testing.assert_allclose(margin(p, 0), 0.0, atol=1e-12)
    np.testing.assert_allclose(margin(p, 1), math.log(0.25 / 0.75))


def test_ends_are_finite() -> None:
    p = np.array([[0.0, 1.0], [1.0, 0.0], [0.0, 0.0]], np.float32)
    for index in (0, 1):
        assert np.all(np.isfinite(margin(p, index)))
        assert np.all(np.abs(margin(p, index)) <= 104)
    assert margin(p, 1)[0] > 100 > -100 > margin(p, 1)[1]


def test_it_grows_where_the_probability_has_rounded_to_one() -> None:
    p = np.array([[1e-9, 1.0], [1e-12, 1.0], [1e-20, 1.0]], np.float32)
    assert np.all(np.diff(margin(p, 1)) > 5)


@settings(deadline=None)
@given(st.lists(st.floats(0, 1, width=32), min_size=2, max_size=9))
def test_it_never_falls_with_the_probability(scores: list[float]) -> None:
    rising = np.sort(np.array(scores, np.float32))
    margins = margin(np.stack([1 - rising, rising], axis=1), 1)
    assert np.all(np.diff(margins) >= 0)


@settings(deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(2, 50))
def test_it_is_what_its_formula_says(seed: int, count: int) -> None:
    rng = np.random.default_rng(seed)
    p = (rng.random((3, count)) ** rng.integers(1, 60, (3, count))).astype(np.float32)
    index = int(rng.integers(count))
    exact = np.maximum(p.astype(np.float64), 1e-45)
    expected = np.log(exact[:, index]) - np.log(np.delete(exact, index, axis=1).sum(axis=1))
    np.testing.assert_allclose(margin(p, index), expected, rtol=1e-12, atol=1e-12)


def test_what_is_no_number_stays_none_and_spoils_no_other() -> None:
    p = np.array([[np.nan, 0.5], [0.5, 0.5]], np.float32)
    for index in (0, 1):
        assert np.isnan(margin(p, index)).tolist() == [True, False]


@given(st.floats(0, 1))
def test_logit_is_finite(score: float) -> None:
    assert abs(logit(score)) <= 104


@pytest.mark.parametrize("score", [0.0, 0.25, 0.5, 0.75, 1.0])
def test_logit_is_odd_about_a_half(score: float) -> None:
    assert logit(score) == -logit(1.0 - score)


@pytest.mark.parametrize("score", [0.0, 1.0])
def test_logit_of_certainty_is_the_margin_of_certainty(score: float) -> None:
    p = np.array([[1.0 - score, score]], np.float32)
    assert logit(score) == pytest.approx(margin(p, 1)[0])


@settings(deadline=None)
@given(st.floats(1e-6, 1 - 1e-6))
def test_logit_is_the_margin_of_a_probability(score: float) -> None:
    p = np.array([[1.0 - score, score]])
    assert logit(score) == pytest.approx(margin(p, 1)[0], abs=1e-9)
