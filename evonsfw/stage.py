"""What a run needs, worked out from its settings and checked before anything is written."""

from __future__ import annotations

import secrets
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from evonsfw import gradient
from evonsfw.backends import AUTO, BackendModule, choose_backend, load_backend
from evonsfw.classifier import REFERENCE, Classifier, describe, file_for
from evonsfw.composition import compose
from evonsfw.config import (
    DEFAULT_EVALUATIONS,
    EXPRESSION_EVALUATIONS,
    MAX_SIDE,
    MIN_SIDE,
    PARETO_EVALUATIONS,
    RunConfig,
    make_config,
)
from evonsfw.cores import usable_cores
from evonsfw.ends import end_reached
from evonsfw.evolution import Progress, Referee
from evonsfw.exactness import is_exact
from evonsfw.genome import BACKGROUND_GENES, Encoding, Genome
from evonsfw.growth import shapes_for
from evonsfw.improvement import coarser
from evonsfw.model_spec import DEFAULT, ModelSpec, read_spec
from evonsfw.objectives import Goal
from evonsfw.pictures import open_picture, target_on_canvas, weights_on_canvas
from evonsfw.pipeline import Evaluation, Job, Pipeline, open_classifiers
from evonsfw.preparation import input_shape
from evonsfw.search import FITNESS_ONLY, Problem, Search, load_search, use_of_gradient
from evonsfw.several import count
from evonsfw.shapes import Canvas
from evonsfw.spelling import AUTO_NUMBER
from evonsfw.views import SEARCHED
from evonsfw.wishes import (
    Wish,
    asked,
    build_wish,
    default_until,
    has_value,
    needs_of,
    optimum,
)

LIKENESS_EVALUATIONS, GROWN_EVALUATIONS = 200, 100
"""A run after a target ends at so many scorings a shape; and so many are added for each, where the
likeness is not all that counts.
"""
MOST_SHAPES = 1_000
"""Shapes that --n auto comes to, at most."""
ROBUST_UNTIL = 0.999
"""Where a run ends that is to hold and was given no end."""


@dataclass
class Stage:
    """What a run needs, opened and checked before anything is written.

    Attributes:
        config: complete settings.
        job: what the workers do.
        wish: values what is observed of pictures.
        references: the classifiers' reference pipelines; none where the objective needs none.
    """

    config: RunConfig
    job: Job
    wish: Wish
    references: tuple[Classifier, ...]

    @property
    def label(self) -> str:
        """What the score is called on screen."""
        worst = f" (worst of {len(self.job.views)} views)" if self.config.robust else ""
        return self.wish.label + worst

    @property
    def classifier_hash(self) -> str:
        """SHA-256 of the model file, or of several with + between them, or ""."""
        return "+".join(reference.hash for reference in self.references)


def complete(config: RunConfig) -> RunConfig:
    """Fill in what was left open, so that the settings alone repeat the run."""
    changes: dict[str, Any] = {}
    if config.seed is None:
        changes["seed"] = secrets.randbelow(2**32)
    if config.target is not None and "size" not in config.model_fields_set:
        changes["size"] = _size_of_target(Path(config.target), config.canvas)
    if config.n == AUTO_NUMBER:
        changes["n"] = _number(make_config({**config.to_dict(), **changes}))
    if config.takes_gradients and gradient_refused(config) is not None:
        changes["gradient"] = False
    if config.population is None:
        problem = problem_of_run(make_config({**config.to_dict(), **changes}))
        changes["population"] = load_search(config.search).default_population(problem)
    if not config.has_end:
        changes["until"] = default_until(config.goal_name)
        if config.robust and config.goal_name == "highest":
            changes["until"] = ROBUST_UNTIL
        changes["evaluations"] = _evaluations(config)
    changes["classifier"] = ",".join(_absolute(name) for name in config.classifiers)
    if config.until_rmse is not None:
        changes |= {"until": config.until_rmse, "until_rmse": None}
    changes["objective"] = config.goal_name
    return with_backend(make_config({**config.to_dict(), **changes}))


def _evaluations(config: RunConfig) -> int:
    """Where a run ends that was given no end."""
    if config.pareto:
        return PARETO_EVALUATIONS
    if config.improves and config.plain_likeness:
        return max(DEFAULT_EVALUATIONS, LIKENESS_EVALUATIONS * config.n)
    if config.improves:
        return EXPRESSION_EVALUATIONS + GROWN_EVALUATIONS * config.n
    return EXPRESSION_EVALUATIONS if has_value(config.goal_name) else DEFAULT_EVALUATIONS


