"""A classifier's gradient with respect to its input, from nothing but its ONNX file.

Reverse-mode differentiation (Griewank and Walther 2008, chapter 3) of the model's graph, written as
a second ONNX graph. Both run in onnxruntime: the forward pass is the model with further outputs, so
that it also scores, and the backward pass reads what it kept, where a gradient is wanted at all.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import onnx
import onnxruntime as ort

from evonsfw import ort_session
from evonsfw.backward_graph import (
    COTANGENT,
    Array,
    Network,
    Node,
    NoRuleError,
    ReluRule,
    Shape,
    Tape,
    read_network,
)
from evonsfw.backward_rules import RULES

Values = npt.NDArray[np.float32]

AFTER_SOFTMAX = ("Identity", "Reshape", "Flatten", "Squeeze", "Unsqueeze")
"""Operators that may stand between a model's softmax and its output."""


@dataclass(frozen=True)
class Kept:
    """One forward pass.

    Args:
        output: (1, C) float32, the model's first output.
        logits: (1, C) float32, what the backward pass differentiates.
        tensors: what it reads; only for `Differentiable.backward`.
        activation: (1, …) float32, the tensor that it is differentiated at; None for the input.
    """

    output: Values
    logits: Values
    tensors: dict[str, Any] = field(repr=False)
    activation: Values | None = field(default=None, repr=False)


class Differentiable:
    """A model of one picture at a time that can be differentiated, on the CPU, one thread.

    Args:
        path: the ONNX file; its batch is 1 or dynamic, its input and first output float32.
        input_shape: of one input without the batch, as in (224, 224, 3).
        of: the tensor to differentiate; None for the logits, which are the input of the softmax
            that the model ends in, or its first output where it ends in none.
        at_output: whether its first output counts as the logits even if it ends in a softmax.
        at: the tensor to differentiate with respect to, between the input and `of`; None for the
            input.
        relu: the rule of rectifiers, as `backward_rules` has them; only "gradient" gives gradients.
        instead: what its user can do where there is no backward pass, for the message.

    Attributes:
        ends_in_softmax: whether the model does.
        rectifiers: how many lie on the way back.

    Raises:
        ValueError: the file cannot be read, has no such tensor, or holds an operator without rule
            on the way.
    """

    def __init__(
        self,
        path: Path,
        input_shape: tuple[int, int, int],
        of: str | None = None,
        at_output: bool = False,
        at: str | None = None,
        relu: ReluRule = "gradient",
        instead: str = "use --no-gradient",
    ) -> None:
        try:
            model = _load(path)
            network = read_network(model)
            way = _Way(of or _target(network, at_output), at or network.source, relu)
            tape, backward = _differentiate(path, model, network, (1, *input_shape), way)
        except NoRuleError as error:
            raise ValueError(f"classifier file {path}: {error}; {instead}") from None
        target = way.of
        self._source, self._target, self._at = network.source, target, at
        self.rectifiers = tape.rectifiers
        self.ends_in_softmax = _logits(network) != network.output
        self._shape = tape.shapes[target]
        self._names = list(dict.fromkeys([network.output, target, way.at, *tape.kept]))
        self._names = [name for name in self._names if name != network.source]
        self._reads = list(tape.kept)
        self._forward = ort_session.cpu_session_of(_exposing(model, self._names), path)
        self._backward = ort_session.cpu_session_of(backward.SerializeToString(), path)

    def forward(self, inputs: Values) -> Kept:
        """(1, …) float32 input to its scores, and what a backward pass needs."""
        # A value shares memory with its array, which a caller may fill again before `backward`.
        own = np.array(inputs, np.float32, order="C", copy=self._source in self._reads or None)
        source = ort.OrtValue.ortvalue_from_numpy(own)
        values = self._forward.run_with_ort_values(self._names, {self._source: source})
        tensors = dict(zip(self._names, values, strict=True)) | {self._source: source}
        output, logits = (tensors[name].numpy().copy() for name in (self._names[0], self._target))
        read = {name: tensors[name] for name in self._reads}
        activation = None if self._at is None else tensors[self._at].numpy().copy()
        return Kept(output.reshape(1, -1), logits.reshape(1, -1), read, activation)

    def backward(self, kept: Kept, cotangent: Values) -> Values:
        """(1, C) float32 weights of the logits to the (1, …) float32 gradient of their sum, in the
        shape of the input or of the tensor `at`.
        """
        weights = np.ascontiguousarray(cotangent, np.float32).reshape(self._shape)
        feed = {COTANGENT: ort.OrtValue.ortvalue_from_numpy(weights), **kept.tensors}
        gradient: Values = self._backward.run_with_ort_values(None, feed)[0].numpy().copy()
        return gradient


