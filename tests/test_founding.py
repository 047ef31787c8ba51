"""Runs that begin with a picture: what they take over, where they begin, where they end."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml
from bench import Bench, assert_equal_runs, genome_hash, log, scores
from PIL import Image
from program import Call, Outcome, assert_refused, files

from evonsfw import runs
from evonsfw.composition import compose
from evonsfw.config import FOUNDED_EVALUATIONS, make_config, read_config
from evonsfw.exporters import Artwork, load_exporter
from evonsfw.founding import settings_from
from evonsfw.genome import Encoding
from evonsfw.launch import branch_run, start_run
from evonsfw.live import Branch, Live
from evonsfw.logbook import Logbook
from evonsfw.provenance import read_provenance
from evonsfw.search import search_names
from evonsfw.several import SEARCH
from evonsfw.stage import problem_of

every_search = pytest.mark.parametrize("search", search_names())


@pytest.fixture
def parent(bench: Bench) -> Path:
    """A run that has come some way."""
    return bench.start("parent", evaluations=40, palette=["#ff0000", "#00ff00", "#0000ff"])


def going_on(bench: Bench, name: str, picture: Path, **settings: Any) -> Path:
    """A run from a picture, as the command line would start it."""
    given = {"from": str(picture), "workers": 0, "seed": 11, **settings}
    bench.said.clear()
    values = {**settings_from(picture, given), **given}
    start_run(make_config(values), bench.folder / name, "evonsfw", False, bench.said.append)
    return bench.folder / name


def score_in(picture: Path) -> float:
    with Image.open(picture) as image:
        return float(image.info["evonsfw:score"])


def config_of(folder: Path) -> dict[str, Any]:
    values: dict[str, Any] = yaml.safe_load((folder / "config.yaml").read_text())
    return values


@pytest.mark.parametrize("kinds", [1, 2])
def test_founders_are_the_first_genome_and_variations_of_it(kinds: int) -> None:
    encoding = Encoding(("circles", "triangles")[:kinds], 40)
    plain = problem_of(encoding)
    first = compose(encoding, np.random.default_rng(1), 1)[0]
    problem = replace(plain, first=first)
    founders = problem.found(np.random.default_rng(2), 50)
    assert founders.dtype == np.float32
    assert founders.shape == (50, encoding.length)
    assert founders[0].tobytes() == first.tobytes()
    assert np.all((founders >= 0.0) & (founders <= 1.0))
    changed = (founders[1:] != first).any(axis=1)
    assert changed.all()
    nearest = [
        np.mean([(problem.rows_of(first) == row).all(axis=1).any() for row in problem.rows_of(one)])
        for one in founders[1:]
    ]
    assert 0.5 < min(nearest) < max(nearest) < 1.0  # of every one, most shapes are the first's


def test_without_a_first_genome_founders_are_composed() -> None:
    problem = problem_of(Encoding(("circles",), 5))
    one, two = np.random.default_rng(3), np.random.default_rng(3)
    np.testing.assert_array_equal(problem.found(one, 4), problem.compose(two, 4))
    assert one.random() == two.random()


@every_search
def test_the_first_generation_is_as_good_as_the_picture(bench: Bench, search: str) -> None:
    start = bench.start("start", search=search, evaluations=60)
    folder = going_on(bench, "on", start / "best.png", evaluations=40, backend="onnxruntime")
    assert config_of(folder)["search"] == search
    sign = -1.0 if config_of(folder)["objective"] == "likeness" else 1.0  # that is an error
    assert sign * scores(folder)[0] >= sign * score_in(start / "best.png") - 1e-6


@every_search
def test_a_run_from_a_picture_repeats_and_resumes(bench: Bench, search: str) -> None:
    start = bench.start("start", search=search, evaluations=60) / "best.png"
    exact = {"backend": "onnxruntime"}
    whole = going_on(bench, "whole", start, generations=6, **exact)
    parts = going_on(bench, "parts", start, generations=2, **exact)
    start.unlink()  # the folder has a copy
    before = config_of(parts)["parent"]
    bench.resume(parts, generations=4)
    assert_equal_runs(whole, parts)
    assert config_of(parts)["parent"] == before
    bench.start("again", **read_config(whole / "config.yaml"))
    assert_equal_runs(whole, bench.folder / "again")


def test_one_that_was_stopped_before_its_first_generation_begins_with_the_picture(
    bench: Bench, parent: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = going_on(bench, "whole", parent / "best.png", generations=2)
    with monkeypatch.context() as patch:
        patch.setattr("evonsfw.launch.Live.stopping", lambda _self: True)
        folder = going_on(bench, "stopped", parent / "best.png", generations=2)
    assert log(folder)[1:] == []
    bench.resume(folder)
    assert_equal_runs(folder, whole)


def test_what_a_run_takes_over(bench: Bench, parent: Path) -> None:
    folder = going_on(bench, "on", parent / "best.png", evaluations=10)
    ours, theirs = config_of(folder), config_of(parent)
    own = {"seed", "from", "parent", "evaluations", "generations", "minutes", "until"}
    assert {key for key in ours if ours[key] != theirs.get(key)} <= own
    assert ours["from"] == "start.png"
    assert ours["parent"] == {
        "file": str(parent / "best.png"),
        "generation": read_generation(parent / "best.png"),
        "genome_sha256": genome_hash(parent),
    }
    start, best = read_provenance(folder / "start.png"), read_provenance(parent / "best.png")
    assert start is not None
    assert best is not None
    assert start.texts == best.texts
    found = read_provenance(folder / "best.png")
    assert found is not None
    assert found.config.from_ == "start.png"


def read_generation(picture: Path) -> int:
    with Image.open(picture) as image:
        return int(image.info["evonsfw:generation"])


@pytest.mark.parametrize("name", ["png", "svg", "json"])
def test_every_format_that_holds_a_picture_can_be_gone_on_from(
    bench: Bench, parent: Path, name: str
) -> None:
    best = read_provenance(parent / "best.png")
    assert best is not None
    path = bench.folder / f"picture.{name}"
    artwork = Artwork(best.genome, best.config.encoding, best.texts)
    load_exporter(name).write(path, artwork, (80, 80))
    one = going_on(bench, "one", path, evaluations=20)
    assert_equal_runs(one, going_on(bench, "two", parent / "best.png", evaluations=20))
    with Image.open(one / "start.png") as image:
        assert image.size == (32, 32)


SETTINGS = [
    ({}, {"target_score": 0.25, "class": "red"}, {}),
    ({"objective": "lowest"}, {"class": "red"}, {"target_score": None}),
    ({"target_score": 0.5}, {"class": "red"}, {"objective": "target-score"}),
    ({"class": "green"}, {"target_score": 0.25}, {}),
    ({"objective": "red - green"}, {}, {"class": None, "target_score": None}),
    ({"classifier": "open_nsfw"}, {"target_score": 0.25}, {"class": None}),
]


@pytest.mark.parametrize(("given", "kept", "worked_out"), SETTINGS)
def test_what_belongs_to_another_goal_is_left_out(
    bench: Bench, given: dict[str, Any], kept: dict[str, Any], worked_out: dict[str, Any]
) -> None:
    start = bench.start("start", target_score=0.25, evaluations=10, **{"class": "red"})
    values = {**settings_from(start / "best.png", given), **given}
    config = make_config(values)
    found = {**config.to_dict(), "objective": config.goal_name}
    expected = {**kept, **worked_out, **given}
    assert {key: found[key] for key in expected} == expected


@pytest.mark.parametrize(
    ("given", "search", "goal"),
    [
        ({}, SEARCH, "green, symmetry"),
        ({"objective": "highest"}, "auto", "highest"),
        ({"search": "cmaes", "objective": "+red"}, "cmaes", "+red"),
        ({"objective": "red, green", "pareto": True}, SEARCH, "red, green"),
    ],
)
def test_a_picture_of_several_wishes(
    bench: Bench, given: dict[str, Any], search: str, goal: str
) -> None:
    start = bench.start("start", search=SEARCH, evaluations=20)
    config = make_config({**settings_from(start / "best.png", given), **given})
    assert (config.search, config.goal_name) == (search, goal)


def test_a_stubborn_flag_stays_where_it_still_means_something(bench: Bench) -> None:
    start = bench.start("start", gradient=False, search="genetic", evaluations=20) / "best.png"
    assert settings_from(start)["gradient"] is False
    assert settings_from(start, {"class": "red"})["population"] == 8
    assert "gradient" not in settings_from(start, {"objective": "lowest"})


def test_another_search_has_its_own_population(bench: Bench) -> None:
    start = bench.start("start", search="genetic", population=6, evaluations=20) / "best.png"
    assert settings_from(start)["population"] == 6
    assert "population" not in settings_from(start, {"search": "climber"})


def test_a_picture_that_is_good_enough_gets_scorings_and_no_score(bench: Bench) -> None:
    start = bench.start("start", target_score=0.5) / "best.png"
    assert abs(score_in(start) - 0.5) <= 0.001
    further = going_on(bench, "further", start, target_score=0.4)
    assert (config_of(further)["until"], config_of(further)["evaluations"]) == (0.001, 20_000)
    assert "good enough" not in bench.said[0]
    enough = going_on(bench, "enough", start, search="cmaes", population=400)
    config = config_of(enough)
    assert (config["until"], config["evaluations"]) == (None, FOUNDED_EVALUATIONS)
    assert f"good enough already: {FOUNDED_EVALUATIONS:,} scorings, for more" in bench.said[0]
    assert f"; from {start} with blue 0." in bench.said[0]
    assert bench.said[-2].startswith(f"{FOUNDED_EVALUATIONS:,} scorings done: ")
    ended = going_on(bench, "ended", start, until=0.01)
    assert bench.said[-2].startswith("reached blue 0.")
    assert len(log(ended)) == 2


def test_the_target_is_found_beside_the_picture_when_it_has_moved(bench: Bench) -> None:
    target = bench.folder / "target_of_mine.png"
    Image.new("RGB", (40, 40), "#305070").save(target)
    start = bench.start("start", target=str(target), evaluations=10)
    target.unlink()
    assert settings_from(start / "best.png")["target"] == str(start / "target.png")
    of_generation = min((start / "generations").iterdir())
    assert Path(settings_from(of_generation)["target"]).samefile(start / "target.png")
    (start / "target.png").unlink()
    with pytest.raises(ValueError, match=r"no such file: give --target$"):
        settings_from(start / "best.png")
    assert "target" not in settings_from(start / "best.png", {"target": "x.png"})


def test_a_classifier_that_is_gone(bench: Bench, parent: Path) -> None:
    moved = bench.model.with_name("moved.yaml")
    bench.model.rename(moved)
    try:
        with pytest.raises(ValueError, match=r"no such file: give --classifier$"):
            settings_from(parent / "best.png")
        folder = going_on(bench, "on", parent / "best.png", classifier=str(moved), evaluations=9)
    finally:
        moved.rename(bench.model)
    assert config_of(folder)["classifier"] == str(moved)


@pytest.mark.parametrize(
    ("flags", "told"),
    [
        (["--n", "50"], "has 4 triangles: leave out --n 50"),
        (["--shapes", "circles"], "has 4 triangles: leave out --shapes circles"),
        (["--alpha", "0.1", "0.5"], "has alpha 0.3 0.9: leave out --alpha 0.1 0.5"),
        (["--background", "#102030"], "has background evolve: leave out --background #102030"),
        (["--palette", "#102030"], "leave out --palette #102030"),
    ],
)
def test_a_picture_keeps_what_its_genes_mean(
    call: Call, parent: Path, flags: list[str], told: str
) -> None:
    outcome = call("--from", str(parent / "best.png"), *flags, "--out", "on")
    assert_refused(outcome, f"--from {parent / 'best.png'} ", told)
    assert not Path("on").exists()


def test_files_that_are_no_picture_of_ours(call: Call, bench: Bench) -> None:
    Image.new("RGB", (9, 9)).save("photo.png")
    assert_refused(call("--from", "photo.png"), "photo.png: it holds no genome; give a PNG")
    assert_refused(call("--from", "missing.png"), "missing.png", "no such file")
    assert_refused(call("--from", "."), "evonsfw")
    Path("config.yaml").write_text("from: photo.png\n")
    assert_refused(call("--config", "config.yaml"), "photo.png: it holds no genome")


def test_the_command_line(call: Call, parent: Path) -> None:
    def begun(*flags: str) -> Outcome:
        return call(*flags, "--evaluations", "12", "--no-window", "--workers", "0", "--seed", "3")

    start = str(parent / "best.png")
    assert begun("--from", start, "--out", "a").code == 0
    assert begun("--from", start, "--n", "4", "--target-score", "0.5", "--out", "b").code == 0
    assert config_of(Path("b"))["objective"] == "target-score"
    assert begun("--config", "a/config.yaml", "--out", "c").code == 0
    assert_equal_runs(Path("a"), Path("c"))


class Guest(Live):
    """Somebody who branches off the third generation of as many runs as `leaves`, and stops those
    that come to generation `enough`.
    """

    leaves = 0
    enough = 5

    def publish(self, generation: Any) -> None:
        super().publish(generation)
        if generation.number == 3 and type(self).leaves > 0:
            type(self).leaves -= 1
            best = generation.best
            self.branch_off(Branch(best.genome, 3, best.score))
        elif generation.number == self.enough:
            self.stop("that is enough", by_hand=True)


@pytest.fixture
def guest(monkeypatch: pytest.MonkeyPatch) -> Iterator[type[Guest]]:
    """The guest, for whom runs that branch off are called run1, run2."""
    names = (f"run{number}" for number in itertools.count(1))
    with monkeypatch.context() as patch:
        patch.setattr("evonsfw.launch.Live", Guest)
        patch.setattr(Guest, "leaves", 0)
        patch.setattr(Guest, "enough", 5)
        patch.setattr("evonsfw.launch.run_name", lambda _config: next(names))
        yield Guest


@pytest.mark.parametrize("how", ["start", "resume"])
def test_a_branch_is_a_new_run(bench: Bench, guest: type[Guest], how: str) -> None:
    if how == "resume":
        bench.start("old", search="climber", generations=2)
    guest.leaves = 2
    if how == "resume":
        bench.resume(bench.folder / "old", generations=50)
    else:
        bench.start("old", search="climber", generations=50)
    told = "\n".join(bench.said)
    assert told.count("branched at generation 3: 3 generations, ") == 2
    assert f"going on in {bench.folder / 'run1'}\n" in told
    assert "that is enough: 5 generations, " in told
    old, one, two = (bench.folder / name for name in ("old", "run1", "run2"))
    for run, comes_from in ((one, old), (two, one)):
        values = config_of(run)
        length = make_config(read_config(run / "config.yaml")).encoding.length
        found = read_provenance(run / "start.png")
        assert found is not None
        np.testing.assert_array_equal(found.genome, Logbook(comes_from, length).genome(3))
        assert values["from"] == "start.png"
        assert values["parent"] == {
            "run": str(comes_from),
            "generation": 3,
            "genome_sha256": found.texts["evonsfw:genome_sha256"],
        }
        assert found.texts["evonsfw:generation"] == "3"
        assert found.texts["evonsfw:seed"] == str(config_of(comes_from)["seed"])
        assert f"; from generation 3 of {comes_from} with blue " in told
        assert scores(run)[0] >= float(found.texts["evonsfw:score"]) - 1e-6
        assert (run / "command.txt").read_text() == f"evonsfw --config {run / 'config.yaml'}\n"
    assert len({config_of(run)["seed"] for run in (old, one, two)}) == 3
    ends = {key: config_of(two)[key] for key in ("until", "evaluations", "generations")}
    assert ends == {"until": 0.99, "evaluations": 20_000, "generations": None}
    bench.start("again", **read_config(two / "config.yaml"))
    assert_equal_runs(bench.folder / "again", two)


def test_a_run_that_was_branched_off_can_be_resumed(bench: Bench, guest: type[Guest]) -> None:
    settings = {"search": "genetic", "generations": 12, "backend": "onnxruntime"}
    guest.enough = 12
    whole = bench.start("whole", **settings)
    guest.leaves, guest.enough = 1, 5
    old = bench.start("old", **settings)
    assert len(log(old)) == 4
    guest.enough = 12
    bench.resume(old)
    assert_equal_runs(old, whole)


def test_shapes_are_not_taken_out_of_a_run_that_is_left(bench: Bench, guest: type[Guest]) -> None:
    guest.leaves = 1
    old = bench.start("old", fewest=True, until=0.01)
    assert len(log(old)) == 2  # it came to its end before anybody left
    guest.leaves = 1
    old = bench.start("older", fewest=True, until=0.999)
    assert not (old / "fewest.png").exists()
    assert config_of(bench.folder / "run1")["fewest"] is False


def test_a_branch_of_a_run_that_nobody_runs(bench: Bench, parent: Path, guest: type[Guest]) -> None:
    """As the window of a finished run starts it."""
    config = make_config(read_config(parent / "config.yaml"))
    book = Logbook(parent, config.encoding.length)
    before = files(parent)
    branch = Branch(book.genome(2), 2, book.row(2).best_score)
    branch_run(config, parent, branch, False, bench.said.append)
    assert config_of(bench.folder / "run1")["parent"]["generation"] == 2
    assert guest.leaves == 0
    assert files(parent) == before


def test_how_often_pictures_are_kept_can_change(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Changing(Live):
        def publish(self, generation: Any) -> None:
            super().publish(generation)
            if generation.number == 3:
                folders[0].every = 4

    folders: list[Any] = []
    made = runs.create_run

    def create(*arguments: Any) -> Any:
        folders.append(made(*arguments))
        return folders[0]

    monkeypatch.setattr("evonsfw.launch.Live", Changing)
    monkeypatch.setattr("evonsfw.launch.create_run", create)
    folder = bench.start("run", generations=13)
    kept = [int(path.stem[4:]) for path in sorted((folder / "generations").iterdir())]
    assert kept[-3:] == [4, 8, 12]
    assert config_of(folder)["every"] == 1
