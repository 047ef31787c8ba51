"""The shapes that contribute most to the score, as bars."""

from __future__ import annotations

import numpy as np
from PIL import Image

from evonsfw.brush import (
    ACCENT,
    LINE,
    MUTED,
    PANEL,
    SECOND,
    TEXT,
    fill,
    length,
    rounded,
    wrapped,
    write,
)
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
    text = "the score without it minus the score with it"
    write(image, (0, y), text, 0.85 * unit, MUTED, "left", size[0])
    y = _legend(image, y + 1.5 * unit, unit)
    _bars(image, values, hovered, y + 1.0 * unit, unit)
    return np.array(image)


def _legend(image: Image.Image, y: float, unit: int) -> float:
    """What the colours mean, in one line where it fits; the last line's place."""
    words, small, x = ("below 0: raises the score", "above 0: lowers it"), 0.85 * unit, 0.0
    for colour, word in zip((ACCENT, SECOND), words, strict=True):
        if x + 1.2 * unit + length(word, small) > image.width and x > 0.0:
            x, y = 0.0, y + 1.4 * unit
        fill(image, [rounded(x, y - 0.35 * unit, x + 0.7 * unit, y + 0.35 * unit, 0)], colour)
        x += 1.2 * unit
        x += write(image, (x, y), word, small, MUTED, "left", image.width - x) + 1.4 * unit
    return y


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
    """One row: name, number, and a bar of that length, whose colour is the sign's."""
    colour = TEXT if lit else MUTED
    write(image, (0, y), f"shape {index + 1}", 0.9 * unit, colour)
    write(image, (9.4 * unit, y), f"{value:+.{digits(largest)}f}", 0.9 * unit, colour, "right")
    left, right = 10.2 * unit, float(image.width)
    if right - left < 3 * unit:
        return
    end = left + abs(value) / largest * (right - left)
    fill(image, [rounded(left, y - 0.6 * unit, left + 1, y + 0.6 * unit, 0)], LINE)
    if end - left >= 0.5:
        fill(image, [rounded(left, y - 0.4 * unit, end, y + 0.4 * unit, 0)], tint(value))
