"""Coarse to fine against the full sweep: what it costs, and how far its maps are from the others.

    python -m benchmarks.occlusion [--stride 8] [PICTURE ...]

Without pictures: the two evolved ones of the README, and a photograph of scikit-image's at
256 pixels. The default classifier, windows of 64 pixels, grey. A map's error is told twice: at
the worst pixel, and the mean over all.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
from PIL import Image
from rich.console import Console
from rich.table import Table

from evonsfw.classifier import describe
from evonsfw.insight.occlusion import Occlusion, Sweep, occlude
from evonsfw.model_spec import DEFAULT
from evonsfw.preparation import Pictures
from evonsfw.scorers import Scorers
from evonsfw.subject import open_subject

IMAGES = Path(__file__).parent.parent / "docs" / "images"
SIDE = 256


def subjects(files: list[Path]) -> Iterator[tuple[str, Pictures]]:
    """Pictures by name."""
    for path in files or [IMAGES / "triangles.png", IMAGES / "circles.png"]:
        yield path.name, open_subject(path).pixels
    if not files:
        from skimage import data

        photograph = Image.fromarray(data.astronaut())  # type: ignore[no-untyped-call]
        yield "astronaut", np.asarray(photograph.resize((SIDE, SIDE)))


def timed(scorers: Scorers, pixels: Pictures, sweep: Sweep) -> tuple[Occlusion, float]:
    """The maps, and seconds."""
    started = time.perf_counter()
    index = scorers.spec.class_index(None)
    found = occlude(pixels, scorers.probabilities, index, sweep)
    return found, time.perf_counter() - started


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--stride", type=int, default=8)
    parser.add_argument("pictures", type=Path, nargs="*")
    given = parser.parse_args()
    table = Table("picture", "scorings", "time", "windows: worst, mean", "occlusion: worst, mean")
    with Scorers(describe(DEFAULT)) as scorers:
        for name, pixels in subjects(given.pictures):
            sweep = Sweep(stride=given.stride)
            full, slow = timed(scorers, pixels, sweep)
            near, fast = timed(scorers, pixels, replace(sweep, coarse_to_fine=True))
            apart = [
                np.abs(one - other)
                for one, other in (
                    (near.windows, full.windows),
                    (near.occlusion, full.occlusion),
                )
            ]
            table.add_row(
                name,
                f"{near.scorings} of {full.scorings}: {near.scorings / full.scorings:.3f}",
                f"{fast:.1f} s of {slow:.1f}: {fast / slow:.3f}",
                *(f"{one.max():.4f}, {one.mean():.4f}" for one in apart),
            )
    Console(width=120).print(table)


if __name__ == "__main__":
    main()
