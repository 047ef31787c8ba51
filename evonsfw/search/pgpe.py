"""PGPE with ClipUp: the gradient of a Gaussian cloud's mean fitness from mirrored pairs of samples.

F. Sehnke, C. Osendorfer, T. Rueckstiess, A. Graves, J. Peters, J. Schmidhuber, "Parameter-exploring
policy gradients", Neural Networks 23 (2010): the symmetric sampling of its algorithm, "PGPE with
symmetric sampling". N. E. Toklu, P. Liskowski, R. K. Srivastava, "ClipUp: A Simple and Powerful
Optimizer for Distribution-based Policy Evolution", PPSN 2020: its algorithm "The ClipUp optimizer",
centred ranks, the clipped change of step sizes, and its rules for choosing the settings. Y. Tian
and D. Ha, "Modern Evolution Strategies for Creativity", 2021 (ES-CLIP), placed triangles with both.
The mean starts at the best of a few composed pictures.
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
"""The unit of places, sizes and angles, relative to that of colours."""
MOMENTUM = 0.9
"""m: Toklu et al. 2020, the value they use throughout."""
SPEED = 15.0
"""Radius of the cloud to the largest speed of its mean: Toklu et al. 2020."""
SIGMA_RATE = 0.1
SIGMA_CHANGE = 0.2
"""Learning rate of the step sizes, and the most that one changes in a generation, as a share."""
FOUNDERS = 32
"""Composed pictures, of which the best is the first mean."""


def default_population(problem: Problem) -> int:
    """64: 32 mirrored pairs."""
    return 64


class PGPE(Search):
    """Mirrored pairs, centred ranks, a velocity of clipped length.

    It works on z, in units of which every gene's first step is alike; the genome is
    ``centre + scale * z``.

    Args:
        problem: the genomes.
        population: samples of a generation, at least 2; an odd one is rounded down to pairs.
        rng: the run's generator.
    """

    def __init__(self, problem: Problem, population: int, rng: np.random.Generator) -> None:
        self._pairs = population // 2
        self._rng = rng
        self._turns = Turns()
        self._scale = problem.scales(GEOMETRY_SCALE)
        self._mean: Array = np.zeros(0)
        self._sigma: Array = np.full(problem.length, SIGMA)
        self._velocity: Array = np.zeros(problem.length)
        self._noise: Array = np.zeros((0, problem.length))
        self._genomes = problem.found(rng, max(FOUNDERS, population))
        self._fitness: Fitness = np.zeros(0)

    def ask(self) -> Genomes:
        """(B, L) samples clipped to the box, the pairs' first halves before their mirrors."""
        if len(self._mean):
            shape = (self._pairs, len(self._mean))
            self._noise = self._sigma * self._rng.standard_normal(shape)  # epsilon ~ N(0, sigma^2)
            steps = self._scale * np.concatenate([self._noise, -self._noise])  # mu ± epsilon
            self._genomes = np.clip(self._mean + steps, 0.0, 1.0).astype(np.float32)
        self._turns.ask(len(self._genomes))
        return self._genomes

    def tell(self, fitness: Fitness) -> None:
        """Choose the founder to start from; later, move the mean and the step sizes."""
        self._turns.tell(fitness)
        self._fitness = np.array(fitness)
        if not len(self._mean):
            self._mean = self._genomes[int(np.argmax(fitness))].astype(np.float64)
            return
        plus, minus = np.split(centred_ranks(fitness), 2)  # r+, r-
        # Sehnke et al. 2010, symmetric sampling: mean of epsilon (r+ - r-) / 2.
        self._move((plus - minus) / 2.0 @ self._noise / self._pairs)
        # Likewise for sigma: mean of ((r+ + r-) / 2 - b) (epsilon^2 - sigma^2) / sigma; b is 0.
        wider = (self._noise**2 - self._sigma**2) / self._sigma
        change = SIGMA_RATE * ((plus + minus) / 2.0 @ wider) / self._pairs
        most = SIGMA_CHANGE * self._sigma
        self._sigma = self._sigma + np.clip(change, -most, most)

    def _move(self, gradient: Array) -> None:
        """Toklu et al. 2020, the ClipUp optimizer: v = m v + alpha g / |g|, clipped to v_max."""
        fastest = SIGMA * np.sqrt(len(gradient)) / SPEED  # v_max
        alpha = fastest / 2.0
        length = float(np.linalg.norm(gradient))
        unit = gradient / length if length > 0.0 else gradient
        velocity = MOMENTUM * self._velocity + alpha * unit
        speed = float(np.linalg.norm(velocity))
        self._velocity = velocity * min(1.0, fastest / speed) if speed > 0.0 else velocity
        self._mean = np.clip(self._mean + self._scale * self._velocity, 0.0, 1.0)

    def population(self) -> tuple[Genomes, Fitness]:
        """The last genomes and their fitness."""
        return self._genomes, self._fitness

    def state(self) -> State:
        """Mean, step sizes, velocity, the last genomes, the generator."""
        return {
            "mean": self._mean.copy(),
            "sigma": self._sigma.copy(),
            "velocity": self._velocity.copy(),
            "genomes": self._genomes.copy(),
            "fitness": self._fitness.copy(),
            "random": copy.deepcopy(self._rng.bit_generator.state),
        }

    def restore(self, state: State) -> None:
        """Go on from `state`."""
        self._mean, self._sigma = np.array(state["mean"]), np.array(state["sigma"])
        self._velocity = np.array(state["velocity"])
        self._genomes, self._fitness = np.array(state["genomes"]), np.array(state["fitness"])
        self._rng.bit_generator.state = copy.deepcopy(state["random"])
        self._turns = Turns()


def build(problem: Problem, population: int, rng: np.random.Generator) -> PGPE:
    """A search at its start."""
    return PGPE(problem, population, rng)


def centred_ranks(fitness: Fitness) -> Array:
    """(B,) fitness to (B,) ranks from -0.5, the worst, to 0.5, the best; equals share theirs."""
    _, inverse, counts = np.unique(fitness, return_inverse=True, return_counts=True)
    middle = np.cumsum(counts) - (counts + 1) / 2.0
    ranks: Array = middle[inverse] / (len(fitness) - 1) - 0.5
    return ranks