def _number(config: RunConfig) -> int:
    """As many shapes as the RMSE that a run is to reach may take."""
    assert config.target is not None
    assert config.until_rmse is not None
    goal = _goal(config, ())
    encoding = replace(config.encoding, n=MOST_SHAPES)
    seen = coarser(goal, 0.0)
    target = seen.needed_target(config.goal_name)
    assert config.seed is not None
    return shapes_for(config.until_rmse, encoding, target, seed=config.seed, weights=seen.weights)


def _absolute(classifier: str) -> str:
    is_file = Path(classifier).suffix in (".yaml", ".yml", ".onnx")
    return str(Path(classifier).absolute()) if is_file else classifier


def models_of(config: RunConfig) -> tuple[ModelSpec, ...]:
    """The classifiers that the objective looks at; none where it needs none.

    Raises:
        ValueError: there is no such classifier, or no such class.
    """
    if "probabilities" not in needs_of(config.goal_name):
        return ()
    return asked(config.goal_name, [describe(name) for name in config.classifiers])


def gradient_refused(config: RunConfig) -> str | None:
    """Why a run goes without gradients, in a few words, or None where it takes them.

    Raises:
        ValueError: the search cannot do without.
    """
    use = use_of_gradient(config.search)
    reason = _no_gradient(config) if use else f"search '{config.search}' takes none"
    if use == "needs" and reason is not None:
        raise ValueError(f"search '{config.search}' needs gradients: {reason}")
    return reason


def without_gradients(config: RunConfig) -> str:
    """Why a run goes without the gradients that it would take, for people; else ""."""
    reason = gradient_refused(config) if config.takes_gradients else None
    return "" if reason is None else f"; without gradients: {reason}"


def _no_gradient(config: RunConfig) -> str | None:
    if not config.gradient:
        return "--no-gradient"
    models = models_of(config)
    if models and (config.backend not in (AUTO, REFERENCE) or config.device not in (AUTO, "cpu")):
        return f"only {REFERENCE} on the CPU gives them: leave out --backend and --device"
    reasons = (
        gradient.refuses(model.path, input_shape(model), at_output=model.output == "logits")
        for model in models
    )
    return next((reason for reason in reasons if reason is not None), None)


def with_backend(config: RunConfig) -> RunConfig:
    """Name the backend that `auto` and the device come to, so that the settings say which it is:
    with gradients, the one that gives them.

    Raises:
        ValueError: it is not there.
    """
    models = models_of(config)
    if not models:
        return config

    def suits(module: BackendModule) -> bool:
        if _unsuited(config, models, module) is not None:
            return False
        return all(module.refuses(model.path, input_shape(model)) is None for model in models)

    if config.takes_gradients and config.backend == AUTO:
        return make_config({**config.to_dict(), "backend": REFERENCE, "device": AUTO})
    backend = choose_backend(config.backend, config.device, suits)
    return make_config({**config.to_dict(), "backend": backend, "device": AUTO})


def _unsuited(
    config: RunConfig, models: tuple[ModelSpec, ...], module: BackendModule
) -> str | None:
    """Why a backend cannot do what is asked for, in a few words, or None."""
    needs = needs_of(config.goal_name)
    if "logits" in needs and not (module.EXACT and module.DEVICE == "cpu"):
        return f"logit() is for {REFERENCE} only"
    if module.DEVICE == "cpu":
        return None
    if config.robust:
        return "--robust runs on the CPU"
    if len(models) > 1:
        return "several classifiers run on the CPU"
    return "a picture term with a class runs on the CPU" if "pictures" in needs else None


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
    models = models_of(config)
    goal = _goal(config, models)
    wish = build_wish(config.goal_name, goal, models)
    job = Job(
        config.encoding,
        config.canvas,
        config.goal_name,
        goal,
        models[0] if models else None,
        gradient=config.takes_gradients,
        improve=config.improves,
        robust=config.robust,
        others=models[1:],
    )
    if not models:
        return Stage(config, job, wish, ())
    backend = choose_backend(config.backend, config.device)
    references = open_classifiers(job)
    reason = _unsuited(config, models, load_backend(backend))
    if reason is not None:
        raise ValueError(f"{reason}: leave out --backend {backend}")
    files = tuple(file_for(backend, model) for model in models)
    return Stage(config, replace(job, backend=backend, files=files), wish, references)


