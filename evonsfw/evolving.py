"""`evolve` of the Python API: settings → the best picture of a run."""

from __future__ import annotations

import contextlib
import io
import os
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from evonsfw.config import make_config
from evonsfw.exporters import Artwork, load_exporter
from evonsfw.findings import require_free
from evonsfw.genome import Encoding
from evonsfw.launch import start_run
from evonsfw.picture_like import subject_of
from evonsfw.preparation import Pictures
from evonsfw.shapes import Canvas


@dataclass(frozen=True, eq=False)
class Evolved:
    """What an evolution came to.

    Attributes:
        picture: (H, W, 3) uint8 sRGB, the best.
        score: what it was scored, by the reference.
        genome: (L,) float32 in [0, 1].
        encoding: what the genes mean: `encoding.decode(genome)` has the shapes.
        canvas: width and height in pixels.
        folder: the run folder; None where none was asked for.
        texts: what the picture's file says of itself, by keyword.
    """

    picture: Pictures
    score: float
    genome: npt.NDArray[np.float32]
    encoding: Encoding
    canvas: Canvas
    folder: Path | None
    texts: dict[str, str]

    def save(self, path: str | Path, size: Canvas | None = None) -> Path:
        """Write it, as `evonsfw export` does: the ending says how; what made it travels inside. No
        other program's drawing of an SVG is compared with it.

        Args:
            path: .png, .svg or .json.
            size: width and height in pixels; None is what was scored.

        Raises:
            ValueError: the ending is none of these, or there is a file of that name.
        """
        path = Path(path)
        if path.suffix not in (".png", ".svg", ".json"):
            raise ValueError(f"{path}: expected a name that ends in .png, .svg or .json")
        require_free([path])
        artwork = Artwork(self.genome, self.encoding, self.texts)
        load_exporter(path.suffix[1:]).write(path, artwork, size or self.canvas)
        return path


def evolve(
    out: str | Path | None = None,
    say: Callable[[str], None] | None = None,
    **settings: Any,
) -> Evolved:
    """Evolve a picture, as `evonsfw` without a command does, without a window.

    Every flag of the command line is a keyword, with _ for -: `evolve(shapes="circles", n=50,
    until=0.9, seed=1)`; `class_` and `from_` have a _ at their end. Only `workers` has another
    default, 0, so that no process is started that would import the calling script anew.

    To be called on the main thread: Ctrl-C ends the run cleanly, and what was found is returned.

    Args:
        out: the run folder, which is not there yet; None leaves nothing on disk.
        say: is handed the lines that the command would print; None for silence.
        settings: as `evonsfw --help` has them.

    Raises:
        ValueError: the settings or the folder do not work out, or the run was stopped before its
            first generation.
        EvaluationError: scoring failed for good.
    """
    config = make_config({"workers": 0, **settings})
    with tempfile.TemporaryDirectory(prefix="evonsfw-") as nowhere:
        folder = Path(out) if out is not None else Path(nowhere) / "run"
        command = f"evonsfw --config {folder / 'config.yaml'}"
        loud = sys.stdout

        def tell(line: str) -> None:
            if out is None:  # a path that will be gone
                line = line.replace(f"{folder}{os.sep}", "")
            with contextlib.redirect_stdout(loud):
                (say or _unsaid)(line)

        with contextlib.redirect_stdout(io.StringIO()):  # what the bar would print
            start_run(config, folder, command, window=False, say=tell)
        return _evolved(folder, None if out is None else folder)


def _unsaid(_line: str) -> None:
    """For who does not want to know."""


def _evolved(folder: Path, kept: Path | None) -> Evolved:
    """The best of a run folder."""
    best_file = folder / "best.png"
    if not best_file.is_file():
        raise ValueError("evolve: stopped before the first generation was scored")
    best = subject_of(best_file)
    assert best.provenance is not None, "runs write it"
    genome, config, texts = best.provenance
    score = float(texts["evonsfw:score"])
    return Evolved(best.pixels, score, genome, config.encoding, config.canvas, kept, texts)
