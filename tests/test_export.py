"""`evonsfw export`: what is written is what was asked for; all else is refused in one line."""

from __future__ import annotations

import json
import re
import shlex
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from bench import Bench
from conftest import drawn
from PIL import Image
from program import Call, assert_refused, files

from evonsfw.chronicle import Chronicle
from evonsfw.config import make_config, read_config
from evonsfw.contribution import contributions
from evonsfw.export import export_files
from evonsfw.exporters import PLAIN, Manner, exporter_names, load_exporter
from evonsfw.genome import Genome, genome_hash
from evonsfw.likes import Like, toggle_like
from evonsfw.logbook import Logbook
from evonsfw.provenance import read_provenance, read_texts
from evonsfw.raster import render
from evonsfw.reference import reference_of
from evonsfw.verification import verify_files

SHORT = {"evaluations": 90, "population": 8, "search": "cmaes", "size": "48x32"}
PAGE = Path(__file__).parent.parent / "docs" / "exports.md"
FILMS = [name for name in exporter_names() if "story" in load_exporter(name).TAKES]


class Exports:
    """Exports, and what they said."""

    def __init__(self) -> None:
        self.said: list[str] = []

    def __call__(
        self,
        source: Path,
        *out: Path,
        size: str | None = None,
        generation: str = "best",
        manner: Manner = PLAIN,
        force: bool = False,
    ) -> None:
        self.said.clear()
        export_files(source, out, size, generation, manner, force, self.said.append)


@pytest.fixture
def export() -> Exports:
    return Exports()


@pytest.fixture
def run(bench: Bench) -> Path:
    return bench.start("run", **SHORT)


def logbook(run: Path) -> Logbook:
    return Logbook(run, make_config(read_config(run / "config.yaml")).encoding.length)


def genome_of(path: Path) -> Genome:
    found = read_provenance(path)
    assert found is not None
    return found.genome


def pixels(path: Path) -> np.ndarray:
    with Image.open(path) as image:
        return np.asarray(image)


def verified(*paths: Path) -> bool:
    return verify_files(paths, lambda _line: None, lambda _line: None) == 0


def test_a_run_is_written_in_several_formats_at_once(
    run: Path, export: Exports, tmp_path: Path
) -> None:
    out = [tmp_path / name for name in ("a.png", "b.SVG", "c.json")]
    export(run, *out, size="120")
    config = make_config(read_config(run / "config.yaml"))
    best = genome_of(run / "best.png")
    np.testing.assert_array_equal(pixels(out[0]), render(best[None], config.encoding, (120, 80))[0])
    assert 'width="120" height="80"' in out[1].read_text()
    assert [line.split(":")[0] for line in export.said] == [str(path) for path in out]
    assert re.fullmatch(r".*a\.png: 120x80, [\d.]+ (kB|bytes)", export.said[0])
    assert verified(*out)


def test_every_file_says_what_the_best_picture_says(
    run: Path, export: Exports, tmp_path: Path
) -> None:
    out = [tmp_path / name for name in ("a.png", "b.svg", "c.json")]
    export(run, *out)
    for path in out:
        assert read_texts(path) == read_texts(run / "best.png")


@pytest.mark.parametrize(
    ("size", "expected"),
    [
        (None, (48, 32)),
        ("48", (48, 32)),
        ("16384", (16384, 10923)),
        ("100", (100, 67)),
        ("3", (3, 2)),
        ("2", (2, 2)),
        ("7x300", (7, 300)),
    ],
)
def test_sizes(
    run: Path, export: Exports, tmp_path: Path, size: str | None, expected: tuple[int, int]
) -> None:
    export(run, tmp_path / "a.svg", size=size)
    width, height = expected
    assert f'width="{width}" height="{height}"' in (tmp_path / "a.svg").read_text()


