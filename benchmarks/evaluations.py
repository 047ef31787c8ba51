"""Scorings until a score is reached, for each search: the median over seeds, all seeds listed.

    python -m benchmarks.evaluations [--seeds 5] [--limit 5000] [--searches genetic,cmaes]
                                     [--cases triangles-100-0.99,circles-50-0.999] [--ancestor]

Every scoring counts, the first generation's too. One run goes to the highest score that is asked of
a picture; when it reached the lower ones is read from its log. The named alternative is the 2016
algorithm (DEAP's plain eaSimple), re-run once against the same classifier; `--ancestor` runs it
again, as `--search classic2016`.
"""

from __future__ import annotations

import argparse
import math
import statistics
from dataclasses import dataclass

from benchmarks.finished import finished_run, read_log
from evonsfw.search import load_search, search_names

ANCESTOR = "classic2016"
SEVERAL = "nsga2"
"""Needs several objectives: there is no one score that it reaches."""
PUBLISHED = {
    ("triangles", 100, 0.99): 13_549,
    ("circles", 50, 0.99): 5_740,
    ("circles", 50, 0.999): 7_182,
}
"""Scorings of the 2016 algorithm itself, one seed each."""
CASES = "triangles-100-0.99,triangles-100-0.9999,circles-50-0.99,circles-50-0.999"
ANCESTORS_LIMIT = 30_000
"""Scorings after which the 2016 algorithm is given up."""

Picture = tuple[str, int]
"""A shape and how many of it."""


@dataclass(frozen=True)
class Case:
    """A picture and the score that is asked of it."""

    shape: str
    n: int
    until: float

    @property
    def picture(self) -> Picture:
        """The shape and how many of it."""
        return self.shape, self.n


def read_cases(text: str) -> list[Case]:
    """Read "triangles-100-0.99,circles-50-0.999".

    Raises:
        ValueError: it is anything else.
    """
    cases = []
    for word in text.split(","):
        try:
            shape, n, until = word.split("-")
            cases.append(Case(shape, int(n), float(until)))
        except ValueError:
            raise ValueError(f"case '{word}': expected shape-number-score, like {CASES}") from None
    return cases


def log_of(picture: Picture, until: float, search: str, seed: int, limit: int) -> list[Reached]:
    """Scorings and best score after each generation of one run."""
    settings = {
        "shapes": picture[0],
        "n": picture[1],
        "until": until,
        "search": search,
        "seed": seed,
        "evaluations": limit,
        "every": 1_000_000,
        "backend": "onnxruntime",
    }
    with finished_run(**settings) as out:
        rows = read_log(out)
    return [(int(row["evaluations"]), float(row["best_score"])) for row in rows]


Reached = tuple[int, float]
"""Scorings, and the best score by then."""


def scorings(log: list[Reached], until: float) -> float:
    """Scorings until a score was reached; infinity where it was not."""
    return next((count for count, best in log if best >= until), math.inf)


def measured(cases: list[Case], search: str, seeds: int, limit: int) -> dict[Case, list[float]]:
    """Scorings of each case, seed by seed; one run for all cases of a picture."""
    found: dict[Case, list[float]] = {case: [] for case in cases}
    for picture in dict.fromkeys(case.picture for case in cases):
        ours = [case for case in cases if case.picture == picture]
        highest = max(case.until for case in ours)
        for seed in range(1, seeds + 1):
            log = log_of(picture, highest, search, seed, limit)
            for case in ours:
                found[case].append(scorings(log, case.until))
    return found


def shown(count: float, limit: int) -> str:
    """A number of scorings, or that it was not reached."""
    return f"{count:,.0f}" if math.isfinite(count) else f"> {limit:,}"


def line(case: Case, search: str, counts: list[float], ancestor: float, limit: int) -> str:
    """A row of the table."""
    middle = statistics.median(counts)
    known = math.isfinite(middle) and math.isfinite(ancestor)
    each = ", ".join(shown(count, limit) for count in counts)
    return (
        f"| {search} | {case.n} {case.shape} | {case.until:g} | {each} | {shown(middle, limit)} "
        f"| {shown(ancestor, ANCESTORS_LIMIT) if ancestor > 0 else '–'} "
        f"| {f'{ancestor / middle:.1f}×' if known and ancestor > 0 else '–'} |"
    )


def main() -> None:
    """Print a row for each search and case."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, default=5, help="seeds from 1 on")
    parser.add_argument("--limit", type=int, default=5000, help="scorings of a run, at most")
    others = [name for name in search_names() if name not in (ANCESTOR, SEVERAL)]
    parser.add_argument("--searches", default=",".join(others), help="names, with commas between")
    parser.add_argument("--cases", default=CASES, help="shape-number-score, with commas between")
    parser.add_argument("--ancestor", action="store_true", help="run the 2016 algorithm, too")
    arguments = parser.parse_args()
    try:
        cases = read_cases(arguments.cases)
        searches = arguments.searches.split(",")
        for search in searches:
            load_search(search)
    except ValueError as error:
        parser.error(str(error))
    ancestors: dict[Case, float] = {}
    for case in cases:
        ancestors[case] = PUBLISHED.get((case.shape, case.n, case.until), 0.0)
    print("| search | picture | score | scorings, seed by seed | median | 2016 | 2016 / median |")
    print("|---|---|---|---|---|---|---|", flush=True)
    if arguments.ancestor:
        found = measured(cases, ANCESTOR, arguments.seeds, ANCESTORS_LIMIT)
        for case, counts in found.items():
            ancestors[case] = statistics.median(counts)
            print(line(case, ANCESTOR, counts, ancestors[case], ANCESTORS_LIMIT), flush=True)
    for search in searches:
        found = measured(cases, search, arguments.seeds, arguments.limit)
        for case, counts in found.items():
            print(line(case, search, counts, ancestors[case], arguments.limit), flush=True)


if __name__ == "__main__":
    main()
