"""NSGA-II on DEAP, for `--pareto`: several wishes at once, and pictures between their extremes.

Deb, Pratap, Agarwal, Meyarivan 2002, "A fast and elitist multiobjective genetic algorithm:
NSGA-II". An individual dominates another if it is nowhere worse and somewhere better. Parents are
drawn by tournaments of two: the one that dominates, else the one with more room around it (the
crowded comparison, section III-B); of parents and children together, rank by rank, as many survive
as there were parents, from the last rank those with the most room (section III-C). Children are
made as `variation` makes them, not by the paper's operators for real numbers, which know no shapes.

The first wish's value is the fitness that everybody else sees.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from deap import algorithms, base, tools

from evonsfw import genome, variation
from evonsfw.genome import Individual
from evonsfw.lent_random import LentRandom
from evonsfw.search import Fitness, Genomes, Problem, Search, State, Turns, Wants

Parts = npt.NDArray[np.float64]
CROSSOVER = 0.2
MUTATION = 1.0
POPULATION = 8
"""Individuals to each wish, where nothing else is said."""


def default_population(problem: Problem) -> int:
    """16 for two wishes, 24 for three: fewer leave gaps, more have too few generations."""
    return POPULATION * max(2, problem.wishes)


class Values(genome.Fitness):
    """One number a wish, as many as there are, each larger is better: DEAP's weights are all 1."""

    @property
    def values(self) -> tuple[float, ...]:
        """The numbers; none where they are not known yet."""
        known: tuple[float, ...] = self.wvalues
        return known

    @values.setter
    def values(self, values: tuple[float, ...]) -> None:
        self.wvalues = tuple(float(value) for value in values)

    @values.deleter
    def values(self) -> None:
        self.wvalues = ()


class NSGA2(Search):
    """Ask/tell around DEAP's selection.

    Args:
        problem: the genomes.
        population: parents, and children of a generation; at least 2.
        rng: the run's generator; DEAP's `random` is seeded from it.
    """

    def __init__(self, problem: Problem, population: int, rng: np.random.Generator) -> None:
        self._size = population
        self._turns = Turns()
        self._reserve = problem.compose(rng, variation.RESERVE)
        self._random = LentRandom(rng)
        self._parents: list[Individual] = []
        self._children = [_individual(founder) for founder in problem.found(rng, population)]
        self._parts: Parts | None = None
        self._toolbox = base.Toolbox()
        self._toolbox.register("clone", _individual)
        self._toolbox.register("mate", variation.mate, problem)
        self._toolbox.register("mutate", variation.mutate, problem, self._reserve)

    @property
    def wants(self) -> Wants:
        """Every wish's value."""
        return Wants(parts=True)

    def ask(self) -> Genomes:
        """(B, L) children, as many as parents; first, the founders."""
        self._turns.ask(len(self._children) or self._size)
        if not self._children:
            self._children = self._breed()
        return np.stack([np.asarray(child) for child in self._children])

    def weigh(self, parts: Parts) -> None:
        """(B, M) every wish's values of the batch that was asked for; the first is its fitness."""
        if parts.shape[:1] != (len(self._children),) or not np.all(np.isfinite(parts)):
            raise ValueError(
                f"values of shape {parts.shape}: expected ({len(self._children)}, wishes), finite"
            )
        self._parts = np.array(parts, np.float64)

    def tell(self, fitness: Fitness) -> None:
        """Of parents and children, the best ranks survive."""
        self._turns.tell(fitness)
        if self._parts is None:
            raise RuntimeError("tell() was called without weigh()")
        for child, values in zip(self._children, self._parts, strict=True):
            child.fitness.values = values
        self._parents = tools.selNSGA2(self._parents + self._children, self._size)
        self._children, self._parts = [], None

    def population(self) -> tuple[Genomes, Fitness]:
        """The survivors, rank by rank, and their values of the first wish."""
        genomes = np.stack([np.asarray(parent) for parent in self._parents])
        return genomes, np.array([parent.fitness.values[0] for parent in self._parents])

    def state(self) -> State:
        """Survivors with every value, store of fresh shapes, and DEAP's random state."""
        genomes, _ = self.population()
        return {
            "genomes": genomes,
            "values": np.array([parent.fitness.values for parent in self._parents]),
            "crowding": np.array([parent.fitness.crowding_dist for parent in self._parents]),
            "reserve": self._reserve.copy(),
            "random": self._random.state(),
        }

    def restore(self, state: State) -> None:
        """Go on from `state`."""
        self._parents = [_individual(genome) for genome in state["genomes"]]
        known = zip(self._parents, state["values"], state["crowding"], strict=True)
        for parent, values, crowding in known:
            parent.fitness.values = values
            parent.fitness.crowding_dist = float(crowding)
        self._children, self._parts = [], None
        self._reserve[:] = state["reserve"]
        self._random.restore(state["random"])
        self._turns = Turns()

    def _breed(self) -> list[Individual]:
        """A generation's children: of each two that meet, the better one has a child."""
        with self._random.lent():
            missing = -len(self._parents) % 4  # DEAP draws four at a time
            entrants = (self._parents * 4)[: len(self._parents) + missing]
            mothers = tools.selTournamentDCD(entrants, len(entrants))[: self._size]
            children: list[Individual] = algorithms.varAnd(
                mothers, self._toolbox, CROSSOVER, MUTATION
            )
        assert not any(child.fitness.valid for child in children), "MUTATION is 1: all are new"
        return children


def build(problem: Problem, population: int, rng: np.random.Generator) -> NSGA2:
    """A search at its start."""
    return NSGA2(problem, population, rng)


def _individual(genes: Any) -> Individual:
    """A copy of a genome, whose values are not known yet."""
    individual = Individual(genes)
    individual.fitness = Values()
    return individual
