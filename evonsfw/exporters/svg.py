"""SVG: one element a shape (`<circle>`, `<polygon>`, `<line>`, …), its provenance in `<metadata>`.

No SVG that is written here has a document type or a style sheet: a stranger's that has one is
refused, so that no entities are expanded and nothing but the shapes decides what is seen.
"""

from __future__ import annotations

import math
from itertools import product
from pathlib import Path
from xml.etree import ElementTree
from xml.sax.saxutils import escape, quoteattr

from evonsfw import nudges
from evonsfw.colour import format_colour
from evonsfw.exporters import PLAIN, Artwork, Manner
from evonsfw.genome import Drawing
from evonsfw.pictures import read_text
from evonsfw.shapes import Canvas
from evonsfw.vector import (
    Element,
    elements,
    fine_units,
    short_elements,
    short_number,
    unit_of,
)
from evonsfw.whole_file import whole_file

SUFFIX = ".svg"
TAKES = frozenset({"transparent", "contributions", "sparing"})
LARGEST = 16_384
NAMESPACE = "http://www.w3.org/2000/svg"
CONTRIBUTION = "data-contribution"
"""A shape's attribute with what it contributes; it changes nothing of what is seen."""
METADATA = "urn:evonsfw:metadata"
"""The namespace of the elements that hold the provenance."""
REFUSED = ("<!DOCTYPE", "<?xml-stylesheet")
_HEAD = {f"{{{NAMESPACE}}}{tag}" for tag in ("title", "desc", "metadata")}
_TEXT, _FORMER_TEXT = ("t", "k"), ("text", "keyword")
"""The element of one text of the provenance, and its attribute that holds the keyword."""


def default_canvas(canvas: Canvas) -> Canvas:
    """The size that was scored."""
    return canvas


def written_canvas(canvas: Canvas, manner: Manner = PLAIN) -> Canvas:
    """The size itself."""
    return canvas


def write(path: Path, artwork: Artwork, canvas: Canvas, manner: Manner = PLAIN) -> None:
    """Write the shapes in painting order, as `vector.short_elements` gives them, one a line."""
    with whole_file(path) as draft:
        draft.write_text(to_svg(artwork, canvas, manner.transparent), encoding="utf-8")


def to_svg(artwork: Artwork, canvas: Canvas, transparent: bool = False) -> str:
    """The SVG document as text, with those opacities and places that the metadata say.

    Raises:
        ValueError: they say what none may be.
    """
    frame, *drawn = _sheet(artwork, canvas, transparent)
    root = Element(frame.tag, {"xmlns": NAMESPACE, **frame.attributes}).to_text()
    shapes, told = drawn[-artwork.encoding.n :], _told(artwork.contributions)
    for element, value in zip(shapes, told, strict=False):
        element.attributes[CONTRIBUTION] = value
    # A line breaks within a tag, where a blank would be: so that it costs no letter.
    lines = (element.to_text().replace(" ", "\n", 1) for element in drawn)
    return "".join(
        [
            root.replace("/>", ">\n"),
            f"<title>{_escaped(artwork.metadata.get('Title', 'evonsfw'))}</title>\n",
            f"<desc>{_escaped(description(artwork))}</desc>\n",
            _metadata(artwork.metadata),
            *lines,
            "</svg>\n",
        ]
    )


def description(artwork: Artwork) -> str:
    """What is seen and where it comes from, in words."""
    encoding, texts = artwork.encoding, artwork.metadata
    said = [f"A picture of {encoding.n} semi-transparent {' and '.join(encoding.shapes)}"]
    if "evonsfw:score" in texts:
        said.append(f"scored {texts['evonsfw:score']}")
    if "evonsfw:seed" in texts:
        said.append(f"evolved by evonsfw from seed {texts['evonsfw:seed']}")
    return ", ".join(said) + "."


def read(path: Path) -> dict[str, str]:
    """The texts in the metadata of an SVG.

    Raises:
        ValueError: it is missing, too large, no SVG, or has a document type.
    """
    root = _parse(_text_of(path), path)
    return {
        element.get(name, ""): element.text or ""
        for tag, name in (_TEXT, _FORMER_TEXT)
        for element in root.iter(f"{{{METADATA}}}{tag}")
    }


