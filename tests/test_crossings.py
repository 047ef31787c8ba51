"""Crossings add up to their edges, and the areas between them to the rasterizer's coverage."""

from __future__ import annotations

import numpy as np
from hypothesis import example, given, settings
from hypothesis import strategies as st

from evonsfw.crossings import Tape, cover, find_crossings, find_spans
from evonsfw.raster import make_workspace, paint_polygons

CANVAS = (11, 7)
PLACES = st.one_of(
    st.integers(-3, 14).map(float),
    st.integers(-6, 28).map(lambda half: half / 2.0),
    st.floats(-30.0, 40.0),
    st.sampled_from([-1e-17, 1e-300, 7.0 - 1e-15, 11.0 + 1e-14, -1e6, 1e6]),
)
POLYGONS = st.lists(
    st.lists(st.tuples(PLACES, PLACES), min_size=1, max_size=6), min_size=1, max_size=4
)


def _joined(polygons: list[list[tuple[float, float]]]) -> tuple[np.ndarray, np.ndarray]:
    """Vertices and offsets."""
    vertices = np.array([corner for polygon in polygons for corner in polygon])
    return vertices, np.cumsum([0, *(len(polygon) for polygon in polygons)])


def _coverage(polygons: list[list[tuple[float, float]]]) -> np.ndarray:
    """(N, H, W) coverage of each polygon, from its cells on the tape."""
    tape, (vertices, offsets) = Tape(np.float64), _joined(polygons)
    crossings = find_crossings(vertices, offsets, CANVAS, tape)
    spans, count = find_spans(vertices, offsets, crossings, CANVAS, tape)
    cells = np.full(count, np.nan)
    cover(vertices, offsets, crossings, spans, CANVAS[0], cells)
    shown = np.zeros((len(polygons), CANVAS[1], CANVAS[0]))
    for i, top in enumerate(spans.tops):
        for y, r in enumerate(range(spans.firsts[i], spans.firsts[i + 1]), start=top):
            span = slice(spans.lefts[r], spans.lefts[r] + spans.widths[r])
            shown[i, y, span] = cells[spans.starts[r] :][: spans.widths[r]]
    return np.minimum(np.abs(shown), 1.0)


@settings(max_examples=300, deadline=None)
@example([[(1.0, 0.0), (5.0, 0.0), (5.0, 7.0), (1.0, 7.0)]])
@example([[(3.0, -1e-17), (8.0, -1e-17), (8.0, 4.0)]])
@example([[(-3.0, 2.0), (14.0, 2.0), (14.0, 5.0), (-3.0, 5.0)]])
@given(POLYGONS)
def test_coverage_is_the_rasterizers(polygons: list[list[tuple[float, float]]]) -> None:
    """Any polygons, those that cross themselves too: to 8 bits and 1/65536 pixel of each corner."""
    for polygon, covered in zip(polygons, _coverage(polygons), strict=True):
        picture = np.empty((CANVAS[1], CANVAS[0], 3), np.uint8)
        paint_polygons(
            *_joined([polygon]),
            np.full((1, 3), 255.0, np.float32),
            np.ones(1, np.float32),
            np.zeros(3, np.float32),
            picture,
            make_workspace(CANVAS),
        )
        assert np.abs(picture[..., 0] - 255.0 * covered).max() <= 0.55


@settings(max_examples=100, deadline=None)
@example([[(-9.0, 1.5), (-2.0, 0.5), (-1.5, 6.5)]])
@example([[(2.0, 1.0), (9.0, 1.0), (9.0, 6.0)], [(-9.0, 1.5), (-2.0, 0.5), (-1.5, 6.5)]])
@given(POLYGONS)
def test_no_cell_out_of_bounds(polygons: list[list[tuple[float, float]]]) -> None:
    """As Python, which looks at bounds; a span left of the canvas has one cell."""
    tape, (vertices, offsets) = Tape(np.float64), _joined(polygons)
    crossings = find_crossings(vertices, offsets, CANVAS, tape)
    spans, count = find_spans(vertices, offsets, crossings, CANVAS, tape)
    found, expected = np.full((2, count), np.nan)
    cover.py_func(vertices, offsets, crossings, spans, CANVAS[0], found)  # type: ignore[attr-defined]
    cover(vertices, offsets, crossings, spans, CANVAS[0], expected)
    np.testing.assert_allclose(found, expected, atol=1e-9)


@settings(max_examples=200, deadline=None)
@given(POLYGONS)
def test_crossings_follow_their_edges(polygons: list[list[tuple[float, float]]]) -> None:
    """One begins where the one before it ends, and each lies within its pixel."""
    vertices, offsets = _joined(polygons)
    crossings = find_crossings(vertices, offsets, CANVAS, Tape())
    assert crossings.ends[0] == 0
    shares = crossings.shares.reshape(-1, 2)
    for i, polygon in enumerate(polygons):
        for k, (start, end) in enumerate(zip([polygon[-1], *polygon[:-1]], polygon, strict=True)):
            own = slice(*crossings.ends[offsets[i] + k :][:2])
            upper, lower = (start, end) if start[1] <= end[1] else (end, start)
            np.testing.assert_array_equal(shares[own][1:, 0], shares[own][:-1, 1])
            assert np.all(shares[own][:, 0] <= shares[own][:, 1])
            if upper[1] >= 0.0 and lower[1] < CANVAS[1] and start != end:
                assert shares[own][0, 0] == 0.0
                assert shares[own][-1, 1] == 1.0
            middle = shares[own].mean(axis=1)[:, None]
            x, y = (np.array(upper) + middle * (np.array(lower) - np.array(upper))).T
            near = 1e-9 * (1.0 + np.abs(vertices).max())
            assert np.all(np.abs(y - crossings.rows[own] - 0.5) <= 0.5 + near)
            inside = np.clip(x, -1.0, CANVAS[0])
            assert np.all(crossings.columns[own] <= inside + near)
            assert np.all(inside <= crossings.columns[own] + 1 + near)
