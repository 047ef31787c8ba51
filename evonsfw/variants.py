"""What several have changed of one list of rows, put together."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

Rows = npt.NDArray[np.float32]


def united(before: Rows, variants: Sequence[Rows]) -> Rows:
    """All that variants of a list of rows have changed.

    A row is known by what it holds. A new row stands for one that has gone; where two variants
    have replaced or moved the same one, the first is followed.

    Args:
        before: (N, G) rows, in order.
        variants: (N, G) each: some of the rows, moved or not, and others in place of the rest.

    Returns:
        (N, G) rows: what one variant alone has changed is as there, in place and in order.
    """
    final = {number: (float(number), row) for number, row in enumerate(before)}
    changed: set[int] = set()
    for rows in variants:
        for number, placed in _changes(before, rows).items():
            if number not in changed:
                changed.add(number)
                final[number] = placed
    return np.stack([row for _, row in sorted(final.values(), key=lambda placed: placed[0])])


def _changes(before: Rows, rows: Rows) -> dict[int, tuple[float, Rows]]:
    """For the number of each row that has gone or moved: where, among the old numbers, the new one
    or itself is, and what it holds.
    """
    numbers: dict[bytes, list[int]] = {}
    for number, row in reversed(list(enumerate(before))):
        numbers.setdefault(row.tobytes(), []).append(number)
    left = [numbers.get(row.tobytes(), []) for row in rows]
    known = [same.pop() if same else None for same in left]
    stayed = _rising(known)
    gone = iter(sorted(set(range(len(before))) - set(known)))
    placed: dict[int, tuple[float, Rows]] = {}
    for low, high in zip([-1, *stayed], [*stayed, len(rows)], strict=True):
        first = -1.0 if low < 0 else float(known[low] or 0)
        last = float(len(before)) if high == len(rows) else float(known[high] or 0)
        for place in range(low + 1, high):
            number = known[place]
            number = next(gone, None) if number is None else number
            if number is not None:
                share = (place - low) / (high - low)
                placed[number] = first + (last - first) * share, rows[place]
    return placed


def _rising(numbers: Sequence[int | None]) -> list[int]:
    """The places of a longest rising part of a list (Fredman 1975)."""
    ends: list[int] = []
    places: list[int] = []
    before: dict[int, int | None] = {}
    for place, number in enumerate(numbers):
        if number is None:
            continue
        length = bisect_left(ends, number)
        ends[length:] = [number, *ends[length + 1 :]]
        places[length:] = [place, *places[length + 1 :]]
        before[place] = places[length - 1] if length else None
    found: list[int] = []
    last = places[-1] if places else None
    while last is not None:
        found.append(last)
        last = before[last]
    return found[::-1]
