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
        attributes: of its geometry, in pixels, then `fill` and `fill-opacity`.
    """

    tag: str
    attributes: dict[str, str]

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
            tag, geometry = shape.svg(drawing.geometry[i], canvas)
            paint = {
                "fill": format_colour(drawing.colours[i]),
                "fill-opacity": f"{drawing.alphas[i]:.4f}",
            }
            found[i] = Element(tag, {**geometry, **paint})
    return [element for element in found if element is not None]
