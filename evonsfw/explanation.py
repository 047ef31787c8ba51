"""What the Python API's instruments return, and how they open what they are given."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Generic, TypeVar

import numpy as np
import numpy.typing as npt

import evonsfw
from evonsfw.classifier import Classifier, describe
from evonsfw.findings import Findings, write
from evonsfw.layers import find_layer
from evonsfw.model_spec import ModelSpec
from evonsfw.picture_like import PictureLike, subject_of
from evonsfw.plate import Plate, draw
from evonsfw.preparation import Pictures
from evonsfw.quantity import KINDS, ClassValue, Kind, LayerMean, Quantity
from evonsfw.subject import Subject

Found = TypeVar("Found")


@dataclass(frozen=True, eq=False)
class Explanation(Generic[Found]):
    """What an instrument found.

    Attributes:
        found: the instrument's own record; its class says what is in it.
        findings: the plate, the array and the texts that `save` writes.
    """

    found: Found
    findings: Findings

    @property
    def array(self) -> npt.NDArray[np.generic]:
        """The raw numbers; the function that found them says which."""
        assert self.findings.array is not None, "every instrument here has one"
        return self.findings.array

    def plate(self) -> Pictures:
        """(H, W, 3) uint8: the picture to publish, with colour bars and figures."""
        return draw(self.findings.plate)

    def save(self, out: str | os.PathLike[str], force: bool = False) -> list[Path]:
        """Write the plate as PNG, and the array as .npy beside it.

        Args:
            out: a name that ends in .png.
            force: whether files that are there may be written over.

        Raises:
            ValueError: one is there already, or the name does not end in .png.
        """
        return write(self.findings, Path(out), force)


@dataclass(frozen=True, eq=False)
class Opened:
    """A picture and a classifier, opened.

    Attributes:
        spec: the classifier.
        subject: the picture.
        index: the class that counts.
        probabilities: (C,) float32 of the picture, by the reference.
    """

    spec: ModelSpec
    subject: Subject
    index: int
    probabilities: npt.NDArray[np.float32]

    @property
    def word(self) -> str:
        """The class's name."""
        return self.spec.classes[self.index]

    @property
    def score(self) -> float:
        """The class's probability."""
        return float(self.probabilities[self.index])

    @property
    def figures(self) -> tuple[tuple[str, str], ...]:
        """What stands on every plate."""
        return (("classifier", self.spec.name), (f"score of {self.word}", f"{self.score:.6f}"))

    def explained(
        self,
        instrument: str,
        found: Found,
        plate: Plate,
        array: npt.NDArray[np.generic],
        texts: Mapping[str, str],
    ) -> Explanation[Found]:
        """What an instrument found, with what every file of one says.

        Args:
            instrument: its name.
            found: its record.
            plate: the picture to publish.
            array: the raw numbers.
            texts: what made it, by word.
        """
        said = {
            "instrument": instrument,
            "version": evonsfw.__version__,
            "classifier": self.spec.name,
            "score": f"{self.word} {self.score:.6f}",
            **texts,
        }
        return Explanation(found, Findings(plate, np.ascontiguousarray(array), said))


def opened(picture: PictureLike, classifier: str, wanted: str | None) -> Opened:
    """Read a picture, and score it.

    Args:
        picture: a file's name, or (H, W, 3) uint8.
        classifier: a known name, a .yaml or an .onnx.
        wanted: the class, by name or index; None is the classifier's own.

    Raises:
        ValueError: one of them does not exist.
    """
    subject = subject_of(picture)
    model = Classifier(describe(classifier))
    index = model.spec.class_index(wanted)
    return Opened(model.spec, subject, index, model.probabilities(subject.pixels[None])[0])


def quantity_of(
    found: Opened, wanted: str | None, of: Kind, layer: str | None, channel: int | None
) -> Quantity:
    """The number that is explained: a class's, or a layer's.

    Raises:
        ValueError: they do not go together, or there is no such layer or channel.
    """
    if of not in KINDS:
        raise ValueError(f"of = '{of}': expected logit or margin")
    if layer is None:
        if channel is not None:
            raise ValueError(f"channel = {channel}: it goes with layer, which says of what")
        return ClassValue(found.spec, found.index, of)
    if wanted is not None:
        raise ValueError(f"wanted = '{wanted}': a layer is explained without a class")
    return LayerMean(find_layer(found.spec, layer), channel)
