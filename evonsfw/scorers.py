"""Many pictures scored on all cores by the reference pipeline, in order, a few at a time."""

from __future__ import annotations

import queue
from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from types import TracebackType

import numpy as np

from evonsfw.classifier import Classifier, Probabilities
from evonsfw.cores import usable_cores
from evonsfw.model_spec import ModelSpec
from evonsfw.preparation import Pictures

AHEAD = 4
"""Pictures that wait for each worker, so that memory stays flat however many there are."""


class Scorers:
    """One session a thread: onnxruntime and the preparation both let go of Python's lock.

    Which thread scores a picture never changes its score: each runs one picture at a time, as
    `Classifier` does. A context manager.

    Args:
        spec: the model.
        workers: threads; None for one a core.

    Raises:
        ValueError: the model cannot be opened, or fewer than one worker is asked for.
    """

    def __init__(self, spec: ModelSpec, workers: int | None = None) -> None:
        count = workers if workers is not None else usable_cores()
        if count < 1:
            raise ValueError(f"workers = {count}: expected 1 or more")
        self.spec = spec
        self.workers = count
        self._free: queue.SimpleQueue[Classifier] = queue.SimpleQueue()
        first = Classifier(spec)
        self.hash = first.hash
        for classifier in (first, *(Classifier(spec) for _ in range(count - 1))):
            self._free.put(classifier)
        self._pool = ThreadPoolExecutor(count, "scorer")

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

    def probabilities(self, pictures: Iterable[Pictures]) -> Iterator[Probabilities]:
        """Score pictures, in order.

        Args:
            pictures: (H, W, 3) uint8 sRGB each, of any sizes; taken a few ahead of what is
                handed out, so they may be made as they are asked for.

        Yields:
            (C,) float32 probabilities of each.
        """
        waiting: deque[Future[Probabilities]] = deque()
        try:
            for picture in pictures:
                waiting.append(self._pool.submit(self._score, picture))
                if len(waiting) >= AHEAD * self.workers:
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()
        finally:
            for future in waiting:
                future.cancel()

    def score(self, picture: Pictures) -> Probabilities:
        """(C,) float32 probabilities of one (H, W, 3) uint8 picture."""
        return self._score(picture)

    def _score(self, picture: Pictures) -> Probabilities:
        classifier = self._free.get()
        try:
            return np.asarray(classifier.probabilities(picture[None])[0])
        finally:
            self._free.put(classifier)
