"""Turns of the window's main loop per second while evolution runs at full speed.

    python -m benchmarks.window [--evaluations 600]

A turn reads the events and shows the newest frame. Run it with a display (or under Xvfb); without
one it uses SDL's dummy driver. The figure is given as a ratio to the 30 a second that a window
should not fall below.
"""

from __future__ import annotations

import argparse
import os
import tempfile
import time
from pathlib import Path

import numpy as np

from evonsfw.config import make_config
from evonsfw.display import display_present
from evonsfw.launch import start_run
from evonsfw.stage import complete

WANTED = 30.0


def main() -> None:
    """Run an evolution with its window and time the window's turns."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--evaluations", type=int, default=600)
    arguments = parser.parse_args()
    if not display_present():
        os.environ["SDL_VIDEODRIVER"] = "dummy"
    from evonsfw import window

    turns: list[float] = []
    show = window.Window._show

    def timed(self: window.Window) -> None:
        show(self)
        turns.append(time.perf_counter())

    window.Window._show = timed  # type: ignore[method-assign]
    window.HOLD_SECONDS = 0.1
    settings = {"seed": 1, "search": "genetic", "evaluations": arguments.evaluations}
    with tempfile.TemporaryDirectory() as folder:
        config = complete(make_config(settings))
        start_run(config, Path(folder) / "run", "benchmark", True, print)
    gaps = np.diff(turns)
    rate = 1.0 / float(np.mean(gaps))
    print(
        f"{len(turns)} turns, {rate:.1f} a second = {rate / WANTED:.2f} of {WANTED:.0f}; "
        f"99% of them within {1000 * float(np.quantile(gaps, 0.99)):.0f} ms"
    )


if __name__ == "__main__":
    main()
