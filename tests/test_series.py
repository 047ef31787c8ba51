"""A series: one run a seed, each as it would be alone, whatever happens to the others."""

from __future__ import annotations

import csv
import html.parser
import re
import signal
import subprocess
import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest
import yaml
from bench import Bench, assert_equal_runs, genome_hash, log
from program import Call, assert_refused, files

from evonsfw.config import make_config
from evonsfw.series import MOST, parse_seeds, resume_series, run_series
from evonsfw.series_index import SHOWN, Result, lines, page, ranked, table

PATIENCE = 120.0
"""Seconds after which a series that writes nothing counts as hung."""


@pytest.mark.parametrize(
    ("text", "seeds"),
    [
        ("0..3", [0, 1, 2, 3]),
        ("3,5,8", [3, 5, 8]),
        ("7", [7]),
        (" 4 .. 5 , 1", [4, 5, 1]),
        ("4294967295", [4294967295]),
        (f"1..{MOST}", list(range(1, MOST + 1))),
    ],
)
def test_seeds(text: str, seeds: list[int]) -> None:
    assert parse_seeds(text) == seeds


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "expected seeds as in 0..9, or 3,5,8"),
        ("a..b", "expected seeds as in"),
        ("1...3", "expected seeds as in"),
        ("-1", "expected seeds as in"),
        ("1,,2", "expected seeds as in"),
        ("٣", "expected seeds as in"),
        ("9..0", "9..0 is empty: give 0..9"),
        ("4294967296", "too large: expected at most 4294967295"),
        ("0..10000", "expected at most 10,000 runs"),
        ("0..9999999999", "expected at most"),
        ("0..4,3", "3 is there twice"),
        ("x" * 500, "x" * 80 + "'"),
    ],
)
def test_what_are_no_seeds(text: str, told: str) -> None:
    with pytest.raises(ValueError, match=re.escape(told)) as caught:
        parse_seeds(text)
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 200


def rows(folder: Path) -> list[dict[str, str]]:
    with (folder / "summary.csv").open(newline="") as file:
        return list(csv.DictReader(file))


def series(bench: Bench, name: str, seeds: str, **settings: object) -> Path:
    given = {key: value for key, value in bench.settings(**settings).items() if key != "seed"}
    config = make_config(given)
    bench.said.clear()
    assert run_series(config, seeds, bench.folder / name, "evonsfw --seeds", bench.said.append)
    return bench.folder / name


def test_each_run_is_that_of_its_seed_alone(bench: Bench) -> None:
    folder = series(bench, "series", "3,0..1", evaluations=30)
    for seed in (0, 1, 3):
        alone = bench.start(f"alone{seed}", seed=seed, evaluations=30)
        assert_equal_runs(folder / f"s{seed:05d}", alone)
        ours, theirs = (run / "config.yaml" for run in (folder / f"s{seed:05d}", alone))
        assert ours.read_text() == theirs.read_text()


def test_what_a_series_leaves(bench: Bench) -> None:
    folder = series(bench, "series", "0..2", evaluations=30, size="48x32")
    told = list(bench.said)
    assert told[0].startswith(f"{folder}: 3 runs, ")
    assert sorted(path.name for path in folder.iterdir()) == [
        *("command.txt", "index.html", "s00000", "s00001", "s00002"),
        *("series.yaml", "summary.csv"),
    ]
    assert (folder / "command.txt").read_text() == "evonsfw --seeds\n"
    table = rows(folder)
    scores = [float(row["score"]) for row in table]
    assert scores == sorted(scores, reverse=True)
    for row in table:
        run = folder / row["folder"]
        assert row["genome_sha256"] == genome_hash(run)
        assert [row["generations"], row["evaluations"]] == log(run)[-1][:2]
        ended = [line for line in told if line.startswith(f"seed {row['seed']}: ")]
        assert len(ended) == 1
        assert f"blue {row['score']}, {row['evaluations']} scorings (" in ended[0]
    assert sum("of 3)" in line for line in told) == 3
    assert told[-1] == f"{folder / 'index.html'}: 3 runs"
    best = table[0]
    took = [best["evaluations"], f"{float(best['seconds']):.1f}"]
    assert told[-4].split() == [best["seed"], best["score"], *took, best["folder"]]


