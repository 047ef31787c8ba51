"""`evonsfw dream`: what a layer of a classifier sees in a picture, drawn into it."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from evonsfw.commands import ClassifierFlag, ForceFlag, SeedFlag, number, progress, say, whole
from evonsfw.model_spec import DEFAULT

EXAMPLE = "evonsfw dream photo.jpg --octaves 5 --iterations 20"


def dream(
    picture: Annotated[
        Path | None, typer.Argument(help="Picture file.", show_default=False)
    ] = None,
    classifier: ClassifierFlag = DEFAULT,
    layer: Annotated[
        str | None,
        typer.Option(
            help="Layer that dreams; --layers lists them. Default: one in the middle.",
            show_default=False,
        ),
    ] = None,
    layers: Annotated[
        bool, typer.Option("--layers", help="List the layers; no picture is needed.")
    ] = False,
    channel: Annotated[
        str | None,
        typer.Option(metavar="INTEGER", help="Only this channel of it.", show_default=False),
    ] = None,
    octaves: Annotated[
        str, typer.Option(metavar="INTEGER", help="Sizes, from coarse to the picture's own.")
    ] = "4",
    scale: Annotated[
        str, typer.Option(metavar="NUMBER", help="From one octave's size to the next.")
    ] = "1.4",
    iterations: Annotated[
        str, typer.Option(metavar="INTEGER", help="Steps on each octave.")
    ] = "10",
    step: Annotated[
        str, typer.Option(metavar="NUMBER", help="Mean change of a step, of 255.")
    ] = "1.5",
    jitter: Annotated[
        str, typer.Option(metavar="INTEGER", help="Pixels it is moved by at most for a step.")
    ] = "32",
    zoom: Annotated[
        str | None,
        typer.Option(
            metavar="FRAMES", help="A film of that many pictures that goes in.", show_default=False
        ),
    ] = None,
    seed: SeedFlag = "0",
    out: Annotated[
        Path | None,
        typer.Option(
            help="The .png to write; with --zoom an .mp4, .webm or .gif. Default: the picture's "
            "name and _dream, here.",
            show_default=False,
        ),
    ] = None,
    force: ForceFlag = False,
) -> None:
    """Deep Dream: draw into a picture what a layer of the classifier sees in it."""
    from evonsfw.dreaming import dream_file, layer_lines
    from evonsfw.insight.dream import Manner

    if layers:
        for line in layer_lines(classifier):
            say(line)
        return
    if picture is None:
        raise ValueError("dream: expected a picture file, or --layers")
    manner = Manner(
        octaves=whole("octaves", octaves, 1, 20),
        iterations=whole("iterations", iterations, 1, 10_000),
        step=number("step", step, 0.0, 100.0, strictly=True),
        scale=number("scale", scale, 1.0, 10.0, strictly=True),
        jitter=whole("jitter", jitter, 0, 4096),
        channel=None if channel is None else whole("channel", channel),
    )
    frames = 0 if zoom is None else whole("zoom", zoom, 2, 100_000)
    seeded = whole("seed", seed)
    with progress("dreaming") as heard:
        lines = dream_file(picture, classifier, layer, manner, seeded, frames, out, force, heard)
    for line in lines:
        say(line)
