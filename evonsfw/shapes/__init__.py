"""Shapes, one file each: the file's name is the word on the command line.

A shape says what its genes are called, where its outline runs, and how SVG writes it. Its first
three genes are always x, y and size, so that whoever composes a picture can place any shape.
Everything it draws is a filled polygon to the rasterizer; a curve gives as many corners as the
canvas needs.
"""

from __future__ import annotations

import functools
import math
from typing import Protocol, cast

import numpy as np
import numpy.typing as npt

from evonsfw.discovery import Folder

Array = npt.NDArray[np.float64]
Canvas = tuple[int, int]
"""Width and height in pixels."""


class Shape(Protocol):
    """What a file in this folder provides; and `CYCLIC`, where there are genes that come round:
    their names. At 0 and 1 of such a gene a shape looks the same.
    """

    GENES: tuple[str, ...]
    """Names of the geometric genes; the first three are x, y, size."""
    MIN_RADIUS: float
    MAX_RADIUS: float
    """Radius at size 0 and 1, as a share of the square root of the canvas area."""

    def outline(self, genes: Array, canvas: Canvas) -> Array:
        """(M, G) genes in [0, 1] to (M, V, 2) corners in pixels, the same V for all M."""
        ...

    def moves(self, genes: Array, canvas: Canvas) -> Array:
        """(M, G) genes in [0, 1] to (M, V, 2, G): by how many pixels each gene moves each corner.

        The derivative of `outline`, with the same V. Corners keep their index: where their number
        changes with a gene, only the curve that they follow has to move as it should.
        """
        ...

    def svg(self, genes: Array, canvas: Canvas) -> tuple[str, dict[str, str]]:
        """(G,) genes to an SVG element's name and its geometric attributes in pixels."""
        ...


FOLDER: Folder[Shape] = Folder(__name__, "shape")


def shape_names() -> list[str]:
    """Every shape there is, sorted."""
    return FOLDER.names()


@functools.cache
def load_shape(name: str) -> Shape:
    """The shape called `name`; the folder is read once for each, not for every genome.

    A file with a function `of(number)` has a family of shapes: `word-number` is one of them.

    Raises:
        ValueError: no file of this folder has that name; names the nearest ones. Or its family has
            no such number.
    """
    word, _, number = name.rpartition("-")
    if word in shape_names() and number.isdecimal() and number == str(int(number)):
        family = getattr(FOLDER.load(word), "of", None)
        if family is None:
            raise ValueError(f"unknown shape '{name}': {word} have no number, expected {word}")
        return cast("Shape", family(int(number)))
    return FOLDER.load(name)


def cyclic(name: str) -> npt.NDArray[np.bool_]:
    """(G,): which genes of a shape come round, so that from 0.9 the way to 0.1 is over 1."""
    shape = load_shape(name)
    return np.array([gene in getattr(shape, "CYCLIC", ()) for gene in shape.GENES])


def radii(genes: Array, canvas: Canvas, smallest: float, largest: float) -> Array:
    """(M, G) genes to (M,) radii in pixels: geometric in the size gene, so that an equal step of
    the gene is an equal ratio of sizes, whatever the size.
    """
    unit = math.sqrt(canvas[0] * canvas[1])
    ratio: Array = unit * smallest * (largest / smallest) ** genes[:, 2]
    return ratio


def placed(genes: Array, canvas: Canvas, corners: Array, growth: float) -> Array:
    """What the genes x, y and size move, for a shape's `moves`; its other genes are left at 0.

    Args:
        genes: (M, G) array in [0, 1].
        canvas: width and height in pixels.
        corners: (M, V, 2) its outline in pixels.
        growth: largest radius by smallest: the shape grows by its logarithm with the size gene.

    Returns:
        (M, V, 2, G) float64 array in pixels.
    """
    moved = np.zeros((*corners.shape, genes.shape[1]))
    moved[:, :, 0, 0], moved[:, :, 1, 1] = canvas
    moved[..., 2] = (corners - genes[:, None, :2] * canvas) * np.log(growth)
    return moved
