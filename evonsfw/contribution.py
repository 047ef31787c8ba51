"""What each shape contributes: the score of the picture without it minus the score with it.

Leave-one-out by brute force: every shape is left out in turn, the picture is rendered anew and
scored by the pipeline that scored it whole, as it is and not through further views.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace

import numpy as np
import numpy.typing as npt

from evonsfw.genome import Encoding, Genome
from evonsfw.pipeline import Pipeline
from evonsfw.raster import render_drawing
from evonsfw.shapes import Canvas

BATCH = 8
"""Pictures that are rendered and scored at a time: a few, so that asking for the end is heard."""


def contributions(
    pipeline: Pipeline,
    genome: Genome,
    encoding: Encoding,
    canvas: Canvas,
    heard: Callable[[int], bool] = lambda _: True,
) -> tuple[float, ...] | None:
    """Leave each shape out, one after the other.

    Args:
        pipeline: scores pictures of the canvas's size.
        genome: (L,) float32 in [0, 1].
        encoding: what its genes mean.
        canvas: width and height in pixels that were scored.
        heard: called with the number of shapes done; false gives up.

    Returns:
        for each of N shapes in painting order, the score without it minus the score with it, as
        people see scores: below 0 where a shape raises the score. None where given up.
    """
    scores: list[float] = []
    for pictures in _batches(genome, encoding, canvas):
        scores += pipeline.evaluate_pictures(pictures).scores.tolist()
        if not heard(len(scores) - 1):
            return None
    return tuple(score - scores[0] for score in scores[1:])


def _batches(genome: Genome, encoding: Encoding, canvas: Canvas) -> Iterator[npt.NDArray[np.uint8]]:
    """(B, H, W, 3) uint8 pictures: the whole one first, then without each shape in turn."""
    drawing = encoding.decode(genome)
    width, height = canvas
    for start in range(0, encoding.n + 1, BATCH):
        left_out = range(start - 1, min(start + BATCH, encoding.n + 1) - 1)
        pictures = np.empty((len(left_out), height, width, 3), np.uint8)
        for picture, row in zip(pictures, left_out, strict=True):
            alphas = drawing.alphas.copy()
            if row >= 0:
                alphas[row] = 0.0  # painting with no opacity leaves every pixel as it is
            render_drawing(replace(drawing, alphas=alphas), canvas, picture)
        yield pictures
