"""The loop, with a scorer that is a formula: counting, statistics, cancelling, resuming."""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from evonsfw.crew import CancelledError
from evonsfw.evolution import Evolution
from evonsfw.generation import Generation
from evonsfw.pipeline import Evaluation
from evonsfw.runs import load_state, save_state
from evonsfw.search import (
    Problem,
    Wants,
    load_search,
    search_names,
    use_of_gradient,
    use_of_improvement,
)

every_search = pytest.mark.parametrize("name", search_names())
LENGTH = 3 + 4 * 7
TARGET = np.random.default_rng(2).random(LENGTH)


class Formula:
    """A scorer: minus the squared distance to a fixed genome; the score is its exponential."""

    def __init__(self, cancel_after: int | None = None) -> None:
        self.batches: list[np.ndarray] = []
        self._left = cancel_after

    def evaluate(
        self, genomes: np.ndarray, cancelled: Callable[[], bool], wants: Wants
    ) -> Evaluation:
        if self._left is not None and len(self.batches) == self._left:
            raise CancelledError
        assert not cancelled()
        self.batches.append(genomes.copy())
        improved = None
        if wants.improve is not None:
            rng = np.random.default_rng(wants.improve.seed)
            share = rng.random(genomes.shape) ** 8
            genomes = improved = (genomes + share * (TARGET - genomes)).astype(np.float32)
        away = genomes.astype(float) - TARGET
        fitness = -np.sum(away**2, axis=1)
        gradients = (-2.0 * away).astype(np.float32) if wants.gradient else None
        parts = np.stack([fitness, np.sum(away, axis=1)], axis=1)
        return Evaluation(fitness, np.exp(fitness), gradients, parts, improved)


def _evolution(
    name: str = "genetic", seed: int = 1, clock: Callable[[], float] | None = None
) -> Evolution:
    takes = bool(use_of_gradient(name))
    problem = Problem(3, 4, 7, 1, lambda rng, count: rng.random((count, LENGTH), np.float32), takes)
    if use_of_improvement(name) == "needs":
        problem = dataclasses.replace(problem, improve=True)
    search = load_search(name).build(problem, 6, np.random.default_rng(seed))
    return Evolution(search, clock or itertools.count().__next__)


def _take(evolution: Evolution, count: int) -> list[Generation]:
    return list(itertools.islice(evolution, count))


def _key(generation: Generation) -> tuple[object, ...]:
    """All of a record that does not depend on the clock."""
    return (
        generation.number,
        generation.evaluations,
        generation.best.genome.tobytes(),
        generation.best.fitness,
        generation.best.score,
        generation.best_so_far.genome.tobytes(),
        generation.mean_fitness,
        generation.std_fitness,
        generation.genomes.tobytes(),
        generation.fitness.tobytes(),
    )


@every_search
def test_counting(name: str) -> None:
    begun: list[int] = []
    evolution = _evolution(name).attach(Formula(), begin=lambda batch, _: begun.append(len(batch)))
    counts = []
    for number, record in enumerate(_take(evolution, 5), start=1):
        assert record.number == number
        counts.append(record.evaluations)
    assert counts[-1] == sum(begun)
    assert counts == sorted(set(counts))


@every_search
def test_best_so_far_never_gets_worse(name: str) -> None:
    records = _take(_evolution(name).attach(Formula()), 25)
    best = [record.best_so_far.fitness for record in records]
    assert np.all(np.diff(best) >= 0)
    assert best[-1] > best[0]
    for record, running in zip(
        records, np.maximum.accumulate([record.best.fitness for record in records]), strict=True
    ):
        assert record.best_so_far.fitness == running


@every_search
def test_improved_marks_each_new_best_once(name: str) -> None:
    records = _take(_evolution(name).attach(Formula()), 25)
    best = [-np.inf, *(record.best_so_far.fitness for record in records)]
    assert [record.improved for record in records] == list(np.diff(best) > 0)


