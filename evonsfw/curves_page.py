"""index.html of `evonsfw curves`: one document that needs nothing else, no network and no file."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from string import Template

import numpy as np

from evonsfw.curve_plot import bars, curve, stepped
from evonsfw.curves_tables import Answer, Mistake
from evonsfw.inline_page import digest, safe, template
from evonsfw.insight.curves import Counted, Curves

SECTIONS = 20
"""Classes that are shown with their curves: of more, those of the smallest areas."""
UNREAD = 200
"""Files that could not be read, named at most."""
NAMED = 3
"""Subfolders that are named where a class is to find several."""
CHANCE = np.array([[0.0, 0.0], [1.0, 1.0]])
NONE = "\N{EN DASH}"


def make_page(
    title: str, facts: Mapping[str, str], answers: Sequence[Answer], unread: Mapping[str, str]
) -> str:
    """The whole document.

    Args:
        title: its head.
        facts: what is said below it: names and values.
        answers: one or more.
        unread: names of files that could not be read, and why.
    """
    style, script = template("curves.css"), template("curves.js")
    shown = sorted(answers, key=lambda answer: answer.curves.roc_area)[:SECTIONS]
    return Template(template("curves.html")).substitute(
        title=safe(title),
        style_digest=digest(style),
        script_digest=digest(script),
        style=style,
        script=script,
        figures=_pairs(facts),
        overview=_overview(answers, len(shown)) if len(answers) > 1 else "",
        answers="".join(_answer(number, answer) for number, answer in enumerate(shown)),
        unread=_unread(unread),
    )


def _answer(number: int, answer: Answer) -> str:
    """The section of one class."""
    curves, row = answer.curves, answer.row
    area, average = f"{curves.roc_area:.4f}", f"{curves.average_precision:.4f}"
    found = _found(answer)
    kinds = f"to find {curves.positives:,} pictures of {found} among {curves.negatives:,} others"
    share = curves.positives / (curves.positives + curves.negatives)
    roc = f"ROC curve of {answer.name}, area {area}"
    precise = f"Precision-recall curve of {answer.name}, average precision {average}"
    return Template(template("curves_answer.html")).substitute(
        number=number,
        name=safe(answer.name),
        against=safe(kinds),
        found=safe(found),
        figures=_pairs(_figures(curves)),
        last=len(answer.rows) - 1,
        begin=answer.rows.index(row),
        roc_area=area,
        average_precision=average,
        roc=curve(
            curves.roc,
            (row.false_alarm_rate, row.recall),
            roc,
            ("false alarm rate", "recall"),
            CHANCE,
        ),
        precision_recall=curve(
            stepped(curves.precision_recall),
            (row.recall, row.precision),
            precise,
            ("recall", "precision"),
            np.array([[0.0, share], [1.0, share]]),
        ),
        bars=bars(
            answer.scores,
            answer.positive,
            answer.threshold,
            f"How the scores of {answer.name} and of all others lie between 0 and 1",
        ),
        rows="".join(_row(one, one is row) for one in answer.rows),
        threshold=f"{answer.threshold:g}",
        mistakes=_mistakes(number, answer),
    )


def _found(answer: Answer) -> str:
    """What a class is to find, in few words."""
    more = len(answer.labels) - NAMED
    return ", ".join(answer.labels[:NAMED]) + (f" and {more} more" if more > 0 else "")


def _figures(curves: Curves) -> dict[str, str]:
    return {
        "area under ROC": f"{curves.roc_area:.4f} ± {curves.roc_error:.4f}",
        "average precision": f"{curves.average_precision:.4f}",
        "largest F1": f"{curves.best_f1.f1:.3f} at {curves.best_f1.threshold:.4g}",
        "largest recall − false alarms": f"{_youden(curves.best_youden):.3f} at "
        f"{curves.best_youden.threshold:.4g}",
    }


def _youden(row: Counted) -> float:
    return row.recall - row.false_alarm_rate


def _row(row: Counted, here: bool) -> str:
    """A row of the table of thresholds, with its figures for the script."""
    precision = "" if math.isnan(row.precision) else f"{row.precision:.5f}"
    return (
        f'<tr{" class=here" if here else ""} data-threshold="{row.threshold:g}" '
        f'data-recall="{row.recall:.5f}" data-alarms="{row.false_alarm_rate:.5f}" '
        f'data-precision="{precision}"><th scope="row">{row.threshold:g}</th>'
        f"<td>{row.recall:.3f}</td><td>{row.false_alarm_rate:.3f}</td>"
        f"<td>{f'{row.precision:.3f}' if precision else NONE}</td><td>{row.f1:.3f}</td>"
        f"<td>{row.hits:,}</td><td>{row.false_alarms:,}</td><td>{row.misses:,}</td></tr>"
    )


def _mistakes(number: int, answer: Answer) -> str:
    """Both kinds, or that there are none; the first section has the box that veils all."""
    row, found = answer.row, _found(answer)
    kinds = (
        (f"called {answer.name}, but not {found}", row.false_alarms, answer.alarms),
        (f"{found}, but not called {answer.name}", row.misses, answer.misses),
    )
    parts = [_kind(words, count, mistakes) for words, count, mistakes in kinds]
    if number == 0 and (answer.alarms or answer.misses):
        parts.append(
            '<label class="veil"><input type="checkbox" id="veil"> blur the pictures</label>'
        )
    return "".join(parts)


def _kind(words: str, count: int, mistakes: Sequence[Mistake]) -> str:
    if not mistakes:
        return f"<h4>{safe(words)}</h4><p>none</p>"
    some = f", {len(mistakes)} worst of {count:,}" if count > len(mistakes) else f", {count:,}"
    items = "".join(_item(mistake) for mistake in mistakes)
    return f"<h4>{safe(words)}{some}</h4><ul>{items}</ul>"


def _item(mistake: Mistake) -> str:
    name = safe(mistake.file)
    image = f'<img src="{mistake.thumbnail}" alt="{name}">' if mistake.thumbnail else "gone"
    return f'<li><div class="frame">{image}</div><b>{mistake.score:.4f}</b><span>{name}</span></li>'


def _overview(answers: Sequence[Answer], shown: int) -> str:
    """The table of all classes, in their own order."""
    rows = "".join(
        f'<tr><th scope="row">{safe(answer.name)}</th><td>{answer.curves.positives:,}</td>'
        f"<td>{answer.curves.roc_area:.4f}</td><td>{answer.curves.roc_error:.4f}</td>"
        f"<td>{answer.curves.average_precision:.4f}</td></tr>"
        for answer in answers
    )
    few = f" The {shown} of the smallest areas follow." if shown < len(answers) else ""
    return (
        '<section class="overview" aria-labelledby="all-head"><h2 id="all-head">Each class '
        f"against all others</h2><p>{len(answers)} classes, mean area under ROC {_mean(answers)}."
        f'{few}</p><div class="scroll" tabindex="0" role="region" aria-labelledby="all-head">'
        '<table><thead><tr><th scope="col">class</th><th scope="col">pictures</th>'
        '<th scope="col">area under ROC</th><th scope="col">standard error</th>'
        '<th scope="col">average precision</th></tr></thead>'
        f"<tbody>{rows}</tbody></table></div></section>"
    )


def _mean(answers: Sequence[Answer]) -> str:
    return f"{sum(answer.curves.roc_area for answer in answers) / len(answers):.4f}"


def _unread(unread: Mapping[str, str]) -> str:
    """The files that could not be read."""
    if not unread:
        return ""
    items = "".join(f"<li>{safe(why)}</li>" for why in list(unread.values())[:UNREAD])
    more = f"<p>The first {UNREAD}; scores.csv has all.</p>" if len(unread) > UNREAD else ""
    return (
        '<section class="unread" aria-labelledby="unread-head"><h2 id="unread-head">'
        f"{len(unread):,} file{'s' * (len(unread) != 1)} that could not be read</h2>{more}"
        f"<ul>{items}</ul></section>"
    )


def _pairs(pairs: Mapping[str, str]) -> str:
    """Names and values of a description list."""
    return "".join(f"<div><dt>{safe(k)}</dt><dd>{safe(v)}</dd></div>" for k, v in pairs.items())
