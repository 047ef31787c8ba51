"""A portrait: one picture that is made more and more like its target.

A memetic algorithm (Moscato 1989) whose individuals are variants of one picture. It is grown, some
shapes a generation; from then on, each variant has the shapes of another strip of the picture
improved (one at a time is lifted out, and climbs), and what all have changed is put together. So
several cores work on one picture, and hardly in each other's way. At the end of a generation all
shapes move at once, up the gradient.

An improvement may be worse for a while (threshold accepting, Dueck and Scheuer 1990), the less the
longer the run. It does not depend on where the run ends, so that one that goes on is the same as
one that never stopped. The best of all is kept beside what is worked on.
"""

from __future__ import annotations

import copy
import math

import numpy as np

from evonsfw.genome import Individual
from evonsfw.search import (
    FITNESS_ONLY,
    Fitness,
    Genomes,
    Improvement,
    Problem,
    Search,
    State,
    Turns,
    Wants,
)
from evonsfw.variants import united

GRADIENT = "takes"
IMPROVEMENT = "needs"
POPULATION = 4
SCORINGS = 150
"""Pictures' worth of pixels that each variant is given in a generation."""
HEAT, COOLING = 1.0, 400
"""Temperature when all shapes are grown; scorings until it has halved, times the square root of
the shapes.
"""
STAGES, LEAST_STAGE, MOST_STAGE = 8, 12, 128
"""Generations of growth, if that is neither too few nor too many shapes a generation."""
ALONE = 96
"""Shapes until which they are too large to be grown side by side: one variant grows them."""
DOTS, GROWTH = 5, 12
"""Scorings that a picture of dots is counted as, and a shape that is grown: about its work."""
STEPS, DEAR_STEPS = 100, 50
"""Of a generation's ascent, and where a step may ask a classifier."""
SLOWER = 0.5
"""How much smaller its steps become where an ascent has led nowhere."""
SOLVED = 8
"""In each such generation, the first of all included, colours are solved before the ascent."""
ASCENTS = 3
"""Generations of nothing else, when all shapes are grown: they gain most of all then."""
RATE = 0.07
"""By how much a gene changes in the first of them, times the square root of the shapes."""
FINE = 40
"""Scorings a shape until a large canvas is looked at half as closely as it ever is."""
PROXY = 25
"""Scorings a shape after which nothing but the fitness counts, where likeness is not all of it."""


def default_population(problem: Problem) -> int:
    """4, whatever the machine: so many cores can work on the picture."""
    return POPULATION


