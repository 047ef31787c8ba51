"""A picture's margins under views, and what each pixel does to them: the road there and back.

The way back is the way there: classifier, preparation, view. The JPEG step and rounding are real
forward and the identity backward (Athalye, Carlini and Wagner 2018, section 4.1, BPDA); several
views at a time are expectation over transformation (Athalye, Engstrom, Ilyas and Kwok 2018).
"""

from __future__ import annotations

import queue
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from types import TracebackType
from typing import NamedTuple, TypeVar

import numpy as np
import numpy.typing as npt

from evonsfw.classifier import to_probabilities
from evonsfw.cores import usable_cores
from evonsfw.gradient import Differentiable, Kept
from evonsfw.margin import SMALLEST, margin, margin_slopes
from evonsfw.model_spec import ModelSpec
from evonsfw.preparation import Pictures, input_shape, prepare, pull_back
from evonsfw.views import View

Values = npt.NDArray[np.float64]
Floats = npt.NDArray[np.float32]
STEEPEST = 1e30
"""The largest weight that a backward pass is given: d margin / d p of a p near 0 is larger."""
INSTEAD = "choose another classifier"
T = TypeVar("T")
R = TypeVar("R")


class Look(NamedTuple):
    """One view of a picture, scored: its margin, and what the way back needs."""

    view: View
    size: tuple[int, int]
    seen: tuple[int, int]
    probabilities: Floats
    margin: float
    kept: Kept


class Looks:
    """A class's margin in several views of a picture, on all cores. A context manager.

    Results do not depend on the number of workers: each view is one picture, run alone.

    Args:
        spec: the model.
        index: the class, 0…C-1.
        views: what happens to the picture; none of them renders a genome anew.
        workers: threads; None for one a core, never more than views.

    Raises:
        ValueError: the model cannot be opened, or has an operator without backward rule.
    """

    def __init__(
        self, spec: ModelSpec, index: int, views: Iterable[View], workers: int | None = None
    ) -> None:
        self.views = tuple(views)
        self._spec, self._index = spec, index
        count = min(len(self.views), workers or usable_cores())
        at_output = spec.output == "logits"
        opened = [
            Differentiable(spec.path, input_shape(spec), at_output=at_output, instead=INSTEAD)
            for _ in range(count)
        ]
        self._softmax = at_output or opened[0].ends_in_softmax
        self._free: queue.SimpleQueue[Differentiable] = queue.SimpleQueue()
        for network in opened:
            self._free.put(network)
        self._pool = ThreadPoolExecutor(count, "look") if count > 1 else None

    def __enter__(self) -> Looks:
        """These looks."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """End the threads."""
        if self._pool is not None:
            self._pool.shutdown(cancel_futures=True)

    def look(self, picture: Pictures, chosen: Iterable[int] | None = None) -> list[Look]:
        """What views make of a picture.

        Args:
            picture: (H, W, 3) uint8.
            chosen: numbers of views; None for all, in order.

        Raises:
            ValueError: a view cannot hold a picture of that size.
        """
        views = self.views if chosen is None else [self.views[number] for number in chosen]
        return self._each(lambda view: self._one(picture, view), views)

    def slope(self, looks: Iterable[Look], weights: Iterable[float]) -> Floats:
        """D (weighted sum of margins) / d picture, for a picture in 0…255.

        Args:
            looks: of one picture.
            weights: of each; where it is 0 nothing is computed.

        Returns:
            (H, W, 3) float32.
        """
        wanted = [(look, weight) for look, weight in zip(looks, weights, strict=True) if weight]
        parts = self._each(lambda pair: self._back(pair[0]) * np.float32(pair[1]), wanted)
        total: Floats = np.sum(parts, axis=0, dtype=np.float32)
        return total

    def score(self, look: Look) -> float:
        """The class's probability."""
        return float(look.probabilities[0, self._index])

    def _each(self, work: Callable[[T], R], items: Iterable[T]) -> list[R]:
        return list(map(work, items) if self._pool is None else self._pool.map(work, items))

    def _one(self, picture: Pictures, view: View) -> Look:
        seen = view.change(picture)
        inputs = np.empty((1, *input_shape(self._spec)), np.float32)
        prepare(self._spec, seen, inputs[0], view.own_jpeg)
        network = self._free.get()
        try:
            kept = network.forward(inputs)
        finally:
            self._free.put(network)
        p = to_probabilities(self._spec, kept.output)
        value = float(margin(p, self._index)[0])
        return Look(view, _size(picture), _size(seen), p, value, kept)

    def _back(self, look: Look) -> Floats:
        weights = margin_slopes(look.probabilities, self._index).astype(np.float64)
        if not self._softmax:  # then these are d margin / d log p, and p is differentiated
            weights /= np.maximum(look.probabilities, SMALLEST)
        scale = max(1.0, float(np.abs(weights).max()) / STEEPEST)
        network = self._free.get()
        try:
            slope = network.backward(look.kept, (weights / scale).astype(np.float32))[0]
        finally:
            self._free.put(network)
        pulled = pull_back(self._spec, slope * np.float32(scale), look.seen)
        return look.view.back(pulled, look.size)


def _size(picture: Pictures) -> tuple[int, int]:
    """Width and height."""
    return picture.shape[1], picture.shape[0]
