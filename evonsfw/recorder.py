"""Writes a run's generations to its folder, in a thread of its own."""

from __future__ import annotations

import contextlib
import time
from concurrent.futures import Future, ThreadPoolExecutor
from typing import NamedTuple

import numpy as np

from evonsfw.generation import Champion, Generation
from evonsfw.logbook import BESTS, LOG, best_record, last_best
from evonsfw.runs import RunFolder, save_state
from evonsfw.search import State
from evonsfw.whole_file import link_or_copy

CHECKPOINT_SECONDS = 1.0
"""A checkpoint is written at most this often, and at the end."""
PAUSE_SECONDS = 0.25
"""From one writing to the next, at least: a thread that wakes for every generation of a fast run
takes its time from the workers."""
QUEUE = 64
"""Generations that may wait to be written before the loop waits for the disk."""
_PAD = 5


class Entry(NamedTuple):
    """What is written of one generation; it does not hold the population.

    Attributes:
        number: counted from 1.
        best: its best individual.
        improved: whether that is a new best of the run.
        leads: whether it is the best of the run.
        row: of the log.
        snapshot: what resuming after it needs, where a checkpoint is due.
    """

    number: int
    best: Champion
    improved: bool
    leads: bool
    row: str
    snapshot: State | None


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
        self._queue: list[Entry] = []
        self._writing: Future[None] | None = None
        self._next = self._last_checkpoint = 0.0
        self._final: State | None = None
        self._failed = False

    def record(self, generation: Generation, state: State) -> None:
        """Queue one generation; `state` is what resuming after it needs."""
        if len(self._queue) >= QUEUE or (self._writing is not None and self._writing.done()):
            self._settle()
        if len(self._queue) >= QUEUE:
            self.write_queued(now=True)
        self._final = state
        due = generation.seconds - self._last_checkpoint >= CHECKPOINT_SECONDS
        if due or generation.number == 1:
            self._last_checkpoint, self._final = generation.seconds, None
        entry = Entry(
            number=generation.number,
            best=generation.best,
            improved=generation.improved,
            leads=generation.best is generation.best_so_far,
            row=_row(generation),
            snapshot=state if self._final is None else None,
        )
        self._queue.append(entry)

    def write_queued(self, now: bool = False) -> None:
        """Start to write, where `PAUSE_SECONDS` have passed since that was last done.

        Called once the workers have something to do: before that, writing would hold up whoever
        hands it out, with both sharing one interpreter.

        Args:
            now: whatever has passed, and after what is being written.
        """
        if not self._queue or self._failed:
            return
        if now:
            self._settle()
        elif time.monotonic() < self._next or self._at_work():
            return
        self._next = time.monotonic() + PAUSE_SECONDS
        entries, self._queue = self._queue, []
        self._writing = self._thread.submit(self._write, entries)

    def close(self) -> None:
        """Write what is queued and the last checkpoint; raise what went wrong."""
        try:
            self.write_queued(now=True)
            self._settle()
            if self._final is not None and not self._failed:
                save_state(self._folder.path / "checkpoint", self._final)
        finally:
            self._thread.shutdown()
            for file in (self._log, self._bests):
                with contextlib.suppress(OSError):
                    file.close()

    def _at_work(self) -> bool:
        """Whether something is being written, or has failed and nobody was told."""
        writing = self._writing
        return writing is not None and (not writing.done() or writing.exception() is not None)

    def _settle(self) -> None:
        """Wait for what is being written; raise what has failed. After that nothing more is
        written, or resuming would leave a gap.
        """
        writing, self._writing = self._writing, None
        if writing is not None:
            self._failed = writing.exception() is not None
            writing.result()

    def _write(self, entries: list[Entry]) -> None:
        """Write generations; a row comes after all else of its generation, and before the
        checkpoint.
        """
        rows: list[str] = []
        try:
            for entry in entries:
                self._write_best(entry)
                rows.append(entry.row)
                if entry.snapshot is not None:
                    self._write_rows(rows)
                    save_state(self._folder.path / "checkpoint", entry.snapshot)
        finally:
            self._write_rows(rows)

    def _write_best(self, entry: Entry) -> None:
        """The best individual of a generation: its pictures, and its genome where it is new."""
        folder, number, best = self._folder, entry.number, entry.best
        if entry.improved:
            folder.write_picture(folder.best, best)
        if number % folder.every == 0:
            path = folder.path / "generations" / f"gen_{number:0{_PAD}}.png"
            if entry.leads and folder.best.exists():
                link_or_copy(folder.best, path)
            else:
                folder.write_picture(path, best)
        if not np.array_equal(best.genome, self._last_best):
            self._bests.write(best_record(number, best.genome))
            self._last_best = best.genome

    def _write_rows(self, rows: list[str]) -> None:
        """Rows that are due, after the genomes that they are of."""
        text = "".join(f"{row}\n" for row in rows)
        rows.clear()  # first: what fails here is not written again
        if text:
            self._bests.flush()
            self._log.write(text)
            self._log.flush()


def _row(generation: Generation) -> str:
    best = generation.best
    return (
        f"{generation.number},{generation.evaluations},{generation.seconds:.3f},"
        f"{best.score:.6f},{best.fitness:.6f},"
        f"{generation.mean_fitness:.6f},{generation.std_fitness:.6f},{generation.rescored},"
        f"{generation.mean_score:.6f}"
    )
