"""What a picture is to excite: "logit(nsfw)", "logit(nsfw) + logit(sfw)", "Relu_15:12"."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from evonsfw.discovery import nearest
from evonsfw.expression import Look, Sum, parse, shown
from evonsfw.layers import Layer, find_layer, layers_of
from evonsfw.model_spec import ModelSpec
from evonsfw.quantity import ClassValue, LayerMean, Quantity

Values = npt.NDArray[np.float32]


@dataclass(frozen=True)
class Expressed:
    """An expression of classes, as a quantity of the logits.

    Attributes:
        text: as it was given.
        terms: each of its looks, and the class's number that it stands for.
        expression: what is made of them.
    """

    text: str
    terms: tuple[tuple[Look, ClassValue], ...]
    expression: Sum

    @property
    def name(self) -> str:
        """The text."""
        return self.text

    @property
    def tensor(self) -> str | None:
        """The logits."""
        return None

    def value(self, numbers: Values, softmax: bool) -> float:
        """The expression's value."""
        return float(self.expression.value(self._seen(numbers, softmax)))

    def slopes(self, numbers: Values, softmax: bool) -> Values:
        """The terms' slopes, weighed."""
        weights = self.expression.weights(self._seen(numbers, softmax))
        parts = [
            np.float32(weights.get(look, 0.0)) * term.slopes(numbers, softmax)
            for look, term in self.terms
        ]
        return np.sum(parts, axis=0, dtype=np.float32)

    def _seen(self, numbers: Values, softmax: bool) -> dict[Look, float]:
        return {look: term.value(numbers, softmax) for look, term in self.terms}


def read_aim(spec: ModelSpec, text: str) -> Quantity:
    """The quantity that an objective names.

    Args:
        spec: the classifier.
        text: LAYER:CHANNEL, whose mean over all places counts, or an expression of classes: a bare
            class stands for its margin, logit(CLASS) for its logit.

    Raises:
        ValueError: it is neither, or there is no such layer, channel or class.
    """
    name, colon, channel = text.rpartition(":")
    if colon and channel.strip().isdecimal():
        return LayerMean(find_layer(spec, name.strip()), int(channel))
    if text.strip() in {layer.name for layer in _layers(spec)}:
        raise ValueError(f"objective {shown(text)}: a layer: add a channel, as in '{text}:0'")
    expression = parse(text)
    terms = tuple((look, _term(spec, look, text)) for look in expression.looks())
    return Expressed(text, terms, expression)


def _layers(spec: ModelSpec) -> tuple[Layer, ...]:
    try:
        return layers_of(spec)
    except ValueError:
        return ()


def _term(spec: ModelSpec, look: Look, text: str) -> ClassValue:
    """The class's number that a look stands for."""
    if look.kind == "p":
        raise ValueError(
            f"objective {shown(text)}: p(…) is flat near 0 and 1: use logit({look.name})"
        )
    if look.model not in (None, spec.name):
        hint = nearest(f"{look.model}:{look.name}", [spec.name, *spec.classes])
        raise ValueError(
            f"objective {shown(text)}: expected classes of '{spec.name}', or LAYER:CHANNEL with a "
            f"whole number: {hint}"
        )
    return ClassValue(spec, spec.class_index(look.name), look.kind)
