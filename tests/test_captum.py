"""Against captum on the same weights: the maps of the default classifier, at what it is given."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from evonsfw.composition import compose
from evonsfw.genome import Encoding
from evonsfw.insight.gradcam import gradcam
from evonsfw.insight.integrated import blank, integrated
from evonsfw.insight.saliency import saliency
from evonsfw.layers import default_layer, find_layer
from evonsfw.model_spec import read_spec
from evonsfw.preparation import input_shape, prepare
from evonsfw.quantity import ClassValue, LayerMean
from evonsfw.raster import render

torch = pytest.importorskip("torch")
captum = pytest.importorskip("captum")
pytestmark = [
    pytest.mark.filterwarnings("ignore:Setting backward hooks"),
    pytest.mark.filterwarnings("ignore:Input Tensor .* did not already require gradients"),
]
SPEC = read_spec("open_nsfw")
STEPS = 4


@pytest.fixture(scope="module")
def network() -> Any:
    from torch_network import TorchNetwork

    return TorchNetwork(SPEC).eval()


@pytest.fixture(scope="module")
def picture() -> np.ndarray:
    """(256, 256, 3) uint8: composed, with noise, for flat areas lie on kinks."""
    encoding = Encoding(("triangles", "circles"), 50)
    rng = np.random.default_rng(3)
    drawn = render(compose(encoding, rng, 1), encoding, (256, 256))[0]
    return np.clip(drawn + rng.normal(scale=8, size=drawn.shape), 0, 255).astype(np.uint8)


def tensor(picture: np.ndarray) -> Any:
    prepared = np.empty((1, *input_shape(SPEC)), np.float32)
    prepare(SPEC, picture, prepared[0])
    return torch.tensor(prepared, requires_grad=True)


def cosine(found: np.ndarray, expected: Any) -> float:
    other = expected.detach().numpy().reshape(found.shape).astype(np.float64)
    norms = np.linalg.norm(found.astype(np.float64)) * np.linalg.norm(other)
    return float((found * other).sum() / norms)


@pytest.mark.parametrize("index", [0, 1])
@pytest.mark.parametrize(
    ("relu", "method"),
    [("gradient", "Saliency"), ("guided", "GuidedBackprop"), ("deconvnet", "Deconvolution")],
)
def test_what_comes_back(
    network: Any, picture: np.ndarray, relu: Any, method: str, index: int
) -> None:
    told = {"abs": False} if method == "Saliency" else {}
    attribution = getattr(captum.attr, method)(network)
    expected = attribution.attribute(tensor(picture), target=index, **told)
    found = saliency(SPEC, picture, ClassValue(SPEC, index), relu)
    assert cosine(found.at_input, expected) > 0.9999
    assert np.linalg.norm(found.at_input) == pytest.approx(float(expected.norm()), rel=1e-3)
    assert found.rectifiers == 49


def test_the_three_rules_differ(picture: np.ndarray) -> None:
    """So that none of the comparisons can pass for another's."""
    maps = [
        saliency(SPEC, picture, ClassValue(SPEC, 1), relu).at_input
        for relu in ("gradient", "guided", "deconvnet")
    ]
    for one, other in ((0, 1), (0, 2), (1, 2)):
        assert cosine(maps[one], torch.tensor(maps[other])) < 0.9


@pytest.mark.parametrize("name", [None, "Relu_45", "Relu_9"])
def test_grad_cam(network: Any, picture: np.ndarray, name: str | None) -> None:
    layer = find_layer(SPEC, name) if name else default_layer(SPEC)
    attribution = captum.attr.LayerGradCam(network, network.relu_of(layer.tensor))
    expected = attribution.attribute(tensor(picture), target=1)
    found = gradcam(SPEC, picture, ClassValue(SPEC, 1), layer)
    assert found.coarse.shape == layer.shape[1:]
    assert cosine(found.coarse, expected) > 0.9999


def test_integrated_gradients(network: Any, picture: np.ndarray) -> None:
    attribution = captum.attr.IntegratedGradients(network)
    expected, delta = attribution.attribute(
        tensor(picture),
        tensor(blank(picture, "grey")),
        target=1,
        n_steps=STEPS,
        internal_batch_size=1,
        return_convergence_delta=True,
    )
    found = integrated(SPEC, picture, ClassValue(SPEC, 1), "grey", STEPS)
    assert cosine(found.at_input, expected) > 0.9999
    assert found.error == pytest.approx(float(delta), abs=1e-3)


def test_a_channel(network: Any, picture: np.ndarray) -> None:
    """captum's NeuronGradient, with the mean of a channel for the neuron."""
    layer = find_layer(SPEC, "Relu_20")
    attribution = captum.attr.NeuronGradient(network, network.relu_of(layer.tensor))
    expected = attribution.attribute(
        tensor(picture), neuron_selector=lambda maps: maps[:, 5].mean(dim=(1, 2))
    )
    found = saliency(SPEC, picture, LayerMean(layer, 5))
    assert cosine(found.at_input, expected) > 0.9999
