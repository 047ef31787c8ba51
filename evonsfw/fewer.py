"""Genomes with fewer shapes, made from one: shapes taken out, or two made one.

For encodings with one kind of shape: in a mix, rows that are moved up would change their kind.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations

import numpy as np

from evonsfw.genome import BACKGROUND_GENES, COLOUR_GENES, Encoding, Genome
from evonsfw.shapes import load_shape


def without(encoding: Encoding, genome: Genome, rows: Sequence[int]) -> Genome:
    """(L,) genome to one without some of its rows, for an encoding with as many shapes less."""
    kept = np.delete(encoding.rows(genome), rows, axis=0)
    return np.concatenate([genome[:BACKGROUND_GENES], kept.ravel()])


def merged(encoding: Encoding, genome: Genome, one: int, other: int) -> Genome:
    """(L,) genome to one in which two rows are one: their mean, weighted by area, with the area of
    both, where the larger one lies.
    """
    rows = encoding.rows(genome)
    shape = load_shape(encoding.shapes[0])
    growth = np.log(shape.MAX_RADIUS / shape.MIN_RADIUS)
    areas = np.exp(2.0 * growth * rows[[one, other], 2].astype(np.float64))
    larger, smaller = (one, other) if areas[0] >= areas[1] else (other, one)
    joint = areas @ rows[[one, other]] / areas.sum()
    joint[2] = np.log(areas.sum()) / (2.0 * growth)
    twin = genome.copy()
    encoding.rows(twin)[larger] = np.clip(joint, 0.0, 1.0)
    return without(encoding, twin, [smaller])


def nearest_pairs(encoding: Encoding, genome: Genome, most: int) -> list[tuple[int, int]]:
    """The pairs of rows that are nearest in place and colour, at most so many."""
    rows = encoding.rows(genome)
    look = np.concatenate([rows[:, :2], rows[:, -COLOUR_GENES:-1]], axis=1)
    apart = np.sum((look[:, None] - look[None]) ** 2, axis=-1)
    pairs = combinations(range(encoding.n), 2)
    return sorted(pairs, key=lambda pair: float(apart[pair]))[:most]
