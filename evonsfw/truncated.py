"""A model up to one layer, for pictures of any size, with the gradient of what that layer says.

A classifier takes one size because of what comes after its convolutions. Cut off before that, with
the input's height and width left open, it takes all of them. Where it cannot be, as in a model that
flattens early, pictures are seen in tiles of the one size.
"""

from __future__ import annotations

import tempfile
from pathlib import Path

import numpy as np
import onnx

from evonsfw.backward_graph import read_network
from evonsfw.feeding import Floats, feed, feed_back
from evonsfw.gradient import Differentiable
from evonsfw.layers import Layer, layers_of
from evonsfw.model_spec import ModelSpec

LARGEST = 512
"""Pixels a side of a tile: the backward pass keeps some 200 MB for one of that size."""
SMALLEST = 64
"""A side below it is seen repeated: less is lost in the padding of deep layers."""
STEP = 8
"""Tiles' sides are multiples of it, so that few models are opened."""
INSTEAD = "take an earlier layer, or another classifier"
COARSENESS = 8
"""Layers whose maps are this much smaller than the input see patterns, neither edges nor things."""


def middle_layer(spec: ModelSpec) -> Layer:
    """A layer that is good to dream with: of those some eight times coarser than the input, with
    the most channels and rectified where any is, the one in the middle.

    Raises:
        ValueError: as `layers_of`.
    """
    layers = layers_of(spec)
    wide = [layer for layer in layers if layer.shape[1] * layer.shape[2] > 1] or layers
    coarse = [layer for layer in wide if layer.shape[1] * COARSENESS <= spec.input_size[1]]
    height = max((layer.shape[1] for layer in coarse), default=wide[-1].shape[1])
    alike = [layer for layer in layers if layer.shape[1] == height]
    rectified = [layer for layer in alike if layer.operator == "Relu"] or alike
    most = max(layer.channels for layer in rectified)
    widest = [layer for layer in rectified if layer.channels == most]
    return widest[(len(widest) - 1) // 2]


def truncate(path: Path, tensor: str, layout: str) -> bytes:
    """A model up to a tensor, its input's height and width left open.

    Args:
        path: the ONNX file.
        tensor: a name in its graph.
        layout: of the input, "NHWC" or "NCHW".

    Returns:
        the model, serialised.

    Raises:
        ValueError: the graph is not one that `read_network` reads, or has no such tensor.
    """
    model = onnx.load(path)
    source, graph = read_network(model).source, model.graph
    needed, nodes = {tensor}, []
    for node, seen in zip(reversed(graph.node), reversed(read_network(model).nodes), strict=True):
        if needed & set(seen.outputs):
            needed.update(seen.inputs, seen.captured)
            nodes.append(node)
    if not nodes:
        raise ValueError(f"classifier file {path}: no tensor '{tensor}'")
    axes = (1, 2) if layout == "NHWC" else (2, 3)
    sides = [None if axis in axes else 3 if axis else 1 for axis in range(4)]
    describe = onnx.helper.make_tensor_value_info
    cut = onnx.helper.make_graph(
        nodes[::-1],
        "truncated",
        [describe(source, onnx.TensorProto.FLOAT, sides)],
        [describe(tensor, onnx.TensorProto.FLOAT, None)],
        [constant for constant in graph.initializer if constant.name in needed],
    )
    opsets = model.opset_import
    made = onnx.helper.make_model(cut, opset_imports=opsets, ir_version=model.ir_version)
    content: bytes = made.SerializeToString()
    return content


class Depth:
    """One layer of a classifier, and how each pixel moves it. For several threads at a time.

    Args:
        spec: the classifier.
        layer: of it.

    Raises:
        ValueError: the file cannot be read, or an operator before the layer has no backward rule.
    """

    def __init__(self, spec: ModelSpec, layer: Layer) -> None:
        self.spec, self.layer = spec, layer
        width, height = spec.input_size
        self._opened = {(height, width): _open(spec, layer, spec.path, (height, width))}
        self._one_size = (height, width) if not self._takes_any() else None

    def tile(self, size: tuple[int, int]) -> tuple[int, int]:
        """Height and width of the tiles that a picture of that height and width is seen in."""
        if self._one_size:
            return self._one_size
        height, width = (_side(length) for length in size)
        return height, width

    def gradient(self, pixels: Floats, channel: int | None = None) -> Floats:
        """How each pixel moves what the layer says.

        Args:
            pixels: (H, W, 3) float32 in 0…255, of a size that `tile` gives.
            channel: the one whose mean counts; None for half the sum of squares of all, as in
                Mordvintsev 2015, "DeepDream - a code example for visualizing Neural Networks".

        Returns:
            (H, W, 3) float32.
        """
        model = self.open(pixels.shape[:2])
        kept = model.forward(feed(self.spec, pixels)[None])
        cotangent = kept.logits
        if channel is not None:
            cotangent = mean_of(channel, self.layer.channels, cotangent.size)
        return feed_back(self.spec, model.backward(kept, cotangent)[0])

    def open(self, size: tuple[int, ...]) -> Differentiable:
        """The model for inputs of that height and width: opened at most once."""
        height, width = size
        if (height, width) not in self._opened:
            self._opened[height, width] = _truncated(self.spec, self.layer, (height, width))
        return self._opened[height, width]

    def _takes_any(self) -> bool:
        """Whether the truncated model runs on another size than its own."""
        size = (SMALLEST, SMALLEST + STEP)
        try:
            model = _truncated(self.spec, self.layer, size)
            kept = model.forward(feed(self.spec, np.zeros((*size, 3), np.float32))[None])
            model.backward(kept, kept.logits)
        except Exception:  # noqa: BLE001  # onnxruntime raises many kinds, none public
            return False
        return True


def mean_of(channel: int, channels: int, count: int) -> Floats:
    """The (1, count) cotangent of the mean of one channel, of so many that make up `count`."""
    maps = np.zeros((channels, count // channels), np.float32)
    maps[channel] = 1.0 / maps.shape[1]
    return maps.reshape(1, -1)


def _side(length: int) -> int:
    """The side of the fewest tiles that cover a length."""
    count = -(-length // LARGEST)
    return max(SMALLEST, -(-length // (count * STEP)) * STEP)


def _open(spec: ModelSpec, layer: Layer, path: Path, size: tuple[int, int]) -> Differentiable:
    shape = (*size, 3) if spec.layout == "NHWC" else (3, *size)
    return Differentiable(path, shape, of=layer.tensor, instead=INSTEAD)


def _truncated(spec: ModelSpec, layer: Layer, size: tuple[int, int]) -> Differentiable:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / spec.path.name
        path.write_bytes(truncate(spec.path, layer.tensor, spec.layout))
        return _open(spec, layer, path, size)
