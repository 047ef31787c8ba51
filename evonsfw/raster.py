"""Genomes to pictures: anti-aliased polygons, painted in order, source-over in sRGB.

The coverage of a pixel is the exact area of the polygon inside it. The canvas is cut into tiles of
4 x 8 pixels, each pixel a lane of the vector unit; a row of tiles is a strip. An edge adds the area
to its right, signed, to the tiles that it crosses, and its height to all tiles further right. Then
the polygon is blended: tiles at its rim pixel by pixel, those inside row by row. A shape costs its
outline and its covered pixels. Bands of the canvas that stay in the processor's cache are worked
through one by one, so memory does not grow with the picture.

Everything is IEEE float32 and float64 without reassociation, so the same genome gives the same
pixels in any process, batch or worker. Corners are rounded down to 1/65536 pixel, so that heights
add up without a rounding error: outside a polygon coverage is exactly 0.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from evonsfw.compiled import compiled
from evonsfw.genome import Drawing, Encoding
from evonsfw.shapes import Canvas, load_shape
from evonsfw.tiles import LANES, TALL, WIDE, every, least, load, most, save, save_pixels

BAND_PIXELS = 4096
"""Pixels of one band, where a strip is not more: colours and coverage are 80 kB, so that most of
them stay in a core's first cache. Higher bands cost more for each pixel, lower ones for each edge.
"""
COLOURS, EDGES = 3 * LANES, 2 * LANES  # floats of a tile in a `Workspace`
SNAP = 65536.0
THINNEST = np.float32(1e-15)  # pixels; the width that an upright edge is taken to have in a row
COLUMN = np.tile(np.arange(WIDE, dtype=np.float32), TALL)
ROW = np.repeat(np.arange(TALL, dtype=np.float32), WIDE)
U, F = np.uintp, np.float32  # an index without a sign is not tested for being negative
Floats = npt.NDArray[np.float32]
Pictures = npt.NDArray[np.uint8]


class Workspace(NamedTuple):
    """What painting needs for one band, allocated once for a whole batch.

    Attributes:
        extents: (strips, 4) first and last tile touched by downward edges, then by upward ones.
        tiles: (strips * across * COLOURS,) red, green and blue of each tile's pixels.
        edges: (strips * across * EDGES,) what edges add to each pixel of a tile, and to each pixel
            of its row from there on. All 0 but while a polygon is painted.
        across: tiles of a strip and one more, where what is right of the canvas goes.
    """

    extents: npt.NDArray[np.int64]
    tiles: Floats
    edges: Floats
    across: int


def make_workspace(canvas: Canvas, band_pixels: int = BAND_PIXELS) -> Workspace:
    """A workspace for pictures of that width and any height."""
    width, height = canvas
    across = -(-width // WIDE) + 1
    strips = min(-(-height // TALL), max(2, band_pixels // (across * LANES)))
    extents = np.tile(np.array([across, -1, across, -1]), (strips, 1))
    tiles, edges = (_aligned(strips * across * size) for size in (COLOURS, EDGES))
    return Workspace(extents, tiles, edges, across)


def _aligned(count: int) -> Floats:
    """Zeros that start at a multiple of 64 bytes, where no load straddles two cache lines."""
    zeros = np.zeros(count + 16, np.float32)
    return zeros[-zeros.ctypes.data // 4 % 16 :][:count]


def render(genomes: Floats, encoding: Encoding, canvas: Canvas) -> Pictures:
    """Render a batch of genomes.

    Args:
        genomes: (B, L) float32 array in [0, 1].
        encoding: what the genes mean.
        canvas: width and height in pixels.

    Returns:
        (B, H, W, 3) uint8 array, sRGB.
    """
    return Renderer(encoding, canvas)(genomes)


class Renderer:
    """Renders one batch of genomes after another, in the same memory. Not to be called from several
    threads at a time.

    Args:
        encoding: what the genes mean.
        canvas: width and height in pixels.
    """

    def __init__(self, encoding: Encoding, canvas: Canvas) -> None:
        self._encoding, self._canvas = encoding, canvas
        self._workspace = make_workspace(canvas)
        self._pictures = np.empty((0, canvas[1], canvas[0], 3), np.uint8)

    def __call__(self, genomes: Floats) -> Pictures:
        """(B, L) float32 array in [0, 1] to a (B, H, W, 3) uint8 array, sRGB, which the next call
        writes over.
        """
        if len(genomes) > len(self._pictures):
            self._pictures = np.empty((len(genomes), *self._pictures.shape[1:]), np.uint8)
        pictures = self._pictures[: len(genomes)]
        for picture, genome in zip(pictures, genomes, strict=True):
            drawing = self._encoding.decode(genome)
            render_drawing(drawing, self._canvas, picture, self._workspace)
        return pictures


def render_drawing(
    drawing: Drawing, canvas: Canvas, picture: Pictures, workspace: Workspace | None = None
) -> None:
    """Render one decoded genome into `picture`, an (H, W, 3) uint8 array of that canvas."""
    vertices, offsets = outlines(drawing, canvas)
    colours, background = drawing.colours * F(255.0), drawing.background * F(255.0)
    paint_polygons(vertices, offsets, colours, drawing.alphas, background, picture, workspace)


def paint_polygons(
    vertices: npt.NDArray[np.float64],
    offsets: npt.NDArray[np.int64],
    colours: Floats,
    alphas: Floats,
    background: Floats,
    picture: Pictures,
    workspace: Workspace | None = None,
) -> None:
    """Paint polygons over a background, in order.

    Args:
        vertices: (T, 2) corners in pixels: x to the right, y down.
        offsets: (N + 1,): polygon i is ``vertices[offsets[i]:offsets[i + 1]]``, at least 1 corner.
        colours: (N, 3) sRGB in [0, 255].
        alphas: (N,) opacity in [0, 1].
        background: (3,) sRGB in [0, 255].
        picture: (H, W, 3) C-contiguous array that is written.
        workspace: from `make_workspace` for that width; made here where there is none.
    """
    assert picture.flags.c_contiguous
    height, width, _ = picture.shape
    space = workspace or make_workspace((width, height))
    lines, spans = np.empty((len(vertices), 4)), np.empty((len(alphas), 2))
    _measure(vertices, offsets, lines, spans)
    polygons = (lines, spans, offsets, colours, alphas)
    _paint(polygons, background, picture.reshape(-1), width, space)


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
        count, each, _ = corners.shape
        return corners.reshape(-1, 2), np.arange(0, count * each + 1, each)
    counts = np.empty(len(drawing.alphas), np.int64)
    pieces = []
    for name, rows in drawing.rows_by_shape():
        pieces.append((rows, load_shape(name).outline(drawing.geometry[rows], canvas)))
        counts[rows] = pieces[-1][1].shape[1]
    offsets = np.concatenate([[0], np.cumsum(counts)])
    vertices = np.empty((offsets[-1], 2))
    for rows, corners in pieces:
        vertices[offsets[:-1][rows][:, None] + np.arange(corners.shape[1])] = corners
    return vertices, offsets


@compiled
def _add_strip(
    space: Workspace, g: Any, side: Any, ends: Any, rows: Any
) -> None:  # pragma: no cover - compiled
    """Add an edge to strip g, where it runs from x = ends[0] to x = ends[1].

    rows: for each pixel of a tile, the way to it from where the edge is leftmost in its row, had
    the edge and the tile begun at x = 0; the edge's width and its signed height in that row.
    """
    extents, _, edges, across = space
    offset, span, height, density = rows
    first = int(min(max(min(ends[0], ends[1]) * (1.0 / WIDE), 0.0), across - 2.0))
    last = int(min(max(max(ends[0], ends[1]) * (1.0 / WIDE), 0.0), across - 2.0))
    extents[g, side] = min(extents[g, side], first)
    extents[g, side + U(1)] = max(extents[g, side + U(1)], last)
    zero, one, width = every(F(0.0)), every(F(1.0)), every(F(WIDE))
    at = (g * U(across) + U(first)) * U(EDGES)
    offset = offset + every(F(first * WIDE - ends[0]))
    for _ in range(first, last + 1):
        near, far = most(offset, zero), most(offset + one, zero)
        a, b = least(near, span), least(far, span)
        below = b - a
        area = below * (a + b) * density + (far - near - below) * height
        save(edges, at, load(edges, at) + area)
        offset = offset + width
        at += U(EDGES)
    save(edges, at + U(LANES), load(edges, at + U(LANES)) + height)


@compiled
def _add_edge(
    space: Workspace, x: float, top: float, bottom: float, slope: float, down: bool, stop: int
) -> None:  # pragma: no cover - compiled
    """Add the edge that starts at (x, top) and ends at y = bottom, above strip `stop`."""
    side = U(0 if down else 2)
    sign, lean, zero = every(F(1.0 if down else -1.0)), every(F(slope)), every(F(0.0))
    one, column, row = every(F(1.0)), load(COLUMN, U(0)), load(ROW, U(0))
    full = most(most(lean, zero - lean), every(THINNEST))
    offset, density = column - (row * lean + least(lean, zero)), every(F(0.5)) * sign / full
    for g in range(int(max(top, 0.0)) // TALL, stop):
        y = float(g * TALL)
        upper, lower = max(y, top), min(y + TALL, bottom)
        ends = (x + (upper - top) * slope, x + (lower - top) * slope)
        if lower - upper == TALL:
            _add_strip(space, U(g), side, ends, (offset, full, sign, density))
        else:
            begin = row - every(F(upper - y))
            a, b = most(begin, zero), least(begin + one, every(F(lower - upper)))
            height = most(b - a, zero) * sign
            a, b = a * lean, b * lean
            span = most(most(b - a, a - b), every(THINNEST))
            part = every(F(0.5)) * height / span
            _add_strip(space, U(g), side, ends, (column - least(a, b), span, height, part))


@compiled
def _blend_rim(
    space: Workspace, at: Any, count: int, total: Any, alpha: Any, colour: Any
) -> Any:  # pragma: no cover - compiled
    """Source-over of `count` tiles from tile `at`, each pixel with its own coverage.

    total is what edges further left add; returned with what those of these tiles do.
    """
    tiles, edges = space.tiles, space.edges
    zero, one, t, e = every(F(0.0)), every(F(1.0)), at * U(COLOURS), at * U(EDGES)
    for _ in range(count):
        total = total + load(edges, e + U(LANES))
        area = load(edges, e) + total
        save(edges, e, zero)
        save(edges, e + U(LANES), zero)
        part = least(most(area, zero - area), one) * alpha
        for value in colour:
            below = load(tiles, t)
            save(tiles, t, below + part * (every(value) - below))
            t += U(LANES)
        e += U(EDGES)
    return total


@compiled
def _blend(
    space: Workspace, start: int, stop: int, opacity: Any, colour: Any
) -> None:  # pragma: no cover - compiled
    """Blend what the edges left in strips start to stop, and clear it.

    Where neither downward nor upward edges touch a tile, all pixels of a row have one coverage.
    """
    extents, tiles, edges, across = space
    zero, one, alpha = every(F(0.0)), every(F(1.0)), every(opacity)
    for g in range(U(start), U(stop)):
        a, b, c, d = extents[g, 0], extents[g, 1], extents[g, 2], extents[g, 3]
        extents[g, 0], extents[g, 1], extents[g, 2], extents[g, 3] = across, -1, across, -1
        first, end = min(a, c), max(b, d) + 1
        inner, outer = min(b, d) + 1, max(a, c)
        if end <= first:
            continue
        inner, outer = (inner, outer) if inner < outer <= end else (end, end)
        at = g * U(across)
        total = _blend_rim(space, at + U(first), inner - first, zero, alpha, colour)
        if outer < end:
            e, t = (at + U(inner)) * U(EDGES) + U(LANES), (at + U(inner)) * U(COLOURS)
            total = total + load(edges, e)
            save(edges, e, zero)
            part = least(most(total, zero - total), one) * alpha
            for _ in range(inner, outer):
                for value in colour:
                    save(tiles, t, load(tiles, t) * (one - part) + part * every(value))
                    t += U(LANES)
            _blend_rim(space, at + U(outer), end - outer, total, alpha, colour)
        save(edges, (at + U(end)) * U(EDGES) + U(LANES), zero)


@compiled
def _write(tiles: Any, picture: Any, top: int, rows: int, width: int) -> None:  # pragma: no cover
    """Round a band to bytes."""
    half, row, t, n = every(F(0.5)), U(3 * width), U(0), U(LANES)
    for y in range(0, rows, TALL):
        at = U(top + y) * row
        for x in range(0, width, WIDE):
            if x + WIDE <= width and y + TALL <= rows:
                r, g, b = load(tiles, t), load(tiles, t + n), load(tiles, t + n + n)
                save_pixels(picture, at, row, r + half, g + half, b + half)
            else:
                for j in range(min(TALL, rows - y)):
                    for k in range(3 * min(WIDE, width - x)):
                        lane = U(k % 3 * LANES + j * WIDE + k // 3)
                        picture[at + U(j) * row + U(k)] = np.uint8(tiles[t + lane] + F(0.5))
            t += U(COLOURS)
            at += U(3 * WIDE)
        t += U(COLOURS)


@compiled
def _measure(vertices: Any, offsets: Any, lines: Any, spans: Any) -> None:  # pragma: no cover
    """What painting needs of each edge and polygon, worked out once for all bands.

    lines: (T, 4) x where an edge is highest, y where it starts and where it ends, slope.
    spans: (N, 2) lowest and highest y of each polygon.
    """
    for i in range(U(len(spans))):
        begin, end = U(offsets[i]), U(offsets[i + U(1)])
        last = end - U(1)
        x0, y0 = vertices[last, 0], np.floor(vertices[last, 1] * SNAP) / SNAP
        low = high = y0
        for k in range(begin, end):
            x1, y1 = vertices[k, 0], np.floor(vertices[k, 1] * SNAP) / SNAP
            lines[k, 0] = x0 if y0 < y1 else x1
            lines[k, 1], lines[k, 2] = y0, y1
            lines[k, 3] = (x1 - x0) / (y1 - y0) if y0 != y1 else 0.0
            low, high = min(low, y1), max(high, y1)
            x0, y0 = x1, y1
        spans[i, 0], spans[i, 1] = low, high


@compiled
def _paint(
    polygons: Any, background: Any, picture: Any, width: int, space: Workspace
) -> None:  # pragma: no cover - compiled
    """Paint every polygon over the background, band by band, and round to 8 bits."""
    lines, spans, offsets, colours, alphas = polygons
    height, tall = len(picture) // (3 * width), len(space.extents) * TALL
    red, green, blue = every(background[0]), every(background[1]), every(background[2])
    for top in range(0, height, tall):
        rows = min(tall, height - top)
        edge = float(rows)
        for i in range(U(len(space.tiles) // COLOURS)):
            t = i * U(COLOURS)
            save(space.tiles, t, red)
            save(space.tiles, t + U(LANES), green)
            save(space.tiles, t + U(2 * LANES), blue)
        for i in range(U(len(alphas))):
            low, high = spans[i, 0] - top, min(spans[i, 1] - top, edge)
            if high <= 0.0 or low >= edge:
                continue
            for k in range(U(offsets[i]), U(offsets[i + U(1)])):
                y0, y1 = lines[k, 1] - top, lines[k, 2] - top
                upper, lower = min(y0, y1), min(max(y0, y1), edge)
                if upper < lower and lower > 0.0:
                    stop = -(-int(np.ceil(lower)) // TALL)
                    _add_edge(space, lines[k, 0], upper, lower, lines[k, 3], y0 < y1, stop)
            stop = -(-int(np.ceil(high)) // TALL)
            colour = (colours[i, 0], colours[i, 1], colours[i, 2])
            _blend(space, int(max(low, 0.0)) // TALL, stop, alphas[i], colour)
        _write(space.tiles, picture, top, rows, width)
