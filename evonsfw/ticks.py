"""Axes: where values lie in pixels, and which round values are written beside them."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import NamedTuple


class Axis(NamedTuple):
    """Where values lie: `start` and `stop` are the pixels of `low` and `high`."""

    low: float
    high: float
    start: float
    stop: float

    def place(self, value: float) -> float:
        """The value's pixel."""
        share = (value - self.low) / (self.high - self.low)
        return self.start + share * (self.stop - self.start)

    def ticks(self, most: int, finest: float = 0.0) -> Iterator[tuple[float, str]]:
        """Pixels and texts of round values, at most one more than `most`, `finest` apart or more.

        A round value is one of the ends where it differs from that by no more than rounding.
        """
        step = round_step(max((self.high - self.low) / most, finest))
        digits = max(0, -math.floor(math.log10(step)))
        first, last = math.ceil(self.low / step - 1e-6), math.floor(self.high / step + 1e-6)
        for number in range(first, last + 1):
            yield self.place(number * step), f"{number * step:.{digits}f}"


def round_step(least: float) -> float:
    """The smallest of …, 0.5, 1, 2, 5, 10, … that is no smaller, but for rounding."""
    power = 10.0 ** math.floor(math.log10(least))
    return next(
        factor * power for factor in (1, 2, 5, 10, 20) if factor * power >= least * (1 - 1e-9)
    )
