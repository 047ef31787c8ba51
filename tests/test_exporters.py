"""What every file in evonsfw/exporters/ keeps: the size, the genome inside, whole or nothing."""

from __future__ import annotations

import json
import os
import re
from io import BytesIO
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest
import resvg_py
from PIL import Image

from evonsfw.config import RunConfig, make_config
from evonsfw.exporters import Artwork, exporter_names, load_exporter
from evonsfw.exporters.svg import to_svg
from evonsfw.genome import Encoding, genome_from_text, genome_hash, genome_to_text
from evonsfw.raster import render
from evonsfw.shapes import Canvas, load_shape, shape_names
from evonsfw.whole_file import whole_file

every_exporter = pytest.mark.parametrize("name", exporter_names())
SVG = "{http://www.w3.org/2000/svg}"


def _config() -> RunConfig:
    return make_config({"shapes": shape_names(), "n": 7, "size": "40x30", "palette": ["#112233"]})


def _artwork(seed: int = 0) -> Artwork:
    config = _config()
    genome = np.random.default_rng(seed).random(config.encoding.length, np.float32)
    metadata = {
        "Title": "Nr. 7 <\"&'> größer",
        "evonsfw:genome": genome_to_text(genome),
        "evonsfw:genome_sha256": genome_hash(genome),
        "evonsfw:settings": json.dumps(config.to_dict()),
    }
    return Artwork(genome, config.encoding, metadata)


def _open(path: Path) -> tuple[np.ndarray, dict[str, str]]:
    """The picture as another program sees it, and the texts that travel inside."""
    if path.suffix == ".svg":
        text = path.read_text(encoding="utf-8")
        chunks = ElementTree.fromstring(text).iter(f"{SVG}text-chunk")
        png = bytes(resvg_py.svg_to_bytes(svg_string=text))
        picture = np.asarray(Image.open(BytesIO(png)).convert("RGB"))
        return picture, {str(chunk.get("keyword")): chunk.text or "" for chunk in chunks}
    with Image.open(path) as image:
        image.load()
        return np.asarray(image.convert("RGB")), dict(image.text)


@every_exporter
@pytest.mark.parametrize("canvas", [(40, 30), (16, 16), (33, 70), (200, 150)])
def test_it_reopens_with_the_size_asked_for(name: str, canvas: Canvas, tmp_path: Path) -> None:
    exporter = load_exporter(name)
    path = tmp_path / f"art{exporter.SUFFIX}"
    exporter.write(path, _artwork(), canvas)
    picture, _ = _open(path)
    assert picture.shape == (canvas[1], canvas[0], 3)
    expected = render(_artwork().genome[None], _artwork().encoding, canvas)[0]
    tolerance = 0.0 if exporter.SUFFIX == ".png" else 1.0
    assert np.abs(picture.astype(int) - expected).mean() <= tolerance


@every_exporter
def test_the_texts_inside_make_the_same_picture(name: str, tmp_path: Path) -> None:
    exporter = load_exporter(name)
    path = tmp_path / f"art{exporter.SUFFIX}"
    artwork = _artwork()
    exporter.write(path, artwork, (40, 30))
    picture, texts = _open(path)
    assert texts == artwork.metadata
    genome = genome_from_text(texts["evonsfw:genome"])
    assert genome.tobytes() == artwork.genome.tobytes()
    assert genome_hash(genome) == texts["evonsfw:genome_sha256"]
    config = make_config(json.loads(texts["evonsfw:settings"]))
    again = tmp_path / f"again{exporter.SUFFIX}"
    exporter.write(again, Artwork(genome, config.encoding), config.canvas)
    np.testing.assert_array_equal(_open(again)[0], picture)


@every_exporter
def test_same_artwork_same_bytes(name: str, tmp_path: Path) -> None:
    exporter = load_exporter(name)
    for number in range(2):
        exporter.write(tmp_path / f"{number}{exporter.SUFFIX}", _artwork(), (40, 30))
    one, two = (path.read_bytes() for path in sorted(tmp_path.iterdir()))
    assert one == two


@every_exporter
def test_suffix(name: str) -> None:
    suffix = load_exporter(name).SUFFIX
    assert suffix.removeprefix(".") == name
    assert suffix.startswith(".")


class BrokenError(Exception):
    """The disk, in these tests."""


def _break(*_: object, **__: object) -> None:
    raise BrokenError


