"""What a model feels, brought back to the picture: <A x, y> = <x, Aᵀ y>, with A from Pillow."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from conftest import drawn
from PIL import Image

from evonsfw.jpeg import round_trip
from evonsfw.model_spec import ModelSpec, read_spec
from evonsfw.preparation import input_shape, prepare, pull_back, resize_back

FILTERS = ["nearest", "bilinear", "bicubic", "lanczos", "box", "hamming"]
SIZES = [(40, 30), (64, 64), (17, 90), (40, 64), (64, 30), (1, 1)]
MEAN, STD = (11.0, 5.0, -3.0), (2.0, 0.5, 4.0)


def _spec(**more: Any) -> ModelSpec:
    fields: dict[str, Any] = {
        "name": "made-up",
        "file": "none.onnx",
        "layout": "NHWC",
        "resize": {"width": 40, "height": 30},
        "output": "logits",
        "classes": ("a", "b"),
        **more,
    }
    return ModelSpec.model_validate(fields)


def _resized(pixels: np.ndarray, size: tuple[int, int], method: str) -> np.ndarray:
    """(H, W, 3) float32 through Pillow's resize of float planes."""
    planes = [Image.fromarray(np.ascontiguousarray(plane)) for plane in pixels.transpose(2, 0, 1)]
    kind = Image.Resampling[method.upper()]
    return np.stack([np.asarray(plane.resize(size, kind)) for plane in planes], axis=-1)


def _linear(spec: ModelSpec, pixels: np.ndarray) -> np.ndarray:
    """`prepare` without rounding, JPEG and mean, step by step."""
    resize, crop = spec.resize, spec.crop or spec.resize
    pixels = _resized(pixels, (resize.width, resize.height), resize.filter)
    left, top = (resize.width - crop.width) // 2, (resize.height - crop.height) // 2
    pixels = pixels[top : top + crop.height, left : left + crop.width]
    if spec.channels == "BGR":
        pixels = pixels[..., ::-1]
    pixels = pixels * spec.scale / np.array(spec.std)
    return pixels if spec.layout == "NHWC" else pixels.transpose(2, 0, 1)


def _check_adjoint(spec: ModelSpec, size: tuple[int, int]) -> None:
    rng = np.random.default_rng(1)
    picture = rng.normal(size=(size[1], size[0], 3)).astype(np.float32)
    cotangent = rng.normal(size=input_shape(spec)).astype(np.float32)
    found = pull_back(spec, cotangent, size)
    assert found.shape == picture.shape
    assert found.dtype == np.float32
    forward = _linear(spec, picture) * cotangent
    backward = picture.astype(float) * found
    assert forward.sum() == pytest.approx(backward.sum(), abs=1e-5 * np.abs(forward).sum())


@pytest.mark.parametrize("method", FILTERS)
@pytest.mark.parametrize("size", SIZES)
def test_transposed_resize(method: str, size: tuple[int, int]) -> None:
    _check_adjoint(_spec(resize={"width": 40, "height": 30, "filter": method}, scale=1.0), size)


@pytest.mark.parametrize("layout", ["NHWC", "NCHW"])
@pytest.mark.parametrize("channels", ["RGB", "BGR"])
@pytest.mark.parametrize("crop", [None, (40, 30), (33, 24), (1, 1)])
def test_transposed_preparation(layout: str, channels: str, crop: tuple[int, int] | None) -> None:
    box = crop and {"width": crop[0], "height": crop[1]}
    spec = _spec(layout=layout, channels=channels, crop=box, mean=MEAN, std=STD)
    for size in SIZES:
        _check_adjoint(spec, size)


def test_a_single_pixel_at_the_models_own_size() -> None:
    """By hand: the last channel of the input is the first of the picture, at the crop's offset."""
    spec = _spec(channels="BGR", crop={"width": 30, "height": 20}, scale=0.5, std=STD)
    cotangent = np.zeros((20, 30, 3), np.float32)
    cotangent[3, 4, 2] = 8.0
    expected = np.zeros((30, 40, 3), np.float32)
    expected[3 + 5, 4 + 5, 0] = 8.0 * 0.5 / 4.0
    np.testing.assert_array_equal(pull_back(spec, cotangent, (40, 30)), expected)


@pytest.mark.parametrize("size", [(256, 256), (512, 512), (100, 180)])
def test_default_model_is_followed(size: tuple[int, int]) -> None:
    """To the rounding to 8 bits: a smooth change of a picture, felt through `prepare` itself."""
    spec = read_spec("open_nsfw")
    width, height = size
    y, x = np.mgrid[:height, :width] / max(size)
    base = 110.0 + 50.0 * np.stack([np.sin(3 * x), np.cos(2 * y), np.sin(x + y)], axis=-1)
    change = 20.0 * np.stack([np.cos(2 * x + y), np.sin(2 * y), 1.0 - x * y], axis=-1)
    cotangent = np.full(input_shape(spec), 1.0, np.float32)
    cotangent *= np.float32([0.3, 1.0, 2.0])
    felt = []
    for picture in (base - change, base + change):
        out = np.empty(input_shape(spec), np.float32)
        prepare(spec, np.round(picture).astype(np.uint8), out, jpeg=False)
        felt.append(float(np.sum(out * cotangent, dtype=float)))
    found = np.sum(pull_back(spec, cotangent, size) * 2.0 * change, dtype=float)
    assert found == pytest.approx(felt[1] - felt[0], rel=2e-3)


@pytest.mark.parametrize("layout", ["NHWC", "NCHW"])
def test_jpeg_can_be_left_out(layout: str) -> None:
    """With the step it is the JPEG that is prepared, without it the picture."""
    picture = np.asarray(drawn(40, 30))
    own, none = _spec(layout=layout, jpeg=True), _spec(layout=layout, jpeg=False)

    def prepared(spec: ModelSpec, pixels: np.ndarray, jpeg: bool) -> np.ndarray:
        out = np.empty(input_shape(spec), np.float32)
        prepare(spec, pixels, out, jpeg)
        return out

    coded = round_trip(picture)
    assert np.any(coded != picture)
    np.testing.assert_array_equal(prepared(own, picture, False), prepared(none, picture, True))
    np.testing.assert_array_equal(prepared(own, picture, True), prepared(none, coded, True))
    np.testing.assert_array_equal(prepared(none, picture, False), prepared(none, picture, True))


def test_resize_to_the_same_size_is_the_identity() -> None:
    cotangent = np.random.default_rng(2).normal(size=(5, 7, 3)).astype(np.float32)
    found = resize_back(cotangent, (7, 5), Image.Resampling.LANCZOS)
    np.testing.assert_array_equal(found, cotangent)


def test_a_cotangent_that_does_not_fit_is_refused() -> None:
    with pytest.raises(ValueError, match=r"cotangent of shape \(3, 30, 40\): expected \(30, 40"):
        pull_back(_spec(), np.zeros((3, 30, 40), np.float32), (40, 30))
