"""The gradient of a classifier: against differences in float64, and against torch where it is."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from conftest import TINY_WEIGHTS
from onnx import TensorProto, helper, numpy_helper
from onnx.reference import ReferenceEvaluator

from evonsfw import backward_graph, ort_session
from evonsfw.backward_rules import RULES
from evonsfw.composition import compose
from evonsfw.genome import Encoding
from evonsfw.gradient import Differentiable, refuses
from evonsfw.model_spec import read_spec
from evonsfw.preparation import input_shape, prepare
from evonsfw.raster import render

Nodes = Sequence[tuple[Any, ...]]
SHAPE = (4, 7, 6)
RNG = np.random.default_rng(2)


def normal(*shape: int) -> np.ndarray:
    return RNG.normal(size=shape)


WEIGHTS = {
    "k33": normal(6, 4, 3, 3),
    "k23": normal(6, 4, 2, 3),
    "k11": normal(6, 4, 1, 1),
    "grouped": normal(6, 2, 3, 3),
    "depthwise": normal(4, 1, 3, 3),
    "six": normal(6),
    "four": normal(4),
    "positive": normal(4) ** 2 + 0.5,
    "scalar": np.array(1.7),
    "channel": normal(4, 1, 1) + 3,
    "wide": normal(5, 4, 7, 6),
    "square": normal(6, 5),
    "left": normal(3, 7),
    "gemm": normal(168, 3),
    "gemm_turned": normal(3, 168),
    "tall": normal(3, 1),
    "three": normal(3),
    "low": np.array(-0.4),
    "high": np.array(0.6),
    "flat": np.array([1, -1]),
    "ends": np.array([0, 0, 1, 2, 0, 0, 0, 1]),
    "cut": np.array([0, 0, 1, 0, 0, 0, -2, -1]),
    "some": np.array([1, 2, 0, 1]),
    "last": np.array([2, 3]),
    "first": np.array([0]),
}
"""Constants of the toys, by name; whole numbers stay int64."""

CONV = [
    ("Conv", "x k33 six", {"pads": [1, 1, 1, 1]}),
    ("Conv", "x k33", {}),
    ("Conv", "x k33", {"pads": [3, 3, 3, 3]}),
    ("Conv", "x k33", {"strides": [2, 2], "pads": [1, 1, 1, 1]}),
    ("Conv", "x k33", {"strides": [3, 2], "pads": [0, 1, 2, 0]}),
    ("Conv", "x k33", {"strides": [2, 2], "auto_pad": "SAME_UPPER"}),
    ("Conv", "x k23", {"strides": [2, 3], "auto_pad": "SAME_LOWER"}),
    ("Conv", "x k23", {"auto_pad": "SAME_UPPER"}),
    ("Conv", "x k23", {"auto_pad": "SAME_LOWER"}),
    ("Conv", "x k23", {"auto_pad": "VALID", "strides": [2, 2]}),
    ("Conv", "x k33", {"dilations": [2, 2], "pads": [2, 1, 0, 2]}),
    ("Conv", "x k33", {"dilations": [2, 1], "strides": [2, 2], "pads": [2, 1, 2, 1]}),
    ("Conv", "x grouped", {"group": 2, "pads": [1, 1, 1, 1]}),
    ("Conv", "x grouped", {"group": 2, "strides": [2, 2], "pads": [1, 1, 1, 1]}),
    ("Conv", "x depthwise", {"group": 4, "pads": [0, 1, 1, 2]}),
    ("Conv", "x k11 six", {}),
    ("Conv", "x k11", {"strides": [2, 2]}),
    ("Conv", "x k11", {"strides": [4, 1]}),
    ("Conv", "x k11", {"strides": [2, 3], "pads": [1, 0, 0, 1]}),
]
POOLS = [
    ("MaxPool", "x", {"kernel_shape": [2, 2], "strides": [2, 2]}),
    ("MaxPool", "x", {"kernel_shape": [3, 3], "strides": [2, 2], "pads": [0, 0, 1, 1]}),
    ("MaxPool", "x", {"kernel_shape": [3, 2], "pads": [1, 1, 1, 0]}),
    ("MaxPool", "x", {"kernel_shape": [3, 3], "strides": [2, 2], "auto_pad": "SAME_UPPER"}),
    ("MaxPool", "x", {"kernel_shape": [3, 3], "strides": [2, 2], "ceil_mode": 1}),
    ("MaxPool", "x", {"kernel_shape": [2, 2], "dilations": [2, 2]}),
    ("AveragePool", "x", {"kernel_shape": [7, 6]}),
    ("AveragePool", "x", {"kernel_shape": [2, 2], "strides": [2, 2]}),
    ("AveragePool", "x", {"kernel_shape": [3, 3], "pads": [1, 1, 1, 1]}),
    (
        "AveragePool",
        "x",
        {"kernel_shape": [3, 2], "strides": [2, 1], "pads": [1, 0, 1, 1], "count_include_pad": 1},
    ),
    ("AveragePool", "x", {"kernel_shape": [3, 3], "strides": [2, 3], "auto_pad": "SAME_LOWER"}),
    ("AveragePool", "x", {"kernel_shape": [3, 3], "strides": [2, 2], "ceil_mode": 1}),
    ("GlobalAveragePool", "x", {}),
]
ELEMENTS = [
    (kind, "x", {})
    for kind in (
        *("Relu", "LeakyRelu", "Sigmoid", "Tanh", "HardSigmoid", "HardSwish"),
        *("Identity", "Dropout", "Flatten"),
    )
] + [
    ("LeakyRelu", "x", {"alpha": -0.3}),
    ("HardSigmoid", "x", {"alpha": 0.4, "beta": 0.3}),
    ("Cast", "x", {"to": TensorProto.FLOAT}),
    ("Clip", "x low high", {}),
    ("Clip", "x low", {}),
    ("Clip", "x  high", {}),
    ("Clip", "x", {}),
]
OPERANDS = [
    (kind, inputs, {})
    for kind in ("Add", "Sub", "Mul", "Div")
    for inputs in ("x channel", "channel x", "x scalar", "x wide", "wide x")
] + [("Sum", "x channel x", {}), ("Mul", "x x", {})]
AXES = [
    ("Transpose", "x", {"perm": [0, 2, 3, 1]}),
    ("Reshape", "x flat", {}),
    ("Unsqueeze", "x first", {}),
    ("Pad", "x ends", {}),
    ("Pad", "x some scalar last", {}),
    ("ReduceMean", "x last", {"keepdims": 0}),
    ("ReduceMean", "x last", {}),
    ("ReduceMean", "x", {}),
    ("MatMul", "x square", {}),
    ("MatMul", "left x", {}),
    ("BatchNormalization", "x four four four positive", {"epsilon": 0.01}),
]
ALONE = [[(*node, "y")] for node in CONV + POOLS + ELEMENTS + OPERANDS + AXES]
FLAT = ("Reshape", "x flat", {}, "f")
TURNED = ("Transpose", "x", {"perm": [0, 1, 3, 2]}, "t")
TOGETHER: list[Nodes] = [
    [FLAT, ("Gemm", "f gemm three", {"alpha": 0.7, "beta": 1.3}, "y")],
    [FLAT, ("Gemm", "f gemm_turned", {"transB": 1}, "y")],
    [FLAT, ("Transpose", "f", {}, "t"), ("Gemm", "t gemm", {"transA": 1, "alpha": 0.5}, "y")],
    [
        FLAT,
        ("Transpose", "f", {}, "t"),
        ("Gemm", "t gemm_turned", {"transA": 1, "transB": 1}, "y"),
    ],
    [
        FLAT,
        ("Transpose", "f", {}, "t"),
        ("Gemm", "gemm_turned t", {}, "g"),
        ("Flatten", "g", {"axis": 0}, "y"),
    ],
    [FLAT, ("Gemm", "gemm_turned f f3", {"transB": 1}, "g"), ("Flatten", "g", {"axis": 0}, "y")],
    [FLAT, ("Gemm", "gemm f", {"transA": 1, "transB": 1}, "g"), ("Flatten", "g", {"axis": 0}, "y")],
    [
        FLAT,
        ("Gemm", "f gemm", {}, "s"),
        ("Gemm", "tall tall s", {"transB": 1, "beta": 0.6}, "g"),
        ("Flatten", "g", {"axis": 0}, "y"),
    ],
    [("Softmax", "x", {}, "s"), ("Mul", "s wide", {}, "y")],
    [("Softmax", "x", {"axis": 1}, "s"), ("Mul", "s wide", {}, "y")],
    [TURNED, ("MatMul", "x t", {}, "y")],
    [TURNED, ("MatMul", "t x", {}, "y")],
    [("Sigmoid", "x", {}, "s"), ("Mul", "x s", {}, "y")],
    [("Sigmoid", "x", {}, "s"), ("Div", "x s", {}, "y")],
    [("GlobalAveragePool", "x", {}, "p"), ("Sigmoid", "p", {}, "s"), ("Mul", "s x", {}, "y")],
    [("GlobalAveragePool", "x", {}, "p"), ("Sub", "p x", {}, "y")],
    [("Relu", "x", {}, "r"), ("Concat", "wide_1 r x", {"axis": 1}, "y")],
    [("Unsqueeze", "x first", {}, "u"), ("Squeeze", "u first", {}, "y")],
    [
        ("Conv", "x k11 six", {}, "c"),
        ("Relu", "c", {}, "r"),
        ("MaxPool", "r", {"kernel_shape": [3, 3], "strides": [2, 2], "pads": [1, 1, 1, 1]}, "m"),
        ("GlobalAveragePool", "m", {}, "p"),
        ("Softmax", "p", {"axis": 1}, "q"),
        ("Mul", "q p", {}, "y"),
    ],
    [("Transpose", "k11t", {"perm": [1, 0, 2, 3]}, "w"), ("Conv", "x w", {}, "y")],
    [("Shape", "x", {}, "s"), ("Relu", "x", {}, "r"), ("Reshape", "r s", {}, "y")],
]
WEIGHTS |= {
    "wide_1": normal(1, 2, 7, 6),
    "f3": normal(3, 1),
    "k11t": normal(4, 6, 1, 1),
    "rows_1": np.array([1, -1]),
    "rows_4": np.array([4, -1]),
    "rows_28": np.array([28, -1]),
    "whole": np.array([1, *SHAPE]),
}


def toy(
    path: Path,
    nodes: Nodes,
    shape: tuple[int, ...] = SHAPE,
    batch: str | int = 1,
    opset: int = 18,
    kind: int = TensorProto.FLOAT,
) -> Any:
    """A model of nodes (operator, inputs, attributes, outputs) from x to y, y made flat."""
    dtype = helper.tensor_dtype_to_np_dtype(kind)
    made = [
        helper.make_node(operator, inputs.split(" "), output.split(), **attributes)
        for operator, inputs, attributes, output in nodes
    ]
    for node in made:
        for attribute in node.attribute if node.op_type == "Cast" else ():
            attribute.i = kind
    used = {name for node in made for name in node.input} & WEIGHTS.keys()
    constants = [
        numpy_helper.from_array(
            WEIGHTS[name]
            if WEIGHTS[name].dtype == int
            else WEIGHTS[name].astype(np.float32).astype(dtype),
            name,
        )
        for name in sorted(used)
    ]
    graph = helper.make_graph(
        [*made, helper.make_node("Flatten", ["y"], ["z"], axis=0)],
        "toy",
        [helper.make_tensor_value_info("x", kind, [batch, *shape])],
        [helper.make_tensor_value_info("z", kind, None)],
        constants,
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=8)
    onnx.save(model, path)
    return model


def slopes(model: Any, x: np.ndarray, cotangent: np.ndarray, step: float = 1e-6) -> np.ndarray:
    """Central differences of the weighted sum of a float64 model's output, an input at a time."""
    evaluator = ReferenceEvaluator(model)
    found = np.empty(x.size)
    for index in range(x.size):
        ends = []
        for sign in (step, -step):
            moved = x.astype(np.float64)
            moved.ravel()[index] += sign
            ends.append(float(np.sum(evaluator.run(None, {"x": moved})[0] * cotangent)))
        found[index] = (ends[0] - ends[1]) / (2 * step)
    return found.reshape(x.shape)


