"""The climber that needs the fewest scorings without gradients: whole picture, region, shape.

One parent at a time. Children differ from it by one of fifteen moves, which reach from the whole
picture (a tint, a zoom, another scheme of colours) over a region to a single shape. Those of the
whole picture gain most at the start and nothing later; what gains most of circles is a large new
shape on top, in a colour that the picture has, and it starts with more credit than the others.
Which moves pay differs from picture to picture and from minute to minute, so they are chosen by
what they have gained of late: probability matching (D. Thierens, "An adaptive pursuit strategy for
allocating operator probabilities", GECCO 2005, section on probability matching), with the gain of a
trial as reward. A step that gained is taken again, half as long again (the pattern move of R. Hooke
and T. A. Jeeves, "Direct search solution of numerical and statistical problems", 1961). The score
is a rugged function: so a child that is a little worse is accepted with probability exp(-loss / T)
(N. Metropolis et al. 1953), and T falls to 0 linearly (simulated annealing, S. Kirkpatrick, C. D.
Gelatt, M. P. Vecchi 1983).
"""

from __future__ import annotations

import math
from collections import deque
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from evonsfw.generation import read_only
from evonsfw.moves import LARGEST, Moves, chosen
from evonsfw.search import Fitness, Genomes, Problem, Search, State, Turns, keep_in_box

FOUNDERS = 12
"""Composed pictures, of which the best is the first parent."""
GENERATION = 8
"""Children of a generation that finds nothing better, where the population is not larger."""
RESERVE = 64
"""Composed genomes kept in store, from which new shapes are taken."""
LONGER = 1.5
"""A step that gained is taken again, so much as long."""
TEMPERATURE = 0.05
"""T at the start, in units of fitness (of a class score: of its margin)."""
COOLING = 10
"""T falls to 0 within so many scorings for each shape."""
EVEN = 0.2
"""Thierens 2005, probability matching: this share of the choices falls evenly on all moves."""
MEMORY = 0.99
"""What a move has gained counts by this, to the power of the scorings since."""
HOPE, TRIALS = 0.08, 1.0
"""Gain and number of trials with which every move starts, but for a large shape on top."""
HOPE_ON_TOP, TRIALS_ON_TOP = 1.6, 4.0
"""Gain and number of trials with which that one starts."""
REPEATED = -1
"""In place of a move's number: the child took a step again. That is credited to no move."""


@dataclass
class Child:
    """A genome in flight.

    Attributes:
        genome: (L,) in [0, 1].
        step: (L,) difference from its parent.
        move: number of the move that made it, or `REPEATED`.
    """

    genome: Genomes
    step: Genomes
    move: int


def default_population(problem: Problem) -> int:
    """2: one child is scored while the next is bred; more of them know less of each other."""
    return 2


