"""`evonsfw explain compare`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from evonsfw.commands import ClassFlag, ForceFlag, SeedFlag, progress, say
from evonsfw.commands.occlusion import CoarseFlag, FillFlag, StrideFlag, WindowFlag, sliding

EXAMPLE = "evonsfw explain compare before.png after.png"


def compare(
    first: Annotated[
        str,
        typer.Argument(
            metavar="A",
            help="A picture, or a classifier: a known name, a .yaml or an .onnx.",
            show_default=False,
        ),
    ],
    second: Annotated[
        str, typer.Argument(metavar="B", help="Another of the same kind.", show_default=False)
    ],
    picture: Annotated[
        Path | None,
        typer.Argument(help="What two classifiers are shown.", show_default=False),
    ] = None,
    classifier: Annotated[
        str | None,
        typer.Option(
            metavar="NAME|FILE",
            help="What two pictures are shown to. Default: open_nsfw.",
            show_default=False,
        ),
    ] = None,
    wanted: ClassFlag = None,
    window: WindowFlag = None,
    stride: StrideFlag = None,
    fill: FillFlag = "grey",
    coarse_to_fine: CoarseFlag = False,
    seed: SeedFlag = "0",
    out: Annotated[
        Path | None,
        typer.Option(help="The .png to write. Default: A_B_compare.png, here.", show_default=False),
    ] = None,
    force: ForceFlag = False,
) -> None:
    """Show where two pictures, or two classifiers, disagree."""
    from evonsfw.comparing import explain_compare

    asked = sliding(window, stride, fill, seed, coarse_to_fine)
    lines: list[str] = []
    with progress("scorings") as heard:
        explain_compare(
            first,
            second,
            lines.append,
            picture,
            classifier,
            wanted,
            asked,
            out,
            force,
            heard,
        )
    for line in lines:
        say(line)
