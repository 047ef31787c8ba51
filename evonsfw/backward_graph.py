"""What a backward pass is written from and on: a model's graph, and the tape that rules fill.

The forward pass stays the model as it is. Rules ask the tape for shapes, for constants, and for
tensors of the forward pass, and write nodes of a second graph, which has an opset of its own.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import onnx

Array = npt.NDArray[Any]
Shape = tuple[int, ...]

OPSET = 17
"""Of the backward graph: the first with all that rules write is 16."""
IR_VERSION = 8
"""The format that came with that opset."""
OLDEST = 7
"""Before it, Add and Mul had to be told how to broadcast."""
ONLY_SHAPES = ("Shape", "Size")
"""Operators whose result does not change while the input's shape does not."""
COTANGENT = "cotangent"
"""The input of the backward graph that says what is asked for."""
ReluRule = Literal["gradient", "deconvnet", "guided"]
"""What a rectifier lets back through, see `backward_rules`."""


class NoRuleError(ValueError):
    """A model cannot be differentiated; the message says why, in a few words."""


@dataclass(frozen=True)
class Node:
    """One node of a model; absent optional inputs are "". `captured`: what its subgraphs read."""

    operator: str
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    attributes: dict[str, Any]
    captured: tuple[str, ...] = ()


@dataclass(frozen=True)
class Network:
    """A model's graph: nodes in order of execution, the one input, and the first output."""

    nodes: tuple[Node, ...]
    source: str
    output: str
    opset: int

    def producer(self, name: str) -> Node | None:
        """The node that makes a tensor; None for inputs and constants."""
        return next((node for node in self.nodes if name in node.outputs), None)

    def varying(self, at: str | None = None) -> set[str]:
        """Names of the tensors that depend on the values of the input, or of a tensor `at`."""
        found = {at or self.source}
        for node in self.nodes:
            if node.operator not in ONLY_SHAPES and found & {*node.inputs, *node.captured}:
                found.update(node.outputs)
                found.discard("")  # the name of all that is absent
        return found

    def route(self, of: str, at: str | None = None) -> list[Node]:
        """The nodes between the input, or a tensor `at`, and a tensor, in order of execution."""
        varying, wanted = self.varying(at), {of} - {at}
        nodes = []
        for node in reversed(self.nodes):
            if wanted & set(node.outputs) & varying:
                wanted.update(node.inputs, node.captured)
                wanted -= {"", at}
                nodes.append(node)
        return nodes[::-1]


def read_network(model: Any) -> Network:
    """The graph of an `onnx.ModelProto`.

    Raises:
        NoRuleError: its opset is too old, or it has not exactly one input.
    """
    opsets = {entry.domain: entry.version for entry in model.opset_import}
    opset = opsets.get("", opsets.get("ai.onnx", OLDEST))
    if opset < OLDEST:
        raise NoRuleError(f"opset {opset}, expected {OLDEST} or newer")
    constants = {tensor.name for tensor in model.graph.initializer}
    sources = [entry.name for entry in model.graph.input if entry.name not in constants]
    if len(sources) != 1:
        raise NoRuleError(f"{len(sources)} inputs, expected one")
    nodes = tuple(_read_node(node) for node in model.graph.node)
    return Network(nodes, sources[0], model.graph.output[0].name, opset)


def _read_node(node: Any) -> Node:
    """An `onnx.NodeProto`; operators of other domains get the domain before their name."""
    standard = node.domain in ("", "ai.onnx")
    name = node.op_type if standard else f"{node.domain}.{node.op_type}"
    attributes = {
        attribute.name: _plain(onnx.helper.get_attribute_value(attribute))
        for attribute in node.attribute
    }
    captured = tuple(_captured(node))
    return Node(name, tuple(node.input), tuple(node.output), attributes, captured)


def _plain(value: Any) -> Any:
    return value.decode() if isinstance(value, bytes) else value


def _captured(node: Any) -> Iterator[str]:
    """All names that the subgraphs of a node read, from outside or not."""
    for attribute in node.attribute:
        for graph in [attribute.g, *attribute.graphs]:
            for inner in graph.node:
                yield from inner.input
                yield from _captured(inner)


