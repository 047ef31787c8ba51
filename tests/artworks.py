"""What tests of exporters share: a small artwork with a run behind it, and a disk that is full."""

from __future__ import annotations

import json
import math
import resource
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np

import evonsfw
from evonsfw.config import RunConfig, make_config
from evonsfw.exporters import Artwork, Exporter, Manner, Step, Story
from evonsfw.genome import Encoding, Genome, genome_hash, genome_to_text
from evonsfw.shapes import shape_names

CANVAS = (40, 30)
BRIEF = Manner(fps=5, seconds=1.0)
"""A film that takes no time."""


def config(**settings: Any) -> RunConfig:
    small = {"shapes": shape_names(), "n": 7, "size": "40x30", "seed": 3}
    return make_config({**small, "palette": ["#112233", "#eebb66", "#cc4433"], **settings})


def artwork(seed: int = 0, **settings: Any) -> Artwork:
    """An artwork as a run has it, and its story in three generations."""
    settled = config(**settings)
    rng = np.random.default_rng(seed)
    steps = [
        Step(
            number,
            number * 4,
            number / 8,
            number / 4,
            math.nan,
            rng.random(settled.encoding.length, np.float32),
        )
        for number in (1, 2, 3)
    ]
    genome = steps[-1].genome
    metadata = {
        "Title": "Nr. 7 <\"&'> größer",
        "Software": f"evonsfw {evonsfw.__version__}",
        "evonsfw:genome": genome_to_text(genome),
        "evonsfw:genome_sha256": genome_hash(genome),
        "evonsfw:settings": json.dumps(settled.to_dict()),
        "evonsfw:seed": "3",
        "evonsfw:classifier_sha256": "ab" * 32,
        "evonsfw:score": "0.750000",
        "evonsfw:scored_size": settled.size,
        "evonsfw:generation": "3",
        "evonsfw:version": evonsfw.__version__,
        "evonsfw:format": "1",
    }
    contributions = tuple(np.round(rng.random(settled.n) - 0.5, 4).tolist())
    told = {key: str(value) for key, value in settled.to_dict().items()}
    story = Story(steps, "nsfw", told)
    return Artwork(genome, settled.encoding, metadata, contributions, story)


def gridded(genes: np.ndarray, encoding: Encoding) -> Genome:
    """The nearest genome on the grid: k / 4095, colours and alpha k / 255."""
    near = np.rint(genes.astype(np.float64) * 255) / 255
    geometry = encoding.rows(genes)[:, :-4].astype(np.float64)
    encoding.rows(near)[:, :-4] = np.rint(geometry * 4095) / 4095
    return near.astype(np.float32)


def manner(exporter: Exporter, **more: Any) -> Manner:
    """What the exporter takes, briefly."""
    return BRIEF if "fps" in exporter.TAKES else Manner(**more)


@contextmanager
def full_disk(room: int = 64) -> Iterator[None]:
    """No file of this process grows above `room` bytes: writing more raises OSError."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (room, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
