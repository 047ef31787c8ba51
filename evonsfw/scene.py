"""A moment of a run to the frame that the window shows: pure, no pygame, no clock, no disk."""

from __future__ import annotations

import functools
from collections.abc import Callable

import numpy as np
from PIL import Image

from evonsfw.brush import GROUND, LINE, PANEL, TEXT, fill, length, rounded, wrapped, write
from evonsfw.cells import Box
from evonsfw.figures import figures
from evonsfw.gallery import Frame, grid, picture_at, remembered, sketch_at, strip
from evonsfw.genome import Genome
from evonsfw.graph import graph
from evonsfw.layout import Layout, layout
from evonsfw.moment import (
    POPULATION,
    SHAPES,
    Chart,
    Contributions,
    Look,
    Moment,
    Shown,
    View,
    format_score,
)
from evonsfw.ranking import ranking
from evonsfw.raster import render_drawing
from evonsfw.shapes import Canvas
from evonsfw.sheet import sheet
from evonsfw.weighing import (
    outlined,
    progress,
    shape_at,
    shape_outline,
    told,
    values_of,
    weighed,
)

__all__ = [
    "Chart",
    "Contributions",
    "Frame",
    "Look",
    "Moment",
    "Shown",
    "View",
    "draw",
    "format_score",
]


def draw(moment: Moment, view: View, look: Look, size: Canvas, sketched: bool = False) -> Frame:
    """The whole frame.

    Args:
        moment: what is shown.
        view: how it is meant.
        look: how it is looked at.
        size: width and height of the frame in pixels, at least 1x1.
        sketched: whether the large picture may be in coarse pixels, which takes less time.

    Returns:
        (H, W, 3) uint8 array.
    """
    plan = layout(view.canvas, size, look)
    frame = np.array(_ground(size, plan.panel))
    hovered = _hovered(moment, view, look, plan)
    _draw_room(frame, moment, view, look, plan, hovered, sketched)
    _draw_panel(frame, moment, view, plan, hovered)
    _draw_words(frame, moment, view, look, plan, hovered)
    if look.keys:
        _put(frame, sheet(size, plan.unit), plan.room)
    return frame


def _ground(size: Canvas, panel: Box | None) -> Frame:
    """An empty frame; not to be written to."""

    def make() -> Frame:
        image = Image.new("RGB", size, GROUND)
        if panel is not None:
            image.paste(PANEL, (panel.left, panel.top, panel.right, panel.bottom))
        return np.array(image)

    return remembered(("ground", size, panel), make)


def _draw_room(
    frame: Frame,
    moment: Moment,
    view: View,
    look: Look,
    plan: Layout,
    hovered: int | None,
    sketched: bool,
) -> None:
    """The picture, the population, or the contributions."""
    box = plan.picture
    size = box.width, box.height
    if plan.grid is not None:
        _set(frame, plan.grid, grid(moment, view, plan, plan.grid, look.hover))
    elif look.mode == SHAPES:
        genome, values = moment.shown.genome, values_of(moment)
        _set(frame, box, weighed(genome, view.encoding, values, size))
        if hovered is not None:
            corners = shape_outline(view.encoding.decode(genome), hovered, size)
            _over(frame, box, lambda image: outlined(image, corners, TEXT))
    elif moment.shown.drawing is not None:
        between = np.empty((box.height, box.width, 3), np.uint8)
        render_drawing(moment.shown.drawing, size, between)
        _set(frame, box, between)
    else:
        picture = sketch_at if sketched else picture_at
        _set(frame, box, picture(_genome(moment, look), view.encoding, size))


def _genome(moment: Moment, look: Look) -> Genome:
    """The one to show large."""
    index = _chosen(moment, look)
    return moment.shown.genome if index is None else moment.population[index]


def _chosen(moment: Moment, look: Look) -> int | None:
    """The individual that is looked at large: the last one where there are fewer by then."""
    if look.mode != POPULATION or look.chosen is None or not moment.population:
        return None
    return min(look.chosen, len(moment.population) - 1)


def _hovered(moment: Moment, view: View, look: Look, plan: Layout) -> int | None:
    """The shape under the mouse, where shapes are looked at."""
    if look.mode != SHAPES or look.hover is None or not plan.picture.holds(look.hover):
        return None
    box = plan.picture
    place = look.hover[0] - box.left + 0.5, look.hover[1] - box.top + 0.5
    return shape_at(moment.shown.genome, view.encoding, (box.width, box.height), place)


