"""Separable CMA-ES on the flat genome (Ros & Hansen 2008), from the `cmaes` library.

The covariance is diagonal, so a generation costs O(population x genes) and thousands of genes are
no obstacle. Its mean starts at the best of a few composed pictures. Colours take larger steps than
places and sizes: a large move of every shape at once would only scramble the picture.
"""

from __future__ import annotations

import copy
from typing import Any

import numpy as np
from cmaes import SepCMA

from evonsfw.search import Fitness, Genomes, Problem, Search, State, Turns

SIGMA = 0.15
"""Initial step size of colours and alphas, as a share of their range."""
GEOMETRY_SCALE = 0.1
"""Step size of places, sizes and angles, relative to that of colours."""
FOUNDERS = 32
"""Composed pictures of the first generation."""


def default_population(problem: Problem) -> int:
    """4 + floor(3 ln L): Hansen 2016, eq. 48."""
    return 4 + int(3 * np.log(problem.length))


class SeparableCMAES(Search):
    """Ask/tell around `cmaes.SepCMA`, in a box, with a state that can be saved.

    The library works on z; the genome is ``centre + scale * z``.

    Args:
        problem: the genomes.
        population: lambda, at least 2.
        rng: the run's generator.
    """

    def __init__(self, problem: Problem, population: int, rng: np.random.Generator) -> None:
        self._turns = Turns()
        self._size = population
        self._scale = problem.scales(GEOMETRY_SCALE)
        self._genomes = problem.found(rng, FOUNDERS)
        self._fitness: Fitness = np.zeros(0)
        self._seed = int(rng.integers(2**32))
        self._centre = np.zeros(problem.length)
        self._samples = np.zeros((0, problem.length))
        self._strategy: SepCMA | None = None

    def ask(self) -> Genomes:
        """(B, L) genomes: first the founders, then samples clipped to the box."""
        if self._strategy is not None:
            self._samples = np.stack([self._strategy.ask() for _ in range(self._size)])
            genomes = self._centre + self._scale * self._samples
            self._genomes = np.clip(genomes, 0.0, 1.0).astype(np.float32)
        self._turns.ask(len(self._genomes))
        return self._genomes

    def tell(self, fitness: Fitness) -> None:
        """Choose the founder to start from; later, update mean, step size, paths, variances."""
        self._turns.tell(fitness)
        self._fitness = np.array(fitness)
        if self._strategy is None:
            self._strategy = self._start(self._genomes[int(np.argmax(fitness))])
        else:
            self._strategy.tell(list(zip(self._samples, -fitness, strict=True)))

    def population(self) -> tuple[Genomes, Fitness]:
        """The last genomes and their fitness."""
        return self._genomes, self._fitness

    def state(self) -> State:
        """The library's own attributes, its generator's state, and the last genomes."""
        assert self._strategy is not None
        attributes = {
            name: np.array(value) if isinstance(value, np.ndarray) else value
            for name, value in self._strategy.__getstate__().items()
            if value is not None
        }
        kind, keys, position, has_gauss, gauss = self._strategy._rng.get_state(legacy=True)
        return {
            "strategy": attributes,
            "random": [str(kind), np.array(keys), int(position), int(has_gauss), float(gauss)],
            "centre": self._centre.copy(),
            "genomes": self._genomes.copy(),
            "fitness": self._fitness.copy(),
        }

    def restore(self, state: State) -> None:
        """Go on from `state`."""
        self._strategy = self._start(state["centre"])
        attributes: dict[str, Any] = {"_D": None, **copy.deepcopy(state["strategy"])}
        self._strategy.__setstate__(attributes)
        self._strategy._rng.set_state(tuple(state["random"]))
        self._genomes = np.array(state["genomes"])
        self._fitness = np.array(state["fitness"])
        self._turns = Turns()

    def _start(self, centre: Genomes) -> SepCMA:
        """The library's strategy around a genome."""
        self._centre = np.asarray(centre, np.float64)
        bounds = np.stack([-self._centre, 1.0 - self._centre], axis=1) / self._scale[:, None]
        return SepCMA(
            mean=np.zeros_like(self._centre),
            sigma=SIGMA,
            bounds=bounds,
            n_max_resampling=0,
            seed=self._seed,
            population_size=self._size,
        )


def build(problem: Problem, population: int, rng: np.random.Generator) -> SeparableCMAES:
    """A search at its start."""
    return SeparableCMAES(problem, population, rng)
