"""What every file in evonsfw/search/ keeps: it improves, repeats, resumes, and minds its turn."""

from __future__ import annotations

import dataclasses
import random
from pathlib import Path

import numpy as np
import pytest

from evonsfw import moves, variation
from evonsfw.genome import BACKGROUND_GENES, Encoding
from evonsfw.runs import load_state, save_state
from evonsfw.search import (
    Problem,
    Search,
    Turns,
    load_search,
    search_names,
    use_of_gradient,
    use_of_improvement,
)
from evonsfw.shapes import shape_names

every_search = pytest.mark.parametrize("name", search_names())
RANDOM_START = ("classic2016", "portrait")
"""Searches that draw their first genomes themselves instead of composing them."""
TARGET = np.random.default_rng(9).random(100_000)


def _problem(rows: int = 6, kinds: int = 1) -> Problem:
    """Genomes of ten genes a row, their first ones drawn evenly."""
    length = BACKGROUND_GENES + rows * 10
    return Problem(
        header=BACKGROUND_GENES,
        rows=rows,
        row_length=10,
        kinds=kinds,
        compose=lambda rng, count: rng.random((count, length), np.float32),
    )


def _build(
    name: str, seed: int = 1, population: int | None = None, problem: Problem | None = None
) -> Search:
    problem = problem or _problem()
    if use_of_gradient(name):
        problem = dataclasses.replace(problem, gradient=True)
    if use_of_improvement(name) == "needs":
        problem = dataclasses.replace(problem, improve=True)
    module = load_search(name)
    size = population or module.default_population(problem)
    return module.build(problem, size, np.random.default_rng(seed))


def _fitness(genomes: np.ndarray) -> np.ndarray:
    """Minus the squared distance to a fixed genome."""
    return -np.sum((genomes.astype(float) - TARGET[: genomes.shape[1]]) ** 2, axis=1)


def _gradients(genomes: np.ndarray) -> np.ndarray:
    """The slopes of `_fitness`."""
    slopes = -2.0 * (genomes.astype(float) - TARGET[: genomes.shape[1]])
    return slopes.astype(np.float32)


def _weigh(search: Search, genomes: np.ndarray, fitness: np.ndarray) -> None:
    """Where several wishes' values are wanted: the second is to be far from a fixed genome."""
    if search.wants.parts:
        search.weigh(np.stack([fitness, -_fitness(genomes[:, ::-1])], axis=1))


def _improved(search: Search, genomes: np.ndarray) -> np.ndarray:
    """Genomes as they are, or what they were improved to: a step towards the best, by chance."""
    how = search.wants.improve
    if how is None:
        return genomes
    found = genomes.copy()
    for place, genome in enumerate(found):
        rng = np.random.default_rng(how.seed + place)
        if how.rows == (0, 0):
            genome[:] = rng.random(len(genome), np.float32)
        moved = rng.random(len(genome)) < 0.1
        genome[moved] += (0.2 * (TARGET[: len(genome)] - genome)[moved]).astype(np.float32)
    search.inherit(found)
    return found


def _batch(search: Search) -> np.ndarray:
    """One batch; returns what was asked, or came of it."""
    genomes = _improved(search, search.ask().copy())
    if search.wants.gradient:
        search.learn(_gradients(genomes))
    fitness = _fitness(genomes)
    _weigh(search, genomes, fitness)
    search.tell(fitness)
    return genomes


def _turn(search: Search) -> np.ndarray:
    """One generation, in as many batches as it takes; returns what was asked."""
    batches = [_batch(search)]
    while not search.complete:
        batches.append(_batch(search))
    return np.concatenate(batches)


def _assert_same(one: list[np.ndarray], two: list[np.ndarray]) -> None:
    for a, b in zip(one, two, strict=True):
        np.testing.assert_array_equal(a, b)


@every_search
@pytest.mark.parametrize("seed", [0, 1, 2])
def test_it_improves_on_its_start(name: str, seed: int) -> None:
    """After 120 generations, or 600 scorings where a generation is small, the distance has fallen
    to 0.7 of the first generation's best.
    """
    search = _build(name, seed)
    best: list[float] = []
    scorings = 0
    while len(best) < 120 or scorings < 600:
        genomes = _turn(search)
        best.append(_fitness(genomes).max())
        scorings += len(genomes)
    assert max(best) > 0.7 * best[0]


