"""`evonsfw score`: what a classifier says of picture files."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path

from evonsfw.classifier import Classifier, describe
from evonsfw.pictures import open_picture

SHOWN = 5
"""Classes that are printed of a classifier that has many; JSON has them all."""


def score_files(
    paths: Sequence[Path], classifier: str, as_json: bool, say: Callable[[str], None]
) -> list[str]:
    """Score files one by one, by the reference pipeline.

    Args:
        paths: picture files.
        classifier: a known name, a .yaml or an .onnx.
        as_json: one JSON object a line, instead of text.
        say: prints one line.

    Returns:
        one line for each file that could not be scored.

    Raises:
        ValueError: the classifier cannot be opened.
    """
    model = Classifier(describe(classifier))
    failures = []
    for path in paths:
        try:
            probabilities = model.score_image(open_picture(path, "picture"))
        except ValueError as error:
            failures.append(str(error))
            continue
        scores = {
            name: round(float(p), 6)
            for name, p in zip(model.spec.classes, probabilities, strict=True)
        }
        if as_json:
            say(json.dumps({"file": str(path), "scores": scores}))
        else:
            top = sorted(scores.items(), key=lambda item: -item[1])[:SHOWN]
            say(f"{path}: " + "  ".join(f"{name} {p:.6f}" for name, p in top))
    return failures
