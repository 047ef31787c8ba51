"""Palettes: few colours that stand for many."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import numpy.typing as npt

from evonsfw.compiled import compiled
from evonsfw.raster import Pictures

SORT = 8
"""Colours that agree in all but their last three bits are one sort when a palette is chosen."""
BOX = 4
"""Colours that agree in all but their last two bits get the same colour of a palette."""
ROUNDS = 12
"""Of k-means: more change nothing that is seen."""
EVENNESS = 0.5
"""0: all sorts count alike; 1: each by its pixels, so that small shapes lose their colour."""

Colours = npt.NDArray[np.float32]


class Palette:
    """Colours of a film, and which of them stands for which.

    Args:
        pictures: (H, W, 3) uint8 each, all that is to be shown, or some of it.
        count: how many colours, 1 to 255.

    Attributes:
        colours: (K, 3) uint8, K at most `count`.
    """

    def __init__(self, pictures: Iterable[Pictures], count: int) -> None:
        means, weights = _sorts(pictures)
        chosen = _improved(_spread_out(means, weights, count), means, weights)
        self.colours = np.unique(chosen.round().astype(np.uint8), axis=0)
        side = 256 // BOX
        self._table = np.empty((side, side, side), np.uint8)
        _fill(self.colours, self._table)

    def indices(self, picture: Pictures) -> npt.NDArray[np.uint8]:
        """(H, W, 3) uint8 picture to (H, W) indices of `colours`, the nearest ones. No dithering:
        flat shapes stay flat.
        """
        red, green, blue = np.moveaxis(picture // BOX, -1, 0)
        found: npt.NDArray[np.uint8] = self._table[red, green, blue]
        return found


def _sorts(pictures: Iterable[Pictures]) -> tuple[Colours, Colours]:
    """The sorts of colour that there are: (M, 3) means, and (M,) weights."""
    side = 256 // SORT
    counts, sums = np.zeros(side**3), np.zeros((side**3, 3))
    for picture in pictures:
        flat = picture.reshape(-1, 3)
        sort = (flat // SORT).astype(np.int64) @ np.array([side * side, side, 1])
        counts += np.bincount(sort, minlength=side**3)
        for channel in range(3):
            sums[:, channel] += np.bincount(sort, flat[:, channel], minlength=side**3)
    there = counts > 0
    means = sums[there] / counts[there, None]
    return means.astype(np.float32), (counts[there] ** EVENNESS).astype(np.float32)


def _spread_out(means: Colours, weights: Colours, count: int) -> Colours:
    """Colours far from each other, to begin with (T. F. Gonzalez, "Clustering to minimize the
    maximum intercluster distance", 1985; a sort's distance counts by its weight).
    """
    chosen = [int(weights.argmax())]
    distance = ((means - means[chosen[0]]) ** 2).sum(axis=1)
    while len(chosen) < min(count, len(means)) and distance.max() > 0.0:
        chosen.append(int((distance * weights).argmax()))
        distance = np.minimum(distance, ((means - means[chosen[-1]]) ** 2).sum(axis=1))
    return means[chosen]


def _improved(colours: Colours, means: Colours, weights: Colours) -> Colours:
    """Each moved to the middle of the sorts that it is nearest to, again and again (S. P. Lloyd,
    "Least squares quantization in PCM", 1982).
    """
    for _ in range(ROUNDS):
        apart = (colours**2).sum(axis=1) - 2.0 * (means @ colours.T)
        nearest = apart.argmin(axis=1)
        shares = np.bincount(nearest, weights, minlength=len(colours))
        moved = colours.copy()
        for channel in range(3):
            total = np.bincount(nearest, weights * means[:, channel], minlength=len(colours))
            moved[:, channel] = np.where(
                shares > 0, total / np.maximum(shares, 1e-9), moved[:, channel]
            )
        colours = moved
    return colours


@compiled
def _fill(colours: npt.NDArray[np.uint8], table: npt.NDArray[np.uint8]) -> None:  # pragma: no cover
    """For the middle of each box, the index of the nearest colour."""
    side = table.shape[0]
    for r in range(side):
        for g in range(side):
            for b in range(side):
                best = 3 * 256 * 256
                for index in range(len(colours)):
                    red = int(colours[index, 0]) - (r * BOX + BOX // 2)
                    green = int(colours[index, 1]) - (g * BOX + BOX // 2)
                    blue = int(colours[index, 2]) - (b * BOX + BOX // 2)
                    distance = red * red + green * green + blue * blue
                    if distance < best:
                        best = distance
                        table[r, g, b] = index
