"""Runs whose objective is an expression: settings, folders, backends, whole runs."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from bench import Bench, assert_equal_runs, log, scores
from conftest import TINY_WEIGHTS, drawn
from PIL import Image

from evonsfw.backends import load_backend
from evonsfw.config import RunConfig, make_config, read_config
from evonsfw.founding import settings_from
from evonsfw.growth import dotted, grow_on
from evonsfw.pipeline import Pipeline
from evonsfw.reference import with_targets
from evonsfw.refinement import improve
from evonsfw.search import Improvement, Wants
from evonsfw.stage import complete, set_up
from evonsfw.verification import verify_files


def test_what_a_settings_file_may_say() -> None:
    config = make_config({"objective": "green - 0.5*clutter", "until": -3.5})
    assert make_config(config.to_dict()) == config
    for values, words in (
        ({"objective": "green -"}, "it ends too early"),
        ({"objective": "green - red", "class": "red"}, "leave out --class"),
        ({"objective": "green - red", "target_score": 0.5}, "leave one out"),
        ({"objective": "highest", "until": -0.5}, "until = '-0.5'"),
        ({"objective": "highest", "until": 1.5}, "a score is at most 1"),
    ):
        with pytest.raises(ValueError, match=r"objective|class|until") as caught:
            make_config(values)
        assert words in str(caught.value)


@pytest.mark.parametrize(
    ("objective", "word"),
    [
        ("highest", "highest"),
        ("nsfw - 0.5*clutter", "nsfw-0-5-clutter"),
        ("a/b", "a-b"),
        ("../..:'x'", "x"),
        ("'é'", "expression"),
        ("p(" + "a" * 50 + ")", "p-" + "a" * 38),
    ],
)
def test_the_word_for_a_folder(objective: str, word: str) -> None:
    config = RunConfig.model_construct(objective=objective)
    assert config.goal_word == word


def test_classifiers_beside_a_config_are_found(tmp_path: Path) -> None:
    (tmp_path / "b.onnx").write_bytes(b"")
    (tmp_path / "c,d.onnx").write_bytes(b"")
    for given, found in (
        ("open_nsfw, b.onnx", f"open_nsfw,{tmp_path / 'b.onnx'}"),
        ("c,d.onnx", str(tmp_path / "c,d.onnx")),
        ("open_nsfw,missing.onnx", "open_nsfw,missing.onnx"),
    ):
        (tmp_path / "config.yaml").write_text(f"classifier: '{given}'\n", encoding="utf-8")
        assert read_config(tmp_path / "config.yaml")["classifier"] == found
    assert make_config({"classifier": "a, b.onnx"}).classifiers == ("a", "b.onnx")
    comma = str(tmp_path / "c,d.onnx")
    assert make_config({"classifier": comma}).classifiers == (comma,)


def test_the_worst_view_of_an_expression(bench: Bench) -> None:
    """A picture in a mirror is as symmetric, so the worst view is at most the picture as it is."""
    settings = {"objective": "green - 2*clutter", "evaluations": 60, "robust": True}
    folder = bench.start("run", **settings)
    assert float(bench.said[-1].rpartition(" ")[2]) >= scores(folder)[-1] - 1e-6


def test_a_run_by_an_expression(bench: Bench) -> None:
    text = "green - 0.5*clutter"
    folder = bench.start("run", objective=text, evaluations=120)
    assert bench.said[-1].startswith(f"{folder / 'best.png'}: {text} ")
    assert scores(folder)[-1] > scores(folder)[0]
    assert float(bench.said[-1].rpartition(" ")[2]) == pytest.approx(scores(folder)[-1], abs=1e-5)
    settings = read_config(folder / "config.yaml")
    assert settings["objective"] == text
    bench.start("again", **settings)
    assert_equal_runs(folder, bench.folder / "again")


def test_an_expression_ends_at_its_score_and_goes_on(bench: Bench) -> None:
    folder = bench.start("run", objective="-2*clutter", until=-5.0)
    assert bench.said[-2].startswith("reached -2*clutter -")
    bench.resume(folder, generations=2)
    assert "generations done" in bench.said[-2]


def test_expressions_end_by_scorings(tiny_model: Callable[..., Path]) -> None:
    for text in ("green - clutter", "symmetry", "-clutter"):
        config = complete(make_config({"objective": text, "classifier": str(tiny_model())}))
        assert (config.until, config.evaluations) == (None, 2000)


@pytest.mark.parametrize("backend", ["auto", "onnxruntime"])
def test_a_run_by_two_classifiers(
    bench: Bench, tiny_model: Callable[..., Path], backend: str
) -> None:
    second = tiny_model(name="second", weights=TINY_WEIGHTS[::-1].copy())
    classifiers = f"{bench.model},{second}"
    text = "min(green, second:blue)"
    settings = {"classifier": classifiers, "objective": text, "backend": backend, "generations": 4}
    inline = bench.start("inline", **settings)
    assert "classifiers tiny and second by" in bench.said[0]
    assert_equal_runs(inline, bench.start("pool", workers=2, **settings))
    bench.start("again", **read_config(inline / "config.yaml"))
    assert_equal_runs(inline, bench.folder / "again")


def test_each_classifier_counts_as_a_scoring(bench: Bench, tiny_model: Callable[..., Path]) -> None:
    second = tiny_model(name="second")
    one = bench.start("one", objective="+green", generations=3, backend="onnxruntime")
    two = bench.start(
        "two",
        objective="min(green, second:green)",
        classifier=f"{bench.model},{second}",
        generations=3,
        backend="onnxruntime",
    )
    assert [2 * int(row[1]) for row in log(one)[1:]] == [int(row[1]) for row in log(two)[1:]]


def test_both_neurons_at_once(bench: Bench) -> None:
    """More of both than there is where one of them alone is asked for."""
    found = {}
    for name, text in (
        ("both", "logit(red) + logit(blue)"),
        ("neither", "-logit(red)-logit(blue)"),
    ):
        folder = bench.start(name, objective=text, evaluations=150, backend="auto")
        found[name] = scores(folder)
    assert found["both"][-1] > found["both"][0]
    assert found["neither"][-1] > found["neither"][0]
    assert found["both"][-1] > -found["neither"][-1]


@pytest.mark.parametrize("backend", ["openvino", "int8"])
def test_logits_are_for_the_reference_only(
    tiny_model: Callable[..., Path], monkeypatch: pytest.MonkeyPatch, backend: str
) -> None:
    monkeypatch.setattr(load_backend(backend), "missing", lambda: None)
    values = {"classifier": str(tiny_model()), "objective": "logit(red) - p(blue)"}
    assert complete(make_config(values)).backend == "onnxruntime"
    config = complete(make_config({**values, "backend": backend}))
    with pytest.raises(ValueError, match=f"leave out --backend {backend}"):
        set_up(config)


@pytest.mark.parametrize("objective", ["green - clutter", "min(green, second:green)"])
def test_what_a_gpu_is_not_asked(
    tiny_model: Callable[..., Path], monkeypatch: pytest.MonkeyPatch, objective: str
) -> None:
    module = load_backend("onnxruntime")
    tiny, second = tiny_model(), tiny_model(name="second")
    several = f"{tiny},{second}" if "second" in objective else str(tiny)
    config = make_config({"classifier": several, "objective": objective, "gradient": False})
    config = complete(make_config({**config.to_dict(), "backend": "onnxruntime"}))
    monkeypatch.setattr(module, "DEVICE", "cuda")
    with pytest.raises(ValueError, match=r"runs? on the CPU: leave out --backend onnxruntime"):
        set_up(config)


def test_pictures_alone_need_no_classifier(bench: Bench) -> None:
    folder = bench.start("run", objective="symmetry - 0.1*clutter", evaluations=60)
    assert "no classifier" in bench.said[0]
    assert scores(folder)[-1] > scores(folder)[0]


@pytest.fixture
def cut_out(tmp_path: Path) -> dict[str, str]:
    """A target that is transparent on its left, and a mask that is black at its top."""
    image = drawn(32, 32, 3)
    alpha = Image.new("L", image.size, 255)
    alpha.paste(0, (0, 0, 8, 32))
    image.putalpha(alpha)
    image.save(tmp_path / "cut out.png")
    mask = Image.new("L", image.size, 255)
    mask.paste(0, (0, 0, 32, 8))
    mask.save(tmp_path / "mask.png")
    return {"target": str(tmp_path / "cut out.png"), "weight": str(tmp_path / "mask.png")}


SHORT = {"evaluations": 150}


@pytest.mark.parametrize("objective", ["likeness", "likeness + 0.3*green", "ssim", "edges"])
def test_a_run_towards_what_counts_repeats_and_resumes_from_its_folder_alone(
    bench: Bench, cut_out: dict[str, str], objective: str
) -> None:
    settings = {**cut_out, "objective": objective}
    whole = bench.start("whole", **settings, generations=4)
    parts = bench.start("parts", **settings, generations=2)
    for name in cut_out.values():
        Path(name).unlink()
    parts = parts.rename(bench.folder / "moved")
    bench.resume(parts, generations=2)
    assert_equal_runs(whole, parts)
    bench.start("again", **read_config(parts / "config.yaml"))
    assert_equal_runs(whole, bench.folder / "again")
    for name in ("target.png", "weight.png"):
        with Image.open(parts / name) as one, Image.open(bench.folder / "again" / name) as two:
            assert one.mode == ("RGBA" if name == "target.png" else "L")
            np.testing.assert_array_equal(np.asarray(one), np.asarray(two))
    assert verify_files([whole / "best.png", parts / "generations" / "gen_00001.png"], print) == 0


@pytest.mark.parametrize("rows", [(0, 0), (1, 3), None])
def test_what_counts_is_what_is_improved(
    cut_out: dict[str, str], rows: tuple[int, int] | None
) -> None:
    """And its error is the score, to the last bit."""
    stage = set_up(complete(make_config({**cut_out, "n": 4, "size": 32, "seed": 7})))
    goal, encoding = stage.job.goal, stage.job.encoding
    assert goal.target is not None
    genome = np.random.default_rng(1).random(encoding.length, np.float32)
    budget = 20 * 32 * 32
    wants = Wants(improve=Improvement(20, 3, rows=rows))
    found = Pipeline(stage.job).evaluate(genome[None], wants)
    asked: dict[str, Any] = {"seed": 3, "weights": goal.weights}
    if rows is None:
        exact = improve(genome, encoding, goal.target, budget=budget, **asked)
    elif rows == (0, 0):
        exact = dotted(encoding, goal.target, **asked)
    else:
        exact = grow_on(genome, encoding, goal.target, rows=rows, **asked)
    np.testing.assert_array_equal(found.genomes, exact.genome[None])
    assert found.scores[0] == exact.error


def test_what_does_not_count_is_not_scored(bench: Bench, cut_out: dict[str, str]) -> None:
    """The last line tells the error over the pixels that count, from best.png on disk."""
    folder = bench.start("run", **cut_out, **SHORT)
    with Image.open(folder / "best.png") as image:
        picture = np.asarray(image.convert("RGB"))[8:, 8:].astype(float)
    error = np.sqrt(((picture - np.asarray(drawn(32, 32, 3))[8:, 8:]) ** 2).mean())
    told = float(bench.said[-1].rpartition(" ")[2])
    assert told == pytest.approx(error, abs=1e-6)


def test_a_run_goes_on_from_a_picture_towards_what_counts(
    bench: Bench, cut_out: dict[str, str]
) -> None:
    best = bench.start("run", **cut_out, **SHORT) / "best.png"
    for given, kept in (
        ({}, cut_out),
        ({"objective": "likeness + 0.3*green"}, cut_out),
        ({"objective": "highest"}, {}),
        ({"target": "other.png"}, {}),
        ({"weight": "other.png"}, {"target": cut_out["target"]}),
    ):
        values = settings_from(best, given)
        found = {key: values[key] for key in cut_out if values.get(key) and key not in given}
        assert found == kept
    Path(cut_out["weight"]).unlink()
    values = settings_from(best)
    assert values["target"] == str(best.parent / "target.png")
    assert values["weight"] == str(best.parent / "weight.png")
    config = make_config({**values, "target": cut_out["target"], "weight": cut_out["weight"]})
    assert [one.weight for one in with_targets(config, best)] == [str(best.parent / "weight.png")]
    (best.parent / "weight.png").unlink()
    with pytest.raises(ValueError, match=r"its weight mask .*: no such file: give --weight"):
        settings_from(best)


def test_a_run_ends_at_its_rmse(bench: Bench, cut_out: dict[str, str]) -> None:
    folder = bench.start("run", **cut_out, until_rmse=80.0)
    assert "reached RMSE" in bench.said[-2]
    settings = read_config(folder / "config.yaml")
    assert (settings["until"], settings["until_rmse"]) == (80.0, None)


@pytest.mark.parametrize("objective", ["likeness", "ssim", "likeness - clutter"])
def test_the_canvas_has_the_proportions_of_the_target(tmp_path: Path, objective: str) -> None:
    drawn(80, 20).save(tmp_path / "wide.png")
    values = {"target": str(tmp_path / "wide.png"), "objective": objective}
    assert complete(make_config(values)).canvas == (512, 128)


@pytest.mark.parametrize("objective", ["ssim", "edges", "likeness + 20*ssim", "edges + likeness"])
def test_comparisons_improve(bench: Bench, cut_out: dict[str, str], objective: str) -> None:
    folder = bench.start("run", **cut_out, objective=objective, **SHORT)
    first, last = scores(folder)[0], scores(folder)[-1]
    assert last < first if objective == "edges" else last > first
