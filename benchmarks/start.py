"""What the first run after an installation costs: compiling, against loading what was compiled.

    python -m benchmarks.start

A process of its own compiles all that a run of the default classifier needs, into an empty cache;
the next ones load it from there. Importing is not counted.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import tempfile

from benchmarks.table import Row, print_table

LATER = 3
"""Starts after the first one."""
START = """
import time
from evonsfw.config import make_config
from evonsfw.pipeline import warm_up
from evonsfw.stage import set_up
job = set_up(make_config({"seed": 1, "backend": "onnxruntime"})).job
started = time.perf_counter()
warm_up(job)
print(time.perf_counter() - started)
"""


def seconds(cache: str) -> float:
    """Getting ready in a process of its own, with that cache."""
    environment = {**os.environ, "NUMBA_CACHE_DIR": cache}
    command = [sys.executable, "-c", START]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    return float(done.stdout)


def measure() -> Row:
    """The first start, then others."""
    with tempfile.TemporaryDirectory() as cache:
        first = seconds(cache)
        later = statistics.median(seconds(cache) for _ in range(LATER))
    what = f"{first:.1f} s, then {later:.2f} s"
    return Row("first start", "a later one (times as long)", first / later, None, what)


def main() -> None:
    """Measure and print."""
    argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0]).parse_args()
    print_table([measure()])


if __name__ == "__main__":
    main()
