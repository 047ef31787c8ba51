"""What each pixel does to a number: gradients, and what two other rules of rectifiers make of them.

"gradient": Simonyan, Vedaldi and Zisserman 2014, "Deep Inside Convolutional Networks", section 3.
"deconvnet": Zeiler and Fergus 2014, "Visualizing and Understanding Convolutional Networks",
section 2.1. "guided": Springenberg et al. 2015, "Striving for Simplicity", section 3.4.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from evonsfw.backward_graph import ReluRule
from evonsfw.model_spec import ModelSpec
from evonsfw.preparation import Pictures, pull_back
from evonsfw.probe import Probe
from evonsfw.quantity import Quantity

Floats = npt.NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class Saliency:
    """The signal that came back to a picture.

    Attributes:
        signal: (H, W, 3) float32, of the picture's size; of the rule "gradient" it is what one
            level of 255 more does to the number, everything else equal.
        at_input: the same at what the model is given: (h, w, 3) or (3, h, w) float32.
        value: the number itself.
        rectifiers: how many the rule was used in.
    """

    signal: Floats
    at_input: Floats
    value: float
    rectifiers: int

    @property
    def strength(self) -> Floats:
        """(H, W) float32, the largest absolute value over the channels (Simonyan 2014)."""
        strength: Floats = np.abs(self.signal).max(axis=2)
        return strength

    @property
    def signed(self) -> Floats:
        """(H, W) float32, the sum over the channels: what a lighter pixel does."""
        return self.signal.sum(axis=2)


def saliency(
    spec: ModelSpec, picture: Pictures, quantity: Quantity, relu: ReluRule = "gradient"
) -> Saliency:
    """Send a number's derivative back to the picture, through the model's own preparation.

    The JPEG step is real on the way there and the identity on the way back (Athalye, Carlini and
    Wagner 2018, section 4.1, BPDA).

    Args:
        spec: the model.
        picture: (H, W, 3) uint8 sRGB, any size.
        quantity: the number.
        relu: the rule of rectifiers.

    Raises:
        ValueError: the model cannot be opened, or has an operator without backward rule.
    """
    probe = Probe(spec, quantity, relu)
    answer = probe.ask(probe.prepared(picture))
    size = (picture.shape[1], picture.shape[0])
    signal = pull_back(spec, answer.slope[0], size)
    return Saliency(signal, answer.slope[0], answer.value, probe.rectifiers)
