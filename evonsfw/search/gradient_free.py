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

Half of the shapes that are changed are picked by how large they are and how high they lie, for
these are seen. No shape grows beyond `LARGEST`, so that no picture ends as one surface.
"""

from __future__ import annotations

import copy
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from evonsfw.genome import COLOUR_GENES
from evonsfw.search import Fitness, Genomes, Problem, Search, State, Turns

FOUNDERS = 12
"""Composed pictures, of which the best is the first parent."""
RESERVE = 64
"""Composed genomes kept in store, from which new shapes are taken."""
FINEST, COARSEST = 0.005, 0.3
"""A shape's step, as a share of a gene's range, is drawn between these, evenly by its logarithm:
from a pixel, for late in a run a score hangs on where each edge lies, to a third of the canvas."""
FEW, MANY, NUDGE = 0.04, 0.16, 0.004
"""Shares of the shapes that are nudged together, and a nudge's standard deviation: a pixel."""
ZOOM, CONTRAST = 0.3, 0.4
"""Standard deviation of the logarithms of factors for places and for colours."""
SCHEME = 0.5
"""At most so much of a composed picture's colours is mixed in."""
LONGER = 1.5
"""A step that gained is taken again, so much as long."""
TEMPERATURE = 0.05
"""T at the start, in units of fitness (of a class score: of its margin)."""
COOLING = 10
"""T falls to 0 within so many scorings for each shape."""
LARGEST = 0.95
"""No size gene grows beyond this, or beyond the largest of a first genome that is given."""
ON_TOP = (0.7, LARGEST)
"""Size genes of large shapes that are put on top."""
ANY = 0.5
"""Share of the picks that fall on all shapes evenly."""
RELATED = 0.7
"""Share of related and of large new shapes that have the colour of a shape that is there."""
VISIBLE = 2.0
"""In the other picks, a shape of size 1 is exp(this) times as likely as one of size 0."""
EVEN = 0.2
"""Thierens 2005, probability matching: this share of the choices falls evenly on all moves."""
MEMORY = 0.99
"""What a move has gained counts by this, to the power of the scorings since."""
HOPE, TRIALS = 0.08, 1.0
"""Gain and number of trials with which every move starts, but for a large shape on top."""
HOPE_ON_TOP, TRIALS_ON_TOP = 1.6, 4.0
"""Gain and number of trials with which that one starts."""
BLOCK = 256
"""Shapes whose distances to all others are worked out at a time: thousands would take 500 MB."""
REPEATED = -1
"""In place of a move's number: the child took a step again. That is credited to no move."""
Rows = Genomes
"""(N, G) view of a genome's rows."""


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
        population: children of a generation, at least 2, in two batches.
        rng: the run's generator.
    """

    def __init__(self, problem: Problem, population: int, rng: np.random.Generator) -> None:
        self._problem = problem
        self._size = population
        self._rng = rng
        self._turns = Turns()
        self._moves = Moves(problem, problem.compose(rng, RESERVE), rng)
        founders = problem.found(rng, max(FOUNDERS, population))
        self._again = deque([[Child(genome, genome * 0.0, 0) for genome in founders]])
        self._flight: deque[list[Child]] = deque()
        self._parent, self._value = founders[0], -np.inf
        self._best, self._best_value = founders[0], -np.inf
        self._steps: deque[Genomes] = deque()
        count, on_top = len(self._moves.all), self._moves.on_top
        self._gains, self._trials = np.full(count, HOPE), np.full(count, TRIALS)
        self._gains[on_top], self._trials[on_top] = HOPE_ON_TOP, TRIALS_ON_TOP
        self._bred = self._told = self._scorings = 0
        self._largest = LARGEST
        if problem.first is not None:
            self._largest = max(LARGEST, float(self._moves.rows(problem.first)[:, 2].max()))

    @property
    def in_flight(self) -> int:
        """2, once there is a parent: a child is scored while the next is bred."""
        return 2 if np.isfinite(self._value) else 1

    @property
    def complete(self) -> bool:
        """Two batches are a generation; so are the founders."""
        return self._told % 2 == 0

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
        if np.isfinite(self._value):
            self._told += 1
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
            "steps": [step.copy() for step in self._steps],
            "gains": self._gains.copy(),
            "trials": self._trials.copy(),
            "counts": [self._bred, self._told, self._scorings],
            "reserve": self._moves.reserve.copy(),
            "largest": self._largest,
            "random": copy.deepcopy(self._rng.bit_generator.state),
        }

    def restore(self, state: State) -> None:
        """Go on from `state`."""
        self._best, self._parent = np.array(state["genomes"])
        self._best_value, self._value = (float(value) for value in state["fitness"])
        self._again = deque(_unpacked(batch) for batch in state["flight"])
        self._flight.clear()
        self._steps = deque(np.array(step) for step in state["steps"])
        self._gains, self._trials = np.array(state["gains"]), np.array(state["trials"])
        self._bred, self._told, self._scorings = (int(count) for count in state["counts"])
        self._moves.reserve = np.array(state["reserve"])
        self._largest = float(state.get("largest", LARGEST))
        self._rng.bit_generator.state = copy.deepcopy(state["random"])
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
            move = int(self._rng.choice(len(self._gains), p=self._probabilities()))
            self._moves.all[move](genome)
        sizes = self._moves.rows(genome)[:, 2]
        np.minimum(sizes, np.float32(self._largest), out=sizes)
        np.clip(genome, 0.0, 1.0, out=genome)
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
            self._best, self._best_value = genome, value


class Moves:
    """Ways of changing a genome in place; the caller keeps it in the box.

    Args:
        problem: the genomes.
        reserve: (R, L) composed genomes.
        rng: the run's generator.

    Attributes:
        all: the moves; the first `steps` of them are steps that can be taken again, longer.
        on_top: number of the move that puts a large shape on top.
    """

    def __init__(self, problem: Problem, reserve: Genomes, rng: np.random.Generator) -> None:
        self._problem = problem
        self._rng = rng
        self.reserve = reserve
        steps: tuple[Callable[[Genomes], None], ...] = (
            self._step_of(slice(None)),
            self._step_of(slice(None, -COLOUR_GENES)),
            self._step_of(slice(None, 2)),
            self._step_of(slice(-COLOUR_GENES, None)),
            self._tint_region,
            self._shift_region,
            self._tint_all,
            self._zoom,
            self._mix_scheme,
            self._contrast,
            self._nudge,
        )
        self.steps = self.on_top = len(steps)
        tops = (self._large_on_top, self._related_on_top, self._on_top)
        self.all = (*steps, *tops, self._copy_colour)

    def rows(self, genome: Genomes) -> Rows:
        """(L,) genome to an (N, G) view of its rows."""
        return self._problem.rows_of(genome)

    def _donor(self) -> Rows:
        """The rows of a composed picture."""
        return self.rows(self.reserve[self._rng.integers(len(self.reserve))])

    def _pick(self, rows: Rows) -> int:
        """A shape: any, or as often one that is seen, so that it is large or lies high."""
        if self._rng.random() < ANY:
            return int(self._rng.integers(len(rows)))
        weight = np.exp(VISIBLE * rows[:, 2]) * np.linspace(0.3, 1.0, len(rows))
        return int(self._rng.choice(len(rows), p=weight / weight.sum()))

    def _step(self, genes: Genomes) -> None:
        """A Gaussian step of some genes, its length drawn from fine to coarse."""
        sigma = COARSEST * (FINEST / COARSEST) ** self._rng.random()
        genes += self._rng.normal(0.0, sigma, genes.shape).astype(np.float32)

    def _step_of(self, genes: slice) -> Callable[[Genomes], None]:
        """The move that takes a step of these genes of one shape."""

        def move(genome: Genomes) -> None:
            rows = self.rows(genome)
            self._step(rows[self._pick(rows), genes])

        return move

    def _near(self, rows: Rows, least: float, most: float) -> Genomes:
        """(N, 1) weights of shapes around a place, of a radius from `least` to `most`."""
        radius = most * (least / most) ** self._rng.random()
        distance = ((rows[:, :2] - self._rng.random(2)) ** 2).sum(axis=1)
        return np.exp(-distance / (2.0 * radius**2)).astype(np.float32)[:, None]

    def _tint_region(self, genome: Genomes) -> None:
        rows = self.rows(genome)
        rows[:, -COLOUR_GENES:-1] += self._near(rows, 0.08, 0.4) * self._tint(0.15)

    def _shift_region(self, genome: Genomes) -> None:
        rows = self.rows(genome)
        step = self._rng.normal(0.0, 0.05, 2).astype(np.float32)
        rows[:, :2] += self._near(rows, 0.1, 1.0) * step

    def _tint_all(self, genome: Genomes) -> None:
        tint = self._tint(0.07)
        self.rows(genome)[:, -COLOUR_GENES:-1] += tint
        genome[: self._problem.header] += np.resize(tint, self._problem.header)

    def _zoom(self, genome: Genomes) -> None:
        """Move all shapes away from a point or towards it."""
        places = self.rows(genome)[:, :2]
        centre = self._rng.random(2).astype(np.float32)
        places[:] = centre + np.float32(self._rng.lognormal(0.0, ZOOM)) * (places - centre)

    def _mix_scheme(self, genome: Genomes) -> None:
        """Mix in the colours that a composed picture has nearby."""
        rows, donor = self.rows(genome), self._donor()
        blocks = np.split(rows[:, None, :2], range(BLOCK, len(rows), BLOCK))
        nearest = [((part - donor[:, :2]) ** 2).sum(axis=-1).argmin(axis=1) for part in blocks]
        change = donor[np.concatenate(nearest)] - rows
        share = np.float32(SCHEME * self._rng.random())
        rows[:, -COLOUR_GENES:-1] += share * change[:, -COLOUR_GENES:-1]

    def _contrast(self, genome: Genomes) -> None:
        colours = self.rows(genome)[:, -COLOUR_GENES:-1]
        mean = colours.mean(axis=0)
        colours[:] = mean + np.float32(self._rng.lognormal(0.0, CONTRAST)) * (colours - mean)

    def _nudge(self, genome: Genomes) -> None:
        """Places of several shapes at once, by about a pixel."""
        rows = self.rows(genome)
        count = max(1, int(len(rows) * FEW * (MANY / FEW) ** self._rng.random()))
        chosen = self._rng.choice(len(rows), count, replace=False)
        rows[chosen, :2] += self._rng.normal(0.0, NUDGE, (count, 2)).astype(np.float32)

    def _tint(self, sigma: float) -> Genomes:
        """(3,) a step in red, green and blue."""
        return self._rng.normal(0.0, sigma, COLOUR_GENES - 1).astype(np.float32)

    def _on_top(self, genome: Genomes) -> Genomes:
        """A small or buried shape is taken out, one of a composed picture is put on top."""
        rows, kinds = self.rows(genome), self._problem.kinds
        hidden = rows[:, 2] + np.arange(len(rows)) / len(rows)
        row = int(np.argmin(hidden + self._rng.normal(0.0, 0.15, len(rows))))
        stack = self._problem.make_room(rows, row)
        stack[-1] = self._rng.choice(self._donor()[row % kinds :: kinds])
        return stack[-1]

    def _related_on_top(self, genome: Genomes) -> Genomes:
        """The same, more often than not in a colour that the picture has."""
        rows = self.rows(genome)
        colour = rows[self._rng.integers(len(rows)), -COLOUR_GENES:-1].copy()
        top = self._on_top(genome)
        if self._rng.random() < RELATED:
            top[-COLOUR_GENES:-1] = colour
        return top

    def _large_on_top(self, genome: Genomes) -> None:
        """The same, and large."""
        self._related_on_top(genome)[2] = self._rng.uniform(*ON_TOP)

    def _copy_colour(self, genome: Genomes) -> None:
        rows = self.rows(genome)
        rows[self._pick(rows), -COLOUR_GENES:-1] = rows[self._pick(rows), -COLOUR_GENES:-1]


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
