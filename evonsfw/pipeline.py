"""Genomes to fitness within one process: render, prepare, score, value."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from evonsfw.classifier import REFERENCE, Classifier
from evonsfw.genome import Encoding
from evonsfw.model_spec import ModelSpec
from evonsfw.objectives import Goal, load_objective
from evonsfw.preparation import input_shape, prepare
from evonsfw.raster import render
from evonsfw.shapes import Canvas

Genomes = npt.NDArray[np.float32]
Values = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Job:
    """All that a worker needs to score genomes; it pickles.

    Attributes:
        encoding: what the genes mean.
        canvas: width and height in pixels.
        objective: its name.
        goal: what is asked for.
        model: the classifier, or None where the objective needs none.
        backend: what runs it.
        file: what the backend opens, where that is not its own to find.
    """

    encoding: Encoding
    canvas: Canvas
    objective: str
    goal: Goal
    model: ModelSpec | None
    backend: str = REFERENCE
    file: Path | None = None

    @property
    def slice_size(self) -> int:
        """Genomes of one message to a worker, at most: few where each costs an inference."""
        return 32 if self.model is None else 4


@dataclass(frozen=True)
class Evaluation:
    """(B,) fitness, larger is better, and (B,) scores as people see them."""

    fitness: Values
    scores: Values


class Pipeline:
    """Genomes to fitness within one process.

    Args:
        job: what to do.
        score: whether to load the classifier; without it, pictures can only be prepared.
    """

    def __init__(self, job: Job, score: bool = True) -> None:
        self._job = job
        self._objective = load_objective(job.objective).build(job.goal)
        self._classifier = None
        if job.model is not None and score:
            self._classifier = Classifier(job.model, job.backend, job.file)

    def evaluate(self, genomes: Genomes) -> Evaluation:
        """(B, L) genomes to their fitness and scores."""
        pictures = render(genomes, self._job.encoding, self._job.canvas)
        if self._classifier is None:
            return self.value(pictures)
        return self.value(self._classifier.probabilities(pictures))

    def value(self, observed: npt.NDArray[Any]) -> Evaluation:
        """Pictures or probabilities to fitness and scores."""
        return Evaluation(self._objective.fitness(observed), self._objective.scores(observed))

    def prepare(self, genomes: Genomes, inputs: npt.NDArray[np.float32]) -> None:
        """Write (B, L) genomes' inputs of the classifier into a (B, …) array."""
        assert self._job.model is not None
        pictures = render(genomes, self._job.encoding, self._job.canvas)
        for picture, row in zip(pictures, inputs, strict=True):
            prepare(self._job.model, picture, row)


def warm_up(job: Job) -> None:
    """Compile what a job needs, or load it from numba's cache: seconds, once after installation.

    Call before workers start: several processes that compile at a time are slow, and have been
    seen to crash on one cache.
    """
    genomes = np.full((1, job.encoding.length), 0.5, np.float32)
    if job.model is None:
        render(genomes, job.encoding, job.canvas)
    else:
        inputs = np.empty((1, *input_shape(job.model)), np.float32)
        Pipeline(job, score=False).prepare(genomes, inputs)
