"""Parts of pages that need nothing from elsewhere: templates, safe text, digests, data URIs."""

from __future__ import annotations

import base64
import hashlib
import io
from html import escape
from importlib.resources import files

from PIL import Image


def template(name: str) -> str:
    """The text of one of `templates/`."""
    return files("evonsfw").joinpath("templates", name).read_text(encoding="utf-8")


def safe(text: str) -> str:
    """Any text as HTML; what UTF-8 cannot write (names of files of any bytes) becomes '?'."""
    return escape(text.encode("utf-8", "replace").decode("utf-8"))


def digest(text: str) -> str:
    """As a content security policy names an inline script or style (W3C CSP 3, 2.3.1)."""
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode("ascii")


def thumbnail(image: Image.Image, side: int) -> str:
    """A small JPEG of an RGB picture as a data URI, its longer side in pixels at most `side`."""
    small = image.copy()
    small.thumbnail((side, side), Image.Resampling.LANCZOS)
    file = io.BytesIO()
    small.save(file, "JPEG", quality=82)
    return "data:image/jpeg;base64," + base64.b64encode(file.getvalue()).decode("ascii")
