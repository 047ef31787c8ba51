"""Likeness to a target picture: the error that is reached, against CPU seconds.

    python -m benchmarks.target [--quick] [--shapes triangles] [--picture FILE ...]

Each row is one genome: grown, then improved until about as many CPU seconds (of this process, all
its threads together) are spent as primitive, the named alternative, needed for that many shapes.
Compilation is not counted. Pictures are brought to 256 pixels on their longer side.
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw
from skimage import data

from evonsfw.genome import Encoding
from evonsfw.portrait import Portrait
from evonsfw.refinement import grow, improve

SIDE, QUICK_SIDE = 256, 96
SECONDS = {50: 11.0, 100: 18.0, 200: 28.0, 1000: 60.0}
"""Shapes, and CPU seconds for them."""
PICTURES = ("astronaut", "coffee", "chelsea", "rocket", "camera")
HEAT = (0.5, 0.0)
TRIED = 50_000_000
"""Pixels visited to find how many a second this machine visits."""
Picture = npt.NDArray[np.uint8]


class Reached(NamedTuple):
    """Errors after growth and at the end, 0…255, and CPU seconds until then."""

    grown: float
    grown_seconds: float
    error: float
    seconds: float


def at_side(picture: Image.Image, side: int) -> Picture:
    """An RGB picture whose longer side is `side` pixels."""
    scale = side / max(picture.size)
    size = round(picture.width * scale), round(picture.height * scale)
    return np.asarray(picture.convert("RGB").resize(size, Image.Resampling.LANCZOS))


def line_art() -> Image.Image:
    """Black lines on white."""
    picture = Image.new("RGB", (512, 512), "white")
    draw = ImageDraw.Draw(picture)
    for k in range(9):
        draw.arc((40 + 20 * k, 60, 470, 440 - 25 * k), 30 * k, 30 * k + 250, "black", 5)
    draw.line([(30, 480), (140, 300), (256, 470), (380, 260), (490, 480)], "black", 7)
    return picture


def drawing() -> Image.Image:
    """Flat colours with sharp edges."""
    picture = Image.new("RGB", (512, 512), "#f2e3c6")
    draw = ImageDraw.Draw(picture)
    draw.rectangle((0, 340, 512, 512), "#3b7a57")
    draw.ellipse((330, 40, 450, 160), "#f4a300")
    draw.polygon([(90, 230), (210, 110), (330, 230)], "#a33b20")
    draw.rectangle((120, 230, 300, 400), "#d9c9a3", "#40302a", 4)
    draw.rectangle((190, 300, 240, 400), "#5a3d2b")
    draw.ellipse((380, 240, 480, 350), "#2f5d34")
    return picture


def pictures(side: int, files: list[Path]) -> dict[str, Picture]:
    """What is drawn after, by name."""
    found: dict[str, Image.Image] = {file.stem: Image.open(file) for file in files}
    found |= {name: Image.fromarray(getattr(data, name)()) for name in PICTURES}
    found |= {"drawing": drawing(), "line art": line_art()}
    return {name: at_side(picture, side) for name, picture in found.items()}


def reach(target: Picture, encoding: Encoding, seconds: float, seed: int) -> Reached:
    """Grow and improve one genome in about so many CPU seconds."""
    start = time.process_time()
    grown = grow(encoding, target, seed=seed)
    grown_seconds = time.process_time() - start
    rate = visits_a_second(grown.genome, encoding, target)
    start = time.process_time()
    budget = max(0, int(rate * (seconds - grown_seconds)))
    better = improve(grown.genome, encoding, target, budget=budget, seed=seed, heat=HEAT)
    spent = grown_seconds + time.process_time() - start
    return Reached(grown.error, grown_seconds, better.error, spent)


def visits_a_second(genome: npt.NDArray[np.float32], encoding: Encoding, target: Picture) -> float:
    """Pixels that a CPU second visits here; what is improved meanwhile is dropped."""
    start = time.process_time()
    improve(genome, encoding, target, budget=TRIED, seed=0, heat=HEAT)
    return TRIED / (time.process_time() - start)


def compile_all(encoding: Encoding) -> None:
    """Have every kernel compiled."""
    target = at_side(drawing(), 32)
    genome = grow(encoding, target, seed=0).genome
    improve(genome, encoding, target, budget=200_000, seed=0, heat=HEAT)


def background_error(target: Picture, encoding: Encoding) -> float:
    """Error of one colour."""
    portrait = Portrait(target, encoding)
    portrait.paint_background()
    return portrait.rmse()


def main() -> None:
    """Print a row for each picture and number of shapes."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="small pictures, few seconds")
    parser.add_argument("--shapes", default="triangles")
    parser.add_argument("--n", type=int, action="append", help="only so many shapes; repeatable")
    parser.add_argument("--seconds", type=float, help="CPU seconds, for every number of shapes")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--picture", type=Path, action="append", default=[], help="one more")
    parser.add_argument("--only", action="append", help="only the picture of that name; repeatable")
    arguments = parser.parse_args()
    counts = arguments.n or ([50] if arguments.quick else list(SECONDS))
    found = pictures(QUICK_SIDE if arguments.quick else SIDE, arguments.picture)
    compile_all(Encoding(shapes=(arguments.shapes,), n=3))
    print("| picture | shapes | one colour | grown | CPU s | improved | CPU s |")
    print("|---|---|---|---|---|---|---|")
    for name, target in found.items():
        for n in counts if not arguments.only or name in arguments.only else ():
            encoding = Encoding(shapes=(arguments.shapes,), n=n)
            usual = 1.0 if arguments.quick else SECONDS.get(n, 60.0)
            reached = reach(target, encoding, arguments.seconds or usual, arguments.seed)
            words = f"{reached.grown:.2f} | {reached.grown_seconds:.1f} | {reached.error:.2f}"
            flat = background_error(target, encoding)
            what = f"{n} {arguments.shapes}"
            print(f"| {name} | {what} | {flat:.1f} | {words} | {reached.seconds:.1f} |", flush=True)


if __name__ == "__main__":
    main()
