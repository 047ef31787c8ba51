"""A portrait: one picture that is made more and more like its target.

A memetic algorithm on a population of variants (Moscato 1989). The first are grown, shape by shape.
From then on, every generation takes the best, has each variant of it improved by itself (one shape
at a time is lifted out, and climbs), and crosses what came of them: each shape that one variant
alone has changed is taken over. So what is improved on several cores comes together in one picture.

Improvements may be worse for a while (threshold accepting, Dueck and Scheuer 1990), the less the
longer the run: the best of all is kept beside them.
"""

from __future__ import annotations

import copy

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

IMPROVEMENT = "needs"
SCORINGS = 150
"""Pictures' worth of pixels that each variant is given in a generation."""
HEAT = 0.3
"""Temperature of the first generation of improvements."""
COOLING = 0.95
"""From one generation to the next."""
COLD = 0.002
"""Below it, no change that makes the picture worse is taken."""


def default_population(problem: Problem) -> int:
    """2: what several variants have improved is worth less than twice one's time."""
    return 2


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
        self._population: list[Individual] = []
        self._improved: list[Individual] = []
        self._founders = problem.found(rng, population)
        self._leader = Individual(self._founders[0])
        self._wants = FITNESS_ONLY
        self._asked = np.zeros((0, problem.length), np.float32)
        self._heat = HEAT

    @property
    def wants(self) -> Wants:
        """Improvement, or the fitness of what was crossed."""
        return self._wants

    @property
    def complete(self) -> bool:
        """A generation ends when what was crossed is scored; the first, when founders are."""
        return not self._improved

    def ask(self) -> Genomes:
        """(B, L) genomes: the leader to be improved, or what its variants were crossed to."""
        if self._improved:
            self._asked, self._wants = self._crossed(), FITNESS_ONLY
        elif self._problem.first is not None and not self._population:
            self._asked, self._wants = self._founders, FITNESS_ONLY
        else:
            self._asked = np.repeat(np.asarray(self._leader)[None], self._size, axis=0)
            self._wants = Wants(improve=self._improvement())
        self._turns.ask(len(self._asked))
        return self._asked

    def _improvement(self) -> Improvement:
        seed = int(self._rng.integers(2**31))
        if not self._population:
            return Improvement(SCORINGS, seed, anew=True)
        cooler = self._heat * COOLING
        return Improvement(SCORINGS, seed, (self._warm(self._heat), self._warm(cooler)))

    @staticmethod
    def _warm(heat: float) -> float:
        return heat if heat >= COLD else 0.0

    def inherit(self, genomes: Genomes) -> None:
        """What the variants were improved to (Lamarck's way: it is theirs from now on)."""
        self._asked = genomes

    def tell(self, fitness: Fitness) -> None:
        """Keep variants to be crossed; or, with those, begin the next generation."""
        self._turns.tell(fitness)
        found = [Individual(genome) for genome in self._asked]
        for individual, value in zip(found, fitness, strict=True):
            individual.fitness.values = (float(value),)
        if not self._improved and self._population:
            self._improved = found
            return
        everyone = [*found, *self._improved]
        self._leader = max(everyone, key=lambda one: one.fitness)
        ranked = sorted([*everyone, *self._population], key=lambda one: one.fitness, reverse=True)
        self._population = ranked[: self._size]
        if self._improved:
            self._heat *= COOLING
        self._improved = []

    def _crossed(self) -> Genomes:
        """(P - 1, L) the best variant with what each next one has changed, one after another."""
        ranked = sorted(self._improved, key=lambda one: one.fitness, reverse=True)
        child = np.array(ranked[0])
        children = []
        for donor in ranked[1:]:
            child = self._taken_over(child, np.asarray(donor))
            children.append(child)
        return np.stack(children)

    def _taken_over(self, receiver: Genomes, donor: Genomes) -> Genomes:
        """The receiver with those shapes of a donor that took the place of shapes of the leader
        that the receiver still has.
        """
        rows = self._problem.rows_of
        before = [row.tobytes() for row in rows(np.asarray(self._leader))]
        there = {row.tobytes() for row in rows(donor)}
        known = set(before)
        lost = [code for code in before if code not in there]
        new = [row for row in rows(donor) if row.tobytes() not in known]
        child = receiver.copy()
        places = {row.tobytes(): place for place, row in enumerate(rows(child))}
        for code, row in zip(lost, new, strict=False):
            if code in places:
                rows(child)[places[code]] = row
        return child

    def population(self) -> tuple[Genomes, Fitness]:
        """The best individuals so far, best first."""
        genomes = np.stack([np.asarray(one) for one in self._population])
        return genomes, np.array([one.fitness.values[0] for one in self._population])

    def state(self) -> State:
        """The population, the leader, the heat, the generator."""
        genomes, fitness = self.population()
        return {
            "genomes": genomes,
            "fitness": fitness,
            "leader": np.array(self._leader),
            "heat": self._heat,
            "random": copy.deepcopy(self._rng.bit_generator.state),
        }

    def restore(self, state: State) -> None:
        """Go on from `state`."""
        self._population = [Individual(genome) for genome in state["genomes"]]
        for individual, value in zip(self._population, state["fitness"], strict=True):
            individual.fitness.values = (float(value),)
        self._leader, self._heat = Individual(state["leader"]), float(state["heat"])
        self._rng.bit_generator.state = copy.deepcopy(state["random"])
        self._improved = []
        self._turns = Turns()


def build(problem: Problem, population: int, rng: np.random.Generator) -> Portrait:
    """A search at its start."""
    return Portrait(problem, population, rng)
