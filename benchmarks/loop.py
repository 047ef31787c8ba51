"""Scorings per second of the whole loop, as a ratio to bare onnxruntime calls in the same run.

    python -m benchmarks.loop [--n 100] [--evaluations 480] [--workers 2] [--rounds 3]

The alternative: as many processes, each with one session of one thread, calling `run` on inputs
that are ready-made and do nothing else. Both are measured in turns, because the machine's speed
drifts; the ratio is the median over the rounds. Peak memory is PSS over all processes of the loop.
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

from evonsfw.classifier import input_shape, open_session, prepare
from evonsfw.composition import compose
from evonsfw.config import RunConfig, make_config
from evonsfw.genome import Encoding
from evonsfw.launch import start_run
from evonsfw.model_spec import DEFAULT, read_spec
from evonsfw.raster import render
from evonsfw.stage import complete

BARE = "--bare"
INPUTS = 64
"""Ready-made inputs of the alternative: prepared from composed pictures."""
SAMPLE_SECONDS = 0.1


def bare(calls: int) -> None:
    """One process of the alternative: ready-made inputs, batch of one."""
    spec = read_spec(DEFAULT)
    session = open_session(spec.path, "cpu")
    encoding = Encoding()
    genomes = compose(encoding, np.random.default_rng(0), INPUTS)
    inputs = np.empty((INPUTS, 1, *input_shape(spec)), np.float32)
    for picture, row in zip(render(genomes, encoding, (256, 256)), inputs, strict=True):
        prepare(spec, picture, row[0])
    name = session.get_inputs()[0].name
    session.run(None, {name: inputs[0]})
    print("ready", flush=True)
    sys.stdin.readline()
    for call in range(calls):
        session.run(None, {name: inputs[call % len(inputs)]})
    print("done", flush=True)


def bare_rate(processes: int, calls: int) -> float:
    """Calls per second of that many processes, started together, start-up not counted."""
    command = [sys.executable, "-m", "benchmarks.loop", BARE, str(calls // processes)]
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
    """Scorings per second of a run, its first generation (start-up) not counted."""
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "run"
        with contextlib.redirect_stdout(None):
            start_run(config, out, "benchmark", False, lambda _line: None)
        rows = np.loadtxt(out / "log.csv", delimiter=",", skiprows=1)
    (_, n0, t0), (_, n1, t1) = rows[0, :3], rows[-1, :3]
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


def main() -> None:
    """Measure in turns and print one line for each, then the ratio."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--n", type=int, default=100)
    parser.add_argument("--evaluations", type=int, default=480)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=3)
    arguments = parser.parse_args()
    settings = {
        "n": arguments.n,
        "seed": 1,
        "evaluations": arguments.evaluations,
        "workers": arguments.workers,
    }
    config = complete(make_config(settings))
    with PeakMemory() as memory:
        loop_rate(config)
    bares, loops = [], []
    for turn in range(arguments.rounds):
        bares.append(bare_rate(max(1, arguments.workers), arguments.evaluations))
        loops.append(loop_rate(config))
        print(f"round {turn + 1}: bare {bares[-1]:.1f}/s  loop {loops[-1]:.1f}/s")
    ratio = statistics.median(a / b for a, b in zip(loops, bares, strict=True))
    print(
        f"{arguments.n} triangles, {arguments.workers} workers: loop / bare onnxruntime = "
        f"{ratio:.3f} (median of {arguments.rounds} rounds), "
        f"peak memory {memory.peak / 1e6:.0f} MB (PSS)"
    )


if __name__ == "__main__":
    if sys.argv[1:2] == [BARE]:
        bare(int(sys.argv[2]))
    else:
        main()
