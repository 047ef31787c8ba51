"""Drawings whose shapes are moved until another program's look of them scores as the picture."""

from __future__ import annotations

import io
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import resvg_py
from artworks import CANVAS, artwork
from bench import Bench
from conftest import TINY_WEIGHTS, drawn
from PIL import Image
from program import END, Call, assert_refused
from tampering import with_words

from evonsfw import agreement
from evonsfw.agreement import BAR, ENOUGH, FEW, ROUNDS, VISIBLE, Agreement, agreeing
from evonsfw.chronicle import read_picture
from evonsfw.classifier import Classifier
from evonsfw.export import export_files
from evonsfw.exporters import PLAIN, Artwork, Manner, svg
from evonsfw.model_spec import read_spec
from evonsfw.nudges import GEOMETRY, KEYWORDS, MOST, OPACITIES
from evonsfw.provenance import read_texts
from evonsfw.raster import render
from evonsfw.shapes import Canvas
from evonsfw.verification import verify_files

AIMED = sorted((Path(__file__).parent / "golden").glob("aimed-*.json"))
"""Of runs with --target-score 0.5, whose drawings are off by 0.03 as they are."""
STEEP = 60
"""As much steeper than the tiny model: it feels a tenth of a level."""
FEW_STEEP = 300
"""A fifth of that."""


def seen(document: str) -> np.ndarray:
    """An SVG as resvg draws it, by itself."""
    return np.asarray(
        Image.open(io.BytesIO(resvg_py.svg_to_bytes(svg_string=document))).convert("RGB")
    )


def export(source: Path, *files: Path, size: str | None = None, manner: Manner = PLAIN) -> str:
    """Export, and what it said that is not of a file that is there."""
    said: list[str] = []
    export_files(source, files, size, "best", manner, False, said.append)
    return "\n".join(line for line in said if not line.endswith((" kB", " bytes")))


def opacities(path: Path) -> str | None:
    return read_texts(path).get(OPACITIES)


def verified(path: Path) -> tuple[int, str]:
    said: list[str] = []
    return verify_files([path], said.append, said.append), said[0]


@pytest.fixture
def steep(tiny_model: Callable[..., Path]) -> Path:
    """The YAML of a classifier that is as steep in the middle as open_nsfw is on its pictures."""
    return steep_on(artwork(n=40), tiny_model)


def steep_on(what: Artwork, tiny_model: Callable[..., Path], steepness: float = STEEP) -> Path:
    means = render(what.genome[None], what.encoding, CANVAS)[0].mean(axis=(0, 1)) / 255
    weights = (steepness * TINY_WEIGHTS).astype(np.float32)
    return tiny_model(weights=weights, bias=-(weights @ means).astype(np.float32))


def found(model: Path, what: Artwork | None = None, **more: Any) -> Agreement:
    classifiers = [Classifier(read_spec(str(model)))]
    return agreeing(what or artwork(n=40), CANVAS, classifiers, CANVAS, svg.to_svg, **more)


@pytest.mark.parametrize("path", AIMED, ids=lambda path: path.stem)
def test_an_exported_drawing_scores_as_its_picture(
    path: Path, open_nsfw: Classifier, tmp_path: Path
) -> None:
    given, out = read_picture(path), tmp_path / "plot.svg"
    config = given.config
    ours = render(given.genome[None], config.encoding, config.canvas)[0]
    plain = svg.to_svg(Artwork(given.genome, config.encoding), config.canvas)
    assert export(path, out) == ""
    pictures = [ours, seen(plain), seen(out.read_text(encoding="utf-8"))]
    score, before, after = open_nsfw.probabilities(pictures)[:, 1].tolist()
    assert score == pytest.approx(0.5, abs=0.0011)
    assert abs(before - score) > 2 * BAR
    assert abs(after - score) <= ENOUGH
    assert np.abs(ours.astype(int) - pictures[2]).mean() <= 1.0
    code, said = verified(out)
    assert code == 0
    assert "genome whole, shapes identical, nsfw" in said
    assert said.endswith("as claimed")

    files = [tmp_path / name for name in ("again.png", "again.json")]
    assert export(out, *files) == ""
    for file in files:
        assert read_texts(file) == {k: v for k, v in read_texts(out).items() if k not in KEYWORDS}
        assert "opacities" not in file.read_bytes().decode("latin-1")


