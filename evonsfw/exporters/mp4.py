"""MP4: the film of a run in H.264, which every browser and phone plays."""

from __future__ import annotations

import struct
from pathlib import Path
from typing import BinaryIO

from evonsfw.exporters import PLAIN, Artwork, Manner
from evonsfw.film import Film, film_manner, frame_count, from_comment, to_comment
from evonsfw.shapes import Canvas
from evonsfw.video import Form, decode, even, read_comment, write_film

SUFFIX = ".mp4"
TAKES = frozenset({"fps", "seconds", "story"})
LARGEST = 4096
"""What decoders at hand go up to."""
DEFAULT_FPS, DEFAULT_SECONDS = 30, 12.0


def default_canvas(canvas: Canvas) -> Canvas:
    """1080p: the picture in full height, in the middle."""
    return 1920, 1080


def written_canvas(canvas: Canvas, manner: Manner = PLAIN) -> Canvas:
    """Even sides; ValueError where the manner is out of range."""
    film_manner(manner, DEFAULT_FPS, DEFAULT_SECONDS)
    return even(canvas)


def write(path: Path, artwork: Artwork, canvas: Canvas, manner: Manner = PLAIN) -> None:
    """Write the film; an odd side is written one pixel shorter.

    Raises:
        OSError: the disk is full or gone, or the folder is not there.
        ValueError: the artwork has no story, or what is asked for is out of range.
    """
    fps, seconds = film_manner(manner, DEFAULT_FPS, DEFAULT_SECONDS)
    size = even(canvas)
    pictures = Film(artwork, size, seconds).frames(frame_count(fps, seconds))
    write_film(path, pictures, size, fps, to_comment(artwork.metadata), FORM)


def read(path: Path) -> dict[str, str]:
    """The metadata in a film.

    Raises:
        ValueError: it is missing, cut short, or no MP4.
    """
    return from_comment(read_comment(path, FORM))


def same(path: Path, artwork: Artwork) -> bool | None:
    """None: H.264 keeps no pixel exactly. Every picture is decoded nevertheless.

    Raises:
        ValueError: it is cut short or damaged.
    """
    decode(path, FORM)
    return None


def _whole(file: BinaryIO, size: int) -> bool:
    """Whether the boxes of an ISO base media file (ISO/IEC 14496-12, 4.2) fill it exactly."""
    at, kinds = 0, set()
    while at < size:
        file.seek(at)
        head = file.read(16)
        if len(head) < 8:
            return False
        length, kind = struct.unpack(">I4s", head[:8])
        if length == 1 and len(head) == 16:
            length = struct.unpack(">Q", head[8:])[0]
        if at == 0 and kind != b"ftyp":
            return False
        kinds.add(kind)
        at += max(8, length or size - at)
    return at == size and {b"moov", b"mdat"} <= kinds


FORM = Form(
    container="mp4",
    codec="libx264",
    quality={"preset": "veryfast", "crf": "16"},
    layout={"movflags": "faststart"},
    threads=4,
    whole=_whole,
)
