"""A drawing as SVG elements: one for each shape, as the shape itself says, or in fewer letters."""

from __future__ import annotations

import re
from typing import NamedTuple
from xml.sax.saxutils import quoteattr

from evonsfw.colour import format_colour
from evonsfw.genome import Drawing
from evonsfw.shapes import Canvas, load_shape

FINE = 1500
"""Units that the longer side of a short drawing has at least: 6 a pixel at 256."""
SIZES = frozenset({"r", "rx", "ry", "width", "height", "stroke-width"})
"""Attributes that short elements have to a tenth of a unit: there are shapes a few units thin."""


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
    short = _shortened(value, 1 if name in SIZES else 0)
    # SVG 1.1, 9.7.1: between x and y a minus sign is enough, between corners it is not.
    return short.replace(",-", "-") if name == "points" else short


def _shortened(value: str, digits: int) -> str:
    return re.sub(r"-?\d+\.\d+", lambda number: short_number(float(number[0]), digits), value)


def short_number(number: float, digits: int) -> str:
    """Rounded to so many digits, without zeros that say nothing: ".5", "-2", "0"."""
    rounded = f"{number:.{digits}f}"
    short = rounded.rstrip("0").rstrip(".") if digits else rounded
    short = re.sub(r"^(-?)0(?=\.)", r"\1", short)
    return "0" if short == "-0" else short
