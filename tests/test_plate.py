"""Plates: colours of numbers, and pictures of findings."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from evonsfw.findings import (
    Findings,
    default_out,
    require_free,
    write,
    write_array,
)
from evonsfw.heat import ANCHORS, Scheme, coloured
from evonsfw.plate import Bar, Panel, Plate, draw, number, over, symmetric

PICTURE = np.full((20, 30, 3), (10, 200, 90), np.uint8)


@pytest.mark.parametrize("scheme", list(ANCHORS))
def test_the_ends_and_the_middle_have_the_colours_of_the_scheme(scheme: Scheme) -> None:
    anchors = ANCHORS[scheme]
    found = coloured([-1.0, 0.0, 1.0], -1.0, 1.0, scheme)
    assert found.tolist() == anchors[[0, len(anchors) // 2, -1]].astype(int).tolist()


def test_values_beyond_the_ends_have_the_colours_of_the_ends() -> None:
    assert (coloured([-9.0, 9.0], 0.0, 1.0) == coloured([0.0, 1.0], 0.0, 1.0)).all()


def test_what_is_not_known_is_grey_and_what_has_no_span_is_in_the_middle() -> None:
    assert coloured([np.nan], 0.0, 1.0).tolist() == [[128, 128, 128]]
    assert (coloured([3.0], 3.0, 3.0) == coloured([0.5], 0.0, 1.0)).all()


def test_a_symmetric_bar_ends_where_few_values_pass() -> None:
    values = np.append(np.linspace(-1.0, 1.0, 1000), 50.0)
    bar = symmetric(values)
    assert bar.low == -bar.high
    assert 0.99 < bar.high < 1.01
    assert symmetric(np.zeros(5)).high == 1.0
    assert symmetric([0.0] * 999 + [7.0]).high == 7.0


def test_a_map_of_no_opacity_leaves_the_picture_grey() -> None:
    bar = Bar(0.0, 1.0)
    found = over(PICTURE, np.zeros((20, 30)), bar, 0.0)
    assert (found == found[0, 0, 0]).all()
    assert (over(PICTURE, np.ones((20, 30)), bar, 1.0) == bar.colours(1.0)).all()


@pytest.mark.parametrize(
    ("value", "span", "text"),
    [
        *((0.5, 1.0, "0.50"), (0.0, 1e-9, "0"), (-1e-9, 1.0, "0.00")),
        *((3.0, 0.0, "3"), (1234.5, 4000.0, "1234")),
    ],
)
def test_numbers_have_the_digits_that_tell_them_apart(value: float, span: float, text: str) -> None:
    assert number(value, span) == text


def test_small_spans_are_written_with_powers() -> None:
    assert number(1.5e-7, 1e-6) == "1.50e-07"


def test_panels_lie_beside_each_other_and_wrap() -> None:
    panel = Panel("one", PICTURE)
    widths = [draw(Plate("", (panel,) * count), 60).shape[1] for count in (1, 2, 4, 5)]
    assert widths[0] < widths[1] < widths[2] == widths[3]
    heights = [draw(Plate("", (panel,) * count), 60).shape[0] for count in (1, 4, 5)]
    assert heights[0] == heights[1] < heights[2]


def test_a_plate_looks_as_it_should(golden: Callable[..., None]) -> None:
    values = np.linspace(-1.0, 1.0, 600).reshape(20, 30)
    bar = symmetric(values, "d logit / d pixel")
    panels = (
        Panel("picture", PICTURE, note="as it is"),
        Panel("map", bar.colours(values), bar),
        Panel("both", over(PICTURE, values, bar), bar),
    )
    figures = (("score", "0.5"), ("window", "64 pixels"), ("a long name " * 9, "long " * 40))
    plate = Plate("A title", panels, figures, "What it means. " * 12)
    golden(draw(plate, 120), "plate", tolerance=40, outliers=0.01)


def test_findings_are_two_files_and_the_png_says_what_made_it(tmp_path: Path) -> None:
    out = tmp_path / "a.png"
    array = np.arange(6.0).reshape(2, 3)
    findings = Findings(Plate("t", (Panel("p", PICTURE),)), array, {"explain": "ünïcode"})
    assert write(findings, out) == [out, tmp_path / "a.npy"]
    assert np.load(tmp_path / "a.npy").tolist() == array.tolist()
    image = Image.open(out)
    assert image.info["evonsfw:explain"] == "ünïcode"
    assert (np.asarray(image) == draw(findings.plate)).all()
    with pytest.raises(ValueError, match="is there already: --force"):
        write(findings, out)
    assert write(Findings(findings.plate), out, force=True) == [out]


@pytest.mark.parametrize(
    "array", [np.float32(3.5), np.zeros((0, 3)), np.arange(24, dtype=np.int16).reshape(2, 3, 4).T]
)
def test_arrays_are_read_as_they_were(tmp_path: Path, array: np.ndarray) -> None:
    write_array(tmp_path / "a.npy", array)
    found = np.load(tmp_path / "a.npy")
    np.testing.assert_array_equal(found, array)
    assert (found.dtype, found.shape) == (array.dtype, array.shape)


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="a disk that is full, of Linux")
def test_a_full_disk_says_so_and_names_the_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    draft = tmp_path / "draft"
    draft.symlink_to("/dev/full")
    drafts = (os.open(draft, os.O_WRONLY), str(draft))
    monkeypatch.setattr("tempfile.mkstemp", lambda **_: drafts)
    with pytest.raises(OSError, match="No space left on device") as caught:
        write_array(tmp_path / "a.npy", np.zeros(100_000))
    assert caught.value.filename == str(tmp_path / "a.npy")
    assert list(tmp_path.iterdir()) == []


def test_what_cannot_be_written_is_told_before(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="is a folder"):
        require_free([tmp_path])
    with pytest.raises(ValueError, match="no such folder"):
        require_free([tmp_path / "none" / "a.png"])
    with pytest.raises(ValueError, match=r"ends in \.png"):
        write(Findings(Plate("t", (Panel("p", PICTURE),))), tmp_path / "a.jpg")
    assert list(tmp_path.iterdir()) == []


def test_files_are_named_after_the_picture() -> None:
    assert default_out(Path("/some/photo.large.jpg"), "occlusion") == Path(
        "photo.large_occlusion.png"
    )
