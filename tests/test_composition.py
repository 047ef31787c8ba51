"""First pictures: valid genomes, the same by seed, covered, large below, few hues."""

from __future__ import annotations

import numpy as np
import pytest

from evonsfw.composition import compose
from evonsfw.genome import Encoding
from evonsfw.raster import render
from evonsfw.shapes import load_shape, radii, shape_names

MIXES = [(name,) for name in shape_names()] + [tuple(shape_names()), tuple(shape_names())[::-1]]
every_mix = pytest.mark.parametrize("mix", MIXES, ids="+".join)


def _compose(encoding: Encoding, seed: int, count: int) -> np.ndarray:
    return compose(encoding, np.random.default_rng(seed), count)


def _radii(encoding: Encoding, genome: np.ndarray) -> np.ndarray:
    """(N,) radii on a canvas of 100x100 pixels, in painting order."""
    drawing = encoding.decode(genome)
    result = np.empty(encoding.n)
    for name, rows in drawing.rows_by_shape():
        shape = load_shape(name)
        result[rows] = radii(drawing.geometry[rows], (100, 100), shape.MIN_RADIUS, shape.MAX_RADIUS)
    return result


@every_mix
@pytest.mark.parametrize("n", [1, 2, 3, 100, 5000])
def test_genomes_are_genomes(mix: tuple[str, ...], n: int) -> None:
    encoding = Encoding(mix, n)
    genomes = _compose(encoding, 1, 2)
    assert genomes.shape == (2, encoding.length)
    assert genomes.dtype == np.float32
    assert np.all((genomes >= 0) & (genomes <= 1))
    assert not np.array_equal(genomes[0], genomes[1])


def test_same_seed_same_pictures() -> None:
    encoding = Encoding(("triangles",), 20)
    np.testing.assert_array_equal(_compose(encoding, 5, 3), _compose(encoding, 5, 3))
    assert not np.array_equal(_compose(encoding, 5, 3), _compose(encoding, 6, 3))


def test_pictures_of_a_run_do_not_depend_on_how_many_are_asked_for() -> None:
    encoding = Encoding(("circles",), 20)
    np.testing.assert_array_equal(_compose(encoding, 5, 2), _compose(encoding, 5, 4)[:2])


@every_mix
def test_large_shapes_lie_below(mix: tuple[str, ...]) -> None:
    encoding = Encoding(mix, 60)
    sizes = np.mean([_radii(encoding, genome) for genome in _compose(encoding, 2, 10)], axis=0)
    assert sizes[:10].mean() > 2 * sizes[-30:].mean()
    assert sizes[:20].mean() > sizes[20:40].mean() > sizes[40:].mean()


@every_mix
@pytest.mark.parametrize("n", [60, 300])
def test_most_of_the_canvas_is_covered(mix: tuple[str, ...], n: int) -> None:
    """Opaque shapes on a ground that is no colour of theirs: little of it is left."""
    encoding = Encoding(mix, n, (1.0, 1.0), "#ff00ff")
    pictures = render(_compose(encoding, 3, 5), encoding, (48, 48))
    bare = np.all(pictures == [255, 0, 255], axis=-1)
    assert bare.mean() < 0.25


def test_places_are_spread_evenly() -> None:
    """Of 64 shapes, few of the 16 squares of the canvas are left without any."""
    encoding = Encoding(("circles",), 64)
    for genome in _compose(encoding, 4, 8):
        cells = np.minimum(encoding.rows(genome)[:, :2] * 4, 3).astype(int)
        assert len({tuple(cell) for cell in cells}) >= 15


def test_colours_are_of_the_palette() -> None:
    palette = ("#264653", "#2a9d8f", "#e9c46a")
    encoding = Encoding(("triangles",), 40, palette=palette)
    for genome in _compose(encoding, 5, 3):
        colours = np.concatenate([genome[None, :3], encoding.rows(genome)[:, -4:-1]])
        allowed = {tuple(swatch) for swatch in encoding.swatches}
        assert {tuple(colour) for colour in colours} <= allowed
        assert len({tuple(colour) for colour in colours}) == 3


def test_ground_is_light_or_dark_and_never_between() -> None:
    encoding = Encoding(("circles",), 2)
    grounds = _compose(encoding, 6, 40)[:, :3].mean(axis=1)
    assert np.all((grounds < 0.25) | (grounds > 0.8))
    assert grounds.min() < 0.25
    assert grounds.max() > 0.8


def test_it_draws_from_the_generator_that_it_is_given_only() -> None:
    before = np.random.get_state(legacy=False)["state"]["key"].copy()  # noqa: NPY002
    _compose(Encoding(("circles",), 5), 7, 2)
    after = np.random.get_state(legacy=False)["state"]["key"]  # noqa: NPY002
    np.testing.assert_array_equal(before, after)
