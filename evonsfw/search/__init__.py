"""Searches, one algorithm a file: the file's name is the word on the command line.

A search knows numbers, never pictures: it asks for the fitness of genomes and is told it. All it
needs to go on after a crash is in its state, which holds no pickle.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from evonsfw.discovery import Folder
from evonsfw.genome import COLOUR_GENES, ONE, ZERO

Genomes = npt.NDArray[np.float32]
Fitness = npt.NDArray[np.float64]
State = dict[str, Any]
"""Arrays, numbers, strings, and lists and dicts of these."""


@dataclass(frozen=True)
class Improvement:
    """Genomes are made better before they are scored, by whoever sees their pictures.

    The canvas is cut into strips, of as many shapes each; of the genome at place i of the batch
    only the shapes of the i-th strip are changed, so that the genomes of a batch can be united.

    Attributes:
        scorings: how much work each genome is given, in pictures' worth of pixels.
        seed: of what is random; the genome at place i has seed + i.
        heat: how much worse a change may be for a while, at the start and at the end: a share of
            what a shape is worth on average.
        rows: put new shapes there, above all that are before them, instead; the strips share them.
            Where they begin at 0, the genome is forgotten: what is not grown yet are dots.
        strips: how many.
        angle: of the direction across the strips, in radians.
        place: of the batch's first genome.
        steps: climb so many steps of the fitness's gradient with all genes at once, instead.
        rate: by how much the first of them changes a gene, at most; it falls to 0.
        colours: before that, give all shapes and the background the colours that are best together.
        fine: 0 at a run's start, where a large canvas may be looked at from afar, towards 1.
    """

    scorings: int
    seed: int
    heat: tuple[float, float] = (0.0, 0.0)
    rows: tuple[int, int] | None = None
    strips: int = 1
    angle: float = 0.0
    place: int = 0
    steps: int = 0
    rate: float = 0.0
    fine: float = 1.0
    colours: bool = False


@dataclass(frozen=True)
class Wants:
    """What a search wants to know of each genome of a batch, besides its fitness.

    Attributes:
        gradient: also d fitness / d genome.
        views: numbers of the views, below `Problem.views`, whose worst is the fitness; None for
            all of them.
        parts: also the value of each of several wishes; the fitness is the first one's.
        improve: make each genome better first; fitness is that of what came of it. None for not.
    """

    gradient: bool = False
    views: tuple[int, ...] | None = None
    parts: bool = False
    improve: Improvement | None = None

    def at(self, place: int) -> Wants:
        """The same of the part of a batch that begins at a place."""
        if self.improve is None or place == 0:
            return self
        return replace(self, improve=replace(self.improve, place=self.improve.place + place))


FITNESS_ONLY = Wants()
VARIED = (0.05, 0.3)
"""Least and largest share of the shapes that a variation of a first genome changes."""
COLOUR_STEP, PLACE_STEP = 0.1, 0.03
"""Standard deviation of these changes: of colours, alphas and background, and of geometry."""
RENEWED = 0.5
"""Share of the variations that have a shape of a composed picture on top, in place of another."""


@dataclass(frozen=True)
class Problem:
    """What a search is told of the genomes.

    Attributes:
        header: genes before the rows (the background).
        rows: N, the number of shapes.
        row_length: genes of a row; the last four are red, green, blue, alpha.
        kinds: row i is of kind i mod `kinds`; only rows of one kind may be swapped.
        compose: (rng, count) to a (count, L) array of well-composed genomes.
        gradient: whether gradients may be wanted.
        views: of how many views of a genome the fitness is the worst.
        optimum: the highest fitness there can be, where that is known.
        wishes: how many are sought at once.
        first: (L,) genome that a search is to begin with, where there is one.
        improve: whether genomes may be wanted improved.
        step: scorings that a step by a gradient counts as.
        proxy: whether improvements follow only a part of the fitness, the likeness to a target.
    """

    header: int
    rows: int
    row_length: int
    kinds: int
    compose: Callable[[np.random.Generator, int], Genomes]
    gradient: bool = False
    views: int = 1
    optimum: float = math.inf
    wishes: int = 1
    first: Genomes | None = None
    improve: bool = False
    step: int = 3
    proxy: bool = False

    @property
    def length(self) -> int:
        """L: genes of a genome."""
        return self.header + self.rows * self.row_length

    def found(self, rng: np.random.Generator, count: int) -> Genomes:
        """(count, L) float32 genomes to begin with: composed ones; or the first genome, to the
        last bit, and variations of it.
        """
        if self.first is None:
            return self.compose(rng, count)
        founders = np.repeat(self.first[None].astype(np.float32), count, axis=0)
        for founder in founders[1:]:
            self._vary(founder, rng)
        return founders

    def _vary(self, genome: Genomes, rng: np.random.Generator) -> None:
        """Change some of the shapes a little, in place; now and then put a new one on top."""
        rows = self.rows_of(genome)
        if rng.random() < RENEWED:
            row = int(rng.integers(self.rows))
            donor = self.rows_of(self.compose(rng, 1)[0])
            self.make_room(rows, row)[-1] = rng.choice(donor[row % self.kinds :: self.kinds])
        step = rng.normal(0.0, COLOUR_STEP, self.length) * self.scales(PLACE_STEP / COLOUR_STEP)
        chosen = rng.random(self.rows) < rng.uniform(*VARIED)
        chosen[rng.integers(self.rows)] = True
        ground = np.full(self.header, rng.random() < VARIED[1])
        step *= np.concatenate([ground, np.repeat(chosen, self.row_length)])
        genome[:] = np.clip(genome + step, 0.0, 1.0)

    def scales(self, geometry: float) -> npt.NDArray[np.float64]:
        """(L,) relative step sizes: 1 for background, colours and alphas, another for geometry."""
        row = np.full(self.row_length, geometry)
        row[-COLOUR_GENES:] = 1.0
        return np.concatenate([np.ones(self.header), np.tile(row, self.rows)])

    def rows_of(self, genome: Genomes) -> Genomes:
        """(L,) genome to an (N, G) view of its rows, as a plain array."""
        return np.asarray(genome)[self.header :].reshape(self.rows, self.row_length)

    def make_room(self, rows: Genomes, row: int) -> Genomes:
        """Take a shape out and let those of its kind above it sink by one, in place.

        Args:
            rows: (N, G) from `rows_of`.
            row: which shape.

        Returns:
            a view of the rows of its kind, in painting order: the last one is free for a new shape.
        """
        stack = rows[row % self.kinds :: self.kinds]
        sunk = row // self.kinds
        stack[sunk:-1] = stack[sunk + 1 :].copy()
        return stack


def keep_in_box(genome: Genomes) -> None:
    """Clip genes to [0, 1], in place: `np.clip` is a function of Python, and slower."""
    np.minimum(np.maximum(genome, ZERO, out=genome), ONE, out=genome)


class Search(ABC):
    """Ask for genomes to be scored, tell their fitness, again and again."""

    @property
    def in_flight(self) -> int:
        """How many batches may be asked for before the oldest is told. Two where what comes next
        does not depend on all that came before: then no worker waits for another.
        """
        return 1

    @property
    def complete(self) -> bool:
        """Whether the batch that was told last completes a generation."""
        return True

    @property
    def wants(self) -> Wants:
        """What is wanted of the batch that was asked for last."""
        return FITNESS_ONLY

    @abstractmethod
    def ask(self) -> Genomes:
        """(B, L) float32 genomes in [0, 1] whose fitness is wanted; B may vary.

        Raises:
            RuntimeError: `in_flight` batches have not been told yet.
        """

    def learn(self, gradients: Genomes) -> None:
        """(B, L) float32 d fitness / d genome of the oldest batch that was asked for: called just
        before `tell`, where the batch wanted it.
        """
        raise RuntimeError("learn() was called, but no gradient was wanted")

    def inherit(self, genomes: Genomes) -> None:
        """(B, L) float32 what came of the oldest batch that was asked for: called just before
        `tell`, where the batch was to be improved.
        """
        raise RuntimeError("inherit() was called, but nothing was to be improved")

    def weigh(self, parts: Fitness) -> None:
        """(B, M) float64 value of each of M wishes, larger is better, of the oldest batch that was
        asked for: called just before `tell`, where the batch wanted it. The first is the fitness.
        """
        raise RuntimeError("weigh() was called, but no wishes' values were wanted")

    @abstractmethod
    def tell(self, fitness: Fitness) -> None:
        """(B,) float64 fitness of the oldest batch that was asked for, in the same order, larger
        is better.

        Raises:
            RuntimeError: nothing was asked.
            ValueError: not B values, or not finite.
        """

    @abstractmethod
    def population(self) -> tuple[Genomes, Fitness]:
        """(P, L) genomes and (P,) fitness of the generation that was told last."""

    @abstractmethod
    def state(self) -> State:
        """All that `restore` needs, copied or read-only, batches in flight included; to be called
        after a `tell` that completes a generation. After `restore`, those batches are asked for
        again.
        """

    @abstractmethod
    def restore(self, state: State) -> None:
        """Go on from what `state` returned."""


class SearchModule(Protocol):
    """What a file in this folder provides. One that can use gradients says so with
    ``GRADIENT = "takes"``, and one that cannot do without with ``GRADIENT = "needs"``; likewise
    ``IMPROVEMENT``, for genomes that are improved.
    """

    def default_population(self, problem: Problem) -> int:
        """The population where none is given."""
        ...

    def build(self, problem: Problem, population: int, rng: np.random.Generator) -> Search:
        """A search at its start."""
        ...


FOLDER: Folder[SearchModule] = Folder(__name__, "search")


def search_names() -> list[str]:
    """Every search there is, sorted."""
    return FOLDER.names()


def load_search(name: str) -> SearchModule:
    """The search called `name`; ValueError with the nearest names where there is none."""
    return FOLDER.load(name)


def use_of_gradient(name: str) -> str:
    """What the search called `name` does with gradients: "takes", "needs", or "" for nothing."""
    return str(getattr(load_search(name), "GRADIENT", ""))


def use_of_improvement(name: str) -> str:
    """Whether the search called `name` has genomes improved: "takes", "needs", or ""."""
    return str(getattr(load_search(name), "IMPROVEMENT", ""))


class Turns:
    """Keeps ask and tell in turn, and checks what is told: every search has one."""

    def __init__(self) -> None:
        self._asked: deque[int] = deque()

    def ask(self, count: int, in_flight: int = 1) -> None:
        """Note that `count` genomes were asked for, where at most `in_flight` batches may be."""
        if len(self._asked) >= in_flight:
            times = "twice" if in_flight == 1 else f"{in_flight + 1} times"
            raise RuntimeError(f"ask() was called {times} without tell()")
        self._asked.append(count)

    def tell(self, fitness: Fitness) -> None:
        """Note that the fitness of the oldest batch was told."""
        if not self._asked:
            raise RuntimeError("tell() was called without ask()")
        if fitness.shape != (self._asked[0],) or not np.all(np.isfinite(fitness)):
            raise ValueError(
                f"fitness of shape {fitness.shape}: expected ({self._asked[0]},) finite values"
            )
        self._asked.popleft()
