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

from collections import deque

import numpy as np
from deap import algorithms, base, tools

from evonsfw import variation
from evonsfw.generation import read_only
from evonsfw.genome import Individual
from evonsfw.lent_random import LentRandom
from evonsfw.search import Fitness, Genomes, Problem, Search, State, Turns

CROSSOVER = 0.2
MUTATION = 1.0
BREEDING = 0.5
"""Share of the population, from the best, that has children."""
TOURNAMENT = 3
FOUNDERS = 32
"""Pictures that compete for the places of a small first population."""


def default_population(problem: Problem) -> int:
    """8: see above."""
    return 8


class GeneticAlgorithm(Search):
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
        reserve = problem.compose(rng, variation.RESERVE)
        self._random = LentRandom(rng)
        self._parents: list[Individual] = []
        founders = problem.found(rng, max(FOUNDERS, population))
        self._again = deque([[Individual(genome) for genome in founders]])
        self._flight: deque[list[Individual]] = deque()
        self._bred = self._told = 0
        self.hall_of_fame = tools.HallOfFame(1, similar=np.array_equal)
        self._toolbox = base.Toolbox()
        self._toolbox.register("clone", Individual.__deepcopy__)
        self._toolbox.register("mate", variation.mate, problem)
        self._keep(reserve)
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
        return {
            "genomes": genomes,
            "fitness": fitness,
            "flight": [np.stack([np.asarray(child) for child in batch]) for batch in self._flight],
            "bred": self._bred,
            "told": self._told,
            "reserve": self._reserve,
            "random": self._random.state(),
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
        self._keep(state["reserve"])
        self._random.restore(state["random"])
        self._turns = Turns()

    def _keep(self, reserve: Genomes) -> None:
        """Have children take new shapes from these (R, L) genomes, which nobody can write to."""
        self._reserve = read_only(reserve)
        self._toolbox.register("mutate", variation.mutate, self._problem, self._reserve)

    def _half(self) -> int:
        """Children of the next batch: with the one before or after it, a population."""
        return self._size // 2 if self._bred % 2 else self._size - self._size // 2

    def _breed(self) -> list[Individual]:
        """The next batch, from the better half of all that has been told."""
        with self._random.lent():
            breeders = self._parents[: max(2, round(self._size * BREEDING))]
            mothers = self._toolbox.select(breeders, self._half())
            children = algorithms.varAnd(mothers, self._toolbox, CROSSOVER, MUTATION)
        assert not any(child.fitness.valid for child in children), "MUTATION is 1: all are new"
        self._bred += 1
        return children


def build(problem: Problem, population: int, rng: np.random.Generator) -> GeneticAlgorithm:
    """A search at its start."""
    return GeneticAlgorithm(problem, population, rng)
