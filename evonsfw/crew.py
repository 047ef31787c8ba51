"""Spawned worker processes on shared memory: slices of a board of genomes, done in any order.

Genes, results and what is wanted are on the board. What is to be done is a few numbers in a pipe
that all workers take from, so that nobody waits while there is work; what is done is a number in
another one. The main process is woken once all of a batch is done, for every time it is costs it
more than to read a number.
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
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from multiprocessing import connection
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from evonsfw.board import WANTED, Board
from evonsfw.pipeline import Job, Pipeline
from evonsfw.preparation import input_shape
from evonsfw.records import ROOM, never_wait, put, take, take_all
from evonsfw.search import FITNESS_ONLY, Wants

Slice = tuple[int, int]


class Task(NamedTuple):
    """A slice of the board to be done.

    Attributes:
        number: no other task has it; later ones have larger ones.
        start: the slice's first genome.
        stop: where it ends.
        first: the first genome of the batch that is waited for.
        last: where that ends.
        base: number of the batch's first task.
        length: bytes of what is wanted, on the board at `start`; 0 for the fitness only.
    """

    number: int
    start: int
    stop: int
    first: int
    last: int
    base: int
    length: int


_TASK = struct.Struct("<7q")
_DONE = struct.Struct("<q")
"""The number of a task that is done."""
_WOKEN = b"."
"""A worker's message to the main process: look what is done. Any other says how it has failed."""
CAPACITY = 256
"""Genomes that are in shared memory at a time, where nobody says otherwise."""
TOLD = 4096
"""Bytes of how a worker failed, at most."""
MAX_DEATHS = 3
"""A slice that kills this many workers ends the run."""
POLL_SECONDS = 0.1
NICENESS = 19
"""Of workers that yield: with workers on all cores a window would wait its turn at every step."""


class EvaluationError(RuntimeError):
    """Scoring cannot go on; what was finished is on disk and can be resumed."""


class CancelledError(Exception):
    """The generation in work was given up because the run is ending."""


