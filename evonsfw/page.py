"""The page of a run: one HTML document that needs nothing else, neither a network nor a file.

Text, styles and behaviour lie in `templates/`. A content security policy names the digests of its
one script and its one style sheet and allows nothing else, so that whatever a title or a path holds
stays text. Without JavaScript, the picture, the graph and the tables are all there.
"""

from __future__ import annotations

import base64
import io
import json
import math
import shlex
from collections.abc import Iterator, Mapping
from string import Template
from typing import Any, NamedTuple

import numpy as np
from PIL import Image

from evonsfw.colour import format_colour
from evonsfw.exporters import Artwork, Story
from evonsfw.inline_page import digest, safe, template
from evonsfw.keyframes import Course, course, fine_canvas, fine_elements, key_frames, key_steps
from evonsfw.moment import format_score
from evonsfw.page_source import METADATA, PICTURE, seal
from evonsfw.raster import render
from evonsfw.recipe import recipe
from evonsfw.score_graph import ScoreGraph
from evonsfw.shape_table import shape_table
from evonsfw.shapes import Canvas

ICON = 48
"""Longer side in pixels of the small picture in the browser's tab."""
NONE = "\N{EN DASH}"
"""Shown for a setting that has no value."""
LONG = 200
"""Characters; metadata beyond it is kept for programs and not shown."""


class Enclosed(NamedTuple):
    """A file within the page.

    Attributes:
        name: what it is called when it is saved.
        kind: its media type.
        content: its bytes.
    """

    name: str
    kind: str
    content: bytes

    @property
    def address(self) -> str:
        """A data URI."""
        return f"data:{self.kind};base64,{base64.b64encode(self.content).decode('ascii')}"


def make_page(
    artwork: Artwork, story: Story, canvas: Canvas, film: Enclosed | None, files: list[Enclosed]
) -> str:
    """The whole document.

    Args:
        artwork: the picture that the page is of.
        story: the run that it comes from.
        canvas: width and height in pixels that its picture says it has.
        film: of the run, or None for a page without.
        files: what can be saved from the page.
    """
    run = course(story)
    graph = ScoreGraph(run, story.label)
    here = _index(run, artwork)
    keys = key_steps(run, artwork.encoding, here)
    begin = keys.index(here) if here is not None else len(keys) - 1
    style, script = _style(canvas), template("page.js")
    lines = graph.svg()
    document = Template(template("page.html")).substitute(
        style_digest=digest(style),
        script_digest=digest(script),
        style=style,
        script=script,
        title=safe(artwork.metadata.get("Title", "evonsfw")),
        icon=_icon(artwork, canvas).address,
        label=safe(story.label),
        score=safe(_score(artwork, run)),
        figures=_figures(artwork, run, here),
        picture=picture_element(artwork, canvas),
        shape_count=artwork.encoding.n,
        last_key=len(keys) - 1,
        begin=begin,
        words=safe(graph.words(keys[begin])),
        graph_summary=graph.summary(),
        graph_lines=lines["lines"],
        graph_scores=lines["scores"],
        graph_generations=lines["generations"],
        film=_film(film),
        downloads="".join(_download(file) for file in files),
        command=_command(artwork.metadata),
        provenance=_pairs(_known(artwork.metadata)),
        settings=_pairs(story.settings),
        contribution_words=_contribution_words(artwork),
        shapes=shape_table(artwork.encoding.decode(artwork.genome), canvas, artwork.contributions),
        metadata_id=METADATA,
        metadata=_json(artwork.metadata),
        run=_json(_run(artwork, story, canvas, graph, keys)),
    )
    return seal(document)


def _index(run: Course, artwork: Artwork) -> int | None:
    """Which of the run's generations the picture is of; None where it does not say, or is
    another run's.
    """
    said = artwork.metadata.get("evonsfw:generation", "")
    number = int(said) if said.isdecimal() and len(said) < 10 else -1
    index = int(np.searchsorted(run.numbers, number))
    return index if index < len(run.numbers) and run.numbers[index] == number else None


def _run(
    artwork: Artwork, story: Story, canvas: Canvas, graph: ScoreGraph, keys: list[int]
) -> dict[str, Any]:
    """What the script needs."""
    pictures = key_frames([story.steps[i] for i in keys], artwork.encoding, canvas)
    for frame, i in zip(pictures["frames"], keys, strict=True):
        frame["place"], frame["words"] = graph.place(i), graph.words(i)
        frame["number"] = int(story.steps[i].number)
    return {**pictures, "points": graph.points()}


