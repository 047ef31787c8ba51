"""Genomes to fitness within one process: render, prepare, score, value; and the way back.

The gradient goes back the way that the picture came: classifier, preparation, view, rasterizer. The
JPEG step is real forward and the identity backward (Athalye, Carlini & Wagner 2018, section 4.1).
"""

from __future__ import annotations

import contextlib
import copy
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import numpy.typing as npt

from evonsfw import growth, raster_gradient
from evonsfw.classifier import REFERENCE, Classifier, to_probabilities
from evonsfw.crossings import Tape
from evonsfw.exactness import differentiable, has_softmax
from evonsfw.genome import Encoding, Genome
from evonsfw.gradient import Differentiable, Kept
from evonsfw.improvement import ascended, coarser, recoloured, redrawn
from evonsfw.margin import SMALLEST, margin
from evonsfw.model_spec import ModelSpec
from evonsfw.objectives import Goal
from evonsfw.objectives.likeness import Likeness
from evonsfw.observed import Logits, Observed
from evonsfw.preparation import Pictures, Preparation, input_shape, prepare, pull_back
from evonsfw.raster import Renderer, render
from evonsfw.search import FITNESS_ONLY, Improvement, Wants
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

STEEP = 1e30
"""The largest weight that a backward pass is given; larger ones are divided first. The slope of a
sigmoid near 0 makes ordinary numbers of both, which float32 holds.
"""


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
        improve: whether genomes may be wanted improved, which the likeness to a target can be.
        robust: whether the fitness is the worst over all views.
        yielding: whether workers leave the processor to whoever else wants it, a window above all.
    """

    encoding: Encoding
    canvas: Canvas
    objective: str
    goal: Goal
    model: ModelSpec | None
    backend: str = REFERENCE
    files: tuple[Path, ...] = ()
    gradient: bool = False
    improve: bool = False
    robust: bool = False
    others: tuple[ModelSpec, ...] = ()
    yielding: bool = False

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
        if wants.improve is not None:
            return wants.improve.scorings + wants.improve.steps * self.step
        looks = len(self.views if wants.views is None else wants.views)
        passes = 1 + BACKWARD * (wants.gradient and self.model is not None)
        return looks * passes * max(1, len(self.models))

    @property
    def step(self) -> int:
        """How many scorings a step by a gradient takes; a picture's is as dear as a classifier's,
        beside what else there is.
        """
        return len(self.views) * (1 + BACKWARD) * max(1, len(self.models))

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
    there are several, each of its own worst view; (B, L) float32 genomes that the others were
    improved to, where that was wanted.
    """

    fitness: Values
    scores: Values
    gradients: npt.NDArray[np.float32] | None = None
    parts: Values | None = None
    genomes: Genomes | None = None


class Pipeline:
    """Genomes to fitness within one process. Not to be called from several threads at a time.

    Args:
        job: what to do.
        score: whether to score; else pictures can only be prepared.
        classifiers: the job's, where they are open already.
    """

    def __init__(
        self, job: Job, score: bool = True, classifiers: tuple[Classifier, ...] = ()
    ) -> None:
        self._job, self._tape = job, Tape()
        self._render = Renderer(job.encoding, job.canvas)
        self._preparations = [Preparation(model) for model in job.models]
        self._wish = build_wish(job.objective, job.goal, job.models)
        self._logits = "logits" in needs_of(job.objective)
        self._classifiers: tuple[Classifier, ...] = ()
        self._differentiables: list[Differentiable] = []
        if score:
            self._classifiers = classifiers or open_classifiers(job)
            shapes = [input_shape(model) for model in job.models]
            self._inputs = [np.empty((1, *shape), np.float32) for shape in shapes]
            if job.gradient:
                self._differentiables = [differentiable(model) for model in job.models]

    def with_job(self, job: Job) -> Pipeline:
        """The same sessions for another encoding, canvas or goal of the same classifiers."""
        other = copy.copy(self)
        other._job = job
        other._render = Renderer(job.encoding, job.canvas)
        other._wish = build_wish(job.objective, job.goal, job.models)
        return other

    def evaluate(self, genomes: Genomes, wants: Wants = FITNESS_ONLY) -> Evaluation:
        """(B, L) genomes to their fitness and scores, and gradients where wanted."""
        if wants.improve is not None:
            better = self._improved(genomes, wants.improve)
            return replace(self.evaluate(better), genomes=better)
        if len(self._job.views) > 1 or wants.gradient:
            return joined([self._worst(genome, wants) for genome in genomes])
        return self.evaluate_pictures(self._render(genomes))

    def _improved(self, genomes: Genomes, how: Improvement) -> Genomes:
        """(B, L) float32 genomes that are fitter, or whose pictures are more like the target's."""
        job = self._job
        assert job.improve, "the job says that nothing is to be improved"
        if not how.steps:
            return redrawn(genomes, how, job.encoding, coarser(job.goal, how.fine))
        climber = self._from_afar(how.fine) if job.model is None else self
        if how.colours:
            goal = climber._job.goal
            genomes = np.stack([recoloured(genome, job.encoding, goal) for genome in genomes])
        way = climber._slope, how.steps, how.rate
        return np.stack([ascended(genome, job.encoding, *way) for genome in genomes])

    def _from_afar(self, fine: float) -> Pipeline:
        """The same on a coarser canvas, where there is a need for one."""
        goal = coarser(self._job.goal, fine)
        if goal is self._job.goal:
            return self
        height, width = goal.needed_target(self._job.objective).shape[:2]
        with contextlib.suppress(ValueError):  # what counts may be too narrow to be seen from there
            return self.with_job(replace(self._job, goal=goal, canvas=(width, height)))
        return self

    def _slope(self, genome: Genome) -> tuple[float, Genome]:
        """The fitness of one genome, and (L,) its gradient."""
        found = self._worst(genome, Wants(gradient=True))
        assert found.gradients is not None
        return float(found.fitness[0]), found.gradients[0]

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
        slopes = raster_gradient.backward(genome, job.encoding, canvas, cotangent, self._tape)
        return Evaluation(value.fitness, value.scores, slopes[None])

    def _observe(
        self, picture: Pictures, own_jpeg: bool, gradient: bool
    ) -> tuple[Observed, list[Kept]]:
        """What is to be known of a picture, and what the way back needs."""
        models = self._job.models
        for preparation, inputs in zip(self._preparations, self._inputs, strict=True):
            preparation(picture, inputs[0], own_jpeg)
        if gradient:
            assert self._job.gradient, "the job says that no gradient is wanted"
            networks = self._differentiables
            kept = [d.forward(i) for d, i in zip(networks, self._inputs, strict=True)]
            found = [
                (to_probabilities(model, one.output), one.logits)
                for model, one in zip(models, kept, strict=True)
            ]
            separate = frozenset(
                number
                for number, pair in enumerate(zip(models, networks, strict=True))
                if not has_softmax(*pair)
            )
            return Observed(*_columns(found), [picture], separate), kept
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
                p = observed.probabilities[number][0]
                last = _of_output(weights, p) if number in observed.separate else weights
                cotangent = _backward(self._differentiables[number], kept[number], last)
                total += pull_back(self._job.models[number], cotangent, size)
        return total

    def prepare(self, genomes: Genomes, inputs: npt.NDArray[np.float32]) -> None:
        """Write (B, L) genomes' inputs of the first classifier into a (B, …) array."""
        assert self._job.model is not None
        for picture, row in zip(self._render(genomes), inputs, strict=True):
            self._preparations[0](picture, row)


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


