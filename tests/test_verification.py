"""`evonsfw verify`: what is as it was written is told so, and whatever is changed is told."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from bench import Bench
from conftest import drawn
from PIL import Image
from program import END, Call, assert_refused
from tampering import cut, with_a_pixel, with_texts, with_words

from evonsfw import verification
from evonsfw.config import make_config
from evonsfw.export import export_files
from evonsfw.exporters import PLAIN, Manner
from evonsfw.genome import genome_from_text, genome_hash, genome_to_text
from evonsfw.ladder import make_ladder
from evonsfw.verification import TOLERANCE, verify_files

SHORT = {"evaluations": 30, "population": 8}


class Told:
    """What was said of files."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self.errors: list[str] = []

    def __call__(self, *files: Path) -> int:
        self.lines.clear()
        self.errors.clear()
        return verify_files(files, self.lines.append, self.errors.append)


@pytest.fixture
def verify() -> Told:
    return Told()


@pytest.fixture
def run(bench: Bench) -> Path:
    return bench.start("run", **SHORT)


def texts_of(path: Path) -> dict[str, str]:
    with Image.open(path) as image:
        return dict(image.text)


def export(source: Path, *files: Path, size: str | None = None, manner: Manner = PLAIN) -> None:
    export_files(source, files, size, "best", manner, False, lambda _line: None)


def assert_told(verify: Told, path: Path, *words: str, code: int = 1) -> None:
    assert verify(path) == code, verify.lines
    line = (verify.lines or verify.errors)[0]
    assert line.count(str(path)) == 1
    for word in words:
        assert word in line


EVERY_KIND: dict[str, dict[str, Any]] = {
    "triangles": {},
    "circles": {"shapes": "circles"},
    "mix": {"shapes": "circles,triangles", "size": "48x32"},
    "palette": {"palette": "#264653,#2a9d8f", "background": "#102030", "alpha": (0.1, 1.0)},
    "class": {"class": "red"},
    "lowest": {"objective": "lowest"},
    "target score": {"target_score": 0.4},
    "expression": {"objective": "red - 0.5*clutter"},
    "logits": {"objective": "logit(red)"},
    "term": {"objective": "symmetry"},
    "robust": {"robust": True, "size": 64},
    "genetic": {"search": "genetic", "gradient": False},
    "memetic": {"search": "memetic"},
    "classic2016": {"search": "classic2016"},
    "cmaes": {"search": "cmaes"},
    "int8": {"backend": "int8"},
}


@pytest.mark.parametrize("kind", EVERY_KIND)
def test_pictures_of_every_kind_of_run_are_as_claimed(
    bench: Bench, verify: Told, kind: str, int8_cache: Path
) -> None:
    folder = bench.start("run", **{**SHORT, **EVERY_KIND[kind]})
    made = [bench.folder / name for name in ("a.png", "b.svg", "c.json")]
    export(folder, *made)
    assert verify(folder / "best.png", *sorted(folder.glob("generations/*.png")), *made) == 0
    score = texts_of(folder / "best.png")["evonsfw:score"]
    assert verify.lines[0].startswith(f"{folder / 'best.png'}: genome whole, pixels identical, ")
    assert verify.lines[0].endswith(f" {score} as claimed")
    assert all(line.endswith(" as claimed") for line in verify.lines)


def test_a_likeness_is_found_again_with_the_target_of_its_run(bench: Bench, verify: Told) -> None:
    target = bench.folder / "target picture.png"
    drawn(50, 40).save(target)
    folder = bench.start("run", target=str(target), size="40x32", **SHORT)
    away = bench.folder / "away"
    away.mkdir()
    export(folder, away / "poster.png", size="80")
    files = [folder / "best.png", folder / "generations" / "gen_00001.png", away / "poster.png"]
    assert verify(*files) == 0
    target.unlink()
    assert verify(*files) == 0
    folder.rename(bench.folder / "moved")
    moved = bench.folder / "moved"
    assert verify(moved / "best.png", moved / "generations" / "gen_00001.png") == 0
    assert_told(verify, away / "poster.png", "score not checked", "target", "pixels identical")


def test_a_target_that_is_another_picture_is_told(bench: Bench, verify: Told) -> None:
    target = bench.folder / "t.png"
    drawn(40, 32).save(target)
    folder = bench.start("run", target=str(target), size="40x32", **SHORT)
    drawn(40, 32, seed=9).save(target)
    assert verify(folder / "best.png") == 0
    drawn(40, 32, seed=9).save(folder / "target.png")
    assert_told(verify, folder / "best.png", "SCORE: RMSE")


