"""The memetic search: it climbs, it lands, and it holds in every view."""

from __future__ import annotations

import dataclasses
import math
from pathlib import Path

import numpy as np
import pytest

from evonsfw.runs import load_state, save_state
from evonsfw.search import Problem, Wants
from evonsfw.search.memetic import (
    CHECK_EVERY,
    FOUNDERS,
    LANDERS,
    LANDING,
    PATIENCE,
    RETREATS,
    VIEWS,
    Climber,
    Memetic,
)

HEADER, ROWS, LENGTH = 3, 5, 3 + 5 * 10
CENTRES = np.random.default_rng(1).random((6, LENGTH))
"""What each view likes best."""


def _problem(views: int = 1, optimum: float = math.inf) -> Problem:
    def compose(rng: np.random.Generator, count: int) -> np.ndarray:
        near = CENTRES.mean(axis=0) if views > 1 else CENTRES[0]
        noise = rng.normal(0.0, 0.1, (count, LENGTH))
        return np.clip(near + noise, 0.0, 1.0).astype(np.float32)

    return Problem(HEADER, ROWS, 10, 1, compose, True, views, optimum)


def _build(problem: Problem, seed: int = 1, climbers: int = 1, population: int = 4) -> Memetic:
    return Memetic(problem, population, np.random.default_rng(seed), climbers)


def _fitness(genome: np.ndarray, view: int) -> float:
    return float(-np.sum((genome.astype(float) - CENTRES[view]) ** 2))


def _turn(search: Memetic, flat: bool = False) -> tuple[np.ndarray, Wants]:
    """Ask and tell once: the fitness is the worst over the views, or 0 everywhere."""
    genomes, wants = search.ask().copy(), search.wants
    views = range(search._problem.views) if wants.views is None else wants.views
    values = np.array([[_fitness(genome, view) for view in views] for genome in genomes])
    if wants.gradient:
        worst = [list(views)[number] for number in values.argmin(axis=1)]
        slopes = -2.0 * (genomes - CENTRES[worst])
        search.learn(np.zeros_like(genomes) if flat else slopes.astype(np.float32))
    search.tell(np.zeros(len(genomes)) if flat else values.min(axis=1))
    return genomes, wants


def test_the_best_founders_climb() -> None:
    search = _build(_problem(), climbers=2)
    founders, wants = _turn(search)
    assert wants == Wants()
    assert len(founders) == FOUNDERS
    best = sorted(founders, key=lambda genome: -_fitness(genome, 0))
    following, wants = _turn(search)
    assert wants == Wants(gradient=True)
    np.testing.assert_array_equal(following, best[:2])


def test_without_gradients_it_says_so() -> None:
    with pytest.raises(ValueError, match="needs gradients: leave out --no-gradient"):
        _build(dataclasses.replace(_problem(), gradient=False))


@pytest.mark.parametrize("climbers", [1, 4])
def test_it_climbs_to_the_top(climbers: int) -> None:
    search = _build(_problem(), climbers=climbers)
    for _ in range(150):
        _turn(search)
    assert search.population()[1][0] > -0.02


def test_no_step_promises_more_than_there_is_to_gain() -> None:
    """In a line's direction the fitness is linear: one step from a little below is a hit."""
    optimum = 0.75
    search = _build(_problem(optimum=optimum))
    weights = np.random.default_rng(2).random(LENGTH)
    founders = search.ask()
    search.tell(np.full(len(founders), 0.0))
    for _ in range(40):
        genome = search.ask().astype(float)[0]
        if not search.wants.gradient:
            break
        value = float(weights @ (genome - founders[0]))
        assert value <= optimum + 1e-5
        search.learn(weights[None].astype(np.float32))
        search.tell(np.array([value]))
    assert not search.wants.gradient


def test_near_a_known_optimum_it_lands() -> None:
    """The fitness is the distance to a level of a rugged slope, as with a target score."""
    search = _build(_problem(optimum=0.0))
    weights = np.random.default_rng(2).normal(size=LENGTH)

    def height(genome: np.ndarray) -> float:
        return float(weights @ genome + 0.02 * np.sin(1000.0 * genome).sum())

    level = height(CENTRES[0]) + 0.5
    landed = 0
    for _ in range(60):
        genomes = search.ask().copy()
        heights = np.array([height(genome.astype(float)) for genome in genomes])
        if search.wants.gradient:
            search.learn(np.sign(level - heights[:, None]).astype(np.float32) * weights[None])
        landed += not search.wants.gradient and len(genomes) == LANDERS
        before = search._population[0].fitness.values[0] if search._population else -math.inf
        assert search.wants.gradient or len(search._population) == 0 or before > -LANDING
        search.tell(-np.abs(heights - level))
    assert landed > 3
    assert search.population()[1][0] > -0.002


