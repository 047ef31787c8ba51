"""Gradients, Grad-CAM and integrated gradients, against maps worked out by hand."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from conftest import TINY_WEIGHTS
from small_network import HEADS, MIX, SIDE, maps_by_hand, noise, small_network

from evonsfw.backward_graph import ReluRule
from evonsfw.classifier import Classifier
from evonsfw.insight.gradcam import gradcam, placed
from evonsfw.insight.integrated import BASELINES, blank, integrated
from evonsfw.insight.saliency import saliency
from evonsfw.layers import default_layer, find_layer
from evonsfw.margin import margin
from evonsfw.model_spec import read_spec
from evonsfw.plate import Bar
from evonsfw.probe import Probe
from evonsfw.quantity import ClassValue, LayerMean, LayerPeak
from evonsfw.saliency_plates import laid_over, signal_picture, smoothed

PLACES = SIDE * SIDE


@pytest.mark.parametrize("layout", ["NCHW", "NHWC"])
@pytest.mark.parametrize("channels", ["RGB", "BGR"])
def test_a_linear_model_has_the_same_gradient_everywhere(
    tiny_model: Callable[..., Path], layout: str, channels: str
) -> None:
    spec = read_spec(str(tiny_model(layout, channels=channels)))
    found = saliency(spec, noise(16, 16), ClassValue(spec, 1))
    weights = TINY_WEIGHTS[1] if channels == "RGB" else TINY_WEIGHTS[1, ::-1]
    expected = np.broadcast_to(weights / 256 / 255, (16, 16, 3))
    np.testing.assert_allclose(found.signal, expected, rtol=1e-5)
    np.testing.assert_allclose(found.strength, 5 / 256 / 255, rtol=1e-5)
    np.testing.assert_allclose(found.signed, 3 / 256 / 255, rtol=1e-5)
    assert found.rectifiers == 0


@pytest.mark.parametrize("softmax", [True, False])
def test_the_margin_and_its_slopes(tiny_model: Callable[..., Path], softmax: bool) -> None:
    """Of three classes: its slope is the class's less the others' by their share."""
    output = "probabilities" if softmax else "logits"
    spec = read_spec(str(tiny_model(softmax=softmax, output=output)))
    p = Classifier(spec).probabilities(noise(16, 16)[None])
    found = saliency(spec, noise(16, 16), ClassValue(spec, 1, "margin"))
    assert found.value == pytest.approx(float(margin(p, 1)[0]), abs=1e-5)
    share = p[0, [0, 2]] / p[0, [0, 2]].sum()
    expected = (TINY_WEIGHTS[1] - share @ TINY_WEIGHTS[[0, 2]]) / 256 / 255
    np.testing.assert_allclose(found.signal, np.broadcast_to(expected, (16, 16, 3)), rtol=1e-4)


def test_the_margin_goes_on_where_a_probability_has_rounded(
    tiny_model: Callable[..., Path],
) -> None:
    spec = read_spec(str(tiny_model(weights=TINY_WEIGHTS * 500)))
    picture = np.zeros((16, 16, 3), np.uint8)
    picture[..., 1] = 255
    found = saliency(spec, picture, ClassValue(spec, 1, "margin"))
    assert found.value == pytest.approx(2500.5 - (-500 + 0.25), rel=1e-4)
    expected = np.broadcast_to(500 * (TINY_WEIGHTS[1] - TINY_WEIGHTS[2]) / 256 / 255, (16, 16, 3))
    np.testing.assert_allclose(found.signal, expected, rtol=1e-4)


def test_probabilities_without_a_softmax_are_explained_themselves(
    tiny_model: Callable[..., Path],
) -> None:
    """log p - log of the others' sum: 1/p for the class, -1/(sum of the others) for those."""
    spec = read_spec(str(tiny_model(softmax=False, output="probabilities")))
    picture = np.full((16, 16, 3), 255, np.uint8)
    p = Classifier(spec).probabilities(picture[None])[0].astype(np.float64)
    assert (p > 0).all()
    found = saliency(spec, picture, ClassValue(spec, 1, "margin"))
    assert found.value == pytest.approx(np.log(p[1] / (p[0] + p[2])), rel=1e-5)
    slope = TINY_WEIGHTS[1] / p[1] - (TINY_WEIGHTS[0] + TINY_WEIGHTS[2]) / (p[0] + p[2])
    expected = np.broadcast_to(slope / 256 / 255, (16, 16, 3))
    np.testing.assert_allclose(found.signal, expected, rtol=1e-4, atol=1e-9)
    assert saliency(spec, picture, ClassValue(spec, 1)).value == pytest.approx(p[1])


