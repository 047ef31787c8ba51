"""Spawned worker processes on shared memory: slices of a board of genomes, done in any order.

Genes and results are on the board, and messages a few bytes: what a worker is to do is three
numbers, that it is done one. Only what is wanted, which seldom changes, is sent as an object.
"""

from __future__ import annotations

import itertools
import multiprocessing
import os
import pickle
import selectors
import signal
import struct
import sys
from collections import Counter, deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from multiprocessing import connection, shared_memory
from typing import Any, ClassVar, NamedTuple

import numpy as np
import numpy.typing as npt

from evonsfw.pipeline import Job, Pipeline
from evonsfw.preparation import input_shape
from evonsfw.search import FITNESS_ONLY, Wants

Slice = tuple[int, int]


class Task(NamedTuple):
    """A slice of the board to be done, and a number that no other task has."""

    number: int
    start: int
    stop: int
    wants: Wants


_TASK = struct.Struct("<qqq")
"""A message to a worker: number, start and stop. Any longer one is what is wanted from then on."""
_DONE = struct.Struct("<q")
"""A message from a worker: number. Any longer one says how it has failed."""
CAPACITY = 256
"""Genomes that are in shared memory at a time, where nobody says otherwise."""
MAX_DEATHS = 3
"""A slice that kills this many workers ends the run."""
PREFETCH = 2
"""Slices that a worker holds at a time: the next one is there when one is done."""
POLL_SECONDS = 0.1
NICENESS = 19
"""Of workers that yield: with workers on all cores a window would wait its turn at every step."""


class EvaluationError(RuntimeError):
    """Scoring cannot go on; what was finished is on disk and can be resumed."""


class CancelledError(Exception):
    """The generation in work was given up because the run is ending."""


