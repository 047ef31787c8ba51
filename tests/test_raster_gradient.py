"""Gradients of pictures: against central differences, sums worked out by hand, and the rasterizer.

Differences are taken of the float64 picture that `paint` gives, whose coverage is compared with
the rasterizer's here.
"""

from __future__ import annotations

import itertools
from types import SimpleNamespace

import numpy as np
import pytest

from evonsfw import genome as genome_module
from evonsfw import raster, raster_gradient
from evonsfw.genome import BACKGROUND_GENES, COLOUR_GENES, Encoding
from evonsfw.raster import make_workspace, paint_polygons, render
from evonsfw.raster_gradient import Tape, backward, paint
from evonsfw.shapes import Array, Canvas, load_shape, placed, radii, shape_names

MIXES = [(name,) for name in shape_names()] + [tuple(shape_names())]
MIX_NAMES = ["+".join(mix) for mix in MIXES]
every_mix = pytest.mark.parametrize("mix", MIXES, ids=MIX_NAMES)
every_shape = pytest.mark.parametrize("name", shape_names())
CANVAS = (48, 36)
PALETTE = ("#102030", "#c0a080", "#ff0040")
UNIT_DART = np.array([(1.0, 0.1), (-0.6, 0.8), (-0.2, 0.0), (-0.65, -0.7)])
UNIT_BOW = np.array([(1.0, 0.7), (-0.9, -0.6), (-1.0, 0.5), (0.8, -0.7)])
UNIT_STAR = np.array([(np.cos(turn), np.sin(turn)) for turn in np.arange(5) * 0.8 * np.pi + 0.1])
UNIT_SQUARE = np.array([(1.0, 1.0), (-1.0, 1.0), (-1.0, -1.0), (1.0, -1.0)])


def _genome(encoding: Encoding, seed: int) -> np.ndarray:
    return np.random.default_rng(seed).random(encoding.length, np.float32)


def _waves(canvas: Canvas, seed: int) -> np.ndarray:
    """(H, W, 3) smooth cotangent."""
    width, height = canvas
    y, x = np.mgrid[:height, :width]
    rng = np.random.default_rng(seed)
    waves = [
        rng.normal() + np.sin(rng.uniform(0.02, 0.15) * x + rng.uniform(0.02, 0.15) * y + phase)
        for phase in rng.uniform(0.0, 6.0, 3)
    ]
    return np.stack(waves, axis=-1).astype(np.float32)


def _differences(
    genome: np.ndarray, encoding: Encoding, canvas: Canvas, cotangent: np.ndarray, geometry: float
) -> np.ndarray:
    """Central differences: wide ones of colours and alphas, of which a picture is linear."""
    tape = Tape(np.float64)
    found = np.zeros(len(genome))
    rows = np.zeros(len(genome), bool)
    encoding.rows(rows)[:, :-COLOUR_GENES] = True
    for k in range(len(genome)):
        step = np.float32(geometry if rows[k] else 0.25)
        more, less = genome.copy(), genome.copy()
        more[k], less[k] = min(genome[k] + step, 1.0), max(genome[k] - step, 0.0)
        change = paint(more, encoding, canvas, tape) - paint(less, encoding, canvas, tape)
        found[k] = np.sum(change * cotangent) / (float(more[k]) - float(less[k]))
    return found


def _check(genome: np.ndarray, encoding: Encoding, canvas: Canvas, cotangent: np.ndarray) -> None:
    """Colours and alphas to 1e-4 of the largest, geometry to 2e-4 of the largest."""
    found = backward(genome, encoding, canvas, cotangent)
    expected = _differences(genome, encoding, canvas, cotangent, 1e-5)
    wrong = np.abs(found - expected)
    own, rows = encoding.rows(wrong), encoding.rows(np.abs(expected))
    assert wrong[:BACKGROUND_GENES].max() <= 1e-4 * np.abs(expected[:BACKGROUND_GENES]).max()
    assert own[:, -4:-1].max() <= 1e-4 * rows[:, -4:-1].max()
    assert own[:, -1].max() <= 1e-4 * rows[:, -1].max()
    assert rows[:, :-COLOUR_GENES].max() > 0.0
    assert own[:, :-COLOUR_GENES].max() <= 2e-4 * rows[:, :-COLOUR_GENES].max()


