"""The named alternative for likeness: primitive's way, on the kernels of this project.

    python -m benchmarks.greedy --picture FILE [--shapes triangles] [--n 50] [--alpha fixed]

Michael Fogleman's primitive (`worker.go`, `optimize.go`, `model.go`, `triangle.go`, `ellipse.go`)
adds one shape after another and never touches one again. For each it climbs 16 times from the best
of 1,000 random shapes, by single mutations until 100 in a row have failed, and adds the best of
the 16. Corners and radii are whole pixels; colours are solved in closed form. The canvas begins in
the target's mean colour.

What differs from primitive itself: coverage is exact where it has jagged rows of pixels, the
picture in the making is not rounded, and where alpha is free it is solved, not mutated. All three
favour the stand-in. Corners are free as primitive's are, which no shape of this project is, so
nothing here is a genome.
"""

from __future__ import annotations

import argparse
import math
import time
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from PIL import Image

from benchmarks.subjects import Picture, at_side
from evonsfw.compiled import compiled
from evonsfw.patches import compose, make_bench
from evonsfw.raster import paint_polygons
from evonsfw.trials import FOUND, add_up, score

RESTARTS, RANDOM, AGE = 16, 1000, 100
"""Climbs for each shape, random shapes before each, and failures in a row that end one."""
SPREAD = 16.0
"""Standard deviation of a mutation, in pixels."""
NEAR, LARGEST = 15, 32
"""Pixels: how far a random triangle's corners are from its first, and a random circle's radius."""
OUTSIDE = 16
"""Pixels that a triangle's corner may be outside the canvas."""
SHARPEST = math.radians(15.0)
"""Least angle of a triangle."""
ROUND = 32
"""Corners of a circle."""
ALPHAS = {"fixed": (128.0 / 255.0, 128.0 / 255.0), "free": (1.0 / 255.0, 1.0)}
"""Lowest and highest opacity."""
KINDS: dict[str, tuple[int, int]] = {"triangles": (6, 3), "circles": (3, ROUND)}
"""Numbers that place a shape, and corners of its outline."""


class Grown(NamedTuple):
    """What the greedy way came to.

    Attributes:
        picture: (H, W, 3) uint8 sRGB.
        errors: RMSE over RGB, 0…255, when 1, 2, … N shapes were on it.
        seconds: CPU seconds of this process until then.
    """

    picture: Picture
    errors: list[float]
    seconds: list[float]


@compiled
def _shift(rng: Any, value: float, low: float, high: float) -> float:  # pragma: no cover - compiled
    """A whole number of pixels further, by a normal draw."""
    return float(min(max(value + int(rng.standard_normal() * SPREAD), low), high))


@compiled
def _sharp(pose: Any) -> bool:  # pragma: no cover - compiled
    """Whether a triangle has an angle below the least, or no angles at all."""
    for k in range(3):
        a, b, c = 2 * k, 2 * ((k + 1) % 3), 2 * ((k + 2) % 3)
        x1, y1 = pose[b] - pose[a], pose[b + 1] - pose[a + 1]
        x2, y2 = pose[c] - pose[a], pose[c + 1] - pose[a + 1]
        if abs(np.arctan2(x1 * y2 - x2 * y1, x1 * x2 + y1 * y2)) <= SHARPEST:
            return True
    return False


@compiled
def _mutate(rng: Any, canvas: Any, pose: Any) -> None:  # pragma: no cover - compiled
    """Move one corner of a triangle until no angle is sharp; a circle's centre, or its radius."""
    width, height = canvas
    if len(pose) == 3:
        if rng.integers(0, 3) == 0:
            pose[0] = _shift(rng, pose[0], 0.0, width - 1.0)
            pose[1] = _shift(rng, pose[1], 0.0, height - 1.0)
        else:
            pose[2] = _shift(rng, pose[2], 1.0, width - 1.0)
        return
    while True:
        k = 2 * rng.integers(0, 3)
        pose[k] = _shift(rng, pose[k], -OUTSIDE, width - 1.0 + OUTSIDE)
        pose[k + 1] = _shift(rng, pose[k + 1], -OUTSIDE, height - 1.0 + OUTSIDE)
        if not _sharp(pose):
            return


@compiled
def _draw(rng: Any, canvas: Any, pose: Any) -> None:  # pragma: no cover - compiled
    """A random shape."""
    pose[0], pose[1] = rng.integers(0, canvas[0]), rng.integers(0, canvas[1])
    if len(pose) == 3:
        pose[2] = rng.integers(1, LARGEST + 1)
        return
    for k in range(2, 6):
        pose[k] = pose[k % 2] + rng.integers(-NEAR, NEAR + 1)
    _mutate(rng, canvas, pose)


@compiled
def _outline(pose: Any, corners: Any) -> None:  # pragma: no cover - compiled
    """A shape's corners: whole numbers are the middles of pixels."""
    if len(pose) == 6:
        for k in range(3):
            corners[k, 0], corners[k, 1] = pose[2 * k] + 0.5, pose[2 * k + 1] + 0.5
        return
    for k in range(len(corners)):
        turn = 2.0 * np.pi * k / len(corners)
        corners[k, 0] = pose[0] + 0.5 + pose[2] * np.cos(turn)
        corners[k, 1] = pose[1] + 0.5 + pose[2] * np.sin(turn)


