"""All benchmarks that compare with a named alternative, and one table at the end.

    python -m benchmarks [--rounds 3] [--quick]

Progress goes to standard error. What is not installed gets a row that says so. Left out are those
that take longer or want something special: `evaluations`, `target`, `scale`, `soak`, `gpu` and
`window`.
"""

from __future__ import annotations

import argparse
import contextlib
import multiprocessing
import sys
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from typing import NamedTuple

from benchmarks.table import Row, asked_of, print_table
from evonsfw.backends import backend_names, choose_backend, load_backend
from evonsfw.classifier import REFERENCE
from evonsfw.display import display_present

Measure = Callable[[], list[Row]]


class Effort(NamedTuple):
    """Rounds and the seconds of a turn; for backends, pictures and calls of each."""

    rounds: int
    seconds: float
    pictures: int
    calls: int


QUICK, FULL = Effort(1, 2.0, 24, 20), Effort(3, 4.0, 96, 60)
WORKERS, SHAPES = 2, 100
TURNS = 20
"""Rounds of what takes less than a millisecond, for each of the others."""
OVERHEAD_TURNS = 4
"""The main process is watched for this many times the seconds of a turn."""
OURS = ("benchmarks", "evonsfw")


def rasterizer(rounds: int) -> list[Row]:
    """Rendering against other rasterizers."""
    from benchmarks import rasterizer

    return rasterizer.measure(rounds)


def preparation(rounds: int) -> list[Row]:
    """All before inference against one Pillow render."""
    from benchmarks import preparation

    return preparation.measure(rounds)


def backends(pictures: int, rounds: int) -> list[Row]:
    """Backends against the reference."""
    from benchmarks import backends

    return backends.measure(pictures, rounds)


def loop(backend: str, rounds: int, seconds: float) -> list[Row]:
    """The loop against bare inference."""
    from benchmarks import loop

    reason = load_backend(backend).missing()
    if reason is not None:
        row = (f"loop, {backend}", f"bare {backend}", None, asked_of(loop.ASKED, backend))
        return [Row(*row, f"not installed: {reason}")]
    sizes = loop.SMALL, loop.LARGE
    return [loop.measure(backend, SHAPES, WORKERS, rounds, seconds, size) for size in sizes]


def program(rounds: int, seconds: float) -> list[Row]:
    """The program against the way of 2016."""
    from benchmarks import program

    return program.measure(list(program.ASKED), rounds, seconds)


def overhead(seconds: float) -> list[Row]:
    """The main process against one core: the main job as it is without flags, with the window
    where there is a display; then without, and with the backend that is chosen by itself.
    """
    from benchmarks import loop, overhead

    main_job = overhead.measure(REFERENCE, seconds, display_present(), search="auto")
    backend = choose_backend("auto", "cpu")
    sizes = loop.SMALL, loop.LARGE
    return [main_job, *(overhead.measure(backend, seconds, False, size) for size in sizes)]


def plan(effort: Effort) -> list[tuple[str, Measure]]:
    """What is measured, in order."""
    rounds, seconds = effort.rounds, effort.seconds
    loops = [
        (f"loop, {name}", partial(loop, name, rounds, seconds))
        for name in backend_names()
        if load_backend(name).DEVICE == "cpu"
    ]
    return [
        ("rasterizer", partial(rasterizer, TURNS * rounds)),
        ("preparation", partial(preparation, TURNS * rounds)),
        ("backends", partial(backends, effort.pictures, effort.calls)),
        *loops,
        ("program", partial(program, rounds, seconds)),
        ("overhead", partial(overhead, OVERHEAD_TURNS * seconds)),
    ]


def attempt(name: str, measure: Measure) -> tuple[list[Row], bool]:
    """A benchmark's rows and whether it worked; what it prints goes to standard error.

    Each runs in a process of its own: memory is measured, and libraries keep threads.

    One that lacks a package, or breaks, costs one row and none of the others.
    """
    try:
        with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as alone:
            return alone.submit(_quietly, measure).result(), True
    except Exception as error:  # noqa: BLE001  # the others have taken minutes: it must not cost them
        missing = error.name if isinstance(error, ModuleNotFoundError) else None
        if missing is not None and missing.split(".")[0] not in OURS:
            return [Row(name, "", None, None, f"not installed: {missing}")], True
        reason = " ".join(f"{type(error).__name__}: {error}".split())[:200]
        return [Row(name, "", None, None, f"failed: {reason}")], False


def _quietly(measure: Measure) -> list[Row]:
    with contextlib.redirect_stdout(sys.stderr):
        return measure()


def main() -> None:
    """Measure all, print one table; exit code 1 where a benchmark failed."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks", description=(__doc__ or "").splitlines()[0]
    )
    parser.add_argument("--rounds", type=int, help=f"default: {FULL[0]}")
    parser.add_argument("--quick", action="store_true", help="to see that all works, not to quote")
    arguments = parser.parse_args()
    effort = QUICK if arguments.quick else FULL
    effort = effort._replace(rounds=arguments.rounds or effort.rounds)
    rows, worked = [], True
    for name, measure in plan(effort):
        started = time.perf_counter()
        print(f"{name}…", file=sys.stderr, flush=True)
        found, fine = attempt(name, measure)
        rows += found
        worked = worked and fine
        print(f"{name}: {time.perf_counter() - started:.0f} s", file=sys.stderr, flush=True)
    print_table(rows)
    sys.exit(0 if worked else 1)
