"""Moves of the search without gradients."""

from __future__ import annotations

import numpy as np
import pytest

from evonsfw.moves import chosen


@pytest.mark.parametrize("count", [1, 2, 15, 100])
def test_a_move_is_drawn_as_numpy_draws_it(count: int) -> None:
    ours, numpys = np.random.default_rng(5), np.random.default_rng(5)
    for turn in range(200):
        weights = np.random.default_rng(turn).random(count) ** 8
        probabilities = weights / weights.sum()
        assert chosen(ours, probabilities) == numpys.choice(count, p=probabilities)
    assert ours.bit_generator.state == numpys.bit_generator.state