@pytest.mark.parametrize("relu", ["gradient", "deconvnet", "guided"])
@pytest.mark.parametrize("index", [0, 1])
def test_the_rules_by_hand(tmp_path: Path, relu: ReluRule, index: int) -> None:
    """A map's place passes its head's weight back: where the map is positive, where the weight
    is, or where both are.
    """
    spec, picture = small_network(tmp_path), noise()
    heads = HEADS[index][:, None, None] / PLACES
    positive = (maps_by_hand(picture) > 0).astype(float)
    back = {
        "gradient": positive * heads,
        "deconvnet": np.ones_like(positive) * np.maximum(heads, 0),
        "guided": positive * np.maximum(heads, 0),
    }[relu]
    expected = np.einsum("khw,kc->hwc", back, MIX) / 255
    found = saliency(spec, picture, ClassValue(spec, index), relu)
    np.testing.assert_allclose(found.signal, expected, rtol=1e-4, atol=1e-9)
    assert found.rectifiers == 1


@pytest.mark.parametrize("channel", [None, 0, 1])
def test_a_layer_is_explained_by_its_mean(tmp_path: Path, channel: int | None) -> None:
    spec, picture = small_network(tmp_path), noise()
    found = saliency(spec, picture, LayerMean(find_layer(spec, "maps"), channel))
    which = slice(None) if channel is None else slice(channel, channel + 1)
    assert found.value == pytest.approx(maps_by_hand(picture)[which].mean(), rel=1e-5)
    expected = np.broadcast_to(MIX[which].mean(axis=0) / PLACES / 255, (SIDE, SIDE, 3))
    np.testing.assert_allclose(found.signal, expected, rtol=1e-5)


@pytest.mark.parametrize("channel", [None, 0, 1])
def test_a_layers_peak_is_one_neuron(tmp_path: Path, channel: int | None) -> None:
    spec, picture = small_network(tmp_path), noise()
    found = saliency(spec, picture, LayerPeak(find_layer(spec, "maps"), channel))
    maps = maps_by_hand(picture)
    if channel is not None:
        maps[1 - channel] = -np.inf
    k, y, x = np.unravel_index(maps.argmax(), maps.shape)
    assert found.value == pytest.approx(maps[k, y, x], rel=1e-5)
    expected = np.zeros((SIDE, SIDE, 3))
    expected[y, x] = MIX[k] / 255
    np.testing.assert_allclose(found.signal, expected, rtol=1e-5)


def test_a_gradient_equals_differences_through_the_preparation(tmp_path: Path) -> None:
    """Resize and crop included: along one pixel's channel, of a smooth model."""
    spec = small_network(tmp_path, "Sigmoid", (12, 10))
    picture = noise(21, 30)
    quantity = ClassValue(spec, 1)
    signal = saliency(spec, picture, quantity).signal
    assert signal.shape == picture.shape
    probe, step = Probe(spec, quantity), 40
    for y, x, c in ((10, 15, 0), (9, 20, 1), (12, 11, 2)):
        ends = []
        for sign in (1, -1):
            moved = picture.astype(int)
            moved[y, x] = 128
            moved[y, x, c] += sign * step
            ends.append(probe.value(probe.prepared(moved.astype(np.uint8))))
        middle = picture.copy()
        middle[y, x] = 128
        slope = saliency(spec, middle, quantity).signal[y, x, c]
        # Pillow rounds the resized picture to 8 bits, so differences are good to a few levels.
        assert (ends[0] - ends[1]) / (2 * step) == pytest.approx(slope, rel=0.2)
    assert not signal[:, 0].any()  # cut off by the crop


def test_grad_cam_by_hand(tmp_path: Path) -> None:
    spec, picture = small_network(tmp_path), noise()
    layer = default_layer(spec)
    assert layer.name == "bent"
    found = gradcam(spec, picture, ClassValue(spec, 1), layer)
    weights = HEADS[1] / PLACES
    expected = np.einsum("k,khw->hw", weights, np.maximum(maps_by_hand(picture), 0))
    np.testing.assert_allclose(found.weights, weights, rtol=1e-5)
    np.testing.assert_allclose(found.coarse, expected, rtol=1e-4, atol=1e-7)
    np.testing.assert_array_equal(found.signed, found.coarse)
    np.testing.assert_array_equal(found.shown, np.maximum(found.coarse, 0))
    assert (found.coarse < 0).any()


def test_grad_cam_before_the_rectifier(tmp_path: Path) -> None:
    """At "maps" the gradient is that through the rectifier, averaged over all places."""
    spec, picture = small_network(tmp_path), noise()
    found = gradcam(spec, picture, ClassValue(spec, 1), find_layer(spec, "maps"))
    maps = maps_by_hand(picture)
    weights = HEADS[1] / PLACES * (maps > 0).mean(axis=(1, 2))
    np.testing.assert_allclose(found.weights, weights, rtol=1e-5)
    np.testing.assert_allclose(
        found.coarse, np.einsum("k,khw->hw", weights, maps), rtol=1e-4, atol=1e-7
    )


