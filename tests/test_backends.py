"""Backends: what each file provides, which one is meant, and what is said where it is not there."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import onnxruntime as ort
import pytest

from evonsfw import backends
from evonsfw.backends import (
    AUTO,
    backend_names,
    choose_backend,
    device_names,
    load_backend,
    usable_backends,
)
from evonsfw.classifier import REFERENCE
from evonsfw.diagnosis import diagnose
from evonsfw.model_spec import read_spec

every_backend = pytest.mark.parametrize("name", backend_names())
ARITHMETICS = {"fp32", "tf32", "bf16", "int8"}


@every_backend
def test_what_a_backend_says_of_itself(name: str) -> None:
    module = load_backend(name)
    assert module.__doc__
    assert module.DEVICE in device_names()
    assert module.DEVICE == module.DEVICE.lower() != AUTO
    assert (name == REFERENCE) == module.EXACT
    assert type(module.RANK) is int
    reason = module.missing()
    if reason is None:
        assert module.arithmetic() in ARITHMETICS
        assert name in usable_backends()
    else:
        assert "\n" not in reason
        assert "pip install" in reason
        assert name not in usable_backends()


@every_backend
def test_its_file_is_there_once_it_was_asked_for(
    name: str, tiny_model: Callable[..., Path], int8_cache: Path
) -> None:
    if load_backend(name).missing() is not None:
        pytest.skip("not there")
    spec = read_spec(str(tiny_model()))
    file = load_backend(name).model_file(spec)
    assert file.is_file()
    assert load_backend(name).model_file(spec) == file
    assert file == spec.path or int8_cache in file.parents


def test_no_two_have_the_same_rank() -> None:
    """Or `auto` would depend on the alphabet."""
    ranks = [load_backend(name).RANK for name in backend_names()]
    assert len(set(ranks)) == len(ranks)


def test_the_reference_is_always_there_and_auto_can_fall_back_to_it() -> None:
    reference = load_backend(REFERENCE)
    assert (reference.DEVICE, reference.EXACT, reference.arithmetic()) == ("cpu", True, "fp32")
    assert reference.missing() is None
    assert reference.RANK >= 0


def test_importing_the_backends_imports_no_runtime() -> None:
    """Or `--help` would wait for them."""
    script = (
        "import sys, evonsfw.config\n"
        "print(*{'onnxruntime', 'openvino', 'onnx', 'onnxruntime_ep_webgpu'} & set(sys.modules))"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    assert done.stdout.split() == []


def _present(monkeypatch: pytest.MonkeyPatch, *names: str) -> None:
    """Make it look as if only these could be used here."""
    for name in backend_names():
        reason = None if name in names else f"pip install {name}"
        monkeypatch.setattr(load_backend(name), "missing", lambda reason=reason: reason)
    monkeypatch.setattr(load_backend("openvino"), "arithmetic", lambda: "bf16")


EVERYTHING = ("onnxruntime", "openvino", "int8", "webgpu", "cuda")


@pytest.mark.parametrize(
    ("there", "backend", "device", "chosen"),
    [
        (EVERYTHING, "auto", "auto", "cuda"),
        (EVERYTHING, "auto", "cpu", "openvino"),
        (EVERYTHING, "auto", "webgpu", "webgpu"),
        (EVERYTHING, "int8", "auto", "int8"),
        (EVERYTHING, "int8", "cpu", "int8"),
        (EVERYTHING, "cuda", "cuda", "cuda"),
        (EVERYTHING, "onnxruntime", "cpu", "onnxruntime"),
        (("onnxruntime", "openvino", "webgpu"), "auto", "auto", "webgpu"),
        (("onnxruntime", "openvino"), "auto", "auto", "openvino"),
        (("onnxruntime", "int8"), "auto", "auto", "onnxruntime"),
        (("onnxruntime", "int8"), "auto", "cpu", "onnxruntime"),
        (("onnxruntime",), "auto", "auto", "onnxruntime"),
    ],
)
def test_which_backend_is_meant(
    monkeypatch: pytest.MonkeyPatch, there: tuple[str, ...], backend: str, device: str, chosen: str
) -> None:
    _present(monkeypatch, *there)
    assert choose_backend(backend, device) == chosen


@pytest.mark.parametrize(
    ("backend", "device", "message"),
    [
        ("openvino", "auto", r"backend 'openvino' is not there: pip install openvino"),
        ("cuda", "cuda", r"backend 'cuda' is not there: pip install cuda"),
        ("auto", "cuda", r"device 'cuda' is not there \(found: cpu\)"),
        ("auto", "webgpu", r"pip install 'evonsfw\[webgpu\]', or use --device cpu"),
        ("onnxruntime", "cuda", r"'onnxruntime' runs on cpu: leave out --device cuda"),
        ("cuda", "cpu", r"'cuda' runs on cuda: leave out --device cpu"),
        ("opnevino", "auto", r"unknown backend 'opnevino': did you mean openvino\?"),
        ("zzz", "auto", r"unknown backend 'zzz': expected one of: cuda, int8, onnxruntime, "),
        ("", "auto", r"unknown backend ''"),
        ("../backends", "auto", r"unknown backend"),
    ],
)
def test_what_is_said_where_none_is_meant(
    monkeypatch: pytest.MonkeyPatch, backend: str, device: str, message: str
) -> None:
    _present(monkeypatch, "onnxruntime", "int8")
    with pytest.raises(ValueError, match=message) as caught:
        choose_backend(backend, device)
    assert "\n" not in str(caught.value)


def test_the_usable_ones_come_fastest_first(monkeypatch: pytest.MonkeyPatch) -> None:
    _present(monkeypatch, *EVERYTHING)
    assert usable_backends() == ["cuda", "webgpu", "openvino", "onnxruntime", "int8"]
    _present(monkeypatch, "int8", "onnxruntime")
    assert usable_backends() == ["onnxruntime", "int8"]


NEW = """
DEVICE = {device!r}
EXACT = False
RANK = {rank}
def missing():
    return None
