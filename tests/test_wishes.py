"""Expressions: what they are read as, what they come to, and how their slopes go back."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from conftest import TINY_WEIGHTS, by_hand, drawn
from onnx import helper, numpy_helper

from evonsfw.classifier import Classifier
from evonsfw.config import make_config
from evonsfw.genome import Encoding
from evonsfw.model_spec import ModelSpec, read_spec
from evonsfw.objectives import Goal, load_objective
from evonsfw.observed import Observed
from evonsfw.ort_session import cpu_session
from evonsfw.pipeline import BACKWARD, Job, Pipeline
from evonsfw.preparation import input_shape
from evonsfw.search import FITNESS_ONLY, Wants
from evonsfw.several import Several
from evonsfw.wishes import (
    asked,
    build_wish,
    check_objective,
    is_expression,
    looks_at_target,
    needs_of,
)

GRADIENT = Wants(gradient=True)
ENCODING = Encoding(("triangles",), 6)
CANVAS = (16, 16)
COMPARED = ("likeness", "ssim", "edges")
"""Terms that compare with a target picture."""


def _models(tiny_model: Callable[..., Path]) -> tuple[ModelSpec, ModelSpec]:
    """Two that disagree, called tiny and second."""
    second = tiny_model(name="second", weights=TINY_WEIGHTS[::-1].copy(), layout="NHWC")
    return read_spec(str(tiny_model())), read_spec(str(second))


def _job(objective: str, *models: ModelSpec, gradient: bool = False) -> Job:
    first = models[0] if models else None
    others = models[1:]
    goal = Goal(1, "green")
    return Job(ENCODING, CANVAS, objective, goal, first, gradient=gradient, others=others)


def _genomes(count: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).random((count, ENCODING.length), np.float32)


@pytest.mark.parametrize("name", ["highest", "target-score", "symmetry", "higest", "target-scor"])
def test_names_are_no_expressions(name: str) -> None:
    assert not is_expression(name)


@pytest.mark.parametrize("text", ["+nsfw", "nsfw-clutter", "-clutter", "a:b", "'nsfw'", "p(a)", ""])
def test_expressions(text: str) -> None:
    assert is_expression(text)


def test_a_single_word_that_is_no_objective_says_how_to_ask_for_a_class() -> None:
    with pytest.raises(ValueError, match=r"unknown objective 'nsfw': .*--class.*\+NAME"):
        check_objective("nsfw")


@pytest.mark.parametrize(
    ("text", "needs"),
    [
        ("highest", {"probabilities"}),
        ("likeness", {"pictures"}),
        ("symmetry", {"pictures"}),
        ("symmetry - clutter", {"pictures"}),
        ("green - clutter", {"pictures", "probabilities"}),
        ("'clutter' - p(symmetry)", {"probabilities"}),
        ("logit(green) - clutter", {"pictures", "probabilities", "logits"}),
        ("edges", {"pictures"}),
        ("likeness + ssim", {"pictures"}),
        ("likeness + 0.3*green", {"pictures", "probabilities"}),
    ],
)
def test_needs(text: str, needs: set[str]) -> None:
    assert needs_of(text) == needs


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("gren - clutter", "'gren' is neither a picture term nor a class of classifier 'tiny'"),
        ("gren - clutter", "did you mean green"),
        ("green - cluter", "did you mean clutter"),
        ("p(clutter)", "'clutter' is no class of classifier 'tiny'"),
        ("logit('7')", "unknown class '7'"),
        ("tiny:blau", "'blau' is no class"),
        ("secnd:green", "unknown classifier 'secnd': did you mean second"),
        ("+green", "classifier 'second' is not in the objective '+green': leave it out"),
        ("highest", "objective 'highest' looks at one classifier"),
    ],
)
def test_names_without_meaning(tiny_model: Callable[..., Path], text: str, words: str) -> None:
    with pytest.raises(ValueError, match=r"second|objective") as caught:
        asked(text, _models(tiny_model))
    assert words in str(caught.value)
    assert len(str(caught.value).splitlines()) == 1


def test_which_classifiers_are_asked(tiny_model: Callable[..., Path]) -> None:
    both = tiny, second = _models(tiny_model)
    assert asked("min(green, second:green)", both) == both
    assert asked("second:green - clutter", both) == (second,)
    assert asked("symmetry - clutter", [tiny]) == ()
    assert asked("highest", [tiny]) == (tiny,)
    with pytest.raises(ValueError, match="'tiny': two have this name"):
        asked("green - tiny:red", [tiny, tiny])


def test_a_class_that_is_called_like_a_term_stands_in_quotes(
    tiny_model: Callable[..., Path],
) -> None:
    spec = read_spec(str(tiny_model(classes=["red", "clutter", "blue"])))
    picture = np.asarray(drawn(16, 16))[None]
    probabilities = np.array([[0.25, 0.5, 0.25]], np.float32)
    observed = Observed((probabilities,), pictures=picture)
    for text, expected in (
        ("+clutter", load_objective("clutter").build(Goal()).fitness(picture)[0]),
        ("'clutter'", 0.0),
        ("p(clutter)", 0.5),
        ("tiny:clutter", 0.0),
        ("'1'", 0.0),
    ):
        assert build_wish(text, Goal(), [spec]).fitness(observed)[0] == pytest.approx(expected)


def test_the_same_margin_as_the_highest(tiny_model: Callable[..., Path]) -> None:
    spec, _ = _models(tiny_model)
    genomes = _genomes(5)
    highest = Pipeline(_job("highest", spec)).evaluate(genomes)
    green = Pipeline(_job("+green", spec)).evaluate(genomes)
    np.testing.assert_array_equal(green.fitness, highest.fitness)
    np.testing.assert_array_equal(green.scores, highest.fitness)
    alone = Pipeline(_job("p(green)", spec)).evaluate(genomes)
    np.testing.assert_array_equal(alone.fitness, highest.scores)


@pytest.mark.parametrize(
    ("text", "looks"),
    [
        *(("likeness", True), ("edges", True), ("ssim", True), ("symmetry", False)),
        *(("green - clutter", False), ("green + 5*ssim", True), ("'likeness' - p(ssim)", False)),
        *(("min(green, 10*edges)", True), ("green, likeness", True), ("tiny:edges", False)),
    ],
)
def test_what_looks_at_a_target(text: str, looks: bool) -> None:
    assert looks_at_target(text) is looks


def test_terms_that_compare_have_the_goal_of_the_run(tiny_model: Callable[..., Path]) -> None:
    """A unit of margin is worth 0.3 of RMSE, of the pixels that count."""
    spec, _ = _models(tiny_model)
    picture, target = (np.asarray(drawn(16, 16, seed)) for seed in (0, 1))
    weights = np.random.default_rng(4).random((16, 16), np.float32)
    goal = Goal(1, "green", target=target, weights=weights)
    probabilities = np.array([[0.25, 0.5, 0.25]], np.float32)
    observed = Observed((probabilities,), pictures=picture[None])
    found = build_wish("likeness + 0.3*green", goal, [spec]).fitness(observed)[0]
    error = load_objective("likeness").build(goal).scores(picture[None])[0]
    assert found == pytest.approx(-error)  # the margin of one half is 0
    several = build_wish("likeness, 2*ssim - green, edges", goal, [spec])
    assert isinstance(several, Several)
    parts = several.parts(observed)[0]
    exact = [load_objective(name).build(goal).fitness(picture[None])[0] for name in COMPARED]
    np.testing.assert_allclose(parts, np.multiply(exact, (1, 2, 1)))


@pytest.mark.parametrize("text", [*COMPARED, "likeness + green", "green, ssim"])
def test_what_compares_needs_a_target(tiny_model: Callable[..., Path], text: str) -> None:
    models = [read_spec(str(tiny_model()))] if "green" in text else []
    assert asked(text, models) == tuple(models)
    with pytest.raises(ValueError, match="needs --target PICTURE"):
        build_wish(text, Goal(1, "green"), models)


def test_slopes_towards_a_target_go_back_to_genes(tiny_model: Callable[..., Path]) -> None:
    """Those of a sum are the sum of those of its parts."""
    spec, _ = _models(tiny_model)
    target = np.asarray(drawn(16, 16, 1))
    genomes = _genomes(2)
    found = {}
    for text in ("+likeness", "+edges", "+ssim", "+green", "likeness + edges/2 + 9*ssim - green"):
        job = _job(text, *([spec] if "green" in text else []), gradient=True)
        job = replace(job, goal=replace(job.goal, target=target))
        gradients = Pipeline(job).evaluate(genomes, GRADIENT).gradients
        assert gradients is not None
        assert np.abs(gradients).max() > 1e-4
        found[text] = gradients
    *parts, whole = found.values()
    total = sum(weight * part for weight, part in zip((1, 0.5, 9, -1), parts, strict=True))
    np.testing.assert_allclose(whole, total, rtol=1e-3, atol=1e-4)


def test_an_expression_of_one_classifier_values_what_a_gpu_gives(
    tiny_model: Callable[..., Path],
) -> None:
    spec, _ = _models(tiny_model)
    probabilities = np.array([[0.25, 0.5, 0.25], [0.5, 0.25, 0.25]], np.float32)
    owner = Pipeline(_job("2*p(green) - p(red)", spec), score=False)
    np.testing.assert_array_equal(owner.value(probabilities).fitness, [0.75, 0.0])


def test_highest_under_all(tiny_model: Callable[..., Path]) -> None:
    tiny, second = _models(tiny_model)
    genomes = _genomes(9)
    parts = [Pipeline(_job("highest", spec)).evaluate(genomes).fitness for spec in (tiny, second)]
    both = Pipeline(_job("min(green, second:green)", tiny, second)).evaluate(genomes).fitness
    apart = Pipeline(_job("green - 2*second:green", tiny, second)).evaluate(genomes).fitness
    np.testing.assert_array_equal(both, np.minimum(*parts))
    np.testing.assert_allclose(apart, parts[0] - 2 * parts[1])


def test_what_a_scoring_costs(tiny_model: Callable[..., Path]) -> None:
    tiny, second = _models(tiny_model)
    one, two = _job("+green", tiny), _job("min(green, second:green)", tiny, second)
    assert (one.cost(FITNESS_ONLY), two.cost(FITNESS_ONLY)) == (1, 2)
    assert (one.cost(GRADIENT), two.cost(GRADIENT)) == (1 + BACKWARD, 2 * (1 + BACKWARD))
    assert _job("symmetry - clutter").cost(GRADIENT) == 1


@pytest.mark.parametrize("softmax", [True, False])
def test_logits_are_log_probabilities_up_to_a_constant(
    tiny_model: Callable[..., Path], softmax: bool
) -> None:
    spec = read_spec(str(tiny_model(softmax=softmax)))
    pictures = np.stack([np.asarray(drawn(16, 16, seed)) for seed in range(4)])
    probabilities, logits = Classifier(spec, logits=True).with_logits(pictures)
    np.testing.assert_array_equal(probabilities, Classifier(spec).probabilities(pictures))
    apart = logits - np.log(probabilities)
    np.testing.assert_allclose(apart, np.broadcast_to(apart[:, :1], apart.shape), atol=1e-4)
    exact = pictures.mean(axis=(1, 2)) / 255 @ TINY_WEIGHTS.T + np.array([-1.0, 0.5, 0.25])
    np.testing.assert_allclose(logits, exact, atol=1e-4)


def test_the_default_classifier_gives_the_same_with_its_logits(open_nsfw: Classifier) -> None:
    spec = open_nsfw.spec
    pictures = np.stack([np.asarray(drawn(256, 256, seed)) for seed in range(2)])
    probabilities, logits = Classifier(spec, logits=True).with_logits(pictures)
    np.testing.assert_array_equal(probabilities, open_nsfw.probabilities(pictures))
    apart = np.log(probabilities[:, 1]) - np.log(probabilities[:, 0])
    np.testing.assert_allclose(logits[:, 1] - logits[:, 0], apart, atol=1e-4)


def _without_softmax_at_its_end(yaml: Path) -> ModelSpec:
    """The same model with a multiplication by 1 behind its softmax."""
    spec = read_spec(str(yaml))
    model = onnx.load(spec.path)
    one = numpy_helper.from_array(np.ones(1, np.float32), "one")
    model.graph.initializer.append(one)
    model.graph.node.append(helper.make_node("Mul", ["probabilities", "one"], ["scores"]))
    model.graph.output[0].name = "scores"
    onnx.save(model, spec.path)
    return spec


def test_a_file_without_values_before_a_softmax(tiny_model: Callable[..., Path]) -> None:
    spec = _without_softmax_at_its_end(tiny_model())
    with pytest.raises(ValueError, match="'tiny': its file gives no values before a softmax"):
        Pipeline(_job("logit(green) + clutter", spec))


@pytest.mark.parametrize("objective", ["highest", "lowest", "green - p(red)", "+p(blue)"])
def test_the_gradient_of_a_model_that_does_not_end_in_a_softmax(
    tiny_model: Callable[..., Path], objective: str
) -> None:
    genomes = _genomes(2)
    specs = read_spec(str(tiny_model())), _without_softmax_at_its_end(tiny_model())
    one, two = (
        Pipeline(_job(objective, spec, gradient=True)).evaluate(genomes, GRADIENT).gradients
        for spec in specs
    )
    assert one is not None
    assert two is not None
    assert np.abs(one).max() > 1e-3
    np.testing.assert_allclose(two, one, rtol=1e-3, atol=1e-5)


def _sigmoids(yaml: Path, bias: tuple[float, float, float] = (0.0, 0.0, 0.0)) -> ModelSpec:
    """The tiny model with a sigmoid for each class instead of the softmax."""
    model = onnx.load(yaml.parent / "tiny.onnx")
    model.graph.node[-1].CopyFrom(helper.make_node("Sigmoid", ["logits"], ["probabilities"]))
    model.graph.initializer[1].CopyFrom(numpy_helper.from_array(np.float32(bias), "bias"))
    onnx.save(model, yaml.parent / "tiny.onnx")
    return read_spec(str(yaml))


def _ratios(spec: ModelSpec, text: str, exactly: Callable[[np.ndarray], float]) -> list[float]:
    """Slopes by the way back over slopes by differences, in three directions.

    `exactly` values the (3,) means of the channels, 0…1, in double precision.
    """
    picture = np.asarray(drawn(16, 16, 3))
    pipeline = Pipeline(_job(text, spec, gradient=True))
    observed, kept = pipeline._observe(picture, True, True)
    slopes = pipeline._pulled_back(observed, kept, picture)
    means, found = picture.mean(axis=(0, 1)) / 255, []
    assert np.isfinite(slopes).all()
    assert pipeline.evaluate_pictures(picture[None]).fitness[0] == pytest.approx(
        exactly(means), rel=1e-4
    )
    for way in np.eye(3):
        ends = [exactly(means + sign * 1e-5 * way) for sign in (1, -1)]
        difference = (ends[0] - ends[1]) / 2e-5 / 255
        found.append(float((slopes * way).sum() / difference))
    return found


@pytest.mark.parametrize(
    "text", ["p(red) + p(green)", "p(blue)", "green", "green - 2*p(red)", "min(p(red), 3*p(green))"]
)
def test_the_gradient_of_sigmoids(tiny_model: Callable[..., Path], text: str) -> None:
    spec = _sigmoids(tiny_model(), (-6.0, -4.0, 1.0))

    def exactly(means: np.ndarray) -> float:
        p = 1 / (1 + np.exp(-(TINY_WEIGHTS @ means + (-6.0, -4.0, 1.0))))
        seen = {"p(red) + p(green)": p[0] + p[1], "p(blue)": p[2]}
        margin = np.log(p[1]) - np.log(p[0] + p[2])
        seen |= {"green": margin, "green - 2*p(red)": margin - 2 * p[0]}
        return float((seen | {"min(p(red), 3*p(green))": min(p[0], 3 * p[1])})[text])

    asked_for = f"+{text}" if text == "green" else text
    assert _ratios(spec, asked_for, exactly) == pytest.approx([1.0] * 3, rel=2e-3)


@pytest.mark.parametrize("bias", [-20.0, -40.0, -80.0])
def test_the_gradient_where_a_probability_is_as_good_as_0(
    tiny_model: Callable[..., Path], bias: float
) -> None:
    """The margin goes on to float32's smallest number, and so does its slope."""
    biases = np.array([0.0, bias, 0.0], np.float32)
    spec = _without_softmax_at_its_end(tiny_model(bias=biases))

    def exactly(means: np.ndarray) -> float:
        z = TINY_WEIGHTS @ means + biases
        return float(z[1] - np.log(np.exp(z[0]) + np.exp(z[2])))

    assert _ratios(spec, "+green", exactly) == pytest.approx([1.0] * 3, rel=1e-2)


