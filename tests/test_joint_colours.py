"""Colours solved together: the least error within bounds, and nothing else is touched."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from evonsfw.genome import Encoding
from evonsfw.joint_colours import solve_colours
from evonsfw.portrait import Pictures, Portrait
from evonsfw.raster import render

HEIGHT, WIDTH = 40, 56
ENCODINGS = (
    Encoding(shapes=("triangles",), n=7),
    Encoding(shapes=("circles", "lines"), n=6, alpha=(0.1, 1.0)),
    Encoding(shapes=("rectangles",), n=5, background="#204060"),
)


def random_portrait(encoding: Encoding, target: Pictures, weights: Any = None) -> Portrait:
    """Shapes anywhere, of any colour."""
    portrait = Portrait(target, encoding, weights)
    portrait.read(np.random.default_rng(1).random(encoding.length, np.float32))
    return portrait


def noise() -> Pictures:
    return np.random.default_rng(2).integers(0, 256, (HEIGHT, WIDTH, 3)).astype(np.uint8)


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_no_colour_can_be_changed_for_the_better(encoding: Encoding) -> None:
    """Nor two at a time; the bounds of the noise's colours are within reach."""
    portrait = random_portrait(encoding, noise())
    before = portrait.squared_error()
    solve_colours(portrait)
    best, colours = portrait.squared_error(), portrait.colours()
    assert best < before
    first = 0 if encoding.fixed_background is None else 1
    rng = np.random.default_rng(3)
    for _ in range(60):
        changed = colours.copy()
        rows = rng.integers(first, len(colours), 2)
        changed[rows] = np.clip(changed[rows] + rng.normal(0.0, 0.05, (2, 3)), 0.0, 1.0)
        portrait.recolour(changed)
        assert portrait.squared_error() >= best * (1.0 - 1e-4)  # colours have 255 steps


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_the_colours_that_a_picture_has_are_found_again(encoding: Encoding) -> None:
    genome = np.random.default_rng(1).random(encoding.length, np.float32)
    genome[:3] = 0.4
    encoding.rows(genome)[:, -4:-1] = np.random.default_rng(5).random((encoding.n, 3))
    target = render(genome[None], encoding, (WIDTH, HEIGHT))[0]
    portrait = random_portrait(encoding, target)
    portrait.read(genome)
    portrait.recolour(np.full((encoding.n + 1, 3), 0.5))
    if encoding.fixed_background is not None:
        portrait.background[:] = encoding.fixed_background
    solve_colours(portrait)
    assert portrait.rmse() < 0.7


def test_what_does_not_count_does_not_pull() -> None:
    """With all the weight on one pixel, that pixel is right."""
    weights = np.zeros((HEIGHT, WIDTH), np.float32)
    weights[20, 30] = 1.0
    portrait = random_portrait(ENCODINGS[0], noise(), weights)
    solve_colours(portrait)
    assert portrait.rmse() < 1.0


def test_only_colours_change() -> None:
    encoding = ENCODINGS[0]
    portrait = random_portrait(encoding, noise())
    old = encoding.rows(portrait.genome())
    solve_colours(portrait)
    rows = encoding.rows(portrait.genome())
    np.testing.assert_array_equal(rows[:, :-4], old[:, :-4])
    np.testing.assert_array_equal(rows[:, -1], old[:, -1])
    assert (rows[:, -4:-1] != old[:, -4:-1]).any()


def test_a_palette_is_left_alone() -> None:
    encoding = Encoding(n=4, palette=("#ff4010", "#102080"))
    portrait = random_portrait(encoding, noise())
    before = portrait.genome()
    solve_colours(portrait)
    np.testing.assert_array_equal(portrait.genome(), before)


def test_colours_that_are_best_stay() -> None:
    portrait = random_portrait(ENCODINGS[0], noise())
    solve_colours(portrait)
    error = portrait.squared_error()
    solve_colours(portrait)
    assert portrait.squared_error() <= error
