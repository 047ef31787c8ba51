"""A drawing as SVG elements: one for each shape, as the shape itself says, or in fewer letters."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import NamedTuple
from xml.sax.saxutils import quoteattr

from evonsfw.colour import format_colour
from evonsfw.genome import Drawing
from evonsfw.shapes import Canvas, load_shape

FINE = 1500
"""Units that the longer side of a short drawing has at least: 6 a pixel at 256."""
PLACES = frozenset({"cx", "cy", "x", "y", "x1", "y1", "x2", "y2", "points", "d"})
"""Attributes that short elements have in whole units."""
SIZES = frozenset({"r", "rx", "ry", "width", "height", "stroke-width"})
"""Attributes that short elements have to a tenth of a unit: there are shapes a few units thin."""
_NUMBER = r"-?[\d.]+"


class Element(NamedTuple):
    """One SVG element without children.

    Attributes:
        tag: its name.
        attributes: of its geometry, in pixels, then its colour and opacity: `fill` and
            `fill-opacity`, or `stroke` and `stroke-opacity` where the geometry has a width. Short
            ones are in units, and have `opacity` where they are filled.
    """

    tag: str
    attributes: dict[str, str]

    @property
    def paint(self) -> str:
        """The attribute that holds its colour; that of its opacity is this and "-opacity"."""
        return "stroke" if "stroke-width" in self.attributes else "fill"

    def with_opacity(self, opacity: str) -> Element:
        """The same, of another opacity."""
        return Element(self.tag, {**self.attributes, f"{self.paint}-opacity": opacity})

    def to_text(self) -> str:
        """As it is written in a document."""
        words = " ".join(f"{name}={quoteattr(value)}" for name, value in self.attributes.items())
        return f"<{self.tag} {words}/>"


def elements(drawing: Drawing, canvas: Canvas) -> list[Element]:
    """The N shapes in painting order.

    Args:
        drawing: what is painted.
        canvas: width and height in pixels.

    Returns:
        coordinates to a thousandth of a pixel, opacity to a ten-thousandth.
    """
    found: list[Element | None] = [None] * len(drawing.alphas)
    for name, rows in drawing.rows_by_shape():
        shape = load_shape(name)
        for i in range(len(found))[rows]:
            bare = Element(*shape.svg(drawing.geometry[i], canvas))
            colour = {bare.paint: format_colour(drawing.colours[i])}
            coloured = Element(bare.tag, {**bare.attributes, **colour})
            found[i] = coloured.with_opacity(f"{drawing.alphas[i]:.4f}")
    return [element for element in found if element is not None]


def fine_units(canvas: Canvas) -> int:
    """Units in a pixel of a canvas's short drawing: whole, so that its proportions are kept."""
    return -(-FINE // max(canvas))


def unit_of(canvas: Canvas) -> int:
    """Units of a canvas's short drawing that are a `FINE`th of its longer side, rounded down."""
    return max(canvas) * fine_units(canvas) // FINE


def short_elements(drawing: Drawing, canvas: Canvas) -> list[Element]:
    """The N shapes in painting order, in about half the letters, as close to the picture.

    What is filled has the opacity of a whole element, not of its colour: a program that keeps
    colours in bytes rounds less of it. A stroke keeps its colour's: Chromium draws it further from
    the picture otherwise (0.6 of 255 for 0.4).

    Args:
        drawing: what is painted.
        canvas: width and height in pixels.

    Returns:
        places in whole units, `fine_units` a pixel, sizes to a tenth of one, angles to a hundredth
        of a degree, opacity to a thousandth.
    """
    width, height = (side * fine_units(canvas) for side in canvas)
    return [_short(element) for element in elements(drawing, (width, height))]


def digits_of(element: Element) -> Iterator[tuple[str, int]]:
    """The numbers of a short element's places and sizes as they are written, without a point.

    Yields:
        the attribute, one of `PLACES` or `SIZES`, and units of a place, tenths of one of a size.
    """
    for name, value in element.attributes.items():
        if name in PLACES | SIZES:
            for number in re.findall(_NUMBER, _spelled(value)):
                yield name, round(float(number) * 10 ** _digits(name))


def shifted(element: Element, steps: Sequence[int]) -> Element:
    """A short element with those numbers that `digits_of` yields so much larger, or smaller."""
    left = iter(steps)
    shown = {
        name: _shifted(name, value, left) if name in PLACES | SIZES else value
        for name, value in element.attributes.items()
    }
    return Element(element.tag, shown)


def _shifted(name: str, value: str, steps: Iterator[int]) -> str:
    digits = _digits(name)

    def more(number: re.Match[str]) -> str:
        return short_number(float(number[0]) + next(steps) / 10**digits, digits)

    return _joined(name, re.sub(_NUMBER, more, _spelled(value)))


def _short(element: Element) -> Element:
    shown = dict(element.attributes)
    opacity = shown.pop(f"{element.paint}-opacity")
    short = {name: _rounded(name, value) for name, value in shown.items()}
    name = "opacity" if element.paint == "fill" else f"{element.paint}-opacity"
    return Element(element.tag, {**short, name: short_number(float(opacity), 3)})


def _rounded(name: str, value: str) -> str:
    """An attribute with its numbers in as few digits as it takes."""
    if name == "transform":
        angle, rest = value.split(" ", 1)
        return f"{_shortened(angle, 2)} {_shortened(rest, 0)}"
    return _joined(name, _shortened(value, _digits(name)))


def _digits(name: str) -> int:
    """Behind the point."""
    return 1 if name in SIZES else 0


def _joined(name: str, value: str) -> str:
    # SVG 1.1, 9.7.1: between x and y a minus sign is enough, between corners it is not.
    return value.replace(",-", "-") if name == "points" else value


def _spelled(value: str) -> str:
    """Undo `_joined`."""
    return re.sub(r"(?<=\d)-", ",-", value)


def _shortened(value: str, digits: int) -> str:
    return re.sub(r"-?\d+\.\d+", lambda number: short_number(float(number[0]), digits), value)


def short_number(number: float, digits: int) -> str:
    """Rounded to so many digits, without zeros that say nothing: ".5", "-2", "0"."""
    rounded = f"{number:.{digits}f}"
    short = rounded.rstrip("0").rstrip(".") if digits else rounded
    short = re.sub(r"^(-?)0(?=\.)", r"\1", short)
    return "0" if short == "-0" else short
