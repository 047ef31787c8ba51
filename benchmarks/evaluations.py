"""Scorings until a score is reached, for each search: the median and the range over seeds.

    python -m benchmarks.evaluations [--seeds 3] [--limit 5000] [--searches genetic,cmaes]

The named alternative is the 2016 algorithm (DEAP's plain eaSimple), re-run once against the same
classifier: 100 triangles to 0.99 in 13,549 scorings, 50 circles to 0.999 in 7,182.
"""

from __future__ import annotations

import argparse
import csv
import statistics
import tempfile
from pathlib import Path

from evonsfw.config import make_config
from evonsfw.launch import start_run
from evonsfw.search import search_names
from evonsfw.stage import complete

CASES = (("triangles", 100, 0.99, 13_549), ("circles", 50, 0.999, 7_182))


def scorings(shape: str, n: int, until: float, search: str, seed: int, limit: int) -> int | None:
    """Scorings that one run took to reach a score, or None where the limit came first."""
    settings = {
        "shapes": shape,
        "n": n,
        "until": until,
        "search": search,
        "seed": seed,
        "evaluations": limit,
        "every": 1_000_000,
        "backend": "onnxruntime",
    }
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "run"
        start_run(complete(make_config(settings)), out, "benchmark", False, lambda _line: None)
        with (out / "log.csv").open(encoding="utf-8") as file:
            last = list(csv.DictReader(file))[-1]
    reached = float(last["best_score"]) >= until
    return int(last["evaluations"]) if reached else None


def main() -> None:
    """Print a row for each search and case."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--limit", type=int, default=5000)
    parser.add_argument("--searches", default=",".join(search_names()))
    arguments = parser.parse_args()
    print(
        "| search | picture | score | scorings, seed by seed | median | 2016 algorithm / median |"
    )
    print("|---|---|---|---|---|---|")
    for search in arguments.searches.split(","):
        for shape, n, until, ancestor in CASES:
            found = [
                scorings(shape, n, until, search, seed, arguments.limit)
                for seed in range(1, arguments.seeds + 1)
            ]
            shown = ", ".join(f"{count:,}" if count else "not reached" for count in found)
            median = statistics.median(count or float("inf") for count in found)
            ratio = f"{ancestor / median:.1f}×" if median < float("inf") else "–"
            middle = f"{median:,.0f}" if median < float("inf") else f"> {arguments.limit:,}"
            print(
                f"| {search} | {n} {shape} | {until} | {shown} | {middle} | {ratio} |", flush=True
            )


if __name__ == "__main__":
    main()
