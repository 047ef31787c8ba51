"""A random state of one's own, for libraries that draw from Python's `random` as DEAP does."""

from __future__ import annotations

import random
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np


class LentRandom:
    """A state that is lent to the module `random` for the time of a few calls, so that two runs in
    one process do not disturb each other.

    Args:
        rng: seeds it.
    """

    def __init__(self, rng: np.random.Generator) -> None:
        self._state = random.Random(int(rng.integers(2**63))).getstate()

    @contextmanager
    def lent(self) -> Iterator[None]:
        """Have the module `random` draw from this state; then give it its own back."""
        outer = random.getstate()
        random.setstate(self._state)
        try:
            yield
        finally:
            self._state = random.getstate()
            random.setstate(outer)

    def state(self) -> list[Any]:
        """All that `restore` needs, without pickle."""
        version, words, gauss = self._state
        return [version, np.array(words, np.uint64), gauss]

    def restore(self, state: list[Any]) -> None:
        """Go on from what `state` returned."""
        version, words, gauss = state
        self._state = (int(version), tuple(int(word) for word in words), gauss)
