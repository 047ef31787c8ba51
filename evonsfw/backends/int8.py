"""onnxruntime on the CPU in 8-bit integers: more than twice as fast with VNNI, less exact.

The model is quantised here, once, and kept in the user's cache: weights in signed bytes per
channel, activations in unsigned bytes (U8S8, QDQ), their ranges taken from composed pictures. The
last layers stay in float32: a softmax in bytes would round small probabilities to 0.
"""

from __future__ import annotations

import atexit
import functools
import hashlib
import logging
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import platformdirs

import evonsfw
from evonsfw.backends import Inputs, Network, load_backend
from evonsfw.composition import compose
from evonsfw.genome import Encoding
from evonsfw.model_spec import ModelSpec
from evonsfw.preparation import input_shape, prepare
from evonsfw.raster import render
from evonsfw.whole_file import whole_file

DEVICE = "cpu"
EXACT = False
RANK = -1  # its ranking of pictures is the least faithful: only for those who ask for it
CALIBRATION = 64
"""Pictures that the ranges of activations are taken from."""
RECIPE = "1"
"""Changes with anything below that changes the file."""
OPERATORS = ["Conv", "Add", "Relu", "MaxPool"]
OPSET = 13
"""The first in which weights may be quantised per channel."""


def missing() -> str | None:
    """Nothing: all it takes is there."""
    return None


def arithmetic() -> str:
    """Bytes."""
    return "int8"


def model_file(spec: ModelSpec) -> Path:
    """The quantised model, from the cache or made now (seconds)."""
    import onnx
    import onnxruntime

    source = spec.path.read_bytes()
    versions = f"{evonsfw.__version__} {onnxruntime.__version__} {onnx.__version__}"
    recipe = f"{RECIPE} {versions} {spec.model_dump_json(exclude={'folder'})}"
    name = hashlib.sha256(source + recipe.encode()).hexdigest()[:32] + ".onnx"
    cache = platformdirs.user_cache_path("evonsfw") / "int8"
    try:
        cache.mkdir(parents=True, exist_ok=True)
        return _kept(spec, cache / name)
    except OSError:
        pass
    try:
        return _kept(spec, _scratch() / name)
    except OSError as error:
        raise ValueError(
            f"backend 'int8': no place for the quantised model: {error.strerror}; make {cache} "
            f"writable, or use --backend onnxruntime"
        ) from None


def _kept(spec: ModelSpec, file: Path) -> Path:
    """That file, made where it is missing or damaged."""
    from evonsfw.ort_session import cpu_session

    try:
        if file.is_file():
            cpu_session(file)
            return file
    except ValueError:
        pass
    with whole_file(file) as draft:
        _quantise(spec, draft)
    return file


@functools.cache
def _scratch() -> Path:
    """A folder of this process's own, where the cache cannot be written."""
    folder = Path(tempfile.mkdtemp(prefix="evonsfw-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return folder


def refuses(file: Path, shape: tuple[int, int, int]) -> str | None:
    """Opening tells."""
    return None


def open_network(file: Path, shape: tuple[int, int, int], sizes: tuple[int, ...]) -> Network:
    """As the reference, on the quantised file."""
    return load_backend("onnxruntime").open_network(file, shape, sizes)


def _quantise(spec: ModelSpec, target: Path) -> None:
    """Write the quantised model."""
    import onnx
    from onnxruntime import quantization

    with tempfile.TemporaryDirectory() as scratch, _quiet():
        current, ready = Path(scratch) / "current.onnx", Path(scratch) / "ready.onnx"
        try:
            model = onnx.load(spec.path)
            opsets = {entry.domain: entry.version for entry in model.opset_import}
            if opsets.get("", opsets.get("ai.onnx", OPSET)) < OPSET:
                model = onnx.version_converter.convert_version(model, OPSET)
            onnx.save(model, current)
            quantization.shape_inference.quant_pre_process(
                str(current), str(ready), skip_symbolic_shape=True
            )
            quantization.quantize_static(
                str(ready),
                str(target),
                _Calibration(model.graph.input[0].name, _calibration_inputs(spec)),
                quant_format=quantization.QuantFormat.QDQ,
                per_channel=True,
                activation_type=quantization.QuantType.QUInt8,
                weight_type=quantization.QuantType.QInt8,
                op_types_to_quantize=OPERATORS,
            )
        except OSError:
            raise
        except Exception as error:  # noqa: BLE001  # onnx and onnxruntime raise many kinds, none public
            reason = " ".join(str(error).split())[:200]
            raise ValueError(
                f"classifier file {spec.path}: cannot be quantised: {reason}; "
                f"use --backend onnxruntime"
            ) from None


class _Calibration:
    """What onnxruntime calls a calibration data reader: one input after another, then None."""

    def __init__(self, name: str, inputs: Iterator[Inputs]) -> None:
        self._name, self._inputs = name, inputs

    def get_next(self) -> dict[str, Inputs] | None:
        """The next feed."""
        inputs = next(self._inputs, None)
        return None if inputs is None else {self._name: inputs}


def _calibration_inputs(spec: ModelSpec) -> Iterator[Inputs]:
    """(1, …) prepared inputs of composed pictures, always the same."""
    encoding = Encoding(shapes=("triangles", "circles"))
    genomes = compose(encoding, np.random.default_rng(0), CALIBRATION)
    canvas = spec.resize.width, spec.resize.height
    for genome in genomes:
        inputs = np.empty((1, *input_shape(spec)), np.float32)
        prepare(spec, render(genome[None], encoding, canvas)[0], inputs[0])
        yield inputs


@contextmanager
def _quiet() -> Iterator[None]:
    """Without onnxruntime's advice to pre-process, which has been followed."""
    before = logging.root.manager.disable
    logging.disable(logging.WARNING)
    try:
        yield
    finally:
        logging.disable(before)
