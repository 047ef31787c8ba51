"""Picture files that people hand in: opened safely, or refused in one line."""

from __future__ import annotations

import struct
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageOps, UnidentifiedImageError

from evonsfw.shapes import Canvas

MIN_SIDE = 2
MAX_PIXELS = 89_478_485
"""Pillow's own limit before it warns of a decompression bomb; about 9,459 x 9,459."""
MAX_TEXT = 64 * 1024**2
"""Bytes of a drawing or a page that is read."""


class _RefusedError(ValueError):
    """A whole picture that is not of the wanted kind."""


def open_picture(path: Path, what: str) -> Image.Image:
    """Read one still picture.

    Args:
        path: the file.
        what: what it is, for error messages ("target picture").

    Raises:
        ValueError: it is missing, not a picture, damaged, animated, too small or too large.
    """
    with opened(path, what) as file:
        image = Image.open(file)
        _check(image, path, what)
        image.load()
    return image


@contextmanager
def opened(path: Path, what: str) -> Iterator[BinaryIO]:
    """A picture file while Pillow reads it; whatever goes wrong is told in one line.

    Args:
        path: the file.
        what: what it is, for error messages.

    Raises:
        ValueError: it is missing, not a picture, or damaged.
    """
    try:
        with warnings.catch_warnings(), path.open("rb") as file:
            warnings.simplefilter("ignore")  # Pillow warns of sizes and tags; `_check` decides
            yield file
    except FileNotFoundError:
        raise ValueError(f"{what} {path}: no such file") from None
    except UnidentifiedImageError:
        raise ValueError(f"{what} {path}: not a picture that Pillow can read") from None
    except Image.DecompressionBombError:
        raise ValueError(_too_large(path, what, "over 178 million")) from None
    except _RefusedError:
        raise
    except Exception as error:  # noqa: BLE001  # a damaged file makes Pillow raise nearly anything
        raise ValueError(f"{what} {path}: cannot be read: {_reason(error)}") from None


def _reason(error: Exception) -> str:
    """What is wrong with a file, where Pillow raised this."""
    if isinstance(error, struct.error | IndexError):
        return "cut short or damaged"
    return getattr(error, "strerror", None) or " ".join(str(error).split())


def read_text(path: Path, what: str) -> str:
    """Read a file of UTF-8 text whole.

    Args:
        path: the file.
        what: what it is, for error messages.

    Raises:
        ValueError: it is missing, too large, or no text.
    """
    try:
        with path.open("rb") as file:
            content = file.read(MAX_TEXT + 1)
        if len(content) > MAX_TEXT:
            raise ValueError(f"{what} {path}: larger than {MAX_TEXT // 1024**2} MB")
        return content.decode("utf-8-sig")
    except FileNotFoundError:
        raise ValueError(f"{what} {path}: no such file") from None
    except OSError as error:
        raise ValueError(f"{what} {path}: cannot be read: {error.strerror}") from None
    except UnicodeDecodeError:
        raise ValueError(f"{what} {path}: not a file of UTF-8 text") from None


def target_on_canvas(path: Path, canvas: Canvas | None) -> npt.NDArray[np.uint8]:
    """A target picture of any mode, upright, over white where it is transparent.

    Args:
        path: the file.
        canvas: width and height to bring it to, or None for its own size.

    Returns:
        (H, W, 3) uint8 sRGB.

    Raises:
        ValueError: as `open_picture`.
    """
    image = ImageOps.exif_transpose(open_picture(path, "target picture"))
    rgb = _flattened(image)
    if canvas is not None and rgb.size != canvas:
        rgb = rgb.resize(canvas, Image.Resampling.LANCZOS)
    return np.asarray(rgb)


def _check(image: Image.Image, path: Path, what: str) -> None:
    width, height = image.size
    frames = getattr(image, "n_frames", 1)
    if frames > 1 and image.format != "MPO":  # a phone's JPEG: its other frames are previews
        raise _RefusedError(f"{what} {path}: animated ({frames} frames): save one frame of it")
    if min(width, height) < MIN_SIDE:
        raise _RefusedError(f"{what} {path}: {width}x{height} pixels: expected at least 2x2")
    if width * height > MAX_PIXELS:
        raise _RefusedError(_too_large(path, what, f"{width}x{height}"))


def _too_large(path: Path, what: str, size: str) -> str:
    return f"{what} {path}: {size} pixels: expected at most 89 million; scale it down first"


def _flattened(image: Image.Image) -> Image.Image:
    """RGB, 16-bit greys scaled to 8, transparency over white."""
    if image.mode.startswith("I;16") or image.mode in ("I", "F"):
        grey = np.asarray(image, np.float64)
        top = 65535.0 if image.mode != "F" or grey.max(initial=0.0) > 1.0 else 1.0
        image = Image.fromarray(np.clip(grey / top * 255.0 + 0.5, 0, 255).astype(np.uint8))
    if image.has_transparency_data:
        rgba = image.convert("RGBA")
        white = Image.new("RGBA", rgba.size, "white")
        return Image.alpha_composite(white, rgba).convert("RGB")
    return image.convert("RGB")
