"""What instruments return, and how they open what they are given."""

from __future__ import annotations

import functools
import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Generic, TypeVar

import numpy as np
import numpy.typing as npt

import evonsfw
from evonsfw.classifier import Classifier, describe
from evonsfw.discovery import one_of
from evonsfw.findings import Findings, write
from evonsfw.layers import find_layer
from evonsfw.model_spec import ModelSpec
from evonsfw.picture_like import PictureLike, subject_of
from evonsfw.plate import Plate, draw
from evonsfw.preparation import Pictures
from evonsfw.quantity import KINDS, LAYER_KINDS, ClassValue, LayerMean, LayerPeak, Quantity
from evonsfw.subject import Subject

Found = TypeVar("Found")


@dataclass(frozen=True, eq=False)
class Explanation(Generic[Found]):
    """What an instrument found.

    Attributes:
        found: the instrument's own record; its class says what is in it.
        findings: the plate, the array and the texts that `save` writes.
        said: it in a few lines.
        cost: what it took, in words; "" where that is nothing to speak of.
    """

    found: Found
    findings: Findings
    said: tuple[str, ...] = ()
    cost: str = ""

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

    def lines(self, paths: Sequence[Path] = ()) -> list[str]:
        """What the command of the instrument prints: what was found, what it took, the files.

        Args:
            paths: what `save` returned.
        """
        last = "; ".join(filter(None, (self.cost, ", ".join(map(str, paths)))))
        return [*self.said, f"  {last}"] if last else [*self.said]


@dataclass(frozen=True, eq=False)
class Opened:
    """A picture and a classifier, opened.

    Attributes:
        spec: the classifier.
        subject: the picture.
        index: the class that counts.
    """

    spec: ModelSpec
    subject: Subject
    index: int

    @functools.cached_property
    def score(self) -> float:
        """The class's probability, by the reference."""
        found = Classifier(self.spec).probabilities(self.subject.pixels[None])
        return float(found[0, self.index])

    @property
    def figures(self) -> tuple[tuple[str, str], ...]:
        """What stands on every plate."""
        word = self.spec.classes[self.index]
        return (("classifier", self.spec.name), (f"score of {word}", f"{self.score:.6f}"))

    def explained(
        self,
        instrument: str,
        found: Found,
        plate: Plate,
        array: npt.NDArray[np.generic],
        texts: Mapping[str, str],
        said: Iterable[str],
    ) -> Explanation[Found]:
        """What an instrument found, with what every file of one says.

        Args:
            instrument: its name.
            found: its record.
            plate: the picture to publish.
            array: the raw numbers.
            texts: what made it, by word.
            said: lines on what was found.
        """
        made = texts_of(instrument, self.spec, self.index, self.score) | dict(texts)
        first = f"{self.subject.path}: {self.spec.classes[self.index]} {self.score:.6f}"
        findings = Findings(plate, np.ascontiguousarray(array), made)
        return Explanation(found, findings, (first, *(f"  {line}" for line in said)))


def texts_of(instrument: str, spec: ModelSpec, index: int, score: float) -> dict[str, str]:
    """What every file of an instrument says of itself, by word.

    Args:
        instrument: its name.
        spec: the classifier.
        index: the class that counts.
        score: its probability of the whole picture.
    """
    return {
        "instrument": instrument,
        "version": evonsfw.__version__,
        "classifier": spec.name,
        "score": f"{spec.classes[index]} {score:.6f}",
    }


def opened(picture: PictureLike, classifier: str, wanted: str | None) -> Opened:
    """Read a picture, and describe the classifier that looks at it.

    Args:
        picture: a file's name, or (H, W, 3) uint8.
        classifier: a known name, a .yaml or an .onnx.
        wanted: the class, by name or index; None is the classifier's own.

    Raises:
        ValueError: one of them does not exist.
    """
    subject, spec = subject_of(picture), describe(classifier)
    return Opened(spec, subject, spec.class_index(wanted))


def quantity_of(
    found: Opened, wanted: str | None, of: str | None, layer: str | None, channel: int | None
) -> Quantity:
    """The number that is explained: a class's, or a layer's.

    Args:
        found: what it is of.
        wanted: the class that was asked for; None where none was.
        of: one of `KINDS`, of a layer of `LAYER_KINDS`; None for the first.
        layer: its name; None for a class.
        channel: of the layer; None for all.

    Raises:
        ValueError: they do not go together, or there is no such layer or channel.
    """
    if layer is None:
        if channel is not None:
            raise ValueError(f"channel = {channel}: it goes with layer, which says of what")
        return class_value(found, of)
    if wanted is not None:
        raise ValueError(f"wanted = '{wanted}': a layer is explained without a class")
    kind = LAYER_KINDS[0] if of is None else one_of(f"of = '{of}'", of, LAYER_KINDS)
    where = find_layer(found.spec, layer)
    return (LayerMean if kind == "mean" else LayerPeak)(where, channel)


def class_value(found: Opened, of: str | None) -> ClassValue:
    """The number of a class that is explained.

    Raises:
        ValueError: it is none of `KINDS`.
    """
    kind = KINDS[0] if of is None else one_of(f"of = '{of}'", of, KINDS)
    return ClassValue(found.spec, found.index, kind)
