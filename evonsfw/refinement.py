"""Genomes towards a target picture: growth shape by shape, then all shapes again and again.

Growth takes the best of many shapes, placed where the error is, and climbs from it. Refinement
lifts one shape at a time out of the picture, climbs with its geometry (alpha and colour are solved
for each trial), tries it at another depth, or puts a new one in its place. A temperature lets the
error grow now and then, by an exponential draw: threshold acceptance that falls to plain climbing.
The work is counted in pixels visited, so the same seed gives the same genome on any machine.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from evonsfw.division import EVERYTHING, Strip, shared, within
from evonsfw.genome import Encoding, Genome
from evonsfw.patches import Floats, Place, Reals
from evonsfw.portrait import CELL, Pictures, Portrait
from evonsfw.proposals import scatter, vary
from evonsfw.shapes import Shape

DECADES = (-3.2, -0.6)
"""Powers of ten between which the size of a step lies, in genes."""
BARELY = 1e-4
"""Share of what a shape does for the picture, below which a gain counts as none."""
SCATTERED, FOLLOWED = 512, 3
"""New shapes tried in a place, and how many of them are climbed from."""
REPLACED, REORDERED = 0.2, 0.1
"""Share of steps that replace a shape, or paint it at another time."""
REGION, LEAST_REGION, WHOLE = 5.0, 48.0, 0.15
"""Where new shapes are looked for: side by the side of a shape's share of the canvas, and pixels at
least; how often it is the whole canvas.
"""
UNKNOWN = math.inf
"""What a shape is worth that nobody has looked at: it is not the least useful of several."""
CANDIDATES = 4
"""Of so many shapes drawn, the least useful is replaced."""
NEAR = 5
"""Depths that a shape moves by, mostly."""


class Climb(NamedTuple):
    """How long a climb goes on: batches at most, and batches without a gain."""

    batches: int
    patience: int


class Pace(NamedTuple):
    """How many trials are made at once, and the climbs that are made with them."""

    batch: int
    full: Climb
    brief: Climb
    first: Climb


FEW = Pace(32, Climb(12, 4), Climb(4, 2), Climb(6, 2))
MANY = Pace(64, Climb(8, 3), Climb(3, 2), Climb(4, 2))
"""Small shapes are scored so fast that a batch's fixed costs would be most of its time."""
MANY_SHAPES = 150


class Trial(NamedTuple):
    """A shape that was tried: (G,) genes, and its (FOUND,) row of `Portrait.score`."""

    genes: Reals
    found: Reals

    @property
    def change(self) -> float:
        """What it adds to the squared error."""
        return float(self.found[0])


class Improved(NamedTuple):
    """A genome (L,) float32, and its picture's weighted RMSE over RGB, in 0…255."""

    genome: Genome
    error: float


