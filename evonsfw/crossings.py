"""Where polygons cross pixels, and how much of each they cover: exact areas, kept for the way back.

`raster` paints faster and keeps nothing. Here every crossing of an edge and a pixel is written
down, because that is where a corner's movement is felt, and every shape's coverage lies on a tape,
row by row, no longer than the shape is wide.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from evonsfw.compiled import compiled
from evonsfw.shapes import Canvas

Reals = npt.NDArray[np.float64]
Counts = npt.NDArray[np.int64]
GROWTH = 1.25  # memory asked for by memory needed, so that it is seldom asked for again


class Tape:
    """Memory of one forward and backward pass, kept from call to call; one for each thread.

    Args:
        dtype: float32, or float64 where a test wants more digits. The tape holds four numbers for
            each pixel that each shape covers.
    """

    def __init__(self, dtype: npt.DTypeLike = np.float32) -> None:
        self.dtype = np.dtype(dtype)
        self._held: dict[str, npt.NDArray[Any]] = {}

    def take(self, name: str, count: int, dtype: npt.DTypeLike) -> npt.NDArray[Any]:
        """(count,) array of any content; the same memory again for the same name."""
        held = self._held.get(name)
        if held is None or len(held) < count:
            held = self._held[name] = np.empty(int(count * GROWTH), dtype)
        return held[:count]


class Crossings(NamedTuple):
    """Where edges cross pixels. Edge k ends at corner k; its crossings are one after another.

    Attributes:
        ends: (T + 1,) edge k has crossings ``ends[k]`` to ``ends[k + 1]``.
        rows: (C,) the pixel's row.
        columns: (C,) its column; -1 for all that is left of the canvas, its width for the right.
        shares: (2 C,) from where to where along the edge: 0 at its upper end, 1 at its lower.
    """

    ends: Counts
    rows: npt.NDArray[np.int32]
    columns: npt.NDArray[np.int32]
    shares: Reals


class Spans(NamedTuple):
    """The pixels that each shape covers, row by row.

    Attributes:
        tops: (N,) first row of each shape on the canvas.
        firsts: (N + 1,) the spans of shape i are ``firsts[i]`` to ``firsts[i + 1]``.
        lefts: (R,) first column of each span.
        widths: (R,) its pixels.
        starts: (R,) where it is on the tape, with one cell more than it has pixels.
    """

    tops: Counts
    firsts: Counts
    lefts: Counts
    widths: Counts
    starts: Counts


def find_crossings(vertices: Reals, offsets: Counts, canvas: Canvas, tape: Tape) -> Crossings:
    """All crossings of edges and pixels, on the canvas and left and right of it.

    Args:
        vertices: (T, 2) finite corners in pixels: x to the right, y down.
        offsets: (N + 1,) as `raster.outlines` gives them.
        canvas: width and height in pixels.
        tape: memory, overwritten by the next call with it.
    """
    ends = tape.take("ends", len(vertices) + 1, np.int64)
    most = _most_crossings(vertices, offsets, *canvas)
    rows, columns = tape.take("rows", most, np.int32), tape.take("columns", most, np.int32)
    shares = tape.take("shares", 2 * most, np.float64)
    crossings = Crossings(ends, rows, columns, shares)
    _walk(vertices, offsets, canvas[0], canvas[1], crossings)
    return crossings


def find_spans(
    vertices: Reals, offsets: Counts, crossings: Crossings, canvas: Canvas, tape: Tape
) -> tuple[Spans, int]:
    """The spans of all shapes on the canvas, and how many cells they need.

    Args:
        vertices: (T, 2) finite corners in pixels.
        offsets: (N + 1,) as `raster.outlines` gives them.
        crossings: what `find_crossings` gave for these.
        canvas: width and height in pixels.
        tape: memory, overwritten by the next call with it.
    """
    shapes = len(offsets) - 1
    tops, firsts = tape.take("tops", shapes, np.int64), tape.take("firsts", shapes + 1, np.int64)
    count = _count_spans(vertices, offsets, canvas[1], tops, firsts)
    lefts, widths, starts = (
        tape.take(name, count, np.int64) for name in ("lefts", "widths", "starts")
    )
    spans = Spans(tops, firsts, lefts, widths, starts)
    return spans, _measure_spans(offsets, crossings, spans, canvas[0])


@compiled
def _rows(low: float, high: float, height: int) -> tuple[int, int]:  # pragma: no cover - compiled
    """First row that a reach from y = low to y = high touches on the canvas, and the row after."""
    return int(min(max(low, 0.0), height)), int(min(max(high + 1.0, 0.0), height))


@compiled
def _column(x: float, width: int) -> int:  # pragma: no cover - compiled
    """The column of pixels that x is in; -1 left of the canvas, its width on the right."""
    return int(np.floor(min(max(x, -1.0), width)))


@compiled
def _most_crossings(
    vertices: Any, offsets: Any, width: int, height: int
) -> int:  # pragma: no cover - compiled
    """No fewer crossings than there are: an edge steps into a new row, or a new column."""
    count = 0
    for i in range(len(offsets) - 1):
        previous = offsets[i + 1] - 1
        for k in range(offsets[i], offsets[i + 1]):
            x0, y0 = vertices[previous, 0], vertices[previous, 1]
            x1, y1 = vertices[k, 0], vertices[k, 1]
            first, stop = _rows(min(y0, y1), max(y0, y1), height)
            if first < stop:
                # Rounding may put an end of the edge into the next column.
                count += stop - first + abs(_column(x1, width) - _column(x0, width)) + 2
            previous = k
    return count


@compiled
def _walk(
    vertices: Any, offsets: Any, width: int, height: int, crossings: Crossings
) -> None:  # pragma: no cover - compiled
    """Walk every edge from its upper end to its lower one, row by row and pixel by pixel."""
    ends, rows, columns, shares = crossings
    count = 0
    for i in range(len(offsets) - 1):
        previous = offsets[i + 1] - 1
        for k in range(offsets[i], offsets[i + 1]):
            ends[k] = count
            down = vertices[previous, 1] <= vertices[k, 1]
            upper, lower = (previous, k) if down else (k, previous)
            previous = k
            x, y, bottom = vertices[upper, 0], vertices[upper, 1], vertices[lower, 1]
            across, fall = vertices[lower, 0] - x, bottom - y
            if across == 0.0 and fall == 0.0:
                continue
            first, stop = _rows(y, bottom, height)
            for row in range(first, stop):
                a = (row - y) / fall if row > y and fall > 0.0 else 0.0
                b = (row + 1 - y) / fall if row + 1 < bottom else 1.0
                a, b = min(a, 1.0), min(b, 1.0)
                column, last = _column(x + a * across, width), _column(x + b * across, width)
                step = 1 if last > column else -1
                while column != last:
                    rim = column + 1 if step > 0 else column
                    share = min(max((rim - x) / across, a), b)
                    rows[count], columns[count] = row, column
                    shares[2 * count], shares[2 * count + 1] = a, share
                    count += 1
                    column += step
                    a = share
                rows[count], columns[count] = row, column
                shares[2 * count], shares[2 * count + 1] = a, b
                count += 1
    ends[len(ends) - 1] = count


@compiled
def _count_spans(
    vertices: Any, offsets: Any, height: int, tops: Any, firsts: Any
) -> int:  # pragma: no cover - compiled
    """Write each shape's first row and where its spans begin; returns how many there are."""
    count = 0
    for i in range(len(tops)):
        low = high = vertices[offsets[i], 1]
        for k in range(offsets[i] + 1, offsets[i + 1]):
            low, high = min(low, vertices[k, 1]), max(high, vertices[k, 1])
        tops[i], stop = _rows(low, high, height)
        firsts[i] = count
        count += max(stop - tops[i], 0)
    firsts[len(tops)] = count
    return count


