"""Integrated gradients: a number's rise from a blank picture to this one, shared out to pixels.

Sundararajan, Taly and Yan 2017, "Axiomatic Attribution for Deep Networks".
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageFilter

from evonsfw.model_spec import ModelSpec
from evonsfw.preparation import Pictures, pull_back
from evonsfw.probe import Probe
from evonsfw.quantity import Quantity
from evonsfw.telling import Heard, unheard

Floats = npt.NDArray[np.float32]
Doubles = npt.NDArray[np.float64]
Baseline = Literal["black", "grey", "white", "blur"]
LEVELS: dict[Baseline, int] = {"black": 0, "grey": 128, "white": 255}
"""Baselines of one colour, by its level."""
BASELINES: tuple[Baseline, ...] = (*LEVELS, "blur")
BLUR = 16
"""The shorter side in radii of the Gaussian of the baseline "blur"."""


@dataclass(frozen=True, eq=False)
class Integrated:
    """Each pixel's share.

    Attributes:
        shares: (H, W, 3) float32, of the picture's size.
        at_input: (h, w, 3) or (3, h, w) float32, the same at what the model is given.
        value: the number of the picture.
        blank: the number of the baseline.
    """

    shares: Floats
    at_input: Floats
    value: float
    blank: float

    @property
    def rise(self) -> float:
        """What there is to share out: the number of the picture less that of the baseline."""
        return self.value - self.blank

    @property
    def error(self) -> float:
        """How far the shares at the input miss the rise (Sundararajan 2017, proposition 1): 0 but
        for the number of steps.
        """
        return float(self.at_input.sum(dtype=np.float64)) - self.rise

    @property
    def signed(self) -> Floats:
        """(H, W) float32, the sum over the channels."""
        return self.shares.sum(axis=2)


def blank(picture: Pictures, baseline: Baseline) -> Pictures:
    """The picture to start from.

    Args:
        picture: (H, W, 3) uint8.
        baseline: one colour, or the picture itself without its details.

    Returns:
        (H, W, 3) uint8.
    """
    if baseline == "blur":
        radius = min(picture.shape[:2]) / BLUR
        return np.asarray(Image.fromarray(picture).filter(ImageFilter.GaussianBlur(radius)))
    return np.full_like(picture, LEVELS[baseline])


def integrated(
    spec: ModelSpec,
    picture: Pictures,
    quantity: Quantity,
    baseline: Baseline = "black",
    steps: int = 50,
    heard: Heard = unheard,
) -> Integrated:
    """Integrate the gradient along the straight line from a baseline to the picture.

    The line lies in what the model is given, both ends prepared with the JPEG step. The integral,
    equation 3, is by Gauss and Legendre's rule, which is exact for polynomials of a degree below
    2 `steps`. The shares at the picture's size are the mean gradient, pulled back, times the
    difference of the two pictures: they add up to the same but for what JPEG and rounding do.

    Args:
        spec: the model.
        picture: (H, W, 3) uint8 sRGB, any size.
        quantity: the number.
        baseline: what to start from.
        steps: gradients that are taken, 1 or more.
        heard: is told how many are.

    Raises:
        ValueError: the model cannot be opened or has an operator without backward rule, or there
            are fewer than 1 steps.
    """
    if steps < 1:
        raise ValueError(f"steps = {steps}: expected 1 or more")
    start = blank(picture, baseline)
    probe = Probe(spec, quantity)
    ends = probe.prepared(start), probe.prepared(picture)
    slope = _mean_slope(probe, ends, steps, heard)
    at_input = ((ends[1].astype(np.float64) - ends[0]) * slope)[0].astype(np.float32)
    size = (picture.shape[1], picture.shape[0])
    pulled = pull_back(spec, slope[0].astype(np.float32), size)
    shares = pulled * (picture.astype(np.float32) - start)
    return Integrated(shares, at_input, probe.value(ends[1]), probe.value(ends[0]))


def _mean_slope(probe: Probe, ends: tuple[Floats, Floats], steps: int, heard: Heard) -> Doubles:
    """(1, …) float64 mean of the derivative between two inputs."""
    places, weights = np.polynomial.legendre.leggauss(steps)
    total = np.zeros(ends[0].shape)
    heard(0, steps)
    for done, (place, weight) in enumerate(zip((places + 1) / 2, weights / 2, strict=True), 1):
        between = ends[0] + np.float32(place) * (ends[1] - ends[0])
        total += weight * probe.ask(between).slope
        heard(done, steps)
    return total
