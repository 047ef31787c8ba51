"""Genomes: a flat float32 vector in [0, 1], and what its genes mean.

Layout: 3 background genes (red, green, blue), then N rows of G genes, painted in row order. A row
is its shape's geometric genes (x, y, size, …), padded to the longest shape of a mix, then red,
green, blue, alpha. In a mix the rows take turns: row i is of shape i mod (number of shapes).
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt
from deap import base

from evonsfw.colour import parse_colour
from evonsfw.shapes import load_shape

Genome = npt.NDArray[np.float32]
ZERO, ONE = np.float32(0.0), np.float32(1.0)
BACKGROUND_GENES = 3
COLOUR_GENES = 4
"""Red, green, blue, alpha: the last genes of every row."""
GRID = 4095.0
"""Steps from 0 to 1 of a geometric gene on the grid: a sixteenth of a pixel of 256, in 12 bits."""
LEVELS = 255.0
"""The same of a colour's gene: what a colour of eight bits can be."""


class Fitness(base.Fitness):  # type: ignore[misc]  # deap has no type information
    """One number, larger is better. At module level, so that it pickles under spawn and Ray."""

    weights = (1.0,)


class Individual(np.ndarray[Any, np.dtype[np.float32]]):
    """A genome that DEAP's operators can work on: an array with a `fitness`."""

    fitness: Fitness

    def __new__(cls, genome: npt.ArrayLike) -> Individual:
        """Copy a genome, with no fitness yet."""
        return np.array(genome, dtype=np.float32).view(cls)

    def __array_finalize__(self, obj: object) -> None:
        """A view or a result of arithmetic starts without a fitness of its own."""
        if obj is not None:
            self.fitness = Fitness()

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickle with the fitness, which an array's own way of pickling would lose."""
        return _individual, (np.asarray(self), self.fitness)

    def __deepcopy__(self, memo: dict[int, Any] | None = None) -> Individual:
        """DEAP's `clone`."""
        twin = Individual(self)
        twin.fitness.wvalues = self.fitness.wvalues
        return twin


def _individual(genome: Genome, fitness: Fitness) -> Individual:
    """An unpickled individual."""
    individual = Individual(genome)
    individual.fitness = fitness
    return individual


@dataclass(frozen=True)
class Drawing:
    """A decoded genome: what the rasterizer and the vector exporters paint.

    Attributes:
        shapes: names of the shapes that take turns.
        background: (3,) float32 sRGB in [0, 1].
        geometry: (N, G) float64 geometric genes in [0, 1], padded.
        colours: (N, 3) float32 sRGB in [0, 1].
        alphas: (N,) float32 opacity in [0, 1].
    """

    shapes: tuple[str, ...]
    background: npt.NDArray[np.float32]
    geometry: npt.NDArray[np.float64]
    colours: npt.NDArray[np.float32]
    alphas: npt.NDArray[np.float32]

    def rows_by_shape(self) -> Iterator[tuple[str, slice]]:
        """Each shape's name with the rows that are of it, where there are any."""
        for turn, name in enumerate(self.shapes):
            if turn < len(self.alphas):
                yield name, slice(turn, None, len(self.shapes))


