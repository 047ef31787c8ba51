"""`evonsfw invert`: how little moves a picture's score."""

from __future__ import annotations

from typing import Annotated

import typer

from evonsfw.commands import (
    ClassFlag,
    ClassifierFlag,
    ForceFlag,
    OutFlag,
    PictureArgument,
    SeedFlag,
    number,
    progress,
    say,
    whole,
)
from evonsfw.discovery import one_of
from evonsfw.model_spec import DEFAULT

EXAMPLE = "evonsfw invert photo.png --score 0.9 --budget 4/255"


def invert(
    picture: PictureArgument,
    score: Annotated[
        str,
        typer.Option(
            metavar="NUMBER",
            help="Probability of the class, between 0 and 1, to be reached from either side.",
            show_default=False,
        ),
    ],
    budget: Annotated[
        str | None,
        typer.Option(
            metavar="NUMBER",
            help="The most that the norm may be, where channels are 0 to 1: 4/255, 0.5. "
            "Default: no limit; the smallest that is found.",
            show_default=False,
        ),
    ] = None,
    norm: Annotated[
        str,
        typer.Option(
            metavar="linf|l2",
            help="What is small: the largest change of any channel, or the root of the sum of "
            "their squares.",
        ),
    ] = "linf",
    iterations: Annotated[
        str, typer.Option(metavar="INTEGER", help="Forward and backward passes.")
    ] = "200",
    robust: Annotated[
        bool,
        typer.Option(
            "--robust", help="Reach it in every view that searches score by, not only as it is."
        ),
    ] = False,
    classifier: ClassifierFlag = DEFAULT,
    class_: ClassFlag = None,
    seed: SeedFlag = "0",
    out: OutFlag = None,
    force: ForceFlag = False,
) -> None:
    """Find the smallest change of a picture that moves its score: how thin a score is."""
    from evonsfw.inverting import Asked, invert_file
    from evonsfw.nearest_change import NORMS, Wish

    wish = Wish(
        number("score", score, 0.0, 1.0, strictly=True),
        one_of(f"--norm {norm}", norm, NORMS),
        None if budget is None else _budget(budget),
        whole("iterations", iterations, 1, 1_000_000),
        whole("seed", seed),
    )
    asked = Asked(picture, wish, classifier, class_, robust, out, force)
    lines: list[str] = []
    with progress("inverting") as heard:
        found, _names = invert_file(asked, lines.append, heard)
    for line in lines:
        say(line)
    if not found.reached:
        raise typer.Exit(1)


def _budget(text: str) -> float:
    """The most that the norm may be.

    Raises:
        ValueError: it is no number, or too small a one.
    """
    from evonsfw.nearest_change import LEAST, SMALLER

    value = number("budget", text, 0.0, strictly=True)
    if value < LEAST:
        raise ValueError(f"--budget {text}: {SMALLER}")
    return value
