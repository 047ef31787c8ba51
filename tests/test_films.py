"""The files of films: the frames asked for, colours, provenance, whole files or none."""

from __future__ import annotations

from pathlib import Path
from types import ModuleType

import av
import numpy as np
import pytest
from PIL import Image
from reel import ENCODING, Steps, artwork_of, climb, picture

from evonsfw.exporters import Artwork, Manner, Step, Story, load_exporter
from evonsfw.shapes import Canvas
from evonsfw.video import to_yuv

Rgb = tuple[int, int, int]
every_film = pytest.mark.parametrize("name", ["gif", "mp4", "webm"])
quick = Manner(fps=10, seconds=0.6)


def _exporter(name: str) -> ModuleType:
    found = load_exporter(name)
    assert isinstance(found, ModuleType)
    return found


def _decoded(path: Path) -> list[np.ndarray]:
    """Every picture, (H, W, 3) float or uint8, as FFmpeg decodes it."""
    with av.open(str(path)) as film:
        frames = list(film.decode(video=0))
        if path.suffix == ".gif":
            return [frame.to_ndarray(format="rgb24") for frame in frames]
        return [_rgb(frame.to_ndarray(format="yuv420p"), frame.height) for frame in frames]


def _rgb(planes: np.ndarray, height: int) -> np.ndarray:
    """BT.709 of limited range to RGB, as the tags say. FFmpeg's own way there depends on its age
    and is up to two levels too dark.
    """
    luma = (planes[:height] - 16.0) / 219.0
    halves = planes[height:].reshape(2, height // 2, -1)
    blue, red = ((halves - 128.0) / 224.0).repeat(2, axis=1).repeat(2, axis=2)
    r, b = luma + 1.5748 * red, luma + 1.8556 * blue
    g = (luma - 0.2126 * r - 0.0722 * b) / 0.7152
    return 255.0 * np.stack([r, g, b], axis=-1)


@pytest.mark.parametrize(
    ("rgb", "yuv"),
    [
        ((0, 0, 0), (16, 128, 128)),
        ((255, 255, 255), (235, 128, 128)),
        ((255, 0, 0), (63, 102, 240)),
        ((0, 255, 0), (173, 42, 26)),
        ((0, 0, 255), (32, 240, 118)),
    ],
)
def test_colours_of_the_standards_test_bars(rgb: Rgb, yuv: Rgb) -> None:
    planes = np.empty((6, 6), np.uint8)
    to_yuv(np.full((4, 6, 3), rgb, np.uint8), planes)
    flat = planes.reshape(-1)
    assert [set(part.tolist()) for part in np.split(flat, [24, 30])] == [{one} for one in yuv]


def test_chroma_lies_at_the_left_of_its_pixels() -> None:
    """(1 2 1) / 4 around each even column, and the mean of two rows."""
    image = np.zeros((2, 6, 3), np.uint8)
    image[0, 3] = 200
    image[:, 5, 2] = 160
    planes = np.empty((3, 6), np.uint8)
    to_yuv(image, planes)
    blue = planes.reshape(-1)[12:15].astype(int) - 128
    expected = np.array([0.0, 0.0, 0.25 * 160 * (1.0 - 0.0722) / 1.8556]) * 224 / 255
    np.testing.assert_allclose(blue, expected, atol=0.51)


def test_a_gif_of_more_pictures_a_second_than_browsers_show(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="--fps 60: expected 1 to 50"):
        _exporter("gif").write(tmp_path / "a.gif", artwork_of(climb(2)), (32, 24), Manner(fps=60))
    assert not list(tmp_path.iterdir())


def test_default_sizes() -> None:
    assert _exporter("mp4").default_canvas((256, 256)) == (1920, 1080)
    assert _exporter("webm").default_canvas((10, 4000)) == (1920, 1080)
    assert _exporter("gif").default_canvas((256, 128)) == (480, 240)
    assert _exporter("gif").default_canvas((1, 4096)) == (1, 480)


@every_film
@pytest.mark.parametrize(
    ("manner", "count"),
    [
        (quick, 6),
        (Manner(fps=1, seconds=0.1), 1),
        (Manner(fps=30, seconds=0.5), 15),
        (Manner(fps=7, seconds=1.3), 9),
        (Manner(fps=48, seconds=0.25), 12),
    ],
)
def test_the_frames_asked_for(name: str, manner: Manner, count: int, tmp_path: Path) -> None:
    path = tmp_path / f"film.{name}"
    _exporter(name).write(path, artwork_of(climb(3)), (32, 24), manner)
    assert manner.fps is not None
    with av.open(str(path)) as film:
        stream = film.streams.video[0]
        frames = list(film.decode(stream))
        assert len(frames) == count
        assert film.duration is not None
        assert film.duration / 1e6 == pytest.approx(count / manner.fps, abs=0.0101)
        assert stream.codec_context.name == {"mp4": "h264", "webm": "vp9"}.get(name, name)
        if name != "gif":
            assert stream.codec_context.pix_fmt == "yuv420p"
            assert stream.average_rate == manner.fps or count == 1
            tags = stream.codec_context
            assert (tags.color_range, tags.colorspace, tags.color_primaries, tags.color_trc) == (
                (1, 1, 1, 1)
            )
        assert [(frame.width, frame.height) for frame in frames] == [(32, 24)] * count


@every_film
def test_a_held_picture_is_there_as_often_as_asked(name: str, tmp_path: Path) -> None:
    path = tmp_path / f"film.{name}"
    _exporter(name).write(path, artwork_of(climb(1)), (32, 24), Manner(fps=10, seconds=2.0))
    frames = _decoded(path)
    assert len(frames) == 20
    if name == "gif":
        with Image.open(path) as image:
            assert getattr(image, "n_frames", 1) == 20


@every_film
@pytest.mark.parametrize("size", [(33, 25), (2, 2), (17, 64)])
def test_odd_sizes(name: str, size: Canvas, tmp_path: Path) -> None:
    path = tmp_path / f"film.{name}"
    _exporter(name).write(path, artwork_of(climb(2), ""), size, quick)
    frames = _decoded(path)
    shown = size if name == "gif" else (size[0] - size[0] % 2, size[1] - size[1] % 2)
    assert {frame.shape for frame in frames} == {(shown[1], shown[0], 3)}


@every_film
def test_colours_are_the_pictures(name: str, tmp_path: Path) -> None:
    """Flat fields of strong colour, which a wrong matrix or range would shift by ten or more."""
    genome = np.zeros(ENCODING.length, np.float32)
    path = tmp_path / f"film.{name}"
    for colour in ((0.0, 0.0, 0.0), (1.0, 1.0, 1.0), (1.0, 0.0, 0.0), (0.1, 0.7, 0.2), (0.2, 0, 1)):
        genome[:3] = colour
        genome[3::10] = 0.0
        _exporter(name).write(path, artwork_of([genome]), (64, 48), Manner(fps=5, seconds=0.4))
        middle = _decoded(path)[-1][20:40, 30:60].reshape(-1, 3)
        expected = np.round(np.array(colour, np.float32) * 255)
        assert np.abs(np.median(middle, axis=0) - expected).max() <= 3


@every_film
def test_it_begins_and_ends_with_the_runs_pictures(name: str, tmp_path: Path) -> None:
    genomes = climb(4)
    path = tmp_path / f"film.{name}"
    _exporter(name).write(path, artwork_of(genomes, "96x72"), (96, 72), Manner(fps=10, seconds=1.0))
    frames = _decoded(path)
    for frame, genome in ((frames[0], genomes[0]), (frames[-1], genomes[-1])):
        assert np.abs(frame.astype(float) - picture(genome, (96, 72))).mean() < 6.0
    assert np.abs(frames[0].astype(float) - frames[-1]).mean() > 12.0


@pytest.mark.parametrize("fps", [1, 3, 7, 20, 30, 50])
def test_a_gif_lasts_as_long_as_it_should_and_loops(fps: int, tmp_path: Path) -> None:
    path = tmp_path / "film.gif"
    _exporter("gif").write(path, artwork_of(climb(2)), (16, 12), Manner(fps=fps, seconds=3.0))
    with Image.open(path) as image:
        durations = []
        for number in range(3 * fps):
            image.seek(number)
            durations.append(image.info["duration"])
        assert image.info["loop"] == 0
    assert sum(durations) == 3000
    assert max(durations) - min(durations) <= 10
    assert min(durations) >= 20


def test_a_gif_of_few_colours_is_exact(tmp_path: Path) -> None:
    path = tmp_path / "film.gif"
    genome = np.zeros(ENCODING.length, np.float32)
    genome[:3] = 0.3
    artwork = artwork_of([genome])
    _exporter("gif").write(path, artwork, (64, 48), quick)
    frame = _decoded(path)[-1]
    assert np.abs(frame.astype(float) - picture(genome, (64, 48))).max() <= 1


@every_film
@pytest.mark.parametrize("more", ["", "ä€🎨", "x" * 400_000])
def test_metadata_come_back_exactly(name: str, more: str, tmp_path: Path) -> None:
    path = tmp_path / f"film.{name}"
    artwork = artwork_of(climb(2), more=more)
    _exporter(name).write(path, artwork, (32, 24), quick)
    assert _exporter(name).read(path) == artwork.metadata
    assert _exporter(name).same(path, artwork) is None


@every_film
def test_same_film_same_bytes(name: str, tmp_path: Path) -> None:
    paths = [tmp_path / f"{number}.{name}" for number in range(2)]
    for path in paths:
        _exporter(name).write(path, artwork_of(climb(3)), (32, 24), quick)
    assert paths[0].read_bytes() == paths[1].read_bytes()


def test_an_mp4_plays_before_it_is_all_there(tmp_path: Path) -> None:
    path = tmp_path / "film.mp4"
    _exporter("mp4").write(path, artwork_of(climb(3)), (32, 24), quick)
    content = path.read_bytes()
    assert 0 < content.index(b"moov") < content.index(b"mdat")


@every_film
@pytest.mark.parametrize("old", [None, b"the film before"])
def test_a_full_disk_leaves_no_half_film(name: str, old: bytes | None, tmp_path: Path) -> None:
    """As a limit on files' sizes, which stops writing where a full disk would."""
    resource = pytest.importorskip("resource")
    artwork, path = artwork_of(climb(3)), tmp_path / f"film.{name}"
    _exporter(name).write(path, artwork, (32, 24), quick)
    size = path.stat().st_size
    path.unlink()
    if old is not None:
        path.write_bytes(old)
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    for most in (10, size // 2, size - 1):
        resource.setrlimit(resource.RLIMIT_FSIZE, (most, limits[1]))
        try:
            with pytest.raises(OSError, match="File too large"):
                _exporter(name).write(path, artwork, (32, 24), quick)
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, limits)
        assert [entry.name for entry in tmp_path.iterdir()] == ([path.name] if old else [])
        assert old is None or path.read_bytes() == old


@every_film
def test_a_folder_that_is_not_there(name: str, tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        _exporter(name).write(tmp_path / "no" / f"a.{name}", artwork_of(climb(2)), (32, 24), quick)


@every_film
def test_a_story_that_cannot_be_read_leaves_nothing(name: str, tmp_path: Path) -> None:
    class Broken(Steps):
        def __getitem__(self, index: int) -> Step:  # type: ignore[override]
            if self.reads > 12:
                raise ValueError("bests.bin: damaged at generation 2")
            return super().__getitem__(index)

    genomes = climb(4)
    artwork = Artwork(genomes[-1], ENCODING, {}, (), Story(Broken(genomes), "", {}))
    with pytest.raises(ValueError, match=r"^bests\.bin: damaged"):
        _exporter(name).write(tmp_path / f"a.{name}", artwork, (32, 24), quick)
    assert not list(tmp_path.iterdir())


@every_film
def test_a_cut_film_is_told(name: str, tmp_path: Path) -> None:
    path = tmp_path / f"film.{name}"
    _exporter(name).write(path, artwork_of(climb(3)), (32, 24), quick)
    whole = path.read_bytes()
    for length in [0, 1, 7, 13, 40, *range(60, len(whole), 211), len(whole) - 1]:
        path.write_bytes(whole[:length])
        for look in (_exporter(name).read, lambda one: _exporter(name).same(one, None)):
            with pytest.raises(ValueError, match=rf"film.*{path.name}: .*") as caught:
                look(path)
            assert "\n" not in str(caught.value)


@every_film
def test_what_is_no_film_is_told(name: str, tmp_path: Path) -> None:
    path = tmp_path / f"film.{name}"
    with pytest.raises(ValueError, match=r"film.*: [Nn]o such file"):
        _exporter(name).read(path)
    for content in (b"rubbish" * 99, b"\x1a\x45\xdf\xa3" + b"\xff" * 99, b"GIF89a" + b"\0" * 99):
        path.write_bytes(content)
        with pytest.raises(ValueError, match=path.name):
            _exporter(name).read(path)


@pytest.mark.parametrize("name", ["gif", "mp4"])
def test_a_damaged_film_is_told_where_it_cannot_be_decoded(name: str, tmp_path: Path) -> None:
    path = tmp_path / f"film.{name}"
    _exporter(name).write(path, artwork_of(climb(3), "96x72"), (96, 72), quick)
    content = bytearray(path.read_bytes())
    at = content.index(b"mdat") + 900 if name == "mp4" else len(content) - 900
    content[at : at + 300] = bytes(300)
    path.write_bytes(content)
    with pytest.raises(ValueError, match=path.name):
        _exporter(name).same(path, artwork_of(climb(3)))
