"""An exact score of a class."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from evonsfw.margin import logit, margin, margin_slopes
from evonsfw.objectives import Goal, Probabilities, Slopes, Values

NEEDS = "probabilities"
DEFAULT_UNTIL = 0.001
OPTIMUM = 0.0


@dataclass(frozen=True)
class TargetScore:
    """Fitness is minus the distance to the target, in margin; the score is the probability."""

    index: int
    label: str
    target: float

    def fitness(self, observed: Probabilities) -> Values:
        """(B, C) probabilities to (B,) negated distances; 0 is a perfect hit."""
        result: Values = -np.abs(margin(observed, self.index) - logit(self.target))
        return result

    def scores(self, observed: Probabilities) -> Values:
        """(B, C) probabilities to (B,) probabilities of the class."""
        return observed[:, self.index].astype(float)

    def slopes(self, observed: Probabilities) -> Slopes:
        """(B, C) probabilities to (B, C) d fitness / d logit."""
        away = np.sign(margin(observed, self.index) - logit(self.target))
        return -away[:, None].astype(np.float32) * margin_slopes(observed, self.index)

    def reached(self, score: float, until: float) -> bool:
        """Within `until` of the target."""
        return abs(score - self.target) <= until


def build(goal: Goal) -> TargetScore:
    """The goal's target score; ValueError where it has none."""
    if goal.target_score is None:
        raise ValueError("objective target-score needs --target-score, a number from 0 to 1")
    return TargetScore(goal.class_index, goal.class_name, goal.target_score)
