"""What JPEG does to a picture, without the file.

Entropy coding loses nothing, so it is left out. What remains is the colours to luma and chroma,
the chroma halved both ways, the cosine transform of every 8×8 block, rounding to multiples of the
quantisation tables, and all of it back. Every step has the integer results of libjpeg's accurate
path (slow integer transforms, smooth chroma upsampling), which libjpeg-turbo shares to the last
bit; so the pixels equal those of Pillow's ``Image.save(file, "JPEG", quality=…)``, then
``Image.open(file)``.

Colours and chroma are here, the transforms in `jpeg_transforms`.

Sources: ITU T.81 (tables K.1 and K.2) and T.871 (colours); libjpeg's jccolor, jcsample, jdsample
and jdcolor for how the steps round.
"""

from __future__ import annotations

import functools
from typing import Any

import numpy as np
import numpy.typing as npt

from evonsfw.compiled import compiled
from evonsfw.jpeg_transforms import Pairs, Samples, Wide, Words, code

Pictures = npt.NDArray[np.uint8]
Floats = npt.NDArray[np.float32]

LUMA = (
    "16 11 10 16 24 40 51 61  12 12 14 19 26 58 60 55  14 13 16 24 40 57 69 56 "
    "14 17 22 29 51 87 80 62  18 22 37 56 68 109 103 77  24 35 55 64 81 104 113 92 "
    "49 64 78 87 103 121 120 101  72 92 95 98 112 100 103 99"
)
"""T.81, table K.1, row by row."""
CHROMA = (
    "17 18 24 47 99 99 99 99  18 21 26 66 99 99 99 99  24 26 56 99 99 99 99 99 "
    "47 66 99 99 99 99 99 99" + 32 * " 99"
)
"""T.81, table K.2, row by row."""

# Colours in float32: all sums are of integers, or of multiples of 2⁻¹⁶, that it holds exactly.
# numba makes NumPy's float32 and int32 wider only where they meet Python's numbers.
Real = np.float32
Int = np.int32
Y_RED, Y_GREEN, Y_BLUE = Real(19595), Real(38470), Real(7471)
CB_RED, CB_GREEN, CR_GREEN, CR_BLUE = Real(11059), Real(21709), Real(27439), Real(5329)
HALF, CENTRE, UNIT = Real(32768), Real((128 << 16) + 32767), Real(1 / 65536)
RED_CR, BLUE_CB = Real(91881 / 65536), Real(116130 / 65536)
GREEN_CB, GREEN_CR = Real(22554 / 65536), Real(46802 / 65536)
NOTHING = np.zeros(3, np.uint8)
ROUND, GREY, LEAST, MOST = Real(0.5), Real(128), Real(0), Real(255)


def round_trip(pixels: Pictures, quality: int = 75) -> Pictures:
    """A picture after JPEG with the chroma halved (4:2:0), as Pillow writes and reads it.

    Args:
        pixels: (H, W, 3) uint8 array, sRGB, of any size from 1×1.
        quality: 1 to 100, libjpeg's scale; 75 is Pillow's default.

    Returns:
        (H, W, 3) uint8 array, sRGB, a new one.

    Raises:
        ValueError: an array of another shape or type, an empty one, or another quality.
    """
    _require_pixels(pixels)
    out = np.empty_like(pixels, order="C")
    RoundTrip(pixels.shape[0], pixels.shape[1], quality)(pixels, out)
    return out


