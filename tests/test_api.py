"""`from evonsfw import Classifier, evolve, explain, invert, dream`."""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml
from convolutional import convolutional
from PIL import Image

import evonsfw
from evonsfw import Classifier, dream, evolve, explain, invert
from evonsfw import classifier as classifiers
from evonsfw.explanation import Explanation
from evonsfw.model_spec import ModelSpec
from evonsfw.raster import render

RNG = np.random.default_rng(5)
PICTURE = RNG.integers(0, 256, (20, 24, 3), np.uint8)
QUICK: dict[str, Any] = {"shapes": "circles", "n": 3, "size": 16, "seed": 1, "generations": 3}


@pytest.fixture(scope="module")
def things(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A classifier with layers, as a YAML."""
    folder = tmp_path_factory.mktemp("things")
    spec: ModelSpec = convolutional(folder)
    content = spec.model_dump(mode="json", exclude={"folder"}, exclude_none=True)
    content["classes"], path = list(spec.classes), folder / "things.yaml"
    path.write_text(yaml.safe_dump(content), encoding="utf-8")
    return str(path)


def test_importing_the_package_imports_nothing_of_weight() -> None:
    program = (
        "import sys, evonsfw; print(sorted({'numpy', 'onnxruntime', 'numba'} & set(sys.modules)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert done.stdout == "[]\n"


def test_every_name_is_there_and_no_other() -> None:
    for name in evonsfw.__all__:
        assert name in dir(evonsfw)
        assert getattr(evonsfw, name).__doc__
    with pytest.raises(AttributeError, match="no attribute 'evolution_of_all'"):
        _ = evonsfw.evolution_of_all  # type: ignore[attr-defined]


def test_scores_are_the_references(tiny_model: Callable[..., Path], tmp_path: Path) -> None:
    model = str(tiny_model())
    classifier = Classifier(model, "green")
    path = tmp_path / "picture.png"
    Image.fromarray(PICTURE).save(path)
    reference = classifiers.Classifier(classifiers.describe(model))
    expected = reference.probabilities(PICTURE[None])[0]
    assert classifier.score(PICTURE) == classifier.score(path) == float(expected[1])
    assert classifier.score(str(path)) == float(expected[1])
    scores = classifier.scores(PICTURE)
    assert list(scores) == ["red", "green", "blue"]
    assert np.array_equal(np.array(list(scores.values()), np.float32), expected)
    assert (classifier.wanted, repr(classifier)) == ("green", "Classifier('tiny', 'green')")


@pytest.mark.parametrize(
    ("picture", "told"),
    [
        (PICTURE.astype(float), r"float64 \(20, 24, 3\): expected"),
        (PICTURE[..., 0], r"uint8 \(20, 24\): expected"),
        (PICTURE[:1], "24x1 pixels: expected at least 2x2"),
        ("nothing.png", "no such file"),
    ],
)
def test_what_is_no_picture_is_refused(
    tiny_model: Callable[..., Path], picture: Any, told: str
) -> None:
    with pytest.raises(ValueError, match=told):
        Classifier(str(tiny_model())).score(picture)


def test_a_run_in_python_is_the_run_of_the_command_line(
    tiny_model: Callable[..., Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    model = str(tiny_model())
    lines: list[str] = []
    evolved = evolve(classifier=model, say=lines.append, **QUICK)
    assert evolved.folder is None
    assert list(tmp_path.iterdir()) == []
    assert lines[-1].startswith("best.png: ")
    drawn = render(evolved.genome[None], evolved.encoding, evolved.canvas)[0]
    assert np.array_equal(evolved.picture, drawn)
    assert evolved.score == pytest.approx(Classifier(model).score(evolved.picture), abs=1e-6)
    kept = evolve(tmp_path / "run", classifier=model, **QUICK)
    assert np.array_equal(kept.genome, evolved.genome)
    assert kept.folder == tmp_path / "run"
    assert (tmp_path / "run" / "best.png").is_file()


def test_what_the_run_says_goes_where_it_is_sent(
    tiny_model: Callable[..., Path], capsys: pytest.CaptureFixture[str]
) -> None:
    evolve(classifier=str(tiny_model()), **QUICK)
    assert capsys.readouterr().out == ""
    evolve(classifier=str(tiny_model()), say=print, **QUICK)
    assert capsys.readouterr().out.startswith("seed 1, ")


def test_an_evolved_picture_is_saved_with_what_made_it(
    tiny_model: Callable[..., Path], tmp_path: Path
) -> None:
    evolved = evolve(classifier=str(tiny_model()), **QUICK)
    for name in ("a.png", "a.svg", "a.json"):
        assert evolved.save(tmp_path / name) == tmp_path / name
    with Image.open(evolved.save(tmp_path / "large.png", (64, 48))) as image:
        assert image.size == (64, 48)
        assert image.info["evonsfw:genome"] == evolved.texts["evonsfw:genome"]
    with Image.open(tmp_path / "a.png") as image:
        assert np.array_equal(np.asarray(image), evolved.picture)
    with pytest.raises(ValueError, match="there already"):
        evolved.save(tmp_path / "a.png")
    with pytest.raises(ValueError, match=r"ends in \.png"):
        evolved.save(tmp_path / "a.gif")


@pytest.mark.parametrize(
    ("settings", "told"),
    [
        ({"n": 0}, "n"),
        ({"shapes": "cirkles"}, "circles"),
        ({"unheard": 1}, "unheard"),
        ({"classifier": "none_such"}, "none_such"),
    ],
)
def test_settings_that_do_not_work_out_are_refused(settings: dict[str, Any], told: str) -> None:
    with pytest.raises(ValueError, match=told):
        evolve(**{**QUICK, **settings})


def saved(explanation: Explanation[Any], tmp_path: Path) -> np.ndarray:
    """What its files hold."""
    paths = explanation.save(tmp_path / "found.png", force=True)
    assert [path.name for path in paths] == ["found.png", "found.npy"]
    with Image.open(paths[0]) as image:
        assert np.array_equal(np.asarray(image), explanation.plate())
        assert image.info["evonsfw:instrument"]
    array: np.ndarray = np.load(paths[1])
    assert np.array_equal(array, explanation.array)
    return array


@pytest.mark.parametrize("name", ["gradient", "guided", "deconvnet", "integrated"])
def test_instruments_that_send_a_signal_back(name: str, things: str, tmp_path: Path) -> None:
    instrument = getattr(explain, name)
    array = saved(instrument(PICTURE, things), tmp_path)
    assert array.shape == PICTURE.shape
    other = instrument(PICTURE, things, wanted="calm").array
    assert not np.allclose(array, other)
    layer = instrument(PICTURE, things, layer="things", channel=2)
    assert layer.array.shape == PICTURE.shape
    peak = instrument(PICTURE, things, of="peak", layer="things")
    assert peak.findings.texts["quantity"] == "peak of things"
    score = Classifier(things, "wild").score(PICTURE)
    assert peak.lines()[0] == f"picture: wild {score:.6f}"
    assert peak.lines([Path("a.png")])[-1] == "  a.png"
    with pytest.raises(ValueError, match="of = 'margin': expected mean or peak"):
        instrument(PICTURE, things, of="margin", layer="things")
    with pytest.raises(ValueError, match="goes with layer"):
        instrument(PICTURE, things, channel=2)
    with pytest.raises(ValueError, match="did you mean"):
        instrument(PICTURE, things, layer="thing")
    with pytest.raises(ValueError, match="expected logit or margin"):
        instrument(PICTURE, things, of="score")


def test_the_gradient_is_that_of_the_score(tiny_model: Callable[..., Path]) -> None:
    """With two classes, the margin of the tiny model is a sum over pixels."""
    weights = np.array([[1.0, 2.0, -1.0], [3.0, -0.5, 0.25]], np.float32)
    two = str(tiny_model(weights=weights, bias=np.zeros(2, np.float32)))
    picture = np.random.default_rng(0).integers(20, 230, (16, 16, 3), np.uint8)
    found = explain.gradient(picture, two, of="margin").array
    each = (weights[1] - weights[0]) / (255 * 16 * 16)
    assert np.allclose(found, np.broadcast_to(each, found.shape), rtol=1e-4)


def test_places_and_windows(things: str, tmp_path: Path) -> None:
    assert saved(explain.gradcam(PICTURE, things), tmp_path).shape == PICTURE.shape[:2]
    sliding = explain.Sliding(window=10, stride=5)
    covered = explain.occlusion(PICTURE, things, sliding=sliding, workers=1)
    assert saved(covered, tmp_path).shape == (2, *PICTURE.shape[:2])
    assert np.array_equal(
        covered.array, explain.occlusion(PICTURE, things, sliding=sliding, workers=3).array
    )


def test_two_are_compared(things: str, tmp_path: Path) -> None:
    sliding = explain.Sliding(window=10, stride=5)
    with pytest.raises(ValueError, match="a second picture, or another classifier"):
        explain.compare(PICTURE, classifier=things)
    same = explain.compare(PICTURE, PICTURE, things, sliding=sliding)
    assert not saved(same, tmp_path)[4:].any()
    two = explain.compare(PICTURE, PICTURE[::-1], things, sliding=sliding)
    difference = two.found.second.windows - two.found.first.windows
    assert np.allclose(two.found.windows.difference, difference)
    assert two.found.windows.largest != 0


def test_shapes_of_what_was_evolved(tiny_model: Callable[..., Path], tmp_path: Path) -> None:
    evolved = evolve(tmp_path / "run", classifier=str(tiny_model()), **QUICK)
    shares = explain.shapes(evolved)
    assert saved(shares, tmp_path).shape == (3, 3)
    total = shares.found.shapley.sum()
    assert total == pytest.approx(evolved.score - shares.found.background, abs=1e-5)
    for source in (tmp_path / "run", evolved.save(tmp_path / "file.png")):
        assert np.array_equal(explain.shapes(source).array, shares.array)
    with pytest.raises(ValueError, match="pixels hold no genome"):
        explain.shapes(evolved.picture)


def test_a_dream_is_saved_with_what_made_it(things: str, tmp_path: Path) -> None:
    dreamt = dream(PICTURE, "things", things, octaves=1, iterations=2, jitter=2)
    assert dreamt.picture.shape == PICTURE.shape
    assert not np.array_equal(dreamt.picture, PICTURE)
    path, beside = dreamt.save(tmp_path / "dream.png")
    with Image.open(path) as image:
        assert np.array_equal(np.asarray(image), dreamt.picture)
        assert '"iterations": 2' in image.info["evonsfw:dream"]
    assert np.array_equal(np.load(beside), dreamt.exact)
    again = dream(PICTURE, "things", things, octaves=1, iterations=2, jitter=2)
    assert np.array_equal(again.exact, dreamt.exact)
    with pytest.raises(ValueError, match="did you mean octaves"):
        dream(PICTURE, classifier=things, octave=1)
    with pytest.raises(ValueError, match="there already"):
        dreamt.save(tmp_path / "dream.png")


def test_an_inverted_picture_says_what_was_done_to_it(things: str, tmp_path: Path) -> None:
    classifier = Classifier(things)
    path = tmp_path / "original.png"
    Image.fromarray(PICTURE).save(path)
    asked = classifier.score(PICTURE) + 0.02
    found = invert(path, asked, things, iterations=30)
    assert found.reached
    assert classifier.score(found.picture) == pytest.approx(found.after, abs=1e-6)
    assert found.after >= asked
    saved_as, beside = found.save(tmp_path / "changed.png")
    with Image.open(saved_as) as image:
        assert np.array_equal(np.asarray(image), found.picture)
        stamp = json.loads(image.info["evonsfw:invert"])
    assert np.array_equal(np.load(beside), found.picture.astype(int) - PICTURE)
    assert (stamp["source"], stamp["class"], stamp["asked"]) == ("original.png", "wild", asked)
    assert stamp["source_sha256"] == hashlib.sha256(path.read_bytes()).hexdigest()
    assert stamp["what"].startswith("changed by evonsfw invert")
    assert found.score == classifier.score(saved_as)
    assert found.plate().ndim == 3
    held_out = [(before.view, after.score) for before, after in found.views if after.held_out]
    assert len(held_out) == 4
    assert found.views[0][0].score == pytest.approx(classifier.score(path), abs=1e-6)
    with pytest.raises(ValueError, match="that is the original"):
        found.save(path, force=True)
    same = invert(PICTURE, asked, things, iterations=30)
    assert np.array_equal(same.picture, found.picture)


@pytest.mark.parametrize(
    ("settings", "told"),
    [
        ({"score": 1.5}, "between 0 and 1"),
        ({"score": 0.9, "norm": "l3"}, "linf or l2"),
        ({"score": 0.9, "wanted": "mild"}, "did you mean wild"),
    ],
)
def test_an_inversion_that_does_not_work_out_is_refused(
    things: str, settings: dict[str, Any], told: str
) -> None:
    with pytest.raises(ValueError, match=told):
        invert(PICTURE, classifier=things, **settings)
