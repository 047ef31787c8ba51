"""The shapes that contribute most to the score, as bars."""

from __future__ import annotations

import numpy as np
from PIL import Image

from evonsfw.brush import ACCENT, LINE, MUTED, PANEL, SECOND, TEXT, fill, rounded, wrapped, write
from evonsfw.gallery import Frame
from evonsfw.moment import Moment
from evonsfw.shapes import Canvas
from evonsfw.weighing import Values, digits, known_of, progress, ranked, tint, values_of


def ranking(moment: Moment, n: int, hovered: int | None, size: Canvas, unit: int) -> Frame:
    """The shapes that contribute most, as bars, with what the colours mean.

    Args:
        moment: with or without contributions.
        n: number of shapes.
        hovered: index of the shape under the mouse.
        size: width and height in pixels.
        unit: height of ordinary text in pixels.

    Returns:
        (H, W, 3) uint8.
    """
    image = Image.new("RGB", size, PANEL)
    write(image, (0, 0.7 * unit), "what each shape contributes", unit, TEXT, "left", size[0])
    values = values_of(moment)
    if values is None:
        _waiting(image, moment, n, unit)
        return np.array(image)
    y = 2.4 * unit
    for colour, word in ((ACCENT, "below 0: raises the score"), (SECOND, "above 0: lowers it")):
        fill(image, [rounded(0, y - 0.35 * unit, 0.7 * unit, y + 0.35 * unit, 0)], colour)
        write(image, (1.2 * unit, y), word, 0.85 * unit, MUTED, "left", size[0] - 1.2 * unit)
        y += 1.4 * unit
    text = "the score without it minus the score with it"
    write(image, (0, y), text, 0.85 * unit, MUTED, "left", size[0])
    _bars(image, values, hovered, y + 1.2 * unit, unit)
    return np.array(image)


def _waiting(image: Image.Image, moment: Moment, n: int, unit: int) -> None:
    """The progress, or why there is none."""
    y = 2.6 * unit
    for line in wrapped(progress(moment, n), unit, image.width, 6):
        write(image, (0, y), line, unit, MUTED)
        y += 1.5 * unit
    known = known_of(moment)
    if known is not None and not known.message:
        done = image.width * min(1.0, known.done / max(1, n))
        fill(image, [rounded(0, y, image.width, y + 0.4 * unit, 0.2 * unit)], LINE)
        if done > 0:
            fill(image, [rounded(0, y, done, y + 0.4 * unit, 0.2 * unit)], ACCENT)


def _bars(image: Image.Image, values: Values, hovered: int | None, top: float, unit: int) -> None:
    """A row for each of the shapes that contribute most, as many as there is room for."""
    order = ranked(values)[: max(0, int((image.height - top) / (1.5 * unit)))]
    if hovered is not None and order and hovered not in order:
        order[-1] = hovered
    largest = max(map(abs, values)) or 1.0
    for row, index in enumerate(order):
        y = top + (row + 0.5) * 1.5 * unit
        _bar(image, index, values[index], largest, y, unit, index == hovered)


def _bar(
    image: Image.Image, index: int, value: float, largest: float, y: float, unit: int, lit: bool
) -> None:
    """One row: name, number, and a bar from the middle, to the left below 0."""
    colour = TEXT if lit else MUTED
    write(image, (0, y), f"shape {index + 1}", 0.9 * unit, colour)
    write(image, (9.4 * unit, y), f"{value:+.{digits(largest)}f}", 0.9 * unit, colour, "right")
    left, right = 10.2 * unit, float(image.width)
    if right - left < 3 * unit:
        return
    zero = (left + right) / 2
    end = zero + value / largest * (right - left) / 2
    fill(image, [rounded(zero, y - 0.6 * unit, zero + 1, y + 0.6 * unit, 0)], LINE)
    if abs(end - zero) >= 0.5:
        bar = rounded(min(zero, end), y - 0.4 * unit, max(zero, end), y + 0.4 * unit, 0)
        fill(image, [bar], tint(value))
