"""`evonsfw export`: a run or a picture as files of other formats and sizes.

Everything is checked before anything is written.
"""

from __future__ import annotations

import functools
import math
import os
import re
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from rich.console import Console

from evonsfw import nudges
from evonsfw.agreement import BAR, agreeing
from evonsfw.chronicle import CLASSIFIER, Chronicle, read_picture
from evonsfw.contribution import contributions
from evonsfw.exporters import (
    Artwork,
    Exporter,
    Manner,
    exporter_names,
    exporter_of,
    load_exporter,
    svg,
)
from evonsfw.pipeline import Pipeline
from evonsfw.provenance import Provenance, parse_provenance
from evonsfw.reference import reference_of, with_targets
from evonsfw.shapes import Canvas
from evonsfw.stage import Stage
from evonsfw.telling import Say

SMALLEST = 2
"""The shortest side in pixels that is written."""
MANY = 200
"""Shapes from which on it is said that weighing them takes time."""
LONG = 100
"""Drawings from which on it is said that looking at them takes time."""
ALIKE = 0.01
"""Share by which a drawing's proportions may be others than those that were scored, rounded to
pixels: what is stretched is another picture, whose score is its own.
"""
OWN = frozenset(
    ["best.png", "fewest.json", "fewest.png", "fewest.svg", "start.png", "target.png", "weight.png"]
)
"""Files of a run folder that no export replaces, beside all those in its folders."""


Reference = tuple[Stage, Pipeline]


@dataclass(frozen=True, eq=False)
class Pick:
    """One picture that is exported, in one format or in several.

    Attributes:
        word: what tells its files from those of other pictures; "" where it is the only one.
        artwork: the picture, with its story where there is one.
        found: what it is made from, as its metadata say.
        source: where it is from.
    """

    word: str
    artwork: Artwork
    found: Provenance
    source: Path


@dataclass(frozen=True, eq=False)
class Order:
    """One file that is to be written."""

    path: Path
    exporter: Exporter
    canvas: Canvas
    pick: Pick


def export_files(
    source: Path,
    files: Sequence[Path],
    size: str | None,
    generation: str,
    manner: Manner,
    force: bool,
    say: Say,
) -> None:
    """Write a run, or a picture that evonsfw made, into files; the format follows the ending.

    Args:
        source: a run folder, finished or still running, or a file with a genome in it.
        files: names of the files.
        size: the longer side in pixels, or WxH; None for each format's own.
        generation: a number counted from 1, "best" or "liked".
        manner: how else they are to be written.
        force: whether to write over files that are there.
        say: prints one line.

    Raises:
        ValueError: something does not work out, and nothing has been written; or the disk is full
            or gone: the message says which files are whole.
    """
    exporters = [exporter_of(path) for path in files]
    _check_manner(manner, exporters)
    picks = _picks(source, generation)
    orders = [
        Order(_named(path, pick), exporter, _canvas(size, path, exporter, pick, manner), pick)
        for pick in picks
        for path, exporter in zip(files, exporters, strict=True)
    ]
    for place, order in enumerate(orders):
        _check_story(order, source)
        _check_place(order.path, source, force)
        if order.path.resolve() in [other.path.resolve() for other in orders[:place]]:
            raise ValueError(f"{order.path}: given twice; name each file once")
    for pick in picks:
        _write([order for order in orders if order.pick is pick], orders, manner, say)


def _picks(source: Path, generation: str) -> list[Pick]:
    """The pictures that are asked for, of a run or of a file."""
    if generation not in ("best", "liked") and not re.fullmatch("[0-9]{1,9}", generation):
        raise ValueError(f"--generation {generation}: expected a number, best or liked")
    if not source.exists():
        raise ValueError(f"{source}: no such run folder or file")
    if not source.is_dir():
        return [_of_file(source, generation)]
    run, file = Chronicle(source), source / "best.png"
    if generation == "liked":
        liked = run.liked()
        return [_pick(word if len(liked) > 1 else "", one, file) for word, one in liked.items()]
    return [_pick("", run.best() if generation == "best" else run.until(int(generation)), file)]


def _of_file(source: Path, generation: str) -> Pick:
    if generation != "best":
        raise ValueError(
            f"--generation {generation}: {source} is one picture; give the folder of its run"
        )
    found = read_picture(source)
    return Pick("", Artwork(found.genome, found.config.encoding, found.texts), found, source)


def _pick(word: str, artwork: Artwork, source: Path) -> Pick:
    found = parse_provenance(artwork.metadata, source)
    assert found is not None, "every artwork of a run has its genome in it"
    return Pick(word, artwork, found, source)


