"""Likeness to a target picture: the error that is reached, against CPU seconds.

    python -m benchmarks.target [--quick] [--shapes triangles] [--n 50 ...] [--picture FILE ...]
    python -m benchmarks.target --program     the installed program, with two workers

Each row is one run of the search that the program comes to, until about as many CPU seconds (of
this process, all its threads together) are spent as primitive needed for that many shapes on the
machine of the project's first figures; with `--even`, as many as the named alternative takes here.
That one is primitive's way on the kernels of this project (`benchmarks.greedy`), on the same
picture in the same run; the ratio is error by error, less than 1 where ours is more like the
target. Compilation is not counted. Pictures are brought to 256 pixels on their longer side.
"""

from __future__ import annotations

import argparse
import time
from collections import defaultdict
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import numpy as np

from benchmarks.greedy import KINDS, greedy
from benchmarks.subjects import Picture, at_side, drawing, pictures
from benchmarks.target_program import ON_THE_WAY, run_program, start_up
from evonsfw.evaluation import Inline
from evonsfw.evolution import Evolution
from evonsfw.generation import Generation
from evonsfw.genome import Encoding, Genome
from evonsfw.objectives import Goal
from evonsfw.pipeline import Job, warm_up
from evonsfw.portrait import Portrait
from evonsfw.search import load_search
from evonsfw.stage import problem_of

SIDE, QUICK_SIDE = 256, 96
SECONDS = {50: 11.0, 100: 18.0, 200: 28.0, 1000: 60.0}
"""Shapes, and CPU seconds for them."""

Measure = Callable[[Picture, int, float], tuple[list[str], float]]
"""Target, number of shapes and CPU seconds to figures of a row, and the error."""


class Reached(NamedTuple):
    """Errors on the way and at the end, 0…255, CPU seconds, and the genome."""

    on_the_way: tuple[float, ...]
    error: float
    seconds: float
    genome: Genome


class Other(NamedTuple):
    """What the named alternative came to: error, 0…255, and CPU seconds."""

    error: float
    seconds: float


class Asked(NamedTuple):
    """What is measured of each picture."""

    shapes: str
    counts: list[int]
    alpha: tuple[float, float]
    seconds: float | None
    even: bool
    seed: int

    def encoding(self, n: int) -> Encoding:
        """What a genome of N shapes means."""
        return Encoding(shapes=(self.shapes,), n=n, alpha=self.alpha)

    def budget(self, n: int, other: Other | None) -> float:
        """CPU seconds for N shapes."""
        if self.even and other is not None:
            return other.seconds
        return self.seconds or SECONDS.get(n, 60.0)


def reach(target: Picture, encoding: Encoding, seconds: float, seed: int) -> Reached:
    """What the search comes to in this process and about so many CPU seconds."""
    job = job_of(target, encoding)
    problem = replace(problem_of(encoding), gradient=True, improve=True)
    search = load_search("portrait")
    rng = np.random.default_rng(seed)
    evolution = Evolution(
        search.build(problem, search.default_population(problem), rng), clock=time.process_time
    ).attach(Inline(job), cost=job.cost)
    log = [next(iter(evolution))]
    for generation in evolution:
        if generation.seconds > seconds:
            break
        log.append(generation)
    marks = [share * log[-1].seconds for share in ON_THE_WAY]
    ways = tuple(_best_at(mark, log) for mark in marks)
    best = log[-1].best_so_far
    return Reached(ways, best.score, log[-1].seconds, best.genome)


def job_of(target: Picture, encoding: Encoding) -> Job:
    """What is to be done with a genome."""
    size = target.shape[1], target.shape[0]
    return Job(encoding, size, "likeness", Goal(target=target), None, gradient=True, improve=True)


def _best_at(seconds: float, log: list[Generation]) -> float:
    """The error that was reached by then, or first."""
    past = [one.best_so_far.score for one in log if one.seconds <= seconds]
    return past[-1] if past else log[0].best_so_far.score


def alternative(target: Picture, shapes: str, n: int, seed: int) -> Other | None:
    """Primitive's way; None for a shape that it is not written for."""
    if shapes not in KINDS:
        return None
    grown = greedy(target, shapes, n, seed)
    return Other(grown.errors[-1], grown.seconds[-1])


def compile_all(encoding: Encoding) -> None:
    """Have every kernel compiled."""
    target = at_side(drawing(), 32)
    warm_up(job_of(target, encoding))
    reach(target, encoding, 0.5, 0)
    alternative(target, encoding.shapes[0], 1, 0)


