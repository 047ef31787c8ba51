"""A run's pictures in few numbers: what a page needs to show any of its generations.

Every attribute of every shape is written here as the shape itself gives it, so that whatever shows
the pictures copies attributes and knows nothing of shapes.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from evonsfw.colour import format_colour
from evonsfw.exporters import Step, Story
from evonsfw.genome import Drawing, Encoding, Genome
from evonsfw.shapes import Canvas
from evonsfw.vector import Element, elements

MOST = 300
"""Pictures of a run that a page holds."""
MOST_SHAPES = 40_000
"""Shapes in all of them together: about 2.5 MB."""
FINE = 1000
"""Longer side of the pictures in units; coordinates are written to a tenth of one."""


@dataclass(frozen=True, eq=False)
class Course:
    """The figures of a run, each an (M,) array with one value a generation.

    Attributes:
        numbers: int64 generations, rising.
        evaluations: int64 scorings until then.
        seconds: float64 since the run began.
        best: float64 scores of the best so far.
        mean: float64 mean scores; NaN where not kept.
        changes: (K,) int64 indices of the generations whose best is another than the one before,
            the first one included.
    """

    numbers: npt.NDArray[np.int64]
    evaluations: npt.NDArray[np.int64]
    seconds: npt.NDArray[np.float64]
    best: npt.NDArray[np.float64]
    mean: npt.NDArray[np.float64]
    changes: npt.NDArray[np.int64]


def course(story: Story) -> Course:
    """Read a run once, from its beginning to its end."""
    rows, changes = [], []
    before: Genome | None = None
    for index, step in enumerate(story.steps):
        rows.append((step.number, step.evaluations, step.seconds, step.best_score, step.mean_score))
        if before is None or not np.array_equal(before, step.genome):
            changes.append(index)
        before = step.genome
    numbers, evaluations, seconds, best, mean = zip(*rows, strict=True)
    return Course(
        np.array(numbers, np.int64),
        np.array(evaluations, np.int64),
        np.array(seconds, float),
        np.array(best, float),
        np.array(mean, float),
        np.array(changes, np.int64),
    )


def thinned(count: int, most: int) -> npt.NDArray[np.int64]:
    """At most `most` (two at least) of `count` indices, evenly, the first and the last kept."""
    picks = np.linspace(0, count - 1, min(count, max(2, most)))
    return np.unique(picks.round().astype(np.int64))


def key_steps(run: Course, encoding: Encoding, wanted: int | None) -> list[int]:
    """Indices of the generations whose pictures a page holds: those whose best changed, thinned,
    the first and the last one, and the wanted one.
    """
    changes = run.changes
    most = min(MOST, MOST_SHAPES // encoding.n)
    chosen = set(changes[thinned(len(changes), most)].tolist())
    chosen |= {len(run.numbers) - 1} | ({wanted} if wanted is not None else set())
    return sorted(chosen)


def fine_canvas(canvas: Canvas) -> Canvas:
    """A canvas's proportions, `FINE` units on the longer side."""
    scale = FINE / max(canvas)
    return max(1, round(canvas[0] * scale)), max(1, round(canvas[1] * scale))


def fine_elements(drawing: Drawing, canvas: Canvas) -> list[Element]:
    """The shapes of a drawing on the fine canvas of another, in as few digits as can be seen."""
    return [_short(element) for element in elements(drawing, fine_canvas(canvas))]


def _short(element: Element) -> Element:
    """Angles have a digit more: a tenth of a degree is a whole unit at the end of a long arm."""
    short = {
        name: _NUMBER.sub(_hundredth if name == "transform" else _tenth, value)
        for name, value in element.attributes.items()
    }
    opacity = f"{float(element.attributes[f'{element.paint}-opacity']):.3f}"
    return Element(element.tag, short).with_opacity(opacity.rstrip("0").rstrip("."))


_NUMBER = re.compile(r"-?\d+\.\d+")


def _tenth(number: re.Match[str]) -> str:
    return _trimmed(f"{float(number[0]):.1f}")


def _hundredth(number: re.Match[str]) -> str:
    return _trimmed(f"{float(number[0]):.2f}")


def _trimmed(digits: str) -> str:
    short = digits.rstrip("0").rstrip(".")
    return "0" if short == "-0" else short


def key_frames(steps: Sequence[Step], encoding: Encoding, canvas: Canvas) -> dict[str, Any]:
    """Pictures of a run, to be written as JSON.

    Returns:
        "kinds": lists of an element's name and those of its attributes; "frames": each with its
        "ground" colour and its "shapes": 0 where a shape is as in the frame before, else the
        index of its kind followed by the values of the attributes.
    """
    kinds: dict[tuple[str, ...], int] = {}
    frames: list[dict[str, Any]] = []
    before: list[list[Any]] = []
    for step in steps:
        drawing = encoding.decode(step.genome)
        shapes = [_row(element, kinds) for element in fine_elements(drawing, canvas)]
        frames.append(
            {"ground": format_colour(drawing.background), "shapes": list(_news(shapes, before))}
        )
        before = shapes
    return {"kinds": [list(kind) for kind in kinds], "frames": frames}


def _row(element: Element, kinds: dict[tuple[str, ...], int]) -> list[Any]:
    kind = kinds.setdefault((element.tag, *element.attributes), len(kinds))
    return [kind, *element.attributes.values()]


def _news(shapes: list[list[Any]], before: list[list[Any]]) -> Iterator[Any]:
    for i, shape in enumerate(shapes):
        yield 0 if i < len(before) and before[i] == shape else shape
