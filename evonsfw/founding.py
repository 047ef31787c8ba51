"""Runs that begin with a picture: one of a file (`--from`), or one of another run (a branch)."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from evonsfw import nudges
from evonsfw.classifier import REFERENCE
from evonsfw.config import FOUNDED_EVALUATIONS, START, RunConfig, make_config
from evonsfw.generation import Champion, Founder, read_only
from evonsfw.genome import genome_hash
from evonsfw.live import Branch
from evonsfw.model_spec import check_hash
from evonsfw.pipeline import Pipeline
from evonsfw.provenance import Provenance, read_provenance
from evonsfw.reference import with_targets
from evonsfw.runs import RunFolder
from evonsfw.scene import format_score
from evonsfw.stage import Stage, models_of
from evonsfw.wishes import has_value, looks_at_target, needs_of

PICTURE = ("shapes", "n", "alpha", "background", "palette")
"""Settings that say what the genes mean: they are the picture's, whatever it is to become."""
GOALS = ("objective", "target", "target_score", "pareto")
"""Settings of which any that is given takes the place of all; the weight goes with the target."""
SEARCHED = ("search", "gradient", "classifier", *GOALS)
"""Settings that the population and the use of gradients were worked out for."""
ENDS = ("generations", "evaluations", "minutes", "until", "until_rmse", "fewest")
DROPPED = ("seed", "from", *ENDS, "workers", "backend", "device", "every")
"""Settings of the run that a picture comes from, and not of the picture."""
GENERATION = "evonsfw:generation"
"""Keyword of the text with the generation that a picture is of."""


