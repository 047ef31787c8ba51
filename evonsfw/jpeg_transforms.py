"""The cosine transforms of JPEG, there and back, over whole planes in place.

Blocks are transformed in tiles of eight: two rows of four, 512 samples. In a tile that is being
transformed the order is (x, y, block), so eight blocks lie side by side, the compiler does to a
vector what libjpeg does to a number, and neither pass of a transform is across the lanes.

Sources: ITU T.81; C. Loeffler, A. Ligtenberg and G. Moschytz, "Practical fast 1-D DCT algorithms
with 11 multiplications" (ICASSP 1989), in the fixed point of libjpeg's jfdctint and jidctint; its
jcdctmgr for how quantisation rounds.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from evonsfw.compiled import compiled

Samples = npt.NDArray[np.uint8]
Pairs = npt.NDArray[np.uint16]
"""Samples two by two, the first in the low byte."""
Words = npt.NDArray[np.uint64]
"""Samples eight by eight."""
Wide = npt.NDArray[np.int32]
Int = np.int32


@compiled
def code(
    words: Words,
    apart: bool,
    steps: Wide,
    first: Samples,
    second: Samples,
    first_pairs: Pairs,
    second_pairs: Pairs,
    first_words: Words,
    wide: Wide,
) -> None:  # pragma: no cover - compiled
    """Transform a plane, round, and transform it back, in place, two rows of blocks at a time.

    These follow each other, or lie half a plane `apart`. Their samples' order (y, block, x)
    becomes (x, y, block) as that of a pack of cards does: parting even and odd ones moves the
    lowest bit of every index to the top; three times, and x is there.
    """
    bands = len(words) // 2
    for band in range(bands):
        above, below = (band, bands + band) if apart else (2 * band, 2 * band + 1)
        _gather(words, above, 0, first_words)
        _gather(words, below, 4, first_words)
        _unzip(first_pairs, second)
        _unzip(second_pairs, first)
        _unzip(first_pairs, second)
        _forward_rows(second, wide)
        _forward_columns(wide)
        _quantise(wide, steps)
        _inverse_columns(wide)
        _inverse_rows(wide, second)
        _zip(second, first_pairs)
        _zip(first, second_pairs)
        _zip(second, first_pairs)
        _scatter(first_words, 0, words, above)
        _scatter(first_words, 4, words, below)


@compiled
def _gather(
    words: Words, block: int, half: int, tiles: Words
) -> None:  # pragma: no cover - compiled
    """A row of blocks to one half of each tile's rows."""
    for y in range(8):
        i = 8 * y + half
        for t in range(len(tiles)):
            a, b = words[block, y, 4 * t], words[block, y, 4 * t + 1]
            c, d = words[block, y, 4 * t + 2], words[block, y, 4 * t + 3]
            tiles[t, i], tiles[t, i + 1], tiles[t, i + 2], tiles[t, i + 3] = a, b, c, d


@compiled
def _scatter(
    tiles: Words, half: int, words: Words, block: int
) -> None:  # pragma: no cover - compiled
    """Undo `_gather`."""
    for y in range(8):
        i = 8 * y + half
        for t in range(len(tiles)):
            a, b, c, d = tiles[t, i], tiles[t, i + 1], tiles[t, i + 2], tiles[t, i + 3]
            words[block, y, 4 * t], words[block, y, 4 * t + 1] = a, b
            words[block, y, 4 * t + 2], words[block, y, 4 * t + 3] = c, d


@compiled
def _unzip(pairs: Pairs, samples: Samples) -> None:  # pragma: no cover - compiled
    """Even samples to the first half of each tile, odd ones to the second."""
    for t in range(len(pairs)):
        for i in range(256):
            pair = pairs[t, i]
            samples[t, i] = pair & 255
            samples[t, 256 + i] = pair >> 8


@compiled
def _zip(samples: Samples, pairs: Pairs) -> None:  # pragma: no cover - compiled
    """Undo `_unzip`."""
    for t in range(len(pairs)):
        for i in range(256):
            low, high = np.uint16(samples[t, i]), np.uint16(samples[t, 256 + i])
            pairs[t, i] = low | np.uint16(high << 8)


