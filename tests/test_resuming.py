"""What resuming refuses, what a picture says of its score, and a climber's start."""

from __future__ import annotations

import numpy as np
import pytest
from bench import Bench, assert_equal_runs
from PIL import Image
from program import Call, assert_refused, files

from evonsfw.composition import compose
from evonsfw.genome import Encoding
from evonsfw.pipeline import Pipeline
from evonsfw.provenance import read_provenance
from evonsfw.search.climber import HillClimber
from evonsfw.stage import problem_of, set_up
from evonsfw.views import SEARCHED

GRADIENTS = {"search": "auto", "until": None, "generations": 2}


@pytest.mark.parametrize(
    ("flags", "leave_out"),
    [
        (["--backend", "openvino"], "--backend"),
        (["--backend", "int8"], "--backend"),
        (["--device", "webgpu"], "--device"),
        (["--backend", "auto", "--device", "cuda"], "--device"),
        (["--backend", "cuda", "--device", "cuda"], "--backend and --device"),
    ],
)
def test_a_run_with_gradients_goes_on_with_those_who_give_them(
    call: Call, bench: Bench, flags: list[str], leave_out: str
) -> None:
    folder = bench.start("run", **GRADIENTS)
    before = files(folder)
    outcome = call("resume", str(folder), "--generations", "2", *flags)
    told = "it takes gradients, which only onnxruntime on the CPU gives: leave out "
    assert_refused(outcome, f"run folder {folder}: {told}{leave_out}\n")
    assert files(folder) == before


@pytest.mark.parametrize(
    "more",
    [
        {"backend": "onnxruntime"},
        {"backend": "auto"},
        {"device": "cpu"},
        {"device": "auto"},
        {"backend": "auto", "device": "cpu"},
    ],
)
def test_words_for_the_same_backend_are_as_good_as_none(bench: Bench, more: dict[str, str]) -> None:
    folder = bench.start("run", **GRADIENTS)
    bench.resume(folder, generations=3, **more)
    assert_equal_runs(folder, bench.start("whole", **{**GRADIENTS, "generations": 5}))


def test_a_run_without_gradients_takes_another_backend(bench: Bench) -> None:
    folder = bench.start("run", **GRADIENTS, gradient=False, backend="onnxruntime")
    bench.resume(folder, generations=1, backend="int8")
    assert "by int8" in bench.said[0]


def test_a_run_whose_objective_needs_no_classifier_takes_any(bench: Bench) -> None:
    folder = bench.start("run", **GRADIENTS, objective="symmetry")
    bench.resume(folder, generations=1, backend="openvino")
    assert "3 generations done" in bench.said[-2]


@pytest.mark.parametrize("robust", [True, False])
def test_a_picture_says_that_its_score_is_the_worst_view_s(bench: Bench, robust: bool) -> None:
    folder = bench.start("run", **GRADIENTS, robust=robust)
    with Image.open(folder / "best.png") as image:
        text = image.text
    found = read_provenance(folder / "best.png")
    assert found is not None
    stage = set_up(found.config)
    worst = Pipeline(stage.job, classifiers=stage.references).evaluate(found.genome[None]).scores[0]
    assert text["evonsfw:score"] == f"{worst:.6f}"
    expected = f"worst of {len(SEARCHED)} views" if robust else None
    assert text.get("evonsfw:views") == expected
    assert expected is None or expected in stage.label


def test_a_climber_begins_from_a_parent_that_it_is_given() -> None:
    encoding = Encoding(("circles",), 3)
    climber = HillClimber(problem_of(encoding), 4, np.random.default_rng(1))
    parent = compose(encoding, np.random.default_rng(2), 1)[0]
    climber.begin_from(parent, 0.5, 0.05)
    assert np.array_equal(climber.population()[0], parent[None])
    assert climber.population()[1].tolist() == [0.5]
    assert climber.state()["sigma"] == 0.05
    children = climber.ask()
    assert children.shape == (4, encoding.length)
    climber.tell(np.array([0.1, 0.2, 0.3, 0.4]))
    assert np.array_equal(climber.population()[0], parent[None])  # all are worse
    climber.ask()
    climber.tell(np.array([0.1, 0.6, 0.3, 0.4]))
    assert climber.population()[1].tolist() == [0.6]
    with pytest.raises(RuntimeError, match=r"begin_from\(\) was called after ask\(\)"):
        climber.begin_from(parent, 0.5)


def test_a_checkpoint_of_another_search_is_told(bench: Bench) -> None:
    """As where `auto` came to another search when an older version began the run."""
    folder = bench.start("run", search="memetic", generations=2, until=None)
    config = folder / "config.yaml"
    config.write_text(config.read_text().replace("search: memetic", "search: cmaes"))
    with pytest.raises(ValueError, match=r"of another search.*evonsfw --from .*best\.png"):
        bench.resume(folder, generations=1)
