"""What a run wishes for: an objective's name or an expression, put to what was seen of pictures."""

from __future__ import annotations

import difflib
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, Protocol

import numpy as np

from evonsfw.composite import class_looks, compares, composite, is_picture
from evonsfw.expression import parse, shown
from evonsfw.model_spec import ModelSpec
from evonsfw.objectives import (
    Goal,
    Objective,
    Pictures,
    Probabilities,
    Slopes,
    Values,
    is_comparison,
    is_error,
    is_term,
    load_objective,
    objective_names,
)
from evonsfw.observed import Observed, Slope
from evonsfw.several import count, expressions, several

LONGEST_NAME = 60
"""Letters above which a name is not told in full."""
LIKENESS = "likeness"
"""The objective that `--target` alone comes to."""
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
    """Whether the score is the fitness itself, a number that may be any: an expression's, a
    term's, unless that is an error.
    """
    return is_expression(objective) or (is_term(objective) and not is_error(objective))


def looks_at_target(objective: str) -> bool:
    """Whether a target picture is compared with.

    Raises:
        ValueError: neither an objective's name nor an expression.
    """
    if not is_expression(objective):
        return is_comparison(objective)
    looks = [look for text in expressions(objective) for look in parse(text).looks()]
    return any(compares(look) for look in looks)


def check_goal(objective: str, given: Mapping[str, Any]) -> None:
    """Raise ValueError where a setting has no meaning beside an objective.

    Args:
        objective: its name, or an expression.
        given: those of `target`, `weight`, `target_score`, `class` and `robust` that were given.
    """
    if "target" in given and "target_score" in given:
        raise ValueError("give either --target or --target-score, not both")
    if "target_score" in given and objective != "target-score":
        raise ValueError(f"objective {shown(objective)} takes no target score: leave one out")
    if "target" in given and not looks_at_target(objective):
        raise ValueError(
            f"objective {shown(objective)} takes no target: leave one out, or have it look at the "
            f"target, as in 'likeness + 0.3*nsfw'"
        )
    if "weight" in given and "target" not in given:
        raise ValueError(f"--weight {given['weight']} is for a target: give --target PICTURE")
    if looks_at_target(objective) and "robust" in given:
        raise ValueError("a likeness is to a picture as it is: leave out --robust")
    if "class" not in given:
        return
    if is_expression(objective):
        raise ValueError("an expression names its classes itself: leave out --class")
    if "probabilities" not in needs_of(objective):
        raise ValueError(f"objective '{objective}' has no classes: leave out --class")


def check_until(objective: str, until: float | None, until_rmse: float | None) -> None:
    """Raise ValueError where a run by an objective cannot end at a score, or at an RMSE."""
    if until_rmse is not None and until is not None:
        raise ValueError("give either --until or --until-rmse, not both")
    if until_rmse is not None and objective != LIKENESS:
        raise ValueError(
            f"--until-rmse {until_rmse:g} is for a likeness alone: give --target PICTURE without "
            f"--objective, or --until instead"
        )
    if until is None or has_value(objective):
        return
    if until < 0.0:
        raise ValueError(f"until = '{until:g}': expected a number from 0")
    if until > 1.0 and not is_error(objective):
        raise ValueError(f"until = {until:g}: a score is at most 1")


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
    found = [class_looks(text, models) for text in expressions(objective)]
    used = {look.model for looks in found for look in looks.values()}
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
        goal: for a name, and for the picture terms of an expression.
        models: those that `asked` returned, for an expression.

    Raises:
        ValueError: no such objective, a goal that lacks what it needs, or a name without meaning.
    """
    if count(objective):
        return several(objective, models, goal)
    if is_expression(objective):
        return composite(objective, models, goal)
    module = load_objective(objective)
    return Named(module.build(goal), module.NEEDS)
