"""Whether a score holds: the worst view of a plain run's picture, and of a `--robust` one's.

    python -m benchmarks.holding [--seeds 5] [--until 0.999]

Of each run's best.png: scorings it took, the lowest score in any view that the robust search scores
by, and the lowest in any that no search ever does. The named alternative is the same search, seed
and end without --robust.
"""

from __future__ import annotations

import argparse

import numpy as np

from benchmarks.finished import finished_run, read_log
from evonsfw.classifier import Classifier, describe
from evonsfw.pictures import open_picture
from evonsfw.provenance import read_provenance
from evonsfw.scoring import ViewScore, view_table

PICTURES = (("triangles", 100), ("circles", 50))


def run(
    shape: str, n: int, seed: int, robust: bool, until: float, limit: int
) -> tuple[int, float, float]:
    """Scorings of one run, and the lowest scores of its picture in views of either kind."""
    settings = {"shapes": shape, "n": n, "seed": seed, "robust": robust, "until": until}
    with finished_run(**settings, evaluations=limit) as out:
        scorings = int(read_log(out)[-1]["evaluations"])
        image = open_picture(out / "best.png", "picture")
        picture = np.asarray(image.convert("RGB"))
        classifier = Classifier(describe("open_nsfw"))
        table = view_table(classifier, picture, read_provenance(out / "best.png"), 1)
    return scorings, _lowest(table, held_out=False), _lowest(table, held_out=True)


def _lowest(table: list[ViewScore], held_out: bool) -> float:
    return min(row.score for row in table if row.held_out == held_out and row.score is not None)


def main() -> None:
    """Print a row for each picture, seed and kind of run."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--until", type=float, default=0.999)
    parser.add_argument("--limit", type=int, default=3000)
    arguments = parser.parse_args()
    print("| picture | seed | run | scorings | lowest of 13 views searched on | lowest held out |")
    print("|---|---|---|---|---|---|")
    for shape, n in PICTURES:
        for seed in range(1, arguments.seeds + 1):
            for robust in (False, True):
                found = run(shape, n, seed, robust, arguments.until, arguments.limit)
                word = "--robust" if robust else "plain"
                cells = f"{found[0]:,} | {found[1]:.5f} | {found[2]:.5f}"
                print(f"| {n} {shape} | {seed} | {word} | {cells} |", flush=True)


if __name__ == "__main__":
    main()
