"""The table that every benchmark prints: rows of ratios to a named alternative in the same run."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from rich.console import Console
from rich.table import Table

from evonsfw.backends import load_backend


@dataclass(frozen=True)
class Row:
    """One measurement.

    Attributes:
        what: what was measured.
        against: the alternative, measured in the same run.
        ratio: how many times as fast; None where it could not be measured here.
        asked: the ratio that the project asks of itself, or None.
        detail: spread, size, or why there is no ratio.
    """

    what: str
    against: str
    ratio: float | None
    asked: float | None
    detail: str


Asked = Mapping[str, tuple[str, float]]
"""A backend to an arithmetic, and the ratio that the project asks of itself with that."""


def asked_of(asked: Asked, backend: str) -> float | None:
    """What is asked of a backend: nothing where it is there and computes otherwise."""
    arithmetic, ratio = asked.get(backend, ("", None))
    module = load_backend(backend)
    return ratio if module.missing() is not None or module.arithmetic() == arithmetic else None


def with_arithmetic(backend: str) -> str:
    """A backend's name, and what it computes in, where it is there."""
    module = load_backend(backend)
    return backend if module.missing() is not None else f"{backend} {module.arithmetic()}"


def print_table(rows: list[Row]) -> None:
    """Print rows as one table."""
    table = Table("what", "against", "ratio", "asked", "detail")
    for row in rows:
        ratio = "-" if row.ratio is None else f"{row.ratio:.3g}"
        asked = "" if row.asked is None else f"{row.asked:g}"
        table.add_row(row.what, row.against, ratio, asked, row.detail)
    Console(width=150).print(table)