def background_error(target: Picture, encoding: Encoding) -> float:
    """Error of one colour."""
    portrait = Portrait(target, encoding)
    portrait.paint_background()
    return portrait.rmse()


def print_rows(found: dict[str, Picture], asked: Asked, columns: str, measure: Measure) -> None:
    """A row for each picture and number of shapes, and the mean ratios."""
    print(f"| picture | shapes | one colour | greedy | CPU s | {columns} | ratio |")
    print("|---" * (7 + columns.count("|")) + "|")
    ratios: dict[int, list[float]] = defaultdict(list)
    for name, target in found.items():
        for n in asked.counts:
            other = alternative(target, asked.shapes, n, asked.seed)
            words, error = measure(target, n, asked.budget(n, other))
            if other is not None:
                ratios[n].append(error / other.error)
            flat = background_error(target, asked.encoding(n))
            row = [name, f"{n} {asked.shapes}", f"{flat:.1f}", *theirs(other), *words]
            print(f"| {' | '.join(row)} | {against(error, other)} |", flush=True)
    print_means(ratios)


def print_engine(found: dict[str, Picture], asked: Asked) -> None:
    """What the search comes to in this process."""

    def measure(target: Picture, n: int, seconds: float) -> tuple[list[str], float]:
        reached = reach(target, asked.encoding(n), seconds, asked.seed)
        figures = (*reached.on_the_way, reached.error, reached.seconds)
        return [f"{figure:.2f}" for figure in figures], reached.error

    shares = " | ".join(f"at {share:.0%}" for share in ON_THE_WAY)
    print_rows(found, asked, f"{shares} | ours | CPU s", measure)


def print_program(found: dict[str, Picture], asked: Asked) -> None:
    """What the installed program comes to, and what its start-up costs."""
    words = ["--shapes", asked.shapes, "--seed", str(asked.seed)]
    words += ["--alpha", *(str(alpha) for alpha in asked.alpha)]
    first = next(iter(found.values()))
    start_up(first, words)  # compiles
    print(f"start-up: {start_up(first, words):.1f} CPU s, counted below")

    def measure(target: Picture, n: int, seconds: float) -> tuple[list[str], float]:
        spent = run_program(target, [*words, "--n", str(n)], seconds)
        figures = (*spent.on_the_way, spent.error, spent.cpu, spent.wall)
        return [f"{figure:.2f}" if figure < np.inf else "–" for figure in figures], spent.error

    shares = " | ".join(f"at {share:.0%}" for share in ON_THE_WAY)
    print_rows(found, asked, f"{shares} | program | CPU s | wall s", measure)


def theirs(other: Other | None) -> list[str]:
    """The alternative's figures."""
    return ["–", "–"] if other is None else [f"{other.error:.2f}", f"{other.seconds:.1f}"]


def against(error: float, other: Other | None) -> str:
    """An error as a share of the alternative's."""
    return "–" if other is None else f"{error / other.error:.3f}"


def print_means(ratios: dict[int, list[float]]) -> None:
    """The geometric mean of the ratios, by number of shapes."""
    for n, found in ratios.items():
        mean = float(np.exp(np.log(found).mean()))
        print(f"{n} shapes: {mean:.3f} of the greedy way's error (mean of {len(found)})")


def main() -> None:
    """Print a row for each picture and number of shapes."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="small pictures, few seconds")
    parser.add_argument("--program", action="store_true", help="the installed program, two workers")
    parser.add_argument("--shapes", default="triangles")
    parser.add_argument("--n", type=int, action="append", help="only so many shapes; repeatable")
    parser.add_argument("--alpha", type=float, nargs=2, default=(0.3, 0.9), help="of ours")
    parser.add_argument("--seconds", type=float, help="CPU seconds, for every number of shapes")
    parser.add_argument("--even", action="store_true", help="as many CPU seconds as the greedy way")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--picture", type=Path, action="append", default=[], help="one more")
    parser.add_argument("--only", action="append", help="only the picture of that name; repeatable")
    given = parser.parse_args()
    counts = given.n or ([50] if given.quick else list(SECONDS))
    seconds = given.seconds or (1.0 if given.quick else None)
    asked = Asked(given.shapes, counts, tuple(given.alpha), seconds, given.even, given.seed)
    found = pictures(QUICK_SIDE if given.quick else SIDE, given.picture, given.only)
    compile_all(asked.encoding(3))
    (print_program if given.program else print_engine)(found, asked)


if __name__ == "__main__":
    main()
