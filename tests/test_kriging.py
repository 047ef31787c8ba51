"""What lies between known values, against what follows by hand and from scikit-learn."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from evonsfw import kriging
from evonsfw.kriging import krige


def _field(shape: tuple[int, int], share: float, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """A smooth one with noise, and what is known of it."""
    rng = np.random.default_rng(seed)
    rows, columns = np.indices(shape)
    whole = np.sin(rows / 9) + np.cos(columns / 7) + 0.05 * rng.standard_normal(shape)
    return whole, np.where(rng.random(shape) < share, whole, np.nan)


def test_what_is_known_stays() -> None:
    _, values = _field((30, 20), 0.2)
    found = krige(values, 12.0)
    known = ~np.isnan(values)
    np.testing.assert_array_equal(found.mean[known], values[known])
    assert np.all(found.variance[known] == 0)
    assert np.all(found.variance[~known] > 0)


def test_between_two_values_by_hand(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kriging, "LENGTHS", (0.5,))
    monkeypatch.setattr(kriging, "NUGGETS", (0.0,))
    found = krige(np.array([[1.0, np.nan, 3.0]]), 4.0)
    assert found.mean[0, 1] == pytest.approx(2.0)
    near, far = np.exp(-0.5), np.exp(-1.0)
    spread = 1 - 2 * near**2 / (1 + far) + (1 - 2 * near / (1 + far)) ** 2 * (1 + far) / 2
    surprise = (3 - 1) ** 2 / (2 * (1 - far))  # of each by the other, by how sure it was
    close = np.exp(-((1 / 1.2) ** 2))
    local = (2 * close * surprise + 0.1 * 1.0) / (2 * close + 0.1)
    assert found.variance[0, 1] == pytest.approx(spread * local, rel=1e-4)


def test_far_from_all_it_is_as_unsure_as_the_whole_grid() -> None:
    values = np.full((1, 301), np.nan)
    values[0, ::60] = [0.64, 0.27, 0.04, 0.02, 0.81, 0.4]
    half_way = krige(values, 20.0).variance[0, 30::60]
    assert half_way.min() > 0.5 * np.nanvar(values)


def test_it_is_the_gaussian_process_of_scikit_learn(monkeypatch: pytest.MonkeyPatch) -> None:
    processes = pytest.importorskip("sklearn.gaussian_process")
    monkeypatch.setattr(kriging, "LENGTHS", (0.5,))
    monkeypatch.setattr(kriging, "NUGGETS", (0.1,))
    _, values = _field((12, 12), 0.3)
    known = ~np.isnan(values)
    points, found = np.argwhere(known), values[known]
    kernel = processes.kernels.PairwiseKernel(gamma=1 / 4.0, metric="laplacian")
    apart = kernel(points) + 0.1 * np.eye(len(points))
    rows = np.linalg.solve(apart, np.ones(len(points)))
    mean = rows @ found / rows.sum()
    other = processes.GaussianProcessRegressor(kernel, alpha=0.1 + 1e-6, optimizer=None)
    expected = mean + other.fit(points, found - mean).predict(np.argwhere(~known))
    np.testing.assert_allclose(krige(values, 8.0).mean[~known], expected, atol=1e-5)


def test_it_is_better_than_the_nearest_value() -> None:
    from scipy.spatial import cKDTree

    whole, values = _field((60, 60), 0.1)
    known = ~np.isnan(values)
    nearest = cKDTree(np.argwhere(known)).query(np.argwhere(~known))[1]
    naive = np.abs(values[known][nearest] - whole[~known]).mean()
    assert np.abs(krige(values, 20.0).mean - whole)[~known].mean() < 0.5 * naive


def test_noise_is_told_from_what_is_smooth(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(1)
    rows, columns = np.indices((50, 50))
    smooth = np.sin(rows / 12) + np.cos(columns / 10)
    noisy = smooth + 0.5 * rng.standard_normal(smooth.shape)
    values = np.where(rng.random(smooth.shape) < 0.2, noisy, np.nan)
    apart = np.abs(krige(values, 12.0).mean - smooth)[np.isnan(values)].mean()
    monkeypatch.setattr(kriging, "NUGGETS", (0.0,))
    without = np.abs(krige(values, 12.0).mean - smooth)[np.isnan(values)].mean()
    assert apart < 0.85 * without


def test_rough_parts_are_less_sure() -> None:
    rng = np.random.default_rng(3)
    whole = np.zeros((40, 40))
    whole[:, 20:] = rng.random((40, 20))
    values = np.where(rng.random((40, 40)) < 0.2, whole, np.nan)
    variance = krige(values, 12.0).variance
    assert variance[:, 28:].mean() > 20 * variance[:, :12].mean()


def test_blocks_fit_each_other(monkeypatch: pytest.MonkeyPatch) -> None:
    whole, values = _field((70, 50), 0.15)
    parts = krige(values, 12.0).mean
    monkeypatch.setattr(kriging, "BLOCK", 100)
    monkeypatch.setattr(kriging, "CROWD", 10_000)
    at_once = krige(values, 12.0).mean
    assert np.abs(parts - at_once).max() < 0.1
    assert np.abs(parts - whole).mean() < 1.05 * np.abs(at_once - whole).mean()


def test_a_crowd_is_told_in_smaller_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    sizes = []
    told = kriging._told

    def noted(points: np.ndarray, *others: Any) -> Any:
        sizes.append(len(points))
        return told(points, *others)

    monkeypatch.setattr(kriging, "_told", noted)
    monkeypatch.setattr(kriging, "CROWD", 100)
    whole, values = _field((60, 60), 0.5)
    assert np.abs(krige(values, 12.0).mean - whole).mean() < 0.06
    assert max(sizes) <= 100


@pytest.mark.parametrize("shape", [(1, 1), (1, 7), (49, 1), (200, 3)])
def test_one_value_tells_all(shape: tuple[int, int]) -> None:
    values = np.full(shape, np.nan)
    values[0, 0] = 0.75
    found = krige(values, 4.0)
    np.testing.assert_allclose(found.mean, 0.75)
    assert np.isfinite(found.variance).all()
    assert found.variance[0, 0] == 0


def test_a_flat_grid_is_flat() -> None:
    found = krige(np.where(np.eye(30) > 0, 0.5, np.nan), 8.0)
    np.testing.assert_allclose(found.mean, 0.5)
    assert found.variance.max() < 1e-9


def test_nothing_known_is_told() -> None:
    with pytest.raises(ValueError, match="one known value at least"):
        krige(np.full((3, 3), np.nan), 2.0)
