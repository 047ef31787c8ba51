"""What a picture file says of where it comes from; nothing in a stranger's file is trusted."""

from __future__ import annotations

import base64
import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from PIL.PngImagePlugin import PngInfo

import evonsfw
from evonsfw.config import RunConfig, make_config
from evonsfw.exporters import Artwork, load_exporter, png
from evonsfw.generation import Champion
from evonsfw.genome import genome_to_text
from evonsfw.provenance import GENOME, SETTINGS, read_provenance, read_texts
from evonsfw.runs import RunFolder

CONFIG = make_config(
    {
        "n": 40,
        "shapes": "circles,triangles",
        "seed": 3,
        "size": "48x32",
        "palette": ["#102030", "#ffffff"],
        "class": "0",
    }
)
GENES = np.random.default_rng(1).random(CONFIG.encoding.length, np.float32)
TEXTS = {GENOME: genome_to_text(GENES), SETTINGS: json.dumps(CONFIG.to_dict())}


def _file(path: Path, texts: dict[str, str]) -> Path:
    chunks = PngInfo()
    for keyword, text in texts.items():
        chunks.add_text(keyword, text)
    Image.new("RGB", (20, 16), "red").save(path, pnginfo=chunks)
    return path


def _settings(**values: object) -> str:
    return json.dumps({**CONFIG.to_dict(), **values})


@pytest.mark.parametrize("canvas", [(48, 32), (96, 64)])
def test_what_a_run_writes_is_read_again(tmp_path: Path, canvas: tuple[int, int]) -> None:
    artwork = RunFolder(tmp_path, CONFIG, "").artwork(Champion(GENES, 0.0, 0.5, 1))
    png.write(tmp_path / "best.png", artwork, canvas)
    found = read_provenance(tmp_path / "best.png")
    assert found is not None
    np.testing.assert_array_equal(found.genome, GENES)
    assert found.config == CONFIG


def test_a_picture_from_elsewhere_has_none(tmp_path: Path) -> None:
    assert read_provenance(_file(tmp_path / "photo.png", {"Title": "a photo"})) is None
    Image.new("RGB", (20, 16)).save(tmp_path / "photo.jpg")
    assert read_provenance(tmp_path / "photo.jpg") is None


def test_what_is_no_picture_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="no such file"):
        read_provenance(tmp_path / "none.png")


@pytest.mark.parametrize(
    ("texts", "reason"),
    [
        ({GENOME: "%%%%"}, "base64"),
        ({GENOME: "äöü"}, "ASCII"),
        ({GENOME: TEXTS[GENOME][:-8]}, "genes"),
        ({GENOME: base64.b64encode(b"12345").decode()}, "multiple of element size"),
        ({GENOME: genome_to_text(GENES + 1.0)}, "outside"),
        ({GENOME: genome_to_text(GENES * np.float32(np.nan))}, "outside"),
        ({GENOME: ""}, "0 genes"),
        ({SETTINGS: "{"}, "Expecting"),
        ({SETTINGS: "[" * 100_000}, "recursion"),
        ({SETTINGS: "[]"}, "no JSON object"),
        ({SETTINGS: _settings(n=41)}, "genes"),
        ({SETTINGS: _settings(shapes=["../evil"])}, "evil"),
        ({SETTINGS: _settings(shapes=[])}, "no shape"),
        ({SETTINGS: _settings(size="99999x99999")}, "99999"),
        ({SETTINGS: _settings(alpha=[float("nan"), 1.0])}, "alpha"),
    ],
)
def test_damaged_provenance_is_refused_in_one_line(
    tmp_path: Path, texts: dict[str, str], reason: str
) -> None:
    path = _file(tmp_path / "bad.png", {**TEXTS, **texts})
    with pytest.raises(ValueError, match=reason) as caught:
        read_provenance(path)
    assert "\n" not in str(caught.value)
    assert str(caught.value).startswith(f"picture {path}: ")


NEWER = r"made by a newer evonsfw \(%s\): update evonsfw$"


@pytest.mark.parametrize(
    ("texts", "told"),
    [
        ({"evonsfw:format": "2"}, "unknown; this is .*"),
        ({"evonsfw:format": "9" * 5000}, "unknown; this is .*"),
        ({"evonsfw:format": "2", "evonsfw:version": "7.8.9"}, "7.8.9; this is .*"),
        ({"evonsfw:version": "7.8.9"}, "7.8.9; this is .*"),
        ({"evonsfw:version": "0.99.0rc1"}, "0.99.0rc1; this is .*"),
        ({SETTINGS: _settings(colour="red")}, ".* has no setting 'colour'"),
        ({"evonsfw:version": "7.8.9", SETTINGS: "{", GENOME: "%"}, "7.8.9; this is .*"),
    ],
)
@pytest.mark.parametrize("ending", ["png", "svg", "json"])
def test_a_newer_version_is_told(
    tmp_path: Path, texts: dict[str, str], told: str, ending: str
) -> None:
    path = tmp_path / f"newer.{ending}"
    what = Artwork(GENES, CONFIG.encoding, {**TEXTS, **texts})
    load_exporter(ending).write(path, what, (20, 16))
    with pytest.raises(ValueError, match=NEWER % told) as caught:
        read_provenance(path)
    assert str(caught.value).startswith(f"picture {path}: ")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("version", ["0.0.9", f"{evonsfw.__version__}.9", "", "none", "²³.¹"])
@pytest.mark.parametrize("kind", ["1", "0", "", "one"])
def test_any_other_version_is_read(tmp_path: Path, version: str, kind: str) -> None:
    texts = {**TEXTS, "evonsfw:version": version, "evonsfw:format": kind}
    found = read_provenance(_file(tmp_path / "old.png", texts))
    assert found is not None
    assert found.texts == texts


@pytest.mark.parametrize("ending", ["png", "svg", "json"])
def test_every_ending_is_read_by_its_exporter(tmp_path: Path, ending: str) -> None:
    artwork = RunFolder(tmp_path, CONFIG, "").artwork(Champion(GENES, 0.0, 0.5, 1))
    path = tmp_path / f"Best.{ending.upper()}"
    load_exporter(ending).write(path, artwork, (48, 32))
    found = read_provenance(path)
    assert found is not None
    np.testing.assert_array_equal(found.genome, GENES)
    assert found.config == CONFIG
    assert found.texts == artwork.metadata == read_texts(path)


def test_a_png_under_another_name(tmp_path: Path) -> None:
    """Pillow looks at the content, so that a backup's name does no harm."""
    path = _file(tmp_path / "best.png", TEXTS)
    found = read_provenance(path.rename(tmp_path / "best.png~"))
    assert found is not None
    assert found.config == CONFIG


@pytest.mark.parametrize("left", [GENOME, SETTINGS])
def test_half_of_it_is_refused(tmp_path: Path, left: str) -> None:
    with pytest.raises(ValueError, match="belong together"):
        read_provenance(_file(tmp_path / "half.png", {left: TEXTS[left]}))


def test_a_stranger_has_no_file_opened(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    opened: list[Path] = []
    monkeypatch.setattr("evonsfw.spelling._palette_file", lambda path: opened.append(path) or ())
    texts = {**TEXTS, SETTINGS: _settings(palette="secret.yaml")}
    with pytest.raises(ValueError, match="palette"):
        read_provenance(_file(tmp_path / "bad.png", texts))
    assert opened == []


def test_every_setting_comes_back() -> None:
    assert set(json.loads(TEXTS[SETTINGS])) == {
        field.alias or name for name, field in RunConfig.model_fields.items()
    }
