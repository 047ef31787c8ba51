"""Views: what each does to a picture, to the pixel, and its way back; `evonsfw score --views`."""

from __future__ import annotations

import io
import json
import pickle
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from conftest import drawn
from PIL import Image
from program import Call, assert_refused, picture

from evonsfw.classifier import Classifier
from evonsfw.config import make_config
from evonsfw.generation import Champion
from evonsfw.genome import Encoding
from evonsfw.margin import margin
from evonsfw.model_spec import read_spec
from evonsfw.provenance import Provenance
from evonsfw.raster import render
from evonsfw.runs import RunFolder
from evonsfw.scoring import lowest, view_table
from evonsfw.views import HELD_OUT, QUALITIES, SEARCHED, View, apply, canvas_of

VIEWS = (*SEARCHED, *HELD_OUT)
NAMED = {view.name: view for view in VIEWS}
SIZES = [(40, 31), (256, 256), (2, 17), (19, 300)]
LINEAR = ("as is", "shift 3", "flip", "crop 7")
ENCODED = [view.name for view in VIEWS if view.name.startswith(("jpeg", "webp"))]


def _picture(width: int, height: int) -> np.ndarray:
    return np.array(drawn(width, height))


def _filed(pixels: np.ndarray, kind: str, **options: object) -> np.ndarray:
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, kind, **options)
    return np.asarray(Image.open(file).convert("RGB"))


def _too_small(view: View, size: tuple[int, int]) -> bool:
    return view.name == "crop 7" and min(size) <= 14


def test_a_search_sees_the_picture_itself_first_and_never_what_is_held_out() -> None:
    assert SEARCHED[0] == View("as is")
    assert [view.name for view in SEARCHED[1:]] == [
        *(f"jpeg {quality}" for quality in QUALITIES),
        *("no jpeg", "webp 80", "at 512", "at 1024", "shift 3", "flip"),
    ]
    assert [view.name for view in HELD_OUT] == [
        *("jpeg 35", "crop 7", "lanczos 180", "jpeg ffmpeg")
    ]
    assert len(NAMED) == len(VIEWS)
    assert [view.name for view in VIEWS if not view.own_jpeg] == ["no jpeg"]


@pytest.mark.parametrize("view", VIEWS, ids=lambda view: view.name)
def test_a_view_leaves_its_picture_as_it_was_and_travels_to_other_processes(view: View) -> None:
    pixels = _picture(40, 31)
    before = pixels.copy()
    seen = view.change(pixels)
    np.testing.assert_array_equal(pixels, before)
    assert (seen.dtype, seen.ndim, seen.shape[2]) == (np.uint8, 3, 3)
    assert seen.flags.c_contiguous
    assert seen.flags.writeable
    twin = pickle.loads(pickle.dumps(view))
    np.testing.assert_array_equal(twin.change(pixels), seen)
    assert (twin.name, twin.side, twin.own_jpeg) == (view.name, view.side, view.own_jpeg)


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("quality", [35, *QUALITIES])
def test_a_jpeg_view_is_what_pillow_reads_of_its_file(quality: int, size: tuple[int, int]) -> None:
    pixels = _picture(*size)
    expected = _filed(pixels, "JPEG", quality=quality)
    np.testing.assert_array_equal(NAMED[f"jpeg {quality}"].change(pixels), expected)


@pytest.mark.parametrize("size", SIZES)
def test_webp_is_what_pillow_reads_of_its_file(size: tuple[int, int]) -> None:
    pixels = _picture(*size)
    seen = NAMED["webp 80"].change(pixels)
    np.testing.assert_array_equal(seen, _filed(pixels, "WEBP", quality=80))
    assert not np.array_equal(seen, pixels)


def test_ffmpegs_jpeg_is_that_of_no_quality_of_libjpeg() -> None:
    pixels = _picture(48, 32)
    seen = NAMED["jpeg ffmpeg"].change(pixels)
    assert seen.shape == pixels.shape
    assert np.abs(seen.astype(int) - pixels).mean() < 8.0
    for quality in range(1, 101):
        for subsampling in (0, 1, 2):
            other = _filed(pixels, "JPEG", quality=quality, subsampling=subsampling)
            assert not np.array_equal(seen, other)


