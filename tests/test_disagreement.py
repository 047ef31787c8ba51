"""Where two maps differ, by hand."""

from __future__ import annotations

import math

import numpy as np
import pytest

from evonsfw.insight.disagreement import correlation, disagree, of_size


def test_two_maps_by_hand() -> None:
    first = np.array([[0.0, 1.0, 2.0], [3.0, 4.0, 5.0]])
    second = first.copy()
    second[1, 2] = 2.0
    found = disagree(first, second)
    assert found.difference.tolist() == [[0, 0, 0], [0, 0, -3]]
    assert (found.mean, found.largest, found.place) == (0.5, -3.0, (2, 1))
    assert found.correlation == pytest.approx(np.corrcoef(first.ravel(), second.ravel())[0, 1])


def test_correlation_at_its_ends() -> None:
    values = np.random.default_rng(0).random((5, 7))
    assert correlation(values, 3 * values + 1) == pytest.approx(1)
    assert correlation(values, -values) == pytest.approx(-1)
    assert math.isnan(correlation(values, np.full((5, 7), 0.3)))
    assert math.isnan(disagree(np.zeros((2, 2)), values[:2, :2]).correlation)


def test_a_map_of_another_size_is_brought_to_the_first_ones() -> None:
    first = np.full((4, 6), 0.25)
    found = disagree(first, np.full((8, 9), 0.75))
    assert found.difference.shape == (4, 6)
    np.testing.assert_allclose(found.difference, 0.5)
    assert of_size(first, (4, 6)) is first
