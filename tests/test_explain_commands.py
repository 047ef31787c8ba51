"""`evonsfw explain occlusion|shapes|compare`: files, lines and refusals."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import typer
from conftest import drawn
from PIL import Image
from program import Call, picture
from typer.testing import CliRunner

from evonsfw.classifier import Classifier, describe
from evonsfw.commands.occlusion import compare, occlusion
from evonsfw.commands.shapes import shapes
from evonsfw.comparing import is_classifier
from evonsfw.contribution import contributions
from evonsfw.insight.occlusion import Sweep, occlude
from evonsfw.objectives import Goal
from evonsfw.pipeline import Job, Pipeline
from evonsfw.provenance import read_provenance, read_texts

Run = Callable[..., str]


@pytest.fixture
def classifier(tiny_model: Callable[..., Path]) -> str:
    return str(tiny_model())


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Call a command in an empty folder with picture.png and other.png; what was printed."""
    monkeypatch.chdir(tmp_path)
    drawn(24, 20).save("picture.png")
    drawn(24, 20, seed=1).save("other.png")
    app = typer.Typer()
    for command in (occlusion, shapes, compare):
        app.command()(command)

    def invoke(*arguments: str) -> str:
        outcome = CliRunner().invoke(app, list(arguments))
        if outcome.exception is not None:
            raise outcome.exception
        return outcome.stdout

    return invoke


@pytest.fixture
def evolved(call: Call, tiny: list[str]) -> Path:
    """A run folder of three triangles."""
    assert call(*tiny, "--seed", "1", "--out", "run").code == 0
    return Path("run")


def _pixels(name: str = "picture.png") -> np.ndarray:
    return np.asarray(Image.open(name).convert("RGB"))


def test_occlusion_writes_a_plate_and_both_maps(run: Run, classifier: str) -> None:
    said = run("occlusion", "picture.png", "--classifier", classifier, "--class", "red")
    model = Classifier(describe(classifier))
    expected = occlude(
        _pixels(), lambda all_: map(model.score_image, map(Image.fromarray, all_)), 0, Sweep(5, 1)
    )
    array = np.load("picture_occlusion.npy")
    assert (array.shape, array.dtype) == ((2, 20, 24), np.float32)
    np.testing.assert_array_equal(array[0], expected.windows.astype(np.float32))
    np.testing.assert_array_equal(array[1], expected.occlusion.astype(np.float32))
    assert f"picture.png: red {expected.score:.6f}" in said
    assert f"{expected.scorings} scorings; picture_occlusion.png, picture_occlusion.npy" in said
    texts = read_texts(Path("picture_occlusion.png"))
    assert texts["evonsfw:instrument"] == "occlusion"
    assert texts["evonsfw:score"] == f"red {expected.score:.6f}"


@pytest.mark.parametrize("fill", ["mean", "blur", "noise"])
def test_flags_of_windows_reach_them(run: Run, classifier: str, fill: str) -> None:
    flags = ["--window", "8", "--stride", "4", "--fill", fill, "--seed", "3", "--class", "1"]
    run("occlusion", "picture.png", "--classifier", classifier, *flags, "--out", "map.png")
    model = Classifier(describe(classifier))
    sweep = Sweep(8, 4, fill, 3)  # type: ignore[arg-type]
    expected = occlude(
        _pixels(), lambda all_: [model.probabilities([one])[0] for one in all_], 1, sweep
    )
    np.testing.assert_array_equal(np.load("map.npy")[1], expected.occlusion.astype(np.float32))


def test_coarse_to_fine_scores_a_tenth(run: Run, classifier: str) -> None:
    flags = ["--classifier", classifier, "--window", "4"]
    full = run("occlusion", "picture.png", *flags)
    tenth = run("occlusion", "picture.png", *flags, "--coarse-to-fine", "--force")
    assert f"{2 * 17 * 21 + 1} scorings" in full
    count = int(tenth.split(" scorings")[0].split()[-1])
    assert 0.09 * 2 * 17 * 21 < count <= 0.1 * 2 * 17 * 21 + 2


