"""Records of one size through a pipe that several processes share.

Each record is taken by one reader, whoever is free first, and no lock is held over that: a process
that is killed leaves the others as they are. `multiprocessing.Queue` has a lock, which would be
gone with it.
"""

from __future__ import annotations

import os
import select
import sys
from collections.abc import Sequence
from multiprocessing.connection import Connection

AT_ONCE = getattr(select, "PIPE_BUF", 512)
"""Bytes that are written whole or not at all (POSIX)."""
ROOM = 65_536
"""Bytes that a pipe holds, at most, where nobody has asked for more."""


def put(sink: Connection, records: Sequence[bytes]) -> None:
    """Write records, in order.

    Args:
        sink: the end that is written to, of a pipe of one direction.
        records: of one size, `AT_ONCE` bytes at most where others put theirs there too.

    Raises:
        OSError: nobody reads any longer.
    """
    if sys.platform == "win32":  # a message is a record
        for record in records:
            sink.send_bytes(record)
        return
    count = max(1, AT_ONCE // max(1, len(records[0]))) if records else 1
    for first in range(0, len(records), count):
        os.write(sink.fileno(), b"".join(records[first : first + count]))


def take(source: Connection, size: int) -> bytes:
    """Wait for a record, and take it: b"" once nobody writes any longer.

    Args:
        source: the end that is read from.
        size: of a record. Pipes hold whole ones only, and a read is not interrupted by another.
    """
    if sys.platform == "win32":
        try:
            return source.recv_bytes()
        except EOFError:
            return b""
    return os.read(source.fileno(), size)


def take_all(source: Connection, size: int) -> list[bytes]:
    """Take what is there, without waiting.

    Args:
        source: the end that is read from, by nobody else; `never_wait` has been called with it.
        size: of a record.
    """
    if sys.platform == "win32":
        records = []
        while source.poll():
            records.append(source.recv_bytes())
        return records
    try:
        found = os.read(source.fileno(), ROOM)
    except BlockingIOError:
        return []
    return [found[first : first + size] for first in range(0, len(found), size)]


def never_wait(source: Connection) -> None:
    """Have an end be one for `take_all`."""
    if sys.platform != "win32":
        os.set_blocking(source.fileno(), False)
