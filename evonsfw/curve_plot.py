"""Lines in the unit square and bars over scores, as SVG elements of a page that styles them."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from html import escape

import numpy as np
import numpy.typing as npt

from evonsfw.ticks import Axis

SIDE = 400
"""An element is this many units wide and high, its text 12."""
LEFT, TOP, RIGHT, BOTTOM = 48, 12, 390, 354
"""Of the box that is drawn in."""
BINS = 40
"""Bars from a score of 0 to one of 1."""
SHARES = (0.0, 0.01, 0.05, 0.1, 0.25, 0.5, 1.0)
"""Shares that are written beside bars."""
_ACROSS, _UP = Axis(0.0, 1.0, LEFT, RIGHT), Axis(0.0, 1.0, BOTTOM, TOP)

Floats = npt.NDArray[np.float64]


def curve(
    points: Floats, mark: tuple[float, float], words: str, names: tuple[str, str], chance: Floats
) -> str:
    """A curve with a movable dot on it.

    Args:
        points: (P, 2) float64 across and up, 0 to 1.
        mark: where the dot is; not drawn where it is not a number.
        words: what is to be seen, for those who cannot.
        names: of the axes, across and up.
        chance: (Q, 2) float64 the line that blind guessing gives.
    """
    ticks = [(share, f"{share:g}") for share in (0.0, 0.2, 0.4, 0.6, 0.8, 1.0)]
    x, y = mark if not math.isnan(sum(mark)) else (-1.0, -1.0)
    dot = f'<circle class="dot" r="5.5" cx="{_ACROSS.place(x):.1f}" cy="{_UP.place(y):.1f}"/>'
    hidden = dot if x >= 0 else dot.replace("/>", ' visibility="hidden"/>')
    lines = f'<path class="chance" d="{_path(chance)}"/><path class="curve" d="{_path(points)}"/>'
    return _box(words, names, ticks, ticks, lines + hidden)


def stepped(points: Floats) -> Floats:
    """(P, 2) points to (2P - 1, 2): from each across to the next, and only then up or down."""
    corners = np.stack([points[1:, 0], points[:-1, 1]], axis=1)
    result = np.empty((2 * len(points) - 1, 2))
    result[::2], result[1::2] = points, corners
    return result


def bars(scores: Floats, positive: npt.NDArray[np.bool_], threshold: float, words: str) -> str:
    """How the scores of both kinds lie, each kind's share in a bar; heights go with its square
    root, so that few are seen beside many.

    Args:
        scores: (F,) float64, 0 to 1.
        positive: (F,) bool; there are both kinds.
        threshold: where the movable line is.
        words: what is to be seen, for those who cannot.
    """
    across = [(share, f"{share:g}") for share in (0.0, 0.2, 0.4, 0.6, 0.8, 1.0)]
    up = [(math.sqrt(share), f"{100 * share:g}") for share in SHARES]
    x = f"{_ACROSS.place(threshold):.1f}"
    drawn = "".join(
        f'<path class="{name}" d="{_steps(scores[kind])}"/>'
        for name, kind in (("negatives", ~positive), ("positives", positive))
    )
    line = f'<line class="cut" x1="{x}" x2="{x}" y1="{TOP}" y2="{BOTTOM}"/>'
    return _box(words, ("score", "% of each kind"), across, up, drawn + line)


def _box(
    words: str,
    names: tuple[str, str],
    across: Sequence[tuple[float, str]],
    up: Sequence[tuple[float, str]],
    inside: str,
) -> str:
    """The element: what is drawn, within axes."""
    grid = [f"M{_ACROSS.place(x):.1f} {TOP}V{BOTTOM}" for x, _ in across]
    grid += [f"M{LEFT} {_UP.place(y):.1f}H{RIGHT}" for y, _ in up]
    below = "".join(
        f'<text class="below" x="{_ACROSS.place(x):.1f}" y="{BOTTOM + 17}">{text}</text>'
        for x, text in across
    )
    beside = "".join(
        f'<text class="beside" x="{LEFT - 7}" y="{_UP.place(y):.1f}">{text}</text>'
        for y, text in up
    )
    middle_x, middle_y = (LEFT + RIGHT) / 2, (TOP + BOTTOM) / 2
    axes = (
        f'<text class="below name" x="{middle_x}" y="{SIDE - 8}">{escape(names[0])}</text>'
        f'<text class="below name" transform="translate(11 {middle_y}) rotate(-90)">'
        f"{escape(names[1])}</text>"
    )
    return (
        f'<svg viewBox="0 0 {SIDE} {SIDE}" role="img" aria-label="{escape(words)}">'
        f'<path class="grid" d="{"".join(grid)}"/>{below}{beside}{axes}{inside}</svg>'
    )


def _path(points: Floats) -> str:
    """A line through the points; those that differ by less than a third of a unit are one."""
    return "".join(
        f"{'L' if number else 'M'}{x:.1f} {y:.1f}" for number, (x, y) in enumerate(_places(points))
    )


def _places(points: Floats) -> Iterator[tuple[float, float]]:
    """The points' places in the box, first and last included."""
    before = (-1.0, -1.0)
    for number, (x, y) in enumerate(points.tolist()):
        here = _ACROSS.place(x), _UP.place(y)
        last = number == len(points) - 1
        if last or max(abs(here[0] - before[0]), abs(here[1] - before[1])) >= 1 / 3:
            yield here
            before = here


def _steps(scores: Floats) -> str:
    """The outline of the bars of one kind."""
    counts, edges = np.histogram(np.clip(scores, 0.0, 1.0), BINS, (0.0, 1.0))
    heights = [_UP.place(math.sqrt(share)) for share in (counts / len(scores)).tolist()]
    parts = [f"M{LEFT} {BOTTOM}"]
    for height, right in zip(heights, edges[1:].tolist(), strict=True):
        parts.append(f"V{height:.1f}H{_ACROSS.place(right):.1f}")
    return f"{''.join(parts)}V{BOTTOM}Z"
