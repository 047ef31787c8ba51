"""Genomes to fitness within one process: render, prepare, score, value; and the way back.

The gradient goes back the way that the picture came: classifier, preparation, view, rasterizer. The
JPEG step is real forward and the identity backward (Athalye, Carlini & Wagner 2018, section 4.1).
"""

from __future__ import annotations

import copy
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import numpy.typing as npt

from evonsfw import raster_gradient
from evonsfw.classifier import REFERENCE, Classifier, to_probabilities
from evonsfw.genome import Encoding, Genome
from evonsfw.gradient import Differentiable, Kept
from evonsfw.model_spec import ModelSpec
from evonsfw.objectives import Goal
from evonsfw.observed import Logits, Observed
from evonsfw.preparation import Pictures, input_shape, prepare, pull_back
from evonsfw.raster import render
from evonsfw.search import FITNESS_ONLY, Wants
from evonsfw.several import Several, count
from evonsfw.shapes import Canvas
from evonsfw.views import SEARCHED, View, apply, canvas_of
from evonsfw.wishes import build_wish, needs_of

Genomes = npt.NDArray[np.float32]
Values = npt.NDArray[np.float64]

SOFTNESS = 1.0
"""Fitness by which a view must be worse than another to count e times as much in the gradient."""
BACKWARD = 2
"""Scorings that a backward pass through the classifier counts as: it costs as much time."""

LEAST = 1e-12
"""A probability below this is taken as this, where something is divided by it."""


@dataclass(frozen=True)
class Job:
    """All that a worker needs to score genomes; it pickles.

    Attributes:
        encoding: what the genes mean.
        canvas: width and height in pixels.
        objective: its name, or an expression.
        goal: what is asked for.
        model: the classifier, or None where the objective needs none.
        others: further classifiers, which the objective asks as well.
        backend: what runs them.
        files: what the backend opens for each, where that is not its own to find.
        gradient: whether gradients may be wanted.
        robust: whether the fitness is the worst over all views.
    """

    encoding: Encoding
    canvas: Canvas
    objective: str
    goal: Goal
    model: ModelSpec | None
    backend: str = REFERENCE
    files: tuple[Path, ...] = ()
    gradient: bool = False
    robust: bool = False
    others: tuple[ModelSpec, ...] = ()

    @property
    def models(self) -> tuple[ModelSpec, ...]:
        """All classifiers that are asked, the first one first."""
        return () if self.model is None else (self.model, *self.others)

    @property
    def views(self) -> tuple[View, ...]:
        """What happens to each picture before it is scored; the worst counts."""
        return SEARCHED if self.robust else SEARCHED[:1]

    def cost(self, wants: Wants) -> int:
        """How many scorings one genome takes."""
        looks = len(self.views if wants.views is None else wants.views)
        passes = 1 + BACKWARD * (wants.gradient and self.model is not None)
        return looks * passes * max(1, len(self.models))

    @property
    def wishes(self) -> int:
        """How many values of its own a genome has; 0 where there is but the fitness."""
        return count(self.objective)

    @property
    def slice_size(self) -> int:
        """Genomes of one message to a worker, at most: few where each costs an inference."""
        return 32 if self.model is None else 4


@dataclass(frozen=True)
class Evaluation:
    """(B,) fitness, larger is better, and (B,) scores as people see them: both of the worst view;
    (B, L) float32 d fitness / d genome, where it was wanted; (B, M) values of each wish, where
    there are several, each of its own worst view.
    """

    fitness: Values
    scores: Values
    gradients: npt.NDArray[np.float32] | None = None
    parts: Values | None = None