@pytest.mark.parametrize("size", SIZES)
def test_a_shift_copies_the_first_row_and_column(size: tuple[int, int]) -> None:
    pixels = _picture(*size)
    rows = np.maximum(np.arange(size[1]) - 3, 0)
    columns = np.maximum(np.arange(size[0]) - 3, 0)
    expected = pixels[rows[:, None], columns[None, :]]
    np.testing.assert_array_equal(NAMED["shift 3"].change(pixels), expected)


def test_a_flip_leaves_what_is_symmetric_and_swaps_what_is_not() -> None:
    flip = NAMED["flip"].change
    half = _picture(20, 31)
    symmetric = np.concatenate([half, half[:, ::-1]], axis=1)
    np.testing.assert_array_equal(flip(symmetric), symmetric)
    swapped = flip(half)
    np.testing.assert_array_equal(swapped[:, 0], half[:, 19])
    np.testing.assert_array_equal(flip(swapped), half)


def test_a_crop_cuts_seven_pixels_from_each_side_or_says_why_not() -> None:
    pixels = _picture(40, 31)
    seen = NAMED["crop 7"].change(pixels)
    assert seen.shape == (17, 26, 3)
    np.testing.assert_array_equal(seen, pixels[7:24, 7:33])
    with pytest.raises(ValueError, match="more than 14 pixels"):
        NAMED["crop 7"].change(_picture(40, 14))


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("name", LINEAR)
def test_the_way_back_is_the_exact_transpose(name: str, size: tuple[int, int]) -> None:
    """<Ax, y> = <x, A'y>, in whole numbers that float32 holds exactly."""
    view = NAMED[name]
    if _too_small(view, size):
        return
    rng = np.random.default_rng(1)
    x = _picture(*size)
    seen = view.change(x)
    y = rng.integers(-9, 10, seen.shape).astype(np.float32)
    pulled = view.back(y, size)
    assert (pulled.shape, pulled.dtype) == (x.shape, np.float32)
    assert pulled.flags.c_contiguous
    assert np.sum(seen.astype(float) * y) == np.sum(x.astype(float) * pulled)


def _float_lanczos(plane: np.ndarray, size: tuple[int, int], small: tuple[int, int]) -> np.ndarray:
    lanczos = Image.Resampling.LANCZOS
    return np.asarray(Image.fromarray(plane).resize(small, lanczos).resize(size, lanczos))


@pytest.mark.parametrize(
    ("size", "small"), [((256, 256), (180, 180)), ((40, 31), (180, 140)), ((19, 300), (11, 180))]
)
def test_lanczos_goes_back_by_the_transpose_of_pillows_weights(
    size: tuple[int, int], small: tuple[int, int]
) -> None:
    view = NAMED["lanczos 180"]
    rng = np.random.default_rng(2)
    x, y = rng.normal(size=(2, size[1], size[0], 3)).astype(np.float32)
    planes = [_float_lanczos(np.ascontiguousarray(x[..., c]), size, small) for c in range(3)]
    there = np.sum(np.stack(planes, axis=-1) * y.astype(float))
    back = view.back(y, size)
    assert (back.dtype, back.flags.c_contiguous) == (np.float32, True)
    scale = float(np.linalg.norm(x) * np.linalg.norm(y))
    assert there == pytest.approx(np.sum(x * back.astype(float)), abs=1e-6 * scale)


def test_lanczos_is_what_it_goes_back_by_up_to_rounding() -> None:
    pixels = _picture(256, 200)
    seen = NAMED["lanczos 180"].change(pixels).astype(float)
    planes = [
        _float_lanczos(pixels[..., c].astype(np.float32), (256, 200), (180, 141)) for c in range(3)
    ]
    exact = np.clip(np.stack(planes, axis=-1), 0, 255)
    inside = (exact > 16) & (exact < 239)  # elsewhere the small picture may have been clipped
    assert inside.mean() > 0.5
    assert np.abs(seen - exact)[inside].max() < 3.0
    flat = np.full((31, 40, 3), 77, np.uint8)
    np.testing.assert_array_equal(NAMED["lanczos 180"].change(flat), flat)


