"""What frames are painted with: colours, letters, smooth polygons. No pygame, no clock, no disk."""

from __future__ import annotations

import functools
import math
import unicodedata
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw, ImageFont

from evonsfw.raster import paint_polygons

Colour = tuple[int, int, int]
Font = ImageFont.FreeTypeFont | ImageFont.ImageFont
Polygon = npt.NDArray[np.float64]
"""(V, 2) corners in pixels."""

GROUND: Colour = (18, 19, 23)
PANEL: Colour = (27, 29, 35)
LINE: Colour = (52, 55, 64)
TEXT: Colour = (236, 234, 228)
MUTED: Colour = (150, 152, 160)
ACCENT: Colour = (242, 180, 84)
SECOND: Colour = (118, 150, 190)
"""The mean's curve, and shapes that lower the score."""
HEART: Colour = (226, 92, 108)
SMALLEST = 8
"""Pixels: letters are no smaller, whatever the window."""
FINER = 4
"""How much larger letters are drawn than they are seen."""
SIDES = {"left": 0.0, "middle": 0.5, "right": 1.0}
SPELLINGS = str.maketrans(
    {"−": "-", "–": "-", "—": "-", "×": "x", "→": ">", "←": "<", "“": '"', "”": '"', "’": "'"}
)
"""What the letters at hand lack, and what stands for it."""
DRAWN = "…·≈"
"""Beyond ASCII, what they have, or can be put together from."""
WAVE, WAVES = "~", "≈"
BETWEEN = 0.24
"""From the lower wave of ≈ up to the other, as a share of the size."""


@functools.lru_cache(maxsize=64)
def _font(size: int) -> Font:
    return ImageFont.load_default(size)


def _size(size: float) -> int:
    """Pixels that letters are drawn with."""
    return max(SMALLEST, round(size))


