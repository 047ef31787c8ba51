"""Genomes made better before they are scored: after a target, or by the fitness's gradient."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import numpy.typing as npt
from PIL import Image

from evonsfw.adam import Adam
from evonsfw.division import Strip
from evonsfw.genome import COLOUR_GENES, GRID, Encoding, Genome
from evonsfw.growth import dotted, grow_on
from evonsfw.joint_colours import solve_colours
from evonsfw.objectives import Goal
from evonsfw.portrait import Portrait, in_steps
from evonsfw.refinement import improve
from evonsfw.search import Improvement

Genomes = npt.NDArray[np.float32]
Slope = Callable[[Genome], tuple[float, Genome]]
"""A genome's fitness, and (L,) d fitness / d genome."""
SIDES = (0.5, 256), (0.8, 512), (1.0, 1024)
"""Sides of squares of as many pixels as a target is followed at, until a share of a run."""
LEAST_SIDE = 32
SLACK = 0.8
"""A canvas that is hardly larger is not made smaller."""
AVERAGE = Image.Resampling.BOX
SQUARE_DECAY = 0.99
"""Adam's, for ascents of a hundred steps."""


def coarser(goal: Goal, fine: float) -> Goal:
    """The goal on a canvas that is as large as there is a need for: a target is followed from afar
    first, whatever its size.

    Args:
        goal: what is asked for, with a target.
        fine: from 0 to 1, as `Improvement`'s.

    Returns:
        the goal itself where its canvas is not larger.
    """
    target = goal.needed_target("likeness")
    side = next(side for until, side in SIDES if fine <= until)
    scale = max(side / math.sqrt(target[..., 0].size), LEAST_SIDE / min(target.shape[:2]))
    if scale >= SLACK:
        return goal
    height, width = (round(scale * length) for length in target.shape[:2])
    weights = goal.weights
    if weights is not None:
        weights = np.asarray(Image.fromarray(weights).resize((width, height), AVERAGE))
        weights = weights if weights.max() > 0.0 else None
    picture = np.asarray(Image.fromarray(target).resize((width, height), AVERAGE))
    return replace(goal, target=picture, weights=weights)


def redrawn(genomes: Genomes, how: Improvement, encoding: Encoding, goal: Goal) -> Genomes:
    """(B, L) float32 genomes whose pictures are more like the goal's target, as told."""
    assert goal.target is not None
    height, width = goal.target.shape[:2]
    better = []
    for place, genome in enumerate(genomes, start=how.place):
        strip = Strip(place % how.strips, how.strips, how.angle)
        asked, seed, weights = (encoding, goal.target), how.seed + place, goal.weights
        if how.rows == (0, 0):
            found = dotted(*asked, seed=seed, weights=weights)
        elif how.rows:
            found = grow_on(genome, *asked, rows=how.rows, seed=seed, weights=weights, strip=strip)
        else:
            budget = how.scorings * width * height
            found = improve(
                genome,
                *asked,
                budget=budget,
                seed=seed,
                weights=weights,
                heat=how.heat,
                strip=strip,
            )
        better.append(found.genome)
    return np.stack(better)


def ascended(genome: Genome, encoding: Encoding, slope: Slope, steps: int, rate: float) -> Genome:
    """The fittest genome on the way up, by gradient steps on all genes at once.

    Args:
        genome: (L,) float32 in [0, 1].
        encoding: what the genes mean.
        slope: the fitness and its gradient.
        steps: how many.
        rate: by how much a gene changes in the first step, at most; it falls to 0.
    """
    adam, best, point = Adam(rate, SQUARE_DECAY), (-np.inf, genome), genome
    for step in range(steps + 1):
        fitness, gradient = slope(point)
        if fitness > best[0]:
            best = fitness, point
        if step < steps:
            moved = adam.step(point, gradient, 1.0 - step / steps)
            point = np.clip(moved, 0.0, 1.0).astype(np.float32)
    return on_grid(best[1], encoding)


def recoloured(genome: Genome, encoding: Encoding, goal: Goal) -> Genome:
    """(L,) float32 genome in the colours that make its picture most like the goal's target."""
    portrait = Portrait(goal.needed_target("likeness"), encoding, goal.weights)
    portrait.read(genome)
    solve_colours(portrait)
    return portrait.genome()


def on_grid(genome: Genome, encoding: Encoding) -> Genome:
    """The nearest genome that trials could have found: few bits hold it."""
    near = in_steps(genome)
    rows, wanted = encoding.rows(near), encoding.rows(genome)
    geometry = wanted[:, :-COLOUR_GENES].astype(np.float64)
    rows[:, :-COLOUR_GENES] = np.round(geometry * GRID) / GRID
    return near
