"""The frozen record that the loop hands to everyone who wants to look."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from evonsfw.genome import Genome


@dataclass(frozen=True)
class Champion:
    """One individual.

    Attributes:
        genome: (L,) float32, read-only.
        fitness: what the search works on.
        score: what people see.
        generation: the one that it first was the best of.
    """

    genome: Genome
    fitness: float
    score: float
    generation: int


@dataclass(frozen=True)
class Founder:
    """The picture that a run begins with, where it does not begin anew.

    Attributes:
        genome: (L,) float32 in [0, 1].
        texts: keyword to text, what its file says of where it comes from.
        parent: what config.yaml says of that: `file` or `run`, `generation`, `genome_sha256`.
    """

    genome: Genome
    texts: dict[str, str]
    parent: dict[str, str | int]


@dataclass(frozen=True)
class Generation:
    """What one turn of the loop came to.

    Attributes:
        number: counted from 1.
        evaluations: pictures scored since the run began.
        seconds: since the run began, pauses and resumed parts included as they passed.
        best: the best individual of this generation.
        best_so_far: the best individual of the run.
        mean_fitness: over this generation's population.
        std_fitness: likewise, population standard deviation.
        genomes: (P, L) float32 population, read-only.
        fitness: (P,) float64, read-only.
        mean_score: over this generation's population, of the scores that people see; with a backend
            that is not exact, its own.
        rescored: evaluations that only scored again, by the reference, what had been scored.
        scores: (P,) float64 that people see; (0,) with a backend that is not exact.
    """

    number: int
    evaluations: int
    seconds: float
    best: Champion
    best_so_far: Champion
    mean_fitness: float
    std_fitness: float
    genomes: npt.NDArray[np.float32]
    fitness: npt.NDArray[np.float64]
    rescored: int = 0
    mean_score: float = math.nan
    scores: npt.NDArray[np.float64] = field(default_factory=lambda: np.zeros(0))

    @property
    def improved(self) -> bool:
        """Whether this generation found a new best individual of the run."""
        return self.best is self.best_so_far and self.best.generation == self.number


def read_only(array: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """A copy of an array that nobody can write to."""
    twin = np.array(array)
    twin.setflags(write=False)
    return twin
