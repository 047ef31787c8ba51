"""Coarse to fine against the full sweep: what it costs, and how far its maps are from the others.

    python -m benchmarks.occlusion [--stride 3] [PICTURE ...]

Without pictures: the two evolved ones of the README, and photographs of scikit-image's at
256 pixels; at stride 3 that takes three minutes a picture. The default classifier, windows of 64
pixels, grey. A map's error is told thrice: at the worst pixel, the mean over all, and of how many
pixels in a hundred it is at most 0.02.
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
from evonsfw.coarse import Floats
from evonsfw.insight.occlusion import Occlusion, Sweep, occlude
from evonsfw.model_spec import DEFAULT
from evonsfw.preparation import Pictures
from evonsfw.scorers import Scorers
from evonsfw.subject import open_subject

IMAGES = Path(__file__).parent.parent / "docs" / "images"
PHOTOGRAPHS = "astronaut", "coffee", "chelsea"
SIDE = 256
MAPS = "windows", "occlusion"
NEAR = 0.02
"""How far coarse to fine may be from the full sweep."""


def subjects(files: list[Path]) -> Iterator[tuple[str, Pictures]]:
    """Pictures by name."""
    for path in files or [IMAGES / "triangles.png", IMAGES / "circles.png"]:
        yield path.name, open_subject(path).pixels
    if not files:
        from skimage import data

        for name in PHOTOGRAPHS:
            yield name, np.asarray(Image.fromarray(getattr(data, name)()).resize((SIDE, SIDE)))


def timed(scorers: Scorers, pixels: Pictures, sweep: Sweep) -> tuple[Occlusion, float]:
    """The maps, and seconds."""
    started = time.perf_counter()
    index = scorers.spec.class_index(None)
    found = occlude(pixels, scorers.probabilities, index, sweep)
    return found, time.perf_counter() - started


def _told(apart: Floats) -> str:
    """Of a map's error: the worst, the mean, and how many pixels in a hundred are near."""
    return f"{apart.max():.3f}, {apart.mean():.4f}, {100 * (apart <= NEAR).mean():.1f}%"


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--stride", type=int, default=3)
    parser.add_argument("pictures", type=Path, nargs="*")
    given = parser.parse_args()
    table = Table("picture", "scorings", "time", *(f"{one}: worst, mean, near" for one in MAPS))
    with Scorers(describe(DEFAULT)) as scorers:
        for picture, pixels in subjects(given.pictures):
            sweep = Sweep(stride=given.stride)
            full, slow = timed(scorers, pixels, sweep)
            near, fast = timed(scorers, pixels, replace(sweep, coarse_to_fine=True))
            apart = [np.abs(getattr(near, name) - getattr(full, name)) for name in MAPS]
            table.add_row(
                picture,
                f"{near.scorings} of {full.scorings}: {near.scorings / full.scorings:.3f}",
                f"{fast:.1f} s of {slow:.1f}: {fast / slow:.3f}",
                *(_told(one) for one in apart),
            )
    Console(width=120).print(table)


if __name__ == "__main__":
    main()
