"""`evonsfw explain occlusion` and `compare`: windows that slide."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from evonsfw.commands import (
    BACKEND,
    BackendFlag,
    ClassFlag,
    ClassifierFlag,
    ForceFlag,
    OutFlag,
    PictureArgument,
    SeedFlag,
    explained,
    whole,
)
from evonsfw.discovery import nearest
from evonsfw.model_spec import DEFAULT

if TYPE_CHECKING:
    from evonsfw.comparing import Compared
    from evonsfw.explaining import Sliding
    from evonsfw.explanation import Explanation
    from evonsfw.insight.occlusion import Occlusion
    from evonsfw.telling import Heard

OCCLUSION_EXAMPLE = "evonsfw explain occlusion picture.png --stride 3 --coarse-to-fine"
COMPARE_EXAMPLE = "evonsfw explain compare before.png after.png"
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
        help="Pixels from one place to the next. Default: a quarter of the window, with "
        "--coarse-to-fine 1/22, rounded up.",
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
    backend: BackendFlag = BACKEND,
    out: OutFlag = None,
    force: ForceFlag = False,
) -> None:
    """Slide a window: what its crops score alone, and what is lost while a place is covered
    (Zeiler & Fergus 2014).
    """
    from evonsfw import explain

    how = classifier, wanted, _sliding(window, stride, fill, seed, coarse_to_fine), None

    def find(heard: Heard) -> Explanation[Occlusion]:
        return explain.occlusion(picture, *how, heard, backend)

    explained("occlusion", find, [picture], out, force)


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
            help=f"What two pictures are shown to. Default: {DEFAULT}.",
            show_default=False,
        ),
    ] = None,
    wanted: ClassFlag = None,
    window: WindowFlag = None,
    stride: StrideFlag = None,
    fill: FillFlag = "grey",
    coarse_to_fine: CoarseFlag = False,
    seed: SeedFlag = "0",
    backend: BackendFlag = BACKEND,
    out: Annotated[
        Path | None,
        typer.Option(help="The .png to write. Default: A_B_compare.png, here.", show_default=False),
    ] = None,
    force: ForceFlag = False,
) -> None:
    """Show where two pictures, or two classifiers, disagree."""
    from evonsfw import explain

    names = f"{Path(first).stem}_{Path(second).stem}_compare.png"
    pictures, models = _sides(first, second, picture, classifier)
    sliding = _sliding(window, stride, fill, seed, coarse_to_fine)

    def find(heard: Heard) -> Explanation[Compared]:
        return explain.compare(*pictures, *models, wanted, sliding, None, heard, backend)

    originals = [one for one in pictures if one is not None]
    explained("compare", find, originals, out or Path(names), force)


def _sides(
    first: str, second: str, picture: Path | None, classifier: str | None
) -> tuple[tuple[Path, Path | None], tuple[str, str | None]]:
    """Two pictures and a classifier, or a picture and two classifiers.

    Raises:
        ValueError: one of each, or one too many or too few.
    """
    from evonsfw.comparing import is_classifier

    kinds = is_classifier(first), is_classifier(second)
    if kinds[0] != kinds[1]:
        one, other = (first, second) if kinds[0] else (second, first)
        raise ValueError(f"{one} is a classifier and {other} a picture: give two of one kind")
    if not kinds[0]:
        if picture is not None:
            raise ValueError(f"{picture}: two pictures are compared without a third")
        return (Path(first), Path(second)), (classifier or DEFAULT, None)
    if classifier is not None:
        raise ValueError(f"--classifier {classifier}: two classifiers are compared without a third")
    if picture is None:
        raise ValueError(
            f"{first} and {second} are classifiers: name a picture after them to compare them on"
        )
    return (picture, None), (first, second)


def _sliding(
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
