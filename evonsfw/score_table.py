"""scores.csv: what a classifier says of each file, written as it is said and read when it goes on.

A row holds the file's size and time of change, and which classifier it was: a file that is not as
it was is scored again. A row that was cut short by a lost machine is left out when it is read.
"""

from __future__ import annotations

import csv
import hashlib
import io
import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from evonsfw.labelled_folder import LabelledFile
from evonsfw.model_spec import ModelSpec
from evonsfw.whole_file import whole_file

FIRST = ("file", "class", "bytes", "modified_ns", "classifier")
SCORE = "p:"
"""Before a class's name, in the head of its column."""
LAST = "problem"
ALL = 32
"""A classifier of no more classes has all of their scores in the table."""
_UNREADABLE_BYTES = "surrogateescape"
"""How names of files are kept that are no text."""


class Entry(NamedTuple):
    """A row.

    Attributes:
        file: what was looked at.
        scores: a probability for each column of scores; none where the file cannot be read.
        problem: why it cannot, else "".
    """

    file: LabelledFile
    scores: tuple[float, ...]
    problem: str = ""


def mark_of(spec: ModelSpec, model_hash: str) -> str:
    """What tells a classifier from any other that might score differently: 16 digits of a SHA-256
    over its file's and over how pictures are prepared for it.
    """
    kept = spec.model_dump_json(exclude={"name", "file", "folder", "package", "licence", "source"})
    return hashlib.sha256(f"{model_hash} {kept}".encode()).hexdigest()[:16]


class ScoreTable:
    """The file: read when a job goes on, and written row by row.

    Args:
        path: scores.csv.
        mark: of the classifier, as `mark_of`.
        classes: names of the classes that have a column.
    """

    def __init__(self, path: Path, mark: str, classes: Sequence[str]) -> None:
        self.path = path
        self._mark = mark
        self._head = [*FIRST, *(SCORE + name for name in classes), LAST]

    def read(self, files: Iterable[LabelledFile]) -> dict[str, Entry]:
        """What has been scored of the files as they are, by their names; nothing where there is
        no table yet.

        Raises:
            ValueError: the file is no such table, or one of another classifier or other classes.
        """
        if not self.path.exists():
            return {}
        rows = self._rows()
        if next(rows, None) != self._head:
            raise ValueError(
                f"{self.path}: not a table of these classes' scores: name another --out, or begin "
                f"anew with --force"
            )
        known = {_key(file): file for file in files}
        found = {}
        for row in rows:
            if len(row) != len(self._head):
                continue
            if row[4] != self._mark:
                raise ValueError(
                    f"{self.path}: its scores are another classifier's: name another --out, or "
                    f"begin anew with --force"
                )
            file = known.get((row[0], row[2], row[3]))
            scores = _scores(row[len(FIRST) : -1])
            if file is not None and scores and not row[-1]:
                found[file.name] = Entry(file, scores)
        return found

    def rewrite(self, entries: Iterable[Entry]) -> None:
        """The whole table anew, in the order of the entries."""
        with (
            whole_file(self.path) as draft,
            draft.open("w", encoding="utf-8", errors=_UNREADABLE_BYTES, newline="") as file,
        ):
            writer = csv.writer(file, lineterminator="\n")
            writer.writerow(self._head)
            writer.writerows(self._row(entry) for entry in entries)

    @contextmanager
    def growing(self) -> Iterator[Callable[[Entry], None]]:
        """A function that adds a row, which is in the file when it returns."""
        with self.path.open("a", encoding="utf-8", errors=_UNREADABLE_BYTES, newline="") as file:
            writer = csv.writer(file, lineterminator="\n")

            def append(entry: Entry) -> None:
                writer.writerow(self._row(entry))
                file.flush()

            yield append

    def _row(self, entry: Entry) -> list[str]:
        file, columns = entry.file, len(self._head) - len(FIRST) - 1
        scores = [f"{score:.9g}" for score in entry.scores] or [""] * columns
        stamp = [str(file.size), str(file.modified)]
        return [file.name, file.label, *stamp, self._mark, *scores, entry.problem]

    def _rows(self) -> Iterator[list[str]]:
        """The rows of the file, without what stands after its last whole line."""
        try:
            text = self.path.read_bytes().decode("utf-8", errors=_UNREADABLE_BYTES)
        except OSError as error:
            raise ValueError(f"{self.path}: cannot be read: {error.strerror}") from None
        whole = text[: text.rfind("\n") + 1]
        try:
            yield from csv.reader(io.StringIO(whole, newline=""))
        except csv.Error as error:
            raise ValueError(f"{self.path}: not a table of scores: {error}") from None


def _key(file: LabelledFile) -> tuple[str, str, str]:
    return file.name, str(file.size), str(file.modified)


def _scores(texts: Sequence[str]) -> tuple[float, ...]:
    """The numbers, or none where one of them is none."""
    try:
        values = tuple(float(text) for text in texts)
    except ValueError:
        return ()
    return values if all(math.isfinite(value) for value in values) else ()
