"""Circles."""

from __future__ import annotations

import math

import numpy as np

from evonsfw.compiled import compiled
from evonsfw.shapes import Array, Canvas, placed, radii
from evonsfw.stretched import corner_count

GENES = ("x", "y", "size")
MIN_RADIUS = 0.008
MAX_RADIUS = 0.4


def outline(genes: Array, canvas: Canvas) -> Array:
    """Corners of regular polygons that follow the circles to within 0.02 pixels.

    Args:
        genes: (M, 3) array in [0, 1].
        canvas: width and height in pixels.

    Returns:
        (M, V, 2) float64 array of x, y in pixels. V grows with the largest circle on the canvas;
        smaller ones repeat corners, which costs the rasterizer next to nothing.
    """
    radius = radii(genes, canvas, MIN_RADIUS, MAX_RADIUS)
    corners = np.empty((len(genes), corner_count(radius.max(initial=0.0)), 2))
    _fill(np.ascontiguousarray(genes), radius, canvas, corners)
    return corners


def moves(genes: Array, canvas: Canvas) -> Array:
    """What each gene moves, the number of corners held.

    Args:
        genes: (M, 3) array in [0, 1].
        canvas: width and height in pixels.

    Returns:
        (M, V, 2, 3) float64 array: d corner / d gene in pixels.
    """
    return placed(genes, canvas, outline(genes, canvas), MAX_RADIUS / MIN_RADIUS)


def svg(genes: Array, canvas: Canvas) -> tuple[str, dict[str, str]]:
    """One `<circle>`: the element's name and its geometric attributes, in pixels."""
    radius = radii(genes[None], canvas, MIN_RADIUS, MAX_RADIUS)[0]
    x, y = genes[0] * canvas[0], genes[1] * canvas[1]
    return "circle", {"cx": f"{x:.3f}", "cy": f"{y:.3f}", "r": f"{radius:.3f}"}


@compiled
def _fill(
    genes: Array, radius: Array, canvas: Canvas, corners: Array
) -> None:  # pragma: no cover - compiled
    """Write the corners; a polygon's reach is a little larger, to have its circle's area."""
    most = corners.shape[1]
    for i in range(len(genes)):
        count = min(most, corner_count(radius[i]))
        turn = 2.0 * math.pi / count
        cosine, sine = math.cos(turn), math.sin(turn)
        x, y = radius[i] * math.sqrt(turn / sine), 0.0
        for k in range(count):
            for j in range(k * most // count, (k + 1) * most // count):
                corners[i, j, 0] = genes[i, 0] * canvas[0] + x
                corners[i, j, 1] = genes[i, 1] * canvas[1] + y
            x, y = x * cosine - y * sine, x * sine + y * cosine
