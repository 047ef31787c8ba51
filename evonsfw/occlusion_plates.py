"""What sliding windows and left-out shapes found, as plates: pictures to publish."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from evonsfw.coarse import Floats
from evonsfw.insight.disagreement import Disagreement
from evonsfw.insight.occlusion import Occlusion, Sweep
from evonsfw.model_spec import ModelSpec
from evonsfw.plate import Bar, Panel, Plate, over, symmetric
from evonsfw.preparation import Pictures
from evonsfw.whole_score import Figures, WholeScore

SPAN = 0.05
"""Colours reach at least so far, so that a map of hardly any differences looks like one."""
CLASSES = 6
"""Scores of so many classes are shown."""


@dataclass(frozen=True, eq=False)
class Seen:
    """A picture that a classifier was shown in parts.

    Attributes:
        name: of the picture's file.
        pixels: (H, W, 3) uint8.
        spec: the classifier.
        maps: what came of it.
        whole: the score of all of it.
    """

    name: str
    pixels: Pictures
    spec: ModelSpec
    maps: Occlusion
    whole: WholeScore

    @property
    def score(self) -> float:
        """Of the whole picture, by the reference."""
        return self.whole.score

    @property
    def word(self) -> str:
        """The class that counts."""
        return self.spec.classes[self.maps.index]

    @property
    def size(self) -> str:
        """Width by height in pixels."""
        height, width, _ = self.pixels.shape
        return f"{width}x{height}"


def occlusion_plate(seen: Seen, sweep: Sweep) -> Plate:
    """The picture, and both maps laid over it."""
    panels = (
        Panel(f"{seen.name}, {seen.size}", seen.pixels, note=told_score(seen)),
        _laid(seen.pixels, seen.maps.windows, windows_bar([seen]), "windows: crops scored alone"),
        _laid(seen.pixels, seen.maps.occlusion, occlusion_bar([seen]), "occlusion: covered"),
    )
    figures = (
        ("classifier", seen.spec.name),
        *seen.whole.figures,
        *told_sweep(sweep),
        ("places of the window", f"{seen.maps.places:,}"),
        ("scorings", f"{seen.maps.scorings:,}"),
        ("windows, highest", told_peak(seen.maps.windows)),
        ("occlusion, highest", told_peak(seen.maps.occlusion)),
    )
    text = (
        f"Windows: the mean score of all crops that hold a pixel, each scored as a picture of its "
        f"own: light is where {seen.word} is seen without its surroundings. Occlusion: one minus "
        f"the mean score while a pixel is covered: light is what the score of the whole cannot do "
        f"without. Neither says why."
    )
    return Plate(f"Occlusion: {seen.word} in {seen.name}", panels, figures, text)


def compare_plate(
    title: str,
    sides: tuple[Seen, Seen],
    windows: Disagreement,
    falls_apart: Disagreement,
    figures: Figures,
    text: str,
) -> Plate:
    """A row for each of two, with their maps in the same colours, and where these differ.

    Args:
        title: of the plate.
        sides: the two.
        windows: the second one's windows less the first one's.
        falls_apart: the second one's falls less the first one's.
        figures: further names and values.
        text: a sentence on what it means.
    """
    alone = windows_bar(sides)
    falls = symmetric([*map(_fall_ends, sides)], f"fall of {sides[0].word} while covered", 1.0)
    rows = []
    for letter, seen, found, what in (
        ("A", sides[0], windows, "windows"),
        ("B", sides[1], falls_apart, "fall while covered"),
    ):
        bar = symmetric(found.difference, "difference, over A in grey", 1.0)
        under = sides[0].pixels
        rows += [
            Panel(f"{letter}: {seen.name}", seen.pixels, note=told_score(seen)),
            _laid(seen.pixels, seen.maps.windows, alone, f"{letter}: windows"),
            _laid(seen.pixels, seen.maps.fall, falls, f"{letter}: fall while covered"),
            _laid(under, found.difference, bar, f"{what}: B less A"),
        ]
    return Plate(
        title,
        tuple(rows),
        (*_told("windows", windows), *_told("falls", falls_apart), *figures),
        text,
    )


def told_score(seen: Seen) -> str:
    """The class's score, and whose it is."""
    return f"{seen.word} {seen.score:.6f} ({seen.spec.name})"


def told_sweep(sweep: Sweep) -> Figures:
    """How a window slid."""
    fill = f"{sweep.fill}, seed {sweep.seed}" if sweep.fill == "noise" else sweep.fill
    how = ", coarse to fine" * sweep.coarse_to_fine
    return ("window, stride", f"{sweep.window}, {sweep.stride} pixels{how}"), ("fill", fill)


def told_peak(values: Floats) -> str:
    """A map's highest value, and where."""
    y, x = np.unravel_index(values.argmax(), values.shape)
    return f"{values.max():.4f} at {x}, {y}"


def told_correlation(found: Disagreement) -> str:
    """Of two maps; there is none where one of them is the same everywhere."""
    return "none, one is flat" if np.isnan(found.correlation) else f"{found.correlation:+.4f}"


def told_classes(sides: tuple[Seen, Seen]) -> Figures:
    """Scores of the classes that either of two gives most, side by side.

    Where both are of the same classes; else each one's highest.
    """
    first, second = sides
    names = first.spec.classes
    if names != second.spec.classes:
        return tuple(
            (f"{letter}: {seen.spec.classes[i]}", f"{seen.whole.probabilities[i]:.6f}")
            for letter, seen in zip("AB", sides, strict=True)
            for i in _highest(seen.whole.probabilities.tolist())[: CLASSES // 2]
        )
    p, q = first.whole.probabilities.tolist(), second.whole.probabilities.tolist()
    shown = _highest([max(pair) for pair in zip(p, q, strict=True)])
    return tuple((f"{names[i]}: A, B", f"{p[i]:.6f}, {q[i]:.6f}") for i in shown)


def windows_bar(sides: Sequence[Seen]) -> Bar:
    """From the lowest value of any to the highest."""
    return _bar([seen.maps.windows for seen in sides], f"mean {sides[0].word} of crops")


def occlusion_bar(sides: Sequence[Seen]) -> Bar:
    """From the lowest value of any to the highest."""
    return _bar([seen.maps.occlusion for seen in sides], f"1 - mean {sides[0].word} while covered")


def _fall_ends(seen: Seen) -> tuple[float, float]:
    return float(seen.maps.fall.min()), float(seen.maps.fall.max())


def _highest(values: Sequence[float]) -> list[int]:
    return sorted(range(len(values)), key=lambda i: -values[i])[:CLASSES]


def _told(what: str, found: Disagreement) -> Figures:
    x, y = found.place
    return (
        (f"{what}, correlation of A and B", told_correlation(found)),
        (f"{what}, furthest apart", f"{found.largest:+.4f} at {x}, {y}"),
    )


def _laid(pixels: Pictures, values: Floats, bar: Bar, title: str) -> Panel:
    return Panel(title, over(pixels, values, bar), bar)


def _bar(maps: Sequence[Floats], label: str) -> Bar:
    low = min(float(values.min()) for values in maps)
    high = max(float(values.max()) for values in maps)
    low = max(0.0, min(low, (low + high - SPAN) / 2))
    return Bar(low, max(high, low + SPAN), "sequential", label)
