"""Numbers to colours: maps of what a classifier looks at."""

from __future__ import annotations

from typing import Literal

import numpy as np
import numpy.typing as npt

Scheme = Literal["sequential", "diverging"]
SEQUENTIAL: Scheme = "sequential"
"""Dark is low: "inferno" of van der Walt and Smith 2015."""
DIVERGING: Scheme = "diverging"
"""Blue is low, white the middle, red high: "RdBu" of Brewer's ColorBrewer 2.0."""
ANCHORS: dict[Scheme, npt.NDArray[np.float64]] = {
    "sequential": np.array(
        [
            *((0, 0, 4), (31, 12, 72), (85, 15, 109), (136, 34, 106), (186, 54, 85)),
            *((227, 89, 51), (249, 140, 10), (249, 201, 50), (252, 255, 164)),
        ],
        np.float64,
    ),
    "diverging": np.array(
        [
            *((5, 48, 97), (33, 102, 172), (67, 147, 195), (146, 197, 222), (209, 229, 240)),
            *((247, 247, 247), (253, 219, 199), (244, 165, 130), (214, 96, 77), (178, 24, 43)),
            (103, 0, 31),
        ],
        np.float64,
    ),
}
"""Colours at equal distances, from the lowest value to the highest; straight lines between."""


def coloured(
    values: npt.ArrayLike, low: float, high: float, scheme: Scheme = SEQUENTIAL
) -> npt.NDArray[np.uint8]:
    """The colour of each value.

    Args:
        values: (...) floats; NaN becomes grey.
        low: the value of the first colour; what lies below has it too.
        high: the value of the last colour, likewise; all is in the middle where it is `low`.
        scheme: which colours.

    Returns:
        (..., 3) uint8 sRGB.
    """
    anchors = ANCHORS[scheme]
    numbers = np.asarray(values, np.float64)
    span = high - low
    share = (numbers - low) / span if span > 0 else np.full(numbers.shape, 0.5)
    known = np.where(np.isnan(numbers), 0.0, share)
    place = np.clip(known, 0.0, 1.0) * (len(anchors) - 1)
    marks = np.arange(len(anchors))
    found = np.stack([np.interp(place, marks, channel) for channel in anchors.T], axis=-1)
    found[np.isnan(numbers)] = 128.0
    return np.rint(found).astype(np.uint8)