def test_each_wish_of_a_front_is_as_claimed(bench: Bench, verify: Told) -> None:
    folder = bench.start("run", search="nsga2", **SHORT)
    pictures = sorted(folder.glob("front/0*.*"))
    assert {path.suffix for path in pictures} == {".png", ".svg"}
    assert verify(folder / "best.png", *pictures) == 0
    assert ", symmetry " in verify.lines[-1]
    claims = json.loads(texts_of(folder / "front" / "001.png")["evonsfw:wishes"])
    wishes = list(claims)
    for change in (
        {**claims, wishes[1]: claims[wishes[1]] - 0.01},
        {wishes[0]: claims[wishes[0]]},
        [1],
    ):
        other = with_texts(
            folder / "front" / "001.png", bench.folder / "x.png", wishes=json.dumps(change)
        )
        assert_told(verify, other, "SCORE: symmetry" if len(change) > 1 else "WISHES")


def test_what_fewest_and_a_ladder_leave_is_as_claimed(bench: Bench, verify: Told) -> None:
    folder = bench.start("run", fewest=True, until=0.6, evaluations=300)
    assert verify(folder / "fewest.png", folder / "fewest.svg") == 0
    settings = bench.settings(evaluations=200)
    settings.pop("workers")
    ladder = bench.folder / "ladder"
    make_ladder(make_config(settings), 3, ladder, "evonsfw ladder", lambda _line: None)
    assert verify(*sorted(ladder.glob("*.png"))) == 0
    assert len(verify.lines) == 3


def test_at_another_size_the_score_is_that_of_the_size_that_was_scored(
    run: Path, verify: Told, tmp_path: Path
) -> None:
    export(run, tmp_path / "p.png", size="100x40")
    assert verify(tmp_path / "p.png") == 0
    assert "pixels identical at 100x40, " in verify.lines[0]
    assert verify.lines[0].endswith(" at 32x32 as claimed")


def test_a_picture_without_its_background_is_as_claimed(
    run: Path, verify: Told, tmp_path: Path
) -> None:
    export(run, tmp_path / "p.png", tmp_path / "p.svg", manner=Manner(transparent=True))
    assert verify(tmp_path / "p.png", tmp_path / "p.svg") == 0


@pytest.mark.parametrize("size", [None, "77"])
@pytest.mark.parametrize("place", [(0, 0), (31, 31), (16, 7)])
def test_one_changed_pixel_is_told(
    run: Path, verify: Told, tmp_path: Path, size: str | None, place: tuple[int, int]
) -> None:
    export(run, tmp_path / "p.png", size=size)
    changed = with_a_pixel(tmp_path / "p.png", tmp_path / "x.png", place)
    own = ["the file itself has blue 0."] if size is None else []
    assert_told(verify, changed, "PIXELS DIFFER", "genome whole", " as claimed", *own)


@pytest.mark.parametrize(
    ("change", "word"),
    [
        (0.5 * TOLERANCE, ""),
        (2.0 * TOLERANCE, "SCORE"),
        (-2.0 * TOLERANCE, "SCORE"),
        (0.3, "SCORE"),
        ("nan", "SCORE"),
        ("inf", "SCORE"),
        ("high", "SCORE"),
        (None, "SCORE: none claimed"),
    ],
)
def test_a_wrong_score_is_told(
    run: Path, verify: Told, tmp_path: Path, change: float | str | None, word: str
) -> None:
    score = float(texts_of(run / "best.png")["evonsfw:score"])
    claimed = f"{score + change:.6f}" if isinstance(change, float) else change
    other = with_texts(run / "best.png", tmp_path / "x.png", score=claimed)
    assert_told(verify, other, word, "pixels identical", code=1 if word else 0)


def test_a_swapped_genome_is_told(run: Path, verify: Told, tmp_path: Path) -> None:
    first = texts_of(run / "generations" / "gen_00001.png")
    genome = {"genome": first["evonsfw:genome"]}
    other = with_texts(run / "best.png", tmp_path / "x.png", **genome)
    assert_told(verify, other, "GENOME CHANGED", "PIXELS DIFFER", "SCORE")
    genome["genome_sha256"] = first["evonsfw:genome_sha256"]
    other = with_texts(run / "best.png", tmp_path / "x.png", **genome)
    assert_told(verify, other, "genome whole", "PIXELS DIFFER", "SCORE")


def test_one_changed_gene_is_told(run: Path, verify: Told, tmp_path: Path) -> None:
    genome = genome_from_text(texts_of(run / "best.png")["evonsfw:genome"])
    genome[4] = 1.0 - genome[4]
    texts = {"genome": genome_to_text(genome), "genome_sha256": genome_hash(genome)}
    other = with_texts(run / "best.png", tmp_path / "x.png", **texts)
    assert_told(verify, other, "PIXELS DIFFER")


