"""`dream` and `invert` of the Python API: a picture → what was made of it."""

from __future__ import annotations

import hashlib
import json
import os
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

import evonsfw
from evonsfw import findings
from evonsfw.classifier import describe
from evonsfw.discovery import nearest
from evonsfw.insight import Heard, unheard
from evonsfw.insight import dream as dreams
from evonsfw.insight import invert as inversions
from evonsfw.insight.invert import Inversion
from evonsfw.inverting import STATEMENT
from evonsfw.layers import find_layer, require_channel
from evonsfw.model_spec import DEFAULT, ModelSpec, check_hash
from evonsfw.nearest_change import Norm, Wish
from evonsfw.picture_like import PictureLike, subject_of
from evonsfw.preparation import Pictures
from evonsfw.subject import Subject
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
        return _saved(Path(out), self.picture, self.exact, self.texts, force)


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
    how = _manner(manner)
    subject, spec = subject_of(picture), describe(classifier)
    where = find_layer(spec, layer) if layer is not None else middle_layer(spec)
    if how.channel is not None:
        require_channel(where, how.channel)
    rng = np.random.default_rng(seed)
    exact = dreams.dream(subject.pixels, Depth(spec, where), how, rng, heard)
    settings = {"layer": where.name, "seed": seed, **asdict(how)}
    texts = {
        "instrument": "dream",
        "source": subject.path.name,
        "classifier": check_hash(spec),
        "dream": json.dumps(settings),
    }
    return Dreamt(np.rint(exact).astype(np.uint8), exact, where.name, texts)


def _manner(settings: dict[str, Any]) -> dreams.Manner:
    known = [field.name for field in fields(dreams.Manner)]
    for word in settings:
        if word not in known:
            raise ValueError(f"dream has no setting '{word}': {nearest(word, known)}")
    return dreams.Manner(**settings)


@dataclass(frozen=True, eq=False)
class Inverted:
    """A picture that scores otherwise, and how little that took.

    Attributes:
        picture: (H, W, 3) uint8 sRGB.
        before: score of the original, 0 to 1.
        after: score of the picture, of the view that is farthest from what was asked.
        reached: whether it is where it was asked.
        found: more of it: `change`, `difference()`, `psnr`, `linf`, `l2`, `iterations`.
        texts: what made it, by word.
    """

    picture: Pictures
    before: float
    after: float
    reached: bool
    found: Inversion
    texts: dict[str, str]

    def save(self, out: str | os.PathLike[str], force: bool = False) -> list[Path]:
        """Write it as PNG that says what was done to it, and the change as .npy beside it.

        Raises:
            ValueError: one is there already, or the name does not end in .png.
        """
        return _saved(Path(out), self.picture, self.found.change, self.texts, force)


def invert(
    picture: PictureLike,
    score: float,
    classifier: str = DEFAULT,
    wanted: str | None = None,
    norm: Norm = "linf",
    budget: float | None = None,
    iterations: int = 200,
    robust: bool = False,
    seed: int = 0,
    heard: Heard = unheard,
) -> Inverted:
    """Look for the smallest change of a picture that moves its score, as `evonsfw invert` does.

    A study of how thin a score is. The whole preparation counts, JPEG included.

    Args:
        picture: a file's name, or (H, W, 3) uint8.
        score: what is to be reached, between 0 and 1, from below or from above.
        classifier: a known name, a .yaml or an .onnx.
        wanted: the class, by name or index; None is the classifier's own.
        norm: what is to be small: "linf", the largest change of any channel, or "l2".
        budget: the most that the norm may be, where channels are 0…1; None for no limit.
        iterations: forward and backward passes.
        robust: whether the score is to hold in the views that searches score by.
        seed: of the first picture's differences.
        heard: is told how many iterations are done.

    Raises:
        ValueError: one of them is out of range or does not exist, or an operator has no backward
            rule.
    """
    wish = Wish(score, norm, budget, iterations, seed)
    subject, spec = subject_of(picture), describe(classifier)
    index = spec.class_index(wanted)
    found = inversions.invert(subject.pixels, spec, index, wish, robust, heard)
    texts = {"instrument": "invert", "invert": json.dumps(_stamp(subject, spec, index, found))}
    return Inverted(found.changed, found.before, found.after, found.reached, found, texts)


def _stamp(subject: Subject, spec: ModelSpec, index: int, found: Inversion) -> dict[str, object]:
    """What a file says of itself, so that nobody takes it for an original."""
    original = subject.path.read_bytes() if subject.path.is_file() else found.original.tobytes()
    return {
        "what": STATEMENT,
        "source": subject.path.name,
        "source_sha256": hashlib.sha256(original).hexdigest(),
        "classifier": spec.name,
        "classifier_sha256": check_hash(spec),
        "class": spec.classes[index],
        "asked": found.wish.score,
        **{word: getattr(found, word) for word in ("before", "after", "reached", "linf", "l2")},
        "views": list(found.views),
        **{word: getattr(found.wish, word) for word in ("norm", "budget", "seed")},
        "iterations": found.iterations,
        "evonsfw": evonsfw.__version__,
    }


def _saved(
    path: Path,
    picture: Pictures,
    array: npt.NDArray[np.generic],
    texts: dict[str, str],
    force: bool,
) -> list[Path]:
    """A PNG and its numbers."""
    findings.require_suffix(path)
    beside = findings.array_beside(path)
    findings.require_free((path, beside), force)
    findings.write_array(beside, array)
    findings.write_png(path, picture, texts)
    return [path, beside]
