"""The loop: ask, score, tell, hand out a frozen record; and nothing but the loop."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt
from deap import tools

from evonsfw.crew import CancelledError
from evonsfw.generation import Champion, Generation, read_only
from evonsfw.pipeline import Evaluation
from evonsfw.search import Search, State


class Scorer(Protocol):
    """The part of an evaluator that the loop needs."""

    def evaluate(
        self, genomes: npt.NDArray[np.float32], cancelled: Callable[[], bool]
    ) -> Evaluation:
        """(B, L) genomes to fitness and scores."""
        ...


@dataclass
class Progress:
    """What the loop has come to; with the search's state, all that resuming needs.

    `evaluations` counts what scoring has begun on, batches in flight included.
    """

    generation: int = 0
    evaluations: int = 0
    seconds: float = 0.0
    best: Champion | None = None


class Evolution:
    """An evolution that can be iterated, stopped, saved and resumed.

    Iterate over it for `Generation` records; stop by leaving the iteration.

    Args:
        search: asks and is told.
        clock: seconds, for `Generation.seconds`.

    Attributes:
        logbook: DEAP's record of the generations that this process has seen.
    """

    def __init__(self, search: Search, clock: Callable[[], float] = time.monotonic) -> None:
        self._search = search
        self._clock = clock
        self._scorer: Scorer | None = None
        self._cancelled: Callable[[], bool] = lambda: False
        self._referee: Callable[[Champion], float] | None = None
        self._begin: Callable[[npt.NDArray[np.float32]], None] = lambda _: None
        self._flight: deque[npt.NDArray[np.float32]] = deque()
        self._scores: dict[bytes, float] = {}
        self.progress = Progress()
        self.logbook = tools.Logbook()
        self._statistics = tools.Statistics()
        self._statistics.register("mean", np.mean)
        self._statistics.register("std", np.std)

    def attach(
        self,
        scorer: Scorer,
        cancelled: Callable[[], bool] = lambda: False,
        referee: Callable[[Champion], float] | None = None,
        begin: Callable[[npt.NDArray[np.float32]], None] = lambda _: None,
    ) -> Evolution:
        """Say who scores; to be called before iterating.

        Args:
            scorer: gives fitness and scores.
            cancelled: looked at often; true gives up the generation in work and ends.
            referee: scores again what is shown, where the scorer's arithmetic is not the
                reference's; each such scoring counts as one.
            begin: called with each batch as soon as it is known, before `evaluate` is, so that
                a scorer with workers can have them begin.
        """
        self._scorer, self._cancelled, self._referee = scorer, cancelled, referee
        self._begin = begin
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
                self._flight.append(self._search.ask())
                self.progress.evaluations += len(self._flight[-1])
                self._begin(self._flight[-1])
            try:
                evaluation = self._scorer.evaluate(self._flight[0], self._cancelled)
            except CancelledError:
                return
            self._search.tell(evaluation.fitness)
            self._remember(self._flight.popleft(), evaluation.scores)
            if self._search.complete:
                yield self._record(self._clock() - started)

    def state(self) -> State:
        """All that `restore` needs; to be called between generations."""
        genomes, _ = self._search.population()
        state: dict[str, Any] = {
            "search": self._search.state(),
            "generation": self.progress.generation,
            "evaluations": self.progress.evaluations,
            "in_flight": sum(map(len, self._flight)),
            "seconds": self.progress.seconds,
            "scores": np.array([self._scores[genome.tobytes()] for genome in genomes]),
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
        best = Champion(
            read_only(state["best_genome"]),
            state["best_fitness"],
            state["best_score"],
            state["best_generation"],
        )
        told = state["evaluations"] - state["in_flight"]  # those in flight are asked for again
        self.progress = Progress(state["generation"], told, state["seconds"], best)

    def _remember(self, genomes: npt.NDArray[np.float32], scores: npt.NDArray[np.float64]) -> None:
        """Keep the scores of the present population: survivors are not scored again."""
        for genome, score in zip(genomes, scores, strict=True):
            self._scores[genome.tobytes()] = float(score)
        alive = {genome.tobytes() for genome in self._search.population()[0]}
        self._scores = {key: score for key, score in self._scores.items() if key in alive}

    def _record(self, seconds: float) -> Generation:
        """Count, compare with the best so far, and freeze."""
        genomes, fitness = self._search.population()
        top = int(np.argmax(fitness))
        score = self._scores[genomes[top].tobytes()]
        progress = self.progress
        number = progress.generation + 1
        best = Champion(read_only(genomes[top]), float(fitness[top]), score, number)
        known = progress.best
        if known is not None and np.array_equal(best.genome, known.genome):
            best = known
        elif self._referee is not None:
            best = replace(best, score=self._referee(best))
            progress.evaluations += 1
        if known is None or best.fitness > known.fitness:
            progress.best = best
        assert progress.best is not None
        progress.generation = number
        progress.seconds = seconds
        statistics = self._statistics.compile(fitness)
        self.logbook.record(gen=number, nevals=progress.evaluations, **statistics)
        frozen_fitness = np.array(fitness)
        frozen_fitness.setflags(write=False)
        return Generation(
            number=number,
            evaluations=progress.evaluations,
            seconds=seconds,
            best=best,
            best_so_far=progress.best,
            mean_fitness=float(statistics["mean"]),
            std_fitness=float(statistics["std"]),
            genomes=read_only(genomes),
            fitness=frozen_fitness,
        )