class Crew:
    """Spawned workers on shared memory; a worker that dies is replaced, its slice done again.

    Args:
        job: what to do.
        workers: how many processes, at least 1.
        prepare_only: whether they stop at the classifier's inputs.
        capacity: genomes that are in shared memory at a time.

    Attributes:
        genomes: (capacity, L) float32 in shared memory: what to work on.
        results: (capacity, 2 + M) float64: fitness, score, and each of several wishes' values.
        inputs: (capacity, …) float32: prepared inputs, where `prepare_only`.
        returned: (capacity, L) float32, gradients or improved genomes, where the job has either.
        deaths: workers that have been replaced.
    """

    def __init__(
        self, job: Job, workers: int, prepare_only: bool, capacity: int = CAPACITY
    ) -> None:
        shape = input_shape(job.model) if prepare_only and job.model else (0,)
        back = job.encoding.length if job.gradient or job.improve else 0
        columns = 2 + job.wishes
        self._board = Board.create(capacity, job.encoding.length, columns, shape, back)
        self.genomes, self.results, self.inputs, self.returned = self._board.arrays()
        self._job, self._prepare_only = job, prepare_only
        self._context = multiprocessing.get_context("spawn")
        self.deaths = 0
        self._closed = False
        self._numbers = itertools.count()
        self._waiting: deque[Task] = deque()
        self._done: set[int] = set()
        self._blame: Counter[int] = Counter()
        self._ears = selectors.DefaultSelector()
        self._workers = [self._start() for _ in range(workers)]
        for worker in self._workers:
            self._brief(worker)

    def submit(self, slices: Sequence[Slice], wants: Wants = FITNESS_ONLY) -> list[Task]:
        """Queue slices of the board and start on them, as far as workers are free."""
        first = slices[0][0] if slices else 0
        tasks = [
            Task(next(self._numbers), start, stop, wants.at(start - first))
            for start, stop in slices
        ]
        self._waiting.extend(tasks)
        self._hand_out()
        return tasks

    def finish(self, tasks: Sequence[Task], cancelled: Callable[[], bool]) -> Iterable[Slice]:
        """Wait for submitted tasks; yields each one's slice when it is done, in any order."""
        left = {task.number: task for task in tasks}
        while left:
            for number in self._done & left.keys():
                self._done.remove(number)
                task = left.pop(number)
                yield task.start, task.stop
            if left:
                self._hand_out()
                if cancelled():
                    raise CancelledError
                self._hear()

    def _hear(self) -> None:
        """Read what workers have to say; replace the dead."""
        for worker in self._ready():
            try:
                message = worker.pipe.recv_bytes()
            except (EOFError, OSError):
                self._replace(worker)
                continue
            if len(message) != _DONE.size:
                raise EvaluationError(message.decode())
            (number,) = _DONE.unpack(message)
            worker.held = [task for task in worker.held if task.number != number]
            self._done.add(number)

    def _hand_out(self) -> None:
        """Top up every worker, the emptiest first."""
        while self._waiting:
            worker = min(self._workers, key=lambda candidate: len(candidate.held))
            if len(worker.held) >= PREFETCH:
                return
            task = self._waiting.popleft()
            worker.held.append(task)
            try:
                if task.wants != worker.wants:
                    worker.wants = task.wants
                    worker.pipe.send(task.wants)
                worker.pipe.send_bytes(_TASK.pack(task.number, task.start, task.stop))
            except OSError:
                return  # it has died: its pipe reads as ended, and the slice is done again

    def _ready(self) -> list[Worker]:
        """Workers with something to read, or that have died."""
        if sys.platform == "win32":
            pipes = {worker.pipe: worker for worker in self._workers}
            return [pipes[pipe] for pipe in connection.wait(list(pipes), POLL_SECONDS)]
        return [key.data for key, _ in self._ears.select(POLL_SECONDS)]

    def _replace(self, worker: Worker) -> None:
        """Put a new worker in a dead one's place; blame the slice that it was working on."""
        worker.process.join()
        self.deaths += 1
        if worker.held:
            first = worker.held[0].number
            self._blame[first] += 1
            if self._blame[first] >= MAX_DEATHS:
                raise EvaluationError(
                    f"a worker died {MAX_DEATHS} times over the same individual (exit code "
                    f"{worker.process.exitcode}); the run can be resumed with `evonsfw resume`"
                )
            self._waiting.extendleft(reversed(worker.held))
        self._forget(worker)
        successor = self._start()
        self._brief(successor)
        self._workers[self._workers.index(worker)] = successor

    def _start(self) -> Worker:
        ours, theirs = self._context.Pipe()
        arguments = (self._prepare_only, self._board.names, theirs)
        process = self._context.Process(target=_work, args=arguments, daemon=True)
        with _sigint_held():
            process.start()
        theirs.close()
        worker = Worker(process, ours)
        if sys.platform != "win32":
            self._ears.register(ours, selectors.EVENT_READ, worker)
        return worker

    def _forget(self, worker: Worker) -> None:
        """Close the pipe of a worker, and listen to it no longer; safe to call twice."""
        if worker.pipe.closed:
            return
        if sys.platform != "win32":
            self._ears.unregister(worker.pipe)
        worker.pipe.close()

    def _brief(self, worker: Worker) -> None:
        """Send a worker its job, target picture and all: not among the arguments of its process,
        for a process that dies before it has read those stops its parent for ever.
        """
        with suppress(OSError):  # it has died, which is noticed when its first slice is due
            worker.pipe.send(self._job)

    def close(self) -> None:
        """End every worker and free the shared memory; safe to call twice."""
        if self._closed:
            return
        self._closed = True
        for worker in self._workers:
            self._forget(worker)
            worker.process.terminate()
        for worker in self._workers:
            worker.process.join()
        self._workers = []
        self._ears.close()
        del self.genomes, self.results, self.inputs, self.returned
        self._board.unlink()


@dataclass(eq=False)
class Worker:
    """One process, its pipe, the tasks it was given, oldest first, and what was wanted last."""

    process: Any
    pipe: connection.Connection
    held: list[Task] = field(default_factory=list)
    wants: Wants | None = None


