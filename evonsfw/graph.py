"""Best and mean score over the run: a graph with axes that can be read."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt
from PIL import Image

from evonsfw.brush import (
    ACCENT,
    HEART,
    LINE,
    MUTED,
    PANEL,
    SECOND,
    TEXT,
    Polygon,
    disc,
    fill,
    heart,
    length,
    rounded,
    stroke,
    write,
)
from evonsfw.cells import Box
from evonsfw.gallery import Frame, remembered
from evonsfw.moment import NEAR, Chart
from evonsfw.scales import Floats, Scale, upright
from evonsfw.shapes import Canvas
from evonsfw.ticks import Axis


def graph(
    chart: Chart, liked: frozenset[int], shown: int, size: Canvas, plot: Box, unit: int
) -> Frame:
    """Draw the graph.

    Args:
        chart: the scores.
        liked: generations that get a heart.
        shown: the generation that gets a line.
        size: width and height in pixels.
        plot: where in these the curves are.
        unit: height of ordinary text in pixels.

    Returns:
        (H, W, 3) uint8.
    """
    data = chart.numbers.tobytes(), chart.best.tobytes(), chart.mean.tobytes(), chart.near
    across, scale = _axes(chart, plot, unit)

    def make() -> Frame:
        image = Image.new("RGB", size, PANEL)
        _grid(image, across, int(chart.numbers[-1]), scale, plot, unit)
        _legend(image, bool(liked), chart.near, unit)
        _curves(image, chart, across, scale, plot, unit)
        for number in liked:
            _heart(image, number, chart, across, scale, unit)
        return np.array(image)

    drawn = remembered(("graph", data, liked, size, plot, unit), make)
    image = Image.fromarray(drawn)
    _cursor(image, shown, shown in liked, chart, across, scale, plot, unit)
    return np.array(image)


def _axes(chart: Chart, plot: Box, unit: int) -> tuple[Axis, Scale]:
    first, last = float(chart.numbers[0]), float(chart.numbers[-1])
    across = Axis(first, max(last, first + 1.0), plot.left, plot.right - 1)
    both = np.concatenate([chart.best, chart.mean])
    most = int(np.clip(plot.height / (1.9 * unit), 2, 8))
    scale = upright(both[np.isfinite(both)], plot.bottom - 1, plot.top, most)
    return across, scale


def _grid(image: Image.Image, across: Axis, last: int, scale: Scale, plot: Box, unit: int) -> None:
    """Lines and numbers of both axes, up to the last generation."""
    small = 0.8 * unit
    lines = []
    for place, text in scale.ticks():
        y = round(place)
        lines.append(rounded(plot.left, y, plot.right, y + 1, 0))
        write(
            image, (plot.left - 0.6 * unit, y), text, small, MUTED, "right", plot.left - 0.6 * unit
        )
    for place, number in across.ticks(max(1, round(plot.width / (5 * unit))), 1.0):
        if place > across.place(last) + 0.5:
            break
        x, text = round(place), f"{int(number):,}"
        lines.append(rounded(x, plot.bottom, x + 1, plot.bottom + 0.4 * unit, 0))
        half = length(text, small) / 2
        middle = min(max(x, half), image.width - half)
        write(image, (middle, plot.bottom + 1.15 * unit), text, small, MUTED, "middle")
    fill(image, lines, LINE)


def _legend(image: Image.Image, liked: bool, near: bool, unit: int) -> None:
    """What the colours mean, in words."""
    x, y, small = 0.0, 0.7 * unit, 0.85 * unit
    mean = f"{NEAR} mean" if near else "mean"
    for word, colour in (("best", ACCENT), (mean, SECOND)):
        fill(image, [rounded(x, y - 1, x + 1.2 * unit, y + max(1.0, 0.1 * unit), 0)], colour)
        x += 1.6 * unit
        x += write(image, (x, y), word, small, TEXT) + 1.2 * unit
    if liked:
        fill(image, [heart(x + 0.5 * unit, y, unit)], HEART)
        x += 1.4 * unit
        x += write(image, (x, y), "liked", small, TEXT) + 1.2 * unit
    text = "score by generation"
    if image.width - x > length(text, small):
        write(image, (image.width, y), text, small, MUTED, "right")


def _curves(
    image: Image.Image, chart: Chart, across: Axis, scale: Scale, plot: Box, unit: int
) -> None:
    wide = max(1.5, unit / 9)
    best, mean = (
        list(_runs(chart.numbers, values, across, scale, plot.width))
        for values in (chart.best, chart.mean)
    )
    for points in best:
        under = [[points[-1, 0], plot.bottom], [points[0, 0], plot.bottom]]
        fill(image, [np.concatenate([points, under])], ACCENT, 0.1)
    for curves, colour in ((mean, SECOND), (best, ACCENT)):
        fill(image, [part for points in curves for part in stroke(points, wide)], colour)


def _runs(
    numbers: npt.NDArray[np.int64], values: Floats, across: Axis, scale: Scale, columns: int
) -> Iterator[Polygon]:
    """(K, 2) pixels of each stretch of finite values, thinned to every other column."""
    count = min(len(numbers), max(2, columns // 2))
    picks = np.linspace(0, len(numbers) - 1, count).round().astype(int)
    known = np.flatnonzero(np.isfinite(values[picks]))
    for part in np.split(known, np.flatnonzero(np.diff(known) > 1) + 1):
        if len(part):
            xs = [across.place(float(number)) for number in numbers[picks[part]]]
            yield np.stack([xs, scale.places(values[picks[part]])], axis=1)


def _place(number: int, chart: Chart, across: Axis, scale: Scale) -> tuple[float, float] | None:
    """Where the best of a generation is; None where its score is not known."""
    finite = np.isfinite(chart.best)
    if not finite.any() or not chart.numbers[0] <= number <= chart.numbers[-1]:
        return None
    score = np.interp(number, chart.numbers[finite], chart.best[finite])
    return across.place(float(number)), float(scale.places(score))


def _heart(
    image: Image.Image, number: int, chart: Chart, across: Axis, scale: Scale, unit: int
) -> None:
    place = _place(number, chart, across, scale)
    if place is not None:
        fill(image, [heart(*place, 1.3 * unit)], PANEL)
        fill(image, [heart(*place, 0.9 * unit)], HEART)


def _cursor(
    image: Image.Image,
    shown: int,
    liked: bool,
    chart: Chart,
    across: Axis,
    scale: Scale,
    plot: Box,
    unit: int,
) -> None:
    """A line at the generation on show, a dot on the curve where there is no heart."""
    place = _place(shown, chart, across, scale)
    if place is None:
        return
    x = round(place[0])
    fill(image, [rounded(x, plot.top - 0.4 * unit, x + 1, plot.bottom, 0)], TEXT, 0.5)
    if not liked:
        fill(image, [disc(*place, 0.36 * unit)], PANEL)
        fill(image, [disc(*place, 0.24 * unit)], TEXT)
