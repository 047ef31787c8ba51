"""`--pareto`: lists of wishes, their values, the front that is left, and its plot."""

from __future__ import annotations

import csv
import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import numpy as np
import pytest
from bench import Bench, assert_equal_runs, ctrl_c, log
from deap import base, tools
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from PIL import Image
from program import Call, assert_refused

from evonsfw.classifier import Classifier
from evonsfw.config import make_config, read_config
from evonsfw.front import non_dominated
from evonsfw.front_plot import Point, plot
from evonsfw.generation import Generation
from evonsfw.genome import Encoding, genome_hash
from evonsfw.model_spec import read_spec
from evonsfw.objectives import Goal, load_objective
from evonsfw.pipeline import Job, Pipeline
from evonsfw.provenance import read_provenance
from evonsfw.raster import render
from evonsfw.recorder import Recorder
from evonsfw.search import Wants
from evonsfw.several import expressions
from evonsfw.stage import complete
from evonsfw.views import SEARCHED

TWO, THREE = "p(green), symmetry", "symmetry, -clutter, p(green)"
SMALL = {"pareto": True, "backend": "onnxruntime", "population": 10}
SVG = "{http://www.w3.org/2000/svg}"


def _rows(folder: Path) -> list[list[str]]:
    with (folder / "front" / "front.csv").open(newline="") as file:
        return list(csv.reader(file))


def _values(folder: Path) -> np.ndarray:
    return np.array([[float(cell) for cell in row[1:-1]] for row in _rows(folder)[1:]])


def _by_hand(path: Path, model: Path, wish: str) -> float:
    """What a wish comes to, from the file alone."""
    with Image.open(path) as image:
        picture = np.asarray(image.convert("RGB"))
        green = float(Classifier(read_spec(str(model))).score_image(image)[1])
    terms = {
        name: float(load_objective(name).build(Goal()).fitness(picture[None])[0])
        for name in ("symmetry", "clutter")
    }
    return {"p(green)": green, "symmetry": terms["symmetry"], "-clutter": -terms["clutter"]}[wish]


def test_who_is_in_the_front() -> None:
    parts = np.array([[3, 1], [1, 3], [2, 2], [2, 1], [1, 1], [2, 2], [3, 0]], float)
    assert list(non_dominated(parts)) == [True, True, True, False, False, True, False]


def test_one_wish_that_is_equal_does_not_save_anybody() -> None:
    parts = np.array([[1, 5, 2], [1, 5, 3], [1, 6, 2]], float)
    assert list(non_dominated(parts)) == [False, True, True]


class _Values(base.Fitness):
    weights = (1.0, 1.0, 1.0)


class _Row:
    def __init__(self, values: np.ndarray) -> None:
        self.fitness = _Values(tuple(values))


@given(arrays(float, st.tuples(st.integers(1, 20), st.just(3)), elements=st.integers(0, 4)))
def test_the_front_is_deaps_first_rank(parts: np.ndarray) -> None:
    rows = [_Row(values) for values in parts]
    first = {id(row) for row in tools.sortNondominated(rows, len(rows), True)[0]}
    assert [id(row) in first for row in rows] == list(non_dominated(parts))


@pytest.mark.parametrize(
    ("objective", "parts"),
    [
        ("nsfw, symmetry", ("nsfw", "symmetry")),
        ("nsfw,-clutter , 2*a", ("nsfw", "-clutter", "2*a")),
        ("min(a, b), c", ("min(a, b)", "c")),
        ("'tabby, cat', \"a,'b\"", ("'tabby, cat'", '"a,\'b"')),
        ("(min(a, (b)), c", ("(min(a, (b)), c",)),
        ("a,", ("a", "")),
        ("highest", ("highest",)),
    ],
)
def test_a_list_of_expressions(objective: str, parts: tuple[str, ...]) -> None:
    assert expressions(objective) == parts


@pytest.fixture
def job(tiny_model: Callable[..., Path]) -> Job:
    spec = read_spec(str(tiny_model()))
    return Job(Encoding(n=4), (32, 24), "p(green), -clutter", Goal(), spec)


