"""What a run needs, worked out from its settings and checked before anything is written."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from evonsfw.classifier import Classifier, choose_device, describe
from evonsfw.composition import compose
from evonsfw.config import DEFAULT_EVALUATIONS, MAX_SIDE, MIN_SIDE, RunConfig, make_config
from evonsfw.evaluation import usable_cores
from evonsfw.generation import Champion
from evonsfw.genome import BACKGROUND_GENES, Encoding
from evonsfw.objectives import Goal, Objective, load_objective
from evonsfw.pictures import open_picture, target_on_canvas
from evonsfw.pipeline import Job
from evonsfw.raster import render
from evonsfw.search import Problem, Search, load_search
from evonsfw.shapes import Canvas


@dataclass
class Stage:
    """What a run needs, opened and checked before anything is written.

    Attributes:
        config: complete settings.
        job: what the workers do.
        objective: values pictures or probabilities.
        referee: the classifier's reference pipeline, or None where the objective needs none.
        device: where the classifier runs.
    """

    config: RunConfig
    job: Job
    objective: Objective
    referee: Classifier | None
    device: str

    @property
    def classifier_hash(self) -> str:
        """SHA-256 of the model file, or ""."""
        return self.referee.hash if self.referee else ""


def complete(config: RunConfig) -> RunConfig:
    """Fill in what was left open, so that the settings alone repeat the run."""
    changes: dict[str, Any] = {}
    module = load_objective(config.goal_name)
    if config.seed is None:
        changes["seed"] = secrets.randbelow(2**32)
    if config.population is None:
        problem = problem_of(config.encoding)
        changes["population"] = load_search(config.search).default_population(problem)
    if not config.has_end:
        changes["until"] = module.DEFAULT_UNTIL
        changes["evaluations"] = DEFAULT_EVALUATIONS
    if Path(config.classifier).suffix in (".yaml", ".yml", ".onnx"):
        changes["classifier"] = str(Path(config.classifier).absolute())
    if config.target is not None and "size" not in config.model_fields_set:
        changes["size"] = _size_of_target(Path(config.target), config.canvas)
    changes["objective"] = config.goal_name
    return make_config({**config.to_dict(), **changes})


def _size_of_target(path: Path, canvas: Canvas) -> str:
    """The target's proportions on about as many pixels as the default canvas has."""
    width, height = target_on_canvas(path, None).shape[1::-1]
    unit = (canvas[0] * canvas[1] / (width * height)) ** 0.5
    sides = (min(MAX_SIDE, max(MIN_SIDE, round(side * unit))) for side in (width, height))
    return "x".join(str(side) for side in sides)


def set_up(config: RunConfig) -> Stage:
    """Open and check the classifier, the target and the device.

    Raises:
        ValueError: one of them does not work out.
    """
    module = load_objective(config.goal_name)
    needs_model = module.NEEDS == "probabilities"
    model = describe(config.classifier) if needs_model else None
    target = target_on_canvas(Path(config.target), config.canvas) if config.target else None
    goal = Goal(target_score=config.target_score, target=target)
    if model is not None:
        index = model.class_index(config.class_)
        goal = Goal(index, model.classes[index], config.target_score, target)
    objective = module.build(goal)
    device = choose_device(config.device) if model is not None else "cpu"
    job = Job(config.encoding, config.canvas, config.goal_name, goal, model)
    return Stage(config, job, objective, Classifier(model) if model else None, device)


def problem_of(encoding: Encoding) -> Problem:
    """What a search is told of an encoding's genomes."""
    return Problem(
        header=BACKGROUND_GENES,
        rows=encoding.n,
        row_length=encoding.row_length,
        kinds=len(encoding.shapes),
        compose=lambda rng, count: compose(encoding, rng, count),
    )


def build_search(config: RunConfig) -> Search:
    """The search of complete settings, at its start."""
    assert config.population is not None
    problem = problem_of(config.encoding)
    rng = np.random.default_rng(config.seed)
    return load_search(config.search).build(problem, config.population, rng)


def reference(stage: Stage) -> Callable[[Champion], float] | None:
    """On a GPU, what is shown is scored again by the reference; on a CPU it was it already."""
    if stage.device == "cpu" or stage.referee is None:
        return None
    referee, job, objective = stage.referee, stage.job, stage.objective

    def score(champion: Champion) -> float:
        pictures = render(champion.genome[None], job.encoding, job.canvas)
        return float(objective.scores(referee.probabilities(pictures))[0])

    return score


def score_on_disk(stage: Stage, path: Path) -> float:
    """The score of a picture file: by the reference pipeline, or its RMSE to the target."""
    if stage.referee is not None:
        probabilities = stage.referee.score_image(open_picture(path, "picture"))
        return float(stage.objective.scores(probabilities[None])[0])
    picture = np.asarray(open_picture(path, "picture").convert("RGB"))
    return float(stage.objective.scores(picture[None])[0])


def worker_count(config: RunConfig) -> int:
    """How many workers there are: by default one a core, and no more than there is work for."""
    if config.workers is not None:
        return config.workers
    return min(usable_cores(), config.population or 1)


def place(stage: Stage) -> str:
    """Where the work is done, in words."""
    count = worker_count(stage.config)
    hands = f"{count} worker{'s' if count != 1 else ''}" if count else "no workers"
    if stage.referee is None:
        return f"{hands}, no classifier"
    chosen = " (chosen by auto)" if stage.config.device == "auto" else ""
    return f"classifier {stage.referee.spec.name} on {stage.device}{chosen}, {hands}"
