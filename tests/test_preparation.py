"""Pictures as a model is given them: every layout and order of channels, step by step in NumPy."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pytest
from conftest import drawn
from PIL import Image

from evonsfw.jpeg import round_trip
from evonsfw.model_spec import ModelSpec
from evonsfw.preparation import Preparation, input_shape, prepare

PLAIN = {"mean": (104.0, 117.25, -3.0)}
SCALED = {"scale": 1 / 255, "mean": (0.485, 0.456, 0.406), "std": (0.229, 0.224, 0.225)}
KINDS = list(itertools.product(["NHWC", "NCHW"], ["RGB", "BGR"], [False, True], [PLAIN, SCALED]))


def _spec(**more: Any) -> ModelSpec:
    fields: dict[str, Any] = {
        "name": "made-up",
        "file": "none.onnx",
        "resize": {"width": 40, "height": 30},
        "crop": {"width": 33, "height": 24},
        "output": "logits",
        "classes": ("a", "b"),
        **more,
    }
    return ModelSpec.model_validate(fields)


def _by_hand(spec: ModelSpec, picture: np.ndarray, jpeg: bool) -> np.ndarray:
    """Resized by Pillow, cut from the middle, coded, and each value computed in float32."""
    small = np.asarray(Image.fromarray(picture).resize((40, 30), Image.Resampling.BILINEAR))
    pixels = np.ascontiguousarray(small[3:27, 3:36])
    if spec.jpeg and jpeg:
        pixels = round_trip(pixels)
    if spec.channels == "BGR":
        pixels = pixels[..., ::-1]
    scaled = pixels.astype(np.float32) * np.float32(spec.scale)
    values = (scaled - np.float32(spec.mean)) / np.float32(spec.std)
    return values if spec.layout == "NHWC" else values.transpose(2, 0, 1)


@pytest.mark.parametrize(("layout", "channels", "jpeg", "values"), KINDS)
def test_any_model_gets_what_its_description_says(
    layout: str, channels: str, jpeg: bool, values: dict[str, Any]
) -> None:
    spec = _spec(layout=layout, channels=channels, jpeg=jpeg, **values)
    again, out = Preparation(spec), np.full(input_shape(spec), np.nan, np.float32)
    for size, step in itertools.product([(40, 30), (97, 41), (7, 50)], [True, False]):
        picture = np.asarray(drawn(*size))
        again(picture, out, step)
        np.testing.assert_array_equal(out, _by_hand(spec, picture, step))
        alone = np.empty_like(out)
        prepare(spec, picture, alone, step)
        np.testing.assert_array_equal(out, alone)


@pytest.mark.parametrize("shape", [(24, 32, 3), (3, 24, 33), (24 * 33 * 3,)])
def test_an_input_of_another_shape(shape: tuple[int, ...]) -> None:
    spec = _spec(layout="NHWC")
    with pytest.raises(ValueError, match=r"expected \(24, 33, 3\)"):
        prepare(spec, np.zeros((30, 40, 3), np.uint8), np.zeros(shape, np.float32))
