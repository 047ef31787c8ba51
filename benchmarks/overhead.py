"""What the main process costs beside its workers, in parts of one core, thread by thread.

    python -m benchmarks.overhead [--backend onnxruntime] [--seconds 20] [--window] [--population 8]
                                  [--search genetic]

The loop's thread is the search (ask, tell, records, messages). With a backend that is not exact it
also scores again what is shown: that is scoring, told apart and not in the sum. The recorder's
thread writes PNGs, log and checkpoints; the main thread shows the progress bar or, with
`--window`, the window, and wants a display. All else of a run is in the two workers. Start-up
is not counted.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import tempfile
import threading
import time
from collections import defaultdict
from pathlib import Path
from typing import Any

import psutil

from benchmarks.loop import SMALL
from benchmarks.table import Row, print_table
from evonsfw.classifier import Classifier
from evonsfw.config import make_config
from evonsfw.launch import start_run
from evonsfw.stage import complete

ASKED = 0.05
START_UP = 4.0
"""Seconds that are left out."""
LOOP = "evolution"
"""The name of the loop's thread."""


class Referee:
    """Counts the CPU seconds of what the reference scores again."""

    def __init__(self) -> None:
        self.seconds = 0.0

    def __enter__(self) -> Referee:
        """Count from now on."""
        self._before = Classifier.probabilities
        Classifier.probabilities = self._counted  # type: ignore[method-assign]
        return self

    def __exit__(self, *_error: object) -> None:
        """Count no more."""
        Classifier.probabilities = self._before  # type: ignore[method-assign]

    @property
    def _counted(self) -> Any:
        def probabilities(classifier: Classifier, pictures: Any) -> Any:
            started = time.thread_time()
            found = self._before(classifier, pictures)
            self.seconds += time.thread_time() - started
            return found

        return probabilities


class Clock(threading.Thread):
    """Samples the CPU seconds of this process's threads, and a referee's, until told to stop."""

    def __init__(self, referee: Referee) -> None:
        super().__init__(daemon=True, name="clock")
        self._referee = referee
        self.again = 0.0
        self._ended = threading.Event()
        self.seconds: dict[str, float] = {}
        self.passed = 0.0

    def run(self) -> None:
        """Take the first sample after start-up, then others: the last one counts."""
        while LOOP not in _by_thread():  # the first run after an installation compiles
            if self._ended.wait(0.1):
                return
        if self._ended.wait(START_UP):
            return
        first, again, began = _by_thread(), self._referee.seconds, time.perf_counter()
        while not self._ended.wait(0.5):
            now = _by_thread()
            if LOOP not in now:
                return  # it has ended, and took its seconds with it
            self.seconds = {name: now[name] - first.get(name, 0.0) for name in now}
            self.again = self._referee.seconds - again
            self.passed = time.perf_counter() - began

    def stop(self) -> None:
        """End sampling."""
        self._ended.set()
        self.join()


def _by_thread() -> dict[str, float]:
    """CPU seconds by a thread's kind: its name up to the first underscore."""
    kinds = {thread.native_id: thread.name.split("_")[0] for thread in threading.enumerate()}
    seconds: defaultdict[str, float] = defaultdict(float)
    for thread in psutil.Process().threads():
        seconds[kinds.get(thread.id, "libraries")] += thread.user_time + thread.system_time
    return dict(seconds)


def measure(
    backend: str, seconds: float, window: bool, population: int = SMALL, search: str = "genetic"
) -> Row:
    """Run for a while and add up; only a genetic search has the population asked for."""
    settings = {"seed": 1, "workers": 2, "backend": backend, "search": search}
    if search == "genetic":
        settings["population"] = population
    config = complete(make_config({**settings, "minutes": (seconds + START_UP) / 60.0}))
    referee = Referee()
    clock = Clock(referee)
    clock.start()
    with (
        referee,
        tempfile.TemporaryDirectory() as folder,
        contextlib.redirect_stdout(io.StringIO()),
    ):
        start_run(config, Path(folder) / "run", "benchmark", window, lambda _line: None)
    clock.stop()
    shares = {name: spent / clock.passed for name, spent in clock.seconds.items()}
    shares.pop("clock", None)
    again = clock.again / clock.passed
    shares[LOOP] -= again
    parts = ", ".join(f"{name} {share:.1%}" for name, share in sorted(shares.items()))
    if again:
        parts += f"; beside it, scoring again {again:.1%}"
    shown = "window" if window else "progress bar"
    how = f"population {population}" if search == "genetic" else f"search {search}"
    what = f"main process, {backend}, {shown}, {how}"
    return Row(what, "one core", sum(shares.values()), ASKED, parts)


def main() -> None:
    """Measure one backend."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--backend", default="onnxruntime")
    parser.add_argument("--seconds", type=float, default=20.0)
    parser.add_argument("--window", action="store_true")
    parser.add_argument("--population", type=int, default=SMALL)
    parser.add_argument("--search", default="genetic")
    print_table([measure(**vars(parser.parse_args()))])


if __name__ == "__main__":
    main()
