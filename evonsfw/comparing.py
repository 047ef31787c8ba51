"""Two pictures, or two classifiers, and where they disagree.

`evonsfw explain compare`, for the command line and for Python.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

import evonsfw
from evonsfw.classifier import REFERENCE, backend_for, file_for
from evonsfw.explaining import Sliding
from evonsfw.explanation import Explanation, Opened, opened
from evonsfw.findings import Findings
from evonsfw.insight.disagreement import Disagreement, disagree, of_size
from evonsfw.insight.occlusion import Occlusion, Sweep, occlude
from evonsfw.model_spec import DEFAULT, ModelSpec, models_folder
from evonsfw.occlusion_plates import (
    Seen,
    compare_plate,
    told_classes,
    told_correlation,
    told_score,
    told_sweep,
)
from evonsfw.picture_like import PictureLike
from evonsfw.scorers import Scorers
from evonsfw.telling import Heard, unheard
from evonsfw.whole_score import Figures

ENDINGS = (".onnx", ".yaml", ".yml")


@dataclass(frozen=True, eq=False)
class Compared:
    """Two that were shown in parts, and where they disagree.

    Attributes:
        first: what came of the one.
        second: what came of the other.
        windows: the second's windows less the first's.
        falls: the second's falls of the score while covered less the first's.
    """

    first: Occlusion
    second: Occlusion
    windows: Disagreement
    falls: Disagreement


def is_classifier(word: str) -> bool:
    """Whether a word on the command line is a classifier; else it is a picture's file."""
    if Path(word).suffix.lower() in ENDINGS:
        return True
    return not Path(word).exists() and (models_folder() / f"{word}.yaml").is_file()


def compare(
    first: PictureLike,
    second: PictureLike | None = None,
    classifier: str = DEFAULT,
    other: str | None = None,
    wanted: str | None = None,
    sliding: Sliding | None = None,
    workers: int | None = None,
    heard: Heard = unheard,
    backend: str = REFERENCE,
) -> Explanation[Compared]:
    """Two pictures under one classifier, or one under two: where do they disagree?

    Args:
        first: a file's name, or (H, W, 3) uint8.
        second: the other picture; None for the same one.
        classifier: of the first picture.
        other: of the second; None for the same one.
        wanted: the class of each, by name or index; None is each classifier's own.
        sliding: window, stride, fill, of each picture; None follows from its size.
        workers: threads; None for one a core. It changes no result.
        heard: is told how many scorings are done, and of all.
        backend: as `occlusion` has it; "auto" for the fastest that takes both classifiers.

    Returns:
        its array is (6, H, W) float32: the first one's windows and falls of the score while
        covered, the second one's, and the second's less the first's; of the first picture's size.

    Raises:
        ValueError: nothing differs, or as `occlusion`.
    """
    if second is None and other is None:
        raise ValueError("compare: expected a second picture, or another classifier")
    given = opened(first, classifier, wanted)
    twin = opened(first if second is None else second, other or classifier, wanted)
    pair = given, twin
    sweeps = [(sliding or Sliding()).over(one.subject.pixels) for one in pair]
    name = _backend(backend, given.spec, twin.spec)
    a, b = (_seen(pair[i], sweeps[i], workers, _half(heard, i), name) for i in (0, 1))
    found = _compared(a, b)
    one = second is None
    names = (classifier, other) if one else (given.subject.path, twin.subject.path)
    lines = (
        f"A {names[0]}: {told_score(a)}{a.whole.beside}",
        f"B {names[1]}: {told_score(b)}{b.whole.beside}",
        *(_line("windows", found.windows), _line("falls while covered", found.falls)),
    )
    return Explanation(found, _findings((a, b), found, one, told_sweep(sweeps[0])), lines)


def _compared(a: Seen, b: Seen) -> Compared:
    windows = disagree(a.maps.windows, b.maps.windows)
    return Compared(a.maps, b.maps, windows, disagree(a.maps.fall, b.maps.fall))


