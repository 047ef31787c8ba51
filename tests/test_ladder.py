"""A series of pictures from a score of 0 to one of 1."""

from __future__ import annotations

import csv
import signal
from collections.abc import Callable
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from program import Call, assert_refused, files

from evonsfw.classifier import Classifier
from evonsfw.climbing import Climbing
from evonsfw.config import make_config
from evonsfw.genome import genome_hash
from evonsfw.ladder import COLUMNS, TOLERANCE, Ladder, Rung, make_ladder
from evonsfw.launch import resume_run
from evonsfw.model_spec import read_spec
from evonsfw.pipeline import Evaluation
from evonsfw.provenance import read_provenance
from evonsfw.raster import render

Settings = dict[str, Any]


@pytest.fixture
def model(tiny_model: Callable[..., Path]) -> Path:
    """A classifier that can be as sure as a ladder wants it."""
    return tiny_model(scale=4 / 255)


@pytest.fixture
def settings(model: Path) -> Settings:
    return {"classifier": str(model), "class": "red", "n": 5, "size": 32, "seed": 3}


def made(settings: Settings, steps: int, out: Path) -> tuple[bool, list[str]]:
    said: list[str] = []
    return make_ladder(make_config(settings), steps, out, "evonsfw ladder", said.append), said


def rows(folder: Path) -> list[dict[str, str]]:
    with (folder / "ladder.csv").open(encoding="utf-8") as file:
        return list(csv.DictReader(file))


def score_of(path: Path, classifier: Classifier, index: int) -> float:
    with Image.open(path) as image:
        return float(classifier.score_image(image)[index])


@pytest.mark.parametrize("extra", [{}, {"gradient": False}, {"shapes": ["circles", "triangles"]}])
def test_every_rung_has_its_score_on_disk(
    settings: Settings, model: Path, tmp_path: Path, extra: Settings
) -> None:
    complete, said = made({**settings, **extra}, 6, tmp_path / "ladder")
    classifier = Classifier(read_spec(str(model)))
    assert complete
    table = rows(tmp_path / "ladder")
    assert ",".join(table[0]) == COLUMNS
    for number, row in enumerate(table):
        path = tmp_path / "ladder" / row["file"]
        score = score_of(path, classifier, 0)
        assert row["file"] == f"{number:02}_{number / 5:.3f}.png"
        assert abs(score - number / 5) <= TOLERANCE
        assert row["score"] == f"{score:.6f}"
    names = {path.name for path in (tmp_path / "ladder").iterdir()}
    assert names == {row["file"] for row in table} | {"ladder.csv", "config.yaml", "command.txt"}
    assert said[-1].startswith(f"{tmp_path / 'ladder'}: 6 of 6 rungs within 0.001 on disk, ")


def test_the_scorings_add_up_and_are_said(settings: Settings, tmp_path: Path) -> None:
    _, said = made(settings, 4, tmp_path / "ladder")
    spent = sum(int(row["scorings"]) for row in rows(tmp_path / "ladder"))
    assert said[-1].endswith(f", {spent:,} scorings")
    assert spent > 8  # the founders


def test_one_seed_is_one_ladder(settings: Settings, tmp_path: Path) -> None:
    made(settings, 4, tmp_path / "one")
    made(settings, 4, tmp_path / "two")
    assert rows(tmp_path / "one") == rows(tmp_path / "two")
    for row in rows(tmp_path / "one"):
        pictures = [(tmp_path / name / row["file"]).read_bytes() for name in ("one", "two")]
        assert pictures[0] == pictures[1]


def test_a_rung_can_be_made_again_from_its_file(settings: Settings, tmp_path: Path) -> None:
    made(settings, 5, tmp_path / "ladder")
    path = tmp_path / "ladder" / "02_0.500.png"
    found = read_provenance(path)
    assert found is not None
    assert (found.config.goal_name, found.config.target_score) == ("target-score", 0.5)
    picture = render(found.genome[None], found.config.encoding, found.config.canvas)[0]
    with Image.open(path) as image:
        assert np.array_equal(np.asarray(image), picture)
        assert image.text["evonsfw:genome_sha256"] == genome_hash(found.genome)
    ends = [
        read_provenance(tmp_path / "ladder" / name) for name in ("00_0.000.png", "04_1.000.png")
    ]
    assert [end and end.config.goal_name for end in ends] == ["lowest", "highest"]


