"""Genomes to pictures: anti-aliased polygons, painted in order, source-over in sRGB.

The coverage of a pixel is the exact area of the polygon inside it. The canvas is cut into tiles of
4 x 4 pixels, each pixel a lane of the vector unit; a row of tiles is a strip. An edge adds the area
to its right, signed, to the tiles that it crosses, and its height to all tiles further right. Then
the polygon is blended: tiles at its rim pixel by pixel, those inside row by row. A shape costs its
outline and its covered pixels. Bands of the canvas that stay in the processor's cache are worked
through one by one, so memory does not grow with the picture.

Everything is IEEE float32 and float64 without reassociation, so the same genome gives the same
pixels in any process, batch or worker. Corners are rounded down to 1/65536 pixel, so that heights
add up without a rounding error: outside a polygon coverage is exactly 0.
"""

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
from llvmlite import ir  # type: ignore[import-untyped]
from numba.core import types
from numba.extending import lower_builtin, models, register_model, type_callable

from evonsfw.compiled import compiled
from evonsfw.genome import Drawing, Encoding
from evonsfw.shapes import Canvas, load_shape

BAND_PIXELS = 16384
"""Pixels of one band: its colours and coverage are about 330 kB, less than a core's L2 cache."""
SIDE = 4  # width and height of a tile in pixels
LANES = SIDE * SIDE
COLOURS, EDGES = 3 * LANES, 2 * LANES  # floats of a tile in a `Workspace`
SNAP = 65536.0
THINNEST = np.float32(1e-15)  # pixels; the width that an upright edge is taken to have in a row
COLUMN = np.tile(np.arange(SIDE, dtype=np.float32), SIDE)
ROW = np.repeat(np.arange(SIDE, dtype=np.float32), SIDE)
U, F = np.uintp, np.float32  # an index without a sign is not tested for being negative
Floats = npt.NDArray[np.float32]
Pictures = npt.NDArray[np.uint8]


class Workspace(NamedTuple):
    """What painting needs for one band, allocated once for a whole batch.

    Attributes:
        extents: (strips, 4) first and last tile touched by downward edges, then by upward ones.
        tiles: (strips * across * 48,) red, green and blue of each tile's pixels.
        edges: (strips * across * 32,) what edges add to each pixel of a tile, and to each pixel of
            its row from there on. All 0 but while a polygon is painted.
        across: tiles of a strip and one more, where what is right of the canvas goes.
    """

    extents: npt.NDArray[np.int64]
    tiles: Floats
    edges: Floats
    across: int


