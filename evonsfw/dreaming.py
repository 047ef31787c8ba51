"""`evonsfw dream`: a picture file to what a classifier dreams about it, as a picture or a film."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from evonsfw import findings
from evonsfw.classifier import Classifier, describe
from evonsfw.feeding import Floats
from evonsfw.frames_film import SUFFIXES, require_film, write_frames
from evonsfw.insight import Heard, unheard
from evonsfw.insight.dream import Manner, dream, zoom
from evonsfw.layers import Layer, find_layer, layers_of, require_channel
from evonsfw.preparation import Pictures
from evonsfw.subject import Subject, open_subject
from evonsfw.truncated import Depth, middle_layer


def dream_file(
    picture: Path,
    classifier: str = "open_nsfw",
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
    manner = manner or Manner()
    spec = describe(classifier)
    subject = open_subject(picture)
    target = _checked(out, subject, frames, force)
    found = find_layer(spec, layer) if layer is not None else middle_layer(spec)
    if manner.channel is not None:
        require_channel(found, manner.channel)
    depth, scorer, rng = Depth(spec, found), Classifier(spec), np.random.default_rng(seed)
    texts = _texts(subject, scorer.hash, found, manner, seed)
    if frames:
        shown = _film(subject, depth, manner, rng, frames, heard)
        last = _written(target, shown, texts | {"frames": str(frames)})
    else:
        floats = dream(subject.pixels, depth, manner, rng, heard)
        last = rounded(floats)
        findings.write_array(findings.array_beside(target), floats)
        findings.write_png(target, last, texts)
    index = spec.class_index(None)
    before, after = (float(p[index]) for p in scorer.probabilities([subject.pixels, last]))
    name = spec.classes[index]
    return [str(target), f"layer {found.name}; {name} {before:.6f} before, {after:.6f} after"]


def layer_lines(classifier: str = "open_nsfw") -> list[str]:
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
    if frames:
        require_film(target, (subject.pixels.shape[1], subject.pixels.shape[0]))
        findings.require_free([target], force)
        return target
    if target.suffix.lower() in SUFFIXES:
        raise ValueError(f"--out {target}: a film needs --zoom, with a number of pictures")
    findings.require_suffix(target)
    findings.require_free([target, findings.array_beside(target)], force)
    return target


def _film(
    subject: Subject,
    depth: Depth,
    manner: Manner,
    rng: np.random.Generator,
    count: int,
    heard: Heard,
) -> Iterator[Pictures]:
    """The pictures of a film, counted as they come."""
    for number, floats in enumerate(zoom(subject.pixels, depth, manner, rng, count), start=1):
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


def _texts(
    subject: Subject, model_hash: str, layer: Layer, manner: Manner, seed: int
) -> dict[str, str]:
    """What made it, by word."""
    settings: dict[str, Any] = {"layer": layer.name, "seed": seed, **asdict(manner)}
    return {
        "instrument": "dream",
        "source": subject.path.name,
        "classifier": model_hash,
        "dream": json.dumps(settings),
    }
