"""`evonsfw verify`: whether files show what the genome inside gives, and score what they say.

A file may be a stranger's. Nothing in it is believed: its genome is drawn and scored again, by the
reference pipeline of a classifier whose file has the SHA-256 that is claimed.
"""

from __future__ import annotations

import json
import math
import struct
import sys
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from evonsfw.chronicle import CLASSIFIER, SCORE, read_picture
from evonsfw.config import RunConfig
from evonsfw.exporters import Artwork, exporter_of
from evonsfw.front import WISHES
from evonsfw.genome import genome_hash
from evonsfw.pictures import open_picture
from evonsfw.pipeline import Evaluation, Pipeline
from evonsfw.provenance import Provenance
from evonsfw.reference import reference_of, with_targets
from evonsfw.several import expressions
from evonsfw.shapes import Canvas
from evonsfw.stage import Stage
from evonsfw.telling import Say
from evonsfw.wishes import has_value

TOLERANCE = 1e-4
"""How far a score may be from what is claimed; of an expression's, which may be any number, that
share where it is above 1. Other processors round the last digits differently.
"""
SCORING = ("classifier", "class", "objective", "target_score", "target", "weight")
"""Settings that a pipeline depends on, beside the encoding, the canvas and whether it is robust."""
PNG = b"\x89PNG\r\n\x1a\n"


@dataclass(frozen=True)
class Finding:
    """What came of looking at one claim.

    Attributes:
        holds: whether it is as claimed.
        words: what to say of it.
    """

    holds: bool
    words: str


def verify_files(
    files: Sequence[Path],
    say: Say,
    complain: Say = lambda line: print(f"evonsfw: {line}", file=sys.stderr, flush=True),
) -> int:
    """Look at files one by one and say one line of each.

    Args:
        files: names.
        say: prints a line of a file that was looked at.
        complain: prints a line of a file that cannot be.

    Returns:
        0 where all is as claimed; 1 where something is not, or could not be scored; 2 where a file
        cannot be read or holds no genome.
    """
    judges, worst = Judges(), 0
    for path in files:
        try:
            findings = verify(path, judges)
        except (ValueError, OSError) as error:
            complain(_in_words(path, error))
            worst = 2
            continue
        good = all(finding.holds for finding in findings)
        worst = max(worst, 0 if good else 1)
        say(f"{path}: " + (", " if good else "; ").join(one.words for one in findings))
    return worst


def verify(path: Path, judges: Judges) -> list[Finding]:
    """What is to be said of one file, the claims that do not hold in capitals.

    Raises:
        ValueError: it cannot be read, is cut short, or holds no genome of this version's.
    """
    found = read_picture(path)
    size = _png_size(path)
    findings = [_genome(found), _look(path, found, size)]
    if not all(one.holds for one in findings) and size == found.config.canvas:
        findings.append(_own_score(path, found, judges))
    return [*findings, *_scores(path, found, size, judges), *_texts(found)]


class Judges:
    """Reference pipelines, each opened once for all the files that it scores."""

    def __init__(self) -> None:
        self._open: dict[str, tuple[Stage, Pipeline]] = {}

    def of(self, config: RunConfig) -> tuple[Stage, Pipeline]:
        """What scores pictures of these settings.

        Raises:
            ValueError: as `reference_of`.
        """
        values = config.to_dict()
        parts = [values[key] for key in SCORING] + [config.target and config.size]
        key = json.dumps(parts)
        if key not in self._open:
            self._open[key] = reference_of(config)
        stage, pipeline = self._open[key]
        job = replace(
            stage.job, encoding=config.encoding, canvas=config.canvas, robust=config.robust
        )
        return replace(stage, config=config, job=job), pipeline.with_job(job)


def _genome(found: Provenance) -> Finding:
    """Whether the genome is the one that was written."""
    whole = found.texts.get("evonsfw:genome_sha256") == genome_hash(found.genome)
    return Finding(whole, "genome whole" if whole else "GENOME CHANGED: its SHA-256 is another")


def _look(path: Path, found: Provenance, size: Canvas | None) -> Finding:
    """Whether what is seen is what the genome gives."""
    artwork = Artwork(found.genome, found.config.encoding, found.texts)
    same = exporter_of(path).same(path, artwork)
    what = "shapes" if size is None else "pixels"
    if same is None:
        return Finding(True, f"{path.suffix.removeprefix('.')} not kept pixel by pixel")
    if not same:
        return Finding(False, f"{what.upper()} DIFFER from the genome's picture")
    elsewhere = size is not None and size != found.config.canvas
    return Finding(True, f"{what} identical" + (f" at {_by(size)}" if elsewhere else ""))