def test_of_a_generation_it_is_the_best_until_then(
    run: Path, export: Exports, tmp_path: Path
) -> None:
    log = logbook(run)
    behind = [n for n in range(1, len(log) + 1) if log.leader(n) != n]
    for number in {1, len(log), *behind[:1]}:
        path = tmp_path / f"{number}.png"
        export(run, path, generation=str(number))
        leader = log.leader(number)
        np.testing.assert_array_equal(genome_of(path), log.genome(leader))
        texts = read_texts(path)
        assert texts["evonsfw:generation"] == str(leader)
        assert texts["evonsfw:score"] == f"{log.row(leader).best_score:.6f}"
        assert verified(path)


def like(run: Path, number: int, picture: str = "") -> None:
    log = logbook(run)
    genome = log.genome(log.leader(number))
    toggle_like(run, Like(number, 0.5, genome_hash(genome) + picture, picture))


def test_what_is_liked(run: Path, export: Exports, tmp_path: Path) -> None:
    out = tmp_path / "out"
    out.mkdir()
    like(run, 1)
    export(run, out / "a.png", generation="liked")
    np.testing.assert_array_equal(genome_of(out / "a.png"), logbook(run).genome(1))
    last = len(logbook(run))
    like(run, last)
    shutil.copy(run / "generations" / "gen_00002.png", run / "saved_00002_4.png")
    like(run, 2, "saved_00002_4.png")
    export(run, out / "a.png", out / "b.svg", generation="liked")
    words = ("00001", f"{last:05}", "saved_00002_4")
    names = {
        f"{stem}_{word}{end}" for word in words for stem, end in (("a", ".png"), ("b", ".svg"))
    }
    assert set(files(out)) == {"a.png", *names}
    assert verified(*out.iterdir())
    np.testing.assert_array_equal(
        pixels(out / "a_saved_00002_4.png"), pixels(run / "generations" / "gen_00002.png")
    )


def test_one_file_that_is_in_the_way_keeps_all_liked_ones_from_being_written(
    run: Path, export: Exports, tmp_path: Path
) -> None:
    last = len(logbook(run))
    like(run, 1)
    like(run, last)
    (tmp_path / f"a_{last:05}.png").touch()
    before = files(tmp_path)
    with pytest.raises(ValueError, match=rf"a_{last:05}\.png: exists already"):
        export(run, tmp_path / "a.png", generation="liked")
    assert files(tmp_path) == before


@pytest.mark.parametrize("kind", ["png", "svg", "json"])
def test_a_picture_is_written_again_with_all_that_it_says(
    run: Path, export: Exports, tmp_path: Path, kind: str
) -> None:
    source = tmp_path / f"source.{kind}"
    export(run, source)
    out = [tmp_path / name for name in ("a.png", "b.svg", "c.json")]
    export(source, *out, size="96")
    np.testing.assert_array_equal(genome_of(out[0]), genome_of(run / "best.png"))
    for path in out:
        assert read_texts(path) == read_texts(source)
    assert verified(*out)


def test_a_run_that_is_still_running_can_be_exported(
    run: Path, export: Exports, tmp_path: Path
) -> None:
    log = run / "log.csv"
    whole = log.read_text().splitlines(keepends=True)
    log.write_text("".join(whole[:4]) + whole[4][:9])
    (run / "checkpoint").unlink()
    export(run, tmp_path / "a.png", tmp_path / "b.svg")
    export(run, tmp_path / "3.png", generation="3")
    assert verified(tmp_path / "a.png", tmp_path / "b.svg", tmp_path / "3.png")
    with pytest.raises(ValueError, match="has generations 1 to 3"):
        export(run, tmp_path / "4.png", generation="4")


def test_of_a_run_of_an_older_version_there_is_the_best_picture(
    run: Path, export: Exports, tmp_path: Path
) -> None:
    (run / "bests.bin").unlink()
    export(run, tmp_path / "a.png")
    assert verified(tmp_path / "a.png")
    with pytest.raises(ValueError, match=r"bests\.bin or log\.csv is missing or empty"):
        export(run, tmp_path / "b.png", generation="2")
    for name in FILMS:
        with pytest.raises(ValueError, match=r"bests\.bin or log\.csv is missing or empty"):
            export(run, tmp_path / f"b.{name}")


