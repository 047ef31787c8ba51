"""A run's past as the window shows it: graph, thumbnails, and every generation's picture."""

from __future__ import annotations

from collections import OrderedDict
from pathlib import Path

import numpy as np

from evonsfw.genome import Genome
from evonsfw.logbook import BESTS, Logbook, Row
from evonsfw.moment import Chart, Shown

POINTS = 2000
"""Generations of the graph at most; of a longer run it shows as many, evenly chosen."""
THUMBNAILS = 48
"""Thumbnails at most."""
REMEMBERED = 256
"""Genomes that are not read again: the thumbnails, and where somebody has just been."""


class Past:
    """What a run folder holds of every generation; what it has not yet is not there yet.

    The picture of a generation is the best of the run until then, as when it was the newest.

    Args:
        folder: the run's.
        length: L, genes of a genome.

    Raises:
        OSError: the folder's files cannot be read.
    """

    def __init__(self, folder: Path, length: int) -> None:
        self._folder = folder
        self._book = Logbook(folder, length)
        self._genomes: OrderedDict[int, Genome] = OrderedDict()
        self._chart: Chart | None = None
        self._last = self._newest()

    def __len__(self) -> int:
        """Generations that can be gone back to."""
        return len(self._book)

    @property
    def problem(self) -> str:
        """Why no generation can be gone back to, or "" where some can."""
        if len(self) or not self._book.rows():
            return ""
        return f"no earlier pictures: {BESTS} is missing, or does not begin with generation 1"

    def refresh(self) -> bool:
        """Take in what has been written since; whether there was anything.

        Raises:
            OSError: the folder's files cannot be read.
        """
        if not self._book.refresh():
            return False
        last, rows = self._last, self._book.rows()
        if last is not None and last not in rows[last.generation - 1 : last.generation]:
            self._genomes.clear()  # it was rewound
        self._last, self._chart = self._newest(), None
        return True

    def shown(self, number: int, genome: Genome | None = None) -> Shown:
        """What there is to show of generation `number`, 1 to `len`; with another genome, where one
        is given.

        Raises:
            ValueError: its genome is damaged.
            OSError: it cannot be read.
        """
        leader = self._book.leader(number)
        row, score = self._book.row(number), self._book.row(leader).best_score
        genome = self._genome(leader) if genome is None else genome
        counts = row.evaluations, row.seconds
        near = row.rescored > 0
        return Shown(number, genome, score, row.mean_score, *counts, past=True, near=near)

    def leader(self, number: int) -> int:
        """The generation, 1 to `number`, that the picture of generation `number` is from."""
        return self._book.leader(number)

    def rate(self) -> float:
        """Scorings per second, over the run."""
        last = self._book.row(len(self))
        return last.evaluations / last.seconds if last.seconds > 0.0 else 0.0

    def chart(self) -> Chart | None:
        """The best score until each generation, and the mean of each; None before the first."""
        book, whole = self._book, len(self._book.rows())
        if self._chart is None and whole:
            numbers = np.unique(np.linspace(1, whole, min(POINTS, whole)).round().astype(np.int64))
            best = [book.row(book.leader(int(number))).best_score for number in numbers]
            mean = [book.row(int(number)).mean_score for number in numbers]
            near = book.row(whole).rescored > 0
            self._chart = Chart(numbers, np.array(best), np.array(mean), near)
        return self._chart

    def thumbnails(self, last: bool) -> tuple[tuple[int, Genome], ...]:
        """Generations, evenly chosen, and their pictures' genomes; as the run grows they stay the
        same until they are too many. Those that are damaged are left out.

        Args:
            last: whether the last generation is to be among them, wherever it falls.
        """
        stride = 1
        while len(self) > stride * (THUMBNAILS - 1):
            stride *= 2
        numbers = list(range(1, len(self) + 1, stride))
        if last and numbers and numbers[-1] != len(self):
            numbers.append(len(self))
        found = []
        for number in numbers:
            try:
                found.append((number, self._genome(self._book.leader(number))))
            except (ValueError, OSError):
                continue
        return tuple(found)

    def _newest(self) -> Row | None:
        rows = self._book.rows()
        return rows[-1] if rows else None

    def _genome(self, number: int) -> Genome:
        """The best of a generation, read once while it is looked at."""
        if number not in self._genomes:
            self._genomes[number] = self._book.genome(number)
            if len(self._genomes) > REMEMBERED:
                self._genomes.popitem(last=False)
        self._genomes.move_to_end(number)
        return self._genomes[number]
