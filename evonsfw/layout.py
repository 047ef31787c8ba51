"""Where everything lies in the window, and what a place in it means: boxes, in whole pixels."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from evonsfw.cells import NUMBER, Box, Cell, fitted, grid_of, rows_of
from evonsfw.moment import POPULATION, SHAPES, Look, Moment
from evonsfw.shapes import Canvas

READABLE = 160
"""Pixels: in a window that is narrower or lower, there is only the picture."""
MOST_CELLS = 256
"""Individuals of a population that are shown at most."""
THUMBNAIL = 4.2
"""Units: side of a square thumbnail of the strip, at least."""
NARROW, WIDE = 26, 32
"""Units: width of a panel beside the picture, and how far it grows where that costs the picture
nothing."""
LOW, RANKED = 10, 14
"""Units: height of the graph above the ranking, and what the ranking has to be left with."""


class Hit(NamedTuple):
    """What is at a place.

    Attributes:
        kind: "graph" or "thumbnail", whose number is a generation; "individual", whose number is
            an index of the population; "picture", the large one.
        number: as said; 0 for the picture.
    """

    kind: str
    number: int = 0


@dataclass(frozen=True)
class Layout:
    """Named boxes of a window; None for what there is no room for, or what is not shown.

    Attributes:
        size: width and height of the window.
        unit: height of ordinary text, in pixels.
        canvas: proportions of every picture.
        room: where the picture or the population is.
        picture: the largest box of the canvas's proportions in the middle of `room`.
        grid: where the population's cells are.
        panel: what is beside or below; it holds all of the following.
        figures: score and numbers.
        graph: with its words and numbers; a click in it is a generation.
        plot: the part of `graph` where the curves are.
        strip: thumbnails of past generations.
        ranking: the shapes that contribute most, instead of the strip, and where the panel is low
            instead of the graph too.
    """

    size: Canvas
    unit: int
    canvas: Canvas
    room: Box
    picture: Box
    grid: Box | None = None
    panel: Box | None = None
    figures: Box | None = None
    graph: Box | None = None
    plot: Box | None = None
    strip: Box | None = None
    ranking: Box | None = None

    def target(self, position: tuple[int, int], moment: Moment) -> Hit | None:
        """What a click at a place of the window means, or None for nothing."""
        if self.graph is not None and self.graph.holds(position):
            return Hit("graph", self.generation_at(position[0], moment))
        for index, cell in self.thumbnails(len(moment.thumbnails)):
            if cell.box.holds(position):
                return Hit("thumbnail", moment.thumbnails[index][0])
        for index, cell in enumerate(self.cells(len(moment.population))):
            if cell.box.holds(position):
                return Hit("individual", index)
        on_picture = self.grid is None and self.picture.holds(position)
        return Hit("picture") if on_picture else None

    def generation_at(self, x: int, moment: Moment) -> int:
        """The generation at a column of the graph; columns beyond its ends are its ends.

        For dragging, which may leave the graph. Where there is no graph, the generation on show.
        """
        if self.plot is None:
            return moment.shown.number
        first, last = int(moment.chart.numbers[0]), int(moment.chart.numbers[-1])
        share = (x - self.plot.left) / max(1, self.plot.width - 1)
        return round(first + min(max(share, 0.0), 1.0) * (last - first))

    def thumbnails(self, count: int) -> tuple[tuple[int, Cell], ...]:
        """Of `count` thumbnails those that there is room for: index and cell.

        They are evenly chosen, the last always among them, and the first where there are two.
        """
        if self.strip is None or count < 1:
            return ()
        gap, number = self._gap, round(NUMBER * self.unit)
        cells = rows_of(self.strip, self.canvas, THUMBNAIL * self.unit, gap, number)
        some = min(count, len(cells))
        picks = np.linspace(0, count - 1, some) if some > 1 else np.array([count - 1.0])
        return tuple(zip(picks.round().astype(int).tolist(), cells, strict=False))

    def cells(self, count: int) -> tuple[Cell, ...]:
        """A cell for each of `count` individuals, at most `MOST_CELLS`, row by row.

        None where the population is not shown as a grid. Where not all are shown, there is a line
        of text free at the bottom of `grid`.
        """
        if self.grid is None or count < 1:
            return ()
        left, top, width, height = self.grid
        if count > MOST_CELLS:
            height = max(1, height - round(1.6 * self.unit))
        room = Box(left, top, width, height)
        return grid_of(room, self.canvas, min(count, MOST_CELLS), self._gap, self.unit)

    @property
    def _gap(self) -> int:
        return max(2, round(0.4 * self.unit))


def layout(canvas: Canvas, size: Canvas, look: Look) -> Layout:
    """Divide a window.

    Args:
        canvas: width and height that were scored.
        size: width and height of the window in pixels, at least 1x1.
        look: what is shown.
    """
    whole = Box(0, 0, *size)
    unit = int(np.clip(round(math.sqrt(size[0] * size[1]) / 68), 10, 48))
    gridded = look.mode == POPULATION and look.chosen is None
    if not look.hud or min(size) < READABLE:
        grid = whole.inner(unit) if gridded else None
        return Layout(size, unit, canvas, whole, fitted(canvas, whole), grid)
    room, panel, beside = _divided(canvas, size, unit)
    picture = fitted(canvas, room.inner(unit))
    grid = room.inner(unit) if gridded else None
    parts = _beside(panel.inner(unit), unit) if beside else _below(panel.inner(unit), unit)
    figures, graph, strip = parts
    ranking = None
    if look.mode == SHAPES:
        graph, ranking = _shared(_joined(graph, strip), unit)
        strip = None
    plot = None if graph is None else _plot(graph, unit)
    return Layout(
        size, unit, canvas, room, picture, grid, panel, figures, graph, plot, strip, ranking
    )


def _divided(canvas: Canvas, size: Canvas, unit: int) -> tuple[Box, Box, bool]:
    """The picture's room, the panel, and whether that is beside: where the picture is larger."""
    width, height = size
    across, up = min(NARROW * unit, round(0.42 * width)), min(18 * unit, round(0.45 * height))
    high = round((height - 2 * unit) * canvas[0] / canvas[1]) + 2 * unit
    across = max(across, min(width - high, WIDE * unit))
    beside = Box(0, 0, width - across, height), Box(width - across, 0, across, height)
    below = Box(0, 0, width, height - up), Box(0, height - up, width, up)
    sizes = [fitted(canvas, room.inner(unit)).width for room, _ in (beside, below)]
    return (*beside, True) if sizes[0] >= sizes[1] else (*below, False)


