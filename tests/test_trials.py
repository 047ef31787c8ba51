"""What a trial adds to the error is what rendering the whole picture says."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest

from evonsfw.genome import Drawing
from evonsfw.patches import Bench, Place, compose, make_bench
from evonsfw.shapes import load_shape
from evonsfw.trials import FOUND, add_up, map_errors, score
from tests.test_patches import CANVAS, KINDS, WHOLE, composed, planes, polygons_of, random_drawing

WIDTH, HEIGHT = CANVAS
ANY = np.empty((0, 3), np.float32)
Reals = npt.NDArray[np.float64]


def a_target(seed: int = 0) -> npt.NDArray[np.float32]:
    """(H, W, 3) float32 in [0, 1]: noise, so that nothing cancels."""
    return np.random.default_rng(seed).random((HEIGHT, WIDTH, 3), dtype=np.float32)


def some_weights() -> npt.NDArray[np.float32]:
    """(H, W) float32 with zeros among them."""
    return np.random.default_rng(9).integers(0, 3, (HEIGHT, WIDTH)).astype(np.float32)


def error_of(drawing: Drawing, place: Place, weights: npt.NDArray[np.float32]) -> float:
    """Weighted squared error of a window by compositing everything."""
    left, top, width, height = place
    cut = np.s_[top : top + height, left : left + width]
    away = composed(drawing, CANVAS, WHOLE).astype(np.float64)[cut] - a_target()[cut]
    return float((away**2 * weights[cut][..., None]).sum())


def lifted(drawing: Drawing, out: int, place: Place, weights: npt.NDArray[np.float32]) -> Bench:
    """A bench that is ready for trials of shape `out`."""
    bench = make_bench(*CANVAS)
    polygons = polygons_of(drawing, CANVAS)
    compose(bench, polygons, drawing.background, out, out, place)
    add_up(bench, a_target(), weights, place)
    return bench


def tried(
    bench: Bench,
    shape: str,
    genes: Reals,
    place: Place,
    limits: tuple[float, float] = (0.3, 0.9),
    swatches: npt.NDArray[np.float32] = ANY,
) -> Reals:
    """(K, FOUND) what `score` finds."""
    found = np.empty((len(genes), FOUND))
    corners = load_shape(shape).outline(genes, CANVAS)
    score(bench, corners, place, CANVAS, limits, swatches, found)
    return found


@pytest.mark.parametrize("shape", KINDS)
@pytest.mark.parametrize("place", [WHOLE, (10, 5, 45, 40)])
def test_a_trial_adds_what_rendering_all_says(shape: str, place: Place) -> None:
    _, _, drawing = random_drawing(shape, 12, 4)
    weights = some_weights()
    genes = np.random.default_rng(5).random((60, drawing.geometry.shape[1]))
    genes[:, 2] *= 0.5
    found = tried(lifted(drawing, 6, place, weights), shape, genes, place)
    inside = np.flatnonzero(np.isfinite(found[:, 0]))
    assert len(inside) >= 5
    drawing.alphas[6] = 0.0
    without = error_of(drawing, place, weights)
    for k in inside[:12]:
        drawing.geometry[6], drawing.alphas[6] = genes[k], found[k, 1]
        drawing.colours[6] = found[k, 2:]
        change = error_of(drawing, place, weights) - without
        assert found[k, 0] == pytest.approx(change, abs=1e-5 * without)


def test_a_trial_that_leaves_its_window_is_refused() -> None:
    _, _, drawing = random_drawing("circles", 3, 4)
    place = (20, 10, 20, 20)
    bench = lifted(drawing, 1, place, np.ones((HEIGHT, WIDTH), np.float32))
    genes = np.array([[30 / 70, 20 / 50, 0.2], [22 / 70, 20 / 50, 0.6]])
    assert np.isfinite(tried(bench, "circles", genes, place)[:, 0]).tolist() == [True, False]


def test_what_is_off_the_canvas_changes_nothing() -> None:
    drawing = random_drawing("triangles", 3, 4)[2]
    bench = lifted(drawing, 1, WHOLE, np.ones((HEIGHT, WIDTH), np.float32))
    found = np.empty((1, FOUND))
    corners = np.array([[[-9.0, -9.0], [-2.0, -9.0], [-9.0, -2.0]]])
    score(bench, corners, WHOLE, CANVAS, (0.3, 0.9), ANY, found)
    assert found[0, 0] == 0.0


@pytest.mark.parametrize("limits", [(0.0, 1.0), (0.3, 0.9), (0.5, 0.5)])
def test_alpha_and_colour_are_the_best_within_bounds(limits: tuple[float, float]) -> None:
    """No other alpha and colour, on a grid and at random, is better for the same geometry."""
    drawing = random_drawing("triangles", 8, 2)[2]
    weights = np.ones((HEIGHT, WIDTH), np.float32)
    genes = drawing.geometry[3:4].copy()
    found = tried(lifted(drawing, 3, WHOLE, weights), "triangles", genes, WHOLE, limits)[0]
    assert limits[0] <= found[1] <= limits[1]
    drawing.alphas[3] = 0.0
    without = error_of(drawing, WHOLE, weights)
    rng = np.random.default_rng(1)
    for _ in range(60):
        drawing.alphas[3] = rng.uniform(*limits)
        drawing.colours[3] = np.clip(found[2:] + rng.normal(0, 0.1, 3), 0, 1)
        assert error_of(drawing, WHOLE, weights) - without >= found[0] - 1e-5 * without


def test_a_palette_gives_the_best_of_its_colours() -> None:
    drawing = random_drawing("circles", 8, 2)[2]
    weights = np.ones((HEIGHT, WIDTH), np.float32)
    bench = lifted(drawing, 3, WHOLE, weights)
    swatches = np.array([[1, 0, 0], [0.4, 0.5, 0.6], [0, 0, 0]], np.float32)
    genes = drawing.geometry[3:4]
    alone = [tried(bench, "circles", genes, WHOLE, swatches=swatches[k : k + 1]) for k in range(3)]
    best = min((one[0] for one in alone), key=lambda one: float(one[0]))
    together = tried(bench, "circles", genes, WHOLE, swatches=swatches)[0]
    np.testing.assert_array_equal(together, best)


def test_the_map_of_errors_adds_up() -> None:
    drawing = random_drawing("triangles", 8, 2)[2]
    weights = some_weights()
    bench = make_bench(*CANVAS)
    compose(bench, polygons_of(drawing, CANVAS), drawing.background, 2, 2, WHOLE)
    total = add_up(bench, a_target(), weights, WHOLE)
    errors = np.zeros((-(-HEIGHT // 8), -(-WIDTH // 8)))
    map_errors(bench, a_target(), weights, WHOLE, 8, errors)
    above, below = planes(bench.above, WHOLE), planes(bench.below, WHOLE)
    away = (above[..., :3] + above[..., 3:] * below).astype(np.float64) - a_target()
    squares = (away**2).sum(axis=2) * weights
    assert errors[0, 0] == pytest.approx(squares[:8, :8].sum(), rel=1e-5)
    assert errors[-1, -1] == pytest.approx(squares[48:, 64:].sum(), rel=1e-5)
    assert errors.sum() == pytest.approx(total, rel=1e-5)
