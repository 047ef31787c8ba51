"""Quadratic Bézier curves of a width, with square ends.

In units of half the way between its ends, a curve goes from (-1, 0) to (1, 0), drawn towards
(skew, bend). Both are limited so that no curve bends more sharply than it is wide: the radius of
curvature stays above 0.65, half the width below 0.3, and its two edges never fold.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from evonsfw.compiled import compiled
from evonsfw.shapes import Array, Canvas, placed, radii
from evonsfw.stretched import FLATNESS, HALF_TURN, arms, quarter_turned

GENES = ("x", "y", "size", "width", "angle", "bend", "skew")
MIN_RADIUS = 0.02
MAX_RADIUS = 0.75
THINNEST, WIDEST = 0.015, 0.3
"""Width by the way between the ends, at width gene 0 and 1."""
BEND, SKEW = 1.2, 0.5
"""How far the control point may lie from the middle of the ends: across, and along."""
OUTER = 1.5
"""An edge's way by the middle's where it is longest: 1 + 0.3 / 0.65, rounded up."""


class _Strokes(NamedTuple):
    """M curves; every array is (M,) float64.

    Attributes:
        reaches: half the ways between the ends, in pixels.
        widths: widths by these ways.
        turns: angles in radians from the first end to the second, clockwise from the right.
        bends, skews: where the control points are, in reaches.
    """

    reaches: Array
    widths: Array
    turns: Array
    bends: Array
    skews: Array


def outline(genes: Array, canvas: Canvas) -> Array:
    """Corners of polygons that follow the strokes' edges to within 0.02 pixels.

    Args:
        genes: (M, 7) array in [0, 1].
        canvas: width and height in pixels.

    Returns:
        (M, V, 2) float64 array of x, y in pixels: one edge from end to end, then the other one
        back. V grows with the most bent curve on the canvas; others repeat corners.
    """
    strokes = _strokes(genes, canvas)
    steps = _steps(strokes)
    corners = np.empty((len(genes), 2 * (int(steps.max(initial=1)) + 1), 2))
    _fill(np.ascontiguousarray(genes), strokes, steps, canvas, corners)
    return corners


def moves(genes: Array, canvas: Canvas) -> Array:
    """What each gene moves, the number of corners held.

    Args:
        genes: (M, 7) array in [0, 1].
        canvas: width and height in pixels.

    Returns:
        (M, V, 2, 7) float64 array: d corner / d gene in pixels.
    """
    corners = outline(genes, canvas)
    ways = arms(genes, canvas, corners)
    moved = placed(genes, canvas, corners, MAX_RADIUS / MIN_RADIUS)
    strokes = _strokes(genes, canvas)
    along = np.stack([np.cos(strokes.turns), np.sin(strokes.turns)], axis=1)[:, None]
    reach, width = strokes.reaches[:, None, None], strokes.widths[:, None, None]
    times, side = _times(_steps(strokes), corners.shape[1])
    tangent, length = _tangents(strokes, times)
    aside = side[:, None] * quarter_turned(tangent)
    shrunk = np.log(WIDEST / THINNEST) * width / (1.0 + width)
    moved[..., 3] = shrunk * (_turned(reach * (1.0 + width) * aside, along) - ways)
    moved[..., 4] = HALF_TURN * quarter_turned(ways)
    drawn = (2.0 * times * (1.0 - times))[..., None]
    leaning = (2.0 * (1.0 - 2.0 * times) / length)[..., None]
    normal = quarter_turned(tangent)
    for column, span, axis in ((5, 2.0 * BEND, (0.0, 1.0)), (6, 2.0 * SKEW, (1.0, 0.0))):
        lean = leaning * np.sum(normal * axis, axis=2, keepdims=True)
        shift = drawn * axis - width * side[:, None] * lean * tangent
        moved[..., column] = span * _turned(reach * shift, along)
    return moved


def svg(genes: Array, canvas: Canvas) -> tuple[str, dict[str, str]]:
    """One `<path>` with its width: the name and the geometric attributes, in pixels."""
    strokes = _strokes(genes[None], canvas)
    points = np.array([[(-1.0, 0.0), (strokes.skews[0], strokes.bends[0]), (1.0, 0.0)]])
    along = np.array([[[math.cos(strokes.turns[0]), math.sin(strokes.turns[0])]]])
    reach = strokes.reaches[0]
    placed_at = (genes[:2] * canvas + _turned(reach * points, along)[0]).ravel()
    path = "M{:.3f} {:.3f}Q{:.3f} {:.3f} {:.3f} {:.3f}".format(*placed_at)
    return "path", {
        "d": path,
        "fill": "none",
        "stroke-width": f"{2.0 * reach * strokes.widths[0]:.3f}",
    }


def _strokes(genes: Array, canvas: Canvas) -> _Strokes:
    """Decode the genes; a stroke with its width stays within its radius."""
    widths = THINNEST * (WIDEST / THINNEST) ** genes[:, 3]
    reaches = radii(genes, canvas, MIN_RADIUS, MAX_RADIUS) / (1.0 + widths)
    bends, skews = BEND * (2.0 * genes[:, 5] - 1.0), SKEW * (2.0 * genes[:, 6] - 1.0)
    return _Strokes(reaches, widths, HALF_TURN * genes[:, 4], bends, skews)


def _steps(strokes: _Strokes) -> Array:
    """(M,) straight pieces of an edge, so that none stays further than `FLATNESS` from it.

    A chord of 1 / S of a quadratic curve stays within |B''| / (8 S^2) of it.
    """
    second = 4.0 * np.hypot(strokes.bends, strokes.skews) * strokes.reaches
    pieces: Array = np.ceil(np.sqrt(OUTER * second / (8.0 * FLATNESS)))
    return np.maximum(1.0, pieces)


def _times(steps: Array, count: int) -> tuple[Array, Array]:
    """(M, V) where along the curve each corner is, 0 to 1, and (V,) on which side: 1 or -1."""
    most = count // 2 - 1
    k = np.concatenate([np.arange(most + 1), np.arange(most, -1, -1)])
    side = np.repeat([1.0, -1.0], most + 1)
    return (k * steps[:, None] // max(most, 1)) / steps[:, None], side


def _tangents(strokes: _Strokes, times: Array) -> tuple[Array, Array]:
    """(M, V, 2) directions of the curves, and (M, V) lengths of B'(t), in reaches."""
    rest = 1.0 - 2.0 * times
    velocity = 2.0 * np.stack(
        [1.0 + rest * strokes.skews[:, None], rest * strokes.bends[:, None]], axis=2
    )
    length = np.hypot(velocity[..., 0], velocity[..., 1])
    return velocity / length[..., None], length