class GradientFree(Search):
    """One parent, and children by moves of every reach.

    Args:
        problem: the genomes.
        population: children of two batches, at least 2: as many at most are in flight.
        rng: the run's generator.
    """

    def __init__(self, problem: Problem, population: int, rng: np.random.Generator) -> None:
        self._problem = problem
        self._size = population
        self._rng = rng
        self._turns = Turns()
        self._moves = Moves(problem, read_only(problem.compose(rng, RESERVE)), rng)
        founders = problem.found(rng, max(FOUNDERS, population))
        self._again = deque([[Child(genome, genome * 0.0, 0) for genome in founders]])
        self._flight: deque[list[Child]] = deque()
        self._parent, self._value = founders[0], -np.inf
        self._best, self._best_value = founders[0], -np.inf
        self._steps: deque[Genomes] = deque()
        count, on_top = len(self._moves.all), self._moves.on_top
        self._gains, self._trials = np.full(count, HOPE), np.full(count, TRIALS)
        self._gains[on_top], self._trials[on_top] = HOPE_ON_TOP, TRIALS_ON_TOP
        self._bred = self._scorings = self._since = 0
        self._better = False
        self._largest = LARGEST
        if problem.first is not None:
            self._largest = max(LARGEST, float(self._moves.rows(problem.first)[:, 2].max()))

    @property
    def in_flight(self) -> int:
        """2, once there is a parent: a child is scored while the next is bred."""
        return 2 if math.isfinite(self._value) else 1

    @property
    def complete(self) -> bool:
        """A new best ends a generation; so do enough children, and the founders."""
        return self._better or self._since >= max(GENERATION, self._size)

    def ask(self) -> Genomes:
        """(B, L) children of the parent; first, the founders."""
        batch = self._again[0] if self._again else None
        self._turns.ask(len(batch) if batch else self._half(), self.in_flight)
        self._flight.append(self._again.popleft() if batch else self._breed())
        return np.stack([child.genome for child in self._flight[-1]])

    def tell(self, fitness: Fitness) -> None:
        """See what each move gained, and which child takes its parent's place."""
        self._turns.tell(fitness)
        batch = self._flight.popleft()
        if self.complete:
            self._since, self._better = 0, False
        self._since += len(batch)
        if math.isfinite(self._value):
            for child, value in zip(batch, fitness, strict=True):
                self._judge(child, float(value))
        else:
            top = int(np.argmax(fitness))
            self._accept(batch[top].genome, float(fitness[top]))

    def population(self) -> tuple[Genomes, Fitness]:
        """(2, L) the best so far and the parent, and their fitness."""
        return np.stack([self._best, self._parent]), np.array([self._best_value, self._value])

    def state(self) -> State:
        """Best and parent, children in flight, what the moves gained, store and generator."""
        genomes, fitness = self.population()
        return {
            "genomes": genomes,
            "fitness": fitness,
            "flight": [_packed(batch) for batch in self._flight],
            "steps": list(self._steps),
            "gains": self._gains.copy(),
            "trials": self._trials.copy(),
            "counts": [self._bred, self._scorings],
            "reserve": self._moves.reserve,
            "largest": self._largest,
            "random": self._rng.bit_generator.state,
        }

    def restore(self, state: State) -> None:
        """Go on from `state`."""
        self._best, self._parent = np.array(state["genomes"])
        self._best_value, self._value = (float(value) for value in state["fitness"])
        self._again = deque(_unpacked(batch) for batch in state["flight"])
        self._flight.clear()
        self._steps = deque(np.array(step) for step in state["steps"])
        self._gains, self._trials = np.array(state["gains"]), np.array(state["trials"])
        self._bred, *_, self._scorings = (int(count) for count in state["counts"])
        self._since, self._better = 0, False
        self._moves.reserve = read_only(state["reserve"])
        self._largest = float(state.get("largest", LARGEST))
        self._rng.bit_generator.state = state["random"]
        self._turns = Turns()

    def _half(self) -> int:
        """Children of the next batch: with the one before or after it, a population."""
        return self._size // 2 if self._bred % 2 else self._size - self._size // 2

    def _breed(self) -> list[Child]:
        """The next batch: steps that gained again, then moves by what they have gained."""
        batch = [self._child() for _ in range(self._half())]
        self._bred += 1
        return batch

    def _child(self) -> Child:
        genome = self._parent.copy()
        move = REPEATED
        if self._steps:
            genome += np.float32(LONGER) * self._steps.popleft()
        else:
            move = chosen(self._rng, self._probabilities())
            self._moves.all[move](genome)
        sizes = self._moves.rows(genome)[:, 2]
        np.minimum(sizes, np.float32(self._largest), out=sizes)
        keep_in_box(genome)
        return Child(genome, genome - self._parent, move)

    def _probabilities(self) -> npt.NDArray[np.float64]:
        """(M,) of the moves: Thierens 2005, P_min + (1 - K P_min) Q_i / sum Q."""
        reward = self._gains / self._trials
        shares: npt.NDArray[np.float64] = EVEN / len(reward) + (1.0 - EVEN) * reward / reward.sum()
        return shares

    def _judge(self, child: Child, value: float) -> None:
        """Credit the child's move; accept the child, or not."""
        gain = max(value - self._value, 0.0)
        self._scorings += 1
        if child.move != REPEATED:
            self._gains *= MEMORY
            self._trials *= MEMORY
            self._gains[child.move] += gain
            self._trials[child.move] += 1.0
        if gain > 0.0 and child.move < self._moves.steps:
            self._steps.append(child.step)
        left = 1.0 - self._scorings / (COOLING * self._problem.rows)
        allowed = self._rng.exponential(TEMPERATURE * left) if left > 0.0 else 0.0
        if value >= self._value - allowed:
            self._accept(child.genome, value)

    def _accept(self, genome: Genomes, value: float) -> None:
        self._parent, self._value = genome, value
        if value >= self._best_value:
            self._better = self._better or value > self._best_value
            self._best, self._best_value = genome, value


def build(problem: Problem, population: int, rng: np.random.Generator) -> GradientFree:
    """A search at its start."""
    return GradientFree(problem, population, rng)


def _packed(batch: list[Child]) -> State:
    """Children as arrays."""
    return {
        "genomes": np.stack([child.genome for child in batch]),
        "steps": np.stack([child.step for child in batch]),
        "moves": [child.move for child in batch],
    }


def _unpacked(packed: State) -> list[Child]:
    """What `_packed` has packed."""
    parts = zip(packed["genomes"], packed["steps"], packed["moves"], strict=True)
    return [Child(np.array(genome), np.array(step), int(move)) for genome, step, move in parts]
