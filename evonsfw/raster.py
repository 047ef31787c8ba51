"""Genomes to pictures: anti-aliased polygons, painted in order, source-over in sRGB.

The coverage of a pixel is the exact area of the polygon inside it, found with the signed-area
accumulation of R. Levien's font-rs: every edge adds what it contributes to the pixels that it
crosses, and a running sum along the row turns that into coverage. A shape costs its outline and
its covered pixels, nothing else. The canvas is worked through in horizontal bands that stay in
the processor's cache, so memory does not grow with the picture.

Everything is IEEE float32 and float64 without reassociation, so the same genome gives the same
pixels in any process, batch or worker.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from evonsfw.compiled import compiled
from evonsfw.genome import Drawing, Encoding
from evonsfw.shapes import Canvas, load_shape

BAND_PIXELS = 16384
"""Pixels of one band: three float32 planes of it are about 200 kB, less than a core's L2 cache."""

Pictures = npt.NDArray[np.uint8]


def render(genomes: npt.NDArray[np.float32], encoding: Encoding, canvas: Canvas) -> Pictures:
    """Render a batch of genomes.

    Args:
        genomes: (B, L) float32 array in [0, 1].
        encoding: what the genes mean.
        canvas: width and height in pixels.

    Returns:
        (B, H, W, 3) uint8 array, sRGB.
    """
    width, height = canvas
    pictures = np.empty((len(genomes), height, width, 3), np.uint8)
    workspace = _workspace(canvas)
    for picture, genome in zip(pictures, genomes, strict=True):
        render_drawing(encoding.decode(genome), canvas, picture, workspace)
    return pictures


def render_drawing(
    drawing: Drawing, canvas: Canvas, picture: Pictures, workspace: tuple[Any, ...] | None = None
) -> None:
    """Render one decoded genome into `picture`, an (H, W, 3) uint8 array of that canvas."""
    vertices, offsets = outlines(drawing, canvas)
    _paint(
        vertices,
        offsets,
        drawing.colours * np.float32(255.0),
        drawing.alphas,
        drawing.background * np.float32(255.0),
        picture,
        *(workspace or _workspace(canvas)),
    )


def outlines(
    drawing: Drawing, canvas: Canvas
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.int64]]:
    """Every shape's polygon, in painting order.

    Returns:
        (T, 2) float64 vertices in pixels, and (N + 1,) offsets: shape i is
        ``vertices[offsets[i]:offsets[i + 1]]``.
    """
    if len(drawing.shapes) == 1:
        corners = load_shape(drawing.shapes[0]).outline(drawing.geometry, canvas)
        return corners.reshape(-1, 2), np.arange(len(corners) + 1) * corners.shape[1]
    pieces = [
        load_shape(name).outline(drawing.geometry[rows], canvas)
        for name, rows in drawing.rows_by_shape()
    ]
    counts = np.zeros(len(drawing.alphas), np.int64)
    for (_, rows), piece in zip(drawing.rows_by_shape(), pieces, strict=True):
        counts[rows] = piece.shape[1]
    offsets = np.concatenate([[0], np.cumsum(counts)])
    vertices = np.empty((offsets[-1], 2))
    for (_, rows), piece in zip(drawing.rows_by_shape(), pieces, strict=True):
        vertices[offsets[:-1][rows][:, None] + np.arange(piece.shape[1])] = piece
    return vertices, offsets


def warm_up() -> None:
    """Compile the kernel, or load it from numba's cache. Call before workers start."""
    encoding = Encoding(shapes=("triangles",), n=1)
    render(np.full((1, encoding.length), 0.5, np.float32), encoding, (8, 8))