@dataclass(frozen=True)
class Encoding:
    """What a genome's genes mean: the genotype-phenotype mapping.

    Args:
        shapes: names of the shapes that take turns, at least one.
        n: number of shapes painted.
        alpha: opacity at alpha gene 0 and 1, each in [0, 1].
        background: "evolve", or "#rrggbb" to fix it.
        palette: "#rrggbb" colours to choose from; empty for any colour.

    Raises:
        ValueError: an unknown shape, or a colour that is not #rrggbb.
    """

    shapes: tuple[str, ...] = ("triangles",)
    n: int = 100
    alpha: tuple[float, float] = (0.3, 0.9)
    background: str = "evolve"
    palette: tuple[str, ...] = field(default=())

    def __post_init__(self) -> None:
        """Look every name up once, so that a typo is told before anything is rendered."""
        _ = self.row_length, self.fixed_background, self.swatches

    @cached_property
    def row_length(self) -> int:
        """G: genes of one row."""
        return max(len(load_shape(name).GENES) for name in self.shapes) + COLOUR_GENES

    @cached_property
    def length(self) -> int:
        """L: genes of a genome."""
        return BACKGROUND_GENES + self.n * self.row_length

    @cached_property
    def _alphas(self) -> tuple[np.float32, np.float32]:
        """Opacity at alpha gene 0, and what it grows by."""
        low, high = self.alpha
        return np.float32(low), np.float32(high - low)

    @cached_property
    def fixed_background(self) -> npt.NDArray[np.float32] | None:
        """(3,) sRGB in [0, 1], or None where the background evolves."""
        return None if self.background == "evolve" else parse_colour(self.background)

    @cached_property
    def swatches(self) -> npt.NDArray[np.float32]:
        """(P, 3) sRGB in [0, 1]: the palette."""
        colours = [parse_colour(colour) for colour in self.palette]
        return np.array(colours, np.float32).reshape(-1, 3)

    def rows(self, genome: Genome) -> Genome:
        """(L,) genome to an (N, G) view of its rows."""
        return genome[BACKGROUND_GENES:].reshape(self.n, self.row_length)

    def decode(self, genome: Genome) -> Drawing:
        """Give an (L,) genome its meaning.

        Raises:
            ValueError: the genome is not of this encoding's length.
        """
        if genome.shape != (self.length,):
            raise ValueError(f"genome of shape {genome.shape}: expected ({self.length},)")
        # Not np.clip, a function of Python: slow where the caches are the network's, as a worker's
        # are after each scoring.
        genes = np.minimum(np.maximum(np.asarray(genome, np.float32), ZERO), ONE)
        rows = self.rows(genes)
        low, span = self._alphas
        background = self.fixed_background
        return Drawing(
            shapes=self.shapes,
            background=self._in_palette(genes[None, :3])[0] if background is None else background,
            geometry=rows[:, :-COLOUR_GENES].astype(np.float64),
            colours=self._in_palette(rows[:, -COLOUR_GENES:-1]),
            alphas=low + span * rows[:, -1],
        )

    def _in_palette(self, colours: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
        """(M, 3) colours, each moved to the nearest of the palette where there is one."""
        if not len(self.swatches):
            return np.ascontiguousarray(colours)
        distance = ((colours[:, None] - self.swatches) ** 2).sum(axis=-1)
        return self.swatches[distance.argmin(axis=1)]


def genome_hash(genome: Genome) -> str:
    """SHA-256 of the genome's little-endian bytes, in hexadecimal."""
    return hashlib.sha256(np.ascontiguousarray(genome, "<f4").tobytes()).hexdigest()


def genome_to_text(genome: Genome) -> str:
    """A genome as ASCII text, from which every bit of it comes back.

    Base64 of its little-endian float32 bytes. A third of that where every geometric gene lies on
    the grid k / 4095, and those of colours and alpha on k / 255: then it is G, the genes of a row,
    a colon, and base85 (RFC 1924, with `.,/` in place of `<>&`, which XML would have to escape) of
    the background's three k as bytes, the k of all geometric genes in 12 bits each, the highest
    first, without gaps and filled up to a whole byte with zeros, and the k of the last four genes
    of all rows as bytes.
    """
    packed = _packed(np.asarray(genome, np.float32))
    if packed is not None:
        return packed
    return base64.b64encode(np.ascontiguousarray(genome, "<f4").tobytes()).decode("ascii")


def genome_from_text(text: str) -> Genome:
    """Read what `genome_to_text` wrote.

    Raises:
        ValueError: not base64 or base85, or not a whole number of finite genes in [0, 1].
    """
    row, colon, rest = text.partition(":")
    if colon:
        return _unpacked(row, base64.b85decode(rest.encode("ascii").translate(_FROM_XML)))
    genome = np.frombuffer(base64.b64decode(text, validate=True), "<f4").astype(np.float32)
    if not np.all((genome >= 0.0) & (genome <= 1.0)):
        raise ValueError("genome has genes outside 0…1: the text is damaged")
    return genome


def _packed(genome: Genome) -> str | None:
    """The short text of an (L,) genome, or None where a gene is beside the grid."""
    if not np.all((genome >= 0.0) & (genome <= 1.0)):
        return None
    background = genome[:BACKGROUND_GENES].astype(np.float64)
    if np.any((np.rint(background * LEVELS) / LEVELS).astype(np.float32) != background):
        return None  # whatever the rows are
    found = next(filter(None, (_split(genome, row) for row in _ROWS)), None)
    if found is None:
        return None
    row, data = found
    return f"{row}:{base64.b85encode(data).translate(_TO_XML).decode('ascii')}"


def _split(genome: Genome, row: int) -> tuple[int, bytes] | None:
    """G and the bytes of a genome, if it can be one on the grid with rows of G genes."""
    count = len(genome) - BACKGROUND_GENES
    if count < 1 or count % row:
        return None
    steps = np.rint(genome.astype(np.float64) * _steps(count // row, row)).astype(np.uint16)
    if _gridded(steps, row).tobytes() != genome.tobytes():  # by bytes: -0.0 equals 0.0
        return None
    rows = steps[BACKGROUND_GENES:].reshape(-1, row)
    levels = np.concatenate([steps[:BACKGROUND_GENES], rows[:, -COLOUR_GENES:].ravel()])
    colours = levels.astype(np.uint8).tobytes()
    geometry = _in_twelve_bits(rows[:, :-COLOUR_GENES].ravel())
    return row, colours[:BACKGROUND_GENES] + geometry + colours[BACKGROUND_GENES:]


def _unpacked(word: str, data: bytes) -> Genome:
    """The (L,) genome of what `_split` gave."""
    row = int(word) if word.isascii() and word.isdecimal() and len(word) < 3 else 0
    if row not in _ROWS:
        raise ValueError(f"genome with rows of '{word[:20]}' genes: the text is damaged")
    width = row - COLOUR_GENES
    n = 2 * (len(data) - BACKGROUND_GENES) // (3 * width + 2 * COLOUR_GENES)
    end = BACKGROUND_GENES + (3 * n * width + 1) // 2
    if n < 1 or len(data) != end + n * COLOUR_GENES:
        raise ValueError(f"genome of {len(data)} bytes has no whole rows: the text is damaged")
    rows = np.empty((n, row), np.uint16)
    rows[:, :width] = _of_twelve_bits(data[BACKGROUND_GENES:end], n * width).reshape(n, width)
    rows[:, width:] = np.frombuffer(data[end:], np.uint8).reshape(n, COLOUR_GENES)
    background = np.frombuffer(data[:BACKGROUND_GENES], np.uint8)
    return _gridded(np.concatenate([background, rows.ravel()]), row)


def _in_twelve_bits(numbers: npt.NDArray[np.uint16]) -> bytes:
    bits = np.unpackbits(numbers.astype(">u2").view(np.uint8).reshape(-1, 2), axis=1)
    return np.packbits(bits[:, 4:]).tobytes()


def _of_twelve_bits(data: bytes, count: int) -> npt.NDArray[np.uint16]:
    bits = np.unpackbits(np.frombuffer(data, np.uint8), count=12 * count).reshape(count, 12)
    return np.packbits(np.pad(bits, ((0, 0), (4, 0))), axis=1).view(">u2").astype(np.uint16)


def _gridded(steps: npt.NDArray[np.uint16], row: int) -> Genome:
    """(L,) steps of the grid as the genes of rows of G."""
    return (steps / _steps((len(steps) - BACKGROUND_GENES) // row, row)).astype(np.float32)


def _steps(n: int, row: int) -> npt.NDArray[np.float64]:
    """(L,) steps from 0 to 1 of each gene of N rows of G."""
    kinds = np.repeat([GRID, LEVELS], [row - COLOUR_GENES, COLOUR_GENES])
    return np.concatenate([np.full(BACKGROUND_GENES, LEVELS), np.tile(kinds, n)])


_ROWS = range(COLOUR_GENES + 1, 100)
"""Genes that a row may have in a short text."""
_TO_XML, _FROM_XML = bytes.maketrans(b"<>&", b".,/"), bytes.maketrans(b".,/", b"<>&")