@functools.lru_cache(maxsize=1024)
def _letters(text: str, size: int) -> Image.Image:
    """A line's coverage, drawn larger and reduced: spaces between letters are not rounded to whole
    pixels. Its middle is that of a capital letter.
    """
    large = _font(FINER * size)
    plain = text.replace(WAVES, WAVE)
    width = math.ceil(large.getlength(plain) / FINER) + size
    mask = Image.new("L", (FINER * width, FINER * 2 * size))
    x, y = FINER * (size // 2), FINER * size + _capital(size) // 2
    draw = functools.partial(ImageDraw.Draw(mask).text, font=large, fill=255, anchor="ls")
    draw((x, y), plain)
    for place in (place for place, letter in enumerate(text) if letter == WAVES):
        draw((x + large.getlength(plain[:place]), y - BETWEEN * FINER * size), WAVE)
    return mask.reduce(FINER)


@functools.cache
def _capital(size: int) -> int:
    """Height of a capital letter before it is reduced."""
    _, top, _, bottom = _font(FINER * size).getbbox("H", anchor="ls")
    return round(bottom - top)


@functools.lru_cache(maxsize=4096)
def _length(text: str, size: int) -> float:
    return _font(FINER * size).getlength(text.replace(WAVES, WAVE)) / FINER


def spelled(text: str) -> str:
    """A text in letters that can be drawn: accents are left off, what is unknown becomes "?"."""
    if text.isascii():
        return text
    parts = unicodedata.normalize("NFKD", text.translate(SPELLINGS).replace("…", "\0"))
    kept = (c for c in parts if not unicodedata.combining(c))
    return "".join(c if c.isascii() or c in DRAWN else "?" for c in kept).replace("\0", "…")


def length(text: str, size: float) -> float:
    """Width of a spelled text in pixels."""
    return _length(text, _size(size))


def fitted(text: str, size: float, width: float) -> str:
    """A text in letters that can be drawn, cut to a width in pixels where it is longer."""
    text = " ".join(spelled(text).split())
    if length(text, size) <= width:
        return text
    low, high = 0, len(text)
    while low < high:
        middle = (low + high + 1) // 2
        if length(text[:middle].rstrip() + "…", size) <= width:
            low = middle
        else:
            high = middle - 1
    return text[:low].rstrip() + "…" if low else ""


def wrapped(text: str, size: float, width: float, most: int) -> list[str]:
    """At most so many lines of at most that width in pixels; the last one is cut if need be."""
    lines: list[str] = []
    words = spelled(text).split()
    while words and len(lines) < most - 1:
        count = 1
        while count < len(words) and length(" ".join(words[: count + 1]), size) <= width:
            count += 1
        lines.append(fitted(" ".join(words[:count]), size, width))
        words = words[count:]
    return [*lines, fitted(" ".join(words), size, width)] if words else lines


def write(
    image: Image.Image,
    place: tuple[float, float],
    text: str,
    size: float,
    colour: Colour,
    side: str = "left",
    width: float = math.inf,
) -> float:
    """Write one line.

    Args:
        image: to write on.
        place: x and y in pixels: y is that of the middle of its capital letters.
        text: any.
        size: height of the letters in pixels, from the deepest to the highest.
        colour: of the letters.
        side: "left", "middle" or "right": which part of the line is at x.
        width: in pixels, that the text is cut to.

    Returns:
        its width in pixels.
    """
    line = fitted(text, size, width)
    wide, letters = length(line, size), _size(size)
    x = place[0] - wide * SIDES[side] - letters // 2
    image.paste(colour, (round(x), round(place[1]) - letters), _letters(line, letters))
    return wide


def fill(
    image: Image.Image, polygons: Sequence[Polygon], colour: Colour, opacity: float = 1.0
) -> None:
    """Paint polygons with smooth edges, all as one: where they meet or overlap is no seam."""
    if not polygons:
        return
    vertices = np.concatenate(polygons)
    left, top = np.maximum(np.floor(vertices.min(axis=0)).astype(int), 0)
    right, bottom = np.minimum(np.ceil(vertices.max(axis=0)).astype(int), image.size)
    if right <= left or bottom <= top:
        return
    count = len(polygons)
    offsets = np.cumsum([0, *map(len, polygons)])
    mask = np.empty((bottom - top, right - left, 3), np.uint8)
    white, black = np.full((count, 3), 255.0, np.float32), np.zeros(3, np.float32)
    alphas = np.ones(count, np.float32)
    paint_polygons(vertices - (left, top), offsets, white, alphas, black, mask)
    covered = np.rint(mask[..., 0] * opacity).astype(np.uint8)
    image.paste(colour, (int(left), int(top)), Image.fromarray(covered))


def stroke(points: Polygon, width: float) -> list[Polygon]:
    """A line through (M, 2) points as polygons: one for each stretch, and a disc at each point."""
    way = np.diff(points, axis=0)
    half = 0.5 * width / np.maximum(np.hypot(*way.T), 1e-9)
    sides = np.stack([-way[:, 1] * half, way[:, 0] * half], axis=1)
    starts, stops = points[:-1], points[1:]
    stretches = np.stack([starts + sides, stops + sides, stops - sides, starts - sides], axis=1)
    return [*stretches, *(points[:, None] + disc(0.0, 0.0, width / 2, 8))]


def disc(x: float, y: float, radius: float, corners: int = 32) -> Polygon:
    """A disc."""
    angle = np.arange(corners) * (2 * math.pi / corners)
    return np.stack([x + radius * np.cos(angle), y + radius * np.sin(angle)], axis=1)


def rounded(left: float, top: float, right: float, bottom: float, radius: float) -> Polygon:
    """A rectangle with round corners."""
    radius = max(0.0, min(radius, (right - left) / 2, (bottom - top) / 2))
    angle = np.linspace(0.0, math.pi / 2, 9)
    x, y = radius * np.cos(angle), radius * np.sin(angle)
    corners = (
        (right - radius + x, bottom - radius + y),
        (left + radius - y, bottom - radius + x),
        (left + radius - x, top + radius - y),
        (right - radius + y, top + radius - x),
    )
    return np.concatenate([np.stack(corner, axis=1) for corner in corners])


def heart(x: float, y: float, size: float) -> Polygon:
    """A heart around (x, y), about `size` pixels wide."""
    turn = np.linspace(0.0, 2 * math.pi, 48, endpoint=False)
    across = 16.0 * np.sin(turn) ** 3
    up = 13 * np.cos(turn) - 5 * np.cos(2 * turn) - 2 * np.cos(3 * turn) - np.cos(4 * turn)
    return np.stack([x + across * size / 32, y - (up + 2.5) * size / 32], axis=1)


def frame(left: float, top: float, right: float, bottom: float, width: float) -> list[Polygon]:
    """The edges of a rectangle, `width` pixels thick, outside of it."""
    edges = (
        (left - width, top - width, right + width, top),
        (left - width, bottom, right + width, bottom + width),
        (left - width, top, left, bottom),
        (right, top, right + width, bottom),
    )
    return [rounded(*edge, 0.0) for edge in edges]
