"""The highest score of a class."""

from __future__ import annotations

from dataclasses import dataclass

from evonsfw.margin import margin, margin_slopes
from evonsfw.objectives import Goal, Probabilities, Slopes, Values

NEEDS = "probabilities"
DEFAULT_UNTIL = 0.99


@dataclass(frozen=True)
class HighestScore:
    """Fitness is the margin of the class, the score its probability."""

    index: int
    label: str

    def fitness(self, observed: Probabilities) -> Values:
        """(B, C) probabilities to (B,) margins."""
        return margin(observed, self.index)

    def scores(self, observed: Probabilities) -> Values:
        """(B, C) probabilities to (B,) probabilities of the class."""
        return observed[:, self.index].astype(float)

    def slopes(self, observed: Probabilities) -> Slopes:
        """(B, C) probabilities to (B, C) d fitness / d logit."""
        return margin_slopes(observed, self.index)

    def reached(self, score: float, until: float) -> bool:
        """At `until` or above."""
        return score >= until


def build(goal: Goal) -> HighestScore:
    """The highest score of the goal's class."""
    return HighestScore(goal.class_index, goal.class_name)
