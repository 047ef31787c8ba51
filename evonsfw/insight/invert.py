"""The smallest change of a picture that moves its score: how thin a score is, in numbers.

A search for the nearest picture on the other side of a decision, as Rony et al. 2019 ("Decoupling
Direction and Norm") and Pintor et al. 2021 ("Fast Minimum-Norm Adversarial Attacks") have it: the
direction follows the gradient, the size of the change shrinks by a little while the score holds
and grows by a little while it does not. What is scored is always the picture in 8 bits, through
the whole preparation: the gradient passes rounding and the JPEG step as the identity (`looks`).

Rounding is more than a nuisance. Of all changes in whole levels that move a linear score as much,
the smallest is a multiple of the gradient rounded to the nearest level: most pixels keep their
values, a few move by one or two.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple

import numpy as np
import numpy.typing as npt

from evonsfw.insight import Heard, unheard
from evonsfw.looks import Look, Looks
from evonsfw.margin import logit
from evonsfw.model_spec import ModelSpec
from evonsfw.preparation import Pictures
from evonsfw.views import SEARCHED, View

Floats = npt.NDArray[np.float32]
Values = npt.NDArray[np.float64]
Norm = Literal["linf", "l2"]
NORMS: tuple[Norm, ...] = ("linf", "l2")
LEVELS = 255
HOLD = 1e-3
"""Margin that a score must lie beyond what is asked, so that it still does where another build of
the same network rounds otherwise: a thousand times what such roundings come to.
"""
START = 0.05
"""Levels, at most, by which the search's first picture differs; none of them survives rounding."""
FIRST_STRIDE, LAST_STRIDE = 1.0, 0.01
"""Length of a step, in sizes of the change, once the score holds: at first and at last."""
FIRST_SHRINKING, LAST_SHRINKING = 0.05, 0.001
"""Share by which the size shrinks or grows then."""
CHASE, LEAP = 0.2, 0.5
"""While the score does not hold: the shortest step and the longest, in sizes of the change."""
SHARES = 10
"""While no largest change is given, each is tried for this part of all iterations, at most."""
SOFTNESS = 1.0
"""Margin by which a view must be worse than another to count e times as much."""
FAINT = 0.02
"""Views that count for less than this are left out of the gradient: each costs a backward pass."""
WORST, OTHERS = 2, 1
"""Of several views, a step looks at those that were worst, and at others by chance; at the rest
only where these hold.
"""
HALVINGS = 12


@dataclass(frozen=True)
class Wish:
    """What is asked of a change.

    Attributes:
        score: probability of the class, between 0 and 1, that is to be reached: from below or from
            above, by where the picture is.
        norm: what is to be small: the largest change of any channel (then the l2 norm), or the
            root of the sum of squares of them all.
        budget: the most that the norm may be, where channels are 0…1; None for no limit.
        iterations: forward and backward passes; with several views, of each.
        seed: of the first picture's differences.

    Raises:
        ValueError: one of them is out of range.
    """

    score: float
    norm: Norm = "linf"
    budget: float | None = None
    iterations: int = 200
    seed: int = 0

    def __post_init__(self) -> None:
        """Refuse what is out of range."""
        if not 0.0 < self.score < 1.0:
            raise ValueError(f"score = {self.score:g}: expected a number between 0 and 1")
        if self.norm not in NORMS:
            raise ValueError(f"norm = '{self.norm}': expected linf or l2")
        if self.iterations < 1:
            raise ValueError(f"iterations = {self.iterations}: expected 1 or more")
        if self.seed < 0:
            raise ValueError(f"seed = {self.seed}: expected 0 or more")
        least = 1 / LEVELS
        if self.budget is not None and not least * (1 - 1e-9) <= self.budget < math.inf:
            raise ValueError(
                f"budget = {self.budget:g}: expected 1/255 or more, for a picture of 8 bits knows "
                f"no smaller change"
            )


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
        walk = _Walk(pixels, looks, wish)
        for number in range(wish.iterations):
            heard(number, wish.iterations)
            walk.step(number)
            if walk.is_done:
                break
        heard(wish.iterations, wish.iterations)
        return walk.found(number + 1)


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


