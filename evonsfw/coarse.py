"""Scores of a sliding window on a grid: some are asked for, the rest lies between them.

Coarse to fine: a grid is one cell whose corners are known; then cells are halved, first those that
may be furthest from the truth where it counts, until as many scores are known as may be. How far
that is, is told by how far scores were from what the halved cell had let one expect (the
hierarchical surplus of sparse grids: Bungartz and Griebel 2004, section 4).
"""

from __future__ import annotations

import heapq
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Point = tuple[int, int]
Place = tuple[int, int, int, int]
"""First and last row, first and last column of a part of a grid."""
Ask = Callable[[Sequence[Point]], Sequence[float]]
"""(row, column) of grid points to the score at each, in the same order."""
DOUBT = 0.06
"""How far a score may be from what is expected across a whole grid where nothing says so."""
MEMORY = 0.5
"""Of a cell's surprise, what its halves keep where they brought none of their own."""
FIRST = 0.3
"""Of an equal share, what each of several grids gets before the worst cells of all count."""
ROUND = 8
"""Cells that are halved at a time: a constant, so that the number of workers changes nothing."""


def starts(length: int, window: int, stride: int) -> npt.NDArray[np.intp]:
    """Where windows begin along one side: every `stride` pixels, and the last flush with the edge.

    Args:
        length: of the side in pixels.
        window: of the window, at most `length`.
        stride: pixels between two beginnings, at most `window`.

    Returns:
        (K,) ascending, from 0 to `length - window`: every pixel lies in one window at least.
    """
    return np.append(np.arange(0, length - window, stride), length - window)


def coverage(begins: npt.NDArray[np.intp], window: int, length: int) -> Floats:
    """(K, length) of 0 and 1: which pixels each window covers along one side."""
    pixels = np.arange(length)
    inside = (pixels >= begins[:, None]) & (pixels < begins[:, None] + window)
    return inside.astype(np.float64)


def averaged(scores: Floats, down: Floats, across: Floats) -> Floats:
    """The mean score of all windows that cover a pixel.

    Args:
        scores: (R, C) of the window at each place.
        down: (R, H), `coverage` of the rows.
        across: (C, W), of the columns.

    Returns:
        (H, W).
    """
    counts = np.outer(down.sum(axis=0), across.sum(axis=0))
    return np.asarray(down.T @ scores @ across / counts)


@dataclass(frozen=True, order=True)
class _Cell:
    """A part of the grid between four points that are known; the worst comes first.

    Attributes:
        order: minus how far the map may be from the truth because of it.
        place: where it is, both ends included.
        surprise: how far scores at its corners were from what was expected there.
    """

    order: float
    place: Place
    surprise: float

    def halves(self) -> list[Place]:
        """Its halves, which share their middle points: the longer side is cut."""
        top, bottom, left, right = self.place
        if right - left >= bottom - top:
            middle = (left + right) // 2
            return [(top, bottom, left, middle), (top, bottom, middle, right)]
        middle = (top + bottom) // 2
        return [(top, middle, left, right), (middle, bottom, left, right)]