@every_exporter
@pytest.mark.parametrize("old", [None, b"the picture before"])
@pytest.mark.parametrize("moment", ["write", "rename"])
def test_a_failure_leaves_no_half_file(
    name: str, old: bytes | None, moment: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    exporter = load_exporter(name)
    path = tmp_path / f"art{exporter.SUFFIX}"
    if old is not None:
        path.write_bytes(old)
    if moment == "write":
        monkeypatch.setattr(Image.Image, "save", _break)
        monkeypatch.setattr(Path, "write_text", _break)
        monkeypatch.setattr(Path, "write_bytes", _break)
    else:
        monkeypatch.setattr(Path, "replace", _break)
    with pytest.raises(BrokenError):
        exporter.write(path, _artwork(), (40, 30))
    monkeypatch.undo()
    assert [entry.name for entry in tmp_path.iterdir()] == ([path.name] if old else [])
    assert old is None or path.read_bytes() == old


@every_exporter
def test_it_replaces_what_was_there(name: str, tmp_path: Path) -> None:
    exporter = load_exporter(name)
    path = tmp_path / f"art{exporter.SUFFIX}"
    for seed in range(2):
        exporter.write(path, _artwork(seed), (40, 30))
    assert _open(path)[1]["evonsfw:genome"] == _artwork(1).metadata["evonsfw:genome"]
    assert len(list(tmp_path.iterdir())) == 1


@every_exporter
@pytest.mark.skipif(os.name != "posix", reason="file modes are POSIX")
def test_file_mode_is_that_of_any_new_file(name: str, tmp_path: Path) -> None:
    exporter = load_exporter(name)
    path = tmp_path / f"art{exporter.SUFFIX}"
    exporter.write(path, _artwork(), (40, 30))
    (tmp_path / "any").touch()
    assert path.stat().st_mode == (tmp_path / "any").stat().st_mode


@every_exporter
def test_a_folder_that_is_not_there(name: str, tmp_path: Path) -> None:
    exporter = load_exporter(name)
    with pytest.raises(FileNotFoundError):
        exporter.write(tmp_path / "none" / f"art{exporter.SUFFIX}", _artwork(), (40, 30))


def test_whole_file_while_it_is_written(tmp_path: Path) -> None:
    """The draft lies in the same folder, with the same ending, under a hidden name."""
    path = tmp_path / "art.png"
    with whole_file(path) as draft:
        assert draft.parent == tmp_path
        assert draft.suffix == ".png"
        assert draft.name.startswith(".")
        draft.write_bytes(b"whole")
        assert not path.exists()
    assert path.read_bytes() == b"whole"
    assert list(tmp_path.iterdir()) == [path]


def test_png_compresses_long_texts_only(tmp_path: Path) -> None:
    path = tmp_path / "art.png"
    artwork = _artwork()
    long = {"evonsfw:genome": "A" * 5000, "Title": "short"}
    load_exporter("png").write(path, Artwork(artwork.genome, artwork.encoding, long), (16, 16))
    content = path.read_bytes()
    assert b"zTXtevonsfw:genome" in content
    assert b"tEXtTitle\0short" in content
    assert _open(path)[1] == long


def test_svg_by_hand() -> None:
    encoding = Encoding(("circles", "triangles"), 2, (0.25, 0.75), "#102030")
    genome = np.zeros(encoding.length, np.float32)
    rows = encoding.rows(genome)
    rows[:, :3] = 0.5
    rows[0, -4:] = [1.0, 0.5, 0.0, 1.0]
    root = ElementTree.fromstring(to_svg(Artwork(genome, encoding, {"a": "b"}), (100, 50)))
    assert root.attrib == {"width": "100", "height": "50", "viewBox": "0 0 100 50"}
    title, metadata, ground, circle, polygon = root
    assert title.text == "evonsfw"
    assert metadata[0].text == "b"
    assert ground.attrib == {"width": "100", "height": "50", "fill": "#102030"}
    shape = load_shape("circles")
    radius = np.sqrt(100 * 50) * np.sqrt(shape.MIN_RADIUS * shape.MAX_RADIUS)
    assert circle.tag == f"{SVG}circle"
    assert circle.attrib == {
        "cx": "50.000",
        "cy": "25.000",
        "r": f"{radius:.3f}",
        "fill": "#ff8000",
        "fill-opacity": "0.7500",
    }
    assert polygon.tag == f"{SVG}polygon"
    assert polygon.get("fill-opacity") == "0.2500"
    assert re.fullmatch(r"(-?\d+\.\d{3},-?\d+\.\d{3} ?){3}", str(polygon.get("points")))


def test_svg_paints_in_row_order() -> None:
    encoding = Encoding(("circles", "triangles"), 6)
    genome = np.zeros(encoding.length, np.float32)
    encoding.rows(genome)[:, -2] = np.arange(6) * 40 / 255
    root = ElementTree.fromstring(to_svg(Artwork(genome, encoding), (64, 64)))
    fills = [element.get("fill") for element in list(root)[3:]]
    assert fills == [f"#0000{level:02x}" for level in range(0, 240, 40)]
    tags = [element.tag.removeprefix(SVG) for element in list(root)[3:]]
    assert tags == ["circle", "polygon"] * 3


def test_an_unknown_exporter() -> None:
    with pytest.raises(ValueError, match=r"expected one of|did you mean png"):
        load_exporter("pgn")