def _turned(ways: Array, along: Array) -> Array:
    """(M, V, 2) ways turned so that the first axis lies along (M, 1, 2) directions."""
    found: Array = ways[..., :1] * along + ways[..., 1:] * quarter_turned(along)
    return found


@compiled
def _fill(
    genes: Array, strokes: _Strokes, steps: Array, canvas: Canvas, corners: Array
) -> None:  # pragma: no cover - compiled
    """Write the corners, those of both edges at once."""
    most = corners.shape[1] // 2 - 1
    for i in range(len(genes)):
        reach, width = strokes.reaches[i], strokes.widths[i]
        bend, skew, count = strokes.bends[i], strokes.skews[i], int(steps[i])
        cosine, sine = math.cos(strokes.turns[i]), math.sin(strokes.turns[i])
        for j in range(most + 1):
            t = (j * count // most) / count
            u, v = 1.0 + (1.0 - 2.0 * t) * skew, (1.0 - 2.0 * t) * bend
            aside = width / math.sqrt(u * u + v * v)
            x = 2.0 * t - 1.0 + 2.0 * t * (1.0 - t) * skew
            y = 2.0 * t * (1.0 - t) * bend
            for k, side in ((j, aside), (2 * most + 1 - j, -aside)):
                a, b = reach * (x - side * v), reach * (y + side * u)
                corners[i, k, 0] = genes[i, 0] * canvas[0] + a * cosine - b * sine
                corners[i, k, 1] = genes[i, 1] * canvas[1] + a * sine + b * cosine
