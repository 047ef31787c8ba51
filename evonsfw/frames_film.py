"""Pictures that come one after another as a film: MP4, WebM or GIF, by the file's ending."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

import numpy as np

from evonsfw.exporters import gif, mp4, webm
from evonsfw.film import to_comment
from evonsfw.gif_blocks import TRAILER, head, picture
from evonsfw.palette import Palette
from evonsfw.raster import Pictures
from evonsfw.shapes import Canvas
from evonsfw.video import even, write_film
from evonsfw.whole_file import whole_file

FORMS = {mp4.SUFFIX: mp4.FORM, webm.SUFFIX: webm.FORM}
SUFFIXES = (*FORMS, gif.SUFFIX)
FPS = 20
"""Pictures a second: exactly 5/100 s each, which GIF can say."""
LARGEST = min(mp4.LARGEST, webm.LARGEST, gif.LARGEST)
"""Pixels of a side."""


def require_film(out: Path, canvas: Canvas) -> None:
    """Raise ValueError where a film of that name and size cannot be written."""
    if out.suffix.lower() not in SUFFIXES:
        raise ValueError(f"--out {out}: expected a film's name that ends in {', '.join(SUFFIXES)}")
    if max(canvas) > LARGEST:
        size = f"{canvas[0]}x{canvas[1]}"
        raise ValueError(f"a film of {size} pixels: expected at most {LARGEST} a side")


def write_frames(path: Path, frames: Iterable[Pictures], texts: Mapping[str, str]) -> None:
    """Write a film; the file is there whole or not at all.

    Args:
        path: the file; an MP4 or WebM of odd sides gets one pixel less.
        frames: (H, W, 3) uint8 sRGB each, of one size; a GIF's are all kept in memory.
        texts: what made it, by keyword.

    Raises:
        OSError: the disk is full or gone, or the folder is not there.
        ValueError: the encoder is not there, or refuses.
    """
    suffix = path.suffix.lower()
    if suffix == gif.SUFFIX:
        _write_gif(path, list(frames), to_comment(dict(texts)))
        return
    pictures = iter(frames)
    first = next(pictures)
    width, height = even((first.shape[1], first.shape[0]))
    fitted = (_fitted(frame, (width, height)) for frame in _chained(first, pictures))
    write_film(path, fitted, (width, height), FPS, to_comment(dict(texts)), FORMS[suffix])


def _chained(first: Pictures, rest: Iterator[Pictures]) -> Iterator[Pictures]:
    yield first
    yield from rest


def _fitted(frame: Pictures, canvas: Canvas) -> Pictures:
    width, height = canvas
    return np.ascontiguousarray(frame[:height, :width])


def _write_gif(path: Path, frames: list[Pictures], comment: str) -> None:
    palette = Palette(frames[:: -(-len(frames) // gif.LOOKED_AT)], gif.COLOURS)
    canvas = frames[0].shape[1], frames[0].shape[0]
    with whole_file(path) as draft, draft.open("wb") as file:
        file.write(head(canvas, palette.colours, comment))
        before = None
        for frame in frames:
            indices = palette.indices(frame)
            file.write(picture(indices, before, 100 // FPS))
            before = indices
        file.write(TRAILER)
