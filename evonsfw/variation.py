"""How children come to differ from their parents: whole shapes change places, one or two change.

What the genetic searches share. A new shape on top is seen whole, whatever lies below, which makes
it the strongest move. Everything draws from Python's `random`, as DEAP does: see `lent_random`.
"""

from __future__ import annotations

import random

import numpy as np
from deap import tools

from evonsfw.genome import Individual
from evonsfw.search import Genomes, Problem, keep_in_box

STEP = 0.3
"""Largest standard deviation of a changed gene; each change draws one from a tenth of it up, so
that there are coarse moves early and fine ones late without a schedule."""
CHANGED = 0.5
"""Probability that a gene of a changed shape changes."""
ON_TOP = 0.6
REORDERED = 0.05
"""Probability that a mutation renews a shape on top, or swaps two in painting order."""
SECOND = 0.2
"""Probability that a mutation changes two shapes rather than one."""
BACKGROUND = 0.05
"""Probability that a mutation also changes the background."""
RESERVE = 64
"""Composed genomes that are kept in store, from which new shapes are taken."""


def mate(problem: Problem, one: Individual, two: Individual) -> tuple[Individual, Individual]:
    """Swap about half of the shapes, each whole, between two genomes, in place: uniform crossover
    (Syswerda 1989) with a row as the unit.
    """
    rows_one, rows_two = problem.rows_of(one), problem.rows_of(two)
    swap = np.array([random.random() < 0.5 for _ in range(len(rows_one))])
    rows_one[swap], rows_two[swap] = rows_two[swap].copy(), rows_one[swap].copy()
    return one, two


def mutate(problem: Problem, reserve: Genomes, individual: Individual) -> tuple[Individual]:
    """Change one or two shapes, in place; now and then the background or the painting order.

    Args:
        problem: the genomes.
        reserve: (R, L) composed genomes, from which new shapes are taken.
        individual: what changes.
    """
    rows = problem.rows_of(individual)
    for _ in range(1 + (random.random() < SECOND)):
        chance = random.random()
        if chance < ON_TOP:
            renew(problem, reserve, rows)
        elif chance < ON_TOP + REORDERED:
            reorder(problem, rows)
        else:
            row = random.randrange(len(rows))
            step = STEP * 10.0 ** -random.random()
            tools.mutGaussian(rows[row], mu=0.0, sigma=step, indpb=CHANGED)
    if random.random() < BACKGROUND:
        tools.mutGaussian(individual[: problem.header], mu=0.0, sigma=STEP, indpb=1.0)
    keep_in_box(np.asarray(individual))
    return (individual,)


def renew(problem: Problem, reserve: Genomes, rows: Genomes) -> None:
    """Take one shape out, let those of its kind above it sink by one, put a new one on top."""
    row = random.randrange(len(rows))
    stack = problem.make_room(rows, row)
    donor = problem.rows_of(random.choice(reserve))[row % problem.kinds :: problem.kinds]
    stack[-1] = donor[random.randrange(len(donor))]


def reorder(problem: Problem, rows: Genomes) -> None:
    """Swap two shapes of one kind in painting order."""
    one = random.randrange(len(rows))
    two = random.randrange(one % problem.kinds, len(rows), problem.kinds)
    rows[[one, two]] = rows[[two, one]]
