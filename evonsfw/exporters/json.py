"""JSON: the genome in plain named fields, as docs/genome.schema.json describes them.

Every gene is written with as many digits as give back the same float32, so that `read` has the
genome bit for bit. What is edited by hand is read as it stands.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from evonsfw.exporters import PLAIN, Artwork, Manner
from evonsfw.genome import COLOUR_GENES, Encoding, Genome, genome_to_text
from evonsfw.pictures import read_text
from evonsfw.shapes import Canvas, load_shape
from evonsfw.whole_file import whole_file

SUFFIX = ".json"
TAKES = frozenset({"contributions"})
LARGEST = 16_384
FORMAT = 1
"""Version of the fields; a higher one is refused."""
COLOURS = ("red", "green", "blue")
PREFIX = "evonsfw:"
GENOME = PREFIX + "genome"
KINDS = {
    "version": str,
    "score": int | float,
    "scored_size": str,
    "seed": int,
    "generation": int,
    "classifier_sha256": str,
    "genome_sha256": str,
    "settings": dict,
}
"""Texts that are fields of their own, with their type."""
KIND = "evonsfw genome"
"""What tells such a JSON from any other."""
SAID = {
    dict: "an object",
    list: "a list",
    str: "a text",
    int: "a whole number",
    int | float: "a number",
}
Fields = dict[str, Any]


def default_canvas(canvas: Canvas) -> Canvas:
    """The size that was scored; the file holds no pixels."""
    return canvas


def written_canvas(canvas: Canvas, manner: Manner = PLAIN) -> Canvas:
    """The size itself."""
    return canvas


def write(path: Path, artwork: Artwork, canvas: Canvas, manner: Manner = PLAIN) -> None:
    """Write the fields, one shape a line; the size and the manner change nothing."""
    fields = _fields(artwork.metadata)
    fields["background"] = dict(zip(COLOURS, _numbers(artwork.genome[:3]), strict=True))
    shapes = ",\n".join(json.dumps(shape) for shape in _shapes(artwork))
    head = json.dumps(fields, indent=1).removesuffix("\n}")
    with whole_file(path) as draft:
        draft.write_text(f'{head},\n "shapes": [\n{shapes}\n ]\n}}\n', encoding="utf-8")


def read(path: Path) -> dict[str, str]:
    """The texts that a PNG of the same artwork holds; none where the JSON is about other things.

    Raises:
        ValueError: it is missing, no JSON, damaged, or a newer version's.
    """
    with _told(path):
        fields = _load(path)
        return _texts(fields) if fields else {}


def same(path: Path, artwork: Artwork) -> bool | None:
    """Whether its shapes and genes are the artwork's, bit for bit.

    Raises:
        ValueError: as `read`.
    """
    with _told(path):
        fields = _load(path)
        if not fields:
            return False
        names = [_typed(shape, "shape", str) for shape in _rows(fields)]
        expected = [_name(artwork.encoding, i) for i in range(artwork.encoding.n)]
        return names == expected and _genome(fields).tobytes() == artwork.genome.tobytes()


def _fields(metadata: dict[str, str]) -> Fields:
    """The head of the file: each text as the field that gives it back, or among `texts`."""
    fields: Fields = {"kind": KIND, "format": FORMAT}
    texts = {key: text for key, text in metadata.items() if key != GENOME}
    for name, kind in KINDS.items():
        text = texts.get(PREFIX + name)
        value = _value(kind, text) if text is not None else None
        if _is(value, kind) and _text(name, value) == text:
            fields[name] = value
            del texts[PREFIX + name]
    return fields | {"texts": texts}


def _value(kind: Any, text: str) -> Any:
    """A text as the JSON value that a person expects; None where it is none."""
    if kind is str:
        return text
    try:
        return json.loads(text, parse_constant=_refuse)
    except (ValueError, RecursionError):
        return None


def _text(name: str, value: Any) -> str:
    """A field as the text that it was."""
    if isinstance(value, str):
        return value
    return f"{value:.6f}" if name == "score" else json.dumps(value)


def _texts(fields: Fields) -> dict[str, str]:
    """The metadata of a file of this kind."""
    rest: Fields = _typed({"texts": {}} | fields, "texts", dict)
    texts = {key: _typed(rest, key, str) for key in rest}
    for name, kind in KINDS.items():
        if name in fields:
            texts[PREFIX + name] = _text(name, _typed(fields, name, kind))
    return texts | {GENOME: genome_to_text(_genome(fields))}


def _shapes(artwork: Artwork) -> list[Fields]:
    """One object a shape: its genes by name, then what pads its row in a mix, then its colour."""
    encoding = artwork.encoding
    shapes = []
    for i, row in enumerate(encoding.rows(artwork.genome)):
        name = _name(encoding, i)
        genes, values = load_shape(name).GENES, _numbers(row)
        shape: Fields = {"shape": name, **dict(zip(genes, values, strict=False))}
        if padding := values[len(genes) : -COLOUR_GENES]:
            shape["padding"] = padding
        shape |= dict(zip((*COLOURS, "alpha"), values[-COLOUR_GENES:], strict=True))
        if artwork.contributions:
            shape["contribution"] = round(artwork.contributions[i], 6)
        shapes.append(shape)
    return shapes


def _name(encoding: Encoding, row: int) -> str:
    return encoding.shapes[row % len(encoding.shapes)]


def _numbers(genes: Genome) -> list[float]:
    """Floats whose shortest digits are those of the float32."""
    short = [float(str(gene)) for gene in genes]
    return [
        value if np.float32(value) == gene else float(gene)
        for value, gene in zip(short, genes, strict=True)
    ]


def _load(path: Path) -> Fields:
    """The file's fields, of a format that is known; empty where it is of another kind."""
    fields = json.loads(read_text(path, "picture"), parse_constant=_refuse)
    if not isinstance(fields, dict) or fields.get("kind") != KIND:
        return {}
    if _typed(fields, "format", int) > FORMAT:
        version = str(fields.get("version", "unknown"))[:20]
        raise ValueError(f"made by a newer evonsfw ({version}): update evonsfw")
    return fields


