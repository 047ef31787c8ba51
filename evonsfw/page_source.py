"""What a page says that evonsfw wrote: its metadata and its picture, taken from a file that may be
anybody's, in one pass and without running any of it.
"""

from __future__ import annotations

import hashlib
import json
import re
from pathlib import Path
from typing import NamedTuple

from evonsfw.shapes import Canvas

METADATA, PICTURE = "evonsfw-metadata", "evonsfw-picture"
"""Ids of the elements that hold them."""
LARGEST = 256_000_000
"""Bytes; a larger file is refused: a page of 5,000 shapes has 12 million."""
_MARK = re.compile(r'<meta name="generator" content="evonsfw')
_BEGIN = re.compile(rf'<script type="application/json" id="{METADATA}">')
_DRAWN = re.compile(rf'<svg id="{PICTURE}" ')
_SIZE = re.compile(rf'<svg id="{PICTURE}" width="([1-9]\d{{0,5}})" height="([1-9]\d{{0,5}})"')
_SEAL = re.compile(r"<!-- evonsfw sha256 ([0-9a-f]{64}) -->\n\Z")
_HTML = re.compile(r"\s*(<!--.*?-->\s*)*<(!doctype\s+html|html)\b", re.IGNORECASE | re.DOTALL)


class Drawn(NamedTuple):
    """The picture of a page.

    Attributes:
        canvas: width and height in pixels that it says it has.
        text: all of it, as it is written in the page.
        whole: whether the page is, byte by byte, as it was written.
    """

    canvas: Canvas
    text: str
    whole: bool


def seal(document: str) -> str:
    """A document with its digest below it, so that a change anywhere in it is noticed."""
    return f"{document}<!-- evonsfw sha256 {_digest(document)} -->\n"


def read_metadata(path: Path) -> dict[str, str]:
    """The metadata of a page, or none where the page is not evonsfw's.

    Raises:
        ValueError: it is no HTML, cut short, damaged or too large.
    """
    text = _read(path)
    if not _MARK.search(text):
        return {}
    begin = _BEGIN.search(text)
    end = text.find("</script>", begin.end()) if begin else -1
    if begin is None or end < 0:
        raise ValueError(f"page {path}: damaged: its metadata is gone; export it again")
    try:
        values = json.loads(text[begin.end() : end])
    except (ValueError, RecursionError):
        values = None
    if not isinstance(values, dict) or not all(isinstance(v, str) for v in values.values()):
        raise ValueError(f"page {path}: damaged: its metadata is unreadable; export it again")
    return values


def read_drawn(path: Path) -> Drawn:
    """The picture of a page that evonsfw wrote.

    Raises:
        ValueError: it is no such page, cut short, damaged or too large.
    """
    text = _read(path)
    begin = _DRAWN.search(text)
    end = text.find("</svg>", begin.end()) if begin else -1
    if begin is None or end < 0:
        raise ValueError(f"page {path}: its picture is gone; export it again")
    size = _SIZE.match(text, begin.start())
    if size is None:
        raise ValueError(f"page {path}: damaged: its picture has no size; export it again")
    found = _SEAL.search(text)
    whole = found is not None and found[1] == _digest(text[: found.start()])
    drawn = text[begin.start() : end + len("</svg>")]
    return Drawn((int(size[1]), int(size[2])), drawn, whole)


def _read(path: Path) -> str:
    """The text of an HTML file; one of evonsfw's has to be there to its end."""
    try:
        with path.open("rb") as file:
            content = file.read(LARGEST + 1)
        text = content.decode("utf-8")
    except OSError as error:
        raise ValueError(f"page {path}: cannot be read: {error.strerror}") from None
    except UnicodeDecodeError:
        raise ValueError(f"page {path}: not an HTML page: no UTF-8 text") from None
    if len(content) > LARGEST:
        raise ValueError(f"page {path}: expected at most {LARGEST:,} bytes")
    if not _HTML.match(text):
        raise ValueError(f"page {path}: not an HTML page: expected one that evonsfw wrote")
    if _MARK.search(text) and not _SEAL.search(text):
        raise ValueError(f"page {path}: cut short: its end is missing; export it again")
    return text


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
