"""`evonsfw excite`: a picture from nothing that excites a class or a channel."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from evonsfw.commands import (
    ClassifierFlag,
    ForceFlag,
    SeedFlag,
    progress,
    say,
    whole,
)
from evonsfw.model_spec import DEFAULT

EXAMPLE = 'evonsfw excite --objective "logit(nsfw) + logit(sfw)" --prior cppn --size 1024'


def excite(
    objective: Annotated[
        str,
        typer.Option(
            help="Classes, as in logit(sfw), or LAYER:CHANNEL.",
            show_default=False,
        ),
    ],
    classifier: ClassifierFlag = DEFAULT,
    prior: Annotated[
        str,
        typer.Option(metavar="fourier|cppn|pixels", help="What the picture is made of."),
    ] = "fourier",
    search: Annotated[
        str,
        typer.Option(
            metavar="gradient|cma", help="How it is made; cma evolves a cppn without gradients."
        ),
    ] = "gradient",
    size: Annotated[
        str, typer.Option(metavar="INTEGER", help="Side of the picture in pixels.")
    ] = "512",
    iterations: Annotated[
        str | None,
        typer.Option(
            metavar="INTEGER",
            help="Steps. Default: 256, or 32 generations of cma.",
            show_default=False,
        ),
    ] = None,
    seed: SeedFlag = "0",
    out: Annotated[
        Path | None,
        typer.Option(
            help="The .png to write. Default: objective, prior and seed, here.", show_default=False
        ),
    ] = None,
    force: ForceFlag = False,
) -> None:
    """Make a picture from nothing that excites a class, several, or a channel of a layer."""
    from evonsfw.exciting import excite_file

    side = whole("size", size, 2, 8192)
    steps = None if iterations is None else whole("iterations", iterations, 1, 100_000)
    seeded = whole("seed", seed)
    with progress("exciting") as heard:
        lines = excite_file(
            objective, classifier, prior, search, side, steps, seeded, out, force, heard
        )
    for line in lines:
        say(line)
