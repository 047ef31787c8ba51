"""How near each backend comes to the reference, and that it always says the same."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import onnxruntime as ort
import pytest
from conftest import TINY_WEIGHTS, drawn

from evonsfw import ort_session
from evonsfw.backends import Network, backend_names, cuda, load_backend, usable_backends, webgpu
from evonsfw.classifier import REFERENCE, BatchScorer, Classifier
from evonsfw.composition import compose
from evonsfw.genome import Encoding
from evonsfw.margin import margin
from evonsfw.model_spec import ModelSpec, read_spec
from evonsfw.preparation import input_shape
from evonsfw.raster import render

BOUNDS = {
    "fp32": (1e-3, 1e-3, 0.999),
    "bf16": (0.15, 0.5, 0.99),
    "int8": (0.5, 2.5, 0.9),
}
"""By arithmetic: mean and largest error of the margin, and the least correlation of ranks."""
NEARLY = {"fp32": 1e-5, "bf16": 0.03, "int8": 0.03}
"""By arithmetic: the largest error of a tiny model's probability."""
INEXACT = [
    name
    for name in backend_names()
    if load_backend(name).DEVICE == "cpu" and not load_backend(name).EXACT
]
on_a_cpu = pytest.mark.parametrize("name", INEXACT)
Make = Callable[..., Path]


@pytest.fixture(autouse=True)
def _cache(int8_cache: Path) -> None:
    """Quantised models are kept in this session's own cache."""


@pytest.fixture(scope="session")
def pictures() -> np.ndarray:
    """(24, 256, 256, 3) composed pictures, as they are at the start of runs."""
    encoding = Encoding(("triangles", "circles"), 100)
    genomes = compose(encoding, np.random.default_rng(11), 24)
    return np.concatenate([render(genome[None], encoding, (256, 256)) for genome in genomes])


@pytest.fixture(scope="session")
def margins(open_nsfw: Classifier, pictures: np.ndarray) -> np.ndarray:
    """What the reference says of them."""
    return margin(open_nsfw.probabilities(pictures), 1)


def _there(name: str) -> str:
    """The name of a backend that can be used here; else its test is skipped."""
    if name not in usable_backends():
        pytest.skip(f"{name}: {load_backend(name).missing()}")
    return name


def _ranks(values: np.ndarray) -> np.ndarray:
    return np.argsort(np.argsort(values))


def assert_near(found: np.ndarray, expected: np.ndarray, arithmetic: str) -> None:
    """Margins are within what an arithmetic allows, and rank pictures nearly alike."""
    mean, most, rank = BOUNDS[arithmetic]
    errors = np.abs(found - expected)
    assert errors.mean() <= mean
    assert errors.max() <= most
    assert np.corrcoef(_ranks(found), _ranks(expected))[0, 1] >= rank


def test_the_pictures_tell_backends_apart(margins: np.ndarray) -> None:
    """Bounds on errors mean something only where pictures differ by more."""
    assert margins.std() > 1.0
    assert len(np.unique(margins)) == len(margins)


@on_a_cpu
def test_margins_are_near_those_of_the_reference(
    name: str, open_nsfw: Classifier, pictures: np.ndarray, margins: np.ndarray
) -> None:
    model = Classifier(open_nsfw.spec, _there(name))
    found = margin(model.probabilities(pictures), 1)
    assert_near(found, margins, load_backend(name).arithmetic())
    assert model.hash == open_nsfw.hash


@on_a_cpu
def test_a_picture_gets_the_same_score_alone_in_any_batch_and_twice(
    name: str, open_nsfw: Classifier, pictures: np.ndarray
) -> None:
    model = Classifier(open_nsfw.spec, _there(name))
    together = model.probabilities(pictures[:6])
    for i in range(6):
        np.testing.assert_array_equal(model.probabilities(pictures[i : i + 1])[0], together[i])
    np.testing.assert_array_equal(model.probabilities(pictures[5::-1])[::-1], together)
    again = Classifier(open_nsfw.spec, name)
    np.testing.assert_array_equal(again.probabilities(pictures[:6]), together)


@on_a_cpu
@pytest.mark.parametrize("layout", ["NCHW", "NHWC"])
@pytest.mark.parametrize("softmax", [True, False])
@pytest.mark.parametrize("batch", ["N", 1])
def test_other_layouts_and_outputs_agree(
    tiny_model: Make, name: str, layout: str, softmax: bool, batch: str | int
) -> None:
    spec = read_spec(str(tiny_model(layout, softmax, batch, mean=[0.4, 0.5, 0.6])))
    pictures = [np.asarray(drawn(16, 16, seed)) for seed in range(8)]
    expected = Classifier(spec).probabilities(pictures)
    model = Classifier(spec, _there(name))
    tolerance = NEARLY[load_backend(name).arithmetic()]
    np.testing.assert_allclose(model.probabilities(pictures), expected, atol=tolerance)
    assert np.ptp(expected, axis=0).max() > 3 * tolerance