@compiled
def _odd(a: Any, b: Any, c: Any, d: Any) -> Any:  # pragma: no cover - compiled
    """The odd half of either transform: four numbers rotated, 13 bits of fraction added.

    Every result is cut to int32, or the compiler computes in int64, at half the speed.
    """
    ac, bd = Int(a + c), Int(b + d)
    both = Int(Int(ac + bd) * 9633)
    ac, bd = Int(both - Int(ac * 16069)), Int(both - Int(bd * 3196))
    ad, bc = Int(Int(a + d) * 7373), Int(Int(b + c) * 20995)
    return (
        Int(Int(a * 2446) + Int(ac - ad)),
        Int(Int(b * 16819) + Int(bd - bc)),
        Int(Int(c * 25172) + Int(ac - bc)),
        Int(Int(d * 12299) + Int(bd - ad)),
    )


@compiled
def _forward(
    v0: Any, v1: Any, v2: Any, v3: Any, v4: Any, v5: Any, v6: Any, v7: Any
) -> Any:  # pragma: no cover - compiled
    """Eight samples to eight frequencies, times √8, 13 bits of fraction added (jfdctint)."""
    s0, s1, s2, s3 = Int(v0 + v7), Int(v1 + v6), Int(v2 + v5), Int(v3 + v4)
    e0, e1, e2, e3 = Int(s0 + s3), Int(s1 + s2), Int(s1 - s2), Int(s0 - s3)
    turn = Int(Int(e2 + e3) * 4433)
    o7, o5, o3, o1 = _odd(Int(v3 - v4), Int(v2 - v5), Int(v1 - v6), Int(v0 - v7))
    r2, r6 = Int(turn + Int(e3 * 6270)), Int(turn - Int(e2 * 15137))
    return Int(Int(e0 + e1) << 13), o1, r2, o3, Int(Int(e0 - e1) << 13), o5, r6, o7


@compiled
def _inverse(
    c0: Any, c1: Any, c2: Any, c3: Any, c4: Any, c5: Any, c6: Any, c7: Any
) -> Any:  # pragma: no cover - compiled
    """Eight frequencies to eight samples, times √8, 13 bits of fraction added (jidctint)."""
    turn = Int(Int(c2 + c6) * 4433)
    t2, t3 = Int(turn - Int(c6 * 15137)), Int(turn + Int(c2 * 6270))
    t0, t1 = Int(Int(c0 + c4) << 13), Int(Int(c0 - c4) << 13)
    e0, e1, e2, e3 = Int(t0 + t3), Int(t1 + t2), Int(t1 - t2), Int(t0 - t3)
    o7, o5, o3, o1 = _odd(c7, c5, c3, c1)
    first = Int(e0 + o1), Int(e1 + o3), Int(e2 + o5), Int(e3 + o7)
    return *first, Int(e3 - o7), Int(e2 - o5), Int(e1 - o3), Int(e0 - o1)


@compiled
def _scaled(value: Any, shift: Any) -> Any:  # pragma: no cover - compiled
    """Divided by 2ˢʰⁱᶠᵗ and rounded, halves up."""
    return Int(Int(value + Int(1 << (shift - 1))) >> shift)


@compiled
def _sample(value: Any) -> Any:  # pragma: no cover - compiled
    """The end of the way back: 18 bits of fraction cut, 128 added, clipped to 0…255."""
    return min(max(Int(_scaled(value, 18) + Int(128)), Int(0)), Int(255))


@compiled
def _forward_rows(samples: Samples, wide: Wide) -> None:  # pragma: no cover - compiled
    """The first pass forward: 128 taken off, two bits of fraction kept."""
    for t in range(len(wide)):
        for i in range(64):
            v0, v1, v2, v3 = (
                Int(samples[t, i]),
                Int(samples[t, i + 64]),
                Int(samples[t, i + 128]),
                Int(samples[t, i + 192]),
            )
            v4, v5, v6, v7 = (
                Int(samples[t, i + 256]),
                Int(samples[t, i + 320]),
                Int(samples[t, i + 384]),
                Int(samples[t, i + 448]),
            )
            r0, r1, r2, r3, r4, r5, r6, r7 = _forward(v0, v1, v2, v3, v4, v5, v6, v7)
            r0 = Int(r0 - Int(8 * 128 << 13))
            wide[t, i], wide[t, i + 64] = _scaled(r0, 11), _scaled(r1, 11)
            wide[t, i + 128], wide[t, i + 192] = _scaled(r2, 11), _scaled(r3, 11)
            wide[t, i + 256], wide[t, i + 320] = _scaled(r4, 11), _scaled(r5, 11)
            wide[t, i + 384], wide[t, i + 448] = _scaled(r6, 11), _scaled(r7, 11)


