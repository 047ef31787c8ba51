"""The terminal's view of a run: a progress bar on a terminal, plain lines in a pipe."""

from __future__ import annotations

import sys

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

from evonsfw.config import RunConfig
from evonsfw.live import Live, Snapshot
from evonsfw.scene import format_score

BAR_SECONDS = 0.2
LINE_SECONDS = 2.0


def show_progress(live: Live, config: RunConfig, label: str) -> None:
    """Show the run until it is finished; called on the main thread.

    Args:
        live: the run.
        config: for its ends, towards which the bar runs.
        label: what the score is called.
    """
    if sys.stdout and sys.stdout.isatty():  # it is None where it was closed
        _bar(live, config, label)
    else:
        _lines(live, label)


def figures(snapshot: Snapshot, label: str) -> str:
    """Generation, best score and speed, on one line."""
    generation = snapshot.generation
    return (
        f"generation {generation.number:,}  {label} "
        f"{format_score(generation.best_so_far.score)}  {generation.evaluations:,} scorings  "
        f"{'paused' if snapshot.paused else f'{snapshot.rate:.1f}/s'}"
    )


def fraction(snapshot: Snapshot, config: RunConfig) -> float | None:
    """How near the nearest end is, 0 to 1, or None where only a score ends the run."""
    generation = snapshot.generation
    shares = [
        done / end
        for done, end in (
            (generation.number, config.generations),
            (generation.evaluations, config.evaluations),
            (generation.seconds / 60.0, config.minutes),
        )
        if end
    ]
    return min(1.0, max(shares)) if shares else None


def _bar(live: Live, config: RunConfig, label: str) -> None:
    columns = (BarColumn(bar_width=24), TextColumn("{task.description}"), TimeElapsedColumn())
    with Progress(*columns, console=Console(), transient=True) as progress:
        task = progress.add_task("starting…", total=None)
        while not live.finished.wait(BAR_SECONDS):
            snapshot = live.snapshot()
            if snapshot is not None:
                share = fraction(snapshot, config)
                progress.update(
                    task,
                    description=figures(snapshot, label),
                    total=None if share is None else 1.0,
                    completed=share or 0.0,
                )


def _lines(live: Live, label: str) -> None:
    shown = 0
    while not live.finished.wait(LINE_SECONDS):
        snapshot = live.snapshot()
        if snapshot is not None and snapshot.generation.number != shown:
            shown = snapshot.generation.number
            print(figures(snapshot, label), flush=True)
