"""Genomes towards a target: exact errors, determinism, bounds, and progress."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest

from evonsfw.genome import Encoding
from evonsfw.growth import grow
from evonsfw.objectives.likeness import Likeness
from evonsfw.portrait import Portrait
from evonsfw.raster import render
from evonsfw.refinement import Refinement, improve

HEIGHT, WIDTH = 40, 56
BUDGET = 2_000_000
Pictures = npt.NDArray[np.uint8]


@pytest.fixture(scope="module", name="target")
def _target() -> Pictures:
    """A disc and a bar over a slope."""
    y, x = np.indices((HEIGHT, WIDTH))
    picture = np.stack([2 * x + y, 40 + 3 * y, 200 - 2 * x], axis=2)
    picture[(x - 18) ** 2 + (y - 20) ** 2 < 100] = 230, 60, 20
    picture[6:12, 30:52] = 10, 20, 120
    return picture.astype(np.uint8)


def rendered_error(genome: npt.NDArray[np.float32], encoding: Encoding, target: Pictures) -> float:
    """What the objective says of the rasterizer's picture."""
    pictures = render(genome[None], encoding, (WIDTH, HEIGHT))
    return float(Likeness(target).scores(pictures)[0])


ENCODINGS = (
    Encoding(shapes=("triangles",), n=8),
    Encoding(shapes=("circles",), n=8, alpha=(0.6, 0.6)),
    Encoding(shapes=("triangles", "circles"), n=7, background="#204060"),
    Encoding(shapes=("triangles",), n=6, palette=("#ff4010", "#102080", "#80a0c0")),
)


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_errors_are_those_of_the_picture_that_the_genome_draws(
    encoding: Encoding, target: Pictures
) -> None:
    grown = grow(encoding, target, seed=1)
    better = improve(grown.genome, encoding, target, budget=BUDGET, seed=2)
    for improved in (grown, better):
        assert improved.genome.dtype == np.float32
        assert improved.genome.shape == (encoding.length,)
        assert improved.error == pytest.approx(
            rendered_error(improved.genome, encoding, target), rel=1e-12
        )
    assert better.error < grown.error
    alone = Portrait(target, encoding)
    alone.paint_background()
    assert grown.error < 0.8 * alone.rmse()


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_what_is_drawn_is_what_was_settled(encoding: Encoding, target: Pictures) -> None:
    """A portrait and the portrait that is read from its genome have the same error."""
    genome = grow(encoding, target, seed=3).genome
    portrait = Portrait(target, encoding)
    portrait.read(genome)
    shown = render(genome[None], encoding, (WIDTH, HEIGHT))[0].astype(np.float64)
    rounded = float(((shown - target) ** 2).sum()) / 255.0**2
    assert portrait.squared_error() == pytest.approx(rounded, rel=1e-2)
    np.testing.assert_allclose(portrait.genome(), genome, rtol=0, atol=1e-6)


def test_one_seed_one_genome(target: Pictures) -> None:
    encoding = ENCODINGS[0]
    start = grow(encoding, target, seed=1).genome
    np.testing.assert_array_equal(start, grow(encoding, target, seed=1).genome)
    ends = [
        improve(start, encoding, target, budget=BUDGET, seed=seed, heat=(0.1, 0.0)).genome
        for seed in (4, 4, 5)
    ]
    np.testing.assert_array_equal(ends[0], ends[1])
    assert (ends[0] != ends[2]).any()


def test_without_heat_it_never_gets_worse(target: Pictures) -> None:
    encoding = ENCODINGS[0]
    improved = grow(encoding, target, seed=1)
    for seed in range(4):
        again = improve(improved.genome, encoding, target, budget=30_000, seed=seed)
        assert again.error <= improved.error
        improved = again


def test_no_budget_changes_nothing(target: Pictures) -> None:
    encoding = ENCODINGS[0]
    genome = np.random.default_rng(0).random(encoding.length, dtype=np.float32)
    same = improve(genome, encoding, target, budget=0, seed=1)
    np.testing.assert_array_equal(same.genome, genome)
    assert same.error == rendered_error(genome, encoding, target)


def test_every_step_keeps_the_error_or_lowers_it(target: Pictures) -> None:
    """What a step was told by its trial is what compositing everything says."""
    for encoding in ENCODINGS:
        portrait = Portrait(target, encoding)
        portrait.read(grow(encoding, target, seed=1).genome)
        refinement = Refinement(portrait, 6)
        errors = [portrait.squared_error()]
        for _ in range(40):
            refinement.look_around()
            refinement.step()
            errors.append(portrait.squared_error())
        assert np.diff(errors).max() <= 1e-4
        assert errors[-1] < errors[0]


def test_a_shape_is_found_again() -> None:
    """A picture that one circle draws is drawn by one circle."""
    encoding = Encoding(shapes=("circles",), n=1, alpha=(0.3, 1.0))
    genome = np.array([0.9, 0.8, 0.7, 0.4, 0.6, 0.6, 0.1, 0.3, 0.5, 0.5], np.float32)
    target = render(genome[None], encoding, (WIDTH, HEIGHT))[0]
    grown = grow(encoding, target, seed=1)
    assert improve(grown.genome, encoding, target, budget=BUDGET, seed=2).error < 0.7


def test_weights_say_where_it_matters(target: Pictures) -> None:
    encoding = ENCODINGS[0]
    left = np.zeros((HEIGHT, WIDTH), np.float32)
    left[:, : WIDTH // 2] = 1.0
    grown = grow(encoding, target, seed=1, weights=left)
    picture = render(grown.genome[None], encoding, (WIDTH, HEIGHT))[0]
    squares = (picture.astype(np.float64) - target) ** 2
    half = float(np.sqrt(squares[:, : WIDTH // 2].mean()))
    assert grown.error == pytest.approx(half, rel=1e-6)
    even = grow(encoding, target, seed=1)
    picture = render(even.genome[None], encoding, (WIDTH, HEIGHT))[0]
    squares = (picture.astype(np.float64) - target) ** 2
    assert half < float(np.sqrt(squares[:, : WIDTH // 2].mean()))


def test_bad_input_is_told_in_one_line(target: Pictures) -> None:
    encoding = ENCODINGS[0]
    genome = np.zeros(encoding.length, np.float32)
    with pytest.raises(ValueError, match="expected a start and an end"):
        improve(genome, encoding, target, budget=1, seed=0, heat=(0.0, 0.1))
    with pytest.raises(ValueError, match=r"genome of shape \(3,\)"):
        improve(genome[:3], encoding, target, budget=1, seed=0)
    with pytest.raises(ValueError, match="target of float64"):
        grow(encoding, target / 255.0, seed=0)
    with pytest.raises(ValueError, match="weights of shape"):
        grow(encoding, target, seed=0, weights=np.ones((2, 2), np.float32))
    with pytest.raises(ValueError, match="finite numbers of at least 0"):
        grow(encoding, target, seed=0, weights=np.zeros((HEIGHT, WIDTH), np.float32))
