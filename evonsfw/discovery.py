"""Folders whose files are the choices of a flag: shapes, objectives, searches, exporters."""

from __future__ import annotations

import difflib
import functools
import importlib
import pkgutil
from collections.abc import Iterable
from typing import Generic, TypeVar, cast

T = TypeVar("T")
Word = TypeVar("Word", bound=str)


def nearest(value: str, choices: Iterable[str]) -> str:
    """The choices nearest to a mistyped value, or all of them: the end of an error message."""
    known = sorted(choices)
    near = difflib.get_close_matches(value, known, n=3, cutoff=0.5)
    if near:
        return f"did you mean {' or '.join(near)}?"
    shown = ", ".join(known[:12]) + (", …" if len(known) > 12 else "")
    return f"expected one of: {shown}"


def one_of(told: str, value: str, choices: Iterable[Word]) -> Word:
    """The choice that a value is.

    Args:
        told: the value as it was given, with its name: the beginning of the error message.
        value: what may be one of them.
        choices: what it can be.

    Raises:
        ValueError: it is none of them.
    """
    for known in choices:
        if value == known:
            return known
    raise ValueError(f"{told}: expected {' or '.join(choices)}")


class Folder(Generic[T]):
    """A package in which every public module provides one `T`; the module's name is its word.

    Args:
        package: dotted name of the package.
        noun: what one of its modules is, for error messages.
    """

    def __init__(self, package: str, noun: str) -> None:
        self._package = package
        self._noun = noun

    def names(self) -> list[str]:
        """The words, sorted. No module is imported, so a broken one breaks no `--help`."""
        path = importlib.import_module(self._package).__path__
        found = (module.name for module in pkgutil.iter_modules(path))
        return sorted(name.replace("_", "-") for name in found if not name.startswith("_"))

    def load(self, name: str) -> T:
        """Import the module called `name`.

        Raises:
            ValueError: there is none; the message gives the nearest names.
        """
        if name not in self.names():
            hint = nearest(name, self.names())
            raise ValueError(f"unknown {self._noun} '{name}': {hint}")
        return cast("T", _module(f"{self._package}.{name.replace('-', '_')}"))


@functools.cache
def _module(dotted: str) -> object:
    return cast("object", importlib.import_module(dotted))
