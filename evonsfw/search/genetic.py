"""A genetic algorithm on DEAP: (mu + lambda), tournaments, crossover of whole shapes.

It starts from the best of a few composed pictures. The better half has children, drawn by
tournament; some take whole shapes from two parents (uniform crossover, Syswerda 1989, with a row as
the unit), then one or two of their shapes are changed, or taken out and a new one put on top. The
best of parents and children survive, so the best never gets worse.

A new shape on top is seen whole, whatever lies below, which makes it the strongest move; and most
of its children are worse, which is why a small, greedy population goes furthest on a few hundred
scorings (benchmarks/evaluations.py).
"""

from __future__ import annotations

import random
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
from deap import algorithms, base, tools

from evonsfw.genome import Individual
from evonsfw.search import Fitness, Genomes, Problem, State, Turns

CROSSOVER = 0.2
MUTATION = 1.0
BREEDING = 0.5
"""Share of the population, from the best, that has children."""
TOURNAMENT = 3
STEP = 0.3
"""Largest standard deviation of a changed gene; each change draws one from a tenth of it up, so
that there are coarse moves early and fine ones late without a schedule."""
CHANGED = 0.5
"""Probability that a gene of a changed shape changes."""
ON_TOP = 0.6
REORDERED = 0.05
"""Probability that a mutation renews a shape on top, or swaps two in painting order."""
SECOND = 0.2
"""Probability that a mutation changes two shapes rather than one."""
BACKGROUND = 0.05
"""Probability that a mutation also changes the background."""
FOUNDERS = 32
"""Composed pictures that compete for the places of a small first population."""
RESERVE = 64
"""Composed genomes kept in store, from which new shapes are taken."""


def default_population(problem: Problem) -> int:
    """8: see above."""
    return 8


