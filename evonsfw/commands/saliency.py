"""`evonsfw explain gradient|guided|deconvnet|gradcam|integrated`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from evonsfw.commands import (
    ClassFlag,
    ClassifierFlag,
    ForceFlag,
    OutFlag,
    PictureArgument,
    progress,
    say,
    whole,
)
from evonsfw.model_spec import DEFAULT

if TYPE_CHECKING:
    from evonsfw.backward_graph import ReluRule
    from evonsfw.saliency_maps import Asked

GRADIENT_EXAMPLE = "evonsfw explain gradient picture.png --class sfw"
GUIDED_EXAMPLE = "evonsfw explain guided picture.png --layer Relu_20 --of peak"
DECONVNET_EXAMPLE = "evonsfw explain deconvnet picture.png --layer Relu_9 --channel 5 --of peak"
GRADCAM_EXAMPLE = "evonsfw explain gradcam picture.png --out cam.png"
INTEGRATED_EXAMPLE = "evonsfw explain integrated picture.png --baseline blur --steps 20"

KindFlag = Annotated[
    str | None,
    typer.Option(
        "--of",
        metavar="KIND",
        help="What of the class: its [bold]logit[/], or its [bold]margin[/] above the others; "
        "what of a layer: its [bold]mean[/], or its [bold]peak[/]. Default: logit, mean.",
        show_default=False,
    ),
]
LayerFlag = Annotated[
    str | None,
    typer.Option(
        metavar="NAME",
        help="Explain this layer, not a class; evonsfw dream --layers lists them.",
        show_default=False,
    ),
]
CamKindFlag = Annotated[
    str | None,
    typer.Option(
        "--of",
        metavar="logit|margin",
        help="What of the class: its own logit, or how far it is above the others'. "
        "Default: logit.",
        show_default=False,
    ),
]
CamLayerFlag = Annotated[
    str | None,
    typer.Option(
        metavar="NAME",
        help="The layer whose places are weighed. Default: the last that has places.",
        show_default=False,
    ),
]
ChannelFlag = Annotated[
    str | None,
    typer.Option(metavar="INTEGER", help="Only this channel of --layer.", show_default=False),
]
BaselineFlag = Annotated[
    str,
    typer.Option(
        metavar="black|grey|white|blur",
        help="The picture to start from: one colour, or this picture blurred.",
    ),
]
StepsFlag = Annotated[str, typer.Option(metavar="INTEGER", help="Gradients that are taken.")]


def gradient(
    picture: PictureArgument,
    classifier: ClassifierFlag = DEFAULT,
    wanted: ClassFlag = None,
    of: KindFlag = None,
    layer: LayerFlag = None,
    channel: ChannelFlag = None,
    out: OutFlag = None,
    force: ForceFlag = False,
) -> None:
    """Show what a small change of each pixel would do to the score (Simonyan 2014)."""
    _saliency(_asked(picture, classifier, wanted, of, layer, channel, out, force), "gradient")


def guided(
    picture: PictureArgument,
    classifier: ClassifierFlag = DEFAULT,
    wanted: ClassFlag = None,
    of: KindFlag = None,
    layer: LayerFlag = None,
    channel: ChannelFlag = None,
    out: OutFlag = None,
    force: ForceFlag = False,
) -> None:
    """Show the structure that excites a class or a channel: guided backpropagation
    (Springenberg 2015).
    """
    _saliency(_asked(picture, classifier, wanted, of, layer, channel, out, force), "guided")


def deconvnet(
    picture: PictureArgument,
    classifier: ClassifierFlag = DEFAULT,
    wanted: ClassFlag = None,
    of: KindFlag = None,
    layer: LayerFlag = None,
    channel: ChannelFlag = None,
    out: OutFlag = None,
    force: ForceFlag = False,
) -> None:
    """Project a class or a channel back to the picture: the deconvnet (Zeiler & Fergus 2014)."""
    _saliency(_asked(picture, classifier, wanted, of, layer, channel, out, force), "deconvnet")


def gradcam(
    picture: PictureArgument,
    classifier: ClassifierFlag = DEFAULT,
    wanted: ClassFlag = None,
    of: CamKindFlag = None,
    layer: CamLayerFlag = None,
    out: OutFlag = None,
    force: ForceFlag = False,
) -> None:
    """Show which places of a layer speak for a class: Grad-CAM (Selvaraju 2017)."""
    from evonsfw.saliency_maps import explain_gradcam

    explain_gradcam(_asked(picture, classifier, wanted, of, layer, None, out, force), say)


def integrated(
    picture: PictureArgument,
    classifier: ClassifierFlag = DEFAULT,
    wanted: ClassFlag = None,
    of: KindFlag = None,
    layer: LayerFlag = None,
    channel: ChannelFlag = None,
    baseline: BaselineFlag = "black",
    steps: StepsFlag = "50",
    out: OutFlag = None,
    force: ForceFlag = False,
) -> None:
    """Share the score out to the pixels: integrated gradients (Sundararajan 2017)."""
    from evonsfw.insight.integrated import BASELINES
    from evonsfw.saliency_maps import explain_integrated, one_of

    asked = _asked(picture, classifier, wanted, of, layer, channel, out, force)
    count = whole("steps", steps, 1, 10_000)
    start = one_of("baseline", baseline, BASELINES)
    with progress("gradients") as heard:
        lines: list[str] = []
        explain_integrated(asked, start, count, lines.append, heard)
    for line in lines:
        say(line)


def _saliency(asked: Asked, relu: ReluRule) -> None:
    from evonsfw.saliency_maps import explain_saliency

    explain_saliency(asked, relu, say)


def _asked(
    picture: Path,
    classifier: str,
    wanted: str | None,
    of: str | None,
    layer: str | None,
    channel: str | None,
    out: Path | None,
    force: bool,
) -> Asked:
    from evonsfw.saliency_maps import Asked

    return Asked(
        picture,
        classifier,
        wanted,
        of,
        layer,
        None if channel is None else whole("channel", channel),
        out,
        force,
    )
