"""Pixels are exact areas, blended source-over; nothing depends on batch, band or thread."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from PIL import Image, ImageDraw

from evonsfw.genome import Encoding
from evonsfw.raster import Renderer, make_workspace, outlines, paint_polygons, render
from evonsfw.shapes import Canvas, shape_names
from evonsfw.tiles import TALL

BLACK, WHITE = (0.0, 0.0, 0.0), (255.0, 255.0, 255.0)
ALL = tuple(shape_names())


def _paint(
    polygons: list[list[tuple[float, float]]],
    canvas: Canvas,
    colours: list[tuple[float, float, float]] | None = None,
    alphas: list[float] | None = None,
    background: tuple[float, float, float] = BLACK,
) -> np.ndarray:
    """Paint polygons with the compiled kernel: white and opaque on black unless told otherwise."""
    width, height = canvas
    picture = np.empty((height, width, 3), np.uint8)
    workspace = make_workspace(canvas)
    paint_polygons(
        np.array([corner for polygon in polygons for corner in polygon], float).reshape(-1, 2),
        np.cumsum([0, *(len(polygon) for polygon in polygons)]).astype(np.int64),
        np.array(colours or [WHITE] * len(polygons), np.float32).reshape(-1, 3),
        np.array(alphas or [1.0] * len(polygons), np.float32),
        np.array(background, np.float32),
        picture,
        workspace,
    )
    assert not workspace.edges.any(), "edges were left behind in the workspace"
    return picture


def _rectangle(x0: float, y0: float, x1: float, y1: float) -> list[tuple[float, float]]:
    return [(x0, y0), (x1, y0), (x1, y1), (x0, y1)]


def _cut(
    polygon: list[tuple[float, float]], axis: int, limit: float, keep: float
) -> list[tuple[float, float]]:
    """The part of a polygon where ``keep * (coordinate - limit) >= 0`` (Sutherland & Hodgman)."""
    result = []
    for a, b in zip([polygon[-1], *polygon[:-1]] if polygon else [], polygon, strict=True):
        inside_a, inside_b = keep * (a[axis] - limit) >= 0, keep * (b[axis] - limit) >= 0
        if inside_a != inside_b:
            share = (limit - a[axis]) / (b[axis] - a[axis])
            crossing = [a[0] + share * (b[0] - a[0]), a[1] + share * (b[1] - a[1])]
            crossing[axis] = limit
            result.append((crossing[0], crossing[1]))
        if inside_b:
            result.append(b)
    return result


def _coverage(polygon: list[tuple[float, float]], canvas: Canvas) -> np.ndarray:
    """(H, W) exact share of each pixel that lies within a polygon: cut to it, then shoelace."""
    areas = np.zeros((canvas[1], canvas[0]))
    for y in range(canvas[1]):
        row = _cut(_cut(polygon, 1, y, 1), 1, y + 1, -1)
        for x in range(canvas[0]):
            part = _cut(_cut(row, 0, x, 1), 0, x + 1, -1)
            twice = sum(
                a[0] * b[1] - b[0] * a[1] for a, b in zip(part, part[1:] + part[:1], strict=True)
            )
            areas[y, x] = abs(twice) / 2
    return areas


def _grey(picture: np.ndarray) -> np.ndarray:
    assert np.all(picture == picture[:, :, :1])
    return picture[:, :, 0].astype(int)


@pytest.mark.parametrize(
    ("box", "share"),
    [
        ((2.0, 1.0, 3.0, 2.0), 1.0),
        ((2.5, 1.0, 3.0, 2.0), 0.5),
        ((2.0, 1.0, 3.0, 1.5), 0.5),
        ((2.25, 1.25, 2.75, 1.75), 0.25),
        ((2.0, 1.0, 2.0, 2.0), 0.0),
        ((2.9, 1.9, 3.0, 2.0), 0.01),
    ],
)
def test_share_of_one_pixel(box: tuple[float, float, float, float], share: float) -> None:
    expected = np.zeros((4, 6), int)
    expected[1, 2] = int(share * 255 + 0.5)
    for corners in (_rectangle(*box), _rectangle(*box)[::-1]):
        np.testing.assert_array_equal(_grey(_paint([corners], (6, 4))), expected)


def test_square_over_several_pixels() -> None:
    """From half of a pixel to half of another: edges 1/2, corners 1/4, inside 1."""
    row = np.array([0, 0.5, 1, 1, 0.5, 0])
    expected = (np.outer(row, row) * 255 + 0.5).astype(int)
    picture = _paint([_rectangle(1.5, 1.5, 4.5, 4.5)], (6, 6))
    np.testing.assert_array_equal(_grey(picture), expected)


def test_diagonal_halves_its_pixels() -> None:
    expected = np.tril(np.full((5, 5), 255), -1) + np.diag([128] * 5)
    np.testing.assert_array_equal(_grey(_paint([[(0, 0), (5, 5), (0, 5)]], (5, 5))), expected)


@pytest.mark.parametrize(
    ("box", "rows", "columns"),
    [
        ((-9.0, 1.0, 2.0, 3.0), slice(1, 3), slice(0, 2)),
        ((5.0, 1.0, 99.0, 3.0), slice(1, 3), slice(5, 7)),
        ((2.0, -9.0, 4.0, 2.0), slice(0, 2), slice(2, 4)),
        ((2.0, 3.0, 4.0, 99.0), slice(3, 5), slice(2, 4)),
        ((-9.0, -9.0, 99.0, 99.0), slice(0, 5), slice(0, 7)),
        ((0.0, 0.0, 7.0, 5.0), slice(0, 5), slice(0, 7)),
    ],
)
def test_square_across_a_border(
    box: tuple[float, float, float, float], rows: slice, columns: slice
) -> None:
    expected = np.zeros((5, 7), int)
    expected[rows, columns] = 255
    np.testing.assert_array_equal(_grey(_paint([_rectangle(*box)], (7, 5))), expected)


@pytest.mark.parametrize(
    "box",
    [
        (-9.0, 1.0, -1.0, 3.0),
        (-9.0, 1.0, 0.0, 3.0),
        (7.0, 1.0, 9.0, 3.0),
        (70.0, 1.0, 90.0, 3.0),
        (1.0, -9.0, 3.0, 0.0),
        (1.0, 5.0, 3.0, 9.0),
        (-9.0, -9.0, -1.0, -1.0),
        (1e9, 1e9, 2e9, 2e9),
    ],
)
def test_square_off_the_canvas(box: tuple[float, float, float, float]) -> None:
    assert not _paint([_rectangle(*box)], (7, 5)).any()


corners = st.tuples(st.floats(-12, 20, width=32), st.floats(-12, 20, width=32))


@settings(deadline=None, max_examples=60)
@given(st.lists(corners, min_size=3, max_size=3), st.integers(1, 8), st.integers(1, 6))
def test_any_triangle_is_its_exact_areas(
    triangle: list[tuple[float, float]], width: int, height: int
) -> None:
    picture = _grey(_paint([triangle], (width, height)))
    exact = _coverage(triangle, (width, height)) * 255
    assert np.abs(picture - exact).max() <= 0.51


def test_concave_polygon_is_its_exact_areas() -> None:
    star = [
        (8 + radius * np.sin(angle), 7.3 + radius * np.cos(angle))
        for radius, angle in zip([9.5, 2.5] * 5, np.arange(10) * np.pi / 5, strict=True)
    ]
    exact = _coverage(star, (16, 15)) * 255
    assert np.abs(_grey(_paint([star], (16, 15))) - exact).max() <= 0.51


@settings(deadline=None, max_examples=40)
@given(st.lists(corners, min_size=1, max_size=7), st.integers(1, 9), st.integers(1, 9))
def test_polygon_is_the_same_either_way_round(
    polygon: list[tuple[float, float]], width: int, height: int
) -> None:
    """Crossing itself or not, with repeated corners or none."""
    forward, backward = (_paint([p], (width, height)) for p in (polygon, polygon[::-1]))
    assert np.abs(forward.astype(int) - backward).max() <= 1


lattice = st.tuples(st.integers(-2, 10), st.integers(-2, 10))


@settings(deadline=None, max_examples=60)
@given(st.lists(lattice, min_size=3, max_size=3), st.integers(1, 9), st.integers(1, 9))
def test_corners_on_the_borders_of_pixels(
    triangle: list[tuple[float, float]], width: int, height: int
) -> None:
    """Level, upright and no edges, and triangles without any area."""
    exact = _coverage(triangle, (width, height)) * 255
    assert np.abs(_grey(_paint([triangle], (width, height))) - exact).max() <= 0.51


@pytest.mark.parametrize("thickness", [1e-7, 1e-3, 0.02, 0.3])
@pytest.mark.parametrize("end", [(19.7, 0.3), (19.7, 16.9), (0.4, 16.9), (15.0, 17.2), (-30, 60)])
def test_sliver_is_its_exact_areas(end: tuple[float, float], thickness: float) -> None:
    sliver = [(0.4, 0.3), end, (end[0] + thickness, end[1] + thickness / 2)]
    exact = _coverage(sliver, (19, 17)) * 255
    assert np.abs(_grey(_paint([sliver], (19, 17))) - exact).max() <= 0.51


def test_edges_as_long_as_a_large_canvas() -> None:
    """Coverage far from where an edge starts: a shallow one, and its mirror image."""
    width = 20_000
    for x0, x1 in ((-500.0, width + 500.0), (width + 500.0, -500.0)):
        wedge = [(x0, 0.0), (x1, 3.0), (x0, 3.0)]
        picture = _grey(_paint([wedge], (width, 3)))
        slope = (x1 - x0) / 3.0
        crossing = (np.arange(width) + 0.5 - x0) / slope
        exact = np.clip(np.arange(1, 4)[:, None] - crossing, 0.0, 1.0) * 255
        assert np.abs(picture - exact).max() <= 0.6


def test_transparent_polygon_changes_no_pixel() -> None:
    star = [(8 + 9 * np.sin(a), 7 + 9 * np.cos(a)) for a in np.arange(5) * 0.8 * np.pi]
    below = _paint([star], (16, 15), [(250.0, 3.0, 77.0)], [0.37], (12.0, 200.0, 255.0))
    both = _paint(
        [star, star], (16, 15), [(250.0, 3.0, 77.0), WHITE], [0.37, 0.0], (12.0, 200.0, 255.0)
    )
    np.testing.assert_array_equal(below, both)


def test_agrees_with_pillow_supersampled() -> None:
    """Pillow's own polygons at eight times the size: sampled, so edges differ a little."""
    encoding = Encoding(("triangles",), 12, (1.0, 1.0))
    genome = np.random.default_rng(0).random((1, encoding.length), np.float32)
    drawing = encoding.decode(genome[0])
    vertices, offsets = outlines(drawing, (96, 64))
    large = Image.new("RGB", (96 * 8, 64 * 8), tuple((drawing.background * 255).astype(int)))
    pen = ImageDraw.Draw(large)
    for i, colour in enumerate(drawing.colours):
        polygon = vertices[offsets[i] : offsets[i + 1]] * 8 - 0.5
        pen.polygon([tuple(corner) for corner in polygon], fill=tuple((colour * 255).astype(int)))
    reference = np.asarray(large.reduce(8)).astype(float)
    assert np.abs(render(genome, encoding, (96, 64))[0] - reference).mean() < 1.5