@dataclass
class Tape:
    """The backward graph while it is written.

    Args:
        opset: of the forward graph: what an operator means there depends on it.
        shapes: of all tensors on the route, with a batch of 1.
        constants: values of what nodes on the route read and the input does not change.
        varying: names of the tensors that depend on the input.
        relu: the rule of rectifiers.
    """

    opset: int
    shapes: dict[str, Shape]
    constants: dict[str, Array]
    varying: set[str]
    relu: ReluRule = "gradient"
    rectifiers: int = 0
    """How many the backward pass has gone through."""
    kept: list[str] = field(default_factory=list)
    """Tensors of the forward pass that the backward pass reads."""
    _nodes: list[Any] = field(default_factory=list)
    _initial: list[Any] = field(default_factory=list)

    def emit(self, operator: str, *inputs: str, **attributes: Any) -> str:
        """Write a node; its one output, or its last where it is told `outputs` in number."""
        count = attributes.pop("outputs", 1)
        names = [f"backward:{len(self._nodes)}:{index}" for index in range(count)]
        self._nodes.append(onnx.helper.make_node(operator, inputs, names, **attributes))
        return names[-1]

    def constant(self, value: npt.ArrayLike, dtype: npt.DTypeLike = np.float32) -> str:
        """Write a constant."""
        name = f"constant:{len(self._initial)}"
        array = np.ascontiguousarray(np.asarray(value, dtype))
        self._initial.append(onnx.numpy_helper.from_array(array.reshape(np.shape(value)), name))
        return name

    def value(self, name: str) -> str:
        """A tensor of the forward pass: written as a constant, or kept."""
        if name not in self.varying:
            return self.constant(self.array(name))
        if name not in self.kept:
            self.kept.append(name)
        return name

    def array(self, name: str) -> Array:
        """The value of a constant.

        Raises:
            NoRuleError: it depends on the input.
        """
        if name not in self.constants:
            raise NoRuleError(f"'{name}' depends on the input, where only a constant has a rule")
        return self.constants[name]

    def reshape(self, gradient: str, shape: Shape) -> str:
        """The same numbers in another shape."""
        return self.emit("Reshape", gradient, self.constant(shape, np.int64))

    def expand(self, gradient: str, shape: Shape) -> str:
        """The same numbers, repeated along axes of length 1."""
        return self.emit("Expand", gradient, self.constant(shape, np.int64))

    def scale(self, gradient: str, factor: npt.ArrayLike) -> str:
        """Times a constant."""
        return self.emit("Mul", gradient, self.constant(factor))

    def where(self, mask: str, gradient: str) -> str:
        """The gradient where a mask is true, else 0: a product, which is faster than "Where"."""
        return self.emit("Mul", gradient, self.emit("Cast", mask, to=onnx.TensorProto.FLOAT))

    def spread(self, gradient: str, shape: Shape, axes: set[int]) -> str:
        """The gradient of a mean over axes, shared out among what it is the mean of."""
        kept = tuple(1 if axis in axes else length for axis, length in enumerate(shape))
        share = 1 / math.prod(shape[axis] for axis in axes)
        return self.expand(self.scale(self.reshape(gradient, kept), share), shape)

    def unbroadcast(self, gradient: str, shape: Shape, to: Shape) -> str:
        """Sum a gradient of one shape over the axes along which `to` was repeated."""
        padded = (1,) * (len(shape) - len(to)) + to
        axes = [axis for axis, (a, b) in enumerate(zip(shape, padded, strict=True)) if a != b]
        if axes:
            gradient = self.emit("ReduceSum", gradient, self.constant(axes, np.int64))
        return gradient if padded == to else self.reshape(gradient, to)

    def model(self, gradient: str, source: str, of: str) -> Any:
        """The `onnx.ModelProto`: kept tensors and cotangent to the input's gradient."""
        inputs = [self._described(COTANGENT, of), *(self._described(n, n) for n in self.kept)]
        output = self._described(self.emit("Identity", gradient), source)
        graph = onnx.helper.make_graph(self._nodes, "backward", inputs, [output], self._initial)
        opsets = [onnx.helper.make_opsetid("", OPSET)]
        return onnx.helper.make_model(graph, opset_imports=opsets, ir_version=IR_VERSION)

    def _described(self, name: str, like: str) -> Any:
        return onnx.helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, self.shapes[like])


Gradients = Sequence[str | None]
Rule = Callable[[Tape, Node, str], Gradients]