def test_the_story_has_the_best_until_each_generation(run: Path) -> None:
    log = logbook(run)
    artwork = Chronicle(run).until(4)
    assert artwork.story is not None
    steps = artwork.story.steps
    assert [step.number for step in steps] == [1, 2, 3, 4]
    assert [step.number for step in steps[1:3]] == [2, 3]
    np.testing.assert_array_equal(steps[-1].genome, artwork.genome)
    for step in steps:
        row, leader = log.row(step.number), log.leader(step.number)
        assert step[:3] == (row.generation, row.evaluations, row.seconds)
        assert step.best_score == log.row(leader).best_score
        assert step.mean_score == row.mean_score
        np.testing.assert_array_equal(step.genome, log.genome(leader))
    with pytest.raises(IndexError):
        steps[4]
    whole = Chronicle(run).best().story
    assert whole is not None
    assert len(whole.steps) == len(log)
    np.testing.assert_array_equal(whole.steps[-1].genome, genome_of(run / "best.png"))


def test_the_story_has_the_settings_as_text(run: Path) -> None:
    story = Chronicle(run).best().story
    assert story is not None
    said = story.settings
    assert said["shapes"] == "triangles"
    assert (said["seed"], said["size"], said["alpha"]) == ("7", "48x32", "0.3, 0.9")
    assert said["classifier"] == "tiny.yaml"
    assert (said["fewest"], "target" in said) == ("no", False)
    assert list(said) == [key for key in read_config(run / "config.yaml") if key in said]


def drawn_contributions(path: Path) -> list[float]:
    return [float(one) for one in re.findall('data-contribution="([^"]+)"', path.read_text())]


def weigh(path: Path) -> list[float]:
    found = read_provenance(path)
    assert found is not None
    config = found.config
    pipeline = reference_of(config)[1]
    values = contributions(pipeline, found.genome, config.encoding, config.canvas)
    assert values is not None
    return list(values)


@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"robust": True, "size": 64},
        {"backend": "int8"},
        {"search": "nsga2"},
        {"target": "t.png"},
        {"objective": "symmetry"},
    ],
    ids=",".join,
)
def test_a_drawing_says_what_each_shape_contributes(
    bench: Bench, export: Exports, settings: dict[str, Any], int8_cache: Path
) -> None:
    if "target" in settings:
        drawn(48, 32).save(bench.folder / "t.png")
        settings = {"target": str(bench.folder / "t.png")}
    run = bench.start("run", **{**SHORT, "search": "climber", **settings})
    asked = Manner(contributions="target" in settings)
    export(run, bench.folder / "a.svg", manner=asked)
    found = drawn_contributions(bench.folder / "a.svg")
    weighed = weigh(run / "best.png")
    np.testing.assert_allclose(found, weighed, rtol=0, atol=0.0051 * np.abs(weighed).max())
    assert any(found)
    export(run / "best.png", bench.folder / "b.svg", manner=asked)
    assert drawn_contributions(bench.folder / "b.svg") == found


def test_a_drawing_of_a_likeness_says_it_only_where_it_is_asked_to(
    bench: Bench, export: Exports
) -> None:
    """Fields do in any case."""
    drawn(48, 32).save(bench.folder / "t.png")
    target = {"target": str(bench.folder / "t.png")}
    run = bench.start("run", **{**SHORT, **target, "n": 200})
    export(run, bench.folder / "a.svg")
    assert len(export.said) == 1
    assert "contribution" not in (bench.folder / "a.svg").read_text()
    export(run, bench.folder / "b.svg", bench.folder / "b.json")
    assert "contribution" not in (bench.folder / "b.svg").read_text()
    assert (bench.folder / "b.json").read_text().count('"contribution"') == 200
    export(run, bench.folder / "c.svg", manner=Manner(contributions=True))
    assert len(drawn_contributions(bench.folder / "c.svg")) == 200


