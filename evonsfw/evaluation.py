"""Batches of genomes to fitness and scores: inline, in a process pool, or with a GPU's owner.

Whatever the number of workers, every picture gets the same score: pictures are rendered and
scored one by one on a CPU, and in batches cut at fixed places on a GPU.
"""

from __future__ import annotations

import math
import shutil
import sys
from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Callable, Iterable
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import replace
from pathlib import Path
from typing import Protocol

import numpy as np
import numpy.typing as npt

from evonsfw.backends import load_backend
from evonsfw.classifier import SIZES, BatchScorer
from evonsfw.crew import CAPACITY, CancelledError, Crew, EvaluationError, Slice, Task
from evonsfw.model_spec import ModelSpec
from evonsfw.pipeline import Evaluation, Genomes, Job, Pipeline, joined, warm_up
from evonsfw.preparation import input_shape
from evonsfw.search import FITNESS_ONLY, Wants

LANE = CAPACITY // 2
"""Genomes of one of the two batches that a pool works on at a time."""
GRADIENT_LANE = 16
"""Likewise, where there are gradients: batches are small, and each takes twice the memory."""
OWNER_BATCH = 128
"""Pictures that a GPU scores at a time, at most; batches are cut at multiples of it."""
OWNER_LANES = (4 * OWNER_BATCH, 2 * OWNER_BATCH)
"""Genomes of one of the two batches that a GPU's workers prepare at a time: whichever fits."""
OWNER_SLICE = 4
"""Pictures that a worker prepares for a GPU at a time."""
FEWEST = 4
"""Slices of a large batch for each worker, at least."""
SHARED_MEMORY = Path("/dev/shm")  # noqa: S108  # where Linux keeps it; a container may have little


class Evaluator(Protocol):
    """Scores batches; opened once a run, on the main thread, and closed at its end."""

    workers: int

    def evaluate(
        self, genomes: Genomes, cancelled: Callable[[], bool], wants: Wants = FITNESS_ONLY
    ) -> Evaluation:
        """(B, L) genomes in [0, 1] to fitness and scores, and what else is wanted.

        Raises:
            CancelledError: `cancelled()` became true.
            EvaluationError: scoring failed for good.
        """
        ...

    def begin(self, genomes: Genomes, wants: Wants = FITNESS_ONLY) -> None:
        """Take note of a batch that `evaluate` will be called with, after those begun before."""
        ...

    def close(self) -> None:
        """End workers and free shared memory; safe to call twice."""
        ...


def open_evaluator(job: Job, workers: int) -> Evaluator:
    """The evaluator for a job's backend and a number of workers (0: inline).

    Raises:
        ValueError: the classifier or its backend cannot be opened.
    """
    warm_up(job)
    if job.model is None or load_backend(job.backend).DEVICE == "cpu":
        return Pool(job, workers) if workers else Inline(job)
    lane = owner_lane(job.model) if workers else 0
    sizes = tuple(size for size in SIZES if size <= OWNER_BATCH)
    scorer = BatchScorer(job.model, job.backend, sizes)
    return Owner(job, workers, scorer, lane) if workers else Inline(job, scorer)


def owner_lane(spec: ModelSpec) -> int:
    """How many genomes are prepared for a GPU at a time: as many as half of the free shared memory
    holds twice.

    Raises:
        ValueError: not even two full batches.
    """
    if not SHARED_MEMORY.is_dir():
        return OWNER_LANES[0]
    size = 2 * math.prod(input_shape(spec)) * np.dtype(np.float32).itemsize
    room = shutil.disk_usage(SHARED_MEMORY).free // 2
    for lane in OWNER_LANES:
        if lane * size <= room:
            return lane
    raise ValueError(
        f"shared memory {SHARED_MEMORY}: {room / 5e5:.0f} MB are free, a GPU's workers want "
        f"{OWNER_LANES[-1] * size / 5e5:.0f}: make it larger (docker run --shm-size), or use "
        f"--workers 0"
    )


