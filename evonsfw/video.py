"""Films in containers, written and read through PyAV: pictures in, one comment beside them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

import av
import numpy as np

from evonsfw.compiled import compiled
from evonsfw.raster import Pictures
from evonsfw.shapes import Canvas
from evonsfw.whole_file import whole_file

KEY_SECONDS = 2
"""From one picture that stands for itself to the next: how finely a player can be scrubbed."""
BT709 = 1
"""ITU-T H.273: number of the primaries, the transfer and the matrix of BT.709."""
LIMITED = 1
"""FFmpeg's number for luma of 16 to 235."""
BITEXACT = {"fflags": "+bitexact"}
"""No date, no random number: the same film is the same bytes."""


class Form(NamedTuple):
    """How a film is packed.

    Attributes:
        container: FFmpeg's name of the file format.
        codec: FFmpeg's name of the encoder.
        quality: the encoder's options.
        layout: the file format's options.
        threads: of the encoder. A number of its own, for the bytes may depend on it.
        whole: whether a file of that many bytes has all that it says it has.
    """

    container: str
    codec: str
    quality: dict[str, str]
    layout: dict[str, str]
    threads: int
    whole: Callable[[BinaryIO, int], bool]


def even(canvas: Canvas) -> Canvas:
    """The size that is written: colour is kept for blocks of 2 x 2 pixels."""
    width, height = (max(2, side - side % 2) for side in canvas)
    return width, height


def write_film(
    path: Path, pictures: Iterable[Pictures], canvas: Canvas, fps: int, comment: str, form: Form
) -> None:
    """Write a film; the file is there whole or not at all.

    Args:
        path: the file.
        pictures: (H, W, 3) uint8 sRGB each, of one size.
        canvas: that size, even.
        fps: pictures a second.
        comment: text that travels inside.
        form: how it is packed.

    Raises:
        OSError: the disk is full or gone, or the folder is not there.
        ValueError: the encoder is not there, or refuses.
    """
    with whole_file(path) as draft, _told(path, "film cannot be written"):
        _pack(draft, pictures, canvas, fps, comment, form)


def _pack(
    draft: Path, pictures: Iterable[Pictures], canvas: Canvas, fps: int, comment: str, form: Form
) -> None:
    with av.open(
        str(draft), "w", format=form.container, options={**BITEXACT, **form.layout}
    ) as file:
        file.metadata["comment"] = comment
        stream: Any = file.add_stream(form.codec, rate=fps, options=form.quality)
        stream.width, stream.height = canvas
        stream.pix_fmt = "yuv420p"
        context = stream.codec_context
        context.gop_size = KEY_SECONDS * fps
        context.thread_count, context.thread_type = form.threads, "AUTO"
        context.color_range = LIMITED
        context.color_primaries = context.color_trc = context.colorspace = BT709
        planes, last = np.empty((canvas[1] * 3 // 2, canvas[0]), np.uint8), None
        for number, picture in enumerate(pictures):
            if picture is not last:
                to_yuv(np.ascontiguousarray(picture), planes)
                last = picture
            frame = av.VideoFrame.from_ndarray(planes, "yuv420p")
            frame.pts = number
            file.mux(stream.encode(frame))
        file.mux(stream.encode(None))


@contextmanager
def _told(path: Path, problem: str) -> Iterator[None]:
    """What goes wrong in FFmpeg, with the file's own name."""
    try:
        yield
    except av.FFmpegError as error:
        if isinstance(error, OSError) and error.errno and not isinstance(error, ValueError):
            raise OSError(error.errno, error.strerror, str(path)) from None
        raise ValueError(f"{path}: {problem}: {error.strerror or error}") from None


def read_comment(path: Path, form: Form) -> str:
    """The comment in a film; "" where it has none.

    Raises:
        ValueError: it is missing, cut short, or no film of that form.
    """
    with _read(path, form) as file:
        texts = {key.lower(): text for key, text in file.metadata.items()}
        return texts.get("comment", "")


def decode(path: Path, form: Form) -> int:
    """Decode every picture of a film.

    Returns:
        how many there are.

    Raises:
        ValueError: it is missing, cut short, damaged, or no film of that form.
    """
    with _read(path, form) as file:
        stream = file.streams.video[0]
        stream.codec_context.options = {"err_detect": "explode"}
        count = 0
        for frame in file.decode(stream):
            if frame.is_corrupt:
                raise ValueError(f"film {path}: damaged at picture {count + 1}")
            count += 1
        if stream.frames not in (0, count):
            raise ValueError(f"film {path}: {count} of {stream.frames} pictures can be decoded")
        return count


@contextmanager
def _read(path: Path, form: Form) -> Iterator[Any]:
    """A film that has been opened and has all its parts, and at least one stream of pictures."""
    try:
        with path.open("rb") as file:
            if not form.whole(file, path.stat().st_size):
                raise ValueError(f"film {path}: cut short, or no {path.suffix} file")
    except OSError as error:
        raise ValueError(f"film {path}: {error.strerror or error}") from None
    try:
        with av.open(str(path), metadata_errors="replace") as opened:
            if not opened.streams.video:
                raise ValueError(f"film {path}: there are no pictures in it")
            yield opened
    except av.FFmpegError as error:
        raise ValueError(f"film {path}: damaged: {error.strerror or error}") from None


@compiled
def to_yuv(picture: Any, planes: Any) -> None:  # pragma: no cover - compiled
    """Take sRGB to BT.709 Y'CbCr of limited range, rounded to the nearest.

    ITU-R BT.709-6, items 3.2 to 3.5. Chroma lies at the left of its 2 x 2 pixels, as H.264 and VP9
    have it unless they say otherwise; it is weighed (1 2 1) across and (1 1) down.

    Args:
        picture: (H, W, 3) uint8, H and W even.
        planes: (H * 3 / 2, W) uint8 that is written: Y, then Cb and Cr, each (H / 2, W / 2).
    """
    height, width = picture.shape[:2]
    flat = planes.reshape(-1)
    blue, red = height * width, height * width * 5 // 4
    for y in range(height):
        for x in range(width):
            r, g, b = picture[y, x, 0] * 1.0, picture[y, x, 1] * 1.0, picture[y, x, 2] * 1.0
            luma = 0.2126 * r + 0.7152 * g + 0.0722 * b
            planes[y, x] = np.uint8(luma * (219.0 / 255.0) + 16.5)
    for y in range(0, height, 2):
        for x in range(0, width, 2):
            left = max(x - 1, 0)
            r = g = b = 0.0
            for row in range(y, y + 2):
                for column, weight in ((left, 0.125), (x, 0.25), (x + 1, 0.125)):
                    r += weight * picture[row, column, 0]
                    g += weight * picture[row, column, 1]
                    b += weight * picture[row, column, 2]
            luma = 0.2126 * r + 0.7152 * g + 0.0722 * b
            at = y // 2 * (width // 2) + x // 2
            flat[blue + at] = np.uint8((b - luma) / 1.8556 * (224.0 / 255.0) + 128.5)
            flat[red + at] = np.uint8((r - luma) / 1.5748 * (224.0 / 255.0) + 128.5)