class Refinement:
    """The steps that make a portrait better; all chance comes from one seed.

    In a mix of shapes a row's place says what it is, so there every shape keeps its depth.
    """

    def __init__(self, portrait: Portrait, seed: int, strip: Strip = EVERYTHING) -> None:
        self.portrait = portrait
        self.temperature = 0.0
        self._pace = FEW if portrait.encoding.n < MANY_SHAPES else MANY
        self._mixed = len(portrait.encoding.shapes) > 1
        self._rng = np.random.default_rng(seed)
        self._worth = np.full(portrait.count, UNKNOWN)
        self._strip = strip
        self._mine, self._borders = shared(portrait, strip)
        self._errors = np.ones((1, 1))
        self._state = self._rng.integers(0, 2**63, 1, dtype=np.uint64)

    @property
    def any(self) -> bool:
        """Whether there is a shape to be changed."""
        return bool(self._mine.any())

    def add(self, place: Place) -> float:
        """Put a new shape on top, inside of a window whose left and top are multiples of CELL, or
        anywhere where it has no room there.

        Returns:
            The weighted squared error before, of where it was looked for.
        """
        portrait = self.portrait
        top = portrait.count
        before = portrait.lift(-1, top, place)
        trial = self._find(portrait.shape(top), portrait.errors(place), place)
        if not math.isfinite(trial.change):  # the window is narrower than any shape
            before = portrait.lift(-1, top, portrait.whole)
            errors = portrait.errors(portrait.whole)
            trial = self._find(portrait.shape(top), errors, portrait.whole)
        portrait.count += 1
        portrait.settle(top, *trial)
        return before

    def step(self) -> None:
        """One change of one shape, kept where it helps."""
        chance = self._rng.random()
        if chance < REPLACED:
            self._replace(self._least_useful())
        elif chance < REPLACED + REORDERED and not self._mixed:
            self._reorder(int(self._rng.choice(np.flatnonzero(self._mine))))
        else:
            self._move(int(self._rng.choice(np.flatnonzero(self._mine))))

    def _allowed(self) -> float:
        return self.temperature * float(self._rng.exponential()) if self.temperature else 0.0

    def _present(self, i: int, place: Place) -> Trial:
        """Shape i as it is, scored where it was lifted."""
        genes = self.portrait.genes(i)
        found = self.portrait.score(self.portrait.shape(i), genes[None], place)[0]
        self._worth[i] = -found[0]
        return Trial(genes, found)

    def _least_useful(self) -> int:
        """Of a few shapes, the one that took least off the error when last looked at."""
        few = self._rng.choice(np.flatnonzero(self._mine), CANDIDATES)
        return int(few[self._worth[few].argmin()])

    def _place(self, i: int, trial: Trial, depth: int) -> None:
        """Make row i what was tried, painted when `depth` of the others are."""
        self.portrait.settle(i, *trial)
        self.portrait.reorder(i, depth)
        self._worth = np.insert(np.delete(self._worth, i), depth, -trial.change)
        self._mine = np.insert(np.delete(self._mine, i), depth, True)

    def _move(self, i: int) -> None:
        """Climb with shape i."""
        portrait = self.portrait
        place = portrait.window(i)
        portrait.lift(i, i, place)
        start = self._present(i, place)
        portrait.settle(
            i, *self._climb(portrait.shape(i), start, place, self._pace.full, self.temperature)
        )

    def _reorder(self, i: int) -> None:
        """Paint shape i at another time, with a short climb there."""
        portrait = self.portrait
        place = portrait.window(i)
        portrait.lift(i, i, place)
        before = self._present(i, place)
        depth = self._other_depth(i)
        portrait.lift(i, depth, place)
        after = self._climb(portrait.shape(i), self._present(i, place), place, self._pace.brief)
        if after.change < before.change + self._allowed():
            self._place(i, after, depth)

    def _other_depth(self, i: int) -> int:
        """Where among the others to paint shape i: mostly near."""
        last = self.portrait.count - 1
        if self._rng.random() < 0.7:
            return int(np.clip(i + self._rng.integers(-NEAR, NEAR + 1), 0, last))
        return int(self._rng.integers(last + 1))

    def _any_depth(self) -> int:
        """Where to paint a new shape: as often on top as anywhere."""
        top = self.portrait.count - 1
        return top if self._rng.random() < 0.5 else int(self._rng.integers(top + 1))

    def _replace(self, i: int) -> None:
        """Look for a better shape than the i-th."""
        portrait = self.portrait
        place = portrait.window(i)
        portrait.lift(i, i, place)
        before = self._present(i, place)
        depth = i if self._mixed else self._any_depth()
        errors, place = self._region()
        portrait.lift(i, depth, place)
        after = self._find(portrait.shape(i), errors, place)
        if after.change < before.change + self._allowed():
            self._place(i, after, depth)

    def look_around(self) -> None:
        """Paint the background anew, and note where the error is."""
        portrait = self.portrait
        portrait.paint_background()
        portrait.lift(-1, portrait.count, portrait.whole)
        self._errors = within(portrait.errors(portrait.whole), self._strip.angle, self._borders)

    def _region(self) -> tuple[Reals, Place]:
        """Where to look for a new shape: the errors there, 0 elsewhere, and the window.

        Mostly it is a few shapes wide, about a cell drawn by its error, for what is lifted is paid
        for by the pixel; sometimes it is the whole canvas.
        """
        portrait = self.portrait
        width, height = portrait.canvas
        side = max(LEAST_REGION, REGION * float(np.sqrt(width * height / portrait.count)))
        if self._rng.random() < WHOLE or side >= max(width, height):
            return self._errors, portrait.whole
        flat = np.cumsum(self._errors)
        at = min(int(np.searchsorted(flat, self._rng.random() * flat[-1])), len(flat) - 1)
        row, column = divmod(at, self._errors.shape[1])
        half, last_row, last_column = int(0.5 * side / CELL), *self._errors.shape
        top, bottom = max(row - half, 0), min(row + half + 1, last_row)
        left, right = max(column - half, 0), min(column + half + 1, last_column)
        errors = np.zeros_like(self._errors)
        errors[top:bottom, left:right] = self._errors[top:bottom, left:right]
        low, high = min(bottom * CELL, height), min(right * CELL, width)
        return errors, (left * CELL, top * CELL, high - left * CELL, low - top * CELL)

    def _find(self, shape: Shape, errors: Reals, place: Place) -> Trial:
        """A new shape in the place that was lifted, where the errors say."""
        portrait = self.portrait
        children = np.empty((SCATTERED, len(shape.GENES)))
        scatter(self._state, errors, CELL, portrait.canvas, children)
        found = portrait.score(shape, children, place)
        best = np.argsort(found[:, 0], kind="stable")[:FOLLOWED]
        starts = [Trial(children[k], found[k]) for k in best]
        ends = [self._climb(shape, start, place, self._pace.first) for start in starts]
        return self._climb(shape, min(ends, key=lambda end: end.change), place, self._pace.full)

    def _climb(
        self, shape: Shape, start: Trial, place: Place, how: Climb, temperature: float = 0.0
    ) -> Trial:
        """Vary a shape where it was lifted, the best of each batch by turns."""
        best, failures = start, 0
        step = np.zeros_like(best.genes)
        children = np.empty((self._pace.batch, len(step)))
        for _ in range(how.batches):
            vary(self._state, best.genes, step, DECADES, children)
            found = self.portrait.score(shape, children, place)
            k = int(found[:, 0].argmin())
            gain = best.change - float(found[k, 0])
            if not gain > 0.0 and not (temperature and -gain < self._allowed()):
                failures += 1
            else:
                failures = 0 if gain > BARELY * abs(best.change) else failures + 1
                step = children[k] - best.genes if gain > 0.0 else np.zeros_like(step)
                best = Trial(children[k].copy(), found[k])
            if failures >= how.patience:
                break
        return best


