"""What each shape contributes, to be seen: the picture in two colours, and the shapes ranked."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from PIL import Image

from evonsfw.brush import (
    ACCENT,
    SECOND,
    Colour,
    Polygon,
    fill,
    stroke,
)
from evonsfw.gallery import Frame, remembered
from evonsfw.genome import Drawing, Encoding, Genome, genome_hash
from evonsfw.moment import Contributions, Moment
from evonsfw.raster import outlines, render_drawing
from evonsfw.shapes import Canvas

Values = tuple[float, ...]
DARKEST, DIM = 0.08, 0.28
"""Brightness of what contributes nothing: of black, and how much more of white."""
DENSER = 0.7
"""How far those that contribute most are made opaque."""
OUTLINED = 8
"""Shapes that get an outline: those that contribute most."""


def known_of(moment: Moment) -> Contributions | None:
    """What is known of the genome on show."""
    known = moment.contributions
    own = known is not None and known.genome_hash == genome_hash(moment.shown.genome)
    return known if own else None


def values_of(moment: Moment) -> Values | None:
    """The contributions of the genome on show, once they are worked out."""
    known = known_of(moment)
    return None if known is None else known.values


def progress(moment: Moment, n: int) -> str:
    """How far working the contributions out has come, of n shapes; empty once they are there."""
    known = known_of(moment)
    if known is None:
        return "weighing shapes"
    if known.values is not None:
        return ""
    return known.message or f"weighing shapes: {known.done:,} of {n:,}"


def told(index: int, value: float | None) -> str:
    """What a shape does, in words."""
    if value is None:
        return f"shape {index + 1}"
    if value == 0.0:
        return f"shape {index + 1} leaves the score as it is"
    does = "raises" if value < 0 else "lowers"
    return f"shape {index + 1} {does} the score by {abs(value):.{digits(value)}f}"


def ranked(values: Values) -> list[int]:
    """Indices of the shapes, those that contribute most first, of either sign."""
    return sorted(range(len(values)), key=lambda index: -abs(values[index]))


def weighed(genome: Genome, encoding: Encoding, values: Values | None, size: Canvas) -> Frame:
    """The picture, each shape in the colour of what it does to the score; grey for nothing.

    Args:
        genome: (L,) float32.
        encoding: what its genes mean.
        values: of each shape; None for all grey.
        size: width and height in pixels.

    Returns:
        (H, W, 3) uint8, not to be written to.
    """

    def make() -> Frame:
        drawing = _tinted(encoding.decode(genome), values)
        picture = np.empty((size[1], size[0], 3), np.uint8)
        render_drawing(drawing, size, picture)
        if values is None:
            return picture
        image = Image.fromarray(picture)
        for index in reversed(ranked(values)[:OUTLINED]):
            if values[index] != 0.0:
                outlined(image, shape_outline(drawing, index, size), tint(values[index]))
        return np.array(image)

    return remembered(("weighed", genome_hash(genome), encoding, values, size), make)


def _tinted(drawing: Drawing, values: Values | None) -> Drawing:
    """The same shapes in other colours: grey, and the more they contribute the more coloured and
    the less transparent.
    """
    brightness = np.array([0.299, 0.587, 0.114], np.float32)
    greys = DARKEST + DIM * np.repeat((drawing.colours @ brightness)[:, None], 3, axis=1)
    background = np.full(3, DARKEST + DIM * float(drawing.background @ brightness), np.float32)
    colours, alphas = np.clip(greys, 0.0, 1.0), drawing.alphas
    if values is not None:
        sizes = np.abs(np.array(values))
        share = np.sqrt(sizes / max(float(sizes.max()), 1e-300))
        tints = np.array([tint(value) for value in values]) / 255.0
        colours += share[:, None] * (tints * (0.55 + greys) - colours)
        alphas = alphas + (DENSER * share * (1.0 - alphas)).astype(np.float32)
    return replace(
        drawing, colours=colours.astype(np.float32), background=background, alphas=alphas
    )


def tint(value: float) -> Colour:
    """What shapes of that contribution are painted in."""
    return ACCENT if value < 0 else SECOND


def shape_outline(drawing: Drawing, index: int, size: Canvas) -> Polygon:
    """(V, 2) corners of one shape in pixels."""
    vertices, offsets = outlines(drawing, size)
    return np.asarray(vertices[offsets[index] : offsets[index + 1]], np.float64)


def outlined(image: Image.Image, corners: Polygon, colour: Colour) -> None:
    """Draw a shape's outline."""
    wide = max(1.5, min(image.size) / 400)
    fill(image, stroke(np.concatenate([corners, corners[:1]]), wide), colour)


def shape_at(
    genome: Genome, encoding: Encoding, size: Canvas, place: tuple[float, float]
) -> int | None:
    """The uppermost shape at a place of the picture, by its index; None where there is none.

    A place is inside where a ray to the right of it crosses the outline an odd number of times.

    Args:
        genome: (L,) float32.
        encoding: what its genes mean.
        size: the picture's width and height in pixels.
        place: x and y in pixels.
    """
    drawing = encoding.decode(genome)
    vertices, offsets = outlines(drawing, size)
    ends = np.arange(1, len(vertices) + 1)
    ends[offsets[1:] - 1] = offsets[:-1]
    (x0, y0), (x1, y1) = vertices.T, vertices[ends].T
    crossed = (y0 > place[1]) != (y1 > place[1])
    rise = np.where(crossed, y1 - y0, 1.0)
    right = place[0] < x0 + (place[1] - y0) / rise * (x1 - x0)
    times = np.add.reduceat((crossed & right).astype(np.int64), offsets[:-1])
    inside = np.flatnonzero((times % 2 == 1) & (drawing.alphas > 0))
    return int(inside[-1]) if len(inside) else None


def digits(value: float) -> int:
    """Digits after the point that show three of a number's own, 2 to 6."""
    return int(np.clip(2 - np.floor(np.log10(max(abs(value), 1e-9))), 2, 6))