@settings(deadline=None, max_examples=40)
@given(
    colours=hnp.arrays(np.float32, (3, 3), elements=st.integers(0, 255).map(float)),
    alphas=st.lists(st.sampled_from([0.0, 0.25, 0.3, 0.5, 0.9, 1.0]), min_size=2, max_size=2),
)
def test_two_shapes_over_everything(colours: np.ndarray, alphas: list[float]) -> None:
    """Source-over, worked out: a2 c2 + (1 - a2) (a1 c1 + (1 - a1) c0)."""
    everything = _rectangle(-5, -5, 50, 50)
    background, one, two = colours.astype(float)
    picture = _paint(
        [everything, everything], (5, 4), [tuple(one), tuple(two)], alphas, tuple(background)
    )
    below = alphas[0] * one + (1 - alphas[0]) * background
    exact = alphas[1] * two + (1 - alphas[1]) * below
    assert np.all(picture == picture[0, 0])
    assert np.abs(picture[0, 0] - exact).max() <= 0.501


def test_painting_order_is_row_order() -> None:
    everything = _rectangle(0, 0, 3, 3)
    red, blue = (255.0, 0.0, 0.0), (0.0, 0.0, 255.0)
    assert _paint([everything] * 2, (3, 3), [red, blue])[1, 1].tolist() == [0, 0, 255]
    assert _paint([everything] * 2, (3, 3), [blue, red])[1, 1].tolist() == [255, 0, 0]