def _findings(sides: tuple[Seen, Seen], found: Compared, one: bool, swept: Figures) -> Findings:
    """The plate, the six maps and what made them.

    Args:
        sides: the two.
        found: where they disagree.
        one: whether both are of one picture.
        swept: how the window slid.
    """
    a, b = sides
    pixels = () if one else _pixels(a, b)
    figures = (*pixels, *told_classes(sides), *_backends(sides), *swept)
    plate = compare_plate(
        _title(a, b, one), sides, found.windows, found.falls, figures, _text(a, b)
    )
    texts = {
        "instrument": "compare",
        "version": evonsfw.__version__,
        "a": f"{a.name}: {told_score(a)}",
        "b": f"{b.name}: {told_score(b)}",
        **a.whole.texts,
    }
    return Findings(plate, _array(found), texts)


def _half(heard: Heard, place: int) -> Heard:
    """Progress of one of two, as that of both."""
    return lambda done, total: heard(done + place * total, 2 * total)


def _backend(backend: str, *specs: ModelSpec) -> str:
    """What scores both sides, and takes both: asked before any is scored.

    Raises:
        ValueError: it is not there, or cannot run one of the models.
    """
    name = backend_for(backend, specs)
    for spec in specs:
        file_for(name, spec)
    return name


def _seen(side: Opened, sweep: Sweep, workers: int | None, heard: Heard, backend: str) -> Seen:
    pixels = side.subject.pixels
    with Scorers(side.spec, workers, backend) as scorers:
        maps = occlude(pixels, scorers.probabilities, side.index, sweep, heard)
        whole = scorers.whole(pixels, side.index, maps.score)
    return Seen(side.subject.path.name, pixels, side.spec, maps, whole)


def _line(what: str, found: Disagreement) -> str:
    x, y = found.place
    return (
        f"  {what}: correlation {told_correlation(found)}, furthest apart "
        f"{found.largest:+z.4f} at {x}, {y}"
    )


def _array(found: Compared) -> npt.NDArray[np.float32]:
    shape = found.first.windows.shape
    second = [of_size(one, shape) for one in (found.second.windows, found.second.fall)]
    first = [found.first.windows, found.first.fall]
    apart = [found.windows.difference, found.falls.difference]
    return np.stack([*first, *second, *apart]).astype(np.float32)


def _title(a: Seen, b: Seen, one: bool) -> str:
    if one:
        return f"{a.word} of {a.spec.name} and {b.word} of {b.spec.name} in {a.name}"
    if a.spec.name == b.spec.name:
        return f"{a.word} in {a.name} and in {b.name}"
    return f"{a.word} of {a.spec.name} in {a.name} and {b.word} of {b.spec.name} in {b.name}"


def _text(a: Seen, b: Seen) -> str:
    size = "" if a.size == b.size else f" B's maps are brought to A's {a.size} pixels for that."
    return (
        "Windows: the mean score of crops scored alone. Fall: the score less its mean while a "
        "pixel is covered; red holds the score up, blue holds it down. On the right: red where B "
        "is higher, blue where A is." + size
    )


def _backends(sides: tuple[Seen, Seen]) -> Figures:
    """What scored both, and the two pictures likewise; none for the reference."""
    a, b = (seen.whole for seen in sides)
    if not a.by:
        return ()
    return ("parts scored by", a.by), ("the wholes by that: A, B", f"{a.own:.6f}, {b.own:.6f}")


def _pixels(a: Seen, b: Seen) -> Figures:
    """How far two pictures of one size are apart."""
    if a.pixels.shape != b.pixels.shape:
        return ()
    difference = np.abs(a.pixels.astype(np.int16) - b.pixels)
    told = f"{difference.mean():.2f} of 255, at most {difference.max()}"
    return (("pixels, mean difference", told),)
