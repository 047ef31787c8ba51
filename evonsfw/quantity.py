"""What is explained: one number that a classifier makes of a picture, and how it moves."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal, Protocol

import numpy as np
import numpy.typing as npt

from evonsfw.layers import Layer, require_channel
from evonsfw.margin import SMALLEST, margin, margin_slopes
from evonsfw.model_spec import ModelSpec

Values = npt.NDArray[np.float32]
Kind = Literal["logit", "margin"]
KINDS: tuple[Kind, ...] = ("logit", "margin")
"""What of a class can be explained."""
LayerKind = Literal["mean", "peak"]
LAYER_KINDS: tuple[LayerKind, ...] = ("mean", "peak")
"""What of a layer."""
STEEPEST = 1e30
"""The largest slope that is handed on: d margin / d p of a p near 0 is larger."""


class Quantity(Protocol):
    """One number, made of one tensor of a model."""

    @property
    def name(self) -> str:
        """What it is, in a few words."""

    @property
    def tensor(self) -> str | None:
        """The tensor that it is made of; None for the logits."""

    def value(self, numbers: Values, softmax: bool) -> float:
        """The number.

        Args:
            numbers: (1, K) float32, the tensor made flat.
            softmax: whether the probabilities are the softmax of the logits; else what stands for
                the logits are the probabilities.
        """

    def slopes(self, numbers: Values, softmax: bool) -> Values:
        """(1, K) float32 derivative of the number with respect to the tensor made flat."""


@dataclass(frozen=True)
class ClassValue:
    """A class's logit (Simonyan, Vedaldi and Zisserman 2014, section 3), or its margin.

    The margin is what a search optimises, log p - log(1 - p): it takes the other classes' logits
    into account, so it also shows what speaks for them. Where a model ends in no softmax, the
    logit is the class's output itself.

    Attributes:
        spec: the model.
        index: the class, 0…C-1.
        kind: which of the two.
    """

    spec: ModelSpec
    index: int
    kind: Kind = "logit"

    @property
    def name(self) -> str:
        """As in "logit of nsfw"."""
        return f"{self.kind} of {self.spec.classes[self.index]}"

    @property
    def tensor(self) -> str | None:
        """The logits."""
        return None

    def value(self, numbers: Values, softmax: bool) -> float:
        """The logit; or z_c - log sum_{j != c} exp z_j, the margin of the softmax."""
        if self.kind == "logit":
            return float(numbers[0, self.index])
        if not softmax:
            return float(margin(numbers, self.index)[0])
        others, top = self._others(numbers)
        return float(numbers[0, self.index]) - top - math.log(others.sum())

    def slopes(self, numbers: Values, softmax: bool) -> Values:
        """1 for the class and 0 for the rest; of the margin, as `margin.margin_slopes`."""
        if self.kind == "logit":
            return np.eye(1, numbers.shape[1], self.index, dtype=np.float32)
        if softmax:
            others, _ = self._others(numbers)
            found = -others / others.sum()
            found[self.index] = 1.0
            return found.astype(np.float32)[None]
        steep = margin_slopes(numbers, self.index) / np.maximum(numbers, SMALLEST, dtype=np.float64)
        return np.clip(steep, -STEEPEST, STEEPEST).astype(np.float32)

    def _others(self, numbers: Values) -> tuple[npt.NDArray[np.float64], float]:
        """(C,) exponentials of the other classes' logits less their largest, 0 for this class, and
        that largest.
        """
        logits = numbers[0].astype(np.float64)
        logits[self.index] = -np.inf
        top = float(logits.max())
        return np.exp(logits - top), top


@dataclass(frozen=True)
class _OfLayer:
    """A number that a layer's activations come to.

    Attributes:
        layer: the layer.
        channel: 0…C-1; None for all.

    Raises:
        ValueError: the layer has no such channel.
    """

    layer: Layer
    channel: int | None = None

    def __post_init__(self) -> None:
        """Check the channel."""
        if self.channel is not None:
            require_channel(self.layer, self.channel)

    @property
    def tensor(self) -> str | None:
        """The layer's."""
        return self.layer.tensor

    @property
    def place(self) -> str:
        """As in "Relu_48, channel 7"."""
        which = "" if self.channel is None else f", channel {self.channel}"
        return f"{self.layer.name}{which}"


@dataclass(frozen=True)
class LayerMean(_OfLayer):
    """The mean of a layer's activations over all places, of one channel or of all.

    A mean and not a sum, so that layers of different sizes can be compared.
    """

    @property
    def name(self) -> str:
        """As in "mean of Relu_48, channel 7"."""
        return f"mean of {self.place}"

    def value(self, numbers: Values, softmax: bool) -> float:
        """The mean."""
        return float((numbers.astype(np.float64) * self._weights()).sum())

    def slopes(self, numbers: Values, softmax: bool) -> Values:
        """The same for every place that counts."""
        return self._weights().astype(np.float32)

    def _weights(self) -> npt.NDArray[np.float64]:
        """(1, C H W) float64 shares, which add up to 1."""
        counted = np.zeros(self.layer.shape)
        counted[slice(None) if self.channel is None else self.channel] = 1.0
        return (counted / counted.sum()).reshape(1, -1)


@dataclass(frozen=True)
class LayerPeak(_OfLayer):
    """A layer's largest activation, of one channel or of all: one neuron, all others left out
    (Zeiler and Fergus 2014, section 2.1).
    """

    @property
    def name(self) -> str:
        """As in "peak of Relu_48, channel 7"."""
        return f"peak of {self.place}"

    def value(self, numbers: Values, softmax: bool) -> float:
        """The largest."""
        return float(numbers[0, self._place(numbers)])

    def slopes(self, numbers: Values, softmax: bool) -> Values:
        """1 for the first place of the largest."""
        return np.eye(1, numbers.shape[1], self._place(numbers), dtype=np.float32)

    def _place(self, numbers: Values) -> int:
        """Its place in the flat tensor."""
        area = self.layer.shape[1] * self.layer.shape[2]
        start = 0 if self.channel is None else self.channel * area
        end = None if self.channel is None else start + area
        return start + int(numbers[0, start:end].argmax())
