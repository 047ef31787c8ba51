"""The help sheet: every key, and what the mouse does."""

from __future__ import annotations

import numpy as np
from PIL import Image

from evonsfw.brush import ACCENT, LINE, PANEL, TEXT, Polygon, fill, length, rounded, write
from evonsfw.gallery import Frame, remembered
from evonsfw.shapes import Canvas

LEFT, RIGHT = "left", "right"
KEYS: tuple[tuple[tuple[str, ...], str], ...] = (
    (("Space",), "pause, go on"),
    (("N",), "one generation, then pause"),
    ((LEFT, RIGHT), "a generation back, forth; with Shift: ten"),
    (("Home", "End"), "to the first one, to the newest"),
    (("B",), "branch a new run from the one on show"),
    (("S",), "save this picture: PNG and SVG"),
    (("L",), "like this picture, or no longer"),
    (("P",), "the population; click one to see it large"),
    (("E",), "what each shape contributes"),
    (("+", "-"), "keep best pictures more often, less often"),
    (("Tab",), "figures, graph and thumbnails on or off"),
    (("F",), "fullscreen on or off"),
    (("H",), "this sheet"),
    (("Esc",), "close what is open, or else end"),
    (("Q",), "end; everything is kept"),
)
MOUSE = (
    ("drag on the graph", "to any generation"),
    ("click a thumbnail", "to its generation"),
)
ROWS = len(KEYS) + len(MOUSE)
PITCH = 1.75
"""Heights of a letter from row to row."""
EDGE = 1.4
"""Likewise, around all rows."""


def sheet(size: Canvas, unit: int) -> Frame:
    """The sheet, no larger than a window of 320x240 or larger.

    Args:
        size: width and height of the window in pixels.
        unit: height of its ordinary text in pixels.

    Returns:
        (H, W, 3) uint8.
    """
    keys, words = _widths(100.0)
    across = (keys + words) / 100 + 1.2 + 2 * EDGE
    high = ROWS * PITCH + 2 * EDGE
    letter = min(1.05 * unit, 0.97 * size[0] / across, 0.98 * size[1] / high)
    return remembered(("sheet", letter), lambda: _drawn(letter))


def _drawn(letter: float) -> Frame:
    keys, words = _widths(letter)
    edge = EDGE * letter
    width, height = keys + words + 1.2 * letter + 2 * edge, ROWS * PITCH * letter + 2 * edge
    image = Image.new("RGB", (max(1, round(width)), max(1, round(height))), PANEL)
    right = edge + keys
    for row, (_, meaning) in enumerate((*KEYS, *MOUSE)):
        y = edge + (row + 0.5) * PITCH * letter
        if row < len(KEYS):
            _caps(image, KEYS[row][0], right, y, letter)
        else:
            write(image, (right, y), MOUSE[row - len(KEYS)][0], letter, ACCENT, "right")
        write(image, (right + 1.2 * letter, y), meaning, letter, TEXT)
    return np.array(image)


def _widths(letter: float) -> tuple[float, float]:
    """Widths of the widest keys and of the longest meaning."""
    keys = [_caps_width(names, letter) for names, _ in KEYS]
    mouse = [length(name, letter) for name, _ in MOUSE]
    meanings = [length(meaning, letter) for _, meaning in (*KEYS, *MOUSE)]
    return max(keys + mouse), max(meanings)


def _cap(name: str, letter: float) -> float:
    """Width of a key."""
    inside = 0.7 * letter if name in (LEFT, RIGHT) else length(name, letter)
    return max(1.5 * letter, inside + 0.9 * letter)


def _caps_width(names: tuple[str, ...], letter: float) -> float:
    return sum(_cap(name, letter) for name in names) + 0.5 * letter * (len(names) - 1)


def _caps(
    image: Image.Image, names: tuple[str, ...], right: float, y: float, letter: float
) -> None:
    """Draw keys, the last one up to `right`."""
    x = right - _caps_width(names, letter)
    for name in names:
        width = _cap(name, letter)
        fill(
            image, [rounded(x, y - 0.75 * letter, x + width, y + 0.75 * letter, 0.3 * letter)], LINE
        )
        middle = x + width / 2
        if name in (LEFT, RIGHT):
            fill(image, [_arrow(middle, y, letter, -1 if name == LEFT else 1)], ACCENT)
        else:
            write(image, (middle, y), name, letter, ACCENT, "middle")
        x += width + 0.5 * letter


def _arrow(x: float, y: float, letter: float, way: int) -> Polygon:
    reach = 0.32 * letter
    return np.array(
        [[x + way * reach, y], [x - way * reach, y - reach], [x - way * reach, y + reach]]
    )