@every_search
def test_same_seed_same_run(name: str) -> None:
    one, two, other = _build(name, 3), _build(name, 3), _build(name, 4)
    run = [_turn(one) for _ in range(6)]
    _assert_same(run, [_turn(two) for _ in range(6)])
    assert not np.array_equal(run[0], _turn(other))


@every_search
def test_another_seed_is_another_run_after_the_same_start(name: str) -> None:
    """Not only the first genomes, the steps too are drawn by the seed."""
    length = _problem().length
    start = np.random.default_rng(0).random((500, length), np.float32)
    problem = Problem(BACKGROUND_GENES, 6, 10, 1, lambda _, count: start[:count].copy())
    one, other = _build(name, 3, problem=problem), _build(name, 4, problem=problem)
    same_start = np.array_equal(_turn(one), _turn(other))
    assert same_start == (name not in RANDOM_START)
    if not use_of_gradient(name):  # those follow the gradient, which has no seed
        assert not np.array_equal(_turn(one), _turn(other))


@every_search
@pytest.mark.parametrize("passed", [1, 2, 7])
def test_resumed_is_uninterrupted(name: str, passed: int, tmp_path: Path) -> None:
    search = _build(name, 5)
    for _ in range(passed):
        _turn(search)
    save_state(tmp_path / "checkpoint", search.state())
    population = search.population()
    expected = [_turn(search) for _ in range(6)]
    resumed = _build(name, 5)
    resumed.restore(load_state(tmp_path / "checkpoint"))
    _assert_same(list(resumed.population()), list(population))
    _assert_same([_turn(resumed) for _ in range(6)], expected)
    _assert_same(list(resumed.population()), list(search.population()))


@every_search
def test_a_resumed_run_can_be_resumed_again(name: str, tmp_path: Path) -> None:
    search = _build(name, 6)
    asked = []
    for step in range(5):
        asked.append(_turn(search))
        save_state(tmp_path / f"checkpoint_{step}", search.state())
        search = _build(name, 6)
        search.restore(load_state(tmp_path / f"checkpoint_{step}"))
    uninterrupted = _build(name, 6)
    _assert_same(asked, [_turn(uninterrupted) for _ in range(5)])


@every_search
def test_a_state_is_a_copy(name: str, tmp_path: Path) -> None:
    """What the search does next does not change a state that was handed out."""
    search = _build(name, 7)
    _turn(search)
    state = search.state()
    save_state(tmp_path / "kept", state)
    for number in range(3):
        _turn(search)
        save_state(tmp_path / f"told_{number}", state)
    resumed = _build(name, 7)
    resumed.restore(state)
    for number in range(3):
        _turn(resumed)
        save_state(tmp_path / f"resumed_{number}", state)
    kept = (tmp_path / "kept").read_bytes()
    assert all(path.read_bytes() == kept for path in tmp_path.iterdir())


@every_search
def test_state_holds_no_pickle(name: str, tmp_path: Path) -> None:
    search = _build(name)
    _turn(search)
    save_state(tmp_path / "checkpoint", search.state())
    with np.load(tmp_path / "checkpoint", allow_pickle=False) as archive:
        assert all(archive[entry].dtype != object for entry in archive.files)


@every_search
@pytest.mark.parametrize("rows", [1, 2, 6])
@pytest.mark.parametrize("kinds", [1, 2, 3])
@pytest.mark.parametrize("population", [2, 3, 9])
def test_genomes_are_genomes(name: str, rows: int, kinds: int, population: int) -> None:
    problem = _problem(rows, kinds)
    search = _build(name, 8, population, problem)
    for _ in range(8):
        genomes = _turn(search)
        assert genomes.dtype == np.float32
        assert genomes.shape == (len(genomes), problem.length)
        assert len(genomes) >= 1
        assert np.all((genomes >= 0) & (genomes <= 1))
        survivors, fitness = search.population()
        assert survivors.shape == (len(fitness), problem.length)
        np.testing.assert_array_equal(fitness, _fitness(survivors))


@every_search
def test_genomes_stay_in_the_box_when_the_best_is_outside(name: str) -> None:
    search = _build(name, 9)
    for _ in range(30):
        genomes = _improved(search, search.ask().copy())
        if search.wants.gradient:
            search.learn(np.ones_like(genomes))
        assert np.all((genomes >= 0) & (genomes <= 1))
        fitness = genomes.astype(float).sum(axis=1)
        _weigh(search, genomes, fitness)
        search.tell(fitness)


