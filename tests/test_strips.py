"""Strips have the pixels of the whole picture, every one; without a background they can be laid
over any.
"""

from __future__ import annotations

import numpy as np
import pytest

from evonsfw.genome import Encoding
from evonsfw.raster import render
from evonsfw.shapes import Canvas, shape_names
from evonsfw.strips import render_strips
from evonsfw.tiles import TALL

ALL = tuple(shape_names())
MIXES = [*((name,) for name in ALL), ALL]
CANVASES = [(64, 64), (40, 30), (61, 47), (3, 200), (333, 129), (2048, 40), (1, 1)]


def _genome(encoding: Encoding, seed: int) -> np.ndarray:
    return np.random.default_rng(seed).random(encoding.length, np.float32)


@pytest.mark.parametrize("canvas", CANVASES)
@pytest.mark.parametrize("mix", MIXES)
@pytest.mark.parametrize("rows", [1, 8, 16, 24, 56, 10_000])
def test_strips_have_every_pixel_of_the_whole(
    mix: tuple[str, ...], canvas: Canvas, rows: int
) -> None:
    encoding = Encoding(mix, 30, (0.0, 1.0))
    genome = _genome(encoding, rows)
    strips = list(render_strips(genome, encoding, canvas, strip_pixels=rows * canvas[0]))
    heights = {len(strip) for strip in strips[:-1]}
    assert heights <= {max(TALL, rows)}
    whole = render(genome[None], encoding, canvas)[0]
    np.testing.assert_array_equal(np.concatenate(strips), whole)


def _over(picture: np.ndarray, background: np.ndarray) -> np.ndarray:
    """Source-over with straight alpha, unrounded."""
    alpha = picture[:, :, 3:] / 255.0
    return alpha * picture[:, :, :3] + (1.0 - alpha) * background


@pytest.mark.parametrize("canvas", CANVASES)
@pytest.mark.parametrize("mix", MIXES)
@pytest.mark.parametrize("alpha", [(0.0, 1.0), (0.0, 0.02), (0.3, 0.9), (1.0, 1.0)])
def test_over_its_background_it_is_the_opaque_picture(
    mix: tuple[str, ...], canvas: Canvas, alpha: tuple[float, float]
) -> None:
    """An alpha of k + 1/2 levels is rounded to k, and a pure colour reaches no further: it stays
    below 1.5 levels away.
    """
    encoding = Encoding(mix, 12, alpha)
    genome = _genome(encoding, 4)
    opaque = render(genome[None], encoding, canvas)[0]
    clear = np.concatenate(list(render_strips(genome, encoding, canvas, True, 1)))
    ground = np.floor(genome[:3] * np.float32(255.0) + np.float32(0.5))
    assert np.abs(_over(clear, ground) - opaque).max() <= 1.5


@pytest.mark.parametrize("mix", MIXES)
def test_over_another_background_it_is_the_picture_with_that_one(mix: tuple[str, ...]) -> None:
    """To within the rounding of colour and alpha, half a level each, and of the picture itself."""
    encoding = Encoding(mix, 12, (0.3, 0.9))
    genome = _genome(encoding, 5)
    clear = np.concatenate(list(render_strips(genome, encoding, (96, 64), True)))
    for ground in ((0.0, 0.0, 0.0), (1.0, 1.0, 1.0), (0.0, 1.0, 0.2)):
        other = genome.copy()
        other[:3] = ground
        opaque = render(other[None], encoding, (96, 64))[0]
        assert np.abs(_over(clear, np.array(ground) * 255.0) - opaque).max() <= 2.0


def test_alpha_is_what_the_shapes_cover() -> None:
    """Two opaque halves: one shape covers all, none covers nothing."""
    encoding = Encoding(("circles",), 1, (0.5, 0.5), "#204060")
    genome = np.array([0, 0, 0, 0.5, 0.5, 1.0, 1, 0, 0, 1], np.float32)
    clear = np.concatenate(list(render_strips(genome, encoding, (100, 100), True)))
    assert clear[50, 50].tolist() == [255, 0, 0, 128]
    assert clear[0, 0].tolist() == [0, 0, 0, 0]


def test_a_genome_of_another_length() -> None:
    with pytest.raises(ValueError, match="expected"):
        next(render_strips(np.zeros(7, np.float32), Encoding(("circles",), 3), (16, 16)))