def _draw_panel(
    frame: Frame, moment: Moment, view: View, plan: Layout, hovered: int | None
) -> None:
    """Figures, graph and thumbnails; or figures and the ranking of the shapes."""
    unit = plan.unit
    if plan.figures is not None:
        _set(frame, plan.figures, figures(moment, view, plan.figures[2:], unit))
    if plan.graph is not None and plan.plot is not None:
        box, plot = plan.graph, plan.plot
        inside = Box(plot.left - box.left, plot.top - box.top, plot.width, plot.height)
        number = moment.shown.number
        _set(frame, box, graph(moment.chart, moment.liked, number, box[2:], inside, unit))
    if plan.strip is not None:
        _set(frame, plan.strip, strip(moment, view, plan, plan.strip))
    if plan.ranking is not None:
        box = plan.ranking
        _set(frame, box, ranking(moment, view.encoding.n, hovered, box[2:], unit))


def _draw_words(
    frame: Frame, moment: Moment, view: View, look: Look, plan: Layout, hovered: int | None
) -> None:
    """What is written over the picture: messages, and what is being looked at."""
    words = [moment.message] if moment.message else []
    index = _chosen(moment, look)
    if index is not None:
        score = format_score(moment.scores[index]) if index < len(moment.scores) else ""
        words.append(f"individual {index + 1} of {len(moment.population):,} · {score} {view.label}")
    if look.mode == SHAPES:
        values = values_of(moment)
        if hovered is not None:
            words.append(told(hovered, None if values is None else values[hovered]))
        if plan.ranking is None:
            words.append(progress(moment, view.encoding.n))
    _say(frame, [word for word in words if word], plan)


def _say(frame: Frame, words: list[str], plan: Layout) -> None:
    """Write over the bottom of the room, one plate for each, the first one lowest."""
    unit, room = plan.unit, plan.room
    bottom = room.bottom - 1.6 * unit
    for word in words:
        lines = wrapped(word, unit, room.width - 4 * unit, 3)
        if not any(lines):
            continue
        width = max(length(line, unit) for line in lines) + 2 * unit
        height = (1.4 * len(lines) + 0.8) * unit
        left = room.left + max(0, round((room.width - width) / 2))
        box = Box(left, round(bottom - height), round(width), round(height))
        _over(frame, box, functools.partial(_plate, lines=lines, unit=unit))
        bottom -= height + 0.5 * unit


def _plate(image: Image.Image, lines: list[str], unit: int) -> None:
    """A dark plate, lines of text in it."""
    plate = rounded(0, 0, *image.size, 0.6 * unit)
    fill(image, [plate], GROUND, 0.88)
    for row, line in enumerate(lines):
        place = image.width / 2, (1.4 * row + 1.1) * unit
        write(image, place, line, unit, TEXT, "middle")


def _put(frame: Frame, sheet: Frame, room: Box) -> None:
    """Lay a sheet over the middle of the room, or of the frame where the room is too small for it,
    with a thin edge; what does not fit in is cut.
    """
    high, wide = sheet.shape[:2]
    if room.width < wide + 2 or room.height < high + 2:
        room = Box(0, 0, frame.shape[1], frame.shape[0])
    left, top = room.left + (room.width - wide) // 2, room.top + (room.height - high) // 2
    _set(frame, Box(left - 1, top - 1, wide + 2, high + 2), np.array(LINE, np.uint8))
    _set(frame, Box(left, top, wide, high), sheet)


def _set(frame: Frame, box: Box, pixels: Frame) -> None:
    """Write (H, W, 3) pixels, or one colour, into a box; what is outside the frame is left out."""
    left, top = max(0, box.left), max(0, box.top)
    if pixels.ndim == 3:
        pixels = pixels[top - box.top :, left - box.left :]
        pixels = pixels[: frame.shape[0] - top, : frame.shape[1] - left]
    frame[top : max(0, box.bottom), left : max(0, box.right)] = pixels


def _over(frame: Frame, box: Box, paint: Callable[[Image.Image], None]) -> None:
    """Paint over what is in a box of the frame; of what is outside the frame, nothing."""
    left, top = max(0, box.left), max(0, box.top)
    region = frame[top : max(0, box.bottom), left : max(0, box.right)]
    if region.size:
        image = Image.fromarray(np.ascontiguousarray(region))
        paint(image)
        region[...] = np.asarray(image)
