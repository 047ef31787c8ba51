"""WebGPU through onnxruntime's plugin: any GPU with a driver for Vulkan, Metal or Direct3D 12."""

from __future__ import annotations

import importlib
import importlib.util
from pathlib import Path
from typing import Any

import numpy as np

from evonsfw.backends import Network
from evonsfw.model_spec import ModelSpec

DEVICE = "webgpu"
EXACT = False
RANK = 20
LIBRARY = "evonsfw_webgpu"


def missing() -> str | None:
    """It is an extra, and wants a GPU."""
    if not _devices():
        return "needs a GPU and pip install 'evonsfw[webgpu]', or use --backend onnxruntime"
    return None


def arithmetic() -> str:
    """Float32, in another order than the CPU's."""
    return "fp32"


def model_file(spec: ModelSpec) -> Path:
    """The model's own."""
    return spec.path


def refuses(file: Path, shape: tuple[int, int, int]) -> str | None:
    """Opening tells."""
    return None


def open_network(file: Path, shape: tuple[int, int, int], sizes: tuple[int, ...]) -> Network:
    """The first GPU; each size's shaders are compiled at its first call, which happens here."""
    from evonsfw.ort_session import network_of, open_session, single_threaded

    options = single_threaded()
    options.add_provider_for_devices(_devices()[:1], {})
    network = network_of(open_session(file, options, None))
    for size in sizes:
        network(np.zeros((size, *shape), np.float32))
    return network


def _devices() -> list[Any]:
    """The plugin's devices, where it is installed and finds a GPU."""
    if importlib.util.find_spec("onnxruntime_ep_webgpu") is None:
        return []
    import onnxruntime as ort

    plugin = importlib.import_module("onnxruntime_ep_webgpu")
    try:
        ort.register_execution_provider_library(LIBRARY, plugin.get_library_path())
    except Exception as error:  # noqa: BLE001  # onnxruntime raises many kinds, none public
        if "already" not in str(error):
            return []
    return [device for device in ort.get_ep_devices() if device.ep_name == plugin.get_ep_name()]
