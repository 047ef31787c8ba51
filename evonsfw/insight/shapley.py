"""Which shapes make a score: each left out, and Shapley values.

A set of shapes is worth what their picture scores, painted in their own order over the background.
The Shapley value of a shape is what it adds when it joins those before it, on average over all
orders of joining; the values add up to the score of all less that of the background alone
(Shapley 1953). Up to `EXACT` shapes every set is scored. Beyond, orders are drawn at random
(Castro, Gómez, Tejada 2009, "Polynomial calculation of the Shapley value based on sampling"), each
followed by its reverse (Mitchell, Cooper, Frank, Holmes 2022, "Sampling permutations for Shapley
value estimation", section 4.1), which is as unbiased and strays less.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from evonsfw.genome import Drawing
from evonsfw.preparation import Pictures
from evonsfw.raster import render_drawing
from evonsfw.shapes import Canvas
from evonsfw.telling import Heard, unheard

Floats = npt.NDArray[np.float64]
Members = npt.NDArray[np.bool_]
"""(N,) bool: which shapes are painted."""
Worth = Callable[[Iterable[Pictures]], Iterable[float]]
"""(H, W, 3) uint8 pictures to the score of each, in order."""
EXACT = 10
"""Shapes, at most, of which every set is scored: 1,024 scorings."""
SCORINGS = 2500
"""What the number of orders follows from where none is given."""


@dataclass(frozen=True, eq=False)
class Credits:
    """What each of N shapes does to a score. Above 0: it raises it.

    Attributes:
        shapley: (N,) float64 Shapley values.
        errors: (N,) float64 standard errors of them; 0 where they are exact, not a number where
            there is only one pair of orders to tell from.
        left_out: (N,) float64: the score of all less the score without it.
        score: of the picture with all shapes.
        background: score of the background alone.
        orders: that were drawn; 0 where every set was scored.
        scorings: pictures that were scored.
    """

    shapley: Floats
    errors: Floats
    left_out: Floats
    score: float
    background: float
    orders: int
    scorings: int


def orders_for(n: int) -> int:
    """How many orders of n shapes take about `SCORINGS` scorings: even, 4 at least."""
    return max(4, 2 * round(SCORINGS / max(1, n - 1) / 2))


def credit(
    drawing: Drawing,
    canvas: Canvas,
    worth: Worth,
    orders: int | None = None,
    seed: int = 0,
    heard: Heard = unheard,
) -> Credits:
    """Give each shape its part of the score.

    Args:
        drawing: N shapes, at least one.
        canvas: width and height in pixels that are scored.
        worth: scores pictures.
        orders: how many are drawn, above 0, rounded up to an even number; None for `orders_for`.
            Of no meaning where every set is scored.
        seed: of the orders.
        heard: called with the number of scorings done, and of all.

    Raises:
        ValueError: there are no orders.
    """
    n = len(drawing.alphas)
    if orders is not None and orders < 1:
        raise ValueError(f"samples {orders}: expected a whole number of 1 or more")
    pairs = -(-(orders if orders is not None else orders_for(n)) // 2)
    total = 2**n if n <= EXACT else n + 2 + 2 * pairs * (n - 1)
    scores = _Scores(drawing, canvas, worth, lambda done: heard(done, total))
    if n <= EXACT:
        return _exact(scores, n)
    return _sampled(scores, n, pairs, np.random.default_rng(seed))


class _Scores:
    """Sets of shapes to scores."""

    def __init__(
        self, drawing: Drawing, canvas: Canvas, worth: Worth, heard: Callable[[int], None]
    ) -> None:
        self._drawing, self._canvas, self._worth, self._heard = drawing, canvas, worth, heard
        self.done = 0

    def __call__(self, sets: Iterable[Members]) -> Iterator[float]:
        for score in self._worth(map(self._picture, sets)):
            self.done += 1
            self._heard(self.done)
            yield float(score)

    def _picture(self, members: Members) -> Pictures:
        """Painted with no opacity a shape leaves every pixel as it is."""
        width, height = self._canvas
        picture = np.empty((height, width, 3), np.uint8)
        alphas = np.where(members, self._drawing.alphas, np.float32(0.0))
        render_drawing(replace(self._drawing, alphas=alphas), self._canvas, picture)
        return picture


def _exact(scores: _Scores, n: int) -> Credits:
    """From every set: Shapley 1953, equation 12."""
    bits = np.arange(2**n)
    member = (bits[:, None] >> np.arange(n) & 1).astype(np.bool_)
    worth = np.array(list(scores(iter(member))))
    sizes = member.sum(axis=1)
    weights = np.array([1.0 / (n * math.comb(n - 1, size)) for size in range(n)])
    shapley = np.empty(n)
    for shape in range(n):
        without = bits[~member[:, shape]]
        gains = worth[without | 1 << shape] - worth[without]
        shapley[shape] = float(weights[sizes[without]] @ gains)
    left_out = worth[-1] - worth[bits[-1] ^ (1 << np.arange(n))]
    return Credits(
        shapley, np.zeros(n), left_out, float(worth[-1]), float(worth[0]), 0, scores.done
    )


def _sampled(scores: _Scores, n: int, pairs: int, random: np.random.Generator) -> Credits:
    """From orders of joining, two by two."""
    whole, nothing = np.ones(n, np.bool_), np.zeros(n, np.bool_)
    first = list(scores([whole, nothing, *~np.eye(n, dtype=np.bool_)]))
    score, background = first[:2]
    left_out = score - np.array(first[2:])
    draws = [random.permutation(n) for _ in range(pairs)]
    orders = [order for draw in draws for order in (draw, draw[::-1])]
    found = scores(members for order in orders for members in _joining(order))
    gains = np.empty((len(orders), n))
    for gain, order in zip(gains, orders, strict=True):
        path = [background, *(next(found) for _ in range(n - 1)), score]
        gain[order] = np.diff(path)
    halves = gains.reshape(pairs, 2, n).mean(axis=1)  # a pair's two are not independent
    errors = halves.std(axis=0, ddof=1) / math.sqrt(pairs) if pairs > 1 else np.full(n, math.nan)
    shapley = halves.mean(axis=0)
    return Credits(shapley, errors, left_out, score, background, len(orders), scores.done)


def _joining(order: npt.NDArray[np.intp]) -> Iterator[Members]:
    """The sets while shapes join one by one, but for none and all, which are known."""
    members = np.zeros(len(order), np.bool_)
    for shape in order[:-1]:
        members[shape] = True
        yield members.copy()
