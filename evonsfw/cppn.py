"""Pictures as a network that is asked for the colour of each place (CPPN).

Stanley 2007, "Compositional pattern producing networks"; climbed by gradients as in Mordvintsev,
Pezzotti, Schubert, Olah 2018, "Differentiable Image Parameterizations". Places have no size, so the
same numbers can be drawn as finely as one likes.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from PIL import Image

from evonsfw.preparation import resize_back
from evonsfw.prior import View, sigmoid
from evonsfw.resampling import resized

Floats = npt.NDArray[np.float32]
Doubles = npt.NDArray[np.floating]
BILINEAR = Image.Resampling.BILINEAR

REACH = 3.0**0.5
"""Coordinates run from minus to plus this, so that their variance is 1."""
LINEAR, CENTRE, SQUARE = 0.63, 0.39, 0.33
"""Tanh of a normal number has about this spread; its square has that mean, and that spread."""
COARSENESS = 2
"""Views are worked out at every other pixel and interpolated: a quarter of the time."""
BLOCK = 256
"""Places that go through the network at a time: their numbers stay in a core's cache, and products
are too small for BLAS to start threads, so sums are the same on any number of cores.
"""


@dataclass(frozen=True, eq=False)
class Pass:
    """One way of P places through the network, for the way back.

    Attributes:
        weights: of each layer, (inputs, outputs).
        inputs: of each layer, (P, inputs).
        colours: (P, 3) in 0…1.
    """

    weights: list[Floats]
    inputs: list[Floats]
    colours: Floats


class CPPN:
    """x, y and the distance from the middle, through layers of tanh and its square, to RGB.

    Args:
        layers: hidden ones.
        channels: of each.
        rate: the step size of Adam that suits it.
        spread: of the colours' weights at the start; 0 for a grey picture.
    """

    def __init__(
        self, layers: int = 6, channels: int = 20, rate: float = 0.01, spread: float = 0.0
    ) -> None:
        self.rate = rate
        inner = [(2 * channels, channels)] * (layers - 1)
        self._shapes = [(3, channels), *inner, (2 * channels, 3)]
        self._spreads = [1.0] * layers + [spread]

    def start(self, rng: np.random.Generator) -> Floats:
        """(L,) numbers to begin with: weights that keep the variance, and no offsets."""
        parts = []
        for (inputs, outputs), spread in zip(self._shapes, self._spreads, strict=True):
            parts.append(rng.normal(0.0, spread * inputs**-0.5, inputs * outputs))
            parts.append(np.zeros(outputs))
        return np.concatenate(parts).astype(np.float32)

    def see(self, numbers: Floats, view: View) -> tuple[Floats, list[Pass]]:
        """What a view shows.

        Args:
            numbers: (L,).
            view: which part, how large.

        Returns:
            (h, w, 3) pixels in 0…255, and what `back` needs.
        """
        shape = _coarse(view)
        rows = view.top + _middles(view.shape[0], shape[0])
        columns = view.left + _middles(view.shape[1], shape[1])
        done = [self._pass(numbers, block) for block in _blocks(_places(rows, columns, view.size))]
        colours: Floats = np.concatenate([block.colours for block in done])
        return resized(255.0 * colours.reshape(*shape, 3), view.shape, BILINEAR), done

    def back(self, cotangent: Floats, view: View, done: list[Pass]) -> Floats:
        """`see` transposed: (h, w, 3) d f / d pixels to (L,) d f / d numbers."""
        height, width = _coarse(view)
        slope = 255.0 * resize_back(cotangent, (width, height), BILINEAR).reshape(-1, 3)
        parts = zip(_blocks(slope), done, strict=True)
        return np.sum([self._back(part, block) for part, block in parts], axis=0)

    def _back(self, slope: Floats, done: Pass) -> Floats:
        """(P, 3) d f / d colours to (L,) d f / d numbers."""
        gradient = slope * done.colours * (1.0 - done.colours)
        found: list[Floats] = []
        for index in range(len(self._shapes) - 1, -1, -1):
            inputs = done.inputs[index]
            found += [gradient.sum(axis=0), (inputs.T @ gradient).reshape(-1)]
            if index:
                gradient = _activated_back(gradient @ done.weights[index].T, inputs)
        return np.concatenate(found[::-1])

    def draw(self, numbers: Floats, side: int) -> Floats:
        """(side, side, 3) float32 pixels in 0…255, in any size."""
        found = np.empty((side, side, 3), np.float32)
        for y in range(side):
            places = _places(np.array([y + 0.5]), np.arange(side) + 0.5, (side, side))
            colours = [self._pass(numbers, block).colours for block in _blocks(places)]
            found[y] = 255.0 * np.concatenate(colours)
        return found

    def _pass(self, numbers: Floats, places: Floats) -> Pass:
        weights, kept, at = [], [], 0
        values = places
        for index, shape in enumerate(self._shapes):
            inputs = _activated(values) if index else values
            end = at + shape[0] * shape[1]
            matrix = numbers[at:end].reshape(shape)
            values = inputs @ matrix + numbers[end : end + shape[1]]
            at = end + shape[1]
            weights.append(matrix)
            kept.append(inputs)
        return Pass(weights, kept, sigmoid(values))


def _blocks(values: Floats) -> list[Floats]:
    """(P, C) in parts of `BLOCK` rows; the last may have fewer."""
    return [values[start : start + BLOCK] for start in range(0, len(values), BLOCK)]


def _coarse(view: View) -> tuple[int, int]:
    """Height and width of the places that a view is worked out at."""
    height, width = (max(1, side // COARSENESS) for side in view.shape)
    return height, width


def _middles(length: int, count: int) -> Doubles:
    """(count,) middles of as many equal parts of a length."""
    return (np.arange(count) + 0.5) * (length / count)


def _places(rows: Doubles, columns: Doubles, size: tuple[int, int]) -> Floats:
    """(P, 3): x, y and distance of places of a picture of that height and width, in pixels."""
    y = REACH * (2.0 * rows / size[0] - 1.0)
    x = REACH * (2.0 * columns / size[1] - 1.0)
    down, across = np.meshgrid(y, x, indexing="ij")
    places = np.stack([across, down, np.hypot(across, down)], axis=-1)
    return places.reshape(-1, 3).astype(np.float32)


def _activated(values: Floats) -> Floats:
    """(P, C) to (P, 2 C): tanh and its square, each brought to about mean 0 and spread 1."""
    t = np.tanh(values)
    both = (t * np.float32(1 / LINEAR), (t * t - np.float32(CENTRE)) * np.float32(1 / SQUARE))
    return np.concatenate(both, axis=1)


def _activated_back(gradient: Floats, activated: Floats) -> Floats:
    """`_activated` transposed, from its own result."""
    half = activated.shape[1] // 2
    t = activated[:, :half] * np.float32(LINEAR)
    straight, square = gradient[:, :half], gradient[:, half:]
    slope = straight * np.float32(1 / LINEAR) + square * t * np.float32(2 / SQUARE)
    return np.asarray(slope * (1.0 - t * t), np.float32)
