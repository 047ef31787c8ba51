"""Every pixel equals that of Pillow's own JPEG, written and read."""

from __future__ import annotations

from io import BytesIO

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, JpegImagePlugin

from evonsfw.genome import Encoding
from evonsfw.jpeg import RoundTrip, round_trip
from evonsfw.raster import render
from evonsfw.shapes import shape_names

SIZES = [(1, 1), (1, 13), (13, 1), (1, 2), (2, 3), (2, 4), (3, 5), (7, 9), (8, 8), (15, 17)]
SIZES += [(16, 16), (17, 33), (18, 64), (31, 65), (224, 224), (256, 256), (299, 299), (479, 641)]
"""Height and width: about the edges of blocks, MCUs and tiles, and those of classifiers."""
QUALITIES = [1, 10, 40, 49, 50, 51, 75, 90, 95, 100]


def _pillow(pixels: np.ndarray, quality: int = 75) -> np.ndarray:
    buffer = BytesIO()
    Image.fromarray(pixels).save(buffer, "JPEG", quality=quality)
    return np.asarray(Image.open(buffer))


def _pictures(height: int, width: int, seed: int = 0) -> dict[str, np.ndarray]:
    """One (H, W, 3) picture of each kind."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[:height, :width]
    ramps = np.stack([x * 255 / width, y * 255 / height, (x + y) * 3 % 256], axis=-1)
    primaries = rng.integers(0, 2, (-(-height // 5), -(-width // 7), 3)) * 255
    patches = rng.integers(0, 256, (-(-height // 9), -(-width // 9), 3))
    pictures = {
        "noise": rng.integers(0, 256, (height, width, 3)),
        "extremes": rng.integers(0, 2, (height, width, 3)) * 255,
        "ramps": ramps,
        "flat": np.broadcast_to(rng.integers(0, 256, 3), (height, width, 3)),
        "primaries": primaries.repeat(5, axis=0).repeat(7, axis=1)[:height, :width],
        "patches": patches.repeat(9, axis=0).repeat(9, axis=1)[:height, :width],
        "fine board": np.repeat(((x + y) % 2 * 255)[..., None], 3, axis=-1),
        "coarse board": np.repeat(((x // 4 + y // 4) % 2 * 255)[..., None], 3, axis=-1),
    }
    return {kind: picture.astype(np.uint8) for kind, picture in pictures.items()}


@pytest.mark.parametrize("size", SIZES)
def test_every_kind_of_picture_equals_pillows(size: tuple[int, int]) -> None:
    for kind, picture in _pictures(*size).items():
        for quality in QUALITIES:
            found, expected = round_trip(picture, quality), _pillow(picture, quality)
            assert np.array_equal(found, expected), (kind, quality)


@pytest.mark.parametrize("quality", QUALITIES)
def test_evolved_pictures_equal_pillows(quality: int) -> None:
    rng = np.random.default_rng(quality)
    for shape in shape_names():
        encoding = Encoding(shapes=(shape,), n=20)
        for picture in render(rng.random((2, encoding.length), np.float32), encoding, (224, 224)):
            assert np.array_equal(round_trip(picture, quality), _pillow(picture, quality))


@settings(deadline=None, max_examples=200)
@given(
    height=st.integers(1, 70),
    width=st.integers(1, 140),
    quality=st.integers(1, 100),
    seed=st.integers(0, 2**32 - 1),
    kind=st.sampled_from(sorted(_pictures(1, 1))),
)
def test_any_size_and_quality_equals_pillows(
    height: int, width: int, quality: int, seed: int, kind: str
) -> None:
    picture = _pictures(height, width, seed)[kind]
    assert np.array_equal(round_trip(picture, quality), _pillow(picture, quality))


def test_every_colour_equals_pillows() -> None:
    """Flat blocks, one for each of 33 levels of each channel."""
    levels = np.linspace(0, 255, 33).astype(np.uint8)
    colours = np.stack(np.meshgrid(levels, levels, levels), axis=-1).reshape(33, -1, 3)
    picture = colours.repeat(16, axis=0).repeat(16, axis=1)
    for quality in (75, 100):
        assert np.array_equal(round_trip(picture, quality), _pillow(picture, quality))


def test_patterns_of_the_transform_itself_equal_pillows() -> None:
    """Each frequency at full swing: the largest coefficients that there are."""
    k, n = np.mgrid[:8, :8]
    wave = np.cos((2 * n + 1) * k * np.pi / 16)
    blocks = np.einsum("ux,vy->vyux", wave, wave).reshape(64, 64)
    for swing in (np.sign(blocks) * 127.5, -np.sign(blocks) * 127.5, blocks * 127.5):
        picture = np.repeat((swing + 127.5).round().astype(np.uint8)[..., None], 3, axis=-1)
        for coloured in (picture, picture * np.array([1, 0, 0], np.uint8), picture ^ [0, 255, 0]):
            pixels = coloured.astype(np.uint8)
            doubled = pixels.repeat(2, axis=0).repeat(2, axis=1)
            for quality in QUALITIES:
                assert np.array_equal(round_trip(pixels, quality), _pillow(pixels, quality))
                assert np.array_equal(round_trip(doubled, quality), _pillow(doubled, quality))


@pytest.mark.parametrize("quality", QUALITIES)
def test_pillow_halves_the_chroma_at_any_quality(quality: int) -> None:
    buffer = BytesIO()
    Image.new("RGB", (16, 16)).save(buffer, "JPEG", quality=quality)
    assert JpegImagePlugin.get_sampling(Image.open(buffer)) == 2


def test_quality_75_is_the_default_of_both() -> None:
    picture = _pictures(40, 40)["noise"]
    buffer = BytesIO()
    Image.fromarray(picture).save(buffer, "JPEG")
    assert np.array_equal(round_trip(picture), np.asarray(Image.open(buffer)))


def test_pixels_may_lie_anyhow_and_stay_as_they_are() -> None:
    picture = _pictures(30, 50)["noise"]
    before = picture.copy()
    for view in (picture[::-1, ::2], picture.transpose(1, 0, 2), picture[3:20, 5:40, ::-1]):
        found = round_trip(view)
        assert found.flags.c_contiguous
        assert np.array_equal(found, _pillow(np.ascontiguousarray(view)))
    picture.flags.writeable = False
    round_trip(picture)
    assert np.array_equal(picture, before)


@pytest.mark.parametrize("shape", [(0, 4, 3), (4, 0, 3), (4, 4), (4, 4, 4), (1, 4, 4, 3)])
def test_other_shapes_are_refused(shape: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match=r"expected \(H, W, 3\) of uint8"):
        round_trip(np.zeros(shape, np.uint8))


def test_other_types_are_refused() -> None:
    with pytest.raises(ValueError, match="float32: expected"):
        round_trip(np.zeros((4, 4, 3), np.float32))  # type: ignore[arg-type]


@pytest.mark.parametrize("quality", [0, 101, -1])
def test_other_qualities_are_refused(quality: int) -> None:
    with pytest.raises(ValueError, match=f"JPEG quality {quality}: expected 1 to 100"):
        round_trip(np.zeros((4, 4, 3), np.uint8), quality)


def test_the_same_memory_codes_one_picture_after_another() -> None:
    code, out = RoundTrip(30, 50), np.empty((30, 50, 3), np.uint8)
    for picture in _pictures(30, 50).values():
        code(picture, out)
        assert np.array_equal(out, _pillow(picture))


@pytest.mark.parametrize("corner", [(0, 0), (3, 0), (0, 11), (10, 20)])
def test_a_part_is_coded_as_if_it_were_a_picture(corner: tuple[int, int]) -> None:
    picture, out = _pictures(30, 50)["noise"], np.empty((20, 30, 3), np.uint8)
    RoundTrip(20, 30)(picture, out, corner)
    top, left = corner
    assert np.array_equal(out, _pillow(picture[top : top + 20, left : left + 30].copy()))


@pytest.mark.parametrize("swap", [False, True])
def test_means_are_taken_off_the_channels_in_their_order(swap: bool) -> None:
    picture, out = _pictures(30, 50)["patches"], np.empty((30, 50, 3), np.float32)
    means = np.array([104.25, 0.0, -1e-3], np.float32)
    RoundTrip(30, 50)(picture, out, means=means, swap=swap)
    channels = _pillow(picture)[..., ::-1] if swap else _pillow(picture)
    assert np.array_equal(out, channels.astype(np.float32) - means)


@pytest.mark.parametrize("corner", [(11, 0), (0, 21), (-1, 0), (0, -1)])
def test_a_part_that_is_not_in_the_picture(corner: tuple[int, int]) -> None:
    out = np.empty((20, 30, 3), np.uint8)
    with pytest.raises(ValueError, match="the picture is 50x30"):
        RoundTrip(20, 30)(np.zeros((30, 50, 3), np.uint8), out, corner)


@pytest.mark.parametrize("shape", [(20, 31, 3), (19, 30, 3), (20, 90), (1800,)])
def test_nothing_is_written_to_an_array_of_another_shape(shape: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match=r"expected \(20, 30, 3\), C-contiguous"):
        RoundTrip(20, 30)(np.zeros((20, 30, 3), np.uint8), np.zeros(shape, np.uint8))


def test_nothing_is_written_to_an_array_with_gaps() -> None:
    with pytest.raises(ValueError, match="C-contiguous"):
        RoundTrip(20, 30)(np.zeros((20, 30, 3), np.uint8), np.zeros((20, 60, 3), np.uint8)[:, ::2])
