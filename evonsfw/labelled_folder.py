"""A folder of pictures in one subfolder per class: its files, and what is asked of them.

A subfolder's name is its label. Either labels are names of the classifier's classes, or it is said
which of them hold what a class is to be found in; then every other one holds what it is not.
"""

from __future__ import annotations

import os
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from evonsfw.discovery import nearest
from evonsfw.model_spec import ModelSpec

SHOWN = 6
"""Labels that are named in a message."""


class LabelledFile(NamedTuple):
    """A file below a labelled subfolder.

    Attributes:
        path: where it is.
        name: its path within the folder, with / between its parts.
        label: the subfolder that it is in.
        size: bytes; -1 where that cannot be had.
        modified: nanoseconds since 1970; -1 likewise.
    """

    path: Path
    name: str
    label: str
    size: int
    modified: int


@dataclass(frozen=True)
class Contents:
    """What a folder holds.

    Attributes:
        files: folder by folder, in order of their names.
        beside: how many files lie beside the subfolders, where they have no label.
    """

    files: tuple[LabelledFile, ...]
    beside: int

    @property
    def labels(self) -> tuple[str, ...]:
        """The labels that have files, sorted."""
        return tuple(sorted({file.label for file in self.files}))


class Question(NamedTuple):
    """How well does a class's score find what has certain labels?

    Attributes:
        class_index: the class, 0…C-1.
        positives: the labels of what it is to find; all others are what it is not.
    """

    class_index: int
    positives: frozenset[str]


def read_folder(folder: Path, leave_out: Path) -> Contents:
    """Every file in the subfolders of a folder, however deep, but hidden ones.

    Args:
        folder: it.
        leave_out: a subfolder that is none of them, should it be there.

    Raises:
        ValueError: it is no folder, or cannot be read, or less than two subfolders have files.
    """
    if not folder.is_dir():
        kind = "not a folder" if folder.exists() else "no such folder"
        raise ValueError(f"{folder}: {kind}: expected one with a subfolder per class")
    try:
        entries = [entry for entry in sorted(folder.iterdir()) if not _hidden(entry.name)]
        subfolders = [
            entry for entry in entries if entry.is_dir() and entry.resolve() != leave_out.resolve()
        ]
        files = tuple(file for label in subfolders for file in _files(folder, label))
    except OSError as error:
        raise ValueError(f"{error.filename}: cannot be read: {error.strerror}") from None
    found = Contents(files, sum(not entry.is_dir() for entry in entries))
    if len(found.labels) < 2:
        there = f"only '{found.labels[0]}' has any" if found.labels else "there are none"
        raise ValueError(
            f"{folder}: expected pictures in two subfolders or more, one per class: {there}"
        )
    return found


def questions(
    labels: Collection[str], spec: ModelSpec, wanted: str | None, positives: Sequence[str]
) -> tuple[Question, ...]:
    """What is asked of a classifier and the labels of a folder.

    With positives, one question: does the wanted class's score find them? Without, labels are
    names of classes: one question for the wanted class; or else for each class that is there,
    against all others; of a classifier of two classes only its own default one, for the other's
    score is the same turned round.

    Args:
        labels: names of subfolders, two or more.
        spec: the classifier.
        wanted: a class, by name or index; None is open.
        positives: the labels of what a class is to find; none is open.

    Raises:
        ValueError: there is no such class or label, a label is no class, or nothing is left to
            be told apart.
    """
    if positives:
        _require_labels(positives, labels)
        if set(positives) >= set(labels):
            raise ValueError("--positive: every subfolder is; expected one or more that are not")
        return (Question(spec.class_index(wanted), frozenset(positives)),)
    classes = spec.classes
    if wanted is not None or (len(classes) == 2 and set(labels) & set(classes)):
        index = spec.class_index(wanted)
        if classes[index] not in labels:
            raise ValueError(
                f"class '{classes[index]}': no subfolder is called so, there are "
                f"{_told(labels)}; say which holds it: --positive SUBFOLDER"
            )
        return (Question(index, frozenset({classes[index]})),)
    for label in sorted(labels):
        if label not in classes:
            raise ValueError(
                f"subfolder '{label}' is no class of '{spec.name}' ({len(classes)} classes; "
                f"--positive SUBFOLDER says what to find): {nearest(label, classes)}"
            )
    return tuple(
        Question(index, frozenset({name})) for index, name in enumerate(classes) if name in labels
    )


def _require_labels(positives: Sequence[str], labels: Collection[str]) -> None:
    for label in positives:
        if label not in labels:
            raise ValueError(
                f"--positive {label}: no subfolder with files is called so: "
                f"{nearest(label, labels)}"
            )


def _told(labels: Collection[str]) -> str:
    shown = [f"'{label}'" for label in sorted(labels)[:SHOWN]]
    return ", ".join(shown + ["…"] * (len(labels) > SHOWN))


def _files(folder: Path, subfolder: Path) -> Iterator[LabelledFile]:
    """The files below one subfolder, folder by folder."""
    for where, folders, names in os.walk(subfolder, onerror=_tell):
        folders[:] = sorted(name for name in folders if not _hidden(name))
        for name in sorted(names):
            if not _hidden(name):
                path = Path(where, name)
                inside = path.relative_to(folder).as_posix()
                yield LabelledFile(path, inside, subfolder.name, *_stamp(path))


def _tell(error: OSError) -> None:
    raise error


def _stamp(path: Path) -> tuple[int, int]:
    """Size and time of change; a link that leads nowhere has none."""
    try:
        said = path.stat()
    except OSError:
        return -1, -1
    return said.st_size, said.st_mtime_ns


def _hidden(name: str) -> bool:
    return name.startswith(".")
