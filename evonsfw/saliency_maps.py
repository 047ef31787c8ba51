"""`evonsfw explain gradient|guided|deconvnet|gradcam|integrated`: a picture file to a plate."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import numpy as np
import numpy.typing as npt

import evonsfw
from evonsfw.backward_graph import ReluRule
from evonsfw.classifier import Classifier, describe
from evonsfw.findings import (
    Findings,
    array_beside,
    default_out,
    require_free,
    require_suffix,
    write,
)
from evonsfw.insight import Heard, unheard
from evonsfw.insight.gradcam import gradcam
from evonsfw.insight.integrated import Baseline, Integrated, integrated
from evonsfw.insight.saliency import saliency
from evonsfw.layers import default_layer, find_layer
from evonsfw.model_spec import ModelSpec
from evonsfw.quantity import (
    KINDS,
    LAYER_KINDS,
    ClassValue,
    LayerMean,
    LayerPeak,
    Quantity,
)
from evonsfw.saliency_plates import cam_plate, integrated_plate, saliency_plate
from evonsfw.subject import Subject, open_subject

Word = TypeVar("Word", bound=str)
MISSED = 0.05
"""Share of the rise: a larger error is remarked on."""


@dataclass(frozen=True)
class Asked:
    """What somebody wants explained.

    Attributes:
        picture: the file.
        classifier: a known name, a .yaml or an .onnx.
        wanted: the class, a name or an index; None is the classifier's own.
        of: what of the class, or of the layer; None is the logit, or the mean.
        layer: a layer to explain instead, for Grad-CAM the layer to look at; None for neither.
        channel: of that layer; None for all.
        out: the PNG; None for the picture's name and the instrument's, in the current folder.
        force: whether files that are there may be written over.
    """

    picture: Path
    classifier: str
    wanted: str | None = None
    of: str | None = None
    layer: str | None = None
    channel: int | None = None
    out: Path | None = None
    force: bool = False


@dataclass(frozen=True, eq=False)
class _Opened:
    """The same, opened: the model, the picture, the class's score by the reference."""

    spec: ModelSpec
    subject: Subject
    index: int
    score: float
    out: Path

    @property
    def figures(self) -> tuple[tuple[str, str], ...]:
        """What stands on every plate."""
        name = self.spec.classes[self.index]
        return (("classifier", self.spec.name), (f"score of {name}", f"{self.score:.6f}"))


def explain_saliency(asked: Asked, relu: ReluRule, say: Callable[[str], None]) -> list[Path]:
    """What each pixel does, as a plate and an array (H, W, 3) float32 beside it.

    Args:
        asked: what to explain.
        relu: the rule of rectifiers, which is the instrument's name.
        say: prints one line.

    Returns:
        the files.

    Raises:
        ValueError: whatever does not fit, in one line.
    """
    opened = _opened(asked, relu)
    quantity = _quantity(opened, asked)
    found = saliency(opened.spec, opened.subject.pixels, quantity, relu)
    figures = (*opened.figures, (quantity.name, f"{found.value:+.4f}"))
    plate = saliency_plate(opened.subject, relu, quantity.name, found, figures)
    lines = (f"{quantity.name} {found.value:+.4f}",)
    texts = {"quantity": quantity.name}
    return _written(opened, asked, relu, Findings(plate, found.signal, texts), lines, say)


def explain_gradcam(asked: Asked, say: Callable[[str], None]) -> list[Path]:
    """Which places of a layer speak for a class: a plate, and (H, W) float32 beside it, signed.

    Args:
        asked: what to explain; its `layer` is the one that is looked at.
        say: prints one line.

    Returns:
        the files.

    Raises:
        ValueError: whatever does not fit, in one line.
    """
    opened = _opened(asked, "gradcam")
    spec = opened.spec
    layer = find_layer(spec, asked.layer) if asked.layer is not None else default_layer(spec)
    quantity = _of_class(opened, asked)
    found = gradcam(spec, opened.subject.pixels, quantity, layer)
    grid = "x".join(str(side) for side in found.coarse.shape[::-1])
    figures = (
        *opened.figures,
        (quantity.name, f"{found.value:+.4f}"),
        ("layer", f"{layer.name}, {grid} places"),
    )
    plate = cam_plate(opened.subject, quantity.name, found, figures)
    texts = {"quantity": quantity.name, "layer": layer.name}
    lines = (f"{quantity.name} {found.value:+.4f}, layer {layer.name} of {grid} places",)
    return _written(opened, asked, "gradcam", Findings(plate, found.signed, texts), lines, say)


