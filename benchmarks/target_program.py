"""The installed program towards a target picture: RMSE against CPU seconds of all its processes.

It is started as a person would start it, with two workers, and sent what Ctrl-C sends when its
processes together have spent their CPU seconds, start-up included. Errors are those of the PNG
that it leaves, and on the way those of its log.
"""

from __future__ import annotations

import resource
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import NamedTuple

import numpy as np
import psutil
from PIL import Image

from benchmarks.finished import read_log
from benchmarks.greedy import rmse
from benchmarks.subjects import Picture

WORKERS = 2
LOOK = 0.05
"""Seconds between two looks at what has been spent."""
ON_THE_WAY = (0.25, 0.5)
"""Shares of the CPU seconds at which the log is read."""


class Spent(NamedTuple):
    """What a run came to.

    Attributes:
        error: RMSE over RGB of its picture on disk, 0…255.
        on_the_way: the log's best RMSE when those shares of the CPU seconds were spent; infinite
            before the first generation is logged.
        cpu: CPU seconds of all its processes.
        wall: seconds from start to end.
    """

    error: float
    on_the_way: list[float]
    cpu: float
    wall: float


def run_program(target: Picture, words: list[str], seconds: float) -> Spent:
    """Run the program until its processes have spent so many CPU seconds, or it ends by itself.

    Args:
        target: (H, W, 3) uint8, also the size of the run's canvas.
        words: further words of the command line.
        seconds: CPU seconds.

    Raises:
        RuntimeError: the program failed; says what it printed.
    """
    with tempfile.TemporaryDirectory() as folder:
        file, out = Path(folder) / "target.png", Path(folder) / "run"
        Image.fromarray(target).save(file)
        size = f"{target.shape[1]}x{target.shape[0]}"
        command = [sys.executable, "-m", "evonsfw", "--target", str(file), "--size", size]
        command += ["--workers", str(WORKERS), "--no-window", "--out", str(out), *words]
        before, started = _children(), time.perf_counter()
        on_the_way = _until_spent(command, out, seconds, Path(folder) / "said.txt")
        cpu, wall = _children() - before, time.perf_counter() - started
        picture = np.asarray(Image.open(out / "best.png").convert("RGB"))
        return Spent(rmse(picture, target), on_the_way, cpu, wall)


def start_up(target: Picture, words: list[str]) -> float:
    """CPU seconds of all processes of a run that has next to nothing to do."""
    return run_program(target, [*words, "--n", "1", "--evaluations", "1"], float("inf")).cpu


def _until_spent(command: list[str], out: Path, seconds: float, said: Path) -> list[float]:
    """Start the program, watch it, send Ctrl-C; errors on the way."""
    on_the_way: list[float] = []
    with said.open("w") as lines:
        process = subprocess.Popen(command, stdout=lines, stderr=lines)
    told = False
    while process.poll() is None:
        spent = _tree(process.pid)
        if len(on_the_way) < len(ON_THE_WAY) and spent >= seconds * ON_THE_WAY[len(on_the_way)]:
            on_the_way.append(_logged(out))
        if spent >= seconds and not told:
            process.send_signal(signal.SIGINT)
            told = True
        time.sleep(LOOK)
    if not (out / "best.png").is_file():
        raise RuntimeError(f"{' '.join(command)}: exit {process.returncode}: {said.read_text()}")
    return on_the_way


def _logged(out: Path) -> float:
    """The best RMSE of the log so far."""
    rows = read_log(out) if (out / "log.csv").is_file() else []
    return float(rows[-1]["best_score"]) if rows else float("inf")


def _tree(pid: int) -> float:
    """CPU seconds of a process and all below it so far."""
    total = 0.0
    try:
        main = psutil.Process(pid)
        for process in (main, *main.children(recursive=True)):
            times = process.cpu_times()
            total += times.user + times.system
    except psutil.Error:
        pass  # it has just ended
    return total


def _children() -> float:
    """CPU seconds of all processes that this one has started and that are over."""
    spent = resource.getrusage(resource.RUSAGE_CHILDREN)
    return spent.ru_utime + spent.ru_stime