def _named(path: Path, pick: Pick) -> Path:
    return path.with_name(f"{path.stem}_{pick.word}{path.suffix}") if pick.word else path


def _canvas(size: str | None, path: Path, exporter: Exporter, pick: Pick, manner: Manner) -> Canvas:
    """Width and height in pixels of a file; ValueError where its format has none such."""
    asked = _asked(size, path, exporter, pick.found.config.canvas)
    try:
        return exporter.written_canvas(asked, manner)
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from None


def _asked(size: str | None, path: Path, exporter: Exporter, scored: Canvas) -> Canvas:
    """What --size says, or the format's own."""
    if size is None:
        return exporter.default_canvas(scored)
    sides = re.fullmatch("([0-9]{1,9})(?:x([0-9]{1,9}))?", size)
    if sides is None:
        raise ValueError(
            f"--size {size}: expected the longer side in pixels, or WxH, as in --size 4096 or "
            f"--size 1920x1080"
        )
    width = int(sides[1])
    canvas = (width, int(sides[2])) if sides[2] else _fitted(scored, width)
    if min(canvas) < SMALLEST or max(canvas) > exporter.LARGEST:
        raise ValueError(
            f"--size {size}: expected {SMALLEST} to {exporter.LARGEST:,} pixels a side for {path}"
        )
    return canvas


def _fitted(scored: Canvas, side: int) -> Canvas:
    """The proportions of what was scored on another longer side."""
    least = min(side, SMALLEST)
    width, height = (max(least, round(one * side / max(scored))) for one in scored)
    return width, height


def _check_manner(manner: Manner, exporters: Sequence[Exporter]) -> None:
    """Raise ValueError where a flag is given that no file has a use for."""
    for flag in [name for name, value in asdict(manner).items() if value]:
        if not any(flag in exporter.TAKES for exporter in exporters):
            every = [load_exporter(name) for name in exporter_names()]
            takers = ", ".join(one.SUFFIX for one in every if flag in one.TAKES)
            raise ValueError(f"--{flag}: no file here has a use for it; it is for {takers}")


def _check_story(order: Order, source: Path) -> None:
    """Raise ValueError where a film or a page is asked of what has no past."""
    if "story" not in order.exporter.TAKES or order.pick.artwork.story is not None:
        return
    if source.is_dir() and order.pick.source.parent == source:
        raise ValueError(
            f"{order.path}: a film or a page needs the past of its picture, and run folder "
            f"{source} has none: bests.bin or log.csv is missing or empty, an older evonsfw made "
            f"it, or the picture was never the best of a generation"
        )
    raise ValueError(
        f"{order.path}: a film or a page is of a whole run, and {source} is one picture; give the "
        f"folder of its run"
    )


def _check_place(path: Path, source: Path, force: bool) -> None:
    """Raise ValueError where a file cannot be written, or nobody may want it to be."""
    if not path.parent.is_dir():
        raise ValueError(f"{path}: there is no folder {path.parent}; make it first")
    if path.is_dir():
        raise ValueError(f"{path}: is a folder; name a file")
    if path.resolve() == source.resolve():
        raise ValueError(f"{path}: is what is exported; choose another name")
    if not os.path.lexists(path):
        return
    if not force:
        raise ValueError(f"{path}: exists already; choose another name, or add --force")
    if source.is_dir() and _is_own(path, source):
        raise ValueError(f"{path}: is the run's own file; choose another name")


def _is_own(path: Path, run: Path) -> bool:
    """Whether a file is one that the run has written, or will again."""
    folder, run = path.parent.resolve(), run.resolve()
    return folder.is_relative_to(run) and (folder != run or path.name in OWN)


def _write(orders: Sequence[Order], every: Sequence[Order], manner: Manner, say: Say) -> None:
    """Write one picture's files, each told when it is there."""
    values: tuple[float, ...] | None = None
    pick = orders[0].pick
    compared = any(_is_compared(order) for order in orders)
    reference = functools.cache(lambda: _reference(pick, compared, say))
    own = replace(pick.artwork, metadata=nudges.without(pick.artwork.metadata))
    for order in orders:
        artwork = own
        if _is_weighed(order, manner):
            values = _weighed(pick, reference(), say) if values is None else values
            artwork = replace(artwork, contributions=values)
        if _is_compared(order):
            artwork = _compared(artwork, order, reference(), say)
        try:
            with _busy(str(order.path)):
                order.exporter.write(order.path, artwork, order.canvas, manner)
        except (OSError, ValueError) as error:
            raise ValueError(_broken_off(order, every, error)) from error
        width, height = order.canvas
        say(f"{order.path}: {width}x{height}, {_in_bytes(order.path.stat().st_size)}")