class _Tried(NamedTuple):
    """A change that was scored: how far beyond what is asked its worst view is, and its size."""

    change: Floats
    beyond: float
    size: tuple[float, float]


class _Walk:
    """The search: one step is one look at a picture, and one move by its gradient.

    Args:
        pixels: (H, W, 3) uint8.
        looks: what the classifier sees.
        wish: what is asked.
    """

    def __init__(self, pixels: Pictures, looks: Looks, wish: Wish) -> None:
        self._pixels, self._looks, self._wish = pixels, looks, wish
        self._from = pixels.astype(np.float32)
        self._rng = np.random.default_rng(wish.seed)
        self._drift = self._rng.uniform(-START, START, pixels.shape).astype(np.float32)
        self._levels, self._budget = _limits(wish)
        self._patience = max(1, wish.iterations // SHARES)
        self._since = 0
        self._radius = 0.0
        before = looks.look(pixels)
        self._before = looks.score(before[0])
        self._upward = before[0].margin < logit(wish.score)
        self._beyond = self._measured(before)
        self._first: int | None = None
        self._best: _Tried | None = None
        self._nearest = _Tried(np.zeros_like(self._drift), float(self._beyond.min()), (0.0, 0.0))
        self.is_done = False

    def step(self, number: int) -> None:
        """Look at the picture as it is, and move on."""
        change = self._rounded(self._drift)
        looks, beyond = self._look((self._from + change).astype(np.uint8))
        self._keep(_Tried(change, float(beyond.min()), self._size(change)), number)
        if self.is_done:
            return
        slope = self._slope(looks, beyond)
        steepness = float(np.linalg.norm(slope))
        if steepness == 0.0 or not math.isfinite(steepness):
            self.is_done = True  # nothing that a pixel does changes the score
        elif self._best is None:
            self._chase(slope / steepness, -float(beyond.min()) / steepness, number)
        else:
            self._refine(slope / steepness, beyond.min() >= 0, number)

    def found(self, iterations: int) -> Inversion:
        """The best of what was tried."""
        tried = self._best or self._nearest
        changed = (self._from + tried.change).astype(np.uint8)
        names = tuple(view.name for view in self._looks.views)
        looks = self._looks.look(changed)
        after = self._looks.score(looks[int(self._measured(looks).argmin())])
        return Inversion(
            *(self._pixels, changed, self._best is not None, self._upward, self._wish),
            *(names, self._before, after, self._first, iterations),
        )

    def _look(self, picture: Pictures) -> tuple[list[Look], Values]:
        """Looks at some views, at all where these hold, and what is measured of them."""
        order = np.argsort(self._beyond, kind="stable")
        rest = self._rng.permutation(order[WORST:])
        chosen, left = [*order[:WORST], *rest[:OTHERS]], rest[OTHERS:]
        looks = self._looks.look(picture, chosen)
        if len(left) and self._measured(looks).min() >= 0:
            looks += self._looks.look(picture, left)
            chosen = [*chosen, *left]
        beyond = self._measured(looks)
        self._beyond[chosen] = beyond
        return looks, beyond

    def _measured(self, looks: Sequence[Look]) -> Values:
        """(V,) margins beyond what is asked; negative where a view falls short of it."""
        sign = self._sign
        goal = logit(self._wish.score) + sign * HOLD
        return sign * (np.array([look.margin for look in looks]) - goal)

    @property
    def _sign(self) -> float:
        return 1.0 if self._upward else -1.0

    def _keep(self, tried: _Tried, number: int) -> None:
        if tried.beyond > self._nearest.beyond:
            self._nearest = tried
        if tried.beyond < 0:
            return
        if self._first is None:
            self._first = number
        if self._best is None or tried.size < self._best.size:
            self._best = tried
        self.is_done = not tried.change.any()

    def _size(self, change: Floats) -> tuple[float, float]:
        """What is to be small, the first thing first."""
        l2 = float(np.linalg.norm(change))
        return (float(np.abs(change).max()), l2) if self._wish.norm == "linf" else (l2, 0.0)

    def _slope(self, looks: Sequence[Look], beyond: Values) -> Floats:
        """The gradient of a soft minimum over all views."""
        weights = np.exp((beyond.min() - beyond) / SOFTNESS)
        weights /= weights.sum()
        weights[weights < FAINT] = 0.0
        return self._looks.slope(looks, self._sign * weights / weights.sum())

    def _chase(self, along: Floats, short: float, number: int) -> None:
        """Towards the score: as far as a straight line would need, within reason."""
        size = float(np.linalg.norm(self._drift))
        least = CHASE * _annealed(number / self._wish.iterations, 1.0, LAST_STRIDE)
        longest = LEAP * size if number else math.inf
        self._drift += np.float32(max(min(short, longest), least * size)) * along
        if self._wish.budget is None and self._wish.norm == "linf":
            self._since += 1
            if self._since >= self._patience:
                self._since, self._levels = 0, _more(self._levels)
        self._limit()

    def _refine(self, along: Floats, holds: bool, number: int) -> None:
        """Along the gradient, then back to a size that is a little smaller, or larger."""
        assert self._first is not None
        done = (number - self._first) / max(1, self._wish.iterations - self._first)
        size = float(np.linalg.norm(self._drift))
        shrinking = _annealed(done, FIRST_SHRINKING, LAST_SHRINKING)
        if number == self._first:
            self._radius = size
        self._radius = (
            min(size, self._radius) * (1.0 - shrinking)
            if holds
            else self._radius * (1.0 + shrinking)
        )
        stride = _annealed(done, FIRST_STRIDE, LAST_STRIDE) * self._radius
        self._drift += np.float32(stride) * along
        self._drift *= np.float32(self._radius / float(np.linalg.norm(self._drift)))
        self._limit()

    def _limit(self) -> None:
        """What goes beyond a limit is forgotten, so that it does not have to be undone."""
        if self._wish.norm == "linf":
            np.clip(self._drift, -self._levels, self._levels, out=self._drift)
        if self._budget is not None:
            self._drift *= np.float32(self._scale(self._drift, self._budget))

    def _rounded(self, drift: Floats) -> Floats:
        """Whole levels that the picture can take."""
        change = np.rint(np.clip(drift, -self._levels, self._levels))
        return np.clip(change, -self._from, LEVELS - self._from)

    def _scale(self, drift: Floats, budget: float) -> float:
        """By how much to multiply a change so that it is within an l2 norm when it is rounded."""
        low, high = 0.0, 1.0
        if float(np.linalg.norm(self._rounded(drift))) <= budget:
            return 1.0
        for _ in range(HALVINGS):
            middle = (low + high) / 2
            within = float(np.linalg.norm(self._rounded(drift * np.float32(middle)))) <= budget
            low, high = (middle, high) if within else (low, middle)
        return low


def _limits(wish: Wish) -> tuple[float, float | None]:
    """The most levels that a channel may change by, and the largest l2 norm in levels."""
    if wish.norm == "l2":
        return float(LEVELS), None if wish.budget is None else wish.budget * LEVELS
    if wish.budget is None:
        return 1.0, None
    return min(float(LEVELS), math.floor(wish.budget * LEVELS + 1e-6)), None


def _more(levels: float) -> float:
    """The next largest change to try."""
    return min(float(LEVELS), max(levels + 1.0, math.floor(levels * 1.5)))


def _annealed(done: float, first: float, last: float) -> float:
    """From first to last along half a cosine (Loshchilov and Hutter 2017, equation 5)."""
    return last + (first - last) * (1.0 + math.cos(math.pi * done)) / 2.0