class GeneticAlgorithm:
    """Ask/tell around DEAP's toolbox, hall of fame and selection.

    Args:
        problem: the genomes.
        population: mu and lambda, at least 2.
        rng: the run's generator; DEAP's `random` is seeded from it.
    """

    def __init__(self, problem: Problem, population: int, rng: np.random.Generator) -> None:
        self._problem = problem
        self._size = population
        self._turns = Turns()
        self._reserve = problem.compose(rng, RESERVE)
        self._random = random.Random(int(rng.integers(2**63))).getstate()
        self._parents: list[Individual] = []
        founders = problem.compose(rng, max(FOUNDERS, population))
        self._again = deque([[Individual(genome) for genome in founders]])
        self._flight: deque[list[Individual]] = deque()
        self._bred = self._told = 0
        self.hall_of_fame = tools.HallOfFame(1, similar=np.array_equal)
        self._toolbox = base.Toolbox()
        self._toolbox.register("clone", Individual.__deepcopy__)
        self._toolbox.register("mate", self._mate)
        self._toolbox.register("mutate", self._mutate)
        self._toolbox.register("select", tools.selTournament, tournsize=TOURNAMENT)
        self._toolbox.register("survive", tools.selBest)

    @property
    def in_flight(self) -> int:
        """2, once there are parents: a half of a generation is scored while the next is bred."""
        return 2 if self._parents else 1

    @property
    def complete(self) -> bool:
        """Two halves are a generation; so are the founders."""
        return self._told % 2 == 0

    def ask(self) -> Genomes:
        """(B, L) genomes of half a generation's children; first, the founders."""
        batch = self._again[0] if self._again else None
        self._turns.ask(len(batch) if batch else self._half(), self.in_flight)
        self._flight.append(self._again.popleft() if batch else self._breed())
        return np.stack([np.asarray(child) for child in self._flight[-1]])

    def tell(self, fitness: Fitness) -> None:
        """Give the oldest batch its fitness; the best of all survive."""
        self._turns.tell(fitness)
        batch = self._flight.popleft()
        for child, value in zip(batch, fitness, strict=True):
            child.fitness.values = (float(value),)
        self._told += bool(self._parents)
        everyone = self._parents + batch
        self.hall_of_fame.update(batch)
        self._parents = self._toolbox.survive(everyone, self._size)

    def population(self) -> tuple[Genomes, Fitness]:
        """The survivors, best first."""
        genomes = np.stack([np.asarray(parent) for parent in self._parents])
        return genomes, np.array([parent.fitness.values[0] for parent in self._parents])

    def state(self) -> State:
        """Survivors, batches in flight, store of fresh shapes, and DEAP's random state."""
        genomes, fitness = self.population()
        version, words, gauss = self._random
        return {
            "genomes": genomes,
            "fitness": fitness,
            "flight": [np.stack([np.asarray(child) for child in batch]) for batch in self._flight],
            "bred": self._bred,
            "told": self._told,
            "reserve": self._reserve.copy(),
            "random": [version, np.array(words, np.uint64), gauss],
        }

    def restore(self, state: State) -> None:
        """Go on from `state`."""
        self._parents = [Individual(genome) for genome in state["genomes"]]
        for parent, value in zip(self._parents, state["fitness"], strict=True):
            parent.fitness.values = (float(value),)
        self.hall_of_fame.clear()
        self.hall_of_fame.update(self._parents)
        self._again = deque([Individual(child) for child in batch] for batch in state["flight"])
        self._flight.clear()
        self._bred, self._told = int(state["bred"]), int(state["told"])
        self._reserve = np.array(state["reserve"])
        version, words, gauss = state["random"]
        self._random = (int(version), tuple(int(word) for word in words), gauss)
        self._turns = Turns()

    @contextmanager
    def _deap_random(self) -> Iterator[None]:
        """DEAP draws from the module `random`: lend it this run's state, then give it back."""
        outer = random.getstate()
        random.setstate(self._random)
        try:
            yield
        finally:
            self._random = random.getstate()
            random.setstate(outer)

    def _half(self) -> int:
        """Children of the next batch: with the one before or after it, a population."""
        return self._size // 2 if self._bred % 2 else self._size - self._size // 2

    def _breed(self) -> list[Individual]:
        """The next batch, from the better half of all that has been told."""
        with self._deap_random():
            breeders = self._parents[: max(2, round(self._size * BREEDING))]
            mothers = self._toolbox.select(breeders, self._half())
            children = algorithms.varAnd(mothers, self._toolbox, CROSSOVER, MUTATION)
        assert not any(child.fitness.valid for child in children), "MUTATION is 1: all are new"
        self._bred += 1
        return children

    def _mate(self, one: Individual, two: Individual) -> tuple[Individual, Individual]:
        """Swap about half of the shapes, each whole, between two genomes."""
        rows_one, rows_two = self._rows(one), self._rows(two)
        swap = np.array([random.random() < 0.5 for _ in range(len(rows_one))])
        rows_one[swap], rows_two[swap] = rows_two[swap].copy(), rows_one[swap].copy()
        return one, two

    def _mutate(self, individual: Individual) -> tuple[Individual]:
        """Change one or two shapes; now and then the background or the painting order."""
        rows = self._rows(individual)
        for _ in range(1 + (random.random() < SECOND)):
            chance = random.random()
            if chance < ON_TOP:
                self._renew(rows)
            elif chance < ON_TOP + REORDERED:
                self._reorder(rows)
            else:
                row = random.randrange(len(rows))
                step = STEP * 10.0 ** -random.random()
                tools.mutGaussian(rows[row], mu=0.0, sigma=step, indpb=CHANGED)
        if random.random() < BACKGROUND:
            tools.mutGaussian(individual[: self._problem.header], mu=0.0, sigma=STEP, indpb=1.0)
        np.clip(individual, 0.0, 1.0, out=individual)
        return (individual,)

    def _renew(self, rows: Genomes) -> None:
        """Take one shape out, let those of its kind above it sink by one, put a new one on top."""
        kinds = self._problem.kinds
        row = random.randrange(len(rows))
        stack = rows[row % kinds :: kinds]
        sunk = row // kinds
        stack[sunk:-1] = stack[sunk + 1 :].copy()
        donor = self._rows(random.choice(self._reserve))[row % kinds :: kinds]
        stack[-1] = donor[random.randrange(len(donor))]

    def _reorder(self, rows: Genomes) -> None:
        """Swap two shapes of one kind in painting order."""
        one = random.randrange(len(rows))
        two = random.randrange(one % self._problem.kinds, len(rows), self._problem.kinds)
        rows[[one, two]] = rows[[two, one]]

    def _rows(self, genome: Genomes) -> Genomes:
        """(L,) genome to an (N, G) view of its rows, as a plain array."""
        flat = np.asarray(genome)[self._problem.header :]
        return flat.reshape(self._problem.rows, self._problem.row_length)


def build(problem: Problem, population: int, rng: np.random.Generator) -> GeneticAlgorithm:
    """A search at its start."""
    return GeneticAlgorithm(problem, population, rng)
