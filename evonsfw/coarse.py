"""Scores of a sliding window on a grid: some are asked for, the rest is told from them.

Coarse to fine: first points spread evenly, denser where a score counts for more of a pixel's mean;
then more where pixels of the map are least sure. Which of all points come first is told by the
dither mask of the R2 sequence (Roberts 2018, "The unreasonable effectiveness of quasirandom
sequences"): any number of them is spread well, and they do not lie in lines. Each map gets points
in the proportion of what is unsure in it, each of its places by the square root of that (Neyman
1934). What lies between is kriged, as angles whose squared sine the scores are (the angular
transformation, Bartlett 1947): so scores near 0 and 1, which vary little, count as sure.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import numpy.typing as npt

from evonsfw.kriging import Kriged, krige

Floats = npt.NDArray[np.float64]
Point = tuple[int, int]
Ask = Callable[[Sequence[Point]], Sequence[float]]
"""(row, column) of grid points to the score at each, in the same order."""
R2 = 0.7548776662466927, 0.5698402909980532
"""1/p and 1/p², where p³ = p + 1."""
EDGE = 0.3
"""Power of what a point counts for at most, that its density goes with at first."""
PROBE = 0.25
"""Of all points, what is spread before it is known which map is rougher."""
FIRST = 0.4
"""Of all points, what is spread before it is known where a map is rough."""
ROUNDS = 6
"""In which the others come: a constant, so that the number of workers changes nothing."""
LEAST = 24
"""Points, before one knows how rough a map is."""
GLANCE = 0.085
"""Of a map's equal share of all points, what shows whether it is even: then no more is spread. Of
fewer, more of what is narrow slips through: bumps a third of a window wide."""
EVEN = 0.005
"""Between the least and the largest score of a map that is even: a quarter of what coarse to fine
may be off."""
CREDIBLE = 0.004
"""Of an angle's variance, what its score is told from at most: next to a jump far too much is said
to be unsure, and an even part would be told as less even than it is."""


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


class Survey:
    """A grid of scores of which more and more are known.

    Args:
        ask: gives scores, in [0, 1].
        down: (R, H), `coverage` of the rows: from it follows what a score counts for.
        across: (C, W), of the columns.
    """

    def __init__(self, ask: Ask, down: Floats, across: Floats) -> None:
        self._ask = ask
        self._down, self._across = down / down.sum(axis=0), across / across.sum(axis=0)
        self._reach = float(max(down.sum(axis=0).max(), across.sum(axis=0).max()))
        self._known = np.full((len(down), len(across)), np.nan)
        self._kriged: Kriged | None = None

    def __len__(self) -> int:
        """How many scores are known."""
        return int(self.known.sum())

    @property
    def known(self) -> npt.NDArray[np.bool_]:
        """(R, C), where scores are known."""
        return ~np.isnan(self._known)

    @property
    def even(self) -> bool:
        """Whether known scores are so alike that the others hardly matter."""
        return len(self) > 0 and float(np.ptp(self._known[self.known])) <= EVEN

    @property
    def doubt(self) -> float:
        """The variance of the map's pixel that is least sure."""
        return float(self._unsure().max())

    def spread(self, count: int) -> None:
        """Ask for the first points of all, as far as they are unknown.

        Args:
            count: of points, known ones included.
        """
        most = np.outer(self._down.max(axis=1), self._across.max(axis=1))
        key = self._turns() / most**EDGE
        key[[0, 0, -1, -1], [0, -1, 0, -1]] = -1.0
        first = np.zeros(key.size, bool)
        first[np.argsort(key, axis=None, kind="stable")[:count]] = True
        self.learn(first.reshape(key.shape))

    def learn(self, places: npt.NDArray[np.bool_]) -> None:
        """Ask for scores, where they are unknown.

        Args:
            places: (R, C).
        """
        fresh = [(int(row), int(column)) for row, column in np.argwhere(places & ~self.known)]
        if fresh:
            self._known[tuple(np.transpose(fresh))] = self._ask(fresh)
            self._kriged = None

    def scores(self) -> Floats:
        """(R, C): what is known as it is, the rest as it follows from that."""
        return self._now().mean

    def turns(self) -> Floats:
        """(R, C) at least 0, which points come next, the smallest first; infinite where known.

        A point's turn comes by the sequence, and the earlier the more it would make sure: its
        variance, times how much pixels that are unsure depend on it.
        """
        need = self._now().variance * (self._down**2 @ self._unsure() @ (self._across**2).T)
        turns = self._turns() / np.sqrt(np.maximum(need, np.finfo(float).tiny))
        return np.where(self.known, np.inf, turns)

    def _turns(self) -> Floats:
        """(R, C) in [0, 1), even over every part of a grid."""
        rows, columns = (np.arange(length) for length in self._known.shape)
        return np.asarray((rows[:, None] * R2[0] + columns * R2[1]) % 1.0)

    def _unsure(self) -> Floats:
        """(H, W), the variance of each pixel's mean, as if scores were independent."""
        return np.asarray((self._down**2).T @ self._now().variance @ self._across**2)

    def _now(self) -> Kriged:
        if self._kriged is None:
            angles = krige(np.arcsin(np.sqrt(np.clip(self._known, 0.0, 1.0))), self._reach)
            told, known = _as_scores(angles), self.known
            mean = np.where(known, self._known, told.mean)
            self._kriged = Kriged(mean, np.where(known, 0.0, told.variance))
        return self._kriged


