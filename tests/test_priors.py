"""Priors: the way back is the derivative of the way there; sizes; colours; Adam."""

from __future__ import annotations

import numpy as np
import pytest

from evonsfw.adam import Adam
from evonsfw.cppn import CPPN
from evonsfw.fourier import Fourier, Pixels
from evonsfw.prior import Prior, View, overhang, sigmoid

PRIORS: dict[str, Prior] = {
    "fourier even": Fourier(18),
    "fourier odd": Fourier(17),
    "pixels": Pixels(18),
    "cppn": CPPN(3, 5, spread=1.0),
    "cppn of three channels": CPPN(2, 3, spread=1.0),
}
VIEWS = {
    "whole": View((16, 16), 0, 0, (16, 16)),
    "larger, beyond the edges": View((19, 20), -1, 5, (16, 16)),
}
ALL = pytest.mark.parametrize("prior", PRIORS.values(), ids=PRIORS)


@ALL
@pytest.mark.parametrize("view", VIEWS.values(), ids=VIEWS)
def test_the_way_back_is_the_derivative(prior: Prior, view: View) -> None:
    """Along random directions, against central differences."""
    rng = np.random.default_rng(0)
    numbers = prior.start(rng) + rng.normal(0, 0.1, prior.start(rng).shape).astype(np.float32)
    cotangent = rng.normal(size=(*view.shape, 3)).astype(np.float32)
    pixels, kept = prior.see(numbers, view)
    assert pixels.shape == (*view.shape, 3)
    slope = prior.back(cotangent, view, kept).astype(np.float64)
    assert slope.shape == numbers.shape
    for _ in range(3):
        way = rng.choice([-1.0, 1.0], numbers.shape).astype(np.float32)
        step = np.float32(2e-3)
        ahead, behind = (prior.see(numbers + s * step * way, view)[0] for s in (1, -1))
        found = float(((ahead - behind).astype(np.float64) * cotangent).sum() / (2 * step))
        assert found == pytest.approx(float(slope @ way), rel=0.02, abs=0.5)


@ALL
def test_it_begins_nearly_grey_and_from_the_seed(prior: Prior) -> None:
    first, second = (prior.start(np.random.default_rng(3)) for _ in range(2))
    assert np.array_equal(first, second)
    assert first.dtype == np.float32
    drawn = prior.draw(first, 40)
    assert drawn.min() >= 0.0
    assert drawn.max() <= 255.0


def test_a_cppn_without_spread_begins_grey() -> None:
    prior = CPPN(2, 4)
    drawn = prior.draw(prior.start(np.random.default_rng(0)), 9)
    assert np.array_equal(drawn, np.full((9, 9, 3), 127.5, np.float32))


def test_a_cppn_is_the_same_picture_in_any_size() -> None:
    """The middles of 3 x 3 pixels are those of the one pixel that they make up."""
    prior = CPPN(3, 6, spread=1.0)
    numbers = prior.start(np.random.default_rng(1))
    fine, coarse = prior.draw(numbers, 99 * 3), prior.draw(numbers, 99)
    assert np.allclose(fine[1::3, 1::3], coarse, atol=0.01)


def test_a_cppn_knows_the_distance_from_the_middle() -> None:
    """With the weight of that alone, all is symmetric."""
    prior = CPPN(1, 1, spread=1.0)
    numbers = np.array([0, 0, 1, 0, *[1, 2, 3, 1, 1, 1], *[0, 0, 0]], np.float32)
    drawn = prior.draw(numbers, 10)
    assert np.allclose(drawn, drawn[::-1], atol=1e-3)
    assert np.allclose(drawn, drawn.transpose(1, 0, 2), atol=1e-3)
    assert not np.allclose(drawn[0, 0], drawn[5, 5], atol=1.0)


def test_one_wave_is_a_cosine_of_the_power_that_photographs_have() -> None:
    """Twice as fine a wave is half as strong."""
    prior = Fourier(16)
    heights = []
    for column in (1, 2):
        numbers = np.zeros((2, 3, 16, 9), np.float32)
        numbers[0, 0, 0, column] = 1.0
        seen, _ = prior.see(numbers.reshape(-1), View((14, 14), 0, 0, (14, 14)))
        canvas = sigmoid(prior._canvas(numbers.reshape(-1)))
        values = np.log(canvas / (1 - canvas))[0, :, 0]
        heights.append(values.max())
        wave = heights[-1] * np.cos(2 * np.pi * column * np.arange(16) / 16)
        assert np.allclose(values, wave, atol=1e-4)
        assert seen.shape == (14, 14, 3)
    assert heights[0] == pytest.approx(2 * heights[1], rel=1e-3)


def test_pixels_are_drawn_as_they_are_seen() -> None:
    side = 16 + 2 * overhang(16)
    prior = Pixels(side)
    numbers = np.random.default_rng(0).normal(size=side * side * 3).astype(np.float32)
    seen, _ = prior.see(numbers, View((16, 16), 0, 0, (16, 16)))
    assert np.allclose(seen, prior.draw(numbers, 16), atol=1e-3)


def test_the_sigmoid_does_not_overflow() -> None:
    found = sigmoid(np.array([-1e6, 0.0, 1e6], np.float32))
    assert np.array_equal(found, np.array([0.0, 0.5, 1.0], np.float32))


def test_the_first_step_of_adam_is_its_rate_and_it_finds_a_summit() -> None:
    climber, point = Adam(0.1), np.zeros(2, np.float32)
    point = climber.step(point, np.array([5.0, -0.001], np.float32))
    assert np.allclose(point, [0.1, -0.1], rtol=1e-3)
    summit = np.array([1.0, -2.0], np.float32)
    for _ in range(400):
        point = climber.step(point, summit - point)
    assert np.allclose(point, summit, atol=0.01)


def test_how_many_places_a_cppn_takes_at_a_time_changes_nothing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    prior, view = CPPN(3, 5, spread=1.0), View((19, 20), -1, 5, (16, 16))
    numbers = prior.start(np.random.default_rng(2))
    cotangent = np.random.default_rng(3).normal(size=(16, 16, 3)).astype(np.float32)
    found = []
    for block in (7, 10_000):
        monkeypatch.setattr("evonsfw.cppn.BLOCK", block)
        pixels, kept = prior.see(numbers, view)
        assert len(kept) == -(-8 * 8 // block)
        found.append((pixels, prior.back(cotangent, view, kept), prior.draw(numbers, 9)))
    for few, all_ in zip(*found, strict=True):
        np.testing.assert_allclose(few, all_, rtol=1e-4, atol=1e-3 * np.abs(all_).max())