def test_the_gradient_of_a_sigmoid_that_is_0(tiny_model: Callable[..., Path]) -> None:
    spec = _sigmoids(tiny_model(), (0.0, -300.0, 0.0))
    evaluation = Pipeline(_job("+green", spec, gradient=True)).evaluate(_genomes(1), GRADIENT)
    assert evaluation.gradients is not None
    assert np.isfinite(evaluation.gradients).all()


@pytest.mark.parametrize("text", ["+green", "p(red) - p(blue)", "logit(red) - 2*logit(green)"])
def test_the_gradient_of_logits_that_a_softmax_gives(
    tiny_model: Callable[..., Path], text: str
) -> None:
    """A description may call the output of a softmax logits: then another softmax follows."""
    spec = read_spec(str(tiny_model())).model_copy(update={"output": "logits"})

    def softmax(values: np.ndarray) -> np.ndarray:
        return np.asarray(np.exp(values) / np.exp(values).sum())

    def exactly(means: np.ndarray) -> float:
        z = softmax(TINY_WEIGHTS @ means + (-1.0, 0.5, 0.25))
        p = softmax(z)
        if text == "+green":
            return float(np.log(p[1]) - np.log(p[0] + p[2]))
        return float(p[0] - p[2] if "p(" in text else z[0] - 2 * z[1])

    assert _ratios(spec, text, exactly) == pytest.approx([1.0] * 3, rel=2e-3)


