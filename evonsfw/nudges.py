"""The opacities that an SVG has other than its genome's: by a few thousandths, and it says which.

As text, a letter for each shape in painting order: m for its own opacity, n for a thousandth more,
o for two, l for one less.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt

from evonsfw.vector import Element, short_number

KEYWORD = "evonsfw:opacities"
"""Of the text in the file's metadata."""
MOST = 5
"""Thousandths that an opacity may be moved by."""
FULL = 1000
"""Thousandths of an opaque shape."""
NONE = ord("m")
Nudges = npt.NDArray[np.int64]


def without(texts: Mapping[str, str]) -> dict[str, str]:
    """A file's texts for another file, whose opacities are its own matter."""
    return {keyword: text for keyword, text in texts.items() if keyword != KEYWORD}


def limits(shapes: Sequence[Element]) -> tuple[Nudges, Nudges]:
    """How far opacities may be moved.

    Args:
        shapes: N, as `vector.short_elements` gives them.

    Returns:
        (N,) the least, at most 0, and (N,) the most, at least 0, in thousandths: none becomes more
        than opaque, none disappears, and none that is not to be seen appears.
    """
    opacities = np.array([_thousandths(shape) for shape in shapes], np.int64)
    seen = opacities > 0
    least = np.where(seen, np.maximum(-MOST, 1 - opacities), 0)
    most = np.where(seen, np.minimum(MOST, FULL - opacities), 0)
    return least, most


def nudged(shapes: Sequence[Element], nudges: Nudges) -> list[Element]:
    """N shapes, as `limits` takes them, with (N,) thousandths more opacity, or less."""
    return [
        _with(shape, _thousandths(shape) + int(nudge)) if nudge else shape
        for shape, nudge in zip(shapes, nudges, strict=True)
    ]


def to_text(nudges: Nudges) -> str:
    """(N,) thousandths, of at most `MOST`, as text."""
    return "".join(chr(NONE + int(nudge)) for nudge in nudges)


def from_text(text: str, shapes: Sequence[Element]) -> Nudges:
    """Read what `to_text` wrote, of these shapes.

    Raises:
        ValueError: it is none such, or moves an opacity beyond its `limits`.
    """
    nudges = np.array([ord(letter) - NONE for letter in text], np.int64)
    least, most = limits(shapes)
    if len(nudges) != len(shapes) or np.any((nudges < least) | (nudges > most)):
        raise ValueError(
            f"{KEYWORD} = {text[:40]!a}: expected {len(shapes)} letters, one a shape, from "
            f"{to_text(np.array([-MOST]))} to {to_text(np.array([MOST]))}, as far as its opacity "
            f"has room"
        )
    return nudges


def _thousandths(shape: Element) -> int:
    return round(float(shape.attributes[_name(shape)]) * FULL)


def _with(shape: Element, thousandths: int) -> Element:
    opacity = short_number(thousandths / FULL, 3)
    return Element(shape.tag, {**shape.attributes, _name(shape): opacity})


def _name(shape: Element) -> str:
    """The attribute with the opacity: of a filled shape its own, of a stroke its colour's."""
    return "opacity" if shape.paint == "fill" else "stroke-opacity"