def _own_score(path: Path, found: Provenance, judges: Judges) -> Finding:
    """What the file's own pixels score, where they are not the genome's."""
    try:
        stage, pipeline = judges.of(with_targets(found.config, path)[0])
        picture = np.asarray(open_picture(path, "picture").convert("RGB"))
        score = float(pipeline.evaluate_pictures(picture[None]).scores[0])
    except ValueError:
        return Finding(False, "its own score could not be had")
    return Finding(False, f"the file itself has {stage.wish.label} {score:.6f}")


def _scores(path: Path, found: Provenance, size: Canvas | None, judges: Judges) -> list[Finding]:
    """Whether the score, and each wish's value where there are several, are as claimed; with the
    target picture that agrees, where there are several that may be the run's.
    """
    tries = [_scored(found, config, size, judges) for config in with_targets(found.config, path)]
    good = [findings for findings in tries if all(one.holds for one in findings)]
    return (good or tries)[0]


def _scored(
    found: Provenance, config: RunConfig, size: Canvas | None, judges: Judges
) -> list[Finding]:
    try:
        stage, pipeline = judges.of(config)
        claimed = found.texts.get(CLASSIFIER, "")
        if stage.classifier_hash and not claimed:
            raise ValueError("it does not say by which classifier's file")
        if stage.classifier_hash != claimed:
            raise ValueError("the classifier's file here is another")
        result = pipeline.evaluate(found.genome[None])
    except ValueError as error:
        return [Finding(False, f"score not checked: {error}")]
    where = f" at {_by(config.canvas)}" if size not in (None, config.canvas) else ""
    score = float(result.scores[0])
    scale = max(1.0, abs(score)) if has_value(config.goal_name) else 1.0
    claims = [_claim(stage.label, found.texts.get(SCORE), score, scale, where)]
    return claims + _wishes(found.texts, config, result)


def _claim(label: str, claimed: str | None, score: float, scale: float, where: str = "") -> Finding:
    """One number against what is said of it; `scale` is the size of the numbers it is one of."""
    if claimed is None:
        return Finding(False, f"SCORE: none claimed, {label} {score:.6f} found")
    try:
        number = float(claimed)
    except ValueError:
        number = math.nan
    if abs(number - score) <= TOLERANCE * scale:
        return Finding(True, f"{label} {claimed}{where} as claimed")
    return Finding(False, f"SCORE: {label} {claimed[:40]} claimed, {score:.6f}{where} found")


def _wishes(texts: dict[str, str], config: RunConfig, result: Evaluation) -> list[Finding]:
    """Each wish's value, of a picture of a front."""
    if WISHES not in texts or result.parts is None:
        return []
    wishes = expressions(config.goal_name)
    try:
        claimed = {str(key): str(value) for key, value in json.loads(texts[WISHES]).items()}
    except (ValueError, AttributeError, RecursionError):
        claimed = {}
    if list(claimed) != list(wishes):
        return [Finding(False, "WISHES: claimed for others than its settings have")]
    found = result.parts[0].tolist()
    rest = list(zip(wishes, found, strict=True))[1:]  # the first one's value is the score
    return [_claim(wish, claimed[wish], value, max(1.0, abs(value))) for wish, value in rest]


def _texts(found: Provenance) -> list[Finding]:
    """Those claims that are settings told a second time, where they contradict them."""
    again = {"seed": str(found.config.seed), "scored_size": found.config.size}
    told = {key: found.texts.get(f"evonsfw:{key}", "none") for key in again}
    return [
        Finding(False, f"{key.upper()}: {told[key][:40]} claimed, {value} in its settings")
        for key, value in again.items()
        if told[key] != value
    ]


def _png_size(path: Path) -> Canvas | None:
    """Width and height in pixels of a PNG; None of any other file."""
    with path.open("rb") as file:
        head = file.read(24)
    if not head.startswith(PNG) or len(head) < 24:
        return None
    width, height = struct.unpack(">II", head[16:])
    return width, height


def _by(size: Canvas | None) -> str:
    return "" if size is None else f"{size[0]}x{size[1]}"


def _in_words(path: Path, error: Exception) -> str:
    """Why a file cannot be looked at, on one line that names it."""
    reason = getattr(error, "strerror", None) or str(error)
    words = " ".join(str(reason).split())
    return words if str(path) in words else f"{path}: {words}"