def arithmetic():
    return "fp32"
"""


@pytest.fixture
def add_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest
) -> Callable[[str], str]:
    """Put a file of that text into the folder of backends, as far as Python can tell."""
    monkeypatch.setattr(backends, "__path__", [*backends.__path__, str(tmp_path)])
    word = f"new{abs(hash(request.node.nodeid))}"

    def add(text: str) -> str:
        (tmp_path / f"{word}.py").write_text(text, encoding="utf-8")
        return word

    return add


def _choices() -> tuple[object, ...]:
    return usable_backends(), device_names(), choose_backend("auto"), choose_backend("auto", "cpu")


@pytest.mark.parametrize(
    "text", ["this is (", "import no_such_package", "1 / 0", "raise SystemError('broken')"]
)
def test_a_broken_file_breaks_nothing_else(add_file: Callable[[str], str], text: str) -> None:
    before = _choices()
    word = add_file(text)
    assert word in backend_names()
    assert _choices() == before
    said = [line for line in diagnose() if word in line]
    assert len(said) == 2
    assert all("broken: " in line for line in said)


@pytest.mark.parametrize(
    "text",
    [
        "DEVICE = 'cpu'",
        NEW.format(device="cpu", rank=99).replace("return None", "return 1 / 0"),
        NEW.format(device=7, rank=-1).replace("'7'", "7"),
    ],
    ids=["incomplete", "missing() raises", "device is no word"],
)
def test_a_file_that_only_imports_breaks_nothing_else(
    add_file: Callable[[str], str], text: str
) -> None:
    before = _choices()
    word = add_file(text)
    assert word in backend_names()
    assert _choices() == before
    assert any("broken: " in line for line in diagnose() if word in line)


def test_a_new_file_is_a_new_word(add_file: Callable[[str], str]) -> None:
    word = add_file(NEW.format(device="npu", rank=99))
    assert "npu" in device_names()
    assert usable_backends()[0] == word
    assert choose_backend("auto") == choose_backend("auto", "npu") == choose_backend(word) == word
    assert choose_backend("auto", "cpu") != word


def test_auto_takes_none_below_rank_0_not_even_alone_on_its_device(
    add_file: Callable[[str], str],
) -> None:
    word = add_file(NEW.format(device="npu", rank=-1))
    assert choose_backend(word) == choose_backend(word, "npu") == word
    assert choose_backend("auto") != word
    with pytest.raises(ValueError, match=f"npu.*--backend {word}"):
        choose_backend("auto", "npu")


@pytest.mark.parametrize(
    ("name", "package"),
    [("openvino", "openvino"), ("webgpu", "onnxruntime_ep_webgpu")],
)
def test_a_package_that_is_not_there_is_named(
    monkeypatch: pytest.MonkeyPatch, name: str, package: str
) -> None:
    monkeypatch.setitem(sys.modules, package, None)
    reason = load_backend(name).missing()
    assert reason is not None
    assert f"pip install 'evonsfw[{name}]'" in reason
    with pytest.raises(ValueError, match=f"backend '{name}' is not there: .*pip install"):
        choose_backend(name)


@pytest.mark.parametrize("there", [True, False])
def test_cuda_wants_its_package_and_a_gpu(monkeypatch: pytest.MonkeyPatch, there: bool) -> None:
    cuda = load_backend("cuda")
    providers = [cuda.PROVIDER, "CPUExecutionProvider"]
    monkeypatch.setattr(Path, "glob", lambda *_: iter([Path("/dev/nvidia0")] if there else []))
    monkeypatch.setattr(ort, "get_ep_devices", list)
    assert "evonsfw[cuda]" in cuda.missing()
    monkeypatch.setattr(ort, "get_available_providers", lambda: providers)
    assert (cuda.missing() is None) == there