@every_search
def test_statistics_and_best_are_those_of_the_population(name: str) -> None:
    for record in _take(_evolution(name).attach(Formula()), 4):
        assert record.mean_fitness == pytest.approx(record.fitness.mean())
        assert record.std_fitness == pytest.approx(record.fitness.std())
        assert record.best.fitness == record.fitness.max()
        np.testing.assert_array_equal(record.best.genome, record.genomes[record.fitness.argmax()])
        exact = -np.sum((record.genomes.astype(float) - TARGET) ** 2, axis=1)
        np.testing.assert_array_equal(record.fitness, exact)
        assert record.best.score == np.exp(record.best.fitness)


def test_records_are_frozen() -> None:
    record = _take(_evolution().attach(Formula()), 1)[0]
    with pytest.raises(dataclasses.FrozenInstanceError):
        record.number = 7
    with pytest.raises(dataclasses.FrozenInstanceError):
        record.best.score = 7.0
    for array in (record.genomes, record.fitness, record.best.genome, record.best_so_far.genome):
        with pytest.raises(ValueError, match="read-only"):
            array[...] = 0.0


def test_records_stay_as_they_were_handed_out() -> None:
    evolution = _evolution().attach(Formula())
    records = iter(evolution)
    first = next(records)
    before = _key(first)
    for _ in range(5):
        next(records)
    assert _key(first) == before


def test_iterating_without_a_scorer() -> None:
    with pytest.raises(RuntimeError, match="attach"):
        next(iter(_evolution()))


def test_cancelled_before_a_generation_nothing_is_scored() -> None:
    scorer = Formula()
    assert list(_evolution().attach(scorer, lambda: True)) == []
    assert not scorer.batches


def test_stop_after_the_generation_in_work() -> None:
    scorer = Formula()
    evolution = _evolution()
    stop: list[bool] = []
    evolution.attach(scorer, lambda: bool(stop))
    numbers = []
    for record in evolution:
        numbers.append(record.number)
        if record.number == 3:
            stop.append(True)
    assert numbers == [1, 2, 3]


@every_search
@pytest.mark.parametrize("done", [1, 4])
def test_a_cancelled_generation_is_dropped_and_done_again(
    name: str, done: int, tmp_path: Path
) -> None:
    whole = Formula()
    expected, batches = [], []
    for record in itertools.islice(_evolution(name, 3).attach(whole), done + 4):
        expected.append(_key(record))
        batches.append(len(whole.batches))

    killed = _evolution(name, 3)
    seen = []
    for record in killed.attach(Formula(cancel_after=batches[done] - 1)):
        seen.append(_key(record))
        save_state(tmp_path / "checkpoint", killed.state())
    assert seen == expected[:done]
    assert killed.progress.generation == done

    resumed = _evolution(name, 3)
    resumed.restore(load_state(tmp_path / "checkpoint"))
    assert resumed.progress.generation == done
    again = Formula()
    assert [_key(record) for record in _take(resumed.attach(again), 4)] == expected[done:]
    for one, two in zip(again.batches, whole.batches[batches[done - 1] :], strict=True):
        np.testing.assert_array_equal(one, two)


def test_seconds_go_on_where_they_stood() -> None:
    """A clock that advances by one a look; what passed before the resumption counts."""
    evolution = _evolution(clock=itertools.count(100).__next__)
    seconds = [record.seconds for record in _take(evolution.attach(Formula()), 3)]
    assert seconds == [1, 2, 3]
    resumed = _evolution(clock=itertools.count(5000).__next__)
    resumed.restore(evolution.state())
    assert [record.seconds for record in _take(resumed.attach(Formula()), 2)] == [4, 5]


def test_a_state_without_a_generation_has_no_best() -> None:
    evolution = _evolution()
    assert evolution.progress.best is None
    assert evolution.progress.generation == evolution.progress.evaluations == 0