PARTS = {
    "green": 2.0,
    "clutter": -0.5,
    "symmetry": 3.0,
    "p(red)": 1.0,
    "logit(blue)": 0.25,
    "second:red": -1.5,
}


def test_gradients_add_and_scale(tiny_model: Callable[..., Path]) -> None:
    tiny, second = _models(tiny_model)
    genomes = _genomes(3)
    total: Any = 0.0
    for text, weight in PARTS.items():
        models = [tiny] if "second" not in text else [second]
        models = [] if text in ("clutter", "symmetry") else models
        pipeline = Pipeline(_job(f"+{text}", *models, gradient=True))
        alone = pipeline.evaluate(genomes, GRADIENT).gradients
        assert alone is not None
        assert np.abs(alone).max() > 1e-4
        total = total + weight * alone
    whole = " + ".join(f"({weight})*{text}" for text, weight in PARTS.items())
    pipeline = Pipeline(_job(whole, tiny, second, gradient=True))
    evaluation = pipeline.evaluate(genomes, GRADIENT)
    assert evaluation.gradients is not None
    np.testing.assert_allclose(evaluation.gradients, total, rtol=1e-3, atol=1e-4)
    np.testing.assert_allclose(evaluation.fitness, pipeline.evaluate(genomes).fitness, atol=1e-4)


