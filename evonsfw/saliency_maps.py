"""Instruments that send a signal back: what each pixel, or each place of a layer, does.

Gradient, guided backpropagation, deconvnet, Grad-CAM and integrated gradients, for the command
line and for Python.
"""

from __future__ import annotations

from evonsfw.backward_graph import ReluRule
from evonsfw.discovery import one_of
from evonsfw.explanation import Explanation, class_value, opened, quantity_of
from evonsfw.insight import gradcam as places
from evonsfw.insight import integrated as shares
from evonsfw.insight import saliency as signals
from evonsfw.insight.gradcam import GradCam
from evonsfw.insight.integrated import Integrated
from evonsfw.insight.saliency import Saliency
from evonsfw.layers import default_layer, find_layer
from evonsfw.model_spec import DEFAULT
from evonsfw.picture_like import PictureLike
from evonsfw.saliency_plates import Figures, cam_plate, integrated_plate, saliency_plate
from evonsfw.telling import Heard, unheard

MISSED = 0.05
"""Share of the rise: a larger error is remarked on."""


def gradient(
    picture: PictureLike,
    classifier: str = DEFAULT,
    wanted: str | None = None,
    of: str | None = None,
    layer: str | None = None,
    channel: int | None = None,
) -> Explanation[Saliency]:
    """What a small change of each pixel would do to a number (Simonyan 2014).

    Args:
        picture: a file's name, or (H, W, 3) uint8.
        classifier: a known name, a .yaml or an .onnx.
        wanted: the class, by name or index; None is the classifier's own.
        of: what of the class: "logit", or "margin", how far it is above the others; of a layer:
            "mean", or "peak", the largest of each channel. None for the logit, or the mean.
        layer: explain this layer instead of a class.
        channel: only this channel of it.

    Returns:
        its array is (H, W, 3) float32, change of the number for each level of 255.

    Raises:
        ValueError: one of them does not exist, or an operator has no backward rule.
    """
    return _saliency(picture, classifier, wanted, of, layer, channel, "gradient")


def guided(
    picture: PictureLike,
    classifier: str = DEFAULT,
    wanted: str | None = None,
    of: str | None = None,
    layer: str | None = None,
    channel: int | None = None,
) -> Explanation[Saliency]:
    """Guided backpropagation (Springenberg 2015): the structure that excites a class or a layer.

    Arguments, result and errors are those of `gradient`.
    """
    return _saliency(picture, classifier, wanted, of, layer, channel, "guided")


def deconvnet(
    picture: PictureLike,
    classifier: str = DEFAULT,
    wanted: str | None = None,
    of: str | None = None,
    layer: str | None = None,
    channel: int | None = None,
) -> Explanation[Saliency]:
    """The deconvnet (Zeiler and Fergus 2014): a class or a layer, projected back to the picture.

    Arguments, result and errors are those of `gradient`.
    """
    return _saliency(picture, classifier, wanted, of, layer, channel, "deconvnet")


def gradcam(
    picture: PictureLike,
    classifier: str = DEFAULT,
    wanted: str | None = None,
    of: str | None = None,
    layer: str | None = None,
) -> Explanation[GradCam]:
    """Grad-CAM (Selvaraju 2017): which places of a layer speak for a class.

    Args:
        picture: a file's name, or (H, W, 3) uint8.
        classifier: a known name, a .yaml or an .onnx.
        wanted: the class, by name or index; None is the classifier's own.
        of: what of the class: "logit" or "margin"; None for the logit.
        layer: whose places are weighed; None is the last that has places.

    Returns:
        its array is (H, W) float32: above 0 speaks for the class, below against it.

    Raises:
        ValueError: as `gradient`.
    """
    given = opened(picture, classifier, wanted)
    spec, figures = given.spec, given.figures
    where = find_layer(spec, layer) if layer is not None else default_layer(spec)
    quantity = class_value(given, of)
    found = places.gradcam(spec, given.subject.pixels, quantity, where)
    told, grid = f"{found.value:+.4f}", "x".join(map(str, found.coarse.shape[::-1]))
    figures = (*figures, (quantity.name, told), ("layer", f"{where.name}, {grid} places"))
    plate = cam_plate(given.subject, quantity.name, found, figures)
    texts = {"quantity": quantity.name, "layer": where.name}
    line = f"{quantity.name} {told}, layer {where.name} of {grid} places"
    return given.explained("gradcam", found, plate, found.signed, texts, [line])


def integrated(
    picture: PictureLike,
    classifier: str = DEFAULT,
    wanted: str | None = None,
    of: str | None = None,
    layer: str | None = None,
    channel: int | None = None,
    baseline: str = "black",
    steps: int = 50,
    heard: Heard = unheard,
) -> Explanation[Integrated]:
    """Integrated gradients (Sundararajan 2017): each pixel's share of the rise from a baseline.

    Args:
        picture: as for `gradient`, like what follows.
        classifier: likewise.
        wanted: likewise.
        of: likewise.
        layer: likewise.
        channel: likewise.
        baseline: "black", "grey", "white", or "blur", the picture without detail.
        steps: gradients that are taken, 1 or more.
        heard: is told how many are.

    Returns:
        its array is (H, W, 3) float32; it adds up to the rise, but for `found.error`.

    Raises:
        ValueError: as `gradient`.
    """
    given = opened(picture, classifier, wanted)
    start = one_of(f"baseline = '{baseline}'", baseline, shares.BASELINES)
    quantity = quantity_of(given, wanted, of, layer, channel)
    found = shares.integrated(given.spec, given.subject.pixels, quantity, start, steps, heard)
    rise = f"{found.blank:+.4f} to {found.value:+.4f}"
    how = ((quantity.name, rise), ("baseline, steps", f"{baseline}, {steps}"))
    figures = (*given.figures, *how, *_missing(found))
    plate = integrated_plate(given.subject, quantity.name, found, figures)
    texts = {"quantity": quantity.name, "baseline": baseline, "steps": str(steps)}
    lines = [f"{quantity.name} {rise} from {baseline}", _missed(found)]
    return given.explained("integrated", found, plate, found.shares, texts, lines)


def _missing(found: Integrated) -> Figures:
    return ("rise", f"{found.rise:+.4f}"), ("sum of shares less rise", f"{found.error:+.4f}")


def _missed(found: Integrated) -> str:
    """By how much, and what helps where it is much: most of the rise can lie in a few steps."""
    more = "; more --steps come closer" * (abs(found.error) > MISSED * abs(found.rise))
    return f"the shares miss the rise of {found.rise:+.4f} by {found.error:+.4f}{more}"


def _saliency(
    picture: PictureLike,
    classifier: str,
    wanted: str | None,
    of: str | None,
    layer: str | None,
    channel: int | None,
    relu: ReluRule,
) -> Explanation[Saliency]:
    given = opened(picture, classifier, wanted)
    quantity = quantity_of(given, wanted, of, layer, channel)
    found = signals.saliency(given.spec, given.subject.pixels, quantity, relu)
    told = f"{found.value:+.4f}"
    figures = (*given.figures, (quantity.name, told))
    plate = saliency_plate(given.subject, relu, quantity.name, found, figures)
    texts, lines = {"quantity": quantity.name}, [f"{quantity.name} {told}"]
    return given.explained(relu, found, plate, found.signal, texts, lines)