@on_a_cpu
def test_a_file_that_is_no_model_is_refused_in_one_line(name: str, tmp_path: Path) -> None:
    (tmp_path / "bad.onnx").write_text("no model")
    with pytest.raises(ValueError, match=r"bad\.onnx: .*cannot") as caught:
        load_backend(_there(name)).open_network(tmp_path / "bad.onnx", (3, 16, 16), (1,))
    assert "\n" not in str(caught.value)


@pytest.fixture
def openvino() -> Any:
    """OpenVINO's own module, where it is installed."""
    return pytest.importorskip("openvino")


def test_float32_is_as_good_as_exact(
    openvino: Any,
    open_nsfw: Classifier,
    pictures: np.ndarray,
    margins: np.ndarray,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """What processors without bfloat16 compute in."""
    monkeypatch.setattr(load_backend("openvino"), "arithmetic", lambda: "fp32")
    model = Classifier(open_nsfw.spec, "openvino")
    assert_near(margin(model.probabilities(pictures), 1), margins, "fp32")


@pytest.mark.parametrize(
    ("abilities", "arithmetic"),
    [(["FP32", "BF16", "INT8"], "bf16"), (["FP32", "INT8"], "fp32"), ([], "fp32")],
)
def test_the_processor_decides_on_the_arithmetic(
    openvino: Any, monkeypatch: pytest.MonkeyPatch, abilities: list[str], arithmetic: str
) -> None:
    core = SimpleNamespace(get_property=lambda *_: abilities)
    monkeypatch.setattr(openvino, "Core", lambda: core)
    assert load_backend("openvino").arithmetic.__wrapped__() == arithmetic


def test_what_openvino_cannot_run_is_told_in_one_line(
    openvino: Any, tiny_model: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise RuntimeError("Exception from src/core.cpp:\n  no such operator\n" + "x" * 500)

    load_backend("openvino").arithmetic()
    monkeypatch.setattr(openvino.Core, "compile_model", refuse)
    spec = read_spec(str(tiny_model()))
    with pytest.raises(ValueError, match=r"tiny\.onnx: OpenVINO .*no such operator") as caught:
        Classifier(spec, "openvino")
    message = str(caught.value)
    assert message.endswith("; use --backend onnxruntime")
    assert "\n" not in message
    assert len(message.removeprefix(str(spec.path))) < 400 + len(str(spec.path))


def test_openvino_compiles_as_many_as_are_open_at_a_time(
    openvino: Any, tiny_model: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    compiled: list[object] = []
    ours = openvino.Core.compile_model
    monkeypatch.setattr(
        openvino.Core, "compile_model", lambda *how: compiled.append(how) or ours(*how)
    )
    spec = read_spec(str(tiny_model()))
    for _ in range(3):
        models = [Classifier(spec, "openvino") for _ in range(2)]
        del models
    assert len(compiled) == 2
    other = read_spec(str(tiny_model(weights=-TINY_WEIGHTS)))
    spec.path.write_bytes(other.path.read_bytes())
    picture = np.asarray(drawn(16, 16))[None]
    changed = Classifier(spec, "openvino").probabilities(picture)
    assert len(compiled) == 3
    np.testing.assert_array_equal(changed, Classifier(other, "openvino").probabilities(picture))


SIZES = (4, 8)
TURNS = (8, 4, 8, 8, 4)


def _batches(spec: ModelSpec) -> list[np.ndarray]:
    rng = np.random.default_rng(9)
    return [rng.random((size, *input_shape(spec)), np.float32) for size in TURNS]


def assert_agrees_in_turns(network: Network, spec: ModelSpec) -> None:
    """Batches of several sizes in turns agree; a result stays as it was handed out."""
    reference = load_backend(REFERENCE).open_network(spec.path, input_shape(spec), (1,))
    batches = _batches(spec)
    results = [network(batch) for batch in batches]
    for batch, result in zip(batches, results, strict=True):
        expected = np.concatenate([reference(row[None]) for row in batch])
        assert result.dtype == np.float32
        np.testing.assert_allclose(result, expected, rtol=0, atol=1e-5)
    for i, one in enumerate(results):
        assert not any(np.shares_memory(one, other) for other in results[:i])


@pytest.fixture
def cuda_on_the_cpu(monkeypatch: pytest.MonkeyPatch) -> None:
    """The backend's own code, on what every machine has."""
    monkeypatch.setattr(cuda, "PROVIDER", "CPUExecutionProvider")
    monkeypatch.setattr(cuda, "MEMORY", "cpu")


@pytest.mark.parametrize("graphs", [False, True])
@pytest.mark.parametrize("layout", ["NCHW", "NHWC"])
@pytest.mark.usefixtures("cuda_on_the_cpu")
def test_bound_memory_changes_nothing(tiny_model: Make, layout: str, graphs: bool) -> None:
    """With memory for the outputs too, as for a graph, and without."""
    spec = read_spec(str(tiny_model(layout, False)))
    assert_agrees_in_turns(cuda._Cuda(spec.path, input_shape(spec), SIZES, graphs), spec)


@pytest.mark.usefixtures("cuda_on_the_cpu")
def test_cuda_agrees_on_the_default_classifier(open_nsfw: Classifier) -> None:
    spec = open_nsfw.spec
    scorer = BatchScorer(spec, "cuda", (2, 3))
    inputs = np.random.default_rng(4).random((4, *input_shape(spec)), np.float32) * 100
    expected = BatchScorer(spec, REFERENCE, (1,))(inputs)
    np.testing.assert_allclose(scorer(inputs), expected, rtol=0, atol=1e-5)


@pytest.mark.usefixtures("cuda_on_the_cpu")
def test_cuda_takes_a_model_for_one_picture_at_a_time(tiny_model: Make) -> None:
    spec = read_spec(str(tiny_model(batch=1)))
    inputs = _batches(spec)[0]
    expected = BatchScorer(spec, REFERENCE)(inputs)
    np.testing.assert_array_equal(BatchScorer(spec, "cuda")(inputs), expected)


def test_cuda_does_without_graphs_where_a_model_has_none(monkeypatch: pytest.MonkeyPatch) -> None:
    tried: list[bool] = []

    def opened(file: Path, shape: object, sizes: object, graphs: bool) -> str:
        tried.append(graphs)
        if graphs:
            raise RuntimeError("nodes are on the CPU")
        return "network"

    monkeypatch.setattr(cuda, "_Cuda", opened)
    monkeypatch.setattr(ort, "preload_dlls", lambda: None)
    assert cuda.open_network(Path("x"), (3, 2, 2), (1,)) == "network"
    assert tried == [True, False]
    tried.clear()
    assert cuda.open_network(Path("x"), (3, 2, 2), (1,), graphs=False) == "network"
    assert tried == [False]


@pytest.mark.filterwarnings("ignore:Specified provider")
def test_a_silent_fall_back_to_the_cpu_is_told(tiny_model: Make) -> None:
    if cuda.PROVIDER in ort.get_available_providers():
        pytest.skip("CUDA is there")
    file = read_spec(str(tiny_model())).path
    options = ort_session.single_threaded()
    with pytest.raises(ValueError, match="fell back from the GPU to the CPU"):
        ort_session.open_session(file, options, [cuda.PROVIDER])
    processors = [d for d in ort.get_ep_devices() if d.ep_name == "CPUExecutionProvider"]
    options.add_provider_for_devices(processors[:1], {})
    with pytest.raises(ValueError, match="fell back from the GPU to the CPU"):
        ort_session.open_session(file, options, None)


def test_webgpu_agrees_in_turns(tiny_model: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    """On the CPU's provider, which is chosen by device as a GPU would be."""
    processors = [d for d in ort.get_ep_devices() if d.ep_name == "CPUExecutionProvider"]

    def open_session(path: Path, options: ort.SessionOptions, providers: object) -> Any:
        assert providers is None
        return ort.InferenceSession(str(path), options)

    monkeypatch.setattr(webgpu, "_devices", lambda: processors)
    spec = read_spec(str(tiny_model(softmax=False)))
    with monkeypatch.context() as patch:
        patch.setattr(ort_session, "open_session", open_session)
        network = webgpu.open_network(spec.path, input_shape(spec), SIZES)
    assert_agrees_in_turns(network, spec)


@pytest.fixture
def plugin(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, str]]:
    """WebGPU's package, as far as it is asked; returns what is registered."""
    (tmp_path / "onnxruntime_ep_webgpu.py").write_text(
        "def get_library_path():\n    return 'webgpu.so'\n"
        "def get_ep_name():\n    return 'WebGpuExecutionProvider'\n",
        encoding="utf-8",
    )
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "onnxruntime_ep_webgpu", raising=False)
    registered: list[tuple[str, str]] = []
    monkeypatch.setattr(
        ort, "register_execution_provider_library", lambda *names: registered.append(names)
    )
    return registered


def test_webgpu_is_there_where_its_plugin_finds_a_gpu(
    plugin: list[tuple[str, str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    names = ["CPUExecutionProvider", "WebGpuExecutionProvider", "WebGpuExecutionProvider"]
    devices = [SimpleNamespace(ep_name=name) for name in names]
    monkeypatch.setattr(ort, "get_ep_devices", lambda: devices)
    assert webgpu.missing() is None
    assert webgpu._devices() == devices[1:]
    assert plugin == [(webgpu.LIBRARY, "webgpu.so")] * 2
    monkeypatch.setattr(ort, "get_ep_devices", lambda: devices[:1])
    assert "evonsfw[webgpu]" in str(webgpu.missing())


@pytest.mark.parametrize(
    ("reason", "there"), [("library is already registered", True), ("no Vulkan driver", False)]
)
def test_webgpu_registers_its_plugin_once(
    plugin: list[tuple[str, str]], monkeypatch: pytest.MonkeyPatch, reason: str, there: bool
) -> None:
    def refuse(*_: str) -> None:
        raise RuntimeError(reason)

    devices = [SimpleNamespace(ep_name="WebGpuExecutionProvider")]
    monkeypatch.setattr(ort, "get_ep_devices", lambda: devices)
    monkeypatch.setattr(ort, "register_execution_provider_library", refuse)
    assert (webgpu.missing() is None) == there
    assert not plugin
