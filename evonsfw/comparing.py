"""`evonsfw explain compare`: two pictures, or two classifiers, and where they disagree."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

import evonsfw
from evonsfw.classifier import describe
from evonsfw.explaining import Say, Sliding, free
from evonsfw.findings import Findings, write
from evonsfw.insight import Heard, unheard
from evonsfw.insight.disagreement import Disagreement, disagree, of_size
from evonsfw.insight.occlusion import Sweep, occlude
from evonsfw.model_spec import DEFAULT, ModelSpec, models_folder
from evonsfw.occlusion_plates import (
    Figures,
    Seen,
    compare_plate,
    told_classes,
    told_correlation,
    told_score,
    told_sweep,
)
from evonsfw.scorers import Scorers
from evonsfw.subject import Subject, open_subject

ENDINGS = (".onnx", ".yaml", ".yml")


@dataclass(frozen=True, eq=False)
class _Side:
    """One of two, before it is looked at."""

    subject: Subject
    spec: ModelSpec
    index: int
    sweep: Sweep


def is_classifier(word: str) -> bool:
    """Whether a word on the command line is a classifier; else it is a picture's file."""
    if Path(word).suffix.lower() in ENDINGS:
        return True
    return not Path(word).exists() and (models_folder() / f"{word}.yaml").is_file()


def explain_compare(
    first: str,
    second: str,
    say: Say,
    picture: Path | None = None,
    classifier: str | None = None,
    wanted: str | None = None,
    sliding: Sliding | None = None,
    out: Path | None = None,
    force: bool = False,
    heard: Heard = unheard,
) -> list[Path]:
    """Two pictures under one classifier, or one picture under two, as a plate and an array.

    Args:
        first: a picture's file, or a classifier: a known name, a .yaml or an .onnx.
        second: another of the same kind.
        say: prints one line.
        picture: what two classifiers are shown; None where pictures are compared.
        classifier: that two pictures are shown to; None for the default, and for classifiers.
        wanted: the class that counts, of both; None for each classifier's own.
        sliding: how the window slides.
        out: the PNG; None for the names of both, in the current folder.
        force: whether files that are there may be written over.
        heard: called with the number of scorings done, and of all.

    Returns:
        the files. The array is (6, H, W) float32: the first one's windows and falls of the
        score while covered, the second one's, and the second's less the first's; of the size of
        the first picture.

    Raises:
        ValueError: whatever does not fit, in one line.
    """
    names = f"{Path(first).stem}_{Path(second).stem}_compare.png"
    out = free(out or Path(names), force)
    sides = _sides(first, second, picture, classifier, wanted, sliding or Sliding())
    a, b = (_seen(sides, place, heard) for place in (0, 1))
    windows = disagree(a.maps.windows, b.maps.windows)
    falls = disagree(a.maps.fall, b.maps.fall)
    plate = compare_plate(
        _title(a, b, picture),
        (a, b),
        windows,
        falls,
        (*_pixels(a, b, picture), *told_classes((a, b)), *told_sweep(sides[0].sweep)),
        _text(a, b),
    )
    texts = {
        "instrument": "compare",
        "version": evonsfw.__version__,
        "a": f"{a.name}: {told_score(a)}",
        "b": f"{b.name}: {told_score(b)}",
    }
    paths = write(Findings(plate, _array(a, b, windows, falls), texts), out, force)
    say(f"A {first}: {told_score(a)}")
    say(f"B {second}: {told_score(b)}")
    for what, found in (("windows", windows), ("falls while covered", falls)):
        x, y = found.place
        say(
            f"  {what}: correlation {told_correlation(found)}, furthest apart "
            f"{found.largest:+.4f} at {x}, {y}"
        )
    say(f"  {', '.join(map(str, paths))}")
    return paths


def _sides(
    first: str,
    second: str,
    picture: Path | None,
    classifier: str | None,
    wanted: str | None,
    sliding: Sliding,
) -> tuple[_Side, _Side]:
    """Both, opened and checked before the work begins."""
    kinds = is_classifier(first), is_classifier(second)
    if kinds[0] != kinds[1]:
        one, other = (first, second) if kinds[0] else (second, first)
        raise ValueError(f"{one} is a classifier and {other} a picture: give two of one kind")
    if not kinds[0]:
        if picture is not None:
            raise ValueError(f"{picture}: two pictures are compared without a third")
        spec = describe(classifier or DEFAULT)
        subjects = open_subject(Path(first)), open_subject(Path(second))
        return _side(subjects[0], spec, wanted, sliding), _side(subjects[1], spec, wanted, sliding)
    if classifier is not None:
        raise ValueError(f"--classifier {classifier}: two classifiers are compared without a third")
    if picture is None:
        raise ValueError(
            f"{first} and {second} are classifiers: name a picture after them to compare them on"
        )
    subject = open_subject(picture)
    return (
        _side(subject, describe(first), wanted, sliding),
        _side(subject, describe(second), wanted, sliding),
    )


def _side(subject: Subject, spec: ModelSpec, wanted: str | None, sliding: Sliding) -> _Side:
    return _Side(subject, spec, spec.class_index(wanted), sliding.over(subject.pixels))


def _seen(sides: tuple[_Side, _Side], place: int, heard: Heard) -> Seen:
    """One of two, looked at; progress is of both."""
    side = sides[place]

    def of_both(done: int, total: int) -> None:
        heard(done + place * total, 2 * total)

    with Scorers(side.spec) as scorers:
        maps = occlude(side.subject.pixels, scorers.probabilities, side.index, side.sweep, of_both)
    return Seen(side.subject.path.name, side.subject.pixels, side.spec, maps)


def _array(
    a: Seen, b: Seen, windows: Disagreement, falls: Disagreement
) -> np.ndarray[tuple[int, ...], np.dtype[np.float32]]:
    shape = a.maps.windows.shape
    second = [of_size(one, shape) for one in (b.maps.windows, b.maps.fall)]
    first = [a.maps.windows, a.maps.fall]
    return np.stack([*first, *second, windows.difference, falls.difference]).astype(np.float32)


def _title(a: Seen, b: Seen, picture: Path | None) -> str:
    if picture is None:
        return f"{a.word} in {a.name} and in {b.name}"
    return f"{a.word} of {a.spec.name} and {b.word} of {b.spec.name} in {a.name}"


def _text(a: Seen, b: Seen) -> str:
    size = "" if a.size == b.size else f" B's maps are brought to A's {a.size} pixels for that."
    return (
        "Windows: the mean score of crops scored alone. Fall: the score less its mean while a "
        "pixel is covered; red holds the score up, blue holds it down. On the right: red where B "
        "is higher, blue where A is." + size
    )


def _pixels(a: Seen, b: Seen, picture: Path | None) -> Figures:
    """How far two pictures of one size are apart."""
    if picture is not None or a.pixels.shape != b.pixels.shape:
        return ()
    difference = np.abs(a.pixels.astype(np.int16) - b.pixels)
    told = f"{difference.mean():.2f} of 255, at most {difference.max()}"
    return (("pixels, mean difference", told),)