@compiled
def _search(
    rng: Any, bench: Any, canvas: Any, limits: Any, pose: Any, corners: Any, found: Any
) -> None:  # pragma: no cover - compiled
    """The shape that is added next.

    Args:
        rng: a NumPy generator.
        bench: what `add_up` has summed.
        canvas: width and height in pixels.
        limits: lowest and highest alpha.
        pose: (P,) written.
        corners: (V, 2) written.
        found: (FOUND,) of `score`, written.
    """
    place = (0, 0, canvas[0], canvas[1])
    tried, outlined = np.empty((1, FOUND)), np.empty((1, *corners.shape))
    swatches = np.empty((0, 3), np.float32)
    best, now, move = np.empty_like(pose), np.empty_like(pose), np.empty_like(pose)
    found[0] = np.inf
    for _ in range(RESTARTS):
        least = np.inf
        for _ in range(RANDOM):
            _draw(rng, canvas, move)
            _outline(move, outlined[0])
            score(bench, outlined, place, canvas, limits, swatches, tried)
            if tried[0, 0] < least:
                least, now[:] = tried[0, 0], move
        age = 0
        while age < AGE:
            move[:] = now
            _mutate(rng, canvas, move)
            _outline(move, outlined[0])
            score(bench, outlined, place, canvas, limits, swatches, tried)
            age += 1
            if tried[0, 0] < least:
                least, now[:], age = tried[0, 0], move, 0
        if least < found[0]:
            found[0], best[:] = least, now
    pose[:] = best
    _outline(pose, corners)
    outlined[0] = corners
    score(bench, outlined, place, canvas, limits, swatches, tried)
    found[:] = tried[0]


def greedy(target: Picture, shapes: str, n: int, seed: int, alpha: str = "fixed") -> Grown:
    """A picture of N shapes that is like a target, as primitive makes it.

    Args:
        target: (H, W, 3) uint8 sRGB.
        shapes: a key of KINDS.
        n: number of shapes.
        seed: the same seed gives the same picture.
        alpha: a key of ALPHAS.
    """
    start = time.process_time()
    rng, canvas = np.random.default_rng(seed), (target.shape[1], target.shape[0])
    numbers, count = KINDS[shapes]
    aim = np.ascontiguousarray(target / np.float32(255.0))
    bench, weights = make_bench(*canvas), np.ones(target.shape[:2], np.float32)
    background = np.floor(target.mean(axis=(0, 1))).astype(np.float32) / np.float32(255.0)
    corners, counts = np.zeros((n, count, 2)), np.full(n, count)
    colours, alphas = np.zeros((n, 3), np.float32), np.zeros(n, np.float32)
    pose, found = np.empty(numbers), np.empty(FOUND)
    errors, seconds = [], []
    for i in range(n):
        polygons = corners[:i], counts[:i], colours[:i], alphas[:i]
        compose(bench, polygons, background, -1, i, (0, 0, *canvas))
        before = add_up(bench, aim, weights, (0, 0, *canvas))
        _search(rng, bench, canvas, ALPHAS[alpha], pose, corners[i], found)
        colours[i], alphas[i] = np.round(255.0 * found[2:]) / 255.0, found[1]
        errors.append(255.0 * math.sqrt(max(0.0, before + found[0]) / target.size))
        seconds.append(time.process_time() - start)
    picture = _painted(corners, colours, alphas, background, target)
    errors[-1:] = [rmse(picture, target)]
    return Grown(picture, errors, seconds)


def _painted(corners: Any, colours: Any, alphas: Any, background: Any, target: Picture) -> Picture:
    """The picture as this project's rasterizer paints it."""
    picture, count = np.empty_like(target), corners.shape[1]
    offsets, scale = np.arange(len(corners) + 1) * count, np.float32(255.0)
    flat = corners.reshape(-1, 2)
    paint_polygons(flat, offsets, colours * scale, alphas, background * scale, picture)
    return picture


def rmse(picture: Picture, target: Picture) -> float:
    """Root mean square error over RGB, in 0…255, of two (H, W, 3) uint8 pictures."""
    return float(np.sqrt(((picture.astype(np.float64) - target) ** 2).mean()))


def main() -> None:
    """Print errors along the way."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--picture", type=Path, required=True)
    parser.add_argument("--shapes", choices=list(KINDS), default="triangles")
    parser.add_argument("--n", type=int, default=50)
    parser.add_argument("--side", type=int, default=256, help="pixels of the longer side")
    parser.add_argument("--alpha", choices=list(ALPHAS), default="fixed")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--save", type=Path, help="write the picture here")
    asked = parser.parse_args()
    target = at_side(Image.open(asked.picture), asked.side)
    greedy(target[:32, :32], asked.shapes, 1, 0, asked.alpha)  # compiles
    grown = greedy(target, asked.shapes, asked.n, asked.seed, asked.alpha)
    print("| shapes | RMSE | CPU s |\n|---|---|---|")
    for n in sorted({*(k for k in (10, 20, 50, 100, 200, 500, 1000) if k < asked.n), asked.n}):
        print(f"| {n} {asked.shapes} | {grown.errors[n - 1]:.2f} | {grown.seconds[n - 1]:.1f} |")
    if asked.save:
        Image.fromarray(grown.picture).save(asked.save)


if __name__ == "__main__":
    main()
