"""One rule an operator: from the gradient of its output to that of its inputs.

A rule is given the tape, the node and the name of its output's gradient, and returns the names of
its inputs' gradients in order, None for a constant's; missing ones at the end are None as well.
Where a gradient jumps, at a kink, it is that of the flat side, as for Relu at 0.

A rectifier has three rules (Springenberg et al. 2015, "Striving for Simplicity", figure 1 and
section 3.4): "gradient" lets through where the forward pass was positive, "deconvnet" (Zeiler and
Fergus 2014) where the signal that comes back is, "guided" where both are. Relu is a rectifier, and
so is a Clip whose lowest value is 0; whatever else is bent keeps its derivative under all three.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

import numpy as np

from evonsfw.backward_graph import Gradients, Node, NoRuleError, Rule, Tape
from evonsfw.backward_windows import average_pool, conv, max_pool

# ── element by element ──────────────────────────────────────────────────────────────────────────


def _same(tape: Tape, node: Node, gradient: str) -> Gradients:
    return [gradient]


def _cast(tape: Tape, node: Node, gradient: str) -> Gradients:
    if node.attributes["to"] != 1:
        raise NoRuleError("operator 'Cast' to anything but float32 has no backward rule")
    return [gradient]


def _dropout(tape: Tape, node: Node, gradient: str) -> Gradients:
    if len(node.inputs) > 2 and node.inputs[2] and tape.array(node.inputs[2]):
        raise NoRuleError("operator 'Dropout' in training has no backward rule")
    return [gradient]


def _relu(tape: Tape, node: Node, gradient: str) -> Gradients:
    """By its output, which onnxruntime has at hand where it fuses Conv, Add and Relu."""
    return _rectified(tape, node, gradient, tape.constant(0.0), None)


def _rectified(
    tape: Tape, node: Node, gradient: str, lowest: str, highest: str | None
) -> Gradients:
    """Back through a rectifier, by the tape's rule."""
    tape.rectifiers += 1
    if tape.relu != "gradient":
        gradient = tape.emit("Relu", gradient)
    if tape.relu == "deconvnet":
        return [gradient]
    mask = _between(tape, node.outputs[0], lowest, highest)
    assert mask
    return [tape.where(mask, gradient)]


def _leaky_relu(tape: Tape, node: Node, gradient: str) -> Gradients:
    slope = node.attributes.get("alpha", 0.01)
    sign = node.outputs[0] if slope > 0 else node.inputs[0]
    mask = tape.emit("Greater", tape.value(sign), tape.constant(0.0))
    return [tape.emit("Where", mask, gradient, tape.scale(gradient, slope))]


def _between(tape: Tape, name: str, lowest: str | None, highest: str | None) -> str | None:
    """A mask: where a tensor lies strictly between two others; None where nothing bounds it."""
    sides = [("Greater", lowest), ("Less", highest)]
    masks = [tape.emit(test, tape.value(name), bound) for test, bound in sides if bound]
    if len(masks) < 2:
        return masks[0] if masks else None
    return tape.emit("And", *masks)


def _clip(tape: Tape, node: Node, gradient: str) -> Gradients:
    values = [node.attributes.get(name) for name in ("min", "max")]
    for index, name in enumerate(node.inputs[1:3]):
        values[index] = tape.array(name) if name else None
    lowest, highest = (None if value is None else tape.constant(value) for value in values)
    if lowest and values[0] == 0.0:
        return _rectified(tape, node, gradient, lowest, highest)
    mask = _between(tape, node.outputs[0], lowest, highest)
    return [tape.where(mask, gradient) if mask else gradient]


def _sigmoid(tape: Tape, node: Node, gradient: str) -> Gradients:
    """∂σ = σ (1 − σ)."""
    output = tape.value(node.outputs[0])
    slope = tape.emit("Mul", output, tape.emit("Sub", tape.constant(1.0), output))
    return [tape.emit("Mul", gradient, slope)]


def _tanh(tape: Tape, node: Node, gradient: str) -> Gradients:
    """∂tanh = 1 − tanh²."""
    output = tape.value(node.outputs[0])
    slope = tape.emit("Sub", tape.constant(1.0), tape.emit("Mul", output, output))
    return [tape.emit("Mul", gradient, slope)]


def _hard_sigmoid(tape: Tape, node: Node, gradient: str) -> Gradients:
    mask = _between(tape, node.outputs[0], tape.constant(0.0), tape.constant(1.0))
    assert mask
    return [tape.where(mask, tape.scale(gradient, node.attributes.get("alpha", 0.2)))]


def _hard_swish(tape: Tape, node: Node, gradient: str) -> Gradients:
    """Of x clip(x/6 + 1/2): its slope is x/3 + 1/2 between −3 and 3, and 0 or 1 beside."""
    name = node.inputs[0]
    x = tape.value(name)
    middle = _between(tape, name, tape.constant(-3.0), tape.constant(3.0))
    assert middle
    inner = tape.emit("Add", tape.scale(x, 1 / 3), tape.constant(0.5))
    outer = tape.emit("Cast", tape.emit("Greater", x, tape.constant(0.0)), to=1)
    return [tape.emit("Mul", gradient, tape.emit("Where", middle, inner, outer))]


