"""`evonsfw excite`: an objective to the picture that excites it, as a file."""

from __future__ import annotations

import json
import re
from pathlib import Path

import numpy as np

from evonsfw import findings
from evonsfw.aim import read_aim
from evonsfw.classifier import Classifier, describe
from evonsfw.discovery import nearest
from evonsfw.insight.excite import CEILING, PRIORS, SEARCHES, Aim, Excited, evolve, excite, prior_of
from evonsfw.model_spec import DEFAULT
from evonsfw.preparation import Pictures
from evonsfw.telling import Heard, unheard

ITERATIONS = {"gradient": 256, "cma": 32}
"""Steps unless it is told; a generation of CMA-ES takes some twenty scorings."""


def excite_file(
    objective: str,
    classifier: str = DEFAULT,
    prior: str = "fourier",
    search: str = "gradient",
    size: int = 512,
    iterations: int | None = None,
    seed: int = 0,
    out: Path | None = None,
    force: bool = False,
    heard: Heard = unheard,
) -> list[str]:
    """Make a picture from nothing, and write it and its numbers.

    Args:
        objective: as `aim.read_aim` takes it.
        classifier: a known name, a .yaml or an .onnx.
        prior: one of `insight.excite.PRIORS`.
        search: one of `insight.excite.SEARCHES`; "cma" is for the prior "cppn".
        size: of the picture, in pixels; the picture is the same in any.
        iterations: steps, or generations; None for `ITERATIONS`.
        seed: of the start and the views.
        out: the .png; None for a name made of objective, prior and seed, in the current folder.
        force: whether files that are there may be written over.
        heard: told of each step.

    Returns:
        what was written, and the scores of the saved picture, as lines to print.

    Raises:
        ValueError: something is not there, or does not fit, or a file cannot be written.
    """
    _require(prior, search)
    spec = describe(classifier)
    target = out or Path(f"{_plain(objective)}_{prior}_{seed}.png")
    findings.require_suffix(target)
    findings.require_free([target, findings.array_beside(target)], force)
    scorer, aim = Classifier(spec), Aim(spec, read_aim(spec, objective))
    count = iterations or ITERATIONS[search]
    climb = evolve if search == "cma" else excite
    made = prior_of(prior, spec, search)
    found = climb(aim, made, np.random.default_rng(seed), count, size, heard)
    pixels = np.clip(np.rint(found.pixels), 0, 255).astype(np.uint8)
    settings = {"objective": objective, "prior": prior, "search": search, "seed": seed}
    settings |= {"iterations": len(found.trace), "classifier": scorer.hash}
    texts = {"instrument": "excite", "excite": json.dumps(settings)}
    findings.write_picture(target, pixels, found.pixels, texts, force)
    said = f"{objective} {found.trace[0]:.3f} at the start, {found.trace[-1]:.3f} in the end"
    return [str(target), said, *_lines(scorer, pixels, found, count)]


def _lines(scorer: Classifier, pixels: Pictures, found: Excited, count: int) -> list[str]:
    """Scores of the picture, and whether there were fewer steps than asked for."""
    spec, scores = scorer.spec, scorer.probabilities([pixels])[0]
    named = sorted(zip(scores.tolist(), spec.classes, strict=True), reverse=True)[:5]
    lines = [", ".join(f"{name} {score:.6f}" for score, name in named)]
    if len(found.trace) < count:
        name = spec.classes[spec.class_index(None)]
        why = f"{name} was at {CEILING} or more in the views that were climbed"
        lines.append(f"stopped after {len(found.trace)} steps: {why}")
    return lines


def _require(prior: str, search: str) -> None:
    """Raise ValueError where there is no such prior or search, or they do not fit."""
    for flag, value, known in (("prior", prior, PRIORS), ("search", search, SEARCHES)):
        if value not in known:
            raise ValueError(f"--{flag} {value}: {nearest(value, known)}")
    if search == "cma" and prior != "cppn":
        raise ValueError(f"--search cma: too many numbers for --prior {prior}: use --prior cppn")


def _plain(objective: str) -> str:
    """An objective as part of a file's name."""
    return re.sub(r"[^A-Za-z0-9]+", "-", objective).strip("-")[:60] or "excite"