class Inline:
    """Everything in this process and thread.

    Args:
        job: what to do.
        scorer: the model on a GPU, or None where the job's classifier runs here.
    """

    workers = 0

    def __init__(self, job: Job, scorer: BatchScorer | None = None) -> None:
        self._scorer = scorer
        self._size = job.slice_size if scorer is None else scorer.sizes[-1]
        self._pipeline = Pipeline(job, score=scorer is None)

    def evaluate(
        self, genomes: Genomes, cancelled: Callable[[], bool], wants: Wants = FITNESS_ONLY
    ) -> Evaluation:
        """Slice by slice, so that a cancelled generation ends soon."""
        parts = []
        size = 1 if wants.improve else self._size
        for start, stop in _slices(0, len(genomes), size):
            if cancelled():
                raise CancelledError
            parts.append(self._part(genomes[start:stop], wants.at(start)))
        return joined(parts)

    def _part(self, genomes: Genomes, wants: Wants) -> Evaluation:
        if self._scorer is None:
            return self._pipeline.evaluate(genomes, wants)
        inputs = np.empty((len(genomes), *input_shape(self._scorer.spec)), np.float32)
        self._pipeline.prepare(genomes, inputs)
        return self._pipeline.value(_on_gpu(self._scorer, inputs))

    def begin(self, genomes: Genomes, wants: Wants = FITNESS_ONLY) -> None:
        """Nobody else is there to begin."""

    def close(self) -> None:
        """Nothing to free."""


class _Lanes(ABC):
    """Workers on a board with two lanes: one batch is finished while the next is begun.

    Args:
        crew: the workers, on a board of twice `lane` genomes.
        workers: how many.
        lane: genomes of one batch; a larger one is done in parts.
        most: genomes of one slice, at most.
        unit: genomes that are waited for together, at least.
    """

    def __init__(
        self, crew: Crew, workers: int, lane: int, most: int, unit: int = sys.maxsize
    ) -> None:
        self.workers = workers
        self._unit = unit
        self._crew = crew
        self._lane = lane
        self._most = most
        self._begun: deque[tuple[Genomes, Wants, int, list[Task] | None]] = deque()
        self._count = 0

    def begin(self, genomes: Genomes, wants: Wants = FITNESS_ONLY) -> None:
        """Have the workers begin on a batch that `evaluate` will be called with.

        Two batches may be begun at a time, each in its lane of the board; one that is larger than
        a lane waits for `evaluate`.
        """
        first = self._lane * (self._count % 2)
        self._count += 1
        fits = len(genomes) <= self._lane
        tasks = self._put(genomes, first, wants) if fits else None
        self._begun.append((genomes, wants, first, tasks))

    def evaluate(
        self, genomes: Genomes, cancelled: Callable[[], bool], wants: Wants = FITNESS_ONLY
    ) -> Evaluation:
        """Finish the batch that was begun first; one that was not begun is begun now.

        Raises:
            RuntimeError: it is another batch that was begun first.
        """
        if not self._begun:
            self.begin(genomes, wants)
        begun, wanted, first, tasks = self._begun.popleft()
        same = begun is genomes or np.array_equal(begun, genomes)
        if not same or (wanted is not wants and wanted != wants):
            raise RuntimeError("evaluate() was called with another batch than was begun first")
        if tasks is not None:
            return self._finish(tasks, first, len(genomes), cancelled, wants)
        return joined(list(self._large(genomes, first, cancelled, wants)))

    def _large(
        self, genomes: Genomes, first: int, cancelled: Callable[[], bool], wants: Wants
    ) -> Iterable[Evaluation]:
        """A batch that does not fit into its lane: each half is filled while the other is done."""
        half = self._lane // 2
        begun: deque[tuple[list[Task], int, int]] = deque()
        for turn, (start, stop) in enumerate(_slices(0, len(genomes), half)):
            place = first + half * (turn % 2)
            tasks = self._put(genomes[start:stop], place, wants.at(start))
            begun.append((tasks, place, stop - start))
            if len(begun) == 2:
                yield self._finish(*begun.popleft(), cancelled, wants)
        while begun:
            yield self._finish(*begun.popleft(), cancelled, wants)

    def _put(self, genomes: Genomes, first: int, wants: Wants) -> list[Task]:
        """Write genomes to the board, and have slices of it done."""
        self._crew.genomes[first : first + len(genomes)] = genomes
        most = 1 if wants.improve else self._most
        size = _slice_size(len(genomes), self.workers, most)
        slices = list(_slices(first, first + len(genomes), size))
        return self._crew.submit(slices, wants, self._unit)

    @abstractmethod
    def _finish(
        self,
        tasks: list[Task],
        first: int,
        count: int,
        cancelled: Callable[[], bool],
        wants: Wants,
    ) -> Evaluation:
        """Wait for a lane's tasks and make of them what they are worth."""

    def close(self) -> None:
        """End the workers."""
        self._crew.close()