class RoundTrip:
    """`round_trip` of one picture after another, in the same memory. Not to be called from several
    threads at a time.

    Args:
        height: of what is coded, in pixels, at least 1.
        width: likewise.
        quality: as of `round_trip`.

    Raises:
        ValueError: another quality.
    """

    def __init__(self, height: int, width: int, quality: int = 75) -> None:
        if not 1 <= quality <= 100:
            raise ValueError(f"JPEG quality {quality}: expected 1 to 100")
        self._shape = height, width
        bands, halves, tiles = -(-height // 16), -(-width // 64), -(-width // 32)
        luma = np.empty((2 * bands, 8, 64 * halves), np.uint8)
        chroma = np.empty((2 * bands, 8, 32 * halves), np.uint8)
        colours = np.empty((3, 64 * halves), np.uint8)
        full = np.empty((2, 2, 64 * halves), np.uint8)
        self._planes = luma, chroma, colours, full, full.view(np.uint16)
        luma_steps, chroma_steps = _steps(quality)
        self._codes = (
            (luma.view(np.uint64), False, luma_steps, *_tiles(tiles)),
            (chroma.view(np.uint64), True, chroma_steps, *_tiles(halves)),
        )
        doubled, sums = full[0], np.empty(32 * halves + 2, np.uint16)
        blocks = chroma.reshape(2, 8 * bands, 32 * halves)
        self._back = luma, blocks, colours, doubled, doubled.view(np.uint16), sums

    def __call__(
        self,
        pixels: Pictures,
        out: Pictures | Floats,
        corner: tuple[int, int] = (0, 0),
        means: Pictures | Floats = NOTHING,
        swap: bool = False,
    ) -> None:
        """A part of a picture after JPEG, as if it were a picture of its own.

        Args:
            pixels: (H, W, 3) uint8 array, sRGB, that holds the part.
            out: (height, width, 3) C-contiguous array, written over.
            corner: row and column of the part's first pixel.
            means: (3,) of the type of `out`, taken off its channels.
            swap: whether these are blue, green, red.

        Raises:
            ValueError: an array of another shape or type, or the part is not in it.
        """
        _require_pixels(pixels)
        (height, width), (top, left) = self._shape, corner
        if out.shape != (height, width, 3) or not out.flags.c_contiguous:
            raise ValueError(
                f"JPEG into an array {out.shape}: expected ({height}, {width}, 3), C-contiguous"
            )
        rows, columns = pixels.shape[:2]
        if not (0 <= top <= rows - height and 0 <= left <= columns - width):
            raise ValueError(
                f"JPEG of {width}x{height} pixels from ({left}, {top}) on: the picture is "
                f"{columns}x{rows}"
            )
        flat = np.ascontiguousarray(pixels).reshape(rows, 3 * columns)
        _subsample(flat, (top, left, height, width), *self._planes)
        for each in self._codes:
            code(*each)
        _restore(*self._back, means, swap, out.reshape(height, -1))


def _require_pixels(pixels: Pictures) -> None:
    if pixels.ndim != 3 or pixels.shape[2] != 3 or pixels.dtype != np.uint8 or not pixels.size:
        raise ValueError(
            f"JPEG of an array {pixels.shape} of {pixels.dtype}: expected (H, W, 3) of uint8"
        )


def _tiles(count: int) -> tuple[Samples, Samples, Pairs, Pairs, Words, Wide]:
    """A row of tiles, (count, 512), twice; both again as pairs, the first as words; and int32."""
    first, second = np.empty((count, 512), np.uint8), np.empty((count, 512), np.uint8)
    pairs = first.view(np.uint16), second.view(np.uint16)
    return first, second, *pairs, first.view(np.uint64), np.empty((count, 512), np.int32)


@functools.cache
def _steps(quality: int) -> Wide:
    """The tables of a quality, laid out as a tile is: (x, y, block).

    Returns:
        (2, 2, 512) int32: for luma and chroma, the steps and 2¹⁹ / step, rounded up.
    """
    scale = 5000 // quality if quality < 50 else 200 - 2 * quality
    base = np.array([LUMA.split(), CHROMA.split()], np.int64).reshape(2, 8, 8)
    steps = np.clip((base * scale + 50) // 100, 1, 255).transpose(0, 2, 1).reshape(2, 64)
    both = np.stack([steps, -(-(1 << 19) // steps)], axis=1)
    return np.repeat(both, 8, axis=2).astype(np.int32)


@compiled
def _subsample(
    pixels: Samples,
    part: tuple[int, int, int, int],
    luma: Samples,
    chroma: Samples,
    colours: Samples,
    full: Samples,
    pairs: Pairs,
) -> None:  # pragma: no cover - compiled
    """Pixels to planes; the last column and row are repeated to whole blocks (jcprepct).

    The part of the pixels is told by its first row and column, its height and its width.
    Planes are of whole tiles, a row of blocks after the other: (2 B, 8, …) for B bands of 16
    rows; in the chroma's, the B rows of blocks of Cb come before those of Cr. Of chroma it is the
    last halved row that is repeated. `colours` (3, …) is one row of red, green and blue, `full`
    (2, 2, …) two rows of Cb and of Cr before they are halved, and `pairs` the same memory.
    """
    top, left, height, width = part
    bands = luma.shape[0] // 2
    for y in range(16 * bands):
        if y < height + (height & 1):
            row = pixels[top + min(y, height - 1)]
            _part_colours(row[3 * left : 3 * (left + width)], colours)
            _convert(colours, luma, y, full)
        else:
            for x in range(luma.shape[2]):
                luma[y >> 3, y & 7, x] = luma[(y - 1) >> 3, (y - 1) & 7, x]
        if y & 1:
            for c in range(2):
                _halve(pairs, c, chroma, c * bands + (y >> 4), (y >> 1) & 7)


@compiled
def _part_colours(row: Samples, colours: Samples) -> None:  # pragma: no cover - compiled
    """A row of pixels to one of red, one of green and one of blue; the last pixel fills them up."""
    width = len(row) // 3
    for x in range(width):
        colours[0, x] = row[3 * x]
        colours[1, x] = row[3 * x + 1]
        colours[2, x] = row[3 * x + 2]
    last = colours[0, width - 1], colours[1, width - 1], colours[2, width - 1]
    for x in range(width, colours.shape[1]):
        colours[0, x], colours[1, x], colours[2, x] = last


@compiled
def _convert(
    colours: Samples, luma: Samples, y: int, full: Samples
) -> None:  # pragma: no cover - compiled
    """A row of colours to luma and chroma: 16 bits of fraction, half added, cut (jccolor)."""
    parity = y & 1
    for x in range(colours.shape[1]):
        red, green, blue = Real(colours[0, x]), Real(colours[1, x]), Real(colours[2, x])
        level = Y_RED * red + Y_GREEN * green + Y_BLUE * blue + HALF
        cb = HALF * blue - CB_RED * red - CB_GREEN * green + CENTRE
        cr = HALF * red - CR_GREEN * green - CR_BLUE * blue + CENTRE
        luma[y >> 3, y & 7, x] = Int(level * UNIT)
        full[0, parity, x] = Int(cb * UNIT)
        full[1, parity, x] = Int(cr * UNIT)


@compiled
def _halve(
    pairs: Pairs, c: int, chroma: Samples, block: int, y: int
) -> None:  # pragma: no cover - compiled
    """Means of 2×2 samples; where they are halfway, down and up by turns (jcsample)."""
    for x in range(chroma.shape[2]):
        above, below = pairs[c, 0, x], pairs[c, 1, x]
        total = (above & 255) + (above >> 8) + (below & 255) + (below >> 8)
        chroma[block, y, x] = np.uint16(total + 1 + (x & 1)) >> 2


@compiled
def _restore(
    luma: Samples,
    chroma: Samples,
    colours: Samples,
    doubled: Samples,
    pairs: Pairs,
    sums: Pairs,
    means: Any,
    swap: bool,
    out: Any,
) -> None:  # pragma: no cover - compiled
    """Planes to pixels, row by row: `doubled` (2, …) is one of Cb and Cr, `pairs` the same."""
    height, columns = out.shape[0], (out.shape[1] // 3 + 1) // 2
    last = (height + 1) // 2 - 1
    for y in range(height):
        near = y >> 1
        far = min(near + 1, last) if y & 1 else max(near - 1, 0)
        for c in range(2):
            if columns > 2:
                _double(chroma, c, near, far, columns, sums, pairs)
            else:
                for x in range(columns):  # libjpeg repeats one or two columns unsmoothed
                    pairs[c, x] = np.uint16(chroma[c, near, x]) * 257
        _colour(luma, y, doubled, colours)
        _pixels(colours, means, swap, out[y])


@compiled
def _double(
    chroma: Samples, c: int, near: int, far: int, columns: int, sums: Pairs, pairs: Pairs
) -> None:  # pragma: no cover - compiled
    """A row of chroma at full width: 3/4 of the nearer sample, 1/4 of the farther, both ways.

    Outside of the picture its last sample stands; halfway is up and down by turns (jdsample).
    """
    for x in range(chroma.shape[2]):
        sums[x + 1] = 3 * chroma[c, near, x] + chroma[c, far, x]
    sums[0], sums[columns + 1] = sums[1], sums[columns]
    for x in range(chroma.shape[2]):
        even = np.uint16(3 * sums[x + 1] + sums[x] + 8) >> 4
        odd = np.uint16(3 * sums[x + 1] + sums[x + 2] + 7) >> 4
        pairs[c, x] = np.uint16(even) | np.uint16(np.uint16(odd) << 8)


@compiled
def _colour(
    luma: Samples, y: int, doubled: Samples, colours: Samples
) -> None:  # pragma: no cover - compiled
    """A row of luma and chroma to colours, rounded and clipped (jdcolor)."""
    for x in range(luma.shape[2]):
        level = Real(luma[y >> 3, y & 7, x]) + ROUND
        cb, cr = Real(doubled[0, x]) - GREY, Real(doubled[1, x]) - GREY
        green = level - GREEN_CB * cb - GREEN_CR * cr
        colours[0, x] = Int(min(max(level + RED_CR * cr, LEAST), MOST))
        colours[1, x] = Int(min(max(green, LEAST), MOST))
        colours[2, x] = Int(min(max(level + BLUE_CB * cb, LEAST), MOST))


@compiled
def _pixels(colours: Samples, means: Any, swap: bool, row: Any) -> None:  # pragma: no cover
    """A row of colours to one of pixels, of any type, less their means."""
    a, b, c = means[0], means[1], means[2]
    for x in range(len(row) // 3):
        red, green, blue = colours[0, x], colours[1, x], colours[2, x]
        row[3 * x] = row.dtype.type(blue if swap else red) - a
        row[3 * x + 1] = row.dtype.type(green) - b
        row[3 * x + 2] = row.dtype.type(red if swap else blue) - c
