"""The loop: ask, score, tell, hand out a frozen record; and nothing but the loop."""

from __future__ import annotations

import math
import time
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from evonsfw.crew import CancelledError
from evonsfw.generation import Champion, Generation, read_only
from evonsfw.pipeline import Evaluation
from evonsfw.search import FITNESS_ONLY, Search, State, Wants

Genomes = npt.NDArray[np.float32]


class Scorer(Protocol):
    """The part of an evaluator that the loop needs."""

    def evaluate(
        self, genomes: Genomes, cancelled: Callable[[], bool], wants: Wants = FITNESS_ONLY
    ) -> Evaluation:
        """(B, L) genomes to fitness and scores, and what else is wanted."""
        ...


@dataclass
class Progress:
    """What the loop has come to; with the search's state, all that resuming needs.

    `evaluations` counts what scoring has begun on, batches in flight and the `rescored` included.
    Where a referee scores again: `claimed` is what the search held the last such individual's
    fitness to be, and `rescored_at` how many evaluations there were.
    """

    generation: int = 0
    evaluations: int = 0
    seconds: float = 0.0
    best: Champion | None = None
    rescored: int = 0
    rescored_at: int = 0
    claimed: float = -math.inf


RESCORED_EVERY, RESCORED_SHARE = 512, 3
"""Scorings from one that only confirms to the next, for the reference takes longer: so many, or, at
a run's start, where a best is not one for long, a third of those until then.
"""


SWEEP = 16
"""Scores that are remembered, in batches."""


@dataclass(frozen=True)
class Referee:
    """Scores again what people see, where the search's scores are only nearly right.

    Attributes:
        score: (L,) genome to its fitness and score, (1,) each, by the reference.
        cost: how many scorings that takes.
        wanted: whether a run that stood so would be at an end, so that now is the time.
    """

    score: Callable[[Genomes], Evaluation]
    wanted: Callable[[Progress], bool]
    cost: int = 1


