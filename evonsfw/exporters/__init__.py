"""Exporters, one file format a file: the file's name is the ending of the picture's name.

An exporter writes one genome, or the film or the page of a whole run. What a person needs to make
the picture again travels inside every file, and `read` gets it back.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple, Protocol

from evonsfw.discovery import Folder
from evonsfw.genome import Encoding, Genome
from evonsfw.shapes import Canvas


class Step(NamedTuple):
    """One generation of a run.

    Attributes:
        number: counted from 1.
        evaluations: scorings until then.
        seconds: since the run began.
        best_score: of the best individual so far, as people see it.
        mean_score: of the population's individuals; NaN where it was not kept.
        genome: (L,) float32, the best individual so far.
    """

    number: int
    evaluations: int
    seconds: float
    best_score: float
    mean_score: float
    genome: Genome


@dataclass(frozen=True)
class Story:
    """A run, generation by generation: what films and pages tell.

    Attributes:
        steps: from the first generation to the last, at least one; each is read when asked for.
        label: what the score is called.
        settings: keys and values of config.yaml, in its order, as text.
    """

    steps: Sequence[Step]
    label: str
    settings: dict[str, str]


@dataclass(frozen=True)
class Artwork:
    """A genome with its meaning and its provenance.

    Attributes:
        genome: (L,) float32 in [0, 1].
        encoding: what its genes mean.
        metadata: keyword to text, written into the file.
        contributions: of each shape in painting order, the score without it minus the score with
            it; empty where they are not known.
        story: the run that it comes from, for films and pages.
    """

    genome: Genome
    encoding: Encoding
    metadata: dict[str, str] = field(default_factory=dict)
    contributions: tuple[float, ...] = ()
    story: Story | None = None


@dataclass(frozen=True)
class Manner:
    """How a file is to be written, beside its size. An exporter looks at what it `TAKES`.

    Attributes:
        transparent: leave the background out.
        fps: pictures a second of a film; None for the format's own.
        seconds: length of a film; None for the format's own.
        contributions: say what each shape contributes even where the format is sparing with that.
    """

    transparent: bool = False
    fps: int | None = None
    seconds: float | None = None
    contributions: bool = False


PLAIN = Manner()


class Exporter(Protocol):
    """What a file in this folder provides."""

    SUFFIX: str
    """The ending of its files, with the dot."""
    TAKES: frozenset[str]
    """Of "transparent", "fps", "seconds", "contributions", "story": what it looks at. With "story"
    it needs one. With "sparing" it has the contributions to a likeness, where no classifier's score
    counts, only if they are asked for."""
    LARGEST: int
    """The longest side in pixels that it writes."""

    def default_canvas(self, canvas: Canvas) -> Canvas:
        """Width and height in pixels where no size is asked for, from those that were scored."""
        ...

    def written_canvas(self, canvas: Canvas, manner: Manner = PLAIN) -> Canvas:
        """The size that is written where this one is asked for.

        Raises:
            ValueError: the manner is out of range.
        """
        ...

    def write(self, path: Path, artwork: Artwork, canvas: Canvas, manner: Manner = PLAIN) -> None:
        """Write the artwork at a size; the file is there whole or not at all.

        Raises:
            OSError: the disk is full or gone, or the folder is not there.
        """
        ...

    def read(self, path: Path) -> dict[str, str]:
        """The metadata in a file that may be anybody's; empty where there is none.

        Raises:
            ValueError: it cannot be read, or is no file of this format.
        """
        ...

    def same(self, path: Path, artwork: Artwork) -> bool | None:
        """Whether what is seen in a file is what its artwork gives at its size, pixel by pixel
        (or, for a drawing, element by element); None where the format does not keep it exactly.

        Raises:
            ValueError: the file is cut short or damaged.
        """
        ...


FOLDER: Folder[Exporter] = Folder(__name__, "exporter")


def exporter_names() -> list[str]:
    """Every exporter there is, sorted."""
    return FOLDER.names()


def load_exporter(name: str) -> Exporter:
    """The exporter called `name`; ValueError with the nearest names where there is none."""
    return FOLDER.load(name)


def exporter_of(path: Path) -> Exporter:
    """The exporter for a file's ending.

    Raises:
        ValueError: no exporter has it; says which endings there are.
    """
    name = path.suffix.lower().removeprefix(".")
    if name not in exporter_names():
        endings = ", ".join(f".{known}" for known in exporter_names())
        raise ValueError(f"{path}: no exporter writes '{path.suffix}': expected one of {endings}")
    return load_exporter(name)
