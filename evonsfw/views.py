"""What may happen to a picture before it is scored: saved again, re-rendered, moved, turned.

A picture that only one rounding of its pixels makes what it is falls apart in the next program. A
view is one thing that happens to pictures in the world; a search that scores several at a time
finds pictures that stand them all (expectation over transformation: Athalye, Engstrom, Ilyas, Kwok
2018), and views that it never sees, `HELD_OUT`, tell whether it has.

Views are constants: other processes are told an index into `SEARCHED`.
"""

from __future__ import annotations

import io
from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from functools import partial
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image

from evonsfw import jpeg
from evonsfw.genome import Encoding, Genome
from evonsfw.preparation import Pictures, resize_back
from evonsfw.raster import render
from evonsfw.shapes import Canvas

Floats = npt.NDArray[np.float32]
QUALITIES = (50, 60, 70, 80, 90, 95)
"""JPEG qualities that programs save at; 75, the model's own, is in every view but "no jpeg"."""
SHIFT, CUT, SMALL = 3, 7, 180  # pixels
FFMPEG_QUALITY = 5
"""FFmpeg's quantiser scale, 2 (finest) to 31: about as fine as libjpeg's quality 80."""
LANCZOS = Image.Resampling.LANCZOS


def _same(picture: Pictures) -> Pictures:
    return picture


def _same_back(cotangent: Floats, _size: Canvas) -> Floats:
    return cotangent


@dataclass(frozen=True)
class View:
    """One thing that happens to a picture; what follows is the classifier's whole preparation.

    Attributes:
        name: what tables call it.
        side: longer side in pixels that the genome is rendered at; None for the run's canvas.
        own_jpeg: whether the preparation has the JPEG step that the model's description asks for.
        change: (H, W, 3) uint8 to (H', W', 3) uint8; its argument is left as it was. Raises
            ValueError, with the reason in a few words, where a picture's size does not allow it.
        back: (H', W', 3) float32 cotangent and (W, H), the size before `change`, to (H, W, 3): the
            transposed derivative of `change`. Exact where that is linear; rounding to 8 bits, JPEG
            and WebP are taken as the identity (BPDA: Athalye, Carlini, Wagner 2018).
    """

    name: str
    side: int | None = None
    own_jpeg: bool = True
    change: Callable[[Pictures], Pictures] = _same
    back: Callable[[Floats, Canvas], Floats] = _same_back


def apply(view: View, encoding: Encoding, canvas: Canvas, genome: Genome) -> Pictures:
    """Render one genome as a view has it.

    Args:
        view: one of `SEARCHED` or `HELD_OUT`.
        encoding: what the genes mean.
        canvas: the run's, width and height in pixels.
        genome: (L,) float32 in [0, 1].

    Returns:
        (H', W', 3) uint8 sRGB.

    Raises:
        ValueError: the canvas is too small or too large for the view.
    """
    return view.change(render(genome[None], encoding, canvas_of(view, canvas))[0])


def canvas_of(view: View, canvas: Canvas) -> Canvas:
    """Width and height that a view is rendered at, before its `change`."""
    return canvas if view.side is None else _fitted(canvas, view.side)


def _fitted(size: Canvas, side: int) -> Canvas:
    """The size with the same proportions whose longer side is `side`."""
    width, height = size
    scale = side / max(size)
    return max(1, round(width * scale)), max(1, round(height * scale))


def _saved(picture: Pictures, kind: str, **options: Any) -> Pictures:
    """A picture through a file of that kind, as Pillow writes and reads it."""
    file = io.BytesIO()
    try:
        Image.fromarray(picture).save(file, kind, **options)
    except (OSError, ValueError):  # by kind and version of Pillow, either says the size is too much
        height, width, _ = picture.shape
        raise ValueError(f"{kind} cannot hold {width}x{height} pixels") from None
    return np.array(Image.open(file).convert("RGB"))


