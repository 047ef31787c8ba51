"""The smallest change that moves a score, against what can be worked out by hand."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import helper

from evonsfw.classifier import Classifier, describe
from evonsfw.insight.invert import Inversion, invert, robust_views
from evonsfw.looks import Looks
from evonsfw.margin import logit, margin
from evonsfw.model_spec import ModelSpec
from evonsfw.nearest_change import HOLD, Wish
from evonsfw.views import SEARCHED

SIDE = 16
TWO = np.array([[4.0, -2.0, 1.0], [-2.0, 1.0, 1.5]], np.float32)
"""(class, channel): with two classes the margin is linear in the picture."""
SLOPE = (TWO[0] - TWO[1]).astype(np.float64) / (SIDE * SIDE * 255)
"""D margin / d level of one pixel, of each channel."""
Make = Callable[..., Path]


@pytest.fixture
def spec(tiny_model: Make) -> ModelSpec:
    return describe(str(tiny_model(weights=TWO, bias=np.zeros(2, np.float32))))


@pytest.fixture
def pixels() -> np.ndarray:
    """Far enough from black and white that no change is cut off."""
    return np.random.default_rng(3).integers(60, 190, (SIDE, SIDE, 3), np.uint8)


def margin_of(spec: ModelSpec, picture: np.ndarray) -> float:
    return float(margin(Classifier(spec).probabilities(picture[None]), 0)[0])


def needed(spec: ModelSpec, pixels: np.ndarray, score: float) -> float:
    """By how much the margin has to move."""
    return abs(margin_of(spec, pixels) - logit(score)) + HOLD


def least_l2(shift: float) -> float:
    """The smallest norm, in levels, of a change in whole levels that moves the margin by so much:
    the next level of a channel that stands at q costs 2q + 1 in squares and gains its slope, so
    the levels with the best bargains are taken first (the last one in part: a lower bound).
    """
    steps = np.arange(255)
    bargains = np.abs(SLOPE)[:, None] / (2 * steps + 1)
    order = np.argsort(-bargains, axis=None)
    gains = np.repeat(np.abs(SLOPE), len(steps))[order] * SIDE * SIDE
    costs = np.tile(2.0 * steps + 1, 3)[order] * SIDE * SIDE
    return float(np.sqrt(np.interp(shift, np.cumsum(gains), np.cumsum(costs))))


@pytest.mark.parametrize("score", [0.3, 0.97])
@pytest.mark.parametrize("layout", ["NCHW", "NHWC"])
def test_the_largest_change_is_the_smallest_that_can_be(
    tiny_model: Make, pixels: np.ndarray, score: float, layout: str
) -> None:
    spec = describe(str(tiny_model(layout, weights=TWO, bias=np.zeros(2, np.float32))))
    found = invert(pixels, spec, 0, Wish(score))
    by_hand = np.ceil(needed(spec, pixels, score) / (np.abs(SLOPE).sum() * SIDE * SIDE))
    assert found.reached
    assert round(found.linf * 255) == by_hand
    assert found.upward == (margin_of(spec, pixels) < logit(score))


@pytest.mark.parametrize("score", [0.3, 0.8, 0.97])
def test_the_l2_norm_is_nearly_the_smallest_that_whole_levels_allow(
    spec: ModelSpec, pixels: np.ndarray, score: float
) -> None:
    found = invert(pixels, spec, 0, Wish(score, "l2"))
    least = least_l2(needed(spec, pixels, score))
    assert found.reached
    assert least * (1 - 1e-6) <= found.l2 * 255 <= least * 1.1


@pytest.mark.parametrize("norm", ["linf", "l2"])
@pytest.mark.parametrize("score", [0.2, 0.95])
@pytest.mark.parametrize("softmax", [True, False])
def test_the_reference_agrees(
    tiny_model: Make, pixels: np.ndarray, norm: str, score: float, softmax: bool
) -> None:
    """Three classes, in a file with its softmax and in one without; the score is beyond the asked
    one, and not by much.
    """
    spec = describe(str(tiny_model(softmax=softmax, jpeg=True)))
    found = invert(pixels, spec, 1, Wish(score, norm))
    seen = float(Classifier(spec).probabilities(found.changed[None])[0, 1])
    assert found.reached
    assert found.after == pytest.approx(seen, abs=1e-6)
    assert seen > score if found.upward else seen < score
    assert abs(seen - score) < 0.02


def test_a_budget_that_is_too_small_is_used_up(spec: ModelSpec, pixels: np.ndarray) -> None:
    found = invert(pixels, spec, 0, Wish(0.999, budget=1 / 255, iterations=20))
    assert not found.reached
    assert found.first is None
    np.testing.assert_array_equal(found.change, np.broadcast_to(np.sign(SLOPE), pixels.shape))


@pytest.mark.parametrize("budget", [0.05, 0.2])
def test_an_l2_budget_is_kept_and_nearly_used_up(
    spec: ModelSpec, pixels: np.ndarray, budget: float
) -> None:
    found = invert(pixels, spec, 0, Wish(0.999, "l2", budget, 40))
    moved = margin_of(spec, found.changed) - margin_of(spec, pixels)
    assert not found.reached
    assert found.l2 <= budget
    assert least_l2(moved) > 0.9 * budget * 255


def test_a_budget_that_is_large_enough_is_not_used_up(spec: ModelSpec, pixels: np.ndarray) -> None:
    free = invert(pixels, spec, 0, Wish(0.9, "l2"))
    bound = invert(pixels, spec, 0, Wish(0.9, "l2", 2 * free.l2))
    assert bound.reached
    assert bound.l2 < 1.03 * free.l2


def test_black_and_white_are_not_left(spec: ModelSpec) -> None:
    ends = np.random.default_rng(0).choice(np.array([0, 255], np.uint8), (SIDE, SIDE, 3))
    found = invert(ends, spec, 0, Wish(0.9, "l2"))
    assert found.reached
    assert np.all(found.change[ends == 0] >= 0)
    assert np.all(found.change[ends == 255] <= 0)


def test_every_view_of_robust_holds(tiny_model: Make, pixels: np.ndarray) -> None:
    spec = describe(str(tiny_model(jpeg=True)))
    found = invert(pixels, spec, 1, Wish(0.9, iterations=60), robust=True)
    views = robust_views(pixels)
    with Looks(spec, 1, views) as looks:
        scores = [looks.score(look) for look in looks.look(found.changed)]
    assert found.reached
    assert min(scores) > 0.9
    assert found.after == pytest.approx(min(scores))
    assert found.views == tuple(view.name for view in views)
    assert set(found.views) == {view.name for view in SEARCHED if view.side is None}


def test_a_picture_of_two_pixels_a_side(spec: ModelSpec) -> None:
    found = invert(np.full((2, 2, 3), 100, np.uint8), spec, 0, Wish(0.9, "l2"), robust=True)
    assert found.reached
    assert found.changed.shape == (2, 2, 3)


def test_the_same_seed_gives_the_same_picture_on_any_number_of_workers(
    tiny_model: Make, pixels: np.ndarray
) -> None:
    spec = describe(str(tiny_model(jpeg=True)))
    wish = Wish(0.9, "l2", iterations=15, seed=4)
    found = [invert(pixels, spec, 1, wish, True, workers=count).changed for count in (1, 2, 3)]
    assert np.array_equal(found[0], found[1])
    assert np.array_equal(found[0], found[2])
    other = invert(pixels, spec, 1, replace(wish, seed=5), True).changed
    assert not np.array_equal(found[0], other)


def test_iterations_are_told_and_counted(spec: ModelSpec, pixels: np.ndarray) -> None:
    told: list[tuple[int, int]] = []
    found = invert(
        pixels,
        spec,
        0,
        Wish(0.9, iterations=7),
        heard=lambda done, total: told.append((done, total)),
    )
    assert told == [(done, 7) for done in range(8)]
    assert found.iterations == 7


def test_a_classifier_that_sees_nothing_is_left_alone(tiny_model: Make, pixels: np.ndarray) -> None:
    blind = tiny_model(weights=np.zeros((2, 3), np.float32), bias=np.zeros(2, np.float32))
    found = invert(pixels, describe(str(blind)), 0, Wish(0.9))
    assert not found.reached
    assert found.before == found.after == pytest.approx(0.5)
    assert found.iterations == 1


def test_measures_by_hand() -> None:
    original = np.full((4, 5, 3), 100, np.uint8)
    changed = original.copy()
    changed[0, 0] = (103, 96, 100)
    found = Inversion(original, changed, True, True, Wish(0.9), ("as is",), 0.1, 0.9, 3, 10)
    assert found.linf == 4 / 255
    assert found.l2 == pytest.approx(5 / 255)
    assert found.share == 2 / 60
    assert found.psnr == pytest.approx(10 * np.log10(255**2 * 60 / 25))
    assert found.difference()[0, 0].tolist() == [158, 88, 128]
    assert found.difference(100.0)[0, 0].tolist() == [255, 0, 128]
    assert replace(found, changed=original).psnr == np.inf


def test_the_slope_is_the_sum_of_what_views_ask(tiny_model: Make, pixels: np.ndarray) -> None:
    """A mean is the same however it is flipped; moving by three counts the first row four times."""
    spec = describe(str(tiny_model(weights=TWO, bias=np.zeros(2, np.float32))))
    views = [view for view in SEARCHED if view.name in ("as is", "shift 3", "flip")]
    with Looks(spec, 0, views) as looks:
        found = looks.slope(looks.look(pixels), [0.5, 1.0, 0.0])
    rows = np.array([4.0] + [1.0] * (SIDE - 4) + [0.0] * 3)
    by_hand = (0.5 + np.outer(rows, rows))[..., None] * SLOPE
    np.testing.assert_allclose(found, by_hand, rtol=1e-4)


def test_probabilities_without_a_softmax_are_differentiated(
    tmp_path: Path, pixels: np.ndarray
) -> None:
    """A file that ends in a division: the slope against small differences."""
    nodes = [
        helper.make_node("ReduceMean", ["x"], ["mean"], axes=[2, 3], keepdims=0),
        helper.make_node("Gemm", ["mean", "ones"], ["sum"]),
        helper.make_node("Div", ["mean", "sum"], ["p"]),
    ]
    graph = helper.make_graph(
        nodes,
        "shares",
        [helper.make_tensor_value_info("x", onnx.TensorProto.FLOAT, [1, 3, SIDE, SIDE])],
        [helper.make_tensor_value_info("p", onnx.TensorProto.FLOAT, [1, 3])],
        [helper.make_tensor("ones", onnx.TensorProto.FLOAT, [3, 1], [1.0] * 3)],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)])
    model.ir_version = 8
    onnx.save(model, tmp_path / "shares.onnx")
    spec = describe(str(tmp_path / "shares.onnx"))
    with Looks(spec, 2, SEARCHED[:1]) as looks:
        slope = looks.slope(looks.look(pixels), [1.0])
        for channel in range(3):
            more, less = pixels.copy(), pixels.copy()
            more[..., channel] += 1
            less[..., channel] -= 1
            ends = [looks.look(picture)[0].margin for picture in (more, less)]
            assert slope[..., channel].sum() == pytest.approx((ends[0] - ends[1]) / 2, rel=1e-3)


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"score": 0.0}, "score = 0: expected a number between 0 and 1"),
        ({"score": 1.0}, "score = 1: expected a number between 0 and 1"),
        ({"score": float("nan")}, "score = nan: expected"),
        ({"norm": "l1"}, "norm = 'l1': expected linf or l2"),
        ({"budget": 0.5 / 255}, "budget = 0.00196078: expected 1/255 or more"),
        ({"budget": float("inf")}, "budget = inf: expected 1/255 or more"),
        ({"iterations": 0}, "iterations = 0: expected 1 or more"),
        ({"seed": -1}, "seed = -1: expected 0 or more"),
    ],
)
def test_a_wish_that_cannot_be(values: dict[str, float], said: str) -> None:
    with pytest.raises(ValueError, match=f"^{said}"):
        Wish(**{"score": 0.9, **values})