def _broken_off(order: Order, every: Sequence[Order], error: OSError | ValueError) -> str:
    """What was written before a disk was full or gone, and what was not."""
    place = every.index(order)
    if isinstance(error, ValueError) and not place:
        return str(error)
    reason = getattr(error, "strerror", None) or error
    done = ", ".join(str(one.path) for one in every[:place]) or "nothing"
    rest = ", ".join(str(one.path) for one in every[place:])
    return f"{order.path}: {reason}; written: {done}; not written: {rest}"


def _is_weighed(order: Order, manner: Manner) -> bool:
    """Whether a file says what each of its shapes contributes."""
    taken = order.exporter.TAKES
    spared = "sparing" in taken and order.pick.found.config.plain_likeness
    return "contributions" in taken and (manner.contributions or not spared)


def _is_compared(order: Order) -> bool:
    """Whether it is a drawing that other programs are to draw so that it scores as the picture."""
    config = order.pick.found.config
    (width, height), scored = order.canvas, config.canvas
    alike = math.isclose(width * scored[1], height * scored[0], rel_tol=ALIKE)
    return order.exporter.SUFFIX == svg.SUFFIX and alike and not config.plain_likeness


def _reference(pick: Pick, compared: bool, say: Say) -> Reference | None:
    """What scores a picture; None, and a line why, where the classifier is not there."""
    lacking = "without contributions of the shapes"
    lacking += ", and drawings as they are" if compared else ""
    config = with_targets(pick.found.config, pick.source)[0]
    try:
        stage, pipeline = reference_of(config)
    except ValueError as error:
        say(f"{lacking}: {error}")
        return None
    if stage.classifier_hash != pick.found.texts.get(CLASSIFIER, ""):
        say(f"{lacking}: the classifier's file is not the run's")
        return None
    return stage, pipeline


def _weighed(pick: Pick, reference: Reference | None, say: Say) -> tuple[float, ...]:
    """What each shape contributes; nothing where there is nothing to weigh by."""
    if reference is None:
        return ()
    stage, pipeline = reference
    count = stage.config.n
    if count >= MANY:
        say(f"leaving out each of {count:,} shapes in turn, to see what it contributes")
    with _busy("") as told:
        found = contributions(
            pipeline,
            pick.artwork.genome,
            pick.artwork.encoding,
            stage.config.canvas,
            lambda done: told(f"{done:,} of {count:,} shapes"),
        )
    assert found is not None, "nobody gave up"
    return found


def _compared(artwork: Artwork, order: Order, reference: Reference | None, say: Say) -> Artwork:
    """The artwork, moved so that its drawing scores as the picture; a line where it does not."""
    if reference is None or not reference[0].references:
        return artwork
    stage, path = reference[0], order.path
    try:
        with _busy(str(path)) as told:
            found = agreeing(
                artwork,
                stage.config.canvas,
                stage.references,
                order.canvas,
                svg.to_svg,
                lambda tries: _told_of(tries, path, told, say),
            )
    except (ValueError, OSError) as error:
        say(f"{path}: not compared: resvg does not draw it: {_line(error)}")
        return artwork
    if found.apart > BAR:
        where = f"drawn by resvg it has {found.name} {found.drawing:.3f}"
        say(f"{path}: {where}, the picture {found.picture:.3f}")
    return found.artwork


@contextmanager
def _busy(what: str) -> Iterator[Callable[[str], bool]]:
    """Show on a terminal what takes so long; yields what changes it, which returns true."""
    if not (sys.stdout and sys.stdout.isatty()):
        yield lambda _: True
        return
    with Console().status(what) as status:

        def tell(text: str) -> bool:
            status.update(text)
            return True

        yield tell


def _told_of(tries: int, path: Path, told: Callable[[str], bool], say: Say) -> bool:
    """Say how many drawings were looked at; of many, that it takes time, whoever looks."""
    if tries == LONG:
        say(
            f"{path}: moving shapes a little until resvg's drawing of it scores as the picture does"
        )
    return told(f"{path}: drawing {tries:,}, to score as the picture does")


def _line(error: Exception) -> str:
    return " ".join(str(error).split())


def _in_bytes(count: int) -> str:
    """A file's size for people."""
    if count < 1_000:
        return f"{count} bytes"
    return f"{count / 1e3:.1f} kB" if count < 1_000_000 else f"{count / 1e6:.1f} MB"