def name_of(nodes: Nodes) -> str:
    return "-".join(
        " ".join(str(part) for part in (node[0], node[1], *node[2].values())) for node in nodes
    )


def check(tmp_path: Path, nodes: Nodes, opset: int = 18, batch: str | int = 1) -> None:
    """The gradient of toys equals differences; their output is the plain session's."""
    path = tmp_path / "toy.onnx"
    toy(path, nodes, opset=opset, batch=batch)
    rng = np.random.default_rng(7)
    x = rng.normal(size=(1, *SHAPE)).astype(np.float32)
    model = Differentiable(path, SHAPE)
    kept = model.forward(x)
    cotangent = rng.normal(size=kept.logits.shape).astype(np.float32)
    found = model.backward(kept, cotangent)
    double = toy(tmp_path / "double.onnx", nodes, opset=opset, kind=TensorProto.DOUBLE)
    expected = slopes(double, x, cotangent)
    assert found.shape == x.shape
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, expected, rtol=0, atol=2e-5 * np.abs(expected).max())
    plain = ort_session.cpu_session(path).run(None, {"x": x})[0]
    np.testing.assert_allclose(kept.output, plain, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("nodes", ALONE + TOGETHER, ids=name_of)
def test_equals_differences(tmp_path: Path, nodes: Nodes) -> None:
    check(tmp_path, nodes)


def test_every_rule_is_tried() -> None:
    assert {node[0] for nodes in ALONE + TOGETHER for node in nodes} >= RULES.keys()


OLD: list[Nodes] = [
    [("Clip", "x", {"min": -0.4, "max": 0.6}, "y")],
    [("Pad", "x", {"pads": [0, 0, 1, 2, 0, 0, 0, 1]}, "y")],
    [("ReduceMean", "x", {"axes": [-1, 2], "keepdims": 0}, "y")],
    [("Unsqueeze", "x", {"axes": [0]}, "u"), ("Squeeze", "u", {"axes": [0]}, "y")],
]


@pytest.mark.parametrize("nodes", OLD, ids=name_of)
def test_equals_differences_where_attributes_were_inputs_later(
    tmp_path: Path, nodes: Nodes
) -> None:
    check(tmp_path, nodes, opset=9)


@pytest.mark.parametrize(
    ("told", "rows"),
    [({}, "rows_1"), ({"axis": 1}, "rows_1"), ({"axis": 2}, "rows_4"), ({"axis": -1}, "rows_28")],
    ids=str,
)
def test_softmax_once_was_over_all_axes_from_one_on(
    tmp_path: Path, told: dict[str, int], rows: str
) -> None:
    """Before opset 13, which the reference evaluator does not know of, onnxruntime does."""
    old = [("Softmax", "x", told, "s"), ("Mul", "s wide", {}, "y")]
    new = [
        ("Reshape", f"x {rows}", {}, "r"),
        ("Softmax", "r", {"axis": 1}, "q"),
        ("Reshape", "q whole", {}, "s"),
        ("Mul", "s wide", {}, "y"),
    ]
    x = np.random.default_rng(7).normal(size=(1, *SHAPE)).astype(np.float32)
    cotangent = np.random.default_rng(8).normal(size=WEIGHTS["wide"].size).astype(np.float32)
    found = []
    for nodes, opset in ((old, 9), (new, 18)):
        toy(tmp_path / "toy.onnx", nodes, opset=opset)
        model = Differentiable(tmp_path / "toy.onnx", SHAPE)
        kept = model.forward(x)
        found.append((kept.output, model.backward(kept, cotangent)))
    for one, other in zip(*found, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("opset", [7, 9, 13, 18])
@pytest.mark.parametrize("batch", [1, "N"])
def test_any_opset_and_batch(tmp_path: Path, opset: int, batch: str | int) -> None:
    pool = {"kernel_shape": [3, 3], "strides": [2, 2], "pads": [0, 0, 1, 1]}
    nodes: Nodes = [
        ("Conv", "x k33 six", {"strides": [2, 2], "pads": [1, 1, 1, 1]}, "c"),
        ("Relu", "c", {}, "r"),
        ("MaxPool", "r", pool, "m"),
        ("GlobalAveragePool", "m", {}, "y"),
    ]
    check(tmp_path, nodes, opset, batch)


@pytest.mark.parametrize("layout", ["NCHW", "NHWC"])
@pytest.mark.parametrize("softmax", [True, False])
def test_logits_are_what_the_last_softmax_is_given(
    tiny_model: Callable[..., Path], layout: str, softmax: bool
) -> None:
    """The tiny model weighs the means of the channels, so its gradient is known."""
    path = tiny_model(layout=layout, softmax=softmax).parent / "tiny.onnx"
    shape = (3, 16, 16) if layout == "NCHW" else (16, 16, 3)
    model = Differentiable(path, shape)
    x = np.random.default_rng(0).random((1, *shape), np.float32)
    kept = model.forward(x)
    if softmax:
        powers = np.exp(kept.logits - kept.logits.max())
        np.testing.assert_allclose(kept.output, powers / powers.sum(), rtol=1e-5)
    else:
        np.testing.assert_array_equal(kept.output, kept.logits)
    cotangent = np.array([[-1.0, 1.0, 0.5]], np.float32)
    weights = (cotangent @ TINY_WEIGHTS)[0] / 256
    expected = weights[:, None, None] if layout == "NCHW" else weights
    found = model.backward(kept, cotangent)
    np.testing.assert_allclose(found[0], np.broadcast_to(expected, shape), rtol=1e-5)


def test_a_forward_pass_serves_several_backward_passes(tmp_path: Path) -> None:
    """One kept pass does not change by what is asked of it, nor by the next one."""
    path = tmp_path / "toy.onnx"
    toy(path, [("Sigmoid", "x", {}, "y")])
    model = Differentiable(path, SHAPE)
    one, two = np.random.default_rng(0).normal(size=(2, 1, *SHAPE)).astype(np.float32)
    kept = model.forward(one)
    ones = np.ones_like(kept.logits)
    first = model.backward(kept, ones)
    model.backward(model.forward(two), ones)
    np.testing.assert_array_equal(model.backward(kept, ones), first)
    np.testing.assert_allclose(model.backward(kept, -2 * ones), -2 * first, rtol=1e-6)


def test_a_forward_pass_outlives_the_buffer_that_it_was_given(tmp_path: Path) -> None:
    """The classifier fills one buffer again and again; here the input itself is kept."""
    path = tmp_path / "toy.onnx"
    toy(path, [("Mul", "x x", {}, "y")])
    model = Differentiable(path, SHAPE)
    buffer = np.random.default_rng(0).normal(size=(1, *SHAPE)).astype(np.float32)
    expected = 2 * buffer
    kept = model.forward(buffer)
    buffer[:] = 0
    found = model.backward(kept, np.ones_like(kept.logits))
    np.testing.assert_allclose(found, expected, rtol=1e-6)


def test_a_maximum_that_is_tied_counts_once(tmp_path: Path) -> None:
    path = tmp_path / "toy.onnx"
    toy(path, [("MaxPool", "x", {"kernel_shape": [3, 3], "strides": [2, 2]}, "y")])
    model = Differentiable(path, SHAPE)
    kept = model.forward(np.ones((1, *SHAPE), np.float32))
    found = model.backward(kept, np.ones_like(kept.logits))
    assert found.sum() == kept.logits.size


def test_what_padding_cuts_off_has_no_gradient(tmp_path: Path) -> None:
    """Padding by less than nothing, which the reference evaluator does not know."""
    path = tmp_path / "toy.onnx"
    toy(path, [("Pad", "x cut", {}, "y")])
    model = Differentiable(path, SHAPE)
    kept = model.forward(np.ones((1, *SHAPE), np.float32))
    found = model.backward(kept, np.ones_like(kept.logits))
    expected = np.zeros((1, *SHAPE))
    expected[:, :, :5, :5] = 1
    np.testing.assert_array_equal(found, expected)


LINEAR = [
    {"ceil_mode": 1, "count_include_pad": 1, "strides": [2, 2]},
    {"ceil_mode": 1, "count_include_pad": 1, "strides": [2, 3], "pads": [1, 1, 1, 1]},
    {"ceil_mode": 1, "strides": [3, 2], "pads": [1, 0, 1, 1]},
]


@pytest.mark.parametrize("attributes", LINEAR, ids=str)
def test_average_pools_are_the_transposed_of_what_onnxruntime_does(
    tmp_path: Path, attributes: dict[str, Any]
) -> None:
    """⟨cotangent, pool(x)⟩ = ⟨gradient, x⟩ for any x, for a pool is linear."""
    path = tmp_path / "toy.onnx"
    toy(path, [("AveragePool", "x", {"kernel_shape": [3, 3], **attributes}, "y")], opset=19)
    model = Differentiable(path, SHAPE)
    rng = np.random.default_rng(0)
    cotangent = rng.normal(size=model.forward(np.zeros((1, *SHAPE), np.float32)).logits.shape)
    for x in rng.normal(size=(4, 1, *SHAPE)).astype(np.float32):
        kept = model.forward(x)
        gradient = model.backward(kept, cotangent.astype(np.float32))
        assert (kept.logits * cotangent).sum() == pytest.approx((gradient * x).sum(), abs=1e-4)


def test_any_tensor_can_be_differentiated(tmp_path: Path) -> None:
    path = tmp_path / "toy.onnx"
    toy(path, [("Mul", "x scalar", {}, "m"), ("Sigmoid", "m", {}, "y")])
    model = Differentiable(path, SHAPE, of="m")
    x = np.random.default_rng(0).normal(size=(1, *SHAPE)).astype(np.float32)
    kept = model.forward(x)
    np.testing.assert_allclose(kept.logits, 1.7 * x.reshape(1, -1), rtol=1e-6)
    found = model.backward(kept, np.ones_like(kept.logits))
    np.testing.assert_allclose(found, 1.7, rtol=1e-6)


def test_only_what_lies_on_the_way_needs_a_rule(tmp_path: Path) -> None:
    """Operators on constants, after the tensor asked for, and for a second output need none."""
    path = tmp_path / "toy.onnx"
    model = toy(path, [("Cos", "scalar", {}, "c"), ("Mul", "x c", {}, "y")])
    model.graph.node.append(helper.make_node("Cos", ["x"], ["second"]))
    model.graph.output.append(helper.make_tensor_value_info("second", TensorProto.FLOAT, None))
    onnx.save(model, path)
    assert refuses(path, SHAPE) is None
    found = Differentiable(path, SHAPE)
    kept = found.forward(np.ones((1, *SHAPE), np.float32))
    gradient = found.backward(kept, np.ones_like(kept.logits))
    np.testing.assert_allclose(gradient, np.cos(1.7), rtol=1e-6)


def test_shapes_that_cannot_be_inferred_are_measured(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*arguments: Any, **keys: Any) -> None:
        raise RuntimeError("no")

    monkeypatch.setattr(onnx.shape_inference, "infer_shapes", fail)
    check(tmp_path, [("Conv", "x k33", {"strides": [2, 2]}, "c"), ("Relu", "c", {}, "y")])


REFUSED: list[tuple[Nodes, str]] = [
    ([("Cos", "x", {}, "y")], "operator 'Cos' has no backward rule"),
    (
        [("Relu", "x", {}, "r"), ("TopK", "r first1", {}, "y places")],
        "operator 'TopK' has no backward rule",
    ),
    (
        [("Cast", "x", {"to": 10}, "c"), ("Cast", "c", {"to": 1}, "y")],
        "operator 'Cast' to anything but float32 has no backward rule",
    ),
    (
        [
            ("MaxPool", "x", {"kernel_shape": [2, 2]}, "m places"),
            ("Cast", "places", {"to": 1}, "c"),
            ("Add", "m c", {}, "y"),
        ],
        "operator 'MaxPool' has a rule for its first output only",
    ),
    (
        [("Pad", "x ends", {"mode": "edge"}, "y")],
        "operator 'Pad' of mode 'edge' has no backward rule",
    ),
    (
        [("BatchNormalization", "x four four four positive", {"training_mode": 1}, "y m v")],
        "operator 'BatchNormalization' in training has no backward rule",
    ),
    (
        [("GlobalAveragePool", "x", {}, "p"), ("MatMul", "x seven", {}, "y")],
        "operator 'MatMul' of a vector has no backward rule",
    ),
    (
        [("Transpose", "x", {"perm": [1, 0, 2, 3]}, "k"), ("Conv", "x x", {}, "y")],
        "'x' depends on the input, where only a constant has a rule",
    ),
]
WEIGHTS |= {"first1": np.array([1]), "seven": normal(6)}


@pytest.mark.parametrize(("nodes", "reason"), REFUSED, ids=[reason for _, reason in REFUSED])
def test_what_has_no_rule_is_named(tmp_path: Path, nodes: Nodes, reason: str) -> None:
    path = tmp_path / "toy.onnx"
    model = toy(path, nodes)
    for made, node in zip(model.graph.node, nodes, strict=False):
        for attribute in made.attribute if made.op_type == "Cast" else ():
            attribute.i = node[2]["to"]
    onnx.save(model, path)
    with pytest.raises(ValueError, match="classifier file") as caught:
        Differentiable(path, SHAPE)
    assert str(caught.value) == f"classifier file {path}: {reason}; use --no-gradient"
    assert refuses(path, SHAPE) == reason


def test_what_a_branch_reads_is_not_overlooked(tmp_path: Path) -> None:
    """A subgraph that reads a varying tensor lies on the way, though no input says so."""
    path = tmp_path / "toy.onnx"
    branch = helper.make_graph(
        [helper.make_node("Neg", ["x"], ["inner"])],
        "branch",
        [],
        [helper.make_tensor_value_info("inner", TensorProto.FLOAT, None)],
    )
    model = toy(path, [("Relu", "x", {}, "r"), ("Add", "r i", {}, "y")])
    condition = numpy_helper.from_array(np.array(True), "condition")
    node = helper.make_node("If", ["condition"], ["i"], then_branch=branch, else_branch=branch)
    model.graph.initializer.append(condition)
    model.graph.node.insert(0, node)
    onnx.save(model, path)
    assert refuses(path, SHAPE) == "operator 'If' has no backward rule"


def test_absent_names_are_no_tensor(tmp_path: Path) -> None:
    """An output that is left out does not make vary what leaves an input out."""
    path = tmp_path / "toy.onnx"
    nodes: Nodes = [
        ("Dropout", "x", {}, "d"),
        ("Clip", "scalar  high", {}, "k"),
        ("Cos", "k", {}, "c"),
        ("Mul", "d c", {}, "y"),
    ]
    model = toy(path, nodes)
    model.graph.node[0].output.append("")
    onnx.save(model, path)
    assert refuses(path, SHAPE) is None
    network = backward_graph.read_network(model)
    assert network.varying() == {"x", "d", "y", "z"}
    assert [node.operator for node in network.route("z")] == ["Dropout", "Mul", "Flatten"]


def test_an_input_of_another_shape_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "toy.onnx"
    toy(path, [("Relu", "x", {}, "y")], batch="N")
    assert refuses(path, SHAPE) is None
    assert refuses(path, (4, 7, 5)) == "its input is [0, 4, 7, 6], expected [1, 4, 7, 5]"


def test_a_model_that_cannot_be_run_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is run where shapes are unknown."""
    path = tmp_path / "toy.onnx"
    model = toy(path, [("MatMul", "x square", {}, "y")])
    monkeypatch.setattr("evonsfw.gradient._inferred", lambda _, shape: {"x": shape})
    for side in model.graph.input[0].type.tensor_type.shape.dim:
        side.Clear()
    onnx.save(model, path)
    assert str(refuses(path, (4, 7, 5))).startswith("onnxruntime cannot run it: ")


def test_a_softmax_at_the_end_is_differentiated_where_it_is_asked_for(
    tiny_model: Callable[..., Path],
) -> None:
    path = tiny_model().parent / "tiny.onnx"
    model = Differentiable(path, (3, 16, 16), at_output=True)
    x = np.random.default_rng(0).random((1, 3, 16, 16), np.float32)
    kept = model.forward(x)
    np.testing.assert_array_equal(kept.logits, kept.output)
    cotangent, p = np.array([0.3, -1.0, 2.0]), kept.output[0].astype(np.float64)
    expected = p * (cotangent - p @ cotangent) @ TINY_WEIGHTS / 256
    found = model.backward(kept, cotangent[None].astype(np.float32))[0]
    shown = np.broadcast_to(expected[:, None, None], found.shape)
    np.testing.assert_allclose(found, shown, rtol=1e-4, atol=1e-8)


def test_other_domains_are_named(tmp_path: Path) -> None:
    path = tmp_path / "toy.onnx"
    model = toy(path, [("Gelu", "x", {}, "y")])
    model.graph.node[0].domain = "com.microsoft"
    model.opset_import.append(helper.make_opsetid("com.microsoft", 1))
    onnx.save(model, path)
    assert refuses(path, SHAPE) == "operator 'com.microsoft.Gelu' has no backward rule"


def test_files_that_do_not_fit_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "toy.onnx"
    path.write_bytes(b"no model at all")
    assert str(refuses(path, SHAPE)).startswith("onnx cannot read it: ")
    toy(path, [("Relu", "x", {}, "y")], opset=6)
    assert refuses(path, SHAPE) == "opset 6, expected 7 or newer"
    model = toy(path, [("Relu", "x", {}, "y")])
    with pytest.raises(ValueError, match="no tensor 'q' that depends on the input"):
        Differentiable(path, SHAPE, of="q")
    model.graph.input.append(helper.make_tensor_value_info("w", TensorProto.FLOAT, [1]))
    onnx.save(model, path)
    assert refuses(path, SHAPE) == "2 inputs, expected one"


# ── open_nsfw ───────────────────────────────────────────────────────────────────────────────────

MARGIN = np.array([[-1.0, 1.0]], np.float32)


@pytest.fixture(scope="module")
def inputs() -> np.ndarray:
    """(1, 224, 224, 3) prepared: a composed picture with noise, for flat ones lie on kinks."""
    spec = read_spec("open_nsfw")
    encoding = Encoding(("triangles", "circles"), 50)
    rng = np.random.default_rng(3)
    picture = render(compose(encoding, rng, 1), encoding, (256, 256))[0]
    prepared = np.empty((1, *input_shape(spec)), np.float32)
    prepare(spec, picture, prepared[0])
    return prepared + rng.normal(scale=4, size=prepared.shape).astype(np.float32)


@pytest.fixture(scope="module")
def open_nsfw_gradient() -> Differentiable:
    spec = read_spec("open_nsfw")
    assert refuses(spec.path, input_shape(spec)) is None
    return Differentiable(spec.path, input_shape(spec))


def test_it_scores_as_the_reference_does(
    open_nsfw_gradient: Differentiable, inputs: np.ndarray
) -> None:
    """To the bit, so a forward pass that may be differentiated can stand in for a scoring."""
    session = ort_session.cpu_session(read_spec("open_nsfw").path)
    noise = np.random.default_rng(0).normal(scale=60, size=(3, *inputs.shape)).astype(np.float32)
    for x in (inputs, *noise, np.zeros_like(inputs)):
        expected = session.run(None, {session.get_inputs()[0].name: x})[0]
        np.testing.assert_array_equal(open_nsfw_gradient.forward(x).output, expected)


def test_open_nsfw_equals_differences(
    open_nsfw_gradient: Differentiable, inputs: np.ndarray
) -> None:
    """In float64, along the gradient and along something smooth."""
    kept = open_nsfw_gradient.forward(inputs)
    gradient = open_nsfw_gradient.backward(kept, MARGIN).astype(np.float64)
    model = onnx.load(read_spec("open_nsfw").path)
    for tensor in model.graph.initializer:
        array = numpy_helper.to_array(tensor)
        if array.dtype == np.float32:
            tensor.CopyFrom(numpy_helper.from_array(array.astype(np.float64), tensor.name))
    source = model.graph.input[0]
    source.type.tensor_type.elem_type = TensorProto.DOUBLE
    model.graph.output[0].name = model.graph.node[-1].input[0]
    evaluator = ReferenceEvaluator(model)
    coarse = np.random.default_rng(5).normal(size=(1, 7, 7, 3))
    for direction in (gradient, coarse.repeat(32, axis=1).repeat(32, axis=2)):
        unit = direction / np.linalg.norm(direction)
        ends = [
            evaluator.run(None, {source.name: inputs.astype(np.float64) + step * unit})[0]
            for step in (1e-4, -1e-4)
        ]
        slope = float(((ends[0] - ends[1]) * MARGIN).sum() / 2e-4)
        assert float((gradient * unit).sum()) == pytest.approx(slope, rel=1e-4)


def test_open_nsfw_equals_torch(open_nsfw_gradient: Differentiable, inputs: np.ndarray) -> None:
    torch = pytest.importorskip("torch")
    network = backward_graph.read_network(onnx.load(read_spec("open_nsfw").path))
    initial = onnx.load(read_spec("open_nsfw").path).graph.initializer
    values = {t.name: torch.tensor(numpy_helper.to_array(t).copy()) for t in initial}
    x = torch.tensor(inputs, requires_grad=True)
    values[network.source] = x
    for node in network.nodes[:-1]:
        values[node.outputs[0]] = by_torch(torch, node, [values[name] for name in node.inputs])
    logits = values[network.nodes[-1].inputs[0]]
    (logits * torch.tensor(MARGIN)).sum().backward()
    kept = open_nsfw_gradient.forward(inputs)
    np.testing.assert_allclose(kept.logits, logits.detach().numpy(), rtol=1e-4)
    found, expected = open_nsfw_gradient.backward(kept, MARGIN), x.grad.numpy()
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-3 * np.abs(expected).max())
    cosine = (found * expected).sum() / np.linalg.norm(found) / np.linalg.norm(expected)
    assert cosine > 0.99999


def by_torch(torch: Any, node: backward_graph.Node, inputs: list[Any]) -> Any:
    """What torch makes of one of open_nsfw's operators."""
    functional, told = torch.nn.functional, node.attributes
    x = inputs[0]
    pads = told.get("pads", [0] * 4)
    around = [pads[1], pads[3], pads[0], pads[2]]
    match node.operator:
        case "Conv":
            return functional.conv2d(functional.pad(x, around), *inputs[1:], told["strides"])
        case "MaxPool":
            padded = functional.pad(x, around, value=-torch.inf)
            return functional.max_pool2d(padded, told["kernel_shape"], told["strides"])
        case "AveragePool":
            return functional.avg_pool2d(x, told["kernel_shape"], told["strides"])
        case "Relu":
            return functional.relu(x)
        case "Add":
            return x + inputs[1]
        case "MatMul":
            return x @ inputs[1]
        case "Reshape":
            return x.reshape([int(side) for side in inputs[1]])
        case "Transpose":
            return x.permute(told["perm"])
    raise AssertionError(node.operator)
