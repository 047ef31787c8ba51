"""onnxruntime on the CPU, float32, one thread: the reference itself."""

from __future__ import annotations

from pathlib import Path

from evonsfw.backends import Network
from evonsfw.model_spec import ModelSpec

DEVICE = "cpu"
EXACT = True
RANK = 0


def missing() -> str | None:
    """Never: onnxruntime is a dependency."""
    return None


def arithmetic() -> str:
    """Plain float32."""
    return "fp32"


def model_file(spec: ModelSpec) -> Path:
    """The model's own."""
    return spec.path


def refuses(file: Path, shape: tuple[int, int, int]) -> str | None:
    """Opening tells."""
    return None


def open_network(file: Path, shape: tuple[int, int, int], sizes: tuple[int, ...]) -> Network:
    """Any size of batch will do."""
    from evonsfw.ort_session import cpu_session, network_of

    return network_of(cpu_session(file))
