"""Moves: ways of changing a picture of shapes, from the whole of it to a single gene.

Half of the shapes that are changed are picked by how large they are and how high they lie, for
these are seen. No shape grows beyond `LARGEST`, so that no picture ends as one surface.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from evonsfw.genome import COLOUR_GENES
from evonsfw.search import Genomes, Problem

FINEST, COARSEST = 0.005, 0.3
"""A shape's step, as a share of a gene's range, is drawn between these, evenly by its logarithm:
from a pixel, for late in a run a score hangs on where each edge lies, to a third of the canvas."""
FEW, MANY, NUDGE = 0.04, 0.16, 0.004
"""Shares of the shapes that are nudged together, and a nudge's standard deviation: a pixel."""
ZOOM, CONTRAST = 0.3, 0.4
"""Standard deviation of the logarithms of factors for places and for colours."""
SCHEME = 0.5
"""At most so much of a composed picture's colours is mixed in."""
LARGEST = 0.95
"""No size gene grows beyond this, or beyond the largest of a first genome that is given."""
ON_TOP = (0.7, LARGEST)
"""Size genes of large shapes that are put on top."""
ANY = 0.5
"""Share of the picks that fall on all shapes evenly."""
RELATED = 0.7
"""Share of related and of large new shapes that have the colour of a shape that is there."""
VISIBLE = 2.0
"""In the other picks, a shape of size 1 is exp(this) times as likely as one of size 0."""
BLOCK = 256
"""Shapes whose distances to all others are worked out at a time: thousands would take 500 MB."""
Rows = Genomes
"""(N, G) view of a genome's rows."""


def chosen(rng: np.random.Generator, probabilities: npt.NDArray[np.float64]) -> int:
    """What `rng.choice(M, p=probabilities)` draws, without its checks, which take longer.

    Args:
        rng: draws once.
        probabilities: (M,) that add up to 1.
    """
    sums = probabilities.cumsum()
    sums /= sums[-1]
    return int(sums.searchsorted(rng.random(), side="right"))


