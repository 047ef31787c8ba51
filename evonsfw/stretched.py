"""Squares and circles, stretched along two axes, turned and moved: what several shapes are.

The half axes are r cos t and r sin t, so that a stretched square stays inscribed in the circle of
radius r, and a stretched circle within it, whatever the tilt t of its diagonal.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from evonsfw.compiled import compiled
from evonsfw.shapes import Array, Canvas

FLATNESS = 0.02
"""How far, in pixels, the polygon that is filled may stay inside the true curve."""
LEAST_TILT = math.radians(5.0)
"""Radians between a diagonal and the nearer axis: no shape is thinner than 1 to 11."""
HALF_TURN = math.pi
"""Radians from angle gene 0 to 1; these shapes look the same after half a turn."""


class Frame(NamedTuple):
    """How M shapes are stretched and turned; every array is (M,) float64.

    Attributes:
        radii: half diagonals in pixels.
        tilts: angles in (0, pi / 2) between diagonal and first axis.
        rates: d tilt / d gene in radians.
        turns: angles in radians by which the first axis is turned, clockwise from the right.
    """

    radii: Array
    tilts: Array
    rates: Array
    turns: Array

    def half_axes(self) -> Array:
        """(M, 2) half axes in pixels."""
        return self.radii[:, None] * np.stack([np.cos(self.tilts), np.sin(self.tilts)], axis=1)


def framed(radius: Array, aspect: Array, angle: Array | None = None) -> Frame:
    """The frame of shapes whose aspect goes from flat at gene 0 to upright at gene 1.

    Args:
        radius: (M,) half diagonals in pixels.
        aspect: (M,) genes in [0, 1]; at 0.5 both axes are of one length.
        angle: (M,) genes in [0, 1]; not turned where there is none.
    """
    span = 0.5 * math.pi - 2.0 * LEAST_TILT
    turns = np.zeros(len(radius)) if angle is None else HALF_TURN * angle
    return Frame(radius, LEAST_TILT + span * aspect, np.full(len(radius), span), turns)


def boxes(genes: Array, canvas: Canvas, frame: Frame) -> Array:
    """(M, G) genes, of which x and y are read, to (M, 4, 2) corners of rectangles in pixels."""
    corners = np.empty((len(genes), 4, 2))
    _fill_boxes(np.ascontiguousarray(genes), frame, canvas, corners)
    return corners


def ovals(genes: Array, canvas: Canvas, frame: Frame) -> Array:
    """(M, G) genes, of which x and y are read, to (M, V, 2) corners of polygons that follow
    ellipses to within `FLATNESS` pixels and have their area. Smaller ones repeat corners.
    """
    corners = np.empty((len(genes), corner_count(frame.radii.max(initial=0.0)), 2))
    _fill_ovals(np.ascontiguousarray(genes), frame, canvas, corners)
    return corners


def arms(genes: Array, canvas: Canvas, corners: Array) -> Array:
    """(M, V, 2) ways in pixels from the shapes' middles to their corners."""
    ways: Array = corners - genes[:, None, :2] * canvas
    return ways


def quarter_turned(ways: Array) -> Array:
    """(..., 2) ways turned by 90 degrees clockwise: what they move by for each radian of a turn."""
    return np.stack([-ways[..., 1], ways[..., 0]], axis=-1)


def tilted(ways: Array, frame: Frame) -> Array:
    """What the gene that tilts the diagonal moves.

    Args:
        ways: (M, V, 2) from `arms`.
        frame: what the corners were made with.

    Returns:
        (M, V, 2) float64 array in pixels: the half axes grow by -tan t and 1 / tan t.
    """
    along = np.stack([np.cos(frame.turns), np.sin(frame.turns)], axis=1)[:, None]
    across = quarter_turned(along)
    slope = np.tan(frame.tilts)[:, None, None]
    first = np.sum(ways * along, axis=2, keepdims=True) * -slope
    second = np.sum(ways * across, axis=2, keepdims=True) / slope
    moved: Array = (first * along + second * across) * frame.rates[:, None, None]
    return moved


def rotation(frame: Frame, x: float, y: float) -> dict[str, str]:
    """The SVG attribute that turns the only shape of a frame about a place in pixels."""
    return {"transform": f"rotate({math.degrees(frame.turns[0]):.4f} {x:.3f} {y:.3f})"}


@compiled
def corner_count(radius: float) -> int:  # pragma: no cover - compiled
    """Corners at which the sagitta r (1 - cos(pi / V)) falls to `FLATNESS`; a multiple of 4."""
    if radius <= FLATNESS:
        return 8
    return max(8, 4 * math.ceil(math.pi / math.acos(1.0 - FLATNESS / radius) / 4.0))


@compiled
def _fill_boxes(
    genes: Array, frame: Frame, canvas: Canvas, corners: Array
) -> None:  # pragma: no cover - compiled
    """Write the corners, clockwise from the one at the end of both axes."""
    for i in range(len(genes)):
        cosine, sine = math.cos(frame.turns[i]), math.sin(frame.turns[i])
        half = frame.radii[i] * math.cos(frame.tilts[i])
        across = frame.radii[i] * math.sin(frame.tilts[i])
        for k in range(4):
            x = half if k in (0, 3) else -half
            y = across if k < 2 else -across
            corners[i, k, 0] = genes[i, 0] * canvas[0] + x * cosine - y * sine
            corners[i, k, 1] = genes[i, 1] * canvas[1] + x * sine + y * cosine


@compiled
def _fill_ovals(
    genes: Array, frame: Frame, canvas: Canvas, corners: Array
) -> None:  # pragma: no cover - compiled
    """Write the corners; a polygon's reach is a little larger, to have its ellipse's area."""
    most = corners.shape[1]
    for i in range(len(genes)):
        cosine, sine = math.cos(frame.turns[i]), math.sin(frame.turns[i])
        half = frame.radii[i] * math.cos(frame.tilts[i])
        across = frame.radii[i] * math.sin(frame.tilts[i])
        count = min(most, corner_count(frame.radii[i]))
        turn = 2.0 * math.pi / count
        c, s = math.cos(turn), math.sin(turn)
        p, q = math.sqrt(turn / s), 0.0
        for k in range(count):
            x, y = half * p, across * q
            for j in range(k * most // count, (k + 1) * most // count):
                corners[i, j, 0] = genes[i, 0] * canvas[0] + x * cosine - y * sine
                corners[i, j, 1] = genes[i, 1] * canvas[1] + x * sine + y * cosine
            p, q = p * c - q * s, p * s + q * c