@pytest.mark.parametrize("name", ENCODED)
def test_encoders_go_back_as_the_identity(name: str) -> None:
    y = np.random.default_rng(3).normal(size=(31, 40, 3)).astype(np.float32)
    np.testing.assert_array_equal(NAMED[name].back(y, (40, 31)), y)


@pytest.mark.parametrize(
    ("name", "canvas", "expected"),
    [
        ("at 512", (256, 256), (512, 512)),
        ("at 1024", (100, 50), (1024, 512)),
        ("at 512", (16, 4096), (2, 512)),
        ("as is", (100, 50), (100, 50)),
        ("jpeg 50", (100, 50), (100, 50)),
    ],
)
def test_a_genome_is_rendered_at_the_views_own_size(
    name: str, canvas: tuple[int, int], expected: tuple[int, int]
) -> None:
    encoding = Encoding(("circles", "triangles"), 20)
    genome = np.random.default_rng(4).random(encoding.length, np.float32)
    view = NAMED[name]
    assert canvas_of(view, canvas) == expected
    rendered = render(genome[None], encoding, expected)[0]
    np.testing.assert_array_equal(apply(view, encoding, canvas, genome), view.change(rendered))


def _provenance(size: str) -> Provenance:
    config = make_config({"n": 20, "shapes": "circles", "seed": 1, "size": size})
    genome = np.random.default_rng(5).random(config.encoding.length, np.float32)
    return Provenance(genome, config, {})


@pytest.fixture
def best(tmp_path: Path) -> Path:
    """A picture as a run leaves it."""
    genome, config, _ = _provenance("48x32")
    folder = RunFolder(tmp_path, config, "")
    folder.write_picture(folder.best, Champion(genome, 0.0, 0.5, 1))
    return folder.best


@pytest.mark.parametrize("jpeg", [True, False])
def test_the_table_has_each_views_score(tiny_model: Callable[..., Path], jpeg: bool) -> None:
    classifier = Classifier(read_spec(str(tiny_model(jpeg=jpeg))))
    plain = Classifier(read_spec(str(tiny_model(jpeg=False))))
    provenance = _provenance("48x32")
    genome, config, _ = provenance
    pixels = render(genome[None], config.encoding, config.canvas)[0]
    table = view_table(classifier, pixels, provenance, 1)
    assert [row.view for row in table] == [view.name for view in VIEWS]
    assert [row.held_out for row in table] == [view in HELD_OUT for view in VIEWS]
    for row, view in zip(table, VIEWS, strict=True):
        model = classifier if view.own_jpeg else plain
        seen = apply(view, config.encoding, config.canvas, genome)
        expected = model.probabilities([seen])
        assert row.score == round(float(expected[0, 1]), 6)
        assert row.margin == margin(expected, 1)[0]
    assert lowest(table) == min(table, key=lambda row: float(row.margin or 0.0))
    scores = {row.view: row.margin for row in table}
    assert (scores["no jpeg"] == scores["as is"]) is (not jpeg)


def test_a_photo_has_its_own_pixels_seen_and_no_genome(tiny_model: Callable[..., Path]) -> None:
    classifier = Classifier(read_spec(str(tiny_model())))
    table = view_table(classifier, _picture(40, 13), None, 0)
    missing = {row.view: row.missing for row in table if row.score is None}
    assert missing == {
        "at 512": "needs the genome",
        "at 1024": "needs the genome",
        "crop 7": "needs more than 14 pixels a side",
    }
    assert all(row.margin is None for row in table if row.missing)