def _as_scores(angles: Kriged) -> Kriged:
    """Mean and variance of the squared sine of angles that are normal; of the variance, no more
    than `CREDIBLE` counts for the mean.
    """
    doubled, variance = 2.0 * np.clip(angles.mean, 0.0, 0.5 * np.pi), angles.variance
    mean = 0.5 * (1.0 - np.cos(doubled) * np.exp(-2.0 * np.minimum(variance, CREDIBLE)))
    cosine = np.cos(doubled) * np.exp(-2.0 * variance)
    square = 0.5 * (1.0 + np.cos(2.0 * doubled) * np.exp(-8.0 * variance))
    return Kriged(mean, np.maximum(0.25 * (square - cosine**2), 0.0))


def survey(grids: Sequence[Survey], budget: int) -> None:
    """Ask for scores of several grids, more of those and there where more is unsure.

    Args:
        grids: of scores on one scale.
        budget: scores that may be known in all of them together, one a grid at least.

    Raises:
        ValueError: it is less than that.
    """
    if budget < len(grids):
        raise ValueError(f"budget {budget}: expected one for each of {len(grids)} grids")
    glance, probe = (
        min(max(LEAST, int(part * budget / len(grids))), budget // len(grids))
        for part in (GLANCE, PROBE)
    )
    for grid in grids:
        grid.spread(glance)
        if not grid.even:
            grid.spread(probe)
    doubts = np.array([grid.doubt for grid in grids])
    for grid, share in zip(grids, doubts / max(doubts.sum(), np.finfo(float).tiny), strict=True):
        grid.spread(min(int(FIRST * budget * share), budget - (len(grids) - 1) * probe))
    for left in range(ROUNDS, 0, -1):
        room = budget - sum(map(len, grids))
        _ask_next(grids, -(-room // left))


def _ask_next(grids: Sequence[Survey], count: int) -> None:
    """Ask for so many scores more, those whose turn comes first."""
    turns = [grid.turns() for grid in grids]
    flat = np.concatenate([one.ravel() for one in turns])
    order = np.argsort(flat, kind="stable")[:count]
    chosen = np.zeros(flat.size, bool)
    chosen[order[np.isfinite(flat[order])]] = True
    parts = np.split(chosen, np.cumsum([one.size for one in turns])[:-1])
    for grid, part, turn in zip(grids, parts, turns, strict=True):
        grid.learn(part.reshape(turn.shape))
