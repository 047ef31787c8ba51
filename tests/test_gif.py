"""GIF's blocks and palettes: what is written is what any reader sees."""

from __future__ import annotations

from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from evonsfw.gif_blocks import KEPT, TRAILER, head, picture, walk
from evonsfw.palette import Palette

GREYS = np.repeat(np.arange(255, dtype=np.uint8)[:, None], 3, axis=1)


def _film(pictures: list[np.ndarray], comment: str = "") -> bytes:
    height, width = pictures[0].shape
    parts = [head((width, height), GREYS, comment)]
    before = None
    for indices in pictures:
        parts.append(picture(indices, before, 5))
        before = indices
    return b"".join([*parts, TRAILER])


def _seen(film: bytes) -> list[np.ndarray]:
    """Every picture, as Pillow sees it."""
    with Image.open(BytesIO(film)) as image:
        frames = []
        for number in range(getattr(image, "n_frames", 1)):
            image.seek(number)
            frames.append(np.asarray(image.convert("RGB"))[..., 0])
    return frames


@pytest.mark.parametrize("colours", [1, 2, 3, 16, 255])
@pytest.mark.parametrize("size", [(1, 1), (1, 300), (7, 5), (90, 70), (200, 310)])
def test_every_pixel_comes_back(colours: int, size: tuple[int, int]) -> None:
    """Noise of few colours and of many: codes of every width, tables that are full many times."""
    rng = np.random.default_rng(colours)
    pictures = [rng.integers(0, colours, size, np.uint8) for _ in range(3)]
    for seen, indices in zip(_seen(_film(pictures)), pictures, strict=True):
        np.testing.assert_array_equal(seen, indices)


@settings(deadline=None, max_examples=60)
@given(st.integers(1, 5000), st.integers(1, 255), st.integers(0, 2**32 - 1))
def test_any_length_comes_back(length: int, colours: int, seed: int) -> None:
    """A code's width changes at certain lengths, and the last code may fall on any of them."""
    indices = np.random.default_rng(seed).integers(0, colours, (1, length), np.uint8)
    np.testing.assert_array_equal(_seen(_film([indices]))[0], indices)


def test_only_what_changes_is_written() -> None:
    one = np.random.default_rng(0).integers(0, 255, (60, 80), np.uint8)
    other = one.copy()
    other[20:23, 40:44] = (other[20:23, 40:44] + 1) % 255
    film = _film([one, other, other, one])
    for seen, indices in zip(_seen(film), (one, other, other, one), strict=True):
        np.testing.assert_array_equal(seen, indices)
    assert len(picture(other, one, 5)) < 60
    assert len(picture(other, other, 5)) < 30
    assert len(picture(one, None, 5)) > 4000


def test_no_colour_has_the_index_that_lets_through() -> None:
    noise = np.random.default_rng(1).integers(0, 256, (64, 64, 3), np.uint8)
    palette = Palette([noise], 255)
    assert len(palette.colours) <= KEPT
    assert palette.indices(noise).max() < KEPT


@pytest.mark.parametrize("comment", ["", "x", "y" * 255, "z" * 256, '{"a": 1}' * 9999])
def test_comments_come_back(comment: str) -> None:
    indices = np.zeros((4, 4), np.uint8)
    assert walk(BytesIO(_film([indices, indices], comment))) == (comment, 2)


def test_another_programs_gif(tmp_path: Path) -> None:
    path = tmp_path / "other.gif"
    frames = [Image.new("P", (20, 10), colour) for colour in range(3)]
    frames[0].save(path, save_all=True, append_images=frames[1:], comment=b"made by hand")
    with path.open("rb") as file:
        comment, pictures = walk(file)
    with Image.open(path) as image:
        assert pictures == getattr(image, "n_frames", 1)
    assert comment == "made by hand"


def test_a_cut_gif_is_told_at_any_length() -> None:
    film = _film([np.random.default_rng(0).integers(0, 9, (9, 9), np.uint8)], "comment")
    for length in range(len(film)):
        with pytest.raises(ValueError, match=r"cut short|no GIF"):
            walk(BytesIO(film[:length]))


@pytest.mark.parametrize("count", [1, 7, 255])
def test_a_palette_of_enough_colours_is_exact(count: int) -> None:
    side = 32 * np.arange(8)
    cube = np.stack(np.meshgrid(side, side, side), axis=-1).reshape(-1, 3).astype(np.uint8)
    colours = cube[np.random.default_rng(count).permutation(512)[:count]]
    shown = np.repeat(colours, 40, axis=0).reshape(-1, 8, 3)
    palette = Palette([shown], 255)
    np.testing.assert_array_equal(palette.colours[palette.indices(shown)], shown)


def test_a_small_shape_keeps_its_colour() -> None:
    """A smooth ground of many colours does not take the palette of a few pixels of another."""
    ground = np.zeros((128, 128, 3), np.uint8)
    ground[..., 0], ground[..., 1] = np.mgrid[0:256:2, 0:256:2]
    ground[5:9, 5:9] = (10, 20, 240)
    palette = Palette([ground], 64)
    seen = palette.colours[palette.indices(ground)].astype(int)
    assert np.abs(seen[6, 6] - (10, 20, 240)).max() < 8
    assert np.abs(seen - ground).mean() < 10


def test_the_nearest_colour_is_taken() -> None:
    rng = np.random.default_rng(3)
    palette = Palette([rng.integers(0, 256, (50, 50, 3), np.uint8)], 30)
    some = rng.integers(0, 256, (40, 40, 3), np.uint8)
    apart = np.linalg.norm(some[..., None, :].astype(float) - palette.colours, axis=-1)
    taken = np.take_along_axis(apart, palette.indices(some)[..., None].astype(int), axis=-1)
    assert (taken[..., 0] - apart.min(axis=-1)).max() < 7.0