# ── two operands, broadcast ─────────────────────────────────────────────────────────────────────


def _to_operands(tape: Tape, node: Node, makers: Iterable[Callable[[], str]]) -> Gradients:
    """Each varying operand's gradient, made and summed over what was broadcast."""
    shape = tape.shapes[node.outputs[0]]
    return [
        tape.unbroadcast(make(), shape, tape.shapes[name]) if name in tape.varying else None
        for name, make in zip(node.inputs, makers, strict=True)
    ]


def _add(tape: Tape, node: Node, gradient: str) -> Gradients:
    return _to_operands(tape, node, [lambda: gradient] * len(node.inputs))


def _sub(tape: Tape, node: Node, gradient: str) -> Gradients:
    return _to_operands(tape, node, (lambda: gradient, lambda: tape.emit("Neg", gradient)))


def _mul(tape: Tape, node: Node, gradient: str) -> Gradients:
    a, b = node.inputs
    makers = [lambda other=other: tape.emit("Mul", gradient, tape.value(other)) for other in (b, a)]
    return _to_operands(tape, node, makers)


def _div(tape: Tape, node: Node, gradient: str) -> Gradients:
    """∂(a/b) = ∂a/b − (a/b) ∂b/b."""
    quotient = tape.emit("Div", gradient, tape.value(node.inputs[1]))

    def denominator() -> str:
        return tape.emit("Neg", tape.emit("Mul", quotient, tape.value(node.outputs[0])))

    return _to_operands(tape, node, (lambda: quotient, denominator))


# ── shapes and axes ─────────────────────────────────────────────────────────────────────────────


def _reshape(tape: Tape, node: Node, gradient: str) -> Gradients:
    return [tape.reshape(gradient, tape.shapes[node.inputs[0]])]


def _transpose(tape: Tape, node: Node, gradient: str) -> Gradients:
    rank = len(tape.shapes[node.inputs[0]])
    order = node.attributes.get("perm", range(rank)[::-1])
    return [tape.emit("Transpose", gradient, perm=[int(axis) for axis in np.argsort(order)])]


def _concat(tape: Tape, node: Node, gradient: str) -> Gradients:
    axis = node.attributes["axis"]
    ends = np.cumsum([tape.shapes[name][axis] for name in node.inputs])
    starts = [0, *ends[:-1]]

    def part(start: int, end: int) -> str:
        limits = [tape.constant([number], np.int64) for number in (start, end, axis)]
        return tape.emit("Slice", gradient, *limits)

    pieces = zip(node.inputs, starts, ends, strict=True)
    return [part(a, b) if name in tape.varying else None for name, a, b in pieces]


def _pad(tape: Tape, node: Node, gradient: str) -> Gradients:
    """Padding by the opposite number cuts off what was padded."""
    if node.attributes.get("mode", "constant") != "constant":
        raise NoRuleError(
            f"operator 'Pad' of mode '{node.attributes['mode']}' has no backward rule"
        )
    rank = len(tape.shapes[node.inputs[0]])
    given = node.attributes.get("pads")
    pads = np.asarray(tape.array(node.inputs[1]) if given is None else given).reshape(2, -1)
    axes = tape.array(node.inputs[3]) if len(node.inputs) > 3 and node.inputs[3] else range(rank)
    full = np.zeros((2, rank), np.int64)
    full[:, np.asarray(axes)] = pads
    return [tape.emit("Pad", gradient, tape.constant(-full.ravel(), np.int64))]


def _reduce_mean(tape: Tape, node: Node, gradient: str) -> Gradients:
    shape = tape.shapes[node.inputs[0]]
    axes = node.attributes.get("axes")
    if len(node.inputs) > 1 and node.inputs[1]:
        axes = tape.array(node.inputs[1]).ravel()
    if axes is None or not len(axes):
        if node.attributes.get("noop_with_empty_axes", 0):
            return [gradient]
        axes = range(len(shape))
    return [tape.spread(gradient, shape, {int(axis) % len(shape) for axis in axes})]


def _global_average_pool(tape: Tape, node: Node, gradient: str) -> Gradients:
    shape = tape.shapes[node.inputs[0]]
    return [tape.spread(gradient, shape, set(range(2, len(shape))))]


# ── matrices ────────────────────────────────────────────────────────────────────────────────────


