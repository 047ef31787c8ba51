"""Expressions at work: a meaning for each name, and the value and slope of the whole."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from evonsfw.discovery import nearest
from evonsfw.expression import Look, Sum, parse, shown
from evonsfw.margin import margin, margin_slopes, probability_slopes, separate_slopes
from evonsfw.model_spec import ModelSpec
from evonsfw.objectives import (
    Goal,
    Objective,
    ObjectiveModule,
    Pictures,
    Values,
    is_comparison,
    is_term,
    load_objective,
    objective_names,
)
from evonsfw.observed import Logits, Observed, Slope

LABEL = 40
"""Characters of an expression that are shown as a score's name."""


@dataclass(frozen=True)
class ClassLook:
    """A number that a classifier has for one of its classes.

    Attributes:
        model: index of the classifier.
        index: of the class.
        kind: "margin": log p - log(1 - p); "p": its probability; "logit": the value before the
            softmax.
    """

    model: int
    index: int
    kind: Literal["margin", "logit", "p"]

    def values(self, observed: Observed) -> Values:
        """(B,) numbers."""
        if self.kind == "logit":
            return observed.logits[self.model][:, self.index].astype(float)
        probabilities = observed.probabilities[self.model]
        if self.kind == "p":
            return probabilities[:, self.index].astype(float)
        return margin(probabilities, self.index)

    def slopes(self, observed: Observed) -> Logits:
        """(B, C) float32 d number / d logit, as `Slope` means it."""
        probabilities = observed.probabilities[self.model]
        if self.kind == "margin":
            return margin_slopes(probabilities, self.index)
        if self.kind == "p":
            separate = self.model in observed.separate
            return (separate_slopes if separate else probability_slopes)(probabilities, self.index)
        slopes = np.zeros(probabilities.shape, np.float32)
        slopes[:, self.index] = 1.0
        return slopes


@dataclass(frozen=True)
class Composite:
    """An expression whose names have a meaning; its value is both fitness and score.

    Attributes:
        text: the expression.
        tree: the same, read.
        classes: the looks at classes.
        terms: the looks at pictures.
    """

    text: str
    tree: Sum
    classes: dict[Look, ClassLook]
    terms: dict[Look, Objective]

    @property
    def label(self) -> str:
        """The expression, or its beginning."""
        line = " ".join(self.text.split())
        return line if len(line) <= LABEL else line[: LABEL - 1] + "…"

    def fitness(self, observed: Observed) -> Values:
        """(B,) values of the expression."""
        values: Values = self.tree.value(self._seen(observed))
        return values

    def scores(self, observed: Observed) -> Values:
        """The same."""
        return self.fitness(observed)

    def reached(self, score: float, until: float) -> bool:
        """At `until` or above."""
        return score >= until

    def slope(self, observed: Observed) -> Slope:
        """Weights times slopes, added up for each classifier and for the picture."""
        seen = {look: values[0] for look, values in self._seen(observed).items()}
        logits: list[Logits | None] = [None] * len(observed.probabilities)
        picture = None
        for look, weight in self.tree.weights(seen).items():
            if look in self.terms:
                part = np.float32(weight) * self.terms[look].slopes(_batch(observed))[0]
                picture = part if picture is None else picture + part
            else:
                found = self.classes[look]
                part = np.float32(weight) * found.slopes(observed)[0]
                total = logits[found.model]
                logits[found.model] = part if total is None else total + part
        return Slope(tuple(logits), picture)

    def _seen(self, observed: Observed) -> dict[Look, Values]:
        seen = {look: found.values(observed) for look, found in self.classes.items()}
        if not self.terms:
            return seen
        pictures = _batch(observed)
        return seen | {look: term.fitness(pictures) for look, term in self.terms.items()}


def _batch(observed: Observed) -> Pictures:
    assert observed.pictures is not None
    return np.asarray(observed.pictures)


def composite(text: str, models: Sequence[ModelSpec], goal: Goal) -> Composite:
    """An expression, with a meaning put to its names.

    Args:
        text: the expression.
        models: the classifiers; the first is the one whose classes need no prefix.
        goal: what its picture terms compare with.

    Raises:
        ValueError: no expression, a name without meaning, or a goal that lacks what a term needs.
    """
    tree = parse(text)
    classes = class_looks(text, models)
    terms = {look: _term(look).build(goal) for look in tree.looks() if is_picture(look)}
    return Composite(text, tree, classes, terms)


def class_looks(text: str, models: Sequence[ModelSpec]) -> dict[Look, ClassLook]:
    """The looks at classes in an expression; ValueError as `composite`, whatever the goal."""
    looks = [look for look in parse(text).looks() if not is_picture(look)]
    try:
        return {look: _class(look, models) for look in looks}
    except ValueError as error:
        raise ValueError(f"objective {shown(text)}: {error}") from None


def compares(look: Look) -> bool:
    """Whether a picture term is meant that compares with a target picture."""
    return is_picture(look) and is_comparison(_word(look))


def is_picture(look: Look) -> bool:
    """Whether a picture term is meant; in quotes, or with a classifier's name, it is a class."""
    plain = look.kind == "margin" and look.model is None and not look.quoted
    return plain and is_term(_word(look))


def _word(look: Look) -> str:
    """What the command line calls an objective."""
    return look.name.replace("_", "-")


def _term(look: Look) -> ObjectiveModule:
    return load_objective(_word(look))


def _class(look: Look, models: Sequence[ModelSpec]) -> ClassLook:
    """Put a meaning to the name of a class; ValueError where there is none."""
    names = [model.name for model in models]
    if look.model is not None and look.model not in names:
        raise ValueError(f"unknown classifier {shown(look.model)}: {nearest(look.model, names)}")
    number = 0 if look.model is None else names.index(look.model)
    model = models[number]
    if look.name not in model.classes and not look.name.isdecimal():
        plain = look.kind == "margin" and look.model is None and not look.quoted
        known = [*model.classes, *_terms()] if plain else model.classes
        kinds = "neither a picture term nor a class" if plain else "no class"
        raise ValueError(
            f"{shown(look.name)} is {kinds} of classifier '{model.name}' "
            f"({len(model.classes)} classes): {nearest(look.name, known)}"
        )
    return ClassLook(number, model.class_index(look.name), look.kind)


def _terms() -> list[str]:
    """The picture terms there are; a broken file breaks only itself."""
    found = []
    for name in objective_names():
        with contextlib.suppress(Exception):
            found += [name] if is_term(name) else []
    return found
