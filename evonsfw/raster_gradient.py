"""The gradient through the rasterizer: what each gene does to a picture, given what pixels do.

A genome is painted once more, pixel by pixel, and kept on a tape: the coverage of every shape, and
the colours underneath it. Then the shapes are taken off again from the top. Source-over is linear
in colour and in opacity, and exact areas are smooth in the corners: what a corner does to a pixel
is an integral along the part of its edges inside that pixel, as in Li, Aittala, Durand, Lehtinen
2018, "Differentiable Monte Carlo Ray Tracing through Edge Sampling"; here in closed form.
Where a shape just touches a pixel's rim, one of the two one-sided derivatives is given.

Nothing is divided by 1 - alpha, so opaque shapes are no exception. Cost grows with the pixels that
are covered, not with the canvas for every shape. Rounding to 8 bits is left out.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from evonsfw.compiled import compiled
from evonsfw.crossings import Crossings, Reals, Spans, Tape, cover, find_crossings, find_spans
from evonsfw.genome import BACKGROUND_GENES, COLOUR_GENES, Drawing, Encoding, Genome
from evonsfw.raster import outlines
from evonsfw.shapes import Canvas, load_shape

Floats = npt.NDArray[np.float32]
CLEAR = 1e-5  # share of a pixel; coverages nearer to 0 or 1 than that are not told from them


class _Trace(NamedTuple):
    """A painted genome and how it came about.

    Attributes:
        vertices: (T, 2) corners in pixels, and their (N + 1,) offsets.
        offsets: see `raster.outlines`.
        crossings: of all edges.
        spans: of all shapes.
        colours: (N, 3) in [0, 255].
        alphas: (N,) in [0, 1].
        cells: (cells,) signed coverage of each pixel of each span.
        below: (3, cells) red, green and blue underneath.
        planes: (3, H, W) the picture.
    """

    vertices: Reals
    offsets: npt.NDArray[np.int64]
    crossings: Crossings
    spans: Spans
    colours: npt.NDArray[Any]
    alphas: npt.NDArray[Any]
    cells: npt.NDArray[Any]
    below: npt.NDArray[Any]
    planes: npt.NDArray[Any]


def backward(
    genome: Genome,
    encoding: Encoding,
    canvas: Canvas,
    cotangent: Floats,
    workspace: Tape | None = None,
) -> Floats:
    """What each gene does to a function f of the picture.

    Where there is a palette, colours count as if they were not moved to its nearest one. Genes
    outside 0…1 count as if they were clipped.

    Args:
        genome: (L,) float32 array in [0, 1].
        encoding: what the genes mean.
        canvas: width and height in pixels.
        cotangent: (H, W, 3) float32, d f / d picture, for a picture in 0…255 before rounding.
        workspace: memory to use again; made here where there is none.

    Returns:
        (L,) float32, d f / d genome; 0 for genes that mean nothing.

    Raises:
        ValueError: a genome of another length or with a gene that is not a number, or a cotangent
            of another shape.
    """
    width, height = canvas
    if cotangent.shape != (height, width, 3):
        raise ValueError(f"cotangent of shape {cotangent.shape}: expected ({height}, {width}, 3)")
    tape = workspace or Tape()
    drawing = encoding.decode(genome)
    trace = _forward(drawing, canvas, tape)
    flow = tape.take("flow", cotangent.size, tape.dtype).reshape(3, height, width)
    flow[...] = cotangent.transpose(2, 0, 1)
    found = np.zeros((encoding.n, COLOUR_GENES))
    turns = np.empty(encoding.n)
    _measure_turns(trace.vertices, trace.offsets, turns)
    _take_off(trace, flow, turns, found)
    corners = np.zeros(trace.vertices.shape)
    _move_corners(trace, width, corners)
    gradient = np.zeros(encoding.length)
    if encoding.fixed_background is None:
        gradient[:BACKGROUND_GENES] = flow.sum(axis=(1, 2), dtype=np.float64) * 255.0
    rows = gradient[BACKGROUND_GENES:].reshape(encoding.n, encoding.row_length)
    low, high = encoding.alpha
    rows[:, -COLOUR_GENES:] = found * (255.0, 255.0, 255.0, high - low)
    for name, own in drawing.rows_by_shape():
        moves = load_shape(name).moves(drawing.geometry[own], canvas)
        at = trace.offsets[:-1][own][:, None] + np.arange(moves.shape[1])
        rows[own, : moves.shape[-1]] = np.einsum("mvc,mvcg->mg", corners[at], moves)
    return gradient.astype(np.float32)


def paint(
    genome: Genome, encoding: Encoding, canvas: Canvas, workspace: Tape | None = None
) -> npt.NDArray[Any]:
    """The picture that `backward` differentiates.

    Args:
        genome: (L,) float32 array in [0, 1].
        encoding: what the genes mean.
        canvas: width and height in pixels.
        workspace: memory to use again, which also says float32 or float64.

    Returns:
        (H, W, 3) array in 0…255, before rounding: to the last bits what `raster.render` rounds.
    """
    trace = _forward(encoding.decode(genome), canvas, workspace or Tape())
    return trace.planes.transpose(1, 2, 0).copy()


def _forward(drawing: Drawing, canvas: Canvas, tape: Tape) -> _Trace:
    """Paint a drawing and keep what the way back needs, in the tape's memory."""
    width, height = canvas
    vertices, offsets = outlines(drawing, canvas)
    if not np.isfinite(vertices).all():
        raise ValueError("genome with a gene that is not a number: expected genes in 0…1")
    crossings = find_crossings(vertices, offsets, canvas, tape)
    spans, count = find_spans(vertices, offsets, crossings, canvas, tape)
    kind = tape.dtype
    trace = _Trace(
        vertices,
        offsets,
        crossings,
        spans,
        (drawing.colours * np.float32(255.0)).astype(kind),
        drawing.alphas.astype(kind),
        tape.take("cells", count, kind),
        tape.take("below", 3 * count, kind).reshape(3, count),
        tape.take("planes", 3 * width * height, kind).reshape(3, height, width),
    )
    trace.planes[...] = (drawing.background * np.float32(255.0))[:, None, None]
    cover(vertices, offsets, crossings, spans, width, trace.cells)
    _put_on(spans, trace.colours, trace.alphas, trace.cells, trace.below, trace.planes)
    return trace


