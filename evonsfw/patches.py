"""A window of a picture around one of its shapes: what lies below the shape, what lies above.

Shapes are polygons, and coverage is the exact area of a polygon in a pixel, as in `raster`: an edge
adds the area to its right, signed, to the pixels that it crosses, and its height to all pixels
further right. Where a row has no edge, coverage is the same from pixel to pixel.

Blending is source-over, p = coverage times alpha. A run of shapes, blended over black and none,
leaves a colour A, multiplied by its opacity, and a transmittance T: over a picture B it is A + T B
(Porter, Duff 1984).
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from evonsfw.compiled import compiled
from evonsfw.lanes import SUMS

SNAP = 65536.0
"""Heights are rounded down to 1/65536 pixel, as in `raster`: outside, coverage is exactly 0."""
FAR = 1 << 40
"""A column right of any canvas."""
Floats = npt.NDArray[np.float32]
Reals = npt.NDArray[np.float64]
Place = tuple[int, int, int, int]
"""Left, top, width and height of a window, in pixels of the canvas."""
U, F = np.uintp, np.float32  # an index without a sign is not tested for being negative


class Bench(NamedTuple):
    """Memory for trials on one canvas, made once.

    Attributes:
        cells: (H * (W + 2) * 2,) what edges add to a pixel's own coverage, and to that of all
            pixels further right; all 0 between calls.
        extents: (H, 4) first and last pixel touched by downward edges, then by upward ones.
        below: (3, H * W) the picture below, in [0, 1].
        above: (4, H * W) the colour above, multiplied by its opacity, and the transmittance.
        sums: (H * (W + 1) * SUMS,) running sums along the rows.
        work: (1,) pixels visited so far.
    """

    cells: Reals
    extents: npt.NDArray[np.int64]
    below: Floats
    above: Floats
    sums: Floats
    work: npt.NDArray[np.int64]


def make_bench(width: int, height: int) -> Bench:
    """Memory for a canvas of that size."""
    return Bench(
        np.zeros(height * (width + 2) * 2),
        np.tile(np.array([FAR, -1, FAR, -1]), (height, 1)),
        np.empty((3, height * width), np.float32),
        np.empty((4, height * width), np.float32),
        np.zeros(height * (width + 1) * SUMS, np.float32),
        np.zeros(1, np.int64),
    )


@compiled
def _add_edge(
    bench: Bench, width: int, x: float, top: float, bottom: float, slope: float, down: bool
) -> None:  # pragma: no cover - compiled
    """Add the edge from (x, top) to y = bottom, in pixels of a window `width` wide."""
    cells, extents = bench.cells, bench.extents
    side = U(0 if down else 2)
    sign = 1.0 if down else -1.0
    edge = float(width)
    for row in range(int(top), int(np.ceil(bottom))):
        a, b = max(top, float(row)), min(bottom, row + 1.0)
        height = (b - a) * sign
        xa, xb = x + (a - top) * slope, x + (b - top) * slope
        low, high = min(xa, xb), max(xa, xb)
        first = int(min(max(low, 0.0), edge))
        last = int(min(max(high, 0.0), edge))
        extents[U(row), side] = min(extents[U(row), side], first)
        extents[U(row), side + U(1)] = max(extents[U(row), side + U(1)], last)
        at = U(row * (width + 2) + first) * U(2)
        if high <= 0.0 or (first == last and low >= 0.0):
            cells[at] += height * (1.0 - max(0.5 * (low + high) - first, 0.0))
            cells[at + U(1)] += height
            continue
        density = height / (high - low)
        start = low
        if low < 0.0:
            cells[at] -= density * low
            cells[at + U(1)] -= density * low
            start = 0.0
        for column in range(first, last + 1):
            end = min(high, column + 1.0)
            part = density * (end - start)
            cells[at] += part * (column + 1.0 - 0.5 * (start + end))
            cells[at + U(1)] += part
            at += U(2)
            start = end


@compiled
def outline(
    bench: Bench, corners: Any, count: int, place: Any
) -> tuple[int, int]:  # pragma: no cover - compiled
    """Add a polygon's edges to a window; its first row and the row after its last."""
    left, top, width, height = place
    last = count - 1
    x0, y0 = corners[last, 0] - left, np.floor(corners[last, 1] * SNAP) / SNAP - top
    lowest, highest = y0, y0
    for k in range(count):
        x1, y1 = corners[k, 0] - left, np.floor(corners[k, 1] * SNAP) / SNAP - top
        if y0 != y1:
            slope = (x1 - x0) / (y1 - y0)
            upper, lower, x = (y0, y1, x0) if y0 < y1 else (y1, y0, x1)
            if upper < 0.0:
                x -= upper * slope
                upper = 0.0
            lower = min(lower, float(height))
            if upper < lower:
                _add_edge(bench, width, x, upper, lower, slope, y0 < y1)
        lowest, highest = min(lowest, y1), max(highest, y1)
        x0, y0 = x1, y1
    return int(max(lowest, 0.0)), int(np.ceil(min(highest, float(height))))