class Pipeline:
    """Genomes to fitness within one process.

    Args:
        job: what to do.
        score: whether to score; else pictures can only be prepared.
        classifiers: the job's, where they are open already.
    """

    def __init__(
        self, job: Job, score: bool = True, classifiers: tuple[Classifier, ...] = ()
    ) -> None:
        self._job = job
        self._wish = build_wish(job.objective, job.goal, job.models)
        self._logits = "logits" in needs_of(job.objective)
        self._classifiers: tuple[Classifier, ...] = ()
        self._differentiables: list[Differentiable] = []
        if score:
            self._classifiers = classifiers or open_classifiers(job)
            shapes = [input_shape(model) for model in job.models]
            self._inputs = [np.empty((1, *shape), np.float32) for shape in shapes]
            if job.gradient:
                paths = [model.path for model in job.models]
                self._differentiables = list(map(Differentiable, paths, shapes))

    def with_job(self, job: Job) -> Pipeline:
        """The same sessions for another encoding, canvas or goal of the same classifiers."""
        other = copy.copy(self)
        other._job = job
        other._wish = build_wish(job.objective, job.goal, job.models)
        return other

    def evaluate(self, genomes: Genomes, wants: Wants = FITNESS_ONLY) -> Evaluation:
        """(B, L) genomes to their fitness and scores, and gradients where wanted."""
        if len(self._job.views) > 1 or wants.gradient:
            return joined([self._worst(genome, wants) for genome in genomes])
        return self.evaluate_pictures(render(genomes, self._job.encoding, self._job.canvas))

    def evaluate_pictures(self, pictures: Pictures) -> Evaluation:
        """(B, H, W, 3) uint8 pictures, as they are, to their fitness and scores."""
        if self._logits:
            both = [classifier.with_logits(pictures) for classifier in self._classifiers]
            return self._value(Observed(*_columns(both), pictures))
        found = tuple(classifier.probabilities(pictures) for classifier in self._classifiers)
        return self._value(Observed(found, pictures=pictures))

    def value(self, probabilities: npt.NDArray[np.float32]) -> Evaluation:
        """(B, C) probabilities of the one classifier to fitness and scores."""
        return self._value(Observed((probabilities,)))

    def _value(self, observed: Observed) -> Evaluation:
        parts = self._wish.parts(observed) if isinstance(self._wish, Several) else None
        return Evaluation(self._wish.fitness(observed), self._wish.scores(observed), parts=parts)

    def _worst(self, genome: Genome, wants: Wants) -> Evaluation:
        """One genome's worst view, and the gradient of a soft minimum over all of them."""
        views = self._job.views
        chosen = views if wants.views is None else [views[number] for number in wants.views]
        looks = [self._look(genome, view, wants.gradient) for view in chosen]
        fitness = np.array([look.fitness[0] for look in looks])
        worst = looks[int(np.argmin(fitness))]
        parts = [look.parts for look in looks if look.parts is not None]
        worst = replace(worst, parts=np.min(parts, axis=0) if parts else None)
        if not wants.gradient:
            return worst
        weights = np.exp((fitness.min() - fitness) / SOFTNESS)
        gradients = np.stack([np.asarray(look.gradients) for look in looks])  # (views, 1, L)
        mixed = np.tensordot(weights / weights.sum(), gradients, 1).astype(np.float32)
        return replace(worst, gradients=mixed)

    def _look(self, genome: Genome, view: View, gradient: bool) -> Evaluation:
        """One genome through one view."""
        job = self._job
        picture = apply(view, job.encoding, job.canvas, genome)
        observed, kept = self._observe(picture, view.own_jpeg, gradient)
        value = self._value(observed)
        if not gradient:
            return value
        canvas = canvas_of(view, job.canvas)
        cotangent = view.back(self._pulled_back(observed, kept, picture), canvas)
        slopes = raster_gradient.backward(genome, job.encoding, canvas, cotangent)
        return Evaluation(value.fitness, value.scores, slopes[None])

    def _observe(
        self, picture: Pictures, own_jpeg: bool, gradient: bool
    ) -> tuple[Observed, list[Kept]]:
        """What is to be known of a picture, and what the way back needs."""
        models = self._job.models
        for model, inputs in zip(models, self._inputs, strict=True):
            prepare(model, picture, inputs[0], own_jpeg)
        if gradient:
            assert self._job.gradient, "the job says that no gradient is wanted"
            kept = [d.forward(i) for d, i in zip(self._differentiables, self._inputs, strict=True)]
            found = [_read(model, one) for model, one in zip(models, kept, strict=True)]
            return Observed(*_columns(found), [picture]), kept
        asked = list(zip(self._classifiers, self._inputs, strict=True))
        if self._logits:
            both = [classifier.run_with_logits(inputs) for classifier, inputs in asked]
            return Observed(*_columns(both), [picture]), []
        alone = tuple(classifier.run(inputs) for classifier, inputs in asked)
        return Observed(alone, pictures=[picture]), []

    def _pulled_back(
        self, observed: Observed, kept: Sequence[Kept], picture: Pictures
    ) -> npt.NDArray[np.float32]:
        """(H, W, 3) float32 d fitness / d picture."""
        slope = self._wish.slope(observed)
        total = np.zeros(picture.shape, np.float32)
        if slope.picture is not None:
            total += slope.picture
        size = picture.shape[1], picture.shape[0]
        for number, weights in enumerate(slope.logits):
            if weights is not None:
                model, network = self._job.models[number], self._differentiables[number]
                last = _of_output(model, network, weights, observed.probabilities[number][0])
                cotangent = network.backward(kept[number], last[None])
                total += pull_back(model, cotangent[0], size)
        return total

    def prepare(self, genomes: Genomes, inputs: npt.NDArray[np.float32]) -> None:
        """Write (B, L) genomes' inputs of the first classifier into a (B, …) array."""
        assert self._job.model is not None
        pictures = render(genomes, self._job.encoding, self._job.canvas)
        for picture, row in zip(pictures, inputs, strict=True):
            prepare(self._job.model, picture, row)


