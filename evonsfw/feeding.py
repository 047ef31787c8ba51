"""Pixels that are no whole numbers to what a model is given, and the gradient back.

As `preparation` does it, without the resize, the crop and the JPEG step.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from evonsfw.model_spec import ModelSpec

Floats = npt.NDArray[np.float32]


def feed(spec: ModelSpec, pixels: Floats) -> Floats:
    """(H, W, 3) float32 sRGB in 0…255 to (H, W, 3) or (3, H, W) float32, by `spec.layout`."""
    ordered = pixels[..., ::-1] if spec.channels == "BGR" else pixels
    mean, std = (np.array(numbers, np.float32) for numbers in (spec.mean, spec.std))
    values = (ordered * np.float32(spec.scale) - mean) / std
    return np.ascontiguousarray(values if spec.layout == "NHWC" else values.transpose(2, 0, 1))


def feed_back(spec: ModelSpec, cotangent: Floats) -> Floats:
    """`feed` transposed: (H, W, 3) or (3, H, W) d f / d input to (H, W, 3) d f / d pixels."""
    values = cotangent if spec.layout == "NHWC" else cotangent.transpose(1, 2, 0)
    pixels = values * np.float32(spec.scale / np.array(spec.std))
    return np.ascontiguousarray(pixels[..., ::-1] if spec.channels == "BGR" else pixels)
