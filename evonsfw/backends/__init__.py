"""Backends, one way of running a model a file: the file's name is the word on the command line.

A backend turns prepared inputs into a model's raw outputs. The reference for every score is
onnxruntime in float32, one thread, one picture at a time; a backend whose arithmetic differs
(`EXACT = False`) serves the search only, and what people see is scored again by the reference.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Protocol

import numpy as np
import numpy.typing as npt

from evonsfw.discovery import Folder
from evonsfw.model_spec import ModelSpec

Inputs = npt.NDArray[np.float32]
Outputs = npt.NDArray[np.float32]


Network = Callable[[Inputs], Outputs]
"""An opened model: (B, …) prepared inputs to its first output, (B, C) float32 in memory of its own.

On a CPU, B is 1; on a GPU it is one of the sizes that the network was opened for. Not to be called
from several threads at a time.
"""


class BackendModule(Protocol):
    """What a file in this folder provides. Importing it imports no heavy library."""

    DEVICE: str
    """Where it runs, as `--device` says it."""
    EXACT: bool
    """Whether its arithmetic is the reference's."""
    RANK: int
    """`auto` takes the highest of those that are there, and none below 0."""

    def missing(self) -> str | None:
        """Why it cannot be used here and what would help, or None where it can."""
        ...

    def arithmetic(self) -> str:
        """What it computes in here, in a word: fp32, bf16, …"""
        ...

    def model_file(self, spec: ModelSpec) -> Path:
        """The file that `open_network` opens; made once and kept, where it has to be made.

        Raises:
            ValueError: it cannot be made.
        """
        ...

    def refuses(self, file: Path, shape: tuple[int, int, int]) -> str | None:
        """Why this backend cannot run that file, as far as can be told without compiling it."""
        ...

    def open_network(
        self, file: Path, shape: tuple[int, int, int], sizes: tuple[int, ...]
    ) -> Network:
        """Open a model; what is slow happens here, not at the first call.

        Args:
            file: what `model_file` returned.
            shape: of one prepared input.
            sizes: of the batches that it will be called with; (1,) on a CPU.

        Raises:
            ValueError: this backend cannot run the model.
        """
        ...


FOLDER: Folder[BackendModule] = Folder(__name__, "backend")
AUTO = "auto"


def backend_names() -> list[str]:
    """Every backend there is, sorted, whether it can be used here or not."""
    return FOLDER.names()


def load_backend(name: str) -> BackendModule:
    """The backend called `name`; ValueError with the nearest names where there is none."""
    return FOLDER.load(name)


def device_names() -> list[str]:
    """Where backends run, sorted."""
    return sorted({module.DEVICE for module in _sound().values()})


def usable_backends() -> list[str]:
    """The backends that can be used here, the fastest first."""
    usable = {name: module for name, module in _sound().items() if _usable(module)}
    return sorted(usable, key=lambda name: -usable[name].RANK)


def choose_backend(
    backend: str, device: str = AUTO, suits: Callable[[BackendModule], bool] = lambda _: True
) -> str:
    """The backend that `--backend` and `--device` mean together.

    Args:
        backend: a name, or "auto" for the fastest that is there.
        device: "cpu", "cuda", …, or "auto" for any.
        suits: whether `auto` may take one; asked of each, the fastest first.

    Raises:
        ValueError: what was asked for is not there, or the two contradict each other.
    """
    if backend != AUTO:
        module = load_backend(backend)
        if device not in (AUTO, module.DEVICE):
            raise ValueError(
                f"backend '{backend}' runs on {module.DEVICE}: leave out --device {device}"
            )
        reason = module.missing()
        if reason is not None:
            raise ValueError(f"backend '{backend}' is not there: {reason}")
        return backend
    there = usable_backends()
    fitting = [name for name in there if device in (AUTO, load_backend(name).DEVICE)]
    if not fitting:
        found = ", ".join(sorted({load_backend(name).DEVICE for name in there}))
        raise ValueError(
            f"device '{device}' is not there (found: {found}): "
            f"needs a GPU and pip install 'evonsfw[{device}]', or use --device cpu"
        )
    for name in fitting:
        if _worth_it(load_backend(name)) and suits(load_backend(name)):
            return name
    raise ValueError(
        f"device '{device}': nothing there that auto takes; ask for it: --backend {fitting[0]}"
    )


def _worth_it(module: BackendModule) -> bool:
    """Whether `auto` may take a backend: not one that is neither exact nor faster, in float32 on a
    CPU like the reference.
    """
    no_gain = not module.EXACT and module.DEVICE == "cpu" and module.arithmetic() == "fp32"
    return module.RANK >= 0 and not no_gain


def _sound() -> dict[str, BackendModule]:
    """Those that import and keep the contract: a broken file breaks only itself."""
    found = {}
    for name in backend_names():
        try:
            found[name] = sound(load_backend(name))
        except Exception:  # noqa: BLE001, S112  # whatever it is that a broken file raises
            continue
    return found


def sound(module: BackendModule) -> BackendModule:
    """The module itself.

    Raises:
        Exception: of any kind, where it does not say what the contract asks for.
    """
    if not isinstance(module.DEVICE, str) or not isinstance(module.RANK, int):
        raise TypeError("DEVICE is no text, or RANK no number")
    return module


def _usable(module: BackendModule) -> bool:
    try:
        return module.missing() is None
    except Exception:  # noqa: BLE001  # likewise
        return False
