"""The search that needs the fewest scorings: gradients where there are any, else without.

Towards a target picture it is `portrait`. With gradients it is `memetic` with one climber, the best
of the founders: nothing is spent on the others until it has come to a stand. Without, it is
`gradient-free`.
"""

from __future__ import annotations

import numpy as np

from evonsfw.search import Problem, Search, load_search
from evonsfw.search.memetic import Memetic

GRADIENT = "takes"
IMPROVEMENT = "takes"


def default_population(problem: Problem) -> int:
    """That of the search which it comes to."""
    name = "memetic" if problem.gradient else "gradient-free"
    name = "portrait" if problem.improve else name
    return load_search(name).default_population(problem)


def build(problem: Problem, population: int, rng: np.random.Generator) -> Search:
    """A search at its start."""
    if problem.improve:
        return load_search("portrait").build(problem, population, rng)
    if problem.gradient:
        return Memetic(problem, population, rng, climbers=1)
    return load_search("gradient-free").build(problem, population, rng)