def improve(
    genome: Genome,
    encoding: Encoding,
    target: Pictures,
    *,
    budget: int,
    seed: int,
    weights: Floats | None = None,
    heat: tuple[float, float] = (0.0, 0.0),
    strip: Strip = EVERYTHING,
) -> Improved:
    """Make a genome's picture more like a target.

    Args:
        genome: (L,) float32 in [0, 1].
        encoding: what the genes mean.
        target: (H, W, 3) uint8 sRGB.
        budget: pixels visited, after which it ends; a step in hand is finished.
        seed: the same seed gives the same genome.
        weights: (H, W) float32 of at least 0, how much each pixel's error counts; None for 1.
        heat: temperature at the start and at the end, as a share of a shape's part of the squared
            error; in between it falls in a straight line. A long refinement is best begun
            at 0.5 and ended at 0. At (0, 0) the error never grows.
        strip: where shapes may be changed.

    Raises:
        ValueError: a genome of another length; target, weights or heat that cannot be used.
    """
    if not heat[0] >= heat[1] >= 0.0:
        raise ValueError(f"heat {heat}: expected a start and an end, from high to low, at least 0")
    portrait = Portrait(target, encoding, weights)
    portrait.read(genome)
    before = Improved(genome, portrait.rmse())
    refinement = Refinement(portrait, seed, strip)
    unit = portrait.squared_error() / max(1, encoding.n)
    rounds = 0
    while portrait.work < budget and refinement.any:
        if rounds % encoding.n == 0:
            refinement.look_around()
        done = portrait.work / budget
        refinement.temperature = unit * (heat[0] + (heat[1] - heat[0]) * done)
        refinement.step()
        rounds += 1
    after = Improved(portrait.genome(), portrait.rmse())
    return after if heat[0] > 0.0 or after.error < before.error else before
