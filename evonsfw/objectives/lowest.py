"""The lowest score of a class."""

from __future__ import annotations

from dataclasses import dataclass

from evonsfw.margin import margin, margin_slopes
from evonsfw.objectives import Goal, Probabilities, Slopes, Values

NEEDS = "probabilities"
DEFAULT_UNTIL = 0.0001


@dataclass(frozen=True)
class LowestScore:
    """Fitness is minus the margin of the class, the score its probability."""

    index: int
    label: str

    def fitness(self, observed: Probabilities) -> Values:
        """(B, C) probabilities to (B,) negated margins."""
        return -margin(observed, self.index)

    def scores(self, observed: Probabilities) -> Values:
        """(B, C) probabilities to (B,) probabilities of the class."""
        return observed[:, self.index].astype(float)

    def slopes(self, observed: Probabilities) -> Slopes:
        """(B, C) probabilities to (B, C) d fitness / d logit."""
        return -margin_slopes(observed, self.index)

    def reached(self, score: float, until: float) -> bool:
        """At `until` or below."""
        return score <= until


def build(goal: Goal) -> LowestScore:
    """The lowest score of the goal's class."""
    return LowestScore(goal.class_index, goal.class_name)