@pytest.mark.parametrize(
    ("change", "words", "code"),
    [
        ({"alpha": [0.5, 0.9]}, ["PIXELS DIFFER"], 1),
        ({"shapes": ["circles"], "n": 4}, ["damaged", "have 31"], 2),
        ({"n": 5}, ["damaged", "have 53"], 2),
        ({"background": "#000000"}, ["PIXELS DIFFER"], 1),
        ({"class": "red"}, ["SCORE: red"], 1),
        ({"objective": "+red"}, ["SCORE: +red"], 1),
        ({"seed": 8}, ["SEED: 7 claimed, 8 in its settings"], 1),
        ({"size": "64x64"}, ["SCORED_SIZE: 32x32 claimed, 64x64"], 1),
        ({"classifier": "missing.yaml"}, ["score not checked: classifier", "missing.yaml"], 1),
        ({"classifier": "open_nsfw", "class": None}, ["score not checked", "is another"], 1),
        ({"shaeps": 1}, ["newer evonsfw"], 2),
        ({"palette": "missing.yaml"}, ["damaged"], 2),
    ],
    ids=lambda value: ",".join(value) if isinstance(value, dict) else None,
)
def test_changed_settings_are_told(
    run: Path, verify: Told, tmp_path: Path, change: dict[str, Any], words: list[str], code: int
) -> None:
    settings = {**json.loads(texts_of(run / "best.png")["evonsfw:settings"]), **change}
    other = with_texts(run / "best.png", tmp_path / "x.png", settings=json.dumps(settings))
    assert_told(verify, other, *words, code=code)


def test_a_missing_claim_of_the_classifier_is_told(run: Path, verify: Told, tmp_path: Path) -> None:
    other = with_texts(run / "best.png", tmp_path / "x.png", classifier_sha256="")
    assert_told(verify, other, "score not checked: it does not say by which classifier's file")


def test_another_classifier_than_claimed_is_told(
    run: Path, verify: Told, tmp_path: Path, tiny_model: Callable[..., Path]
) -> None:
    other = with_texts(run / "best.png", tmp_path / "x.png", classifier_sha256="0" * 64)
    assert_told(verify, other, "score not checked: the classifier's file here is another")
    settings = json.loads(texts_of(run / "best.png")["evonsfw:settings"])
    moved = tiny_model(bias=np.zeros(3, np.float32))
    texts = {"settings": json.dumps({**settings, "classifier": str(moved)})}
    other = with_texts(run / "best.png", tmp_path / "y.png", **texts)
    assert_told(verify, other, "score not checked: the classifier's file here is another")
    Path(settings["classifier"]).unlink()
    assert_told(verify, run / "best.png", "score not checked: ", "no such file", "pixels identical")


@pytest.mark.parametrize("name", ["a.png", "b.svg", "c.json"])
@pytest.mark.parametrize("share", [0.0, 0.02, 0.5, 0.99])
def test_a_cut_file_is_told(
    run: Path, verify: Told, tmp_path: Path, name: str, share: float
) -> None:
    export(run, tmp_path / name)
    short = cut(tmp_path / name, tmp_path / f"x{name}", share)
    assert verify(short) == 2
    assert verify.lines == []
    assert len(verify.errors) == 1
    assert str(short) in verify.errors[0]


def test_what_is_changed_in_a_drawing_or_in_fields_is_told(
    run: Path, verify: Told, tmp_path: Path
) -> None:
    score = texts_of(run / "best.png")["evonsfw:score"]
    svg, fields, x, y = (tmp_path / name for name in ("p.svg", "p.json", "x.svg", "x.json"))
    export(run, svg, fields)
    assert_told(verify, with_words(svg, x, ' opacity=".', ' opacity="1.'), "SHAPES DIFFER")
    assert_told(verify, with_words(svg, x, score, "0.123456"), "SCORE", "shapes identical")
    number = json.loads(fields.read_text())["score"]
    assert f"{number:.6f}" == score
    other = with_words(fields, y, f'"score": {number},', '"score": 0.123456,')
    assert_told(verify, other, "SCORE", "shapes identical")
    gene = f'"red": {json.loads(fields.read_text())["shapes"][2]["red"]}'
    assert_told(verify, with_words(fields, y, gene, '"red": 0.5'), "GENOME CHANGED", "SCORE")