def test_of_many_shapes_it_is_said_that_it_takes_time(bench: Bench, export: Exports) -> None:
    run = bench.start("run", **{**SHORT, "n": 200, "search": "climber"})
    export(run, bench.folder / "a.svg")
    assert export.said[0].startswith("leaving out each of 200 shapes in turn")
    assert len(drawn_contributions(bench.folder / "a.svg")) == 200


def test_without_the_classifier_a_drawing_says_nothing_of_contributions(
    run: Path, export: Exports, tmp_path: Path
) -> None:
    model = Path(read_config(run / "config.yaml")["classifier"])
    model.with_suffix(".onnx").rename(model.with_name("other.onnx"))
    export(run, tmp_path / "a.png", tmp_path / "b.svg")
    assert len(export.said) == 3
    assert export.said[1].startswith("without contributions of the shapes, ")
    assert "classifier file" in export.said[1]
    assert drawn_contributions(tmp_path / "b.svg") == []


def test_by_another_classifier_nothing_is_said_of_contributions(
    run: Path, export: Exports, tmp_path: Path, tiny_model: Callable[..., Path]
) -> None:
    model = Path(read_config(run / "config.yaml")["classifier"]).with_suffix(".onnx")
    other = tiny_model(bias=np.zeros(3, np.float32)).with_suffix(".onnx")
    shutil.copy(other, model)
    export(run, tmp_path / "b.svg")
    assert export.said[0].endswith("the classifier's file is not the run's")
    assert drawn_contributions(tmp_path / "b.svg") == []


def test_nothing_is_written_over_without_force(run: Path, export: Exports, tmp_path: Path) -> None:
    export(run, tmp_path / "a.png", generation="1")
    before = files(tmp_path)
    with pytest.raises(ValueError, match=r"a\.png: exists already.*--force"):
        export(run, tmp_path / "b.png", tmp_path / "a.png")
    assert files(tmp_path) == before
    export(run, tmp_path / "b.png", tmp_path / "a.png", force=True)
    assert pixels(tmp_path / "a.png").tobytes() == pixels(run / "best.png").tobytes()


@pytest.mark.parametrize(
    "name", ["best.png", "generations/gen_00001.png", "generations/../best.png"]
)
def test_the_runs_own_files_are_never_written_over(
    run: Path, export: Exports, tmp_path: Path, name: str
) -> None:
    before = files(tmp_path)
    with pytest.raises(ValueError, match="is the run's own file"):
        export(run, run / name, force=True)
    assert files(tmp_path) == before
    export(run, run / "poster.png")
    export(run, run / "poster.png", force=True)


