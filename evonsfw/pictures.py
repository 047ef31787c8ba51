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
    return np.asarray(_over(target_image(path, canvas), "white"))


def target_image(path: Path, canvas: Canvas | None) -> Image.Image:
    """A target picture of any mode, upright, with the transparency that it has.

    Args:
        path: the file.
        canvas: width and height to bring it to, or None for its own size.

    Returns:
        of mode RGB; or RGBA, where something is transparent.

    Raises:
        ValueError: as `open_picture`.
    """
    image = _in_colours(ImageOps.exif_transpose(open_picture(path, "target picture")))
    if canvas is not None and image.size != canvas:
        image = image.resize(canvas, Image.Resampling.LANCZOS)
    return image


def mask_image(path: Path, canvas: Canvas) -> Image.Image:
    """A picture that says by its grey what counts, brought to a canvas: of mode L, upright, black
    where it is transparent.

    Raises:
        ValueError: as `open_picture`, or all of it is black.
    """
    image = _in_colours(ImageOps.exif_transpose(open_picture(path, "weight mask")))
    grey = _over(image, "black").convert("L")
    if grey.size != canvas:
        grey = grey.resize(canvas, Image.Resampling.BILINEAR)  # a sharper one would overshoot
    if grey.getextrema() == (0, 0):
        raise ValueError(
            f"weight mask {path}: black all over, so nothing counts: paint white what should"
        )
    return grey


def weights_on_canvas(
    target: Path, mask: Path | None, canvas: Canvas
) -> npt.NDArray[np.float32] | None:
    """How much each pixel of a target counts: the mask's grey times the target's own opacity.

    Args:
        target: the target picture's file.
        mask: the mask's, or None for one that is white.
        canvas: width and height that both are brought to.

    Returns:
        (H, W) float32 in [0, 1], some above 0; None where all is 1.

    Raises:
        ValueError: as `mask_image`, or nothing counts.
    """
    image = target_image(target, canvas)
    weights = np.ones((canvas[1], canvas[0]), np.float32)
    if image.mode == "RGBA":
        weights *= np.asarray(image.getchannel("A"), np.float32) / 255.0
    if not weights.any():
        raise ValueError(f"target picture {target}: transparent all over, so nothing counts")
    if mask is not None:
        weights *= np.asarray(mask_image(mask, canvas), np.float32) / 255.0
    if not weights.any():
        raise ValueError(
            f"weight mask {mask}: black wherever target picture {target} is opaque, so nothing "
            f"counts: paint white what should"
        )
    return None if (weights == 1.0).all() else weights


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


def _in_colours(image: Image.Image) -> Image.Image:
    """RGB, or RGBA where something is transparent; 16-bit greys scaled to 8."""
    if image.mode.startswith("I;16") or image.mode in ("I", "F"):
        grey = np.asarray(image, np.float64)
        top = 65535.0 if image.mode != "F" or grey.max(initial=0.0) > 1.0 else 1.0
        image = Image.fromarray(np.clip(grey / top * 255.0 + 0.5, 0, 255).astype(np.uint8))
    if image.has_transparency_data:
        rgba = image.convert("RGBA")
        if rgba.getchannel("A").getextrema() != (255, 255):
            return rgba
    return image.convert("RGB")


def _over(image: Image.Image, colour: str) -> Image.Image:
    """RGB, with a colour below what is transparent."""
    if image.mode != "RGBA":
        return image
    return Image.alpha_composite(Image.new("RGBA", image.size, colour), image).convert("RGB")
