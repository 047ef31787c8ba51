"""WebM: the film of a run in VP9, which is free to use and which every browser plays."""

from __future__ import annotations

from pathlib import Path
from typing import BinaryIO

from evonsfw.exporters import PLAIN, Artwork, Manner
from evonsfw.film import Film, film_manner, frame_count, from_comment, to_comment
from evonsfw.shapes import Canvas
from evonsfw.video import Form, decode, even, read_comment, write_film

SUFFIX = ".webm"
TAKES = frozenset({"fps", "seconds", "story"})
LARGEST = 4096
"""What decoders at hand go up to."""
DEFAULT_FPS, DEFAULT_SECONDS = 30, 12.0
HEAD, SEGMENT = b"\x1a\x45\xdf\xa3", b"\x18\x53\x80\x67"
"""The two elements that a file consists of (RFC 8794, 11.2.1; RFC 9559, 5.1)."""


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
        ValueError: it is missing, cut short, or no WebM.
    """
    return from_comment(read_comment(path, FORM))


def same(path: Path, artwork: Artwork) -> bool | None:
    """None: VP9 keeps no pixel exactly. Every picture is decoded nevertheless.

    Raises:
        ValueError: it is cut short or damaged.
    """
    decode(path, FORM)
    return None


def _whole(file: BinaryIO, size: int) -> bool:
    """Whether the two elements fill the file exactly; a segment may leave its length open."""
    at = 0
    for identifier in (HEAD, SEGMENT):
        file.seek(at)
        if file.read(4) != identifier:
            return False
        length, octets = _length(file)
        if length is None:
            return identifier == SEGMENT
        at += 4 + octets + length
    return at == size


def _length(file: BinaryIO) -> tuple[int | None, int]:
    """A length of variable size (RFC 8794, 4), or None where it is left open; and its octets."""
    first = file.read(1)[0:1] or b"\x00"
    octets = 9 - first[0].bit_length()
    value = int.from_bytes(first + file.read(octets - 1), "big")
    full = (1 << (7 * octets)) - 1
    value &= full
    return (None if value == full else value), octets


FORM = Form(
    container="webm",
    codec="libvpx-vp9",
    quality={"crf": "24", "b": "0", "deadline": "realtime", "cpu-used": "5", "row-mt": "1"},
    layout={},
    threads=4,
    whole=_whole,
)
