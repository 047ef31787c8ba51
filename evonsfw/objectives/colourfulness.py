"""How colourful a picture is, as people judge it.

Hasler & Süsstrunk 2003, "Measuring colourfulness in natural images", section 7: M3 = sigma + 0.3 mu
of the opponent channels rg = R - G and yb = (R + G) / 2 - B.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from evonsfw.objectives import Goal, Pictures, PictureTerm, Slopes

TERM = True
NEEDS = "pictures"
DEFAULT_UNTIL = None

OPPONENTS = np.array([[1.0, -1.0, 0.0], [0.5, 0.5, -1.0]])
"""(rg and yb, RGB)."""
WEIGHT = 0.3
"""What the mean counts, beside the spread."""
SMALLEST = 1e-6


def value(picture: Pictures) -> float:
    """(H, W, 3) uint8 to M3 / 255: 0 for grey, about 0.06 (slightly) to 0.43 (extremely colourful)
    in the paper, at most about 1.
    """
    spread, mean, _ = _statistics(picture)
    return float((np.linalg.norm(spread) + WEIGHT * np.linalg.norm(mean)) / 255.0)


def slope(picture: Pictures) -> Slopes:
    """(H, W, 3) uint8 to (H, W, 3) float32 d colourfulness / d picture; 0 for grey."""
    spread, mean, channels = _statistics(picture)
    count = picture.shape[0] * picture.shape[1]
    from_spread = (channels - mean) / (count * max(float(np.linalg.norm(spread)), SMALLEST))
    from_mean = WEIGHT * mean / (count * max(float(np.linalg.norm(mean)), SMALLEST))
    slopes: Slopes = ((from_spread + from_mean) @ OPPONENTS / 255.0).astype(np.float32)
    return slopes


def build(_goal: Goal) -> PictureTerm:
    """As colourful as can be."""
    return PictureTerm("colourfulness", value, slope)


def _statistics(
    picture: Pictures,
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """(2,) standard deviations, (2,) means and (H, W, 2) values of the opponent channels."""
    channels = picture.astype(np.float64) @ OPPONENTS.T
    return channels.std(axis=(0, 1)), channels.mean(axis=(0, 1)), channels