def test_what_is_exported_is_never_written_over(run: Path, export: Exports, tmp_path: Path) -> None:
    source = tmp_path / "a.png"
    export(run, source)
    before = files(tmp_path)
    for path in (source, tmp_path / "run" / ".." / "a.png"):
        with pytest.raises(ValueError, match="is what is exported"):
            export(source, path, size="99", force=True)
    assert files(tmp_path) == before


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["run", "x.bmp"], ["x.bmp: no exporter writes '.bmp'", ".png"]),
        (["run", "x"], ["x: no exporter writes ''"]),
        (["run", "a.png", "x.tiff"], ["x.tiff"]),
        (["run", "a.png", "a.png"], ["a.png: given twice"]),
        (["run", "a.png", "./a.png"], ["given twice"]),
        (["run", "no/a.png"], ["no/a.png: there is no folder no"]),
        (["run", "folder.png"], ["folder.png: is a folder"]),
        (["run", "a.png", "--size", "0"], ["--size 0", "2 to 16,384 pixels a side for a.png"]),
        (["run", "a.png", "--size", "1"], ["--size 1", "2 to 16,384"]),
        (["run", "a.png", "--size", "100000"], ["--size 100000", "2 to 16,384"]),
        (["run", "a.png", "--size", "16385"], ["--size 16385", "2 to 16,384"]),
        (["run", "a.png", "--size", "100x0"], ["--size 100x0", "2 to 16,384"]),
        (["run", "a.png", "--size", "9" * 30], ["--size 9", "expected the longer side"]),
        (["run", "a.png", "--size", "abc"], ["--size abc", "WxH", "--size 4096"]),
        (["run", "a.png", "--size", "-5"], ["--size -5", "WxH"]),
        (["run", "a.png", "--size", "4.5"], ["--size 4.5", "WxH"]),
        (["run", "a.png", "--size", ""], ["--size", "WxH"]),
        (["run", "a.png", "--size", "9x9x9"], ["9x9x9", "WxH"]),
        (["run", "a.png", "--generation", "0"], ["--generation 0", "has generations 1 to"]),
        (["run", "a.png", "--generation", "99999"], ["--generation 99999", "generations 1 to"]),
        (["run", "a.png", "--generation", "first"], ["--generation first", "best or liked"]),
        (["run", "a.png", "--generation", "-1"], ["--generation -1", "best or liked"]),
        (["run", "a.png", "--generation", "1.5"], ["--generation 1.5", "best or liked"]),
        (["run", "a.png", "--generation", "liked"], ["nothing is liked", "press L"]),
        (["run", "c.json", "--transparent"], ["--transparent", "it is for", ".png"]),
        (["run", "a.png", "--contributions"], ["--contributions", "it is for", ".svg"]),
        (["run", "a.png", "--fps", "30"], ["--fps", "it is for"]),
        (["run", "a.png", "--seconds", "3"], ["--seconds", "it is for"]),
        (["run", "a.gif", "--fps", "0"], ["--fps 0", "above 0"]),
        (["run", "a.png", "a.gif", "--fps", "51"], ["a.gif", "--fps 51", "1 to 50"]),
        (["run", "a.png", "a.mp4", "--seconds", "601"], ["a.mp4", "--seconds 601"]),
        (["run", "a.png", "a.html", "--fps", "121"], ["a.html", "--fps 121"]),
        (["run", "a.gif", "--fps", "x"], ["--fps x", "whole number"]),
        (["run", "a.gif", "--seconds", "nan"], ["--seconds nan", "above 0"]),
        (["missing", "a.png"], ["missing: no such run folder or file"]),
        (["run/generations", "a.png"], ["run/generations", "config.yaml", "pictures in it"]),
        (["runs", "a.png"], ["runs", "config.yaml", "one of the runs in it, such as one"]),
        (["ladder", "a.png"], ["ladder", "it is a ladder's"]),
        (["begun", "a.png"], ["begun", "no generation is finished yet"]),
        (["plain.png", "a.png"], ["plain.png", "there is no genome in it"]),
        (["words.txt", "a.png"], ["words.txt"]),
        (["run/best.png", "a.png", "--generation", "3"], ["--generation 3", "is one picture"]),
        (["run/best.png", "a.gif"], ["a.gif", "a whole run", "run/best.png is one picture"]),
        (["run/best.png", "a.html"], ["a.html", "a whole run", "run/best.png is one picture"]),
        (["run"], ["OUT"]),
        ([], ["source"]),
    ],
    ids=lambda value: " ".join(value)[:60] if isinstance(value, list) else None,
)
def test_bad_input_gets_one_line(
    call: Call, tiny: list[str], tmp_path: Path, arguments: list[str], words: list[str]
) -> None:
    assert call(*tiny, "--search", "genetic", "--out", "run").code == 0
    (tmp_path / "folder.png").mkdir()
    Image.new("RGB", (9, 9)).save(tmp_path / "plain.png")
    (tmp_path / "words.txt").write_text("no picture")
    for name, left_out in (("runs/one", ""), ("begun", "best.png"), ("ladder", "")):
        shutil.copytree(tmp_path / "run", tmp_path / name)
        (tmp_path / name / (left_out or "checkpoint")).unlink()
    (tmp_path / "ladder" / "ladder.csv").write_text("file,target,score,scorings\n")
    before = files(tmp_path)
    assert_refused(call("export", *arguments), *words)
    assert files(tmp_path) == before