class Links(html.parser.HTMLParser):
    """What a page refers to."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found += [value for key, value in attrs if key in ("src", "href") and value]


def test_the_page_refers_only_to_what_is_there(bench: Bench) -> None:
    folder = series(bench, "series", "0..1", evaluations=10)
    text = (folder / "index.html").read_text(encoding="utf-8")
    links = Links()
    links.feed(text)
    assert sorted(links.found) == [
        *("data:,", "s00000/", "s00000/best.png", "s00001/", "s00001/best.png", "summary.csv"),
    ]
    assert "<script" not in text
    assert "http" not in text


def test_a_series_that_was_cut_short_is_gone_on_with(bench: Bench) -> None:
    whole = series(bench, "whole", "0..2", generations=6)
    folder = series(bench, "parts", "0..1", generations=3)
    content = yaml.safe_load((folder / "series.yaml").read_text())
    content["seeds"] = "0..2"
    content["settings"]["generations"] = 6
    (folder / "series.yaml").write_text(yaml.safe_dump(content))
    for name in ("s00000", "s00001"):  # as if they had been killed after three generations
        config = folder / name / "config.yaml"
        config.write_text(config.read_text().replace("generations: 3", "generations: 6"))
    (folder / "index.html").unlink()
    assert resume_series(folder, {}, bench.said.append)
    for seed in range(3):
        assert_equal_runs(folder / f"s{seed:05d}", whole / f"s{seed:05d}")
    before = files(folder)
    assert resume_series(folder, {}, bench.said.append)  # all are at their end
    assert files(folder) == before
    assert resume_series(folder, {"generations": 1}, bench.said.append)
    assert {row["generations"] for row in rows(folder)} == {"7"}


def test_one_that_fails_does_not_stop_the_others(bench: Bench) -> None:
    folder = series(bench, "series", "0..2", generations=3)
    for name in ("checkpoint", "checkpoint.previous"):
        (folder / "s00001" / name).write_bytes(b"damaged")
    assert not resume_series(folder, {"generations": 2}, bench.said.append)
    (failed,) = [line for line in bench.said if "failed" in line]
    assert failed.startswith(f"seed 1: failed: checkpoint {folder / 's00001' / 'checkpoint'}: cut")
    found = {row["seed"]: row["generations"] for row in rows(folder)}
    assert found == {"0": "5", "1": "3", "2": "5"}
    assert "cut short or damaged" in (folder / "index.html").read_text()


@pytest.mark.parametrize(
    ("content", "told"),
    [
        ("format: 99\nseeds: 1\nsettings: {}\n", "made by a newer evonsfw"),
        ("seeds: 1\nsettings: {}\n", "made by a newer evonsfw"),
        ("format: 1\nseeds: [1]\nsettings: {}\n", "expected `seeds` and `settings`"),
        ("format: 1\nseeds: 1\nsettings: {n: x}\n", "n = 'x'"),
        ("format: 1\nseeds: 9..0\nsettings: {}\n", "is empty"),
        ("[1, 2]", "expected lines of the form"),
    ],
)
def test_a_damaged_series(call: Call, tmp_path: Path, content: str, told: str) -> None:
    (tmp_path / "series").mkdir()
    (tmp_path / "series" / "series.yaml").write_text(content)
    assert_refused(call("resume", "series"), told)


def test_flags_that_a_series_has_no_use_for(call: Call, tiny: list[str]) -> None:
    assert_refused(call(*tiny, "--seeds", "0..1", "--seed", "3"), "either --seed or --seeds")
    assert_refused(call(*tiny, "--seeds", "0..1", "--window"), "--window: a series of runs")
    assert_refused(call(*tiny, "--seeds", "nine"), "seeds 'nine'")
    assert_refused(call(*tiny, "--seeds", "0", "--n", "0"), "n = '0'")
    assert_refused(call(*tiny, "--seeds", "0", "--class", "gren"), "did you mean green")
    Path("there").mkdir()
    assert_refused(call(*tiny, "--seeds", "0", "--out", "there"), "there: exists already")
    assert [path.name for path in Path().iterdir()] == ["there"]


def test_the_command_line(call: Call, tiny: list[str]) -> None:
    outcome = call(*tiny, "--seeds", "4,2")
    assert outcome.code == 0
    (folder,) = Path("runs").iterdir()
    assert re.fullmatch(r"\d{8}-\d{6}_series_highest_triangles-3", folder.name)
    assert [row["seed"] for row in rows(folder)] in (["2", "4"], ["4", "2"])
    again = call(*tiny, "--seeds", "4,2", "--out", str(folder))
    assert_refused(again, "exists already; choose another --out, or go on with it: evonsfw resume")
    assert call("resume", str(folder)).code == 0


def test_a_series_from_a_picture(bench: Bench) -> None:
    start = bench.start("start", evaluations=20) / "best.png"
    folder = series(bench, "series", "5", generations=2, **{"from": str(start)})
    alone = bench.start("alone", seed=5, generations=2, **{"from": str(start)})
    assert_equal_runs(folder / "s00005", alone)
    assert (folder / "s00005" / "start.png").is_file()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_a_series_that_is_stopped(bench: Bench, number: signal.Signals) -> None:
    """By a signal to all, as a terminal sends Ctrl-C, or to it alone: its runs end cleanly."""
    folder = bench.folder / "series"
    words = ["--classifier", str(bench.model), "--n", "4", "--size", "32", "--every", "100"]
    command = [sys.executable, "-m", "evonsfw", *words, "--seeds", "0..3", "--workers", "2"]
    command += ["--generations", "10000000", "--out", str(folder), "--no-window"]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdout=pipe, stderr=pipe, text=True) as process:
        try:
            while not all(len(log(folder / f"s0000{seed}")) > 3 for seed in (0, 1)):
                with suppress(subprocess.TimeoutExpired):
                    process.wait(0.01)
                    pytest.fail(f"ended early: {process.communicate()}")
            process.send_signal(number)
            printed, errors = process.communicate(timeout=PATIENCE)  # pipes are the runs' too
        finally:
            process.kill()
    assert not errors
    assert sorted(path.name for path in folder.iterdir() if path.is_dir()) == ["s00000", "s00001"]
    if number != signal.SIGKILL:
        name = "Ctrl-C" if number == signal.SIGINT else "SIGTERM"
        assert process.returncode == 0
        assert f"stopped by {name}; go on with: evonsfw resume {folder}" in printed
        assert len(rows(folder)) == 2
    for seed in (0, 1):
        run = folder / f"s0000{seed}"
        done = int(log(run)[-1][0])
        bench.resume(run, generations=1)
        assert int(log(run)[-1][0]) == done + 1  # the last checkpoint was of the last generation


def _result(seed: int, fitness: float, **values: object) -> Result:
    base = {"folder": f"s{seed:05d}", "score": fitness, "fitness": fitness, "generations": 1}
    base |= {"evaluations": 9, "seconds": 1.0, "genome_sha256": "ab"}
    return Result(seed=seed, **{**base, **values})  # type: ignore[arg-type]


def test_the_best_comes_first_and_failures_last() -> None:
    none = _result(1, float("-inf"), score=None, failure="no room")
    results = [none, _result(2, 0.5), _result(3, 0.7, evaluations=8), _result(4, 0.7)]
    assert [one.seed for one in ranked(results)] == [3, 4, 2, 1]
    assert table(results).splitlines()[1:] == [
        "3,s00003,0.700000,1,8,1.000,ab",
        "4,s00004,0.700000,1,9,1.000,ab",
        "2,s00002,0.500000,1,9,1.000,ab",
        "1,s00001,,1,9,1.000,ab",
    ]
    assert [line.split()[0] for line in lines(results, "nsfw")] == ["seed", "3", "4", "2", "and"]


def test_of_many_runs_the_best_are_told() -> None:
    told = lines([_result(seed, seed / 1000.0) for seed in range(100)], "nsfw")
    assert len(told) == SHOWN + 2
    assert told[1].split()[0] == "99"
    assert told[-1] == "and 60 more: see summary.csv"


def test_values_are_escaped() -> None:
    wicked = '<b onclick="x">&'
    text = page([_result(1, 0.5, failure=wicked), _result(2, 0.4)], wicked, wicked, (9, 9))
    assert wicked not in text
    assert 'onclick="' not in text
    assert text.count("&lt;b onclick=&quot;x&quot;&gt;&amp;") >= 3


@pytest.fixture
def browser() -> Callable[[Path], str]:
    """Chromium's page after everything has been loaded, as text."""
    import shutil

    program = shutil.which("chromium") or shutil.which("google-chrome")
    if program is None:
        pytest.skip("there is no Chromium here")

    def dump(path: Path) -> str:
        command = [program, "--headless", "--no-sandbox", "--disable-gpu", "--dump-dom"]
        done = subprocess.run(
            [*command, path.as_uri()], capture_output=True, text=True, timeout=PATIENCE, check=True
        )
        return done.stdout

    return dump


def test_the_page_opens_in_a_browser(bench: Bench, browser: Callable[[Path], str]) -> None:
    folder = series(bench, "series", "0..1", evaluations=10)
    text = browser(folder / "index.html")
    assert len(re.findall("<li[ >]", text)) == 2
    assert "seed 1" in text