@every_search
def test_equal_fitness_everywhere_is_no_trouble(name: str) -> None:
    search = _build(name, 10)
    for _ in range(10):
        genomes = _improved(search, search.ask().copy())
        if search.wants.gradient:
            search.learn(np.zeros_like(genomes))
        assert np.all(np.isfinite(genomes))
        if search.wants.parts:
            search.weigh(np.zeros((len(genomes), 2)))
        search.tell(np.zeros(len(genomes)))


@every_search
def test_default_population(name: str) -> None:
    for rows in (1, 100, 5000):
        assert 2 <= load_search(name).default_population(_problem(rows)) <= 4096


@every_search
def test_asking_twice(name: str) -> None:
    search = _build(name)
    search.ask()
    with pytest.raises(RuntimeError, match="twice"):
        search.ask()


@every_search
def test_telling_first(name: str) -> None:
    search = _build(name)
    with pytest.raises(RuntimeError, match="without ask"):
        search.tell(np.zeros(3))
    _turn(search)
    with pytest.raises(RuntimeError, match="without ask"):
        search.tell(np.zeros(3))


@every_search
@pytest.mark.parametrize("damage", ["short", "long", "column", "nan", "inf"])
def test_telling_nonsense(name: str, damage: str) -> None:
    search = _build(name)
    genomes = search.ask()
    good = _fitness(genomes)
    _weigh(search, genomes, good)
    bad = {
        "short": good[:-1],
        "long": np.append(good, 0.0),
        "column": good[:, None],
        "nan": np.where(np.arange(len(good)) == len(good) - 1, np.nan, good),
        "inf": np.where(np.arange(len(good)) == len(good) - 1, -np.inf, good),
    }[damage]
    with pytest.raises(ValueError, match="finite values"):
        search.tell(bad)
    search.tell(good)


@every_search
def test_two_searches_do_not_disturb_each_other(name: str) -> None:
    alone = [_turn(search) for search in [_build(name, 11)] for _ in range(5)]
    one, two = _build(name, 11), _build(name, 12)
    together = []
    for _ in range(5):
        together.append(_turn(one))
        _turn(two)
        random.random()
        np.random.random()  # noqa: NPY002  # somebody else's use of the global generator
    _assert_same(alone, together)


@every_search
def test_global_random_state_is_left_as_it_was(name: str) -> None:
    random.seed(13)
    before = random.getstate()
    numbers = np.random.get_state(legacy=False)["state"]["key"].copy()  # noqa: NPY002
    search = _build(name, 14)
    for _ in range(4):
        _turn(search)
    search.restore(search.state())
    assert random.getstate() == before
    after = np.random.get_state(legacy=False)["state"]["key"]  # noqa: NPY002
    np.testing.assert_array_equal(numbers, after)


@every_search
def test_the_callers_fitness_is_not_kept(name: str) -> None:
    search = _build(name, 15)
    genomes = search.ask()
    fitness = _fitness(genomes)
    _weigh(search, genomes, fitness)
    search.tell(fitness)
    best = search.population()[1].max()
    fitness[:] = 1e9
    assert search.population()[1].max() == best


@every_search
def test_it_begins_with_the_genome_that_it_is_given(name: str, tmp_path: Path) -> None:
    """To the last bit; the others differ, and what follows is repeated when it is resumed."""
    first = np.random.default_rng(24).random(_problem().length, np.float32)
    problem = dataclasses.replace(_problem(), first=first)
    search = _build(name, 25, problem=problem)
    founders = _turn(search)
    assert founders[0].tobytes() == first.tobytes()
    assert all(not np.array_equal(one, first) for one in founders[1:])
    assert search.population()[1].max() >= _fitness(first[None])[0]
    _turn(search)
    save_state(tmp_path / "checkpoint", search.state())
    expected = [_turn(search) for _ in range(6)]
    resumed = _build(name, 25)  # nobody hands it the genome again
    resumed.restore(load_state(tmp_path / "checkpoint"))
    _assert_same([_turn(resumed) for _ in range(6)], expected)


