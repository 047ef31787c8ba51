"""Triangles, each inscribed in a circle: one corner in each third of it."""

from __future__ import annotations

import math

import numpy as np

from evonsfw.shapes import Array, Canvas, radii

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
    radius = radii(genes, canvas, MIN_RADIUS, MAX_RADIUS)
    third = np.arange(3) + MARGIN + (1.0 - 2.0 * MARGIN) * genes[:, 3:6]
    angle = third * (2.0 * math.pi / 3.0)
    corners = np.empty((len(genes), 3, 2))
    for axis, wave in enumerate((np.cos(angle), np.sin(angle))):
        np.multiply(wave, radius[:, None], out=corners[:, :, axis])
        corners[:, :, axis] += genes[:, axis, None] * canvas[axis]
    return corners


def svg(genes: Array, canvas: Canvas) -> tuple[str, dict[str, str]]:
    """One `<polygon>`: the element's name and its geometric attributes, in pixels."""
    corners = outline(genes[None], canvas)[0]
    return "polygon", {"points": " ".join(f"{x:.3f},{y:.3f}" for x, y in corners)}