def refuses(path: Path, input_shape: tuple[int, int, int], at_output: bool = False) -> str | None:
    """Why `Differentiable` would not open a model, in a few words, or None.

    The backward pass is written to see; onnxruntime runs the model only where the file leaves
    shapes open.
    """
    try:
        model = _load(path)
        network = read_network(model)
        way = _Way(_target(network, at_output), network.source)
        _differentiate(path, model, network, (1, *input_shape), way)
    except ValueError as error:
        return str(error)
    return None


def exposing_logits(path: Path) -> tuple[bytes, str] | None:
    """A model, serialised, with the input of the softmax that it ends in as a further output, and
    that output's name; None where it ends in none.

    Raises:
        ValueError: the file cannot be read.
    """
    try:
        model = _load(path)
        network = read_network(model)
    except NoRuleError as error:
        raise ValueError(f"classifier file {path}: {error}") from None
    logits = _logits(network)
    return None if logits == network.output else (_exposing(model, [logits]), logits)


def activations(path: Path, input_shape: tuple[int, int, int]) -> list[tuple[str, str, Shape]]:
    """All tensors between a model's input and its first output, in order of execution.

    Args:
        path: the ONNX file.
        input_shape: of one input without the batch.

    Returns:
        the name of each, the operator that makes it, and its shape for a batch of 1.

    Raises:
        ValueError: the file cannot be read or run.
    """
    try:
        model = _load(path)
        network = read_network(model)
        route = network.route(network.output)
        shapes, _ = _facts(path, model, network, (1, *input_shape), route)
    except NoRuleError as error:
        raise ValueError(f"classifier file {path}: {error}") from None
    return [(node.outputs[0], node.operator, shapes[node.outputs[0]]) for node in route]


def _load(path: Path) -> Any:
    try:
        return onnx.load(path)
    except Exception as error:  # noqa: BLE001  # protobuf and onnx raise many kinds
        reason = " ".join(str(error).split())[:200]
        raise NoRuleError(f"onnx cannot read it: {reason}") from None


def _target(network: Network, at_output: bool) -> str:
    return network.output if at_output else _logits(network)


def _logits(network: Network) -> str:
    """The input of the softmax that a model ends in; else its first output."""
    node = network.producer(network.output)
    while node and node.operator in AFTER_SOFTMAX:
        node = network.producer(node.inputs[0])
    return node.inputs[0] if node and node.operator == "Softmax" else network.output


def _require_rules(route: list[Node]) -> None:
    for node in route:
        if node.operator not in RULES:
            raise NoRuleError(f"operator '{node.operator}' has no backward rule")


def _require_shape(model: Any, source: str, shape: Shape) -> None:
    """Raise NoRuleError where the file says that its input has another shape."""
    kind = next(entry.type.tensor_type for entry in model.graph.input if entry.name == source)
    if not kind.HasField("shape"):
        return
    found = [side.dim_value for side in kind.shape.dim]  # 0 where it is left open
    if len(found) != len(shape) or any(a not in (0, b) for a, b in zip(found, shape, strict=True)):
        raise NoRuleError(f"its input is {found}, expected {list(shape)}")


@dataclass(frozen=True)
class _Way:
    """From the tensor that is differentiated back to the one that it is differentiated at."""

    of: str
    at: str
    relu: ReluRule = "gradient"


def _route(network: Network, way: _Way) -> list[Node]:
    """The nodes of a way; raise NoRuleError where there are none."""
    varying = network.varying()
    for name in (way.at, way.of):
        if name not in varying or name == network.source == way.of:
            raise NoRuleError(f"no tensor '{name}' that depends on the input")
    route = network.route(way.of, way.at)
    if not route:
        raise NoRuleError(f"tensor '{way.of}' does not depend on '{way.at}'")
    return route