def test_gradient_free_leaves_large_shapes_that_it_is_given() -> None:
    """Else every child would differ from its parent in them, and none might ever be better."""
    first = np.full(_problem().length, 1.0, np.float32)
    problem = dataclasses.replace(_problem(), first=first)
    search = load_search("gradient-free").build(problem, 2, np.random.default_rng(26))
    search.tell(-np.arange(len(search.ask())).astype(float))
    sizes = [search.ask()[:, BACKGROUND_GENES:].reshape(-1, 6, 10)[:, :, 2]]
    search.tell(np.full(1, -9.0))
    for _ in range(30):
        sizes.append(search.ask()[:, BACKGROUND_GENES:].reshape(-1, 6, 10)[:, :, 2])
        search.tell(np.full(1, -9.0))
    assert sum((one == 1.0).sum() >= 5 for one in np.concatenate(sizes)) > 15


def test_geneticss_best_never_gets_worse() -> None:
    search = _build("genetic", 16)
    best = []
    for _ in range(40):
        _turn(search)
        best.append(search.population()[1].max())
    assert np.all(np.diff(best) >= 0)
    assert search.hall_of_fame[0].fitness.values == (best[-1],)


def test_genetic_keeps_shapes_of_a_kind_among_themselves() -> None:
    """Rows of two kinds bear different marks; no child ever has a mark in the wrong place."""
    rows, kinds = 8, 2

    def compose(rng: np.random.Generator, count: int) -> np.ndarray:
        genomes = rng.random((count, BACKGROUND_GENES + rows * 10), np.float32)
        marked = genomes[:, BACKGROUND_GENES:].reshape(count, rows, 10)
        marked[:, 0::kinds, :] = 0.0
        marked[:, 1::kinds, :] = 1.0
        return genomes

    problem = Problem(BACKGROUND_GENES, rows, 10, kinds, compose)
    search = _build("genetic", 17, 20, problem)
    search._toolbox.unregister("mutate")
    search._toolbox.register("mutate", _only_move, problem, search._reserve)
    for _ in range(10):
        shapes = _turn(search)[:, BACKGROUND_GENES:].reshape(-1, rows, 10)
        assert np.all(shapes[:, 0::kinds] == 0.0)
        assert np.all(shapes[:, 1::kinds] == 1.0)


def _only_move(problem, reserve, individual):
    """Mutation without noise: a new shape on top, and two that change places."""
    variation.renew(problem, reserve, problem.rows_of(individual))
    variation.reorder(problem, problem.rows_of(individual))
    return (individual,)


def test_turns() -> None:
    turns = Turns()
    turns.ask(2)
    turns.tell(np.array([1.0, 2.0]))
    turns.ask(1)
    with pytest.raises(ValueError, match=r"expected \(1,\)"):
        turns.tell(np.array([1.0, 2.0]))


def test_length_of_a_problem_is_that_of_the_encoding() -> None:
    encoding = Encoding(tuple(shape_names()), 7)
    problem = Problem(
        BACKGROUND_GENES, encoding.n, encoding.row_length, len(encoding.shapes), lambda *_: None
    )
    assert problem.length == encoding.length


def test_an_unknown_search() -> None:
    with pytest.raises(ValueError, match="did you mean genetic"):
        load_search("genetics")


@pytest.mark.parametrize("name", ["climber", "gradient-free"])
def test_the_best_is_kept(name: str) -> None:
    """Also where a worse child may take its parent's place."""
    search = _build(name, 19)
    best, seen = [], []
    for _ in range(60):
        seen.append(_fitness(_turn(search)).max())
        best.append(search.population()[1].max())
    np.testing.assert_array_equal(best, np.maximum.accumulate(seen))


def test_gradient_free_lets_no_shape_grow_too_large() -> None:
    """Where larger is better: sizes reach the limit, and stay there."""
    search = load_search("gradient-free").build(_problem(), 4, np.random.default_rng(20))
    limit = np.float32(moves.LARGEST)
    search.tell(np.zeros(len(search.ask())))
    for _ in range(200):
        sizes = search.ask()[:, BACKGROUND_GENES:].reshape(-1, 6, 10)[:, :, 2]
        assert sizes.max() <= limit
        search.tell(sizes.sum(axis=1).astype(float))
    assert search.population()[0][0, BACKGROUND_GENES:].reshape(6, 10)[:, 2].mean() > 0.9 * limit


