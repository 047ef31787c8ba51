"""The numbers of a run, beside or below its picture."""

from __future__ import annotations

import math

import numpy as np
from PIL import Image

from evonsfw.brush import (
    ACCENT,
    GROUND,
    HEART,
    LINE,
    MUTED,
    PANEL,
    SECOND,
    TEXT,
    fill,
    heart,
    length,
    rounded,
    write,
)
from evonsfw.gallery import Frame
from evonsfw.layout import figures_columns
from evonsfw.moment import NEAR, Moment, View, format_score
from evonsfw.shapes import Canvas


def figures(moment: Moment, view: View, size: Canvas, unit: int) -> Frame:
    """Score, generation and the small figures, with a badge where the run is held or over.

    Args:
        moment: whose figures.
        view: the score's name and the seed.
        size: width and height in pixels; figures that do not fit in are left out.
        unit: height of ordinary text in pixels.

    Returns:
        (H, W, 3) uint8.
    """
    image = Image.new("RGB", size, PANEL)
    shown, width = moment.shown, size[0]
    room = width - _badge(image, moment, unit) - unit
    word = write(image, (0, 0.8 * unit), "best", unit, MUTED, "left", room) + 0.5 * unit
    write(image, (word, 0.8 * unit), view.label, unit, ACCENT, "left", room - word)
    score = format_score(shown.score)
    big = min(3.2 * unit, 100.0 * width / length(score, 100.0))
    x = write(image, (0, 3.4 * unit), score, big, TEXT)
    if shown.liked and x + 2.6 * unit < width:
        fill(image, [heart(x + 1.6 * unit, 3.4 * unit, 1.7 * unit)], HEART)
    colour = ACCENT if shown.past else TEXT
    write(image, (0, 6.2 * unit), _generation(moment), 1.1 * unit, colour, "left", width)
    _table(image, small_figures(moment, view), unit)
    return np.array(image)


def small_figures(moment: Moment, view: View) -> tuple[tuple[str, str], ...]:
    """What is written small: names and values, those of the generation on show."""
    shown = moment.shown
    count = shown.evaluations if shown.past else moment.evaluations
    mean = "not known" if math.isnan(shown.mean_score) else format_score(shown.mean_score)
    mean = f"{NEAR} {mean}" if shown.near and not math.isnan(shown.mean_score) else mean
    return (
        ("mean", mean),
        ("scorings", f"{count:,}"),
        ("per second", f"{moment.rate:,.0f}" if moment.rate >= 10 else f"{moment.rate:.1f}"),
        ("time", format_time(shown.seconds)),
        ("kept", format_every(moment.every)),
        ("seed", "not known" if view.seed is None else str(view.seed)),
    )


def format_time(seconds: float) -> str:
    """Hours, minutes and seconds: m:ss, or h:mm:ss from an hour on."""
    whole = max(0, int(seconds))
    hours, minutes = divmod(whole // 60, 60)
    return f"{hours}:{minutes:02}:{whole % 60:02}" if hours else f"{minutes:02}:{whole % 60:02}"


def format_every(every: int) -> str:
    """Which best pictures are kept, such as "every 10th"."""
    if every == 1:
        return "every one"
    teen = every % 100 in (11, 12, 13)
    ending = "th" if teen else {1: "st", 2: "nd", 3: "rd"}.get(every % 10, "th")
    return f"every {every:,}{ending}"


def _generation(moment: Moment) -> str:
    number = moment.shown.number
    if moment.shown.past:
        return f"generation {number:,} of {moment.generation:,}"
    return f"generation {number:,}"


def _table(image: Image.Image, rows: tuple[tuple[str, str], ...], unit: int) -> None:
    columns = figures_columns(image.width, unit)
    across, down = image.width / columns, -(-len(rows) // columns)
    size, left = 0.95 * unit, 5.6 * unit
    for index, (name, value) in enumerate(rows):
        x, y = across * (index // down), (8.4 + 1.6 * (index % down)) * unit
        if y + 0.6 * unit <= image.height:
            write(image, (x, y), name, size, MUTED, "left", across)
            write(image, (x + left, y), value, size, TEXT, "left", across - left - 0.3 * unit)


def _badge(image: Image.Image, moment: Moment, unit: int) -> float:
    """Say at the top right whether the run is held or over; returns the badge's width."""
    if not moment.paused and not moment.finished:
        return 0.0
    word = "finished" if moment.finished else "paused"
    colour, ink = (LINE, TEXT) if moment.finished else (ACCENT, GROUND)
    size, middle = 0.9 * unit, 0.8 * unit
    width = length(word, size) + 2.2 * unit
    left = image.width - width
    fill(image, [rounded(left, 0, image.width, 2 * middle, middle)], colour)
    sides = ((-0.3, 0.3),) if moment.finished else ((-0.3, -0.08), (0.1, 0.32))
    x, reach = left + 0.9 * unit, (0.3 if moment.finished else 0.4) * unit
    mark = [
        rounded(x + start * unit, middle - reach, x + stop * unit, middle + reach, 0)
        for start, stop in sides
    ]
    fill(image, mark, SECOND if moment.finished else ink)
    write(image, (left + 1.5 * unit, middle), word, size, ink)
    return width
