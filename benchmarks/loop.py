"""Scorings per second of the whole loop, as a ratio to bare inference in the same run.

    python -m benchmarks.loop [--backend onnxruntime] [--n 100] [--workers 2] [--rounds 3]
                              [--population 8]

The alternative: as many processes with the same backend, each of one thread, calling it on inputs
that are ready-made and doing nothing else. Both are measured in turns of about `--seconds`,
because the machine's speed drifts; the ratio is the median over the rounds. Peak memory is PSS
over all processes of the loop.
"""

from __future__ import annotations

import argparse
import contextlib
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

import numpy as np
import psutil

from benchmarks.table import Asked, Row, asked_of, print_table, with_arithmetic
from evonsfw.backends import load_backend
from evonsfw.composition import compose
from evonsfw.config import RunConfig, make_config
from evonsfw.genome import Encoding
from evonsfw.launch import start_run
from evonsfw.model_spec import DEFAULT, read_spec
from evonsfw.preparation import input_shape, prepare
from evonsfw.raster import render
from evonsfw.stage import complete

BARE = "--bare"
ASKED: Asked = {"onnxruntime": ("fp32", 0.90), "openvino": ("bf16", 0.75)}
SMALL, LARGE = 8, 64
"""Populations: the default of the search, which goes furthest on a few hundred scorings, and one
whose halves give each worker more than it can hold, so that nobody waits for the last one.
"""
PROBE = 192
"""Scorings, at least, that tell how many there are in a turn."""
INPUTS = 64
"""Ready-made inputs of the alternative: prepared from composed pictures."""
SAMPLE_SECONDS = 0.1


def bare(calls: int, backend: str) -> None:
    """One process of the alternative: ready-made inputs, batch of one."""
    spec = read_spec(DEFAULT)
    module = load_backend(backend)
    network = module.open_network(module.model_file(spec), input_shape(spec), (1,))
    encoding = Encoding()
    genomes = compose(encoding, np.random.default_rng(0), INPUTS)
    inputs = np.empty((INPUTS, 1, *input_shape(spec)), np.float32)
    for picture, row in zip(render(genomes, encoding, (256, 256)), inputs, strict=True):
        prepare(spec, picture, row[0])
    network(inputs[0])
    print("ready", flush=True)
    sys.stdin.readline()
    for call in range(calls):
        network(inputs[call % len(inputs)])
    print("done", flush=True)


def bare_rate(processes: int, calls: int, backend: str) -> float:
    """Calls per second of that many processes, started together, start-up not counted."""
    command = [sys.executable, "-m", "benchmarks.loop", BARE, str(calls // processes), backend]
    workers = [
        subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        for _ in range(processes)
    ]
    for worker in workers:
        assert worker.stdout is not None
        worker.stdout.readline()
    started = time.perf_counter()
    for worker in workers:
        assert worker.stdin is not None
        worker.stdin.write("\n")
        worker.stdin.flush()
    for worker in workers:
        assert worker.stdout is not None
        worker.stdout.readline()
    seconds = time.perf_counter() - started
    for worker in workers:
        worker.communicate()
    return calls // processes * processes / seconds


def loop_rate(config: RunConfig) -> float:
    """Scorings per second of a run, from its second generation on: start-up is over, and as much
    is in flight as at the end.
    """
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "run"
        with contextlib.redirect_stdout(None):
            start_run(config, out, "benchmark", False, lambda _line: None)
        rows = np.loadtxt(out / "log.csv", delimiter=",", skiprows=1)
    (_, n0, t0), (_, n1, t1) = rows[1, :3], rows[-1, :3]
    return (n1 - n0) / (t1 - t0)


class PeakMemory:
    """Samples the PSS of this process and all below it; in a run of its own, because reading it
    stops a process for a moment.
    """

    def __enter__(self) -> PeakMemory:
        """Start sampling."""
        self.peak = 0.0
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._sample, daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *_error: object) -> None:
        """Stop sampling."""
        self._ended.set()
        self._thread.join()

    def _sample(self) -> None:
        me = psutil.Process()
        while not self._ended.wait(SAMPLE_SECONDS):
            total = 0.0
            for process in (me, *me.children(recursive=True)):
                try:
                    total += process.memory_full_info().pss
                except psutil.Error:
                    continue
            self.peak = max(self.peak, total)


def measure(
    backend: str, n: int, workers: int, rounds: int, seconds: float, population: int = SMALL
) -> Row:
    """The loop against bare inference, in turns; prints each round.

    Raises:
        ValueError: the backend is not there.
    """
    settings = {"n": n, "seed": 1, "workers": workers, "backend": backend, "search": "genetic"}
    settings["population"] = population
    least = max(PROBE, 5 * population)
    probe = complete(make_config({**settings, "evaluations": least}))
    with PeakMemory() as memory:
        rate = loop_rate(probe)
    count = round(max(least, rate * seconds))
    config = complete(make_config({**settings, "evaluations": count}))
    bares, loops = [], []
    for turn in range(rounds):
        bares.append(bare_rate(max(1, workers), count, backend))
        loops.append(loop_rate(config))
        print(f"round {turn + 1}: bare {bares[-1]:.1f}/s  loop {loops[-1]:.1f}/s", flush=True)
    ratios = [a / b for a, b in zip(loops, bares, strict=True)]
    name = with_arithmetic(backend)
    return Row(
        f"loop, {n} {config.shapes[0]}, {workers} workers, {name}, population {population}",
        f"bare {name}, as many processes",
        statistics.median(ratios),
        asked_of(ASKED, backend),
        f"{min(ratios):.3f} to {max(ratios):.3f}; {statistics.median(loops):.0f}/s; "
        f"peak {memory.peak / 1e6:.0f} MB PSS",
    )


def main() -> None:
    """Measure one backend."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--backend", default="onnxruntime")
    parser.add_argument("--n", type=int, default=100)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=8.0)
    parser.add_argument("--population", type=int, default=SMALL)
    arguments = parser.parse_args()
    print_table([measure(**vars(arguments))])


if __name__ == "__main__":
    if sys.argv[1:2] == [BARE]:
        bare(int(sys.argv[2]), sys.argv[3])
    else:
        main()
