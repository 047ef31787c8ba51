"""A genome's way there and back: through every view, to the bit, and compiled beforehand."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from conftest import TINY_BIAS, TINY_WEIGHTS
from onnx import TensorProto, helper, numpy_helper

from evonsfw.classifier import Classifier
from evonsfw.composition import compose
from evonsfw.config import make_config
from evonsfw.exactness import is_exact
from evonsfw.genome import Encoding
from evonsfw.model_spec import ModelSpec, read_spec
from evonsfw.objectives import Goal
from evonsfw.ort_session import cpu_session
from evonsfw.pipeline import SOFTNESS, Job, Pipeline
from evonsfw.search import Wants
from evonsfw.stage import Stage, complete, referee, set_up
from evonsfw.views import SEARCHED

ENCODING = Encoding(("triangles", "circles"), 6)
CANVAS = (40, 32)


def _job(spec: ModelSpec, **changes: Any) -> Job:
    told: dict[str, Any] = {"gradient": True, "robust": True, **changes}
    return Job(ENCODING, CANVAS, "highest", Goal(1, "green"), spec, **told)


def _genome(seed: int = 0) -> np.ndarray:
    return compose(ENCODING, np.random.default_rng(seed), 1)


def _with_a_ramp(yaml: Path) -> ModelSpec:
    """The tiny model behind weights that grow to the right and down, so that it sees places."""
    model = onnx.load(yaml.parent / "tiny.onnx")
    across, down = np.linspace(0.0, 2.0, 16), np.linspace(0.5, 1.5, 16)[:, None]
    ramp = numpy_helper.from_array((across * down).astype(np.float32), "ramp")
    model.graph.initializer.append(ramp)
    model.graph.node[0].input[0] = "weighted"
    model.graph.node.insert(0, helper.make_node("Mul", ["pictures", "ramp"], ["weighted"]))
    onnx.save(model, yaml.parent / "tiny.onnx")
    return read_spec(str(yaml))


# ── views ───────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("number", range(len(SEARCHED)), ids=[view.name for view in SEARCHED])
def test_the_gradient_through_every_view(tiny_model: Callable[..., Path], number: int) -> None:
    """By differences along it, far enough that 8 bits and JPEG's steps are lost in the mean."""
    pipeline = Pipeline(_job(_with_a_ramp(tiny_model(jpeg=True))))
    ratios = []
    for seed in range(6):
        genome = 0.1 + 0.8 * _genome(seed)
        found = pipeline.evaluate(genome, Wants(gradient=True, views=(number,))).gradients
        assert found is not None
        step = 0.1 * found / np.abs(found).max()
        ends = [
            pipeline.evaluate(genome + sign * step, Wants(views=(number,))).fitness[0]
            for sign in (1, -1)
        ]
        ratios.append((ends[0] - ends[1]) / (2 * float((found * step).sum())))
    assert np.mean(ratios) == pytest.approx(1.0, abs=0.03)


def test_a_view_counts_by_how_bad_it_is(tiny_model: Callable[..., Path]) -> None:
    """The fitness is the worst view's, the gradient that of a soft minimum."""
    spec = _with_a_ramp(tiny_model(weights=2 * TINY_WEIGHTS))
    pipeline, genome = Pipeline(_job(spec)), _genome()
    alone = [
        pipeline.evaluate(genome, Wants(gradient=True, views=(number,)))
        for number in range(len(SEARCHED))
    ]
    fitness = np.array([one.fitness[0] for one in alone])
    powers = [float(np.exp(-(one - fitness.min()) / SOFTNESS)) for one in fitness]
    assert 0.01 < sorted(powers)[-2] < 0.99
    assert min(powers) < 0.5
    expected = sum(
        power / sum(powers) * np.asarray(one.gradients).astype(float)
        for power, one in zip(powers, alone, strict=True)
    )
    whole = pipeline.evaluate(genome, Wants(gradient=True))
    assert whole.gradients is not None
    assert whole.fitness[0] == fitness.min()
    largest = np.abs(expected).max()
    assert largest > 0.01
    np.testing.assert_allclose(whole.gradients, expected, rtol=1e-4, atol=1e-5 * largest)


# ── to the bit ──────────────────────────────────────────────────────────────────────────────────


def _fused(folder: Path, name: str = "fused", gain: float = 1.0, softmax: bool = True) -> Path:
    """A classifier whose activations onnxruntime fuses, unless somebody wants what is between."""
    rng = np.random.default_rng(4)
    weights = {
        "kernel": rng.normal(size=(16, 3, 3, 3)) / 3,
        "steepness": np.array(1.702),
        "matrix": gain * rng.normal(size=(3, 16)),
        "bias": gain * rng.normal(size=3),
    }
    nodes = [
        ("Conv", "pictures kernel", "c", {"pads": [1, 1, 1, 1]}),
        ("Mul", "c steepness", "m", {}),
        ("Sigmoid", "m", "s", {}),
        ("Mul", "c s", "g", {}),
        ("GlobalAveragePool", "g", "p", {}),
        ("Flatten", "p", "f", {}),
        ("Gemm", "f matrix bias", "z", {"transB": 1}),
        *([("Softmax", "z", "y", {"axis": 1})] if softmax else []),
    ]
    output = "y" if softmax else "z"
    graph = helper.make_graph(
        [helper.make_node(kind, i.split(), [o], **told) for kind, i, o, told in nodes],
        "fused",
        [helper.make_tensor_value_info("pictures", TensorProto.FLOAT, ["N", 3, 16, 16])],
        [helper.make_tensor_value_info(output, TensorProto.FLOAT, ["N", 3])],
        [numpy_helper.from_array(np.float32(value), key) for key, value in weights.items()],
    )
    opsets = [helper.make_opsetid("", 17)]
    onnx.save(helper.make_model(graph, opset_imports=opsets, ir_version=8), folder / "fused.onnx")
    path = folder / "fused.yaml"
    path.write_text(
        f"name: {name}\nfile: fused.onnx\nlayout: NCHW\nresize: {{width: 16, height: 16}}\n"
        f"output: {'probabilities' if softmax else 'logits'}\nclasses: [red, green, blue]\n",
        encoding="utf-8",
    )
    return path


