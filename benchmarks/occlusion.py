"""Coarse to fine against the full sweep: what it costs, and how far its maps are from the others.

    python -m benchmarks.occlusion [--stride 3] [--backend NAME] [PICTURE ...]

Without pictures: the two evolved ones of the README, and photographs of scikit-image's at
256 pixels; at stride 3 that takes three minutes a picture. The default classifier, windows of 64
pixels, grey. A map's error is told thrice: at the worst pixel, the mean over all, and of how many
pixels in a hundred it is at most 0.02. Which places are scored is partly luck: so the scores of
the full sweep are turned and mirrored, too, eight ways in all, and it is told in how many of these
every pixel is within 0.02.

With --backend the full sweep by that backend is compared with the reference's instead.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
from PIL import Image
from rich.console import Console
from rich.table import Table

from evonsfw.classifier import Probabilities, describe
from evonsfw.coarse import Floats, Point, Survey, averaged, coverage, starts, survey
from evonsfw.insight.occlusion import SHARE, Occlusion, Sweep, occlude
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


def timed(
    scorers: Scorers, pixels: Pictures, sweep: Sweep, scores: list[float]
) -> tuple[Occlusion, float]:
    """The maps, and seconds; every score is appended, in the order that it was asked for."""
    started = time.perf_counter()
    index = scorers.spec.class_index(None)

    def score(pictures: Iterable[Pictures]) -> Iterator[Probabilities]:
        for found in scorers.probabilities(pictures):
            scores.append(float(found[index]))
            yield found

    return occlude(pixels, score, index, sweep), time.perf_counter() - started


def turned(fields: Floats) -> Iterator[Floats]:
    """(2, R, C) scores of both maps, eight ways."""
    for one in (fields, fields.transpose(0, 2, 1)):
        for down in (1, -1):
            yield from (one[:, ::down, ::across] for across in (1, -1))


def looked_up(scores: Floats, points: Sequence[Point]) -> list[float]:
    """The scores at some places."""
    return [float(scores[point]) for point in points]


def good_turns(pixels: Pictures, sweep: Sweep, scores: list[float]) -> list[int]:
    """Of each map, in how many of eight ways all pixels are near.

    Args:
        pixels: (H, W, 3) uint8.
        sweep: how it was swept.
        scores: of the whole picture, of all windows, and of all that windows leave.
    """
    side, step = sweep.window, sweep.stride
    sides = [coverage(starts(length, side, step), side, length) for length in pixels.shape[:2]]
    whole = np.reshape(scores[1:], (2, *map(len, sides)))
    good = [0, 0]
    for fields in turned(whole):
        down, across = sides if fields.shape == whole.shape else sides[::-1]
        grids = [Survey(partial(looked_up, one), down, across) for one in fields]
        survey(grids, -(-whole.size // SHARE))
        for number, (one, grid) in enumerate(zip(fields, grids, strict=True)):
            apart = averaged(one, down, across) - averaged(grid.scores(), down, across)
            good[number] += bool((np.abs(apart) <= NEAR).all())
    return good


def _told(apart: Floats) -> str:
    """Of a map's error: the worst, the mean, and how many pixels in a hundred are near."""
    return f"{apart.max():.3f}, {apart.mean():.4f}, {100 * (apart <= NEAR).mean():.1f}%"


def coarse_to_fine(pictures: Iterable[tuple[str, Pictures]], sweep: Sweep) -> Table:
    """A tenth of the places against all of them."""
    told = (f"{one}: worst, mean, near; turns" for one in MAPS)
    table = Table("picture", "scorings", "time", *told)
    with Scorers(describe(DEFAULT)) as scorers:
        for picture, pixels in pictures:
            scores: list[float] = []
            full, slow = timed(scorers, pixels, sweep, scores)
            near, fast = timed(scorers, pixels, replace(sweep, coarse_to_fine=True), [])
            good = good_turns(pixels, sweep, scores)
            table.add_row(
                picture,
                f"{near.scorings} of {full.scorings}: {near.scorings / full.scorings:.3f}",
                f"{fast:.1f} s of {slow:.1f}: {fast / slow:.3f}",
                *(
                    f"{_told(one)}; {turns} of 8"
                    for one, turns in zip(_apart(near, full), good, strict=True)
                ),
            )
    return table


def by_backend(pictures: Iterable[tuple[str, Pictures]], sweep: Sweep, backend: str) -> Table:
    """All places by a backend against all of them by the reference."""
    told = (f"{one}: worst, mean, near" for one in MAPS)
    spec = describe(DEFAULT)
    with Scorers(spec) as reference, Scorers(spec, backend=backend) as others:
        table = Table("picture", "scorings", f"time by {others.backend}", "the whole", *told)
        for picture, pixels in pictures:
            full, slow = timed(reference, pixels, sweep, [])
            found, fast = timed(others, pixels, sweep, [])
            table.add_row(
                picture,
                f"{full.scorings}",
                f"{fast:.1f} s of {slow:.1f}: {fast / slow:.3f}",
                f"{found.score:.4f}, {full.score:.4f}",
                *map(_told, _apart(found, full)),
            )
    return table


def _apart(found: Occlusion, full: Occlusion) -> list[Floats]:
    """How far both maps are from those of the reference's full sweep."""
    return [np.abs(getattr(found, name) - getattr(full, name)) for name in MAPS]


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--stride", type=int, default=3)
    parser.add_argument("--backend")
    parser.add_argument("pictures", type=Path, nargs="*")
    given = parser.parse_args()
    pictures, sweep = subjects(given.pictures), Sweep(stride=given.stride)
    table = (
        by_backend(pictures, sweep, given.backend)
        if given.backend
        else coarse_to_fine(pictures, sweep)
    )
    Console(width=120).print(table)


if __name__ == "__main__":
    main()
