"""What a classifier sees in parts of a picture, and what it misses when they are covered.

Two maps of a window that slides over the picture: what each crop scores alone ("windows"), and
one minus what the picture scores while the window's place is covered ("occlusion": Zeiler and
Fergus 2014, section 4.2). A pixel's value is the mean over all windows that it lies in. Both as in
Clarifai's "What convolutional neural networks look at when they see nudity" (2016).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np
from PIL import Image, ImageFilter

from evonsfw.classifier import Probabilities
from evonsfw.coarse import Ask, Floats, Point, Survey, averaged, coverage, starts, survey
from evonsfw.discovery import nearest
from evonsfw.preparation import Pictures
from evonsfw.telling import Heard, unheard

Fill = Literal["grey", "mean", "blur", "noise"]
FILLS: tuple[Fill, ...] = get_args(Fill)
Score = Callable[[Iterable[Pictures]], Iterable[Probabilities]]
"""Pictures of any sizes to (C,) probabilities of each, in order: `Scorers.probabilities`."""
GREY = 128
SHARE = 10
"""Coarse to fine asks for one score in so many."""
FINE = 22
"""Places along a window's own side, at most, where no stride is asked for: coarse to fine."""


@dataclass(frozen=True)
class Sweep:
    """How a window slides.

    Attributes:
        window: its side in pixels.
        stride: pixels between two places, at most `window`; the last window of a row or a column
            is flush with the picture's edge, so every pixel is covered.
        fill: what covers a place: grey, the picture's mean colour, the picture blurred, or noise.
        seed: of the noise.
        coarse_to_fine: score a tenth of the places, and tell the rest from them.
    """

    window: int = 64
    stride: int = 16
    fill: Fill = "grey"
    seed: int = 0
    coarse_to_fine: bool = False


@dataclass(frozen=True, eq=False)
class Occlusion:
    """Two maps of one picture.

    Attributes:
        windows: (H, W) float64 in [0, 1]: the mean score of the crops that a pixel lies in.
        occlusion: (H, W) float64 in [0, 1]: the mean of one minus the score while it is covered.
        probabilities: (C,) float32 of the whole picture.
        index: the class that counts.
        scorings: pictures and crops that were scored.
        places: of the window; a full sweep scores twice as many, and the picture.
    """

    windows: Floats
    occlusion: Floats
    probabilities: Probabilities
    index: int
    scorings: int
    places: int

    @property
    def score(self) -> float:
        """Of the whole picture."""
        return float(self.probabilities[self.index])

    @property
    def fall(self) -> Floats:
        """(H, W) float64 in [-1, 1]: the score less its mean while a pixel is covered. It is
        `occlusion` without what is the same everywhere, so pictures of other scores compare.
        """
        return self.occlusion - (1.0 - self.score)