@compiled
def _measure_spans(
    offsets: Any, crossings: Crossings, spans: Spans, width: int
) -> int:  # pragma: no cover - compiled
    """Write where each span lies; returns the cells that all of them need."""
    ends, rows, columns, _ = crossings
    tops, firsts, lefts, widths, starts = spans
    count = 0
    lefts[:], widths[:] = width, 0
    for i in range(len(tops)):
        for k in range(ends[offsets[i]], ends[offsets[i + 1]]):
            r = firsts[i] + rows[k] - tops[i]
            lefts[r] = min(lefts[r], max(columns[k], 0))
            widths[r] = max(widths[r], min(columns[k] + 1, width))
        for r in range(firsts[i], firsts[i + 1]):
            starts[r] = count
            widths[r] = max(widths[r] - lefts[r], 0)
            count += widths[r] + 1
    return count


@compiled
def cover(
    vertices: Any, offsets: Any, crossings: Crossings, spans: Spans, width: int, cells: Any
) -> None:  # pragma: no cover - compiled
    """Write the signed area of each shape in each pixel; its sign is that of the shoelace formula.

    An edge adds the area to its right to its own pixel, and its height to all pixels further right.

    Args:
        vertices: as for `find_spans`, whose result `spans` is, like the next two.
        offsets: likewise.
        crossings: likewise.
        spans: where the cells of each shape are.
        width: of the canvas in pixels.
        cells: as many as `find_spans` said: written.
    """
    ends, rows, columns, shares = crossings
    tops, firsts, lefts, widths, starts = spans
    cells[:] = 0.0
    for i in range(len(tops)):
        previous = offsets[i + 1] - 1
        for k in range(offsets[i], offsets[i + 1]):
            fall = vertices[k, 1] - vertices[previous, 1]
            upper, lower = (previous, k) if fall >= 0.0 else (k, previous)
            x, previous = vertices[upper, 0], k
            across = vertices[lower, 0] - x
            for c in range(ends[k], ends[k + 1]):
                if columns[c] >= width:
                    continue
                r = firsts[i] + rows[c] - tops[i]
                a, b = shares[2 * c], shares[2 * c + 1]
                at = starts[r] + max(columns[c], 0) - lefts[r]
                way = x + 0.5 * (a + b) * across - columns[c] if columns[c] >= 0 else 0.0
                cells[at] -= fall * (b - a) * (1.0 - way)
                if columns[c] >= 0:  # left of the canvas it is 0, and the cell may be another's
                    cells[at + 1] -= fall * (b - a) * way
        for r in range(firsts[i], firsts[i + 1]):
            total = 0.0
            for at in range(starts[r], starts[r] + widths[r]):
                total += cells[at]
                cells[at] = total