def test_no_shape_is_the_background() -> None:
    picture = _paint([], (3, 2), background=(12.0, 200.0, 255.0))
    assert np.all(picture == [12, 200, 255])


@pytest.mark.parametrize("canvas", [(2048, 40), (61, 47), (3, 200)])
def test_bands_change_no_pixel(canvas: Canvas) -> None:
    """Bands of two strips against a single band as tall as the canvas."""
    rng = np.random.default_rng(6)
    vertices = (rng.random((90, 2)) * 1.4 - 0.2) * canvas
    paint = (
        vertices,
        np.arange(31) * 3,
        rng.random((30, 3), np.float32) * np.float32(255.0),
        rng.random(30, np.float32),
        np.zeros(3, np.float32),
    )
    low, tall = (np.empty((canvas[1], canvas[0], 3), np.uint8) for _ in range(2))
    bands = make_workspace(canvas, 1)
    assert len(bands.extents) * TALL < canvas[1]
    paint_polygons(*paint, low, bands)
    paint_polygons(*paint, tall, make_workspace(canvas, 10**9))
    np.testing.assert_array_equal(low, tall)


def test_workspace_does_not_grow_with_the_height() -> None:
    low, high = make_workspace((20_000, 64)), make_workspace((20_000, 20_000))
    assert [array.shape for array in low[:3]] == [array.shape for array in high[:3]]