@compiled
def _put_on(
    spans: Spans, colours: Any, alphas: Any, cells: Any, below: Any, planes: Any
) -> None:  # pragma: no cover - compiled
    """Blend all shapes, the first one first, and keep what was below."""
    tops, firsts, lefts, widths, starts = spans
    for i in range(len(tops)):
        for r in range(firsts[i], firsts[i + 1]):
            y, start, count = tops[i] + r - firsts[i], starts[r], widths[r]
            span = cells[start : start + count]
            for channel in range(3):
                pixels = planes[channel, y, lefts[r] : lefts[r] + count]
                kept = below[channel, start : start + count]
                alpha, colour = alphas[i], colours[i, channel]
                for x in range(count):
                    value = pixels[x]
                    kept[x] = value
                    pixels[x] = value + alpha * min(abs(span[x]), cells.dtype.type(1)) * (
                        colour - value
                    )


@compiled
def _measure_turns(vertices: Any, offsets: Any, turns: Any) -> None:  # pragma: no cover
    """Write 1 or -1 for each polygon: the sign of its area by the shoelace formula."""
    for i in range(len(turns)):
        previous, area = offsets[i + 1] - 1, 0.0
        for k in range(offsets[i], offsets[i + 1]):
            area += vertices[previous, 0] * vertices[k, 1] - vertices[k, 0] * vertices[previous, 1]
            previous = k
        turns[i] = 1.0 if area >= 0.0 else -1.0


