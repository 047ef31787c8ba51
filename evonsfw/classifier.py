"""Pictures to class probabilities: the reference for every score, and faster ways to search by.

`preparation` knows how a model wants its pictures, `backends` how it is run; here they meet, and
what comes out is checked and made probabilities.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
import onnxruntime as ort
from PIL import Image

from evonsfw.backends import BackendModule, Inputs, Network, choose_backend, load_backend
from evonsfw.model_spec import ModelSpec, Resize, check_hash, read_spec
from evonsfw.ort_session import (
    cpu_session,
    cpu_session_of,
    network_of,
    require_batch,
    require_floats,
)
from evonsfw.preparation import Pictures, Preparation, input_shape

Probabilities = npt.NDArray[np.float32]
Both = Callable[[Inputs], tuple[Probabilities, Probabilities]]
"""An opened model: (1, …) prepared inputs to its first output and its logits, both (1, C)."""

REFERENCE = "onnxruntime"
"""The backend that every score comes from that anybody sees."""
SIZES = (8, 16, 32, 64, 128, 256, 512, 1024)
"""Batches that a GPU is given, so that no other size has to be set up: the rest is padding."""


class Classifier:
    """A model with its preparation, on the CPU, one thread; by default the reference.

    Results do not depend on the batch that a picture is in: pictures run one at a time, which
    on a CPU is also the fastest. Not to be called from several threads at a time.

    Args:
        spec: the model.
        backend: one that runs on the CPU.
        file: what that backend's `model_file` returned; None to ask it.
        logits: whether values before the softmax are wanted, which only the reference has.

    Raises:
        ValueError: the file is missing, not the expected one, not ONNX, or of another shape; or it
            has no values before a softmax, and they are wanted.
    """

    def __init__(
        self,
        spec: ModelSpec,
        backend: str = REFERENCE,
        file: Path | None = None,
        logits: bool = False,
    ) -> None:
        self.spec = spec
        self.hash = check_hash(spec)
        self._both = _with_logits(spec) if logits else None
        if self._both is not None:
            self._network = _first_of(self._both)
        else:
            self._network = _checked(spec) if backend == REFERENCE else _opened(spec, backend, file)
        self._prepare = Preparation(spec)
        self._input = np.empty((1, *input_shape(spec)), np.float32)

    def probabilities(self, pictures: Sequence[Pictures] | Pictures) -> Probabilities:
        """(B, H, W, 3) uint8 sRGB pictures to (B, C) float32 probabilities."""
        found = [self._score(picture) for picture in pictures]
        return found[0] if len(found) == 1 else np.concatenate(found)

    def with_logits(
        self, pictures: Sequence[Pictures] | Pictures
    ) -> tuple[Probabilities, Probabilities]:
        """(B, H, W, 3) uint8 sRGB pictures to (B, C) probabilities, the same, and (B, C) logits."""
        both = []
        for picture in pictures:
            self._prepare(picture, self._input[0])
            both.append(self.run_with_logits(self._input))
        return np.concatenate([p for p, _ in both]), np.concatenate([z for _, z in both])

    def score_image(self, image: Image.Image) -> Probabilities:
        """(C,) probabilities of one Pillow image of any mode."""
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # Pillow's about palettes: it converts all the same
            rgb = image if image.mode == "RGB" else image.convert("RGB")
        return self._score(np.asarray(rgb))[0]

    def run(self, inputs: Inputs) -> Probabilities:
        """(1, …) float32 prepared input to (1, C) probabilities."""
        return run(self.spec, self._network, inputs)

    def run_with_logits(self, inputs: Inputs) -> tuple[Probabilities, Probabilities]:
        """(1, …) float32 prepared input to (1, C) probabilities and (1, C) logits."""
        assert self._both is not None, "it was opened without logits"
        found = self._both(inputs)
        return run(self.spec, lambda _: found[0], inputs), found[1].reshape(len(inputs), -1)

    def _score(self, picture: Pictures) -> Probabilities:
        """(1, C) probabilities of one picture, through the one input buffer."""
        self._prepare(picture, self._input[0])
        return run(self.spec, self._network, self._input)


class BatchScorer:
    """A model on a GPU: batches of a few fixed sizes, so that no size is set up anew.

    Args:
        spec: the model.
        backend: its name; any, for on the CPU tests stand in for a GPU.
        sizes: batch sizes, ascending; a batch is padded to the next one. A model that was
            exported for one picture at a time gets one at a time.

    Raises:
        ValueError: the backend is not there, or cannot run the model.
    """

    def __init__(self, spec: ModelSpec, backend: str, sizes: tuple[int, ...] = SIZES) -> None:
        check_hash(spec)
        session = cpu_session(spec.path)
        check_shape(spec, session)
        self.spec = spec
        self.backend = backend
        self.sizes = (1,) if session.get_inputs()[0].shape[0] == 1 else sizes
        self._network = _opened(spec, backend, None, self.sizes)

    def __call__(self, inputs: Inputs) -> Probabilities:
        """(B, …) prepared inputs to (B, C) float32 probabilities."""
        parts = []
        for start in range(0, len(inputs), self.sizes[-1]):
            part = inputs[start : start + self.sizes[-1]]
            size = next(size for size in self.sizes if size >= len(part))
            padding = np.zeros((size - len(part), *part.shape[1:]), np.float32)
            batch = np.concatenate([part, padding]) if len(padding) else part
            parts.append(run(self.spec, self._network, batch)[: len(part)])
        return np.concatenate(parts)


def _checked(spec: ModelSpec) -> Network:
    """The reference's session; a model that does not fit its description is told of here."""
    session = cpu_session(spec.path)
    check_shape(spec, session)
    return network_of(session)