def test_what_an_encoder_cannot_hold_is_a_row_without_a_score(
    tiny_model: Callable[..., Path],
) -> None:
    classifier = Classifier(read_spec(str(tiny_model())))
    table = view_table(classifier, np.zeros((2, 70_000, 3), np.uint8), None, 0)
    missing = {row.view: row.missing for row in table}
    assert missing["webp 80"] == "WEBP cannot hold 70000x2 pixels"
    assert missing["jpeg ffmpeg"] == "JPEG cannot hold 70000x2 pixels"
    assert missing["as is"] == ""


def _rows(out: str) -> dict[str, list[str]]:
    """Name of a view to its score, margin and remark."""
    rows = out.splitlines()[1:]
    cells = [[cell.strip() for cell in row.split("  ") if cell.strip()] for row in rows]
    return {name: rest for name, *rest in cells}


def test_score_views_prints_a_table_a_file(call: Call, tiny: list[str], best: Path) -> None:
    plain = call("score", "best.png", *tiny[:2]).out
    outcome = call("score", "best.png", "--views", *tiny[:2])
    assert (outcome.code, outcome.err) == (0, "")
    assert outcome.out.splitlines()[0] == "best.png: blue"
    rows = _rows(outcome.out)
    assert list(rows) == [view.name for view in VIEWS]
    assert f"blue {rows['as is'][0]}" in plain
    remarks = {name: row[2] if len(row) > 2 else "" for name, row in rows.items()}
    assert {name for name in rows if "held out" in remarks[name]} == {v.name for v in HELD_OUT}
    least = [name for name in rows if "lowest" in remarks[name]]
    assert len(least) == 1
    assert float(rows[least[0]][1]) == min(float(row[1]) for row in rows.values())
    assert not any("genome" in remark for remark in remarks.values())


def test_score_views_does_without_a_genome(call: Call, tiny: list[str], tmp_path: Path) -> None:
    picture(tmp_path / "p.png")
    outcome = call("score", "p.png", "--views", *tiny[:2])
    assert (outcome.code, outcome.err) == (0, "")
    rows = _rows(outcome.out)
    assert rows["at 512"] == rows["at 1024"] == ["-", "-", "needs the genome"]
    assert rows["flip"][:2] == rows["as is"][:2]


def test_score_views_prints_json_with_the_class_that_is_asked_for(
    call: Call, tiny: list[str], best: Path
) -> None:
    outcome = call("score", "best.png", "--views", "--json", "--class", "red", *tiny[:2])
    assert (outcome.code, outcome.err) == (0, "")
    found = json.loads(outcome.out)
    assert found["class"] == "red"
    assert [row["view"] for row in found["views"]] == [view.name for view in VIEWS]
    assert found["views"][0]["score"] == found["scores"]["red"]
    margins = {row["view"]: row["margin"] for row in found["views"]}
    assert margins[found["lowest"]] == min(margins.values())
    by_index = call("score", "best.png", "--views", "--json", "--class", "0", *tiny[:2])
    assert by_index.out == outcome.out


def test_a_damaged_genome_is_one_line_and_the_next_file_is_scored(
    call: Call, tiny: list[str], best: Path
) -> None:
    from PIL.PngImagePlugin import PngInfo

    chunks = PngInfo()
    chunks.add_text("evonsfw:genome", "AAAA")
    chunks.add_text("evonsfw:settings", "{}")
    Image.new("RGB", (20, 16)).save(best.with_name("bad.png"), pnginfo=chunks)
    assert call("score", "bad.png", *tiny[:2]).code == 0
    outcome = call("score", "bad.png", "best.png", "--views", *tiny[:2])
    assert_refused(outcome, "bad.png", "damaged")
    assert outcome.out.startswith("best.png: blue\n")


def test_a_class_is_checked(call: Call, tiny: list[str], best: Path) -> None:
    assert_refused(call("score", "best.png", "--class", "red", *tiny[:2]), "--views", "red")
    wrong = call("score", "best.png", "--views", "--class", "rde", *tiny[:2])
    assert_refused(wrong, "rde", "red")
    assert wrong.out == ""