@pytest.mark.parametrize("seed", range(3))
def test_gradient_free_moves_change_what_they_say(seed: int) -> None:
    """The first moves are steps that can be taken again; of these, the last four are a zoom, other
    colours, more or less contrast, and a nudge of a few shapes."""
    problem = _problem(rows=50)
    rng = np.random.default_rng(seed)
    found = moves.Moves(problem, problem.compose(rng, 4), rng)
    before = problem.compose(rng, 1)[0]
    changed = []
    for move in (*found.all[found.steps - 4 : found.steps], found.all[found.on_top]):
        after = before.copy()
        move(after)
        changed.append(found.rows(after) != found.rows(before))
    zoom, scheme, contrast, nudge, _ = changed
    assert zoom[:, :2].all()
    assert not zoom[:, 2:].any()
    for colours in (scheme, contrast):
        assert colours[:, -4:-1].any(axis=1).all()
        assert not colours[:, :-4].any()
        assert not colours[:, -1].any()
    nudged = nudge.any(axis=1).sum()
    assert moves.FEW * 50 - 1 <= nudged <= moves.MANY * 50
    assert not nudge[:, 2:].any()
    assert moves.ON_TOP[0] <= found.rows(after)[-1, 2] <= moves.ON_TOP[1]


def test_a_generation_without_gradients_ends_with_a_new_best_or_after_eight() -> None:
    search = _build("gradient-free", 24, population=2)
    search.tell(np.zeros(len(search.ask())))
    assert search.complete
    sizes = []
    for better_at in (3, 1, 100, 100, 8):
        told = 0
        while not told or not search.complete:
            told += len(search.ask())
            search.tell(np.array([1.0 + len(sizes) if told == better_at else -99.0]))
        sizes.append(told)
    assert sizes == [3, 1, 8, 8, 8]


def test_a_state_without_gradients_of_a_former_version_is_taken_up() -> None:
    search, other = (_build("gradient-free", seed, population=2) for seed in (24, 25))
    search.tell(np.zeros(len(search.ask())))
    state = search.state()
    bred, scorings = state["counts"]
    other.restore({**state, "counts": [bred, 2, scorings]})
    np.testing.assert_array_equal(other.ask(), search.ask())


def test_classic2016_counts_every_try() -> None:
    """Where nothing improves, each mutant takes its ten tries, a batch each."""
    search = _build("classic2016", 21, population=40)
    fitness = 0.0
    for _ in range(4):
        sizes = []
        while not sizes or not search.complete:
            count = len(search.ask())
            sizes.append(count)
            fitness -= 1.0
            search.tell(np.full(count, fitness))
        if len(sizes) > 1:
            tries = sizes[-11:-1]
            assert len(set(tries)) == 1
            assert len(sizes) in (11, 12)


def test_classic2016_stops_trying_where_a_try_improves() -> None:
    search = _build("classic2016", 22, population=40)
    search.tell(np.zeros(len(search.ask())))
    fitness, batches = 0.0, 0
    while not batches or not search.complete:
        fitness += 1.0
        batches += 1
        search.tell(np.full(len(search.ask()), fitness))
    assert batches in (2, 3)


def test_utilities_of_four() -> None:
    """Worked out by hand: ln 3 - ln k for k = 1, 2, over their sum, less a quarter."""
    raw = np.array([np.log(3.0), np.log(1.5), 0.0, 0.0])
    expected = (raw / raw.sum() - 0.25)[[2, 0, 3, 1]]
    utilities = load_search("snes").utilities(np.array([0.3, 9.0, -5.0, 1.0]))
    np.testing.assert_allclose(utilities, expected)


def test_centred_ranks_share_what_is_equal() -> None:
    ranks = load_search("pgpe").centred_ranks(np.array([2.0, 7.0, 2.0, -1.0, 9.0]))
    np.testing.assert_allclose(ranks, [-0.125, 0.25, -0.125, -0.5, 0.5])


def test_pgpe_mirrors_its_samples() -> None:
    """Away from the walls, the second half of a generation is the first one mirrored."""
    problem = _problem()
    start = np.full((64, problem.length), 0.5, np.float32)
    problem = Problem(BACKGROUND_GENES, 6, 10, 1, lambda _, count: start[:count].copy())
    search = _build("pgpe", 23, 8, problem)
    search.tell(np.zeros(len(search.ask())))
    steps = np.clip(search.ask(), 0.01, 0.99) - 0.5
    inside = np.abs(steps[:4]) < 0.49
    np.testing.assert_allclose(steps[4:][inside], -steps[:4][inside], atol=1e-6)