def test_nothing_is_written_over(run: Run, classifier: str) -> None:
    run("occlusion", "picture.png", "--classifier", classifier)
    before = Path("picture_occlusion.png").read_bytes()
    with pytest.raises(ValueError, match=r"picture_occlusion.png is there already"):
        run("occlusion", "picture.png", "--classifier", classifier)
    assert Path("picture_occlusion.png").read_bytes() == before


def test_shapes_of_a_run_are_those_of_its_best_picture(run: Run, evolved: Path) -> None:
    said = run("shapes", str(evolved), "--class", "blue")
    array = np.load("run_shapes.npy")
    assert array.shape == (3, 3)
    found = read_provenance(evolved / "best.png")
    assert found is not None
    config = found.config
    spec = describe(config.classifier)
    job = Job(config.encoding, config.canvas, "highest", Goal(class_index=2), spec)
    left_out = contributions(Pipeline(job), found.genome, config.encoding, config.canvas)
    assert left_out is not None
    np.testing.assert_array_equal(array[2], -np.array(left_out))
    assert not array[1].any()  # every set of three is scored
    assert "3 shapes, every set" in said
    assert "8 scorings; run_shapes.png, run_shapes.npy" in said
    run("shapes", str(evolved / "best.png"), "--class", "blue")
    np.testing.assert_array_equal(np.load("best_shapes.npy"), array)


def test_one_shape_is_all_there_is_to_share(run: Run, call: Call, tiny: list[str]) -> None:
    assert call(*tiny, "--n", "1", "--out", "run").code == 0
    said = run("shapes", "run")
    assert "1 shape, every set" in said
    shapley, errors, left_out = np.load("run_shapes.npy")
    assert shapley == left_out
    assert errors == 0


def test_shapes_add_up_to_the_score(run: Run, call: Call, tiny: list[str]) -> None:
    assert call(*tiny, "--n", "12", "--class", "green", "--out", "run").code == 0
    said = run("shapes", "run", "--samples", "5", "--seed", "2")
    found = read_provenance(Path("run/best.png"))
    assert found is not None
    values = np.load("run_shapes.npy")[0]
    score = float(found.texts["evonsfw:score"])
    background = float(said.split("background alone ")[1].split()[0])
    assert values.sum() == pytest.approx(score - background, abs=2e-6)
    assert "12 shapes, 6 orders" in said


def test_two_pictures(run: Run, classifier: str) -> None:
    said = run("compare", "picture.png", "other.png", "--classifier", classifier)
    array = np.load("picture_other_compare.npy")
    assert (array.shape, array.dtype) == ((6, 20, 24), np.float32)
    np.testing.assert_allclose(array[4:], array[2:4] - array[:2], atol=1e-6)
    run("occlusion", "picture.png", "--classifier", classifier)
    windows, covered = np.load("picture_occlusion.npy")
    np.testing.assert_array_equal(array[0], windows)
    score = float(said.split("blue ")[1].split()[0])
    np.testing.assert_allclose(array[1], covered - (1 - score), atol=1e-5)
    assert "A picture.png: blue" in said
    assert "B other.png: blue" in said


def test_a_picture_and_itself_agree(run: Run, classifier: str) -> None:
    said = run("compare", "picture.png", "picture.png", "--classifier", classifier)
    assert said.count("correlation +1.0000, furthest apart +0.0000") == 2


def test_pictures_of_two_sizes(run: Run, classifier: str) -> None:
    drawn(48, 60).save("large.png")
    run("compare", "picture.png", "large.png", "--classifier", classifier)
    assert np.load("picture_large_compare.npy").shape == (6, 20, 24)


def test_two_classifiers(run: Run, tiny_model: Callable[..., Path]) -> None:
    first, second = tiny_model(), tiny_model(channels="BGR")
    said = run("compare", str(first), str(second), "picture.png", "--class", "red")
    array = np.load("tiny_tiny_compare.npy")
    for place, model in ((0, first), (2, second)):
        score = Classifier(describe(str(model))).probabilities([_pixels()])[0, 0]
        assert f"red {score:.6f} (tiny)" in said
        run("occlusion", "picture.png", "--classifier", str(model), "--class", "0", "--force")
        np.testing.assert_array_equal(array[place], np.load("picture_occlusion.npy")[0])
    assert np.abs(array[4]).max() > 0.001


