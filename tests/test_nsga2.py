"""NSGA-II: who survives, worked out by hand; a front that is known; several wishes in a state."""

from __future__ import annotations

import copy
import pickle
from pathlib import Path

import numpy as np
import pytest

from evonsfw.runs import load_state, save_state
from evonsfw.search import FITNESS_ONLY, Problem, Wants, load_search
from evonsfw.search.nsga2 import NSGA2, Values

LENGTH = 3 + 2 * 7
ONE, TWO = (np.random.default_rng(seed).random(LENGTH) for seed in (3, 4))


def _problem() -> Problem:
    return Problem(3, 2, 7, 1, lambda rng, count: rng.random((count, LENGTH), np.float32))


def _build(population: int, seed: int = 1) -> NSGA2:
    problem = _problem()
    search = load_search("nsga2").build(problem, population, np.random.default_rng(seed))
    assert isinstance(search, NSGA2)
    return search


def _told(search: NSGA2, parts: list[tuple[float, ...]]) -> np.ndarray:
    """One generation of these values; returns what was asked."""
    genomes = search.ask().copy()
    values = np.array(parts)
    search.weigh(values)
    search.tell(values[:, 0])
    return genomes


def _distances(genomes: np.ndarray) -> np.ndarray:
    """Two wishes, to be near `ONE` and near `TWO`: none beats another on the line between them."""
    away = [np.linalg.norm(genomes - point, axis=1) for point in (ONE, TWO)]
    return -np.stack(away, axis=1)


def _run(search: NSGA2, generations: int) -> list[np.ndarray]:
    """What was asked, generation by generation, where the wishes are `_distances`."""
    asked = []
    for _ in range(generations):
        asked.append(search.ask().copy())
        parts = _distances(asked[-1])
        search.weigh(parts)
        search.tell(parts[:, 0])
    return asked


def test_who_survives() -> None:
    """Of five that none beats, the one with the least room around it goes; so do all others."""
    search = _build(4)
    founders = _told(search, [(4, 0), (0, 4), (1, 1), (0.5, 0.5)])
    children = _told(search, [(3, 3), (2, 3.5), (3.4, 2), (0, 0)])
    genomes, fitness = search.population()
    assert sorted(fitness) == [0, 2, 3.4, 4]
    survivors = {genome.tobytes() for genome in genomes}
    assert survivors == {one.tobytes() for one in [*founders[:2], *children[1:3]]}


def test_a_second_rank_fills_up() -> None:
    search = _build(3)
    _told(search, [(5, 5), (4, 1), (1, 4)])
    _told(search, [(0, 0), (3, 0.5), (0.5, 3)])
    assert list(search.population()[1]) == [5, 4, 1]


def test_the_best_by_a_wish_is_never_lost() -> None:
    search = _build(6)
    best = []
    for _ in range(30):
        _run(search, 1)
        best.append(_distances(search.population()[0]).max(axis=0))
    assert np.all(np.diff(best, axis=0) >= 0)


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_a_known_front_is_approached_and_spread(seed: int) -> None:
    """The detour over a genome, from `ONE` to `TWO`, is half of the founders' best or less; and
    there are genomes nearer to each of the two than to the other.
    """
    search = _build(16, seed)
    straight = np.linalg.norm(ONE - TWO)
    start = (-_distances(_run(search, 1)[0]).sum(axis=1) - straight).min()
    _run(search, 150)
    parts = _distances(search.population()[0])
    assert np.median(-parts.sum(axis=1) - straight) < 0.5 * start
    assert np.any(parts[:, 0] > parts[:, 1] + straight / 4)
    assert np.any(parts[:, 1] > parts[:, 0] + straight / 4)


def test_equal_wishes_are_one_wish() -> None:
    """Where both values are the same, the best survive, as in any search."""
    search = _build(4)
    _told(search, [(1, 1), (2, 2), (3, 3), (4, 4)])
    _told(search, [(2.5, 2.5), (0, 0), (5, 5), (3.5, 3.5)])
    assert list(search.population()[1]) == [5, 4, 3.5, 3]


@pytest.mark.parametrize("wishes", [2, 3, 5])
def test_resumed_with_any_number_of_wishes(wishes: int, tmp_path: Path) -> None:
    rng = np.random.default_rng(wishes)
    values = [[tuple(row) for row in rng.random((6, wishes))] for _ in range(8)]
    search = _build(6)
    for parts in values[:4]:
        _told(search, parts)
    save_state(tmp_path / "checkpoint", search.state())
    expected = [_told(search, parts) for parts in values[4:]]
    resumed = _build(6)
    resumed.restore(load_state(tmp_path / "checkpoint"))
    found = [_told(resumed, parts) for parts in values[4:]]
    np.testing.assert_array_equal(found, expected)
    np.testing.assert_array_equal(resumed.state()["values"], search.state()["values"])


def test_it_wants_every_value() -> None:
    search = _build(4)
    assert search.wants == Wants(parts=True)
    search.ask()
    with pytest.raises(RuntimeError, match=r"without weigh\(\)"):
        search.tell(np.zeros(4))


@pytest.mark.parametrize("bad", [np.zeros((3, 2)), np.zeros((5, 2)), np.full((4, 2), np.nan)])
def test_weighing_nonsense(bad: np.ndarray) -> None:
    search = _build(4)
    search.ask()
    with pytest.raises(ValueError, match=r"expected \(4, wishes\), finite"):
        search.weigh(bad)


def test_other_searches_take_no_values() -> None:
    search = load_search("genetic").build(_problem(), 4, np.random.default_rng(1))
    search.ask()
    assert search.wants == FITNESS_ONLY
    with pytest.raises(RuntimeError, match="no wishes' values"):
        search.weigh(np.zeros((4, 2)))


def test_values_of_any_number_copy_and_pickle() -> None:
    for numbers in ((1.0,), (1.0, -2.0), (0.5, 0.25, 3.0)):
        values = Values()
        assert not values.valid
        values.values = numbers
        for twin in (copy.deepcopy(values), pickle.loads(pickle.dumps(values))):
            assert twin.values == numbers
            assert twin == values
            assert not twin.dominates(values)
        del values.values
        assert not values.valid
