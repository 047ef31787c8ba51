"""Plates: pictures of findings that can be published: panels, colour bars, figures. No disk."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from PIL import Image

from evonsfw.brush import ACCENT, GROUND, LINE, MUTED, TEXT, Colour, fitted, length, wrapped, write
from evonsfw.heat import SEQUENTIAL, Scheme, coloured
from evonsfw.preparation import Pictures

SIDE = 384
"""Pixels of a panel's longer side."""
ROW = 4
"""Panels beside each other, at most."""
MARGIN, GAP = 24, 24
HEADING, TITLE, SMALL = 20, 15, 12  # letters
BAR = 12
"""Pixels, how high a colour bar is."""
PITCH = 22
"""From one line of figures to the next."""
BLOCKS = 3
"""How much larger a panel must be than its pixels for these to be shown as blocks."""
COLUMN, WIDEST = 320, 420
"""Pixels, how wide one column of figures is at least, and at most."""


@dataclass(frozen=True)
class Bar:
    """What the colours of a panel mean.

    Attributes:
        low: value of the first colour.
        high: value of the last.
        scheme: which colours.
        label: what the values are, in few words.
    """

    low: float
    high: float
    scheme: Scheme = SEQUENTIAL
    label: str = ""

    def colours(self, values: npt.ArrayLike) -> Pictures:
        """(H, W) floats to (H, W, 3) uint8."""
        return coloured(values, self.low, self.high, self.scheme)


@dataclass(frozen=True, eq=False)
class Panel:
    """One picture of a plate.

    Attributes:
        title: above it.
        pixels: (H, W, 3) uint8 sRGB, any size.
        bar: what its colours mean; None for a picture.
        note: one line below it.
    """

    title: str
    pixels: Pictures
    bar: Bar | None = None
    note: str = ""


@dataclass(frozen=True, eq=False)
class Plate:
    """A picture of findings.

    Attributes:
        title: of it all.
        panels: at least one.
        figures: names and values of what was measured.
        text: a sentence on what it means.
    """

    title: str
    panels: tuple[Panel, ...]
    figures: tuple[tuple[str, str], ...] = ()
    text: str = ""


def symmetric(values: npt.ArrayLike, label: str = "", share: float = 0.995) -> Bar:
    """A diverging bar whose middle is 0 and whose end few values pass.

    Args:
        values: floats of any shape.
        label: what they are.
        share: of the values, 0 to 1, that lie within it.
    """
    sizes = np.abs(np.asarray(values, np.float64))
    end = float(np.quantile(sizes, share)) or float(sizes.max()) or 1.0
    return Bar(-end, end, "diverging", label)


def over(
    pixels: Pictures, values: npt.NDArray[np.floating], bar: Bar, opacity: float = 0.6
) -> Pictures:
    """A map laid over its picture, which shows through in grey.

    Args:
        pixels: (H, W, 3) uint8.
        values: (H, W) floats.
        bar: what the colours mean.
        opacity: of the map, 0 to 1.

    Returns:
        (H, W, 3) uint8.
    """
    grey = np.asarray(Image.fromarray(pixels).convert("L"), np.float64)[..., None]
    mixed = opacity * bar.colours(values) + (1.0 - opacity) * grey
    return np.rint(mixed).astype(np.uint8)


def draw(plate: Plate, side: int = SIDE) -> Pictures:
    """Paint a plate.

    Args:
        plate: what to paint.
        side: pixels of a panel's longer side.

    Returns:
        (H, W, 3) uint8 sRGB, as large as it has to be.
    """
    across = min(ROW, len(plate.panels))
    width = 2 * MARGIN + across * side + (across - 1) * GAP
    below = _below(plate, width)
    rows = [plate.panels[start : start + across] for start in range(0, len(plate.panels), across)]
    heights = [_row_height(row, side) for row in rows]
    top = MARGIN + (HEADING + GAP) * bool(plate.title)
    height = top + sum(heights) + (below or -GAP) + MARGIN
    image = Image.new("RGB", (width, height), GROUND)
    if plate.title:
        write(
            image, (MARGIN, MARGIN + HEADING / 2), plate.title, HEADING, TEXT, width=_inner(width)
        )
    for row, height in zip(rows, heights, strict=True):
        for number, panel in enumerate(row):
            _panel(image, panel, MARGIN + number * (side + GAP), top, side, _deepest(row, side))
        top += height
    _figures(image, plate, top)
    return np.asarray(image)


def _inner(width: int) -> int:
    return width - 2 * MARGIN


