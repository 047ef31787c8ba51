"""Shapes to try: variations of one, and new ones where the error is.

Numbers are drawn in compiled code, from a state that is one 64-bit word: the same word, the same
shapes. Genes are float32 numbers on the grid of k / 4095, so that a genome holds just what was
tried, in few bits.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from evonsfw.compiled import compiled
from evonsfw.genome import GRID

F = np.float32


@compiled
def _uniform(state: Any) -> float:  # pragma: no cover - compiled
    """In [0, 1), and a new state: splitmix64 (Steele, Lea, Flood 2014)."""
    state[0] += np.uint64(0x9E3779B97F4A7C15)
    z = state[0]
    z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    z ^= z >> np.uint64(31)
    return (z >> np.uint64(11)) * (1.0 / 9007199254740992.0)


@compiled
def _normal(state: Any) -> float:  # pragma: no cover - compiled
    """A standard normal number (Box, Muller 1958)."""
    return np.sqrt(-2.0 * np.log(1.0 - _uniform(state))) * np.cos(2.0 * np.pi * _uniform(state))


@compiled
def _on_grid(value: float) -> Any:  # pragma: no cover - compiled
    """The nearest gene of the grid."""
    return F(np.floor(value * GRID + 0.5) / GRID)


@compiled
def vary(
    state: Any, parent: Any, step: Any, decades: Any, children: Any
) -> None:  # pragma: no cover - compiled
    """Fill `children` (K, G) with variations of `parent` (G,), genes of the grid."""
    count = len(parent)
    for k in range(len(children)):
        scale = 10.0 ** (decades[0] + (decades[1] - decades[0]) * _uniform(state))
        kind = _uniform(state)
        one = int(_uniform(state) * count)
        push = 2.0 * _uniform(state) if _uniform(state) < 0.25 else 0.0
        for g in range(count):
            move = scale * _normal(state)
            if (kind < 0.35 and g != one) or (0.35 <= kind < 0.5 and g >= 2):
                move = 0.0
            value = parent[g] + push * step[g] + move
            if value < 0.0:
                value = min(-value, 1.0)
            if value > 1.0:
                value = max(2.0 - value, 0.0)
            children[k, g] = F(parent[g]) if value == parent[g] else _on_grid(value)


@compiled
def scatter(
    state: Any, errors: Any, cell: int, canvas: Any, children: Any
) -> None:  # pragma: no cover - compiled
    """Fill `children` (K, G) with shapes whose centres are where `errors`, a map in cells, is."""
    down, across = errors.shape
    flat = np.cumsum(errors.reshape(-1))
    for k in range(len(children)):
        at = int(np.searchsorted(flat, _uniform(state) * flat[-1]))
        at = min(at, down * across - 1)
        x = (at % across + _uniform(state)) * cell / canvas[0]
        y = (at // across + _uniform(state)) * cell / canvas[1]
        children[k, 0], children[k, 1] = _on_grid(min(x, 1.0)), _on_grid(min(y, 1.0))
        for g in range(2, children.shape[1]):
            children[k, g] = _on_grid(_uniform(state))
