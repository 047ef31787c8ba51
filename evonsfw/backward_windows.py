"""Rules of operators that go over windows of pixels: convolutions and pools."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from evonsfw.backward_graph import Array, Gradients, Node, Shape, Tape


@dataclass(frozen=True)
class _Window:
    """How a kernel goes over the spatial axes; one number an axis, padding before and after."""

    kernel: Shape
    strides: Shape
    dilations: Shape
    before: Shape
    after: Shape
    inputs: Shape
    outputs: Shape

    @property
    def reach(self) -> Shape:
        """From the first tap of the kernel to the last."""
        return tuple(d * (k - 1) for d, k in zip(self.dilations, self.kernel, strict=True))

    @property
    def conv(self) -> dict[str, list[int]]:
        """As attributes of the ConvTranspose whose output has exactly the inputs' size."""
        axes = range(len(self.kernel))
        full = [(self.outputs[i] - 1) * self.strides[i] + self.reach[i] + 1 for i in axes]
        excess = [full[i] - self.before[i] - self.inputs[i] for i in axes]
        return {
            "kernel_shape": list(self.kernel),
            "strides": list(self.strides),
            "dilations": list(self.dilations),
            "pads": [*self.before, *(max(number, 0) for number in excess)],
            "output_padding": [max(-number, 0) for number in excess],
        }


def _window(tape: Tape, node: Node, kernel: Shape) -> _Window:
    """The window of a convolution or a pool; padding that is left to it worked out."""
    inputs, outputs = (tape.shapes[n][2:] for n in (node.inputs[0], node.outputs[0]))
    ones = (1,) * len(kernel)
    strides, dilations = (
        tuple(node.attributes.get(name, ones)) for name in ("strides", "dilations")
    )
    pads = node.attributes.get("pads", (0,) * 2 * len(kernel))
    before, after = tuple(pads[: len(kernel)]), tuple(pads[len(kernel) :])
    mode = node.attributes.get("auto_pad", "NOTSET")
    if mode.startswith("SAME"):
        sizes = zip(outputs, strides, dilations, kernel, inputs, strict=True)
        total = [max((o - 1) * s + d * (k - 1) + 1 - i, 0) for o, s, d, k, i in sizes]
        less, more = tuple(n // 2 for n in total), tuple(n - n // 2 for n in total)
        before, after = (less, more) if mode == "SAME_UPPER" else (more, less)
    return _Window(kernel, strides, dilations, before, after, inputs, outputs)


def conv(tape: Tape, node: Node, gradient: str) -> Gradients:
    """Of Conv: its transposed; with strides of 1 a plain one, which onnxruntime does faster."""
    weights = tape.array(node.inputs[1])
    window = _window(tape, node, weights.shape[2:])
    group = node.attributes.get("group", 1)
    missing = [r - b for r, b in zip(window.reach * 2, window.before + window.after, strict=True)]
    if max(window.strides) == 1 and min(missing) >= 0:
        return [_conv_by_conv(tape, gradient, weights, window, group, missing)]
    if max(window.kernel) == 1 and not any(window.before + window.after):
        return [_conv_of_points(tape, gradient, weights, window, group)]
    kernel = tape.constant(weights)
    return [tape.emit("ConvTranspose", gradient, kernel, group=group, **window.conv)]


def _turned(weights: Array, group: int) -> Array:
    """(M, C/group, …) weights of a convolution to the (C, M/group, …) of its transposed one."""
    parts = weights.reshape(group, -1, *weights.shape[1:]).swapaxes(1, 2)
    turned = parts.reshape(-1, *parts.shape[2:])
    return np.flip(turned, axis=tuple(range(2, turned.ndim)))


def _conv_by_conv(
    tape: Tape, gradient: str, weights: Array, window: _Window, group: int, pads: list[int]
) -> str:
    return tape.emit(
        "Conv",
        gradient,
        tape.constant(_turned(weights, group)),
        kernel_shape=list(window.kernel),
        dilations=list(window.dilations),
        pads=pads,
        group=group,
    )


def _conv_of_points(tape: Tape, gradient: str, weights: Array, window: _Window, group: int) -> str:
    """A kernel of one tap with strides: what it skips has no gradient."""
    small = tape.emit("Conv", gradient, tape.constant(_turned(weights, group)), group=group)
    return _spaced(tape, small, window)


def _spaced(tape: Tape, gradient: str, window: _Window) -> str:
    """Numbers of the outputs' size at every stride-th place of the inputs', 0 between them.

    Repeated and multiplied by 1 or 0, which takes onnxruntime a sixth of what padding takes it.
    """
    repeated = tape.emit(
        "Resize",
        gradient,
        "",
        tape.constant([1, 1, *window.strides]),
        mode="nearest",
        coordinate_transformation_mode="asymmetric",
        nearest_mode="floor",
    )
    sizes = zip(window.outputs, window.strides, strict=True)
    sides = [size * stride for size, stride in sizes]
    places = np.zeros(sides)
    places[np.ix_(*(np.arange(0, a, b) for a, b in zip(sides, window.strides, strict=True)))] = 1
    whole = tape.scale(repeated, places)
    ends = [a - b for a, b in zip(window.inputs, sides, strict=True)]
    if not any(ends):
        return whole
    pads = [0] * (len(ends) + 2) + [0, 0, *ends]
    return tape.emit("Pad", whole, tape.constant(pads, np.int64))


def max_pool(tape: Tape, node: Node, gradient: str) -> Gradients:
    """Of MaxPool: to the place that each maximum came from, which counts through all axes.

    Places are found again here, for the forward pass is faster without the pool's second output.
    """
    shape = tape.shapes[node.inputs[0]]
    attributes = {key: value for key, value in node.attributes.items() if key != "storage_order"}
    places = tape.emit("MaxPool", tape.value(node.inputs[0]), outputs=2, **attributes)
    flat = [tape.reshape(name, (-1,)) for name in (places, gradient)]
    zeros = tape.emit("ConstantOfShape", tape.constant([math.prod(shape)], np.int64))
    total = tape.emit("ScatterElements", zeros, *flat, axis=0, reduction="add")
    return [tape.reshape(total, shape)]


def average_pool(tape: Tape, node: Node, gradient: str) -> Gradients:
    """Of AveragePool: each output's share to all of its taps, a channel at a time."""
    shape, small = (tape.shapes[name] for name in (node.inputs[0], node.outputs[0]))
    window = _window(tape, node, tuple(node.attributes["kernel_shape"]))
    padded = bool(node.attributes.get("count_include_pad", 0))
    if window.kernel == window.inputs and not any(window.before + window.after):
        return [tape.spread(gradient, shape, set(range(2, len(shape))))]
    share = tape.scale(gradient, 1 / _taps(window, padded))
    channels = tape.reshape(share, (small[1], 1, *small[2:]))
    ones = tape.constant(np.ones((1, 1, *window.kernel)))
    return [tape.reshape(tape.emit("ConvTranspose", channels, ones, **window.conv), shape)]


def _taps(window: _Window, padded: bool) -> Array:
    """(…outputs) float64 number of taps that an average is over, the padding's counted or not."""
    counts = np.ones((), np.float64)
    for axis, size in enumerate(window.inputs):
        first = np.arange(window.outputs[axis]) * window.strides[axis] - window.before[axis]
        taps = first[:, None] + np.arange(window.kernel[axis]) * window.dilations[axis]
        lowest, end = (-window.before[axis], size + window.after[axis]) if padded else (0, size)
        counts = counts[..., None] * ((taps >= lowest) & (taps < end)).sum(axis=1)
    return counts
