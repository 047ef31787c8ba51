"""What the gradient instruments found, as plates: pictures to publish."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from PIL import Image

from evonsfw.backward_graph import ReluRule
from evonsfw.heat import SEQUENTIAL
from evonsfw.insight.gradcam import GradCam
from evonsfw.insight.integrated import Integrated
from evonsfw.insight.saliency import Saliency
from evonsfw.plate import Bar, Panel, Plate, over, symmetric
from evonsfw.preparation import Pictures
from evonsfw.subject import Subject

Floats = npt.NDArray[np.float32]
Figures = tuple[tuple[str, str], ...]
GRAIN = 56
"""Pixels of the shorter side that are left of a map that is smoothed."""
LARGE = 0.995
"""Share of the values that lie within the colours; the few beyond have the last one."""
DENSE = 0.85
"""Opacity of the strongest places of a signed map over its picture; the weakest have none."""
TITLES: dict[ReluRule, str] = {
    "gradient": "Gradient",
    "deconvnet": "Deconvnet",
    "guided": "Guided backpropagation",
}
MEANS: dict[ReluRule, str] = {
    "gradient": (
        "Where a small change of a pixel would move the number, not where the number comes from. "
        "Red: a lighter pixel raises it, blue: lowers it."
    ),
    "deconvnet": (
        "The signal that comes back where only its positive part passes each rectifier. What it "
        "knows of the picture are the places of the max-pools: with few of them it says more of a "
        "channel of an early layer than of a class."
    ),
    "guided": (
        "The signal that comes back where it and the activation are positive. It shows fine "
        "structure that the network answers to; much of it is there for any class."
    ),
}


def saliency_plate(
    subject: Subject, relu: ReluRule, name: str, found: Saliency, figures: Figures
) -> Plate:
    """The picture, the signal, its strength, and that laid over the picture.

    Args:
        subject: the picture.
        relu: the rule of rectifiers.
        name: of the number that is explained.
        found: what came back.
        figures: names and values.
    """
    strength = _bar(found.strength, _unit(relu, name))
    smooth = smoothed(found.strength)
    panels = (
        _picture(subject),
        _signal(found, relu, name),
        Panel(
            "strength: largest of the three channels", strength.colours(found.strength), strength
        ),
        _overlay(subject, smooth, f"{_unit(relu, name)}, smoothed"),
    )
    told = (*figures, ("rectifiers on the way", str(found.rectifiers)))
    return Plate(_title(TITLES[relu], name, subject), panels, told, MEANS[relu])


def cam_plate(subject: Subject, name: str, found: GradCam, figures: Figures) -> Plate:
    """The picture, what speaks for the number, what speaks for and against, and an overlay.

    Args:
        subject: the picture.
        name: of the number that is explained.
        found: the map.
        figures: names and values.
    """
    bar = _bar(found.shown, f"for the {name}", 1.0)
    both = symmetric(found.signed, f"for and against the {name}", 1.0)
    nothing = "" if (found.shown > 0).any() else "no place speaks for it"
    panels = (
        _picture(subject),
        Panel("Grad-CAM", bar.colours(found.shown), bar, nothing),
        Panel("before its rectifier", both.colours(found.signed), both),
        Panel("Grad-CAM over the picture", over(subject.pixels, found.shown, bar), bar),
    )
    text = (
        "Which places of a layer speak for the number, as coarse as the layer is. "
        "Blue places speak against it. What the classifier's crop cuts off counts as 0."
    )
    least, most = min(0.0, float(found.coarse.min())), max(0.0, float(found.coarse.max()))
    told = (*figures, ("for it, at most", f"{most:+.4f}"), ("against it, at most", f"{least:+.4f}"))
    return Plate(_title("Grad-CAM", name, subject), panels, told, text)


def integrated_plate(subject: Subject, name: str, found: Integrated, figures: Figures) -> Plate:
    """The picture, each pixel's share, smoothed shares, and these laid over the picture.

    Args:
        subject: the picture.
        name: of the number that is explained.
        found: the shares.
        figures: names and values.
    """
    label = f"share of the {name}, all channels"
    signed, smooth = symmetric(_lit(found.signed), label), smoothed(found.signed)
    soft = symmetric(_lit(smooth), f"{label}, smoothed")
    panels = (
        _picture(subject),
        Panel("share of each pixel", signed.colours(found.signed), signed),
        Panel("shares, smoothed", soft.colours(smooth), soft),
        Panel("over the picture", laid_over(subject.pixels, smooth, soft), soft),
    )
    text = (
        "How much of the rise from the baseline to this picture each pixel accounts for. "
        "Red adds, blue takes away; the shares add up to the rise, but for the error. "
        "Another baseline gives other shares: pixels of its colour get none."
    )
    return Plate(_title("Integrated gradients", name, subject), panels, figures, text)


def smoothed(values: Floats) -> Floats:
    """(H, W) float32 without its finest detail, so that places can be seen where pixels alternate:
    reduced to `GRAIN` pixels a side, and enlarged again.
    """
    height, width = values.shape
    scale = min(1.0, GRAIN / min(height, width))
    size = max(1, round(width * scale)), max(1, round(height * scale))
    image = Image.fromarray(np.ascontiguousarray(values, np.float32))
    small = image.resize(size, Image.Resampling.HAMMING)
    return np.array(small.resize((width, height), Image.Resampling.BICUBIC))


def laid_over(pixels: Pictures, values: Floats, bar: Bar) -> Pictures:
    """A signed map over its picture in grey, the more opaque the further a value is from 0.

    Args:
        pixels: (H, W, 3) uint8.
        values: (H, W) float32.
        bar: what the colours mean; its middle is 0.

    Returns:
        (H, W, 3) uint8.
    """
    grey = np.asarray(Image.fromarray(pixels).convert("L"), np.float64)[..., None]
    opacity = DENSE * np.clip(np.abs(values) / bar.high, 0, 1)[..., None]
    return np.rint(opacity * bar.colours(values) + (1 - opacity) * grey).astype(np.uint8)


def signal_picture(signal: Floats) -> Pictures:
    """(H, W, 3) float32 to uint8 around mid grey, as Zeiler, Fergus and Springenberg show it."""
    end = symmetric(_lit(signal), share=LARGE).high
    return np.rint(127.5 + 127.5 * np.clip(signal / end, -1, 1)).astype(np.uint8)


def _signal(found: Saliency, relu: ReluRule, name: str) -> Panel:
    if relu == "gradient":
        bar = symmetric(_lit(found.signed), _unit(relu, name), LARGE)
        return Panel("sum of the three channels", bar.colours(found.signed), bar)
    return Panel("the signal in colour, around grey", signal_picture(found.signal))


def _overlay(subject: Subject, values: Floats, label: str) -> Panel:
    bar = _bar(values, label)
    return Panel("over the picture", over(subject.pixels, values, bar), bar)


def _picture(subject: Subject) -> Panel:
    height, width, _ = subject.pixels.shape
    return Panel(f"{subject.path.name}, {width}x{height}", subject.pixels)


def _bar(values: Floats, label: str, share: float = LARGE) -> Bar:
    """From 0 to what few values pass."""
    high = float(np.quantile(_lit(values), share)) or 1.0
    return Bar(0.0, high, SEQUENTIAL, label)


def _lit(values: Floats) -> Floats:
    """(N,) float32, those that are not 0: one neuron sees little of a picture, and what lies
    outside must not make its colours.
    """
    lit: Floats = values[values != 0]
    return lit if lit.size else np.zeros(1, np.float32)


def _title(instrument: str, name: str, subject: Subject) -> str:
    return f"{instrument}: {name} in {subject.path.name}"


def _unit(relu: ReluRule, name: str) -> str:
    """What a signal is measured in; only a gradient is one."""
    return f"{name} for each level of 255" if relu == "gradient" else "strength of the signal"
