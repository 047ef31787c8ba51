"""Filling polygons, as a ratio to Pillow in the same run: evonsfw and other rasterizers.

    python -m benchmarks.rasterizer [--rounds 40]

What is filled: 100 triangles with random corners, half-transparent, one over the other on
256 x 256 pixels, one thread; the mean area is about 5,200 pixels. From ready-made polygons to a
finished picture in 8 bits; Pillow is `ImageDraw.Draw(image, "RGBA")`, which has no anti-aliasing.
All are measured in turns, the best of a few pictures each, because the machine's speed drifts; the
ratio is the median over the rounds. What is not installed gets a row that says so.
"""

from __future__ import annotations

import argparse
import functools
import importlib
import statistics
import time
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw

from benchmarks.table import Row, print_table
from evonsfw.raster import make_workspace, paint_polygons

SIDE, COUNT, SEED, AREA = 256, 100, 1, 5200.0
PILLOW = 'Pillow Draw(image, "RGBA")'
ASKED = 5.0
PICTURES = 3
"""Pictures of a turn, of which the best counts."""

Paint = Callable[[], object]


class Scene(NamedTuple):
    """What is painted.

    Attributes:
        corners: (N, 3, 2) float64 in pixels.
        colours: (N, 4) uint8 red, green, blue, opacity.
    """

    corners: npt.NDArray[np.float64]
    colours: npt.NDArray[np.uint8]


def make_scene() -> Scene:
    """Triangles with corners uniform on a square around the canvas's middle."""
    rng = np.random.default_rng(SEED)
    corners = rng.random((COUNT, 3, 2)) - 0.5
    reach = np.sqrt(AREA / areas(corners).mean())
    colours = rng.integers(0, 256, (COUNT, 4), np.uint8)
    colours[:, 3] = 77 + colours[:, 3] // 2
    return Scene(corners * reach + SIDE / 2, colours)


