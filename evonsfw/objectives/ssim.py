"""Structural similarity to a target picture: alike in means, contrasts and patterns.

Wang, Bovik, Sheikh & Simoncelli 2004, "Image quality assessment", equation 13, in windows of 7x7
pixels on each channel; scikit-image makes the map. Its own gradient (Avanaki 2009, equations 7 and
8) is not used: it leaves out what sample covariances are scaled by and takes the borders for more
than they count in the mean, and it knows no weights. The slopes here are those of the value.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from evonsfw.objectives import Goal, Pictures, PictureTerm, Slopes, Values

NEEDS = "pictures"
DEFAULT_UNTIL = None
OPTIMUM = 1.0
TERM = TARGET = True

SIDE = 7
"""Pixels of a window's side."""
BORDER = SIDE // 2
"""Pixels on each side of the picture that have no whole window around them."""
SAMPLED = SIDE**2 / (SIDE**2 - 1)
"""What sample covariances are more than plain ones."""
STABLE = (0.01 * 255) ** 2, (0.03 * 255) ** 2
"""The paper's C1 and C2, which keep small denominators from deciding."""


@dataclass(frozen=True)
class Similarity:
    """The mean structural similarity, -1…1.

    Attributes:
        target: (H, W, 3) uint8.
        shares: (H - 6, W - 6) float64, what each window counts; they add up to 1.
        measure: scikit-image's `structural_similarity`.
        filtered: SciPy's `uniform_filter`.
    """

    target: Pictures
    shares: Values
    measure: Callable[..., Any]
    filtered: Callable[..., Any]

    def value(self, picture: Pictures) -> float:
        """(H, W, 3) uint8 to the similarity."""
        _, found = self.measure(
            self.target, picture, win_size=SIDE, channel_axis=2, data_range=255, full=True
        )
        inner = found[BORDER:-BORDER, BORDER:-BORDER].mean(axis=2)
        return float((self.shares * inner).sum())

    def slope(self, picture: Pictures) -> Slopes:
        """(H, W, 3) uint8 to (H, W, 3) float32 d similarity / d picture."""
        x, y = self.target.astype(np.float64), picture.astype(np.float64)
        ux, uy = self._means(x), self._means(y)
        vx, vy, vxy = (
            SAMPLED * (self._means(a * b) - ua * ub)
            for a, b, ua, ub in ((x, x, ux, ux), (y, y, uy, uy), (x, y, ux, uy))
        )
        a1, a2 = 2.0 * ux * uy + STABLE[0], 2.0 * vxy + STABLE[1]
        b1, b2 = ux * ux + uy * uy + STABLE[0], vx + vy + STABLE[1]
        counts = np.pad(self.shares / 3.0, BORDER)[..., None]
        level_x, level_y = counts * a2 / (b1 * b2), counts * a1 * a2 / (b1 * b1 * b2)
        pattern_x = SAMPLED * counts * a1 / (b1 * b2)
        pattern_y = SAMPLED * counts * a1 * a2 / (b1 * b2 * b2)
        level = (level_x - pattern_x) * ux - (level_y - pattern_y) * uy
        slopes = self._means(pattern_x) * x - self._means(pattern_y) * y + self._means(level)
        return (2.0 * slopes).astype(np.float32)

    def _means(self, values: Values) -> Values:
        """(H, W, 3) to the means of windows around each pixel, 0 beyond the border."""
        means: Values = self.filtered(values, (SIDE, SIDE, 1), mode="constant")
        return means


def build(goal: Goal) -> PictureTerm:
    """As alike as can be; ValueError where the goal has no picture, or scikit-image is missing."""
    target = goal.needed_target("ssim")
    try:
        measure = importlib.import_module("skimage.metrics").structural_similarity
        filtered = importlib.import_module("scipy.ndimage").uniform_filter
    except ImportError:
        raise ValueError(
            "objective ssim needs scikit-image: pip install 'evonsfw[instruments]'"
        ) from None
    similarity = Similarity(target, goal.shares("ssim", BORDER), measure, filtered)
    return PictureTerm("SSIM", similarity.value, similarity.slope)
