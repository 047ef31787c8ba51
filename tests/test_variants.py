"""What several have changed of a list of rows, put together: nothing lost, nothing twice."""

from __future__ import annotations

import numpy as np
import pytest

from evonsfw.variants import Rows, united


def rows(*numbers: float) -> Rows:
    """Rows of two genes, told by their first."""
    return np.array([[number, 0.5] for number in numbers], np.float32)


@pytest.mark.parametrize(
    ("variants", "found"),
    [
        ([(0, 1, 2, 3, 4, 5)], (0, 1, 2, 3, 4, 5)),
        ([(0, 1, 2, 3, 4, 5), (0, 1, 22, 3, 4, 5)], (0, 1, 22, 3, 4, 5)),
        ([(10, 1, 2, 3, 4, 5), (0, 1, 2, 3, 4, 15)], (10, 1, 2, 3, 4, 15)),
        # One has moved a row to the top, the other has replaced the row that was there.
        ([(1, 2, 3, 4, 5, 0), (0, 1, 2, 3, 4, 15)], (1, 2, 3, 4, 15, 0)),
        # A new row is painted where it was put, and stands for the one that has gone.
        ([(0, 2, 3, 11, 4, 5), (0, 1, 2, 3, 4, 15)], (0, 2, 3, 11, 4, 15)),
        # Both have replaced the same row: the first is followed.
        ([(0, 1, 12, 3, 4, 5), (0, 1, 22, 13, 4, 5)], (0, 1, 12, 13, 4, 5)),
        # All of it is new.
        ([(9, 8, 7, 6, 19, 18), (0, 1, 2, 3, 4, 5)], (9, 8, 7, 6, 19, 18)),
    ],
)
def test_by_hand(variants: list[tuple[float, ...]], found: tuple[float, ...]) -> None:
    before = rows(0, 1, 2, 3, 4, 5)
    together = united(before, [rows(*variant) for variant in variants])
    assert together[:, 0].tolist() == list(found)
    assert together.dtype == np.float32


def test_one_variant_alone_is_what_comes_of_it() -> None:
    """Whatever it has moved and replaced."""
    rng = np.random.default_rng(1)
    before = rng.random((30, 3), np.float32)
    for _ in range(50):
        variant = before[rng.permutation(30)] if rng.random() < 0.5 else before.copy()
        new = rng.random(30) < rng.random()
        variant[new] = rng.random((int(new.sum()), 3), np.float32)
        np.testing.assert_array_equal(united(before, [variant]), variant)


def test_what_each_changes_of_its_own_comes_together() -> None:
    """Four variants that have replaced other rows each, in place: all of it, in order."""
    rng = np.random.default_rng(2)
    before = rng.random((40, 3), np.float32)
    owners = rng.integers(4, size=40)
    after = rng.random((40, 3), np.float32)
    variants = [np.where((owners == one)[:, None], after, before) for one in range(4)]
    np.testing.assert_array_equal(united(before, variants), after)


def test_rows_that_are_alike_stay_apart() -> None:
    before = rows(0, 1, 2, 1, 3, 2)
    np.testing.assert_array_equal(united(before, [before, before]), before)
    np.testing.assert_array_equal(
        united(before, [rows(0, 1, 2, 1, 4, 2)])[:, 0], [0, 1, 2, 1, 4, 2]
    )


def test_as_many_rows_as_there_were() -> None:
    """Also where some are alike, and where variants contradict each other."""
    rng = np.random.default_rng(3)
    for _ in range(100):
        before = rng.integers(0, 6, (12, 1)).astype(np.float32)
        variants = [rng.integers(0, 9, (12, 1)).astype(np.float32) for _ in range(3)]
        assert united(before, variants).shape == before.shape
