"""Shapes to try: genes in range, where they should be, and the same from the same state."""

from __future__ import annotations

import numpy as np
import pytest

from evonsfw.proposals import scatter, vary

DECADES = (-3.5, -0.7)


def varied(seed: int, parent: list[float], count: int = 400) -> np.ndarray:
    """Children of a parent that has not been moving."""
    state, genes = np.array([seed], np.uint64), np.array(parent)
    children = np.empty((count, len(parent)))
    vary(state, genes, np.zeros(len(parent)), DECADES, children)
    return children


@pytest.mark.parametrize("parent", [[0.0, 1.0, 0.5], [0.001, 0.999, 1.0]])
def test_variations_stay_in_range(parent: list[float]) -> None:
    children = varied(1, parent)
    assert children.min() >= 0.0
    assert children.max() <= 1.0
    np.testing.assert_array_equal(children, children.astype(np.float32))


def test_some_move_one_gene_and_some_all() -> None:
    moved = (varied(2, [0.5, 0.5, 0.5, 0.5]) != 0.5).sum(axis=1)
    assert set(moved) == {1, 2, 4}


def test_a_state_gives_the_same_again_and_another_others() -> None:
    np.testing.assert_array_equal(varied(3, [0.2, 0.4, 0.6]), varied(3, [0.2, 0.4, 0.6]))
    assert (varied(3, [0.2, 0.4, 0.6]) != varied(4, [0.2, 0.4, 0.6])).any()


def test_new_shapes_are_where_the_error_is() -> None:
    errors = np.zeros((3, 4))
    errors[1, 2] = 5.0
    children = np.empty((200, 5))
    scatter(np.array([1], np.uint64), errors, 8, (30, 20), children)
    assert children[:, 0].min() >= 16 / 30
    assert children[:, 0].max() <= 24 / 30
    assert children[:, 1].min() >= 8 / 20
    assert children[:, 1].max() <= 16 / 20
    assert np.ptp(children[:, 2:], axis=0).min() > 0.9


def test_without_any_error_new_shapes_are_still_on_the_canvas() -> None:
    children = np.empty((50, 3))
    scatter(np.array([1], np.uint64), np.zeros((3, 4)), 8, (30, 20), children)
    assert 0.0 <= children.min() <= children.max() <= 1.0
