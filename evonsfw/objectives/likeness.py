"""Likeness to a target picture."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from evonsfw.objectives import Goal, Pictures, Slopes, Values

NEEDS = "pictures"
DEFAULT_UNTIL = None
OPTIMUM = 0.0


@dataclass(frozen=True)
class Likeness:
    """Fitness is minus the root mean square error over RGB, the score is that error (0…255)."""

    target: Pictures = field(repr=False)
    label: str = "RMSE"

    def fitness(self, observed: Pictures) -> Values:
        """(B, H, W, 3) uint8 pictures to (B,) negated errors."""
        return -self.scores(observed)

    def scores(self, observed: Pictures) -> Values:
        """(B, H, W, 3) uint8 pictures to (B,) root mean square errors."""
        return np.array([_rmse(picture, self.target) for picture in observed])

    def slopes(self, observed: Pictures) -> Slopes:
        """(B, H, W, 3) uint8 pictures to d fitness / d picture of their shape."""
        errors = np.maximum(self.scores(observed), 1e-6)[:, None, None, None]
        away = observed.astype(np.float32) - self.target
        slopes: Slopes = (-away / (errors * self.target.size)).astype(np.float32)
        return slopes

    def reached(self, score: float, until: float) -> bool:
        """An error of `until` or below."""
        return score <= until


def build(goal: Goal) -> Likeness:
    """Likeness to the goal's picture; ValueError where it has none."""
    if goal.target is None:
        raise ValueError("objective likeness needs --target PICTURE")
    return Likeness(goal.target)


def _rmse(picture: Pictures, target: Pictures) -> float:
    difference = picture.astype(np.int32) - target
    return float(np.sqrt(np.mean(difference * difference)))
