"""How well one score tells two kinds of pictures apart: curves, areas, thresholds, mistakes.

A picture counts as called positive where its score is the threshold or more. Curves and areas are
scikit-learn's; what is counted at one threshold is counted here.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Truth = npt.NDArray[np.bool_]

THRESHOLDS = (
    *(0.0001, 0.001, 0.002, 0.005),
    *(step / 100 for step in range(1, 100)),
    *(0.995, 0.998, 0.999, 0.9999),
)
"""What is counted in a table: every hundredth, and finer near 0 and 1, where scores crowd."""


class Counted(NamedTuple):
    """What a threshold makes of pictures.

    Attributes:
        threshold: a score of this or more is called positive.
        hits: positives called positive.
        false_alarms: negatives called positive.
        misses: positives called negative.
        rejections: negatives called negative.
    """

    threshold: float
    hits: int
    false_alarms: int
    misses: int
    rejections: int

    @property
    def recall(self) -> float:
        """Share of the positives that are called so, 0 to 1; the true positive rate."""
        return self.hits / (self.hits + self.misses)

    @property
    def false_alarm_rate(self) -> float:
        """Share of the negatives that are called positive, 0 to 1."""
        return self.false_alarms / (self.false_alarms + self.rejections)

    @property
    def precision(self) -> float:
        """Share of those called positive that are, 0 to 1; not a number where none is called so."""
        called = self.hits + self.false_alarms
        return self.hits / called if called else math.nan

    @property
    def f1(self) -> float:
        """Harmonic mean of precision and recall, 0 to 1; 0 where no positive is found."""
        return 2 * self.hits / (2 * self.hits + self.false_alarms + self.misses)

    @property
    def accuracy(self) -> float:
        """Share of all that are called what they are, 0 to 1."""
        return (self.hits + self.rejections) / sum(self[1:])


@dataclass(frozen=True, eq=False)
class Curves:
    """Both curves of a score, and what is worth knowing of them.

    Attributes:
        positives, negatives: pictures of each kind.
        roc: (R, 2) float64 false alarm rate and recall, from (0, 0) to (1, 1).
        precision_recall: (P, 2) float64 recall and precision, from the highest recall to (0, 1).
        roc_area: area under the first, 0 to 1: the chance that a positive scores higher than a
            negative, ties counted half.
        roc_error: its standard error (Hanley and McNeil 1982, eq. 1).
        average_precision: area under the second, taken in steps, 0 to 1.
        best_f1: counted at the score of the largest F1, the highest such.
        best_youden: at that of the largest recall minus false alarm rate (Youden 1950).
    """

    positives: int
    negatives: int
    roc: Floats
    precision_recall: Floats
    roc_area: float
    roc_error: float
    average_precision: float
    best_f1: Counted
    best_youden: Counted


def require_scikit_learn() -> None:
    """Raise ValueError with what to install where scikit-learn is missing."""
    try:
        import sklearn.metrics  # noqa: F401
    except ImportError:
        raise ValueError(
            "curves: the areas need scikit-learn: pip install 'evonsfw[instruments]'"
        ) from None


def curves_of(scores: npt.ArrayLike, positive: npt.ArrayLike) -> Curves:
    """Both curves, their areas and their best thresholds.

    Args:
        scores: (F,) probabilities of one class.
        positive: (F,) whether each is of that class.

    Raises:
        ValueError: the lengths differ, a score is not a number, all pictures are of one kind, or
            scikit-learn is missing.
    """
    values, truth = _checked(scores, positive)
    require_scikit_learn()
    from sklearn import metrics

    alarms, recall, _ = metrics.roc_curve(truth, values)
    precision, found, _ = metrics.precision_recall_curve(truth, values)
    counts = count(values, truth, np.unique(values)[::-1])
    area = float(metrics.roc_auc_score(truth, values))
    positives = int(truth.sum())
    return Curves(
        positives,
        len(truth) - positives,
        np.stack([alarms, recall], axis=1),
        np.stack([found, precision], axis=1),
        area,
        area_error(area, positives, len(truth) - positives),
        float(metrics.average_precision_score(truth, values)),
        max(counts, key=lambda row: row.f1),
        max(counts, key=lambda row: row.recall - row.false_alarm_rate),
    )


def count(
    scores: npt.ArrayLike, positive: npt.ArrayLike, thresholds: Sequence[float] | Floats
) -> list[Counted]:
    """What each threshold makes of the pictures, in the order of the thresholds.

    Args:
        scores: (F,) probabilities of one class.
        positive: (F,) whether each is of that class; there are both kinds.
        thresholds: any number of them.

    Raises:
        ValueError: as `curves_of`, scikit-learn aside.
    """
    values, truth = _checked(scores, positive)
    hits, alarms = np.sort(values[truth]), np.sort(values[~truth])
    rows = []
    for threshold in thresholds:
        low, below = (int(np.searchsorted(kind, threshold)) for kind in (hits, alarms))
        rows.append(Counted(float(threshold), len(hits) - low, len(alarms) - below, low, below))
    return rows


def area_error(area: float, positives: int, negatives: int) -> float:
    """Standard error of an area under a ROC curve (Hanley and McNeil 1982, eq. 1 and 2).

    Args:
        area: 0 to 1.
        positives: pictures of that kind, at least one.
        negatives: likewise.
    """
    both, twice = area / (2 - area), 2 * area**2 / (1 + area)
    spread = area * (1 - area) + (positives - 1) * (both - area**2)
    spread += (negatives - 1) * (twice - area**2)
    return math.sqrt(max(0.0, spread) / (positives * negatives))


def worst_mistakes(
    scores: npt.ArrayLike, positive: npt.ArrayLike, threshold: float, most: int
) -> tuple[list[int], list[int]]:
    """Indices of the worst false alarms and of the worst misses at a threshold, worst first.

    Args:
        scores: (F,) probabilities of one class.
        positive: (F,) whether each is of that class.
        threshold: a score of this or more is called positive.
        most: of each; of equal scores, those that come first.

    Raises:
        ValueError: as `count`.
    """
    values, truth = _checked(scores, positive)
    called = values >= threshold
    alarms, misses = np.flatnonzero(called & ~truth), np.flatnonzero(~called & truth)
    alarms = alarms[np.argsort(-values[alarms], kind="stable")]
    misses = misses[np.argsort(values[misses], kind="stable")]
    return alarms[:most].tolist(), misses[:most].tolist()


def _checked(scores: npt.ArrayLike, positive: npt.ArrayLike) -> tuple[Floats, Truth]:
    """The arguments as arrays of one length, with both kinds in them."""
    values, truth = np.asarray(scores, np.float64), np.asarray(positive, np.bool_)
    if values.ndim != 1 or values.shape != truth.shape:
        raise ValueError(f"scores {values.shape}, truth {truth.shape}: expected (F,) of one length")
    if np.isnan(values).any():
        raise ValueError(f"scores: {np.isnan(values).sum()} of {len(values)} are not a number")
    if truth.all() or not truth.any():
        kind = "positive" if truth.any() else "negative"
        raise ValueError(f"all {len(truth)} pictures are {kind}: expected some of both kinds")
    return values, truth
