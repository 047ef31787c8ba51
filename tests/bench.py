"""What tests of whole runs share: a bench that starts and resumes them, and what they leave."""

from __future__ import annotations

import signal
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from evonsfw.config import make_config
from evonsfw.launch import resume_run, start_run
from evonsfw.search import use_of_improvement
from evonsfw.several import SEARCH


class Bench:
    """Starts and resumes small runs in this process, and remembers what they said."""

    def __init__(self, folder: Path, model: Path) -> None:
        self.folder, self.model = folder, model
        self.said: list[str] = []

    def settings(self, **settings: Any) -> dict[str, Any]:
        small = {"classifier": str(self.model), "n": 4, "size": 32, "seed": 7, "workers": 0}
        if settings.get("search") == SEARCH:
            small |= {"pareto": True, "objective": "green, symmetry"}
        if use_of_improvement(settings.get("search", "auto")) == "needs":
            small |= {"target": str(self._target())}
        return {**small, **settings}

    def _target(self) -> Path:
        """A picture that has places to climb to."""
        path = self.folder / "likeness.png"
        if not path.exists():
            rows, columns = np.indices((32, 32))
            channels = (rows * 8, columns * 8, (rows // 8 + columns // 8) % 2 * 200)
            Image.fromarray(np.stack(channels, axis=-1).astype(np.uint8)).save(path)
        return path

    def start(self, name: str, **settings: Any) -> Path:
        self.said.clear()
        config = make_config(self.settings(**settings))
        start_run(config, self.folder / name, "evonsfw", False, self.said.append)
        return self.folder / name

    def resume(self, folder: Path, **more: Any) -> None:
        self.said.clear()
        resume_run(folder, more, False, self.said.append)


def log(folder: Path) -> list[list[str]]:
    """The log's rows without the seconds; a row that is being written is left out."""
    path = folder / "log.csv"
    text = path.read_text() if path.exists() else ""
    rows = [line.split(",") for line in text.splitlines(keepends=True) if line.endswith("\n")]
    return [row[:2] + row[3:] for row in rows]


def scores(folder: Path) -> list[float]:
    return [float(row[2]) for row in log(folder)[1:]]


def genome_hash(folder: Path) -> str:
    with Image.open(folder / "best.png") as image:
        return str(image.text["evonsfw:genome_sha256"])


def pixels(folder: Path) -> list[tuple[str, bytes]]:
    """The run's pictures, by name."""
    found = []
    for path in sorted((folder / "generations").iterdir()):
        with Image.open(path) as image:
            found.append((path.name, image.tobytes()))
    return found


def assert_equal_runs(one: Path, two: Path) -> None:
    assert log(one) == log(two)
    assert genome_hash(one) == genome_hash(two)
    assert pixels(one) == pixels(two)


def ctrl_c() -> None:
    """Have the program hear Ctrl-C, from any thread.

    No real signal: OpenVINO gives threads a stack for signals and may free it with its model, so
    that a process of many models, as tests are, would crash. `test_launch` sends real ones to
    processes of their own.
    """
    handler = signal.getsignal(signal.SIGINT)
    assert callable(handler)
    assert handler is not signal.default_int_handler
    handler(signal.SIGINT, None)