def test_a_map_is_laid_where_the_crop_lies(tmp_path: Path) -> None:
    """12 x 10 with 8 x 8 cut from the middle: 2 pixels left, 1 above."""
    spec = small_network(tmp_path, sides=(12, 10))
    coarse = np.arange(1.0, 5.0, dtype=np.float32).reshape(2, 2)
    found = placed(spec, coarse, (12, 10))
    assert found.shape == (10, 12)
    assert not found[0].any()
    assert not found[:, :2].any()
    assert not found[9].any()
    assert not found[:, 10:].any()
    corners = found[1:9, 2:10][np.ix_([0, 7], [0, 7])]
    np.testing.assert_array_equal(corners, coarse)
    assert placed(spec, coarse, (31, 7)).shape == (7, 31)


@pytest.mark.parametrize("baseline", BASELINES)
@pytest.mark.parametrize("steps", [1, 3])
def test_a_linear_model_shares_out_exactly(
    tiny_model: Callable[..., Path], baseline: str, steps: int
) -> None:
    """Whatever the number of steps: weight times difference, and nothing is missed."""
    spec, picture = read_spec(str(tiny_model())), noise(16, 16)
    start = blank(picture, baseline)
    found = integrated(spec, picture, ClassValue(spec, 0), baseline, steps)
    expected = TINY_WEIGHTS[0] * (picture.astype(float) - start) / 256 / 255
    np.testing.assert_allclose(found.shares, expected, rtol=1e-4, atol=1e-8)
    np.testing.assert_allclose(
        found.at_input.transpose(1, 2, 0), found.shares, rtol=1e-4, atol=1e-8
    )
    assert found.rise == pytest.approx(expected.sum(), abs=1e-5)
    assert abs(found.error) < 1e-5


def test_shares_are_complete_and_more_steps_come_closer(tmp_path: Path) -> None:
    """Sundararajan 2017, proposition 1, of a smooth model, through resize and crop."""
    spec, picture = small_network(tmp_path, "Sigmoid", (12, 10)), noise(21, 30)
    heard: list[tuple[int, int]] = []
    few = integrated(spec, picture, ClassValue(spec, 1), "white", 1)
    many = integrated(
        spec, picture, ClassValue(spec, 1), "white", 6, lambda *told: heard.append(told)
    )
    assert abs(many.error) < 1e-5 < abs(few.error)
    assert heard == [(done, 6) for done in range(7)]
    # Rounding to 8 bits is all that tells the shares of the picture from those of the input.
    assert many.shares.sum() == pytest.approx(many.rise, rel=0.02)
    assert many.signed.sum() == pytest.approx(many.shares.sum(), rel=1e-4)


def test_baselines() -> None:
    picture = noise(32, 32)
    for name, level in (("black", 0), ("grey", 128), ("white", 255)):
        np.testing.assert_array_equal(blank(picture, name), np.full_like(picture, level))
    blurred = blank(picture, "blur")
    assert blurred.shape == picture.shape
    assert 0 < blurred.std() < picture.std() / 2
    with pytest.raises(ValueError, match="steps = 0: expected 1 or more"):
        integrated(read_spec("open_nsfw"), picture, ClassValue(read_spec("open_nsfw"), 1), steps=0)


def test_a_channel_that_is_not_there(tmp_path: Path) -> None:
    layer = find_layer(small_network(tmp_path), "maps")
    for kind in (LayerMean, LayerPeak):
        with pytest.raises(ValueError, match="channel 2 of layer 'maps': expected 0 to 1"):
            kind(layer, 2)


def test_an_operator_without_rule_is_named(tmp_path: Path) -> None:
    """Unless it lies before all that is asked for, as for Grad-CAM."""
    spec = small_network(tmp_path, "Softplus")
    message = r"'Softplus' has no backward rule; explain occlusion needs no backward pass$"
    with pytest.raises(ValueError, match=message):
        saliency(spec, noise(), ClassValue(spec, 1))
    found = gradcam(spec, noise(), ClassValue(spec, 1), find_layer(spec, "bent"))
    np.testing.assert_allclose(found.weights, HEADS[1] / PLACES, rtol=1e-5)


def test_what_plates_are_painted_with() -> None:
    values = np.zeros((200, 300), np.float32)
    values[:, 150:] = 1.0
    soft = smoothed(values)
    assert soft.shape == values.shape
    np.testing.assert_allclose(soft[:, [10, 290]], np.broadcast_to([0, 1], (200, 2)), atol=1e-6)
    assert np.unique(soft[100].round(3)).size > 5
    np.testing.assert_array_equal(smoothed(values[:9, :9]), values[:9, :9])
    picture = noise(9, 9)
    bar = Bar(-1.0, 1.0, "diverging")
    unmarked = laid_over(picture, np.zeros((9, 9), np.float32), bar)
    assert (unmarked == unmarked[..., :1]).all()
    marked = laid_over(picture, np.ones((9, 9), np.float32), bar)
    assert (marked[..., 0] > marked[..., 2]).all()
    grey = signal_picture(np.zeros((4, 4, 3), np.float32))
    np.testing.assert_array_equal(grey, np.full((4, 4, 3), 128, np.uint8))