class Pool(_Lanes):
    """Worker processes that render and score; nothing but genes and numbers travel."""

    def __init__(self, job: Job, workers: int) -> None:
        lane = GRADIENT_LANE if job.gradient else LANE
        crew = Crew(job, workers, prepare_only=False, capacity=2 * lane)
        super().__init__(crew, workers, lane, job.slice_size)

    def _finish(
        self,
        tasks: list[Task],
        first: int,
        count: int,
        cancelled: Callable[[], bool],
        wants: Wants,
    ) -> Evaluation:
        """Read a lane's results."""
        for _ in self._crew.finish(tasks, cancelled):
            pass
        results = self._crew.results[first : first + count].copy()
        parts = results[:, 2:] if results.shape[1] > 2 else None
        evaluation = Evaluation(results[:, 0], results[:, 1], parts=parts)
        if wants.improve is not None:
            genomes = self._crew.returned[first : first + count].copy()
            return replace(evaluation, genomes=genomes)
        if wants.gradient:
            gradients = self._crew.returned[first : first + count].copy()
            return replace(evaluation, gradients=gradients)
        return evaluation


class Owner(_Lanes):
    """One owner of a GPU scores large batches, while workers render and prepare the next.

    Args:
        job: what to do; it has a classifier.
        workers: processes that prepare, at least 1.
        scorer: the model on its device.
        lane: genomes that are prepared at a time, twice.
    """

    def __init__(self, job: Job, workers: int, scorer: BatchScorer, lane: int = LANE) -> None:
        crew = Crew(job, workers, prepare_only=True, capacity=2 * lane)
        super().__init__(crew, workers, lane, OWNER_SLICE, scorer.sizes[-1])
        self._scorer = scorer
        self._pipeline = Pipeline(job, score=False)
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="gpu-owner")

    def _finish(
        self,
        tasks: list[Task],
        first: int,
        count: int,
        cancelled: Callable[[], bool],
        wants: Wants,
    ) -> Evaluation:
        """Score each batch as soon as all of it is prepared; the lane is free at the end."""
        waiting = deque(_slices(first, first + count, self._scorer.sizes[-1]))
        done = np.zeros(2 * self._lane, bool)
        futures: list[Future[npt.NDArray[np.float32]]] = []
        try:
            for start, stop in self._crew.finish(tasks, cancelled):
                done[start:stop] = True
                while waiting and done[slice(*waiting[0])].all():
                    inputs = self._crew.inputs[slice(*waiting.popleft())]
                    futures.append(self._thread.submit(_on_gpu, self._scorer, inputs))
        finally:
            wait(futures)  # whatever happens: they read what the workers will write to
        return joined([self._pipeline.value(future.result()) for future in futures])

    def close(self) -> None:
        """End the scoring thread, then the workers, whose memory it reads."""
        self._thread.shutdown(cancel_futures=True)
        super().close()


def _on_gpu(scorer: BatchScorer, inputs: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """A batch's probabilities.

    Raises:
        EvaluationError: the GPU or its driver failed: out of memory, lost, …
    """
    try:
        return scorer(inputs)
    except Exception as error:  # noqa: BLE001  # onnxruntime raises many kinds, none public
        reason = " ".join(str(error).split())[:200]
        raise EvaluationError(f"backend '{scorer.backend}' failed: {reason}") from None


def _slice_size(count: int, workers: int, most: int) -> int:
    """Few genomes: whoever is free takes the next slice, and the last ones end together."""
    return max(1, min(most, count // (FEWEST * workers)))


def _slices(start: int, stop: int, size: int) -> Iterable[Slice]:
    for first in range(start, stop, size):
        yield first, min(first + size, stop)
