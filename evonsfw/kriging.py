"""Kriging: what lies between the values of a grid that are known, and how sure that is.

Ordinary kriging (Cressie 1993, "Statistics for Spatial Data", section 3.2), which is regression
with a Gaussian process of unknown mean. The covariance falls exponentially with the distance; how
fast, and how much of it is noise, is what makes the known values likeliest. One variance for a
whole grid would call flat parts uncertain and rough ones sure, so it is scaled by how far the
known values nearby are from what the others tell of them (Rasmussen and Williams 2006, section
5.4.2, without leaving any out in turn: Dubrule 1983).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise, product
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
LENGTHS = 0.1, 0.2, 0.4, 0.8, 1.6
"""Over how much of the reach the covariance falls to 1/e: one of these."""
NUGGETS = 0.0, 0.1
"""Of the covariance, what is of one point alone: one of these."""
NEAR = 0.3
"""Of the reach, how near surprises have to be to count."""
BLOCK = 48
"""Sites along a side that are told at once: the work grows with the third power of the points."""
HALO = 16
"""Sites around them whose values count too."""
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
        reach: sites, the scale on which values may be alike: lengths are parts of it.

    Raises:
        ValueError: nothing is known.
    """
    known = ~np.isnan(values)
    if not known.any():
        raise ValueError("krige: expected one known value at least")
    rough = max(float(values[known].var()), FLOOR)
    found = Kriged(np.full(values.shape, values[known].mean()), np.full(values.shape, rough))
    for rows, columns in product(_blocks(values.shape[0]), _blocks(values.shape[1])):
        near = values[rows.near, columns.near]
        if not np.isnan(near).all():
            shape = rows.length, columns.length
            offset = np.array([[rows.offset], [columns.offset]])
            sites = (np.indices(shape).reshape(2, -1) + offset).T
            mean, variance = _told(near, sites, reach)
            found.mean[rows.own, columns.own] = mean.reshape(shape)
            found.variance[rows.own, columns.own] = variance.reshape(shape)
    found.mean[known] = values[known]
    found.variance[known] = 0.0
    return found


class _Part(NamedTuple):
    """Of a side: what is told, and what it is told from."""

    own: slice
    near: slice

    @property
    def length(self) -> int:
        return int(self.own.stop - self.own.start)

    @property
    def offset(self) -> int:
        return int(self.own.start - self.near.start)


def _blocks(length: int) -> Iterator[_Part]:
    """Parts of a side of about the same size."""
    edges = np.linspace(0, length, -(-length // BLOCK) + 1).astype(int).tolist()
    for first, last in pairwise(edges):
        yield _Part(slice(first, last), slice(max(0, first - HALO), min(length, last + HALO)))


class _Model(NamedTuple):
    """A covariance, and what follows from it.

    Attributes:
        likelihood: logarithm of the known values'.
        length: sites.
        nugget: of the variance.
        inverse: (n, n) of the known points' covariance.
        mean: of all.
        weights: (n,), what each known value adds to others, by the covariance with it.
        variance: of one value.
    """

    likelihood: float
    length: float
    nugget: float
    inverse: Floats
    mean: float
    weights: Floats
    variance: float


def _told(values: Floats, sites: npt.NDArray[np.intp], reach: float) -> tuple[Floats, Floats]:
    """Mean and variance at some sites, (m,) each.

    Args:
        values: (r, c), NaN where nothing is known.
        sites: (m, 2) rows and columns.
        reach: as of `krige`.
    """
    known = ~np.isnan(values)
    points, found = np.argwhere(known), values[known]
    apart = _distances(points, points)
    model = max(
        (_model(apart, found, part * reach, nugget) for part in LENGTHS for nugget in NUGGETS),
        key=lambda one: one.likelihood,
    )
    far = _distances(sites, points)
    shared = np.exp(-far / model.length)
    mean = model.mean + shared @ model.weights
    spread = np.maximum(1.0 + model.nugget - ((shared @ model.inverse) * shared).sum(axis=1), 0.0)
    surprises = model.weights**2 / np.diag(model.inverse)  # squared, by how sure they were
    close = np.exp(-((far / (NEAR * reach)) ** 2))
    local = (close @ surprises + model.variance) / (close.sum(axis=1) + 1.0)
    return mean, spread * local


def _model(apart: Floats, found: Floats, length: float, nugget: float) -> _Model:
    """A covariance that is given, with the mean and the variance that are likeliest then."""
    count = len(found)
    covariance = np.exp(-apart / length)
    covariance[np.diag_indices(count)] += nugget + JITTER
    inverse = np.linalg.inv(covariance)
    rows = inverse.sum(axis=1)
    mean = float(rows @ found / rows.sum())
    weights = inverse @ (found - mean)
    variance = max(float((found - mean) @ weights) / count, FLOOR)
    likelihood = -0.5 * (count * np.log(variance) + np.linalg.slogdet(covariance)[1])
    return _Model(float(likelihood), length, nugget, inverse, mean, weights, variance)


def _distances(places: npt.NDArray[np.intp], others: npt.NDArray[np.intp]) -> Floats:
    """(m, n) between places, in sites."""
    down, across = (places[:, None, side] - others[None, :, side] for side in (0, 1))
    return np.asarray(np.hypot(down, across))