@pytest.fixture
def _own_shapes(monkeypatch: pytest.MonkeyPatch) -> None:
    """A "dart", which is not convex, wound either way, a "bow" with a part wound each way, a "star"
    whose middle is wound twice, a "square", and a "block": a square of a fixed size.
    """

    def own(unit: np.ndarray, smallest: float = 0.01, largest: float = 0.64) -> SimpleNamespace:
        def outline(genes: Array, canvas: Canvas) -> Array:
            reach = radii(genes, canvas, smallest, largest)[:, None, None]
            return genes[:, None, :2] * canvas + reach * unit

        def moves(genes: Array, canvas: Canvas) -> Array:
            return placed(genes, canvas, outline(genes, canvas), largest / smallest)

        return SimpleNamespace(GENES=("x", "y", "size"), outline=outline, moves=moves)

    more = {
        "dart": own(UNIT_DART),
        "dart-turned": own(UNIT_DART[::-1]),
        "bow": own(UNIT_BOW),
        "star": own(UNIT_STAR),
        "square": own(UNIT_SQUARE),
        "block": own(UNIT_SQUARE, 0.125, 0.125),
    }
    for module in (genome_module, raster, raster_gradient):
        monkeypatch.setattr(module, "load_shape", lambda name: more.get(name) or load_shape(name))


@every_mix
@pytest.mark.parametrize("canvas", [(48, 36), (33, 70)])
@pytest.mark.parametrize("alpha", [(0.3, 0.9), (0.0, 1.0), (1.0, 1.0)])
def test_picture_is_the_rasterizers_before_rounding(
    mix: tuple[str, ...], canvas: Canvas, alpha: tuple[float, float]
) -> None:
    encoding = Encoding(mix, 30, alpha)
    genome = _genome(encoding, 1)
    picture = paint(genome, encoding, canvas)
    assert picture.dtype == np.float32
    assert picture.shape == (canvas[1], canvas[0], 3)
    assert np.abs(picture - render(genome[None], encoding, canvas)[0]).max() <= 0.51


@every_mix
@pytest.mark.parametrize("seed", range(3))
def test_coverage_is_the_rasterizers(mix: tuple[str, ...], seed: int) -> None:
    """An opaque shape from -255 j up to 25,245 - 255 j: each j shows 1/99 of the coverages."""
    white = Encoding(mix, 1, (1.0, 1.0), background="#000000")
    genome = _genome(white, seed)
    white.rows(genome)[:, :3] = genome[3:6] * np.float32(0.5) + np.float32(0.25)
    white.rows(genome)[:, -4:-1] = 1.0
    covered = paint(genome, white, CANVAS, Tape(np.float64))[..., 0] / 255.0
    vertices, offsets = raster.outlines(white.decode(genome), CANVAS)
    picture = np.empty((CANVAS[1], CANVAS[0], 3), np.uint8)
    seen = np.zeros(covered.shape, bool)
    for j in range(99):
        colour = np.full((1, 3), 255.0 * (99 - j), np.float32)
        ground = np.full(3, -255.0 * j, np.float32)
        levels = ground[0] + covered * (colour[0, 0] - ground[0])
        shown = (levels >= 3.0) & (levels <= 252.0)
        with np.errstate(invalid="ignore"):
            paint_polygons(
                vertices, offsets, colour, np.ones(1, np.float32), ground, picture,
                make_workspace(CANVAS),
            )  # fmt: skip
        assert np.all(np.abs(picture[shown, 0] - levels[shown]) <= 0.5 + 1e-4 * 99 * 255)
        seen |= shown
    rim = (covered > 0.001) & (covered < 0.999)
    assert np.mean(seen[rim]) > 0.8


