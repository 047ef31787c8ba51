"""The loop from Python, with a fitness of one's own: pictures that are their own mirror image.

    python examples/evolve_in_python.py [generations]

Any function of pictures can take the place of a classifier; it only has to be larger where a
picture is better.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import numpy.typing as npt

from evonsfw.evolution import Evolution
from evonsfw.exporters import Artwork, png
from evonsfw.genome import Encoding
from evonsfw.pipeline import Evaluation
from evonsfw.raster import render
from evonsfw.search import FITNESS_ONLY, Wants, load_search
from evonsfw.stage import problem_of

ENCODING = Encoding(shapes=("circles", "triangles"), n=30)
SIZE = (64, 64)


class MirrorScorer:
    """Scores pictures by how alike their halves are, as long as there is something to see."""

    def evaluate(
        self,
        genomes: npt.NDArray[np.float32],
        cancelled: Callable[[], bool],
        wants: Wants = FITNESS_ONLY,
    ) -> Evaluation:
        """(B, L) genomes to their fitness, which here is the score too."""
        pictures = render(genomes, ENCODING, SIZE).astype(float)
        difference = np.abs(pictures - pictures[:, :, ::-1]).mean(axis=(1, 2, 3))
        detail = np.abs(np.diff(pictures, axis=1)).mean(axis=(1, 2, 3))
        fitness = np.minimum(3.0 * detail, 30.0) - difference
        return Evaluation(fitness, fitness)


def main(generations: int, out: Path) -> float:
    """Evolve, write the best picture, return its fitness."""
    search = load_search("genetic").build(problem_of(ENCODING), 16, np.random.default_rng(5))
    for generation in Evolution(search).attach(MirrorScorer()):
        if generation.number == generations:
            best = generation.best_so_far
            png.write(out, Artwork(best.genome, ENCODING), (512, 512))
            print(f"{out}: fitness {best.fitness:.2f} after {generation.evaluations} pictures")
            return best.fitness
    raise AssertionError("an evolution that nobody stops goes on")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 300, Path("mirror.png"))
