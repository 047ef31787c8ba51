"""Kriging: what lies between the values of a grid that are known, and how sure that is.

Ordinary kriging (Cressie 1993, "Statistics for Spatial Data", section 3.2), which is regression
with a Gaussian process of unknown mean. The covariance falls exponentially with the distance; how
fast, and how much of it is noise, is what makes the known values likeliest. One variance for a
whole grid would call flat parts uncertain and rough ones sure, so it is scaled by how far the
known values nearby are from what the others tell of them: leave-one-out, without leaving any out
in turn (Dubrule 1983; Rasmussen and Williams 2006, section 5.4.2).

Distances are rows and columns added up: what a window shows changes with its upper and lower edge
and, apart from that, with its left and right one, so that the covariance is a product of both.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Sites = npt.NDArray[np.intp]
LENGTHS = 0.1, 0.2, 0.4, 0.8, 1.6
"""Over how much of the reach the covariance falls to 1/e: one of these."""
NUGGETS = 0.0, 0.1
"""Of the covariance, what is of one point alone: one of these."""
NEAR = 0.3
"""Of the reach, how near surprises have to be to count."""
PRIOR = 0.1
"""Beside them, how much the variance of the whole grid counts."""
BLOCK, SMALLEST = 48, 8
"""Sites along a side that are told at once, at most and at least."""
HALO = 16
"""Sites around them whose values count too."""
CROWD = 700
"""Known values from which on a block is halved: the work grows with their third power."""
JITTER = 1e-6
"""Of the covariance, what keeps its matrix regular."""
FLOOR = 1e-12
"""Variance of what is even."""


@dataclass(frozen=True, eq=False)
class Kriged:
    """A grid that is known everywhere, more or less.

    Attributes:
        mean: (R, C) float64; where values are known, these.
        variance: (R, C) float64, at least 0; where values are known, 0.
    """

    mean: Floats
    variance: Floats


def krige(values: Floats, reach: float) -> Kriged:
    """What lies between known values.

    Args:
        values: (R, C) float64, NaN where nothing is known; one value at least is.
        reach: sites, above 0: the scale on which values may be alike; lengths are parts of it.

    Raises:
        ValueError: nothing is known.
    """
    known = ~np.isnan(values)
    if not known.any():
        raise ValueError("krige: expected one known value at least")
    rough = max(float(values[known].var()), FLOOR)
    mean = np.where(known, values, values[known].mean())
    variance = np.where(known, 0.0, rough)  # of blocks that nothing is known near
    for block in _blocks(known):
        points, sites = block.points(known), block.sites(known)
        if len(points) and len(sites):
            where = tuple(sites.T)
            told = _told(points, values[tuple(points.T)], sites, reach, rough)
            mean[where], variance[where] = told
    return Kriged(mean, variance)


class _Block(NamedTuple):
    """A part of a grid that is told at once: (first, last) row and column, the last left out."""

    rows: tuple[int, int]
    columns: tuple[int, int]
    halo: int

    def sites(self, known: npt.NDArray[np.bool_]) -> Sites:
        """(m, 2), what is to be told."""
        (top, bottom), (left, right) = self.rows, self.columns
        return np.add(np.argwhere(~known[top:bottom, left:right]), (top, left))

    def points(self, known: npt.NDArray[np.bool_]) -> Sites:
        """(n, 2), what it is told from."""
        top, left = max(0, self.rows[0] - self.halo), max(0, self.columns[0] - self.halo)
        bottom, right = self.rows[1] + self.halo, self.columns[1] + self.halo
        return np.add(np.argwhere(known[top:bottom, left:right]), (top, left))

    def halves(self) -> tuple[_Block, _Block]:
        """Its halves: the longer side is cut."""
        (top, bottom), (left, right) = self.rows, self.columns
        if bottom - top >= right - left:
            middle = (top + bottom) // 2
            return self._replace(rows=(top, middle)), self._replace(rows=(middle, bottom))
        middle = (left + right) // 2
        return self._replace(columns=(left, middle)), self._replace(columns=(middle, right))


def _blocks(known: npt.NDArray[np.bool_]) -> Iterator[_Block]:
    """Parts of a grid, smaller ones where much is known."""
    rows, columns = known.shape
    waiting = [_Block((0, rows), (0, columns), HALO)]
    while waiting:
        block = waiting.pop()
        longest = max(block.rows[1] - block.rows[0], block.columns[1] - block.columns[0])
        crowded = len(block.points(known)) > CROWD
        if longest > BLOCK or (crowded and longest > SMALLEST):
            waiting += block.halves()
        elif crowded and block.halo > 1:
            waiting.append(block._replace(halo=block.halo // 2))
        else:
            yield block


class _Model(NamedTuple):
    """A covariance, and what follows from it.

    Attributes:
        likelihood: logarithm of the known values'.
        length: sites.
        nugget: of the variance.
        factor: SciPy's Cholesky factor of the known points' covariance, (n, n).
    """

    likelihood: float
    length: float
    nugget: float
    factor: Any


def _told(
    points: Sites, found: Floats, sites: Sites, reach: float, rough: float
) -> tuple[Floats, Floats]:
    """Mean and variance at some sites, (m,) each.

    Args:
        points: (n, 2) rows and columns, of what is known.
        found: (n,) values there.
        sites: (m, 2).
        reach: as of `krige`.
        rough: the variance of all that is known.
    """
    from scipy import linalg  # a third of a second, for those who need it

    apart = _distances(points, points)
    model = max(
        (_model(apart, found, part * reach, nugget) for part in LENGTHS for nugget in NUGGETS),
        key=lambda one: one.likelihood,
    )
    inverse = linalg.cho_solve(model.factor, np.eye(len(points)))
    rows = inverse.sum(axis=1)
    total = rows.sum()
    mean = rows @ found / total
    weights = inverse @ (found - mean)
    far = _distances(sites, points)
    shared = np.exp(-far / model.length)
    spread = 1.0 + model.nugget - ((shared @ inverse) * shared).sum(axis=1)
    spread += (1.0 - shared @ rows) ** 2 / total  # the mean is not known either
    sure = np.maximum(np.diag(inverse) - rows**2 / total, JITTER)
    close = np.exp(-((far / (NEAR * reach)) ** 2))
    local = (close @ (weights**2 / sure) + PRIOR * rough) / (close.sum(axis=1) + PRIOR)
    return mean + shared @ weights, np.maximum(spread, 0.0) * local


def _model(apart: Floats, found: Floats, length: float, nugget: float) -> _Model:
    """A covariance that is given, with the mean and the variance that are likeliest then."""
    from scipy import linalg

    count = len(found)
    covariance = np.exp(-apart / length)
    covariance[np.diag_indices(count)] += nugget + JITTER
    factor = linalg.cho_factor(covariance, lower=True, overwrite_a=True)
    ones, solved = linalg.cho_solve(factor, np.stack([np.ones(count), found], axis=1)).T
    rest = found - solved.sum() / ones.sum()
    variance = max(float(rest @ (solved - ones * solved.sum() / ones.sum())) / count, FLOOR)
    likelihood = -0.5 * count * np.log(variance) - np.log(np.diag(factor[0])).sum()
    return _Model(float(likelihood), length, nugget, factor)


def _distances(places: Sites, others: Sites) -> Floats:
    """(m, n) between places, in sites: along a row and a column, as a taxicab goes."""
    return np.abs(places[:, None] - others[None]).sum(axis=2).astype(np.float64)
