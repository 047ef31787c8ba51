"""HTML: one page of a run that needs nothing else: picture, film, graph, tables, a slider."""

from __future__ import annotations

import re
import tempfile
from pathlib import Path

from evonsfw.exporters import PLAIN, Artwork, Manner, exporter_names, load_exporter
from evonsfw.film import film_manner
from evonsfw.page import Enclosed, make_page, picture_element
from evonsfw.page_source import read_drawn, read_metadata
from evonsfw.shapes import Canvas
from evonsfw.whole_file import whole_file

SUFFIX = ".html"
TAKES = frozenset({"story", "contributions", "fps", "seconds"})
LARGEST = 16_384
FILM_SIDE, FILM_FPS, FILM_SECONDS = 540, 24, 8.0
"""The film's shorter side in pixels, pictures a second and length where none is asked for."""
FILES = {"svg": "image/svg+xml", "png": "image/png", "json": "application/json"}
"""What can be saved from the page, and its media types: where there is an exporter for it."""


def default_canvas(canvas: Canvas) -> Canvas:
    """What was scored: the picture is drawn at whatever size the window has."""
    return canvas


def written_canvas(canvas: Canvas, manner: Manner = PLAIN) -> Canvas:
    """The size itself; ValueError where the manner of its film is out of range."""
    film_manner(manner, FILM_FPS, FILM_SECONDS)
    return canvas


def write(path: Path, artwork: Artwork, canvas: Canvas, manner: Manner = PLAIN) -> None:
    """Write the page; the size is that of the files which can be saved from it.

    Raises:
        ValueError: the artwork comes without a story.
        OSError: the disk is full or gone, or the folder is not there.
    """
    if artwork.story is None:
        raise ValueError(f"{path}: a page tells a run: give a run folder, not a picture")
    with whole_file(path) as draft, tempfile.TemporaryDirectory() as folder:
        room = Path(folder)
        film = _film(room, artwork, canvas, manner)
        files = [
            _enclosed(room / f"{_word(artwork)}.{name}", kind, artwork, canvas, PLAIN)
            for name, kind in FILES.items()
            if name in exporter_names()
        ]
        draft.write_bytes(make_page(artwork, artwork.story, canvas, film, files).encode("utf-8"))


def read(path: Path) -> dict[str, str]:
    """The metadata in a page; empty where it is not evonsfw's.

    Raises:
        ValueError: it is no HTML, cut short, damaged or too large.
    """
    return read_metadata(path)


def same(path: Path, artwork: Artwork) -> bool | None:
    """Whether the page's picture is the artwork's, element by element, and nothing in the page has
    been changed since it was written.

    Raises:
        ValueError: it is no page of evonsfw's, cut short or damaged.
    """
    drawn = read_drawn(path)
    return drawn.whole and drawn.text == picture_element(artwork, drawn.canvas)


def _word(artwork: Artwork) -> str:
    """What files are called when they are saved from the page, whatever the page is called."""
    return (
        "-".join(re.findall(r"[A-Za-z0-9]+", artwork.metadata.get("Title", "")))[:60] or "evonsfw"
    )


def _film(room: Path, artwork: Artwork, canvas: Canvas, manner: Manner) -> Enclosed | None:
    """The run as a small film, of the picture's proportions; None where nothing writes films."""
    if "mp4" not in exporter_names():
        return None
    scale = min(FILM_SIDE / min(canvas), 2 * FILM_SIDE / max(canvas))
    width, height = (max(2, 2 * round(side * scale / 2)) for side in canvas)
    small = Manner(fps=manner.fps or FILM_FPS, seconds=manner.seconds or FILM_SECONDS)
    return _enclosed(room / "film.mp4", "video/mp4", artwork, (width, height), small)


def _enclosed(path: Path, kind: str, artwork: Artwork, canvas: Canvas, manner: Manner) -> Enclosed:
    """What another exporter writes, as a file within the page."""
    load_exporter(path.suffix.removeprefix(".")).write(path, artwork, canvas, manner)
    return Enclosed(path.name, kind, path.read_bytes())
