"""Genomes made better before they are scored: ascents, the grid, and targets from afar."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest

from evonsfw.genome import GRID, LEVELS, Encoding, Genome, genome_from_text, genome_to_text
from evonsfw.improvement import SIDES, ascended, coarser, on_grid
from evonsfw.objectives import Goal
from evonsfw.pipeline import Job, Pipeline
from evonsfw.search import Improvement, Wants

ENCODING = Encoding(shapes=("triangles",), n=6)


def picture(height: int, width: int) -> npt.NDArray[np.uint8]:
    """A disc over a slope."""
    y, x = np.indices((height, width))
    found = np.stack([255 * x // width, 255 * y // height, 60 + 0 * x], axis=2)
    found[(x - width / 3) ** 2 + (y - height / 2) ** 2 < (height / 4) ** 2] = 230, 60, 20
    return found.astype(np.uint8)


def start(encoding: Encoding = ENCODING) -> Genome:
    """A genome on the grid."""
    return on_grid(np.random.default_rng(1).random(encoding.length, np.float32), encoding)


def test_an_ascent_finds_the_top() -> None:
    """Of a hill whose top is a genome of the grid."""
    top = start()

    def slope(genome: Genome) -> tuple[float, Genome]:
        away = genome - top
        return -float(np.sum(away**2)), -2.0 * away

    begin = np.full_like(top, 0.5)
    near = ascended(begin, ENCODING, slope, 300, 0.05)
    assert np.abs(near - top).max() < 0.01
    assert slope(near)[0] > slope(begin)[0]


def test_an_ascent_that_only_loses_stays() -> None:
    """Every other genome is worse than the first, whatever the gradient says."""
    first = start()

    def slope(genome: Genome) -> tuple[float, Genome]:
        return float(np.array_equal(genome, first)), np.ones_like(genome)

    np.testing.assert_array_equal(ascended(first, ENCODING, slope, 10, 0.1), first)


def test_the_grid_is_what_short_texts_hold() -> None:
    genome = np.random.default_rng(2).random(ENCODING.length, np.float32)
    near = on_grid(genome, ENCODING)
    rows = ENCODING.rows(np.abs(near - genome))
    assert rows[:, :-4].max() <= 0.5 / GRID + 1e-7
    assert rows[:, -4:].max() <= 0.5 / LEVELS + 1e-7
    np.testing.assert_array_equal(on_grid(near, ENCODING), near)
    text = genome_to_text(near)
    assert len(text) < 0.5 * len(genome_to_text(genome))
    np.testing.assert_array_equal(genome_from_text(text), near)


@pytest.mark.parametrize("how", [Improvement(0, 1, steps=30, rate=0.02), Improvement(60, 1)])
def test_what_comes_of_it_is_fitter_and_on_the_grid(how: Improvement) -> None:
    goal = Goal(target=picture(40, 56))
    job = Job(ENCODING, (56, 40), "likeness", goal, None, improve=True, gradient=True)
    pipeline = Pipeline(job)
    genome = start()
    before = pipeline.evaluate(genome[None])
    after = pipeline.evaluate(genome[None], Wants(improve=how))
    assert after.genomes is not None
    assert after.fitness[0] > before.fitness[0]
    assert after.fitness[0] == pipeline.evaluate(after.genomes).fitness[0]
    np.testing.assert_array_equal(on_grid(after.genomes[0], ENCODING), after.genomes[0])


@pytest.mark.parametrize(("fine", "side"), [(0.0, SIDES[0][1]), (0.7, SIDES[1][1])])
def test_a_large_target_is_seen_from_afar_first(fine: float, side: int) -> None:
    weights = np.zeros((900, 1500), np.float32)
    weights[:, 750:] = 1.0
    goal = Goal(target=picture(900, 1500), weights=weights)
    seen = coarser(goal, fine)
    assert seen.target is not None
    assert seen.weights is not None
    scale = side / np.sqrt(900 * 1500)
    assert seen.target.shape == (round(900 * scale), round(1500 * scale), 3)
    assert seen.weights.shape == seen.target.shape[:2]
    assert seen.weights.mean() == pytest.approx(0.5, abs=1e-3)
    mean = seen.target.mean(axis=(0, 1))
    np.testing.assert_allclose(mean, goal.needed_target("x").mean(axis=(0, 1)), atol=1.0)


@pytest.mark.parametrize("size", [(200, 256), (209, 313), (16, 4096)])
def test_a_small_target_is_seen_as_it_is(size: tuple[int, int]) -> None:
    """And one that is not square, and one that would be too thin from afar."""
    goal = Goal(target=picture(*size))
    assert coarser(goal, 0.0) is goal


def test_what_is_found_from_afar_is_scored_from_near() -> None:
    """The genome is improved on a canvas of 256 pixels, its error is that of 400."""
    goal = Goal(target=picture(300, 400))
    job = Job(ENCODING, (400, 300), "likeness", goal, None, improve=True)
    pipeline = Pipeline(job)
    found = pipeline.evaluate(start()[None], Wants(improve=Improvement(40, 1, fine=0.0)))
    assert found.genomes is not None
    assert found.scores[0] == pipeline.evaluate(found.genomes).scores[0]
    assert found.scores[0] < pipeline.evaluate(start()[None]).scores[0]
