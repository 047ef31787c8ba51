"""Whether a long run grows: memory, open files and threads over many scorings.

    python -m benchmarks.soak [--evaluations 50000] [--backend openvino] [--every 50]

The program runs as people run it, with two workers, in a folder of its own; it is watched from
here, once a second. The ratio is the memory at the end to that after a tenth of the scorings; the
slope is of a straight line through all that comes after that tenth. Memory is what the processes
have written: anonymous pages and shared memory (RssAnon and RssShmem of Linux). PSS and USS are
printed beside it and prove nothing: both move by some hundredths or more whenever another program
with the same libraries starts or ends.
"""

from __future__ import annotations

import argparse
import contextlib
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import psutil

from benchmarks.scale import markdown
from benchmarks.table import Row, print_table
from evonsfw.backends import choose_backend

ASKED = 1.02
"""At most this many times the memory after a tenth."""
WARM = 0.1
"""Share of the scorings after which memory has to stand still."""
SAMPLE_SECONDS = 1.0
NEAR = 0.025
"""Memory at a share of the scorings is the median of the samples this near to it."""
POPULATION = 8


class Sample(NamedTuple):
    """The program at one moment; memory in MB, over all processes where nothing else is said."""

    evaluations: float
    pss: float
    own: float
    uss: float
    rss: float
    main_pss: float
    files: float
    threads: float
    processes: float


def soak(folder: Path, backend: str, evaluations: int, every: int) -> list[Sample]:
    """Samples of one run, in order.

    Raises:
        ValueError: the run failed.
    """
    out = folder / "run"
    flags = {
        "--backend": backend,
        "--evaluations": evaluations,
        "--every": every,
        "--workers": 2,
        "--search": "genetic",
        "--population": POPULATION,
        "--seed": 1,
        "--out": out,
    }
    command = [sys.executable, "-m", "evonsfw", "--no-window"]
    command += [str(word) for flag in flags.items() for word in flag]
    samples = []
    with (folder / "said").open("w+") as said:
        program = subprocess.Popen(command, stdout=said, stderr=said)
        while program.poll() is None:
            time.sleep(SAMPLE_SECONDS)
            with contextlib.suppress(psutil.Error, OSError):
                samples.append(_sample(program.pid, out / "log.csv"))
        if program.returncode:
            said.seek(0)
            raise ValueError(f"the run failed: {said.read()[-500:]}")
    return samples


def _sample(pid: int, log: Path) -> Sample:
    """Look at a process and all below it."""
    main = psutil.Process(pid)
    everyone = [main, *main.children(recursive=True)]
    memory = [process.memory_full_info() for process in everyone]
    return Sample(
        _scored(log),
        sum(part.pss for part in memory) / 1e6,
        sum(_written(process.pid) for process in everyone) / 1e6,
        sum(part.uss for part in memory) / 1e6,
        sum(part.rss for part in memory) / 1e6,
        memory[0].pss / 1e6,
        sum(process.num_fds() for process in everyone),
        sum(process.num_threads() for process in everyone),
        len(everyone),
    )


def _written(pid: int) -> int:
    """Bytes of a process's memory that are no file's."""
    lines = Path(f"/proc/{pid}/status").read_text(encoding="utf-8").splitlines()
    sizes = [line.split() for line in lines if line.startswith(("RssAnon:", "RssShmem:"))]
    return sum(1024 * int(size) for _, size, _ in sizes)


def _scored(log: Path) -> int:
    """Scorings of the log's last whole row."""
    with log.open("rb") as file:
        file.seek(max(0, log.stat().st_size - 512))
        rows = file.read().decode("utf-8").splitlines(keepends=True)
    whole = [row for row in rows[1:] if row.endswith("\n")]
    return int(whole[-1].split(",")[1]) if whole else 0


def at(samples: npt.NDArray[np.float64], share: float, evaluations: int) -> npt.NDArray[np.float64]:
    """(9,) medians of the samples nearest to a share of the scorings."""
    off = np.abs(samples[:, 0] / evaluations - share)
    near = off <= max(NEAR, float(off.min()))
    middle: npt.NDArray[np.float64] = np.median(samples[near], axis=0)
    return middle


def slopes(samples: npt.NDArray[np.float64], evaluations: int) -> npt.NDArray[np.float64]:
    """(9,) growth in 10,000 scorings after the first tenth."""
    late = samples[samples[:, 0] >= WARM * evaluations]
    growth: npt.NDArray[np.float64] = np.polyfit(late[:, 0] / 1e4, late, 1)[0]
    return growth


def measure(backend: str, evaluations: int, every: int) -> Row:
    """One run; prints what its memory was.

    Raises:
        ValueError: the run failed, or was too short to be looked at.
    """
    with tempfile.TemporaryDirectory() as folder:
        started = time.perf_counter()
        found = soak(Path(folder), backend, evaluations, every)
        seconds = time.perf_counter() - started
    usual = statistics.median(sample.processes for sample in found)
    whole = [sample for sample in found if sample.evaluations and sample.processes >= usual]
    samples = np.array(whole, np.float64)  # those of start-up and end left out
    if len(samples) < 10:
        raise ValueError(f"{len(samples)} samples: too few; give --evaluations more")
    moments = [at(samples, share, evaluations) for share in (WARM, 0.5, 1.0)]
    growth = slopes(samples, evaluations)
    print(f"\n{backend}, {evaluations:,} scorings, --every {every}, {seconds:.0f} s\n")
    head = ["", "at 10%", "at 50%", "at the end", "in 10,000 scorings, from 10% on"]
    rows = _rows(moments, growth)
    print(markdown(head, rows), flush=True)
    return Row(
        f"memory at the end, {backend}, {evaluations:,} scorings, --every {every}",
        "memory after a tenth of them (at most)",
        float(moments[-1][2] / moments[0][2]),
        ASKED,
        f"{moments[-1][2]:.0f} MB at the end, {growth[2]:+.2f} MB in 10,000 scorings; "
        f"open files {growth[6]:+.2f}, threads {growth[7]:+.2f}",
    )


def _rows(
    moments: Sequence[npt.NDArray[np.float64]], growth: npt.NDArray[np.float64]
) -> list[list[str]]:
    """A row for each thing that was sampled."""
    names = (
        "PSS, all processes, MB",
        "written, all processes, MB",
        "USS, all processes, MB",
        "RSS, all processes (shared pages several times), MB",
        "PSS, main process, MB",
        "open files",
        "threads",
        "processes",
    )
    return [
        [name, *(f"{moment[i]:.1f}" for moment in moments), f"{growth[i]:+.2f}"]
        for i, name in enumerate(names, start=1)
    ]


def main() -> None:
    """Soak one backend, once for each `--every`."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--evaluations", type=int, default=50_000)
    parser.add_argument("--backend", default="auto")
    parser.add_argument("--every", default="50", help="one number or several: 50,1")
    arguments = parser.parse_args()
    if not Path("/proc/self/status").is_file():
        print("nothing measured: only Linux says what a process has written", file=sys.stderr)
        sys.exit(2)
    backend = choose_backend(arguments.backend)
    every = [int(number) for number in arguments.every.split(",")]
    print_table([measure(backend, arguments.evaluations, number) for number in every])


if __name__ == "__main__":
    main()
