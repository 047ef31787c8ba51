"""PNG: the picture at any size, its genome and provenance in text chunks.

Pixels are rendered, packed and written strip by strip, so that memory does not grow with the
picture; Pillow would need it whole.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

import numpy as np
import numpy.typing as npt
from PIL.Image import Image
from PIL.PngImagePlugin import PngImageFile, PngInfo, putchunk

try:
    from isal import isal_zlib
except ImportError:
    isal_zlib = None  # type: ignore[assignment]

from evonsfw.exporters import PLAIN, Artwork, Manner
from evonsfw.pictures import MAX_PIXELS, opened
from evonsfw.shapes import Canvas
from evonsfw.strips import STRIP_PIXELS, render_strips
from evonsfw.whole_file import whole_file

SUFFIX = ".png"
TAKES = frozenset({"transparent"})
LARGEST = 16_384
SIGNATURE = b"\x89PNG\r\n\x1a\n"
END = struct.pack(">I4sI", 0, b"IEND", zlib.crc32(b"IEND"))
MODES = {"RGB": 2, "RGBA": 6}
"""PNG's number of each kind of picture that is written."""
FAST_LEVEL = 1
"""Of ISA-L, where there is one for the processor: little larger than zlib's 3, and several times as
fast. A run writes thousands."""
LEVEL = 3
"""Of zlib, elsewhere: a tenth larger than its own 6, in half of the time."""
PLAIN_TEXT = 256
"""Characters of the longest text that is not compressed."""
Strip = npt.NDArray[np.uint8]


def default_canvas(canvas: Canvas) -> Canvas:
    """The size that was scored."""
    return canvas


def written_canvas(canvas: Canvas, manner: Manner = PLAIN) -> Canvas:
    """The size itself."""
    return canvas


def write(path: Path, artwork: Artwork, canvas: Canvas, manner: Manner = PLAIN) -> None:
    """Render and write; long texts are compressed (zTXt), the others are plain (tEXt, iTXt)."""
    kind = MODES["RGBA" if manner.transparent else "RGB"]
    with whole_file(path) as draft, draft.open("wb") as file:
        file.write(SIGNATURE)
        putchunk(file, b"IHDR", struct.pack(">IIBBBBB", *canvas, 8, kind, 0, 0, 0))
        for name, data, *_ in _texts(artwork.metadata).chunks:
            putchunk(file, name, data)
        for data in _packed(_strips(artwork, canvas, manner.transparent)):
            putchunk(file, b"IDAT", data)
        file.write(END)


def read(path: Path) -> dict[str, str]:
    """The texts in a PNG; of one above `pictures.MAX_PIXELS`, those before the pixels.

    Raises:
        ValueError: it is missing, damaged or no PNG.
    """
    with opened(path, "picture") as file:
        image = PngImageFile(file)  # Image.open would refuse a poster of 16,384 x 16,384
        if image.width * image.height <= MAX_PIXELS:
            image.load()
        return {str(key): str(text) for key, text in image.info.items() if isinstance(text, str)}


def same(path: Path, artwork: Artwork) -> bool | None:
    """Whether every pixel is what the artwork gives at the file's size, see-through or not.

    Raises:
        ValueError: it is cut short, damaged or no PNG, or it is above `pictures.MAX_PIXELS` and
            packed by another program.
    """
    with opened(path, "picture") as file:
        PngImageFile(file).verify()
        if file.read(4) != END[-4:]:
            raise ValueError("cut short at its end")
        file.seek(0)
        image = PngImageFile(file)
        if max(image.size) > LARGEST:
            raise ValueError(f"{image.width}x{image.height}: expected at most {LARGEST} a side")
        seen = _Rows(image, file) if image.width * image.height > MAX_PIXELS else _Loaded(image)
        expected = _strips(artwork, image.size, seen.mode == "RGBA")
        return all(np.array_equal(seen.take(len(strip)), strip) for strip in expected)


def _strips(artwork: Artwork, canvas: Canvas, transparent: bool) -> Iterator[Strip]:
    return render_strips(artwork.genome, artwork.encoding, canvas, transparent, STRIP_PIXELS)


def _texts(metadata: dict[str, str]) -> PngInfo:
    chunks = PngInfo()
    for keyword, text in metadata.items():
        chunks.add_text(keyword, text, zip=len(text) > PLAIN_TEXT)
    return chunks


def _packed(strips: Iterator[Strip]) -> Iterator[bytes]:
    """The compressed rows. Without a filter, flat shapes with thin rims pack best and fastest."""
    packer = zlib.compressobj(LEVEL) if isal_zlib is None else isal_zlib.compressobj(FAST_LEVEL)
    for strip in strips:
        pixels = strip.reshape(len(strip), -1)
        rows = np.zeros((len(strip), 1 + pixels.shape[1]), np.uint8)
        rows[:, 1:] = pixels
        if data := packer.compress(rows.data):
            yield data
    yield packer.flush()


class _Loaded:
    """A picture of any kind that Pillow has loaded, some rows at a time."""

    def __init__(self, image: Image) -> None:
        image.load()
        self.mode = "RGBA" if image.has_transparency_data else "RGB"
        self._image, self._top = image, 0

    def take(self, rows: int) -> Strip:
        """The next rows: (rows, W, 3 or 4) uint8."""
        top, self._top = self._top, self._top + rows
        part = self._image.crop((0, top, self._image.width, self._top))
        return np.asarray(part.convert(self.mode))


class _Rows:
    """The rows of a picture as `write` packs them, unpacked as they are asked for."""

    def __init__(self, image: PngImageFile, file: BinaryIO) -> None:
        if image.mode not in MODES or image.info.get("interlace"):
            raise ValueError("too large to compare, as another program packed it")
        self.mode = image.mode
        self._width, self._unpacker = image.width, zlib.decompressobj()
        self._file, self._rest = file, b""
        file.seek(len(SIGNATURE))

    def take(self, rows: int) -> Strip:
        """The next rows: (rows, W, 3 or 4) uint8."""
        depth = len(self.mode)
        missing = rows * (1 + self._width * depth)
        parts = []
        while missing:
            parts.append(self._unpacker.decompress(self._rest or self._data(), missing))
            self._rest = self._unpacker.unconsumed_tail
            missing -= len(parts[-1])
        found = np.frombuffer(b"".join(parts), np.uint8).reshape(rows, -1)
        if found[:, 0].any():
            raise ValueError("too large to compare, as another program packed it")
        return found[:, 1:].reshape(rows, self._width, depth)

    def _data(self) -> bytes:
        """What the next IDAT chunk holds."""
        while True:
            length, name = struct.unpack(">I4s", self._file.read(8))
            data = self._file.read(length)
            self._file.seek(4, 1)
            if name == b"IDAT":
                return data
