"""The three rules of rectifiers, by hand; and derivatives at inner tensors, against differences."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from onnx import TensorProto
from test_gradient import SHAPE, slopes, toy

from evonsfw.backward_graph import ReluRule
from evonsfw.gradient import Differentiable

X = np.array([-2.0, -1.0, 1.0, 2.0, 7.0], np.float32)
COTANGENT = np.array([1.0, -1.0, 1.0, -1.0, 1.0], np.float32)
BY_HAND: dict[ReluRule, list[float]] = {
    "gradient": [0, 0, 1, -1, 1],
    "deconvnet": [1, 0, 1, 0, 1],
    "guided": [0, 0, 1, 0, 1],
}


def back(path: Path, relu: ReluRule) -> tuple[np.ndarray, int]:
    model = Differentiable(path, (1, 1, 5), relu=relu)
    kept = model.forward(X.reshape(1, 1, 1, 5))
    return model.backward(kept, COTANGENT[None]).ravel(), model.rectifiers


@pytest.mark.parametrize("relu", BY_HAND)
def test_a_rectifier_by_hand(tmp_path: Path, relu: ReluRule) -> None:
    """Forward positive at the last three, signal positive at the first, third and fifth."""
    path = tmp_path / "toy.onnx"
    toy(path, [("Relu", "x", {}, "y")], shape=(1, 1, 5))
    found, rectifiers = back(path, relu)
    np.testing.assert_array_equal(found, BY_HAND[relu])
    assert rectifiers == 1


@pytest.mark.parametrize("relu", BY_HAND)
def test_a_clip_from_0_is_a_rectifier(tmp_path: Path, relu: ReluRule) -> None:
    """As in MobileNet's Relu6: 7 is cut off, so no gradient comes back there, but the deconvnet
    does not ask what the forward pass did.
    """
    path = tmp_path / "toy.onnx"
    toy(path, [("Clip", "x", {"min": 0.0, "max": 6.0}, "y")], shape=(1, 1, 5), opset=9)
    found, rectifiers = back(path, relu)
    expected = [*BY_HAND[relu][:4], 1.0 if relu == "deconvnet" else 0.0]
    np.testing.assert_array_equal(found, expected)
    assert rectifiers == 1


@pytest.mark.parametrize("kind", ["LeakyRelu", "Sigmoid", "HardSwish", "Clip"])
def test_what_else_is_bent_keeps_its_derivative(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "toy.onnx"
    toy(path, [(kind, "x low" if kind == "Clip" else "x", {}, "y")], shape=(1, 1, 5))
    plain, rectifiers = back(path, "gradient")
    assert rectifiers == 0
    for relu in BY_HAND:
        np.testing.assert_array_equal(back(path, relu)[0], plain)


NETWORK = [
    ("Conv", "x k33 six", {"pads": [1, 1, 1, 1]}, "c"),
    ("Relu", "c", {}, "r"),
    ("AveragePool", "r", {"kernel_shape": [2, 2], "strides": [2, 2]}, "m"),
    ("Sigmoid", "m", {}, "s"),
    ("Mul", "s m", {}, "y"),
]


@pytest.mark.parametrize(("at", "first"), [("c", 1), ("r", 2), ("m", 3)])
def test_at_an_inner_tensor_it_equals_differences(tmp_path: Path, at: str, first: int) -> None:
    """Of a float64 model that begins there."""
    path = tmp_path / "toy.onnx"
    toy(path, NETWORK)
    rng = np.random.default_rng(4)
    x = rng.normal(size=(1, *SHAPE)).astype(np.float32)
    model = Differentiable(path, SHAPE, at=at)
    kept = model.forward(x)
    assert kept.activation is not None
    cotangent = rng.normal(size=kept.logits.shape).astype(np.float32)
    found = model.backward(kept, cotangent)
    rest = [(kind, inputs.replace(at, "x"), *more) for kind, inputs, *more in NETWORK[first:]]
    double = toy(tmp_path / "double.onnx", rest, kept.activation.shape[1:], kind=TensorProto.DOUBLE)
    expected = slopes(double, kept.activation, cotangent)
    assert found.shape == kept.activation.shape
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-5 * np.abs(expected).max())
    whole = Differentiable(path, SHAPE).forward(x)
    assert whole.activation is None
    np.testing.assert_array_equal(kept.output, whole.output)


def test_two_readers_of_an_inner_tensor_are_added_up(tmp_path: Path) -> None:
    """At m, the sigmoid's way and the straight one: d(m σ(m)) = σ + m σ (1 − σ)."""
    path = tmp_path / "toy.onnx"
    toy(path, [("Tanh", "x", {}, "m"), *NETWORK[3:]])
    x = np.random.default_rng(4).normal(size=(1, *SHAPE)).astype(np.float32)
    model = Differentiable(path, SHAPE, at="m")
    m = np.tanh(x)
    sigmoid = 1 / (1 + np.exp(-m))
    ones = np.ones((1, m.size), np.float32)
    expected = sigmoid + m * sigmoid * (1 - sigmoid)
    np.testing.assert_allclose(model.backward(model.forward(x), ones), expected, rtol=1e-5)


def test_an_operator_without_rule_before_the_inner_tensor_is_no_hindrance(tmp_path: Path) -> None:
    path = tmp_path / "toy.onnx"
    toy(path, [("Softplus", "x", {}, "s"), ("Relu", "s", {}, "y")])
    x = np.ones((1, *SHAPE), np.float32)
    model = Differentiable(path, SHAPE, at="s")
    ones = np.ones((1, x.size), np.float32)
    np.testing.assert_array_equal(model.backward(model.forward(x), ones), x)
    with pytest.raises(ValueError, match=r"'Softplus' has no backward rule; ask the moon$"):
        Differentiable(path, SHAPE, instead="ask the moon")


@pytest.mark.parametrize(
    ("of", "at", "message"),
    [
        ("c", "r", "tensor 'c' does not depend on 'r'"),
        ("r", "r", "tensor 'r' does not depend on 'r'"),
        ("y", "k33", "no tensor 'k33' that depends on the input"),
    ],
)
def test_tensors_in_the_wrong_order_are_told(
    tmp_path: Path, of: str, at: str, message: str
) -> None:
    path = tmp_path / "toy.onnx"
    toy(path, NETWORK)
    with pytest.raises(ValueError, match=message):
        Differentiable(path, SHAPE, of=of, at=at)