def sweep_for(
    pixels: Pictures,
    window: int | None = None,
    stride: int | None = None,
    coarse_to_fine: bool = False,
) -> Sweep:
    """A sweep whose window is a quarter of the shorter side, and its stride a quarter of that.

    Coarse to fine it is 1/22, rounded up: a tenth of the places is too few where there are few.

    Args:
        pixels: (H, W, 3) uint8.
        window: its side in pixels, where it is given.
        stride: pixels, where it is given.
        coarse_to_fine: whether only a tenth of the places is scored.
    """
    side = window if window is not None else max(1, min(pixels.shape[:2]) // 4)
    usual = -(-side // FINE) if coarse_to_fine else max(1, side // 4)
    step = stride if stride is not None else usual
    return Sweep(side, step, coarse_to_fine=coarse_to_fine)


def require_sweep(pixels: Pictures, sweep: Sweep) -> None:
    """Raise ValueError where a window does not fit, or would leave pixels out."""
    height, width, _ = pixels.shape
    if not 1 <= sweep.window <= min(height, width):
        raise ValueError(
            f"window {sweep.window}: expected 1 to {min(height, width)} pixels, the shorter side "
            f"of a picture of {width}x{height}"
        )
    if not 1 <= sweep.stride <= sweep.window:
        raise ValueError(
            f"stride {sweep.stride}: expected 1 to the window's {sweep.window} pixels, so that "
            f"every pixel is covered"
        )
    if sweep.fill not in FILLS:
        raise ValueError(f"fill '{sweep.fill}': {nearest(sweep.fill, FILLS)}")


def covered(pixels: Pictures, sweep: Sweep) -> Pictures:
    """The picture as it is while all of it is covered.

    Args:
        pixels: (H, W, 3) uint8.
        sweep: says by what; a blur's radius is a quarter of the window.

    Returns:
        (H, W, 3) uint8.
    """
    if sweep.fill == "mean":
        return np.broadcast_to(np.rint(pixels.mean(axis=(0, 1))), pixels.shape).astype(np.uint8)
    if sweep.fill == "blur":
        blur = ImageFilter.GaussianBlur(sweep.window / 4)
        return np.asarray(Image.fromarray(pixels).filter(blur))
    if sweep.fill == "noise":
        return np.random.default_rng(sweep.seed).integers(0, 256, pixels.shape, np.uint8)
    return np.full_like(pixels, GREY)


def occlude(
    pixels: Pictures,
    score: Score,
    index: int,
    sweep: Sweep,
    heard: Heard = unheard,
) -> Occlusion:
    """Slide a window over a picture.

    Args:
        pixels: (H, W, 3) uint8 sRGB.
        score: scores pictures, and crops, each as if it were a picture of its own.
        index: the class that counts.
        sweep: how.
        heard: called with the number of scorings done, and of all.

    Raises:
        ValueError: as `require_sweep`.
    """
    require_sweep(pixels, sweep)
    tour = _Tour(pixels, sweep)
    budget = 2 * tour.places
    if sweep.coarse_to_fine:
        budget = max(8, -(-budget // SHARE))
    count = _Count(score, min(budget, 2 * tour.places) + 1, heard)
    whole = next(count([pixels]))

    def asker(make: Callable[[Point], Pictures]) -> Ask:
        return lambda points: [float(one[index]) for one in count(make(point) for point in points)]

    asks = asker(tour.crop), asker(tour.cover)
    alone, rest = tour.coarse(asks, budget) if sweep.coarse_to_fine else map(tour.full, asks)
    maps = averaged(alone, tour.down, tour.across), averaged(1.0 - rest, tour.down, tour.across)
    return Occlusion(*maps, whole, index, count.done, tour.places)


class _Tour:
    """Every place of a window on a picture: `Point` is its row and column among them."""

    def __init__(self, pixels: Pictures, sweep: Sweep) -> None:
        self._pixels, self._window = pixels, sweep.window
        self._fill = covered(pixels, sweep)
        sides = pixels.shape[:2]
        self._tops, self._lefts = (starts(side, sweep.window, sweep.stride) for side in sides)
        self.down = coverage(self._tops, sweep.window, sides[0])
        self.across = coverage(self._lefts, sweep.window, sides[1])

    @property
    def places(self) -> int:
        """How many there are."""
        return len(self._tops) * len(self._lefts)

    def crop(self, place: Point) -> Pictures:
        """What the window shows."""
        return np.ascontiguousarray(self._pixels[self._part(place)])

    def cover(self, place: Point) -> Pictures:
        """The picture without that."""
        part, picture = self._part(place), self._pixels.copy()
        picture[part] = self._fill[part]
        return picture

    def full(self, ask: Ask) -> Floats:
        """The score at every place."""
        shape = len(self._tops), len(self._lefts)
        return np.array(ask([*np.ndindex(*shape)]), np.float64).reshape(shape)

    def coarse(self, asks: Sequence[Ask], budget: int) -> list[Floats]:
        """The scores at every place, of which so many are asked for in all."""
        grids = [Survey(ask, self.down, self.across) for ask in asks]
        survey(grids, budget)
        return [grid.scores() for grid in grids]

    def _part(self, place: Point) -> tuple[slice, slice]:
        top, left = self._tops[place[0]], self._lefts[place[1]]
        return slice(top, top + self._window), slice(left, left + self._window)


class _Count:
    """Scores, and says how many are done."""

    def __init__(self, score: Score, total: int, heard: Heard) -> None:
        self._score, self._total, self._heard = score, total, heard
        self.done = 0

    def __call__(self, pictures: Iterable[Pictures]) -> Iterator[Probabilities]:
        for found in self._score(pictures):
            self.done += 1
            self._heard(self.done, self._total)
            yield found
