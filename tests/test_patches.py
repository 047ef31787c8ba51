"""Windows are composited as the rasterizer paints, to the last rounding."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from evonsfw.crossings import Tape, cover, find_crossings, find_spans
from evonsfw.genome import Drawing, Encoding
from evonsfw.patches import SNAP, Bench, Floats, Place, compose, make_bench
from evonsfw.raster import outlines, render
from evonsfw.shapes import Canvas

CANVAS = (70, 50)
WHOLE = (0, 0, *CANVAS)
KINDS = ("triangles", "circles", "polygons")


def random_drawing(shape: str, n: int, seed: int) -> tuple[Encoding, Floats, Drawing]:
    """An encoding, a random genome of it, and that decoded."""
    encoding = Encoding(shapes=(shape,), n=n)
    genome = np.random.default_rng(seed).random(encoding.length, dtype=np.float32)
    return encoding, genome, encoding.decode(genome)


def polygons_of(drawing: Drawing, canvas: Canvas) -> tuple[npt.NDArray[Any], ...]:
    """What `compose` takes."""
    vertices, offsets = outlines(drawing, canvas)
    corners = vertices.reshape(len(drawing.alphas), -1, 2)
    return corners, np.diff(offsets), drawing.colours, drawing.alphas


def composed(drawing: Drawing, canvas: Canvas, place: Place) -> Floats:
    """(h, w, 3) float32 in [0, 1]: a window of the whole picture."""
    bench = make_bench(*canvas)
    polygons = polygons_of(drawing, canvas)
    compose(bench, polygons, drawing.background, -1, len(drawing.alphas), place)
    return planes(bench.below, place)


def planes(values: Floats, place: Place) -> Floats:
    """(C, H * W) planes of a window to (h, w, C)."""
    _, _, width, height = place
    return values[:, : width * height].reshape(-1, height, width).transpose(1, 2, 0).copy()


def exactly(drawing: Drawing, canvas: Canvas) -> npt.NDArray[np.float64]:
    """(H, W, 3) float64 in [0, 1], by `crossings`, which shares no code with `patches`."""
    tape = Tape(np.float64)
    picture = np.tile(drawing.background.astype(np.float64), (canvas[1], canvas[0], 1))
    vertices, offsets = outlines(drawing, canvas)
    vertices[:, 1] = np.floor(vertices[:, 1] * SNAP) / SNAP
    for i, alpha in enumerate(drawing.alphas):
        own = vertices[offsets[i] : offsets[i + 1]]
        ends = np.array([0, len(own)])
        crossings = find_crossings(own, ends, canvas, tape)
        spans, cells = find_spans(own, ends, crossings, canvas, tape)
        tape_cells = np.zeros(cells)
        cover(own, ends, crossings, spans, canvas[0], tape_cells)
        for r in range(spans.firsts[0], spans.firsts[1]):
            left, width, start = spans.lefts[r], spans.widths[r], spans.starts[r]
            row = picture[spans.tops[0] + r - spans.firsts[0], left : left + width]
            part = float(alpha) * np.abs(tape_cells[start : start + width, None])
            row += part * (drawing.colours[i] - row)
    return picture


@pytest.mark.parametrize("shape", KINDS)
@pytest.mark.parametrize("seed", range(3))
def test_the_picture_is_the_rasterizers(shape: str, seed: int) -> None:
    encoding, genome, drawing = random_drawing(shape, 20, seed)
    ours = composed(drawing, CANVAS, WHOLE) * 255.0
    theirs = render(genome[None], encoding, CANVAS)[0]
    assert np.abs(ours - theirs).max() <= 0.5 + 255e-5


@pytest.mark.parametrize("shape", KINDS)
@pytest.mark.parametrize("seed", range(3))
def test_coverage_is_the_exact_area(shape: str, seed: int) -> None:
    _, _, drawing = random_drawing(shape, 20, seed)
    ours = composed(drawing, CANVAS, WHOLE)
    np.testing.assert_allclose(ours, exactly(drawing, CANVAS), rtol=0, atol=1e-5)


@pytest.mark.parametrize("place", [(0, 0, 70, 50), (10, 5, 30, 40), (69, 49, 1, 1), (0, 20, 70, 3)])
def test_a_window_is_cut_from_the_whole(place: Place) -> None:
    _, _, drawing = random_drawing("triangles", 20, 7)
    left, top, width, height = place
    whole = composed(drawing, CANVAS, WHOLE)[top : top + height, left : left + width]
    np.testing.assert_allclose(composed(drawing, CANVAS, place), whole, rtol=0, atol=1e-6)


@pytest.mark.parametrize("shape", KINDS)
@pytest.mark.parametrize(("out", "depth"), [(5, 5), (5, 0), (0, 11), (11, 3)])
def test_above_over_below_is_the_picture(shape: str, out: int, depth: int) -> None:
    """A + T B, where the shape that is lifted is invisible, is the whole picture."""
    _, _, drawing = random_drawing(shape, 12, 3)
    drawing.alphas[out] = 0.0
    bench = make_bench(*CANVAS)
    compose(bench, polygons_of(drawing, CANVAS), drawing.background, out, depth, WHOLE)
    above, below = planes(bench.above, WHOLE), planes(bench.below, WHOLE)
    joined = above[..., :3] + above[..., 3:] * below
    np.testing.assert_allclose(joined, composed(drawing, CANVAS, WHOLE), rtol=0, atol=1e-6)


def test_nothing_is_left_on_the_bench() -> None:
    bench: Bench = make_bench(*CANVAS)
    _, _, drawing = random_drawing("triangles", 40, 1)
    compose(bench, polygons_of(drawing, CANVAS), drawing.background, 3, 9, (20, 10, 30, 30))
    assert not bench.cells.any()
    np.testing.assert_array_equal(bench.extents, make_bench(*CANVAS).extents)


def test_work_is_counted() -> None:
    bench = make_bench(*CANVAS)
    _, _, drawing = random_drawing("triangles", 5, 1)
    compose(bench, polygons_of(drawing, CANVAS), drawing.background, -1, 5, WHOLE)
    assert bench.work[0] > 0
