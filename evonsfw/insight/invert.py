"""The smallest change of a picture that moves its score: how thin a score is, in numbers."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from evonsfw.looks import Looks
from evonsfw.model_spec import ModelSpec
from evonsfw.nearest_change import LEVELS, Walk, Wish
from evonsfw.preparation import Pictures
from evonsfw.telling import Heard, unheard
from evonsfw.views import SEARCHED, View


@dataclass(frozen=True, eq=False)
class Inversion:
    """A picture and what became of it.

    Attributes:
        original: (H, W, 3) uint8.
        changed: (H, W, 3) uint8: the smallest change that reaches the score in each view, or where
            none does, the one that comes nearest.
        reached: whether it does.
        upward: whether the score was to rise.
        wish: what was asked.
        views: names of the views that count.
        before: score of the original as it is, 0 to 1.
        after: score of the changed picture, of the view that is farthest from what was asked.
        first: iterations until the score was reached first; None where it never was.
        iterations: how many there were.
    """

    original: Pictures
    changed: Pictures
    reached: bool
    upward: bool
    wish: Wish
    views: tuple[str, ...]
    before: float
    after: float
    first: int | None
    iterations: int

    @property
    def change(self) -> npt.NDArray[np.int16]:
        """(H, W, 3) int16, -255…255: changed less original."""
        return self.changed.astype(np.int16) - self.original.astype(np.int16)

    @property
    def linf(self) -> float:
        """The largest change of any channel, where channels are 0…1."""
        return float(np.abs(self.change).max()) / LEVELS

    @property
    def l2(self) -> float:
        """Root of the sum of squares of all changes, where channels are 0…1."""
        return float(np.linalg.norm(self.change.astype(np.float64))) / LEVELS

    @property
    def share(self) -> float:
        """The part of all channel values that differ, 0 to 1."""
        return float(np.mean(self.change != 0))

    @property
    def psnr(self) -> float:
        """Peak signal-to-noise ratio in dB; infinite where nothing changed."""
        error = float(np.mean(np.square(self.change.astype(np.float64))))
        return 10.0 * math.log10(LEVELS**2 / error) if error else math.inf

    def difference(self, times: float = 10.0) -> Pictures:
        """(H, W, 3) uint8: the change, so many times as large, around grey."""
        return np.clip(np.rint(128.0 + times * self.change), 0, LEVELS).astype(np.uint8)


def invert(
    pixels: Pictures,
    spec: ModelSpec,
    index: int,
    wish: Wish,
    robust: bool = False,
    heard: Heard = unheard,
    workers: int | None = None,
) -> Inversion:
    """Look for the smallest change of a picture that moves its score to where it is asked.

    Args:
        pixels: (H, W, 3) uint8 sRGB, any size.
        spec: the classifier.
        index: the class, 0…C-1.
        wish: what is asked.
        robust: whether the score is to be reached in each of `robust_views`, not only as it is.
        heard: told how many iterations are done.
        workers: threads; None for one a core. It changes no result.

    Raises:
        ValueError: the classifier cannot be opened, or has an operator without backward rule.
    """
    views = robust_views(pixels) if robust else SEARCHED[:1]
    with Looks(spec, index, views, workers) as looks:
        before = looks.look(pixels)[0]
        walk = Walk(pixels, looks, wish)
        for number in range(wish.iterations):
            heard(number, wish.iterations)
            walk.step(number)
            if walk.is_done:
                break
        heard(wish.iterations, wish.iterations)
        tried = walk.best or walk.nearest
        changed = (pixels + tried.change).astype(np.uint8)
        seen = looks.look(changed)
        after = seen[int(walk.beyond(seen).argmin())]
    return Inversion(
        *(pixels, changed, walk.best is not None, walk.upward, wish),
        *(tuple(view.name for view in views), looks.score(before), looks.score(after)),
        *(walk.first, number + 1),
    )


def robust_views(pixels: Pictures) -> tuple[View, ...]:
    """The views that searches score by, less those that a picture without genome cannot have."""
    found = []
    for view in SEARCHED:
        try:
            view.change(pixels)
        except ValueError:
            continue
        if view.side is None:
            found.append(view)
    return tuple(found)
