"""A picture divided into strips, so that several can work on it at a time and hardly meet."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from evonsfw.patches import Place, Reals
from evonsfw.portrait import CELL, Portrait


class Strip(NamedTuple):
    """A part of a picture, so that several can work on it at a time and hardly meet.

    Attributes:
        number: 0…strips-1.
        strips: that the canvas is cut into.
        angle: of the direction across them, in radians.
    """

    number: int = 0
    strips: int = 1
    angle: float = 0.0


EVERYTHING = Strip()
UNBOUNDED = -math.inf, math.inf
Borders = tuple[float, float]
"""Between which distances in its direction a strip lies, in pixels."""
Marks = npt.NDArray[np.bool_]


def cuts(rows: tuple[int, int], strip: Strip, kinds: int) -> tuple[int, int]:
    """The rows of a strip: as many as of any other, and of all kinds as many where there are some
    to take turns.
    """
    turns = (rows[1] - rows[0]) // kinds
    ends = (rows[0] + kinds * (turns * k // strip.strips) for k in (strip.number, strip.number + 1))
    first, last = ends
    return first, rows[1] if strip.number + 1 == strip.strips else last


def shared(portrait: Portrait, strip: Strip) -> tuple[Marks, Borders]:
    """Which shapes have their middles in a strip that has as many as any other, and where it is."""
    n = portrait.count
    if strip.strips == 1:
        return np.ones(n, bool), UNBOUNDED
    along = portrait.middles() @ (math.cos(strip.angle), math.sin(strip.angle))
    order = np.argsort(along, kind="stable")
    first, last = cuts((0, n), strip, 1)
    mine = np.zeros(n, bool)
    mine[order[first:last]] = True
    edges = np.concatenate([[-math.inf], along[order], [math.inf]])
    low, high = (0.5 * float(edges[cut] + edges[cut + 1]) for cut in (first, last))
    return mine, (low, high)


def band(portrait: Portrait, strip: Strip) -> Place:
    """A window as wide or as high as the canvas, that has as much of the error as any other."""
    if strip.strips == 1:
        return portrait.whole
    portrait.lift(-1, portrait.count, portrait.whole)
    across = abs(math.cos(strip.angle)) > abs(math.sin(strip.angle))
    total = np.cumsum(portrait.errors(portrait.whole).sum(axis=0 if across else 1))
    shares = np.array([strip.number, strip.number + 1]) / strip.strips
    cells = np.searchsorted(total, shares * total[-1])
    width, height = portrait.canvas
    first = 0 if strip.number == 0 else int(cells[0]) * CELL
    end = width if across else height
    last = end if strip.number + 1 == strip.strips else int(cells[1]) * CELL
    last = max(last, min(first + CELL, end))
    return (first, 0, last - first, height) if across else (0, first, width, last - first)


def _along(shape: tuple[int, ...], angle: float) -> Reals:
    """How far in a direction the middle of each cell is, in pixels."""
    down, across = ((np.arange(side) + 0.5) * CELL for side in shape)
    found: Reals = across * math.cos(angle) + down[:, None] * math.sin(angle)
    return found


def within(errors: Reals, angle: float, borders: Borders) -> Reals:
    """The errors between the borders of a strip, elsewhere 0."""
    along = _along(errors.shape, angle)
    return np.where((along >= borders[0]) & (along <= borders[1]), errors, 0.0)