def test_files_without_a_genome_are_told_and_the_others_looked_at(
    call: Call, tiny: list[str], tmp_path: Path
) -> None:
    assert call(*tiny, "--out", "run").code == 0
    Image.new("RGB", (9, 9)).save(tmp_path / "plain.png")
    (tmp_path / "words.txt").write_text("no picture")
    wrong = with_texts(tmp_path / "run" / "best.png", tmp_path / "wrong.png", score="0.5")
    best = "run/best.png"
    outcome = call("verify", best)
    assert (outcome.code, outcome.err) == (0, "")
    outcome = call("verify", best, wrong.name)
    assert (outcome.code, outcome.err) == (1, "")
    for name in ("plain.png", "words.txt", "missing.png", "run"):
        assert_refused(call("verify", name), name)
    outcome = call("verify", "plain.png", wrong.name, best, "missing.png")
    assert outcome.code == 2
    assert [line.split(":")[0] for line in outcome.out.splitlines()] == [wrong.name, best]
    errors = outcome.err.splitlines()
    assert len(errors) == 2
    assert "plain.png: there is no genome in it" in errors[0]
    assert "missing.png: no such file" in errors[1]


@pytest.fixture
def opened(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The goals for which a reference pipeline was opened."""
    found: list[str] = []
    real = verification.reference_of

    def count(config: Any) -> Any:
        found.append(config.goal_name)
        return real(config)

    monkeypatch.setattr(verification, "reference_of", count)
    return found


def test_a_classifier_is_opened_once_for_many_files(
    bench: Bench, verify: Told, opened: list[str]
) -> None:
    one = bench.start("one", **SHORT)
    two = bench.start("two", shapes="circles", n=7, size="48x32", robust=True, **SHORT)
    low = bench.start("low", objective="lowest", **SHORT)
    files = [folder / "best.png" for folder in (one, two, low, two, one)]
    assert verify(*files, *sorted(one.glob("generations/*.png"))) == 0
    assert opened == ["highest", "lowest"]


RUNS: list[dict[str, Any]] = [
    {"shapes": "triangles", "n": 1, "seed": 1},
    {"shapes": "circles", "n": 30, "seed": 2, "size": 64},
    {"shapes": "circles,triangles", "n": 9, "seed": 3, "size": "64x24"},
    {"shapes": "triangles,circles", "n": 8, "seed": 4, "size": "17x200"},
    {"background": "#fffff0", "palette": "#264653,#e76f51", "seed": 5},
    {"alpha": (0.0, 1.0), "objective": "lowest", "seed": 6},
    {"target_score": 0.3, "search": "genetic", "seed": 7},
    {"objective": "green - 0.1*clutter", "search": "cmaes", "seed": 8},
    {"robust": True, "size": 100, "seed": 9},
    {"search": "classic2016", "class": "red", "n": 120, "seed": 10},
]


@pytest.fixture
def exports(bench: Bench) -> Callable[[dict[str, Any]], Iterator[Path]]:
    """Ten files of a run: pictures of two generations at several sizes, drawings, fields."""

    def make(settings: dict[str, Any]) -> Iterator[Path]:
        run = bench.start("run", **{**SHORT, **settings})
        last = len((run / "log.csv").read_text().splitlines()) - 1
        for number, generation in enumerate(["best", str((last + 1) // 2)]):
            for size in (None, "201", "40x90"):
                path = bench.folder / f"{number}_{size}.png"
                export_files(run, [path], size, generation, PLAIN, False, lambda _line: None)
                yield path
            both = [bench.folder / f"{number}.svg", bench.folder / f"{number}.json"]
            export_files(run, both, "300", generation, PLAIN, False, lambda _line: None)
            yield from both

    return make


@pytest.mark.parametrize("settings", RUNS, ids=",".join)
def test_a_hundred_exports_are_as_claimed_and_copies_of_them_that_are_changed_are_not(
    settings: dict[str, Any],
    exports: Callable[[dict[str, Any]], Iterator[Path]],
    verify: Told,
    tmp_path: Path,
) -> None:
    """Ten runs here, of which each leaves ten files."""
    files = list(exports(settings))
    assert len(files) == 10
    assert verify(*files) == 0
    assert len(verify.lines) == 10
    for path in files:
        copy = tmp_path / f"copy{path.suffix}"
        shutil.copy(path, copy)
        assert verify(copy) == 0
        assert_told(verify, cut(path, copy, 0.8), code=2)
        if path.suffix == ".png":
            score = float(texts_of(path)["evonsfw:score"])
            assert_told(verify, with_a_pixel(path, copy, (5, 5)), "PIXELS DIFFER")
            assert_told(verify, with_texts(path, copy, score=f"{score + 0.001:.6f}"), "SCORE")


def test_verify_of_an_own_run_folder_says_what_to_give(call: Call, tiny: list[str]) -> None:
    assert call(*tiny, *END, "--out", "run").code == 0
    assert_refused(call("verify", "run"), "run")


@pytest.mark.parametrize("name", ["triangles", "circles"])
def test_the_pictures_of_the_readme_are_as_claimed(verify: Told, name: str) -> None:
    picture = Path(__file__).parent.parent / "docs/images" / f"{name}.png"
    assert_told(verify, picture, "genome whole, pixels identical", "as claimed", code=0)
