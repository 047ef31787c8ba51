"""The loop with a referee: it scores again what people see, and the search does not notice."""

from __future__ import annotations

import itertools
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from evonsfw.evolution import RESCORED_SHARE, Evolution, Referee
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

every_search = pytest.mark.parametrize(
    "name",
    [
        name
        for name in search_names()
        if "needs" not in (use_of_gradient(name), use_of_improvement(name))
    ],
)
LENGTH = 3 + 4 * 7
POPULATION = 6

RESCORED_EVERY = 64


@pytest.fixture(autouse=True)
def _often(monkeypatch: pytest.MonkeyPatch) -> None:
    """A quarter of what it is, so that short runs have several."""
    monkeypatch.setattr("evonsfw.evolution.RESCORED_EVERY", RESCORED_EVERY)


def _noise(genome: np.ndarray) -> float:
    """A number from 0 to 3 that only depends on the genome."""
    return 3.0 * zlib.crc32(genome.tobytes()) / 2**32


def _exact(genome: np.ndarray) -> Evaluation:
    fitness = -np.sum((genome[None].astype(float) - 0.5) ** 2, axis=1)
    return Evaluation(fitness, np.exp(fitness))


class Flatterer:
    """A scorer that overestimates, each genome by another amount."""

    def evaluate(
        self, genomes: np.ndarray, cancelled: Callable[[], bool], wants: Wants
    ) -> Evaluation:
        assert not wants.gradient
        fitness = np.array([_exact(g).fitness[0] + _noise(g) for g in genomes])
        parts = np.stack([fitness, np.sum(genomes, axis=1, dtype=float)], axis=1)
        return Evaluation(fitness, np.exp(fitness), parts=parts)


class Judge:
    """A referee that remembers what it scored, and when it was asked whether to."""

    def __init__(self, wanted: Callable[[Any], bool] = lambda _: False) -> None:
        self.judged: list[np.ndarray] = []
        self.referee = Referee(self.score, wanted)

    def score(self, genome: np.ndarray) -> Evaluation:
        self.judged.append(genome)
        return _exact(genome)


def _evolution(name: str) -> Evolution:
    problem = Problem(3, 4, 7, 1, lambda rng, count: rng.random((count, LENGTH), np.float32))
    search = load_search(name).build(problem, POPULATION, np.random.default_rng(1))
    return Evolution(search, itertools.count().__next__)


def _take(evolution: Evolution, count: int) -> list[Generation]:
    return list(itertools.islice(evolution, count))


def _key(record: Generation) -> tuple[object, ...]:
    """All of a record that does not depend on the clock."""
    best = [(b.genome.tobytes(), b.score, b.generation) for b in (record.best, record.best_so_far)]
    told = record.genomes.tobytes(), record.fitness.tobytes()
    return record.number, record.evaluations, record.rescored, *best, *told


@every_search
def test_the_referee_scores_what_is_shown_and_is_counted(name: str) -> None:
    judge, begun = Judge(lambda _: True), []
    evolution = _evolution(name).attach(
        Flatterer(), referee=judge.referee, begin=lambda batch, _: begun.append(len(batch))
    )
    records = _take(evolution, 12)
    assert 2 <= len(judge.judged) <= 12
    assert records[-1].rescored == len(judge.judged)
    assert records[-1].evaluations == sum(begun) + len(judge.judged)
    for record in records:
        for best in (record.best, record.best_so_far):
            exact = _exact(best.genome)
            assert (best.fitness, best.score) == (exact.fitness[0], exact.scores[0])
    assert records[0].rescored == 1


@every_search
def test_the_best_is_the_best_that_the_referee_has_scored(name: str) -> None:
    judge = Judge(lambda _: True)
    best: list[float] = []
    evolution = _evolution(name).attach(Flatterer(), referee=judge.referee)
    for record in itertools.islice(evolution, 30):
        best.append(max(float(_exact(genome).fitness[0]) for genome in judge.judged))
        assert record.best_so_far.fitness == best[-1]
        assert record.improved == (len(best) == 1 or best[-1] > best[-2])


@every_search
def test_one_that_only_confirms_waits_for_enough_scorings(name: str) -> None:
    judge = Judge()
    records = _take(_evolution(name).attach(Flatterer(), referee=judge.referee), 60)
    at = [records[0], *(b for a, b in itertools.pairwise(records) if b.rescored > a.rescored)]
    assert len(at) == len(judge.judged) > 1
    then = np.array([record.evaluations for record in at])
    assert (np.diff(then) >= np.minimum(RESCORED_EVERY, then[:-1] // RESCORED_SHARE)).all()


def test_at_the_start_it_waits_for_a_third_more() -> None:
    records = _take(_evolution("genetic").attach(Flatterer(), referee=Judge().referee), 12)
    second = next(record for record in records if record.rescored == 2)
    assert second.evaluations - records[0].evaluations < RESCORED_EVERY


@every_search
def test_one_that_would_end_the_run_is_scored_at_once(name: str) -> None:
    """A run that ends at a score: its claims end nothing, and each that would is looked into."""
    level = 0.9
    judge = Judge(lambda done: done.best.score >= level)
    records = _take(_evolution(name).attach(Flatterer(), referee=judge.referee), 12)
    claims = [float(np.exp(record.fitness.max())) for record in records]
    assert claims[0] >= level
    highest = np.maximum.accumulate(claims)
    news = 1 + int(np.sum(np.diff(highest) > 0))
    assert records[-1].rescored == news
    assert all(record.best_so_far.score < level for record in records)


@every_search
def test_the_search_does_not_know_of_the_referee(name: str) -> None:
    alone = _take(_evolution(name).attach(Flatterer()), 12)
    judged = _take(_evolution(name).attach(Flatterer(), referee=Judge().referee), 12)
    for one, two in zip(alone, judged, strict=True):
        np.testing.assert_array_equal(one.genomes, two.genomes)
        np.testing.assert_array_equal(one.fitness, two.fitness)
        assert two.evaluations == one.evaluations + two.rescored
        assert one.rescored == 0


@every_search
@pytest.mark.parametrize("done", [1, 9, 20])
def test_resumed_it_goes_on_as_if_it_had_not_stopped(name: str, done: int, tmp_path: Path) -> None:
    whole = _take(_evolution(name).attach(Flatterer(), referee=Judge().referee), 80)
    assert whole[-1].rescored > whole[done].rescored
    part = _evolution(name).attach(Flatterer(), referee=Judge().referee)
    for _ in itertools.islice(part, done):
        save_state(tmp_path / "checkpoint", part.state())
    resumed = _evolution(name).attach(Flatterer(), referee=Judge().referee)
    resumed.restore(load_state(tmp_path / "checkpoint"))
    rest = _take(resumed, 80 - done)
    assert [_key(record) for record in rest] == [_key(record) for record in whole[done:]]


@every_search
def test_a_state_of_before_there_were_referees(name: str) -> None:
    exact = _evolution(name).attach(Flatterer())
    _take(exact, 3)
    state = exact.state()
    for key in ("rescored", "rescored_at", "claimed"):
        del state[key]
    resumed = _evolution(name)
    resumed.restore(state)
    assert resumed.progress.rescored == 0
    assert _take(resumed.attach(Flatterer()), 2)[-1].number == 5