@dataclass
class Board:
    """The shared memory that the main process and its workers write to."""

    blocks: tuple[shared_memory.SharedMemory, ...]
    shapes: tuple[tuple[int, ...], ...]

    TYPES: ClassVar = (np.float32, np.float64, np.float32, np.float32)

    @classmethod
    def create(
        cls, capacity: int, length: int, columns: int, input_shape: tuple[int, ...], back: int
    ) -> Board:
        """Room for `capacity` genomes, results, inputs and what comes back, of that length."""
        lengths = ((length,), (columns,), input_shape, (back,))
        shapes = tuple((capacity, *one) for one in lengths)
        sizes = [
            max(8, int(np.prod(shape)) * np.dtype(kind).itemsize)
            for shape, kind in zip(shapes, cls.TYPES, strict=True)
        ]
        blocks = tuple(shared_memory.SharedMemory(create=True, size=size) for size in sizes)
        return cls(blocks, shapes)

    @classmethod
    def attach(cls, names: tuple[tuple[str, tuple[int, ...]], ...]) -> Board:
        """The board that another process created."""
        blocks = tuple(shared_memory.SharedMemory(name=name) for name, _ in names)
        return cls(blocks, tuple(shape for _, shape in names))

    @property
    def names(self) -> tuple[tuple[str, tuple[int, ...]], ...]:
        """What `attach` needs."""
        return tuple((b.name, shape) for b, shape in zip(self.blocks, self.shapes, strict=True))

    def arrays(self) -> tuple[npt.NDArray[Any], ...]:
        """Genomes, results, inputs and what comes back."""
        return tuple(
            np.ndarray(shape, kind, buffer=block.buf)
            for block, shape, kind in zip(self.blocks, self.shapes, self.TYPES, strict=True)
        )

    def unlink(self) -> None:
        """Free the memory, once nobody holds its arrays."""
        for block in self.blocks:
            block.close()
            block.unlink()


@contextmanager
def _sigint_held() -> Iterator[None]:
    """Start processes without Ctrl-C, from their first import on: it is the main process's."""
    if not hasattr(signal, "pthread_sigmask"):  # Windows
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _work(
    prepare_only: bool,
    names: tuple[tuple[str, tuple[int, ...]], ...],
    pipe: connection.Connection,
) -> None:
    """A worker's life: read a slice, do it, say so, until the pipe ends."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    board = Board.attach(names)
    genomes, results, inputs, returned = board.arrays()
    try:
        job: Job = pipe.recv()
        if job.yielding and hasattr(os, "nice"):
            os.nice(NICENESS)
        pipeline = Pipeline(job, score=not prepare_only)
        wants = FITNESS_ONLY
        while True:
            message = pipe.recv_bytes()
            if len(message) != _TASK.size:
                wants = pickle.loads(message)  # noqa: S301  # from our own main process
                continue
            number, start, stop = _TASK.unpack(message)
            if prepare_only:
                pipeline.prepare(genomes[start:stop], inputs[start:stop])
            else:
                evaluation = pipeline.evaluate(genomes[start:stop], wants)
                results[start:stop, 0] = evaluation.fitness
                results[start:stop, 1] = evaluation.scores
                if evaluation.parts is not None:
                    results[start:stop, 2:] = evaluation.parts
                if evaluation.gradients is not None:
                    returned[start:stop] = evaluation.gradients
                if evaluation.genomes is not None:
                    returned[start:stop] = evaluation.genomes
            pipe.send_bytes(_DONE.pack(number))
    except (EOFError, OSError):
        return  # the main process has ended
    except Exception as error:  # noqa: BLE001  # the main process decides what it means
        told = f"a worker failed: {type(error).__name__}: {error}"
        pipe.send_bytes(told.encode(errors="backslashreplace"))  # a file's name may be any bytes
