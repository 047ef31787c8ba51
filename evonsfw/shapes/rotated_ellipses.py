"""Ellipses, turned by any angle."""

from __future__ import annotations

from evonsfw.shapes import Array, Canvas, placed, radii
from evonsfw.stretched import (
    HALF_TURN,
    Frame,
    arms,
    framed,
    ovals,
    quarter_turned,
    rotation,
    tilted,
)

GENES = ("x", "y", "size", "aspect", "angle")
CYCLIC = ("angle",)
MIN_RADIUS = 0.01
MAX_RADIUS = 0.6


def outline(genes: Array, canvas: Canvas) -> Array:
    """Corners of polygons that follow the ellipses to within 0.02 pixels.

    Args:
        genes: (M, 5) array in [0, 1].
        canvas: width and height in pixels.

    Returns:
        (M, V, 2) float64 array of x, y in pixels. V grows with the largest ellipse on the canvas;
        smaller ones repeat corners.
    """
    return ovals(genes, canvas, _frame(genes, canvas))


def moves(genes: Array, canvas: Canvas) -> Array:
    """What each gene moves, the number of corners held.

    Args:
        genes: (M, 5) array in [0, 1].
        canvas: width and height in pixels.

    Returns:
        (M, V, 2, 5) float64 array: d corner / d gene in pixels.
    """
    frame = _frame(genes, canvas)
    corners = ovals(genes, canvas, frame)
    ways = arms(genes, canvas, corners)
    moved = placed(genes, canvas, corners, MAX_RADIUS / MIN_RADIUS)
    moved[..., 3] = tilted(ways, frame)
    moved[..., 4] = HALF_TURN * quarter_turned(ways)
    return moved


def svg(genes: Array, canvas: Canvas) -> tuple[str, dict[str, str]]:
    """One `<ellipse>` with its rotation: the name and the geometric attributes, in pixels."""
    frame = _frame(genes[None], canvas)
    rx, ry = frame.half_axes()[0]
    x, y = float(genes[0] * canvas[0]), float(genes[1] * canvas[1])
    middle = {"cx": f"{x:.3f}", "cy": f"{y:.3f}"}
    return "ellipse", {**middle, "rx": f"{rx:.3f}", "ry": f"{ry:.3f}", **rotation(frame, x, y)}


def _frame(genes: Array, canvas: Canvas) -> Frame:
    return framed(radii(genes, canvas, MIN_RADIUS, MAX_RADIUS), genes[:, 3], genes[:, 4])