def _genomes(encoding: Encoding, seed: int, count: int) -> np.ndarray:
    return np.random.default_rng(seed).random((count, encoding.length), np.float32)


@pytest.mark.parametrize("canvas", [(16, 16), (17, 33), (33, 17), (200, 20), (1, 1), (1, 9)])
def test_any_canvas(canvas: Canvas) -> None:
    encoding = Encoding(ALL, 12)
    pictures = render(_genomes(encoding, 1, 3), encoding, canvas)
    assert pictures.shape == (3, canvas[1], canvas[0], 3)
    assert pictures.dtype == np.uint8


def test_wide_canvas_is_a_stretched_place_not_a_stretched_shape() -> None:
    """On a wide canvas the middle of the circle moves, the circle stays round."""
    encoding = Encoding(("circles",), 1, (1.0, 1.0), "#000000")
    genome = np.array([[0, 0, 0, 0.25, 0.5, 0.6, 1, 1, 1, 1]], np.float32)
    lit = render(genome, encoding, (120, 40))[0, :, :, 0] > 127
    ys, xs = np.nonzero(lit)
    assert xs.mean() + 0.5 == pytest.approx(30, abs=0.01)
    assert ys.mean() + 0.5 == pytest.approx(20, abs=0.01)
    assert np.ptp(xs) == np.ptp(ys)


def test_pixels_do_not_depend_on_the_batch() -> None:
    encoding = Encoding(ALL, 40)
    genomes = _genomes(encoding, 2, 7)
    together = render(genomes, encoding, (48, 31))
    backward = render(genomes[::-1], encoding, (48, 31))[::-1]
    alone = np.concatenate([render(genome[None], encoding, (48, 31)) for genome in genomes])
    np.testing.assert_array_equal(together, backward)
    np.testing.assert_array_equal(together, alone)