def picture_element(artwork: Artwork, canvas: Canvas) -> str:
    """The picture as an SVG element, sharp at any size."""
    width, height = fine_canvas(canvas)
    drawing = artwork.encoding.decode(artwork.genome)
    drawn = "".join(element.to_text() for element in fine_elements(drawing, canvas))
    return (
        f'<svg id="{PICTURE}" width="{canvas[0]}" height="{canvas[1]}" '
        f'viewBox="0 0 {width} {height}" role="img" aria-label="The picture, made of '
        f'{artwork.encoding.n} shapes"><rect width="{width}" height="{height}" '
        f'fill="{format_colour(drawing.background)}"/><g>{drawn}</g></svg>'
    )


def _icon(artwork: Artwork, canvas: Canvas) -> Enclosed:
    scale = ICON / max(canvas)
    small = max(1, round(canvas[0] * scale)), max(1, round(canvas[1] * scale))
    file = io.BytesIO()
    Image.fromarray(render(artwork.genome[None], artwork.encoding, small)[0]).save(file, "PNG")
    return Enclosed("icon.png", "image/png", file.getvalue())


def _score(artwork: Artwork, run: Course) -> str:
    """The picture's own score as it was written down, or the run's last one."""
    try:
        score = float(artwork.metadata.get("evonsfw:score", ""))
    except ValueError:
        score = float(run.best[-1])
    return format_score(score)


def _figures(artwork: Artwork, run: Course, here: int | None) -> str:
    """The figures at the head of the page."""
    at = len(run.numbers) - 1 if here is None else here
    pairs = {
        "shapes": f"{artwork.encoding.n:,} {', '.join(artwork.encoding.shapes)}",
        "generation": f"{run.numbers[at]:,} of {run.numbers[-1]:,}",
        "scorings": f"{run.evaluations[at]:,}",
        "time": f"{run.seconds[at]:,.1f} s",
    }
    return _pairs(pairs)


def _film(film: Enclosed | None) -> str:
    if film is None:
        return ""
    return (
        '<section class="film" aria-labelledby="film-head"><h2 id="film-head">Film</h2>'
        '<video controls loop muted playsinline preload="auto" aria-label="The run as a film, from '
        f'its first generation to its last" src="{film.address}"></video></section>'
    )


def _download(file: Enclosed) -> str:
    ending, size = file.name.rpartition(".")[2].upper(), math.ceil(len(file.content) / 1000)
    return (
        f'<a class="button" download="{safe(file.name)}" href="{file.address}">'
        f"{safe(ending)} <small>{size:,} kB</small></a>"
    )


def _command(metadata: Mapping[str, str]) -> str:
    """The command that makes the run again, where the settings are known."""
    try:
        words = recipe(json.loads(metadata.get("evonsfw:settings", "")))
    except (ValueError, TypeError, RecursionError):
        return ""
    spans = (f"<span>{safe(shlex.quote(word))}</span>" for word in shlex.split(words))
    return f"<p>Made again by</p><pre><code>{' '.join(spans)}</code></pre>"


def _known(metadata: Mapping[str, str]) -> dict[str, str]:
    """What the picture says of itself, as far as people read it."""
    return {
        keyword.removeprefix("evonsfw:").replace("_", " "): text
        for keyword, text in metadata.items()
        if len(text) <= LONG and keyword != "Title"
    }


def _contribution_words(artwork: Artwork) -> str:
    if not artwork.contributions:
        return ""
    return (
        "Contribution is the score without the shape minus the score with it: below 0, the shape "
        "raises the score."
    )


def _pairs(pairs: Mapping[str, str]) -> str:
    """Names and values of a description list."""
    return "".join(
        f"<div><dt>{safe(k)}</dt><dd>{safe(v) or NONE}</dd></div>" for k, v in pairs.items()
    )


def _json(value: Any) -> str:
    """JSON that ends no script element, whatever it holds."""
    text = json.dumps(value, separators=(",", ":"), allow_nan=False)
    return "".join(_parts(text))


def _parts(text: str) -> Iterator[str]:
    for character in text:
        yield _ESCAPES.get(character, character)


_ESCAPES = {"<": "\\u003c", ">": "\\u003e", "&": "\\u0026"}


def _style(canvas: Canvas) -> str:
    """The style sheet, which has to know the picture's proportions: no element has styles of its
    own, as the content security policy would forbid them.
    """
    return f":root {{ --ratio: {canvas[0] / canvas[1]:.6f}; }}\n" + template("page.css")