def _genome(fields: Fields) -> Genome:
    """(L,) float32, as the shapes name their genes."""
    rows = [_row(shape, number) for number, shape in enumerate(_rows(fields), start=1)]
    if len({len(row) for row in rows}) > 1:
        raise ValueError("shapes of a mix: expected rows of one length, padded by 'padding'")
    ground = [_gene(_typed(fields, "background", dict), name, "background") for name in COLOURS]
    return np.array(ground + [gene for row in rows for gene in row], np.float32)


def _rows(fields: Fields) -> list[Fields]:
    """The shapes, each an object."""
    shapes: list[Any] = _typed(fields, "shapes", list)
    if not all(isinstance(shape, dict) for shape in shapes):
        raise ValueError("shapes: expected objects")
    kinds = _typed({"settings": {}} | fields, "settings", dict).get("shapes")
    for i, shape in enumerate(shapes if isinstance(kinds, list) and kinds else ()):
        if shape.get("shape") != kinds[i % len(kinds)]:
            told = f"shape {i + 1} is of {shape.get('shape')}"
            raise ValueError(f"{told}: the settings have {kinds[i % len(kinds)]} there")
    return shapes


def _row(shape: Fields, number: int) -> list[float]:
    """The genes of one shape in the genome's order."""
    where = f"shape {number}"
    padding = _typed({"padding": []} | shape, "padding", list)
    named = [_gene(shape, name, where) for name in load_shape(_typed(shape, "shape", str)).GENES]
    padded = [_gene({"padding": gene}, "padding", where) for gene in padding]
    return named + padded + [_gene(shape, name, where) for name in (*COLOURS, "alpha")]


def _gene(fields: Fields, name: str, where: str) -> float:
    value: Any = fields.get(name)
    if not _is(value, int | float) or not 0 <= value <= 1:
        raise ValueError(f"{where}: {name} = {str(value)[:40]}: expected a number from 0 to 1")
    return float(value)


def _typed(fields: Fields, name: str, kind: Any) -> Any:
    """A field of a type."""
    value = fields.get(name)
    if not _is(value, kind):
        raise ValueError(f"{name} = {str(value)[:40]}: expected {SAID[kind]}")
    return value


def _is(value: Any, kind: Any) -> bool:
    """Whether a JSON value is of a type; true and false are no numbers."""
    return isinstance(value, kind) and not isinstance(value, bool)


def _refuse(word: str) -> None:
    raise ValueError(f"{word}: expected a number")


@contextmanager
def _told(path: Path) -> Iterator[None]:
    """Every refusal as one line that names the file."""
    try:
        yield
    except RecursionError:
        raise ValueError(f"picture {path}: damaged: nested too deeply") from None
    except json.JSONDecodeError as error:
        raise ValueError(f"picture {path}: damaged, or no JSON: {error}") from None
    except (ValueError, OverflowError) as error:
        told = str(error).removeprefix(f"picture {path}: ")
        raise ValueError(f"picture {path}: {' '.join(told.split())}") from None
