"""Circles."""

from __future__ import annotations

import math

import numpy as np

from evonsfw.shapes import Array, Canvas, radii

GENES = ("x", "y", "size")
MIN_RADIUS = 0.008
MAX_RADIUS = 0.4
FLATNESS = 0.02
"""How far, in pixels, the polygon that is filled may stay inside the true circle."""


def outline(genes: Array, canvas: Canvas) -> Array:
    """Corners of regular polygons that follow the circles to within `FLATNESS` pixels.

    Args:
        genes: (M, 3) array in [0, 1].
        canvas: width and height in pixels.

    Returns:
        (M, V, 2) float64 array of x, y in pixels; V grows with the largest circle on the canvas.
    """
    radius = radii(genes, canvas, MIN_RADIUS, MAX_RADIUS)
    corners = _corner_count(float(radius.max(initial=0.0)))
    angle = np.arange(corners) * (2.0 * math.pi / corners)
    ring = np.stack([np.cos(angle), np.sin(angle)], axis=-1)
    return genes[:, None, :2] * canvas + radius[:, None, None] * ring * _equal_area(corners)


def svg(genes: Array, canvas: Canvas) -> tuple[str, dict[str, str]]:
    """One `<circle>`: the element's name and its geometric attributes, in pixels."""
    radius = radii(genes[None], canvas, MIN_RADIUS, MAX_RADIUS)[0]
    x, y = genes[0] * canvas[0], genes[1] * canvas[1]
    return "circle", {"cx": f"{x:.3f}", "cy": f"{y:.3f}", "r": f"{radius:.3f}"}


def _corner_count(radius: float) -> int:
    """Corners at which the sagitta r (1 - cos(pi / V)) falls to `FLATNESS`; a multiple of 4."""
    if radius <= FLATNESS:
        return 8
    needed = math.pi / math.acos(1.0 - FLATNESS / radius)
    return max(8, 4 * math.ceil(needed / 4))


def _equal_area(corners: int) -> float:
    """Factor that gives the polygon exactly the circle's area."""
    return math.sqrt(2.0 * math.pi / (corners * math.sin(2.0 * math.pi / corners)))
