"""PNG: the picture at any size, its genome and provenance in text chunks."""

from __future__ import annotations

from pathlib import Path

from PIL import Image
from PIL.PngImagePlugin import PngInfo

from evonsfw.exporters import Artwork
from evonsfw.raster import render
from evonsfw.shapes import Canvas
from evonsfw.whole_file import whole_file

SUFFIX = ".png"
RUN_LENGTHS = 3
"""zlib's Z_RLE strategy: on flat shapes the smallest file of all, in half of the default's time."""


def write(path: Path, artwork: Artwork, canvas: Canvas) -> None:
    """Render and write; long texts are compressed (zTXt), the others are plain (tEXt, iTXt)."""
    picture = Image.fromarray(render(artwork.genome[None], artwork.encoding, canvas)[0])
    chunks = PngInfo()
    for keyword, text in artwork.metadata.items():
        chunks.add_text(keyword, text, zip=len(text) > 256)
    with whole_file(path) as draft:
        picture.save(draft, format="PNG", pnginfo=chunks, compress_type=RUN_LENGTHS)
