"""Batches of genomes to fitness and scores: inline, in a process pool, or with a GPU's owner.

Whatever the number of workers, every picture gets the same score: pictures are rendered and
scored one by one on a CPU, and in batches cut at fixed places on a GPU.
"""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Protocol

import numpy as np
import numpy.typing as npt

from evonsfw.classifier import BatchScorer, input_shape
from evonsfw.crew import CAPACITY, CancelledError, Crew, Slice, Task
from evonsfw.pipeline import Evaluation, Genomes, Job, Pipeline
from evonsfw.raster import warm_up

LANE = CAPACITY // 2
"""Genomes of one of the two batches that a pool works on at a time."""
OWNER_BATCH = 32
"""Pictures that a GPU scores at a time; batches are cut at multiples of it."""
OWNER_SLICE = 4
"""Pictures that a worker prepares at a time."""


class Evaluator(Protocol):
    """Scores batches; opened once a run, on the main thread, and closed at its end."""

    device: str
    workers: int

    def evaluate(self, genomes: Genomes, cancelled: Callable[[], bool]) -> Evaluation:
        """(B, L) genomes in [0, 1] to fitness and scores.

        Raises:
            CancelledError: `cancelled()` became true.
            EvaluationError: scoring failed for good.
        """
        ...

    def begin(self, genomes: Genomes) -> None:
        """Take note of a batch that `evaluate` will be called with, after those begun before."""
        ...

    def close(self) -> None:
        """End workers and free shared memory; safe to call twice."""
        ...


def open_evaluator(job: Job, workers: int, device: str) -> Evaluator:
    """The evaluator for a device ("cpu", "cuda", "webgpu") and a number of workers (0: inline).

    Raises:
        ValueError: the classifier or the device cannot be opened.
    """
    warm_up()
    if job.model is None:
        return Pool(job, workers) if workers else Inline(job)
    if device != "cpu":
        return Owner(job, workers, BatchScorer(job.model, device))
    return Pool(job, workers) if workers else Inline(job)


def usable_cores() -> int:
    """Cores that this process may run on."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


class Inline:
    """Everything in this process and thread."""

    device = "cpu"
    workers = 0

    def __init__(self, job: Job) -> None:
        self._job = job
        self._pipeline = Pipeline(job)

    def evaluate(self, genomes: Genomes, cancelled: Callable[[], bool]) -> Evaluation:
        """Slice by slice, so that a cancelled generation ends soon."""
        parts = []
        for start, stop in _slices(0, len(genomes), self._job.slice_size):
            if cancelled():
                raise CancelledError
            parts.append(self._pipeline.evaluate(genomes[start:stop]))
        return _joined(parts)

    def begin(self, genomes: Genomes) -> None:
        """Nobody else is there to begin."""

    def close(self) -> None:
        """Nothing to free."""


class Pool:
    """Worker processes that render and score; nothing but genes and numbers travel."""

    device = "cpu"

    def __init__(self, job: Job, workers: int) -> None:
        self.workers = workers
        self._job = job
        self._crew = Crew(job, workers, prepare_only=False)
        self._begun: deque[tuple[int, list[Task] | None]] = deque()
        self._lanes = 0

    def begin(self, genomes: Genomes) -> None:
        """Have the workers begin on a batch that `evaluate` will be called with.

        Two batches may be begun at a time, each in its lane of the board; one that is larger than
        a lane waits for `evaluate`.
        """
        lane = self._lanes % 2
        self._lanes += 1
        self._begun.append((lane, self._put(genomes, lane) if len(genomes) <= LANE else None))

    def evaluate(self, genomes: Genomes, cancelled: Callable[[], bool]) -> Evaluation:
        """Finish the batch that was begun first; one that was not begun is begun now."""
        if not self._begun:
            self.begin(genomes)
        lane, tasks = self._begun.popleft()
        if tasks is not None:
            return self._finish(tasks, lane, len(genomes), cancelled)
        parts = []
        for start, stop in _slices(0, len(genomes), LANE):
            tasks = self._put(genomes[start:stop], lane)
            parts.append(self._finish(tasks, lane, stop - start, cancelled))
        return _joined(parts)

    def _put(self, genomes: Genomes, lane: int) -> list[Task]:
        """Write genomes to a lane, and have slices of it done."""
        start, stop = LANE * lane, LANE * lane + len(genomes)
        self._crew.genomes[start:stop] = genomes
        size = _slice_size(len(genomes), self.workers, self._job.slice_size)
        return self._crew.submit(list(_slices(start, stop, size)))

    def _finish(
        self, tasks: list[Task], lane: int, count: int, cancelled: Callable[[], bool]
    ) -> Evaluation:
        """Wait for a lane's tasks and read its results."""
        for _ in self._crew.finish(tasks, cancelled):
            pass
        results = self._crew.results[LANE * lane : LANE * lane + count].copy()
        return Evaluation(results[:, 0], results[:, 1])

    def close(self) -> None:
        """End the workers."""
        self._crew.close()