class Crew:
    """Spawned workers on shared memory. Where one dies, all are replaced, and what is not done is
    done again: nobody can tell what it had just taken.

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
        deaths: workers that have died.
    """

    def __init__(
        self, job: Job, workers: int, prepare_only: bool, capacity: int = CAPACITY
    ) -> None:
        shape = input_shape(job.model) if prepare_only and job.model else (0,)
        back = job.encoding.length if job.gradient or job.improve else 0
        lengths = ((job.encoding.length,), (2 + job.wishes,), shape, (back,))
        self._board = Board.create(capacity, lengths, workers)
        self.genomes, self.results, self.inputs, self.returned, *rest = self._board.arrays()
        self._wanted, self._marks, self._current = rest
        self._marks[:] = self._current[:] = -1
        self._job, self._prepare_only = job, prepare_only
        self._context = multiprocessing.get_context("spawn")
        self.deaths = 0
        self._closed = False
        self._numbers = itertools.count()
        self._undone: dict[int, Task] = {}
        self._blame: Counter[int] = Counter()
        self._ears = selectors.DefaultSelector()
        self._workers: list[Worker] = []
        self._open_pipes()
        self._start_all(workers)

    def submit(
        self, slices: Sequence[Slice], wants: Wants = FITNESS_ONLY, unit: int = sys.maxsize
    ) -> list[Task]:
        """Have slices of the board done.

        Args:
            slices: one after the other on the board; `finish` has been through what was there.
            wants: of a batch that begins with them.
            unit: genomes that are waited for together, at least; the last may be fewer.
        """
        tasks: list[Task] = []
        for group in _groups(slices, unit):
            base, (first, last) = next(self._numbers), (group[0][0], group[-1][1])
            for place, (start, stop) in enumerate(group):
                number = next(self._numbers) if place else base
                length = self._want(start, wants.at(start - slices[0][0]))
                tasks.append(Task(number, start, stop, first, last, base, length))
        self._undone |= {task.number: task for task in tasks}
        self._post(tasks)
        return tasks

    def finish(self, tasks: Sequence[Task], cancelled: Callable[[], bool]) -> Iterable[Slice]:
        """Wait for submitted tasks; yields each one's slice when it is done, in any order."""
        left = list(tasks)
        while left:
            done = [task for task in left if task.number not in self._undone]
            left = [task for task in left if task.number in self._undone]
            yield from ((task.start, task.stop) for task in done)
            if left:
                if cancelled():
                    raise CancelledError
                self._hear()
                self._collect()

    def _want(self, start: int, wants: Wants) -> int:
        """Put what is wanted of a slice on the board; returns how long it is."""
        if wants is FITNESS_ONLY or wants == FITNESS_ONLY:
            return 0
        told = pickle.dumps(wants)
        assert len(told) <= WANTED, f"{len(told)} bytes of what is wanted"
        self._wanted[start, : len(told)] = np.frombuffer(told, np.uint8)
        return len(told)

    def _post(self, tasks: Iterable[Task]) -> None:
        """Put tasks where workers take them from: they make room where a pipe holds fewer."""
        put(self._tasks[1], [_TASK.pack(*task) for task in tasks])

    def _collect(self) -> None:
        """Take note of what is done."""
        for record in take_all(self._dones[0], _DONE.size):
            (number,) = _DONE.unpack(record)
            self._undone.pop(number, None)

    def _hear(self) -> None:
        """Wait until a worker has something to say, a moment at most; replace the dead."""
        for worker in self._ready():
            try:
                message = take(worker.pipe, ROOM)
            except OSError:
                message = b""
            if not message:
                self._replace_all(worker)
                return
            if told := message.lstrip(_WOKEN):
                raise EvaluationError(told.decode(errors="replace"))

    def _ready(self) -> list[Worker]:
        """Workers with something to read, or that have died."""
        if sys.platform == "win32":
            pipes = {worker.pipe: worker for worker in self._workers}
            return [pipes[pipe] for pipe in connection.wait(list(pipes), POLL_SECONDS)]
        return [key.data for key, _ in self._ears.select(POLL_SECONDS)]

    def _replace_all(self, dead: Worker) -> None:
        """Begin anew with what is not done; blame the slice that a dead worker was working on."""
        dead.process.join()
        self.deaths += 1
        count = len(self._workers)
        self._end_all()
        self._collect()
        if self._undone:
            current = int(self._current[dead.place])
            blamed = current if current in self._undone else min(self._undone)
            self._blame[blamed] += 1
            if self._blame[blamed] >= MAX_DEATHS:
                raise EvaluationError(
                    f"a worker died {MAX_DEATHS} times over the same individual (exit code "
                    f"{dead.process.exitcode}); the run can be resumed with `evonsfw resume`"
                )
        self._close_pipes()
        self._open_pipes()
        self._current[:] = -1
        self._start_all(count)  # first: they make room, should the pipe be a small one
        self._post(self._undone.values())

    def _start_all(self, count: int) -> None:
        """Start workers, each on its place."""
        for place in range(count):
            self._workers.append(self._start(place))
        for worker in self._workers:
            self._brief(worker)

    def _start(self, place: int) -> Worker:
        ours, theirs = self._context.Pipe()
        ends = theirs, self._tasks[0], self._dones[1]
        arguments = (place, self._prepare_only, self._board.names, *ends)
        process = self._context.Process(target=_work, args=arguments, daemon=True)
        with _sigint_held():
            process.start()
        theirs.close()
        worker = Worker(place, process, ours)
        if sys.platform != "win32":
            self._ears.register(ours, selectors.EVENT_READ, worker)
        return worker

    def _brief(self, worker: Worker) -> None:
        """Send a worker its job, target picture and all: not among the arguments of its process,
        for a process that dies before it has read those stops its parent for ever.
        """
        with suppress(OSError):  # it has died, which is noticed when its first slice is due
            worker.pipe.send(self._job)

    def _end_all(self) -> None:
        """End every worker; safe to call twice."""
        for worker in self._workers:
            if not worker.pipe.closed:
                if sys.platform != "win32":
                    self._ears.unregister(worker.pipe)
                worker.pipe.close()
            worker.process.terminate()
        for worker in self._workers:
            worker.process.join()
        self._workers = []

    def _open_pipes(self) -> None:
        """Two pipes: what is to be done, and what is done."""
        self._tasks = self._context.Pipe(duplex=False)
        self._dones = self._context.Pipe(duplex=False)
        never_wait(self._dones[0])

    def _close_pipes(self) -> None:
        for end in (*self._tasks, *self._dones):
            end.close()

    def close(self) -> None:
        """End every worker and free the shared memory; safe to call twice."""
        if self._closed:
            return
        self._end_all()
        self._closed = True
        self._close_pipes()
        self._ears.close()
        del self.genomes, self.results, self.inputs, self.returned
        del self._wanted, self._marks, self._current
        self._board.unlink()


