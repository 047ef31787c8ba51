"""What several tests share: a tiny classifier, golden pictures, the default classifier."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
import yaml
from bench import Bench
from onnx import TensorProto, helper, numpy_helper
from PIL import Image
from program import END, Call, Outcome

from evonsfw.classifier import Classifier
from evonsfw.cli import main
from evonsfw.genome import Encoding
from evonsfw.model_spec import read_spec
from evonsfw.raster import render

GOLDEN = Path(__file__).parent / "golden"
TINY_WEIGHTS = np.array([[6.0, -2.0, 0.5], [-3.0, 5.0, 1.0], [0.25, -1.0, 4.0]], np.float32)
"""(class, channel): what `tiny_model` multiplies the mean of each channel with."""
TINY_BIAS = np.array([-1.0, 0.5, 0.25], np.float32)


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--update-golden", action="store_true", help="rewrite the pictures in tests/golden"
    )


@pytest.fixture
def golden(request: pytest.FixtureRequest) -> Callable[..., None]:
    """Compare a picture with tests/golden/NAME.png.

    `tolerance` is the largest difference of a channel that counts as none, `outliers` the share
    of pixels that may differ by more. A failure saves the difference, brightened, as NAME.diff.png.
    """

    def compare(picture: np.ndarray, name: str, tolerance: int = 0, outliers: float = 0.0) -> None:
        path = GOLDEN / f"{name}.png"
        if request.config.getoption("--update-golden"):
            GOLDEN.mkdir(exist_ok=True)
            Image.fromarray(picture).save(path)
            return
        if not path.is_file():
            pytest.fail(f"{path} is missing: run pytest --update-golden and look at it")
        expected = np.asarray(Image.open(path))
        assert picture.shape == expected.shape
        difference = np.abs(picture.astype(int) - expected)
        share = float(np.mean(difference.max(axis=-1) > tolerance))
        if share > outliers:
            saved = path.with_suffix(".diff.png")
            Image.fromarray(np.minimum(255, difference * 8).astype(np.uint8)).save(saved)
            pytest.fail(
                f"{name}: {share:.2%} of the pixels differ by more than {tolerance}, "
                f"at most by {difference.max()}; see {saved}"
            )

    return compare


@pytest.fixture(scope="session")
def tiny_model(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Path]:
    """Make a classifier that weighs the mean of each channel; returns its YAML.

    `batch` is a name for any batch size, or a fixed size; keywords go into the YAML.
    """

    def make(
        layout: str = "NCHW",
        softmax: bool = True,
        batch: str | int = "N",
        side: int = 16,
        kind: int = TensorProto.FLOAT,
        weights: np.ndarray = TINY_WEIGHTS,
        bias: np.ndarray = TINY_BIAS,
        **keys: Any,
    ) -> Path:
        folder = tmp_path_factory.mktemp("tiny")
        axes = [2, 3] if layout == "NCHW" else [1, 2]
        inputs = [batch, 3, side, side] if layout == "NCHW" else [batch, side, side, 3]
        dtype = helper.tensor_dtype_to_np_dtype(kind)
        nodes = [
            helper.make_node("ReduceMean", ["pictures"], ["means"], axes=axes, keepdims=0),
            helper.make_node("Gemm", ["means", "weights", "bias"], ["logits"], transB=1),
        ]
        if softmax:
            nodes.append(helper.make_node("Softmax", ["logits"], ["probabilities"], axis=1))
        output = "probabilities" if softmax else "logits"
        graph = helper.make_graph(
            nodes,
            "tiny",
            [helper.make_tensor_value_info("pictures", kind, inputs)],
            [helper.make_tensor_value_info(output, kind, [batch, len(weights)])],
            [
                numpy_helper.from_array(weights.astype(dtype), "weights"),
                numpy_helper.from_array(bias.astype(dtype), "bias"),
            ],
        )
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)])
        model.ir_version = 8
        onnx.checker.check_model(model)
        onnx.save(model, folder / "tiny.onnx")
        content = {
            "name": "tiny",
            "file": "tiny.onnx",
            "layout": layout,
            "resize": {"width": side, "height": side},
            "output": output,
            "classes": ["red", "green", "blue"][: len(weights)],
            **keys,
        }
        path = folder / "tiny.yaml"
        path.write_text(yaml.safe_dump(content), encoding="utf-8")
        return path

    return make


def by_hand(pictures: np.ndarray, **keys: object) -> np.ndarray:
    """Probabilities of the tiny model, from its weights."""
    channels = pictures.mean(axis=(1, 2))
    if keys.get("channels") == "BGR":
        channels = channels[:, ::-1]
    values = channels * float(keys.get("scale", 1 / 255)) - np.array(keys.get("mean", [0, 0, 0]))
    logits = values / np.array(keys.get("std", [1, 1, 1])) @ TINY_WEIGHTS.T + TINY_BIAS
    powers = np.exp(logits - logits.max(axis=1, keepdims=True))
    return powers / powers.sum(axis=1, keepdims=True)


def drawn(width: int, height: int, seed: int = 0) -> Image.Image:
    encoding = Encoding(("circles", "triangles"), 20)
    genome = np.random.default_rng(seed).random((1, encoding.length), np.float32)
    return Image.fromarray(render(genome, encoding, (width, height))[0])


@pytest.fixture(scope="session")
def open_nsfw() -> Classifier:
    """The default classifier, loaded once."""
    return Classifier(read_spec("open_nsfw"))


@pytest.fixture(scope="session")
def int8_cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Where quantised models are kept for this session: made from few pictures, made once."""
    base = tmp_path_factory.getbasetemp()
    shared = base.parent if "PYTEST_XDIST_WORKER" in os.environ else base
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("platformdirs.user_cache_path", lambda name: shared / "cache" / name)
        patch.setattr("evonsfw.backends.int8.CALIBRATION", 8)
        yield shared / "cache"


@pytest.fixture
def call(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Call:
    """Call the program in this process, in an empty folder, without a display."""
    monkeypatch.chdir(tmp_path)
    for name in ("DISPLAY", "WAYLAND_DISPLAY", "SDL_VIDEODRIVER"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("COLUMNS", "200")

    def run(*arguments: str) -> Outcome:
        monkeypatch.setattr(sys, "argv", ["evonsfw", *arguments])
        with pytest.raises(SystemExit) as caught:
            main(list(arguments))
        captured = capsys.readouterr()
        return Outcome(int(caught.value.code or 0), captured.out, captured.err)

    return run


@pytest.fixture
def tiny(tiny_model: Callable[..., Path]) -> list[str]:
    """Flags of a run that takes no time."""
    return ["--classifier", str(tiny_model()), "--n", "3", "--size", "16", *END]


@pytest.fixture
def bench(tmp_path: Path, tiny_model: Callable[..., Path]) -> Bench:
    return Bench(tmp_path, tiny_model())