class Evolution:
    """An evolution that can be iterated, stopped, saved and resumed.

    Iterate over it for `Generation` records; stop by leaving the iteration.

    Args:
        search: asks and is told.
        clock: seconds, for `Generation.seconds`.

    Attributes:
        progress: what it has come to.
    """

    def __init__(self, search: Search, clock: Callable[[], float] = time.monotonic) -> None:
        self._search = search
        self._clock = clock
        self._scorer: Scorer | None = None
        self._cancelled: Callable[[], bool] = lambda: False
        self._referee: Referee | None = None
        self._begin: Callable[[Genomes, Wants], None] = lambda _genomes, _wants: None
        self._cost: Callable[[Wants], int] = lambda _: 1
        self._flight: deque[tuple[Genomes, Wants]] = deque()
        self._scores: dict[bytes, float] = {}
        self._present = np.zeros(0)
        self.progress = Progress()

    def attach(
        self,
        scorer: Scorer,
        cancelled: Callable[[], bool] = lambda: False,
        referee: Referee | None = None,
        begin: Callable[[Genomes, Wants], None] = lambda _genomes, _wants: None,
        cost: Callable[[Wants], int] = lambda _: 1,
    ) -> Evolution:
        """Say who scores; to be called before iterating.

        Args:
            scorer: gives fitness and scores.
            cancelled: looked at often; true gives up the generation in work and ends.
            referee: where the scorer's arithmetic is not the reference's. The best individual is
                then the best of those that the referee has scored: a new one every
                `RESCORED_EVERY` scorings, at the start sooner, and whenever it would end the run.
                Each such scoring counts as one.
            begin: called with each batch as soon as it is known, before `evaluate` is, so that
                a scorer with workers can have them begin.
            cost: how many scorings a genome takes.
        """
        self._scorer, self._cancelled, self._referee = scorer, cancelled, referee
        self._begin, self._cost = begin, cost
        return self

    def __iter__(self) -> Iterator[Generation]:
        """Yield one generation after another, until cancelled.

        Raises:
            RuntimeError: `attach` was not called.
        """
        if self._scorer is None:
            raise RuntimeError("attach() a scorer before iterating")
        started = self._clock() - self.progress.seconds
        while not self._cancelled():
            while len(self._flight) < self._search.in_flight:
                self._flight.append((self._search.ask(), self._search.wants))
                self.progress.evaluations += self._scorings(*self._flight[-1])
                self._begin(*self._flight[-1])
            genomes, wants = self._flight[0]
            try:
                evaluation = self._scorer.evaluate(genomes, self._cancelled, wants)
            except CancelledError:
                return
            if evaluation.genomes is not None:
                genomes = evaluation.genomes
                self._search.inherit(genomes)
            if evaluation.gradients is not None:
                self._search.learn(evaluation.gradients)
            if wants.parts and evaluation.parts is not None:
                self._search.weigh(evaluation.parts)
            self._search.tell(evaluation.fitness)
            self._flight.popleft()
            if wants.views is None:  # the score of a few views is not that of all
                self._remember(genomes, evaluation.scores)
            if self._search.complete:
                yield self._record(self._clock() - started)

    @property
    def genomes(self) -> Genomes:
        """(P, L) genomes of the generation that was told last."""
        return self._search.population()[0]

    def state(self) -> State:
        """All that `restore` needs; to be called between generations."""
        state: dict[str, Any] = {
            "search": self._search.state(),
            "generation": self.progress.generation,
            "evaluations": self.progress.evaluations,
            "in_flight": sum(self._scorings(*batch) for batch in self._flight),
            "seconds": self.progress.seconds,
            "rescored": self.progress.rescored,
            "rescored_at": self.progress.rescored_at,
            "claimed": self.progress.claimed if self.progress.rescored else None,
            "scores": self._present,
        }
        if self.progress.best is not None:
            state["best_genome"] = self.progress.best.genome
            state["best_fitness"] = self.progress.best.fitness
            state["best_score"] = self.progress.best.score
            state["best_generation"] = self.progress.best.generation
        return state

    def restore(self, state: State) -> None:
        """Go on from `state`."""
        self._search.restore(state["search"])
        self._flight.clear()
        genomes, _ = self._search.population()
        self._scores = {}
        self._remember(genomes, state["scores"])
        self._present = np.array(state["scores"])
        best = Champion(
            read_only(state["best_genome"]),
            state["best_fitness"],
            state["best_score"],
            state["best_generation"],
        )
        told = state["evaluations"] - state["in_flight"]  # those in flight are asked for again
        self.progress = Progress(state["generation"], told, state["seconds"], best)
        if state.get("rescored"):  # not in the checkpoints of version 0.1
            self.progress.rescored = state["rescored"]
            self.progress.rescored_at = state["rescored_at"]
            self.progress.claimed = state["claimed"]

    def _scorings(self, genomes: Genomes, wants: Wants) -> int:
        return len(genomes) * self._cost(wants)

    def _remember(self, genomes: Genomes, scores: npt.NDArray[np.float64]) -> None:
        """Keep the scores of the present population: survivors are not scored again. Those of the
        dead are swept out now and then.
        """
        for genome, score in zip(genomes, scores, strict=True):
            self._scores[genome.tobytes()] = float(score)
        if len(self._scores) > SWEEP * len(genomes):
            alive = {genome.tobytes() for genome in self._search.population()[0]}
            self._scores = {key: score for key, score in self._scores.items() if key in alive}

    def _record(self, seconds: float) -> Generation:
        """Count, compare with the best so far, and freeze."""
        genomes, fitness = self._search.population()
        top = int(np.argmax(fitness))
        score = self._scores[genomes[top].tobytes()]
        progress = self.progress
        progress.generation = number = progress.generation + 1
        progress.seconds = seconds
        best = Champion(read_only(genomes[top]), float(fitness[top]), score, number)
        known = progress.best
        if known is not None and np.array_equal(best.genome, known.genome):
            best = known
        elif self._referee is not None:
            best = self._confirmed(best, self._referee)
        if known is None or best.fitness > known.fitness:
            progress.best = best
        assert progress.best is not None
        mean, std = _mean_and_deviation(fitness)
        frozen_fitness = np.array(fitness)
        frozen_fitness.setflags(write=False)
        scores = np.array([self._scores[genome.tobytes()] for genome in genomes])
        scores.setflags(write=False)
        self._present = scores
        return Generation(
            number=number,
            evaluations=progress.evaluations,
            seconds=seconds,
            best=best,
            best_so_far=progress.best,
            mean_fitness=mean,
            std_fitness=std,
            genomes=read_only(genomes),
            fitness=frozen_fitness,
            rescored=progress.rescored,
            mean_score=float(np.add.reduce(scores)) / len(scores),
            scores=scores if self._referee is None else np.zeros(0),
        )

    def _confirmed(self, best: Champion, referee: Referee) -> Champion:
        """The best individual by the reference: this one where it is time to score it again."""
        progress = self.progress
        known = progress.best
        if known is not None:
            wait = min(RESCORED_EVERY, progress.rescored_at // RESCORED_SHARE)
            due = progress.evaluations - progress.rescored_at >= wait
            if best.fitness <= progress.claimed:
                return known
            if not due and not referee.wanted(replace(progress, best=best)):
                return known
        exact = referee.score(best.genome)
        progress.claimed = best.fitness
        progress.rescored += 1
        progress.evaluations += referee.cost
        progress.rescored_at = progress.evaluations
        judged = replace(best, fitness=float(exact.fitness[0]), score=float(exact.scores[0]))
        return judged if known is None or judged.fitness > known.fitness else known


def _mean_and_deviation(values: npt.NDArray[np.float64]) -> tuple[float, float]:
    """Of (P,) values, the deviation that of a population: what DEAP's `Statistics` gives with
    np.mean and np.std, which take longer.
    """
    mean = float(np.add.reduce(values)) / len(values)
    apart = values - mean
    return mean, math.sqrt(float(apart @ apart) / len(values))