class Refinement:
    """A grid of scores that becomes finer.

    Args:
        ask: gives scores; it is asked for the four corners at once.
        down: (R, H), `coverage` of the rows: from it follows what a score counts for.
        across: (C, W), of the columns.
    """

    def __init__(self, ask: Ask, down: Floats, across: Floats) -> None:
        self._ask = ask
        self._shares = down / down.sum(axis=0), across / across.sum(axis=0)
        self._known: dict[Point, float] = {}
        self._cells: list[_Cell] = []
        self._doubt = DOUBT / max(len(down) - 1, len(across) - 1, 1)
        whole = (0, len(down) - 1, 0, len(across) - 1)
        self._learn(set(_corners(whole)))
        self._keep(whole, 0.0)

    def __len__(self) -> int:
        """How many scores are known."""
        return len(self._known)

    @property
    def worst(self) -> float:
        """How far the map may be from the truth because of one cell; 0 where all is known."""
        return -self._cells[0].order

    def refine(self, budget: int) -> None:
        """Halve the worst cells until `budget` scores are known, or all."""
        while cells := self._next(budget - len(self)):
            self._learn({point for cell in cells for point in self._unknown(cell)})
            for cell in cells:
                for half in cell.halves():
                    self._keep(half, self._surprise(cell, half))

    def scores(self) -> Floats:
        """(R, C): what is known as it is, the rest linear between the corners of its cell."""
        found = np.empty((len(self._shares[0]), len(self._shares[1])))
        for cell in self._cells:
            top, bottom, left, right = cell.place
            found[top : bottom + 1, left : right + 1] = self._between(cell.place)
        for point, score in self._known.items():
            found[point] = score
        return found

    def _next(self, room: int) -> list[_Cell]:
        """The worst cells, taken out, that can be halved with no more than `room` new scores."""
        cells: list[_Cell] = []
        fresh: set[Point] = set()
        while self._cells and self.worst > 0 and len(cells) < ROUND:
            fresh |= self._unknown(self._cells[0])
            if len(fresh) > room:
                break
            cells.append(heapq.heappop(self._cells))
        return cells

    def _unknown(self, cell: _Cell) -> set[Point]:
        """Points that halving it needs."""
        return {p for half in cell.halves() for p in _corners(half)} - self._known.keys()

    def _learn(self, points: set[Point]) -> None:
        fresh = sorted(points)
        self._known.update(zip(fresh, self._ask(fresh), strict=True))

    def _surprise(self, cell: _Cell, half: Place) -> float:
        """How far a half's corners are from what the cell let one expect."""
        top, _, left, _ = cell.place
        expected = self._between(cell.place)
        found = [abs(self._known[p] - expected[p[0] - top, p[1] - left]) for p in _corners(half)]
        return max(MEMORY * cell.surprise, *map(float, found))

    def _keep(self, place: Place, surprise: float) -> None:
        """Put a cell in its order; one between neighbours has nothing left to find."""
        top, bottom, left, right = place
        size = max(bottom - top, right - left)
        weight = _weight(self._shares[0], top, bottom) * _weight(self._shares[1], left, right)
        order = -weight * (surprise + self._doubt * size) if size > 1 else 0.0
        heapq.heappush(self._cells, _Cell(order, place, surprise))

    def _between(self, place: Place) -> Floats:
        """Bilinear between the four corners."""
        top, bottom, left, right = place
        a, b, c, d = (self._known[point] for point in _corners(place))
        down = np.linspace(0.0, 1.0, bottom - top + 1)[:, None]
        along = np.linspace(0.0, 1.0, right - left + 1)
        upper, lower = a + (b - a) * along, c + (d - c) * along
        return np.asarray(upper + (lower - upper) * down)


def refine_all(grids: Sequence[Refinement], budget: int) -> None:
    """Make several grids finer, those more whose worst cells are worse.

    Args:
        grids: of scores on one scale.
        budget: scores that may be known in all of them together.
    """
    for grid in grids:
        grid.refine(int(FIRST * budget / len(grids)))
    while (room := budget - sum(map(len, grids))) > 0:
        grid = max(grids, key=lambda one: one.worst)
        before = len(grid)
        grid.refine(before + min(2 * ROUND, room))
        if len(grid) == before:
            return


def _corners(place: Place) -> tuple[Point, Point, Point, Point]:
    """Four points, row by row."""
    top, bottom, left, right = place
    return (top, left), (top, right), (bottom, left), (bottom, right)


def _weight(shares: Floats, first: int, last: int) -> float:
    """Of a pixel's mean along one side, the part that lies between two points, where it is most.

    Args:
        shares: (K, length), what each point is of each pixel's mean.
        first: point.
        last: point, included.
    """
    return float(shares[first : last + 1].sum(axis=0).max())
