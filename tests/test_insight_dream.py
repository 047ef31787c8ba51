"""Deep Dream: steps worked out by hand, octaves, tiles, seeds, films and files."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
import typer
from convolutional import POINTS, convolutional
from onnx import helper
from PIL import Image
from typer.testing import CliRunner

from evonsfw import dreaming, provenance
from evonsfw.commands.dream import dream as dream_command
from evonsfw.exporters import mp4
from evonsfw.feeding import feed
from evonsfw.gif_blocks import walk
from evonsfw.insight.dream import Manner, coloured_like, dream, nearer, octave_sizes, zoom
from evonsfw.layers import find_layer
from evonsfw.truncated import Depth
from evonsfw.video import decode


def grey(height: int, width: int, level: float = 128.0) -> np.ndarray:
    return np.full((height, width, 3), level, np.float32)


def noisy(height: int, width: int) -> np.ndarray:
    return np.random.default_rng(1).integers(0, 256, (height, width, 3), np.uint8)


def depth_of(folder: Path, layer: str, **keys: Any) -> Depth:
    spec = convolutional(folder, **keys)
    return Depth(spec, find_layer(spec, layer))


def rng(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


@pytest.mark.parametrize("jitter", [0, 32])
def test_steps_worked_out_by_hand(tmp_path: Path, jitter: int) -> None:
    """A layer of points has one gradient everywhere: its weights, of mean size 1 after division."""
    depth = depth_of(tmp_path, "points")
    manner = Manner(octaves=1, iterations=3, step=2.0, jitter=jitter, channel=0)
    slope = (POINTS[0] / np.array(depth.spec.std))[::-1]
    expected = 128.0 + 3 * 2.0 * slope / np.abs(slope).mean()
    found = dream(grey(20, 70), depth, manner, rng())
    assert np.allclose(found, expected, atol=1e-3)


def test_a_dream_stays_within_the_range_of_pixels(tmp_path: Path) -> None:
    manner = Manner(octaves=2, iterations=5, step=90.0)
    found = dream(noisy(40, 70), depth_of(tmp_path, "things"), manner, rng())
    assert found.dtype == np.float32
    assert found.min() >= 0.0
    assert found.max() <= 255.0


@pytest.mark.parametrize("fixed", [False, True])
def test_a_dream_excites_its_layer(tmp_path: Path, fixed: bool) -> None:
    depth = depth_of(tmp_path, "things", fixed=fixed)
    picture = noisy(50, 37)
    whole = depth_of(tmp_path, "things")

    def energy(pixels: np.ndarray) -> float:
        padded = np.pad(pixels, ((0, 14), (0, 27), (0, 0)), mode="wrap").astype(np.float32)
        said = whole.open((64, 64)).forward(feed(whole.spec, padded)[None]).logits
        return float((said.astype(np.float64) ** 2).sum())

    found = dream(picture, depth, Manner(), rng())
    assert found.shape == picture.shape
    assert energy(found) > 1.5 * energy(picture)


def test_one_seed_one_dream(tmp_path: Path) -> None:
    depth = depth_of(tmp_path, "things")
    manner = Manner(octaves=2, iterations=2)
    first, second, third = (dream(noisy(64, 64), depth, manner, rng(s)) for s in (1, 1, 2))
    assert np.array_equal(first, second)
    assert not np.array_equal(first, third)


def test_a_layer_without_gradient_leaves_the_picture(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Depth, "gradient", lambda _self, pixels, _channel: np.zeros_like(pixels))
    found = dream(noisy(40, 30), depth_of(tmp_path, "things"), Manner(), rng())
    assert np.array_equal(found, noisy(40, 30))


def test_octaves_grow_to_the_picture_and_stop_where_it_is_small() -> None:
    assert octave_sizes((200, 100), Manner(octaves=3, scale=2.0)) == [
        (50, 25),
        (100, 50),
        (200, 100),
    ]
    assert octave_sizes((200, 100), Manner(octaves=9, scale=2.0))[0] == (50, 25)
    assert octave_sizes((2, 3), Manner()) == [(2, 3)]


def test_every_step_is_heard(tmp_path: Path) -> None:
    told: list[tuple[int, int]] = []
    manner = Manner(octaves=2, iterations=3)
    dream(noisy(40, 40), depth_of(tmp_path, "points"), manner, rng(), lambda *n: told.append(n))
    assert told == [(number, 6) for number in range(1, 7)]


def test_nearer_keeps_the_middle_and_the_size() -> None:
    slope = np.repeat(np.linspace(50, 200, 101, dtype=np.float32)[None, :, None], 80, 0)
    found = nearer(np.repeat(slope, 3, axis=2))
    assert found.shape == (80, 101, 3)
    assert found[40, 50, 0] == pytest.approx(125.0, abs=0.1)
    assert found[40, 2, 0] > slope[40, 2, 0]


def test_colours_are_given_back() -> None:
    model = np.random.default_rng(0).normal(120, 20, (40, 40, 3)).astype(np.float32)
    pixels = np.random.default_rng(1).normal(90, 5, (40, 40, 3)).astype(np.float32)
    found = coloured_like(pixels, model)
    assert np.allclose(found.mean(axis=(0, 1)), model.mean(axis=(0, 1)), atol=0.1)
    assert np.allclose(found.std(axis=(0, 1)), model.std(axis=(0, 1)), rtol=0.01)


def test_a_film_begins_with_the_dream(tmp_path: Path) -> None:
    depth, manner = depth_of(tmp_path, "points"), Manner(octaves=1, iterations=3)
    frames = list(zoom(noisy(32, 32), depth, manner, rng(), 3))
    assert len(frames) == 3
    assert np.array_equal(frames[0], dream(noisy(32, 32), depth, manner, rng()))


# ── files ───────────────────────────────────────────────────────────────────────────────────────


@pytest.fixture
def picture(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "art.png"
    Image.fromarray(noisy(27, 35)).save(path)
    return path


@pytest.fixture
def classifier(tmp_path: Path) -> str:
    spec = convolutional(tmp_path)
    path = tmp_path / "small.yaml"
    path.write_text(spec.model_dump_json(exclude={"folder", "sha256", "package"}))
    return str(path)


def run(*words: str) -> tuple[str, Exception | None]:
    app = typer.Typer()
    app.command()(dream_command)
    result = CliRunner().invoke(app, list(words))
    error = result.exception
    return result.stdout, error if isinstance(error, Exception) else None


def test_the_files_of_a_dream(picture: Path, classifier: str) -> None:
    output, error = run(str(picture), "--classifier", classifier, "--layer", "things")
    assert error is None
    assert output.splitlines()[0] == "art_dream.png"
    with Image.open("art_dream.png") as image:
        assert np.array_equal(np.asarray(image), dreaming.rounded(np.load("art_dream.npy")))
    texts = provenance.read_texts(Path("art_dream.png"))
    assert texts["evonsfw:instrument"] == "dream"
    assert texts["evonsfw:source"] == "art.png"
    assert json.loads(texts["evonsfw:dream"])["layer"] == "things"
    _, error = run(str(picture), "--classifier", classifier, "--layer", "things")
    assert "art_dream.png is there already" in str(error)
    assert run(str(picture), "--classifier", classifier, "--layer", "things", "--force")[1] is None


@pytest.mark.parametrize("suffix", [".gif", ".mp4", ".webm"])
def test_a_film_has_as_many_pictures_as_were_asked_for(
    picture: Path, classifier: str, suffix: str
) -> None:
    words = ["--zoom", "3", "--out", f"film{suffix}", "--iterations", "1", "--layer", "things"]
    assert run(str(picture), "--classifier", classifier, *words)[1] is None
    path = Path(f"film{suffix}")
    assert provenance.read_texts(path)["evonsfw:frames"] == "3"
    if suffix == ".gif":
        with path.open("rb") as file:
            assert walk(file)[1] == 3
    if suffix == ".mp4":
        assert decode(path, mp4.FORM) == 3


def test_the_layers_are_listed_without_a_picture(classifier: str) -> None:
    output, error = run("--layers", "--classifier", classifier)
    assert error is None
    names = [line.split()[0] for line in output.splitlines()]
    assert names == ["points", "edges", "rectified", "things", "a", "b", "pooled"]
    assert "things" in next(line for line in output.splitlines() if "(default)" in line)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--octaves", "0"], "--octaves 0: expected a whole number"),
        (["--octaves", "many"], "--octaves many"),
        (["--iterations", "1.5"], "--iterations 1.5"),
        (["--step", "0"], "--step 0: expected a number above 0"),
        (["--step", "nan"], "--step nan"),
        (["--scale", "1"], "--scale 1: expected a number above 1"),
        (["--jitter", "-1"], "--jitter -1"),
        (["--zoom", "1"], "--zoom 1"),
        (["--seed", "x"], "--seed x"),
        (["--channel", "x"], "--channel x"),
        (["--layer", "things", "--channel", "6"], "channel 6 of layer 'things': expected 0 to 5"),
        (["--layer", "thing"], "unknown layer 'thing'"),
        (["--out", "film.mp4"], "needs --zoom"),
        (["--out", "art.png", "--force"], "--out art.png: that is the original"),
        (["--out", "film.txt"], "ends in .png"),
        (["--zoom", "2", "--out", "film.png"], "expected a film's name"),
        (["--out", "nowhere/a.png"], "no such folder"),
    ],
)
def test_bad_words_are_told_in_one_line(
    picture: Path, classifier: str, words: list[str], said: str
) -> None:
    _, error = run(str(picture), "--classifier", classifier, *words)
    assert isinstance(error, ValueError)
    assert said in str(error)
    assert "\n" not in str(error)
    assert not list(Path.cwd().glob("*dream*"))


def test_a_picture_is_needed(classifier: str) -> None:
    assert "expected a picture file, or --layers" in str(run("--classifier", classifier)[1])


def test_a_picture_of_one_pixel(tmp_path: Path, classifier: str) -> None:
    Image.new("RGB", (1, 1)).save(tmp_path / "dot.png")
    _, error = run(str(tmp_path / "dot.png"), "--classifier", classifier)
    assert "1x1 pixels: expected at least 2x2" in str(error)


def test_small_pictures_are_dreamt_about_too(
    tmp_path: Path, classifier: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Image.fromarray(noisy(2, 3)).save("tiny.png")
    assert run("tiny.png", "--classifier", classifier, "--layer", "things")[1] is None
    with Image.open("tiny_dream.png") as image:
        assert image.size == (3, 2)


def test_an_operator_without_rule_is_named(tmp_path: Path) -> None:
    spec = convolutional(tmp_path)
    model = onnx.load(spec.path)
    for node in model.graph.node:
        if node.op_type == "Relu":
            node.CopyFrom(helper.make_node("Erf", node.input, node.output))
    onnx.save(model, spec.path)
    with pytest.raises(ValueError, match=r"'Erf' has no backward rule; take an earlier layer"):
        Depth(spec, find_layer(spec, "things"))
