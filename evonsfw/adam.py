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
    """

    def __init__(self, rate: float) -> None:
        self._rate = rate
        self._steps = 0
        self._mean: Floats | float = 0.0
        self._square: Floats | float = 0.0

    def step(self, point: Floats, gradient: Floats) -> Floats:
        """(L,) float32 point and d f / d point to the next point."""
        self._steps += 1
        self._mean = DECAY * self._mean + (1.0 - DECAY) * gradient
        self._square = SQUARE_DECAY * self._square + (1.0 - SQUARE_DECAY) * gradient**2
        mean = self._mean / (1.0 - DECAY**self._steps)
        square = self._square / (1.0 - SQUARE_DECAY**self._steps)
        return (point + self._rate * mean / (np.sqrt(square) + TINY)).astype(np.float32)
