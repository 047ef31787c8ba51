"""Activation maximisation: objectives, climbs that climb, the ceiling, and files."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import typer
from convolutional import convolutional
from PIL import Image
from typer.testing import CliRunner

from evonsfw import provenance
from evonsfw.aim import read_aim
from evonsfw.classifier import Classifier
from evonsfw.commands.excite import excite as excite_command
from evonsfw.insight.excite import (
    Aim,
    Ceiling,
    evolve,
    excite,
    prior_of,
    random_view,
    whole_view,
)
from evonsfw.model_spec import ModelSpec, read_spec


@pytest.fixture
def spec(tmp_path: Path) -> ModelSpec:
    return convolutional(tmp_path)


def logits_of(spec: ModelSpec, pixels: np.ndarray) -> np.ndarray:
    return Classifier(spec, logits=True).with_logits([pixels])[1][0]


def test_expressions_are_worked_out_from_the_logits(spec: ModelSpec) -> None:
    picture = np.random.default_rng(0).integers(0, 256, (16, 16, 3), np.uint8)
    calm, wild = logits_of(spec, picture)
    for text, expected in [
        ("logit(calm)", calm),
        ("logit(calm) + 2*logit(wild)", calm + 2 * wild),
        ("calm", calm - wild),
        ("small:wild", wild - calm),
        ("min(logit(calm), logit(wild))", min(calm, wild)),
    ]:
        value, _ = Aim(spec, read_aim(spec, text)).value(picture.astype(np.float32))
        assert value == pytest.approx(float(expected), abs=1e-4), text


@pytest.mark.parametrize("text", ["logit(calm) - 0.5*wild", "things:3", "points:1"])
def test_slopes_are_those_of_differences(spec: ModelSpec, text: str) -> None:
    rng = np.random.default_rng(1)
    aim = Aim(spec, read_aim(spec, text))
    pixels = rng.uniform(50, 200, (16, 16, 3)).astype(np.float32)
    way = rng.choice([-1.0, 1.0], pixels.shape).astype(np.float32)
    found = aim.answer(pixels)
    ahead, behind = (aim.value(pixels + s * np.float32(0.5) * way)[0] for s in (1, -1))
    assert found.value == aim.value(pixels)[0]
    assert float((found.slope * way).sum()) == pytest.approx(ahead - behind, rel=1e-2, abs=1e-3)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("logit(clam)", "did you mean calm?"),
        ("thing:1", "unknown layer 'thing'"),
        ("things:6", "channel 6 of layer 'things': expected 0 to 5"),
        ("things", "a layer: add a channel, as in 'things:0'"),
        ("p(calm)", "use logit(calm)"),
        ("other:calm", "expected classes of 'small'"),
        ("logit(", "ends too early"),
        ("3", "nothing in it depends on the picture"),
    ],
)
def test_what_is_no_objective(spec: ModelSpec, text: str, said: str) -> None:
    with pytest.raises(ValueError) as caught:  # noqa: PT011  # `said` is the pattern
        read_aim(spec, text)
    assert said in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("prior", ["fourier", "cppn", "pixels"])
def test_a_climb_excites(spec: ModelSpec, prior: str) -> None:
    aim = Aim(spec, read_aim(spec, "things:2"))
    made = prior_of(prior, spec)
    found = excite(aim, made, np.random.default_rng(0), 60, 24)
    assert found.pixels.shape == (24, 24, 3)
    assert len(found.trace) == 60
    assert found.trace[-5:].mean() > found.trace[:5].mean() + 0.05


def test_an_evolution_excites(spec: ModelSpec) -> None:
    aim = Aim(spec, read_aim(spec, "things:2"))
    found = evolve(aim, prior_of("cppn", spec, "cma"), np.random.default_rng(0), 8, 16)
    assert found.trace.max() > found.trace[0]
    assert aim.value(found.pixels)[0] == pytest.approx(found.trace.max(), abs=0.2)


def test_the_size_changes_nothing_else(spec: ModelSpec) -> None:
    aim = Aim(spec, read_aim(spec, "logit(wild)"))
    small, large = (
        excite(aim, prior_of("cppn", spec), np.random.default_rng(4), 5, side) for side in (15, 45)
    )
    assert np.array_equal(small.trace, large.trace)
    assert np.allclose(small.pixels, large.pixels[1::3, 1::3], atol=0.01)


def test_views_lie_within_what_priors_can_draw() -> None:
    spec = read_spec("open_nsfw")
    assert whole_view(spec).size == (256, 256)
    assert (whole_view(spec).top, whole_view(spec).left) == (16, 16)
    rng = np.random.default_rng(0)
    canvas = np.zeros(3 * 2 * prior_of("fourier", spec)._scale.size, np.float32)  # type: ignore[attr-defined]
    for _ in range(20):
        view = random_view(spec, rng)
        seen, _ = prior_of("fourier", spec).see(canvas, view)
        assert seen.shape == (224, 224, 3)


def test_the_ceiling_wants_several_views_in_a_row() -> None:
    ceiling = Ceiling()
    told = [ceiling.reached(score) for score in (0.99, 0.999, 0.5, 0.99, 1.0, 0.995)]
    assert told == [False] * 5 + [True]


def test_nothing_is_climbed_beyond_the_ceiling(
    spec: ModelSpec, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("evonsfw.insight.excite.CEILING", 0.3)
    certain = spec.model_copy(update={"default_class": "wild"})
    for described, steps, generations in ((spec, 9, 4), (certain, 3, 1)):
        aim = Aim(described, read_aim(described, "logit(wild)"))
        rng = np.random.default_rng(0)
        assert len(excite(aim, prior_of("pixels", spec), rng, 9, 16).trace) == steps
        cppn = prior_of("cppn", spec, "cma")
        assert len(evolve(aim, cppn, rng, 4, 16).trace) == generations


# ── files ───────────────────────────────────────────────────────────────────────────────────────


@pytest.fixture
def classifier(tmp_path: Path, spec: ModelSpec, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "small.yaml"
    path.write_text(spec.model_dump_json(exclude={"folder", "sha256", "package"}))
    return str(path)


def run(*words: str) -> tuple[str, Exception | None]:
    app = typer.Typer()
    app.command()(excite_command)
    result = CliRunner().invoke(app, list(words))
    error = result.exception
    return result.stdout, error if isinstance(error, Exception) else None


def test_the_files_of_an_excitation(classifier: str, spec: ModelSpec) -> None:
    words = ["--classifier", classifier, "--iterations", "4", "--size", "40", "--seed", "7"]
    output, error = run("--objective", "logit(wild) + things:1", *words)
    assert error is not None
    output, error = run("--objective", "logit(wild)", *words)
    assert error is None
    assert output.splitlines()[0] == "logit-wild_fourier_7.png"
    with Image.open("logit-wild_fourier_7.png") as image:
        pixels = np.asarray(image)
    floats = np.load("logit-wild_fourier_7.npy")
    assert np.array_equal(pixels, np.rint(floats).astype(np.uint8))
    texts = provenance.read_texts(Path("logit-wild_fourier_7.png"))
    made = json.loads(texts["evonsfw:excite"])
    assert made["objective"] == "logit(wild)"
    assert (made["prior"], made["seed"], made["iterations"]) == ("fourier", 7, 4)
    assert made["classifier"] == Classifier(spec).hash
    score = Classifier(spec).probabilities([pixels])[0, 1]
    assert f"wild {score:.6f}" in output.splitlines()[2]
    _, error = run("--objective", "logit(wild)", *words)
    assert "is there already" in str(error)


def test_an_evolved_network_is_a_file_too(classifier: str) -> None:
    words = ["--prior", "cppn", "--search", "cma", "--iterations", "2", "--out", "x.png"]
    output, error = run("--objective", "things:0", "--classifier", classifier, *words)
    assert error is None
    with Image.open("x.png") as image:
        assert image.size == (512, 512)
    assert output.splitlines()[1].startswith("things:0 ")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--prior", "furier"], "--prior furier: did you mean fourier?"),
        (["--search", "cmaes"], "--search cmaes: did you mean cma?"),
        (["--search", "cma"], "use --prior cppn"),
        (["--size", "1"], "--size 1: expected a whole number from 2"),
        (["--size", "big"], "--size big"),
        (["--iterations", "0"], "--iterations 0"),
        (["--seed", "-1"], "--seed -1"),
        (["--out", "x.jpg"], "ends in .png"),
        (["--out", "nowhere/x.png"], "no such folder"),
        (["--classifier", "none"], "classifier 'none'"),
    ],
)
def test_bad_words_are_told_in_one_line(classifier: str, words: list[str], said: str) -> None:
    given = ["--objective", "logit(wild)", "--classifier", classifier, *words]
    _, error = run(*given)
    assert isinstance(error, ValueError)
    assert said in str(error)
    assert "\n" not in str(error)
    assert not list(Path.cwd().glob("*.png"))