Parts = tuple[Box, Box | None, Box | None]


def _beside(box: Box, unit: int) -> Parts:
    """Figures above the graph above the strip; what there is no room for is left out."""
    figures = Box(*box[:3], min(box.height, figures_height(box.width, unit)))
    rest = box.height - figures.height - unit
    if rest < 7 * unit:
        return figures, None, None
    top = figures.bottom + unit
    graph = Box(box.left, top, box.width, int(np.clip(0.45 * rest, 7 * unit, 17 * unit)))
    rest -= graph.height + unit
    if rest < 4 * unit:
        return figures, Box(*graph[:3], box.bottom - top), None
    return figures, graph, Box(box.left, graph.bottom + unit, box.width, rest)


def _below(box: Box, unit: int) -> Parts:
    """Figures at the left, the graph above the strip at the right."""
    figures = Box(box.left, box.top, min(box.width, 25 * unit), box.height)
    left = figures.right + unit
    if box.right - left < 12 * unit or box.height < 6 * unit:
        return figures, None, None
    strip = round(THUMBNAIL * unit + NUMBER * unit)
    rest = box.height - strip - unit // 2
    width = box.right - left
    if rest < 7 * unit:
        return figures, Box(left, box.top, width, box.height), None
    return (
        figures,
        Box(left, box.top, width, rest),
        Box(left, box.bottom - strip, width, strip),
    )


def figures_height(width: int, unit: int) -> int:
    """Height of the figures in a box of that width, in pixels."""
    return round((8.2 + 1.6 * -(-6 // figures_columns(width, unit))) * unit)


def figures_columns(width: int, unit: int) -> int:
    """Columns of the small figures: two where they are wide enough."""
    return 2 if width >= 20 * unit else 1


def _plot(graph: Box, unit: int) -> Box:
    """The graph without its legend, its numbers at the left and those below."""
    left, right, top, bottom = round(4.4 * unit), unit, 2 * unit, round(1.8 * unit)
    width, height = graph.width - left - right, graph.height - top - bottom
    return Box(graph.left + left, graph.top + top, max(1, width), max(1, height))


def _shared(box: Box | None, unit: int) -> tuple[Box | None, Box | None]:
    """A low graph above the ranking; where there is no room for both, the ranking."""
    if box is None or box.height < (LOW + 1 + RANKED) * unit:
        return None, box
    top = box.top + (LOW + 1) * unit
    graph = Box(*box[:3], LOW * unit)
    return graph, Box(box.left, top, box.width, box.bottom - top)


def _joined(one: Box | None, other: Box | None) -> Box | None:
    """The smallest box around two."""
    if one is None or other is None:
        return one
    return Box(*one[:2], max(one.right, other.right) - one.left, other.bottom - one.top)
