"""`evonsfw invert`: a picture file to one that scores otherwise, and to how little that took."""

from __future__ import annotations

import hashlib
import importlib.util
import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np

import evonsfw
from evonsfw import findings
from evonsfw.classifier import Classifier, describe
from evonsfw.insight import Heard, unheard
from evonsfw.insight.invert import Inversion, invert
from evonsfw.model_spec import DEFAULT
from evonsfw.nearest_change import LEVELS, Wish
from evonsfw.pictures import open_picture
from evonsfw.plate import Panel, Plate, draw
from evonsfw.preparation import Pictures
from evonsfw.scoring import DIGITS, ViewScore, view_table
from evonsfw.subject import Subject, open_subject
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
class Report:
    """What came of it.

    Attributes:
        inversion: the change.
        label: the class's name.
        score: the class's score of the file that was written, read back, 0 to 1.
        reached: whether that, and each view that counts, is where it was asked.
        before: the original in all views that are reported.
        after: the changed picture, likewise.
        ssim: structural similarity of both, at most 1; None where scikit-image is missing or the
            picture is too small.
        names: the files.
    """

    inversion: Inversion
    label: str
    score: float
    reached: bool
    before: tuple[ViewScore, ...]
    after: tuple[ViewScore, ...]
    ssim: float | None
    names: Names


def invert_file(asked: Asked, say: Callable[[str], None], heard: Heard = unheard) -> Report:
    """Change a picture until its score is where it is asked, and write what that took.

    Args:
        asked: what is wanted.
        say: prints one line.
        heard: told how many iterations are done.

    Raises:
        ValueError: whatever does not fit, in one line, before the work begins.
        OSError: a file cannot be written.
    """
    names = _names(asked)
    subject = open_subject(asked.picture)
    classifier = Classifier(describe(asked.classifier))
    index = classifier.spec.class_index(asked.wanted)
    label = classifier.spec.classes[index]
    inversion = invert(subject.pixels, classifier.spec, index, asked.wish, asked.robust, heard)
    stamp = {"invert": json.dumps(_stamp(asked, inversion, classifier, label))}
    findings.write_png(names.changed, inversion.changed, stamp)
    found = open_picture(names.changed, "picture")
    score = float(classifier.score_image(found)[index])
    report = Report(
        *(inversion, label, score, inversion.reached and _is_there(inversion, score)),
        before=_seen(classifier, subject.pixels, index, asked.robust),
        after=_seen(classifier, np.array(found), index, asked.robust),
        ssim=structural_similarity(inversion.original, inversion.changed),
        names=names,
    )
    findings.write_png(names.difference, inversion.difference(TIMES), stamp)
    findings.write_png(names.plate, draw(_plate(subject, report, classifier.spec.name)), stamp)
    findings.write_array(names.array, inversion.change)
    for line in _lines(asked, report):
        say(line)
    return report


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
    if out.exists() and asked.picture.exists() and out.samefile(asked.picture):
        raise ValueError(f"--out {out}: that is the original: name another file")
    names = Names(
        out,
        out.with_name(f"{out.stem}_difference.png"),
        out.with_name(f"{out.stem}_plate.png"),
        findings.array_beside(out),
    )
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
    asked: Asked, inversion: Inversion, classifier: Classifier, label: str
) -> dict[str, object]:
    """What the file says of itself, so that nobody takes it for an original."""
    wish = inversion.wish
    return {
        "what": STATEMENT,
        "source": asked.picture.name,
        "source_sha256": hashlib.sha256(asked.picture.read_bytes()).hexdigest(),
        "classifier": classifier.spec.name,
        "classifier_sha256": classifier.hash,
        "class": label,
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


def _plate(subject: Subject, report: Report, model: str) -> Plate:
    inversion = report.inversion
    panels = (
        Panel("before", inversion.original, note=f"{report.label} {inversion.before:.6f}"),
        Panel("after", inversion.changed, note=f"{report.label} {report.score:.6f}, read back"),
        Panel(f"difference × {TIMES}", inversion.difference(TIMES), note="grey is no change"),
    )
    held = [(before, after) for before, after in zip(report.before, report.after, strict=True)]
    figures = (
        ("classifier", model),
        ("asked, reached", f"{inversion.wish.score:g}, {'yes' if report.reached else 'no'}"),
        *_measures(report),
        *(
            (
                f"{after.view}{', held out' * after.held_out}",
                f"{_words(before, 4)} to {_words(after, 4)}",
            )
            for before, after in held
        ),
    )
    found = "smallest change that was found" if report.reached else "change that comes nearest"
    text = (
        f"The {found}: it moves this one classifier's score of '{report.label}'. It says how thin "
        f"the score is, and nothing of what the picture shows. Views marked 'held out' were not "
        f"looked at in the search."
    )
    return Plate(f"How little moves the score: {subject.path.name}", panels, figures, text)


def _measures(report: Report) -> tuple[tuple[str, str], ...]:
    """Names and values of how large the change is."""
    inversion = report.inversion
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


def _lines(asked: Asked, report: Report) -> list[str]:
    inversion, wish = report.inversion, asked.wish
    lines = [
        f"{asked.picture}: {report.label} {inversion.before:.6f} -> {report.score:.6f}, read back "
        f"from {report.names.changed}"
    ]
    if not report.reached:
        limit = "" if wish.budget is None else f" within {wish.norm} {wish.budget:.4g}"
        views = f" in each of {len(inversion.views)} views" if asked.robust else ""
        lines.append(
            f"{wish.score:g} was not reached{views}{limit} in {inversion.iterations} iterations; "
            f"this comes nearest"
        )
    lines += [f"  {name}: {value}" for name, value in _measures(report)]
    width = max(len(row.view) for row in report.after)
    for before, after in zip(report.before, report.after, strict=True):
        remark = "  held out" * after.held_out
        lines.append(f"  {after.view:{width}}  {_words(before)} -> {_words(after)}{remark}")
    return [*lines, "wrote " + ", ".join(str(name) for name in report.names)]
