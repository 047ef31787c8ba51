"""What is known of pictures when they are valued, and what their value changes with."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from evonsfw.objectives import Pictures, Probabilities

Logits = npt.NDArray[np.float32]


@dataclass(frozen=True)
class Observed:
    """What is known of B pictures.

    Attributes:
        probabilities: (B, C) float32 of each classifier that was asked.
        logits: (B, C) float32 of each, before the softmax; where somebody needs them.
        pictures: B arrays of (H, W, 3) uint8, where somebody needs them.
        separate: indices of classifiers whose probabilities are no softmax of logits, as those of
            one sigmoid a class: their logarithms stand for the logits in a `Slope`.
    """

    probabilities: tuple[Probabilities, ...] = ()
    logits: tuple[Logits, ...] = ()
    pictures: Sequence[Pictures] | Pictures | None = None
    separate: frozenset[int] = frozenset()


@dataclass(frozen=True)
class Slope:
    """D fitness / d what was observed of one picture.

    Attributes:
        logits: for each classifier (C,) float32, of the values before the softmax, or of the
            logarithms of `Observed.separate` probabilities; or None, where they make no difference.
        picture: (H, W, 3) float32, or None.
    """

    logits: tuple[Logits | None, ...] = ()
    picture: npt.NDArray[np.float32] | None = None
