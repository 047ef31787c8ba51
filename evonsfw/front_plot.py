"""The plot of a front: two wishes on the axes, a third as colour, pictures where there is room.

Written as SVG by hand: a page that needs nothing else to be seen, each picture in it a link.
"""

from __future__ import annotations

import base64
import io
import itertools
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple
from xml.sax.saxutils import escape, quoteattr

import numpy as np
import numpy.typing as npt
from PIL import Image

from evonsfw.colour import format_colour, from_oklch
from evonsfw.ticks import Axis

WIDTH, HEIGHT = 1120, 840  # of the plot, in pixels
LEFT, TOP, RIGHT, BOTTOM = 90, 40, 150, 80  # margins
THUMBNAIL = 80  # longer side of a picture
DOT = 5  # radius
ROOM = 0.12  # of the axis, beyond the outermost points
TICKS = 9  # at most as many to an axis
BAR = 16  # width of the colour bar
INK, FAINT, PAPER, PLAIN = "#222222", "#c9c5bd", "#fbfaf7", "#2a6f97"
SIDES = ((1, 0, 2), (7, 3), (5, 4, 6))  # in eighths of a turn from the right; up right is empty
DISTANCES = (0.75, 1.1, 1.5, 2.0)  # from a point to its picture's middle, in thumbnails
MOST = 60  # points that room for a picture is looked for
STEPS = 12  # places on the line between the two that are looked at


Place = tuple[float, float]  # in pixels


@dataclass(frozen=True)
class Point:
    """One picture of the front.

    Attributes:
        file: its file's name, beside the plot's.
        values: of each wish.
        picture: (H, W, 3) uint8.
    """

    file: str
    values: tuple[float, ...]
    picture: npt.NDArray[np.uint8]


class _Box(NamedTuple):
    """Where a picture lies, by its middle."""

    x: float
    y: float
    width: float
    height: float

    def meets(self, x: float, y: float, width: float, height: float) -> bool:
        """Whether it overlaps with something of that middle and size."""
        across = 2 * abs(self.x - x) < self.width + width
        return across and 2 * abs(self.y - y) < self.height + height

    def crosses(self, line: Sequence[Place]) -> bool:
        """Whether a place lies in it."""
        return any(self.meets(x, y, 0.0, 0.0) for x, y in line)

    def within(self) -> bool:
        """Whether all of it lies within the axes."""
        x, y = self.width / 2, self.height / 2
        across = self.x - x >= LEFT and self.x + x <= WIDTH - RIGHT
        return across and self.y - y >= TOP and self.y + y <= HEIGHT - BOTTOM


def plot(wishes: Sequence[str], points: Sequence[Point], others: Sequence[Sequence[float]]) -> str:
    """The plot as an SVG document.

    Args:
        wishes: names of at least two; the first two are the axes, a third is the colour.
        points: the front, at least one.
        others: values of pictures that are not in it, shown as faint dots.
    """
    every = np.array([*(point.values for point in points), *others], float)
    across = _axis(every[:, 0], LEFT, WIDTH - RIGHT)
    up = _axis(every[:, 1], HEIGHT - BOTTOM, TOP)
    bar = _axis(every[: len(points), 2], HEIGHT - BOTTOM, TOP, 0.0) if len(wishes) > 2 else None
    dots = [(across.place(p.values[0]), up.place(p.values[1])) for p in points]
    colours = [PLAIN if bar is None else _colour(bar, p.values[2]) for p in points]
    faint = [_dot(across.place(x), up.place(y), FAINT, DOT - 2) for x, y, *_ in others]
    parts = [
        *_frame(across, up, wishes),
        *([] if bar is None else _bar(bar, wishes[2])),
        *faint,
        *_pictures(points, dots, colours),
        *(
            _link(wishes, p, _dot(*d, c, DOT))
            for p, d, c in zip(points, dots, colours, strict=True)
        ),
    ]
    return "\n".join([_HEAD, *parts, "</svg>\n"])


_HEAD = (
    f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{HEIGHT}" '
    f'viewBox="0 0 {WIDTH} {HEIGHT}" font-family="sans-serif" font-size="15" fill="{INK}">\n'
    f'<rect width="{WIDTH}" height="{HEIGHT}" fill="{PAPER}"/>'
)


def _axis(values: npt.NDArray[np.float64], start: float, stop: float, room: float = ROOM) -> Axis:
    """An axis with room at its ends, for values that may all be the same."""
    low, high = float(values.min()), float(values.max())
    length = high - low
    if length <= 1e-9 * max(1.0, abs(low)):
        low, high, length = low - 0.5, high + 0.5, 1.0
    return Axis(low - room * length, high + room * length, start, stop)


def _frame(across: Axis, up: Axis, wishes: Sequence[str]) -> Iterator[str]:
    """Grid lines, numbers and names of the two axes."""
    for x, text in across.ticks(TICKS):
        yield _line(x, TOP, x, HEIGHT - BOTTOM)
        yield _text(x, HEIGHT - BOTTOM + 22, text, "middle")
    for y, text in up.ticks(TICKS):
        yield _line(LEFT, y, WIDTH - RIGHT, y)
        yield _text(LEFT - 10, y + 5, text, "end")
    yield _text((LEFT + WIDTH - RIGHT) / 2, HEIGHT - 24, f"{wishes[0]} →", "middle")
    middle = (TOP + HEIGHT - BOTTOM) / 2
    turned = f'transform="rotate(-90 24 {middle:.1f})"'
    yield _text(24, middle, f"{wishes[1]} →", "middle", turned)


