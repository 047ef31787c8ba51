"""The reference pipeline of settings that a file holds, whatever the run itself was scored by."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np

from evonsfw.backends import AUTO
from evonsfw.classifier import REFERENCE
from evonsfw.config import RunConfig, make_config
from evonsfw.pictures import mask_image, target_image
from evonsfw.pipeline import Pipeline
from evonsfw.runs import TARGET, WEIGHT, save_picture
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


def keep_target(folder: Path, config: RunConfig) -> None:
    """Write what a run folder keeps of its target: the picture, with the transparency that it
    has, and the mask that says what counts, on the run's canvas. ValueError where one is gone.
    """
    if config.target is None:
        return
    target = target_image(Path(config.target), config.canvas)
    save_picture(folder / TARGET, np.asarray(target))
    if config.weight is not None:
        mask = mask_image(Path(config.weight), config.canvas)
        save_picture(folder / WEIGHT, np.asarray(mask))


def with_targets(config: RunConfig, file: Path) -> list[RunConfig]:
    """The settings with each file that may be the target picture they name, and its mask: under
    their own names, and as the run folder keeps them, beside a picture or in the folder above.

    Args:
        config: settings.
        file: the picture that they were read from.

    Returns:
        at least one; the settings themselves where they name no target, or none is there.
    """
    if config.target is None:
        return [config]
    own = {"target": config.target, "weight": config.weight}
    kept = {"target": TARGET, "weight": config.weight and WEIGHT}
    folders = file.parent, file.absolute().parent.parent
    places = [
        own,
        *({key: name and str(folder / name) for key, name in kept.items()} for folder in folders),
    ]
    there = [
        place for place in places if all(Path(name).is_file() for name in place.values() if name)
    ]
    return [make_config({**config.to_dict(), **place}) for place in there] or [config]
