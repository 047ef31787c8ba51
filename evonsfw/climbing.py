"""From given genomes to better ones, in this process and by the reference: after a run."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from evonsfw.classifier import REFERENCE
from evonsfw.composition import compose
from evonsfw.genome import BACKGROUND_GENES, Genome
from evonsfw.pipeline import Evaluation, Genomes, Job, Pipeline
from evonsfw.search import FITNESS_ONLY, Problem, Search, Wants
from evonsfw.search.climber import RESERVE, HillClimber
from evonsfw.search.memetic import Memetic
from evonsfw.stage import Stage, score_on_disk
from evonsfw.wishes import optimum

SIGMA = 0.05
"""First step of the hill climber, where there are no gradients: it is near its goal already."""
CHILDREN = 4
"""Its children a generation."""

QUICK = 90
"""Scorings of a climb in the first heat of a race; twice as many in the next, and so on."""
HEATS = 4


@dataclass(frozen=True)
class Found:
    """A genome, its fitness (larger is better) and its score as people see it."""

    genome: Genome
    fitness: float
    score: float


class Climbing:
    """Scores genomes of any number of shapes and climbs from them; counts what that takes.

    Args:
        stage: whose classifiers and objective count.

    Attributes:
        job: the stage's, by the reference.
        scorings: spent so far; a gradient counts as two more.
    """

    def __init__(self, stage: Stage) -> None:
        self.job = replace(
            stage.job, backend=REFERENCE, files=(), gradient=stage.config.takes_gradients
        )
        self.scorings = 0
        self._stage = stage
        self._pipeline = Pipeline(self.job, classifiers=stage.references)
        self._rng = np.random.default_rng(stage.config.seed)

    def score(self, job: Job, genomes: Sequence[Genome]) -> list[Found]:
        """Genomes of the job's encoding to what each is worth."""
        batch = np.stack(genomes)
        evaluation = self.evaluate(job, batch, FITNESS_ONLY)
        return _found(batch, evaluation)

    def score_file(self, path: Path) -> float:
        """The score of a picture file of the run's size, counted like any other scoring."""
        self.scorings += replace(self.job, robust=False).cost(FITNESS_ONLY)
        return score_on_disk(self._stage, path)

    def evaluate(self, job: Job, genomes: Genomes, wants: Wants) -> Evaluation:
        """(B, L) genomes of the job's encoding to fitness, scores and what else is wanted."""
        self.scorings += len(genomes) * job.cost(wants)
        return self._pipeline.with_job(job).evaluate(genomes, wants)

    def search(self, job: Job, starts: Sequence[Found]) -> Search:
        """A search whose founders are the starts: by gradients, or else by the best one's steps."""
        if job.gradient:
            problem = _problem(job, np.stack([start.genome for start in starts]))
            return Memetic(problem, len(starts), self._rng, climbers=len(starts))
        best = max(starts, key=_fitness)
        fresh = compose(job.encoding, self._rng, RESERVE)
        search = HillClimber(_problem(job, fresh), CHILDREN, self._rng)
        search.begin_from(best.genome, best.fitness, SIGMA)
        return search


class Climb:
    """One climb from given genomes, step by step.

    Args:
        climbing: who scores.
        job: its encoding is theirs; its goal may be any.
        starts: where to begin; their fitness is this job's.

    Attributes:
        best: the best so far.
    """

    def __init__(self, climbing: Climbing, job: Job, starts: Sequence[Found]) -> None:
        self.best = max(starts, key=_fitness)
        self._climbing = climbing
        self._job = job
        self._search = climbing.search(job, starts)

    def step(self) -> list[Found]:
        """Climb on, until something has been scored by all views; returns that."""
        while True:
            genomes, wants = self._search.ask(), self._search.wants
            evaluation = self._climbing.evaluate(self._job, genomes, wants)
            if evaluation.gradients is not None:
                self._search.learn(evaluation.gradients)
            self._search.tell(evaluation.fitness)
            if self._search.complete:
                found = _found(genomes, evaluation)
                self.best = max(self.best, *found, key=_fitness)
                return found


def race(climbs: Sequence[Climb], back: Callable[[Climb, int], bool]) -> tuple[Climb, bool]:
    """Have several climb, the better half of them ever further.

    Args:
        climbs: at least one; those that begin best, first.
        back: has one go on for so many scorings; whether it is good enough then.

    Returns:
        the first that is good enough and true, or else the best and false.
    """
    left = list(climbs)
    for heat in range(HEATS):
        for climb in left:
            if back(climb, QUICK * 2**heat):
                return climb, True
        left.sort(key=lambda climb: -climb.best.fitness)
        left = left[: max(1, len(left) // 2)]
    return left[0], False


def _fitness(found: Found) -> float:
    return found.fitness


def _problem(job: Job, founders: Genomes) -> Problem:
    """What the search is told."""
    return Problem(
        header=BACKGROUND_GENES,
        rows=job.encoding.n,
        row_length=job.encoding.row_length,
        kinds=len(job.encoding.shapes),
        compose=lambda _rng, _count: founders,
        gradient=job.gradient,
        views=len(job.views),
        optimum=optimum(job.objective),
    )


def _found(genomes: Genomes, evaluation: Evaluation) -> list[Found]:
    triples = zip(genomes, evaluation.fitness, evaluation.scores, strict=True)
    return [Found(genome.copy(), float(f), float(s)) for genome, f, s in triples]
