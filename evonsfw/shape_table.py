"""The shapes of a picture as rows of an HTML table, one a shape, in painting order."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from html import escape
from typing import NamedTuple

import numpy as np

from evonsfw.colour import format_colour
from evonsfw.genome import Drawing
from evonsfw.keyframes import fine_canvas, fine_elements
from evonsfw.shapes import Canvas, load_shape, radii
from evonsfw.vector import Element

HEADS = ("No.", "Shape", "Colour", "Opacity", "x", "y", "Radius")
CONTRIBUTION = "Contribution"
LUMA = (0.299, 0.587, 0.114)
"""Weights of red, green and blue by which colours are sorted from dark to light (BT.601)."""
EDGE = 0.08
"""Of a shape's size, left empty around its small picture."""


class _Shape(NamedTuple):
    """One shape.

    Attributes:
        name: of the kind.
        x, y, radius: in pixels of the scored picture.
        box: left, top, width and height on the fine canvas.
    """

    name: str
    x: float
    y: float
    radius: float
    box: tuple[float, float, float, float]


def shape_table(drawing: Drawing, canvas: Canvas, contributions: Sequence[float]) -> str:
    """Head and body of the table; contributions may be empty."""
    heads = (*HEADS, CONTRIBUTION) if contributions else HEADS
    cells = "".join(f'<th scope="col">{head}</th>' for head in heads)
    rows = "".join(_rows(drawing, canvas, contributions))
    return f"<thead><tr>{cells}</tr></thead><tbody>{rows}</tbody>"


def _rows(drawing: Drawing, canvas: Canvas, contributions: Sequence[float]) -> Iterator[str]:
    most = max((abs(value) for value in contributions), default=0.0) or 1.0
    drawn = fine_elements(drawing, canvas)
    mix = len(drawing.shapes) > 1
    for i, shape in enumerate(_shapes(drawing, canvas)):
        colour = format_colour(drawing.colours[i])
        light = float(drawing.colours[i] @ np.array(LUMA))
        cells = [
            f'<th scope="row">{i + 1}</th>',
            f"<td>{_picture(drawn[i], shape.box)}{escape(shape.name) if mix else ''}</td>",
            f'<td data-value="{light:.4f}"><code>{colour}</code></td>',
            f"<td>{drawing.alphas[i]:.2f}</td>",
            *(f"<td>{value:.0f}</td>" for value in (shape.x, shape.y)),
            f"<td>{shape.radius:.1f}</td>",
        ]
        if contributions:
            cells.append(_contribution(contributions[i], most))
        yield f"<tr>{''.join(cells)}</tr>"


def _shapes(drawing: Drawing, canvas: Canvas) -> list[_Shape]:
    found: list[_Shape | None] = [None] * len(drawing.alphas)
    for name, rows in drawing.rows_by_shape():
        shape, genes = load_shape(name), drawing.geometry[rows]
        genes = np.ascontiguousarray(genes[:, : len(shape.GENES)])
        sizes = radii(genes, canvas, shape.MIN_RADIUS, shape.MAX_RADIUS)
        corners = shape.outline(genes, fine_canvas(canvas))
        boxes = np.concatenate([corners.min(axis=1), np.ptp(corners, axis=1)], axis=1)
        for i, gene, size, box in zip(range(len(found))[rows], genes, sizes, boxes, strict=True):
            left, top, width, height = (float(value) for value in box)
            x, y = float(gene[0]) * canvas[0], float(gene[1]) * canvas[1]
            found[i] = _Shape(name, x, y, float(size), (left, top, width, height))
    return [shape for shape in found if shape is not None]


def _picture(element: Element, box: tuple[float, float, float, float]) -> str:
    """The shape alone, as large as a line is high; opaque, to show its colour on any ground."""
    left, top, width, height = box
    edge = EDGE * max(width, height) + 0.1
    sides = (left - edge, top - edge, width + 2 * edge, height + 2 * edge)
    view = " ".join(f"{side:.1f}" for side in sides)
    opaque = element.with_opacity("1").to_text()
    return f'<svg class="swatch" viewBox="{view}" aria-hidden="true">{opaque}</svg>'


def _contribution(value: float, most: float) -> str:
    share = 100 * value / most
    kind = "raises" if value < 0 else "lowers"
    bar = f'<rect class="{kind}" x="{min(share, 0.0):.1f}" width="{abs(share):.1f}" height="1"/>'
    text = f"{value:+.4f}".replace("-", "\N{MINUS SIGN}")
    return (
        f'<td data-value="{value:.9g}"><svg class="bar" viewBox="-100 0 200 1" '
        f'preserveAspectRatio="none" aria-hidden="true">{bar}</svg>{text}</td>'
    )
