"""First pictures: random genomes composed like pictures one would hang, not like confetti.

A few large shapes lie below, ever smaller ones above; places are spread evenly (R. Bridson's
best-candidate idea by way of M. Roberts's R2 sequence); colours are a scheme of a few related
hues with one accent, in OKLCH; shapes near each other share one. What can be turned follows a slow
current, some of it across, as brush strokes do.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from evonsfw.colour import from_oklch
from evonsfw.genome import COLOUR_GENES, Encoding, Genome
from evonsfw.shapes import Shape, load_shape

LAYERS = 3.0
"""How often, on average, a first picture's shapes cover the canvas."""
RATIO = 80.0
"""Radius of the lowest shape to that of the top one: between them it falls as a power of rank."""
REGIONS = 6
"""Places that give the shapes near them a colour, so that neighbours belong together."""
ASPECTS = 0.8
"""Share of the aspect genes that is used, the middle: few slivers."""
WIDTHS = 0.7
"""Share of the width genes that is used, the upper end: few hairs."""
SWING, WAVER, ACROSS = 0.2, 0.05, 0.2
"""In half turns, how far the current swings over a picture, and what a shape strays from it; the
share of shapes that lie across it."""
SMALLEST, LARGEST = 0.15, 0.95
"""Size genes of a first picture: no specks, and nothing that covers all the rest."""


def compose(encoding: Encoding, rng: np.random.Generator, count: int) -> npt.NDArray[np.float32]:
    """Compose genomes.

    Args:
        encoding: what the genes mean.
        rng: the run's generator.
        count: how many.

    Returns:
        (count, L) float32 array in [0, 1].
    """
    return np.stack([_compose_one(encoding, rng) for _ in range(count)])


def _compose_one(encoding: Encoding, rng: np.random.Generator) -> Genome:
    genome = rng.random(encoding.length).astype(np.float32)
    rows = encoding.rows(genome)
    rows[:, :2] = _places(encoding.n, rng)
    rows[:, 2] = _sizes(encoding, rng)
    ground, colours = _scheme(encoding, rows[:, :2], rng)
    genome[:3] = ground
    rows[:, -COLOUR_GENES:-1] = colours
    _lay(encoding, rows, rng)
    return np.clip(genome, 0.0, 1.0)


def _places(n: int, rng: np.random.Generator) -> npt.NDArray[np.float64]:
    """(N, 2) places in [0, 1]: the R2 low-discrepancy sequence, shifted at random, jittered."""
    golden = 1.32471795724474602596
    steps = np.arange(n)[:, None] * np.array([1.0 / golden, 1.0 / golden**2])
    jitter = rng.normal(0.0, 0.35 / np.sqrt(n), (n, 2))
    places: npt.NDArray[np.float64] = (rng.random(2) + steps + jitter) % 1.0
    return places


def _sizes(encoding: Encoding, rng: np.random.Generator) -> npt.NDArray[np.float64]:
    """(N,) size genes, falling with the painting order, so that the picture is covered."""
    rank = np.arange(1, encoding.n + 1) + 1.0
    decay = np.log(RATIO) / np.log((encoding.n + 2.0) / 2.0)
    radius = rank ** -min(decay, 1.2) * rng.lognormal(0.0, 0.25, encoding.n)
    radius *= np.sqrt(LAYERS / np.sum(radius**2))
    genes = np.empty(encoding.n)
    for turn, name in enumerate(encoding.shapes):
        shape = load_shape(name)
        rows = slice(turn, None, len(encoding.shapes))
        span = np.log(shape.MAX_RADIUS / shape.MIN_RADIUS)
        scaled = np.maximum(radius[rows] / np.sqrt(_area(shape)), 1e-6)
        genes[rows] = np.log(scaled / shape.MIN_RADIUS) / span
    return np.clip(genes, SMALLEST, LARGEST)


def _lay(encoding: Encoding, rows: Genome, rng: np.random.Generator) -> None:
    """Rewrite the aspect, width and angle genes, of shapes that have any, in the (N, G) rows."""
    kinds = [load_shape(name).GENES for name in encoding.shapes]
    current = _current(rows[:, :2], rng) if any("angle" in genes for genes in kinds) else None
    for turn, genes in enumerate(kinds):
        own = rows[turn :: len(kinds)]
        if "aspect" in genes:
            aspects = own[:, genes.index("aspect")]
            aspects[:] = 0.5 + ASPECTS * (aspects - 0.5)
        if "width" in genes:
            widths = own[:, genes.index("width")]
            widths[:] = 1.0 - WIDTHS * (1.0 - widths)
        if "angle" in genes and current is not None:
            own[:, genes.index("angle")] = current[turn :: len(kinds)]


def _current(places: npt.NDArray[np.float32], rng: np.random.Generator) -> npt.NDArray[np.float64]:
    """(N,) angle genes for shapes at (N, 2) places: a slow wave over the canvas."""
    n = len(places)
    wave = np.sin(2.0 * np.pi * (places @ rng.uniform(-0.8, 0.8, 2) + rng.random()))
    across = np.where(rng.random(n) < ACROSS, 0.5, 0.0)
    angles: npt.NDArray[np.float64] = rng.random() + SWING * wave + across
    return (angles + rng.normal(0.0, WAVER, n)) % 1.0


def _area(shape: Shape) -> float:
    """Area of the shape at its middle genes, in squares of its radius."""
    corners = shape.outline(np.full((1, len(shape.GENES)), 0.5), (100, 100))[0]
    x, y = corners.T
    area = 0.5 * abs(np.sum(x * np.roll(y, -1) - y * np.roll(x, -1)))
    return float(area / (100.0**2 * shape.MIN_RADIUS * shape.MAX_RADIUS))


def _scheme(
    encoding: Encoding, places: npt.NDArray[np.float32], rng: np.random.Generator
) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]:
    """(3,) ground and (N, 3) shape colours in [0, 1], for shapes at (N, 2) places."""
    n = encoding.n
    centres = rng.random((REGIONS, 2))
    region = ((places[:, None] - centres) ** 2).sum(axis=-1).argmin(axis=1)
    region = np.where(rng.random(n) < 0.2, rng.integers(REGIONS, size=n), region)
    if len(encoding.swatches):
        picks = rng.integers(len(encoding.swatches), size=(REGIONS, 2))
        chosen = picks[region, rng.integers(2, size=n)]
        return encoding.swatches[rng.integers(len(encoding.swatches))], encoding.swatches[chosen]
    near, far = rng.uniform(0.06, 0.12, 2)
    hues = rng.random() + np.array([0.0, 0.0, near, -far, near, 0.5])
    hue = rng.permutation(hues)[region] + rng.normal(0.0, 0.015, n)
    lightness = rng.uniform(0.4, 0.8, REGIONS)[region] + rng.normal(0.0, 0.12, n)
    chroma = np.clip(rng.normal(0.11, 0.045, n), 0.01, 0.2)
    ground = from_oklch(0.93 if rng.random() < 0.5 else 0.22, 0.02, hues[0])
    return ground, from_oklch(np.clip(lightness, 0.18, 0.95), chroma, hue)