def test_neighbours_are_nearer_than_the_ends(settings: Settings, tmp_path: Path) -> None:
    made({**settings, "n": 12}, 6, tmp_path / "ladder")
    paths = [tmp_path / "ladder" / row["file"] for row in rows(tmp_path / "ladder")]
    pictures = [np.asarray(Image.open(path), np.float64) for path in paths]
    steps = [float(np.abs(b - a).mean()) for a, b in pairwise(pictures)]
    assert min(steps) > 0.0
    assert max(steps) < np.abs(pictures[-1] - pictures[0]).mean()


def test_a_rung_that_is_missed_is_said(tiny_model: Callable[..., Path], tmp_path: Path) -> None:
    """This classifier is never sure enough for the highest rung."""
    settings = {"classifier": str(tiny_model()), "class": "red", "n": 3, "size": 32, "seed": 3}
    complete, said = made({**settings, "evaluations": 60}, 3, tmp_path / "ladder")
    assert not complete
    missed = {line.split(": ")[0] for line in said if "missed, by 0." in line}
    assert str(tmp_path / "ladder" / "02_1.000.png") in missed
    assert f"{3 - len(missed)} of 3 rungs" in said[-1]
    table = rows(tmp_path / "ladder")
    assert len(table) == 3


def test_ctrl_c_keeps_what_is_finished(settings: Settings, tmp_path: Path) -> None:
    said: list[str] = []

    def say(line: str) -> None:
        said.append(line)
        if "01_0.250.png" in line:
            raise KeyboardInterrupt

    complete = make_ladder(make_config(settings), 5, tmp_path / "ladder", "evonsfw ladder", say)
    assert not complete
    assert said[-2] == "stopped by Ctrl-C"
    assert said[-1].startswith(f"{tmp_path / 'ladder'}: 3 of 5 rungs")
    files = [row["file"] for row in rows(tmp_path / "ladder")]
    assert files == ["00_0.000.png", "01_0.250.png", "04_1.000.png"]
    assert all((tmp_path / "ladder" / file).is_file() for file in files)


def test_sigterm_ends_it_as_ctrl_c_does(settings: Settings, tmp_path: Path) -> None:
    said: list[str] = []
    before = signal.getsignal(signal.SIGTERM)

    def say(line: str) -> None:
        said.append(line)
        handler = signal.getsignal(signal.SIGTERM)
        if "00_0.000.png" in line:
            assert callable(handler)
            handler(signal.SIGTERM, None)

    assert not make_ladder(make_config(settings), 5, tmp_path / "ladder", "evonsfw ladder", say)
    assert said[-2] == "stopped by SIGTERM"
    assert said[-1].startswith(f"{tmp_path / 'ladder'}: 2 of 5 rungs")
    assert signal.getsignal(signal.SIGTERM) == before


@pytest.mark.parametrize("rungs", [0, 1])
def test_a_ladder_is_not_resumed(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, rungs: int
) -> None:
    """Whether it was stopped before the first rung or after."""
    folder = tmp_path / "ladder"
    said: list[str] = []
    rung = Ladder._rung

    def stopping(ladder: Ladder, *arguments: Any) -> Rung:
        if len(ladder.rungs) == rungs:
            raise KeyboardInterrupt
        return rung(ladder, *arguments)

    monkeypatch.setattr(Ladder, "_rung", stopping)
    make_ladder(make_config(settings), 3, folder, "evonsfw ladder", said.append)
    before = files(folder)
    with pytest.raises(ValueError, match=r"it is a ladder's.*begin anew.*command\.txt") as caught:
        resume_run(folder, {"evaluations": 9}, False, said.append)
    assert "\n" not in str(caught.value)
    assert files(folder) == before
    with pytest.raises(ValueError, match=r"exists already; choose another --out$"):
        make_ladder(make_config(settings), 3, folder, "evonsfw ladder", said.append)


