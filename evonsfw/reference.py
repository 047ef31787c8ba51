"""The reference pipeline of settings that a file holds, whatever the run itself was scored by."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from evonsfw.backends import AUTO
from evonsfw.classifier import REFERENCE
from evonsfw.config import RunConfig, make_config
from evonsfw.pipeline import Pipeline
from evonsfw.runs import TARGET
from evonsfw.stage import Stage, set_up


def reference_of(config: RunConfig) -> tuple[Stage, Pipeline]:
    """What scores pictures of a run as the run's own scores are told.

    Args:
        config: complete settings, as a picture or a run folder has them.

    Returns:
        the stage, and the pipeline of its job on the CPU in float32, one picture at a time.

    Raises:
        ValueError: the classifier or the target is not there, or is not what it was.
    """
    stage = set_up(make_config({**config.to_dict(), "backend": REFERENCE, "device": AUTO}))
    stage = replace(stage, job=replace(stage.job, files=(), gradient=False))
    return stage, Pipeline(stage.job, classifiers=stage.references)


def with_targets(config: RunConfig, file: Path) -> list[RunConfig]:
    """The settings with each file that may be the target picture they name: under its own name,
    and as the run folder keeps it, beside a picture or in the folder above.

    Args:
        config: settings.
        file: the picture that they were read from.

    Returns:
        at least one; the settings themselves where they name no target, or none is there.
    """
    if config.target is None:
        return [config]
    places = [Path(config.target), file.parent / TARGET, file.absolute().parent.parent / TARGET]
    there = [place for place in places if place.is_file()]
    found = [make_config({**config.to_dict(), "target": str(place)}) for place in there]
    return found or [config]
