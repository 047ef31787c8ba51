"""Commands that are not of the main job, one a file: words a person types, one call each.

Shared here: flags that several have, numbers that are checked, the bar that says how far it is.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from evonsfw.backends import AUTO, backend_names

if TYPE_CHECKING:
    from evonsfw.explanation import Explanation
    from evonsfw.telling import Heard

PictureArgument = Annotated[Path, typer.Argument(help="Picture file.", show_default=False)]
ClassifierFlag = Annotated[
    str, typer.Option(metavar="NAME|FILE", help="A known name, a .yaml or an .onnx.")
]
ClassFlag = Annotated[
    str | None,
    typer.Option(
        "--class",
        metavar="NAME|INDEX",
        help="The class that counts. Default: the classifier's own.",
        show_default=False,
    ),
]
OutFlag = Annotated[
    Path | None,
    typer.Option(
        help="The .png to write. Default: the picture's name and the instrument's, here.",
        show_default=False,
    ),
]
ForceFlag = Annotated[bool, typer.Option("--force", help="Write over files that are there.")]
BACKEND = "onnxruntime"
"""What scores unless it is told: the reference."""
BackendFlag = Annotated[
    str,
    typer.Option(
        metavar="NAME",
        help=f"What scores the parts: {AUTO}, {', '.join(backend_names())}. Only {BACKEND} is "
        "exact; the score of the whole is always its.",
    ),
]
SeedFlag = Annotated[str, typer.Option(metavar="INTEGER", help="Seed of all that is random.")]


def say(line: str) -> None:
    """Print one line."""
    print(line, flush=True)


def whole(flag: str, text: str, least: int = 0, most: int | None = None) -> int:
    """The whole number that a flag was given.

    Args:
        flag: its name, without dashes.
        text: what was given.
        least: the smallest that is taken.
        most: the largest, where there is one.

    Raises:
        ValueError: it is none, or out of range.
    """
    try:
        value = int(text)
    except ValueError:
        value = least - 1
    if value < least or (most is not None and value > most):
        span = f"from {least} to {most}" if most is not None else f"of {least} or more"
        raise ValueError(f"--{flag} {text}: expected a whole number {span}")
    return value


def number(
    flag: str, text: str, least: float, most: float = math.inf, strictly: bool = False
) -> float:
    """The number that a flag was given.

    Args:
        flag: its name, without dashes.
        text: what was given: a decimal, or a fraction as in 4/255.
        least: the smallest that is taken.
        most: the largest.
        strictly: whether `least` itself is too small.

    Raises:
        ValueError: it is none, or out of range.
    """
    try:
        above, _, below = text.partition("/")
        value = float(above) / float(below or 1)
    except (ValueError, ZeroDivisionError):
        value = math.nan
    if not least <= value <= most or not math.isfinite(value) or (strictly and value == least):
        low = f"above {least:g}" if strictly else f"of {least:g} or more"
        span = low if most == math.inf else f"{low.replace(' or more', '')} to {most:g}"
        raise ValueError(f"--{flag} {text}: expected a number {span}")
    return value


def explained(
    instrument: str,
    find: Callable[[Heard], Explanation[Any]],
    originals: Sequence[Path],
    out: Path | None,
    force: bool,
    what: str = "scorings",
) -> None:
    """Ask an instrument, write what it found, and print it.

    Args:
        instrument: its name.
        find: asks it; is given what wants to hear how far it is.
        originals: files that are looked at.
        out: the PNG to write; None for the first one's name and the instrument's, here.
        force: whether files that are there may be written over.
        what: a word for the work.

    Raises:
        ValueError: whatever does not fit, in one line; before the work begins, where that is known.
    """
    from evonsfw.findings import default_out, require_plate

    path = out or default_out(originals[0], instrument)
    require_plate(path, originals, force)
    with progress(what) as heard:
        found = find(heard)
    for line in found.lines(found.save(path, force)):
        say(line)


@contextmanager
def progress(what: str) -> Iterator[Heard]:
    """A bar on standard error with the time that is left; gone when the work is done.

    Args:
        what: a word for the work.

    Yields:
        what is to be called with how much is done, and how much there is.
    """
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        TextColumn,
        TimeRemainingColumn,
    )

    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
    )
    console = Console(stderr=True)
    silent = not console.is_terminal
    with Progress(*columns, console=console, transient=True, disable=silent) as bar:
        task = bar.add_task(what, total=None)
        yield lambda done, total: bar.update(task, completed=done, total=total)