def test_a_run_folder_that_is_damaged_gets_one_line(
    call: Call, tiny: list[str], tmp_path: Path
) -> None:
    assert call(*tiny, "--search", "genetic", "--out", "run").code == 0
    run = tmp_path / "run"
    best, config, records = run / "best.png", run / "config.yaml", run / "bests.bin"
    whole = {path: path.read_bytes() for path in (best, config, records)}
    likes = run / "likes.yaml"
    for path, content, words in (
        (best, whole[best][:200], ["best.png"]),
        (config, whole[config].replace(b"n: 3", b"n: 4"), ["not of the settings"]),
        (config, b"n: [", ["config.yaml"]),
        (config, whole[config].replace(b"format: 1", b"format: 99"), ["newer evonsfw"]),
        (records, whole[records][:4] + b"\xff" * 1000, ["damaged at generation 1"]),
        (likes, b"x", ["likes.yaml"]),
    ):
        path.write_bytes(content)
        generation = {records: "1", likes: "liked"}.get(path, "best")
        assert_refused(call("export", "run", "a.png", "--generation", generation), *words)
        path.write_bytes(whole.get(path, b""))
    assert not (tmp_path / "a.png").exists()


@contextmanager
def full_disk(room: int) -> Iterator[None]:
    """No file can grow beyond so many bytes, as on a disk that is full."""
    resource = pytest.importorskip("resource")
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (room, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def test_a_full_disk_gets_one_line_and_leaves_no_half_file(
    call: Call, tiny: list[str], tmp_path: Path
) -> None:
    assert call(*tiny, "--out", "run").code == 0
    before = set(files(tmp_path))
    with full_disk(room=3_000):
        outcome = call("export", "run", "a.svg", "large.png", "b.svg", "--size", "2000")
    assert outcome.code == 2
    assert outcome.out.count("\n") == 1
    assert outcome.err.count("\n") == 1
    assert "large.png: File too large" in outcome.err
    assert "written: a.svg; not written: large.png, b.svg" in outcome.err
    assert set(files(tmp_path)) - before == {"a.svg"}


def test_a_full_disk_keeps_the_file_that_was_there(
    call: Call, tiny: list[str], tmp_path: Path
) -> None:
    assert call(*tiny, "--out", "run").code == 0
    (tmp_path / "large.png").write_text("mine")
    with full_disk(room=3_000):
        outcome = call("export", "run", "large.png", "--size", "2000", "--force")
    assert_refused(outcome, "written: nothing; not written: large.png")
    assert (tmp_path / "large.png").read_text() == "mine"


@pytest.mark.parametrize("name", FILMS)
def test_a_full_disk_leaves_no_half_film(
    call: Call, tiny: list[str], tmp_path: Path, name: str
) -> None:
    assert call(*tiny, "--search", "genetic", "--generations", "3", "--out", "run").code == 0
    before = set(files(tmp_path))
    with full_disk(room=3_000):
        outcome = call("export", "run", f"a.{name}", "b.svg", "--size", "200", "--seconds", "1")
    assert_refused(outcome, f"a.{name}: File too large", f"not written: a.{name}, b.svg")
    assert set(files(tmp_path)) == before


@pytest.mark.skipif(sys.platform == "win32", reason="no SIGTERM there")
def test_a_film_that_is_terminated_leaves_no_half_file(run: Path, tmp_path: Path) -> None:
    before = set(files(tmp_path))
    command = [sys.executable, "-m", "evonsfw", "export", str(run), "a.mp4", "--seconds", "600"]
    with subprocess.Popen(command, cwd=tmp_path) as process:
        while not list(tmp_path.glob(".a.mp4*")):
            assert process.poll() is None
            time.sleep(0.05)
        process.terminate()
        assert process.wait(60) == 128 + signal.SIGTERM
    assert set(files(tmp_path)) == before


def test_the_size_of_a_film_is_told_as_it_is_written(
    run: Path, export: Exports, tmp_path: Path
) -> None:
    out = tmp_path / "odd.mp4", tmp_path / "odd.gif"
    export(run, *out, size="61x33", manner=Manner(fps=2, seconds=1.0))
    told = [line.split(",")[0] for line in export.said]
    assert told == [f"{out[0]}: 60x32", f"{out[1]}: 61x33"]


@pytest.mark.parametrize("name", FILMS)
def test_films_and_pages_tell_the_run(
    run: Path, export: Exports, tmp_path: Path, name: str
) -> None:
    short = Manner(seconds=1.0, fps=5)
    path, early = tmp_path / f"a.{name}", tmp_path / f"b.{name}"
    export(run, path, size="64", manner=short)
    export(run, early, size="64", manner=short, generation="2")
    assert read_texts(path) == read_texts(run / "best.png")
    np.testing.assert_array_equal(genome_of(early), logbook(run).genome(logbook(run).leader(2)))
    assert verified(path, early)
    export(path, tmp_path / "again.png")
    assert pixels(tmp_path / "again.png").tobytes() == pixels(run / "best.png").tobytes()


def test_everything_in_one_call(call: Call, tiny: list[str], tmp_path: Path) -> None:
    assert call(*tiny, "--search", "genetic", "--out", "run").code == 0
    names = [f"a.{name}" for name in exporter_names()]
    flags = ["--size", "64x48", "--transparent", "--fps", "5", "--seconds", "1"]
    outcome = call("export", "run", *names, *flags)
    assert (outcome.code, outcome.err) == (0, "")
    assert [line.split(":")[0] for line in outcome.out.splitlines()] == names
    outcome = call("verify", *names)
    assert (outcome.code, outcome.err) == (0, "")
    assert json.loads((tmp_path / "a.json").read_text())


def test_the_examples_of_the_page_run(
    call: Call, tiny: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """All of them, one after the other, in one folder; films are small."""
    for name in ("mp4", "webm"):
        monkeypatch.setattr(f"evonsfw.exporters.{name}.default_canvas", lambda _: (64, 36))
    generations = ["--search", "genetic", "--evaluations", "200"]
    assert call(*tiny[:-2], *generations, "--out", "runs/RUN").code == 0
    run = tmp_path / "runs" / "RUN"
    like(run, 2)
    shutil.copy(run / "best.png", tmp_path / "best.png")
    blocks = re.findall(r"(?ms)^```console\n(.*?)^```", PAGE.read_text(encoding="utf-8"))
    commands = [line for block in blocks for line in block.splitlines()]
    assert {shlex.split(line)[1] for line in commands} == {"export", "verify"}
    for line in commands:
        outcome = call(*shlex.split(line)[1:])
        assert (outcome.code, outcome.err) == (0, ""), line


def test_the_page_says_what_the_formats_take_and_how_large_they_may_be() -> None:
    rows = [line for line in PAGE.read_text(encoding="utf-8").splitlines() if "| `." in line[:4]]
    told = {}
    for row in rows:
        endings, _, _, largest, takes = (cell.strip() for cell in row.strip("|").split("|"))
        for ending in re.findall(r"`\.(\w+)`", endings):
            told[ending] = largest, set(re.findall(r"--(\w+)", takes))
    flags = {"transparent", "fps", "seconds"}
    asked = {"contributions", "sparing"}
    taken = {name: load_exporter(name).TAKES for name in exporter_names()}
    assert told == {
        name: (
            f"{load_exporter(name).LARGEST:,}",
            (flags & takes) | ({"contributions"} if asked <= takes else set()),
        )
        for name, takes in taken.items()
    }


def test_the_page_names_the_fields_of_the_schema() -> None:
    schema = json.loads((PAGE.parent / "genome.schema.json").read_text(encoding="utf-8"))
    text = PAGE.read_text(encoding="utf-8")
    table = text[text.index("| field |") : text.index("**Films**")]
    told = [re.findall(r"`(\w+)`", row.split("|")[1]) for row in table.splitlines() if "`" in row]
    assert sorted(name for names in told for name in names) == sorted(schema["properties"])