def test_what_is_a_classifier(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert is_classifier("open_nsfw")
    assert is_classifier("folder/model.onnx")
    assert is_classifier("model.yaml")
    assert not is_classifier("open_nsfw.png")
    picture(tmp_path / "open_nsfw.png").rename(tmp_path / "open_nsfw")
    assert not is_classifier("open_nsfw")


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["occlusion", "none.png"], "none.png: no such file"),
        (["occlusion", "text.png"], "text.png: not a picture"),
        (["occlusion", "dot.png"], "dot.png: 1x1 pixels: expected at least 2x2"),
        (["occlusion", "picture.png", "--class", "rod"], "unknown class 'rod'.*did you mean red"),
        (["occlusion", "picture.png", "--window", "21"], "window 21: expected 1 to 20 pixels"),
        (["occlusion", "picture.png", "--window", "0"], "--window 0: expected a whole number"),
        (["occlusion", "picture.png", "--window", "a"], "--window a: expected a whole number"),
        (["occlusion", "picture.png", "--stride", "6"], "stride 6: expected 1 to the window's 5"),
        (["occlusion", "picture.png", "--stride", "1.5"], "--stride 1.5: expected a whole"),
        (["occlusion", "picture.png", "--fill", "gray"], "--fill gray: did you mean grey"),
        (["occlusion", "picture.png", "--seed", "-1"], "--seed -1: expected a whole number"),
        (["occlusion", "picture.png", "--out", "map.jpg"], "map.jpg: expected a name that ends in"),
        (["occlusion", "picture.png", "--out", "no/map.png"], "no/map.png: no such folder"),
        (["shapes", "picture.png"], "picture.png: there is no genome in it"),
        (["shapes", "none"], "none: no such run folder or file"),
        (["shapes", "."], r"there is no config.yaml in it"),
        (["shapes", "picture.png", "--samples", "0"], "--samples 0: expected a whole number"),
        (["shapes", "picture.png", "--seed", "x"], "--seed x: expected a whole number"),
        (["compare", "picture.png", "open_nsfw"], "open_nsfw is a classifier and picture.png a"),
        (["compare", "open_nsfw", "open_nsfw"], "name a picture after them"),
        (["compare", "picture.png", "other.png", "other.png"], "compared without a third"),
        (["compare", "picture.png", "none.png"], "none.png: no such file"),
        (
            ["compare", "picture.png", "other.png", "--force", "--out", "other.png"],
            "--out other.png: that is the original",
        ),
        (["occlusion", "picture.png", "--force", "--out", "picture.png"], "that is the original"),
    ],
)
def test_bad_input_is_one_line(run: Run, classifier: str, arguments: list[str], told: str) -> None:
    picture(Path("dot.png"), (1, 1))
    Path("text.png").write_text("text")
    if "open_nsfw" not in arguments and arguments[0] != "shapes":
        arguments = [*arguments, "--classifier", classifier]
    before = sorted(Path().iterdir())
    with pytest.raises(ValueError, match=told) as caught:
        run(*arguments)
    assert "\n" not in str(caught.value)
    assert sorted(Path().iterdir()) == before


def test_a_third_classifier_is_refused(run: Run, classifier: str) -> None:
    with pytest.raises(ValueError, match="two classifiers are compared without a third"):
        run("compare", classifier, classifier, "picture.png", "--classifier", classifier)


def test_pictures_of_two_pixels(run: Run, classifier: str) -> None:
    picture(Path("two.png"), (2, 2))
    run("occlusion", "two.png", "--classifier", classifier)
    assert np.load("two_occlusion.npy").shape == (2, 2, 2)


def test_one_shape_has_all_that_it_changes(run: Run, call: Call, tiny: list[str]) -> None:
    assert call(*tiny, "--n", "1", "--out", "run").code == 0
    run("shapes", "run")
    value, error, left_out = np.load("run_shapes.npy")[:, 0]
    assert value == left_out
    assert error == 0