def _bar(bar: Axis, wish: str) -> Iterator[str]:
    """The colour bar, its numbers and its name."""
    x, steps = WIDTH - RIGHT + 36, 64
    height = (bar.start - bar.stop) / steps
    for step in range(steps):
        value = bar.low + (step + 0.5) / steps * (bar.high - bar.low)
        y = bar.place(value) - height / 2
        yield (
            f'<rect x="{x}" y="{y:.1f}" width="{BAR}" height="{height + 0.5:.1f}" '
            f'fill="{_colour(bar, value)}"/>'
        )
    for y, text in bar.ticks(TICKS):
        yield _text(x + BAR + 6, y + 5, text, "start")
    middle = (TOP + HEIGHT - BOTTOM) / 2
    turned = f'transform="rotate(-90 {WIDTH - 18} {middle:.1f})"'
    yield _text(WIDTH - 18, middle, f"{wish} →", "middle", turned)


def _colour(bar: Axis, value: float) -> str:
    """From dark blue, the lowest, to yellow."""
    share = (value - bar.low) / (bar.high - bar.low)
    return format_colour(from_oklch([0.35 + 0.52 * share], [0.14], [0.78 - 0.5 * share])[0])


def _pictures(
    points: Sequence[Point], dots: Sequence[Place], colours: Sequence[str]
) -> Iterator[str]:
    """Pictures beside their points, each with a line to it, as many as there is room for."""
    boxes: list[_Box] = []
    taken = list(dots)
    for number in itertools.islice(_spread(dots), MOST):
        point, (x, y) = points[number], dots[number]
        height, width, _ = point.picture.shape
        scale = THUMBNAIL / max(width, height)
        box = _free((x, y), (width * scale, height * scale), boxes, taken)
        if box is None:
            continue
        boxes.append(box)
        taken += _between((x, y), box)
        left, top = box.x - box.width / 2, box.y - box.height / 2
        place = f'x="{left:.1f}" y="{top:.1f}" width="{box.width:.1f}" height="{box.height:.1f}"'
        yield _line(x, y, box.x, box.y, colours[number])
        yield (
            f"<a href={quoteattr(point.file)}><image {place} href={quoteattr(_embedded(point))}/>"
            f'<rect {place} fill="none" stroke="{colours[number]}" stroke-width="2"/></a>'
        )


def _spread(dots: Sequence[Place]) -> Iterator[int]:
    """Every point's number, each time the one that lies farthest from those before."""
    places = np.array(dots)
    distance = np.full(len(places), np.inf)
    for _ in dots:
        number = int(np.argmax(distance))
        yield number
        distance = np.minimum(distance, np.hypot(*(places - places[number]).T))
        distance[number] = -1.0


def _free(
    dot: Place, size: tuple[float, float], boxes: Sequence[_Box], taken: Sequence[Place]
) -> _Box | None:
    """Room for a picture near its point: it covers no other, no line and no point, and neither
    does its line.
    """
    for side in SIDES:
        for distance, direction in itertools.product(DISTANCES, side):
            angle, reach = direction * math.pi / 4, distance * THUMBNAIL
            x, y = dot[0] + reach * math.cos(angle), dot[1] - reach * math.sin(angle)
            box = _Box(x, y, *size)
            if not box.within() or any(box.meets(*place, 2 * DOT, 2 * DOT) for place in taken):
                continue
            line = _between(dot, box)
            if not any(other.meets(*box) or other.crosses(line) for other in boxes):
                return box
    return None


def _between(dot: Place, box: _Box) -> list[Place]:
    """Places on the line from a point to its picture, those in the picture left out."""
    x, y = dot
    shares = [step / STEPS for step in range(1, STEPS)]
    line = [(x + share * (box.x - x), y + share * (box.y - y)) for share in shares]
    return [place for place in line if not box.crosses([place])]


def _embedded(point: Point) -> str:
    """A small copy of the picture as a data URI."""
    image = Image.fromarray(point.picture)
    image.thumbnail((2 * THUMBNAIL, 2 * THUMBNAIL), Image.Resampling.LANCZOS)
    file = io.BytesIO()
    image.save(file, "PNG")
    return "data:image/png;base64," + base64.b64encode(file.getvalue()).decode("ascii")


def _link(wishes: Sequence[str], point: Point, drawn: str) -> str:
    """What is drawn as a link to the picture; its values show beneath the pointer."""
    pairs = zip(wishes, point.values, strict=True)
    said = ", ".join([point.file, *(f"{wish}: {value:.4g}" for wish, value in pairs)])
    return f"<a href={quoteattr(point.file)}><title>{escape(said)}</title>{drawn}</a>"


def _dot(x: float, y: float, colour: str, radius: float) -> str:
    return f'<circle cx="{x:.1f}" cy="{y:.1f}" r="{radius}" fill="{colour}"/>'


def _line(x1: float, y1: float, x2: float, y2: float, colour: str = "#e6e2da") -> str:
    return (
        f'<line x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}" '
        f'stroke="{colour}" stroke-width="1"/>'
    )


def _text(x: float, y: float, text: str, anchor: str, more: str = "") -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" {more}>{escape(text)}</text>'
