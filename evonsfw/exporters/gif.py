"""GIF: the film of a run as a picture that begins anew for ever, small enough to be sent around."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from PIL import Image

from evonsfw.exporters import PLAIN, Artwork, Manner
from evonsfw.film import Film, film_manner, frame_count, from_comment, to_comment
from evonsfw.gif_blocks import TRAILER, head, picture, walk
from evonsfw.palette import Palette
from evonsfw.pictures import opened
from evonsfw.shapes import Canvas
from evonsfw.whole_file import whole_file

SUFFIX = ".gif"
TAKES = frozenset({"fps", "seconds", "story"})
LARGEST = 4096
DEFAULT_SIDE, DEFAULT_FPS, DEFAULT_SECONDS = 480, 20, 10.0
"""About 2 MB for 100 shapes; 20 pictures a second are exactly 5/100 s each."""
FASTEST = 50
"""Pictures a second: browsers slow down whatever is shown for less than 2/100 s."""
COLOURS = 255
"""One index is left for what shows through."""
LOOKED_AT = 48
"""Pictures of the film that its colours are chosen from."""


def default_canvas(canvas: Canvas) -> Canvas:
    """The proportions that were scored, 480 pixels on the longer side."""
    width, height = (max(1, round(side * DEFAULT_SIDE / max(canvas))) for side in canvas)
    return width, height


def written_canvas(canvas: Canvas, manner: Manner = PLAIN) -> Canvas:
    """The size itself; ValueError where the manner is out of range."""
    film_manner(manner, DEFAULT_FPS, DEFAULT_SECONDS, FASTEST)
    return canvas


def write(path: Path, artwork: Artwork, canvas: Canvas, manner: Manner = PLAIN) -> None:
    """Write the film, in the colours that suit all of it best.

    Raises:
        OSError: the disk is full or gone, or the folder is not there.
        ValueError: the artwork has no story, or what is asked for is out of range.
    """
    fps, seconds = film_manner(manner, DEFAULT_FPS, DEFAULT_SECONDS, FASTEST)
    film, count = Film(artwork, canvas, seconds), frame_count(fps, seconds)
    palette = Palette(film.frames(min(count, LOOKED_AT)), COLOURS)
    with whole_file(path) as draft, draft.open("wb") as file:
        file.write(head(canvas, palette.colours, to_comment(artwork.metadata)))
        for part in _pictures(film, count, fps, palette):
            file.write(part)
        file.write(TRAILER)


def _pictures(film: Film, count: int, fps: int, palette: Palette) -> Iterator[bytes]:
    """Every picture's blocks. Times are rounded so that the whole lasts as long as it should."""
    before = None
    for number, frame in enumerate(film.frames(count)):
        indices = palette.indices(frame)
        yield picture(indices, before, _hundredths(number + 1, fps) - _hundredths(number, fps))
        before = indices


def _hundredths(number: int, fps: int) -> int:
    """When a picture begins."""
    return (200 * number + fps) // (2 * fps)


def read(path: Path) -> dict[str, str]:
    """The metadata in a film.

    Raises:
        ValueError: it is missing, cut short, damaged, or no GIF.
    """
    with opened(path, "film") as file:
        comment, count = walk(file)
        if not count:
            raise ValueError("there are no pictures in it")
    return from_comment(comment)


def same(path: Path, artwork: Artwork) -> bool | None:
    """None: 255 colours are not all that there were. Every picture is decoded nevertheless.

    Raises:
        ValueError: it is cut short or damaged.
    """
    read(path)
    with opened(path, "film") as file:
        image = Image.open(file, formats=["GIF"])
        for number in range(getattr(image, "n_frames", 1)):
            image.seek(number)
            image.load()
    return None
