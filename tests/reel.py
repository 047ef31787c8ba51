"""What tests of films share: a run that is made up, as exporters are told of it."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from evonsfw.exporters import Artwork, Step, Story
from evonsfw.genome import Encoding, Genome, genome_to_text
from evonsfw.raster import render
from evonsfw.shapes import Canvas

ENCODING = Encoding(("triangles", "circles"), 5)


class Steps(Sequence[Step]):
    """Steps that count how often they are read."""

    def __init__(self, genomes: Sequence[Genome]) -> None:
        self._genomes = genomes
        self.reads = 0

    def __len__(self) -> int:
        return len(self._genomes)

    def __getitem__(self, index: int) -> Step:  # type: ignore[override]
        self.reads += 1
        number = range(1, len(self) + 1)[index]
        return Step(number, 4 * number, float(number), 0.5, math.nan, self._genomes[index])


def climb(count: int, encoding: Encoding = ENCODING, seed: int = 0) -> list[Genome]:
    """A climb: each genome a little further than the one before."""
    rng = np.random.default_rng(seed)
    found = [rng.random(encoding.length, np.float32)]
    while len(found) < count:
        moved = found[-1] + rng.normal(0.0, 0.1, encoding.length).astype(np.float32)
        found.append(np.clip(moved, 0.0, 1.0, dtype=np.float32))
    return found


def artwork_of(genomes: Sequence[Genome], size: str = "32x24", more: str = "") -> Artwork:
    metadata = {
        "Title": "Nr. 7 <\"&'> größer\n\\",
        "evonsfw:genome": genome_to_text(genomes[-1]),
        "evonsfw:scored_size": size,
        "more": more,
    }
    story = Story(Steps(genomes), "nsfw", {})
    return Artwork(genomes[-1], ENCODING, metadata, (), story)


def picture(genome: Genome, canvas: Canvas) -> np.ndarray:
    return render(genome[None], ENCODING, canvas)[0]
