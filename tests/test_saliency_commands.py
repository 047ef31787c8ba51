"""`evonsfw explain gradient|guided|deconvnet|gradcam|integrated`: files, lines and refusals."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import typer
import yaml
from PIL import Image
from small_network import noise, small_network
from typer.testing import CliRunner

from evonsfw.classifier import Classifier, describe
from evonsfw.commands import saliency as commands
from evonsfw.insight.saliency import saliency
from evonsfw.quantity import ClassValue

NAMES = ("gradient", "guided", "deconvnet", "gradcam", "integrated")
Run = Callable[..., str]


@pytest.fixture
def classifier(tmp_path: Path) -> str:
    spec = small_network(tmp_path)
    path = tmp_path / "small.yaml"
    path.write_text(yaml.safe_dump(spec.model_dump(mode="json", exclude={"folder"})))
    return str(path)


@pytest.fixture
def run(tmp_path: Path, classifier: str, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Call a command on picture.png, in an empty folder; what was printed."""
    folder = tmp_path / "here"
    folder.mkdir()
    monkeypatch.chdir(folder)
    Image.fromarray(noise(20, 30)).save("picture.png")
    app = typer.Typer()
    for name in NAMES:
        app.command()(getattr(commands, name))

    def call(name: str, *flags: str, picture: str = "picture.png") -> str:
        arguments = [name, picture, "--classifier", classifier, *flags]
        outcome = CliRunner().invoke(app, arguments)
        if outcome.exception is not None:
            raise outcome.exception
        return outcome.stdout

    return call


@pytest.mark.parametrize("name", NAMES)
def test_a_plate_and_an_array(run: Run, classifier: str, name: str) -> None:
    printed = run(name)
    spec = describe(classifier)
    score = Classifier(spec).probabilities(noise(20, 30)[None])[0, 1]
    assert f"picture.png: bright {score:.6f}" in printed
    assert f"picture_{name}.png, picture_{name}.npy" in printed
    array = np.load(f"picture_{name}.npy")
    assert array.dtype == np.float32
    assert array.shape == ((20, 30) if name == "gradcam" else (20, 30, 3))
    assert array.any()
    with Image.open(f"picture_{name}.png") as plate:
        texts = {key: plate.info[key] for key in plate.info if key.startswith("evonsfw:")}
        assert plate.width > 4 * 384
    assert texts["evonsfw:instrument"] == name
    assert texts["evonsfw:classifier"] == "small"
    assert texts["evonsfw:quantity"] == "logit of bright"
    assert texts["evonsfw:score"] == f"bright {score:.6f}"


def test_flags_arrive(run: Run, classifier: str) -> None:
    spec = describe(classifier)
    run("gradient", "--class", "dull", "--of", "margin", "--out", "mine.png")
    expected = saliency(spec, noise(20, 30), ClassValue(spec, 0, "margin")).signal
    np.testing.assert_array_equal(np.load("mine.npy"), expected)
    assert "mean of maps, channel 1" in run("guided", "--layer", "maps", "--channel", "1")
    assert "peak of bent" in run("guided", "--layer", "bent", "--of", "peak", "--force")
    assert "layer maps of 8x8 places" in run("gradcam", "--layer", "maps")
    printed = run("integrated", "--baseline", "blur", "--steps", "3")
    assert "from blur" in printed
    with Image.open("picture_integrated.png") as plate:
        assert plate.info["evonsfw:steps"] == "3"


def test_files_that_are_there_are_kept(run: Run) -> None:
    run("gradient")
    with pytest.raises(ValueError, match=r"picture_gradient.png is there already: --force"):
        run("gradient")
    run("gradient", "--force")


def test_a_remark_where_the_shares_miss(run: Run) -> None:
    assert "more --steps come closer" in run("integrated", "--steps", "1", "--baseline", "black")


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (["--class", "brigth"], "unknown class 'brigth' of classifier 'small'.*mean bright"),
        (["--of", "logits"], "--of logits: expected logit or margin"),
        (["--of", ""], "--of : expected logit or margin"),
        (["--layer", ""], "unknown layer '' of classifier 'small'"),
        (["--of", "peak"], "--of peak: expected logit or margin"),
        (["--layer", "mapz"], r"unknown layer 'mapz' of classifier 'small': did you mean maps"),
        (["--out", "mine.jpg"], r"--out mine.jpg: expected a name that ends in .png"),
        (["--out", "no/mine.png"], "no such folder: no"),
        (["--out", "picture.png", "--force"], "--out picture.png: that is the original"),
    ],
    ids=str,
)
def test_refusals(run: Run, name: str, flags: list[str], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        run(name, *flags)
    assert {path.name for path in Path().iterdir()} == {"picture.png"}


@pytest.mark.parametrize("name", ["gradient", "guided", "deconvnet", "integrated"])
@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (["--channel", "1"], "--channel 1: it goes with --layer"),
        (["--channel", "x"], "--channel x: expected a whole number of 0 or more"),
        (["--layer", "maps", "--channel", "2"], "channel 2 of layer 'maps': expected 0 to 1"),
        (["--layer", "maps", "--class", "dull"], "--class dull: a layer is explained without"),
        (["--layer", "maps", "--of", "margin"], "--of margin: expected mean or peak"),
    ],
    ids=str,
)
def test_layers_and_classes(run: Run, name: str, flags: list[str], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        run(name, *flags)


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (["--steps", "0"], "--steps 0: expected a whole number from 1 to 10000"),
        (["--steps", "1.5"], "--steps 1.5: expected a whole number"),
        (["--baseline", "gray"], "--baseline gray: expected black or grey or white or blur"),
    ],
    ids=str,
)
def test_how_it_is_integrated(run: Run, flags: list[str], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        run("integrated", *flags)


@pytest.mark.parametrize("name", NAMES)
def test_pictures_that_are_none(run: Run, name: str) -> None:
    Image.new("RGB", (1, 1)).save("dot.png")
    Path("text.png").write_text("no picture")
    with pytest.raises(ValueError, match=r"dot.png: 1x1 pixels: expected at least 2x2"):
        run(name, picture="dot.png")
    with pytest.raises(ValueError, match=r"text.png: not a picture"):
        run(name, picture="text.png")
    with pytest.raises(ValueError, match=r"none.png: no such file"):
        run(name, picture="none.png")


@pytest.mark.parametrize("name", NAMES)
def test_the_smallest_and_a_flat_picture(run: Run, name: str) -> None:
    """A map that is 0 everywhere has a plate too."""
    Image.new("RGB", (2, 3)).save("black.png")
    run(name, picture="black.png")
    shape = (3, 2) if name == "gradcam" else (3, 2, 3)
    assert np.load(f"black_{name}.npy").shape == shape


def test_a_classifier_without_layers(run: Run, tiny_model: Callable[..., Path]) -> None:
    """Its last `--classifier` counts."""
    model = str(tiny_model())
    run("gradient", "--classifier", model)
    with pytest.raises(ValueError, match="classifier 'tiny': it has no layer of maps"):
        run("gradcam", "--classifier", model)
