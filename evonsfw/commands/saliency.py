"""`evonsfw explain gradient|guided|deconvnet|gradcam|integrated`."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from evonsfw.commands import (
    ClassFlag,
    ClassifierFlag,
    ForceFlag,
    OutFlag,
    PictureArgument,
    explained,
    whole,
)
from evonsfw.discovery import one_of
from evonsfw.model_spec import DEFAULT

if TYPE_CHECKING:
    from evonsfw.backward_graph import ReluRule
    from evonsfw.explanation import Explanation
    from evonsfw.insight.integrated import Integrated
    from evonsfw.insight.saliency import Saliency
    from evonsfw.telling import Heard

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
    _saliency("gradient", picture, classifier, wanted, of, layer, channel, out, force)


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
    _saliency("guided", picture, classifier, wanted, of, layer, channel, out, force)


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
    _saliency("deconvnet", picture, classifier, wanted, of, layer, channel, out, force)


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
    from evonsfw import explain
    from evonsfw.quantity import KINDS

    if of is not None:
        one_of(f"--of {of}", of, KINDS)
    how = classifier, wanted, of, layer
    explained("gradcam", lambda _heard: explain.gradcam(picture, *how), [picture], out, force)


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
    from evonsfw import explain
    from evonsfw.insight.integrated import BASELINES

    place = _channel(wanted, of, layer, channel)
    count = whole("steps", steps, 1, 10_000)
    start = one_of(f"--baseline {baseline}", baseline, BASELINES)
    how = classifier, wanted, of, layer, place, start, count

    def find(heard: Heard) -> Explanation[Integrated]:
        return explain.integrated(picture, *how, heard)

    explained("integrated", find, [picture], out, force, "gradients")


def _saliency(
    name: ReluRule,
    picture: Path,
    classifier: str,
    wanted: str | None,
    of: str | None,
    layer: str | None,
    channel: str | None,
    out: Path | None,
    force: bool,
) -> None:
    from evonsfw import explain

    instrument: Callable[..., Explanation[Saliency]] = getattr(explain, name)
    how = classifier, wanted, of, layer, _channel(wanted, of, layer, channel)
    explained(name, lambda _heard: instrument(picture, *how), [picture], out, force)


def _channel(
    wanted: str | None, of: str | None, layer: str | None, channel: str | None
) -> int | None:
    """The channel's number.

    Raises:
        ValueError: it is none, or the flags do not go together.
    """
    from evonsfw.quantity import KINDS, LAYER_KINDS

    number = None if channel is None else whole("channel", channel)
    if layer is None and channel is not None:
        raise ValueError(f"--channel {channel}: it goes with --layer, which says of what")
    if layer is not None and wanted is not None:
        raise ValueError(f"--class {wanted}: a layer is explained without a class")
    if of is not None:
        one_of(f"--of {of}", of, KINDS if layer is None else LAYER_KINDS)
    return number
