"""Polygons with a corner in each of K equal sectors of a circle, as far out as its gene says.

`polygons` have 5 corners, `polygons-K` have K.
"""

from __future__ import annotations

import functools
import math

import numpy as np

from evonsfw.compiled import compiled
from evonsfw.shapes import Array, Canvas, placed, radii
from evonsfw.stretched import arms, quarter_turned

FEWEST, USUAL, MOST = 3, 5, 12
"""Corners."""
MIN_RADIUS = 0.014
MAX_RADIUS = 0.7
MARGIN = 0.05
"""Share of its sector that a corner keeps clear of on each side, so that no two corners meet."""
NEAREST = 0.25
"""Of the radius, at reach gene 0; at 1 a corner is on the circle."""


class Polygons:
    """Polygons of K corners.

    Args:
        corners: K, 3 to 12.

    Raises:
        ValueError: another number of corners.
    """

    MIN_RADIUS = MIN_RADIUS
    MAX_RADIUS = MAX_RADIUS

    def __init__(self, corners: int) -> None:
        if not FEWEST <= corners <= MOST:
            raise ValueError(f"polygons-{corners}: expected {FEWEST} to {MOST} corners")
        numbers = range(1, corners + 1)
        places = [*(f"angle_{k}" for k in numbers), *(f"reach_{k}" for k in numbers)]
        self.GENES: tuple[str, ...] = ("x", "y", "size", *places)
        self._corners = corners

    def outline(self, genes: Array, canvas: Canvas) -> Array:
        """Corners of the polygons.

        Args:
            genes: (M, 3 + 2 K) array in [0, 1].
            canvas: width and height in pixels.

        Returns:
            (M, K, 2) float64 array of x, y in pixels, always in the same winding order.
        """
        corners = np.empty((len(genes), self._corners, 2))
        radius = radii(genes, canvas, MIN_RADIUS, MAX_RADIUS)
        _fill(np.ascontiguousarray(genes), radius, canvas, corners)
        return corners

    def moves(self, genes: Array, canvas: Canvas) -> Array:
        """What each gene moves.

        Args:
            genes: (M, 3 + 2 K) array in [0, 1].
            canvas: width and height in pixels.

        Returns:
            (M, K, 2, 3 + 2 K) float64 array: d corner / d gene in pixels.
        """
        count = self._corners
        corners = self.outline(genes, canvas)
        moved = placed(genes, canvas, corners, MAX_RADIUS / MIN_RADIUS)
        ways = arms(genes, canvas, corners)
        turned = (1.0 - 2.0 * MARGIN) * (2.0 * math.pi / count) * quarter_turned(ways)
        reach = NEAREST + (1.0 - NEAREST) * genes[:, 3 + count : 3 + 2 * count]
        pushed = (1.0 - NEAREST) * ways / reach[..., None]
        for k in range(count):
            moved[:, k, :, 3 + k], moved[:, k, :, 3 + count + k] = turned[:, k], pushed[:, k]
        return moved

    def svg(self, genes: Array, canvas: Canvas) -> tuple[str, dict[str, str]]:
        """One `<polygon>`: the element's name and its geometric attributes, in pixels."""
        corners = self.outline(genes[None], canvas)[0]
        return "polygon", {"points": " ".join(f"{x:.3f},{y:.3f}" for x, y in corners)}


@functools.cache
def of(number: int) -> Polygons:
    """The shape that is called `polygons-NUMBER`.

    Raises:
        ValueError: no polygon has so many corners.
    """
    return Polygons(number)


@compiled
def _fill(
    genes: Array, radius: Array, canvas: Canvas, corners: Array
) -> None:  # pragma: no cover - compiled
    """Write the corners, clockwise from the sector that begins on the right."""
    count = corners.shape[1]
    for i in range(len(genes)):
        for k in range(count):
            sector = k + MARGIN + (1.0 - 2.0 * MARGIN) * genes[i, 3 + k]
            angle = sector * (2.0 * math.pi / count)
            reach = radius[i] * (NEAREST + (1.0 - NEAREST) * genes[i, 3 + count + k])
            corners[i, k, 0] = genes[i, 0] * canvas[0] + reach * math.cos(angle)
            corners[i, k, 1] = genes[i, 1] * canvas[1] + reach * math.sin(angle)


_USUAL = of(USUAL)
GENES = _USUAL.GENES
outline = _USUAL.outline
moves = _USUAL.moves
svg = _USUAL.svg
