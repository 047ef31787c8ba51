"""OpenVINO on the CPU: bfloat16 where the processor has it, float32 elsewhere; one thread.

Each worker compiles the model for itself. Pinning is switched off: by default every process pins
its thread to the same core.
"""

from __future__ import annotations

import functools
import importlib
import importlib.util
import sys
import weakref
from pathlib import Path
from typing import Any

import numpy as np

from evonsfw.backends import Inputs, Network, Outputs
from evonsfw.model_spec import ModelSpec

DEVICE = "cpu"
EXACT = False
RANK = 10
_KEPT: list[Any] = []
"""Every model that was compiled, for as long as the process lives: a freed one leaves its signal
stack behind on the thread that compiled it, and the next signal that Python handles would crash."""
_IDLE: dict[tuple[object, ...], list[Any]] = {}
"""Requests of these whose networks are gone, by what they were compiled of: the next network takes
them, so that memory is that of as many as were ever open at a time."""


def missing() -> str | None:
    """It is an extra."""
    if importlib.util.find_spec("openvino") is None:
        return "pip install 'evonsfw[openvino]', or use --backend onnxruntime"
    return None


@functools.cache
def arithmetic() -> str:
    """`bf16` with AMX or AVX-512 BF16, else `fp32`."""
    abilities = _openvino().Core().get_property("CPU", "OPTIMIZATION_CAPABILITIES")
    return "bf16" if "BF16" in abilities else "fp32"


def model_file(spec: ModelSpec) -> Path:
    """The model's own."""
    return spec.path


@functools.cache
def refuses(file: Path, shape: tuple[int, int, int]) -> str | None:
    """An operator that OpenVINO does not know, or an input that cannot be that large."""
    try:
        core = _openvino().Core()
        model = core.read_model(str(file))
        model.reshape([1, *shape])
        known = core.query_model(model, "CPU")
    except Exception as error:  # noqa: BLE001  # OpenVINO raises RuntimeError and more, none public
        return " ".join(str(error).split())[:200]
    unknown = [op.get_type_name() for op in model.get_ops() if op.get_friendly_name() not in known]
    return f"unknown operators: {', '.join(sorted(set(unknown)))}" if unknown else None


def open_network(file: Path, shape: tuple[int, int, int], sizes: tuple[int, ...]) -> Network:
    """Compiled for one picture at a time: larger batches are not faster."""
    idle = _IDLE.setdefault((*_identity(file), shape, arithmetic()), [])
    try:
        request = idle.pop()
    except IndexError:
        request = _compiled(file, shape)

    tensor = _openvino().Tensor

    def network(inputs: Inputs) -> Outputs:
        rows = np.require(inputs, np.float32, ["C", "W"])
        found = []
        for row in rows:  # by tensors: arrays as arguments of `infer` take longer
            request.set_input_tensor(0, tensor(row[None], shared_memory=True))
            request.infer()
            found.append(np.array(request.get_output_tensor(0).data))
        return found[0] if len(found) == 1 else np.concatenate(found)

    weakref.finalize(network, idle.append, request).atexit = False
    return network


def _identity(file: Path) -> tuple[object, ...]:
    """What tells a file from another, and from what it was before."""
    found = file.stat()
    return file.resolve(), found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns


def _compiled(file: Path, shape: tuple[int, int, int]) -> Any:
    """A request of a model that was compiled for it alone, as it runs one at a time."""
    settings = {
        "INFERENCE_PRECISION_HINT": {"bf16": "bf16", "fp32": "f32"}[arithmetic()],
        "PERFORMANCE_HINT": "LATENCY",
        "INFERENCE_NUM_THREADS": 1,
        "NUM_STREAMS": 1,
        "ENABLE_CPU_PINNING": False,
    }
    try:
        core = _openvino().Core()
        model = core.read_model(str(file))
        model.reshape([1, *shape])
        compiled = core.compile_model(model, "CPU", settings)
        request = compiled.create_infer_request()
    except Exception as error:  # noqa: BLE001  # OpenVINO raises RuntimeError and more, none public
        reason = " ".join(str(error).split())[:200]
        raise ValueError(
            f"classifier file {file}: OpenVINO cannot run it: {reason}; use --backend onnxruntime"
        ) from None
    _KEPT.append((core, compiled, request))
    return request


def _openvino() -> Any:
    """The package, without the one that comes with it and calls home when it is imported."""
    sys.modules.setdefault("openvino_telemetry", None)  # type: ignore[arg-type]  # "cannot be imported"
    return importlib.import_module("openvino")