def test_every_scoring_is_counted(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without gradients, a scoring is a picture that the classifier sees; files are seen too."""
    seen, probabilities = [], Classifier.probabilities

    def counted(classifier: Classifier, pictures: Any) -> Any:
        seen.extend(pictures)
        return probabilities(classifier, pictures)

    monkeypatch.setattr(Classifier, "probabilities", counted)
    _, said = made({**settings, "gradient": False}, 3, tmp_path / "ladder")
    assert sum(int(row["scorings"]) for row in rows(tmp_path / "ladder")) == len(seen)
    assert said[-1].endswith(f", {len(seen):,} scorings")


def test_a_rung_s_file_says_what_the_reference_says_of_it(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also where gradient steps round otherwise than the reference does."""
    evaluate = Climbing.evaluate

    def rounded(climbing: Climbing, *arguments: Any) -> Evaluation:
        evaluation = evaluate(climbing, *arguments)
        return replace(evaluation, scores=evaluation.scores + 1e-4)

    monkeypatch.setattr(Climbing, "evaluate", rounded)
    made(settings, 4, tmp_path / "ladder")
    for row in rows(tmp_path / "ladder"):
        with Image.open(tmp_path / "ladder" / row["file"]) as image:
            assert image.text["evonsfw:score"] == row["score"]


@pytest.mark.parametrize("gradient", [True, False])
def test_evaluations_limit_every_rung(
    tiny_model: Callable[..., Path], settings: Settings, tmp_path: Path, gradient: bool
) -> None:
    """Also the highest, to which several race; this classifier is never sure enough for it."""
    own = {"classifier": str(tiny_model()), "gradient": gradient, "evaluations": 50}
    made({**settings, **own}, 3, tmp_path / "ladder")
    step = 4  # children of the hill climber, or a scoring with its gradient and one without
    spent = [int(row["scorings"]) for row in rows(tmp_path / "ladder")]
    assert spent[-1] >= 50
    assert max(spent) <= 50 + step + 1  # the file


def test_the_command(call: Call, settings: Settings, tiny_model: Callable[..., Path]) -> None:
    words = [f"--{key}={value}" for key, value in settings.items()]
    outcome = call("ladder", "--steps", "3", "--out", "ladder", *words)
    assert outcome.code == 0
    assert Path("ladder/01_0.500.png").is_file()
    assert Path("ladder/command.txt").read_text().startswith("evonsfw ladder --steps 3")
    assert_refused(call("ladder", "--out", "ladder", *words), "exists already")
    unsure = ["--classifier", str(tiny_model()), "--evaluations", "9"]
    outcome = call("ladder", "--steps", "2", "--out", "short", *words, *unsure)
    assert outcome.code == 1
    assert "missed" in outcome.out


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["--steps", "1"], "steps = 1: expected 2 to 1,001"),
        (["--steps", "many"], "steps = 'many': expected a whole number"),
        (["--steps", "-3"], "steps = '-3'"),
        (["--until", "0.9"], "no use for --until: leave it out"),
        (["--objective", "highest"], "no use for --objective"),
        (["--from", "best.png"], "no use for --from: leave it out"),
        (["--target-score", "0.5"], "no use for --target-score"),
        (["--robust"], "no use for --robust"),
        (["--n", "0"], "n = '0'"),
    ],
)
def test_what_a_ladder_has_no_use_for(call: Call, words: list[str], told: str) -> None:
    assert_refused(call("ladder", "--out", "ladder", *words), told)
    assert not Path("ladder").exists()


def test_of_the_default_classifier(open_nsfw: Classifier, tmp_path: Path) -> None:
    settings = {"seed": 1}
    complete, _ = made(settings, 3, tmp_path / "ladder")
    assert complete
    scores = [
        score_of(tmp_path / "ladder" / row["file"], open_nsfw, 1)
        for row in rows(tmp_path / "ladder")
    ]
    assert np.allclose(scores, [0.0, 0.5, 1.0], rtol=0.0, atol=TOLERANCE)