def test_each_wish_has_its_value(job: Job) -> None:
    genomes = np.random.default_rng(1).random((5, job.encoding.length), np.float32)
    both = Pipeline(job).evaluate(genomes, Wants(parts=True))
    assert both.parts is not None
    for column, text in enumerate(("+p(green)", "-clutter")):
        alone = Pipeline(Job(job.encoding, job.canvas, text, Goal(), job.model)).evaluate(genomes)
        np.testing.assert_array_equal(both.parts[:, column], alone.fitness)
    np.testing.assert_array_equal(both.fitness, both.parts[:, 0])
    np.testing.assert_array_equal(both.scores, both.parts[:, 0])


def test_each_wish_has_its_own_worst_view(job: Job) -> None:
    genome = np.random.default_rng(2).random((1, job.encoding.length), np.float32)
    robust = Job(job.encoding, (64, 64), job.objective, Goal(), job.model, robust=True)
    pipeline = Pipeline(robust)
    each = [
        pipeline.evaluate(genome, Wants(views=(number,))).parts for number in range(len(SEARCHED))
    ]
    worst = pipeline.evaluate(genome).parts
    np.testing.assert_array_equal(worst, np.min(each, axis=0))
    assert len({int(column) for column in np.argmin(each, axis=0)[0]}) == 2


@pytest.mark.parametrize("objective", [TWO, THREE])
def test_a_run_leaves_its_front(bench: Bench, objective: str) -> None:
    folder = bench.start("run", objective=objective, evaluations=120, **SMALL)
    wishes = expressions(objective)
    header, *rows = _rows(folder)
    assert header == ["file", *wishes, "genome_sha256"]
    names = [f"{number:03}" for number in range(1, len(rows) + 1)]
    assert [row[0] for row in rows] == [f"{name}.png" for name in names]
    pictures = {f"{name}{suffix}" for name in names for suffix in (".png", ".svg")}
    assert {path.name for path in (folder / "front").iterdir()} == {
        *pictures,
        "front.csv",
        "front.svg",
    }
    values = _values(folder)
    assert len(values) > 1
    assert np.all(non_dominated(values))
    assert np.all(np.diff(values[:, 0]) <= 0)
    for row in rows:
        path = folder / "front" / row[0]
        for cell, wish in zip(row[1:-1], wishes, strict=True):
            assert float(cell) == pytest.approx(_by_hand(path, bench.model, wish), abs=1e-6)
        found = read_provenance(path)
        assert found is not None
        assert genome_hash(found.genome) == row[-1]
        drawn = render(found.genome[None], found.config.encoding, found.config.canvas)[0]
        with Image.open(path) as image:
            np.testing.assert_array_equal(np.asarray(image), drawn)
            noted = json.loads(image.text["evonsfw:wishes"])
        assert noted == {wish: float(cell) for wish, cell in zip(wishes, row[1:-1], strict=True)}
    best = float(log(folder)[-1][2])
    assert best == pytest.approx(values[0, 0], abs=1e-6)
    assert f"{folder / 'front'}: {len(rows)} of " in bench.said[-1]
    assert f"{10 + len(rows)} more scorings by the reference" in bench.said[-1]


def test_the_front_is_better_than_the_founders(bench: Bench) -> None:
    """No founder beats anybody of the later front in every wish, and most are beaten."""
    first = _values(bench.start("founders", objective=TWO, generations=1, **SMALL))
    later = _values(bench.start("later", objective=TWO, generations=40, **SMALL))
    for founder in first:
        assert np.any(np.all(later >= founder, axis=1))
    assert np.all(later.max(axis=0) > first.max(axis=0))


def test_resumed_it_is_the_front_of_the_uninterrupted_run(bench: Bench) -> None:
    whole = bench.start("whole", objective=THREE, generations=9, **SMALL)
    parts = bench.start("parts", objective=THREE, generations=4, **SMALL)
    early = _rows(parts)
    stale = parts / "front" / "999.png"
    stale.touch()
    bench.resume(parts, generations=5)
    assert_equal_runs(whole, parts)
    assert _rows(whole) == _rows(parts) != early
    assert not stale.exists()
    assert not list(parts.glob("front.*"))


def test_workers_change_nothing(bench: Bench) -> None:
    inline = bench.start("inline", objective=THREE, generations=5, **SMALL)
    pool = bench.start("pool", objective=THREE, generations=5, workers=2, **SMALL)
    assert_equal_runs(inline, pool)
    assert _rows(inline) == _rows(pool)