class Moves:
    """Ways of changing a genome in place; the caller keeps it in the box.

    Args:
        problem: the genomes.
        reserve: (R, L) composed genomes.
        rng: the run's generator.

    Attributes:
        all: the moves; the first `steps` of them are steps that can be taken again, longer.
        on_top: number of the move that puts a large shape on top.
    """

    def __init__(self, problem: Problem, reserve: Genomes, rng: np.random.Generator) -> None:
        self._problem = problem
        self._rng = rng
        self.reserve = reserve
        steps: tuple[Callable[[Genomes], None], ...] = (
            self._step_of(slice(None)),
            self._step_of(slice(None, -COLOUR_GENES)),
            self._step_of(slice(None, 2)),
            self._step_of(slice(-COLOUR_GENES, None)),
            self._tint_region,
            self._shift_region,
            self._tint_all,
            self._zoom,
            self._mix_scheme,
            self._contrast,
            self._nudge,
        )
        self.steps = self.on_top = len(steps)
        tops = (self._large_on_top, self._related_on_top, self._on_top)
        self.all = (*steps, *tops, self._copy_colour)

    def rows(self, genome: Genomes) -> Rows:
        """(L,) genome to an (N, G) view of its rows."""
        return self._problem.rows_of(genome)

    def _donor(self) -> Rows:
        """The rows of a composed picture."""
        return self.rows(self.reserve[self._rng.integers(len(self.reserve))])

    def _pick(self, rows: Rows) -> int:
        """A shape: any, or as often one that is seen, so that it is large or lies high."""
        if self._rng.random() < ANY:
            return int(self._rng.integers(len(rows)))
        weight = np.exp(VISIBLE * rows[:, 2]) * np.linspace(0.3, 1.0, len(rows))
        return chosen(self._rng, weight / weight.sum())

    def _step(self, genes: Genomes) -> None:
        """A Gaussian step of some genes, its length drawn from fine to coarse."""
        sigma = COARSEST * (FINEST / COARSEST) ** self._rng.random()
        genes += self._rng.normal(0.0, sigma, genes.shape).astype(np.float32)

    def _step_of(self, genes: slice) -> Callable[[Genomes], None]:
        """The move that takes a step of these genes of one shape."""

        def move(genome: Genomes) -> None:
            rows = self.rows(genome)
            self._step(rows[self._pick(rows), genes])

        return move

    def _near(self, rows: Rows, least: float, most: float) -> Genomes:
        """(N, 1) weights of shapes around a place, of a radius from `least` to `most`."""
        radius = most * (least / most) ** self._rng.random()
        distance = ((rows[:, :2] - self._rng.random(2)) ** 2).sum(axis=1)
        return np.exp(-distance / (2.0 * radius**2)).astype(np.float32)[:, None]

    def _tint_region(self, genome: Genomes) -> None:
        rows = self.rows(genome)
        rows[:, -COLOUR_GENES:-1] += self._near(rows, 0.08, 0.4) * self._tint(0.15)

    def _shift_region(self, genome: Genomes) -> None:
        rows = self.rows(genome)
        step = self._rng.normal(0.0, 0.05, 2).astype(np.float32)
        rows[:, :2] += self._near(rows, 0.1, 1.0) * step

    def _tint_all(self, genome: Genomes) -> None:
        tint = self._tint(0.07)
        self.rows(genome)[:, -COLOUR_GENES:-1] += tint
        genome[: self._problem.header] += np.resize(tint, self._problem.header)

    def _zoom(self, genome: Genomes) -> None:
        """Move all shapes away from a point or towards it."""
        places = self.rows(genome)[:, :2]
        centre = self._rng.random(2).astype(np.float32)
        places[:] = centre + np.float32(self._rng.lognormal(0.0, ZOOM)) * (places - centre)

    def _mix_scheme(self, genome: Genomes) -> None:
        """Mix in the colours that a composed picture has nearby."""
        rows, donor = self.rows(genome), self._donor()
        blocks = np.split(rows[:, None, :2], range(BLOCK, len(rows), BLOCK))
        nearest = [((part - donor[:, :2]) ** 2).sum(axis=-1).argmin(axis=1) for part in blocks]
        change = donor[np.concatenate(nearest)] - rows
        share = np.float32(SCHEME * self._rng.random())
        rows[:, -COLOUR_GENES:-1] += share * change[:, -COLOUR_GENES:-1]

    def _contrast(self, genome: Genomes) -> None:
        colours = self.rows(genome)[:, -COLOUR_GENES:-1]
        mean = colours.mean(axis=0)
        colours[:] = mean + np.float32(self._rng.lognormal(0.0, CONTRAST)) * (colours - mean)

    def _nudge(self, genome: Genomes) -> None:
        """Places of several shapes at once, by about a pixel."""
        rows = self.rows(genome)
        count = max(1, int(len(rows) * FEW * (MANY / FEW) ** self._rng.random()))
        some = self._rng.choice(len(rows), count, replace=False)
        rows[some, :2] += self._rng.normal(0.0, NUDGE, (count, 2)).astype(np.float32)

    def _tint(self, sigma: float) -> Genomes:
        """(3,) a step in red, green and blue."""
        return self._rng.normal(0.0, sigma, COLOUR_GENES - 1).astype(np.float32)

    def _on_top(self, genome: Genomes) -> Genomes:
        """A small or buried shape is taken out, one of a composed picture is put on top."""
        rows, kinds = self.rows(genome), self._problem.kinds
        hidden = rows[:, 2] + np.arange(len(rows)) / len(rows)
        row = int(np.argmin(hidden + self._rng.normal(0.0, 0.15, len(rows))))
        stack = self._problem.make_room(rows, row)
        stack[-1] = self._rng.choice(self._donor()[row % kinds :: kinds])
        return stack[-1]

    def _related_on_top(self, genome: Genomes) -> Genomes:
        """The same, more often than not in a colour that the picture has."""
        rows = self.rows(genome)
        colour = rows[self._rng.integers(len(rows)), -COLOUR_GENES:-1].copy()
        top = self._on_top(genome)
        if self._rng.random() < RELATED:
            top[-COLOUR_GENES:-1] = colour
        return top

    def _large_on_top(self, genome: Genomes) -> None:
        """The same, and large."""
        self._related_on_top(genome)[2] = self._rng.uniform(*ON_TOP)

    def _copy_colour(self, genome: Genomes) -> None:
        rows = self.rows(genome)
        rows[self._pick(rows), -COLOUR_GENES:-1] = rows[self._pick(rows), -COLOUR_GENES:-1]
