"""A drawing as SVG elements: one for each shape, as the shape itself says."""

from __future__ import annotations

from typing import NamedTuple
from xml.sax.saxutils import quoteattr

from evonsfw.colour import format_colour
from evonsfw.genome import Drawing
from evonsfw.shapes import Canvas, load_shape


class Element(NamedTuple):
    """One SVG element without children.

    Attributes:
        tag: its name.
        attributes: of its geometry, in pixels, then its colour and opacity: `fill` and
            `fill-opacity`, or `stroke` and `stroke-opacity` where the geometry has a width.
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
