"""Shapley values in closed form, by every set and by orders, and shapes left out."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from evonsfw.classifier import describe
from evonsfw.genome import Drawing, Encoding
from evonsfw.insight.shapley import EXACT, SCORINGS, Credits, credit, orders_for
from evonsfw.preparation import Pictures
from evonsfw.raster import render_drawing
from evonsfw.scorers import Scorers

CANVAS = (24, 16)


def _drawing(n: int, seed: int = 0) -> Drawing:
    """Large triangles, so that they lie over each other."""
    encoding = Encoding(("triangles",), n)
    genome = np.random.default_rng(seed).random(encoding.length, np.float32)
    encoding.rows(genome)[:, 2] = 0.8
    return encoding.decode(genome)


def _red(pictures: Iterable[Pictures]) -> Iterator[float]:
    for picture in pictures:
        yield float(1 / (1 + np.exp(-60 * (picture[..., 0].mean() / 255 - 0.63))))


def _worth(drawing: Drawing, members: Iterable[int]) -> float:
    alphas = np.zeros_like(drawing.alphas)
    for member in members:
        alphas[member] = drawing.alphas[member]
    picture = np.empty((CANVAS[1], CANVAS[0], 3), np.uint8)
    render_drawing(replace(drawing, alphas=alphas), CANVAS, picture)
    return next(_red([picture]))


def _sum(pictures: Iterable[Pictures]) -> Iterator[float]:
    """Of shapes that do not touch, what each has adds up."""
    for picture in pictures:
        yield float(picture.sum())


@pytest.mark.parametrize("n", [1, 2, 4])
def test_every_set_gives_the_mean_over_all_orders(n: int) -> None:
    drawing = _drawing(n)
    found = credit(drawing, CANVAS, _red)
    expected = np.zeros(n)
    orders = list(itertools.permutations(range(n)))
    for order in orders:
        for place, shape in enumerate(order):
            gain = _worth(drawing, order[: place + 1]) - _worth(drawing, order[:place])
            expected[shape] += gain / len(orders)
    np.testing.assert_allclose(found.shapley, expected, atol=1e-12)
    assert (found.orders, found.scorings) == (0, 2**n)
    assert not found.errors.any()


@pytest.mark.parametrize("n", [3, EXACT + 3])
def test_left_out_is_the_score_with_a_shape_less_that_without(n: int) -> None:
    drawing = _drawing(n)
    found = credit(drawing, CANVAS, _red, orders=2)
    whole = _worth(drawing, range(n))
    assert found.score == whole
    assert found.background == _worth(drawing, [])
    expected = [whole - _worth(drawing, set(range(n)) - {shape}) for shape in range(n)]
    np.testing.assert_allclose(found.left_out, expected, atol=1e-15)
    assert found.left_out.any()


@pytest.mark.parametrize("orders", [1, 2, 7, 12])
def test_values_add_up_whatever_the_orders(orders: int) -> None:
    n = EXACT + 5
    found = credit(_drawing(n), CANVAS, _red, orders, seed=orders)
    assert found.shapley.sum() == pytest.approx(found.score - found.background, abs=1e-12)
    assert found.orders == orders + orders % 2
    assert found.scorings == n + 2 + found.orders * (n - 1)


def test_orders_stray_around_the_truth_by_their_standard_error(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    drawing = _drawing(8, seed=5)
    exact = credit(drawing, CANVAS, _red)
    monkeypatch.setattr("evonsfw.insight.shapley.EXACT", 0)
    runs = [credit(drawing, CANVAS, _red, 20, seed) for seed in range(20)]
    found = np.array([run.shapley for run in runs])
    errors = np.array([run.errors for run in runs])
    strays = found - exact.shapley
    share = strays.mean(axis=0) / (strays.std(axis=0, ddof=1) / np.sqrt(len(runs)) + 1e-9)
    assert np.abs(share).max() < 3.5  # no bias
    spread = np.sqrt((strays**2).mean(axis=0))
    told = np.sqrt((errors**2).mean(axis=0))
    moving = spread > 1e-5
    assert moving.sum() >= 5
    assert np.all(told[moving] < 2 * spread[moving])
    assert np.all(spread[moving] < 2 * told[moving])


def test_a_sum_is_told_exactly_by_any_order(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("evonsfw.insight.shapley.EXACT", 0)
    drawing = _drawing(4)
    geometry = 0.2 * drawing.geometry
    geometry[:, 0] += 0.25 * np.arange(4)
    geometry[:, 2] = 0.3  # small enough to keep clear of each other
    found = credit(replace(drawing, geometry=geometry), CANVAS, _sum, 4)
    assert np.all(found.left_out != 0.0)
    np.testing.assert_allclose(found.shapley, found.left_out, atol=1e-9)
    np.testing.assert_allclose(found.errors, 0.0, atol=1e-9)


def test_one_seed_one_answer_whatever_the_workers(tiny_model: Callable[..., Path]) -> None:
    spec = describe(str(tiny_model()))
    drawing = _drawing(EXACT + 1)

    def run(workers: int, seed: int) -> Credits:
        with Scorers(spec, workers) as scorers:
            return credit(
                drawing,
                CANVAS,
                lambda pictures: (float(one[0]) for one in scorers.probabilities(pictures)),
                4,
                seed,
            )

    first, second, third = run(1, 0), run(3, 0), run(2, 1)
    np.testing.assert_array_equal(first.shapley, second.shapley)
    np.testing.assert_array_equal(first.left_out, third.left_out)
    assert np.any(first.shapley != third.shapley)


@pytest.mark.parametrize(
    ("n", "orders", "total"), [(3, None, 8), (12, 2, 12 + 2 + 2 * 11), (12, 3, 12 + 2 + 4 * 11)]
)
def test_it_says_how_far_it_is(n: int, orders: int | None, total: int) -> None:
    heard: list[tuple[int, int]] = []
    credit(_drawing(n), CANVAS, _red, orders, 0, lambda *told: heard.append(told))
    assert heard == [(done, total) for done in range(1, total + 1)]


def test_orders_are_as_many_as_the_time_allows() -> None:
    assert orders_for(1) * 0 == orders_for(5000) - 4 == 0
    for n in (11, 50, 100, 500):
        assert orders_for(n) % 2 == 0
        assert abs(orders_for(n) * (n - 1) - SCORINGS) <= 2 * n
    with pytest.raises(ValueError, match="samples 0: expected a whole number of 1 or more"):
        credit(_drawing(3), CANVAS, _red, 0)
