"""SVG: one element a shape, real `<circle>` and `<polygon>`, its provenance in `<metadata>`."""

from __future__ import annotations

from pathlib import Path
from xml.sax.saxutils import escape, quoteattr

from evonsfw.colour import format_colour
from evonsfw.exporters import Artwork
from evonsfw.shapes import Canvas, load_shape
from evonsfw.whole_file import whole_file

SUFFIX = ".svg"


def write(path: Path, artwork: Artwork, canvas: Canvas) -> None:
    """Write the shapes in painting order; coordinates to a thousandth of a pixel."""
    with whole_file(path) as draft:
        draft.write_text(to_svg(artwork, canvas), encoding="utf-8")


def to_svg(artwork: Artwork, canvas: Canvas) -> str:
    """The SVG document as text."""
    width, height = canvas
    drawing = artwork.encoding.decode(artwork.genome)
    elements = [""] * len(drawing.alphas)
    for name, rows in drawing.rows_by_shape():
        shape = load_shape(name)
        for i in range(len(elements))[rows]:
            tag, attributes = shape.svg(drawing.geometry[i], canvas)
            paint = {
                "fill": format_colour(drawing.colours[i]),
                "fill-opacity": f"{drawing.alphas[i]:.4f}",
            }
            words = " ".join(f"{k}={quoteattr(v)}" for k, v in {**attributes, **paint}.items())
            elements[i] = f"<{tag} {words}/>"
    metadata = "".join(
        f"<text-chunk keyword={quoteattr(keyword)}>{escape(text)}</text-chunk>"
        for keyword, text in artwork.metadata.items()
    )
    background = format_colour(drawing.background)
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" '
            f'viewBox="0 0 {width} {height}">',
            f"<title>{escape(artwork.metadata.get('Title', 'evonsfw'))}</title>",
            f"<metadata>{metadata}</metadata>",
            f'<rect width="{width}" height="{height}" fill="{background}"/>',
            *elements,
            "</svg>\n",
        ]
    )
