"""How few triangles, and how few circles, the default classifier is sure of: `--until S --fewest`.

    python -m benchmarks.fewest [--until 0.99 0.999] [--from 4 100] [--seeds 3] [--out fewest]

Each row is a whole run with `--search auto`, from so many shapes: first up to the score, then
shapes are taken out while it holds. The folders stay, each with its certificate; the last lines
name the best. A run that starts from few shapes may not reach the score; it is given up after
4,000 scorings.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import NamedTuple

from evonsfw.config import make_config
from evonsfw.launch import start_run

SHAPES = ("triangles", "circles")
MOST = 4_000
"""Scorings after which a run is given up."""


class Left(NamedTuple):
    """What one run left."""

    shapes: str
    until: float
    n: int
    score: float
    without: float
    scorings: int
    holds: bool
    folder: Path


def run(shapes: str, until: float, n: int, seed: int, out: Path) -> Left | None:
    """One run, or what is there of it; None where it does not reach the score."""
    folder = out / f"{shapes}_{until}_from_{n}_seed_{seed}"
    if not folder.exists():
        settings = {"shapes": shapes, "until": until, "n": n, "seed": seed, "fewest": True}
        own = {"search": "auto", "evaluations": MOST, "workers": 0, "every": MOST}
        start_run(make_config({**settings, **own}), folder, "benchmarks.fewest", False, _silent)
    if not (folder / "fewest.json").exists():
        return None
    found = json.loads((folder / "fewest.json").read_text(encoding="utf-8"))
    most, spent = max(found["without"]), found["scorings"] + _spent(folder)
    return Left(shapes, until, found["n"], found["score"], most, spent, found["holds"], folder)


def _spent(folder: Path) -> int:
    """Scorings before the first shape was taken out."""
    last = (folder / "log.csv").read_text(encoding="utf-8").splitlines()[-1]
    return int(last.split(",")[1])


def _silent(_line: str) -> None:
    """Nobody listens."""


def main() -> None:
    """Run them all, and say which were the fewest."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--until", type=float, nargs="+", default=[0.99, 0.999])
    parser.add_argument("--from", dest="numbers", type=int, nargs="+", default=[4, 100])
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--shapes", nargs="+", default=list(SHAPES))
    parser.add_argument("--out", type=Path, default=Path("fewest"))
    given = parser.parse_args()
    print(f"{'shapes':<10}{'until':>6}{'from':>6}{'seed':>6}{'left':>6}", end="")
    print(f"{'score':>10}{'without one':>13}{'scorings':>10}")
    found = []
    for seed in range(1, given.seeds + 1):
        for shapes in given.shapes:
            for until in given.until:
                for n in given.numbers:
                    left = run(shapes, until, n, seed, given.out)
                    words = f"{shapes:<10}{until:>6}{n:>6}{seed:>6}"
                    if left is None:
                        print(f"{words}     - not reached", flush=True)
                        continue
                    found.append(left)
                    print(
                        f"{words}{left.n:>6}{left.score:>10.6f}{left.without:>13.6f}"
                        f"{left.scorings:>10,}{'' if left.holds else '  not certified'}",
                        flush=True,
                    )
    for shapes in given.shapes:
        for until in given.until:
            these = [one for one in found if (one.shapes, one.until) == (shapes, until)]
            if these:
                best = min(these, key=lambda one: (one.n, -one.score))
                print(f"{shapes} for {until}: {best.n} suffice: {best.folder / 'fewest.png'}")


if __name__ == "__main__":
    main()
