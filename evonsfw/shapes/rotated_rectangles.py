"""Rectangles, turned by any angle, each inscribed in a circle."""

from __future__ import annotations

from evonsfw.shapes import Array, Canvas, placed, radii
from evonsfw.stretched import (
    HALF_TURN,
    Frame,
    arms,
    boxes,
    framed,
    quarter_turned,
    rotation,
    tilted,
)

GENES = ("x", "y", "size", "aspect", "angle")
CYCLIC = ("angle",)
MIN_RADIUS = 0.01
MAX_RADIUS = 0.6


def outline(genes: Array, canvas: Canvas) -> Array:
    """Corners of the rectangles.

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
    """One `<rect>` with its rotation: the name and the geometric attributes, in pixels."""
    frame = _frame(genes[None], canvas)
    half, across = frame.half_axes()[0]
    x, y = float(genes[0] * canvas[0]), float(genes[1] * canvas[1])
    corner = {"x": f"{x - half:.3f}", "y": f"{y - across:.3f}"}
    sides = {"width": f"{2.0 * half:.3f}", "height": f"{2.0 * across:.3f}"}
    return "rect", {**corner, **sides, **rotation(frame, x, y)}


def _frame(genes: Array, canvas: Canvas) -> Frame:
    return framed(radii(genes, canvas, MIN_RADIUS, MAX_RADIUS), genes[:, 3], genes[:, 4])
