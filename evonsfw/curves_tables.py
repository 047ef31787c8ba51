"""What a folder's scores came to, and its tables: thresholds.csv, areas.csv, mistakes.csv."""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from evonsfw.insight.curves import Counted, Curves


class Mistake(NamedTuple):
    """A picture on the wrong side of the threshold.

    Attributes:
        file: its name.
        score: of the class, 0 to 1.
        thumbnail: a data URI; "" where the picture cannot be had any more.
    """

    file: str
    score: float
    thumbnail: str


@dataclass(frozen=True, eq=False)
class Answer:
    """How well one class's score finds what it is to find.

    Attributes:
        name: of the class.
        labels: of what it is to find, sorted.
        scores: (F,) float64, 0 to 1.
        positive: (F,) bool.
        curves: theirs.
        rows: of the table, ascending thresholds.
        threshold: the one that mistakes are counted at; one of the rows'.
        alarms: the worst false alarms, worst first.
        misses: the worst misses, worst first.
    """

    name: str
    labels: tuple[str, ...]
    scores: npt.NDArray[np.float64]
    positive: npt.NDArray[np.bool_]
    curves: Curves
    rows: tuple[Counted, ...]
    threshold: float
    alarms: tuple[Mistake, ...]
    misses: tuple[Mistake, ...]

    @property
    def row(self) -> Counted:
        """The row of the threshold."""
        return next(row for row in self.rows if row.threshold == self.threshold)


def threshold_table(answers: Sequence[Answer]) -> str:
    """thresholds.csv: a row for each class and threshold."""
    head = ("class", *Counted._fields, "recall", "false_alarm_rate", "precision", "f1", "accuracy")
    return _csv(head, (_cells(answer.name, row) for answer in answers for row in answer.rows))


def _cells(name: str, row: Counted) -> list[str]:
    rates = row.recall, row.false_alarm_rate, row.precision, row.f1, row.accuracy
    told = ["" if math.isnan(rate) else f"{rate:.6f}" for rate in rates]
    return [name, f"{row.threshold:g}", *(str(number) for number in row[1:]), *told]


def area_table(answers: Sequence[Answer]) -> str:
    """areas.csv: a row for each class."""
    head = ("class", "positives", "negatives", "roc_area", "roc_error", "average_precision")
    found = ((answer.name, answer.curves) for answer in answers)
    return _csv(
        head,
        (
            [name, str(c.positives), str(c.negatives)]
            + [f"{value:.6f}" for value in (c.roc_area, c.roc_error, c.average_precision)]
            for name, c in found
        ),
    )


def mistake_table(answers: Sequence[Answer]) -> str:
    """mistakes.csv: the worst of each class, worst first."""
    kinds = (
        (answer.name, kind, mistake)
        for answer in answers
        for kind, mistakes in (("false alarm", answer.alarms), ("miss", answer.misses))
        for mistake in mistakes
    )
    rows = ([name, kind, one.file, f"{one.score:.9g}"] for name, kind, one in kinds)
    return _csv(("class", "kind", "file", "score"), rows)


def _csv(head: Sequence[str], rows: Iterator[list[str]]) -> str:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(head)
    writer.writerows(rows)
    return text.getvalue()
