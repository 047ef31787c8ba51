"""The quantised model: made once, kept where there is a place, the same from the same model."""

from __future__ import annotations

import hashlib
import logging
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from conftest import drawn

from evonsfw.backends import int8
from evonsfw.classifier import Classifier, infer_spec
from evonsfw.model_spec import ModelSpec, read_spec

onnx = pytest.importorskip("onnx")
SIDE = 16
CLASSES = 3


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Empty places for quantised models: the user's and the temporary one beside it."""
    monkeypatch.setattr("platformdirs.user_cache_path", lambda name: tmp_path / "user" / name)
    monkeypatch.setattr(int8, "CALIBRATION", 4)
    (tmp_path / "temporary").mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "temporary"))
    int8._scratch.cache_clear()
    return tmp_path / "user" / "evonsfw" / "int8"


@pytest.fixture
def convolutional(tmp_path: Path) -> Callable[..., ModelSpec]:
    """Make a classifier of one convolution, of an old or a new opset."""

    def make(opset: int = 9, seed: int = 0) -> ModelSpec:
        rng = np.random.default_rng(seed)
        helper, numpy_helper = onnx.helper, onnx.numpy_helper
        weights = {
            "kernel": rng.normal(size=(8, 3, 3, 3)),
            "offsets": rng.normal(size=8),
            "matrix": rng.normal(size=(CLASSES, 8)),
            "bias": rng.normal(size=CLASSES),
        }
        nodes = [
            helper.make_node("Conv", ["pictures", "kernel", "offsets"], ["c"], pads=[1] * 4),
            helper.make_node("Relu", ["c"], ["r"]),
            helper.make_node("GlobalAveragePool", ["r"], ["p"]),
            helper.make_node("Flatten", ["p"], ["f"]),
            helper.make_node("Gemm", ["f", "matrix", "bias"], ["logits"], transB=1),
        ]
        kind = onnx.TensorProto.FLOAT
        graph = helper.make_graph(
            nodes,
            "convolutional",
            [helper.make_tensor_value_info("pictures", kind, ["N", 3, SIDE, SIDE])],
            [helper.make_tensor_value_info("logits", kind, ["N", CLASSES])],
            [numpy_helper.from_array(w.astype(np.float32), name) for name, w in weights.items()],
        )
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)])
        model.ir_version = 8
        path = tmp_path / f"convolutional_{opset}_{seed}.onnx"
        onnx.save(model, path)
        return infer_spec(path)

    return make


Convolutional = Callable[..., ModelSpec]


def left_behind(cache: Path) -> list[Path]:
    """Files in both places."""
    places = cache.parents[1], Path(tempfile.gettempdir())
    return sorted(path for place in places for path in place.rglob("*") if path.is_file())


def test_it_is_made_once(
    cache: Path, convolutional: Convolutional, monkeypatch: pytest.MonkeyPatch
) -> None:
    spec = convolutional()
    file = int8.model_file(spec)
    assert left_behind(cache) == [file]
    assert file.parent == cache
    before = file.stat()
    monkeypatch.setattr(int8, "_quantise", lambda *_: pytest.fail("quantised again"))
    assert int8.model_file(spec) == file
    after = file.stat()
    assert (after.st_ino, after.st_mtime_ns) == (before.st_ino, before.st_mtime_ns)


