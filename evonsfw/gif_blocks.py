"""GIF's blocks, written and read ("Graphics Interchange Format, Version 89a", CompuServe 1990).

Pillow leaves out a picture that is the same as the one before; a film has as many as were asked
for, and a comment of any length.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import Any, BinaryIO

import numpy as np
import numpy.typing as npt

from evonsfw.compiled import compiled
from evonsfw.shapes import Canvas

Indices = npt.NDArray[np.uint8]
KEPT = 255
"""The index that lets the picture before show through; no colour has it."""
SIGNATURES = (b"GIF87a", b"GIF89a")
EXTENSION, IMAGE, TRAILER = b"\x21", b"\x2c", b"\x3b"
COMMENT, CONTROL, APPLICATION = 0xFE, 0xF9, 0xFF
FOREVER = b"NETSCAPE2.0", b"\x01\x00\x00"
CLEAR, END, CODES = 256, 257, 4096
"""LZW's codes for pixels of 8 bits (section F)."""


def head(canvas: Canvas, colours: Indices, comment: str) -> bytes:
    """What comes before the pictures of a film that begins anew for ever.

    Args:
        canvas: width and height in pixels.
        colours: (K, 3) uint8, at most 255.
        comment: ASCII.
    """
    table = np.zeros((256, 3), np.uint8)
    table[: len(colours)] = colours
    screen = struct.pack("<6sHHBBB", b"GIF89a", *canvas, 0xF7, 0, 0)
    name, loop = FOREVER
    looping = EXTENSION + bytes([APPLICATION, len(name)]) + name + _blocks(loop)
    said = EXTENSION + bytes([COMMENT]) + _blocks(comment.encode("ascii"))
    return screen + table.tobytes() + looping + said


def picture(indices: Indices, before: Indices | None, hundredths: int) -> bytes:
    """One picture: of what was there before, only what changes.

    Args:
        indices: (H, W) of colours.
        before: those of the picture before, or None.
        hundredths: how long it is shown, in 1/100 s.
    """
    top = left = 0
    part = indices
    if before is not None:
        changed = indices != before
        top, bottom = _reach(changed.any(axis=1))
        left, right = _reach(changed.any(axis=0))
        part = np.where(changed, indices, np.uint8(KEPT))[top:bottom, left:right]
    flags = 0x04 | (before is not None)
    control = struct.pack("<BBBHBB", CONTROL, 4, flags, hundredths, KEPT, 0)
    place = struct.pack("<HHHHB", left, top, part.shape[1], part.shape[0], 0)
    coded = np.empty(2 * part.size + 16, np.uint8)
    length = _lzw(np.ascontiguousarray(part).reshape(-1), coded)
    return EXTENSION + control + IMAGE + place + b"\x08" + _blocks(coded[:length].tobytes())


def _reach(changed: npt.NDArray[np.bool_]) -> tuple[int, int]:
    """From where to where anything changes; a picture has at least one pixel."""
    found = np.flatnonzero(changed)
    return (int(found[0]), int(found[-1]) + 1) if len(found) else (0, 1)


def _blocks(data: bytes) -> bytes:
    """Bytes as blocks of at most 255, and the empty one that ends them."""
    parts = (data[at : at + 255] for at in range(0, len(data), 255))
    return b"".join(bytes([len(part)]) + part for part in parts) + b"\x00"


@compiled
def _put(coded: Any, state: Any, code: int, width: int) -> None:  # pragma: no cover - compiled
    """Write a code, its lowest bit first; state: bytes written, bits held, how many of them."""
    state[1] |= code << state[2]
    state[2] += width
    while state[2] >= 8:
        coded[state[0]] = state[1] & 255
        state[0] += 1
        state[1] >>= 8
        state[2] -= 8


@compiled
def _lzw(pixels: Any, coded: Any) -> int:  # pragma: no cover - compiled
    """Code pixels (T. A. Welch 1984, with what appendix F changes); how many bytes were written."""
    table = np.zeros((CODES, 256), np.int16)
    state = np.zeros(3, np.int64)
    following, width, prefix = END + 1, 9, int(pixels[0])
    _put(coded, state, CLEAR, width)
    for at in range(1, len(pixels)):
        pixel = int(pixels[at])
        if table[prefix, pixel]:
            prefix = int(table[prefix, pixel])
            continue
        _put(coded, state, prefix, width)
        if following < CODES:
            table[prefix, pixel] = following
            width += following == 1 << width
            following += 1
        else:
            _put(coded, state, CLEAR, width)
            table[:] = 0
            following, width = END + 1, 9
        prefix = pixel
    _put(coded, state, prefix, width)
    width += following == 1 << width and width < 12
    _put(coded, state, END, width)
    _put(coded, state, 0, 7)
    return int(state[0])


def walk(file: BinaryIO) -> tuple[str, int]:
    """Go through a GIF from its first byte to its last.

    Returns:
        its comments, one after another; and how many pictures it has.

    Raises:
        ValueError: it is none, or it is cut short.
    """
    screen = _exactly(file, 13)
    if screen[:6] not in SIGNATURES:
        raise ValueError("no GIF")
    _skip_table(file, screen[10])
    comment, pictures = b"", 0
    while (kind := _exactly(file, 1)) != TRAILER:
        if kind == EXTENSION:
            label = _exactly(file, 1)[0]
            data = b"".join(_data(file))
            comment += data if label == COMMENT else b""
        elif kind == IMAGE:
            _skip_table(file, _exactly(file, 9)[8])
            _exactly(file, 1)
            pictures += sum(1 for _ in _data(file)) > 0
        else:
            raise ValueError("damaged")
    return comment.decode("utf-8", "replace"), pictures


def _skip_table(file: BinaryIO, flags: int) -> None:
    """Pass by a table of colours, where flags say that there is one."""
    if flags & 0x80:
        _exactly(file, 3 << (flags & 7) + 1)


def _data(file: BinaryIO) -> Iterator[bytes]:
    """The blocks up to the empty one."""
    while length := _exactly(file, 1)[0]:
        yield _exactly(file, length)


def _exactly(file: BinaryIO, count: int) -> bytes:
    data = file.read(count)
    if len(data) < count:
        raise ValueError("cut short")
    return data
