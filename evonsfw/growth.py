"""A genome that is like a target, shape by shape, each where those before it leave an error."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from evonsfw.division import EVERYTHING, Strip, band, cuts
from evonsfw.genome import GRID, Encoding, Genome
from evonsfw.patches import Floats
from evonsfw.portrait import Pictures, Portrait
from evonsfw.refinement import Improved, Refinement, improve

REFINED = 1.15
"""How many times an error may be larger when shapes are grown: refinement takes more off it."""


def grow(
    encoding: Encoding, target: Pictures, *, seed: int, weights: Floats | None = None
) -> Improved:
    """A first genome that is like a target: a background, then one shape after another on top.

    Args:
        encoding: what the genes mean, and how many shapes there are.
        target: (H, W, 3) uint8 sRGB.
        seed: the same seed gives the same genome.
        weights: (H, W) float32 of at least 0, how much each pixel's error counts; None for 1.

    Raises:
        ValueError: target or weights that cannot be used.
    """
    portrait = Portrait(target, encoding, weights)
    portrait.paint_background()
    refinement = Refinement(portrait, seed)
    while portrait.count < encoding.n:
        refinement.add(portrait.whole)
    return Improved(portrait.genome(), portrait.rmse())


def shapes_for(
    error: float, encoding: Encoding, target: Pictures, *, seed: int, weights: Floats | None = None
) -> int:
    """How many shapes growth needs to come near an error, so near that refinement does the rest.

    Args:
        error: weighted RMSE over RGB, in 0…255.
        encoding: what the genes mean, and how many shapes there may be at most.
        target: (H, W, 3) uint8 sRGB.
        seed: of what is random.
        weights: (H, W) float32 of at least 0, how much each pixel's error counts; None for 1.

    Raises:
        ValueError: it takes more; target or weights that cannot be used.
    """
    portrait = Portrait(target, encoding, weights)
    portrait.paint_background()
    refinement = Refinement(portrait, seed)
    whole = 3.0 * (target[..., 0].size if weights is None else float(weights.sum()))
    wanted = (REFINED * error / 255.0) ** 2 * whole
    while portrait.count < encoding.n:
        if refinement.add(portrait.whole) <= wanted:
            return max(1, portrait.count - 1)
    raise ValueError(
        f"RMSE {error:g}: {encoding.n:,} shapes come to {portrait.rmse():.2f} before they are "
        f"refined: ask for less, or give --n"
    )


def dotted(
    encoding: Encoding, target: Pictures, *, seed: int, weights: Floats | None = None
) -> Improved:
    """A genome to grow a picture in: a background, and shapes as small as they can be.

    Args:
        encoding: what the genes mean, and how many shapes there are.
        target: (H, W, 3) uint8 sRGB.
        seed: the same seed gives the same genome.
        weights: (H, W) float32 of at least 0, how much each pixel's error counts; None for 1.

    Raises:
        ValueError: target or weights that cannot be used.
    """
    portrait = Portrait(target, encoding, weights)
    portrait.paint_background()
    rng = np.random.default_rng(seed)
    for top in range(encoding.n):
        shape = portrait.shape(top)
        genes = np.round(rng.random((1, len(shape.GENES))) * GRID) / GRID
        genes[0, 2] = 0.0
        place = portrait.around(shape.outline(genes, portrait.canvas)[0])
        portrait.lift(-1, top, place)
        found = portrait.score(shape, genes, place)[0]
        portrait.count += 1
        portrait.settle(top, genes[0], found)
    return Improved(portrait.genome(), portrait.rmse())


def grow_on(
    genome: Genome,
    encoding: Encoding,
    target: Pictures,
    *,
    rows: tuple[int, int],
    seed: int,
    weights: Floats | None = None,
    strip: Strip = EVERYTHING,
) -> Improved:
    """Put new shapes into a genome, where the picture of those before them is in error.

    Args:
        genome: (L,) float32 in [0, 1].
        encoding: what the genes mean.
        target: (H, W, 3) uint8 sRGB.
        rows: the first row that is grown, and the one after the last.
        seed: the same seed gives the same genome.
        weights: (H, W) float32 of at least 0, how much each pixel's error counts; None for 1.
        strip: an upright or a level one, as its angle is nearer to, that has as much of the error
            as any other; it is given its share of the rows, and no shape leaves it.

    Raises:
        ValueError: a genome of another length; target or weights that cannot be used.
    """
    portrait = Portrait(target, encoding, weights)
    portrait.read(genome)
    portrait.count = rows[0]
    refinement = Refinement(portrait, seed)
    first, last = cuts(rows, strip, len(encoding.shapes))
    place = band(portrait, strip)
    while portrait.count < rows[0] + last - first:
        refinement.add(place)
    grown = genome.copy()
    encoding.rows(grown)[first:last] = encoding.rows(portrait.genome())[rows[0] : portrait.count]
    portrait.read(grown)
    return Improved(grown, portrait.rmse())


def warm_up(encoding: Encoding) -> None:
    """Compile all this, or load it from numba's cache: one shape of each kind of an encoding."""
    small = replace(encoding, n=len(encoding.shapes))
    target = np.zeros((16, 16, 3), np.uint8)
    improve(grow(small, target, seed=0).genome, small, target, budget=1, seed=0)