def _differentiate(
    path: Path, model: Any, network: Network, shape: Shape, way: _Way
) -> tuple[Tape, Any]:
    """The tape with all that the backward pass keeps, and the backward model."""
    _require_shape(model, network.source, shape)
    route = _route(network, way)
    _require_rules(route)
    shapes, constants = _facts(path, model, network, shape, route)
    tape = Tape(network.opset, shapes, constants, network.varying(), way.relu)
    parts: dict[str, list[str]] = defaultdict(list, {way.of: [COTANGENT]})
    for node in reversed(route):
        if any(parts[name] for name in node.outputs[1:]) or not parts[node.outputs[0]]:
            raise NoRuleError(f"operator '{node.operator}' has a rule for its first output only")
        gradient = _total(tape, parts[node.outputs[0]])
        found = RULES[node.operator](tape, node, gradient)
        for name, part in zip(node.inputs, found, strict=False):
            if part and name in tape.varying:
                parts[name].append(part)
    return tape, tape.model(_total(tape, parts[way.at]), way.at, way.of)


def _total(tape: Tape, parts: list[str]) -> str:
    """The sum of the gradients that come from all the readers of a tensor."""
    total = parts[0]
    for part in parts[1:]:
        total = tape.emit("Add", total, part)
    return total


def _facts(
    path: Path, model: Any, network: Network, shape: Shape, route: list[Node]
) -> tuple[dict[str, Shape], dict[str, Array]]:
    """Shapes of all that a route touches, and values of what it reads that does not vary.

    What the file does not say is taken from one run of the model.
    """
    varying = network.varying()
    read = {name for node in route for name in node.inputs if name}
    constants = _written(model, read - varying)
    shapes = _inferred(model, shape) | {name: value.shape for name, value in constants.items()}
    used = read | {node.outputs[0] for node in route}
    unknown = sorted((used - shapes.keys()) | (read - varying - constants.keys()))
    if unknown:
        session = ort_session.cpu_session_of(_exposing(model, unknown), path)
        found = _run(session, unknown, {network.source: np.zeros(shape, np.float32)})
        values = {name: np.asarray(value) for name, value in zip(unknown, found, strict=True)}
        shapes |= {name: value.shape for name, value in values.items()}
        constants |= {name: value for name, value in values.items() if name not in varying}
    return shapes, constants


def _run(session: ort.InferenceSession, names: list[str], feed: dict[str, Array]) -> list[Any]:
    try:
        outputs: list[Any] = session.run(names, feed)
    except Exception as error:  # noqa: BLE001  # onnxruntime raises many kinds, none public
        reason = " ".join(str(error).split())[:200]
        raise NoRuleError(f"onnxruntime cannot run it: {reason}") from None
    return outputs


def _written(model: Any, names: set[str]) -> dict[str, Array]:
    """Values of constants that stand in the file."""
    tensors = {tensor.name: tensor for tensor in model.graph.initializer}
    for node in model.graph.node:
        for attribute in node.attribute if node.op_type == "Constant" else ():
            if attribute.name == "value":
                tensors[node.output[0]] = attribute.t
    found = names & tensors.keys()
    return {name: onnx.numpy_helper.to_array(tensors[name]) for name in found}


def _inferred(model: Any, shape: Shape) -> dict[str, Shape]:
    """Shapes that onnx works out for an input of that shape; none where it cannot."""
    draft = onnx.ModelProto()
    draft.CopyFrom(model)
    del draft.graph.value_info[:]
    source = read_network(model).source
    for entry in draft.graph.input:
        if entry.name == source:
            entry.CopyFrom(
                onnx.helper.make_tensor_value_info(source, onnx.TensorProto.FLOAT, shape)
            )
    for entry in draft.graph.output:
        entry.type.tensor_type.ClearField("shape")
    try:
        draft = onnx.shape_inference.infer_shapes(draft, data_prop=True)
    except Exception:  # noqa: BLE001  # onnx raises many kinds; a run of the model tells as well
        return {source: shape}
    entries = [*draft.graph.value_info, *draft.graph.output, *draft.graph.input]
    shapes = {entry.name: entry.type.tensor_type.shape.dim for entry in entries}
    return {
        name: tuple(side.dim_value for side in sides)
        for name, sides in shapes.items()
        if sides and all(side.HasField("dim_value") for side in sides)
    }


def _exposing(model: Any, names: list[str]) -> bytes:
    """The model with further outputs."""
    wider = onnx.ModelProto()
    wider.CopyFrom(model)
    present = {entry.name for entry in model.graph.output}
    new = [onnx.ValueInfoProto(name=name) for name in names if name not in present]
    wider.graph.output.extend(new)
    content: bytes = wider.SerializeToString()
    return content
