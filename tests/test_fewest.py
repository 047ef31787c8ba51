"""As few shapes as it takes, and what certifies it."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from bench import Bench, ctrl_c
from conftest import by_hand
from PIL import Image
from program import Call, assert_refused

from evonsfw.classifier import Classifier
from evonsfw.config import make_config, read_config
from evonsfw.fewer import merged, nearest_pairs, without
from evonsfw.fewest import leave_fewest
from evonsfw.generation import Champion
from evonsfw.genome import Encoding, genome_from_text
from evonsfw.launch import start_run
from evonsfw.model_spec import read_spec
from evonsfw.provenance import read_provenance
from evonsfw.raster import render
from evonsfw.runs import RunFolder
from evonsfw.shapes.circles import MAX_RADIUS, MIN_RADIUS
from evonsfw.stage import set_up

RED: dict[str, Any] = {
    "class": "red",
    "background": "#0000ff",
    "n": 8,
    "size": 16,
    "shapes": "circles",
    "search": "auto",
    "until": 0.5,
    "fewest": True,
}
"""A blue canvas that circles have to cover with red; at the size at which it is scored."""


def certificate(folder: Path) -> dict[str, Any]:
    content: dict[str, Any] = json.loads((folder / "fewest.json").read_text(encoding="utf-8"))
    return content


def red(path: Path) -> float:
    """By the weights of the tiny model."""
    with Image.open(path) as image:
        return float(by_hand(np.asarray(image, np.float64)[None])[0, 0])


def test_without_leaves_the_other_rows_in_their_order() -> None:
    encoding = Encoding(("triangles",), 4)
    genome = np.random.default_rng(0).random(encoding.length, np.float32)
    fewer = without(encoding, genome, [2, 0])
    assert np.array_equal(fewer[:3], genome[:3])
    assert np.array_equal(Encoding(n=2).rows(fewer), encoding.rows(genome)[[1, 3]])
    everything = without(encoding, genome, range(4))
    picture = render(everything[None], Encoding(n=0), (8, 8))[0]
    assert (picture == picture[0, 0]).all()


def test_merged_has_the_area_of_both_and_their_mean() -> None:
    encoding = Encoding(("circles",), 3)
    genome = np.full(encoding.length, 0.25, np.float32)
    rows = encoding.rows(genome)
    rows[:, 2] = 0.5, 0.1, 0.5
    rows[0, 0], rows[2, 0] = 0.2, 0.6
    rows[0, 3], rows[2, 3] = 0.0, 1.0
    joint = Encoding(("circles",), 2).rows(merged(encoding, genome, 0, 2))
    assert np.allclose(joint[1], rows[1])
    assert np.allclose(joint[0, [0, 1, 3, 4]], [0.4, 0.25, 0.5, 0.25])
    ratio = (MAX_RADIUS / MIN_RADIUS) ** (joint[0, 2] - 0.5)
    assert ratio**2 == pytest.approx(2.0, rel=1e-5)


def test_of_unlike_shapes_the_larger_one_counts() -> None:
    encoding = Encoding(("circles",), 2)
    genome = np.full(encoding.length, 0.5, np.float32)
    encoding.rows(genome)[:] = [[0.0, 0.5, 0.0, 0, 0, 0, 0], [1.0, 0.5, 0.9, 1, 1, 1, 1]]
    joint = Encoding(("circles",), 1).rows(merged(encoding, genome, 0, 1))
    assert np.allclose(joint[0], [1.0, 0.5, 0.9, 1, 1, 1, 1], atol=0.002)


def test_nearest_pairs() -> None:
    encoding = Encoding(("circles",), 4)
    genome = np.full(encoding.length, 0.5, np.float32)
    encoding.rows(genome)[:, 0] = 0.0, 0.5, 0.6, 1.0
    assert nearest_pairs(encoding, genome, 2) == [(1, 2), (2, 3)]
    assert len(nearest_pairs(encoding, genome, 99)) == 6


@pytest.mark.parametrize("search", ["auto", "genetic"])
def test_no_shape_can_be_spared(bench: Bench, search: str) -> None:
    folder = bench.start("run", **{**RED, "search": search, "evaluations": 3_000})
    found = certificate(folder)
    assert 1 <= found["n"] < 8
    assert found["holds"]
    assert found["score"] >= 0.5 > max(found["without"])
    assert len(found["without"]) == found["n"]
    assert red(folder / "fewest.png") == pytest.approx(found["score"], abs=1e-5)
    for row, score in enumerate(found["without"], start=1):
        assert red(folder / "fewest" / f"without_{row:02}.png") == pytest.approx(score, abs=1e-5)
    assert f"{found['scorings']:,} scorings" in bench.said[-1]


def test_the_picture_is_its_genome_and_the_best_one_stays(bench: Bench) -> None:
    folder = bench.start("run", **RED)
    found, fewest = certificate(folder), read_provenance(folder / "fewest.png")
    best = read_provenance(folder / "best.png")
    assert fewest is not None
    assert best is not None
    assert (best.config.n, fewest.config.n) == (8, found["n"])
    assert np.array_equal(fewest.genome, genome_from_text(found["genome"]))
    picture = render(fewest.genome[None], fewest.config.encoding, fewest.config.canvas)[0]
    with Image.open(folder / "fewest.png") as image:
        assert np.array_equal(np.asarray(image), picture)
    svg = (folder / "fewest.svg").read_text(encoding="utf-8")
    assert svg.count("<circle") == found["n"]
    classifier = Classifier(read_spec(str(bench.model)))
    with Image.open(folder / "fewest.png") as image:
        assert float(classifier.score_image(image)[0]) == found["score"]


def test_one_seed_leaves_the_same(bench: Bench) -> None:
    one, two = bench.start("one", **RED), bench.start("two", **RED)
    assert certificate(one) == certificate(two)


def test_the_lowest_score_is_held_from_below(bench: Bench) -> None:
    settings = {**RED, "objective": "lowest", "class": "blue", "until": 0.2}
    found = certificate(bench.start("run", **settings))
    assert found["holds"]
    assert found["score"] <= 0.2 < min(found["without"])


def test_an_expression_is_held(bench: Bench) -> None:
    settings = {**RED, "objective": "p(red) + 0*clutter", "until": 0.5}
    del settings["class"]
    found = certificate(bench.start("run", **settings))
    assert found["holds"]
    assert found["score"] >= 0.5 > max(found["without"])


def test_one_shape_is_the_fewest(bench: Bench) -> None:
    found = certificate(bench.start("run", **{**RED, "n": 1, "until": 0.1}))
    assert (found["n"], found["holds"]) == (1, True)
    blank = float(by_hand(np.full((1, 2, 2, 3), (0, 0, 255), np.float64))[0, 0])
    assert found["without"] == [pytest.approx(blank, abs=1e-5)]


def test_a_background_that_is_enough_alone_is_said(bench: Bench) -> None:
    found = certificate(bench.start("run", **{**RED, "background": "#ff0000", "until": 0.6}))
    assert (found["n"], found["holds"]) == (1, False)
    assert "so they are not the fewest" in bench.said[-1]


def test_a_score_that_was_not_reached_is_said(bench: Bench) -> None:
    folder = bench.start("run", **{**RED, "until": 1.0, "evaluations": 5})
    assert bench.said[-1] == "fewest: red 1 was not reached, so no shape was taken out"
    assert not (folder / "fewest.json").exists()


def test_ctrl_c_leaves_what_has_been_reached(bench: Bench) -> None:
    folder = bench.start("run", **{**RED, "fewest": False})
    stage = set_up(make_config(read_config(folder / "config.yaml")))
    best = read_provenance(folder / "best.png")
    assert best is not None
    champion = Champion(best.genome, 0.0, 0.5, 1)
    said: list[str] = []
    runs = RunFolder(folder, stage.config, stage.classifier_hash)
    found = leave_fewest(stage, runs, champion, lambda: len(said) > 0, said.append)
    assert found is not None
    assert found.n == 4  # after the first step, which is said
    assert certificate(folder)["n"] == 4
    assert found.score >= 0.5
    assert not found.complete
    assert f"evonsfw resume {folder}" in said[-2]


def test_ctrl_c_is_made_up_for_by_resuming(bench: Bench) -> None:
    before = certificate(bench.start("whole", **RED))
    assert before["complete"]
    said, folder = [], bench.folder / "stopped"

    def say(line: str) -> None:
        said.append(line)
        if line.startswith("fewest: 4 shapes"):
            ctrl_c()

    start_run(make_config(bench.settings(**RED)), folder, "evonsfw", False, say)
    assert certificate(folder)["n"] == 4
    assert certificate(folder)["complete"] is False
    bench.resume(folder)
    assert certificate(folder) == before
    with pytest.raises(ValueError, match="at its end already"):
        bench.resume(folder)


def test_a_certificate_of_another_score_is_not_the_run_s(bench: Bench) -> None:
    """As a run that went on to a higher score leaves it, when it is killed after that."""
    folder = bench.start("run", **RED)
    before = certificate(folder)
    others: tuple[Any, ...] = ({**before, "until": 0.3}, {**before, "complete": None}, [])
    for stale in others:
        (folder / "fewest.json").write_text(json.dumps(stale), encoding="utf-8")
        bench.resume(folder)
        assert certificate(folder) == before


def test_resuming_takes_out_what_a_killed_run_did_not(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = bench.start("run", **RED)
    before = certificate(folder)
    (folder / "fewest.json").unlink()
    bench.resume(folder)
    assert certificate(folder) == before
    with pytest.raises(ValueError, match="at its end already"):
        bench.resume(folder)


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["--target-score", "0.5"], "--fewest is not for target-score: leave it out"),
        (["--evaluations", "9"], "--fewest needs a score that is to hold: give --until"),
        (["--shapes", "circles,triangles"], "--fewest is for one kind of shape"),
    ],
)
def test_where_it_has_no_meaning(
    call: Call, tiny_model: Callable[..., Path], words: list[str], told: str
) -> None:
    model = ["--classifier", str(tiny_model()), "--workers", "0"]
    assert_refused(call("--fewest", "--out", "run", *model, *words), told)
    assert not Path("run").exists()