def open_classifiers(job: Job) -> tuple[Classifier, ...]:
    """The classifiers that a job asks.

    Raises:
        ValueError: one cannot be opened, or lacks what the objective needs.
    """
    logits = "logits" in needs_of(job.objective)
    files = job.files or (None,) * len(job.models)
    return tuple(
        Classifier(model, job.backend, file, logits)
        for model, file in zip(job.models, files, strict=True)
    )


def _read(model: ModelSpec, kept: Kept) -> tuple[npt.NDArray[np.float32], Logits]:
    """(1, C) probabilities and (1, C) logits of a forward pass."""
    logits = kept.output if model.output == "logits" else kept.logits
    return to_probabilities(model, kept.output), logits


def _columns(
    both: Sequence[tuple[npt.NDArray[np.float32], Logits]],
) -> tuple[tuple[npt.NDArray[np.float32], ...], tuple[Logits, ...]]:
    """Probabilities of each classifier, and logits of each."""
    return tuple(one[0] for one in both), tuple(one[1] for one in both)


def _of_output(
    model: ModelSpec, network: Differentiable, weights: Logits, probabilities: Logits
) -> Logits:
    """(C,) d fitness / d what the network differentiates, from d fitness / d logit.

    Of a model that gives probabilities without a softmax at its end, the logarithms of these are
    the logits: as good as any others.
    """
    if model.output == "logits" or network.ends_in_softmax:
        return weights
    return np.asarray(weights / np.maximum(probabilities, LEAST), np.float32)


def is_exact(reference: Classifier) -> bool:
    """Whether forward passes that keep what backward passes need give a classifier's own
    probabilities, to the last bit, on a few inputs of noise.

    What they keep may hinder onnxruntime from fusing operators, and so change how it rounds.
    """
    model, shape = reference.spec, input_shape(reference.spec)
    network = Differentiable(model.path, shape)
    noise = np.random.default_rng(0).normal(0.0, 60.0, (3, 1, *shape)).astype(np.float32)
    found = [to_probabilities(model, network.forward(one).output) for one in noise]
    return all(np.array_equal(p, reference.run(one)) for p, one in zip(found, noise, strict=True))


def joined(parts: Sequence[Evaluation]) -> Evaluation:
    """Evaluations of parts of a batch, as one of all of it."""
    gradients = [part.gradients for part in parts if part.gradients is not None]
    values = [part.parts for part in parts if part.parts is not None]
    return Evaluation(
        np.concatenate([part.fitness for part in parts]),
        np.concatenate([part.scores for part in parts]),
        np.concatenate(gradients) if gradients else None,
        np.concatenate(values) if values else None,
    )


def warm_up(job: Job) -> None:
    """Compile what a job needs, or load it from numba's cache: seconds, once after installation.

    Call before workers start: several processes that compile at a time are slow, and have been
    seen to crash on one cache.
    """
    genomes = np.full((1, job.encoding.length), 0.5, np.float32)
    picture = render(genomes, job.encoding, job.canvas)[0]
    for model in job.models:
        prepare(model, picture, np.empty(input_shape(model), np.float32))
    if job.gradient:
        cotangent = np.ones(picture.shape, np.float32)
        raster_gradient.backward(genomes[0], job.encoding, job.canvas, cotangent)
