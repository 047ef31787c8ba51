"""What an SVG has other than its genome: a little, and it says what.

Opacities, by a few thousandths; of few shapes also places, by a unit, and sizes, by tenths of one.
As text, a letter for each number in painting order: m for its own, n for one more in its last
digit, o for two, l for one less.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import islice

import numpy as np
import numpy.typing as npt

from evonsfw.vector import PLACES, Element, digits_of, shifted, short_number

OPACITIES, GEOMETRY = "evonsfw:opacities", "evonsfw:geometry"
"""Of texts in the file's metadata: a letter a shape, and a letter each of its places and sizes."""
KEYWORDS = frozenset({OPACITIES, GEOMETRY})
MOST = 5
"""Thousandths that an opacity may be moved by, and tenths of a unit that a size may."""
MOST_PLACE = 1
"""Units that a place may be moved by; of a drawing of many units so many times as many."""
FULL = 1000
"""Thousandths of an opaque shape."""
NONE = ord("m")
Nudges = npt.NDArray[np.int64]
"""(N,) thousandths of N shapes' opacities; or (N + M,), then also of the M numbers of their places
and sizes, as `vector.digits_of` yields them.
"""


def without(texts: Mapping[str, str]) -> dict[str, str]:
    """A file's texts for another file, whose opacities and places are its own matter."""
    return {keyword: text for keyword, text in texts.items() if keyword not in KEYWORDS}


def limits(shapes: Sequence[Element], unit: int = 1) -> tuple[Nudges, Nudges]:
    """How far shapes may be moved.

    Args:
        shapes: N, as `vector.short_elements` gives them.
        unit: by how many of its units or tenths one more moves a place or a size: as
            `vector.unit_of` says of the drawing's canvas.

    Returns:
        (N + M,) the least, at most 0, and (N + M,) the most, at least 0: nothing becomes more than
        opaque, nothing disappears, and nothing that is not to be seen is moved.
    """
    opacities = np.array([_thousandths(shape) for shape in shapes], np.int64)
    seen = opacities > 0
    least = np.where(seen, np.maximum(-MOST, 1 - opacities), 0)
    most = np.where(seen, np.minimum(MOST, FULL - opacities), 0)
    rooms = [
        _room(name, digits // unit) if one else (0, 0)
        for shape, one in zip(shapes, seen, strict=True)
        for name, digits in digits_of(shape)
    ]
    below, above = np.array(rooms, np.int64).reshape(-1, 2).T
    return np.concatenate([least, below]), np.concatenate([most, above])


def nudged(shapes: Sequence[Element], nudges: Nudges, unit: int = 1) -> list[Element]:
    """N shapes with (N,) or (N + M,) nudges; shapes and unit as `limits` takes them."""
    steps = iter((unit * nudges[len(shapes) :]).tolist())
    found = []
    for shape, nudge in zip(shapes, nudges.tolist(), strict=False):
        own = list(islice(steps, sum(1 for _ in digits_of(shape))))
        moved = shifted(shape, own) if any(own) else shape
        found.append(_with(moved, _thousandths(shape) + nudge) if nudge else moved)
    return found


def to_texts(nudges: Nudges, count: int) -> dict[str, str]:
    """(N,) or (N + M,) nudges of N = `count` shapes as texts; none of what is not moved."""
    parts = {OPACITIES: nudges[:count], GEOMETRY: nudges[count:]}
    return {keyword: _letters(part) for keyword, part in parts.items() if part.any()}


def from_texts(texts: Mapping[str, str], shapes: Sequence[Element], unit: int = 1) -> Nudges:
    """Read what `to_texts` wrote, among other texts, of shapes; these and the unit as of `limits`.

    Returns:
        (N + M,) zeros where a text is not there.

    Raises:
        ValueError: one is none such, or moves something beyond its `limits`.
    """
    least, most = limits(shapes, unit)
    parts = zip(
        (OPACITIES, GEOMETRY),
        np.split(least, [len(shapes)]),
        np.split(most, [len(shapes)]),
        strict=True,
    )
    return np.concatenate([_part(texts, *part) for part in parts])


def _part(texts: Mapping[str, str], keyword: str, least: Nudges, most: Nudges) -> Nudges:
    text = texts.get(keyword)
    if text is None:
        return np.zeros_like(least)
    nudges = np.array([ord(letter) - NONE for letter in text], np.int64)
    if len(nudges) != len(least) or np.any((nudges < least) | (nudges > most)):
        raise ValueError(
            f"{keyword} = {text[:40]!a}: expected {len(least)} letters, one a "
            f"{'shape' if keyword == OPACITIES else 'place or size'}, from "
            f"{_letters(np.array([-MOST]))} to {_letters(np.array([MOST]))}, as far as it has room"
        )
    return nudges


def _room(name: str, digits: int) -> tuple[int, int]:
    """The least and the most that a place's or a size's last digit may be moved by."""
    if name in PLACES:
        return -MOST_PLACE, MOST_PLACE
    return (max(-MOST, 1 - digits), MOST) if digits > 0 else (0, 0)


def _letters(nudges: Nudges) -> str:
    return "".join(chr(NONE + int(nudge)) for nudge in nudges)


def _thousandths(shape: Element) -> int:
    return round(float(shape.attributes[_name(shape)]) * FULL)


def _with(shape: Element, thousandths: int) -> Element:
    opacity = short_number(thousandths / FULL, 3)
    return Element(shape.tag, {**shape.attributes, _name(shape): opacity})


def _name(shape: Element) -> str:
    """The attribute with the opacity: of a filled shape its own, of a stroke its colour's."""
    return "opacity" if shape.paint == "fill" else "stroke-opacity"
