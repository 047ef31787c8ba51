"""A small classifier with convolutions, made by hand, for instruments that look into layers."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from evonsfw.model_spec import ModelSpec, Resize

SIDE = 16
RNG = np.random.default_rng(3)
FIRST = RNG.normal(0, 0.5, (4, 3, 3, 3)).astype(np.float32)
"""(channel, colour, row, column): of layer "edges"."""
POINTS = np.array([[2.0, -1.0, 0.5], [0.0, 1.0, -3.0]], np.float32)
"""(channel, colour): of layer "points", which sees one pixel at a time."""


def convolutional(folder: Path, layout: str = "NCHW", fixed: bool = False) -> ModelSpec:
    """Input → "points" (2 channels) beside "edges" → "rectified" → "things" (6 channels, half the
    size) → classes "calm" and "wild". `fixed`: the things are reshaped before by a constant, so
    that the model takes its own size only.
    """
    constants = {
        "first": FIRST,
        "points_": POINTS[:, :, None, None],
        "second": RNG.normal(0, 0.4, (6, 4, 3, 3)).astype(np.float32),
        "weights": RNG.normal(0, 0.2, (2, 8)).astype(np.float32),
        "bias": np.array([0.1, -0.1], np.float32),
        "same": np.array([1, 4, SIDE, SIDE], np.int64),
    }
    node = helper.make_node
    nodes: list[Any] = []
    if layout == "NHWC":
        nodes.append(node("Transpose", ["pictures"], ["planes"], perm=[0, 3, 1, 2]))
    planes = "planes" if layout == "NHWC" else "pictures"
    nodes += [
        node("Conv", [planes, "points_"], ["points"]),
        node("Conv", [planes, "first"], ["edges"], pads=[1, 1, 1, 1]),
        node("Relu", ["edges"], ["rectified"]),
        node("Reshape", ["rectified", "same"], ["shaped"]) if fixed else None,
        node(
            "Conv",
            ["shaped" if fixed else "rectified", "second"],
            ["things"],
            pads=[1, 1, 1, 1],
            strides=[2, 2],
        ),
        node("GlobalAveragePool", ["points"], ["a"]),
        node("GlobalAveragePool", ["things"], ["b"]),
        node("Concat", ["a", "b"], ["pooled"], axis=1),
        node("Flatten", ["pooled"], ["flat"]),
        node("Gemm", ["flat", "weights", "bias"], ["logits"], transB=1),
        node("Softmax", ["logits"], ["probabilities"], axis=1),
    ]
    shape = [1, SIDE, SIDE, 3] if layout == "NHWC" else [1, 3, SIDE, SIDE]
    graph = helper.make_graph(
        [one for one in nodes if one is not None],
        "convolutional",
        [helper.make_tensor_value_info("pictures", TensorProto.FLOAT, shape)],
        [helper.make_tensor_value_info("probabilities", TensorProto.FLOAT, [1, 2])],
        [numpy_helper.from_array(array, name) for name, array in constants.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    onnx.checker.check_model(model)
    onnx.save(model, folder / "small.onnx")
    return ModelSpec(
        name="small",
        file="small.onnx",
        folder=str(folder),
        layout="NHWC" if layout == "NHWC" else "NCHW",
        channels="BGR",
        mean=(0.2, 0.3, 0.4),
        std=(0.5, 0.25, 1.0),
        resize=Resize(width=SIDE, height=SIDE),
        output="probabilities",
        classes=("calm", "wild"),
    )
