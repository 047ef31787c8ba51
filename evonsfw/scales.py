"""The upright axis of scores: even steps, or even steps of the odds where scores come near 1."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from evonsfw.ticks import Axis, round_step

Floats = npt.NDArray[np.float64]
NEAR = 0.95
"""Probabilities from here on are told apart by their odds."""
CLOSEST = 1e-7
"""What a probability of 0 or 1 counts as, when odds are taken."""
ODDS = tuple(sorted({0.5, *(10.0**-k for k in range(1, 7)), *(1 - 10.0**-k for k in range(1, 7))}))
"""Probabilities that are written beside an axis of odds."""
LONGEST = 8
"""Letters of a number at the axis."""


class Scale(NamedTuple):
    """The upright axis: even steps of the score, or of the logarithm of its odds.

    Attributes:
        axis: of scores, or of the logarithms of odds.
        odds: which of them.
        most: about how many numbers to write.
    """

    axis: Axis
    odds: bool
    most: int

    def places(self, scores: npt.ArrayLike) -> Floats:
        """The pixels of scores."""
        values = np.asarray(scores, np.float64)
        values = log_odds(values) if self.odds else values
        share = (values - self.axis.low) / (self.axis.high - self.axis.low)
        return self.axis.start + share * (self.axis.stop - self.axis.start)

    def ticks(self) -> Iterator[tuple[float, str]]:
        """Pixels and texts of round scores."""
        if self.odds:
            for score in _thinned(_between(self.axis.low, self.axis.high), self.most):
                yield float(self.places(score)), f"{score:.6f}".rstrip("0")
            return
        for y, text in self.axis.ticks(self.most):
            yield y, text if len(text) <= LONGEST else f"{float(text):.3g}"


def log_odds(scores: npt.ArrayLike) -> Floats:
    """Logarithms of the odds p / (1 - p) of probabilities, 0 and 1 moved to `CLOSEST` to them."""
    p = np.clip(np.asarray(scores, np.float64), CLOSEST, 1 - CLOSEST)
    return np.log(p / (1 - p))


def upright(values: Floats, start: float, stop: float, most: int) -> Scale:
    """The axis for scores.

    Odds where they are probabilities that come near 1, and have gone a way for which even steps
    would be of no use; else even steps from a round number to a round number.

    Args:
        values: (M,) finite scores; none are taken for probabilities.
        start: pixel of the lowest.
        stop: pixel of the highest.
        most: about how many numbers to write.
    """
    low, high = (float(values.min()), float(values.max())) if len(values) else (0.5, 0.5)
    if low >= 0.0 and high <= 1.0:
        ends = log_odds([low, high])
        if high > NEAR and len(_between(*ends)) >= 3:
            room = 0.04 * (ends[1] - ends[0])
            return Scale(Axis(ends[0] - room, ends[1] + room, start, stop), True, most)
    if high - low <= 1e-9 * max(1.0, abs(low)):
        low, high = _around(low)
    step = round_step((high - low) / most)
    low, high = math.floor(low / step + 1e-6) * step, math.ceil(high / step - 1e-6) * step
    return Scale(Axis(low, high, start, stop), False, most)


def _around(value: float) -> tuple[float, float]:
    """Ends of an axis for one value: those of probabilities, or a tenth below and above."""
    return (
        (0.0, 1.0) if 0.0 <= value <= 1.0 else (value - 0.1 * abs(value), value + 0.1 * abs(value))
    )


def _between(low: float, high: float) -> list[float]:
    """The round probabilities whose logarithms of odds lie within."""
    return [p for p in ODDS if low <= log_odds(p) <= high]


def _thinned(values: list[float], most: int) -> list[float]:
    """Every one, or every second, third, …, counted from the one nearest 1."""
    return values[:: -max(1, -(-len(values) // max(1, most)))][::-1]