def _groups(slices: Sequence[Slice], unit: int) -> list[list[Slice]]:
    """Slices one after the other, together where they are fewer genomes than a unit."""
    groups: list[list[Slice]] = []
    for one in slices:
        if groups and groups[-1][-1][1] - groups[-1][0][0] < unit:
            groups[-1].append(one)
        else:
            groups.append([one])
    return groups


@dataclass(frozen=True, eq=False)
class Worker:
    """One process, its place among them, and the pipe that it is briefed by and wakes us by."""

    place: int
    process: Any
    pipe: connection.Connection


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
    place: int,
    prepare_only: bool,
    names: tuple[tuple[str, tuple[int, ...]], ...],
    pipe: connection.Connection,
    tasks: connection.Connection,
    dones: connection.Connection,
) -> None:
    """A worker's life: take a slice, do it, say so, until nobody gives any."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    board = Board.attach(names)
    genomes, results, inputs, returned, wanted, marks, current = board.arrays()
    try:
        job: Job = pipe.recv()
        if job.yielding and hasattr(os, "nice"):
            os.nice(NICENESS)
        pipeline = Pipeline(job, score=not prepare_only)
        while record := take(tasks, _TASK.size):
            task = Task(*_TASK.unpack(record))
            current[place] = task.number
            mine = slice(task.start, task.stop)
            if prepare_only:
                pipeline.prepare(genomes[mine], inputs[mine])
            else:
                evaluation = pipeline.evaluate(genomes[mine], _wants_of(task, wanted))
                results[mine, 0] = evaluation.fitness
                results[mine, 1] = evaluation.scores
                if evaluation.parts is not None:
                    results[mine, 2:] = evaluation.parts
                if evaluation.gradients is not None:
                    returned[mine] = evaluation.gradients
                if evaluation.genomes is not None:
                    returned[mine] = evaluation.genomes
            put(dones, [_DONE.pack(task.number)])
            marks[mine] = task.number
            # Two that end at a time may both see the other's mark, or, hardly ever, neither does:
            # who waits looks at what is done, and does so after a while of its own accord, too.
            if marks[task.first : task.last].min() >= task.base:
                put(pipe, [_WOKEN])
    except EOFError:
        return  # the main process has ended
    except Exception as error:  # noqa: BLE001  # the main process decides what it means
        told = f"a worker failed: {type(error).__name__}: {error}"
        with suppress(OSError):  # it has ended, which is what failed
            # A file's name may be any bytes; and what is longer than one read is cut.
            put(pipe, [told.encode(errors="backslashreplace")[:TOLD]])


def _wants_of(task: Task, wanted: npt.NDArray[np.uint8]) -> Wants:
    """What is wanted of a task's slice."""
    if not task.length:
        return FITNESS_ONLY
    told = wanted[task.start, : task.length].tobytes()
    found: Wants = pickle.loads(told)  # noqa: S301  # from our own main process
    return found
