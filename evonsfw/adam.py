"""Adam: steps of nearly equal size in every direction (Kingma & Ba 2015, algorithm 1)."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float32]
DECAY, SQUARE_DECAY, TINY = 0.9, 0.999, 1e-8


class Adam:
    """Climbs.

    Args:
        rate: the size of a step.
        square_decay: how much of the mean of squares is kept from one step to the next.
    """

    def __init__(self, rate: float, square_decay: float = SQUARE_DECAY) -> None:
        self._rate, self._square_decay = rate, square_decay
        self._steps = 0
        self._mean: Floats | float = 0.0
        self._square: Floats | float = 0.0

    def step(self, point: Floats, gradient: Floats, share: float = 1.0) -> Floats:
        """(L,) float32 point and d f / d point to the next point, at a share of the rate."""
        self._steps += 1
        self._mean = DECAY * self._mean + (1.0 - DECAY) * gradient
        kept = self._square_decay
        self._square = kept * self._square + (1.0 - kept) * gradient**2
        mean = self._mean / (1.0 - DECAY**self._steps)
        square = self._square / (1.0 - kept**self._steps)
        rate = self._rate * share
        return (point + rate * mean / (np.sqrt(square) + TINY)).astype(np.float32)