@every_mix
@pytest.mark.parametrize("alpha", [(0.3, 0.9), (0.0, 1.0), (1.0, 1.0)])
@pytest.mark.parametrize("n", [1, 7])
def test_gradient_is_that_of_central_differences(
    mix: tuple[str, ...], alpha: tuple[float, float], n: int
) -> None:
    encoding = Encoding(mix, n, alpha)
    genome = _genome(encoding, n)
    if alpha == (1.0, 1.0):
        found = backward(genome, encoding, CANVAS, _waves(CANVAS, 1))
        assert not encoding.rows(found)[:, -1].any()
    _check(genome, encoding, CANVAS, _waves(CANVAS, 1))


@every_mix
@pytest.mark.parametrize("canvas", [(90, 20), (20, 90), (1, 1), (7, 64)])
def test_canvases_of_any_shape(mix: tuple[str, ...], canvas: Canvas) -> None:
    encoding = Encoding(mix, 5)
    _check(_genome(encoding, 3), encoding, canvas, _waves(canvas, 3))


@every_mix
def test_shapes_across_the_canvas_edge(mix: tuple[str, ...]) -> None:
    encoding = Encoding(mix, 8)
    genome = _genome(encoding, 4)
    rows = encoding.rows(genome)
    rows[:, :2] = [(0, 0), (1, 1), (0, 1), (1, 0), (0.5, 0), (0.5, 1), (0, 0.5), (1, 0.5)]
    rows[:, 2] = 0.75
    found = backward(genome, encoding, CANVAS, _waves(CANVAS, 4))
    inner = genome * np.float32(0.999) + np.float32(0.0005)
    _check(inner, encoding, CANVAS, _waves(CANVAS, 4))
    assert np.isfinite(found).all()


@pytest.mark.usefixtures("_own_shapes")
def test_shapes_that_fill_the_canvas() -> None:
    """No edge is seen: only colours and alphas are left."""
    encoding = Encoding(("square",), 4)
    genome = _genome(encoding, 5)
    encoding.rows(genome)[:, :3] = (0.5, 0.5, 1.0)
    canvas, cotangent = (30, 30), _waves((30, 30), 5)
    found = backward(genome, encoding, canvas, cotangent)
    expected = _differences(genome, encoding, canvas, cotangent, 0.01)
    assert not encoding.rows(found)[:, :-COLOUR_GENES].any()
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-4)


@pytest.mark.usefixtures("_own_shapes")
@pytest.mark.parametrize("name", ["dart", "dart-turned", "bow", "star"])
@pytest.mark.parametrize("seed", range(3))
def test_shapes_that_are_not_convex(name: str, seed: int) -> None:
    encoding = Encoding((name,), 6, (0.2, 1.0))
    genome = _genome(encoding, seed)
    shown = render(genome[None], encoding, CANVAS)[0]
    assert np.abs(paint(genome, encoding, CANVAS) - shown).max() <= 0.51
    _check(genome, encoding, CANVAS, _waves(CANVAS, seed))


@pytest.mark.usefixtures("_own_shapes")
def test_edges_between_pixels_have_the_right_hand_derivative() -> None:
    """A square on whole pixels: to the right it takes up the next column, and leaves its first."""
    encoding = Encoding(("block",), 1, (1.0, 1.0), background="#000000")
    canvas = (64, 64)
    genome = np.zeros(encoding.length, np.float32)
    encoding.rows(genome)[0] = (0.5, 0.5, 0.5, 1.0, 1.0, 1.0, 1.0)
    cotangent = np.random.default_rng(6).normal(size=(64, 64, 3)).astype(np.float32)
    found = encoding.rows(backward(genome, encoding, canvas, cotangent))[0]
    sums = 255.0 * cotangent.sum(axis=-1, dtype=float)
    inside = slice(24, 40)
    np.testing.assert_allclose(
        found[:2] / 64.0,
        [
            sums[inside, 40].sum() - sums[inside, 24].sum(),
            sums[40, inside].sum() - sums[24, inside].sum(),
        ],
        rtol=1e-5,
    )


