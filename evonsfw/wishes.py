"""What a run wishes for: an objective's name or an expression, put to what was seen of pictures."""

from __future__ import annotations

import difflib
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

import numpy as np

from evonsfw.composite import composite, is_picture
from evonsfw.expression import parse, shown
from evonsfw.model_spec import ModelSpec
from evonsfw.objectives import (
    Goal,
    Objective,
    Pictures,
    Probabilities,
    Slopes,
    Values,
    is_term,
    load_objective,
    objective_names,
)
from evonsfw.observed import Observed, Slope
from evonsfw.several import count, expressions, several

LONGEST_NAME = 60
"""Letters above which a name is not told in full."""
Need = Literal["pictures", "probabilities", "logits"]


class Wish(Protocol):
    """What is wished for, of pictures of which all is known that `needs_of` says."""

    @property
    def label(self) -> str:
        """What the score is called on screen."""
        ...

    def fitness(self, observed: Observed) -> Values:
        """(B,) fitness, larger is better."""
        ...

    def scores(self, observed: Observed) -> Values:
        """(B,) scores that people are shown."""
        ...

    def reached(self, score: float, until: float) -> bool:
        """Whether a score is as good as `--until` asks."""
        ...

    def slope(self, observed: Observed) -> Slope:
        """D fitness / d what was observed, of the one picture that was."""
        ...


@dataclass(frozen=True)
class Named:
    """An objective that has a name, of the first classifier or of the pictures."""

    objective: Objective
    needs: Literal["pictures", "probabilities"]

    @property
    def label(self) -> str:
        """The objective's."""
        return self.objective.label

    def fitness(self, observed: Observed) -> Values:
        """The objective's."""
        return self.objective.fitness(self._seen(observed))

    def scores(self, observed: Observed) -> Values:
        """The objective's."""
        return self.objective.scores(self._seen(observed))

    def reached(self, score: float, until: float) -> bool:
        """As the objective says."""
        return self.objective.reached(score, until)

    def slope(self, observed: Observed) -> Slope:
        """The objective's, of the one picture."""
        slopes: Slopes = self.objective.slopes(self._seen(observed))
        if self.needs == "pictures":
            return Slope((None,) * len(observed.probabilities), slopes[0])
        return Slope((slopes[0],))

    def _seen(self, observed: Observed) -> Pictures | Probabilities:
        if self.needs == "probabilities":
            return observed.probabilities[0]
        assert observed.pictures is not None
        return np.asarray(observed.pictures)


def is_expression(objective: str) -> bool:
    """Whether `--objective` holds an expression: all that is neither an objective's name nor
    looks like one that was mistyped.
    """
    if objective in objective_names() or objective.replace("_", "").isalnum():
        return False
    plain = objective.replace("_", "").replace("-", "").isalnum()
    return not (plain and _mistyped(objective))


def _mistyped(word: str) -> bool:
    """Whether a word with a hyphen is more likely a name than a difference."""
    names = [name for name in objective_names() if "-" in name]
    return bool(difflib.get_close_matches(word, names, cutoff=0.8))


def check_objective(objective: str) -> None:
    """Raise ValueError where it is neither an objective's name nor an expression."""
    if is_expression(objective):
        for text in expressions(objective):
            parse(text)
        return
    if len(objective) > LONGEST_NAME:
        raise ValueError(f"unknown objective {shown(objective)}")
    try:
        load_objective(objective)
    except ValueError as error:
        raise ValueError(
            f"{error}; for one class give --class, or an expression as in +NAME"
        ) from None


def has_value(objective: str) -> bool:
    """Whether the score is a number of its own, that may be any: an expression's, a term's."""
    return is_expression(objective) or is_term(objective)


def needs_of(objective: str) -> frozenset[Need]:
    """What must be known of a picture.

    Raises:
        ValueError: neither an objective's name nor an expression.
    """
    if not is_expression(objective):
        return frozenset([load_objective(objective).NEEDS])
    looks = [look for text in expressions(objective) for look in parse(text).looks()]
    needs: set[Need] = {"pictures" if is_picture(look) else "probabilities" for look in looks}
    return frozenset(needs | {"logits" for look in looks if look.kind == "logit"})


def default_until(objective: str) -> float | None:
    """The score that ends a run that was given no end."""
    return None if is_expression(objective) else load_objective(objective).DEFAULT_UNTIL


def optimum(objective: str) -> float:
    """The highest fitness there can be, where that is known; else infinity."""
    if is_expression(objective):
        return math.inf
    return float(getattr(load_objective(objective), "OPTIMUM", math.inf))


def reached(objective: str, goal: Goal, score: float, until: float) -> bool:
    """Whether a score is as good as `--until` asks, by the objective alone."""
    if is_expression(objective):
        return score >= until
    return load_objective(objective).build(goal).reached(score, until)


def asked(objective: str, models: Sequence[ModelSpec]) -> tuple[ModelSpec, ...]:
    """Those of the classifiers that an objective looks at, in their order.

    Args:
        objective: a name or an expression.
        models: the first is the one whose classes need no prefix.

    Raises:
        ValueError: a name has no meaning, or a classifier none.
    """
    names = [model.name for model in models]
    doubles = [name for name in names if names.count(name) > 1]
    if doubles:
        raise ValueError(f"classifier '{doubles[0]}': two have this name: change it in the YAML")
    if not is_expression(objective):
        if len(models) > 1 and "probabilities" in needs_of(objective):
            raise ValueError(
                f"objective '{objective}' looks at one classifier: with several, write an "
                f"expression, as in min(CLASS, {names[1]}:CLASS)"
            )
        return tuple(models[:1]) if "probabilities" in needs_of(objective) else ()
    wishes = several(objective, models).wishes
    used = {look.model for wish in wishes for look in wish.classes.values()}
    for index, name in enumerate(names):
        if index > 0 and index not in used:
            raise ValueError(
                f"classifier '{name}' is not in the objective {shown(objective)}: "
                f"leave it out, or name a class of it: {name}:CLASS"
            )
    return tuple(models[index] for index in sorted(used))


def build_wish(objective: str, goal: Goal, models: Sequence[ModelSpec] = ()) -> Wish:
    """The wish that an objective and a goal come to.

    Args:
        objective: a name, an expression, or several with commas between them.
        goal: for a name.
        models: those that `asked` returned, for an expression.

    Raises:
        ValueError: no such objective, a goal that lacks what it needs, or a name without meaning.
    """
    if count(objective):
        return several(objective, models)
    if is_expression(objective):
        return composite(objective, models)
    module = load_objective(objective)
    return Named(module.build(goal), module.NEEDS)
