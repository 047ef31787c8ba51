"""What a picture that is made from nothing can be made of: numbers, drawn; and the way back.

A prior says which pictures are likely, for a classifier alone does not: most pictures that excite
it most are noise (Nguyen, Yosinski, Clune 2016, "Multifaceted Feature Visualization", section 2).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float32]


@dataclass(frozen=True)
class View:
    """What a model is shown of a square picture.

    Attributes:
        size: height and width that the whole picture is brought to.
        top: row of it where the part that is shown begins; it may lie outside, by as much as
            `overhang` allows on each side.
        left: column of it likewise.
        shape: height and width of the part.
    """

    size: tuple[int, int]
    top: int
    left: int
    shape: tuple[int, int]


OVERHANG = 1 / 16
"""Of a side: how much further than its edges a picture is made, so that they are seen as often."""


def overhang(side: int) -> int:
    """Pixels that a picture of that side goes on for beyond each edge."""
    return int(side * OVERHANG)


class Prior(Protocol):
    """Pictures as (L,) float32 numbers."""

    @property
    def rate(self) -> float:
        """The step size of Adam that suits it."""

    def start(self, rng: np.random.Generator) -> Floats:
        """(L,) numbers to begin with."""

    def see(self, numbers: Floats, view: View) -> tuple[Floats, Any]:
        """(L,) numbers to the (h, w, 3) pixels in 0…255 of a view, and what `back` needs."""

    def back(self, cotangent: Floats, view: View, kept: Any) -> Floats:
        """`see` transposed: (h, w, 3) d f / d pixels to (L,) d f / d numbers."""

    def draw(self, numbers: Floats, side: int) -> Floats:
        """(side, side, 3) float32 pixels in 0…255."""


def sigmoid(values: Floats) -> Floats:
    """1 / (1 + exp -x), in the way that never overflows."""
    found: Floats = 0.5 + 0.5 * np.tanh(0.5 * values)
    return found
