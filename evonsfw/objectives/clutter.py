"""How busy a picture is: the length of its edges, each weighted by its contrast.

The anisotropic total variation (Rudin, Osher & Fatemi 1992), in sides of the picture, so that the
same picture is as busy at any size. Of the three parts of Rosenholtz, Li & Nakano's feature
congestion (2007) it is the contrast, alone.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from evonsfw.objectives import Goal, Pictures, PictureTerm, Slopes

TERM = True
NEEDS = "pictures"
DEFAULT_UNTIL = None

SIDES = 10.0
"""Sides of the picture that edges from black to white come to, where the clutter is 1."""


def value(picture: Pictures) -> float:
    """(H, W, 3) uint8 to the clutter: 0 for one colour, 0.1 to 1 for shapes, 8.5 for 256x256 of
    white noise.
    """
    steps = picture.astype(np.int32)
    across, down = np.abs(np.diff(steps, axis=1)).sum(), np.abs(np.diff(steps, axis=0)).sum()
    return float(across + down) / _whole(picture)


def slope(picture: Pictures) -> Slopes:
    """(H, W, 3) uint8 to (H, W, 3) float32 d clutter / d picture; 0 between equal pixels."""
    steps = picture.astype(np.int32)
    result = np.zeros(picture.shape, np.float32)
    across, down = np.sign(np.diff(steps, axis=1)), np.sign(np.diff(steps, axis=0))
    result[:, 1:] += across
    result[:, :-1] -= across
    result[1:] += down
    result[:-1] -= down
    return result / np.float32(_whole(picture))


def build(_goal: Goal) -> PictureTerm:
    """As busy as can be."""
    return PictureTerm("clutter", value, slope)


def _whole(picture: np.ndarray[Any, Any]) -> float:
    """What differences add up to where the clutter is 1; a diagonal edge counts both ways."""
    height, width, channels = picture.shape
    return float(2 * channels * 255 * SIDES * np.sqrt(height * width))
