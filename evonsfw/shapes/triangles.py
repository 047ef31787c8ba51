"""Triangles, each inscribed in a circle: one corner in each third of it."""

from __future__ import annotations

import math

import numpy as np

from evonsfw.compiled import compiled
from evonsfw.shapes import Array, Canvas, placed, radii

GENES = ("x", "y", "size", "angle_1", "angle_2", "angle_3")
MIN_RADIUS = 0.012
MAX_RADIUS = 0.6
MARGIN = 0.05
"""Share of its third that a corner keeps clear of on each side, so that no two corners meet."""


def outline(genes: Array, canvas: Canvas) -> Array:
    """Corners of the triangles.

    Args:
        genes: (M, 6) array in [0, 1].
        canvas: width and height in pixels.

    Returns:
        (M, 3, 2) float64 array of x, y in pixels, always in the same winding order.
    """
    corners = np.empty((len(genes), 3, 2))
    radius = radii(genes, canvas, MIN_RADIUS, MAX_RADIUS)
    _fill(np.ascontiguousarray(genes), radius, canvas, corners)
    return corners


def moves(genes: Array, canvas: Canvas) -> Array:
    """What each gene moves.

    Args:
        genes: (M, 6) array in [0, 1].
        canvas: width and height in pixels.

    Returns:
        (M, 3, 2, 6) float64 array: d corner / d gene in pixels.
    """
    corners = outline(genes, canvas)
    moved = placed(genes, canvas, corners, MAX_RADIUS / MIN_RADIUS)
    arms = corners - genes[:, None, :2] * canvas
    turn = (1.0 - 2.0 * MARGIN) * (2.0 * math.pi / 3.0)
    for k in range(3):
        moved[:, k, 0, 3 + k], moved[:, k, 1, 3 + k] = -turn * arms[:, k, 1], turn * arms[:, k, 0]
    return moved


@compiled
def _fill(
    genes: Array, radius: Array, canvas: Canvas, corners: Array
) -> None:  # pragma: no cover - compiled
    """Write the corners of the triangles; NumPy's overhead would be most of its time."""
    for i in range(len(genes)):
        for k in range(3):
            third = k + MARGIN + (1.0 - 2.0 * MARGIN) * genes[i, 3 + k]
            angle = third * (2.0 * math.pi / 3.0)
            corners[i, k, 0] = genes[i, 0] * canvas[0] + radius[i] * math.cos(angle)
            corners[i, k, 1] = genes[i, 1] * canvas[1] + radius[i] * math.sin(angle)


def svg(genes: Array, canvas: Canvas) -> tuple[str, dict[str, str]]:
    """One `<polygon>`: the element's name and its geometric attributes, in pixels."""
    corners = outline(genes[None], canvas)[0]
    return "polygon", {"points": " ".join(f"{x:.3f},{y:.3f}" for x, y in corners)}
