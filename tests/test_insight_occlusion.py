"""The two maps of a sliding window, worked out by hand, in any batch, and against captum."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from conftest import drawn
from onnx import TensorProto, helper, numpy_helper

from evonsfw.classifier import Classifier, Probabilities, describe
from evonsfw.insight.occlusion import FILLS, Sweep, covered, occlude, require_sweep, sweep_for
from evonsfw.preparation import Pictures
from evonsfw.scorers import Scorers


def _brightness(pictures: Iterable[Pictures]) -> Iterator[Probabilities]:
    """A classifier in closed form: the mean of red as a share of 255, and the rest."""
    for picture in pictures:
        red = picture[..., 0].mean() / 255
        yield np.array([red, 1 - red], np.float32)


def test_both_maps_by_hand() -> None:
    """A row of four pixels, of which the third is red; a window of two."""
    pixels = np.zeros((2, 4, 3), np.uint8)
    pixels[:, 2, 0] = 255
    pixels[:, :, 2] = 90
    found = occlude(pixels, _brightness, 0, Sweep(window=2, stride=1, fill="mean"))
    # crops at 0, 1, 2 score 0, 1/2, 1/2; the mean colour's red is 64, of two of four pixels
    windows = [0.0, 0.25, 0.5, 0.5]
    share = 64 / 255 / 2
    scores = 0.25 + share, share, share
    occlusion = [1 - scores[0], 1 - (scores[0] + scores[1]) / 2, 1 - share, 1 - share]
    np.testing.assert_allclose(found.windows, [windows, windows], atol=1e-7)
    np.testing.assert_allclose(found.occlusion, [occlusion, occlusion], atol=1e-7)
    assert (found.score, found.scorings, found.places) == (0.25, 7, 3)


def test_the_last_window_is_flush_with_the_edge() -> None:
    pixels = np.zeros((3, 5, 3), np.uint8)
    pixels[2, 4, 0] = 255
    found = occlude(pixels, _brightness, 0, Sweep(window=2, stride=2))
    # crops begin at rows 0, 1 and columns 0, 2, 3: only the last of both holds the red pixel
    expected = np.zeros((3, 5))
    expected[2, 4], expected[1, 4], expected[2, 3], expected[1, 3] = 1 / 4, 1 / 8, 1 / 8, 1 / 16
    np.testing.assert_allclose(found.windows, expected, atol=1e-7)


def test_it_says_how_far_it_is() -> None:
    heard: list[tuple[int, int]] = []
    pixels = np.zeros((4, 4, 3), np.uint8)
    occlude(pixels, _brightness, 0, Sweep(2, 1), lambda *told: heard.append(told))
    assert heard == [(done, 19) for done in range(1, 20)]


@pytest.mark.parametrize("workers", [1, 2, 3])
@pytest.mark.parametrize("coarse", [False, True])
def test_the_number_of_workers_changes_nothing(
    workers: int, coarse: bool, tiny_model: Callable[..., Path]
) -> None:
    spec = describe(str(tiny_model()))
    pixels = np.asarray(drawn(24, 20))
    sweep = Sweep(6, 2, "noise", 3, coarse)
    with Scorers(spec, workers) as scorers:
        found = occlude(pixels, scorers.probabilities, 1, sweep)
    alone = Classifier(spec)
    expected = occlude(pixels, lambda all_: [alone.probabilities([p])[0] for p in all_], 1, sweep)
    np.testing.assert_array_equal(found.windows, expected.windows)
    np.testing.assert_array_equal(found.occlusion, expected.occlusion)
    assert found.score == alone.probabilities(pixels[None])[0, 1]


def test_coarse_to_fine_costs_a_tenth_and_is_near() -> None:
    rows, columns = np.mgrid[:96, :96]
    pixels = np.zeros((96, 96, 3), np.uint8)
    pixels[..., 0] = 255 * np.exp(-((rows - 30) ** 2 + (columns - 60) ** 2) / 300)
    full = occlude(pixels, _brightness, 0, Sweep(24, 2))
    near = occlude(pixels, _brightness, 0, Sweep(24, 2, coarse_to_fine=True))
    assert near.scorings - 1 <= 0.1 * (full.scorings - 1) + 1
    assert np.abs(near.windows - full.windows).max() < 0.02
    assert np.abs(near.occlusion - full.occlusion).max() < 0.02
    assert np.ptp(full.windows) > 0.3


def test_coarse_to_fine_tells_nothing_that_a_score_cannot_be() -> None:
    rows, columns = np.mgrid[:128, :128]
    pixels = np.zeros((128, 128, 3), np.uint8)
    pixels[..., 0] = 255 * np.exp(-((rows - 60) ** 2 + (columns - 70) ** 2) / 600)

    def steep(pictures: Iterable[Pictures]) -> Iterator[np.ndarray]:
        for picture in pictures:
            score = 1 / (1 + np.exp(-(picture[..., 0].mean() - 60)))
            yield np.array([score, 1 - score], np.float32)

    found = occlude(pixels, steep, 0, Sweep(32, 2, coarse_to_fine=True))
    assert 0.0 <= found.windows.min() < 0.01
    assert 0.98 < found.windows.max() <= 1.0


def test_fills() -> None:
    pixels = np.asarray(drawn(40, 30))
    fills = {fill: covered(pixels, Sweep(8, 2, fill)) for fill in FILLS}
    assert all(fill.shape == pixels.shape and fill.dtype == np.uint8 for fill in fills.values())
    assert np.all(fills["grey"] == 128)
    assert np.all(fills["mean"] == np.rint(pixels.mean(axis=(0, 1))))
    assert fills["blur"].std() < pixels.std()
    np.testing.assert_array_equal(fills["noise"], covered(pixels, Sweep(8, 2, "noise", 0)))
    assert np.any(fills["noise"] != covered(pixels, Sweep(8, 2, "noise", 1)))


def test_a_sweep_fits_its_picture() -> None:
    assert sweep_for(np.zeros((256, 300, 3), np.uint8)) == Sweep(64, 16)
    assert sweep_for(np.zeros((2, 2, 3), np.uint8)) == Sweep(1, 1)
    assert sweep_for(np.zeros((256, 256, 3), np.uint8), 40) == Sweep(40, 10)
    assert sweep_for(np.zeros((256, 256, 3), np.uint8), None, 3) == Sweep(64, 3)


def test_coarse_to_fine_has_more_places_to_choose_from() -> None:
    pixels = np.zeros((256, 256, 3), np.uint8)
    assert sweep_for(pixels, coarse_to_fine=True) == Sweep(64, 3, coarse_to_fine=True)
    strides = [sweep_for(pixels, side, None, True).stride for side in (22, 23, 44, 45, 256)]
    assert strides == [1, 2, 2, 3, 12]
    assert sweep_for(pixels, None, 5, True) == Sweep(64, 5, coarse_to_fine=True)
    assert sweep_for(np.zeros((9, 9, 3), np.uint8), coarse_to_fine=True).stride == 1


@pytest.mark.parametrize(
    ("sweep", "told"),
    [
        (Sweep(11, 1), "window 11: expected 1 to 10 pixels"),
        (Sweep(0, 1), "window 0: expected 1 to 10 pixels"),
        (Sweep(4, 5), "stride 5: expected 1 to the window's 4 pixels"),
        (Sweep(4, 0), "stride 0: expected"),
        (Sweep(4, 2, "gray"), "fill 'gray': did you mean grey"),  # type: ignore[arg-type]
    ],
)
def test_a_sweep_that_does_not_fit_is_told(sweep: Sweep, told: str) -> None:
    with pytest.raises(ValueError, match=told) as caught:
        require_sweep(np.zeros((10, 20, 3), np.uint8), sweep)
    assert "\n" not in str(caught.value)


def _convolutional(folder: Path) -> tuple[Path, dict[str, Any]]:
    """A small network as a file, and its weights."""
    random = np.random.default_rng(0)
    weights = {
        "w": random.normal(size=(6, 3, 5, 5)).astype(np.float32),
        "b": random.normal(size=6).astype(np.float32),
        "v": random.normal(size=(2, 6)).astype(np.float32),
        "c": np.zeros(2, np.float32),
    }
    nodes = [
        helper.make_node("Conv", ["pictures", "w", "b"], ["a"], strides=[2, 2]),
        helper.make_node("Relu", ["a"], ["r"]),
        helper.make_node("ReduceMean", ["r"], ["m"], axes=[2, 3], keepdims=0),
        helper.make_node("Gemm", ["m", "v", "c"], ["logits"], transB=1),
        helper.make_node("Softmax", ["logits"], ["probabilities"], axis=1),
    ]
    graph = helper.make_graph(
        nodes,
        "small",
        [helper.make_tensor_value_info("pictures", TensorProto.FLOAT, [1, 3, 32, 32])],
        [helper.make_tensor_value_info("probabilities", TensorProto.FLOAT, [1, 2])],
        [numpy_helper.from_array(value, name) for name, value in weights.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)])
    model.ir_version = 8
    onnx.save(model, folder / "small.onnx")
    return folder / "small.onnx", weights


@pytest.mark.parametrize("stride", [4, 8])
def test_occlusion_is_captums(stride: int, tmp_path: Path) -> None:
    """Captum's map is the mean of the score less the covered one's: ours, but for a constant."""
    torch = pytest.importorskip("torch")
    attr = pytest.importorskip("captum.attr")
    path, weights = _convolutional(tmp_path)
    w, b, v, _ = (torch.from_numpy(value) for value in weights.values())

    def network(inputs: Any) -> Any:
        rectified = torch.relu(torch.nn.functional.conv2d(inputs, w, b, stride=2))
        return torch.softmax(rectified.mean(dim=(2, 3)) @ v.T, dim=1)

    pixels = np.asarray(drawn(32, 32))
    with Scorers(describe(str(path)), 1) as scorers:
        found = occlude(pixels, scorers.probabilities, 1, Sweep(8, stride))
    inputs = torch.from_numpy(pixels.transpose(2, 0, 1)[None] / np.float32(255))
    theirs = attr.Occlusion(network).attribute(
        inputs, (3, 8, 8), baselines=128 / 255, target=1, strides=(3, stride, stride)
    )
    expected = theirs[0, 0].numpy()
    ours = found.occlusion - (1 - found.score)
    cosine = np.vdot(ours, expected) / np.linalg.norm(ours) / np.linalg.norm(expected)
    assert cosine > 0.9999
    np.testing.assert_allclose(ours, expected, atol=1e-5)
    assert np.ptp(expected) > 1e-3
