"""All that comes before inference, as a ratio to one Pillow render of the same picture.

    python -m benchmarks.preparation [--rounds 60]

All: polygons are painted, cropped, sent through the JPEG step and turned into the default
classifier's input. Pillow only paints, `ImageDraw.Draw(image, "RGBA")`, without anti-aliasing.
Twice: the random triangles of `benchmarks.rasterizer`, and the composed pictures that a run
begins with, where ours also decodes the genome and works out the outlines. These once more with a
scoring by the reference before each turn, which is not timed but leaves the caches with nothing of
ours or Pillow's in them, as it is in a run. Ours keeps its memory, as workers do. Beside them the
JPEG step alone, against Pillow's encoder and decoder in memory. In turns; medians over the rounds.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable
from io import BytesIO

import numpy as np
from PIL import Image

from benchmarks.rasterizer import SIDE, Scene, evonsfw, make_scene, pillow
from benchmarks.table import Row, print_table
from evonsfw import jpeg
from evonsfw.composition import compose
from evonsfw.genome import Encoding
from evonsfw.model_spec import DEFAULT, read_spec
from evonsfw.ort_session import cpu_session, network_of
from evonsfw.preparation import Preparation, input_shape
from evonsfw.raster import Renderer, outlines, render

ASKED = 2.0
PILLOW = 'one Pillow Draw(image, "RGBA") render'
Work = Callable[[], object]


def compare(
    what: str,
    against: str,
    asked: float | None,
    ours: Work,
    other: Work,
    n: int,
    before: Work = lambda: None,
) -> Row:
    """Two pieces of work in turns, something else before each that is not timed."""
    ratios, best = [], np.inf
    for _ in range(n):
        times = []
        for work in (other, ours):
            before()
            started = time.perf_counter()
            work()
            times.append(time.perf_counter() - started)
        ratios.append(times[0] / times[1])
        best = min(best, times[1])
    return Row(what, against, statistics.median(ratios), asked, f"{best * 1e3:.3f} ms a picture")


def measure(rounds: int) -> list[Row]:
    """Random triangles, a composed picture, and the JPEG step."""
    spec = read_spec(DEFAULT)
    inputs = np.empty(input_shape(spec), np.float32)
    scene = make_scene()
    paint = evonsfw(scene)
    encoding = Encoding()
    genome = compose(encoding, np.random.default_rng(0), 1)
    drawing = encoding.decode(genome[0])
    corners = outlines(drawing, (SIDE, SIDE))[0].reshape(-1, 3, 2)
    shades = np.column_stack([drawing.colours, drawing.alphas])
    composed = Scene(corners, np.round(shades * 255).astype(np.uint8))
    picture = render(genome, encoding, (SIDE, SIDE))[0][16:240, 16:240].copy()
    renderer, prepare = Renderer(encoding, (SIDE, SIDE)), Preparation(spec)
    network = network_of(cpu_session(spec.path))

    def pillow_jpeg() -> object:
        with BytesIO() as buffer:
            Image.fromarray(picture).save(buffer, format="JPEG")
            return np.asarray(Image.open(buffer))

    steps = "render + JPEG + preparation"
    return [
        compare(
            f"{steps}, random triangles",
            PILLOW,
            ASKED,
            lambda: prepare(np.asarray(paint()), inputs),
            pillow(scene),
            rounds,
        ),
        compare(
            f"decode + {steps}, composed picture",
            PILLOW,
            None,
            lambda: prepare(renderer(genome)[0], inputs),
            pillow(composed),
            rounds,
        ),
        compare(
            f"decode + {steps}, composed picture, after a scoring",
            f"{PILLOW}, likewise",
            None,
            lambda: prepare(renderer(genome)[0], inputs),
            pillow(composed),
            rounds,
            lambda: network(inputs[None]),
        ),
        compare(
            "the JPEG step, composed picture",
            "Pillow, to JPEG and back in memory",
            None,
            lambda: jpeg.round_trip(picture),
            pillow_jpeg,
            rounds,
        ),
    ]


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--rounds", type=int, default=60)
    print_table(measure(parser.parse_args().rounds))


if __name__ == "__main__":
    main()