@pytest.mark.parametrize("opset", [9, 17])
def test_it_is_the_same_each_time(
    cache: Path, convolutional: Convolutional, opset: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    spec = convolutional(opset)
    first = int8.model_file(spec)
    one = first.read_bytes()
    first.unlink()
    second = int8.model_file(spec)
    assert second == first
    assert hashlib.sha256(second.read_bytes()).digest() == hashlib.sha256(one).digest()


def test_its_inputs_for_calibration_are_always_the_same(
    cache: Path, convolutional: Convolutional
) -> None:
    spec = convolutional()
    one, two = (np.stack(list(int8._calibration_inputs(spec))) for _ in range(2))
    np.testing.assert_array_equal(one, two)
    assert one.shape == (4, 1, 3, SIDE, SIDE)
    assert len(np.unique(one.reshape(4, -1), axis=0)) == 4


def test_another_model_or_preparation_is_another_file(
    cache: Path, convolutional: Convolutional, monkeypatch: pytest.MonkeyPatch
) -> None:
    spec = convolutional()
    other = spec.model_copy(update={"mean": (0.5, 0.5, 0.5)})
    files = {int8.model_file(s) for s in (spec, other, convolutional(seed=1), convolutional(17))}
    assert len(files) == 4
    monkeypatch.setattr(int8, "RECIPE", int8.RECIPE + "a")
    assert int8.model_file(spec) not in files


@pytest.mark.parametrize("opset", [9, 17])
def test_convolutions_are_in_bytes_per_channel_and_the_rest_is_not(
    cache: Path, convolutional: Convolutional, opset: int
) -> None:
    spec = convolutional(opset)
    model = onnx.load(int8.model_file(spec))
    kinds = [node.op_type for node in model.graph.node]
    assert {"QuantizeLinear", "DequantizeLinear", "Conv", "Gemm"} <= set(kinds)
    held = {tensor.name: onnx.numpy_helper.to_array(tensor) for tensor in model.graph.initializer}
    kernels = [array for array in held.values() if array.shape == (8, 3, 3, 3)]
    assert [array.dtype for array in kernels] == [np.int8]
    assert np.all(np.abs(kernels[0].astype(int)).max(axis=(1, 2, 3)) >= 126)
    matrices = [array for array in held.values() if array.shape == (CLASSES, 8)]
    assert [array.dtype for array in matrices] == [np.float32]


def test_it_is_near_the_model_that_it_was_made_from(
    cache: Path, convolutional: Convolutional
) -> None:
    spec = convolutional()
    pictures = [np.asarray(drawn(SIDE, SIDE, seed)) for seed in range(12)]
    exact = Classifier(spec).probabilities(pictures)
    found = Classifier(spec, "int8").probabilities(pictures)
    np.testing.assert_allclose(found, exact, rtol=0, atol=0.05)
    assert np.abs(found - exact).max() > 0.0
    assert np.ptp(exact, axis=0).max() > 0.2


def test_workers_open_the_file_that_they_are_given(
    cache: Path, convolutional: Convolutional, monkeypatch: pytest.MonkeyPatch
) -> None:
    spec = convolutional()
    file = int8.model_file(spec)
    picture = np.asarray(drawn(SIDE, SIDE))[None]
    expected = Classifier(spec, "int8").probabilities(picture)
    monkeypatch.setattr(int8, "model_file", lambda _: pytest.fail("asked again"))
    found = Classifier(spec, "int8", file).probabilities(picture)
    np.testing.assert_array_equal(found, expected)


def test_without_a_place_in_the_cache_it_lies_in_a_temporary_folder(
    cache: Path, convolutional: Convolutional
) -> None:
    cache.parents[1].write_text("a file where the folder would be")
    spec = convolutional()
    file = int8.model_file(spec)
    assert Path(tempfile.gettempdir()) in file.parents
    assert int8.model_file(spec) == file
    assert left_behind(cache) == [file]


def test_without_any_place_it_is_refused(
    cache: Path, convolutional: Convolutional, monkeypatch: pytest.MonkeyPatch
) -> None:
    cache.parents[1].write_text("a file where the folder would be")
    monkeypatch.setattr(tempfile, "tempdir", str(cache.parents[1]))  # a file too
    with pytest.raises(ValueError, match=r"no place for the quantised model: .*; make .* writable"):
        int8.model_file(convolutional())


def test_a_full_disk_leaves_no_half_a_model(
    cache: Path, convolutional: Convolutional, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(_spec: ModelSpec, target: Path) -> None:
        target.write_bytes(b"half")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(int8, "_quantise", full)
    with pytest.raises(ValueError, match="no place for the quantised model"):
        int8.model_file(convolutional())
    assert left_behind(cache) == []


def _refused(spec: ModelSpec, cache: Path) -> str:
    """The message of a refusal, which is one line and leaves nothing behind."""
    before = logging.root.manager.disable
    with pytest.raises(ValueError, match="cannot be quantised") as caught:
        int8.model_file(spec)
    message = str(caught.value)
    assert "\n" not in message
    assert message.startswith(f"classifier file {spec.path}: ")
    assert message.endswith("; use --backend onnxruntime")
    assert left_behind(cache) == []
    assert logging.root.manager.disable == before
    return message


@pytest.mark.parametrize("content", [b"", b"no model", b"\x08\x08"])
def test_what_is_no_model_is_refused(
    cache: Path, tiny_model: Callable[..., Path], content: bytes
) -> None:
    spec = read_spec(str(tiny_model()))
    spec.path.write_bytes(content)
    _refused(spec, cache)


def test_what_cannot_be_quantised_is_told_in_one_line(
    cache: Path, convolutional: Convolutional, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: Any, **__: Any) -> None:
        raise NotImplementedError("no such\n  operator " + "x" * 500)

    monkeypatch.setattr("onnxruntime.quantization.quantize_static", refuse)
    assert "no such operator xxx" in _refused(convolutional(), cache)


def test_a_model_that_was_moved_is_not_quantised_again(
    cache: Path, convolutional: Convolutional, tmp_path: Path
) -> None:
    spec = convolutional()
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / spec.file).write_bytes(spec.path.read_bytes())
    moved = spec.model_copy(update={"folder": str(tmp_path / "elsewhere")})
    assert int8.model_file(moved) == int8.model_file(spec)
