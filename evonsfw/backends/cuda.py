"""CUDA through onnxruntime-gpu: fixed batch sizes, bound memory, CUDA graphs.

A size that is new costs cuDNN a search for its fastest convolutions, so there are few sizes, and
the search is the heuristic one. Inputs and outputs stay at the same addresses on the GPU, which
saves allocations and lets a whole batch be launched at once as a CUDA graph.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from evonsfw.backends import Inputs, Network, Outputs
from evonsfw.model_spec import ModelSpec

DEVICE = "cuda"
EXACT = False
RANK = 30
PROVIDER = "CUDAExecutionProvider"
WARM_UPS = 2
MEMORY = "cuda"
"""Where bound memory lies. Tests without a GPU put "cpu" here and the CPU's provider above."""


def missing() -> str | None:
    """It is an extra, and wants an NVIDIA GPU with its driver."""
    import onnxruntime as ort

    present = list(Path("/dev").glob("nvidia[0-9]*")) or any(
        device.ep_name == PROVIDER for device in ort.get_ep_devices()
    )
    if PROVIDER not in ort.get_available_providers() or not present:
        return "needs an NVIDIA GPU and pip install 'evonsfw[cuda]', or use --backend onnxruntime"
    return None


def arithmetic() -> str:
    """Float32, with TF32 in the products of convolutions where the GPU has it."""
    return "tf32"


def model_file(spec: ModelSpec) -> Path:
    """The model's own."""
    return spec.path


def refuses(file: Path, shape: tuple[int, int, int]) -> str | None:
    """Opening tells."""
    return None


class _Bound(NamedTuple):
    """Memory and options of one batch size."""

    binding: Any
    inputs: Any
    options: Any


class _Cuda:
    """A session with bound memory for each size."""

    def __init__(
        self, file: Path, shape: tuple[int, int, int], sizes: tuple[int, ...], graphs: bool
    ) -> None:
        from evonsfw.ort_session import open_session, single_threaded

        settings = {"cudnn_conv_algo_search": "HEURISTIC", "enable_cuda_graph": str(int(graphs))}
        provider = (PROVIDER, settings) if PROVIDER.startswith("CUDA") else PROVIDER
        self._session = open_session(file, single_threaded(), [provider])
        self._bound = {size: self._bind((size, *shape), graphs) for size in sizes}

    def _bind(self, shape: tuple[int, ...], graphs: bool) -> _Bound:
        """Memory for a size, and runs that find the algorithms and record the graph."""
        import onnxruntime as ort

        source, sink = self._session.get_inputs()[0], self._session.get_outputs()[0]
        inputs = ort.OrtValue.ortvalue_from_numpy(np.zeros(shape, np.float32), MEMORY, 0)
        binding, options = self._session.io_binding(), ort.RunOptions()
        binding.bind_ortvalue_input(source.name, inputs)
        if graphs:  # a graph writes to the address that it was recorded with
            sides = (shape[0], *sink.shape[1:])
            outputs = ort.OrtValue.ortvalue_from_shape_and_type(sides, np.float32, MEMORY, 0)
            binding.bind_ortvalue_output(sink.name, outputs)
            options.add_run_config_entry("gpu_graph_id", str(shape[0]))
        else:
            binding.bind_output(sink.name, MEMORY)
        for _ in range(WARM_UPS):
            self._session.run_with_iobinding(binding, options)
        return _Bound(binding, inputs, options)

    def __call__(self, inputs: Inputs) -> Outputs:
        """One batch of a bound size."""
        bound = self._bound[len(inputs)]
        bound.inputs.update_inplace(np.ascontiguousarray(inputs))
        self._session.run_with_iobinding(bound.binding, bound.options)
        return np.array(bound.binding.copy_outputs_to_cpu()[0])


def open_network(
    file: Path, shape: tuple[int, int, int], sizes: tuple[int, ...], graphs: bool = True
) -> Network:
    """With CUDA graphs (`graphs`) where all of the model runs on the GPU, else without."""
    import onnxruntime as ort

    if not PROVIDER.startswith("CUDA"):
        return _Cuda(file, shape, sizes, graphs=False)
    ort.preload_dlls()
    if graphs:
        try:
            return _Cuda(file, shape, sizes, graphs=True)
        except Exception:  # noqa: BLE001, S110  # no graph can hold this model; the kinds are not public
            pass
    return _Cuda(file, shape, sizes, graphs=False)