def settings_from(path: Path, given: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """The settings with which a run goes on from a picture, by their keys in config.yaml.

    Args:
        path: a file that evonsfw wrote.
        given: settings that are to lie over these, by key or field name; None counts as not given.
            What belongs to another goal, search or classifier than theirs is left out.

    Raises:
        ValueError: it holds no genome, it is damaged, or what it was made with is gone.
    """
    named = {key.rstrip("_"): value for key, value in (given or {}).items() if value is not None}
    config = _read(path).config
    values = config.to_dict()
    left_out = {*DROPPED, *_of_another_goal(values, named)}
    if named.keys() & {*SEARCHED}:
        left_out |= {"population", "gradient"}
    values = {key: value for key, value in values.items() if key not in left_out}
    _require_classifiers(path, config, named)
    if values.get("target") is not None and "target" not in named:
        values |= _target(path, config, named)
    return values


def _of_another_goal(values: Mapping[str, Any], named: Mapping[str, Any]) -> set[str]:
    """Keys of the settings that have no meaning beside those that are given."""
    left_out: set[str] = set()
    changed = any(key in named for key in GOALS)
    if changed or ("class" in named and _without_class(values)):
        left_out |= {*GOALS, "weight"} | ({"search"} if values["pareto"] else set())
        if "target" not in named and looks_at_target(str(named.get("objective", "highest"))):
            left_out -= {"target", "weight"}
    kept = {key: value for key, value in values.items() if key not in left_out}
    if "classifier" in named or _without_class({**kept, **named}):
        left_out.add("class")
    return left_out


def _without_class(values: Mapping[str, Any]) -> bool:
    """Whether these settings' goal takes no `class`."""
    return values.get("target") is not None or has_value(values.get("objective") or "highest")


def founder(config: RunConfig) -> Founder | None:
    """The picture that the settings' `from` names, or None where they name none.

    Raises:
        ValueError: it holds no genome, it is damaged, or its genes mean something else than these
            settings say.
    """
    if config.from_ is None:
        return None
    path = Path(config.from_)
    found = _read(path)
    _require_alike(path, found.config, config)
    parent: dict[str, str | int] = {"file": str(path)}
    number = found.texts.get(GENERATION, "")
    if number.isdecimal() and len(number) < 10:
        parent["generation"] = int(number)
    return _founder(found.genome, found.texts, parent)


def branched(config: RunConfig, run: Path, branch: Branch) -> tuple[RunConfig, Founder]:
    """The settings and the founder of a run that leaves another.

    Args:
        config: complete settings of the run that is left.
        run: its folder.
        branch: the individual that is taken along.

    Raises:
        ValueError: the classifier is gone.
    """
    open_again = dict.fromkeys(ENDS) | {"fewest": False}
    seed = {"seed": secrets.randbelow(2**32)}
    hashes = "+".join(check_hash(model) for model in models_of(config))
    champion = Champion(read_only(branch.genome), 0.0, branch.score, branch.generation)
    texts = RunFolder(run, config, hashes).artwork(champion).metadata
    parent: dict[str, str | int] = {"run": str(run), "generation": branch.generation}
    founder = _founder(branch.genome, texts, parent)
    return make_config({**config.to_dict(), **open_again, **seed, "from": START}), founder


def founded(stage: Stage, given: RunConfig, founder: Founder) -> tuple[Stage, str]:
    """A run's stage with ends that fit its founder, and words about both.

    Args:
        stage: with complete settings.
        given: the settings as they were before they were completed.
        founder: what the run begins with.
    """
    job = replace(stage.job, backend=REFERENCE, files=(), gradient=False)
    pipeline = Pipeline(job, classifiers=stage.references)
    score = float(pipeline.evaluate(founder.genome[None]).scores[0])
    words = f"from {_place(founder)} with {stage.label} {format_score(score)}"
    until = stage.config.until
    if given.has_end or until is None or not stage.wish.reached(score, until):
        return stage, words
    ends = {"until": None, "evaluations": FOUNDED_EVALUATIONS}
    config = make_config({**stage.config.to_dict(), **ends})
    more = f"which is good enough already: {FOUNDED_EVALUATIONS:,} scorings, for more"
    return replace(stage, config=config), f"{words}, {more}"


def _place(founder: Founder) -> str:
    parent = founder.parent
    if "run" in parent:
        return f"generation {parent['generation']} of {parent['run']}"
    return str(parent["file"])


def _founder(genome: Any, texts: dict[str, str], parent: dict[str, str | int]) -> Founder:
    hashed: dict[str, str | int] = {**parent, "genome_sha256": genome_hash(genome)}
    return Founder(read_only(genome), nudges.without(texts), hashed)


def _read(path: Path) -> Provenance:
    found = read_provenance(path)
    if found is None:
        raise ValueError(
            f"--from {path}: it holds no genome; give a PNG, SVG or JSON that evonsfw wrote"
        )
    return found


def _require_alike(path: Path, theirs: RunConfig, ours: RunConfig) -> None:
    for key in PICTURE:
        has, wanted = _shown(getattr(theirs, key)), _shown(getattr(ours, key))
        if has.lower() != wanted.lower():
            told = f"{theirs.n} {'+'.join(theirs.shapes)}" if key in ("n", "shapes") else ""
            told = told or f"{key} {has or 'of any colours'}"
            raise ValueError(f"--from {path} has {told}: leave out --{key} {wanted}")


def _shown(value: Any) -> str:
    """A setting's value as one types it."""
    if isinstance(value, tuple):
        between = " " if value and isinstance(value[0], float) else ","
        return between.join(str(part) for part in value)
    return str(value)


def _require_classifiers(path: Path, config: RunConfig, named: Mapping[str, Any]) -> None:
    """Raise ValueError where the file of a classifier that is wanted is not there."""
    named_anew = "classifier" in named or "target" in named
    if named_anew or "probabilities" not in needs_of(config.goal_name):
        return
    for name in config.classifiers:
        if Path(name).suffix in (".yaml", ".yml", ".onnx") and not Path(name).is_file():
            raise ValueError(
                f"--from {path}: its classifier {name}: no such file: give --classifier"
            )


def _target(path: Path, config: RunConfig, named: Mapping[str, Any]) -> dict[str, str]:
    """The target picture and its mask, under the names that they had or as the run folder keeps
    them; without the mask where another was given.
    """
    if "weight" in named:
        config = make_config({**config.to_dict(), "weight": None})
    found = with_targets(config, path)[0]
    files = {"target": found.target, "weight": found.weight}
    for key, name in files.items():
        if name is not None and not Path(name).is_file():
            what = {"target": "target picture", "weight": "weight mask"}[key]
            raise ValueError(f"--from {path}: its {what} {name}: no such file: give --{key}")
    return {key: name for key, name in files.items() if name is not None}
