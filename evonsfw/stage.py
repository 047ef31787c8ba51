"""What a run needs, worked out from its settings and checked before anything is written."""

from __future__ import annotations

import secrets
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from evonsfw.backends import AUTO, BackendModule, choose_backend, load_backend
from evonsfw.classifier import REFERENCE, Classifier, describe
from evonsfw.composition import compose
from evonsfw.config import DEFAULT_EVALUATIONS, MAX_SIDE, MIN_SIDE, RunConfig, make_config
from evonsfw.ends import end_reached
from evonsfw.evaluation import usable_cores
from evonsfw.evolution import Referee
from evonsfw.genome import BACKGROUND_GENES, Encoding, Genome
from evonsfw.objectives import Goal, Objective, load_objective
from evonsfw.pictures import open_picture, target_on_canvas
from evonsfw.pipeline import Evaluation, Job
from evonsfw.preparation import input_shape
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
        reference: the classifier's reference pipeline, or None where the objective needs none.
    """

    config: RunConfig
    job: Job
    objective: Objective
    reference: Classifier | None

    @property
    def classifier_hash(self) -> str:
        """SHA-256 of the model file, or ""."""
        return self.reference.hash if self.reference else ""


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
    return with_backend(make_config({**config.to_dict(), **changes}))


def with_backend(config: RunConfig) -> RunConfig:
    """Name the backend that `auto` and the device come to, so that the settings say which it is.

    Raises:
        ValueError: it is not there.
    """
    if load_objective(config.goal_name).NEEDS != "probabilities":
        return config
    model = describe(config.classifier)

    def suits(module: BackendModule) -> bool:
        return module.refuses(model.path, input_shape(model)) is None

    backend = choose_backend(config.backend, config.device, suits)
    return make_config({**config.to_dict(), "backend": backend, "device": AUTO})


def _size_of_target(path: Path, canvas: Canvas) -> str:
    """The target's proportions on about as many pixels as the default canvas has."""
    width, height = target_on_canvas(path, None).shape[1::-1]
    unit = (canvas[0] * canvas[1] / (width * height)) ** 0.5
    sides = (min(MAX_SIDE, max(MIN_SIDE, round(side * unit))) for side in (width, height))
    return "x".join(str(side) for side in sides)


def set_up(config: RunConfig) -> Stage:
    """Open and check the classifier, the target and the backend.

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
    job = Job(config.encoding, config.canvas, config.goal_name, goal, model)
    if model is None:
        return Stage(config, job, objective, None)
    backend = choose_backend(config.backend, config.device)
    reference = Classifier(model)
    runner = load_backend(backend)
    file = runner.model_file(model)
    reason = runner.refuses(file, input_shape(model))
    if reason is not None:
        raise ValueError(
            f"classifier '{model.name}': backend '{backend}' cannot run it: {reason}; "
            f"use --backend {REFERENCE}"
        )
    return Stage(config, replace(job, backend=backend, file=file), objective, reference)


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


def referee(stage: Stage, rescored: int = 0) -> Referee | None:
    """Where the search's backend is not exact, what is shown is scored again by the reference.

    A run that was `rescored` before goes on so: its survivors have the scores of the backend that
    it had then.
    """
    classifier, config, objective = stage.reference, stage.config, stage.objective
    if classifier is None or (load_backend(stage.job.backend).EXACT and not rescored):
        return None

    def score(genome: Genome) -> Evaluation:
        pictures = render(genome[None], stage.job.encoding, stage.job.canvas)
        probabilities = classifier.probabilities(pictures)
        return Evaluation(objective.fitness(probabilities), objective.scores(probabilities))

    return Referee(score, lambda claimed: end_reached(config, objective, claimed) is not None)


def score_on_disk(stage: Stage, path: Path) -> float:
    """The score of a picture file: by the reference pipeline, or its RMSE to the target."""
    if stage.reference is not None:
        probabilities = stage.reference.score_image(open_picture(path, "picture"))
        return float(stage.objective.scores(probabilities[None])[0])
    picture = np.asarray(open_picture(path, "picture").convert("RGB"))
    return float(stage.objective.scores(picture[None])[0])


def worker_count(config: RunConfig) -> int:
    """How many workers there are: by default one a core, and no more than there is work for."""
    if config.workers is not None:
        return config.workers
    return min(usable_cores(), config.population or 1)


def place(stage: Stage, chosen_by_auto: bool = False) -> str:
    """Where the work is done, in words."""
    count = worker_count(stage.config)
    hands = f"{count} worker{'s' if count != 1 else ''}" if count else "no workers"
    if stage.reference is None:
        return f"{hands}, no classifier"
    name = stage.job.backend
    backend = load_backend(name)
    auto = ", chosen by auto" if chosen_by_auto else ""
    again = "" if backend.EXACT else f"; whatever is shown is scored again by {REFERENCE} fp32"
    where = f"{name} ({backend.arithmetic()} on {backend.DEVICE}{auto})"
    return f"classifier {stage.reference.spec.name} by {where}, {hands}{again}"
