"""Models up to a layer: the same numbers as the whole model, and other sizes."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import pytest
from convolutional import POINTS, SIDE, convolutional

from evonsfw.feeding import feed, feed_back
from evonsfw.gradient import Differentiable
from evonsfw.layers import find_layer
from evonsfw.model_spec import read_spec
from evonsfw.preparation import input_shape, prepare
from evonsfw.truncated import LARGEST, SMALLEST, Depth, mean_of, middle_layer, truncate

RNG = np.random.default_rng(5)
LAYOUTS = pytest.mark.parametrize("layout", ["NCHW", "NHWC"])


def floats(height: int, width: int) -> np.ndarray:
    return RNG.uniform(0, 255, (height, width, 3)).astype(np.float32)


@LAYOUTS
def test_the_truncated_model_says_what_the_whole_one_does(tmp_path: Path, layout: str) -> None:
    spec = convolutional(tmp_path, layout)
    whole = Differentiable(spec.path, input_shape(spec), of="things")
    cut = tmp_path / "cut.onnx"
    cut.write_bytes(truncate(spec.path, "things", layout))
    part = Differentiable(cut, input_shape(spec), of="things")
    inputs = feed(spec, floats(SIDE, SIDE))[None]
    assert np.array_equal(part.forward(inputs).logits, whole.forward(inputs).logits)
    names = {constant.name for constant in onnx.load(cut).graph.initializer}
    assert names == {"first", "second"}


def test_truncating_at_a_tensor_that_is_not_there(tmp_path: Path) -> None:
    spec = convolutional(tmp_path)
    with pytest.raises(ValueError, match="no tensor 'none'"):
        truncate(spec.path, "none", "NCHW")


@LAYOUTS
def test_feeding_equals_the_preparation_of_whole_numbers(tmp_path: Path, layout: str) -> None:
    spec = convolutional(tmp_path, layout)
    picture = RNG.integers(0, 256, (SIDE, SIDE, 3), np.uint8)
    expected = np.empty(input_shape(spec), np.float32)
    prepare(spec, picture, expected)
    assert np.allclose(feed(spec, picture.astype(np.float32)), expected, atol=1e-5)


@LAYOUTS
def test_feeding_back_is_feeding_transposed(tmp_path: Path, layout: str) -> None:
    spec = convolutional(tmp_path, layout)
    a, b = floats(5, 7), floats(5, 7)
    cotangent = RNG.normal(size=feed(spec, a).shape).astype(np.float32)
    forward = float(np.sum((feed(spec, a) - feed(spec, b)).astype(np.float64) * cotangent))
    back = float(np.sum((a - b).astype(np.float64) * feed_back(spec, cotangent)))
    assert forward == pytest.approx(back, rel=1e-4)


@LAYOUTS
def test_a_layer_of_points_has_the_gradient_of_its_weights(tmp_path: Path, layout: str) -> None:
    """D mean(channel) / d pixel is weight · scale / std / area, in RGB."""
    spec = convolutional(tmp_path, layout)
    depth = Depth(spec, find_layer(spec, "points"))
    size = depth.tile((70, 100))
    assert size == (72, 104)
    found = depth.gradient(floats(*size), channel=0)
    bgr = POINTS[0] * spec.scale / np.array(spec.std) / (size[0] * size[1])
    assert np.allclose(found, bgr[::-1], rtol=1e-4)


def test_the_gradient_of_all_channels_is_that_of_half_the_squares(tmp_path: Path) -> None:
    spec = convolutional(tmp_path)
    depth = Depth(spec, find_layer(spec, "points"))
    pixels = floats(64, 64)
    said = (feed(spec, pixels).reshape(3, -1).T @ POINTS.T).astype(np.float64)
    expected = (said @ POINTS) * spec.scale / np.array(spec.std)
    assert np.allclose(depth.gradient(pixels).reshape(-1, 3), expected[:, ::-1], rtol=1e-3)


def test_a_model_of_one_size_sees_tiles_of_it(tmp_path: Path) -> None:
    spec = convolutional(tmp_path, fixed=True)
    assert Depth(spec, find_layer(spec, "things")).tile((300, 20)) == (SIDE, SIDE)
    assert Depth(spec, find_layer(spec, "rectified")).tile((300, 20)) == (304, SMALLEST)


def test_large_pictures_are_seen_in_few_tiles_of_equal_size(tmp_path: Path) -> None:
    depth = Depth(convolutional(tmp_path), find_layer(convolutional(tmp_path), "points"))
    assert depth.tile((LARGEST, LARGEST + 1)) == (LARGEST, 264)
    assert depth.tile((1, 5000)) == (SMALLEST, 504)


def test_a_model_is_opened_once_a_size(tmp_path: Path) -> None:
    spec = convolutional(tmp_path)
    depth = Depth(spec, find_layer(spec, "points"))
    assert depth.open((64, 64)) is depth.open((64, 64))


def test_mean_of_a_channel_adds_up_to_one() -> None:
    assert np.array_equal(mean_of(1, 3, 6), [[0, 0, 0.5, 0.5, 0, 0]])


def test_the_middle_layer(tmp_path: Path) -> None:
    assert middle_layer(read_spec("open_nsfw")).name == "Relu_15"
    assert middle_layer(convolutional(tmp_path)).name == "things"
