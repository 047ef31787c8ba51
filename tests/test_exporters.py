"""What every file in evonsfw/exporters/ keeps: texts inside, whole or nothing, one clear line."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

import numpy as np
import pytest
from artworks import CANVAS, artwork, full_disk, gridded, manner

from evonsfw.config import make_config
from evonsfw.exporters import Artwork, exporter_names, exporter_of, load_exporter
from evonsfw.genome import genome_from_text, genome_hash, genome_to_text
from evonsfw.provenance import read_provenance
from evonsfw.whole_file import whole_file

every_exporter = pytest.mark.parametrize("name", exporter_names())
MANNERS = {"transparent", "fps", "seconds", "contributions", "story", "sparing"}


def _write(name: str, path: Path, what: Artwork | None = None) -> Path:
    exporter = load_exporter(name)
    exporter.write(path, what or artwork(), CANVAS, manner(exporter))
    return path


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    """A whole file of each exporter, written when it is first asked for."""
    folder = tmp_path_factory.mktemp("written")

    class Files(dict[str, bytes]):
        def __missing__(self, name: str) -> bytes:
            self[name] = _write(name, folder / f"art.{name}").read_bytes()
            return self[name]

    return Files()


@every_exporter
def test_what_it_says_of_itself(name: str) -> None:
    exporter = load_exporter(name)
    assert f".{name}" == exporter.SUFFIX
    assert exporter_of(Path(f"Poster.{name.upper()}")) is exporter
    assert exporter.TAKES <= MANNERS
    assert 1024 <= exporter.LARGEST <= 16_384
    width, height = exporter.default_canvas((256, 192))
    assert 0 < width <= exporter.LARGEST
    assert 0 < height <= exporter.LARGEST


@every_exporter
def test_the_texts_inside_make_the_same_file(name: str, tmp_path: Path) -> None:
    before = artwork()
    path = _write(name, tmp_path / f"art.{name}", before)
    texts = load_exporter(name).read(path)
    assert texts == before.metadata
    genome = genome_from_text(texts["evonsfw:genome"])
    assert genome.tobytes() == before.genome.tobytes()
    assert genome_hash(genome) == texts["evonsfw:genome_sha256"]
    found = read_provenance(path)
    assert found is not None
    assert found.texts == texts
    assert found.config == make_config(json.loads(texts["evonsfw:settings"]))
    after = Artwork(
        found.genome, found.config.encoding, found.texts, before.contributions, before.story
    )
    assert _write(name, tmp_path / f"again.{name}", after).read_bytes() == path.read_bytes()


@every_exporter
def test_a_genome_on_the_grid_travels_in_every_file(name: str, tmp_path: Path) -> None:
    before = artwork()
    genome = gridded(before.genome, before.encoding)
    texts = {"evonsfw:genome": genome_to_text(genome), "evonsfw:genome_sha256": genome_hash(genome)}
    assert len(texts["evonsfw:genome"]) < 0.5 * len(before.metadata["evonsfw:genome"])
    told = before.metadata | texts
    what = Artwork(genome, before.encoding, told, before.contributions, before.story)
    path = _write(name, tmp_path / f"art.{name}", what)
    found = read_provenance(path)
    assert found is not None
    assert found.texts == told
    assert found.genome.tobytes() == genome.tobytes()
    assert load_exporter(name).same(path, what) in (True, None)


@every_exporter
def test_same_artwork_same_bytes(name: str, written: dict[str, bytes], tmp_path: Path) -> None:
    assert _write(name, tmp_path / f"other.{name}").read_bytes() == written[name]


@every_exporter
def test_its_own_artwork_is_told_from_another(
    name: str, written: dict[str, bytes], tmp_path: Path
) -> None:
    """By what can be seen alone: neither texts nor contributions nor a story are needed."""
    path = tmp_path / f"art.{name}"
    path.write_bytes(written[name])
    own = artwork()
    verdict = load_exporter(name).same(path, Artwork(own.genome, own.encoding))
    assert verdict in (True, None)
    changed = own.genome.copy()
    own.encoding.rows(changed)[-1, :2] = 0.5, 0.4
    assert load_exporter(name).same(path, Artwork(changed, own.encoding)) is (verdict and False)


@every_exporter
def test_a_file_without_texts(name: str, tmp_path: Path) -> None:
    plain = artwork()
    silent = Artwork(plain.genome, plain.encoding, {}, (), plain.story)
    texts = load_exporter(name).read(_write(name, tmp_path / f"art.{name}", silent))
    assert set(texts) <= {"evonsfw:genome"}


@every_exporter
def test_a_cut_file_is_told(name: str, written: dict[str, bytes], tmp_path: Path) -> None:
    """From the last byte to the first: no end of it may be missing."""
    exporter, whole, path = load_exporter(name), written[name].rstrip(), tmp_path / f"cut.{name}"
    step = max(97, len(whole) // 60)
    for length in (len(whole) - 1, len(whole) - 4, *range(0, len(whole) - 4, step)):
        path.write_bytes(whole[:length])
        with pytest.raises(ValueError, match=r"\w") as caught:
            exporter.same(path, artwork())
        _assert_one_line(caught.value, path)
        _read_or_refuse(name, path)


@every_exporter
def test_a_changed_byte_does_no_harm(name: str, written: dict[str, bytes], tmp_path: Path) -> None:
    """Whatever it is: a refusal in one line, or a file that is still read."""
    exporter, path = load_exporter(name), tmp_path / f"bad.{name}"
    rng = np.random.default_rng(8)
    for place in rng.integers(0, len(written[name]), 120 if "fps" not in exporter.TAKES else 15):
        content = bytearray(written[name])
        content[place] ^= int(rng.integers(1, 256))
        path.write_bytes(content)
        _read_or_refuse(name, path)
        try:
            exporter.same(path, artwork())
        except ValueError as error:
            _assert_one_line(error, path)


def _read_or_refuse(name: str, path: Path) -> None:
    try:
        texts = load_exporter(name).read(path)
    except ValueError as error:
        _assert_one_line(error, path)
    else:
        assert all(isinstance(text, str) for text in texts.values())


def _assert_one_line(error: BaseException, path: Path) -> None:
    assert "\n" not in str(error)
    assert path.name in str(error)


@every_exporter
@pytest.mark.parametrize(
    "content", [b"", b"soup\n", b"\0" * 999, b"\xff\xfe<svg/>", b"\x89PNG\r\n"]
)
def test_what_is_no_such_file(name: str, content: bytes, tmp_path: Path) -> None:
    path = tmp_path / f"art.{name}"
    path.write_bytes(content)
    with pytest.raises(ValueError, match=r"\w") as caught:
        load_exporter(name).read(path)
    _assert_one_line(caught.value, path)
    with pytest.raises(ValueError, match=r"\w") as caught:
        load_exporter(name).same(path, artwork())
    _assert_one_line(caught.value, path)


@every_exporter
def test_a_missing_file_and_a_folder(name: str, tmp_path: Path) -> None:
    (tmp_path / f"folder.{name}").mkdir()
    for path in (tmp_path / f"none.{name}", tmp_path / f"folder.{name}"):
        with pytest.raises(ValueError, match=r"\w") as caught:
            load_exporter(name).read(path)
        _assert_one_line(caught.value, path)


@every_exporter
@pytest.mark.parametrize("old", [None, b"the picture before"])
@pytest.mark.parametrize("moment", ["write", "rename"])
@pytest.mark.skipif(sys.platform == "win32", reason="a limit on files is POSIX")
def test_a_failure_leaves_no_half_file(
    name: str, old: bytes | None, moment: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / f"art.{name}"
    if old is not None:
        path.write_bytes(old)
    if moment == "write":
        _write(name, tmp_path / f"compiled.{name}").unlink()
        with full_disk(), pytest.raises(OSError, match=r"\w"):
            _write(name, path)
    else:
        with monkeypatch.context() as patch:
            patch.setattr(Path, "replace", _break)
            with pytest.raises(OSError, match="gone"):
                _write(name, path)
    assert [entry.name for entry in tmp_path.iterdir()] == ([path.name] if old else [])
    assert old is None or path.read_bytes() == old


def _break(*_: object, **__: object) -> None:
    raise OSError(28, "gone")


@every_exporter
def test_it_replaces_what_was_there(name: str, tmp_path: Path) -> None:
    path = tmp_path / f"art.{name}"
    for seed in range(2):
        _write(name, path, artwork(seed))
    texts = load_exporter(name).read(path)
    assert texts["evonsfw:genome"] == artwork(1).metadata["evonsfw:genome"]
    assert len(list(tmp_path.iterdir())) == 1


@every_exporter
@pytest.mark.skipif(os.name != "posix", reason="file modes are POSIX")
def test_file_mode_is_that_of_any_new_file(name: str, tmp_path: Path) -> None:
    path = _write(name, tmp_path / f"art.{name}")
    (tmp_path / "any").touch()
    assert path.stat().st_mode == (tmp_path / "any").stat().st_mode


@every_exporter
def test_a_folder_that_is_not_there(name: str, tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        _write(name, tmp_path / "none" / f"art.{name}")


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


def test_an_unknown_exporter() -> None:
    with pytest.raises(ValueError, match=r"expected one of|did you mean png"):
        load_exporter("pgn")


@pytest.mark.parametrize("word", ["art.bmp", "art", "art.", ".png", "art.png.zip"])
def test_an_ending_that_no_exporter_has(word: str) -> None:
    with pytest.raises(ValueError, match=r"no exporter writes '.*': expected one of .*\.png"):
        exporter_of(Path(word))