@every_shape
@pytest.mark.parametrize("size", [0.1, 0.4, 0.6])
def test_sum_of_all_pixels_is_the_area(name: str, size: float) -> None:
    """With a cotangent of ones a shape within the canvas feels its own growth, and no movement."""
    encoding = Encoding((name,), 1, (1.0, 1.0), background="#000000")
    genome = np.full(encoding.length, 0.4, np.float32)
    row = encoding.rows(genome)[0]
    row[2], row[-4:] = size, 1.0
    canvas = (100, 90)
    found = encoding.rows(
        backward(genome, encoding, canvas, np.ones((90, 100, 3), np.float32), Tape(np.float64))
    )[0]
    x, y = load_shape(name).outline(encoding.decode(genome).geometry, canvas)[0].T
    area = 0.5 * abs(float(np.sum(x * np.roll(y, -1) - y * np.roll(x, -1))))
    shape = load_shape(name)
    growth = 2.0 * area * np.log(shape.MAX_RADIUS / shape.MIN_RADIUS)
    assert found[2] == pytest.approx(3 * 255.0 * growth, rel=1e-5)
    np.testing.assert_allclose(found[:2], 0.0, atol=1e-5 * found[2])
    np.testing.assert_allclose(found[-4:-1], 255.0 * area, rtol=1e-5)


@every_mix
def test_fixed_background_has_no_gradient(mix: tuple[str, ...]) -> None:
    free, fixed = Encoding(mix, 5), Encoding(mix, 5, background="#336699")
    genome = _genome(free, 7)
    found = backward(genome, fixed, CANVAS, _waves(CANVAS, 7))
    assert not found[:BACKGROUND_GENES].any()
    genome[:BACKGROUND_GENES] = fixed.fixed_background
    same = backward(genome, free, CANVAS, _waves(CANVAS, 7))
    assert same[:BACKGROUND_GENES].any()
    np.testing.assert_array_equal(found[BACKGROUND_GENES:], same[BACKGROUND_GENES:])


@every_mix
def test_palette_is_passed_straight_through(mix: tuple[str, ...]) -> None:
    """As if the colour genes were the palette's colours, and free."""
    limited, free = Encoding(mix, 6, palette=PALETTE), Encoding(mix, 6)
    genome = _genome(free, 8)
    drawing = limited.decode(genome)
    moved = genome.copy()
    moved[:BACKGROUND_GENES] = drawing.background
    free.rows(moved)[:, -COLOUR_GENES:-1] = drawing.colours
    cotangent = _waves(CANVAS, 8)
    found = backward(genome, limited, CANVAS, cotangent)
    np.testing.assert_array_equal(found, backward(moved, free, CANVAS, cotangent))
    assert np.all(limited.rows(found)[:, -COLOUR_GENES:-1])


def test_padding_of_a_mix_has_no_gradient() -> None:
    encoding = Encoding(tuple(shape_names()), 6)
    rows = encoding.rows(backward(_genome(encoding, 9), encoding, CANVAS, _waves(CANVAS, 9)))
    longest = encoding.row_length - COLOUR_GENES
    padded = 0
    for turn, name in enumerate(encoding.shapes):
        padding = rows[turn :: len(encoding.shapes), len(load_shape(name).GENES) : longest]
        assert not padding.any()
        padded += padding.size
    assert padded > 0


def test_genes_outside_count_as_clipped() -> None:
    encoding = Encoding(tuple(shape_names()), 5)
    genome = _genome(encoding, 10) * np.float32(1.6) - np.float32(0.3)
    cotangent = _waves(CANVAS, 10)
    np.testing.assert_array_equal(
        backward(genome, encoding, CANVAS, cotangent),
        backward(np.clip(genome, 0.0, 1.0), encoding, CANVAS, cotangent),
    )


