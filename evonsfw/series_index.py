"""What a series of runs came to: a page to look through, a table for programs, lines to read."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from statistics import median

SHOWN = 40
"""Runs that are told in lines; of more, the best."""
COLUMNS = ("seed", "folder", "score", "generations", "evaluations", "seconds", "genome_sha256")


@dataclass(frozen=True)
class Result:
    """One run of a series.

    Attributes:
        seed: its own.
        folder: its folder's name, beside the page.
        score: of best.png as it is on disk, by the reference; None where there is none.
        fitness: the best of its log, larger is better; minus infinity where there is none.
        generations, evaluations, seconds: what it took.
        genome_sha256: of best.png's genome.
        failure: what went wrong, or "".
    """

    seed: int
    folder: str
    score: float | None
    fitness: float
    generations: int
    evaluations: int
    seconds: float
    genome_sha256: str
    failure: str = ""


def ranked(results: Sequence[Result]) -> list[Result]:
    """Best first; of equals, the one with fewer scorings."""
    return sorted(results, key=lambda one: (-one.fitness, one.evaluations, one.seed))


def table(results: Sequence[Result]) -> str:
    """summary.csv: one row a run, best first."""
    text = io.StringIO()
    rows = csv.writer(text, lineterminator="\n")
    rows.writerow(COLUMNS)
    for one in ranked(results):
        score = "" if one.score is None else f"{one.score:.6f}"
        took = one.generations, one.evaluations, f"{one.seconds:.3f}"
        rows.writerow([one.seed, one.folder, score, *took, one.genome_sha256])
    return text.getvalue()


def lines(results: Sequence[Result], label: str) -> list[str]:
    """The same for the terminal, in columns.

    Args:
        results: at least one.
        label: what the score is called.
    """
    best = [one for one in ranked(results) if one.score is not None][:SHOWN]
    rows = [("seed", label, "scorings", "seconds", "folder")]
    for one in best:
        took = f"{one.evaluations:,}", f"{one.seconds:.1f}"
        rows.append((str(one.seed), f"{one.score:.6f}", *took, one.folder))
    widths = [max(len(row[place]) for row in rows) for place in range(len(rows[0]))]
    told = ["  ".join(map(str.rjust, row, widths)) for row in rows]
    left = len(results) - len(best)
    return told + ([f"and {left} more: see summary.csv"] if left else [])


def page(results: Sequence[Result], label: str, title: str, size: tuple[int, int]) -> str:
    """index.html: every best picture with its seed and figures, best first; no script, nothing
    from elsewhere but the pictures in the folders beside it.

    Args:
        results: the runs.
        label: what the score is called.
        title: what they all are.
        size: width and height in pixels that were scored.
    """
    scores = [one.score for one in results if one.score is not None]
    cards = [_card(one, place == 0, label, size) for place, one in enumerate(ranked(results))]
    facts = [f"{len(scores)} of {len(results)} runs" if len(scores) < len(results) else ""]
    facts[0] = facts[0] or f"{len(scores)} run{'s' * (len(scores) != 1)}"
    if scores:
        facts.append(f"median {label} {median(scores):.4f}")
        facts.append(f"{sum(one.evaluations for one in results):,} scorings")
    return _PAGE.format(
        title=escape(title), facts=escape(" · ".join(facts)), cards="\n".join(cards), css=_STYLE
    )


def _card(one: Result, best: bool, label: str, size: tuple[int, int]) -> str:
    """One run's picture and figures, or what went wrong."""
    folder = escape(one.folder, quote=True)
    ratio = f'style="aspect-ratio:{size[0]}/{size[1]}"'
    if one.score is None:
        told = escape(one.failure or "stopped before its first picture")
        return (
            f'<li class="none"><div class="blank" {ratio}></div>'
            f"<p><b>no picture</b><span>seed {one.seed}</span></p><p>{told}</p></li>"
        )
    alt = escape(f"best picture of seed {one.seed}", quote=True)
    kind = ' class="best"' if best else ""
    failed = f"<p>{escape(one.failure)}</p>" if one.failure else ""
    return (
        f'<li{kind}><a href="{folder}/"><img src="{folder}/best.png" alt="{alt}" '
        f'loading="lazy" width="{size[0]}" height="{size[1]}" {ratio}></a>'
        f"<p><b>{one.score:.4f}</b><span>seed {one.seed}</span></p>"
        f"<p>{escape(label)}<span>{one.evaluations:,} scorings, {one.seconds:.0f} s</span></p>"
        f"{failed}</li>"
    )


_STYLE = """
:root { color-scheme: dark; }
body { margin: 0 auto; max-width: 1500px; padding: 40px 32px 64px; background: rgb(18,19,23);
  color: rgb(236,234,228); font: 15px/1.5 system-ui, sans-serif; }
h1 { margin: 0; font-size: 26px; font-weight: 600; }
header p { margin: 6px 0 32px; color: rgb(150,152,160); }
a { color: rgb(242,180,84); }
ul { margin: 0; padding: 0; list-style: none; display: grid; gap: 24px;
  grid-template-columns: repeat(auto-fill, minmax(220px, 1fr)); }
li { padding: 10px 10px 12px; background: rgb(27,29,35); border-radius: 6px; }
li.best { outline: 2px solid rgb(242,180,84); }
li a { display: block; }
img, .blank { display: block; width: 100%; height: auto; border-radius: 3px; }
.blank { background: rgb(18,19,23); }
li p { margin: 2px 2px 0; display: flex; justify-content: space-between; gap: 12px;
  color: rgb(150,152,160); font-size: 13px; }
li a + p, li .blank + p { margin-top: 10px; font-size: 15px; }
li b { color: rgb(236,234,228); font-weight: 600; font-variant-numeric: tabular-nums; }
li.best b { color: rgb(242,180,84); }
"""
_PAGE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title>
<link rel="icon" href="data:,">
<style>{css}</style>
</head>
<body>
<header>
<h1>{title}</h1>
<p>{facts} · <a href="summary.csv">summary.csv</a></p>
</header>
<ul>
{cards}
</ul>
</body>
</html>
"""
