"""Batches for a GPU, cut and padded to few sizes: the same probabilities as one by one."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from conftest import by_hand, drawn

from evonsfw.classifier import SIZES, BatchScorer, Classifier
from evonsfw.model_spec import read_spec
from evonsfw.preparation import input_shape, prepare

TOLERANCE = 1e-5
BACKEND = "onnxruntime"
"""Stands in for a GPU."""
Make = Callable[..., Path]


def _expected(inputs: np.ndarray, layout: str = "NCHW") -> np.ndarray:
    pictures = inputs.transpose(0, 2, 3, 1) if layout == "NCHW" else inputs
    return by_hand(pictures * 255)


@pytest.mark.parametrize("count", [1, 5, 40])
@pytest.mark.parametrize("layout", ["NCHW", "NHWC"])
def test_batch_scorer_equals_the_classifier(tiny_model: Make, count: int, layout: str) -> None:
    spec = read_spec(str(tiny_model(layout)))
    inputs = np.random.default_rng(1).random((count, *input_shape(spec)), np.float32)
    sizes: list[int] = []
    scorer = BatchScorer(spec, BACKEND, sizes=(1, 8, 32))
    network = scorer._network

    def spy(batch: np.ndarray) -> np.ndarray:
        sizes.append(len(batch))
        return network(batch)

    scorer._network = spy
    scores = scorer(inputs)
    assert scores.shape == (count, 3)
    np.testing.assert_allclose(scores, _expected(inputs, layout), atol=TOLERANCE)
    assert sizes == {1: [1], 5: [8], 40: [32, 8]}[count]


def test_batch_scorer_equals_the_default_classifier(open_nsfw: Classifier) -> None:
    pictures = [np.asarray(drawn(64, 64, seed)) for seed in range(3)]
    inputs = np.empty((3, *input_shape(open_nsfw.spec)), np.float32)
    for row, picture in zip(inputs, pictures, strict=True):
        prepare(open_nsfw.spec, picture, row)
    scores = BatchScorer(open_nsfw.spec, BACKEND, sizes=(4,))(inputs)
    np.testing.assert_allclose(scores, open_nsfw.probabilities(pictures), atol=TOLERANCE)


def test_padding_changes_no_score(tiny_model: Make) -> None:
    spec = read_spec(str(tiny_model()))
    inputs = np.random.default_rng(2).random((3, *input_shape(spec)), np.float32)
    padded = BatchScorer(spec, BACKEND, sizes=(8,))(inputs)
    exact = BatchScorer(spec, BACKEND, sizes=(3,))(inputs)
    np.testing.assert_allclose(padded, exact, atol=1e-6)


def test_one_picture_at_a_time_works_on_a_gpu_too(tiny_model: Make) -> None:
    spec = read_spec(str(tiny_model(batch=1)))
    inputs = np.random.default_rng(3).random((3, *input_shape(spec)), np.float32)
    scorer = BatchScorer(spec, BACKEND)
    assert scorer.sizes == (1,)
    np.testing.assert_allclose(scorer(inputs), _expected(inputs), atol=TOLERANCE)


def test_the_network_is_opened_once_for_all_its_sizes(
    tiny_model: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    spec = read_spec(str(tiny_model()))
    opened: list[tuple[object, ...]] = []
    monkeypatch.setattr("evonsfw.backends.webgpu.open_network", lambda *a: opened.append(a))
    BatchScorer(spec, "webgpu")
    BatchScorer(spec, "webgpu", sizes=(8, 16))
    shape = input_shape(spec)
    assert opened == [(spec.path, shape, SIZES), (spec.path, shape, (8, 16))]


def test_a_model_that_does_not_fit_is_refused_before_it_reaches_the_gpu(
    tiny_model: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("evonsfw.backends.webgpu.open_network", lambda *_: pytest.fail("opened"))
    spec = read_spec(str(tiny_model()))
    with pytest.raises(ValueError, match="check layout, resize and crop"):
        BatchScorer(spec.model_copy(update={"layout": "NHWC"}), "webgpu")
    with pytest.raises(ValueError, match="3 outputs, but 2 class names"):
        BatchScorer(spec.model_copy(update={"classes": ("one", "two")}), "webgpu")
    with pytest.raises(ValueError, match="SHA-256"):
        BatchScorer(spec.model_copy(update={"sha256": "0" * 64}), "webgpu")
    with pytest.raises(ValueError, match="takes 4 pictures at a time"):
        BatchScorer(read_spec(str(tiny_model(batch=4))), "webgpu")