def _columns(
    both: Sequence[tuple[npt.NDArray[np.float32], Logits]],
) -> tuple[tuple[npt.NDArray[np.float32], ...], tuple[Logits, ...]]:
    """Probabilities of each classifier, and logits of each."""
    return tuple(one[0] for one in both), tuple(one[1] for one in both)


def _of_output(weights: Logits, probabilities: Logits) -> Values:
    """(C,) d fitness / d probability, from d fitness / d log probability. 0 where a probability is
    below the smallest that a margin knows: there the margin is flat.
    """
    p = probabilities.astype(np.float64)
    return np.where(p >= SMALLEST, weights / np.maximum(p, SMALLEST), 0.0)


def _backward(network: Differentiable, kept: Kept, weights: Logits | Values) -> Logits:
    """The gradient of one forward pass, whose (C,) weights may be larger than float32 holds."""
    scale = max(1.0, float(np.abs(weights).max()) / STEEP)
    cotangent = network.backward(kept, np.asarray(weights / scale, np.float32)[None])[0]
    return cotangent * np.float32(scale)


def joined(parts: Sequence[Evaluation]) -> Evaluation:
    """Evaluations of parts of a batch, as one of all of it."""
    gradients = [part.gradients for part in parts if part.gradients is not None]
    values = [part.parts for part in parts if part.parts is not None]
    genomes = [part.genomes for part in parts if part.genomes is not None]
    return Evaluation(
        np.concatenate([part.fitness for part in parts]),
        np.concatenate([part.scores for part in parts]),
        np.concatenate(gradients) if gradients else None,
        np.concatenate(values) if values else None,
        np.concatenate(genomes) if genomes else None,
    )


def warm_up(job: Job) -> None:
    """Compile what a job needs, or load it from numba's cache: seconds, once after installation.

    Call before workers start: several processes that compile at a time are slow, and have been
    seen to crash on one cache.
    """
    genome = np.full(job.encoding.length, 0.5, np.float32)
    pictures = render(genome[None], job.encoding, job.canvas)
    if job.goal.target is not None:
        Likeness(job.goal.target, job.goal.weights).scores(pictures)
    for view in job.views:
        _warm_up_view(job, view, genome)
    if job.models:
        margin(np.full((1, 2), 0.5, np.float32), 0)
    if job.improve:
        growth.warm_up(job.encoding)


def _warm_up_view(job: Job, view: View, genome: Genome) -> None:
    """One genome's way there and, where gradients may be wanted, back, without the networks."""
    picture = apply(view, job.encoding, job.canvas, genome)
    cotangent, size = np.ones(picture.shape, np.float32), (picture.shape[1], picture.shape[0])
    for model in job.models:
        inputs = np.empty(input_shape(model), np.float32)
        prepare(model, picture, inputs, view.own_jpeg)
        if job.gradient:
            cotangent += pull_back(model, inputs, size)
    if job.gradient:
        canvas = canvas_of(view, job.canvas)
        raster_gradient.backward(genome, job.encoding, canvas, view.back(cotangent, canvas))
