"""Likeness to a target picture: the root mean square error over RGB."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from evonsfw.compiled import compiled
from evonsfw.objectives import Distance, Goal, Pictures, Slopes

NEEDS = "pictures"
DEFAULT_UNTIL = 0.0
OPTIMUM = 0.0
TERM = ERROR = TARGET = True
SMALLEST = 1e-6


@dataclass(frozen=True)
class Likeness(Distance):
    """The error sqrt(sum w d^2 / (3 sum w)) over pixels and channels, 0…255.

    Attributes:
        target: (H, W, 3) uint8.
        weights: (H, W) w of at least 0, some above; None for 1.
    """

    target: Pictures = field(repr=False)
    weights: npt.NDArray[np.float32] | None = field(default=None, repr=False)
    label: str = "RMSE"

    def error(self, picture: Pictures) -> float:
        """(H, W, 3) uint8 to the root mean square error."""
        if self.weights is None:
            same = np.ascontiguousarray(picture).reshape(-1), self.target.reshape(-1)
            return math.sqrt(_squared_error(*same) / picture.size)
        difference = picture.astype(np.int32) - self.target
        squares = difference * difference
        weights = self.weights.astype(np.float64)
        return float(np.sqrt((squares.sum(axis=2) * weights).sum() / (3.0 * weights.sum())))

    def slope(self, picture: Pictures) -> Slopes:
        """(H, W, 3) uint8 to (H, W, 3) float32 d error / d picture; 0 at the target itself."""
        away = picture.astype(np.float32) - self.target
        whole = max(self.error(picture), SMALLEST) * picture.size
        if self.weights is None:
            return away / np.float32(whole)
        shares = self.weights / (whole * self.weights.mean(dtype=np.float64))
        return away * shares.astype(np.float32)[..., None]


@compiled
def _squared_error(one: Any, two: Any) -> int:  # pragma: no cover - compiled
    """The sum of squared differences: of whole numbers, so exact."""
    total: Any = 0
    for k in range(len(one)):
        away = np.int64(one[k]) - np.int64(two[k])
        total += away * away
    return total


def build(goal: Goal) -> Likeness:
    """Likeness to the goal's picture; ValueError where it has none."""
    return Likeness(goal.needed_target("likeness"), goal.weights)