def _goal(config: RunConfig, models: tuple[ModelSpec, ...]) -> Goal:
    """What is asked for; ValueError where the class, the target or its mask does not work out."""
    goal = Goal(target_score=config.target_score)
    if models and not has_value(config.goal_name):
        index = models[0].class_index(config.class_)
        goal = replace(goal, class_index=index, class_name=models[0].classes[index])
    if config.target is None:
        return goal
    target, mask = Path(config.target), Path(config.weight) if config.weight else None
    weights = weights_on_canvas(target, mask, config.canvas)
    return replace(goal, target=target_on_canvas(target, config.canvas), weights=weights)


def problem_of(encoding: Encoding) -> Problem:
    """What a search is told of an encoding's genomes."""
    return Problem(
        header=BACKGROUND_GENES,
        rows=encoding.n,
        row_length=encoding.row_length,
        kinds=len(encoding.shapes),
        compose=lambda rng, count: compose(encoding, rng, count),
    )


def problem_of_run(config: RunConfig) -> Problem:
    """What a search is told of a run's genomes, and of what it may ask about them."""
    return replace(
        problem_of(config.encoding),
        gradient=config.takes_gradients,
        improve=config.improves,
        proxy=not config.plain_likeness,
        views=len(SEARCHED) if config.robust else 1,
        optimum=optimum(config.goal_name),
        wishes=max(1, count(config.goal_name)),
    )


def build_search(config: RunConfig, first: Genome | None = None) -> Search:
    """The search of complete settings, at its start; `first` is the genome to begin with."""
    assert config.population is not None
    problem = replace(problem_of_run(config), first=first)
    rng = np.random.default_rng(config.seed)
    return load_search(config.search).build(problem, config.population, rng)


def referee(stage: Stage, rescored: int = 0) -> Referee | None:
    """Where the search's backend is not exact, what is shown is scored again by the reference.

    A run that was `rescored` before goes on so: its survivors have the scores of the backend that
    it had then.
    """
    classifiers, config, job = stage.references, stage.config, stage.job
    if not classifiers or (_is_exact(stage) and not rescored):
        return None

    same = replace(job, backend=REFERENCE, files=(), gradient=False)
    pipeline = Pipeline(same, classifiers=classifiers)

    def score(genome: Genome) -> Evaluation:
        return pipeline.evaluate(genome[None])

    def wanted(claimed: Progress) -> bool:
        return end_reached(config, stage.wish, claimed) is not None

    return Referee(score, wanted, job.cost(FITNESS_ONLY))


def _is_exact(stage: Stage) -> bool:
    """Whether the search's scores are the reference's, to the last bit. With the default
    classifier's file those of gradient steps are, as a test shows: others are looked at.
    """
    if not load_backend(stage.job.backend).EXACT:
        return False
    if not stage.job.gradient:
        return True
    tested = read_spec(DEFAULT)
    as_tested = (tested.sha256, tested.output)
    others = [one for one in stage.references if (one.hash, one.spec.output) != as_tested]
    return all(is_exact(one) for one in others)


def score_on_disk(stage: Stage, path: Path) -> float:
    """The score of a picture file, by the reference pipelines of the classifiers."""
    picture = np.asarray(open_picture(path, "picture").convert("RGB"))[None]
    job = replace(stage.job, backend=REFERENCE, files=(), gradient=False, robust=False)
    pipeline = Pipeline(job, classifiers=stage.references)
    return float(pipeline.evaluate_pictures(picture).scores[0])


def worker_count(config: RunConfig) -> int:
    """How many workers there are: by default one a core, and no more than there is work for."""
    if config.workers is not None:
        return config.workers
    return min(usable_cores(), config.population or 1)


def place(stage: Stage, chosen_by_auto: bool = False) -> str:
    """Where the work is done, in words."""
    count = worker_count(stage.config)
    hands = f"{count} worker{'s' if count != 1 else ''}" if count else "no workers"
    if not stage.references:
        return f"{hands}, no classifier"
    name = stage.job.backend
    backend = load_backend(name)
    auto = ", chosen by auto" if chosen_by_auto else ""
    again = "" if backend.EXACT else f"; whatever is shown is scored again by {REFERENCE} fp32"
    where = f"{name} ({backend.arithmetic()} on {backend.DEVICE}{auto})"
    names = " and ".join(reference.spec.name for reference in stage.references)
    return f"classifier{'s' * (len(stage.references) > 1)} {names} by {where}, {hands}{again}"
