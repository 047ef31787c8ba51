"""A picture in the making: shapes that can be lifted out one by one, tried elsewhere, and settled.

It holds what a genome means, ready for trials: corners in pixels, colours, alphas. All that is
settled can be expressed by the encoding, so the genome that it gives draws just this picture.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from evonsfw.genome import BACKGROUND_GENES, COLOUR_GENES, Encoding, Genome
from evonsfw.patches import Floats, Place, Reals, blend, compose, make_bench
from evonsfw.raster import render
from evonsfw.shapes import Shape, load_shape
from evonsfw.trials import FOUND, add_up, map_errors, score

CELL = 8
"""Pixels of a side of a cell of the map of errors."""
AROUND = 0.25
LEAST_AROUND = 8.0
"""How far a shape may move before it is lifted anew: share of its extent, and pixels at least."""
Pictures = np.ndarray[tuple[int, ...], np.dtype[np.uint8]]


class Portrait:
    """A picture of up to N shapes, and the target that it is to be like.

    Args:
        target: (H, W, 3) uint8 sRGB.
        encoding: what the shapes may be.
        weights: (H, W) float32 of at least 0, how much each pixel's error counts; None for 1.

    Attributes:
        count: shapes that are painted.
        background: (3,) float32 sRGB in [0, 1].
        target: (H, W, 3) float32 sRGB in [0, 1].
        weights: (H, W) float32.

    Raises:
        ValueError: target or weights of another shape or type, or weights without any above 0.
    """

    def __init__(self, target: Pictures, encoding: Encoding, weights: Floats | None = None) -> None:
        check_target(target, weights)
        height, width = target.shape[:2]
        self.encoding, self.canvas, self.whole = encoding, (width, height), (0, 0, width, height)
        self.count = 0
        self.background = np.zeros(BACKGROUND_GENES, np.float32)
        self._seen, self.target = target, np.ascontiguousarray(target / np.float32(255.0))
        given = np.ones((height, width)) if weights is None else weights
        self.weights = np.ascontiguousarray(given, np.float32)
        self._bench = make_bench(width, height)
        self._shapes = [load_shape(name) for name in encoding.shapes]
        self._genes = [np.zeros(len(self.shape(i).GENES)) for i in range(encoding.n)]
        self.corners = np.zeros((encoding.n, 3, 2))
        self._counts = np.zeros(encoding.n, np.int64)
        self._colours = np.zeros((encoding.n, 3), np.float32)
        self._opacities = np.zeros(encoding.n, np.float32)
        self._alphas = np.zeros(encoding.n, np.float32)

    @property
    def work(self) -> int:
        """Pixels visited so far: what was done, whatever the machine."""
        return int(self._bench.work[0])

    def shape(self, i: int) -> Shape:
        """What shape row i is of."""
        return self._shapes[i % len(self._shapes)]

    def genes(self, i: int) -> Reals:
        """(G,) geometric genes of row i, without padding."""
        return self._genes[i]

    def read(self, genome: Genome) -> None:
        """Take over an (L,) genome; ValueError where it is not of the encoding's length."""
        drawing = self.encoding.decode(genome)
        self.count, self.background[:] = self.encoding.n, drawing.background
        for i in range(self.count):
            self._put(i, drawing.geometry[i, : len(self._genes[i])])
        self._colours[:], self._alphas[:] = drawing.colours, drawing.alphas
        self._opacities[:] = np.clip(self.encoding.rows(genome)[:, -1], 0.0, 1.0)

    def genome(self) -> Genome:
        """The (L,) genome that draws this picture; its rows after `count` are 0."""
        genome = np.zeros(self.encoding.length, np.float32)
        genome[:BACKGROUND_GENES] = self.background
        rows = self.encoding.rows(genome)
        for i in range(self.count):
            rows[i, : len(self._genes[i])] = self._genes[i]
            rows[i, -COLOUR_GENES:-1], rows[i, -1] = self._colours[i], self._opacities[i]
        return genome

    def squared_error(self) -> float:
        """Weighted sum over pixels and channels of (target - picture) squared, in [0, 1]."""
        return self.lift(-1, self.count, self.whole)

    def lift(self, i: int, depth: int, place: Place) -> float:
        """Make ready for trials: take shape i out of a window, -1 for none.

        Args:
            i: row of the shape.
            depth: how many of the other shapes are below the trials.
            place: the window.

        Returns:
            The window's weighted squared error without the shape.
        """
        n = self.count
        polygons = self.corners[:n], self._counts[:n], self._colours[:n], self._alphas[:n]
        compose(self._bench, polygons, self.background, i, depth, place)
        return float(add_up(self._bench, self.target, self.weights, place))

    def window(self, i: int) -> Place:
        """A window around shape i, on the canvas."""
        return self.around(self.corners[i, : self._counts[i]])

    def around(self, corners: Reals) -> Place:
        """A window around (V, 2) corners, in pixels, on the canvas."""
        low, high = (np.clip(edge, 0, self.canvas) for edge in (corners.min(0), corners.max(0)))
        around = np.maximum(LEAST_AROUND, AROUND * (high - low))
        left, top = (int(v) for v in np.clip(np.floor(low - around), 0, self.canvas))
        right, bottom = (int(v) for v in np.clip(np.ceil(high + around), 0, self.canvas))
        return left, top, right - left, bottom - top

    def score(self, shape: Shape, genes: Reals, place: Place) -> Reals:
        """Try shapes where `lift` made ready.

        Args:
            shape: what they are.
            genes: (K, G) in [0, 1].
            place: the window that was lifted from.

        Returns:
            (K, FOUND) what each adds to the squared error, infinitely much where it leaves the
            window; its best alpha, red, green and blue.
        """
        found = np.empty((len(genes), FOUND))
        corners, encoding = shape.outline(genes, self.canvas), self.encoding
        limits = float(encoding.alpha[0]), float(encoding.alpha[1])
        score(self._bench, corners, place, self.canvas, limits, encoding.swatches, found)
        return found

    def errors(self, place: Place) -> Reals:
        """(H / CELL, W / CELL) weighted squared error of a window that was lifted last, elsewhere
        0; its left and top are multiples of CELL.
        """
        left, top = place[:2]
        errors = np.zeros((-(-self.canvas[1] // CELL), -(-self.canvas[0] // CELL)))
        there = errors[top // CELL :, left // CELL :]
        map_errors(self._bench, self.target, self.weights, place, CELL, there)
        return errors

    def settle(self, i: int, genes: Reals, found: Reals) -> None:
        """Make row i what was tried: (G,) genes with their (FOUND,) row of `score`, its alpha and
        colour brought to 255 steps.
        """
        self._put(i, genes)
        low, high = self.encoding.alpha
        opacity = (found[1] - low) / (high - low) if high > low else 0.0
        self._opacities[i] = in_steps(opacity)
        self._alphas[i] = np.float32(low) + np.float32(high - low) * self._opacities[i]
        self._colours[i] = in_steps(found[2:])

    def middles(self) -> Reals:
        """(count, 2) x and y of the shapes' middles, in pixels: the means of their corners."""
        corners = zip(self.corners[: self.count], self._counts, strict=False)
        return np.array([one[:k].mean(axis=0) for one, k in corners]).reshape(-1, 2)

    def colours(self) -> Reals:
        """(1 + count, 3) sRGB in [0, 1]: the background's, then the shapes'."""
        return np.concatenate([self.background[None], self._colours[: self.count]]).astype(float)

    def recolour(self, colours: Reals) -> None:
        """Take over colours as `colours` gives them, brought to 255 steps."""
        self.background[:] = in_steps(colours[0])
        self._colours[: self.count] = in_steps(colours[1:])

    def dim(self, i: int, through: Floats) -> None:
        """Take off what shape i hides: (1, H * W) how much is seen through those above it."""
        corners, none = self.corners[i], np.zeros(4, np.float32)
        count, alpha = self._counts[i], self._alphas[i]
        blend(self._bench, through, corners, count, self.whole, none, alpha)

    def reorder(self, i: int, depth: int) -> None:
        """Paint shape i when `depth` of the others are painted."""
        order = [k for k in range(self.count) if k != i]
        order.insert(depth, i)
        every = self.corners, self._counts, self._colours, self._opacities, self._alphas
        for rows in every:
            rows[: self.count] = rows[order]
        self._genes[: self.count] = [self._genes[k] for k in order]

    def paint_background(self) -> None:
        """Give the background the best colour that the encoding can express."""
        encoding = self.encoding
        if encoding.fixed_background is not None:
            self.background[:] = encoding.fixed_background
            return
        self.lift(-1, 0, self.whole)
        *above, through = self._bench.above.reshape(4, *self.weights.shape)
        once = self.weights * through
        least = max(float((once * through).sum(dtype=np.float64)), 1e-9)
        for q in range(3):
            wanted = (once * (self.target[..., q] - above[q])).sum(dtype=np.float64)
            self.background[q] = in_steps(wanted / least)
        if len(encoding.swatches):
            away = ((encoding.swatches - self.background) ** 2).sum(axis=1)
            self.background[:] = encoding.swatches[away.argmin()]

    def rmse(self) -> float:
        """Weighted root mean square error over RGB, in 0…255, of the picture as it is rendered."""
        picture = render(self.genome()[None], self.encoding, self.canvas)[0]
        squares = ((picture.astype(np.int64) - self._seen) ** 2).sum(axis=2)
        weights = self.weights.astype(np.float64)
        return float(np.sqrt((squares * weights).sum() / (3.0 * weights.sum())))

    def _put(self, i: int, genes: Reals) -> None:
        """Give row i its place."""
        corners = self.shape(i).outline(genes[None], self.canvas)[0]
        if len(corners) > self.corners.shape[1]:
            more = np.zeros((len(self.corners), len(corners), 2))
            more[:, : self.corners.shape[1]] = self.corners
            self.corners = more
        self.corners[i, : len(corners)], self._counts[i] = corners, len(corners)
        self._genes[i] = genes.copy()


def in_steps(values: npt.ArrayLike) -> Floats:
    """The nearest of 0, 1/255, …, 1: what a colour of eight bits can be."""
    return (np.round(np.clip(values, 0.0, 1.0) * 255.0) / 255.0).astype(np.float32)


def check_target(target: Pictures, weights: Floats | None) -> None:
    """ValueError where a target or its weights cannot be used."""
    if target.dtype != np.uint8 or target.ndim != 3 or target.shape[2] != 3:
        raise ValueError(f"target of {target.dtype} {target.shape}: expected (H, W, 3) uint8")
    if weights is None:
        return
    if weights.shape != target.shape[:2]:
        raise ValueError(f"weights of shape {weights.shape}: expected {target.shape[:2]}")
    if not (np.isfinite(weights).all() and weights.min() >= 0.0 and weights.max() > 0.0):
        raise ValueError("weights: expected finite numbers of at least 0, some above 0")