def _fitted_size(panel: Panel, side: int) -> tuple[int, int]:
    """Width and height that a panel's picture is shown at."""
    height, width, _ = panel.pixels.shape
    scale = side / max(height, width)
    return max(1, round(width * scale)), max(1, round(height * scale))


def _deepest(row: Sequence[Panel], side: int) -> int:
    return max(_fitted_size(panel, side)[1] for panel in row)


def _row_height(row: Sequence[Panel], side: int) -> int:
    bars = (BAR + 2 * SMALL + 14) * any(panel.bar for panel in row)
    notes = (SMALL + 12) * any(panel.note for panel in row)
    return TITLE + 12 + _deepest(row, side) + bars + notes + GAP


def _panel(image: Image.Image, panel: Panel, left: int, top: int, side: int, deep: int) -> None:
    write(image, (left, top + TITLE / 2), panel.title, TITLE, TEXT, width=side)
    top += TITLE + 12
    size = _fitted_size(panel, side)
    shown = Image.fromarray(panel.pixels)
    if shown.size != size:
        blocks = size[0] >= BLOCKS * shown.width
        kind = Image.Resampling.NEAREST if blocks else Image.Resampling.LANCZOS
        shown = shown.resize(size, kind)
    image.paste(shown, (left, top))
    top += deep + 10
    if panel.bar is not None:
        _bar(image, panel.bar, left, top, side)
        top += BAR + 2 * SMALL + 14
    if panel.note:
        write(image, (left, top + SMALL / 2), panel.note, SMALL, MUTED, width=side)


def _bar(image: Image.Image, bar: Bar, left: int, top: int, side: int) -> None:
    """The colours from low to high, with three numbers and the label below."""
    strip = bar.colours(np.linspace(bar.low, bar.high, side)[None].repeat(BAR, axis=0))
    image.paste(LINE, (left - 1, top - 1, left + side + 1, top + BAR + 1))
    image.paste(Image.fromarray(strip), (left, top))
    places = {"left": bar.low, "middle": (bar.low + bar.high) / 2, "right": bar.high}
    for (word, value), x in zip(places.items(), (left, left + side / 2, left + side), strict=True):
        text = number(value, bar.high - bar.low)
        write(image, (x, top + BAR + 5 + SMALL / 2), text, SMALL, MUTED, word)
    middle = top + BAR + 9 + 1.5 * SMALL
    write(image, (left + side / 2, middle), bar.label, SMALL, MUTED, "middle", side)


def number(value: float, span: float) -> str:
    """A value as short as can be told from others within a span of that length."""
    if not math.isfinite(value):
        return str(value)
    if span <= 0 or not math.isfinite(span):
        return f"{value:.4g}"
    digits = 2 - math.floor(math.log10(span))
    if value == 0:
        return "0"
    if not -4 < digits < 6:
        return f"{value:.2e}"
    text = f"{value:.{max(0, digits)}f}"
    return text.lstrip("-") if float(text) == 0 else text


def _columns(plate: Plate, width: int) -> int:
    return max(1, min(len(plate.figures), _inner(width) // COLUMN))


def _lines(plate: Plate, width: int) -> list[str]:
    return wrapped(plate.text, SMALL + 1, _inner(width), 4)


def _below(plate: Plate, width: int) -> int:
    """Pixels that figures and text take."""
    rows = math.ceil(len(plate.figures) / _columns(plate, width)) if plate.figures else 0
    text = len(_lines(plate, width))
    return PITCH * (rows + text) + (PITCH // 2) * bool(rows and text)


def _figures(image: Image.Image, plate: Plate, top: int) -> None:
    """Names and values in columns, then the text."""
    columns = _columns(plate, image.width)
    rows = math.ceil(len(plate.figures) / columns)
    wide = min(WIDEST, (_inner(image.width) - (columns - 1) * GAP) // columns)
    for place, (name, value) in enumerate(plate.figures):
        column, row = divmod(place, rows)
        left, middle = MARGIN + column * (wide + GAP), top + PITCH * (row + 0.5)
        _figure(image, name, value, left, middle, wide)
    top += PITCH * rows + (PITCH // 2) * bool(rows)
    for line_number, line in enumerate(_lines(plate, image.width)):
        write(image, (MARGIN, top + PITCH * (line_number + 0.5)), line, SMALL + 1, MUTED)


def _figure(image: Image.Image, name: str, value: str, left: int, middle: float, wide: int) -> None:
    colour: Colour = ACCENT
    shown = fitted(value, SMALL + 1, wide * 0.7)
    room = wide - length(shown, SMALL + 1) - GAP / 2
    write(image, (left, middle), name, SMALL + 1, MUTED, width=room)
    write(image, (left + wide, middle), shown, SMALL + 1, colour, "right")