class Owner:
    """One owner of a GPU scores large batches, while workers render and prepare the next.

    Args:
        job: what to do; it has a classifier.
        workers: processes that prepare; 0 prepares in this one.
        scorer: the model on its device.
    """

    def __init__(self, job: Job, workers: int, scorer: BatchScorer) -> None:
        self.device = scorer.device
        self.workers = workers
        self._job = job
        self._scorer = scorer
        self._pipeline = Pipeline(job, score=False)
        self._crew = Crew(job, workers, prepare_only=True) if workers else None
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="gpu-owner")

    def evaluate(self, genomes: Genomes, cancelled: Callable[[], bool]) -> Evaluation:
        """Prepare in slices, score in batches cut at fixed places."""
        parts = []
        for start, stop in _slices(0, len(genomes), CAPACITY):
            futures = self._score(genomes[start:stop], cancelled)
            parts += [self._pipeline.value(future.result()) for future in futures]
        return _joined(parts)

    def _score(
        self, genomes: Genomes, cancelled: Callable[[], bool]
    ) -> list[Future[npt.NDArray[np.float32]]]:
        """Submit each batch as soon as all of it is prepared."""
        batches = list(_slices(0, len(genomes), OWNER_BATCH))
        futures: list[Future[npt.NDArray[np.float32]]] = []
        for first, last in self._prepared(genomes, batches, cancelled):
            inputs = self._inputs(genomes, first, last)
            futures.append(self._thread.submit(self._scorer, inputs))
        return futures

    def _prepared(
        self, genomes: Genomes, batches: list[Slice], cancelled: Callable[[], bool]
    ) -> Iterable[Slice]:
        """The batches, in order, each when its inputs are ready."""
        if self._crew is None:
            for batch in batches:
                if cancelled():
                    raise CancelledError
                yield batch
            return
        self._crew.genomes[: len(genomes)] = genomes
        waiting, done = deque(batches), np.zeros(len(genomes), bool)
        tasks = self._crew.submit(list(_slices(0, len(genomes), OWNER_SLICE)))
        for start, stop in self._crew.finish(tasks, cancelled):
            done[start:stop] = True
            while waiting and done[slice(*waiting[0])].all():
                yield waiting.popleft()

    def _inputs(self, genomes: Genomes, first: int, last: int) -> npt.NDArray[np.float32]:
        """A batch's inputs, in memory that nobody else writes to."""
        if self._crew is not None:
            return self._crew.inputs[first:last].copy()
        inputs = np.empty((last - first, *input_shape(self._scorer.spec)), np.float32)
        self._pipeline.prepare(genomes[first:last], inputs)
        return inputs

    def begin(self, genomes: Genomes) -> None:
        """Nothing: a GPU's batches are large, and each fills the workers."""

    def close(self) -> None:
        """End the workers and the scoring thread."""
        self._thread.shutdown(cancel_futures=True)
        if self._crew is not None:
            self._crew.close()


def _slice_size(count: int, workers: int, most: int) -> int:
    """One slice a worker, as long as it is short: messages are few, and where another batch is
    begun already nobody waits for the last one.
    """
    return max(1, min(most, count // workers))


def _slices(start: int, stop: int, size: int) -> Iterable[Slice]:
    for first in range(start, stop, size):
        yield first, min(first + size, stop)


def _joined(parts: Sequence[Evaluation]) -> Evaluation:
    return Evaluation(
        np.concatenate([part.fitness for part in parts]),
        np.concatenate([part.scores for part in parts]),
    )
