"""Likeness to a target picture: the root mean square error over RGB."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from evonsfw.objectives import Distance, Goal, Pictures, Slopes

NEEDS = "pictures"
DEFAULT_UNTIL = None
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
        difference = picture.astype(np.int32) - self.target
        squares = difference * difference
        if self.weights is None:
            return float(np.sqrt(np.mean(squares)))
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


def build(goal: Goal) -> Likeness:
    """Likeness to the goal's picture; ValueError where it has none."""
    return Likeness(goal.needed_target("likeness"), goal.weights)
