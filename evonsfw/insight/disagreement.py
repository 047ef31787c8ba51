"""Where two maps of one picture, or of two pictures of one motif, disagree."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from PIL import Image

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Disagreement:
    """How a second map differs from a first one.

    Attributes:
        difference: (H, W) float64: the second less the first.
        correlation: Pearson's, -1 to 1; not a number where one map is flat.
        mean: of the absolute differences.
        largest: the difference that is furthest from 0, with its sign.
        place: x and y in pixels of where that is.
    """

    difference: Floats
    correlation: float
    mean: float
    largest: float
    place: tuple[int, int]


def disagree(first: Floats, second: Floats) -> Disagreement:
    """Compare two maps.

    Args:
        first: (H, W).
        second: (h, w): where it is of another size it is brought to the first one's.
    """
    difference = of_size(second, first.shape) - first
    sizes = np.abs(difference)
    y, x = (int(place) for place in np.unravel_index(sizes.argmax(), sizes.shape))
    return Disagreement(
        difference,
        correlation(first, first + difference),
        float(sizes.mean()),
        float(difference[y, x]),
        (x, y),
    )


def of_size(values: Floats, shape: tuple[int, ...]) -> Floats:
    """A map at another size, (H, W) in `shape`; the map itself where it has that already."""
    if values.shape == shape:
        return values
    image = Image.fromarray(values.astype(np.float32))
    resized = image.resize((shape[1], shape[0]), Image.Resampling.BILINEAR)
    return np.asarray(resized, np.float64)


def correlation(first: Floats, second: Floats) -> float:
    """Pearson's of two maps of one size; not a number where one of them is flat."""
    a, b = first - first.mean(), second - second.mean()
    size = math.sqrt(float((a * a).sum()) * float((b * b).sum()))
    return float((a * b).sum()) / size if size > 1e-12 else math.nan