def test_the_same_memory_renders_one_batch_after_another() -> None:
    encoding = Encoding(ALL, 40)
    again = Renderer(encoding, (48, 31))
    for seed, count in enumerate([2, 5, 1, 0, 3]):
        genomes = _genomes(encoding, seed, count)
        np.testing.assert_array_equal(again(genomes), render(genomes, encoding, (48, 31)))
    assert np.shares_memory(again(genomes), again(genomes[:1]))


def test_an_empty_batch() -> None:
    encoding = Encoding(ALL, 4)
    empty = np.empty((0, encoding.length), np.float32)
    assert render(empty, encoding, (20, 10)).shape == (0, 10, 20, 3)


def test_five_thousand_shapes() -> None:
    encoding = Encoding(ALL, 5000)
    genome = _genomes(encoding, 3, 1)
    picture = render(genome, encoding, (32, 32))[0]
    last = encoding.rows(genome[0])[-1]
    assert len(np.unique(picture.reshape(-1, 3), axis=0)) > 100
    last[-1], last[2], last[:2] = 1.0, 1.0, 0.5
    opaque = Encoding(ALL, 5000, (1.0, 1.0))
    middle = render(genome, opaque, (32, 32))[0, 16, 16]
    np.testing.assert_array_equal(middle, (last[-4:-1] * 255 + np.float32(0.5)).astype(np.uint8))


def test_threads_do_not_share_a_thing() -> None:
    encoding = Encoding(ALL, 50)
    genomes = _genomes(encoding, 4, 8)
    serial = [render(genome[None], encoding, (64, 64)) for genome in genomes]
    with ThreadPoolExecutor(4) as threads:
        parallel = list(threads.map(lambda g: render(g[None], encoding, (64, 64)), genomes))
    np.testing.assert_array_equal(serial, parallel)


genes = st.one_of(st.sampled_from([0.0, 1.0, 0.5, 1e-30, 0.99999994]), st.floats(0, 1, width=32))


@settings(deadline=None, max_examples=60)
@given(data=st.data(), shapes=st.sampled_from([(name,) for name in ALL] + [ALL]))
def test_any_genome_leaves_no_trace(data: st.DataObject, shapes: tuple[str, ...]) -> None:
    """The same genome before and after an arbitrary one gives the same pixels."""
    encoding = Encoding(shapes, 5, (0.0, 1.0))
    arbitrary = data.draw(hnp.arrays(np.float32, encoding.length, elements=genes))
    fixed = _genomes(encoding, 5, 1)[0]
    before, _, after = render(np.stack([fixed, arbitrary, fixed]), encoding, (23, 19))
    np.testing.assert_array_equal(before, after)


@settings(deadline=None, max_examples=60)
@given(data=st.data(), shapes=st.sampled_from([(name,) for name in ALL] + [ALL]))
def test_colours_stay_between_those_in_use(data: st.DataObject, shapes: tuple[str, ...]) -> None:
    """Blending never leaves the range of the background's and the shapes' colours."""
    encoding = Encoding(shapes, 5, (0.0, 1.0))
    genome = data.draw(hnp.arrays(np.float32, encoding.length, elements=genes))
    drawing = encoding.decode(genome)
    used = np.concatenate([drawing.background[None], drawing.colours]) * 255
    picture = render(genome[None], encoding, (23, 19))[0].astype(float)
    assert np.all(picture >= np.floor(used.min(axis=0)))
    assert np.all(picture <= np.ceil(used.max(axis=0)))


def test_picture_must_be_contiguous() -> None:
    picture = np.empty((8, 16, 3), np.uint8)[:, ::2]
    one = np.ones(1, np.float32)
    with pytest.raises(AssertionError):
        paint_polygons(np.zeros((3, 2)), np.array([0, 3]), one[:, None], one, one, picture)


@pytest.mark.parametrize("length", [0, 1, 12])
def test_genome_of_another_length(length: int) -> None:
    with pytest.raises(ValueError, match="expected"):
        render(np.zeros((1, length), np.float32), Encoding(("circles",), 3), (16, 16))
