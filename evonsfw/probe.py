"""One number of a classifier and its derivative, at the input or at a layer: one step each way."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from evonsfw.backward_graph import ReluRule
from evonsfw.gradient import Differentiable, Values
from evonsfw.layers import Layer
from evonsfw.model_spec import ModelSpec, check_hash
from evonsfw.preparation import Pictures, input_shape, prepare
from evonsfw.quantity import Quantity


class Answer(NamedTuple):
    """What a probe found.

    Attributes:
        value: the number.
        slope: (1, …) float32, its derivative, in the shape of the input or of the layer.
        activation: (1, C, h, w) float32 of the layer; None where the derivative is the input's.
    """

    value: float
    slope: Values
    activation: Values | None


class Probe:
    """A model, opened to be asked for one quantity and its derivative. Not for several threads.

    Args:
        spec: the model.
        quantity: the number.
        relu: the rule of rectifiers, as `backward_rules` has them; with another than "gradient"
            slopes are no derivatives, but signals that come back.
        at: the layer to differentiate with respect to; None for the input.

    Attributes:
        rectifiers: how many lie on the way back.

    Raises:
        ValueError: the model cannot be opened, has an operator without backward rule on the way,
            or the quantity does not depend on the layer.
    """

    def __init__(
        self,
        spec: ModelSpec,
        quantity: Quantity,
        relu: ReluRule = "gradient",
        at: Layer | None = None,
    ) -> None:
        check_hash(spec)
        at_output = spec.output == "logits"
        self._spec, self._quantity = spec, quantity
        self._network = Differentiable(
            spec.path,
            input_shape(spec),
            of=quantity.tensor,
            at_output=at_output,
            at=None if at is None else at.tensor,
            relu=relu,
            instead="explain occlusion needs no backward pass",
        )
        self._softmax = at_output or self._network.ends_in_softmax
        self.rectifiers = self._network.rectifiers

    def prepared(self, picture: Pictures) -> Values:
        """(H, W, 3) uint8 picture to the (1, …) float32 that the model is given, JPEG included."""
        inputs = np.empty((1, *input_shape(self._spec)), np.float32)
        prepare(self._spec, picture, inputs[0])
        return inputs

    def ask(self, inputs: Values) -> Answer:
        """(1, …) float32 prepared input to the number and its derivative."""
        kept = self._network.forward(inputs)
        value = self._quantity.value(kept.logits, self._softmax)
        weights = self._quantity.slopes(kept.logits, self._softmax)
        return Answer(value, self._network.backward(kept, weights), kept.activation)

    def value(self, inputs: Values) -> float:
        """(1, …) float32 prepared input to the number alone."""
        return self._quantity.value(self._network.forward(inputs).logits, self._softmax)
