"""Rectangles whose sides lie along the canvas's, each inscribed in a circle."""

from __future__ import annotations

from evonsfw.shapes import Array, Canvas, placed, radii
from evonsfw.stretched import Frame, arms, boxes, framed, tilted

GENES = ("x", "y", "size", "aspect")
MIN_RADIUS = 0.01
MAX_RADIUS = 0.6


def outline(genes: Array, canvas: Canvas) -> Array:
    """Corners of the rectangles.

    Args:
        genes: (M, 4) array in [0, 1].
        canvas: width and height in pixels.

    Returns:
        (M, 4, 2) float64 array of x, y in pixels, always in the same winding order.
    """
    return boxes(genes, canvas, _frame(genes, canvas))


def moves(genes: Array, canvas: Canvas) -> Array:
    """What each gene moves.

    Args:
        genes: (M, 4) array in [0, 1].
        canvas: width and height in pixels.

    Returns:
        (M, 4, 2, 4) float64 array: d corner / d gene in pixels.
    """
    frame = _frame(genes, canvas)
    corners = boxes(genes, canvas, frame)
    moved = placed(genes, canvas, corners, MAX_RADIUS / MIN_RADIUS)
    moved[..., 3] = tilted(arms(genes, canvas, corners), frame)
    return moved


def svg(genes: Array, canvas: Canvas) -> tuple[str, dict[str, str]]:
    """One `<rect>`: the element's name and its geometric attributes, in pixels."""
    half, across = _frame(genes[None], canvas).half_axes()[0]
    x, y = genes[0] * canvas[0] - half, genes[1] * canvas[1] - across
    sides = {"width": f"{2.0 * half:.3f}", "height": f"{2.0 * across:.3f}"}
    return "rect", {"x": f"{x:.3f}", "y": f"{y:.3f}", **sides}


def _frame(genes: Array, canvas: Canvas) -> Frame:
    return framed(radii(genes, canvas, MIN_RADIUS, MAX_RADIUS), genes[:, 3])