def test_one_that_cannot_land_gives_way_to_a_child() -> None:
    """However close it comes, the last 0.15 cannot be had."""
    search = _build(_problem(optimum=0.0))
    weights = np.random.default_rng(2).normal(size=LENGTH)
    climbers: list[Climber] = []
    for _ in range(150):
        genomes = search.ask().astype(float)
        away = genomes @ weights - CENTRES[0] @ weights
        if search.wants.gradient:
            search.learn((-np.sign(away)[:, None] * weights[None]).astype(np.float32))
        search.tell(-np.maximum(np.abs(away), 0.15))
        if all(search._climbers[0] is not climber for climber in climbers):
            climbers.append(search._climbers[0])
        assert all(climber.scale > 2.0 ** -(RETREATS + 1) for climber in search._climbers)
    assert len(climbers) > 1


def test_the_population_is_in_order_after_a_landing() -> None:
    search = _build(_problem(optimum=0.0))
    for _ in range(120):
        _turn(search)
        fitness = search.population()[1]
        assert np.all(np.diff(fitness) <= 0)


def test_a_climber_that_comes_to_a_stand_gives_way_to_a_child() -> None:
    search = _build(_problem())
    first = search.ask().copy()
    search.tell(-np.arange(len(first), dtype=float))
    asked = [_turn(search, flat=True)[0][0] for _ in range((PATIENCE + 2) * (RETREATS + 1))]
    stood = [genome for genome in asked if np.array_equal(genome, first[0])]
    assert len(stood) >= PATIENCE * RETREATS
    child = asked[-1]
    assert not any(np.array_equal(child, founder) for founder in first)
    rows, parents = (genomes[..., HEADER:].reshape(-1, ROWS, 10) for genomes in (child, first))
    kept = (rows == parents).all(axis=2)
    assert kept.any(axis=1).sum() in (1, 2)
    assert kept.any(axis=0).sum() >= 1


@pytest.mark.parametrize("climbers", [1, 3])
def test_views_are_drawn_for_steps_and_all_are_checked(climbers: int) -> None:
    search = _build(_problem(views=6), climbers=climbers)
    _turn(search)
    seen: set[int] = set()
    for _ in range(5):
        for _ in range(CHECK_EVERY):
            _, wants = _turn(search)
            assert wants.gradient
            assert wants.views is not None
            assert len(set(wants.views)) == VIEWS
            assert not search.complete
            seen |= set(wants.views)
        _, wants = _turn(search)
        assert wants == Wants()
        assert search.complete
    assert seen == set(range(6))


def test_the_best_is_the_best_in_all_views() -> None:
    search = _build(_problem(views=6))
    best = []
    start = search.ask()
    lowest = min(min(_fitness(genome, view) for view in range(6)) for genome in start)
    search.tell(np.array([min(_fitness(genome, view) for view in range(6)) for genome in start]))
    for _ in range(30 * (CHECK_EVERY + 1)):
        _turn(search)
        if search.complete:
            genomes, fitness = search.population()
            worst = min(_fitness(genomes[0], view) for view in range(6))
            assert fitness[0] == pytest.approx(worst)
            best.append(fitness[0])
    assert np.all(np.diff(best) >= 0)
    assert best[-1] > best[0] > lowest


@pytest.mark.parametrize("problem", [_problem(6), _problem(1, 0.0)], ids=["views", "landing"])
@pytest.mark.parametrize("passed", [1, 3, 40, 90])
def test_resumed_is_uninterrupted(problem: Problem, passed: int, tmp_path: Path) -> None:
    search = _build(problem, climbers=2)
    for _ in range(passed):
        _turn(search)
    while not search.complete:
        _turn(search)
    save_state(tmp_path / "checkpoint", search.state())
    expected = [_turn(search) for _ in range(40)]
    resumed = _build(problem, climbers=2)
    resumed.restore(load_state(tmp_path / "checkpoint"))
    for (genomes, wants), (again, wanted) in zip(
        expected, [_turn(resumed) for _ in range(40)], strict=True
    ):
        np.testing.assert_array_equal(genomes, again)
        assert wants == wanted
