"""Grad-CAM: which places of a layer speak for a class.

Selvaraju et al. 2017, "Grad-CAM: Visual Explanations from Deep Networks via Gradient-based
Localization".
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from PIL import Image

from evonsfw.layers import Layer
from evonsfw.model_spec import ModelSpec
from evonsfw.preparation import Pictures
from evonsfw.probe import Probe
from evonsfw.quantity import Quantity

Floats = npt.NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class GradCam:
    """A layer's places, weighed.

    Attributes:
        coarse: (h, w) float32, the weighted sum of the layer's maps before the rectifier of
            equation 2: above 0 it speaks for the number, below against it.
        signed: (H, W) float32, the same at the picture's size.
        shown: (H, W) float32, 0 or more: equation 2, at the picture's size.
        weights: (C,) float32 of the maps, equation 1.
        value: the number itself.
    """

    coarse: Floats
    signed: Floats
    shown: Floats
    weights: Floats
    value: float


def gradcam(spec: ModelSpec, picture: Pictures, quantity: Quantity, layer: Layer) -> GradCam:
    """Weigh a layer's maps by the mean of their gradients, and add them up.

    Args:
        spec: the model.
        picture: (H, W, 3) uint8 sRGB, any size.
        quantity: the number that is explained.
        layer: which maps; the paper takes the last before everything is one vector.

    Raises:
        ValueError: the model cannot be opened, the number does not depend on the layer, or there
            is an operator without backward rule between them.
    """
    probe = Probe(spec, quantity, at=layer)
    answer = probe.ask(probe.prepared(picture))
    assert answer.activation is not None
    weights = answer.slope[0].mean(axis=(1, 2))
    coarse = np.einsum("c,chw->hw", weights, answer.activation[0])
    size = (picture.shape[1], picture.shape[0])
    shown = placed(spec, np.maximum(coarse, 0), size)
    return GradCam(coarse, placed(spec, coarse, size), shown, weights, answer.value)


def placed(spec: ModelSpec, coarse: Floats, size: tuple[int, int]) -> Floats:
    """A map over what the model is given, laid where that lies in the picture.

    Args:
        spec: the model.
        coarse: (h, w) float32.
        size: the picture's width and height, in pixels.

    Returns:
        (H, W) float32: enlarged bilinearly; 0 where the model's crop cuts off.
    """
    (width, height), resize = spec.input_size, spec.resize
    left, top = (resize.width - width) // 2, (resize.height - height) // 2
    framed = np.zeros((resize.height, resize.width), np.float32)
    framed[top : top + height, left : left + width] = _resized(coarse, (width, height))
    return _resized(framed, size)


def _resized(values: Floats, size: tuple[int, int]) -> Floats:
    image = Image.fromarray(np.ascontiguousarray(values, np.float32))
    return np.array(image.resize(size, Image.Resampling.BILINEAR))