@compiled
def _slope(area: Any, turn: float) -> float:  # pragma: no cover - compiled
    """How coverage grows with a pixel's signed area: coverage is its magnitude, at most 1."""
    if abs(area) > 1.0 + CLEAR:
        return 0.0
    if abs(area) > CLEAR:
        return 1.0 if area > 0.0 else -1.0
    return turn


@compiled
def _take_off(
    trace: _Trace, flow: Any, turns: Any, found: Any
) -> None:  # pragma: no cover - compiled
    """Take the shapes off again, the last one first.

    flow: (3, H, W) d f / d picture: written over by d f / d background.
    found: (N, 4) d f / d red, green, blue in 0…255, and opacity: written.
    The cells of the trace are written over by d f / d signed area.
    """
    cells, below, (tops, firsts, lefts, widths, starts) = trace.cells, trace.below, trace.spans
    one = cells.dtype.type(1)
    for i in range(len(tops) - 1, -1, -1):
        alpha, turn = trace.alphas[i], turns[i]
        red, green, blue = trace.colours[i, 0], trace.colours[i, 1], trace.colours[i, 2]
        for r in range(firsts[i], firsts[i + 1]):
            y, start, count = tops[i] + r - firsts[i], starts[r], widths[r]
            left, stop = lefts[r], starts[r] + widths[r]
            flow_red = flow[0, y, left : left + count]
            flow_green = flow[1, y, left : left + count]
            flow_blue = flow[2, y, left : left + count]
            red_below, green_below = below[0, start:stop], below[1, start:stop]
            blue_below, span = below[2, start:stop], cells[start:stop]
            reds = greens = blues = opacities = 0.0
            for x in range(count):
                f, g, h, area = flow_red[x], flow_green[x], flow_blue[x], span[x]
                gain = (
                    f * (red - red_below[x])
                    + g * (green - green_below[x])
                    + h * (blue - blue_below[x])
                )
                covered = min(abs(area), one)
                part = alpha * covered
                reds += part * f
                greens += part * g
                blues += part * h
                opacities += covered * gain
                span[x] = alpha * gain * _slope(area, turn)
                flow_red[x] = (one - part) * f
                flow_green[x] = (one - part) * g
                flow_blue[x] = (one - part) * h
            found[i, 0] += reds
            found[i, 1] += greens
            found[i, 2] += blues
            found[i, 3] += opacities


@compiled
def _move_corners(trace: _Trace, width: int, corners: Any) -> None:  # pragma: no cover - compiled
    """Write d f / d corner: what each pixel's area is worth, along the edges inside that pixel.

    A corner moves the points of its two edges, those of an edge in proportion to how near they are.
    """
    ends, rows, columns, shares = trace.crossings
    tops, firsts, lefts, _, starts = trace.spans
    vertices, offsets, cells = trace.vertices, trace.offsets, trace.cells
    for i in range(len(tops)):
        previous = offsets[i + 1] - 1
        for k in range(offsets[i], offsets[i + 1]):
            across = vertices[k, 0] - vertices[previous, 0]
            fall = vertices[k, 1] - vertices[previous, 1]
            upper, lower = (previous, k) if fall >= 0.0 else (k, previous)
            previous = k
            near_upper = near_lower = 0.0
            for c in range(ends[k], ends[k + 1]):
                if columns[c] < 0 or columns[c] >= width:
                    continue
                r = firsts[i] + rows[c] - tops[i]
                a, b = shares[2 * c], shares[2 * c + 1]
                worth = cells[starts[r] + columns[c] - lefts[r]] * (b - a)
                near_lower += worth * 0.5 * (a + b)
                near_upper += worth * (1.0 - 0.5 * (a + b))
            corners[lower, 0] += near_lower * fall
            corners[lower, 1] -= near_lower * across
            corners[upper, 0] += near_upper * fall
            corners[upper, 1] -= near_upper * across
