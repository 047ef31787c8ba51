"""What a run folder says of every generation, read as it grows: `log.csv` and `bests.bin`.

`bests.bin` holds the best genome of a generation wherever it is another than the one before:
records of a little-endian uint32, the generation, and L little-endian float32, the genome. Records
are appended and never changed; one that a crash has cut short counts as none.
"""

from __future__ import annotations

import math
from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from evonsfw.genome import Genome

LOG, BESTS = "log.csv", "bests.bin"
COLUMNS = (
    "generation,evaluations,seconds,best_score,best_fitness,mean_fitness,std_fitness,rescored,"
    "mean_score"
)
_COUNT = COLUMNS.count(",") + 1


class Row(NamedTuple):
    """One row of `log.csv`; its columns are in docs/run-folder.md.

    In logs of older versions, `rescored` and `mean_score` can be missing: 0 and NaN.
    """

    generation: int
    evaluations: int
    seconds: float
    best_score: float
    best_fitness: float
    mean_fitness: float
    std_fitness: float
    rescored: int
    mean_score: float


def record_type(length: int) -> np.dtype[np.void]:
    """A record of `bests.bin`, for genomes of that length."""
    return np.dtype([("generation", "<u4"), ("genome", "<f4", (length,))])


def best_record(generation: int, genome: Genome) -> bytes:
    """One record of `bests.bin`."""
    record = np.zeros(1, record_type(len(genome)))
    record["generation"], record["genome"] = generation, genome
    return record.tobytes()


class Logbook:
    """A run's generations, from the first to the last that is on disk.

    Args:
        folder: the run's.
        length: L, genes of a genome.
    """

    def __init__(self, folder: Path, length: int) -> None:
        self._log, self._bests = folder / LOG, folder / BESTS
        self._type = record_type(length)
        self._rows: list[Row] = []
        self._leaders: list[int] = []
        self._marks = np.zeros(0, np.int64)
        self._inode = self._offset = 0
        self.refresh()

    def __len__(self) -> int:
        """Generations that can be looked at: those with a row and a genome."""
        return len(self._rows) if self._marks.size and self._marks[0] == 1 else 0

    def row(self, number: int) -> Row:
        """What the log says of generation `number`, 1 to `len`."""
        return self._rows[number - 1]

    def rows(self) -> tuple[Row, ...]:
        """Every generation's row, in order."""
        return tuple(self._rows)

    def genome(self, number: int) -> Genome:
        """(L,) float32 best individual of generation `number`, 1 to `len`.

        Raises:
            ValueError: `bests.bin` is damaged there.
            OSError: it cannot be read.
        """
        place = int(np.searchsorted(self._marks, number, side="right")) - 1
        with self._bests.open("rb") as file:
            file.seek(place * self._type.itemsize)
            record = np.frombuffer(file.read(self._type.itemsize), self._type)
        if not record.size or not np.all((record["genome"] >= 0.0) & (record["genome"] <= 1.0)):
            raise ValueError(f"{self._bests}: damaged at generation {number}")
        genome: Genome = record["genome"][0].astype(np.float32)
        return genome

    def leader(self, number: int) -> int:
        """The generation, 1 to `number`, whose best is the best until then."""
        return self._leaders[number - 1]

    def changes(self) -> npt.NDArray[np.int64]:
        """(M,) generations whose best is another than the one before, in order, from 1 on."""
        return self._marks[self._marks <= len(self)]

    def refresh(self) -> bool:
        """Read what has been appended, or all anew where the run has been rewound; whether there
        was anything.
        """
        before = len(self._rows), len(self._marks)
        try:
            stat = self._log.stat()
        except OSError:
            return False
        if stat.st_ino != self._inode or stat.st_size < self._offset:
            self._forget()
            self._inode = stat.st_ino
        self._read_log()
        self._read_bests()  # a genome is written before its row: so every row has its genome
        return before != (len(self._rows), len(self._marks))

    def _forget(self) -> None:
        """Begin anew."""
        self._rows, self._leaders = [], []
        self._marks = np.zeros(0, np.int64)
        self._inode = self._offset = 0

    def _read_log(self) -> None:
        """Take in the whole lines after those that are known."""
        with self._log.open("rb") as file:
            file.seek(self._offset)
            text = file.read()
        whole = text[: text.rfind(b"\n") + 1]
        for line in whole.decode("utf-8", "replace").splitlines():
            row = _row(line)
            if row is not None and row.generation == len(self._rows) + 1:
                self._append(row)
        self._offset += len(whole)

    def _append(self, row: Row) -> None:
        leader = self._leaders[-1] if self._leaders else 1
        self._rows.append(row)
        better = row.best_fitness > self._rows[leader - 1].best_fitness
        self._leaders.append(row.generation if better else leader)

    def _read_bests(self) -> None:
        """Which generation each further record is of; the genomes stay on disk."""
        found = _marks(self._bests, self._type, len(self._marks))
        self._marks = np.concatenate([self._marks, found])


def rewind_bests(folder: Path, generation: int, length: int) -> None:
    """Drop the records after a generation, and what a crash has cut short.

    Args:
        folder: the run's.
        generation: the last one that is kept.
        length: L, genes of a genome.
    """
    path, kind = folder / BESTS, record_type(length)
    kept = int(np.searchsorted(_marks(path, kind), generation, side="right"))
    with path.open("ab") as file:
        file.truncate(kept * kind.itemsize)


def last_best(folder: Path, length: int) -> Genome:
    """(L,) float32 genome of the last whole record; of no genes where there is none."""
    path, kind = folder / BESTS, record_type(length)
    count = path.stat().st_size // kind.itemsize
    with path.open("rb") as file:
        file.seek(max(0, count - 1) * kind.itemsize)
        records = np.frombuffer(file.read(count and kind.itemsize), kind)
    genome: Genome = records["genome"].astype(np.float32).reshape(-1)
    return genome


def _marks(path: Path, kind: np.dtype[np.void], known: int = 0) -> npt.NDArray[np.int64]:
    """The generations of the whole records after those that are known."""
    marks = []
    try:
        with path.open("rb") as file:
            for place in range(known, path.stat().st_size // kind.itemsize):
                file.seek(place * kind.itemsize)
                marks.append(int.from_bytes(file.read(4), "little"))
    except OSError:
        pass  # what is not there yet has no records
    return np.array(marks, np.int64)


def _row(line: str) -> Row | None:
    """A row of the log, or None for its head and for what is none."""
    cells = line.split(",")
    if not cells[0].isdecimal() or len(cells) > _COUNT:
        return None
    try:
        numbers = [float(cell) for cell in cells]
    except ValueError:
        return None
    if len(numbers) < _COUNT - 2:
        return None
    numbers += [0.0, math.nan][len(numbers) - (_COUNT - 2) :]
    generation, evaluations, seconds, score, fitness, mean, std, rescored, mean_score = numbers
    count = int(generation), int(evaluations)
    return Row(*count, seconds, score, fitness, mean, std, int(rescored), mean_score)
