"""`evonsfw curves`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from evonsfw.commands import ClassFlag, ClassifierFlag, number, progress, say, whole
from evonsfw.model_spec import DEFAULT

EXAMPLE = "evonsfw curves photos --positive beach --positive studio"


def curves(
    folder: Annotated[
        Path, typer.Argument(help="Folder with one subfolder per class.", show_default=False)
    ],
    classifier: ClassifierFlag = DEFAULT,
    class_: ClassFlag = None,
    positive: Annotated[
        list[str] | None,
        typer.Option(
            metavar="SUBFOLDER",
            help="What the class is to find; all other subfolders are what it is not. May be given "
            "several times. Default: the subfolder that is called as the class is.",
            show_default=False,
        ),
    ] = None,
    threshold: Annotated[
        str, typer.Option(metavar="NUMBER", help="Mistakes are counted at this score.")
    ] = "0.5",
    out: Annotated[
        Path | None,
        typer.Option(
            help="Folder to write. Default: the folder's name with _curves, here. One that holds "
            "the same classifier's scores is gone on with.",
            show_default=False,
        ),
    ] = None,
    workers: Annotated[
        str | None,
        typer.Option(metavar="INTEGER", help="Threads. Default: cores.", show_default=False),
    ] = None,
    force: Annotated[
        bool, typer.Option("--force", help="Begin anew where the folder holds other scores.")
    ] = False,
) -> None:
    """Score a folder of labelled pictures: ROC, precision-recall, thresholds, worst mistakes."""
    from evonsfw.folder_curves import measure

    cut = number("threshold", threshold, 0.0, 1.0, strictly=True)
    threads = None if workers is None else whole("workers", workers, 1, 256)
    lines: list[str] = []
    try:
        with progress("scoring") as heard:
            measure(
                *(folder, classifier, out, class_, positive or (), cut, threads, force),
                heard,
                lines.append,
            )
    finally:
        for line in lines:
            say(line)
