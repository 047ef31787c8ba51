"""A picture to one that scores otherwise, and to how little that took.

`evonsfw invert`, and `invert` from Python.
"""

from __future__ import annotations

import hashlib
import importlib.util
import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np

import evonsfw
from evonsfw import findings
from evonsfw.classifier import Classifier, describe
from evonsfw.insight import invert as inversions
from evonsfw.insight.invert import Inversion
from evonsfw.model_spec import DEFAULT
from evonsfw.nearest_change import LEVELS, Norm, Wish
from evonsfw.picture_like import PictureLike, subject_of
from evonsfw.pictures import open_picture
from evonsfw.plate import Panel, Plate, draw
from evonsfw.preparation import Pictures
from evonsfw.scoring import DIGITS, ViewScore, view_table
from evonsfw.subject import Subject
from evonsfw.telling import Heard, Say, unheard
from evonsfw.views import HELD_OUT, SEARCHED, View

STATEMENT = "changed by evonsfw invert: a study of robustness"
TIMES = 10
"""How much larger than it is the difference is shown."""
NO_SSIM = "needs pip install scikit-image"
SSIM_SIDE = 7
"""Pixels that a picture needs on each side for scikit-image's windows."""


@dataclass(frozen=True)
class Asked:
    """What somebody wants changed.

    Attributes:
        picture: the file.
        wish: the score, and what the change may be.
        classifier: a known name, a .yaml or an .onnx.
        wanted: the class, a name or an index; None is the classifier's own.
        robust: whether the score is to hold in the views that searches score by.
        out: the PNG; None for the picture's name and `_invert`, in the current folder.
        force: whether files that are there may be written over.
    """

    picture: Path
    wish: Wish
    classifier: str = DEFAULT
    wanted: str | None = None
    robust: bool = False
    out: Path | None = None
    force: bool = False


class Names(NamedTuple):
    """The files that are written: the changed picture, what differs, both to publish, numbers."""

    changed: Path
    difference: Path
    plate: Path
    array: Path


@dataclass(frozen=True, eq=False)
class Inverted:
    """A picture that scores otherwise, and how little that took.

    Attributes:
        picture: (H, W, 3) uint8 sRGB.
        before: score of the original, 0 to 1.
        after: score of the picture, of the view that is farthest from what was asked.
        reached: whether it, and each view that counts, is where it was asked.
        found: more of it: `change`, `difference()`, `psnr`, `linf`, `l2`, `iterations`.
        texts: what made it, by word.
        source: the original's file; of pixels, what they are called.
        classifier: its name.
        label: the class's name.
        score: the class's score of the picture as it is, 0 to 1: that of its file, read back.
        views: each view that is reported, of the original and of the picture; some are held out.
        ssim: structural similarity of both, at most 1; None where scikit-image is missing or the
            picture is too small.
    """

    picture: Pictures
    before: float
    after: float
    reached: bool
    found: Inversion
    texts: dict[str, str]
    source: Path
    classifier: str
    label: str
    score: float
    views: tuple[tuple[ViewScore, ViewScore], ...]
    ssim: float | None

    def plate(self) -> Pictures:
        """(H, W, 3) uint8: before, after and the difference, to publish, with figures."""
        return draw(_plate(self))

    def save(self, out: str | os.PathLike[str], force: bool = False) -> list[Path]:
        """Write it as PNG that says what was done to it, and the change as .npy beside it.

        Raises:
            ValueError: one is there already, or is the original, or the name does not end in .png.
        """
        path = Path(out)
        findings.require_other([path], self.source)
        paths = findings.write_picture(path, self.picture, self.found.change, self.texts, force)
        read = np.array(open_picture(path, "picture"))
        assert np.array_equal(read, self.picture), "PNG keeps every pixel, so the score is its too"
        return paths

    def lines(self, names: Names, robust: bool = False) -> list[str]:
        """What `evonsfw invert` prints.

        Args:
            names: the files that it is in.
            robust: whether several views were to reach the score.
        """
        return _lines(self, names, robust)


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
    subject, model = subject_of(picture), Classifier(describe(classifier))
    index = model.spec.class_index(wanted)
    found = inversions.invert(subject.pixels, model.spec, index, wish, robust, heard)
    after = float(model.probabilities(found.changed[None])[0, index])
    seen = (_seen(model, one, index, robust) for one in (found.original, found.changed))
    return Inverted(
        *(found.changed, found.before, found.after, found.reached and _is_there(found, after)),
        *(found, {"invert": json.dumps(_stamp(subject, found, model, index))}),
        source=subject.path,
        classifier=model.spec.name,
        label=model.spec.classes[index],
        score=after,
        views=tuple(zip(*seen, strict=True)),
        ssim=structural_similarity(found.original, found.changed),
    )


def invert_file(asked: Asked, say: Say, heard: Heard = unheard) -> tuple[Inverted, Names]:
    """Change a picture until its score is where it is asked, and write what that took.

    Args:
        asked: what is wanted.
        say: prints one line.
        heard: told how many iterations are done.

    Returns:
        what came of it, and the files.

    Raises:
        ValueError: whatever does not fit, in one line, before the work begins.
        OSError: a file cannot be written.
    """
    names, wish = _names(asked), asked.wish
    found = invert(
        *(asked.picture, wish.score, asked.classifier, asked.wanted, wish.norm, wish.budget),
        *(wish.iterations, asked.robust, wish.seed, heard),
    )
    found.save(names.changed, asked.force)
    findings.write_png(names.difference, found.found.difference(TIMES), found.texts)
    findings.write_png(names.plate, found.plate(), found.texts)
    for line in found.lines(names, asked.robust):
        say(line)
    return found, names


