"""Pictures strip by strip, for those that are too large to be held; and without a background."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from evonsfw.genome import Encoding, Genome
from evonsfw.raster import SNAP, Floats, Pictures, make_workspace, outlines, paint_polygons
from evonsfw.shapes import Canvas
from evonsfw.tiles import TALL

STRIP_PIXELS = 2**21
"""Pixels of one strip, at most, where that is not less than a row of tiles: some 6 MB."""
TOP = np.float32(255.0)


def render_strips(
    genome: Genome,
    encoding: Encoding,
    canvas: Canvas,
    transparent: bool = False,
    strip_pixels: int = STRIP_PIXELS,
) -> Iterator[Pictures]:
    """The pixels of `raster.render`, every one, from top to bottom.

    Args:
        genome: (L,) float32 in [0, 1].
        encoding: what the genes mean.
        canvas: width and height in pixels.
        transparent: leave the background out. Laid over the background's colour, the picture is
            then within 1.5/255 of the opaque one.
        strip_pixels: how large a strip may be.

    Yields:
        (rows, W, 3) uint8 sRGB, or (rows, W, 4) with straight, not premultiplied, alpha.
    """
    width, height = canvas
    rows = max(TALL, strip_pixels // width // TALL * TALL)
    drawing = encoding.decode(genome)
    vertices, offsets = outlines(drawing, canvas)
    # Corners as the rasterizer rounds them: to move them by whole pixels is exact from there on.
    vertices[:, 1] = np.floor(vertices[:, 1] * SNAP) / SNAP
    colours, ground = drawing.colours * TOP, drawing.background * TOP
    white, black = np.full_like(colours, TOP), np.zeros_like(ground)
    workspace = make_workspace((width, rows))
    for top in range(0, height, rows):
        strip = np.empty((min(rows, height - top), width, 3), np.uint8)
        paint_polygons(vertices, offsets, colours, drawing.alphas, ground, strip, workspace)
        if transparent:
            cover = np.empty_like(strip)
            paint_polygons(vertices, offsets, white, drawing.alphas, black, cover, workspace)
            strip = _without(ground, strip, cover[:, :, :1])
        yield strip
        vertices[:, 1] -= rows


def _without(ground: Floats, opaque: Pictures, alpha: Pictures) -> Pictures:
    """The (H, W, 4) picture that gives the opaque one over its (3,) background.

    Porter & Duff 1984, "over", solved for the colour in front. Worked out from the rounded alpha,
    so that its error and the colour's do not add up.
    """
    below = np.floor(ground + np.float32(0.5))
    colour = opaque.astype(np.float32)
    colour -= below
    colour *= TOP / np.maximum(alpha, np.float32(1.0))
    colour += below
    np.rint(np.clip(colour, 0.0, TOP, out=colour), out=colour)
    colour *= alpha > 0
    return np.concatenate([colour.astype(np.uint8), alpha], axis=-1)
