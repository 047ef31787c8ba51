"""Exporters, one file format a file: the file's name is the ending of the picture's name.

An exporter writes one genome. What a person needs to make the picture again travels inside it.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from evonsfw.discovery import Folder
from evonsfw.genome import Encoding, Genome
from evonsfw.shapes import Canvas


@dataclass(frozen=True)
class Artwork:
    """A genome with its meaning and its provenance.

    Attributes:
        genome: (L,) float32 in [0, 1].
        encoding: what its genes mean.
        metadata: keyword to text, written into the file.
    """

    genome: Genome
    encoding: Encoding
    metadata: dict[str, str] = field(default_factory=dict)


class Exporter(Protocol):
    """What a file in this folder provides."""

    SUFFIX: str
    """The ending of its files, with the dot."""

    def write(self, path: Path, artwork: Artwork, canvas: Canvas) -> None:
        """Write the artwork at a size; the file is there whole or not at all."""
        ...


FOLDER: Folder[Exporter] = Folder(__name__, "exporter")


def exporter_names() -> list[str]:
    """Every exporter there is, sorted."""
    return FOLDER.names()


def load_exporter(name: str) -> Exporter:
    """The exporter called `name`; ValueError with the nearest names where there is none."""
    return FOLDER.load(name)
