"""`evonsfw curves`: a folder of labelled pictures → scores, curves, thresholds, a page."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image

from evonsfw.classifier import describe
from evonsfw.curves_page import make_page
from evonsfw.curves_tables import Answer, Mistake, area_table, mistake_table, threshold_table
from evonsfw.folder_scores import SCORES, Job, open_table, pixels_of, score_all
from evonsfw.inline_page import thumbnail
from evonsfw.insight.curves import (
    THRESHOLDS,
    count,
    curves_of,
    require_scikit_learn,
    worst_mistakes,
)
from evonsfw.labelled_folder import Question, questions, read_folder
from evonsfw.score_table import ALL, Entry
from evonsfw.telling import Heard, Say, unheard
from evonsfw.whole_file import whole_file

PAGE, TABLE, AREAS, MISTAKES = "index.html", "thresholds.csv", "areas.csv", "mistakes.csv"
MOST = 12
"""Mistakes of each kind that are shown."""
THUMBNAIL = 200
"""Longer side of a mistake's picture in the page, in pixels."""


def measure(
    folder: Path,
    classifier: str,
    out: Path | None = None,
    wanted: str | None = None,
    positives: Sequence[str] = (),
    threshold: float = 0.5,
    workers: int | None = None,
    force: bool = False,
    heard: Heard = unheard,
    say: Say = lambda _line: None,
) -> list[Answer]:
    """Score a folder's pictures and write what comes of it; goes on where it was stopped.

    Args:
        folder: with one subfolder per class.
        classifier: a known name, a .yaml or an .onnx.
        out: folder to write; None is the folder's name with `_curves`, in the current one.
        wanted: the class, by name or index; None as `labelled_folder.questions` says.
        positives: the subfolders that it is to find; none where they are called as classes are.
        threshold: what mistakes are counted at, above 0 and up to 1.
        workers: threads; None for one a core.
        force: begin anew where `out` holds other scores.
        heard: told how many files are done, and how many there are.
        say: prints one line.

    Returns:
        one for each question.

    Raises:
        ValueError: the folder, the classifier, the class or `out` does not work out, scikit-learn
            is missing, or too little could be read.
    """
    require_scikit_learn()
    out = out if out is not None else Path(f"{folder.resolve().name}_curves")
    contents = read_folder(folder, out)
    spec = describe(classifier)
    asked = questions(contents.labels, spec, wanted, positives)
    if len(spec.classes) <= ALL:
        columns = tuple(range(len(spec.classes)))
    else:
        columns = tuple(question.class_index for question in asked)
    job = Job(spec, contents, asked, columns, threshold)
    table = open_table(job, out, force)
    entries = score_all(job, table, workers, force, heard, say)
    answers = [_answer(job, question, entries) for question in job.asked]
    _write(out, folder, job, answers, entries)
    for line in _lines(job, answers, entries, out):
        say(line)
    return answers


def _answer(job: Job, question: Question, entries: Sequence[Entry]) -> Answer:
    """One question's curves, counts and mistakes."""
    read = [entry for entry in entries if entry.scores]
    column = job.columns.index(question.class_index)
    scores = np.array([entry.scores[column] for entry in read], np.float32).astype(np.float64)
    positive = np.array([entry.file.label in question.positives for entry in read], np.bool_)
    if positive.all() or not positive.any():
        kind = "outside " if positive.any() else "in "
        raise ValueError(
            f"{kind}{', '.join(sorted(question.positives))}: no picture there could be read "
            f"({len(entries) - len(read):,} files could not): there is nothing to tell apart"
        )
    thresholds = sorted({*THRESHOLDS, job.threshold})
    alarms, misses = worst_mistakes(scores, positive, job.threshold, MOST)
    return Answer(
        job.spec.classes[question.class_index],
        tuple(sorted(question.positives)),
        scores,
        positive,
        curves_of(scores, positive),
        tuple(count(scores, positive, thresholds)),
        job.threshold,
        _mistakes(read, scores, alarms),
        _mistakes(read, scores, misses),
    )


def _mistakes(
    entries: Sequence[Entry], scores: npt.NDArray[np.float64], indices: Sequence[int]
) -> tuple[Mistake, ...]:
    return tuple(
        Mistake(entries[i].file.name, float(scores[i]), _thumbnail(entries[i].file.path))
        for i in indices
    )


def _thumbnail(path: Path) -> str:
    """A file's picture in small, as it is now."""
    pixels = pixels_of(path)
    return "" if isinstance(pixels, str) else thumbnail(Image.fromarray(pixels), THUMBNAIL)


def _write(
    out: Path, folder: Path, job: Job, answers: Sequence[Answer], entries: Sequence[Entry]
) -> None:
    """The page and the tables, each whole or not at all."""
    unread = {entry.file.name: entry.problem for entry in entries if not entry.scores}
    facts = {
        "classifier": job.spec.name,
        "pictures": f"{len(entries) - len(unread):,}",
        "subfolders": f"{len(job.contents.labels):,}",
        "could not be read": f"{len(unread):,}",
    }
    _write_text(out / TABLE, threshold_table(answers))
    _write_text(out / AREAS, area_table(answers))
    _write_text(out / MISTAKES, mistake_table(answers))
    title = f"{job.spec.name} on {folder.resolve().name}"
    _write_text(out / PAGE, make_page(title, facts, answers, unread))


def _write_text(path: Path, text: str) -> None:
    with whole_file(path) as draft:
        draft.write_bytes(text.encode("utf-8", "surrogateescape"))


def _lines(
    job: Job, answers: Sequence[Answer], entries: Sequence[Entry], out: Path
) -> Iterator[str]:
    """What is said at the end."""
    unread = sum(not entry.scores for entry in entries)
    if unread:
        yield f"{unread:,} of {len(entries):,} files could not be read: see {out / SCORES}"
    beside = job.contents.beside
    if beside:
        yield f"{beside:,} file{'s' * (beside != 1)} beside the subfolders left out: no label"
    for answer in answers:
        found = answer.curves
        yield (
            f"{answer.name}: area under ROC {found.roc_area:.4f} ± {found.roc_error:.4f}, average "
            f"precision {found.average_precision:.4f} ({found.positives:,} of "
            f"{found.positives + found.negatives:,} pictures)"
        )
    yield f"{out / PAGE}"
