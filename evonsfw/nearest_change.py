"""The search for the nearest picture on the other side of a score.

As Rony et al. 2019 ("Decoupling Direction and Norm") and Pintor et al. 2021 ("Fast Minimum-Norm
Adversarial Attacks") have it: the direction follows the gradient, the size of the change shrinks by
a little while the score holds and grows by a little while it does not. What is scored is always
the picture in 8 bits, through the whole preparation: the gradient passes rounding and the JPEG step
as the identity (`looks`).

Rounding is more than a nuisance. Of all changes in whole levels that move a linear score as much,
the smallest is a multiple of the gradient rounded to the nearest level: most pixels keep their
values, a few move by one or two.

Where the largest change of a channel is to be small, the smallest largest change is looked for
first: one that suffices and one below it that does not. What is left of the iterations makes the
l2 norm small within it.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple

import numpy as np
import numpy.typing as npt

from evonsfw.looks import Look, Looks
from evonsfw.margin import logit
from evonsfw.preparation import Pictures

Floats = npt.NDArray[np.float32]
Values = npt.NDArray[np.float64]
Norm = Literal["linf", "l2"]
NORMS: tuple[Norm, ...] = ("linf", "l2")
LEVELS = 255
LEAST = (1 - 1e-9) / LEVELS
"""The smallest budget, but for rounding."""
SMALLER = "expected 1/255 or more, for a picture of 8 bits knows no smaller change"
"""Said where a budget is below that."""
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
MOST_SHRINKING = 0.3
"""The same where the score is far beyond what is asked."""
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
        if self.budget is not None and not LEAST <= self.budget < math.inf:
            raise ValueError(f"budget = {self.budget:g}: {SMALLER}")


class Tried(NamedTuple):
    """A change that was scored.

    Attributes:
        change: (H, W, 3) float32, whole levels.
        beyond: margin by which its worst view is beyond what is asked; negative: short of it.
        size: what is to be small, the first thing first.
    """

    change: Floats
    beyond: float
    size: tuple[float, float]


class Walk:
    """The search: one step is one look at a picture, and one move by its gradient.

    Args:
        pixels: (H, W, 3) uint8.
        looks: what the classifier sees.
        wish: what is asked.

    Attributes:
        upward: whether the score is to rise, by the first view of the picture.
        best: the smallest change that reaches the score; None while there is none.
        nearest: the change that comes nearest to it.
        first: number of the step that reached it first; None likewise.
        is_done: whether further steps would change nothing.
    """

    def __init__(self, pixels: Pictures, looks: Looks, wish: Wish) -> None:
        self._looks, self._wish = looks, wish
        self._from = pixels.astype(np.float32)
        self._rng = np.random.default_rng(wish.seed)
        self._drift = self._rng.uniform(-START, START, pixels.shape).astype(np.float32)
        before = looks.look(pixels)
        self.upward = before[0].margin < logit(wish.score)
        self._known = self.beyond(before)
        self.best: Tried | None = None
        self.nearest = Tried(np.zeros_like(self._drift), float(self._known.min()), (0.0, 0.0))
        self.first: int | None = None
        self.is_done = False
        self._levels, self._budget = _limits(wish)
        self._too_low, self._enough = 0.0, math.inf
        self._patience = max(5, wish.iterations // SHARES)
        self._since = 0
        self._held = self._drift
        self._settled: int | None = None
        self._radius = 0.0

    def step(self, number: int) -> None:
        """Look at the picture as it is, and move on.

        Args:
            number: of the step, from 0 to one less than the iterations that are wished for.
        """
        change = self._rounded(self._drift)
        looks, beyond = self._look((self._from + change).astype(np.uint8))
        short = -float(beyond.min())
        self._keep(Tried(change, -short, self._size(change)), number)
        if self.is_done:
            return
        slope = self._slope(looks, beyond)
        if not 0.0 < float(np.abs(slope).sum()) < math.inf:
            self.is_done = True  # nothing that a pixel does changes the score
        elif self._settled is None:
            self._approach(slope, short, change, number)
        else:
            self._refine(slope, -short, number)

    def beyond(self, looks: Sequence[Look]) -> Values:
        """(V,) margins beyond what is asked; negative where a view falls short of it."""
        sign = 1.0 if self.upward else -1.0
        goal = logit(self._wish.score) + sign * HOLD
        return sign * (np.array([look.margin for look in looks]) - goal)

    def _look(self, picture: Pictures) -> tuple[list[Look], Values]:
        """Looks at some views, at all where these hold, and what is measured of them."""
        order = np.argsort(self._known, kind="stable")
        rest = self._rng.permutation(order[WORST:])
        chosen, left = [*order[:WORST], *rest[:OTHERS]], rest[OTHERS:]
        looks = self._looks.look(picture, chosen)
        if len(left) and self.beyond(looks).min() >= 0:
            looks += self._looks.look(picture, left)
            chosen = [*chosen, *left]
        beyond = self.beyond(looks)
        self._known[chosen] = beyond
        return looks, beyond

    def _keep(self, tried: Tried, number: int) -> None:
        if tried.beyond > self.nearest.beyond:
            self.nearest = tried
        if tried.beyond < 0:
            return
        if self.first is None:
            self.first = number
        if self.best is None or tried.size < self.best.size:
            self.best, self._held = tried, self._drift.copy()
        self.is_done = not tried.change.any()

    def _size(self, change: Floats) -> tuple[float, float]:
        l2 = float(np.linalg.norm(change))
        return (float(np.abs(change).max()), l2) if self._wish.norm == "linf" else (l2, 0.0)

    def _slope(self, looks: Sequence[Look], beyond: Values) -> Floats:
        """The gradient of a soft minimum over all views."""
        weights = np.exp((beyond.min() - beyond) / SOFTNESS)
        weights /= weights.sum()
        weights[weights < FAINT] = 0.0
        sign = 1.0 if self.upward else -1.0
        return self._looks.slope(looks, sign * weights / weights.sum())

    def _free(self, slope: Floats, change: Floats) -> Floats:
        """The slope without values that are as far as they can go the way that it points."""
        value = self._from + change
        top = np.minimum(self._from + self._levels, LEVELS)
        bottom = np.maximum(self._from - self._levels, 0.0)
        stuck = np.where(slope > 0, value >= top, value <= bottom)
        return np.where(stuck, np.float32(0.0), slope)

    def _approach(self, slope: Floats, short: float, change: Floats, number: int) -> None:
        """Until the score holds, and with the smallest largest change where that is looked for."""
        free = self._free(slope, change)
        levels = abs(short) / float(np.abs(slope).sum())  # that all would have to move on a line
        self._since += 1
        if short <= 0:
            self._enough = float(np.abs(change).max())
            self._try(self._enough - max(1.0, math.floor(levels)))
        elif self._searches and (self._since > self._patience or not free.any()):
            self._too_low = self._levels
            self._try(max(self._levels + math.ceil(levels), math.floor(self._levels * 1.5)))
        elif free.any():
            self._chase(slope if self._since < self._patience // 2 else free, short, number)
        else:
            self.is_done = True  # all is as far as it can go
        late = number >= self._wish.iterations // 2
        if self.best is not None and (late or not self._searches):
            self._settle(number)

    @property
    def _searches(self) -> bool:
        """Whether there is a smaller largest change that has not been tried."""
        free = self._wish.norm == "linf" and self._wish.budget is None
        return free and self._enough - self._too_low > 1.0 and self._too_low < LEVELS

    def _try(self, levels: float) -> None:
        """Look for the score within another largest change."""
        if self._searches:
            self._since = 0
            self._levels = min(max(levels, self._too_low + 1.0), self._enough - 1.0, float(LEVELS))
            self._limit()

    def _chase(self, along: Floats, short: float, number: int) -> None:
        """Towards the score: as far as a straight line would need, within reason."""
        steepness = float(np.linalg.norm(along))
        size = float(np.linalg.norm(self._drift))
        done = 0.0 if self._wish.budget is None else number / self._wish.iterations
        least = _annealed(done, CHASE, LAST_STRIDE) * size
        most = LEAP * size if number else math.inf
        self._move(along, max(min(short / steepness, most), least))
        self._limit()

    def _settle(self, number: int) -> None:
        """Go on from the smallest change so far, to make it smaller."""
        self._settled = number
        if self._wish.norm == "linf":
            self._levels = self._enough
        self._drift = self._held.copy()
        self._radius = float(np.linalg.norm(self._drift))

    def _refine(self, along: Floats, beyond: float, number: int) -> None:
        """Along the gradient, then back to a size that is a little smaller, or larger."""
        assert self._settled is not None
        done = (number - self._settled) / max(1, self._wish.iterations - self._settled)
        size = float(np.linalg.norm(self._drift))
        rate = _annealed(done, FIRST_SHRINKING, LAST_SHRINKING)
        spare = beyond / (2.0 * float(np.linalg.norm(along)) * size)  # half of it, on a line
        if beyond >= 0:
            self._radius = min(size, self._radius) * (1.0 - min(max(rate, spare), MOST_SHRINKING))
        else:
            self._radius *= 1.0 + rate
        self._move(along, _annealed(done, FIRST_STRIDE, LAST_STRIDE) * self._radius)
        self._drift *= np.float32(self._radius / float(np.linalg.norm(self._drift)))
        self._keep_budget()

    def _move(self, along: Floats, length: float) -> None:
        self._drift += np.float32(length / float(np.linalg.norm(along))) * along

    def _limit(self) -> None:
        """What goes beyond a limit is forgotten, so that it does not have to be undone."""
        np.clip(self._drift, -self._levels, self._levels, out=self._drift)
        self._keep_budget()

    def _keep_budget(self) -> None:
        if self._budget is not None:
            self._drift *= np.float32(self._within(self._budget))

    def _rounded(self, drift: Floats) -> Floats:
        """Whole levels that the picture can take."""
        change = np.clip(np.rint(drift), -self._levels, self._levels)
        return np.clip(change, -self._from, LEVELS - self._from)

    def _within(self, budget: float) -> float:
        """By how much to multiply the change so that it is within an l2 norm when it is rounded."""
        low, high = 0.0, 1.0
        if float(np.linalg.norm(self._rounded(self._drift))) <= budget:
            return 1.0
        for _ in range(HALVINGS):
            middle = (low + high) / 2
            tried = self._rounded(self._drift * np.float32(middle))
            within = float(np.linalg.norm(tried)) <= budget
            low, high = (middle, high) if within else (low, middle)
        return low


def _limits(wish: Wish) -> tuple[float, float | None]:
    """The most levels that a channel may change by at first, and the largest l2 norm in levels."""
    if wish.norm == "l2":
        return float(LEVELS), None if wish.budget is None else wish.budget * LEVELS
    if wish.budget is None:
        return 1.0, None
    return min(float(LEVELS), math.floor(wish.budget * LEVELS + 1e-6)), None


def _annealed(done: float, first: float, last: float) -> float:
    """From first to last along half a cosine (Loshchilov and Hutter 2017, equation 5)."""
    return last + (first - last) * (1.0 + math.cos(math.pi * done)) / 2.0
