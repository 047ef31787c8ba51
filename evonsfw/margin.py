"""A class's score as a margin: it goes on growing where the probability has rounded to 1."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from evonsfw.compiled import compiled

SMALLEST = 1e-45
"""The smallest positive float32: probabilities below it are taken as this."""


def margin(probabilities: npt.NDArray[np.float32], index: int) -> npt.NDArray[np.float64]:
    """Log p - log(1 - p) of a class, where 1 - p is the sum of the other outputs.

    Args:
        probabilities: (B, C) float32.
        index: the class, 0…C-1.

    Returns:
        (B,) float64, within ±104.
    """
    assert 0 <= index < probabilities.shape[1]
    margins = np.empty(len(probabilities))
    _fill(np.ascontiguousarray(probabilities), index, margins)
    return margins


@compiled
def _fill(
    probabilities: npt.NDArray[np.float32], index: int, margins: npt.NDArray[np.float64]
) -> None:  # pragma: no cover - compiled
    """Write the margins. A worker wants them after each picture, when the caches are the network's:
    there half a dozen of NumPy's functions take longer than this.
    """
    for i in range(len(probabilities)):
        own, others = 0.0, 0.0
        for j in range(probabilities.shape[1]):
            p = max(float(probabilities[i, j]), SMALLEST)  # what is no number stays none
            if j == index:
                own = p
            else:
                others += p
        margins[i] = math.log(own / others)


def margin_slopes(probabilities: npt.NDArray[np.float32], index: int) -> npt.NDArray[np.float32]:
    """D margin / d logit, where the probabilities are the softmax of the logits: the margin is
    z_c - log sum_{j != c} exp z_j. It is that as well where the logits are log p of any p.

    Args:
        probabilities: (B, C) float32.
        index: the class c, 0…C-1.

    Returns:
        (B, C) float32; each row adds up to 0.
    """
    p = np.maximum(probabilities.astype(np.float64), SMALLEST)
    p[:, index] = 0.0
    slopes = -p / p.sum(axis=1, keepdims=True)
    slopes[:, index] = 1.0
    return slopes.astype(np.float32)


def probability_slopes(
    probabilities: npt.NDArray[np.float32], index: int
) -> npt.NDArray[np.float32]:
    """D p_c / d logit, where the probabilities are the softmax of the logits: p_c (1[j = c] - p_j).

    Args:
        probabilities: (B, C) float32.
        index: the class c, 0…C-1.

    Returns:
        (B, C) float32; each row adds up to 0.
    """
    p = probabilities.astype(np.float64)
    slopes = -p[:, [index]] * p
    slopes[:, index] += p[:, index]
    return slopes.astype(np.float32)


def separate_slopes(probabilities: npt.NDArray[np.float32], index: int) -> npt.NDArray[np.float32]:
    """D p_c / d log p_j, where each probability is free of the others: p_c 1[j = c].

    Args:
        probabilities: (B, C) float32.
        index: the class c, 0…C-1.

    Returns:
        (B, C) float32.
    """
    slopes = np.zeros(probabilities.shape, np.float32)
    slopes[:, index] = probabilities[:, index]
    return slopes


def logit(score: float) -> float:
    """The margin of one probability, within ±104, so that 0 and 1 have one too."""
    return math.log(max(score, SMALLEST)) - math.log(max(1.0 - score, SMALLEST))
