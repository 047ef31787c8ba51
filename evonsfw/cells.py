"""Boxes in whole pixels, and how pictures of one shape are laid out in rows."""

from __future__ import annotations

import math
from typing import NamedTuple

from evonsfw.shapes import Canvas

NUMBER = 1.3
"""Units: height of the number below a thumbnail or an individual."""


class Box(NamedTuple):
    """A rectangle; its right and bottom edges are outside."""

    left: int
    top: int
    width: int
    height: int

    @property
    def right(self) -> int:
        """The first column outside."""
        return self.left + self.width

    @property
    def bottom(self) -> int:
        """The first row outside."""
        return self.top + self.height

    def holds(self, position: tuple[int, int]) -> bool:
        """Whether a pixel is inside."""
        x, y = position
        return self.left <= x < self.right and self.top <= y < self.bottom

    def inner(self, margin: int) -> Box:
        """The box without a margin all around; at least 1x1, and never outside."""
        x, y = min(margin, (self.width - 1) // 2), min(margin, (self.height - 1) // 2)
        return Box(self.left + x, self.top + y, self.width - 2 * x, self.height - 2 * y)


class Cell(NamedTuple):
    """A small picture and the room for a number below it, which may be none."""

    box: Box
    picture: Box


def fitted(canvas: Canvas, room: Box) -> Box:
    """The largest box of the canvas's proportions, in the middle of a room."""
    scale = min(room.width / canvas[0], room.height / canvas[1])
    width, height = max(1, round(canvas[0] * scale)), max(1, round(canvas[1] * scale))
    left, top = room.left + (room.width - width) // 2, room.top + (room.height - height) // 2
    return Box(left, top, width, height)


def rows_of(room: Box, canvas: Canvas, side: float, gap: int, number: int) -> tuple[Cell, ...]:
    """As many cells as fit, their pictures of about `side` squared or larger, row by row."""
    stretch = math.sqrt(canvas[0] / canvas[1])
    width = min(side * stretch, float(room.width))
    width = max(1.0, min(width, (room.height - number) * canvas[0] / canvas[1]))
    columns = max(1, int((room.width + gap) / (width + gap)))
    height = max(1.0, width * canvas[1] / canvas[0])
    rows = max(1, int((room.height + gap) / (height + number + gap)))
    wider = (room.width - (columns - 1) * gap) / columns
    higher = (room.height - (rows - 1) * gap) / rows - number
    return _cells(room, canvas, (columns, rows), (wider, higher), gap, number)[: columns * rows]


def grid_of(room: Box, canvas: Canvas, count: int, gap: int, unit: int) -> tuple[Cell, ...]:
    """Cells as large as fit, in the middle of a room; with a number where it can be read."""
    number = round(NUMBER * unit)
    columns, rows, width, height = _largest(room, canvas, count, gap, number)
    if min(width, height * canvas[0] / canvas[1]) < 3.4 * unit:
        number = 0
        columns, rows, width, height = _largest(room, canvas, count, gap, number)
    cells = _cells(room, canvas, (columns, rows), (width, height), gap, number)
    x = (room.right - cells[columns - 1].box.right) // 2
    y = (room.bottom - cells[-1].box.bottom) // 2
    moved = [Cell(*(Box(b[0] + x, b[1] + y, *b[2:]) for b in cell)) for cell in cells]
    return tuple(moved[:count])


def _largest(
    room: Box, canvas: Canvas, count: int, gap: int, number: int
) -> tuple[int, int, float, float]:
    """Columns, rows, and the room of each picture, where pictures are largest."""

    def divided(columns: int) -> tuple[float, tuple[int, int, float, float]]:
        rows = -(-count // columns)
        width = (room.width - (columns - 1) * gap) / columns
        height = (room.height - (rows - 1) * gap) / rows - number
        return min(width / canvas[0], height / canvas[1]), (columns, rows, width, height)

    return max((divided(columns) for columns in range(1, count + 1)), key=lambda pair: pair[0])[1]


def _cells(
    room: Box, canvas: Canvas, counts: Canvas, most: tuple[float, float], gap: int, number: int
) -> tuple[Cell, ...]:
    """Equal cells from the top left of a room, each picture within `most` pixels."""
    scale = min(most[0] / canvas[0], most[1] / canvas[1])
    width, height = max(1, int(canvas[0] * scale)), max(1, int(canvas[1] * scale))
    return tuple(
        Cell(Box(x, y, width, height + number), Box(x, y, width, height))
        for y in range(
            room.top, room.top + counts[1] * (height + number + gap), height + number + gap
        )
        for x in range(room.left, room.left + counts[0] * (width + gap), width + gap)
    )
