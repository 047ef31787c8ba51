"""A folder of labelled pictures, scored: tables, the page, going on, and what is refused."""

from __future__ import annotations

import csv
import hashlib
import os
import re
import shutil
import subprocess
from base64 import b64encode
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import typer
from PIL import Image
from program import Call
from typer.testing import CliRunner

from evonsfw import folder_scores, scorers
from evonsfw.classifier import Classifier
from evonsfw.commands.curves import curves
from evonsfw.folder_curves import measure
from evonsfw.model_spec import read_spec

pytest.importorskip("sklearn")
ROOT = Path(__file__).parent.parent
COLOURS = {
    "red": [(250, 20, 30), (200, 90, 40), (120, 130, 60)],
    "green": [(10, 240, 30), (90, 200, 50), (20, 60, 90)],
    "blue": [(5, 10, 250), (60, 80, 200), (70, 20, 120), (200, 40, 90)],
}
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
FILES = ("index.html", "scores.csv", "thresholds.csv", "areas.csv", "mistakes.csv")


@pytest.fixture
def model(tiny_model: Callable[..., Path]) -> str:
    return str(tiny_model())


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Flat pictures in three subfolders."""
    monkeypatch.chdir(tmp_path)
    for label, colours in COLOURS.items():
        where = tmp_path / "colours" / label
        where.mkdir(parents=True)
        for number, colour in enumerate(colours):
            Image.new("RGB", (16, 16), colour).save(where / f"{number}.png")
    return tmp_path / "colours"


def table(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def test_each_class_is_told_from_all_others(folder: Path, model: str) -> None:
    answers = measure(folder, model)
    out = Path("colours_curves")
    assert [answer.name for answer in answers] == ["red", "green", "blue"]
    assert sorted(path.name for path in out.iterdir()) == sorted(FILES)
    rows = table(out / "scores.csv")
    assert [row["file"] for row in rows] == [
        f"{label}/{number}.png"
        for label in sorted(COLOURS)
        for number in range(len(COLOURS[label]))
    ]
    for answer, area in zip(answers, table(out / "areas.csv"), strict=True):
        ups = [float(row[f"p:{answer.name}"]) for row in rows if row["class"] == answer.name]
        downs = [float(row[f"p:{answer.name}"]) for row in rows if row["class"] != answer.name]
        share = np.mean([[(up > down) + (up == down) / 2 for down in downs] for up in ups])
        assert answer.curves.roc_area == pytest.approx(share)
        assert float(area["roc_area"]) == pytest.approx(share, abs=1e-6)
        assert (len(ups), len(downs)) == (int(area["positives"]), int(area["negatives"]))


def test_scores_are_the_classifiers_to_the_last_bit(folder: Path, model: str) -> None:
    measure(folder, model)
    classifier = Classifier(read_spec(model))
    for row in table(Path("colours_curves/scores.csv")):
        with Image.open(folder / row["file"]) as image:
            expected = classifier.score_image(image)
        told = [row[f"p:{name}"] for name in classifier.spec.classes]
        assert np.array_equal(np.array(told, np.float32), expected)


def test_thresholds_and_mistakes_are_told_in_tables(folder: Path, model: str) -> None:
    (answer,) = measure(folder, model, wanted="blue", threshold=0.375)
    rows = table(Path("colours_curves/thresholds.csv"))
    assert {row["class"] for row in rows} == {"blue"}
    here = next(row for row in rows if row["threshold"] == "0.375")
    called = answer.scores >= 0.375
    assert int(here["hits"]) == np.sum(called & answer.positive)
    assert int(here["false_alarms"]) == np.sum(called & ~answer.positive)
    wrong = {row["file"] for row in table(Path("colours_curves/mistakes.csv"))}
    scores = table(Path("colours_curves/scores.csv"))
    assert wrong == {
        row["file"]
        for row in scores
        if (np.float32(row["p:blue"]) >= 0.375) != (row["class"] == "blue")
    }
    assert wrong


def test_several_subfolders_may_be_what_a_class_is_to_find(folder: Path, model: str) -> None:
    (folder / "blue").rename(folder / "sea")
    (folder / "green").rename(folder / "sky")
    (answer,) = measure(folder, model, wanted="2", positives=["sea", "sky"])
    assert (answer.name, answer.labels) == ("blue", ("sea", "sky"))
    assert (answer.curves.positives, answer.curves.negatives) == (7, 3)


def test_two_classes_are_one_question(folder: Path, tiny_model: Callable[..., Path]) -> None:
    two = tiny_model(weights=np.eye(3, dtype=np.float32)[:2], bias=np.zeros(2, np.float32))
    (answer,) = measure(folder, str(two))
    assert (answer.name, answer.curves.positives, answer.curves.negatives) == ("green", 3, 7)


def test_the_number_of_workers_changes_nothing(folder: Path, model: str, tmp_path: Path) -> None:
    for workers in (1, 2, 3):
        measure(folder, model, tmp_path / str(workers), workers=workers)
    for name in FILES:
        assert len({(tmp_path / str(w) / name).read_bytes() for w in (1, 2, 3)}) == 1


def stop_at(number: int) -> Callable[[int, int], None]:
    def heard(done: int, _total: int) -> None:
        if done == number:
            raise KeyboardInterrupt

    return heard


def test_it_goes_on_where_it_was_stopped(folder: Path, model: str, tmp_path: Path) -> None:
    measure(folder, model, tmp_path / "at once")
    out, lines = tmp_path / "in parts", list[str]()
    with pytest.raises(KeyboardInterrupt):
        measure(folder, model, out, heard=stop_at(4), say=lines.append)
    assert lines == ["4 of 10 are done and kept; the same command goes on"]
    assert len(table(out / "scores.csv")) == 4
    assert not (out / "index.html").exists()
    told: list[int] = []
    measure(folder, model, out, heard=lambda done, _total: told.append(done))
    assert told == [4, 5, 6, 7, 8, 9, 10]
    for name in FILES:
        assert (out / name).read_bytes() == (tmp_path / "at once" / name).read_bytes()


def test_a_row_cut_short_is_scored_again(folder: Path, model: str) -> None:
    measure(folder, model)
    path = Path("colours_curves/scores.csv")
    whole = path.read_bytes()
    for cut in (1, 2, 9, 40):
        path.write_bytes(whole[:-cut])
        told: list[int] = []
        measure(folder, model, heard=lambda done, _total, told=told: told.append(done))
        assert told == [9, 10]
        assert path.read_bytes() == whole


def test_only_changed_files_are_scored_again_and_lost_ones_left_out(
    folder: Path, model: str
) -> None:
    measure(folder, model)
    Image.new("RGB", (16, 16), (1, 2, 3)).save(folder / "red" / "0.png")
    os.utime(folder / "red" / "0.png", ns=(5, 5))
    (folder / "green" / "1.png").unlink()
    told: list[tuple[int, int]] = []
    measure(folder, model, heard=lambda done, total: told.append((done, total)))
    assert told == [(8, 9), (9, 9)]
    rows = {row["file"]: row for row in table(Path("colours_curves/scores.csv"))}
    assert rows["red/0.png"]["modified_ns"] == "5"
    assert "green/1.png" not in rows


def test_unreadable_files_are_listed_and_tried_again(folder: Path, model: str) -> None:
    (folder / "red" / "notes.txt").write_text("no picture")
    (folder / "blue" / "cut.png").write_bytes((folder / "blue" / "0.png").read_bytes()[:40])
    (folder / "green" / "gone.png").symlink_to("nowhere")
    (folder / "red" / ".hidden").write_text("not looked at")
    (folder / "beside.png").write_bytes(b"no label")
    lines: list[str] = []
    answers = measure(folder, model, say=lines.append)
    assert sum(len(answer.scores) for answer in answers) == 30
    problems = {row["file"]: row["problem"] for row in table(Path("colours_curves/scores.csv"))}
    assert {name for name, why in problems.items() if why} == {
        "red/notes.txt",
        "blue/cut.png",
        "green/gone.png",
    }
    assert lines[:2] == [
        "3 of 13 files could not be read: see colours_curves/scores.csv",
        "1 file beside the subfolders left out: no label",
    ]
    assert "notes.txt: not a picture" in Path("colours_curves/index.html").read_text()
    told: list[int] = []
    measure(folder, model, heard=lambda done, _total: told.append(done))
    assert told[0] == 10


def test_few_pictures_are_in_memory_at_a_time(
    folder: Path, model: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(40):
        shutil.copy(folder / "red" / "0.png", folder / "red" / f"more {number}.png")
    opened: list[Path] = []
    ahead: list[int] = []
    read = folder_scores.pixels_of

    def counted(path: Path) -> object:
        opened.append(path)
        return read(path)

    monkeypatch.setattr(folder_scores, "pixels_of", counted)
    measure(folder, model, workers=1, heard=lambda done, _: ahead.append(len(opened) - done))
    assert max(ahead) <= folder_scores.AHEAD + scorers.AHEAD + 2


def test_names_of_any_bytes_are_kept(folder: Path, model: str) -> None:
    names = ['<b>&".png', "line\nbreak.png", "comma, 'quote'.png", os.fsdecode(b"\xff.png")]
    for name in names:
        shutil.copy(folder / "blue" / "0.png", folder / "red" / name)
    measure(folder, model)
    page = Path("colours_curves/index.html").read_text(encoding="utf-8")
    assert "<b>&" not in page
    assert "&lt;b&gt;&amp;" in page
    told: list[int] = []
    measure(folder, model, heard=lambda done, _total: told.append(done))
    assert told == [14]


def test_the_page_needs_nothing_and_allows_only_its_own(folder: Path, model: str) -> None:
    measure(folder, model)
    page = Path("colours_curves/index.html").read_text(encoding="utf-8")
    assert not re.search(r"https?:|url\(|@import", page)
    assert "style=" not in page
    for kind in ("script", "style"):
        (inside,) = re.findall(rf"<{kind}>(.*?)</{kind}>", page, re.DOTALL)
        digest = b64encode(hashlib.sha256(inside.encode()).digest()).decode()
        assert f"{kind}-src 'sha256-{digest}'" in page
    assert page.count('class="answer"') == 3
    assert page.count("<img ") == len(table(Path("colours_curves/mistakes.csv")))


@pytest.mark.skipif(CHROMIUM is None, reason="needs chromium")
def test_the_pages_script_runs(folder: Path, model: str, tmp_path: Path) -> None:
    measure(folder, model)
    page = Path("colours_curves/index.html").resolve().as_uri()
    profile = f"--user-data-dir={tmp_path / 'profile'}"
    done = subprocess.run(
        [str(CHROMIUM), "--headless", "--no-sandbox", profile, "--dump-dom", page],
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    assert len(re.findall(r"<output[^>]*><b>0\.5</b> · recall ", done.stdout)) == 3


def refused(folder: Path, model: str, **keywords: object) -> str:
    with pytest.raises(ValueError) as caught:  # noqa: PT011  # each test says what is told
        measure(folder, model, **keywords)  # type: ignore[arg-type]
    told = str(caught.value)
    assert "\n" not in told
    return told


def test_what_is_no_folder_of_classes_is_refused(folder: Path, model: str) -> None:
    assert "no such folder" in refused(folder / "none", model)
    assert "not a folder" in refused(folder / "red" / "0.png", model)
    assert "there are none" in refused(folder / "red", model)
    shutil.rmtree(folder / "red")
    shutil.rmtree(folder / "green")
    (folder / "green").mkdir()
    assert "only 'blue' has any" in refused(folder, model)
    assert not Path("colours_curves").exists()


def test_what_is_asked_has_to_be_there(folder: Path, model: str) -> None:
    assert "unknown class 'yellow'" in refused(folder, model, wanted="yellow")
    assert "did you mean red?" in refused(folder, model, positives=["rad"])
    assert "every subfolder is" in refused(folder, model, positives=list(COLOURS))
    (folder / "red").rename(folder / "reds")
    assert "did you mean red?" in refused(folder, model)
    assert "no subfolder is called so" in refused(folder, model, wanted="red")
    assert not Path("colours_curves").exists()


def test_nothing_of_others_is_written_over(
    folder: Path, model: str, tiny_model: Callable[..., Path]
) -> None:
    out = Path("mine")
    out.mkdir()
    (out / "index.html").write_text("mine")
    assert "holds other files" in refused(folder, model, out=out)
    assert (out / "index.html").read_text() == "mine"
    assert "a file of that name" in refused(folder, model, out=out / "index.html")
    measure(folder, model)
    other = str(tiny_model(scale=0.5))
    kept = Path("colours_curves/scores.csv").read_bytes()
    assert "another classifier's" in refused(folder, other)
    Path("colours_curves/scores.csv").write_text("a,b\n1,2\n")
    assert "not a table" in refused(folder, model)
    measure(folder, model, force=True)
    assert Path("colours_curves/scores.csv").read_bytes() == kept


def test_a_class_without_one_readable_picture_is_refused(folder: Path, model: str) -> None:
    for path in (folder / "red").iterdir():
        path.write_bytes(b"damaged")
    assert refused(folder, model).startswith("in red: no picture there could be read")
    assert len(table(Path("colours_curves/scores.csv"))) == 10


def test_the_command_passes_on_what_is_typed(folder: Path, model: str) -> None:
    app = typer.Typer()
    app.command()(curves)
    words = [str(folder), "--classifier", model, "--class", "blue", "--positive", "red"]
    result = CliRunner().invoke(
        app, [*words, "--positive", "green", "--out", "there", "--workers", "1"]
    )
    assert result.exit_code == 0, result.output
    assert "blue: area under ROC 0." in result.output
    assert "(6 of 10 pictures)" in result.output
    assert Path("there/index.html").is_file()


@pytest.mark.parametrize(
    ("flag", "value"),
    [("--workers", "two"), ("--workers", "0"), ("--threshold", "0"), ("--threshold", "1.5")],
)
def test_flags_of_the_wrong_type_are_refused(
    folder: Path, model: str, flag: str, value: str
) -> None:
    app = typer.Typer()
    app.command()(curves)
    result = CliRunner().invoke(app, [str(folder), "--classifier", model, flag, value])
    assert isinstance(result.exception, ValueError)
    assert str(result.exception).startswith(f"{flag} {value}: expected")


def test_the_program_refuses_in_one_line(folder: Path, model: str, call: Call) -> None:
    flags = ("--classifier", model)
    for words, told in (
        (("curves", str(folder / "red"), *flags), "one per class"),
        (("curves", str(folder), *flags, "--class", "rad"), "did you mean red"),
        (("curves", str(folder), *flags, "--workers", "1.5"), "--workers 1.5: expected"),
        (("curves", str(folder), "--classifier", "none_such"), "none_such"),
        (("curves", str(folder), *flags, "--out", str(folder / "red" / "0.png")), "name a folder"),
    ):
        outcome = call(*words)
        assert outcome.code == 2
        assert outcome.out == ""
        (line,) = outcome.err.split("\n")[:-1]
        assert told in line


def test_the_example_of_the_page_runs(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "red").rename(folder / "evolved")
    folder.rename("pictures")
    page = (ROOT / "docs" / "instruments" / "curves.md").read_text(encoding="utf-8")
    (block,) = re.findall(r"```python\n(.*?)```", page, re.DOTALL)
    exec(compile(block, "docs/instruments/curves.md", "exec"), {})
    assert 0.0 <= float(capsys.readouterr().out) <= 1.0