def test_a_picture_that_agrees_is_written_as_it_is(bench: Bench, tmp_path: Path) -> None:
    run = bench.start("run", evaluations=30, population=8)
    assert export(run, tmp_path / "a.svg") == ""
    assert opacities(tmp_path / "a.svg") is None
    assert read_texts(tmp_path / "a.svg") == read_texts(run / "best.png")


def test_opacities_are_moved_until_it_agrees(steep: Path) -> None:
    what = artwork(n=40)
    result, again = found(steep), found(steep)
    assert 0 < result.tries < 200
    assert result.apart <= ENOUGH
    assert result.artwork.metadata == again.artwork.metadata
    moved = result.artwork.metadata[OPACITIES]
    assert result.artwork.metadata == {**what.metadata, OPACITIES: moved}
    picture = agreement.drawn(svg.to_svg(result.artwork, CANVAS), CANVAS)
    ours = render(what.genome[None], what.encoding, CANVAS)[0]
    one, two = Classifier(read_spec(str(steep))).probabilities([ours, picture])
    assert np.abs(one - two).max() == pytest.approx(result.apart, abs=1e-4)
    assert np.abs(ours.astype(int) - picture).mean() <= 1.0


def test_opacities_that_were_moved_before_are_forgotten(steep: Path) -> None:
    what = artwork(n=40)
    stale = replace(what, metadata={**what.metadata, OPACITIES: "any", GEOMETRY: "any"})
    assert found(steep, stale).artwork.metadata == found(steep).artwork.metadata


def test_the_class_that_is_furthest_off_counts_of_any_classifier(
    steep: Path, tiny_model: Callable[..., Path]
) -> None:
    what = artwork(n=40)
    calm = Classifier(read_spec(str(tiny_model())))
    both = [calm, Classifier(read_spec(str(steep)))]
    result = agreeing(what, CANVAS, both, CANVAS, svg.to_svg)
    assert result.artwork.metadata == found(steep).artwork.metadata
    assert agreeing(what, CANVAS, [calm], CANVAS, svg.to_svg).tries == 0


@pytest.mark.parametrize("canvas", [(400, 300), (81, 60), (4000, 3000)])
def test_a_drawing_of_another_size_is_looked_at_in_that_of_the_picture(canvas: Canvas) -> None:
    what = artwork(n=40)
    ours = render(what.genome[None], what.encoding, CANVAS)[0]
    picture = agreement.drawn(svg.to_svg(what, canvas), CANVAS)
    assert picture.shape == ours.shape
    assert np.abs(ours.astype(int) - picture).mean() <= 1.0


def test_at_its_own_size_it_is_drawn_as_it_is() -> None:
    document = svg.to_svg(artwork(), CANVAS)
    np.testing.assert_array_equal(agreement.drawn(document, CANVAS), seen(document))


@pytest.mark.parametrize(("seed", "size"), [(0, CANVAS), (2, CANVAS), (3, CANVAS), (0, (400, 300))])
def test_places_are_moved_where_opacities_of_one_shape_do_not_do(
    seed: int, size: Canvas, tiny_model: Callable[..., Path], tmp_path: Path
) -> None:
    what = artwork(seed, n=1, shapes="circles")
    classifier = Classifier(read_spec(str(steep_on(what, tiny_model, FEW_STEEP))))
    result = agreeing(what, CANVAS, [classifier], size, svg.to_svg)
    assert result.apart <= BAR
    assert GEOMETRY in result.artwork.metadata
    svg.write(tmp_path / "art.svg", result.artwork, size)
    assert svg.same(tmp_path / "art.svg", result.artwork)
    assert not svg.same(tmp_path / "art.svg", what)
    picture = agreement.drawn(svg.to_svg(result.artwork, size), CANVAS)
    ours = render(what.genome[None], what.encoding, CANVAS)[0]
    assert np.abs(ours.astype(int) - picture).mean() <= VISIBLE


def test_shapes_that_are_not_to_be_seen_stay(
    unlike: list[str], tiny_model: Callable[..., Path]
) -> None:
    what = artwork(n=3, alpha=(0.0, 0.0))
    result = found(steep_on(what, tiny_model), what)
    assert result.tries == 0
    assert result.artwork == what


