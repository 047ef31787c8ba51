"""A picture to what a classifier dreams about it, as a picture or a film.

`evonsfw dream`, and `dream` from Python.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from evonsfw import findings
from evonsfw.classifier import Classifier, describe
from evonsfw.discovery import nearest
from evonsfw.feeding import Floats
from evonsfw.frames_film import SUFFIXES, require_film, write_frames
from evonsfw.insight import dream as dreams
from evonsfw.insight.dream import Manner
from evonsfw.layers import find_layer, layers_of, require_channel
from evonsfw.model_spec import DEFAULT, ModelSpec, check_hash
from evonsfw.picture_like import PictureLike, subject_of
from evonsfw.preparation import Pictures
from evonsfw.subject import Subject
from evonsfw.telling import Heard, unheard
from evonsfw.truncated import Depth, middle_layer


@dataclass(frozen=True, eq=False)
class Dreamt:
    """A dream about a picture.

    Attributes:
        picture: (H, W, 3) uint8 sRGB.
        exact: (H, W, 3) float32 in 0…255, before rounding.
        layer: whose dream it is.
        texts: what made it, by word.
    """

    picture: Pictures
    exact: npt.NDArray[np.float32]
    layer: str
    texts: dict[str, str]

    def save(self, out: str | os.PathLike[str], force: bool = False) -> list[Path]:
        """Write it as PNG, with what made it inside, and the exact numbers as .npy beside it.

        Raises:
            ValueError: one is there already, or the name does not end in .png.
        """
        return findings.write_picture(Path(out), self.picture, self.exact, self.texts, force)


def dream(
    picture: PictureLike,
    layer: str | None = None,
    classifier: str = DEFAULT,
    seed: int = 0,
    heard: Heard = unheard,
    **manner: Any,
) -> Dreamt:
    """Draw into a picture what a layer of a classifier sees in it, as `evonsfw dream` does.

    Args:
        picture: a file's name, or (H, W, 3) uint8.
        layer: its name; None is one in the middle.
        classifier: a known name, a .yaml or an .onnx.
        seed: of where the picture is moved to.
        heard: is told of each step.
        manner: octaves, iterations, step, scale, jitter, channel: as `insight.dream.Manner`.

    Raises:
        ValueError: there is no such layer, channel or setting, or the classifier cannot be
            differentiated up to the layer.
    """
    begun = _begin(picture, classifier, layer, _manner(manner), seed)
    return _dreamt(begun, seed, heard)


def dream_file(
    picture: Path,
    classifier: str = DEFAULT,
    layer: str | None = None,
    manner: Manner | None = None,
    seed: int = 0,
    frames: int = 0,
    out: Path | None = None,
    force: bool = False,
    heard: Heard = unheard,
) -> list[str]:
    """Dream about a picture, and write what comes of it.

    Args:
        picture: the file.
        classifier: a known name, a .yaml or an .onnx.
        layer: its name; None for `truncated.middle_layer`.
        manner: how it is dreamt; None for the defaults.
        seed: of where the picture is moved to.
        frames: pictures of a film; 0 for one picture, beside which its numbers are written.
        out: the .png, or the film; None for the picture's name, in the current folder.
        force: whether files that are there may be written over.
        heard: told of each step, or of each picture of a film.

    Returns:
        what was written, and the scores before and after, as lines to print.

    Raises:
        ValueError: a file cannot be read or written, there is no such layer or channel, or the
            classifier cannot be differentiated up to it.
    """
    begun = _begin(picture, classifier, layer, manner or Manner(), seed)
    target = _checked(out, begun.subject, frames, force)
    if frames:
        shown = _film(begun, np.random.default_rng(seed), frames, heard)
        last = _written(target, shown, begun.texts | {"frames": str(frames)})
    else:
        found = _dreamt(begun, seed, heard)
        found.save(target, force)
        last = found.picture
    spec = begun.spec
    index, pair = spec.class_index(None), [begun.subject.pixels, last]
    before, after = (float(p[index]) for p in Classifier(spec).probabilities(pair))
    told = f"{spec.classes[index]} {before:.6f} before, {after:.6f} after"
    return [str(target), f"layer {begun.layer}; {told}"]


class _Begun(NamedTuple):
    """What is opened and checked before a dream."""

    spec: ModelSpec
    subject: Subject
    layer: str
    depth: Depth
    manner: Manner
    texts: dict[str, str]


def _begin(
    picture: PictureLike, classifier: str, layer: str | None, manner: Manner, seed: int
) -> _Begun:
    subject, spec = subject_of(picture), describe(classifier)
    where = find_layer(spec, layer) if layer is not None else middle_layer(spec)
    if manner.channel is not None:
        require_channel(where, manner.channel)
    settings: dict[str, Any] = {"layer": where.name, "seed": seed, **asdict(manner)}
    texts = {
        "instrument": "dream",
        "source": subject.path.name,
        "classifier": check_hash(spec),
        "dream": json.dumps(settings),
    }
    return _Begun(spec, subject, where.name, Depth(spec, where), manner, texts)


def _dreamt(begun: _Begun, seed: int, heard: Heard) -> Dreamt:
    rng = np.random.default_rng(seed)
    exact = dreams.dream(begun.subject.pixels, begun.depth, begun.manner, rng, heard)
    return Dreamt(rounded(exact), exact, begun.layer, begun.texts)


def _manner(settings: dict[str, Any]) -> Manner:
    known = [field.name for field in fields(Manner)]
    for word in settings:
        if word not in known:
            raise ValueError(f"dream has no setting '{word}': {nearest(word, known)}")
    return Manner(**settings)


def layer_lines(classifier: str = DEFAULT) -> list[str]:
    """The layers of a classifier as lines to print: name, operator, channels, height and width.

    Raises:
        ValueError: it cannot be read, or has none.
    """
    spec = describe(classifier)
    layers, chosen = layers_of(spec), middle_layer(spec)
    longest = max(len(layer.name) for layer in layers)
    return [
        f"{layer.name:<{longest}}  {layer.operator:<18} {layer.channels:>5} channels  "
        f"{layer.shape[1]}x{layer.shape[2]}{'  (default)' if layer == chosen else ''}"
        for layer in layers
    ]


def rounded(pixels: Floats) -> Pictures:
    """(H, W, 3) float32 in 0…255 to uint8, to the nearest."""
    return np.clip(np.rint(pixels), 0, 255).astype(np.uint8)


def _checked(out: Path | None, subject: Subject, frames: int, force: bool) -> Path:
    """The file to write, of the right kind and free."""
    suffix = ".mp4" if frames else ".png"
    target = out or findings.default_out(subject.path, "dream", suffix)
    findings.require_other([target, findings.array_beside(target)], subject.path)
    if frames:
        require_film(target, (subject.pixels.shape[1], subject.pixels.shape[0]))
        findings.require_free([target], force)
        return target
    if target.suffix.lower() in SUFFIXES:
        raise ValueError(f"--out {target}: a film needs --zoom, with a number of pictures")
    findings.require_suffix(target)
    findings.require_free([target, findings.array_beside(target)], force)
    return target


def _film(begun: _Begun, rng: np.random.Generator, count: int, heard: Heard) -> Iterator[Pictures]:
    """The pictures of a film, counted as they come."""
    frames = dreams.zoom(begun.subject.pixels, begun.depth, begun.manner, rng, count)
    for number, floats in enumerate(frames, start=1):
        heard(number, count)
        yield rounded(floats)


def _written(path: Path, frames: Iterator[Pictures], texts: dict[str, str]) -> Pictures:
    """Write a film; its last picture."""
    last: list[Pictures] = []

    def kept() -> Iterator[Pictures]:
        for frame in frames:
            last[:] = [frame]
            yield frame

    words = {f"{findings.PREFIX}{word}": text for word, text in texts.items()}
    write_frames(path, kept(), words)
    return last[0]
