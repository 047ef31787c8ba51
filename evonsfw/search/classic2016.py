"""The published algorithm of 2016, built again as a yardstick: DEAP's plain `eaSimple`.

Known of it: `algorithms.eaSimple` without elitism, tournaments of 3, two-point crossover with
probability 0.5, mutation with probability 0.1 that tries up to 10 times until it improves, each try
a scoring that its count of generations hides, random genes at the start (a flat cloud of shapes, no
composed pictures), a population of 100 for 100 triangles and of 50 for 50 circles.

Assumed, for it was not published: a try is DEAP's `mutGaussian` with its tutorials' sigma and
indpb; it improves where it is better than what it was made from, which is scored too if crossover
made it; where no try improves, what it was made from stays. As in `eaSimple`, whatever crossover or
mutation touched is scored once more at the end of the generation.

Each scoring is asked for here, so that nothing is hidden: the tries are further batches of a
generation, which is `complete` when its last one is told.
"""

from __future__ import annotations

import copy
import random
from collections.abc import Iterator

import numpy as np
from deap import tools

from evonsfw.genome import Fitness as Value
from evonsfw.lent_random import LentRandom
from evonsfw.search import Fitness, Genomes, Problem, Search, State, Turns

TOURNAMENT = 3
CROSSOVER = 0.5
MUTATION = 0.1
TRIES = 10
SIGMA = 0.2
CHANGED = 0.05
"""Standard deviation of a try's steps, and the probability that a gene takes one."""
MOST = 4096
"""The largest default population."""


def default_population(problem: Problem) -> int:
    """As many individuals as a genome has shapes: 100 and 50 in 2016."""
    return min(max(problem.rows, 2), MOST)


class Parent(list[float]):
    """An individual as DEAP's tutorials make them: a list of genes with a `fitness`."""

    def __init__(self, genome: Genomes) -> None:
        super().__init__(genome.tolist())
        self.fitness = Value()

    def __deepcopy__(self, memo: dict[int, object] | None = None) -> Parent:
        """DEAP's `clone`."""
        twin = Parent(np.array(self))
        twin.fitness.wvalues = self.fitness.wvalues
        return twin


class Classic(Search):
    """Ask/tell around DEAP's operators, in the order of `varAnd` and `eaSimple`.

    Args:
        problem: the genomes.
        population: at least 2.
        rng: the run's generator; DEAP's `random` is seeded from it.
    """

    def __init__(self, problem: Problem, population: int, rng: np.random.Generator) -> None:
        self._turns = Turns()
        self._random = LentRandom(rng)
        self._parents: list[Parent] = []
        if problem.first is None:
            genomes = rng.random((population, problem.length), np.float32)
        else:
            genomes = problem.found(rng, population)
        self._offspring = [Parent(genome) for genome in genomes]
        self._batches = self._generations()
        self._batch: list[Parent] = []
        self._last = self._complete = False

    @property
    def complete(self) -> bool:
        """Whether all tries are told, and all that changed has been scored."""
        return self._complete

    def ask(self) -> Genomes:
        """(B, L) genomes: what tries are compared with, or tries, or all that has changed."""
        self._turns.ask(len(self._batch) or self._next_batch())
        return np.array(self._batch, np.float32)

    def tell(self, fitness: Fitness) -> None:
        """Give the batch its fitness; after a generation's last one, the offspring replace all."""
        self._turns.tell(fitness)
        for individual, value in zip(self._batch, fitness, strict=True):
            individual.fitness.values = (float(value),)
        self._batch, self._complete = [], self._last
        if self._complete:
            self._parents = self._offspring

    def population(self) -> tuple[Genomes, Fitness]:
        """(P, L) the generation's individuals and their fitness."""
        values = [parent.fitness.values[0] for parent in self._parents]
        return np.array(self._parents, np.float32), np.array(values)

    def state(self) -> State:
        """The generation's individuals, and DEAP's random state."""
        genomes, fitness = self.population()
        return {"genomes": genomes, "fitness": fitness, "random": self._random.state()}

    def restore(self, state: State) -> None:
        """Go on from `state`."""
        self._parents = [Parent(genome) for genome in state["genomes"]]
        for parent, value in zip(self._parents, state["fitness"], strict=True):
            parent.fitness.values = (float(value),)
        self._random.restore(state["random"])
        self._batches, self._batch = self._generations(), []
        self._turns = Turns()

    def _next_batch(self) -> int:
        """Have the next batch made, with this run's random numbers; returns its length."""
        with self._random.lent():
            self._batch = next(self._batches)
        return len(self._batch)

    def _generations(self) -> Iterator[list[Parent]]:
        """Batches of individuals to be scored, whose fitness is there when the next is made."""
        if not self._parents:
            self._last = True
            yield self._offspring
        while True:
            self._last = False
            chosen = tools.selTournament(self._parents, len(self._parents), TOURNAMENT)
            offspring = [copy.deepcopy(parent) for parent in chosen]
            _cross(offspring)
            mutants = [place for place in range(len(offspring)) if random.random() < MUTATION]
            yield from _mutate(offspring, mutants)
            for place in mutants:
                del offspring[place].fitness.values  # as varAnd does, so that it is scored again
            changed = [child for child in offspring if not child.fitness.valid]
            self._offspring = offspring
            if changed:
                self._last = True
                yield changed
            else:
                self._parents = offspring


def build(problem: Problem, population: int, rng: np.random.Generator) -> Classic:
    """A search at its start."""
    return Classic(problem, population, rng)


def _cross(offspring: list[Parent]) -> None:
    """`varAnd`: neighbours are crossed with probability 0.5."""
    for one, two in zip(offspring[::2], offspring[1::2], strict=False):
        if random.random() < CROSSOVER:
            tools.cxTwoPoint(one, two)
            del one.fitness.values, two.fitness.values


def _mutate(offspring: list[Parent], mutants: list[int]) -> Iterator[list[Parent]]:
    """Up to 10 tries for each mutant, until one is better than what it was made from."""
    crossed = [offspring[place] for place in mutants if not offspring[place].fitness.valid]
    if crossed:
        yield crossed
    waiting = list(mutants)
    for _ in range(TRIES):
        tries = [_try(offspring[place]) for place in waiting]
        if not tries:
            return
        yield tries
        worse = []
        for place, attempt in zip(waiting, tries, strict=True):
            if attempt.fitness > offspring[place].fitness:
                offspring[place] = attempt
            else:
                worse.append(place)
        waiting = worse


def _try(individual: Parent) -> Parent:
    """A mutated copy, its genes in the box and rounded as genomes are."""
    (mutant,) = tools.mutGaussian(copy.deepcopy(individual), 0.0, SIGMA, CHANGED)
    return Parent(np.clip(mutant, 0.0, 1.0).astype(np.float32))
