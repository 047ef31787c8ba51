"""Files that are there whole or not at all, whatever happens while they are written."""

from __future__ import annotations

import os
import re
import signal
import sys
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def whole_file(path: Path) -> Iterator[Path]:
    """A name to write to; on success it becomes `path`, else nothing is left behind.

    Raises:
        OSError: with the name `path`, where what is written to would not have said which it was.
    """
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.", suffix=path.suffix)
    os.close(handle)
    draft = Path(name)
    try:
        yield draft
        draft.chmod(0o666 & ~_UMASK)
        draft.replace(path)
    except OSError as error:
        error.filename = error.filename or str(path)
        raise
    finally:
        draft.unlink(missing_ok=True)


def sweep(folder: Path, names: str) -> None:
    """Remove drafts of files, which a killed process has left in a folder.

    Args:
        folder: where the files are.
        names: theirs, as a regular expression without groups.
    """
    draft = re.compile(rf"\.({names})\.[a-z0-9_]{{8}}(\.[^.]+)?")  # as tempfile names it, above
    for path in folder.iterdir():
        found = draft.fullmatch(path.name)
        if found and Path(found[1]).suffix == (found[2] or ""):
            path.unlink(missing_ok=True)


@contextmanager
def tidy_when_terminated() -> Iterator[None]:
    """SIGTERM ends what is going on as an exception does, so that no half file is left behind."""
    if threading.current_thread() is not threading.main_thread():
        yield  # signals are the main thread's
        return
    before = signal.signal(signal.SIGTERM, lambda number, _frame: sys.exit(128 + number))
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def link_or_copy(source: Path, path: Path) -> None:
    """A second name for a file that nobody writes to in place, or a copy where links cannot be."""
    try:
        path.unlink(missing_ok=True)
        path.hardlink_to(source)
    except (OSError, NotImplementedError):
        with whole_file(path) as draft:
            draft.write_bytes(source.read_bytes())


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask


_UMASK = _umask()
