"""`evonsfw explain occlusion`, and the flags of windows that slide."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from evonsfw.commands import (
    ClassFlag,
    ClassifierFlag,
    ForceFlag,
    OutFlag,
    PictureArgument,
    SeedFlag,
    progress,
    say,
    whole,
)
from evonsfw.discovery import nearest
from evonsfw.model_spec import DEFAULT

if TYPE_CHECKING:
    from evonsfw.explaining import Sliding

EXAMPLE = "evonsfw explain occlusion picture.png --stride 8 --coarse-to-fine"
WindowFlag = Annotated[
    str | None,
    typer.Option(
        metavar="INTEGER",
        help="Its side in pixels. Default: a quarter of the picture's shorter side.",
        show_default=False,
    ),
]
StrideFlag = Annotated[
    str | None,
    typer.Option(
        metavar="INTEGER",
        help="Pixels from one place to the next. Default: a quarter of the window.",
        show_default=False,
    ),
]
FillFlag = Annotated[str, typer.Option(metavar="grey|mean|blur|noise", help="What covers a place.")]
CoarseFlag = Annotated[
    bool,
    typer.Option("--coarse-to-fine", help="Score a tenth of the places, more where scores change."),
]


def occlusion(
    picture: PictureArgument,
    window: WindowFlag = None,
    stride: StrideFlag = None,
    fill: FillFlag = "grey",
    coarse_to_fine: CoarseFlag = False,
    seed: SeedFlag = "0",
    classifier: ClassifierFlag = DEFAULT,
    wanted: ClassFlag = None,
    out: OutFlag = None,
    force: ForceFlag = False,
) -> None:
    """Slide a window: what its crops score alone, and what is lost while a place is covered
    (Zeiler & Fergus 2014).
    """
    from evonsfw.explaining import explain_occlusion

    asked = sliding(window, stride, fill, seed, coarse_to_fine)
    lines: list[str] = []
    with progress("scorings") as heard:
        explain_occlusion(picture, lines.append, classifier, wanted, asked, out, force, heard)
    for line in lines:
        say(line)


def sliding(
    window: str | None, stride: str | None, fill: str, seed: str, coarse_to_fine: bool
) -> Sliding:
    """What the flags say.

    Raises:
        ValueError: a number that is none, or a fill that there is not.
    """
    from evonsfw.explaining import Sliding
    from evonsfw.insight.occlusion import FILLS

    for known in FILLS:
        if fill == known:
            return Sliding(
                None if window is None else whole("window", window, 1),
                None if stride is None else whole("stride", stride, 1),
                known,
                whole("seed", seed),
                coarse_to_fine,
            )
    raise ValueError(f"--fill {fill}: {nearest(fill, FILLS)}")
