"""Several wishes at once: expressions with commas between them, each with a value of its own."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from evonsfw.composite import Composite, composite
from evonsfw.expression import shown
from evonsfw.model_spec import ModelSpec
from evonsfw.objectives import Goal, Values
from evonsfw.observed import Observed, Slope

SEARCH = "nsga2"
"""The one search that seeks several at once."""


def expressions(objective: str) -> tuple[str, ...]:
    """The expressions between the commas that stand in neither quotes nor brackets."""
    parts, depth, quote = [""], 0, ""
    for letter in objective:
        if quote:
            quote = "" if letter == quote else quote
        elif letter in "\"'":
            quote = letter
        depth += (letter == "(") - (letter == ")") if not quote else 0
        if letter == "," and depth <= 0 and not quote:
            parts.append("")
        else:
            parts[-1] += letter
    return tuple(part.strip() for part in parts)


def count(objective: str) -> int:
    """M, the number of wishes; 0 where there is only one, which needs no list."""
    found = len(expressions(objective))
    return found if found > 1 else 0


def check_list(objective: str, pareto: bool, search: str) -> None:
    """Raise ValueError unless several objectives, `--pareto` and its search come together."""
    listed = count(objective) > 0
    if listed and not pareto:
        raise ValueError(
            f"objective {shown(objective)}: several objectives are for --pareto; without it, add "
            f"them up, as in 'nsfw + 0.5*symmetry'"
        )
    if pareto and not listed:
        raise ValueError(
            f"objective {shown(objective)}: --pareto wants two or more, with commas between them, "
            f"as in 'nsfw, symmetry'"
        )
    if pareto and search != SEARCH:
        raise ValueError(f"search '{search}' knows one objective only: --pareto is for {SEARCH}")
    if search == SEARCH and not pareto:
        raise ValueError(f"search '{search}' is for --pareto: add that, or choose another")


@dataclass(frozen=True)
class Several:
    """Wishes that are not added up. Where there is room for one value only, it is the first's.

    Attributes:
        wishes: M of them.
    """

    wishes: tuple[Composite, ...]

    @property
    def label(self) -> str:
        """The first wish's."""
        return self.wishes[0].label

    def fitness(self, observed: Observed) -> Values:
        """(B,) values of the first wish."""
        return self.wishes[0].fitness(observed)

    def scores(self, observed: Observed) -> Values:
        """The same."""
        return self.fitness(observed)

    def parts(self, observed: Observed) -> Values:
        """(B, M) values of every wish, larger is better."""
        return np.stack([wish.fitness(observed) for wish in self.wishes], axis=1)

    def reached(self, score: float, until: float) -> bool:
        """The first wish at `until` or above."""
        return score >= until

    def slope(self, observed: Observed) -> Slope:
        """The first wish's."""
        return self.wishes[0].slope(observed)


def several(objective: str, models: Sequence[ModelSpec], goal: Goal) -> Several:
    """The wishes of a list of expressions.

    Args:
        objective: the expressions, with commas between them.
        models: the classifiers; the first is the one whose classes need no prefix.
        goal: what their picture terms compare with.

    Raises:
        ValueError: as `composite`, of one of them.
    """
    return Several(tuple(composite(text, models, goal) for text in expressions(objective)))
