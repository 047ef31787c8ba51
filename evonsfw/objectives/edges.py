"""Likeness of edges: how far the steps between neighbours are from those of a target picture.

The derivatives across and down of the luma, by Sobel's 3x3 filter (Sobel & Feldman 1968) in the
scale in which a step of one level counts as one; the outermost pixels have none.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from evonsfw.objectives import Distance, Goal, Pictures, Slopes, Values

NEEDS = "pictures"
DEFAULT_UNTIL = 0.0
OPTIMUM = 0.0
TERM = ERROR = TARGET = True

LUMA = np.array([0.299, 0.587, 0.114])
"""Red, green and blue in a grey, by ITU-R BT.601."""
BORDER = 1
SMALLEST = 1e-6


@dataclass(frozen=True)
class Edges(Distance):
    """The root mean square difference of both derivatives, in levels, 0…510.

    Attributes:
        luma: (H, W) float64 of the target, 0…255.
        shares: (H - 2, W - 2) float64, what each inner pixel counts; they add up to 1.
    """

    luma: Values = field(repr=False)
    shares: Values = field(repr=False)
    label: str = "edge RMSE"

    def error(self, picture: Pictures) -> float:
        """(H, W, 3) uint8 to the error."""
        across, down = derivatives(_luma(picture) - self.luma)
        return self._error(across, down)

    def slope(self, picture: Pictures) -> Slopes:
        """(H, W, 3) uint8 to (H, W, 3) float32 d error / d picture; 0 at the target itself."""
        across, down = derivatives(_luma(picture) - self.luma)
        whole = 2.0 * max(self._error(across, down), SMALLEST)
        back = _back(self.shares * across) + _back((self.shares * down).T).T
        return ((back / whole)[..., None] * LUMA).astype(np.float32)

    def _error(self, across: Values, down: Values) -> float:
        return float(np.sqrt((self.shares * (across * across + down * down)).sum() / 2.0))


def derivatives(luma: Values) -> tuple[Values, Values]:
    """(H, W) float64 to its (H - 2, W - 2) derivatives across and down."""
    return _across(luma), _across(luma.T).T


def build(goal: Goal) -> Edges:
    """Edges like those of the goal's picture; ValueError where it has none."""
    target = goal.needed_target("edges")
    return Edges(_luma(target), goal.shares("edges", BORDER))


def _luma(picture: Pictures) -> Values:
    return picture.astype(np.float64) @ LUMA


def _across(luma: Values) -> Values:
    """Differences of columns two apart, of rows smoothed by 1 2 1."""
    smooth = (luma[:-2] + 2.0 * luma[1:-1] + luma[2:]) / 4.0
    return smooth[:, 2:] - smooth[:, :-2]


def _back(weights: Values) -> npt.NDArray[np.float64]:
    """(H - 2, W - 2) weights of differences to (H, W) weights of pixels: `_across` transposed."""
    height, width = weights.shape
    smooth = np.zeros((height, width + 2))
    smooth[:, 2:] += weights
    smooth[:, :-2] -= weights
    luma = np.zeros((height + 2, width + 2))
    luma[:-2] += smooth / 4.0
    luma[1:-1] += smooth / 2.0
    luma[2:] += smooth / 4.0
    return luma