def areas(corners: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """(N,) areas of (N, 3, 2) triangles."""
    (ax, ay), (bx, by) = (corners[:, 1] - corners[:, 0]).T, (corners[:, 2] - corners[:, 0]).T
    return 0.5 * np.abs(ax * by - ay * bx)


def pillow(scene: Scene) -> Paint:
    """The alternative that the others are compared with."""
    polygons = [[tuple(corner) for corner in triangle] for triangle in scene.corners.tolist()]
    fills = [tuple(colour) for colour in scene.colours.tolist()]

    def paint() -> Image.Image:
        image = Image.new("RGB", (SIDE, SIDE), (255, 255, 255))
        pen = ImageDraw.Draw(image, "RGBA")
        for polygon, fill in zip(polygons, fills, strict=True):
            pen.polygon(polygon, fill=fill)
        return image

    return paint


def evonsfw(scene: Scene) -> Paint:
    """This program: exact areas."""
    vertices, offsets = scene.corners.reshape(-1, 2), np.arange(COUNT + 1) * 3
    colours = scene.colours[:, :3].astype(np.float32)
    alphas = scene.colours[:, 3].astype(np.float32) / np.float32(255.0)
    white = np.full(3, 255.0, np.float32)
    workspace = make_workspace((SIDE, SIDE))

    def paint() -> npt.NDArray[np.uint8]:
        picture = np.empty((SIDE, SIDE, 3), np.uint8)
        paint_polygons(vertices, offsets, colours, alphas, white, picture, workspace)
        return picture

    return paint


def blend2d(scene: Scene) -> Paint:
    """Blend2D, which cannot do without anti-aliasing."""
    library = importlib.import_module("blend2d")
    polygons, fills = scene.corners.tolist(), scene.colours.tolist()

    def paint() -> Any:
        image = library.Image(SIDE, SIDE)
        pen = library.Context(image)
        pen.set_fill_style_rgba(255, 255, 255, 255)
        pen.fill_all()
        for (a, b, c), fill in zip(polygons, fills, strict=True):
            path = library.Path()
            path.move_to(*a)
            path.line_to(*b)
            path.line_to(*c)
            pen.set_fill_style_rgba(*fill)
            pen.fill_path(path)
        pen.end()
        return image

    return paint


def cairo(scene: Scene, smooth: bool) -> Paint:
    """Cairo through pycairo."""
    library = importlib.import_module("cairo")
    polygons, fills = scene.corners.tolist(), (scene.colours / 255.0).tolist()

    def paint() -> Any:
        image = library.ImageSurface(library.FORMAT_RGB24, SIDE, SIDE)
        pen = library.Context(image)
        pen.set_source_rgb(1.0, 1.0, 1.0)
        pen.paint()
        pen.set_antialias(library.ANTIALIAS_DEFAULT if smooth else library.ANTIALIAS_NONE)
        for (a, b, c), fill in zip(polygons, fills, strict=True):
            pen.move_to(*a)
            pen.line_to(*b)
            pen.line_to(*c)
            pen.set_source_rgba(*fill)
            pen.fill()
        image.flush()
        return image

    return paint


def skia(scene: Scene, smooth: bool) -> Paint:
    """Skia through skia-python, on the processor."""
    library = importlib.import_module("skia")
    polygons = [[library.Point(*corner) for corner in three] for three in scene.corners.tolist()]
    fills = [library.Color(*fill) for fill in scene.colours.tolist()]

    def paint() -> Any:
        surface = library.Surface(SIDE, SIDE)
        canvas = surface.getCanvas()
        canvas.clear(library.ColorWHITE)
        pen = library.Paint(AntiAlias=smooth)
        for polygon, fill in zip(polygons, fills, strict=True):
            path = library.Path.Polygon(polygon, True)
            pen.setColor(fill)
            canvas.drawPath(path, pen)
        return surface

    return paint


PAINTERS: dict[str, tuple[str, Callable[[Scene], Paint]]] = {
    "evonsfw": ("", evonsfw),
    "blend2d": ("blend2d-py", blend2d),
    "cairo": ("pycairo", functools.partial(cairo, smooth=True)),
    "cairo, not anti-aliased": ("pycairo", functools.partial(cairo, smooth=False)),
    "skia": ("skia-python", functools.partial(skia, smooth=True)),
    "skia, not anti-aliased": ("skia-python", functools.partial(skia, smooth=False)),
}
"""What is measured: the package that it comes from, and how it paints a scene."""


def turn(paint: Paint) -> float:
    """Seconds of the fastest of a few pictures."""
    best = float("inf")
    for _ in range(PICTURES):
        started = time.perf_counter()
        paint()
        best = min(best, time.perf_counter() - started)
    return best


def measure(rounds: int) -> list[Row]:
    """Rates as multiples of Pillow's, one row for each rasterizer."""
    scene = make_scene()
    paints: dict[str, Paint] = {PILLOW: pillow(scene)}
    for name, (_, prepare) in PAINTERS.items():
        try:
            paints[name] = prepare(scene)
        except ImportError:
            continue
    seconds: dict[str, list[float]] = {name: [] for name in paints}
    for paint in paints.values():
        paint()
    for _ in range(rounds):
        for name, paint in paints.items():
            seconds[name].append(turn(paint))
    rows = []
    for name, (package, _) in PAINTERS.items():
        asked = ASKED if name == "evonsfw" else None
        if name not in paints:
            row = Row(name, PILLOW, None, asked, f"not installed: pip install {package}")
        else:
            pairs = zip(seconds[PILLOW], seconds[name], strict=True)
            ratio = statistics.median(theirs / ours for theirs, ours in pairs)
            row = Row(name, PILLOW, ratio, asked, f"{1e3 * min(seconds[name]):.3f} ms a picture")
        rows.append(row)
    return rows


def main() -> None:
    """Measure in turns and print one table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=40)
    print_table(measure(parser.parse_args().rounds))


if __name__ == "__main__":
    main()
