"""`evonsfw explain shapes`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from evonsfw.commands import (
    BACKEND,
    BackendFlag,
    ClassFlag,
    ForceFlag,
    OutFlag,
    SeedFlag,
    explained,
    whole,
)

if TYPE_CHECKING:
    from evonsfw.explanation import Explanation
    from evonsfw.insight.shapley import Credits
    from evonsfw.telling import Heard

EXAMPLE = "evonsfw explain shapes runs/RUN --samples 200"


def shapes(
    source: Annotated[
        Path, typer.Argument(help="Run folder, or a picture that evonsfw made.", show_default=False)
    ],
    samples: Annotated[
        str | None,
        typer.Option(
            metavar="INTEGER",
            help="Orders in which shapes join. Default: as many as 2,500 scorings give. Up to 10 "
            "shapes every set is scored instead.",
            show_default=False,
        ),
    ] = None,
    seed: SeedFlag = "0",
    classifier: Annotated[
        str | None,
        typer.Option(
            metavar="NAME|FILE",
            help="A known name, a .yaml or an .onnx. Default: the run's.",
            show_default=False,
        ),
    ] = None,
    wanted: ClassFlag = None,
    backend: BackendFlag = BACKEND,
    out: OutFlag = None,
    force: ForceFlag = False,
) -> None:
    """Say which shapes make the score: each left out, and Shapley values (Castro 2009)."""
    from evonsfw import explain

    orders = None if samples is None else whole("samples", samples, 1, 1_000_000)
    how = classifier, wanted, orders, whole("seed", seed), None

    def find(heard: Heard) -> Explanation[Credits]:
        return explain.shapes(source, *how, heard, backend)

    explained("shapes", find, [source], out, force)