def _exactly(text: str, spec: ModelSpec, picture: np.ndarray) -> float:
    """The expression of a picture in double precision, by the tiny model's weights."""
    probabilities = by_hand(picture[None])
    logits = picture.mean(axis=(0, 1)) / 255 @ TINY_WEIGHTS.T + np.array([-1.0, 0.5, 0.25])
    observed = Observed((probabilities,), (logits[None],))
    return float(build_wish(text, Goal(1, "green"), [spec]).fitness(observed)[0])


@pytest.mark.parametrize(
    "text",
    [
        "highest",
        "+green",
        "green - 2*red",
        "3*p(green) + p(blue)/2",
        "logit(red) + logit(green)",
        "-logit(red) - logit(green)",
        "min(green, 2*blue, p(red))",
        "min(logit(red), logit(blue) - 1)",
    ],
)
def test_slopes_go_back_to_the_picture(tiny_model: Callable[..., Path], text: str) -> None:
    spec, _ = _models(tiny_model)
    picture = np.asarray(drawn(16, 16, 3))
    pipeline = Pipeline(_job(text, spec, gradient=True))
    observed, kept = pipeline._observe(picture, True, True)
    slopes = pipeline._pulled_back(observed, kept, picture)
    rng = np.random.default_rng(1)
    for _ in range(3):
        way = rng.normal(size=(1, 1, 3)) * np.ones(picture.shape)
        ends = [_exactly(text, spec, picture + sign * 0.01 * way) for sign in (1, -1)]
        assert float((slopes * way).sum()) == pytest.approx((ends[0] - ends[1]) / 0.02, rel=1e-3)


