"""`evonsfw explain shapes`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from evonsfw.commands import ClassFlag, ForceFlag, OutFlag, SeedFlag, progress, say, whole

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
    out: OutFlag = None,
    force: ForceFlag = False,
) -> None:
    """Say which shapes make the score: each left out, and Shapley values (Castro 2009)."""
    from evonsfw.explaining import explain_shapes

    orders = None if samples is None else whole("samples", samples, 1, 1_000_000)
    start = whole("seed", seed)
    lines: list[str] = []
    with progress("scorings") as heard:
        explain_shapes(source, lines.append, classifier, wanted, orders, start, out, force, heard)
    for line in lines:
        say(line)
