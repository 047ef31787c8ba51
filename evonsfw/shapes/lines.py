"""Straight lines of a width, with square ends."""

from __future__ import annotations

import numpy as np

from evonsfw.shapes import Array, Canvas, placed, radii
from evonsfw.stretched import HALF_TURN, Frame, arms, boxes, quarter_turned, tilted

GENES = ("x", "y", "size", "width", "angle")
CYCLIC = ("angle",)
MIN_RADIUS = 0.02
MAX_RADIUS = 0.75
THINNEST, WIDEST = 0.015, 0.3
"""Radians between a line and its diagonal at width gene 0 and 1: about its width by its length."""


def outline(genes: Array, canvas: Canvas) -> Array:
    """Corners of the lines.

    Args:
        genes: (M, 5) array in [0, 1].
        canvas: width and height in pixels.

    Returns:
        (M, 4, 2) float64 array of x, y in pixels, always in the same winding order.
    """
    return boxes(genes, canvas, _frame(genes, canvas))


def moves(genes: Array, canvas: Canvas) -> Array:
    """What each gene moves.

    Args:
        genes: (M, 5) array in [0, 1].
        canvas: width and height in pixels.

    Returns:
        (M, 4, 2, 5) float64 array: d corner / d gene in pixels.
    """
    frame = _frame(genes, canvas)
    corners = boxes(genes, canvas, frame)
    ways = arms(genes, canvas, corners)
    moved = placed(genes, canvas, corners, MAX_RADIUS / MIN_RADIUS)
    moved[..., 3] = tilted(ways, frame)
    moved[..., 4] = HALF_TURN * quarter_turned(ways)
    return moved


def svg(genes: Array, canvas: Canvas) -> tuple[str, dict[str, str]]:
    """One `<line>` with its width: the name and the geometric attributes, in pixels."""
    corners = outline(genes[None], canvas)[0]
    (x1, y1), (x2, y2) = (corners[1] + corners[2]) / 2.0, (corners[0] + corners[3]) / 2.0
    ends = {"x1": f"{x1:.3f}", "y1": f"{y1:.3f}", "x2": f"{x2:.3f}", "y2": f"{y2:.3f}"}
    return "line", {**ends, "stroke-width": f"{np.hypot(*(corners[0] - corners[3])):.3f}"}


def _frame(genes: Array, canvas: Canvas) -> Frame:
    growth = WIDEST / THINNEST
    tilts = THINNEST * growth ** genes[:, 3]
    radius = radii(genes, canvas, MIN_RADIUS, MAX_RADIUS)
    return Frame(radius, tilts, tilts * np.log(growth), HALF_TURN * genes[:, 4])
