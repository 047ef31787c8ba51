"""Many pictures scored on all cores by any backend, in order, a few at a time."""

from __future__ import annotations

import itertools
import queue
from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from types import TracebackType
from typing import Protocol

import numpy as np

from evonsfw.backends import Inputs, load_backend
from evonsfw.classifier import (
    REFERENCE,
    SIZES,
    BatchScorer,
    Classifier,
    Probabilities,
    backend_for,
    file_for,
)
from evonsfw.cores import usable_cores
from evonsfw.model_spec import ModelSpec
from evonsfw.preparation import Pictures, Preparation, input_shape
from evonsfw.whole_score import WholeScore

AHEAD = 4
"""Pictures that wait for each worker, so that memory stays flat however many there are."""
BATCH = 64
"""Pictures that a GPU scores at a time, at most; batches are cut at multiples of it."""
BATCHES = 2
"""Of which so many are in memory: one is scored while the other is prepared."""


class ScoringError(RuntimeError):
    """A GPU or its driver failed: out of memory, lost, …"""


class Scorers:
    """One session a thread: the CPU's backends and the preparation all let go of Python's lock.
    For a GPU the threads prepare batches, and one more scores them.

    Which thread scores a picture never changes its score: on a CPU each runs one picture at a
    time, as `Classifier` does, and batches for a GPU are cut at fixed places. A context manager.

    Args:
        spec: the model.
        workers: threads; None for one a core.
        backend: what scores; "auto" for the fastest that is there and takes the model.

    Raises:
        ValueError: the model cannot be opened, the backend is not there or cannot run it, or
            fewer than one worker is asked for.
    """

    def __init__(
        self, spec: ModelSpec, workers: int | None = None, backend: str = REFERENCE
    ) -> None:
        count = workers if workers is not None else usable_cores()
        if count < 1:
            raise ValueError(f"workers = {count}: expected 1 or more")
        self.backend = backend_for(backend, [spec])
        self.spec = spec
        self.workers = count
        self._reference = Classifier(spec)
        self.hash = self._reference.hash
        self._pool = ThreadPoolExecutor(count, "scorer")
        file = file_for(self.backend, spec)
        self._way: _Way
        if load_backend(self.backend).DEVICE == "cpu":
            self._way = _OneByOne(self._pool, self._classifiers(file))
        else:
            self._way = _InBatches(self._pool, BatchScorer(spec, self.backend, _sizes()), count)

    def __enter__(self) -> Scorers:
        """Itself."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """As `close`."""
        self.close()

    def close(self) -> None:
        """Forget what has not begun, and wait for what has."""
        self._pool.shutdown(cancel_futures=True)
        self._way.close()

    def probabilities(self, pictures: Iterable[Pictures]) -> Iterator[Probabilities]:
        """Score pictures, in order.

        Args:
            pictures: (H, W, 3) uint8 sRGB each, of any sizes; taken a few ahead of what is
                handed out, so they may be made as they are asked for.

        Yields:
            (C,) float32 probabilities of each.

        Raises:
            ScoringError: the GPU failed.
        """
        return self._way.probabilities(pictures)

    def score(self, picture: Pictures) -> Probabilities:
        """(C,) float32 probabilities of one (H, W, 3) uint8 picture."""
        return next(self.probabilities([picture]))

    def whole(self, picture: Pictures, index: int, own: float) -> WholeScore:
        """What is said of a whole picture: people see the reference's score. Not to be called while
        pictures are scored.

        Args:
            picture: (H, W, 3) uint8.
            index: the class that counts.
            own: its score, that `probabilities` gave.
        """
        by = f"{self.backend} ({load_backend(self.backend).arithmetic()})"
        seen = self._reference.probabilities(picture[None])[0]
        return WholeScore(seen, index, own, by * (self.backend != REFERENCE))

    def _classifiers(self, file: Path) -> Iterator[Classifier]:
        """One a worker, of a file that was made once."""
        if self.backend == REFERENCE:
            yield self._reference
        for _ in range(self.workers - (self.backend == REFERENCE)):
            yield Classifier(self.spec, self.backend, file)


class _Way(Protocol):
    """Pictures to probabilities."""

    def probabilities(self, pictures: Iterable[Pictures]) -> Iterator[Probabilities]:
        """As `Scorers.probabilities`."""
        ...

    def close(self) -> None:
        """After the workers' threads have ended."""
        ...


class _OneByOne:
    """Whichever classifier is free scores the next picture."""

    def __init__(self, pool: ThreadPoolExecutor, classifiers: Iterable[Classifier]) -> None:
        self._pool = pool
        self._free: queue.SimpleQueue[Classifier] = queue.SimpleQueue()
        for classifier in classifiers:
            self._free.put(classifier)
        self._ahead = AHEAD * self._free.qsize()

    def probabilities(self, pictures: Iterable[Pictures]) -> Iterator[Probabilities]:
        waiting: deque[Future[Probabilities]] = deque()
        try:
            for picture in pictures:
                waiting.append(self._pool.submit(self._score, picture))
                if len(waiting) >= self._ahead:
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()
        finally:
            for future in waiting:
                future.cancel()

    def close(self) -> None:
        """Nothing is left."""

    def _score(self, picture: Pictures) -> Probabilities:
        classifier = self._free.get()
        try:
            return np.asarray(classifier.probabilities(picture[None])[0])
        finally:
            self._free.put(classifier)


class _InBatches:
    """All workers prepare the pictures of a batch, while a GPU's thread scores the one before."""

    def __init__(self, pool: ThreadPoolExecutor, scorer: BatchScorer, workers: int) -> None:
        self._pool, self._scorer, self._workers = pool, scorer, workers
        self._thread = ThreadPoolExecutor(1, "gpu")

    def probabilities(self, pictures: Iterable[Pictures]) -> Iterator[Probabilities]:
        left = iter(pictures)
        waiting: deque[Future[Probabilities]] = deque()
        try:
            while batch := list(itertools.islice(left, BATCH)):
                waiting.append(self._begun(batch))
                if len(waiting) >= BATCHES:
                    yield from waiting.popleft().result()
            while waiting:
                yield from waiting.popleft().result()
        finally:
            for future in waiting:
                future.cancel()

    def close(self) -> None:
        """Wait for the batch that is being scored."""
        self._thread.shutdown(cancel_futures=True)

    def _begun(self, batch: list[Pictures]) -> Future[Probabilities]:
        """Have a batch prepared, then scored."""
        inputs = np.empty((len(batch), *input_shape(self._scorer.spec)), np.float32)
        share = -(-len(batch) // self._workers)
        parts = [slice(start, start + share) for start in range(0, len(batch), share)]
        prepared = [self._pool.submit(self._prepare, batch[one], inputs[one]) for one in parts]
        return self._thread.submit(self._score, prepared, inputs)

    def _prepare(self, pictures: list[Pictures], inputs: Inputs) -> None:
        prepare = Preparation(self._scorer.spec)
        for picture, row in zip(pictures, inputs, strict=True):
            prepare(picture, row)

    def _score(self, prepared: list[Future[None]], inputs: Inputs) -> Probabilities:
        for one in prepared:
            one.result()
        try:
            return self._scorer(inputs)
        except Exception as error:  # noqa: BLE001  # onnxruntime raises many kinds, none public
            reason = " ".join(str(error).split())[:200]
            raise ScoringError(f"backend '{self._scorer.backend}' failed: {reason}") from None


def _sizes() -> tuple[int, ...]:
    """Batches that a GPU is opened for."""
    return tuple(size for size in SIZES if size <= BATCH)
