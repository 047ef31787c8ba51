"""A random state of one's own, for libraries that draw from Python's `random` as DEAP does."""

from __future__ import annotations

import random
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np

_DRAWS = tuple(
    name
    for name in random.__all__
    if isinstance(getattr(getattr(random, name), "__self__", None), random.Random)
)
"""Functions of the module that draw from its own generator: the methods of that."""


class LentRandom:
    """A generator that the module `random` draws from for the time of a few calls, so that two runs
    in one process do not disturb each other.

    Args:
        rng: seeds it.
    """

    def __init__(self, rng: np.random.Generator) -> None:
        self._random = random.Random(int(rng.integers(2**63)))
        self._draws = {name: getattr(self._random, name) for name in _DRAWS}

    @contextmanager
    def lent(self) -> Iterator[None]:
        """Have the functions of `random` be this generator's; then give it its own back.

        To put the state of one into the other instead takes five times as long.
        """
        module = vars(random)
        before = {name: module[name] for name in _DRAWS}
        module.update(self._draws)
        try:
            yield
        finally:
            module.update(before)

    def state(self) -> list[Any]:
        """All that `restore` needs, without pickle."""
        return list(self._random.getstate())

    def restore(self, state: list[Any]) -> None:
        """Go on from what `state` returned, or that of a former version: an array of words."""
        version, words, gauss = state
        self._random.setstate((int(version), tuple(int(word) for word in words), gauss))
