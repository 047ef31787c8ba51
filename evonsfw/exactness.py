"""Whether a classifier that is differentiated says, to the last bit, what it says otherwise."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from PIL import Image

from evonsfw.classifier import Classifier, to_probabilities
from evonsfw.composition import compose
from evonsfw.genome import Encoding
from evonsfw.gradient import Differentiable
from evonsfw.model_spec import ModelSpec
from evonsfw.preparation import Pictures, input_shape, prepare
from evonsfw.raster import render
from evonsfw.shapes import Canvas

PROBES = 2
"""Pictures of each kind that `is_exact` looks at."""


def differentiable(model: ModelSpec) -> Differentiable:
    """A classifier's network, differentiated at what its softmax is given, in the file or here."""
    at_output = model.output == "logits"
    return Differentiable(model.path, input_shape(model), at_output=at_output)


def has_softmax(model: ModelSpec, network: Differentiable) -> bool:
    """Whether the probabilities are the softmax of what the network differentiates."""
    return model.output == "logits" or network.ends_in_softmax


def is_exact(reference: Classifier) -> bool:
    """Whether forward passes that keep what backward passes need give a classifier's own
    probabilities, and its logits where it has some, to the last bit, on a few pictures.

    What they keep may hinder onnxruntime from fusing operators, and so change how it rounds. Logits
    tell it where probabilities have rounded to 0 and 1.
    """
    model, network = reference.spec, differentiable(reference.spec)
    whole = Classifier(model, logits=True) if has_softmax(model, network) else None
    inputs = np.empty((1, *input_shape(model)), np.float32)
    for picture in _probes((model.resize.width, model.resize.height)):
        prepare(model, picture, inputs[0])
        kept = network.forward(inputs)
        if not np.array_equal(to_probabilities(model, kept.output), reference.run(inputs)):
            return False
        if whole and not np.array_equal(kept.logits, whole.run_with_logits(inputs)[1]):
            return False
    return True


def _probes(size: Canvas) -> Iterator[Pictures]:
    """(H, W, 3) uint8 pictures of several kinds: composed, noise, flat blocks, smooth."""
    rng, encoding = np.random.default_rng(0), Encoding(("triangles", "circles"), 20)
    yield from render(compose(encoding, rng, PROBES), encoding, size)
    for _ in range(PROBES):
        yield rng.integers(0, 256, (size[1], size[0], 3), np.uint8)
        coarse = Image.fromarray(rng.integers(0, 256, (6, 6, 3), np.uint8))
        for method in (Image.Resampling.NEAREST, Image.Resampling.BICUBIC):
            yield np.array(coarse.resize(size, method))