def _saved_by_ffmpeg(picture: Pictures) -> Pictures:
    """A picture through a JPEG file that FFmpeg's encoder writes and Pillow reads."""
    import av

    height, width, _ = picture.shape
    encoder = av.CodecContext.create("mjpeg", "w")
    encoder.width, encoder.height, encoder.pix_fmt = width, height, "yuvj420p"
    encoder.time_base = Fraction(1)
    encoder.options = {"qmin": str(FFMPEG_QUALITY), "qmax": str(FFMPEG_QUALITY)}
    frame = av.VideoFrame.from_ndarray(picture, format="rgb24")
    try:
        packets = [*encoder.encode(frame), *encoder.encode(None)]
    except av.FFmpegError:
        raise ValueError(f"JPEG cannot hold {width}x{height} pixels") from None
    file = io.BytesIO(b"".join(bytes(packet) for packet in packets))
    return np.array(Image.open(file).convert("RGB"))


def _shift(picture: Pictures) -> Pictures:
    """Moved to the right and down; the first column and row fill what is left."""
    height, width, _ = picture.shape
    widths = ((SHIFT, 0), (SHIFT, 0), (0, 0))
    return np.ascontiguousarray(np.pad(picture, widths, mode="edge")[:height, :width])


def _shift_back(cotangent: Floats, _size: Canvas) -> Floats:
    across = _pulled(cotangent.swapaxes(0, 1)).swapaxes(0, 1)
    return _pulled(np.ascontiguousarray(across))


def _pulled(values: Floats) -> Floats:
    """Each row goes back to the one that it is a copy of; the first takes what it filled."""
    shift = min(SHIFT, len(values) - 1)
    result = np.zeros_like(values)
    result[: len(values) - shift] = values[shift:]
    result[0] += values[:shift].sum(axis=0)
    return result


def _flip(picture: Pictures) -> Pictures:
    """Left for right."""
    return np.ascontiguousarray(picture[:, ::-1])


def _flip_back(cotangent: Floats, _size: Canvas) -> Floats:
    return np.ascontiguousarray(cotangent[:, ::-1])


def _crop(picture: Pictures) -> Pictures:
    if min(picture.shape[:2]) <= 2 * CUT:
        raise ValueError(f"needs more than {2 * CUT} pixels a side")
    return np.ascontiguousarray(picture[CUT:-CUT, CUT:-CUT])


def _crop_back(cotangent: Floats, _size: Canvas) -> Floats:
    return np.pad(cotangent, ((CUT, CUT), (CUT, CUT), (0, 0)))


def _lanczos(picture: Pictures) -> Pictures:
    """To `SMALL` pixels on the longer side, and back."""
    height, width, _ = picture.shape
    small = Image.fromarray(picture).resize(_fitted((width, height), SMALL), LANCZOS)
    return np.array(small.resize((width, height), LANCZOS))


def _lanczos_back(cotangent: Floats, size: Canvas) -> Floats:
    small = resize_back(cotangent, _fitted(size, SMALL), LANCZOS)
    return np.ascontiguousarray(resize_back(small, size, LANCZOS))


SEARCHED = (
    View("as is"),
    *(View(f"jpeg {q}", change=partial(jpeg.round_trip, quality=q)) for q in QUALITIES),
    View("no jpeg", own_jpeg=False),
    View("webp 80", change=partial(_saved, kind="WEBP", quality=80)),
    View("at 512", side=512),
    View("at 1024", side=1024),
    View(f"shift {SHIFT}", change=_shift, back=_shift_back),
    View("flip", change=_flip, back=_flip_back),
)
"""What a search may score by; the picture as it is comes first."""
HELD_OUT = (
    View("jpeg 35", change=partial(jpeg.round_trip, quality=35)),
    View(f"crop {CUT}", change=_crop, back=_crop_back),
    View(f"lanczos {SMALL}", change=_lanczos, back=_lanczos_back),
    View("jpeg ffmpeg", change=_saved_by_ffmpeg),
)
"""What no search scores by. "jpeg ffmpeg" is another JPEG encoder than Pillow's libjpeg: other
transforms, quantisation and rounding.
"""