def _scores_differ(spec: ModelSpec) -> bool:
    """Whether a gradient step scores any of a few pictures otherwise than the reference."""
    pipeline = Pipeline(_job(spec, robust=False))
    genomes = compose(ENCODING, np.random.default_rng(9), 20)
    steps = pipeline.evaluate(genomes, Wants(gradient=True))
    return not np.array_equal(steps.fitness, pipeline.evaluate(genomes).fitness)


@pytest.mark.parametrize("keys", [{}, {"softmax": False}, {"layout": "NHWC"}, {"jpeg": True}])
def test_what_is_exact(tiny_model: Callable[..., Path], keys: dict[str, Any]) -> None:
    spec = read_spec(str(tiny_model(**keys)))
    assert not _scores_differ(spec)
    assert is_exact(Classifier(spec))


@pytest.mark.parametrize("softmax", [True, False])
@pytest.mark.parametrize("gain", [1.0, 3.0])
def test_what_is_not_exact(tmp_path: Path, gain: float, softmax: bool) -> None:
    spec = read_spec(str(_fused(tmp_path, gain=gain, softmax=softmax)))
    assert _scores_differ(spec)
    assert not is_exact(Classifier(spec))


def test_what_is_not_exact_although_its_probabilities_are_all_0_and_1(tmp_path: Path) -> None:
    """Others may be between: the values before the softmax tell."""
    spec = read_spec(str(_fused(tmp_path, gain=1e5)))
    assert not is_exact(Classifier(spec))


def _stage(classifier: str) -> Stage:
    return set_up(complete(make_config({"classifier": classifier, "n": 3, "size": "16"})))


def test_a_name_is_not_trusted(tmp_path: Path) -> None:
    assert referee(_stage(str(_fused(tmp_path, name="open_nsfw")))) is not None


def test_what_a_test_has_shown_is_not_looked_at_again(
    monkeypatch: pytest.MonkeyPatch, tiny_model: Callable[..., Path]
) -> None:
    looked_at = []

    def looked(classifier: Classifier) -> bool:
        looked_at.append(classifier.spec.name)
        return True

    monkeypatch.setattr("evonsfw.stage.is_exact", looked)
    assert referee(_stage("open_nsfw")) is None
    assert not looked_at
    assert referee(_stage(str(tiny_model()))) is None
    assert looked_at == ["tiny"]


# ── before a run ────────────────────────────────────────────────────────────────────────────────


def test_a_run_goes_without_a_gradient_that_an_operator_has_not(
    tiny_model: Callable[..., Path],
) -> None:
    """The operator has a rule, but not for how it is told to pad."""
    yaml = tiny_model()
    assert _stage(str(yaml)).job.gradient
    model = onnx.load(yaml.parent / "tiny.onnx")
    pads = numpy_helper.from_array(np.array([0, 0, 1, 1, 0, 0, 1, 1]), "pads")
    model.graph.initializer.append(pads)
    model.graph.node[0].input[0] = "padded"
    pad = helper.make_node("Pad", ["pictures", "pads"], ["padded"], mode="reflect")
    model.graph.node.insert(0, pad)
    onnx.save(model, yaml.parent / "tiny.onnx")
    assert cpu_session(yaml.parent / "tiny.onnx").get_inputs()[0].name == "pictures"
    assert not _stage(str(yaml)).job.gradient


COMPILED_BEFORE = """
import gc, sys
import numpy as np
from numba.core.dispatcher import Dispatcher
from evonsfw.genome import Encoding
from evonsfw.model_spec import read_spec
from evonsfw.objectives import Goal
from evonsfw.pipeline import Job, Pipeline, warm_up
from evonsfw.search import Wants
first, second, gradient, robust = read_spec(sys.argv[1]), read_spec(sys.argv[2]), *sys.argv[3:]
encoding = Encoding(("triangles", "circles"), 5)
job = Job(encoding, (40, 32), "min(green, second:green) + clutter + symmetry", Goal(1, "green"),
          first, gradient=bool(gradient), robust=bool(robust), others=(second,))
def compiled():
    kernels = [one for one in gc.get_objects() if isinstance(one, Dispatcher)]
    return {(one.py_func.__qualname__, s) for one in kernels for s in one.signatures}
warm_up(job)
before = compiled()
genomes = np.random.default_rng(0).random((2, encoding.length), np.float32)
pipeline = Pipeline(job)
pipeline.evaluate(genomes)
if gradient:
    pipeline.evaluate(genomes, Wants(gradient=True))
print(sorted(str(one) for one in compiled() - before))
"""


@pytest.mark.parametrize(
    ("gradient", "robust"), [("yes", "yes"), ("yes", ""), ("", "yes"), ("", "")]
)
def test_workers_find_all_compiled(
    tiny_model: Callable[..., Path], gradient: str, robust: str
) -> None:
    """Neither model has a JPEG step, so that only views have one."""
    second = tiny_model(name="second", layout="NHWC", side=24, bias=TINY_BIAS[::-1].copy())
    arguments = [str(tiny_model()), str(second), gradient, robust]
    done = subprocess.run(
        [sys.executable, "-c", COMPILED_BEFORE, *arguments],
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.stdout, done.returncode) == ("[]\n", 0), done.stderr
