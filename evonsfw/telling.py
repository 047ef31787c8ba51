"""What long work calls: with a line to print, or with how far it is."""

from __future__ import annotations

from collections.abc import Callable

Say = Callable[[str], None]
"""Prints one line."""
Heard = Callable[[int, int], None]
"""Called with what is done and how much there is in all, as the work goes on."""


def unheard(_done: int, _total: int) -> None:
    """For who does not want to know."""