def same(path: Path, artwork: Artwork) -> bool | None:
    """Whether every drawn element is what the artwork gives at the drawing's size.

    The artwork's metadata are the file's own: they say what was moved, a little.

    Raises:
        ValueError: as `read`, or it does not say its size in pixels, or moves a shape too far.
    """
    root = _parse(_text_of(path), path)
    sides = [root.get(name, "") for name in ("width", "height")]
    if not all(side.isdecimal() and 0 < int(side[:6]) <= LARGEST for side in sides):
        raise ValueError(f"picture {path}: width and height: expected whole pixels, 1 to {LARGEST}")
    canvas = int(sides[0]), int(sides[1])
    drawn = _drawn(root)
    formers = (False, True) if nudges.KEYWORDS.isdisjoint(artwork.metadata) else (False,)
    try:
        sheets = [_sheet(artwork, canvas, *kind) for kind in product((False, True), formers)]
    except ValueError as error:
        raise ValueError(f"picture {path}: {error}") from None
    return any(
        drawn == [(f"{{{NAMESPACE}}}{tag}", attributes) for tag, attributes in sheet]
        for sheet in sheets
    )


def _sheet(
    artwork: Artwork, canvas: Canvas, transparent: bool, former: bool = False
) -> list[Element]:
    """The root, the background where there is one, and the shapes in painting order.

    Files of a former version have coordinates in pixels: what is drawn is the same.
    """
    drawing = artwork.encoding.decode(artwork.genome)
    unit = 1 if former else fine_units(canvas)
    width, height = (str(side * unit) for side in canvas)
    frame = {"width": str(canvas[0]), "height": str(canvas[1]), "viewBox": f"0 0 {width} {height}"}
    colour = format_colour(drawing.background)
    ground = Element("rect", {"width": width, "height": height, "fill": colour})
    return [
        Element("svg", frame),
        *([] if transparent else [ground]),
        *(elements(drawing, canvas) if former else _shapes(artwork, drawing, canvas)),
    ]


def _shapes(artwork: Artwork, drawing: Drawing, canvas: Canvas) -> list[Element]:
    """The shapes, with the opacities and places that the metadata say."""
    shapes = short_elements(drawing, canvas)
    if nudges.KEYWORDS.isdisjoint(artwork.metadata):
        return shapes
    unit = unit_of(canvas)
    return nudges.nudged(shapes, nudges.from_texts(artwork.metadata, shapes, unit), unit)


def _told(contributions: tuple[float, ...]) -> list[str]:
    """What each shape contributes, with as many decimals as the largest takes for three digits."""
    most = max(map(abs, contributions), default=0.0)
    digits = 2 - math.floor(math.log10(most)) if 0.0 < most < math.inf else 0
    return [short_number(value, min(max(0, digits), 6)) for value in contributions]


def _metadata(texts: dict[str, str]) -> str:
    tag, name = _TEXT
    chunks = (
        f"<{tag} {name}={quoteattr(keyword)}>{_escaped(text)}</{tag}>\n"
        for keyword, text in texts.items()
    )
    return f'<metadata><texts xmlns="{METADATA}">\n{"".join(chunks)}</texts></metadata>\n'


def _escaped(text: str) -> str:
    return escape(text, {"\r": "&#13;"})


def _text_of(path: Path) -> str:
    """A stranger's document, without what could declare entities or change what is seen."""
    text = read_text(path, "picture")
    for word in REFUSED:
        if word in text:
            raise ValueError(f"picture {path}: has a {word}…>, as no SVG of evonsfw's has")
    return text


def _parse(text: str, path: Path) -> ElementTree.Element:
    try:
        root = ElementTree.fromstring(text)  # noqa: S314  # `_text_of` lets no entities pass
    except (ElementTree.ParseError, ValueError) as error:
        raise ValueError(f"picture {path}: damaged, or no SVG: {error}") from None
    if root.tag != f"{{{NAMESPACE}}}svg":
        raise ValueError(f"picture {path}: no SVG: it begins with <{root.tag[:40]}>")
    return root


def _drawn(root: ElementTree.Element) -> list[tuple[str, dict[str, str]]]:
    """Everything that can be seen, and the frame around it."""
    found = [root]
    for child in root:
        if child.tag not in _HEAD:
            found += child.iter()
    return [
        (element.tag, {key: value for key, value in element.items() if key != CONTRIBUTION})
        for element in found
    ]
