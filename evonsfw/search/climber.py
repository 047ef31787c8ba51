"""(1 + lambda) hill climbing, one shape at a time, with the 1/5 success rule.

I. Rechenberg, "Evolutionsstrategie", 1973, gave the rule: steps grow while more than a fifth of the
children are better than their parent, and shrink while fewer are. It is written here as A. Auger
writes it for one child a generation ("Benchmarking the (1+1) evolution strategy with one-fifth
success rule on the BBOB-2009 function testbed", 2009): a better child multiplies the step by
alpha = exp(1/3), a worse one by alpha^(-1/4). With lambda children each counts so.

A child differs from its parent in one shape: all of its genes take a Gaussian step; or, as often,
the shape is taken out and one of a composed picture is put on top, where it is seen whole.
"""

from __future__ import annotations

import copy

import numpy as np

from evonsfw.search import Fitness, Genomes, Problem, Search, State, Turns

SIGMA = 0.2
"""Step size at the start, as a share of a gene's range."""
SIGMA_RANGE = (0.005, 0.5)
"""Below, a step is less than a level of colour or a pixel; above, it leaves the box."""
ALPHA = float(np.exp(1.0 / 3.0))
"""Auger 2009: a success multiplies the step by this, a failure by its fourth root's inverse."""
ON_TOP = 0.5
"""Probability that a child has a new shape on top, in place of a step."""
BACKGROUND = 0.1
"""Probability that a step changes the background in place of a shape."""
FOUNDERS = 32
"""Composed pictures, of which the best is the first parent."""
RESERVE = 64
"""Composed genomes kept in store, from which new shapes are taken."""


def default_population(problem: Problem) -> int:
    """4: few enough to be greedy, enough for a few workers."""
    return 4


class HillClimber(Search):
    """One parent; its better child takes its place.

    Args:
        problem: the genomes.
        population: lambda, at least 1.
        rng: the run's generator.
    """

    def __init__(self, problem: Problem, population: int, rng: np.random.Generator) -> None:
        self._problem = problem
        self._size = population
        self._rng = rng
        self._turns = Turns()
        self._begun = False
        self._reserve = problem.compose(rng, RESERVE)
        self._asked = problem.found(rng, max(FOUNDERS, population))
        self._stepped = np.zeros(len(self._asked), bool)
        self._parent: Genomes = self._asked[:0]
        self._value: Fitness = np.zeros(0)
        self._sigma = SIGMA

    def begin_from(self, parent: Genomes, fitness: float, sigma: float = SIGMA) -> None:
        """Climb from a parent whose fitness is known, in place of founders that are to be scored.

        Args:
            parent: (L,) float32 genome in [0, 1].
            fitness: its own, larger is better.
            sigma: step size at the start, as a share of a gene's range.

        Raises:
            RuntimeError: something was asked for already.
        """
        if self._begun:
            raise RuntimeError("begin_from() was called after ask()")
        self._parent = np.array(parent)[None]
        self._value = np.array([fitness])
        self._sigma = sigma

    def ask(self) -> Genomes:
        """(lambda, L) children of the parent; first, the founders."""
        self._begun = True
        if len(self._parent):
            self._asked = np.repeat(self._parent, self._size, axis=0)
            self._stepped = self._rng.random(self._size) >= ON_TOP
            for child, stepped in zip(self._asked, self._stepped, strict=True):
                self._step(child) if stepped else self._renew(child)
        self._turns.ask(len(self._asked))
        return self._asked

    def tell(self, fitness: Fitness) -> None:
        """The better of parent and best child goes on; each step taken moves the step size."""
        self._turns.tell(fitness)
        if len(self._value):
            better = fitness[self._stepped] > self._value
            exponent = np.where(better, 1.0, -0.25).sum()  # Auger 2009: alpha, alpha^(-1/4)
            self._sigma = float(np.clip(self._sigma * ALPHA**exponent, *SIGMA_RANGE))
        best = int(np.argmax(fitness))
        if not len(self._value) or fitness[best] >= self._value[0]:
            self._parent = self._asked[best : best + 1].copy()
            self._value = np.array(fitness[best : best + 1])

    def population(self) -> tuple[Genomes, Fitness]:
        """(1, L) the parent, and its fitness."""
        return self._parent, self._value

    def state(self) -> State:
        """The parent, the step size, the store of fresh shapes, the generator."""
        return {
            "parent": self._parent.copy(),
            "value": self._value.copy(),
            "sigma": self._sigma,
            "reserve": self._reserve.copy(),
            "random": copy.deepcopy(self._rng.bit_generator.state),
        }

    def restore(self, state: State) -> None:
        """Go on from `state`."""
        self._parent = np.array(state["parent"])
        self._value = np.array(state["value"])
        self._sigma = float(state["sigma"])
        self._reserve = np.array(state["reserve"])
        self._rng.bit_generator.state = copy.deepcopy(state["random"])
        self._turns = Turns()

    def _step(self, genome: Genomes) -> None:
        """A Gaussian step of one shape, or of the background."""
        rows = self._problem.rows_of(genome)
        part = rows[self._rng.integers(len(rows))]
        if self._rng.random() < BACKGROUND:
            part = genome[: self._problem.header]
        part += self._rng.normal(0.0, self._sigma, len(part)).astype(np.float32)
        np.clip(part, 0.0, 1.0, out=part)

    def _renew(self, genome: Genomes) -> None:
        """Take one shape out, let those of its kind above it sink by one, put a new one on top."""
        rows, kinds = self._problem.rows_of(genome), self._problem.kinds
        row = int(self._rng.integers(len(rows)))
        stack = self._problem.make_room(rows, row)
        donor = self._problem.rows_of(self._reserve[self._rng.integers(len(self._reserve))])
        stack[-1] = self._rng.choice(donor[row % kinds :: kinds])


def build(problem: Problem, population: int, rng: np.random.Generator) -> HillClimber:
    """A search at its start."""
    return HillClimber(problem, population, rng)