def test_a_drawing_that_differs_visibly_is_not_taken(
    steep: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(agreement, "TRIES", 20)
    monkeypatch.setattr(agreement, "VISIBLE", 0.0)
    what = artwork(n=40)
    result = found(steep, what)
    assert result.artwork == what
    assert BAR < result.apart < 1


@pytest.fixture
def unlike(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """No drawing is ever like its picture; what was looked at."""
    looked: list[str] = []

    def never(document: str, canvas: Canvas) -> np.ndarray:
        looked.append(document)
        return np.full((canvas[1], canvas[0], 3), len(looked) % 7, np.uint8)

    monkeypatch.setattr(agreement, "drawn", never)
    monkeypatch.setattr(agreement, "VISIBLE", 255.0)
    monkeypatch.setattr(agreement, "TRIES", 15)
    return looked


def test_what_cannot_be_reached_ends_with_the_nearest(steep: Path, unlike: list[str]) -> None:
    result = found(steep)
    assert result.tries == 15 * ROUNDS
    assert len(unlike) == 15 * ROUNDS + 1
    assert result.apart > BAR


@pytest.mark.parametrize(("n", "searches"), [(FEW, 2), (FEW + 1, 1)])
def test_of_few_shapes_twice_as_many_drawings_are_looked_at(
    n: int, searches: int, unlike: list[str], tiny_model: Callable[..., Path]
) -> None:
    heard: list[int] = []
    what = artwork(n=n)
    result = found(
        steep_on(what, tiny_model), what, heard=lambda tries: heard.append(tries) is None
    )
    assert result.tries == 15 * ROUNDS * searches
    assert heard == list(range(1, result.tries + 1))


def test_after_a_round_the_bar_is_near_enough(steep: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of what is found in the first one, too."""
    tried: list[int] = []
    monkeypatch.setattr(agreement, "TRIES", 5)

    def look(nudges: np.ndarray) -> np.ndarray:
        tried.append(len(tried))
        return np.array([{0: 0.5, 3: 0.9 * BAR}.get(tried[-1], 0.3)])

    limits = np.full(4, -5), np.full(4, 5)
    _, off = agreement._searched(look, *limits, 99, False, lambda _: True)
    assert len(off) == 6
    assert min(off) == 0.9 * BAR


@pytest.mark.parametrize(("shapes", "room", "most"), [(1, 5, 11), (2, 0, 1), (2, 1, 9)])
def test_no_opacities_are_looked_at_twice(shapes: int, room: int, most: int) -> None:
    looked: list[bytes] = []

    def look(nudges: np.ndarray) -> np.ndarray:
        looked.append(nudges.tobytes())
        return np.array([0.3])

    limits = np.full(shapes, -room), np.full(shapes, room)
    agreement._searched(look, *limits, 500, False, lambda _: True)
    assert len(set(looked)) == len(looked) <= most


def test_whatever_is_left_is_looked_at_where_the_search_would_end() -> None:
    looked: list[bytes] = []

    def look(nudges: np.ndarray) -> np.ndarray:
        looked.append(nudges.tobytes())
        return np.array([0.3 if nudges[0] or nudges[1] != -4 else 0.5 * BAR])

    limits = np.full(2, -5), np.full(2, 5)
    _, off = agreement._searched(look, *limits, 500, True, lambda _: True)
    assert len(set(looked)) == len(looked)
    assert min(off) == 0.5 * BAR


def test_of_a_large_canvas_fewer_drawings_are_looked_at(
    steep: Path, unlike: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(agreement, "PIXELS", 5 * CANVAS[0] * CANVAS[1])
    assert found(steep).tries == 5


@pytest.mark.parametrize(("n", "most"), [(40, 4), (4, 4), (4, 15 * ROUNDS + 4)])
def test_whoever_gives_up_gets_the_nearest_so_far(
    n: int, most: int, unlike: list[str], tiny_model: Callable[..., Path]
) -> None:
    what = artwork(n=n)
    model = steep_on(what, tiny_model)
    assert found(model, what, heard=lambda tries: tries < most).tries == most - 1


def test_whoever_gives_up_once_is_not_asked_again(
    unlike: list[str], tiny_model: Callable[..., Path]
) -> None:
    what, heard = artwork(n=3), []
    model = steep_on(what, tiny_model)
    found(model, what, heard=lambda tries: heard.append(tries) is None and tries != 4)
    assert heard == [1, 2, 3, 4]


def test_what_cannot_be_reached_is_told_in_a_line(
    bench: Bench, unlike: list[str], tmp_path: Path
) -> None:
    run = bench.start("run", evaluations=30, population=8)
    out = tmp_path / "a.svg"
    said = export(run, out)
    assert said.startswith(f"{out}: drawn by resvg it has ")
    assert said.count("\n") == 0
    assert ", the picture 0." in said
    assert len(unlike) == 2 * (15 * ROUNDS + 1)
    assert verified(out)[0] == 0


def test_what_resvg_does_not_draw_is_written_as_it_is(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def refuse(**_: Any) -> bytes:
        raise ValueError("it has\ntoo many nodes")

    run = bench.start("run", evaluations=30, population=8)
    monkeypatch.setattr(resvg_py, "svg_to_bytes", refuse)
    said = export(run, tmp_path / "a.svg")
    assert said.endswith("a.svg: not compared: resvg does not draw it: it has too many nodes")
    assert opacities(tmp_path / "a.svg") is None
    assert verified(tmp_path / "a.svg")[0] == 0


@pytest.mark.parametrize(
    ("settings", "size", "looks"),
    [
        ({}, None, True),
        ({}, "640", True),
        ({}, "40x90", False),
        ({"objective": "symmetry"}, None, False),
        ({"target": "t.png"}, None, False),
        ({"objective": "red - 0.5*clutter"}, None, True),
        ({"objective": "logit(red)"}, None, True),
        ({"robust": True, "size": 64}, None, True),
        ({"size": "48x32"}, "100", True),
        ({"size": "17x200"}, "3", False),
    ],
    ids=str,
)
def test_it_is_looked_at_where_a_classifier_has_scored_it_and_it_is_not_stretched(
    bench: Bench, settings: dict[str, Any], size: str | None, looks: bool, unlike: list[str]
) -> None:
    if "target" in settings:
        drawn(32, 32).save(bench.folder / "t.png")
        settings = {"target": str(bench.folder / "t.png"), "size": 32}
    run = bench.start("run", evaluations=30, population=8, **settings)
    asked = Manner(contributions="target" in settings)
    said = export(run, bench.folder / "a.svg", size=size, manner=asked)
    assert bool(unlike) == looks
    assert bool(said) == looks
    assert verified(bench.folder / "a.svg")[0] == 0


def test_without_its_background_it_is_looked_at_with_it(bench: Bench, unlike: list[str]) -> None:
    run = bench.start("run", evaluations=30, population=8)
    export(run, bench.folder / "a.svg", manner=Manner(transparent=True))
    assert all("<rect\nwidth" in document for document in unlike)
    assert unlike
    assert "<rect\nwidth" not in (bench.folder / "a.svg").read_text(encoding="utf-8")


@pytest.mark.parametrize("files", [("a.png", "a.json"), ("a.png",)])
def test_other_files_are_not_looked_at(
    bench: Bench, files: tuple[str, ...], unlike: list[str]
) -> None:
    run = bench.start("run", evaluations=30, population=8)
    assert export(run, *(bench.folder / name for name in files)) == ""
    assert not unlike


def test_by_no_classifier_or_another_one_it_is_written_as_it_is(
    bench: Bench, unlike: list[str], tiny_model: Callable[..., Path]
) -> None:
    run = bench.start("run", evaluations=30, population=8)
    other = tiny_model(bias=np.zeros(3, np.float32)).with_suffix(".onnx")
    shutil.copy(other, bench.model.with_suffix(".onnx"))
    said = export(run, bench.folder / "a.svg")
    lacking = "without contributions of the shapes, and drawings as they are"
    assert said == f"{lacking}: the classifier's file is not the run's"
    bench.model.with_suffix(".onnx").unlink()
    said = export(run, bench.folder / "b.svg", bench.folder / "b.json")
    assert said.startswith(f"{lacking}: classifier")
    assert said.count("\n") == 0
    assert not unlike
    assert opacities(bench.folder / "a.svg") is None


def test_verify_tells_opacities_that_are_others_than_the_file_says(
    bench: Bench, unlike: list[str], tmp_path: Path
) -> None:
    run = bench.start("run", evaluations=30, population=8)
    out, copy = tmp_path / "a.svg", tmp_path / "b.svg"
    export(run, out)
    text = opacities(out)
    assert text is not None
    assert len(text) == 4
    assert set(text) != {"m"}
    tag = f'<t k="{OPACITIES}">{text}</t>\n'
    value = next(
        part.split('"')[1] for part in out.read_text(encoding="utf-8").split(" opacity=")[1:]
    )
    assert "SHAPES DIFFER" in verified(with_words(out, copy, value, f"{value}1"))[1]
    assert "SHAPES DIFFER" in verified(with_words(out, copy, tag, ""))[1]
    for number in range(4):
        letter = "m" if text[number] != "m" else "n"
        other = text[:number] + letter + text[number + 1 :]
        code, said = verified(with_words(out, copy, tag, tag.replace(text, other)))
        assert code == 1
        assert "SHAPES DIFFER" in said
    for forged in ("", "mmm", f"mmm{chr(ord('m') + MOST + 1)}", "0+1", "m" * 9999):
        code, said = verified(with_words(out, copy, tag, tag.replace(text, forged)))
        assert code == 2
        assert f"{copy}: {OPACITIES} = " in said
        assert "\n" not in said


def test_verify_tells_places_that_are_others_than_the_file_says(
    bench: Bench, tmp_path: Path
) -> None:
    run = bench.start("run", evaluations=30, population=8)
    own, out, copy = (read_picture(run / "best.png"), tmp_path / "a.svg", tmp_path / "b.svg")
    text = "lnmmml" * own.config.n
    what = Artwork(own.genome, own.config.encoding, {**own.texts, GEOMETRY: text})
    svg.write(out, what, own.config.canvas)
    assert verified(out)[0] == 0
    np.testing.assert_array_equal(read_picture(out).genome, own.genome)
    tag = f'<t k="{GEOMETRY}">{text}</t>\n'
    corner = out.read_text(encoding="utf-8").split('points="')[1].split(",")[0]
    forged = f'points="{int(corner) + 1},'
    assert "SHAPES DIFFER" in verified(with_words(out, copy, f'points="{corner},', forged))[1]
    for words in ("", tag.replace("mmm", "mnm"), tag.replace("lnm", "mmm")):
        code, said = verified(with_words(out, copy, tag, words))
        assert code == 1
        assert "SHAPES DIFFER" in said
    for words in ("", "m", text[1:], "o" + text[1:], "k" + text[1:]):
        code, said = verified(with_words(out, copy, tag, tag.replace(text, words)))
        assert code == 2
        assert f"{copy}: {GEOMETRY} = " in said
        assert "\n" not in said


def test_a_run_that_goes_on_from_a_drawing_leaves_its_opacities_behind(
    bench: Bench, unlike: list[str]
) -> None:
    run = bench.start("run", evaluations=30, population=8)
    export(run, bench.folder / "a.svg")
    assert opacities(bench.folder / "a.svg") is not None
    more = bench.start("more", evaluations=10, **{"from": str(bench.folder / "a.svg")})
    assert opacities(more / "start.png") is None
    assert opacities(more / "best.png") is None


def test_a_forged_drawing_is_refused_by_the_program_in_a_line(
    call: Call, tiny: list[str], tmp_path: Path
) -> None:
    assert call(*tiny, *END, "--out", "run").code == 0
    assert call("export", "run", "a.svg").code == 0
    texts = "</texts>"
    with_words(
        tmp_path / "a.svg", tmp_path / "b.svg", texts, f'<t k="{OPACITIES}">zzz</t>\n{texts}'
    )
    assert_refused(call("verify", "b.svg"), "b.svg", OPACITIES, "expected 3 letters")
    assert call("export", "b.svg", "c.svg").code == 0
    assert (tmp_path / "c.svg").read_bytes() == (tmp_path / "a.svg").read_bytes()
