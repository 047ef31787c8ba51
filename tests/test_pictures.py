"""Pictures that people hand in: opened as they are, or refused in one line that names them."""

from __future__ import annotations

from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from evonsfw.pictures import (
    mask_image,
    open_picture,
    target_image,
    target_on_canvas,
    weights_on_canvas,
)


def _noise(width: int = 20, height: int = 16, seed: int = 0) -> Image.Image:
    levels = np.random.default_rng(seed).integers(0, 256, (height, width, 3), np.uint8)
    return Image.fromarray(levels)


def _encoded(file_format: str, **options: object) -> bytes:
    with BytesIO() as buffer:
        _noise().save(buffer, format=file_format, **options)
        return buffer.getvalue()


def _refusal(path: Path) -> str:
    """The message of a refusal: one line that names what it is and where it lies."""
    with pytest.raises(ValueError, match="picture") as caught:
        open_picture(path, "target picture")
    message = str(caught.value)
    assert message.startswith(f"target picture {path}: ")
    assert "\n" not in message
    assert message.split(": ", 1)[1].strip()
    return message


def _outcome(path: Path) -> tuple[Image.Image | None, str]:
    try:
        return open_picture(path, "target picture"), ""
    except ValueError as error:
        return None, str(error)


def test_missing(tmp_path: Path) -> None:
    assert _refusal(tmp_path / "none.png").endswith("no such file")


def test_folder(tmp_path: Path) -> None:
    assert "directory" in _refusal(tmp_path).lower()