class Portrait(Search):
    """Ask/tell around the variants of one picture.

    Args:
        problem: the genomes; it must say that they can be improved.
        population: variants, at least 2.
        rng: the run's generator.

    Raises:
        ValueError: the problem's genomes cannot be improved.
    """

    def __init__(self, problem: Problem, population: int, rng: np.random.Generator) -> None:
        if not problem.improve:
            raise ValueError("search 'portrait' is for a likeness: give --target PICTURE")
        self._problem, self._size, self._rng = problem, population, rng
        self._turns = Turns()
        self._leader = Individual(problem.found(rng, 1)[0])
        self._grown = 0 if problem.first is None else problem.rows
        self._population: list[Individual] = []
        self._improved: list[Individual] = []
        self._wants = FITNESS_ONLY
        self._asked = np.zeros((0, problem.length), np.float32)
        self._generation = self._refined = self._spent = 0
        self._pace = 1.0

    @property
    def wants(self) -> Wants:
        """What is to be done with what was asked for, or its fitness alone."""
        return self._wants

    @property
    def complete(self) -> bool:
        """A generation ends when what was united is scored."""
        return not self._improved

    def ask(self) -> Genomes:
        """(B, L) genomes: the leader once for each variant, or what they were united to."""
        how = self._next()
        self._wants = FITNESS_ONLY if how is None else Wants(improve=how)
        start = self._united() if self._improved else np.array(self._leader)
        self._asked = np.repeat(start[None], how.strips if how else 1, axis=0)
        self._turns.ask(len(self._asked))
        return self._asked

    def _next(self) -> Improvement | None:
        """What is to be done now; None for nothing but scoring."""
        if self._improved:
            return None if self._grows else self._ascent()
        if not self._population:
            dots = Improvement(DOTS, self._seed(), rows=(0, 0), fine=0.0)
            return dots if self._problem.first is None else None
        if self._grows:
            return self._growth()
        alone = self._refined < ASCENTS or (self._problem.proxy and self._age >= PROXY)
        return (self._ascent() if alone else None) or self._improvement()

    def _seed(self) -> int:
        return int(self._rng.integers(2**31))

    def _growth(self) -> Improvement:
        """What each variant is to grow: strips are upright and level by turns."""
        rows, strips = (self._grown, self._next_grown()), self._size if self._grown >= ALONE else 1
        work, level = GROWTH * -(-(rows[1] - rows[0]) // strips), self._generation % 2
        angle = level * math.pi / 2.0
        return Improvement(work, self._seed(), rows=rows, strips=strips, angle=angle, fine=0.0)

    def _improvement(self) -> Improvement:
        """What each variant is given to do."""
        seed, angle = self._seed(), float(self._rng.uniform(0.0, math.pi))
        heat = self._heat, self._heat
        return Improvement(SCORINGS, seed, heat, strips=self._size, angle=angle, fine=self._fine)

    def _ascent(self) -> Improvement | None:
        """What becomes of what was united, where there are gradients: all shapes move at once."""
        if not self._problem.gradient:
            return None
        steps = DEAR_STEPS if self._problem.proxy else STEPS
        rate = self._pace * RATE / math.sqrt(self._problem.rows)
        colours = self._refined % SOLVED == 0 and not self._problem.proxy
        return Improvement(0, 0, steps=steps, rate=rate, fine=self._fine, colours=colours)

    @property
    def _fine(self) -> float:
        """How closely to look, from 0 towards 1."""
        return self._age / (self._age + FINE)

    @property
    def _grows(self) -> bool:
        return self._grown < self._problem.rows

    def _next_grown(self) -> int:
        """How many shapes are grown after a generation more, as many of each kind."""
        kinds = self._problem.kinds
        wanted = min(max(LEAST_STAGE, self._problem.rows // STAGES), MOST_STAGE)
        after = self._grown + kinds * -(-wanted // kinds)
        return min(after, ALONE if self._grown < ALONE else after, self._problem.rows)

    @property
    def _age(self) -> float:
        """Scorings a shape since all were grown."""
        return self._spent / self._problem.rows

    @property
    def _heat(self) -> float:
        """The temperature, which falls for as long as the run goes on."""
        return HEAT / (1.0 + self._spent / (COOLING * math.sqrt(self._problem.rows)))

    def inherit(self, genomes: Genomes) -> None:
        """What the variants were improved to (Lamarck's way: it is theirs from now on)."""
        self._asked = genomes

    def tell(self, fitness: Fitness) -> None:
        """Keep variants to be united; or, with what came of that, end the generation."""
        self._turns.tell(fitness)
        how = self._wants.improve
        cost = len(fitness) * (how.scorings + how.steps * self._problem.step if how else 1)
        found = [Individual(genome) for genome in self._asked]
        for individual, value in zip(found, fitness, strict=True):
            individual.fitness.values = (float(value),)
        self._spent += cost
        if how and self._population and not how.steps:
            self._improved = found
            return
        if how and how.steps and not self._improved and found[0].fitness <= self._leader.fitness:
            self._pace *= SLOWER  # the same steps would lead to the same again
        everyone = [*found, *self._improved]
        self._leader = found[0]
        if self._grows:
            self._grown = self._next_grown() if self._improved else 0
            self._spent = 0
        else:
            self._refined += 1
        ranked = sorted([*everyone, *self._population], key=lambda one: one.fitness, reverse=True)
        self._population, self._improved = ranked[: self._size], []
        self._generation += 1

    def _united(self) -> Genomes:
        """(L,) the leader with all that its variants have changed."""
        child, rows = np.array(self._leader), self._problem.rows_of
        variants = [np.asarray(variant) for variant in self._improved]
        rows(child)[:] = united(rows(child), [rows(variant) for variant in variants])
        header = slice(self._problem.header)
        child[header] = variants[0][header]
        return child

    def population(self) -> tuple[Genomes, Fitness]:
        """The best individuals so far, best first."""
        genomes = np.stack([np.asarray(one) for one in self._population])
        return genomes, np.array([one.fitness.values[0] for one in self._population])

    def state(self) -> State:
        """The population, the leader, what is grown and spent, the generator."""
        genomes, fitness = self.population()
        return {
            "genomes": genomes,
            "fitness": fitness,
            "leader": np.array(self._leader),
            "grown": self._grown,
            "generation": self._generation,
            "refined": self._refined,
            "spent": self._spent,
            "pace": self._pace,
            "leader_fitness": self._leader.fitness.values[0],
            "random": copy.deepcopy(self._rng.bit_generator.state),
        }

    def restore(self, state: State) -> None:
        """Go on from `state`."""
        self._population = [Individual(genome) for genome in state["genomes"]]
        for individual, value in zip(self._population, state["fitness"], strict=True):
            individual.fitness.values = (float(value),)
        self._leader, self._grown = Individual(state["leader"]), int(state["grown"])
        self._generation, self._refined = int(state["generation"]), int(state["refined"])
        self._spent, self._pace = int(state["spent"]), float(state["pace"])
        self._leader.fitness.values = (float(state["leader_fitness"]),)
        self._rng.bit_generator.state = copy.deepcopy(state["random"])
        self._improved = []
        self._turns = Turns()


def build(problem: Problem, population: int, rng: np.random.Generator) -> Portrait:
    """A search at its start."""
    return Portrait(problem, population, rng)
