"""What every file in evonsfw/shapes/ keeps, and every mix of them."""

from __future__ import annotations

from io import BytesIO

import numpy as np
import pytest
import resvg_py
from PIL import Image

from evonsfw.exporters import Artwork
from evonsfw.exporters.svg import to_svg
from evonsfw.genome import BACKGROUND_GENES, Encoding
from evonsfw.raster import render
from evonsfw.raster_gradient import backward
from evonsfw.shapes import Canvas, cyclic, load_shape, radii, shape_names
from evonsfw.weighing import shape_at

EVERY = [*shape_names(), "polygons-3", "polygons-12"]
MIXES = [(name,) for name in EVERY] + [("circles", "triangles"), tuple(EVERY)]
MIX_NAMES = ["+".join(mix) for mix in MIXES[:-1]] + ["all"]
every_shape = pytest.mark.parametrize("name", EVERY)
every_mix = pytest.mark.parametrize("mix", MIXES, ids=MIX_NAMES)


def _genomes(encoding: Encoding, seed: int, count: int) -> np.ndarray:
    return np.random.default_rng(seed).random((count, encoding.length), np.float32)


def _black_on_white(name: str, **genes: float) -> tuple[Encoding, np.ndarray]:
    """An opaque black shape on white: its encoding, and its (1, L) genome."""
    encoding = Encoding((name,), 1, (1.0, 1.0), background="#ffffff")
    genome = np.full((1, encoding.length), 0.5, np.float32)
    row = encoding.rows(genome[0])[0]
    row[-4:] = 0.0
    for gene, value in genes.items():
        row[load_shape(name).GENES.index(gene)] = value
    return encoding, genome


def _outline(encoding: Encoding, genome: np.ndarray, canvas: Canvas) -> np.ndarray:
    """(V, 2) corners of a single shape."""
    shape = load_shape(encoding.shapes[0])
    return shape.outline(encoding.decode(genome).geometry, canvas)[0]


def _area(corners: np.ndarray) -> float:
    x, y = corners.T
    return 0.5 * abs(float(np.sum(x * np.roll(y, -1) - y * np.roll(x, -1))))


@every_shape
def test_first_three_genes(name: str) -> None:
    assert load_shape(name).GENES[:3] == ("x", "y", "size")
    assert len(set(load_shape(name).GENES)) == len(load_shape(name).GENES)
    assert 0.0 < load_shape(name).MIN_RADIUS < load_shape(name).MAX_RADIUS


@every_shape
@pytest.mark.parametrize("count", [0, 1, 7])
def test_outline_is_an_array_of_finite_corners(name: str, count: int) -> None:
    shape = load_shape(name)
    genes = np.random.default_rng(1).integers(0, 2, (count, len(shape.GENES))).astype(float)
    corners = shape.outline(genes, (640, 48))
    assert corners.shape == (count, corners.shape[1], 2)
    assert corners.shape[1] >= 3
    assert corners.dtype == np.float64
    assert np.all(np.isfinite(corners))


@every_shape
def test_padding_genes_of_a_mix_mean_nothing(name: str) -> None:
    shape = load_shape(name)
    genes = np.random.default_rng(2).random((3, len(shape.GENES) + 2))
    np.testing.assert_array_equal(
        shape.outline(genes, (64, 64)), shape.outline(genes[:, :-2], (64, 64))
    )


@every_shape
def test_outline_grows_with_the_canvas(name: str) -> None:
    """The reach of the corners doubles with the canvas: to the outline's flatness, for curves."""
    genes = np.random.default_rng(3).random((5, len(load_shape(name).GENES)))
    small = load_shape(name).outline(genes, (64, 32))
    large = load_shape(name).outline(genes, (128, 64))
    np.testing.assert_allclose(large.min(axis=1), 2 * small.min(axis=1), atol=0.1)
    np.testing.assert_allclose(large.max(axis=1), 2 * small.max(axis=1), atol=0.1)


@every_shape
def test_corners_stay_within_the_largest_radius(name: str) -> None:
    shape = load_shape(name)
    genes = np.random.default_rng(4).random((50, len(shape.GENES)))
    canvas = (100, 80)
    distance = np.linalg.norm(
        shape.outline(genes, canvas) - genes[:, None, :2] * canvas, axis=-1
    ).max(axis=1)
    reach = radii(genes, canvas, shape.MIN_RADIUS, shape.MAX_RADIUS)
    assert np.all(distance <= reach * 1.06)


@every_shape
def test_corners_follow_the_shape_itself(name: str) -> None:
    """On a canvas 64 times as large a curve has far more corners: all lie where fewer went."""
    shape = load_shape(name)
    genes = np.random.default_rng(8).random((6, len(shape.GENES)))
    for corners, fine in zip(
        shape.outline(genes, (160, 120)), shape.outline(genes, (10240, 7680)) / 64, strict=True
    ):
        starts, ways = corners, np.roll(corners, -1, axis=0) - corners
        lengths = np.maximum((ways**2).sum(axis=1), 1e-30)
        gaps = fine[:, None] - starts
        share = np.clip((gaps * ways).sum(axis=2) / lengths, 0.0, 1.0)
        distance = np.linalg.norm(gaps - share[..., None] * ways, axis=2).min(axis=1)
        assert distance.max() < 0.021
        assert _area(corners) == pytest.approx(_area(fine), abs=0.02 * np.sqrt(lengths).sum())


