"""A run's moments by hand, for tests of what the window shows."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from evonsfw.composition import compose
from evonsfw.genome import Encoding, genome_hash
from evonsfw.moment import Chart, Contributions, Moment, Shown, View

ENCODING = Encoding(("circles", "triangles"), 30)
GENOMES = tuple(compose(ENCODING, np.random.default_rng(3), 48))
LAST = 310


def view(**changes: Any) -> View:
    return replace(View(ENCODING, (256, 256), "teapot", 7), **changes)


def chart(points: int = LAST, first: int = 1) -> Chart:
    """Scores that come near 1, the mean behind the best by a little more each third generation."""
    odds = np.linspace(-2.0, 7.0, points)
    behind = 1.0 + 0.4 * (np.arange(points) % 3)
    best, mean = (1 / (1 + np.exp(-row)) for row in (odds, odds - behind))
    return Chart(np.arange(first, first + points), best, mean)


def shown(number: int = LAST, **changes: Any) -> Shown:
    found = Shown(number, GENOMES[0], 0.8734, 0.6123, number * 48, number * 12.5)
    return replace(found, **changes)


def moment(**changes: Any) -> Moment:
    """The newest moment of a run of `LAST` generations that goes on."""
    found = Moment(
        generation=LAST,
        evaluations=LAST * 48,
        rate=231.4,
        paused=False,
        finished=False,
        message="",
        shown=shown(),
        chart=chart(),
        thumbnails=tuple((1 + 103 * i // 10 * 3, GENOMES[i]) for i in range(11)),
        population=GENOMES,
        scores=tuple((0.97 - 0.02 * np.arange(len(GENOMES))).tolist()),
        liked=frozenset({42, 200}),
        every=10,
    )
    return replace(found, **changes)


def contributions(done: int = ENCODING.n) -> Contributions:
    """Of `GENOMES[0]`: later shapes count less, every third lowers the score."""
    values = tuple((0.2 if i % 3 else -0.3) / (1 + i) ** 2 for i in range(ENCODING.n))
    whole = done == ENCODING.n
    return Contributions(genome_hash(GENOMES[0]), values if whole else None, done)