def _first_of(both: Both) -> Network:
    return lambda inputs: both(inputs)[0]


def _with_logits(spec: ModelSpec) -> Both:
    """The reference's session, as a function to the model's first output and its logits."""
    if spec.output == "logits":
        network = _checked(spec)

        def once(inputs: Inputs) -> tuple[Probabilities, Probabilities]:
            return (values := network(inputs)), values

        return once
    from evonsfw.gradient import exposing_logits

    found = exposing_logits(spec.path)
    if found is None:
        raise ValueError(f"classifier '{spec.name}': its file gives no values before a softmax")
    session = cpu_session_of(found[0], spec.path)
    check_shape(spec, session)
    source, names = session.get_inputs()[0].name, [session.get_outputs()[0].name, found[1]]

    def both(inputs: Inputs) -> tuple[Probabilities, Probabilities]:
        output, logits = session.run(names, {source: inputs})
        return np.asarray(output), np.asarray(logits)

    return both


def _opened(
    spec: ModelSpec, backend: str, file: Path | None, sizes: tuple[int, ...] = (1,)
) -> Network:
    module = load_backend(backend)
    return module.open_network(file or module.model_file(spec), input_shape(spec), sizes)


def run(spec: ModelSpec, network: Network, inputs: Inputs) -> Probabilities:
    """(B, …) prepared inputs to (B, C); applies the softmax where the file does not."""
    values = np.asarray(network(inputs), np.float32).reshape(len(inputs), -1)
    if values.shape[1] != len(spec.classes):
        raise ValueError(
            f"classifier '{spec.name}': {values.shape[1]} outputs, but {len(spec.classes)} "
            f"class names"
        )
    return to_probabilities(spec, values)


def to_probabilities(spec: ModelSpec, values: Probabilities) -> Probabilities:
    """(B, C) first outputs to probabilities: the softmax, where the file does not apply it."""
    return values if spec.output == "probabilities" else softmax(values)


def softmax(logits: Probabilities) -> Probabilities:
    """(B, C) logits to (B, C) float32 probabilities."""
    powers = np.exp(logits.astype(np.float64) - logits.max(axis=1, keepdims=True))
    result: Probabilities = (powers / powers.sum(axis=1, keepdims=True)).astype(np.float32)
    return result