def _workspace(canvas: Canvas) -> tuple[Any, ...]:
    """Band, accumulation buffer and per-row extents, allocated once for a whole batch."""
    width, height = canvas
    rows = min(height, max(8, BAND_PIXELS // width))
    return (
        np.empty((rows, 3, width), np.float32),
        np.zeros((rows, width + 2), np.float32),
        np.empty((rows, 4), np.int64),
        np.empty(width, np.float32),
    )


@compiled
def _add_segment(
    cover: npt.NDArray[np.float32], y: Any, left: float, right: float, height: float
) -> None:  # pragma: no cover - compiled
    """Add to row y an edge between x = left and right that spans `height` of the row, signed."""
    first = np.uintp(left)
    last = np.uintp(np.ceil(right))
    second = first + np.uintp(1)
    if last <= second:
        share = height * (0.5 * (left + right) - first)
        cover[y, first] += np.float32(height - share)
        cover[y, second] += np.float32(share)
        return
    slope = 1.0 / (right - left)
    start = 1.0 - (left - first)
    end = right - last + 1.0
    head = 0.5 * slope * start * start
    tail = 0.5 * slope * end * end
    cover[y, first] += np.float32(height * head)
    if last == second + np.uintp(1):
        cover[y, second] += np.float32(height * (1.0 - head - tail))
    else:
        rest = slope * (start + 0.5)
        cover[y, second] += np.float32(height * (rest - head))
        before = last - np.uintp(1)
        for x in range(second + np.uintp(1), before):
            cover[y, x] += np.float32(height * slope)
        middle = float(before - second - np.uintp(1)) * slope
        cover[y, before] += np.float32(height * (1.0 - rest - middle - tail))
    cover[y, last] += np.float32(height * tail)


@compiled
def _add_clipped(
    cover: npt.NDArray[np.float32], y: Any, left: float, right: float, height: float, width: float
) -> None:  # pragma: no cover - compiled
    """Like `_add_segment`, for an edge that leaves the canvas sideways: split at its borders."""
    span = right - left
    inside_left, inside_right = max(left, 0.0), min(right, width)
    if left < 0.0:
        share = 1.0 if span == 0.0 else (min(right, 0.0) - left) / span
        cover[y, 0] += np.float32(height * share)
    if inside_right > inside_left:
        part = height * (inside_right - inside_left) / span
        _add_segment(cover, y, inside_left, inside_right, part)


@compiled
def _scan(
    polygon: npt.NDArray[np.float64],
    top: int,
    rows: int,
    width: int,
    cover: npt.NDArray[np.float32],
    extents: npt.NDArray[np.int64],
) -> tuple[int, int]:  # pragma: no cover - compiled
    """Accumulate a polygon's edges over the band; returns the rows that it touches.

    extents[y] is first and last pixel touched by downward edges, then by upward ones.
    """
    low, high = polygon[0, 1], polygon[0, 1]
    for k in range(1, len(polygon)):
        low, high = min(low, polygon[k, 1]), max(high, polygon[k, 1])
    first = max(0, int(np.floor(low)) - top)
    stop = min(rows, int(np.ceil(high)) - top)
    if first >= stop:
        return 0, 0
    for y in range(first, stop):
        extents[y, 0] = extents[y, 2] = width
        extents[y, 1] = extents[y, 3] = -1
    x0, y0 = polygon[-1, 0], polygon[-1, 1] - top
    for k in range(len(polygon)):
        x1, y1 = polygon[k, 0], polygon[k, 1] - top
        if y0 != y1:
            sign = 1.0 if y0 < y1 else -1.0
            least = np.uintp(0 if y0 < y1 else 2)
            most = least + np.uintp(1)
            ya, yb = min(y0, y1), max(y0, y1)
            xa = x0 if y0 < y1 else x1
            slope = (x1 - x0) / (y1 - y0)
            start = np.uintp(max(0.0, np.floor(ya)))
            end = np.uintp(max(0.0, min(float(rows), np.ceil(yb))))
            for y in range(start, end):
                upper, lower = max(ya, float(y)), min(yb, float(y) + 1.0)
                xu, xl = xa + (upper - ya) * slope, xa + (lower - ya) * slope
                left, right = min(xu, xl), max(xu, xl)
                height = sign * (lower - upper)
                if left >= 0.0 and right < width:
                    _add_segment(cover, y, left, right, height)
                else:
                    _add_clipped(cover, y, left, right, height, float(width))
                    left = min(max(left, 0.0), float(width))
                    right = min(max(right, 0.0), float(width))
                extents[y, least] = min(extents[y, least], int(left))
                extents[y, most] = max(extents[y, most], int(right) + 1)
        x0, y0 = x1, y1
    return first, stop


@compiled
def _opacity(
    cover: npt.NDArray[np.float32],
    extents: npt.NDArray[np.int64],
    y: int,
    opacity: npt.NDArray[np.float32],
    alpha: Any,
) -> tuple[Any, Any]:  # pragma: no cover - compiled
    """Turn one row's accumulated edges into the opacity of each of its pixels, and clear them.

    Between the last pixel that the left edges touch and the first that the right ones touch,
    coverage is constant: that part is filled, not summed.

    Returns:
        first and one past the last pixel to blend.
    """
    width, row = np.uintp(len(opacity)), np.uintp(y)
    start = np.uintp(min(extents[y, 0], extents[y, 2]))
    end = np.uintp(max(extents[y, 1], extents[y, 3]) + 1)
    inner = np.uintp(min(extents[y, 1], extents[y, 3]) + 1)
    outer = max(inner, np.uintp(max(extents[y, 0], extents[y, 2])))
    total, one = np.float32(0.0), np.float32(1.0)
    for x in range(start, min(inner, width)):
        total += cover[row, x]
        opacity[x] = min(abs(total), one) * alpha
        cover[row, x] = 0.0
    constant = min(abs(total), one) * alpha
    for x in range(inner, min(outer, width)):
        opacity[x] = constant
    for x in range(outer, min(end, width)):
        total += cover[row, x]
        opacity[x] = min(abs(total), one) * alpha
        cover[row, x] = 0.0
    cover[row, width] = cover[row, width + np.uintp(1)] = 0.0
    return start, min(end, width)


@compiled
def _blend(
    band: npt.NDArray[np.float32],
    y: int,
    c: int,
    start: int,
    end: int,
    opacity: npt.NDArray[np.float32],
    colour: Any,
) -> None:  # pragma: no cover - compiled
    """Source-over of one channel of a colour on the pixels of a row."""
    row, channel = np.uintp(y), np.uintp(c)
    for x in range(start, end):
        band[row, channel, x] += opacity[x] * (colour - band[row, channel, x])


@compiled
def _paint(
    vertices: npt.NDArray[np.float64],
    offsets: npt.NDArray[np.int64],
    colours: npt.NDArray[np.float32],
    alphas: npt.NDArray[np.float32],
    background: npt.NDArray[np.float32],
    picture: Pictures,
    band: npt.NDArray[np.float32],
    cover: npt.NDArray[np.float32],
    extents: npt.NDArray[np.int64],
    opacity: npt.NDArray[np.float32],
) -> None:  # pragma: no cover - compiled
    """Paint every polygon over the background, band by band, and round to 8 bits."""
    height, width = picture.shape[0], picture.shape[1]
    for top in range(0, height, len(band)):
        rows = min(len(band), height - top)
        for c in range(3):
            band[:rows, c, :] = background[c]
        for i in range(len(alphas)):
            polygon = vertices[offsets[i] : offsets[i + 1]]
            first, stop = _scan(polygon, top, rows, width, cover, extents)
            for y in range(first, stop):
                start, end = _opacity(cover, extents, y, opacity, alphas[i])
                for c in range(3):
                    _blend(band, y, c, start, end, opacity, colours[i, c])
        for y in range(rows):
            for c in range(3):
                for x in range(width):
                    picture[top + y, x, c] = np.uint8(band[y, c, x] + np.float32(0.5))