def make_workspace(canvas: Canvas, band_pixels: int = BAND_PIXELS) -> Workspace:
    """A workspace for pictures of that width and any height."""
    width, height = canvas
    across = -(-width // SIDE) + 1
    strips = min(-(-height // SIDE), max(2, band_pixels // (across * LANES)))
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
    width, height = canvas
    pictures = np.empty((len(genomes), height, width, 3), np.uint8)
    workspace = make_workspace(canvas)
    for picture, genome in zip(pictures, genomes, strict=True):
        render_drawing(encoding.decode(genome), canvas, picture, workspace)
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
    _paint((vertices, offsets, colours, alphas), background, picture.reshape(-1), width, space)


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


def warm_up() -> None:
    """Compile all kernels, or load them from numba's cache. Call before workers start."""
    encoding = Encoding(shapes=("circles", "triangles"), n=2)
    render(np.full((1, encoding.length), 0.5, np.float32), encoding, (8, 8))


class _Tile(types.Type):
    """A value in compiled code: a float32 for each pixel of a tile, row by row."""


@register_model(_Tile)
class _TileModel(models.PrimitiveModel):
    def __init__(self, manager: Any, kind: Any) -> None:
        super().__init__(manager, kind, _FLOATS)  # type: ignore[no-untyped-call]


_TILE, _WORD = _Tile("tile"), ir.IntType(32)
_FLOATS, _WORDS = ir.VectorType(ir.FloatType(), LANES), ir.VectorType(_WORD, LANES)


def _define(name: Any, kinds: list[Any], result: Callable[..., Any], emit: Any) -> None:
    """Let compiled code call `name` by what `emit` adds to LLVM's code; arrays are pointers."""

    def lower(context: Any, to: Any, signature: Any, given: Any) -> Any:
        if isinstance(array := signature.args[0], types.Array):
            given = [context.make_array(array)(context, to, given[0]).data, *given[1:]]
        return emit(to, *given) or context.get_dummy_value()

    type_callable(name)(lambda _: result)
    lower_builtin(name, *kinds)(lower)  # type: ignore[no-untyped-call]


def _at(to: Any, array: Any, index: Any, kind: Any = _FLOATS) -> Any:
    return to.bitcast(to.gep(array, [index]), kind.as_pointer())


def _emit_save(to: Any, array: Any, index: Any, tile: Any) -> None:
    to.store(tile, _at(to, array, index), align=4)


def _emit_all(to: Any, value: Any) -> Any:
    one = to.insert_element(ir.Constant(_FLOATS, ir.Undefined), value, _WORD(0))
    return to.shuffle_vector(one, one, ir.Constant(_WORDS, [0] * LANES))


def _emit_pixels(to: Any, array: Any, index: Any, row: Any, *channels: Any) -> None:
    """Bytes: red, green, blue and 0 of each pixel in a word; then three of each four stored."""
    pixels = ir.Constant(_WORDS, [0] * LANES)
    for shift, channel in zip((0, 8, 16), channels, strict=True):
        shifts = ir.Constant(_WORDS, [shift] * LANES)
        pixels = to.or_(pixels, to.shl(to.fptosi(channel, _WORDS), shifts))
    pixels = to.bitcast(pixels, ir.VectorType(ir.IntType(8), 4 * LANES))
    for y in range(SIDE):
        lanes = [4 * (SIDE * y + x) + c for x in range(SIDE) for c in range(3)] + [0] * 4
        pick = ir.Constant(ir.VectorType(_WORD, 16), lanes)
        words = to.bitcast(to.shuffle_vector(pixels, pixels, pick), ir.VectorType(_WORD, 4))
        for i in range(3):
            place = _at(to, array, to.add(index, ir.Constant(index.type, 4 * i)), _WORD)
            to.store(to.extract_element(words, _WORD(i)), place, align=1)
        index = to.add(index, row)


def _load(_array: Any, _index: Any) -> Any: ...
def _save(_array: Any, _index: Any, _tile: Any) -> None: ...
def _save_pixels(_a: Any, _index: Any, _row: Any, _r: Any, _g: Any, _b: Any) -> None: ...
def _all(_value: Any) -> Any: ...
def _least(_a: Any, _b: Any) -> Any: ...
def _most(_a: Any, _b: Any) -> Any: ...


_ANY, _BOTH = types.Any, lambda a, b: _TILE if a == b == _TILE else None
_define(_load, [_ANY] * 2, lambda a, i: _TILE, lambda to, a, i: to.load(_at(to, a, i), align=4))
_define(_save, [_ANY] * 3, lambda a, i, tile: types.void, _emit_save)
_define(_save_pixels, [_ANY] * 6, lambda a, i, s, r, g, b: types.void, _emit_pixels)
_define(_all, [_ANY], lambda value: _TILE, _emit_all)
_define(_least, [_Tile] * 2, _BOTH, lambda to, a, b: to.select(to.fcmp_ordered("<", a, b), a, b))
_define(_most, [_Tile] * 2, _BOTH, lambda to, a, b: to.select(to.fcmp_ordered(">", a, b), a, b))
_define(operator.add, [_Tile] * 2, _BOTH, ir.IRBuilder.fadd)
_define(operator.sub, [_Tile] * 2, _BOTH, ir.IRBuilder.fsub)
_define(operator.mul, [_Tile] * 2, _BOTH, ir.IRBuilder.fmul)
_define(operator.truediv, [_Tile] * 2, _BOTH, ir.IRBuilder.fdiv)


@compiled
def _add_strip(
    space: Workspace, g: Any, side: Any, ends: Any, rows: Any
) -> None:  # pragma: no cover - compiled
    """Add an edge to strip g, where it runs from x = ends[0] to x = ends[1].

    rows: for each pixel of a tile, the way to it from where the edge is leftmost in its row, had
    the edge and the tile begun at x = 0; the edge's width and its signed height in that row.
    """
    extents, _, edges, across = space
    offset, span, height = rows
    first = int(min(max(min(ends[0], ends[1]) * (1.0 / SIDE), 0.0), across - 2.0))
    last = int(min(max(max(ends[0], ends[1]) * (1.0 / SIDE), 0.0), across - 2.0))
    extents[g, side] = min(extents[g, side], first)
    extents[g, side + U(1)] = max(extents[g, side + U(1)], last)
    zero, one, width = _all(F(0.0)), _all(F(1.0)), _all(F(SIDE))
    density = _all(F(0.5)) * height / span
    at = (g * U(across) + U(first)) * U(EDGES)
    offset = offset + _all(F(first * SIDE - ends[0]))
    for _ in range(first, last + 1):
        near, far = _most(offset, zero), _most(offset + one, zero)
        a, b = _least(near, span), _least(far, span)
        below = b - a
        area = below * (a + b) * density + (far - near - below) * height
        _save(edges, at, _load(edges, at) + area)
        offset = offset + width
        at += U(EDGES)
    _save(edges, at + U(LANES), _load(edges, at + U(LANES)) + height)


@compiled
def _add_edge(
    space: Workspace, x: float, top: float, bottom: float, slope: float, down: bool, stop: int
) -> None:  # pragma: no cover - compiled
    """Add the edge that starts at (x, top) and ends at y = bottom, above strip `stop`."""
    side = U(0 if down else 2)
    sign, lean, zero = _all(F(1.0 if down else -1.0)), _all(F(slope)), _all(F(0.0))
    one, column, row = _all(F(1.0)), _load(COLUMN, U(0)), _load(ROW, U(0))
    full = _most(_most(lean, zero - lean), _all(THINNEST))
    offset = column - (row * lean + _least(lean, zero))
    for g in range(int(max(top, 0.0)) // SIDE, stop):
        y = float(g * SIDE)
        upper, lower = max(y, top), min(y + SIDE, bottom)
        ends = (x + (upper - top) * slope, x + (lower - top) * slope)
        if lower - upper == SIDE:
            _add_strip(space, U(g), side, ends, (offset, full, sign))
        else:
            begin = row - _all(F(upper - y))
            a, b = _most(begin, zero), _least(begin + one, _all(F(lower - upper)))
            height = _most(b - a, zero) * sign
            a, b = a * lean, b * lean
            rows = (column - _least(a, b), _most(_most(b - a, a - b), _all(THINNEST)), height)
            _add_strip(space, U(g), side, ends, rows)


@compiled
def _blend_rim(
    space: Workspace, at: Any, count: int, total: Any, alpha: Any, colour: Any
) -> Any:  # pragma: no cover - compiled
    """Source-over of `count` tiles from tile `at`, each pixel with its own coverage.

    total is what edges further left add; returned with what those of these tiles do.
    """
    tiles, edges = space.tiles, space.edges
    zero, one, t, e = _all(F(0.0)), _all(F(1.0)), at * U(COLOURS), at * U(EDGES)
    for _ in range(count):
        total = total + _load(edges, e + U(LANES))
        area = _load(edges, e) + total
        _save(edges, e, zero)
        _save(edges, e + U(LANES), zero)
        part = _least(_most(area, zero - area), one) * alpha
        for value in colour:
            below = _load(tiles, t)
            _save(tiles, t, below + part * (_all(value) - below))
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
    zero, one, alpha = _all(F(0.0)), _all(F(1.0)), _all(opacity)
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
            total = total + _load(edges, e)
            _save(edges, e, zero)
            part = _least(_most(total, zero - total), one) * alpha
            for _ in range(inner, outer):
                for value in colour:
                    _save(tiles, t, _load(tiles, t) * (one - part) + part * _all(value))
                    t += U(LANES)
            _blend_rim(space, at + U(outer), end - outer, total, alpha, colour)
        _save(edges, (at + U(end)) * U(EDGES) + U(LANES), zero)


@compiled
def _write(tiles: Any, picture: Any, top: int, rows: int, width: int) -> None:  # pragma: no cover
    """Round a band to bytes."""
    half, row, t, n = _all(F(0.5)), U(3 * width), U(0), U(LANES)
    for y in range(0, rows, SIDE):
        at = U(top + y) * row
        for x in range(0, width, SIDE):
            if x + SIDE <= width and y + SIDE <= rows:
                r, g, b = _load(tiles, t), _load(tiles, t + n), _load(tiles, t + n + n)
                _save_pixels(picture, at, row, r + half, g + half, b + half)
            else:
                for j in range(min(SIDE, rows - y)):
                    for k in range(3 * min(SIDE, width - x)):
                        lane = U(k % 3 * LANES + j * SIDE + k // 3)
                        picture[at + U(j) * row + U(k)] = np.uint8(tiles[t + lane] + F(0.5))
            t += U(COLOURS)
            at += U(3 * SIDE)
        t += U(COLOURS)


@compiled
def _paint(
    polygons: Any, background: Any, picture: Any, width: int, space: Workspace
) -> None:  # pragma: no cover - compiled
    """Paint every polygon over the background, band by band, and round to 8 bits."""
    vertices, offsets, colours, alphas = polygons
    height, tall = len(picture) // (3 * width), len(space.extents) * SIDE
    for top in range(0, height, tall):
        rows = min(tall, height - top)
        for i in range(U(len(space.tiles) // LANES)):
            _save(space.tiles, i * U(LANES), _all(background[i % U(3)]))
        for i in range(len(alphas)):
            begin, end = offsets[i], offsets[i + 1]
            low, high = vertices[begin, 1], vertices[begin, 1]
            for k in range(begin + 1, end):
                low, high = min(low, vertices[k, 1]), max(high, vertices[k, 1])
            if high <= top or low >= top + rows:
                continue
            x0, y0 = vertices[end - 1, 0], np.floor(vertices[end - 1, 1] * SNAP) / SNAP - top
            for k in range(begin, end):
                x1, y1 = vertices[k, 0], np.floor(vertices[k, 1] * SNAP) / SNAP - top
                upper, lower = min(y0, y1), min(max(y0, y1), float(rows))
                if upper < lower and lower > 0.0:
                    slope, stop = (x1 - x0) / (y1 - y0), -(-int(np.ceil(lower)) // SIDE)
                    _add_edge(space, x0 if y0 < y1 else x1, upper, lower, slope, y0 < y1, stop)
                x0, y0 = x1, y1
            stop = -(-int(np.ceil(min(high - top, float(rows)))) // SIDE)
            colour = (colours[i, 0], colours[i, 1], colours[i, 2])
            _blend(space, int(max(low - top, 0.0)) // SIDE, stop, alphas[i], colour)
        _write(space.tiles, picture, top, rows, width)