def test_a_smallest_part_alone_pulls(tiny_model: Callable[..., Path]) -> None:
    tiny, second = _models(tiny_model)
    genomes = _genomes(4)
    job = _job("min(green, second:green)", tiny, second, gradient=True)
    both = Pipeline(job).evaluate(genomes, GRADIENT)
    alone = [
        Pipeline(_job("highest", spec, gradient=True)).evaluate(genomes, GRADIENT)
        for spec in (tiny, second)
    ]
    assert both.gradients is not None
    for row in range(4):
        smaller = min(alone, key=lambda one: float(one.fitness[row]))
        assert smaller.gradients is not None
        np.testing.assert_allclose(both.gradients[row], smaller.gradients[row], atol=1e-5)


def test_the_inputs_of_the_plain_session_and_of_the_wider_one(
    tiny_model: Callable[..., Path],
) -> None:
    spec, _ = _models(tiny_model)
    inputs = np.random.default_rng(2).random((1, *input_shape(spec)), np.float32)
    plain = cpu_session(spec.path).run(None, {"pictures": inputs})[0]
    probabilities, _ = Classifier(spec, logits=True).run_with_logits(inputs)
    np.testing.assert_array_equal(probabilities, plain)


def _on_the_page() -> list[str]:
    page = Path(__file__).parent.parent / "docs" / "objectives.md"
    return re.findall(r'--objective "([^"]+)"', page.read_text(encoding="utf-8"))


@pytest.mark.parametrize("text", _on_the_page())
def test_examples_of_the_page_have_a_meaning(text: str) -> None:
    first = read_spec("open_nsfw")
    cats = first.model_copy(update={"name": "cats", "classes": ("class_0", "class_1")})
    models = [first, cats] if "cats" in text else [first]
    assert make_config({"objective": text}).goal_name == text
    assert asked(text, models) == (tuple(models) if "probabilities" in needs_of(text) else ())


def test_the_page_has_examples() -> None:
    assert len(_on_the_page()) >= 8
