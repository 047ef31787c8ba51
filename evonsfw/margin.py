"""A class's score as a margin: it goes on growing where the probability has rounded to 1."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

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
    p = np.maximum(probabilities.astype(np.float64), SMALLEST)
    others = np.delete(p, index, axis=1).sum(axis=1)
    result: npt.NDArray[np.float64] = np.log(p[:, index]) - np.log(others)
    return result


def logit(score: float) -> float:
    """The margin of one probability, within ±104, so that 0 and 1 have one too."""
    return math.log(max(score, SMALLEST)) - math.log(max(1.0 - score, SMALLEST))
