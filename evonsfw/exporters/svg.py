"""SVG: one element a shape (`<circle>`, `<polygon>`, `<line>`, …), its provenance in `<metadata>`.

No SVG that is written here has a document type or a style sheet: a stranger's that has one is
refused, so that no entities are expanded and nothing but the shapes decides what is seen.
"""

from __future__ import annotations

from pathlib import Path
from xml.etree import ElementTree
from xml.sax.saxutils import escape, quoteattr

from evonsfw.colour import format_colour
from evonsfw.exporters import PLAIN, Artwork, Manner
from evonsfw.genome import Drawing
from evonsfw.pictures import read_text
from evonsfw.shapes import Canvas
from evonsfw.vector import elements
from evonsfw.whole_file import whole_file

SUFFIX = ".svg"
TAKES = frozenset({"transparent", "contributions"})
LARGEST = 16_384
NAMESPACE = "http://www.w3.org/2000/svg"
CONTRIBUTION = "data-contribution"
METADATA = "urn:evonsfw:metadata"
"""The namespace of the elements that hold the provenance."""
REFUSED = ("<!DOCTYPE", "<?xml-stylesheet")
_HEAD = {f"{{{NAMESPACE}}}{tag}" for tag in ("title", "desc", "metadata")}


def default_canvas(canvas: Canvas) -> Canvas:
    """The size that was scored."""
    return canvas


def written_canvas(canvas: Canvas, manner: Manner = PLAIN) -> Canvas:
    """The size itself."""
    return canvas


def write(path: Path, artwork: Artwork, canvas: Canvas, manner: Manner = PLAIN) -> None:
    """Write the shapes in painting order; coordinates to a thousandth of a pixel."""
    with whole_file(path) as draft:
        draft.write_text(to_svg(artwork, canvas, manner.transparent), encoding="utf-8")


def to_svg(artwork: Artwork, canvas: Canvas, transparent: bool = False) -> str:
    """The SVG document as text."""
    width, height = canvas
    drawing = artwork.encoding.decode(artwork.genome)
    ground = f'<rect width="{width}" height="{height}" fill="{format_colour(drawing.background)}"/>'
    return "\n".join(
        [
            f'<svg xmlns="{NAMESPACE}" width="{width}" height="{height}" '
            f'viewBox="0 0 {width} {height}">',
            f"<title>{_escaped(artwork.metadata.get('Title', 'evonsfw'))}</title>",
            f"<desc>{_escaped(description(artwork))}</desc>",
            _metadata(artwork.metadata),
            *([] if transparent else [ground]),
            *_shapes(drawing, canvas, artwork.contributions),
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
    texts = _parse(_text_of(path), path).iter(f"{{{METADATA}}}text")
    return {element.get("keyword", ""): element.text or "" for element in texts}


def same(path: Path, artwork: Artwork) -> bool | None:
    """Whether every drawn element is what the artwork gives at the drawing's size.

    Raises:
        ValueError: as `read`, or it does not say its size in pixels.
    """
    root = _parse(_text_of(path), path)
    sides = [root.get(name, "") for name in ("width", "height")]
    if not all(side.isdecimal() and 0 < int(side[:6]) <= LARGEST for side in sides):
        raise ValueError(f"picture {path}: width and height: expected whole pixels, 1 to {LARGEST}")
    canvas = int(sides[0]), int(sides[1])
    wanted = (_parse(to_svg(artwork, canvas, clear), path) for clear in (False, True))
    return _drawn(root) in [_drawn(document) for document in wanted]


def _shapes(drawing: Drawing, canvas: Canvas, contributions: tuple[float, ...]) -> list[str]:
    """Every shape's element, in painting order, and what it contributes where that is known."""
    found = elements(drawing, canvas)
    for element, contribution in zip(found, contributions, strict=False):
        element.attributes[CONTRIBUTION] = f"{contribution:.6f}".rstrip("0").rstrip(".")
    return [element.to_text() for element in found]


def _metadata(texts: dict[str, str]) -> str:
    chunks = (
        f"<e:text keyword={quoteattr(keyword)}>{_escaped(text)}</e:text>"
        for keyword, text in texts.items()
    )
    return f'<metadata xmlns:e="{METADATA}">{"".join(chunks)}</metadata>'


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
    elements = [root]
    for child in root:
        if child.tag not in _HEAD:
            elements += child.iter()
    return [
        (element.tag, {key: value for key, value in element.items() if key != CONTRIBUTION})
        for element in elements
    ]
