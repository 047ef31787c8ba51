"""Which backend a run takes, where a model, a machine or an older run leaves little choice."""

from __future__ import annotations

import os
from concurrent.futures import Future
from pathlib import Path
from typing import Any

import numba
import numpy as np
import onnx
import pytest
import yaml
from bench import Bench, log
from onnx import helper

from evonsfw import compiled
from evonsfw.backends import choose_backend, load_backend
from evonsfw.classifier import REFERENCE
from evonsfw.config import make_config, read_config
from evonsfw.model_spec import read_spec
from evonsfw.preparation import input_shape
from evonsfw.recorder import Recorder
from evonsfw.stage import complete, set_up


@pytest.fixture
def peculiar(tiny_model: Any, tmp_path: Path) -> str:
    """A classifier with an operator of onnxruntime's own, which no other backend knows."""
    source = read_spec(str(tiny_model()))
    model = onnx.load(source.path)
    model.graph.node[0].input[0] = "shifted"
    node = helper.make_node("SampleOp", ["pictures"], ["shifted"], domain="com.microsoft")
    model.graph.node.insert(0, node)
    model.opset_import.append(helper.make_opsetid("com.microsoft", 1))
    onnx.save(model, tmp_path / "peculiar.onnx")
    return str(tmp_path / "peculiar.onnx")


def test_auto_passes_over_a_backend_that_cannot_run_the_model(peculiar: str) -> None:
    assert complete(make_config({"classifier": peculiar, "seed": 1})).backend == REFERENCE


def test_a_backend_that_was_asked_for_and_cannot_is_refused_before_anything_is_written(
    peculiar: str,
) -> None:
    pytest.importorskip("openvino")
    config = make_config({"classifier": peculiar, "seed": 1, "backend": "openvino"})
    with pytest.raises(ValueError, match=r"backend 'openvino' cannot run it.*--backend onnx") as no:
        set_up(complete(config))
    assert "\n" not in str(no.value)


def test_openvino_says_of_a_model_that_it_runs_that_it_runs(tiny_model: Any) -> None:
    pytest.importorskip("openvino")
    spec = read_spec(str(tiny_model()))
    assert load_backend("openvino").refuses(spec.path, input_shape(spec)) is None


def test_a_backend_that_is_neither_exact_nor_faster_is_not_taken(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    pytest.importorskip("openvino")
    monkeypatch.setattr(load_backend("openvino"), "arithmetic", lambda: "fp32")
    assert choose_backend("auto", "cpu") == REFERENCE
    assert choose_backend("openvino") == "openvino"


def test_resuming_on_the_same_device_keeps_the_backend(bench: Bench) -> None:
    folder = bench.start("run", backend=REFERENCE, generations=2)
    bench.resume(folder, device="cpu", generations=1)
    assert read_config(folder / "config.yaml")["backend"] == REFERENCE


def test_a_run_of_before_there_were_backends_goes_on_with_the_reference(bench: Bench) -> None:
    whole = bench.start("whole", backend=REFERENCE, generations=4)
    folder = bench.start("run", backend=REFERENCE, generations=2)
    path = folder / "config.yaml"
    values = yaml.safe_load(path.read_text())
    del values["backend"]
    path.write_text(yaml.safe_dump(values))
    bench.resume(folder, generations=2)
    assert log(folder) == log(whole)
    assert make_config({"seed": 1}).backend == "auto"


def test_a_damaged_quantised_model_is_made_again(int8_cache: Path, tiny_model: Any) -> None:
    pytest.importorskip("onnx")
    int8 = load_backend("int8")
    spec = read_spec(str(tiny_model()))
    file = int8.model_file(spec)
    whole = file.read_bytes()
    for content in (b"", whole[: len(whole) // 2]):
        file.write_bytes(content)
        assert int8.model_file(spec) == file
        assert file.read_bytes() == whole


def test_what_is_on_show_while_paused_is_written(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    written: list[int] = []
    monkeypatch.setattr(
        "evonsfw.live.Live.wait_while_paused", lambda live: written.append(_rows(live, bench))
    )
    monkeypatch.setattr("evonsfw.live.Live.paused", True)
    monkeypatch.setattr(
        Recorder, "_thread", property(lambda _: _Now(), lambda *_: None), raising=False
    )
    bench.start("run", backend=REFERENCE, generations=3)
    assert written == [1, 2, 3]


class _Now:
    """An executor that does what it is given at once."""

    def submit(self, work: Any, *arguments: Any) -> Any:
        future: Future[Any] = Future()
        future.set_result(work(*arguments))
        return future

    def shutdown(self) -> None:
        """Nothing is left to do."""


def _rows(_live: Any, bench: Bench) -> int:
    return len(log(bench.folder / "run")) - 1


def test_where_no_cache_can_be_written_one_is_made_for_this_process_and_its_workers(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    calls: list[dict[str, Any]] = []

    def njit(**options: Any) -> Any:
        calls.append(options)
        if len(calls) == 1:
            raise RuntimeError("cannot cache function: no locator available")
        return lambda function: function

    monkeypatch.setattr(numba, "njit", njit)
    monkeypatch.setattr(numba.config, "CACHE_DIR", "")
    monkeypatch.delenv("NUMBA_CACHE_DIR", raising=False)
    compiled._use_scratch.cache_clear()
    assert compiled.compiled(np.sin) is np.sin
    folder = Path(os.environ["NUMBA_CACHE_DIR"])
    assert folder.is_dir()
    assert str(folder) == numba.config.CACHE_DIR
    assert calls[1]["cache"] is True
    compiled._use_scratch.cache_clear()
    monkeypatch.delenv("NUMBA_CACHE_DIR")
