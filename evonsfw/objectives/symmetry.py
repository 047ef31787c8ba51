"""How much a picture is like itself in a mirror, left for right."""

from __future__ import annotations

import numpy as np

from evonsfw.objectives import Goal, Pictures, PictureTerm, Slopes

TERM = True
NEEDS = "pictures"
DEFAULT_UNTIL = None


def value(picture: Pictures) -> float:
    """(H, W, 3) uint8 to 1 - mean |picture - mirrored| / 255: 1 for a picture that is its own
    mirror image, 0 for one that is black on one side and white on the other.
    """
    return float(1.0 - np.abs(_apart(picture)).mean() / 255.0)


def slope(picture: Pictures) -> Slopes:
    """(H, W, 3) uint8 to (H, W, 3) float32 d symmetry / d picture; 0 where a pixel has its mirror
    image's colour.
    """
    pull = -2.0 / (255.0 * picture.size)  # each difference stands in the mean twice
    return np.sign(_apart(picture)).astype(np.float32) * np.float32(pull)


def build(_goal: Goal) -> PictureTerm:
    """As symmetric as can be."""
    return PictureTerm("symmetry", value, slope)


def _apart(picture: Pictures) -> np.ndarray[tuple[int, ...], np.dtype[np.int32]]:
    steps = picture.astype(np.int32)
    return steps - steps[:, ::-1]
