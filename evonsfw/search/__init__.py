"""Searches, one algorithm a file: the file's name is the word on the command line.

A search knows numbers, never pictures: it asks for the fitness of genomes and is told it. All it
needs to go on after a crash is in its state, which holds no pickle.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from evonsfw.discovery import Folder

Genomes = npt.NDArray[np.float32]
Fitness = npt.NDArray[np.float64]
State = dict[str, Any]
"""Arrays, numbers, strings, and lists and dicts of these."""


@dataclass(frozen=True)
class Problem:
    """What a search is told of the genomes.

    Attributes:
        header: genes before the rows (the background).
        rows: N, the number of shapes.
        row_length: genes of a row; the last four are red, green, blue, alpha.
        kinds: row i is of kind i mod `kinds`; only rows of one kind may be swapped.
        compose: (rng, count) to a (count, L) array of well-composed genomes.
    """

    header: int
    rows: int
    row_length: int
    kinds: int
    compose: Callable[[np.random.Generator, int], Genomes]

    @property
    def length(self) -> int:
        """L: genes of a genome."""
        return self.header + self.rows * self.row_length


class Search(Protocol):
    """Ask for genomes to be scored, tell their fitness, again and again."""

    @property
    def in_flight(self) -> int:
        """How many batches may be asked for before the oldest is told. Two where what comes next
        does not depend on all that came before: then no worker waits for another.
        """
        ...

    @property
    def complete(self) -> bool:
        """Whether the batch that was told last completes a generation."""
        ...

    def ask(self) -> Genomes:
        """(B, L) float32 genomes in [0, 1] whose fitness is wanted; B may vary.

        Raises:
            RuntimeError: `in_flight` batches have not been told yet.
        """
        ...

    def tell(self, fitness: Fitness) -> None:
        """(B,) float64 fitness of the oldest batch that was asked for, in the same order, larger
        is better.

        Raises:
            RuntimeError: nothing was asked.
            ValueError: not B values, or not finite.
        """
        ...

    def population(self) -> tuple[Genomes, Fitness]:
        """(P, L) genomes and (P,) fitness of the generation that was told last."""
        ...

    def state(self) -> State:
        """All that `restore` needs, copied, batches in flight included; to be called after a
        `tell` that completes a generation. After `restore`, those batches are asked for again.
        """
        ...

    def restore(self, state: State) -> None:
        """Go on from what `state` returned."""
        ...


class SearchModule(Protocol):
    """What a file in this folder provides."""

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
