"""A classifier with layers whose maps can be worked out by hand."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from evonsfw.model_spec import Crop, ModelSpec, Resize

SIDE = 8
MIX = np.array([[1.0, -1.0, 0.5], [-0.5, 0.25, 1.0]], np.float32)
"""(map, channel): what the first layer makes of the three channels at each place."""
SHIFT = np.array([-0.1, -0.2], np.float32)
HEADS = np.array([[2.0, -1.0], [-1.5, 3.0]], np.float32)
"""(class, map): what the logits make of the maps' means."""


def small_network(
    folder: Path, bend: str = "Relu", sides: tuple[int, int] = (SIDE, SIDE), crop: int = SIDE
) -> ModelSpec:
    """Conv of one tap to layer "maps", `bend` to layer "bent", mean to two logits, softmax.

    Args:
        folder: where the file goes.
        bend: an operator, element by element.
        sides: width and height that a picture is resized to.
        crop: side of what is cut from its middle.
    """
    nodes = [
        helper.make_node("Conv", ["x", "mix", "shift"], ["maps"]),
        helper.make_node(bend, ["maps"], ["bent"]),
        helper.make_node("GlobalAveragePool", ["bent"], ["means"]),
        helper.make_node("Flatten", ["means"], ["flat"]),
        helper.make_node("Gemm", ["flat", "heads"], ["logits"], transB=1),
        helper.make_node("Softmax", ["logits"], ["p"], axis=1),
    ]
    weights = {"mix": MIX[..., None, None], "shift": SHIFT, "heads": HEADS}
    graph = helper.make_graph(
        nodes,
        "small",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, [1, 3, crop, crop])],
        [helper.make_tensor_value_info("p", TensorProto.FLOAT, [1, 2])],
        [numpy_helper.from_array(array, name) for name, array in weights.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    onnx.checker.check_model(model)
    onnx.save(model, folder / "small.onnx")
    return ModelSpec(
        name="small",
        file="small.onnx",
        folder=str(folder),
        layout="NCHW",
        resize=Resize(width=sides[0], height=sides[1]),
        crop=Crop(width=crop, height=crop),
        output="probabilities",
        classes=("dull", "bright"),
    )


def maps_by_hand(picture: np.ndarray) -> np.ndarray:
    """(8, 8, 3) uint8 to the (2, 8, 8) of layer "maps"."""
    levels = picture.astype(np.float64) / 255
    return np.einsum("kc,hwc->khw", MIX, levels) + SHIFT[:, None, None]


def noise(height: int = SIDE, width: int = SIDE, seed: int = 0) -> np.ndarray:
    """(H, W, 3) uint8."""
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3), np.uint8)
