"""Separable natural evolution strategy (SNES): a Gaussian cloud with a step size for every gene.

T. Schaul, T. Glasmachers, J. Schmidhuber, "High Dimensions and Heavy Tails for Natural Evolution
Strategies", GECCO 2011; the listing followed line by line is "Separable NES (SNES)" of D. Wierstra,
T. Schaul, T. Glasmachers, Y. Sun, J. Peters, J. Schmidhuber, "Natural Evolution Strategies", JMLR
15 (2014), with the utilities of its section on fitness shaping and the defaults of its table of
parameters. The mean starts at the best of a few composed pictures.
"""

from __future__ import annotations

import copy

import numpy as np
import numpy.typing as npt

from evonsfw.search import Fitness, Genomes, Problem, Search, State, Turns

Array = npt.NDArray[np.float64]

SIGMA = 0.15
"""Initial step size of colours and alphas, as a share of their range."""
GEOMETRY_SCALE = 0.1
"""Initial step size of places, sizes and angles, relative to that of colours."""
MEAN_RATE = 1.0
"""Eta of the mean: Wierstra et al. 2014, table of parameters."""
FOUNDERS = 32
"""Composed pictures, of which the best is the first mean."""


def default_population(problem: Problem) -> int:
    """4 + floor(3 ln L): Wierstra et al. 2014, table of parameters."""
    return 4 + int(3 * np.log(problem.length))


class SeparableNES(Search):
    """Samples, ranks, and moves mean and step sizes along the natural gradient.

    Args:
        problem: the genomes.
        population: lambda, at least 2.
        rng: the run's generator.
    """

    def __init__(self, problem: Problem, population: int, rng: np.random.Generator) -> None:
        self._size = population
        self._rng = rng
        self._turns = Turns()
        self._sigma = SIGMA * problem.scales(GEOMETRY_SCALE)
        self._mean: Array = np.zeros(0)
        self._samples: Array = np.zeros((0, problem.length))
        self._genomes = problem.found(rng, max(FOUNDERS, population))
        self._fitness: Fitness = np.zeros(0)

    def ask(self) -> Genomes:
        """(lambda, L) samples clipped to the box; first, the founders."""
        if len(self._mean):
            shape = (self._size, len(self._mean))
            self._samples = self._rng.standard_normal(shape)  # s_k ~ N(0, I)
            genomes = self._mean + self._sigma * self._samples  # z_k = mu + sigma s_k
            self._genomes = np.clip(genomes, 0.0, 1.0).astype(np.float32)
        self._turns.ask(len(self._genomes))
        return self._genomes

    def tell(self, fitness: Fitness) -> None:
        """Choose the founder to start from; later, update mean and step sizes."""
        self._turns.tell(fitness)
        self._fitness = np.array(fitness)
        if not len(self._mean):
            self._mean = self._genomes[int(np.argmax(fitness))].astype(np.float64)
            return
        utility = utilities(fitness)
        rate = (3.0 + np.log(len(self._mean))) / (5.0 * np.sqrt(len(self._mean)))  # eta_sigma
        towards = utility @ self._samples  # gradient of mu: sum u_k s_k
        wider = utility @ (self._samples**2 - 1.0)  # gradient of sigma: sum u_k (s_k^2 - 1)
        moved = self._mean + MEAN_RATE * self._sigma * towards  # mu + eta_mu sigma gradient
        self._mean = np.clip(moved, 0.0, 1.0)
        self._sigma = self._sigma * np.exp(rate / 2.0 * wider)  # sigma exp(eta_sigma / 2 gradient)

    def population(self) -> tuple[Genomes, Fitness]:
        """The last genomes and their fitness."""
        return self._genomes, self._fitness

    def state(self) -> State:
        """Mean, step sizes, the last genomes, the generator."""
        return {
            "mean": self._mean.copy(),
            "sigma": self._sigma.copy(),
            "genomes": self._genomes.copy(),
            "fitness": self._fitness.copy(),
            "random": copy.deepcopy(self._rng.bit_generator.state),
        }

    def restore(self, state: State) -> None:
        """Go on from `state`."""
        self._mean, self._sigma = np.array(state["mean"]), np.array(state["sigma"])
        self._genomes, self._fitness = np.array(state["genomes"]), np.array(state["fitness"])
        self._rng.bit_generator.state = copy.deepcopy(state["random"])
        self._turns = Turns()


def build(problem: Problem, population: int, rng: np.random.Generator) -> SeparableNES:
    """A search at its start."""
    return SeparableNES(problem, population, rng)


def utilities(fitness: Fitness) -> Array:
    """(B,) fitness to (B,) utilities, which sum to 0: Wierstra et al. 2014, fitness shaping.

    Rank k counts from 1, the best: max(0, ln(B/2 + 1) - ln k), over their sum, less 1/B.
    """
    count = len(fitness)
    rank = np.empty(count)
    rank[np.argsort(-fitness, kind="stable")] = np.arange(1, count + 1)
    raw = np.maximum(0.0, np.log(count / 2.0 + 1.0) - np.log(rank))
    shaped: Array = raw / raw.sum() - 1.0 / count
    return shaped