@compiled
def _forward_columns(wide: Wide) -> None:  # pragma: no cover - compiled
    """The second pass forward, whose results are eight times the frequencies."""
    for t in range(len(wide)):
        for x in range(8):
            for block in range(8):
                i = 64 * x + block
                v0, v1, v2, v3 = wide[t, i], wide[t, i + 8], wide[t, i + 16], wide[t, i + 24]
                v4, v5, v6, v7 = wide[t, i + 32], wide[t, i + 40], wide[t, i + 48], wide[t, i + 56]
                r0, r1, r2, r3, r4, r5, r6, r7 = _forward(v0, v1, v2, v3, v4, v5, v6, v7)
                wide[t, i], wide[t, i + 8] = _scaled(r0, 15), _scaled(r1, 15)
                wide[t, i + 16], wide[t, i + 24] = _scaled(r2, 15), _scaled(r3, 15)
                wide[t, i + 32], wide[t, i + 40] = _scaled(r4, 15), _scaled(r5, 15)
                wide[t, i + 48], wide[t, i + 56] = _scaled(r6, 15), _scaled(r7, 15)


@compiled
def _quantise(wide: Wide, steps: Wide) -> None:  # pragma: no cover - compiled
    """Frequencies, from eightfold, to the nearest multiple of their step, halves away from zero.

    The reciprocal of 19 bits divides exactly: magnitudes are under 2¹¹, steps under 2⁸.
    """
    for t in range(len(wide)):
        for i in range(512):
            value, step = wide[t, i], steps[0, i]
            magnitude = Int(Int(Int(abs(value)) + Int(4 * step)) >> 3)
            level = Int(Int(Int(magnitude * steps[1, i]) >> 19) * step)
            wide[t, i] = level if value >= 0 else Int(-level)


@compiled
def _inverse_columns(wide: Wide) -> None:  # pragma: no cover - compiled
    """The first pass back: two bits of fraction kept."""
    for t in range(len(wide)):
        for x in range(8):
            for block in range(8):
                i = 64 * x + block
                v0, v1, v2, v3 = wide[t, i], wide[t, i + 8], wide[t, i + 16], wide[t, i + 24]
                v4, v5, v6, v7 = wide[t, i + 32], wide[t, i + 40], wide[t, i + 48], wide[t, i + 56]
                r0, r1, r2, r3, r4, r5, r6, r7 = _inverse(v0, v1, v2, v3, v4, v5, v6, v7)
                wide[t, i], wide[t, i + 8] = _scaled(r0, 11), _scaled(r1, 11)
                wide[t, i + 16], wide[t, i + 24] = _scaled(r2, 11), _scaled(r3, 11)
                wide[t, i + 32], wide[t, i + 40] = _scaled(r4, 11), _scaled(r5, 11)
                wide[t, i + 48], wide[t, i + 56] = _scaled(r6, 11), _scaled(r7, 11)


@compiled
def _inverse_rows(wide: Wide, samples: Samples) -> None:  # pragma: no cover - compiled
    """The second pass back, to samples."""
    for t in range(len(wide)):
        for i in range(64):
            v0, v1, v2, v3 = wide[t, i], wide[t, i + 64], wide[t, i + 128], wide[t, i + 192]
            v4, v5, v6, v7 = wide[t, i + 256], wide[t, i + 320], wide[t, i + 384], wide[t, i + 448]
            r0, r1, r2, r3, r4, r5, r6, r7 = _inverse(v0, v1, v2, v3, v4, v5, v6, v7)
            samples[t, i], samples[t, i + 64] = _sample(r0), _sample(r1)
            samples[t, i + 128], samples[t, i + 192] = _sample(r2), _sample(r3)
            samples[t, i + 256], samples[t, i + 320] = _sample(r4), _sample(r5)
            samples[t, i + 384], samples[t, i + 448] = _sample(r6), _sample(r7)
