"""A run's past: graph and thumbnails of any length, pictures of every generation, rewound runs."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from evonsfw import past as past_module
from evonsfw.logbook import BESTS, COLUMNS, LOG, best_record
from evonsfw.past import POINTS, THUMBNAILS, Past

LENGTH = 4


def genome(number: int) -> np.ndarray:
    return np.full(LENGTH, (number % 97) / 97, np.float32)


def write(folder: Path, numbers: range, changes: int = 1) -> None:
    """Append generations; every `changes`-th has another best than the one before."""
    log, bests = folder / LOG, folder / BESTS
    if not log.exists():
        log.write_text(COLUMNS + "\n")
    with log.open("a") as rows, bests.open("ab") as records:
        for number in numbers:
            leader = number - (number - 1) % changes
            if leader == number:
                records.write(best_record(number, genome(number)))
            score = leader / (leader + 1)
            rows.write(f"{number},{4 * number},{number / 8:.3f},{score:.6f},{leader},0,0,0,0.25\n")


def test_before_the_first_generation_there_is_nothing(tmp_path: Path) -> None:
    (tmp_path / LOG).write_text(COLUMNS + "\n")
    past = Past(tmp_path, LENGTH)
    assert len(past) == 0
    assert past.chart() is None
    assert past.thumbnails(last=True) == ()
    assert past.problem == ""


def test_every_generation_is_shown_with_the_best_until_then(tmp_path: Path) -> None:
    write(tmp_path, range(1, 11), changes=3)
    past = Past(tmp_path, LENGTH)
    for number, leader in [(1, 1), (3, 1), (4, 4), (9, 7), (10, 10)]:
        shown = past.shown(number)
        assert (shown.number, shown.past, shown.liked) == (number, True, False)
        assert np.array_equal(shown.genome, genome(leader))
        assert shown.score == round(leader / (leader + 1), 6)
        assert (shown.evaluations, shown.seconds, shown.mean_score) == (
            4 * number,
            number / 8,
            0.25,
        )
        assert past.leader(number) == leader
    assert past.rate() == 32.0


def test_a_long_run_is_thinned_and_keeps_its_ends(tmp_path: Path) -> None:
    write(tmp_path, range(1, 100_001), changes=1000)
    past = Past(tmp_path, LENGTH)
    chart = past.chart()
    assert chart is not None
    assert len(chart.numbers) == len(chart.best) == len(chart.mean) == POINTS
    assert (chart.numbers[0], chart.numbers[-1]) == (1, 100_000)
    assert np.all(np.diff(chart.numbers) > 0)
    assert np.all(np.diff(chart.best) >= 0)
    numbers = [number for number, _ in past.thumbnails(last=True)]
    assert len(numbers) <= THUMBNAILS
    assert numbers[0] == 1
    assert numbers[-1] == 100_000
    for number in range(1, 100_001, 1000):
        past.shown(number)
    assert len(past._genomes) <= past_module.REMEMBERED


def test_few_genomes_are_remembered(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(past_module, "REMEMBERED", 5)
    write(tmp_path, range(1, 31))
    past = Past(tmp_path, LENGTH)
    for number in range(1, 31):
        assert np.array_equal(past.shown(number).genome, genome(number))
    assert len(past._genomes) == 5


def test_thumbnails_stay_while_the_run_grows(tmp_path: Path) -> None:
    write(tmp_path, range(1, 101))
    past = Past(tmp_path, LENGTH)
    before = [number for number, _ in past.thumbnails(last=False)]
    assert len(before) > THUMBNAILS // 2
    write(tmp_path, range(101, 181))
    assert past.refresh()
    after = [number for number, _ in past.thumbnails(last=False)]
    assert set(after) & set(before) == set(before)


def test_a_run_that_grows_and_one_that_is_rewound(tmp_path: Path) -> None:
    write(tmp_path, range(1, 11))
    past = Past(tmp_path, LENGTH)
    assert not past.refresh()
    assert np.array_equal(past.shown(6).genome, genome(6))
    for path in (tmp_path / LOG, tmp_path / BESTS):
        path.rename(path.with_suffix(".old"))
    write(tmp_path, range(1, 5))
    with (tmp_path / BESTS).open("ab") as file:
        file.write(best_record(5, genome(50)))
        file.write(best_record(6, genome(60)))
    with (tmp_path / LOG).open("a") as file:
        file.write("5,20,1,0.9,50,0,0,0,0.5\n6,24,1,0.9,60,0,0,0,0.5\n")
    assert past.refresh()
    assert len(past) == 6
    chart = past.chart()
    assert chart is not None
    assert chart.numbers.tolist() == [1, 2, 3, 4, 5, 6]
    assert np.array_equal(past.shown(6).genome, genome(60))


def test_damaged_genomes_are_left_out_of_the_thumbnails(tmp_path: Path) -> None:
    write(tmp_path, range(1, 6))
    size = (tmp_path / BESTS).stat().st_size // 5
    with (tmp_path / BESTS).open("r+b") as file:
        file.seek(size + 4)
        file.write(b"\xff" * 8)
    past = Past(tmp_path, LENGTH)
    assert [number for number, _ in past.thumbnails(last=True)] == [1, 3, 4, 5]
    with pytest.raises(ValueError, match="damaged at generation 2"):
        past.shown(2)
    given = past.shown(2, genome(9))
    assert np.array_equal(given.genome, genome(9))


def test_without_genomes_there_is_a_graph_and_a_reason(tmp_path: Path) -> None:
    write(tmp_path, range(1, 6))
    (tmp_path / BESTS).unlink()
    past = Past(tmp_path, LENGTH)
    assert len(past) == 0
    assert "bests.bin is missing" in past.problem
    chart = past.chart()
    assert chart is not None
    assert chart.numbers.tolist() == [1, 2, 3, 4, 5]
    assert past.thumbnails(last=True) == ()