def _matmul(tape: Tape, node: Node, gradient: str) -> Gradients:
    """∂(A B) = ∂A B + A ∂B: A's gradient is G Bᵀ, B's is Aᵀ G."""
    ranks = [len(tape.shapes[name]) for name in node.inputs]
    if min(ranks) < 2:
        raise NoRuleError("operator 'MatMul' of a vector has no backward rule")
    a, b = node.inputs
    gradients: list[str | None] = [None, None]
    shape, batch = tape.shapes[node.outputs[0]], tape.shapes[node.outputs[0]][:-2]
    if a in tape.varying:
        product = tape.emit("MatMul", gradient, _transposed(tape, b))
        made = (*batch, shape[-2], tape.shapes[a][-1])
        gradients[0] = tape.unbroadcast(product, made, tape.shapes[a])
    if b in tape.varying:
        product = tape.emit("MatMul", _transposed(tape, a), gradient)
        made = (*batch, tape.shapes[b][-2], shape[-1])
        gradients[1] = tape.unbroadcast(product, made, tape.shapes[b])
    return gradients


def _transposed(tape: Tape, name: str) -> str:
    """A tensor of the forward pass with its last two axes exchanged."""
    if name not in tape.varying:
        return tape.constant(tape.array(name).swapaxes(-1, -2))
    rank = len(tape.shapes[name])
    order = [*range(rank - 2), rank - 1, rank - 2]
    return tape.emit("Transpose", tape.value(name), perm=order)


def _gemm(tape: Tape, node: Node, gradient: str) -> Gradients:
    """Y = α A′ B′ + β C, ′ for a transposition or none: as MatMul, transposed where they were."""
    a, b = node.inputs[:2]
    turned_a, turned_b = (node.attributes.get(name, 0) for name in ("transA", "transB"))
    alpha, beta = (node.attributes.get(name, 1.0) for name in ("alpha", "beta"))

    def gemm(left: str, right: str, left_turned: int, right_turned: int) -> str:
        return tape.emit("Gemm", left, right, transA=left_turned, transB=right_turned, alpha=alpha)

    gradients: list[str | None] = [None] * 3
    if a in tape.varying:
        matrix = tape.value(b)
        plain = (gradient, matrix, 0, 1 - turned_b)
        gradients[0] = gemm(*((matrix, gradient, turned_b, 1) if turned_a else plain))
    if b in tape.varying:
        matrix = tape.value(a)
        plain = (matrix, gradient, 1 - turned_a, 0)
        gradients[1] = gemm(*((gradient, matrix, 1, turned_a) if turned_b else plain))
    if len(node.inputs) > 2 and node.inputs[2] in tape.varying:
        shape, to = tape.shapes[node.outputs[0]], tape.shapes[node.inputs[2]]
        gradients[2] = tape.unbroadcast(tape.scale(gradient, beta), shape, to)
    return gradients


def _softmax(tape: Tape, node: Node, gradient: str) -> Gradients:
    """∂y = y (∂x − Σ y ∂x); before opset 13 over all axes from one on, since then over one."""
    rank = len(tape.shapes[node.inputs[0]])
    axis = node.attributes.get("axis", 1 if tape.opset < 13 else -1) % rank
    axes = range(axis, rank) if tape.opset < 13 else [axis]
    output = tape.value(node.outputs[0])
    weighted = tape.emit("Mul", gradient, output)
    total = tape.emit("ReduceSum", weighted, tape.constant(list(axes), np.int64))
    return [tape.emit("Sub", weighted, tape.emit("Mul", output, total))]


def _batch_normalization(tape: Tape, node: Node, gradient: str) -> Gradients:
    if node.attributes.get("training_mode", 0):
        raise NoRuleError("operator 'BatchNormalization' in training has no backward rule")
    scale, _, _, variance = (tape.array(name).astype(np.float64) for name in node.inputs[1:5])
    factor = scale / np.sqrt(variance + node.attributes.get("epsilon", 1e-5))
    rank = len(tape.shapes[node.inputs[0]])
    return [tape.scale(gradient, factor.reshape(-1, *[1] * (rank - 2)))]


RULES: dict[str, Rule] = {
    "Add": _add,
    "AveragePool": average_pool,
    "BatchNormalization": _batch_normalization,
    "Cast": _cast,
    "Clip": _clip,
    "Concat": _concat,
    "Conv": conv,
    "Div": _div,
    "Dropout": _dropout,
    "Flatten": _reshape,
    "Gemm": _gemm,
    "GlobalAveragePool": _global_average_pool,
    "HardSigmoid": _hard_sigmoid,
    "HardSwish": _hard_swish,
    "Identity": _same,
    "LeakyRelu": _leaky_relu,
    "MatMul": _matmul,
    "MaxPool": max_pool,
    "Mul": _mul,
    "Pad": _pad,
    "ReduceMean": _reduce_mean,
    "Relu": _relu,
    "Reshape": _reshape,
    "Sigmoid": _sigmoid,
    "Softmax": _softmax,
    "Squeeze": _reshape,
    "Sub": _sub,
    "Sum": _add,
    "Tanh": _tanh,
    "Transpose": _transpose,
    "Unsqueeze": _reshape,
}
"""By operator; one that is not here has no rule."""
