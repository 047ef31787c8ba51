"""What each shape does to a score, as a plate: a picture to publish."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from PIL import Image

from evonsfw.brush import fill, stroke, write
from evonsfw.genome import Drawing
from evonsfw.insight.shapley import Credits
from evonsfw.model_spec import ModelSpec
from evonsfw.plate import Bar, Panel, Plate, symmetric
from evonsfw.preparation import Pictures
from evonsfw.raster import outlines, render_drawing
from evonsfw.shapes import Canvas
from evonsfw.whole_score import WholeScore

SIDE = 768
"""Pixels of the longer side that panels are painted with: twice what they are shown at."""
LISTED = 10
"""Shapes that are numbered and listed: those that do most, either way."""
FAINT = 0.12
"""Opacity of the outlines of shapes that are not listed; of the others, up to 1."""
BRIGHT = "red raises the score, blue lowers it: the more, the brighter"
RAISES, LOWERS = (255, 128, 104), (112, 176, 255)
"""Colours of outlines: as in the colour bar, but bright."""


def credit_plate(
    name: str,
    drawing: Drawing,
    canvas: Canvas,
    spec: ModelSpec,
    shares: Credits,
    whole: WholeScore,
) -> Plate:
    """The picture, its shapes in the colours of their values, and the outlines of those that count.

    Args:
        name: of the picture.
        drawing: N shapes.
        canvas: width and height in pixels that were scored.
        spec: the classifier.
        shares: what each shape does.
        whole: the score of all shapes, and the class that counts.
    """
    word = spec.classes[whole.index]
    large = _large(canvas)
    bar = symmetric(shares.shapley, f"Shapley value: part of the {word} score", 1.0)
    picture = _rendered(drawing, large)
    n = len(drawing.alphas)
    panels = (
        Panel(f"{name}, {n} shape{'s' * (n != 1)}", picture, note=f"{word} {whole.score:.6f}"),
        Panel("each shape in its value's colour", _stained(drawing, large, shares, bar), bar),
        Panel("the shapes that do most", _outlined(drawing, large, shares, picture), note=BRIGHT),
    )
    how = f"{shares.orders} orders of joining" if shares.orders else "every set of shapes"
    figures = (
        ("classifier", spec.name),
        *whole.figures,
        (f"{word}, background alone", f"{shares.background:.6f}"),
        ("sum of all values", f"{shares.shapley.sum():+.6f}"),
        ("from", how),
        *((f"shape {i + 1}: value (left out)", _value(shares, i)) for i in _order(shares)),
    )
    text = (
        "A shape's value is what it adds to the score when it joins those before it, on average "
        "over all orders of joining; the values add up to the score less that of the background "
        "alone. In brackets: what the score loses if only this shape is left out. Red raises the "
        "score, blue lowers it. A value belongs to a shape among these others, not to its form."
    )
    return Plate(f"Shapes: {word} in {name}", panels, figures, text)


def _order(shares: Credits) -> list[int]:
    """The shapes that do most, first the one that does most."""
    return [int(i) for i in np.argsort(-np.abs(shares.shapley), kind="stable")[:LISTED]]


def _value(shares: Credits, shape: int) -> str:
    error = f" +-{shares.errors[shape]:.4f}" * (shares.orders > 2)
    return f"{shares.shapley[shape]:+.4f}{error} ({shares.left_out[shape]:+.4f})"


def _large(canvas: Canvas) -> Canvas:
    scale = SIDE / max(canvas)
    width, height = (max(1, round(side * scale)) for side in canvas)
    return width, height


def _rendered(drawing: Drawing, canvas: Canvas) -> Pictures:
    picture = np.empty((canvas[1], canvas[0], 3), np.uint8)
    render_drawing(drawing, canvas, picture)
    return picture


def _stained(drawing: Drawing, canvas: Canvas, shares: Credits, bar: Bar) -> Pictures:
    """The picture with colours that mean values; the background's is that of 0."""
    colours = bar.colours(shares.shapley).astype(np.float32) / np.float32(255)
    ground = bar.colours(np.zeros(1)).astype(np.float32)[0] / np.float32(255)
    return _rendered(replace(drawing, colours=colours, background=ground), canvas)


def _outlined(drawing: Drawing, canvas: Canvas, shares: Credits, picture: Pictures) -> Pictures:
    """Outlines over the picture in dark grey; numbers on the shapes that do most."""
    grey = np.asarray(Image.fromarray(picture).convert("L"), np.float64)[..., None]
    ground = np.broadcast_to(np.rint(20 + 0.3 * grey), picture.shape).astype(np.uint8)
    image = Image.fromarray(np.ascontiguousarray(ground))
    vertices, offsets = outlines(drawing, canvas)
    shares_of_most = np.abs(shares.shapley) / max(float(np.abs(shares.shapley).max()), 1e-12)
    listed = _order(shares)
    rest = sorted(set(range(len(shares.shapley))) - set(listed))
    for i in [*rest, *reversed(listed)]:
        corners = vertices[offsets[i] : offsets[i + 1]]
        line = stroke(np.concatenate([corners, corners[:1]]), 4.0 if i in listed else 1.5)
        opacity = 0.2 + 0.8 * float(shares_of_most[i]) ** 0.5 if i in listed else FAINT
        fill(image, line, RAISES if shares.shapley[i] >= 0 else LOWERS, opacity)
    for i in reversed(listed):
        x, y = vertices[offsets[i] : offsets[i + 1]].mean(axis=0)
        place = float(np.clip(x, 20, canvas[0] - 20)), float(np.clip(y, 20, canvas[1] - 20))
        _number(image, i + 1, place)
    return np.asarray(image)


def _number(image: Image.Image, number: int, place: tuple[float, float]) -> None:
    """White on a dark edge, so that it can be read on any colour."""
    for dx in (-2, 0, 2):
        for dy in (-2, 0, 2):
            if dx or dy:
                write(image, (place[0] + dx, place[1] + dy), str(number), 26, (0, 0, 0), "middle")
    write(image, place, str(number), 26, (255, 255, 255), "middle")