def structural_similarity(original: Pictures, changed: Pictures) -> float | None:
    """Mean structural similarity (Wang et al. 2004) of two (H, W, 3) uint8 pictures, at most 1, as
    scikit-image has it; None where that is missing, or a picture is smaller than its windows.
    """
    try:
        measured = importlib.import_module("skimage.metrics").structural_similarity
    except ImportError:
        return None
    if min(original.shape[:2]) < SSIM_SIDE:
        return None
    return float(measured(original, changed, channel_axis=2, data_range=LEVELS))


def _names(asked: Asked) -> Names:
    """The files, all of which can be written."""
    out = asked.out or findings.default_out(asked.picture, "invert")
    findings.require_suffix(out)
    names = Names(
        out,
        out.with_name(f"{out.stem}_difference.png"),
        out.with_name(f"{out.stem}_plate.png"),
        findings.array_beside(out),
    )
    findings.require_other(names, asked.picture)
    findings.require_free(names, asked.force)
    return names


def _is_there(inversion: Inversion, score: float) -> bool:
    wanted = inversion.wish.score
    return score >= wanted if inversion.upward else score <= wanted


def _seen(
    classifier: Classifier, picture: Pictures, index: int, robust: bool
) -> tuple[ViewScore, ...]:
    """Scores as it is and in held-out views; with --robust, in those that were searched by too."""
    views: tuple[View, ...] = SEARCHED if robust else SEARCHED[:1]
    chosen = [view for view in (*views, *HELD_OUT) if view.side is None]
    return tuple(view_table(classifier, picture, None, index, chosen))


def _stamp(
    subject: Subject, inversion: Inversion, classifier: Classifier, index: int
) -> dict[str, object]:
    """What the file says of itself, so that nobody takes it for an original."""
    wish, path = inversion.wish, subject.path
    original = path.read_bytes() if path.is_file() else inversion.original.tobytes()
    return {
        "what": STATEMENT,
        "source": path.name,
        "source_sha256": hashlib.sha256(original).hexdigest(),
        "classifier": classifier.spec.name,
        "classifier_sha256": classifier.hash,
        "class": classifier.spec.classes[index],
        "asked": wish.score,
        "before": inversion.before,
        "after": inversion.after,
        "reached": inversion.reached,
        "views": list(inversion.views),
        "norm": wish.norm,
        "budget": wish.budget,
        "linf": inversion.linf,
        "l2": inversion.l2,
        "iterations": inversion.iterations,
        "seed": wish.seed,
        "evonsfw": evonsfw.__version__,
    }


def _plate(report: Inverted) -> Plate:
    inversion = report.found
    panels = (
        Panel("before", inversion.original, note=f"{report.label} {inversion.before:.6f}"),
        Panel("after", inversion.changed, note=f"{report.label} {report.score:.6f}, read back"),
        Panel(f"difference × {TIMES}", inversion.difference(TIMES), note="grey is no change"),
    )
    figures = (
        ("classifier", report.classifier),
        ("asked, reached", f"{inversion.wish.score:g}, {'yes' if report.reached else 'no'}"),
        *_measures(report),
        *(
            (
                f"{after.view}{', held out' * after.held_out}",
                f"{_words(before, 4)} to {_words(after, 4)}",
            )
            for before, after in report.views
        ),
    )
    found = "smallest change that was found" if report.reached else "change that comes nearest"
    text = (
        f"The {found}: it moves this one classifier's score of '{report.label}'. It says how thin "
        f"the score is, and nothing of what the picture shows. Views marked 'held out' were not "
        f"looked at in the search."
    )
    return Plate(f"How little moves the score: {report.source.name}", panels, figures, text)


def _measures(report: Inverted) -> tuple[tuple[str, str], ...]:
    """Names and values of how large the change is."""
    inversion = report.found
    small = "the picture is too small" if _skimage_is_there() else NO_SSIM
    first = "never" if inversion.first is None else f"{inversion.first + 1}"
    return (
        ("PSNR", f"{inversion.psnr:.2f} dB"),
        ("SSIM", small if report.ssim is None else f"{report.ssim:.5f}"),
        ("largest change (linf)", f"{inversion.linf * LEVELS:.0f}/255"),
        ("l2", f"{inversion.l2:.3f}"),
        ("values that differ", f"{inversion.share:.1%}"),
        ("iterations, reached first at", f"{inversion.iterations}, {first}"),
    )


def _skimage_is_there() -> bool:
    return importlib.util.find_spec("skimage") is not None


def _words(row: ViewScore, digits: int = DIGITS) -> str:
    return row.missing if row.score is None else f"{row.score:.{digits}f}"


def _lines(report: Inverted, names: Names, robust: bool) -> list[str]:
    inversion, wish = report.found, report.found.wish
    lines = [
        f"{report.source}: {report.label} {inversion.before:.6f} -> {report.score:.6f}, read back "
        f"from {names.changed}"
    ]
    if not report.reached:
        limit = "" if wish.budget is None else f" within {wish.norm} {wish.budget:.4g}"
        views = f" in each of {len(inversion.views)} views" if robust else ""
        lines.append(
            f"{wish.score:g} was not reached{views}{limit} in {inversion.iterations} iterations; "
            f"this comes nearest"
        )
    lines += [f"  {name}: {value}" for name, value in _measures(report)]
    width = max(len(row.view) for row, _ in report.views)
    for before, after in report.views:
        remark = "  held out" * after.held_out
        lines.append(f"  {after.view:{width}}  {_words(before)} -> {_words(after)}{remark}")
    return [*lines, "wrote " + ", ".join(str(name) for name in names)]
