"""What the window shows, as plain data: the moment of a run, and how it is looked at."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from evonsfw.genome import Drawing, Encoding, Genome
from evonsfw.shapes import Canvas

PICTURE, POPULATION, SHAPES = MODES = ("picture", "population", "shapes")
"""What `Look.mode` can be."""

NEAR = "≈"
"""Before the mean of scores that are a backend's and not the reference's."""


@dataclass(frozen=True)
class View:
    """What stays the same during a run.

    Attributes:
        encoding: what the genes mean.
        canvas: width and height that were scored, for the picture's proportions.
        label: what the score is called.
        seed: the run's, where it is known.
    """

    encoding: Encoding
    canvas: Canvas
    label: str
    seed: int | None = None


@dataclass(frozen=True)
class Look:
    """What keys and mouse have set.

    Attributes:
        hud: whether figures, graph and thumbnails are shown beside the picture.
        keys: whether the help sheet is shown.
        mode: one of `MODES`: the picture, the newest population, or what each shape contributes.
        chosen: the individual of the population that is looked at large, by its index.
        hover: where the mouse is, in pixels from the top left; None where it is outside.
    """

    hud: bool = True
    keys: bool = False
    mode: str = PICTURE
    chosen: int | None = None
    hover: tuple[int, int] | None = None


@dataclass(frozen=True, eq=False)
class Shown:
    """The generation on show: the newest, or one that was gone back to.

    Attributes:
        number: counted from 1.
        genome: (L,) float32, its best individual.
        score: that individual's.
        mean_score: over the generation's population; NaN where it is not known.
        evaluations: pictures scored until then.
        seconds: since the run began, until then.
        past: whether it is not the newest, or is being held on to.
        liked: whether somebody marked it.
        near: whether `mean_score` is a backend's that is only nearly right.
        drawing: what is seen instead of the genome's picture, on the way from one generation's to
            another's, where the run is played as a film.
    """

    number: int
    genome: Genome
    score: float
    mean_score: float
    evaluations: int
    seconds: float
    past: bool = False
    liked: bool = False
    near: bool = False
    drawing: Drawing | None = None


@dataclass(frozen=True, eq=False)
class Chart:
    """The run so far, thinned to at most some 2,000 generations, the first and the last kept.

    Attributes:
        numbers: (M,) int64 generations, rising, at least one.
        best: (M,) float64 best scores.
        mean: (M,) float64 mean scores; NaN where not known.
        near: whether means among them are a backend's that is only nearly right.
    """

    numbers: npt.NDArray[np.int64]
    best: npt.NDArray[np.float64]
    mean: npt.NDArray[np.float64]
    near: bool = False


@dataclass(frozen=True)
class Contributions:
    """What each shape of one genome contributes, or how far working it out has come.

    Attributes:
        genome_hash: of that genome; contributions of another than the one on show are not shown.
        values: for each of N shapes in painting order, the score without it minus the score with
            it; None while it is being worked out.
        done: shapes that are worked out.
        message: shown instead of the progress, such as why it cannot be worked out.
    """

    genome_hash: str
    values: tuple[float, ...] | None
    done: int
    message: str = ""


@dataclass(frozen=True, eq=False)
class Moment:
    """One moment of a run, as a frame needs it.

    Attributes:
        generation: the newest one's number.
        evaluations: pictures scored by the run.
        rate: scorings per second over the last seconds.
        paused: whether the run is held.
        finished: whether it is over.
        message: one line, or more, shown over the picture; empty for none.
        shown: the generation on show.
        chart: the scores so far.
        thumbnails: (generation, best genome) of past generations, oldest first, evenly chosen.
        population: the newest one's genomes, best first.
        scores: of the population, in that order.
        liked: generations that somebody marked.
        contributions: of the genome on show, once they were asked for.
        every: every how many generations the best picture is kept, at least 1.
    """

    generation: int
    evaluations: int
    rate: float
    paused: bool
    finished: bool
    message: str
    shown: Shown
    chart: Chart
    thumbnails: tuple[tuple[int, Genome], ...] = ()
    population: tuple[Genome, ...] = ()
    scores: tuple[float, ...] = ()
    liked: frozenset[int] = frozenset()
    contributions: Contributions | None = None
    every: int = 1


def format_score(score: float) -> str:
    """A probability with as many digits as tell it from 1, or an RMSE with two."""
    if math.isnan(score):
        return "…"
    if score > 1.0:
        return f"{score:.2f}"
    return f"{score:.4f}" if score < 0.9995 else f"{score:.6f}"