def explain_integrated(
    asked: Asked,
    baseline: Baseline,
    steps: int,
    say: Callable[[str], None],
    heard: Heard = unheard,
) -> list[Path]:
    """Each pixel's share of a number's rise, as a plate and an array (H, W, 3) float32 beside it.

    Args:
        asked: what to explain.
        baseline: what to start from.
        steps: gradients that are taken, 1 or more.
        say: prints one line.
        heard: is told how many are.

    Returns:
        the files.

    Raises:
        ValueError: whatever does not fit, in one line.
    """
    opened = _opened(asked, "integrated")
    quantity = _quantity(opened, asked)
    found = integrated(opened.spec, opened.subject.pixels, quantity, baseline, steps, heard)
    rise = f"{found.blank:+.4f} to {found.value:+.4f}"
    figures = (
        *opened.figures,
        (quantity.name, rise),
        ("baseline, steps", f"{baseline}, {steps}"),
        ("rise", f"{found.rise:+.4f}"),
        ("sum of shares less rise", f"{found.error:+.4f}"),
    )
    plate = integrated_plate(opened.subject, quantity.name, found, figures)
    texts = {"quantity": quantity.name, "baseline": baseline, "steps": str(steps)}
    lines = (
        f"{quantity.name} {rise} from {baseline}",
        f"the shares miss the rise of {found.rise:+.4f} by {found.error:+.4f}{_hint(found)}",
    )
    return _written(opened, asked, "integrated", Findings(plate, found.shares, texts), lines, say)


def _hint(found: Integrated) -> str:
    """What helps where the shares miss by much: most of the rise can lie in a few steps."""
    return "; more --steps come closer" * (abs(found.error) > MISSED * abs(found.rise))


def _opened(asked: Asked, instrument: str) -> _Opened:
    """Whatever can be wrong is told before the work begins."""
    out = asked.out or default_out(asked.picture, instrument)
    require_suffix(out)
    require_free((out, array_beside(out)), asked.force)
    subject = open_subject(asked.picture)
    classifier = Classifier(describe(asked.classifier))
    index = classifier.spec.class_index(asked.wanted)
    score = float(classifier.probabilities(subject.pixels[None])[0, index])
    return _Opened(classifier.spec, subject, index, score, out)


def _quantity(opened: _Opened, asked: Asked) -> Quantity:
    """The class's number, or a layer's."""
    if asked.layer is None:
        if asked.channel is not None:
            raise ValueError(f"--channel {asked.channel}: it goes with --layer, which says of what")
        return _of_class(opened, asked)
    if asked.wanted is not None:
        raise ValueError(f"--class {asked.wanted}: a layer is explained without a class")
    kind = one_of("of", "mean" if asked.of is None else asked.of, LAYER_KINDS)
    layer = find_layer(opened.spec, asked.layer)
    return (LayerMean if kind == "mean" else LayerPeak)(layer, asked.channel)


def _of_class(opened: _Opened, asked: Asked) -> ClassValue:
    kind = "logit" if asked.of is None else asked.of
    return ClassValue(opened.spec, opened.index, one_of("of", kind, KINDS))


def one_of(flag: str, word: str, words: Iterable[Word]) -> Word:
    """The word that a flag was given, of those that it can be.

    Raises:
        ValueError: it is none of them.
    """
    for known in words:
        if word == known:
            return known
    raise ValueError(f"--{flag} {word}: expected {' or '.join(words)}")


def _written(
    opened: _Opened,
    asked: Asked,
    instrument: str,
    findings: Findings,
    lines: tuple[str, ...],
    say: Callable[[str], None],
) -> list[Path]:
    name = opened.spec.classes[opened.index]
    texts = {
        "instrument": instrument,
        "version": evonsfw.__version__,
        "classifier": opened.spec.name,
        "score": f"{name} {opened.score:.6f}",
        **findings.texts,
    }
    paths = write(Findings(findings.plate, _plain(findings.array), texts), opened.out, asked.force)
    say(f"{asked.picture}: {name} {opened.score:.6f}")
    for line in lines:
        say(f"  {line}")
    say(f"  {', '.join(str(path) for path in paths)}")
    return paths


def _plain(array: npt.NDArray[np.generic] | None) -> npt.NDArray[np.generic] | None:
    return None if array is None else np.ascontiguousarray(array)
