"""A memetic algorithm: DEAP's individuals, crossed and selected, each improved by its gradient.

Lamarckian: what an individual learns, its children inherit (Moscato 1989; Whitley, Gordon &
Mathias 1994). Of the founders, composed pictures, the best begin to climb. A climber takes steps
with Adam (Kingma & Ba 2015, algorithm 1), which is nearly scale-free, so that colours, places and
angles each keep a step size of their own. Where one comes to a stand it retires; two
individuals, drawn by tournament, are crossed (uniform crossover, Syswerda 1989, with a shape as the
unit), and their child climbs in its place.

Where the highest fitness there can be is known, no step aims beyond it (Polyak 1987, section 5.3),
and near it the leader lands: small moves of a few genes at a time, up and down its last slope, are
scored without new gradients, for there the rounding of pixels matters more than the slope.

Where the fitness is the worst of several views, a step sees a few of them, drawn at random
(expectation over transformation: Athalye, Engstrom, Ilyas & Kwok 2018), and only now and then is a
climber scored by all: those scorings alone decide what the best is.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt
from deap import tools

from evonsfw.genome import COLOUR_GENES, Individual
from evonsfw.lent_random import LentRandom
from evonsfw.search import FITNESS_ONLY, Fitness, Genomes, Problem, Search, State, Turns, Wants
from evonsfw.variation import mate

GRADIENT = "needs"
STEP = 0.07
"""Step size of colours and alphas, as a share of their range (Kingma & Ba's alpha)."""
PLACE_STEP, SIZE_STEP, OTHER_STEP = 0.002, 0.006, 0.01
"""Step sizes of places, of sizes and of angles: larger moves tear the picture apart."""
DECAY, SQUARE_DECAY = 0.65, 0.99
"""Beta 1 and beta 2: shorter than usual, for a climb is a few dozen steps."""
TINY = 1e-12
FOUNDERS = 4
"""Composed pictures that compete for the places of climbers."""
TOURNAMENT = 2
PATIENCE = 8
"""Steps without a new best after which a climber goes back to its best and halves its steps."""
RETREATS = 4
"""Times that it does so before it retires."""
LANDING = 0.3
"""Fitness below a known optimum from which on the leader lands."""
LANDERS = 4
"""Moves that are tried at a time."""
SHARES = (0.5, 0.12, 0.03)
"""Shares of the genes that a move may have."""
MISSES = 4
"""Tries without a new best after which a landing is broken off, for a new gradient."""
VIEWS = 2
"""Views of a step."""
CHECK_EVERY = 8
"""Steps from one scoring by all views to the next."""

Floats = npt.NDArray[np.float64]


@dataclass
class Climber:
    """One climb.

    Attributes:
        best: the best point of it, with its fitness; none yet where it is not valid.
        point: (L,) where it stands.
        mean, square: (L,) Adam's moments.
        steps: taken since the moments began.
        scale: what its step sizes are multiplied by.
        stale: steps since its best.
        retreats: how often it went back since its best.
        slope: (L,) the gradient at its best.
    """

    best: Individual
    point: Floats
    mean: Floats = field(init=False)
    square: Floats = field(init=False)
    slope: Floats = field(init=False)
    steps: int = 0
    scale: float = 1.0
    stale: int = 0
    retreats: int = 0

    def __post_init__(self) -> None:
        """Begin without moments."""
        self.slope = np.zeros_like(self.point)
        self.forget()

    def forget(self) -> None:
        """Begin the moments anew."""
        self.mean, self.square = np.zeros_like(self.point), np.zeros_like(self.point)
        self.steps = 0

    def judge(self, fitness: float, genome: Genomes) -> bool:
        """Compare a genome with its best; returns whether it is better."""
        self.stale += 1
        better = not self.best.fitness.valid or fitness > self.best.fitness.values[0]
        if better:
            self.best[:] = genome
            self.best.fitness.values = (fitness,)
            self.stale = self.retreats = 0
        return better

    def step(self, gradient: Floats, sizes: Floats, gain: float) -> None:
        """Adam's step, within the box and, in first order, of at most that gain. Past an optimum
        of known fitness the moments are of its other side.
        """
        if gain < math.inf and gradient @ self.mean < 0.0:
            self.forget()
        self.steps += 1
        self.mean = DECAY * self.mean + (1.0 - DECAY) * gradient
        self.square = SQUARE_DECAY * self.square + (1.0 - SQUARE_DECAY) * gradient**2
        mean = self.mean / (1.0 - DECAY**self.steps)
        square = self.square / (1.0 - SQUARE_DECAY**self.steps)
        move = self.scale * sizes * mean / (np.sqrt(square) + TINY)
        move = np.clip(self.point + move, 0.0, 1.0) - self.point
        self.point = self.point + move * _share(float(gradient @ move), gain)

    def variant(self, sizes: Floats, gain: float, rng: np.random.Generator) -> Floats:
        """(L,) a genome near its best: a few genes moved along its slope, for that gain either
        way, since the best may lie on either side of the optimum.
        """
        start = np.array(self.best, np.float64)
        moved = rng.random(len(start)) < rng.choice(SHARES)
        move = np.where(moved, sizes * rng.random(len(start)) * np.sign(self.slope), 0.0)
        move *= _share(float(self.slope @ move), gain) * rng.choice((-1.0, 1.0))
        return np.clip(start + move, 0.0, 1.0)

    def retreat(self, scale: float) -> None:
        """Go back to the best point, and go on with steps of that scale."""
        self.point = np.array(self.best, np.float64)
        self.scale = scale
        self.stale = 0
        self.retreats += 1
        self.forget()


def _share(promised: float, gain: float) -> float:
    """How much of a move is taken that promises a gain, where no more than another is wanted."""
    gain = max(gain, 0.0)
    return gain / promised if promised > gain else 1.0


def default_population(problem: Problem) -> int:
    """4: few, for each step of each costs three scorings."""
    return 4


class Memetic(Search):
    """Ask/tell around climbers and the population that they come from.

    Args:
        problem: the genomes; it must allow gradients.
        population: individuals, at least 2.
        rng: the run's generator; DEAP's `random` is seeded from it.
        climbers: how many climb at a time.

    Raises:
        ValueError: the problem allows no gradients.
    """

    def __init__(
        self, problem: Problem, population: int, rng: np.random.Generator, climbers: int
    ) -> None:
        if not problem.gradient:
            raise ValueError("search 'memetic' needs gradients: leave out --no-gradient")
        self._problem = problem
        self._size = population
        self._count = climbers
        self._turns = Turns()
        self._sizes = _step_sizes(problem)
        self._asked = problem.found(rng, max(FOUNDERS, population))
        self._rng = np.random.default_rng(rng.integers(2**63))
        self._random = LentRandom(rng)
        self._wants = FITNESS_ONLY
        self._population: list[Individual] = []
        self._climbers: list[Climber] = []
        self._gradients: Genomes | None = None
        self._since_check = 0
        self._landing = False
        self._misses = 0

    @property
    def wants(self) -> Wants:
        """Gradients in a few views, or the fitness in all."""
        return self._wants

    @property
    def complete(self) -> bool:
        """Founders and checks are generations; with one view, each step and each try is."""
        return self._problem.views == 1 or not self._wants.gradient

    @property
    def _leader(self) -> Climber:
        """The climber with the best best."""
        return max(self._climbers, key=lambda climber: climber.best.fitness)

    def ask(self) -> Genomes:
        """(B, L) genomes: the founders first, then where each climber stands."""
        if self._climbers:
            self._asked = np.stack(self._tries() if self._landing else self._points())
            self._wants = FITNESS_ONLY if self._landing else self._next_wants()
        self._turns.ask(len(self._asked))
        return self._asked

    def _points(self) -> list[Genomes]:
        """Where each climber stands."""
        return [climber.point.astype(np.float32) for climber in self._climbers]

    def _tries(self) -> list[Genomes]:
        """Genomes near the leader's best."""
        leader = self._leader
        gain = self._problem.optimum - leader.best.fitness.values[0]
        tries = (leader.variant(self._sizes, gain, self._rng) for _ in range(LANDERS))
        return [genome.astype(np.float32) for genome in tries]

    def _next_wants(self) -> Wants:
        """Steps in random views, a check in all after every few of them."""
        if self._problem.views == 1:
            return Wants(gradient=True)
        if self._since_check == CHECK_EVERY:
            return FITNESS_ONLY
        views = self._rng.choice(self._problem.views, min(VIEWS, self._problem.views), False)
        return Wants(gradient=True, views=tuple(sorted(int(view) for view in views)))

    def learn(self, gradients: Genomes) -> None:
        """The climbers' gradients."""
        self._gradients = gradients

    def tell(self, fitness: Fitness) -> None:
        """Choose the climbers; later, judge them and have each take a step."""
        self._turns.tell(fitness)
        if not self._climbers:
            self._found(fitness)
            return
        if self._landing:
            self._land(fitness)
            return
        if self.complete:
            self._judge(fitness)
            self._select()
        if self._wants.gradient:
            self._step(fitness)
        else:
            self._since_check = 0

    def _judge(self, fitness: Fitness) -> None:
        """Compare where the climbers stand with their bests."""
        for number, climber in enumerate(self._climbers):
            climber.judge(float(fitness[number]), self._asked[number])
            there = np.array_equal(climber.best, self._asked[number])
            if there and self._gradients is not None:
                climber.slope = self._gradients[number].astype(np.float64)

    def _land(self, fitness: Fitness) -> None:
        """Take the best try where it is better; after many that were not, go on with gradients."""
        leader, top = self._leader, int(np.argmax(fitness))
        better = leader.judge(float(fitness[top]), self._asked[top])
        self._select()
        self._misses = 0 if better else self._misses + 1
        if self._misses == MISSES:
            self._landing = False
            leader.retreat(leader.scale)

    def population(self) -> tuple[Genomes, Fitness]:
        """The individuals, best first."""
        genomes = np.stack([np.asarray(individual) for individual in self._population])
        return genomes, np.array([one.fitness.values[0] for one in self._population])

    def state(self) -> State:
        """The individuals, the climbers, and both random states."""
        genomes, fitness = self.population()
        return {
            "genomes": genomes,
            "fitness": fitness,
            "climbers": [self._climb(climber) for climber in self._climbers],
            "since_check": self._since_check,
            "landing": self._landing,
            "misses": self._misses,
            "rng": self._rng.bit_generator.state,
            "random": self._random.state(),
        }

    def restore(self, state: State) -> None:
        """Go on from `state`."""
        self._population = [Individual(genome) for genome in state["genomes"]]
        for individual, value in zip(self._population, state["fitness"], strict=True):
            individual.fitness.values = (float(value),)
        self._climbers = [self._restored(climb) for climb in state["climbers"]]
        self._since_check = int(state["since_check"])
        self._landing, self._misses = bool(state["landing"]), int(state["misses"])
        self._rng.bit_generator.state = state["rng"]
        self._random.restore(state["random"])
        self._turns = Turns()

    def _climb(self, climber: Climber) -> dict[str, Any]:
        """A climber's state; its best is one of the population, where it has one yet."""
        place = next((i for i, one in enumerate(self._population) if one is climber.best), -1)
        return {
            "place": place,
            "child": np.array(climber.best) if place < 0 else None,
            "point": climber.point.copy(),
            "slope": climber.slope.copy(),
            "mean": climber.mean.copy(),
            "square": climber.square.copy(),
            "counts": [climber.steps, climber.scale, climber.stale, climber.retreats],
        }

    def _restored(self, climb: dict[str, Any]) -> Climber:
        place = int(climb["place"])
        best = Individual(climb["child"]) if place < 0 else self._population[place]
        climber = Climber(best, np.array(climb["point"]))
        climber.mean, climber.square = np.array(climb["mean"]), np.array(climb["square"])
        climber.slope = np.array(climb["slope"])
        steps, scale, stale, retreats = climb["counts"]
        climber.steps, climber.stale, climber.retreats = int(steps), int(stale), int(retreats)
        climber.scale = float(scale)
        return climber

    def _found(self, fitness: Fitness) -> None:
        """The best founders are the population, and the best of those climb."""
        founders = [Individual(genome) for genome in self._asked]
        for founder, value in zip(founders, fitness, strict=True):
            founder.fitness.values = (float(value),)
        self._population = tools.selBest(founders, self._size)
        best = self._population[: self._count]
        self._climbers = [Climber(one, np.array(one, np.float64)) for one in best]

    def _select(self) -> None:
        """New bests take their places; the worst that do not climb give way."""
        bests = [one.best for one in self._climbers if one.best.fitness.valid]
        others = [one for one in self._population if all(one is not best for best in bests)]
        room = max(0, self._size - len(bests))
        self._population = tools.selBest(bests + tools.selBest(others, room), self._size)

    def _step(self, fitness: Fitness) -> None:
        """Each climber's next step, or its retreat, or a child in its place."""
        assert self._gradients is not None
        self._since_check += 1
        slopes = self._gradients.astype(np.float64)
        for number, climber in enumerate(self._climbers):
            stale = climber.stale >= PATIENCE
            if climber.retreats > RETREATS or (stale and climber.retreats == RETREATS):
                self._climbers[number] = self._child()
            elif stale:
                climber.retreat(0.5 * climber.scale)
            else:
                gain = self._problem.optimum - float(fitness[number])
                climber.step(slopes[number], self._sizes, gain)
        self._gradients = None
        self._landing = self._is_near(self._leader)
        self._misses = 0

    def _is_near(self, climber: Climber) -> bool:
        """Whether a climber may land."""
        if self._problem.views > 1 or not climber.best.fitness.valid:
            return False
        short = self._problem.optimum - climber.best.fitness.values[0]
        return bool(short < LANDING and climber.slope.any())

    def _child(self) -> Climber:
        """Two parents' child, at the start of its climb."""
        with self._random.lent():
            mother, father = tools.selTournament(self._population, 2, tournsize=TOURNAMENT)
            if father is mother:
                father = Individual(self._problem.compose(self._rng, 1)[0])
            child, _ = mate(self._problem, Individual(mother), Individual(father))
        return Climber(child, np.array(child, np.float64))


def build(problem: Problem, population: int, rng: np.random.Generator) -> Memetic:
    """A search at its start: every individual climbs."""
    return Memetic(problem, population, rng, climbers=population)


def _step_sizes(problem: Problem) -> Floats:
    """(L,) step sizes."""
    row = np.full(problem.row_length, OTHER_STEP)
    row[:2], row[2] = PLACE_STEP, SIZE_STEP
    row[-COLOUR_GENES:] = STEP
    return np.concatenate([np.full(problem.header, STEP), np.tile(row, problem.rows)])
