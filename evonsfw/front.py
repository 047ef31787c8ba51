"""What `--pareto` leaves: the pictures that no other beats in every wish, a table and a plot.

An individual is in the front unless another is nowhere worse and somewhere better (Deb, Pratap,
Agarwal, Meyarivan 2002, section III-A), both by the reference.
"""

from __future__ import annotations

import csv
import io
import json
import shutil
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import numpy.typing as npt

from evonsfw.classifier import REFERENCE
from evonsfw.exporters import png, svg
from evonsfw.front_plot import Point, plot
from evonsfw.generation import Champion
from evonsfw.genome import Genome, genome_hash
from evonsfw.pictures import open_picture
from evonsfw.pipeline import Pipeline
from evonsfw.runs import RunFolder
from evonsfw.several import expressions
from evonsfw.stage import Stage

Genomes = npt.NDArray[np.float32]
Parts = npt.NDArray[np.float64]
FOLDER, TABLE, PLOT = "front", "front.csv", "front.svg"
WISHES = "evonsfw:wishes"
"""Keyword of the text chunk that holds each wish's value."""
GENERATION = "evonsfw:generation"
"""Keyword of the chunk, which `runs` writes, with the generation that a picture is of."""


def non_dominated(parts: Parts) -> npt.NDArray[np.bool_]:
    """(P, M) values, larger is better, to (P,): whether none is nowhere worse and somewhere
    better. Of equals, all are or none is.
    """
    beaten = [
        bool(np.any(np.all(parts >= one, axis=1) & np.any(parts > one, axis=1))) for one in parts
    ]
    return ~np.array(beaten, bool)


def front_due(stage: Stage, path: Path, generation: int) -> bool:
    """Whether a `--pareto` run that is at its end has no front of its last generation: it was
    killed before the front was written, or while it was.
    """
    first = path / FOLDER / "001.png"
    if not stage.config.pareto or not first.is_file():
        return stage.config.pareto
    return bool(open_picture(first, "picture").info.get(GENERATION) != str(generation))


def write_front(stage: Stage, folder: RunFolder, genomes: Genomes, generation: int) -> str:
    """Write the front of a population into the run folder, in place of an earlier one.

    Args:
        stage: the run's.
        folder: where to.
        genomes: (P, L) float32 population.
        generation: its number.

    Returns:
        one line: where, how many, and how many scorings that took.

    Raises:
        OSError: the disk is full or gone; an earlier front is kept.
    """
    job = replace(stage.job, backend=REFERENCE, files=(), gradient=False)
    pipeline = Pipeline(job, classifiers=stage.references)
    everyone = np.unique(genomes, axis=0)
    parts = _parts(pipeline, everyone)
    inside = non_dominated(parts)
    order = np.flatnonzero(inside)[np.lexsort(-parts[inside].T[::-1])]
    draft = folder.path / f"{FOLDER}.draft"
    shutil.rmtree(draft, ignore_errors=True)
    draft.mkdir()
    for number, place in enumerate(order, start=1):
        _write(folder, draft / f"{number:03}", everyone[place], parts[place], generation)
    points = [_read(pipeline, draft / f"{n:03}.png") for n in range(1, len(order) + 1)]
    wishes = expressions(stage.config.goal_name)
    hashes = [genome_hash(everyone[place]) for place in order]
    (draft / TABLE).write_text(_table(wishes, points, hashes), encoding="utf-8")
    (draft / PLOT).write_text(plot(wishes, points, parts[~inside].tolist()), encoding="utf-8")
    _replace(draft, folder.path / FOLDER)
    scorings = (len(everyone) * len(job.views) + len(points)) * max(1, len(job.models))
    return (
        f"{folder.path / FOLDER}: {len(points)} of {len(everyone)} pictures, which no other beats "
        f"in every wish; {scorings} more scorings by the reference"
    )


def _parts(pipeline: Pipeline, genomes: Genomes) -> Parts:
    parts = pipeline.evaluate(genomes).parts
    assert parts is not None, "several wishes"
    return parts


def _write(
    folder: RunFolder, path: Path, genome: Genome, parts: Sequence[float], generation: int
) -> None:
    """One picture as PNG and SVG, with every wish's value in it."""
    value = float(parts[0])
    artwork = folder.artwork(Champion(genome, value, value, generation))
    wishes = expressions(folder.config.goal_name)
    values = json.dumps(dict(zip(wishes, (round(float(v), 6) for v in parts), strict=True)))
    artwork = replace(artwork, metadata={**artwork.metadata, WISHES: values})
    png.write(path.with_suffix(png.SUFFIX), artwork, folder.config.canvas)
    svg.write(path.with_suffix(svg.SUFFIX), artwork, folder.config.canvas)


def _read(pipeline: Pipeline, path: Path) -> Point:
    """The picture of a file, and what it is worth."""
    picture = np.asarray(open_picture(path, "picture").convert("RGB"))
    parts = pipeline.evaluate_pictures(picture[None]).parts
    assert parts is not None, "several wishes"
    return Point(path.name, tuple(parts[0].tolist()), picture)


def _table(wishes: Sequence[str], points: Sequence[Point], hashes: Sequence[str]) -> str:
    """One row a picture: file, each wish's value, the genome's hash."""
    text = io.StringIO()
    rows = csv.writer(text, lineterminator="\n")
    rows.writerow(["file", *wishes, "genome_sha256"])
    for point, digest in zip(points, hashes, strict=True):
        rows.writerow([point.file, *(f"{value:.6f}" for value in point.values), digest])
    return text.getvalue()


def _replace(draft: Path, path: Path) -> None:
    """Put a finished folder in the place of one that may be there."""
    before = path.with_name(f"{path.name}.previous")
    shutil.rmtree(before, ignore_errors=True)
    if path.exists():
        path.rename(before)
    draft.rename(path)
    shutil.rmtree(before, ignore_errors=True)