def test_folder_in_place_of_a_file(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    _refusal(tmp_path / "file" / "picture.png")


@pytest.mark.parametrize(
    "content", [b"", b"a recipe for soup\n", b"\x89PNG\r\n\x1a\n", b"\0" * 999]
)
def test_not_a_picture(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "picture.png"
    path.write_bytes(content)
    _refusal(path)


@pytest.mark.parametrize("length", range(9, 16))
def test_cut_in_its_first_bytes_is_told_in_plain_words(tmp_path: Path, length: int) -> None:
    path = tmp_path / "picture.png"
    path.write_bytes(_encoded("PNG")[:length])
    refusal = _refusal(path)
    assert "buffer" not in refusal
    assert "unpack" not in refusal


@pytest.mark.parametrize("file_format", ["PNG", "JPEG", "GIF", "BMP", "WEBP", "TIFF", "PPM"])
@pytest.mark.parametrize("share", [0.1, 0.5, 0.9])
def test_cut_short(tmp_path: Path, file_format: str, share: float) -> None:
    whole = _encoded(file_format)
    path = tmp_path / "picture"
    path.write_bytes(whole)
    assert open_picture(path, "target picture").size == (20, 16)
    path.write_bytes(whole[: int(len(whole) * share)])
    _refusal(path)


WHOLE = {kind: _encoded(kind) for kind in ("PNG", "JPEG", "GIF", "TIFF", "WEBP", "DDS", "PPM")}


@settings(
    deadline=None, max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    kind=st.sampled_from(sorted(WHOLE)),
    changes=st.lists(st.tuples(st.integers(0, 149), st.integers(0, 255)), max_size=4),
    cut=st.one_of(st.none(), st.integers(0, 400)),
)
def test_damaged_files_are_read_or_refused(
    tmp_path: Path, kind: str, changes: list[tuple[int, int]], cut: int | None
) -> None:
    content = bytearray(WHOLE[kind])
    for place, value in changes:
        content[place % len(content)] = value
    path = tmp_path / "picture"
    path.write_bytes(content[:cut])
    image, problem = _outcome(path)
    if image is None:
        assert problem.startswith(f"target picture {path}: ")
        assert "\n" not in problem
    else:
        assert min(image.size) >= 2


@pytest.mark.parametrize("size", [(1, 1), (1, 50), (50, 1)])
def test_too_small(tmp_path: Path, size: tuple[int, int]) -> None:
    path = tmp_path / "dot.png"
    Image.new("RGB", size).save(path)
    assert f"{size[0]}x{size[1]} pixels: expected at least 2x2" in _refusal(path)


def test_the_smallest(tmp_path: Path) -> None:
    path = tmp_path / "four.png"
    Image.new("RGB", (2, 2), "red").save(path)
    assert open_picture(path, "target picture").size == (2, 2)


@pytest.mark.parametrize("suffix", [".gif", ".png", ".webp", ".tiff"])
def test_animated(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"moving{suffix}"
    frames = [_noise(seed=seed) for seed in range(3)]
    frames[0].save(path, save_all=True, append_images=frames[1:])
    assert "animated (3 frames): save one frame of it" in _refusal(path)


def test_gif_of_one_frame(tmp_path: Path) -> None:
    path = tmp_path / "still.gif"
    _noise().save(path)
    assert open_picture(path, "target picture").size == (20, 16)


def test_phone_photo_with_a_preview_inside(tmp_path: Path) -> None:
    """Phones write a second, small picture into the same JPEG: Pillow calls that two frames."""
    path = tmp_path / "photo.jpg"
    _noise().save(path, format="MPO", save_all=True, append_images=[_noise(10, 8)])
    assert open_picture(path, "target picture").size == (20, 16)


@pytest.mark.parametrize("size", [(20_000, 20_000), (10_000, 10_000)])
def test_too_large(tmp_path: Path, size: tuple[int, int]) -> None:
    """One bit a pixel, so that the file is small; refused before it is decoded."""
    path = tmp_path / "bomb.png"
    Image.new("1", size).save(path, compress_level=1)
    assert path.stat().st_size < 500_000
    assert "expected at most 89 million; scale it down first" in _refusal(path)


def test_as_it_is(tmp_path: Path) -> None:
    path = tmp_path / "picture.png"
    _noise().save(path)
    np.testing.assert_array_equal(np.asarray(open_picture(path, "picture")), np.asarray(_noise()))
    np.testing.assert_array_equal(target_on_canvas(path, None), np.asarray(_noise()))


def test_target_is_brought_to_the_canvas(tmp_path: Path) -> None:
    path = tmp_path / "picture.png"
    _noise().save(path)
    target = target_on_canvas(path, (31, 9))
    assert target.shape == (9, 31, 3)
    assert target.dtype == np.uint8
    exact = _noise().resize((31, 9), Image.Resampling.LANCZOS)
    np.testing.assert_array_equal(target, np.asarray(exact))
    np.testing.assert_array_equal(target_on_canvas(path, (20, 16)), np.asarray(_noise()))


def _target(tmp_path: Path, image: Image.Image, **options: object) -> np.ndarray:
    path = tmp_path / "target.png"
    image.save(path, **options)
    return target_on_canvas(path, None)


def test_transparency_is_over_white(tmp_path: Path) -> None:
    rgba = np.array([[[200, 100, 0, 255], [200, 100, 0, 0]], [[0, 0, 0, 51], [0, 0, 0, 255]]])
    target = _target(tmp_path, Image.fromarray(rgba.astype(np.uint8)))
    np.testing.assert_array_equal(
        target, [[[200, 100, 0], [255, 255, 255]], [[204, 204, 204], [0, 0, 0]]]
    )


def test_grey_with_transparency_is_over_white(tmp_path: Path) -> None:
    grey = np.array([[[10, 255], [10, 0]], [[10, 255], [10, 0]]], np.uint8)
    target = _target(tmp_path, Image.fromarray(grey, "LA"))
    np.testing.assert_array_equal(target[:, :, 0], [[10, 255], [10, 255]])


@pytest.mark.parametrize("transparency", [1, b"\xff\x00"])
def test_palette_with_transparency_is_over_white(tmp_path: Path, transparency: int | bytes) -> None:
    image = Image.fromarray(np.array([[0, 1], [1, 0]], np.uint8)).convert("L")
    image = Image.frombytes("P", (2, 2), image.tobytes())
    image.putpalette([250, 0, 0, 0, 0, 250])
    target = _target(tmp_path, image, transparency=transparency)
    red, white = [250, 0, 0], [255, 255, 255]
    np.testing.assert_array_equal(target, [[red, white], [white, red]])


def test_sixteen_bits_are_scaled_not_clipped(tmp_path: Path) -> None:
    levels = np.array([[0, 257], [32_768, 65_535]], np.uint16)
    target = _target(tmp_path, Image.fromarray(levels))
    np.testing.assert_array_equal(target, np.array([[0, 1], [128, 255]])[..., None].repeat(3, -1))


@pytest.mark.parametrize(("top", "kind"), [(1.0, np.float32), (65_535.0, np.float32)])
def test_floats_are_scaled(tmp_path: Path, top: float, kind: type) -> None:
    path = tmp_path / "target.tiff"
    Image.fromarray(np.array([[0, top / 2], [top, top]], kind)).save(path)
    np.testing.assert_array_equal(target_on_canvas(path, None)[:, :, 0], [[0, 128], [255, 255]])


@pytest.mark.parametrize(("mode", "colour"), [("L", 77), ("1", 1), ("CMYK", (0, 255, 255, 0))])
def test_other_modes_are_as_pillow_converts_them(
    tmp_path: Path, mode: str, colour: int | tuple[int, ...]
) -> None:
    path = tmp_path / "target.tiff"
    image = Image.new(mode, (4, 3), colour)
    image.save(path)
    expected = np.asarray(image.convert("RGB"))
    np.testing.assert_array_equal(target_on_canvas(path, None), expected)


@pytest.mark.parametrize("orientation", range(1, 9))
def test_orientation_is_honoured(tmp_path: Path, orientation: int) -> None:
    """Eight ways to lay the same picture down, one to look at it."""
    upright = _noise()
    lay = {
        1: None,
        2: Image.Transpose.FLIP_LEFT_RIGHT,
        3: Image.Transpose.ROTATE_180,
        4: Image.Transpose.FLIP_TOP_BOTTOM,
        5: Image.Transpose.TRANSPOSE,
        6: Image.Transpose.ROTATE_90,
        7: Image.Transpose.TRANSVERSE,
        8: Image.Transpose.ROTATE_270,
    }[orientation]
    image = upright if lay is None else upright.transpose(lay)
    exif = Image.Exif()
    exif[0x0112] = orientation
    target = _target(tmp_path, image, exif=exif)
    np.testing.assert_array_equal(target, np.asarray(upright))


def _rgba(tmp_path: Path, alpha: np.ndarray) -> Path:
    """A picture of noise with that alpha."""
    path = tmp_path / "rgba.png"
    image = _noise(alpha.shape[1], alpha.shape[0])
    image.putalpha(Image.fromarray(alpha))
    image.save(path)
    return path


def _mask(tmp_path: Path, grey: np.ndarray) -> Path:
    path = tmp_path / "mask.png"
    Image.fromarray(grey).save(path)
    return path


ALPHA = np.array([[0, 51, 255], [255, 204, 102]], np.uint8)
GREY = np.array([[255, 255, 0], [51, 255, 255]], np.uint8)


def test_weights_are_grey_times_opacity(tmp_path: Path) -> None:
    target, mask = _rgba(tmp_path, ALPHA), _mask(tmp_path, GREY)
    found = weights_on_canvas(target, mask, (3, 2))
    assert found is not None
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, [[0, 0.2, 0], [0.2, 0.8, 0.4]], rtol=1e-6)
    alone = weights_on_canvas(target, None, (3, 2))
    assert alone is not None
    np.testing.assert_array_equal(alone, ALPHA.astype(np.float32) / 255)


@pytest.mark.parametrize("canvas", [(20, 16), (9, 31)])
def test_where_all_counts_there_are_no_weights(tmp_path: Path, canvas: tuple[int, int]) -> None:
    opaque = _rgba(tmp_path, np.full((16, 20), 255, np.uint8))
    white = _mask(tmp_path, np.full((4, 4), 255, np.uint8))
    assert target_image(opaque, canvas).mode == "RGB"
    assert weights_on_canvas(opaque, None, canvas) is None
    assert weights_on_canvas(opaque, white, canvas) is None


def test_a_mask_is_brought_to_the_canvas(tmp_path: Path) -> None:
    target = _rgba(tmp_path, np.full((16, 20), 255, np.uint8))
    halves = np.repeat([[0, 255]], 40, axis=1).repeat(8, axis=0).astype(np.uint8)
    found = weights_on_canvas(target, _mask(tmp_path, halves), (20, 16))
    assert found is not None
    assert found.shape == (16, 20)
    np.testing.assert_array_equal(found[:, :9], 0.0)
    np.testing.assert_array_equal(found[:, 11:], 1.0)


def test_a_mask_is_black_where_it_is_transparent(tmp_path: Path) -> None:
    path = tmp_path / "mask.png"
    grey = Image.fromarray(np.stack([GREY, ALPHA], axis=2), "LA")
    grey.save(path)
    found = np.asarray(mask_image(path, (3, 2)))
    np.testing.assert_array_equal(found, [[0, 51, 0], [51, 204, 102]])


@pytest.mark.parametrize(
    ("grey", "alpha", "words"),
    [
        ([[0, 0]] * 2, [[255, 255]] * 2, "weight mask {mask}: black all over"),
        ([[255, 255]] * 2, [[0, 0]] * 2, "target picture {target}: transparent all over"),
        ([[255, 0]] * 2, [[0, 255]] * 2, "weight mask {mask}: black wherever target picture"),
    ],
)
def test_weights_of_nothing(
    tmp_path: Path, grey: list[list[int]], alpha: list[list[int]], words: str
) -> None:
    target = _rgba(tmp_path, np.array(alpha, np.uint8))
    mask = _mask(tmp_path, np.array(grey, np.uint8))
    with pytest.raises(ValueError, match="nothing counts") as caught:
        weights_on_canvas(target, mask, (2, 2))
    assert str(caught.value).startswith(words.format(target=target, mask=mask))
    assert "\n" not in str(caught.value)


def test_a_missing_mask_is_called_so(tmp_path: Path) -> None:
    target = _rgba(tmp_path, ALPHA)
    with pytest.raises(ValueError, match=r"^weight mask .*none\.png: no such file$"):
        weights_on_canvas(target, tmp_path / "none.png", (3, 2))


@pytest.mark.parametrize("canvas", [(3, 2), (7, 5), (2, 2)])
def test_the_copy_that_a_run_keeps_is_read_as_the_first_picture_was(
    tmp_path: Path, canvas: tuple[int, int]
) -> None:
    target, mask = _rgba(tmp_path, ALPHA), _mask(tmp_path, GREY)
    copies = tmp_path / "target.png", tmp_path / "weight.png"
    target_image(target, canvas).save(copies[0])
    mask_image(mask, canvas).save(copies[1])
    with Image.open(copies[0]) as image:
        assert image.mode == "RGBA"
    np.testing.assert_array_equal(
        target_on_canvas(copies[0], canvas), target_on_canvas(target, canvas)
    )
    for masks in ((mask, copies[1]), (None, None)):
        first = weights_on_canvas(target, masks[0], canvas)
        again = weights_on_canvas(copies[0], masks[1], canvas)
        assert first is not None
        np.testing.assert_array_equal(again, first)
