"""Writes a run's generations to its folder, in a thread of its own."""

from __future__ import annotations

import contextlib
from collections import deque
from concurrent.futures import Future, ThreadPoolExecutor

import numpy as np

from evonsfw.generation import Generation
from evonsfw.logbook import BESTS, LOG, best_record, last_best
from evonsfw.runs import RunFolder, save_state
from evonsfw.search import State
from evonsfw.whole_file import link_or_copy

CHECKPOINT_SECONDS = 1.0
"""A checkpoint is written at most this often, and at the end."""
QUEUE = 8
"""Generations that may wait to be written before the loop waits for the disk."""
_PAD = 5


class Recorder:
    """Writes generations in a thread of its own, so that the disk never stalls scoring.

    Args:
        folder: where to.

    Raises, at the next `record` or at `close`:
        OSError: the disk is full or gone.
    """

    def __init__(self, folder: RunFolder) -> None:
        self._folder = folder
        self._log = (folder.path / LOG).open("a", encoding="utf-8")
        self._bests = (folder.path / BESTS).open("ab")
        self._last_best = last_best(folder.path, folder.config.encoding.length)
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="recorder")
        self._queue: deque[tuple[Generation, State | None]] = deque()
        self._pending: list[Future[None]] = []
        self._last_checkpoint = 0.0
        self._final: State | None = None
        self._failed = False

    def record(self, generation: Generation, state: State) -> None:
        """Queue one generation; `state` is what resuming after it needs."""
        self._settle(QUEUE)
        self._final = state
        due = generation.seconds - self._last_checkpoint >= CHECKPOINT_SECONDS
        if due or generation.number == 1:
            self._last_checkpoint, self._final = generation.seconds, None
        self._queue.append((generation, state if self._final is None else None))

    def write_queued(self) -> None:
        """Start to write. Called once the workers have something to do: before that, writing
        would hold up whoever hands it out, with both sharing one interpreter.
        """
        while self._queue:
            self._pending.append(self._thread.submit(self._write, *self._queue.popleft()))

    def close(self) -> None:
        """Write what is queued and the last checkpoint; raise what went wrong."""
        try:
            self.write_queued()
            self._settle(0)
            if self._final is not None and not self._failed:
                save_state(self._folder.path / "checkpoint", self._final)
        finally:
            self._thread.shutdown()
            for file in (self._log, self._bests):
                with contextlib.suppress(OSError):
                    file.close()

    def _settle(self, allowed: int) -> None:
        """Raise what has failed; wait until at most `allowed` generations are queued."""
        while self._pending and (self._pending[0].done() or len(self._pending) > allowed):
            self._pending.pop(0).result()

    def _write(self, generation: Generation, snapshot: State | None) -> None:
        """Write one generation; after a failure nothing more, or resuming would leave a gap."""
        if self._failed:
            return
        self._failed = True
        self._write_all(generation, snapshot)
        self._failed = False

    def _write_all(self, generation: Generation, snapshot: State | None) -> None:
        folder, number = self._folder, generation.number
        best = generation.best
        if generation.improved:
            folder.write_picture(folder.best, best)
        if number % folder.every == 0:
            path = folder.path / "generations" / f"gen_{number:0{_PAD}}.png"
            if best is generation.best_so_far and folder.best.exists():
                link_or_copy(folder.best, path)
            else:
                folder.write_picture(path, best)
        if not np.array_equal(best.genome, self._last_best):
            self._bests.write(best_record(number, best.genome))
            self._bests.flush()
            self._last_best = best.genome
        self._log.write(_row(generation) + "\n")
        self._log.flush()
        if snapshot is not None:
            save_state(folder.path / "checkpoint", snapshot)


def _row(generation: Generation) -> str:
    best = generation.best
    return (
        f"{generation.number},{generation.evaluations},{generation.seconds:.3f},"
        f"{best.score:.6f},{best.fitness:.6f},"
        f"{generation.mean_fitness:.6f},{generation.std_fitness:.6f},{generation.rescored},"
        f"{generation.mean_score:.6f}"
    )