def check_shape(spec: ModelSpec, session: ort.InferenceSession) -> None:
    """Raise ValueError where the model's input or output is not what the spec says."""
    require_floats(spec.path, session)
    shape = session.get_inputs()[0].shape
    expected = input_shape(spec)
    if len(shape) != 4:
        raise ValueError(
            f"classifier '{spec.name}': input of rank {len(shape)} {shape}; expected 4: "
            f"a batch of pictures"
        )
    require_batch(spec.path, session)
    fits = all(not isinstance(a, int) or a == b for a, b in zip(shape[1:], expected, strict=True))
    if not fits:
        raise ValueError(
            f"classifier '{spec.name}': its input is {shape}, but its description makes "
            f"{[1, *expected]}; check layout, resize and crop"
        )
    count = session.get_outputs()[0].shape[-1]
    if isinstance(count, int) and count != len(spec.classes):
        raise ValueError(
            f"classifier '{spec.name}': {count} outputs, but {len(spec.classes)} class names"
        )


def backend_for(backend: str, specs: Sequence[ModelSpec]) -> str:
    """The backend that scores pictures for some models: `auto` is the fastest that takes them all.

    Raises:
        ValueError: there is none of that name, or it is not there.
    """

    def suits(module: BackendModule) -> bool:
        return all(module.refuses(spec.path, input_shape(spec)) is None for spec in specs)

    return choose_backend(backend, suits=suits)


def file_for(backend: str, spec: ModelSpec) -> Path:
    """What a backend opens for a model; made now, where it has to be made.

    Raises:
        ValueError: the backend cannot run the model.
    """
    runner = load_backend(backend)
    file = runner.model_file(spec)
    reason = runner.refuses(file, input_shape(spec))
    if reason is not None:
        raise ValueError(
            f"classifier '{spec.name}': backend '{backend}' cannot run it: {reason}; "
            f"use --backend {REFERENCE}"
        )
    return file


def describe(classifier: str) -> ModelSpec:
    """The model that `--classifier` names: a known name, a .yaml, or a bare .onnx.

    Raises:
        ValueError: no such file, a YAML that does not fit, or an .onnx whose shape does not say
            how to feed it.
    """
    path = Path(classifier)
    return infer_spec(path) if path.suffix == ".onnx" else read_spec(classifier)


def infer_spec(path: Path) -> ModelSpec:
    """Describe a bare .onnx by its shape: RGB, 0…1, no JPEG step, softmax if it is not there yet.

    Raises:
        ValueError: the file is missing or not ONNX, or its shape leaves something open.
    """
    if not path.is_file():
        raise ValueError(f"classifier {path}: no such file")
    session = cpu_session(path)
    require_floats(path, session)
    shape = session.get_inputs()[0].shape
    if len(shape) != 4:
        raise ValueError(f"classifier {path}: input of rank {len(shape)} {shape}; expected rank 4")
    require_batch(path, session)
    layout = "NCHW" if shape[1] == 3 else "NHWC" if shape[3] == 3 else None
    height, width = shape[2:] if layout == "NCHW" else shape[1:3]
    count = session.get_outputs()[0].shape[-1]
    if layout is None or not all(isinstance(side, int) for side in (height, width, count)):
        raise ValueError(
            f"classifier {path}: input {shape} and output "
            f"{session.get_outputs()[0].shape} do not say how to feed it: write a YAML beside it "
            f"(see models/README.md)"
        )
    if count < 2:
        raise ValueError(f"classifier {path}: {count} output; expected two classes or more")
    probe = np.random.default_rng(0).random((1, *shape[1:]), np.float32)
    output = np.asarray(session.run(None, {session.get_inputs()[0].name: probe})[0])
    applied = bool(np.all(output >= 0) and np.allclose(output.sum(axis=-1), 1.0, atol=1e-3))
    return ModelSpec(
        name=path.stem,
        file=path.name,
        folder=str(path.parent.resolve()),
        layout=layout,
        resize=Resize(width=width, height=height),
        output="probabilities" if applied else "logits",
        classes=tuple(f"class_{index}" for index in range(count)),
    )