@every_shape
def test_extreme_genes_draw_something_finite(name: str) -> None:
    """The smallest, thinnest, most bent shape that there is, and all its gradients."""
    encoding = Encoding((name,), 1)
    count = len(load_shape(name).GENES)
    rng = np.random.default_rng(9)
    corners = np.concatenate([np.eye(count), 1.0 - np.eye(count), rng.integers(0, 2, (20, count))])
    for genes in corners:
        genome = np.full(encoding.length, 0.5, np.float32)
        encoding.rows(genome)[0, :count] = genes
        render(genome[None], encoding, (32, 24))
        slope = backward(genome, encoding, (32, 24), np.ones((24, 32, 3), np.float32))
        assert np.all(np.isfinite(slope))


@every_shape
def test_the_window_finds_the_shape_where_it_is_drawn(name: str) -> None:
    encoding, genome = _black_on_white(name, x=0.4, y=0.55, size=0.7)
    picture = render(genome, encoding, (160, 120))[0, :, :, 0]
    certain = np.argwhere((picture == 0) | (picture == 255))
    for y, x in certain[::7]:
        found = shape_at(genome[0], encoding, (160, 120), (x + 0.5, y + 0.5))
        assert found == (0 if picture[y, x] == 0 else None)
    assert np.any(picture == 0)


@every_shape
def test_what_comes_round_looks_the_same_at_both_ends(name: str) -> None:
    encoding = Encoding((name,), 5)
    genome = np.random.default_rng(8).random(encoding.length, np.float32)
    pictures = []
    for end in (0.0, 1.0):
        encoding.rows(genome)[:, np.flatnonzero(cyclic(name))] = end
        pictures.append(render(genome[None], encoding, (64, 48))[0].astype(int))
    assert np.abs(pictures[0] - pictures[1]).max() <= 1


def test_radii_are_geometric_in_the_size_gene() -> None:
    genes = np.array([[0.0, 0.0, 0.0], [0.0, 0.0, 0.5], [0.0, 0.0, 1.0]])
    np.testing.assert_allclose(radii(genes, (100, 25), 0.01, 0.64), [0.5, 4.0, 32.0])


@every_shape
@pytest.mark.parametrize("size", [0.0, 0.1, 0.3])
@pytest.mark.parametrize("place", [(0.5, 0.5), (0.4321, 0.789), (0.5, 0.503)])
def test_tiny_shapes_keep_their_area(name: str, size: float, place: tuple[float, float]) -> None:
    encoding, genome = _black_on_white(name, x=place[0], y=place[1], size=size)
    picture = render(genome, encoding, (64, 64))[0]
    drawn = np.sum(255.0 - picture[:, :, 0]) / 255.0
    touched = np.count_nonzero(picture[:, :, 0] < 255) + 16
    assert drawn == pytest.approx(
        _area(_outline(encoding, genome[0], (64, 64))), abs=touched * 0.5 / 255.0
    )
    assert drawn > 0.1


@every_shape
@pytest.mark.parametrize("seed", range(8))
def test_nothing_is_drawn_outside_the_outline(name: str, seed: int) -> None:
    encoding = Encoding((name,), 1, (1.0, 1.0))
    genome = _genomes(encoding, seed, 1)
    picture = render(genome, encoding, (50, 37))[0]
    corners = _outline(encoding, genome[0], (50, 37))
    left, top = np.floor(corners.min(axis=0)).astype(int)
    right, bottom = np.ceil(corners.max(axis=0)).astype(int)
    outside = np.ones((37, 50), bool)
    outside[max(0, top) : max(0, bottom), max(0, left) : max(0, right)] = False
    background = (genome[0, :BACKGROUND_GENES] * np.float32(255) + np.float32(0.5)).astype(np.uint8)
    assert outside.any()
    assert np.all(picture[outside] == background)


@every_mix
def test_same_picture_at_another_size(mix: tuple[str, ...]) -> None:
    """Both sizes are exact areas; what differs is that coverages are blended, not areas."""
    encoding = Encoding(mix, 30)
    genomes = _genomes(encoding, 5, 2)
    small = render(genomes, encoding, (64, 64)).astype(float)
    large = render(genomes, encoding, (1024, 1024)).astype(float)
    boxed = large.reshape(2, 64, 16, 64, 16, 3).mean(axis=(2, 4))
    assert np.abs(small - boxed).mean() < 1.0


@every_mix
@pytest.mark.parametrize("extreme", ["any", "tiny", "huge", "edge"])
def test_agrees_with_resvg(mix: tuple[str, ...], extreme: str) -> None:
    """A second renderer, from the SVG: it samples edges, so they differ a little."""
    encoding = Encoding(mix, 20)
    canvas = (160, 120)
    for genome in _genomes(encoding, 6, 2):
        rows = encoding.rows(genome)
        if extreme == "tiny":
            rows[:, 2] *= 0.2
        if extreme == "huge":
            rows[:, 2] = 1.0 - rows[:, 2] * 0.05
        if extreme == "edge":
            rows[:, :2] = np.round(rows[:, :2])
        document = to_svg(Artwork(genome, encoding), canvas)
        png = bytes(resvg_py.svg_to_bytes(svg_string=document))
        second = np.asarray(Image.open(BytesIO(png)).convert("RGB")).astype(float)
        ours = render(genome[None], encoding, canvas)[0]
        difference = np.abs(ours - second)
        assert difference.mean() <= 1.0
        assert np.mean(difference.max(axis=-1) > 24) < 0.01


@every_mix
def test_golden_picture(mix: tuple[str, ...], golden) -> None:
    encoding = Encoding(mix, 24, (0.4, 0.9))
    genome = _genomes(encoding, 7, 1)
    name = "shapes-" + ("+".join(mix) if mix != tuple(EVERY) else "all")
    golden(render(genome, encoding, (96, 72))[0], name, tolerance=1)