def test_ctrl_c_leaves_a_front(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    record = Recorder.record

    def third(recorder: Recorder, generation: Generation, state: dict[str, Any]) -> None:
        record(recorder, generation, state)
        if generation.number == 3:
            ctrl_c()

    monkeypatch.setattr(Recorder, "record", third)
    stopped = bench.start("stopped", objective=TWO, generations=50, **SMALL)
    assert any(line.startswith("stopped by Ctrl-C: 3 generations") for line in bench.said)
    monkeypatch.undo()
    assert _rows(stopped) == _rows(bench.start("three", objective=TWO, generations=3, **SMALL))


def _killed(*_: Any) -> str:
    raise KeyboardInterrupt


@pytest.mark.parametrize("where", ["launch.write_front", "front.plot"])
def test_a_killed_run_gets_its_front_when_resumed(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, where: str
) -> None:
    """Killed before the front is written, or while it is."""
    whole = bench.start("whole", objective=TWO, generations=3, **SMALL)
    monkeypatch.setattr(f"evonsfw.{where}", _killed)
    with pytest.raises(KeyboardInterrupt):
        bench.start("killed", objective=TWO, generations=3, **SMALL)
    monkeypatch.undo()
    killed = bench.folder / "killed"
    assert not (killed / "front").exists()
    bench.resume(killed)
    assert _rows(killed) == _rows(whole)
    assert len(bench.said) == 1
    assert_equal_runs(killed, whole)
    with pytest.raises(ValueError, match="at its end already"):
        bench.resume(killed)


def test_a_front_of_an_earlier_end_is_replaced(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = bench.start("run", objective=TWO, generations=2, **SMALL)
    monkeypatch.setattr("evonsfw.launch.write_front", _killed)
    with pytest.raises(KeyboardInterrupt):
        bench.resume(folder, generations=4)
    monkeypatch.undo()
    bench.resume(folder)
    assert _rows(folder) == _rows(bench.start("whole", objective=TWO, generations=6, **SMALL))


def test_a_disk_that_is_full_keeps_the_earlier_front(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = bench.start("run", objective=TWO, generations=2, **SMALL)
    before = _rows(folder)

    def full(*_: Any) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("evonsfw.front.svg.write", full)
    with pytest.raises(OSError, match="No space left"):
        bench.resume(folder, generations=2)
    assert _rows(folder) == before
    monkeypatch.undo()
    bench.resume(folder, generations=1)
    whole = bench.start("whole", objective=TWO, generations=5, **SMALL)
    assert _rows(folder) == _rows(whole)


def test_a_front_needs_no_classifier(bench: Bench) -> None:
    folder = bench.start("run", objective="symmetry, -clutter", evaluations=40, **SMALL)
    assert "no classifier" in bench.said[0]
    assert np.all(non_dominated(_values(folder)))


def test_two_classifiers(bench: Bench, tiny_model: Callable[..., Path]) -> None:
    """Classes of the second one alone, and of both."""
    both = f"{bench.model},{tiny_model(name='second')}"
    for name, objective in (("both", "green, second:blue"), ("one", "second:red, second:blue")):
        folder = bench.start(name, objective=objective, classifier=both, generations=3, **SMALL)
        assert np.all(non_dominated(_values(folder)))


def test_settings() -> None:
    config = make_config({"pareto": True, "objective": "nsfw, symmetry"})
    assert config.search == "nsga2"
    assert make_config(config.to_dict()) == config
    assert complete(config).evaluations == 4000
    assert complete(config).until is None


def test_the_config_of_a_run_repeats_it(bench: Bench) -> None:
    folder = bench.start("run", objective=TWO, generations=3, **SMALL)
    bench.start("again", **read_config(folder / "config.yaml"))
    assert _rows(folder) == _rows(bench.folder / "again")


@pytest.mark.parametrize(
    ("flags", "words"),
    [
        (["--objective", "green, red"], "several objectives are for --pareto"),
        (["--pareto"], "objective 'highest': --pareto wants two or more"),
        (["--pareto", "--objective", "green - red"], "--pareto wants two or more"),
        (["--pareto", "--objective", "green, red", "--search", "genetic"], "one objective only"),
        (["--search", "nsga2"], "search 'nsga2' is for --pareto"),
        (["--pareto", "--objective", "green,"], "it ends too early"),
        (["--pareto", "--objective", "green, highest"], "'highest' is neither"),
        (["--pareto", "--objective", "green, purple"], "'purple' is neither a picture term"),
        (["--pareto", "--objective", "green, red", "--fewest"], "--fewest is for one objective"),
        (["--pareto", "--objective", "green, red", "--class", "red"], "leave out --class"),
        (["--pareto", "--objective", "green, red", "--target-score", "0.5"], "takes no target"),
    ],
)
def test_one_line_says_what_is_wrong(
    call: Call, tiny: list[str], flags: list[str], words: str
) -> None:
    assert_refused(call(*tiny, *flags), words)
    assert not Path("runs").exists()


def _point(number: int, *values: float) -> Point:
    picture = np.full((30, 40, 3), 20 * number % 256, np.uint8)
    return Point(f"{number:03}.png", values, picture)


def _drawn(svg: str, tag: str) -> list[ElementTree.Element]:
    return list(ElementTree.fromstring(svg).iter(f"{SVG}{tag}"))


def test_points_lie_where_their_values_are() -> None:
    """Across by the first wish, up by the second; what none beats is a link, the others are not."""
    points = [_point(1, 4.0, 0.0), _point(2, 2.0, 5.0), _point(3, 0.0, 10.0)]
    svg = plot(["a", "b"], points, [[1.0, 2.5]])
    faint, *dots = [(float(c.get("cx")), float(c.get("cy"))) for c in _drawn(svg, "circle")]
    xs, ys = np.array(dots).T
    np.testing.assert_allclose(np.diff(xs), (xs[2] - xs[0]) / 2)
    np.testing.assert_allclose(np.diff(ys), (ys[2] - ys[0]) / 2)
    assert xs[0] > xs[2]
    assert ys[0] > ys[2]
    middle = (xs[1] + xs[2]) / 2, 0.75 * ys[0] + 0.25 * ys[2]
    assert faint == pytest.approx(middle, abs=0.1)  # rounded to tenths
    links = [link.get("href") for link in _drawn(svg, "a")]
    assert set(links) == {"001.png", "002.png", "003.png"}
    assert len(_drawn(svg, "image")) == 3


def test_ticks_lie_where_their_numbers_are() -> None:
    svg = plot(["a", "b"], [_point(1, -3.0, 0.25), _point(2, 17.0, 0.5)], [])
    left, right = (float(circle.get("cx")) for circle in _drawn(svg, "circle"))
    texts = [t for t in _drawn(svg, "text") if re.fullmatch(r"-?\d+", str(t.text))]
    assert len(texts) >= 4
    for text in texts:
        share = (float(text.get("x")) - left) / (right - left)
        assert float(str(text.text)) == pytest.approx(-3.0 + 20.0 * share, abs=0.01)


def test_a_third_wish_is_colour() -> None:
    points = [_point(n, float(n), -float(n), value) for n, value in enumerate((0.0, 1.0, 0.0))]
    colours = [circle.get("fill") for circle in _drawn(plot(["a", "b", "c"], points, []), "circle")]
    assert colours[0] == colours[2] != colours[1]
    plain = [Point(p.file, p.values[:2], p.picture) for p in points]
    assert len({c.get("fill") for c in _drawn(plot(["a", "b"], plain, []), "circle")}) == 1


@pytest.mark.parametrize("count", [1, 2, 90])
@pytest.mark.parametrize("wishes", [2, 3, 4])
def test_any_front_can_be_plotted(count: int, wishes: int) -> None:
    """Of one picture, of equal ones, of more than there is room for; whatever the wishes' names."""
    rng = np.random.default_rng(count)
    for values in (rng.normal(size=(count, wishes)), np.full((count, wishes), 7e5)):
        points = [_point(n, *map(float, row)) for n, row in enumerate(values)]
        svg = plot(["<&>\"'", "b", "c", "d"][:wishes], points, [])
        assert len(_drawn(svg, "circle")) == count
        boxes = [
            [float(str(i.get(key))) for key in ("x", "y", "width", "height")]
            for i in _drawn(svg, "image")
        ]
        assert boxes
        for one in range(len(boxes)):
            for two in range(one):
                assert not _overlap(boxes[one], boxes[two])


def _overlap(one: list[float], two: list[float]) -> bool:
    gap = 0.11  # the plot's coordinates are rounded to tenths
    return all(
        one[k] + gap < two[k] + two[k + 2] and two[k] + gap < one[k] + one[k + 2] for k in (0, 1)
    )
