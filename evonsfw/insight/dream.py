"""Deep Dream: a picture is changed so that a layer sees more of what it sees in it already.

Mordvintsev, Olah, Tyka 2015, "Inceptionism: Going Deeper into Neural Networks", and the notebook
that came with it: gradient ascent with steps of equal size, on octaves from coarse to fine, moved
about so that no place is the border of anything.
"""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace

import numpy as np
from PIL import Image

from evonsfw.cores import usable_cores
from evonsfw.feeding import Floats
from evonsfw.preparation import Pictures
from evonsfw.resampling import resized
from evonsfw.telling import Heard, unheard
from evonsfw.truncated import Depth

LEAST_SIDE = 24
"""Pixels: no octave is smaller, unless the picture itself is."""
ZOOM = 1.04
"""How much larger things are from one picture of a film to the next."""
BICUBIC, LANCZOS = Image.Resampling.BICUBIC, Image.Resampling.LANCZOS


@dataclass(frozen=True)
class Manner:
    """How it is dreamt.

    Attributes:
        octaves: sizes, each `scale` times the one before; the last is the picture's own.
        iterations: steps on each of them.
        step: how far the average channel of a pixel moves in one, in 1/255.
        scale: from one octave to the next, above 1.
        jitter: pixels that it is moved by at most, each way, before a step, and back after it.
        channel: of the layer; None for all.
    """

    octaves: int = 4
    iterations: int = 10
    step: float = 1.5
    scale: float = 1.4
    jitter: int = 32
    channel: int | None = None


def dream(
    pixels: Floats | Pictures,
    depth: Depth,
    manner: Manner,
    rng: np.random.Generator,
    heard: Heard = unheard,
) -> Floats:
    """Dream about one picture.

    Args:
        pixels: (H, W, 3) sRGB in 0…255, of any size.
        depth: the layer.
        manner: how.
        rng: where it is moved to.
        heard: told of each step.

    Returns:
        (H, W, 3) float32 in 0…255.
    """
    base = np.asarray(pixels, np.float32)
    sizes = octave_sizes(base.shape[:2], manner)
    total = len(sizes) * manner.iterations
    detail = np.zeros((*sizes[0], 3), np.float32)
    found = base
    with ThreadPoolExecutor(usable_cores()) as crew:
        for number, size in enumerate(sizes):
            coarse = resized(base, size, LANCZOS)
            found = coarse + resized(detail, size, BICUBIC)
            for step in range(manner.iterations):
                found = _stepped(found, depth, manner, rng, crew)
                heard(number * manner.iterations + step + 1, total)
            detail = found - coarse
    return np.clip(found, 0.0, 255.0)


def zoom(
    pixels: Floats | Pictures,
    depth: Depth,
    manner: Manner,
    rng: np.random.Generator,
    count: int,
) -> Iterator[Floats]:
    """A film: the dream, then each picture a dream of the last one seen from nearer.

    The last one has dreamt already, so a third of the steps are enough. Colours would drift to the
    corners of their cube; each picture is given back the mean and the spread of the first.

    Args:
        pixels: (H, W, 3) sRGB in 0…255.
        depth: the layer.
        manner: how.
        rng: where it is moved to.
        count: pictures.

    Yields:
        (H, W, 3) float32 in 0…255.
    """
    first = found = dream(pixels, depth, manner, rng)
    shorter = replace(manner, iterations=max(1, manner.iterations // 3))
    yield found
    for _ in range(count - 1):
        found = coloured_like(dream(nearer(found), depth, shorter, rng), first)
        yield found


def coloured_like(pixels: Floats, model: Floats) -> Floats:
    """(H, W, 3) float32 pixels with the mean and the spread of each channel of the model, in
    0…255 (Reinhard, Ashikhmin, Gooch, Shirley 2001, "Color Transfer between Images", in RGB).
    """
    mean, spread = pixels.mean(axis=(0, 1)), pixels.std(axis=(0, 1))
    scale = model.std(axis=(0, 1)) / np.maximum(spread, np.float32(1e-3))
    return np.clip((pixels - mean) * scale + model.mean(axis=(0, 1)), 0.0, 255.0)


def nearer(pixels: Floats) -> Floats:
    """(H, W, 3) float32 picture to its middle, as large as it was."""
    height, width = pixels.shape[:2]
    left, top = width * (1 - 1 / ZOOM) / 2, height * (1 - 1 / ZOOM) / 2
    box = (left, top, width - left, height - top)
    return np.clip(resized(pixels, (height, width), BICUBIC, box), 0.0, 255.0)


def octave_sizes(size: tuple[int, ...], manner: Manner) -> list[tuple[int, int]]:
    """Height and width of each octave, the smallest first; fewer for a small picture."""
    height, width = size
    found = [(height, width)]
    for power in range(1, manner.octaves):
        smaller = tuple(round(side / manner.scale**power) for side in size)
        if min(smaller) < LEAST_SIDE:
            break
        found.append((smaller[0], smaller[1]))
    return found[::-1]


def _stepped(
    pixels: Floats,
    depth: Depth,
    manner: Manner,
    rng: np.random.Generator,
    crew: ThreadPoolExecutor,
) -> Floats:
    """One step, moved about and back."""
    moved = tuple(int(n) for n in rng.integers(-manner.jitter, manner.jitter + 1, 2))
    rolled = np.roll(pixels, moved, (0, 1))
    gradient = _gradient(rolled, depth, manner.channel, crew)
    size = float(np.abs(gradient).mean())
    if size > 0.0:
        rolled = rolled + np.float32(manner.step / size) * gradient
    return np.roll(np.clip(rolled, 0.0, 255.0), (-moved[0], -moved[1]), (0, 1))


def _gradient(
    pixels: Floats, depth: Depth, channel: int | None, crew: ThreadPoolExecutor
) -> Floats:
    """That of a picture of any size, tile by tile; what is too small is repeated."""
    height, width = pixels.shape[:2]
    tile = depth.tile((height, width))
    counts = [-(-side // part) for side, part in zip((height, width), tile, strict=True)]
    full = [count * part for count, part in zip(counts, tile, strict=True)]
    whole = np.pad(pixels, ((0, full[0] - height), (0, full[1] - width), (0, 0)), mode="wrap")
    corners = [(y, x) for y in range(0, full[0], tile[0]) for x in range(0, full[1], tile[1])]
    depth.open(tile)

    def seen(corner: tuple[int, int]) -> Floats:
        y, x = corner
        return depth.gradient(
            np.ascontiguousarray(whole[y : y + tile[0], x : x + tile[1]]), channel
        )

    found = np.empty_like(whole)
    for (y, x), part in zip(corners, crew.map(seen, corners), strict=True):
        found[y : y + tile[0], x : x + tile[1]] = part
    return found[:height, :width]
