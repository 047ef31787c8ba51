"""Sessions of onnxruntime, and what it says of a model: opened here and nowhere else."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import onnxruntime as ort

Inputs = npt.NDArray[np.float32]
Outputs = npt.NDArray[np.float32]

ort.set_default_logger_severity(3)  # errors only: its warnings would break the progress bar


def cpu_session(path: Path) -> ort.InferenceSession:
    """One thread, exact: what every score comes from, and what each worker has.

    The rest is onnxruntime's default: all graph optimisations (its blocked layout for convolutions
    with them), arena and memory pattern; `python -m benchmarks.backends` shows that no other
    setting is faster.

    Raises:
        ValueError: the file is not a model that onnxruntime reads.
    """
    options = single_threaded()
    return open_session(path, options, ["CPUExecutionProvider"])


def cpu_session_of(content: bytes, path: Path) -> ort.InferenceSession:
    """The same, on a serialised model that was made from a file.

    Raises:
        ValueError: it is not a model that onnxruntime reads; names the file.
    """
    return _opened(content, path, single_threaded(), ["CPUExecutionProvider"])


def single_threaded() -> ort.SessionOptions:
    """Options for one thread that does not spin while it waits."""
    options = ort.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    return options


def open_session(
    path: Path, options: ort.SessionOptions, providers: list[Any] | None
) -> ort.InferenceSession:
    """A session on the first of the providers, or on the devices that the options name.

    Raises:
        ValueError: the file is not a model that onnxruntime reads, or it fell back to the CPU,
            which it does without a word.
    """
    session = _opened(str(path), path, options, providers)
    wants_cpu = providers is not None and providers[0] == "CPUExecutionProvider"
    if not wants_cpu and session.get_providers()[0] == "CPUExecutionProvider":
        raise ValueError("onnxruntime fell back from the GPU to the CPU; check the GPU's driver")
    return session


def _opened(
    source: str | bytes, path: Path, options: ort.SessionOptions, providers: list[Any] | None
) -> ort.InferenceSession:
    """A session on a file's name or a model's bytes."""
    try:
        return ort.InferenceSession(source, options, providers=providers)
    except Exception as error:  # noqa: BLE001  # onnxruntime raises many kinds, none public
        reason = str(error).splitlines()[0][:200]
        raise ValueError(f"classifier file {path}: onnxruntime cannot read it: {reason}") from None


def network_of(session: ort.InferenceSession) -> Callable[[Inputs], Outputs]:
    """A session as a function of its one input."""
    name = session.get_inputs()[0].name

    def network(inputs: Inputs) -> Outputs:
        return np.asarray(session.run(None, {name: inputs})[0])

    return network


def require_floats(path: Path, session: ort.InferenceSession) -> None:
    """Raise ValueError where a model is not one float32 input to float32 class scores."""
    inputs, outputs = session.get_inputs(), session.get_outputs()
    kinds = [node.type for node in inputs] + [outputs[0].type]
    if kinds != ["tensor(float)"] * 2 or not outputs[0].shape:
        raise ValueError(
            f"classifier file {path}: inputs and first output are {', '.join(kinds)}; expected "
            f"one input of float32 and class scores of float32"
        )


def require_batch(path: Path, session: ort.InferenceSession) -> None:
    """Raise ValueError where a model takes neither one picture at a time nor any number."""
    batch = session.get_inputs()[0].shape[0]
    if isinstance(batch, int) and batch != 1:
        raise ValueError(
            f"classifier file {path}: takes {batch} pictures at a time; expected one or any "
            f"number: export it with a batch of 1 or a dynamic one"
        )
