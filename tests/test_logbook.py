"""The logbook: what was written generation by generation, read while it grows and after a crash."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest

from evonsfw.logbook import (
    BESTS,
    COLUMNS,
    LOG,
    Logbook,
    best_record,
    last_best,
    record_type,
    rewind_bests,
)

LENGTH = 5


def genome(number: int) -> np.ndarray:
    return np.full(LENGTH, number / 10.0, np.float32)


def add_row(folder: Path, number: int, fitness: float, text: str = "") -> None:
    with (folder / LOG).open("a") as file:
        file.write(text or f"{number},{number * 4},{number / 2:.3f},0.5,{fitness},0,0,0,0.25\n")


def add_best(folder: Path, number: int) -> None:
    with (folder / BESTS).open("ab") as file:
        file.write(best_record(number, genome(number)))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / LOG).write_text(COLUMNS + "\n")
    return tmp_path


def test_a_run_that_has_just_begun(tmp_path: Path) -> None:
    book = Logbook(tmp_path, LENGTH)
    assert len(book) == 0
    assert not book.refresh()
    assert book.rows() == ()


def test_each_generation_has_its_row_and_the_genome_that_was_its_best(folder: Path) -> None:
    for number, fitness in enumerate([1.0, 3.0, 2.0, 3.0, 4.0], start=1):
        if number in {1, 2, 5}:
            add_best(folder, number)
        add_row(folder, number, fitness)
    book = Logbook(folder, LENGTH)
    assert len(book) == 5
    assert book.changes().tolist() == [1, 2, 5]
    assert [book.leader(number) for number in range(1, 6)] == [1, 2, 2, 2, 5]
    for number, source in enumerate([1, 2, 2, 2, 5], start=1):
        np.testing.assert_array_equal(book.genome(number), genome(source))
        assert book.row(number)[:3] == (number, number * 4, number / 2)
    np.testing.assert_array_equal(last_best(folder, LENGTH), genome(5))


def test_it_grows_with_the_run(folder: Path) -> None:
    book = Logbook(folder, LENGTH)
    for number in (1, 2, 3):
        add_best(folder, number)
        assert book.refresh()
        add_row(folder, number, 0.0)
        assert book.refresh()
        assert not book.refresh()
        assert len(book) == number
        np.testing.assert_array_equal(book.genome(number), genome(number))


def test_a_row_or_a_record_cut_short_counts_when_it_is_whole(folder: Path) -> None:
    add_best(folder, 1)
    add_row(folder, 1, 0.0)
    with (folder / BESTS).open("ab") as file:
        file.write(best_record(2, genome(2))[:7])
    add_row(folder, 2, 0.0, "2,8,1.0")
    book = Logbook(folder, LENGTH)
    assert len(book) == 1
    with (folder / BESTS).open("ab") as file:
        file.write(best_record(2, genome(2))[7:])
    add_row(folder, 2, 0.0, "00,0.5,0,0,0,0,0.25\n")
    assert book.refresh()
    assert len(book) == 2
    assert book.row(2).seconds == 1.0
    np.testing.assert_array_equal(book.genome(2), genome(2))


def test_a_run_that_was_rewound_is_read_anew(folder: Path) -> None:
    for number in (1, 2, 3):
        add_best(folder, number)
        add_row(folder, number, 0.0)
    book = Logbook(folder, LENGTH)
    rewind_bests(folder, 1, LENGTH)
    (folder / "draft").write_text("\n".join((folder / LOG).read_text().splitlines()[:2]) + "\n")
    (folder / "draft").replace(folder / LOG)
    assert book.refresh()
    assert len(book) == 1
    assert (folder / BESTS).stat().st_size == record_type(LENGTH).itemsize


def test_rewinding_drops_what_a_crash_has_cut_short(folder: Path) -> None:
    add_best(folder, 1)
    whole = (folder / BESTS).read_bytes()
    with (folder / BESTS).open("ab") as file:
        file.write(b"half")
    rewind_bests(folder, 9, LENGTH)
    assert (folder / BESTS).read_bytes() == whole
    rewind_bests(folder, 0, LENGTH)
    assert (folder / BESTS).read_bytes() == b""
    assert last_best(folder, LENGTH).size == 0


def test_logs_of_older_versions(folder: Path) -> None:
    add_best(folder, 1)
    add_row(folder, 1, 0.0, "1,4,0.5,0.5,0,0,0\n")
    add_row(folder, 2, 0.0, "2,8,0.5,0.5,0,0,0,3\n")
    book = Logbook(folder, LENGTH)
    assert [row.rescored for row in book.rows()] == [0, 3]
    assert all(math.isnan(row.mean_score) for row in book.rows())


def test_without_the_first_genome_there_is_nothing_to_look_at(folder: Path) -> None:
    add_row(folder, 1, 0.0)
    add_row(folder, 2, 0.0)
    add_best(folder, 2)
    assert len(Logbook(folder, LENGTH)) == 0


def test_a_damaged_record_is_told(folder: Path) -> None:
    add_best(folder, 1)
    add_row(folder, 1, 0.0)
    book = Logbook(folder, LENGTH)
    path = folder / BESTS
    path.write_bytes(path.read_bytes()[:4] + b"\xff" * 4 * LENGTH)
    with pytest.raises(ValueError, match="damaged at generation 1"):
        book.genome(1)


@pytest.mark.parametrize("written", ["_read_log", "_read_bests"])
def test_what_is_written_while_the_files_are_read_is_seen_whole_or_later(
    folder: Path, monkeypatch: pytest.MonkeyPatch, written: str
) -> None:
    """A generation whose row is seen has its own genome, not the one before's."""
    add_best(folder, 1)
    add_row(folder, 1, 1.0)
    book = Logbook(folder, LENGTH)
    read = getattr(Logbook, written)

    def write_and_read(self: Logbook) -> None:
        add_best(folder, 2)
        add_row(folder, 2, 2.0)
        read(self)

    with monkeypatch.context() as patch:
        patch.setattr(Logbook, written, write_and_read)
        book.refresh()
    last = len(book)
    assert np.array_equal(book.genome(book.leader(last)), genome(last))
    book.refresh()
    assert len(book) == 2
    assert np.array_equal(book.genome(2), genome(2))
