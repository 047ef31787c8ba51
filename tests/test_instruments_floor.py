"""What instruments stand on: many pictures scored at a time, layers by name, the flags' numbers."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from evonsfw.classifier import Classifier, describe
from evonsfw.commands import number, whole
from evonsfw.layers import default_layer, find_layer, layers_of, require_channel
from evonsfw.model_spec import read_spec
from evonsfw.scorers import AHEAD, Scorers
from evonsfw.subject import open_subject


@pytest.mark.parametrize("workers", [1, 3])
def test_scores_are_the_references_in_order(tiny_model: Callable[..., Path], workers: int) -> None:
    spec = describe(str(tiny_model()))
    random = np.random.default_rng(workers)
    sides = random.integers(2, 40, (30, 2))
    pictures = [random.integers(0, 256, (a, b, 3), dtype=np.uint8) for a, b in sides]
    expected = [Classifier(spec).probabilities(one[None])[0] for one in pictures]
    with Scorers(spec, workers) as scorers:
        found = list(scorers.probabilities(iter(pictures)))
        assert (scorers.score(pictures[0]) == expected[0]).all()
    assert np.array_equal(found, expected)


def test_few_pictures_are_made_ahead(tiny_model: Callable[..., Path]) -> None:
    made = 0

    def pictures() -> object:
        nonlocal made
        for _ in range(1000):
            made += 1
            yield np.zeros((4, 4, 3), np.uint8)

    with Scorers(describe(str(tiny_model())), 2) as scorers:
        next(scorers.probabilities(pictures()))  # type: ignore[arg-type]
    assert made <= 2 * AHEAD


def test_no_worker_is_none(tiny_model: Callable[..., Path]) -> None:
    with pytest.raises(ValueError, match="workers = 0: expected 1 or more"):
        Scorers(describe(str(tiny_model())), 0)


def test_layers_of_the_default_classifier() -> None:
    spec = read_spec("open_nsfw")
    layers = layers_of(spec)
    assert layers[0].shape == (64, 112, 112)
    assert default_layer(spec).shape == (1024, 7, 7)
    assert len({layer.name for layer in layers}) == len(layers)
    assert find_layer(spec, "Relu_3") == find_layer(spec, "Relu_3:0")
    with pytest.raises(ValueError, match=r"unknown layer 'Relu_399'.*did you mean Relu_3"):
        find_layer(spec, "Relu_399")
    with pytest.raises(ValueError, match="channel 64 of layer 'Relu': expected 0 to 63"):
        require_channel(find_layer(spec, "Relu"), 64)
    assert require_channel(find_layer(spec, "Relu"), 63) == 63


@pytest.mark.parametrize("mode", ["RGBA", "P", "L", "1", "CMYK", "I;16"])
def test_a_subject_is_what_is_scored(tmp_path: Path, mode: str) -> None:
    path = tmp_path / ("a.tif" if mode == "CMYK" else "a.png")
    Image.new(mode, (5, 4)).save(path)
    subject = open_subject(path)
    assert subject.pixels.shape == (4, 5, 3)
    assert subject.provenance is None


@pytest.mark.parametrize("text", ["x", "", "1.5", "-1", "101", "nan"])
def test_whole_numbers(text: str) -> None:
    assert whole("steps", "7", 1, 100) == 7
    with pytest.raises(ValueError, match=f"--steps {text}: expected a whole number from 0 to 100"):
        whole("steps", text, 0, 100)


@pytest.mark.parametrize("text", ["x", "", "0", "-1", "nan", "inf", "1/0", "4/255/3", "2"])
def test_numbers_and_fractions(text: str) -> None:
    assert number("budget", "4/255", 0.0, 1.0) == 4 / 255
    with pytest.raises(ValueError, match=f"--budget {text}: expected a number above 0 to 1"):
        number("budget", text, 0.0, 1.0, strictly=True)
