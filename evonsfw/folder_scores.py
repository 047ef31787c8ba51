"""Every picture of a labelled folder scored, a few in memory; goes on where it was stopped."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from evonsfw.labelled_folder import Contents, LabelledFile, Question
from evonsfw.model_spec import ModelSpec, check_hash
from evonsfw.preparation import Pictures
from evonsfw.score_table import Entry, ScoreTable, mark_of
from evonsfw.scorers import Scorers
from evonsfw.subject import open_subject
from evonsfw.telling import Heard, Say

SCORES = "scores.csv"
AHEAD = 2
"""Pictures that are opened ahead, for each worker."""


@dataclass(frozen=True)
class Job:
    """What is to be done, checked.

    Attributes:
        spec: the classifier.
        contents: the folder's files.
        asked: what is asked of them.
        columns: the classes whose scores are kept.
        threshold: what mistakes are counted at.
    """

    spec: ModelSpec
    contents: Contents
    asked: tuple[Question, ...]
    columns: tuple[int, ...]
    threshold: float


def open_table(job: Job, out: Path, force: bool) -> ScoreTable:
    """The table of scores in a folder, which is made where it is not there.

    Args:
        job: what is to be done.
        out: the folder.
        force: whether it may hold other files.

    Raises:
        ValueError: it cannot be had, or holds other files.
    """
    path = out / SCORES
    if out.exists() and not out.is_dir():
        raise ValueError(f"--out {out}: a file of that name is there: name a folder")
    if out.is_dir() and any(out.iterdir()) and not path.exists() and not force:
        raise ValueError(
            f"--out {out}: holds other files and no {SCORES}: name another, or --force"
        )
    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ValueError(f"--out {out}: cannot be made: {error.strerror}") from None
    names = [job.spec.classes[index] for index in job.columns]
    return ScoreTable(path, mark_of(job.spec, check_hash(job.spec)), names)


def score_all(
    job: Job,
    table: ScoreTable,
    workers: int | None,
    force: bool,
    heard: Heard,
    say: Say,
) -> list[Entry]:
    """A row for each file, in their order; those scored before are taken from the table.

    Args:
        job: what is to be done.
        table: where rows are written as they come.
        workers: threads; None for one a core.
        force: begin anew where the table holds other scores.
        heard: told how many files are done, and how many there are.
        say: prints one line.

    Raises:
        ValueError: the table holds other scores, or the classifier cannot be opened.
    """
    files = job.contents.files
    done = _before(table, files, force)
    if done:
        say(f"{table.path}: {len(done):,} of {len(files):,} pictures are scored already")
    left = [file for file in files if file.name not in done]
    table.rewrite(done.values())
    heard(len(done), len(files))
    try:
        with table.growing() as append, Scorers(job.spec, workers) as scorers:
            for entry in _score(job, left, scorers):
                append(entry)
                done[entry.file.name] = entry
                heard(len(done), len(files))
    except KeyboardInterrupt:
        say(f"{len(done):,} of {len(files):,} are done and kept; the same command goes on")
        raise
    entries = [done[file.name] for file in files]
    table.rewrite(entries)
    return entries


def _before(table: ScoreTable, files: Sequence[LabelledFile], force: bool) -> dict[str, Entry]:
    """What is scored already; with force, scores that do not fit are no error."""
    try:
        return table.read(files)
    except ValueError:
        if force:
            return {}
        raise


def _score(job: Job, files: Sequence[LabelledFile], scorers: Scorers) -> Iterator[Entry]:
    """Rows as they come, unreadable files among them; a few pictures are in memory at a time."""
    unread: deque[Entry] = deque()
    flying: deque[LabelledFile] = deque()

    def pictures() -> Iterator[Pictures]:
        for file, found in _opened(files, scorers.workers):
            if isinstance(found, str):
                unread.append(Entry(file, (), found))
            else:
                flying.append(file)
                yield found

    for probabilities in scorers.probabilities(pictures()):
        yield Entry(flying.popleft(), tuple(float(probabilities[i]) for i in job.columns))
        while unread:
            yield unread.popleft()
    yield from unread


def _opened(
    files: Sequence[LabelledFile], workers: int
) -> Iterator[tuple[LabelledFile, Pictures | str]]:
    """Each file with its pixels, or with why it has none; opened on all cores."""
    waiting: deque[tuple[LabelledFile, Future[Pictures | str]]] = deque()
    with ThreadPoolExecutor(workers, "opener") as pool:
        try:
            for file in files:
                waiting.append((file, pool.submit(pixels_of, file.path)))
                if len(waiting) > AHEAD * workers:
                    first, future = waiting.popleft()
                    yield first, future.result()
            while waiting:
                first, future = waiting.popleft()
                yield first, future.result()
        finally:
            for _, future in waiting:
                future.cancel()


def pixels_of(path: Path) -> Pictures | str:
    """(H, W, 3) uint8 of a picture file, or in one line why there are none."""
    try:
        return open_subject(path).pixels
    except ValueError as error:
        return str(error)
