"""Runs that benchmarks look at when they are over."""

from __future__ import annotations

import csv
import io
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stdout
from pathlib import Path
from typing import Any

from evonsfw.config import make_config
from evonsfw.launch import start_run


@contextmanager
def finished_run(**settings: Any) -> Iterator[Path]:
    """The folder of a run to its end, as a user would start it; it is gone afterwards."""
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "run"
        with redirect_stdout(io.StringIO()):  # the progress lines
            start_run(make_config(settings), out, "benchmark", False, lambda _line: None)
        yield out


def read_log(folder: Path) -> list[dict[str, str]]:
    """The rows of a run's log.csv, by column."""
    with (folder / "log.csv").open(encoding="utf-8") as file:
        return list(csv.DictReader(file))