@compiled
def spans(
    extents: Any, row: int, width: int
) -> tuple[int, int, int, int]:  # pragma: no cover - compiled
    """First pixel, first and last-but-one of the run of even coverage, end; extents cleared."""
    a, b, c, d = extents[row, 0], extents[row, 1], extents[row, 2], extents[row, 3]
    extents[row, 0], extents[row, 1] = FAR, -1
    extents[row, 2], extents[row, 3] = FAR, -1
    first, end = min(a, c), min(max(b, d) + 1, width)
    inner, outer = min(b, d) + 1, min(max(a, c), width)
    if inner >= outer or end < outer:
        inner = outer = end
    return first, inner, outer, end


@compiled
def blend(
    bench: Bench, planes: Any, corners: Any, count: int, place: Any, colour: Any, alpha: float
) -> None:  # pragma: no cover - compiled
    """Source-over of a polygon on planes of a window."""
    width = place[2]
    cells = bench.cells
    begin, stop = outline(bench, corners, count, place)
    for row in range(begin, stop):
        first, inner, outer, end = spans(bench.extents, row, width)
        at, total, x = U(row * (width + 2) + first) * U(2), 0.0, first
        while x < end:
            i = U(row * width + x)
            if x == inner and inner < outer:
                part = F(min(abs(total), 1.0) * alpha)
                for q in range(len(planes)):
                    value = colour[q]
                    for k in range(i, i + U(outer - inner)):
                        planes[q, k] += part * (value - planes[q, k])
                at += U(2 * (outer - inner))
                x = outer
            else:
                part = F(min(abs(total + cells[at]), 1.0) * alpha)
                total += cells[at + U(1)]
                cells[at] = cells[at + U(1)] = 0.0
                for q in range(len(planes)):
                    planes[q, i] += part * (colour[q] - planes[q, i])
                at += U(2)
                x += 1
        at = U(row * (width + 2) + width) * U(2)
        cells[at] = cells[at + U(1)] = 0.0
        bench.work[0] += max(end - first, 0)


@compiled
def _apart(corners: Any, count: int, place: Any) -> bool:  # pragma: no cover - compiled
    """Whether a polygon has nothing in a window."""
    left, top, width, height = place
    x0 = x1 = corners[0, 0]
    y0 = y1 = corners[0, 1]
    for k in range(1, count):
        x0, x1 = min(x0, corners[k, 0]), max(x1, corners[k, 0])
        y0, y1 = min(y0, corners[k, 1]), max(y1, corners[k, 1])
    return x1 <= left or y1 <= top or x0 >= left + width or y0 >= top + height


@compiled
def compose(
    bench: Bench, polygons: Any, background: Any, out: int, depth: int, place: Any
) -> None:  # pragma: no cover - compiled
    """Composite a window of a picture without one of its shapes: what is below, what is above.

    Args:
        bench: where to: `below` and `above`, the window's rows one after another.
        polygons: (N, V, 2) corners in pixels, (N,) how many count, (N, 3) colours in [0, 1],
            (N,) alphas, in painting order.
        background: (3,) in [0, 1].
        out: the shape that is left out; -1 for none.
        depth: how many of the others are below.
        place: left, top, width and height of the window.
    """
    corners, counts, colours, alphas = polygons
    size = place[2] * place[3]
    for q in range(3):
        bench.below[q, :size] = background[q]
        bench.above[q, :size] = F(0.0)
    bench.above[3, :size] = F(1.0)
    colour = np.zeros(4, np.float32)
    rank = 0
    for j in range(len(alphas)):
        if j == out:
            continue
        if not _apart(corners[j], counts[j], place):
            colour[:3] = colours[j]
            planes = bench.below if rank < depth else bench.above
            blend(bench, planes, corners[j], counts[j], place, colour, alphas[j])
        rank += 1
