"""`evonsfw score`: what a classifier says of picture files, as they are and as views have them."""

from __future__ import annotations

import json
import warnings
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from evonsfw.classifier import Classifier, describe
from evonsfw.margin import margin
from evonsfw.pictures import open_picture
from evonsfw.preparation import Pictures, input_shape, prepare
from evonsfw.provenance import Provenance, parse_provenance
from evonsfw.views import HELD_OUT, SEARCHED, View, apply

SHOWN = 5
"""Classes that are printed of a classifier that has many; JSON has them all."""
DIGITS = 6
"""Decimals of a printed score."""


@dataclass(frozen=True)
class ViewScore:
    """What a classifier says of one view of a picture.

    Attributes:
        view: its name.
        held_out: whether it is one that no search scores by.
        score: probability of the class, 0 to 1; None where the view cannot be had.
        margin: its margin, as `margin.margin`; None likewise.
        missing: why the view cannot be had, else "".
    """

    view: str
    held_out: bool
    score: float | None = None
    margin: float | None = None
    missing: str = ""


def view_table(
    classifier: Classifier,
    picture: Pictures,
    provenance: Provenance | None,
    class_index: int,
    views: Iterable[View] = (*SEARCHED, *HELD_OUT),
) -> list[ViewScore]:
    """Score a picture under each view.

    Args:
        classifier: the one that scores.
        picture: (H, W, 3) uint8 sRGB, any size.
        provenance: what the picture can be rendered from again, where there is that.
        class_index: the class whose score counts, 0…C-1.
        views: the rows, in order.
    """
    inputs = np.empty((1, *input_shape(classifier.spec)), np.float32)
    table = []
    for view in views:
        row = ViewScore(view.name, view in HELD_OUT)
        try:
            seen = _seen(view, picture, provenance)
        except ValueError as error:
            table.append(replace(row, missing=str(error)))
            continue
        prepare(classifier.spec, seen, inputs[0], view.own_jpeg)
        probabilities = classifier.run(inputs)
        score = round(float(probabilities[0, class_index]), DIGITS)
        table.append(replace(row, score=score, margin=float(margin(probabilities, class_index)[0])))
    return table


def _seen(view: View, picture: Pictures, provenance: Provenance | None) -> Pictures:
    """The picture as a view has it; ValueError says why it cannot be had."""
    if view.side is None:
        return view.change(picture)
    if provenance is None:
        raise ValueError("needs the genome")
    config = provenance.config
    return apply(view, config.encoding, config.canvas, provenance.genome)


def lowest(table: Sequence[ViewScore]) -> ViewScore | None:
    """The row of the lowest margin; None where no row has one."""
    scored = [row for row in table if row.margin is not None]
    return min(scored, key=lambda row: row.margin or 0.0, default=None)


def score_files(
    paths: Sequence[Path],
    classifier: str,
    as_json: bool,
    say: Callable[[str], None],
    views: bool = False,
    wanted: str | None = None,
) -> list[str]:
    """Score files one by one, by the reference pipeline.

    Args:
        paths: picture files.
        classifier: a known name, a .yaml or an .onnx.
        as_json: one JSON object a line, instead of text.
        say: prints one line.
        views: say what the classifier sees in each view of a file.
        wanted: the class that views are scored by, a name or an index; None is the classifier's.

    Returns:
        one line for each file that could not be scored.

    Raises:
        ValueError: the classifier cannot be opened or has no such class, or a class was given
            without views.
    """
    if wanted is not None and not views:
        raise ValueError(f"--class {wanted}: every class is printed; it goes with --views")
    model = Classifier(describe(classifier))
    index = model.spec.class_index(wanted)
    failures = []
    for path in paths:
        try:
            image = open_picture(path, "picture")
            scores = _scores(model, image)
            table = _table(model, image, path, index) if views else []
        except ValueError as error:
            failures.append(str(error))
            continue
        if as_json:
            more = _view_json(model.spec.classes[index], table) if views else {}
            say(json.dumps({"file": str(path), "scores": scores, **more}))
        elif views:
            for line in (f"{path}: {model.spec.classes[index]}", *_lines(table)):
                say(line)
        else:
            top = sorted(scores.items(), key=lambda item: -item[1])[:SHOWN]
            say(f"{path}: " + "  ".join(f"{name} {p:.{DIGITS}f}" for name, p in top))
    return failures


def _scores(model: Classifier, image: Image.Image) -> dict[str, float]:
    """Every class's score."""
    probabilities = model.score_image(image)
    return {
        name: round(float(p), DIGITS)
        for name, p in zip(model.spec.classes, probabilities, strict=True)
    }


def _table(model: Classifier, image: Image.Image, path: Path, index: int) -> list[ViewScore]:
    provenance = parse_provenance(image.info, path)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Pillow's about palettes: it converts all the same
        picture = np.array(image.convert("RGB"))
    return view_table(model, picture, provenance, index)


def _lines(table: Sequence[ViewScore]) -> list[str]:
    """One aligned line a view: name, score, margin, and what there is to remark."""
    least = lowest(table)
    width = max(len(row.view) for row in table)
    lines = []
    for row in table:
        score = "-" if row.score is None else f"{row.score:.{DIGITS}f}"
        value = "-" if row.margin is None else f"{row.margin:+.2f}"
        remarks = ["held out"] * row.held_out + ["lowest"] * (row is least) + [row.missing]
        remark = ", ".join(filter(None, remarks))
        lines.append(f"  {row.view:{width}}  {score:>8}  {value:>7}  {remark}".rstrip())
    return lines


def _view_json(name: str, table: Sequence[ViewScore]) -> dict[str, Any]:
    least = lowest(table)
    return {
        "class": name,
        "views": [asdict(row) for row in table],
        "lowest": least and least.view,
    }