@pytest.mark.parametrize("place", list(itertools.product([-1.0, 2.0], [-1.0, 0.5, 2.0])))
@pytest.mark.usefixtures("_own_shapes")
def test_shapes_beside_the_canvas_have_no_gradient(
    place: tuple[float, float], monkeypatch: pytest.MonkeyPatch
) -> None:
    encoding = Encoding(("dart",), 1)
    genome = _genome(encoding, 11)
    width, height = CANVAS
    corners = np.array(place) * CANVAS + UNIT_DART * min(width, height) * 0.4
    offsets = np.array([0, len(corners)])
    monkeypatch.setattr(raster_gradient, "outlines", lambda *_: (corners, offsets))
    found = backward(genome, encoding, CANVAS, _waves(CANVAS, 11))
    assert not encoding.rows(found).any()
    expected = 255.0 * _waves(CANVAS, 11).sum(axis=(0, 1), dtype=float)
    np.testing.assert_allclose(found[:BACKGROUND_GENES], expected, rtol=1e-6)


@every_mix
def test_memory_is_used_again(mix: tuple[str, ...]) -> None:
    """Whatever was painted before, large or small, leaves nothing behind."""
    tape = Tape()
    for n, canvas in ((5, (40, 30)), (60, (128, 100)), (3, (16, 50)), (60, (128, 100))):
        encoding = Encoding(mix, n)
        genome, cotangent = _genome(encoding, n), _waves(canvas, n)
        kept = cotangent.copy()
        np.testing.assert_array_equal(
            backward(genome, encoding, canvas, cotangent, tape),
            backward(genome, encoding, canvas, cotangent),
        )
        np.testing.assert_array_equal(cotangent, kept)


def test_float32_is_enough() -> None:
    encoding = Encoding(tuple(shape_names()), 100)
    genome, cotangent = _genome(encoding, 12), _waves((256, 256), 12)
    found = backward(genome, encoding, (256, 256), cotangent)
    assert found.dtype == np.float32
    exact = backward(genome, encoding, (256, 256), cotangent, Tape(np.float64))
    for rows, truth in zip(encoding.rows(found).T, encoding.rows(exact).T, strict=True):
        np.testing.assert_allclose(rows, truth, atol=1e-4 * np.abs(truth).max())


def test_what_does_not_fit_is_refused() -> None:
    encoding = Encoding(n=2)
    genome = _genome(encoding, 13)
    with pytest.raises(ValueError, match=r"shape \(48, 36, 3\): expected \(36, 48, 3\)"):
        backward(genome, encoding, CANVAS, np.zeros((48, 36, 3), np.float32))
    with pytest.raises(ValueError, match="genome of shape"):
        backward(genome[:-1], encoding, CANVAS, np.zeros((36, 48, 3), np.float32))
    genome[4] = np.nan
    with pytest.raises(ValueError, match="not a number"):
        backward(genome, encoding, CANVAS, np.zeros((36, 48, 3), np.float32))


@every_shape
@pytest.mark.parametrize("count", [0, 1, 9])
def test_moves_are_the_derivative_of_the_outline(name: str, count: int) -> None:
    """Steps are so short that no curve gets another number of corners in between."""
    shape, canvas, step = load_shape(name), (80, 50), 1e-6
    genes = np.random.default_rng(14).uniform(0.01, 0.99, (count, len(shape.GENES)))
    moves = shape.moves(genes, canvas)
    assert moves.shape == (*shape.outline(genes, canvas).shape, len(shape.GENES))
    assert moves.dtype == np.float64
    for k in range(len(shape.GENES)):
        step_of_gene = step * np.eye(len(shape.GENES))[k]
        more = shape.outline(genes + step_of_gene, canvas)
        less = shape.outline(genes - step_of_gene, canvas)
        np.testing.assert_allclose(
            moves[..., k], (more - less) / (2.0 * step), rtol=1e-5, atol=1e-5
        )


@every_shape
def test_padding_genes_move_nothing(name: str) -> None:
    shape = load_shape(name)
    genes = np.random.default_rng(15).random((4, len(shape.GENES) + 2))
    padded, own = shape.moves(genes, (64, 48)), shape.moves(genes[:, :-2], (64, 48))
    np.testing.assert_array_equal(padded[..., : own.shape[-1]], own)
    assert not padded[..., own.shape[-1] :].any()
