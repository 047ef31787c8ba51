"""The recorder: what is written when, in which order, and what a failure leaves."""

from __future__ import annotations

import errno
import threading
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from evonsfw import recorder
from evonsfw.config import make_config
from evonsfw.generation import Champion, Generation
from evonsfw.recorder import Recorder
from evonsfw.runs import RunFolder, create_run, load_state
from evonsfw.search import State
from evonsfw.stage import complete

NEVER = 1e9


@pytest.fixture
def folder(tmp_path: Path) -> RunFolder:
    config = complete(make_config({"n": 3, "size": 16, "seed": 1}))
    return create_run(config, tmp_path / "run", "evonsfw", "")


@pytest.fixture
def clerk(folder: RunFolder) -> Iterator[Recorder]:
    one = Recorder(folder)
    yield one
    one.close()


def record(clerk: Recorder, folder: RunFolder, *numbers: int, seconds: float = 1.0) -> None:
    """Generations, each the best so far, so many seconds apart."""
    for number in numbers:
        genome = np.full(folder.config.encoding.length, 1.0 / number, np.float32)
        best = Champion(genome, float(number), 0.5, number)
        fitness = np.array([best.fitness])
        counts = number, number * 4, number * seconds
        one = Generation(*counts, best, best, 0.0, 0.0, genome[None], fitness)
        clerk.record(one, {"generation": number})


def rows(folder: RunFolder) -> list[str]:
    lines = (folder.path / "log.csv").read_text(encoding="utf-8").splitlines()
    return [line.split(",")[0] for line in lines[1:]]


def genomes(folder: RunFolder) -> int:
    record = 4 + 4 * folder.config.encoding.length
    return (folder.path / "bests.bin").stat().st_size // record


def pictures(folder: RunFolder) -> list[str]:
    return sorted(path.name for path in (folder.path / "generations").iterdir())


def test_a_fast_run_is_written_now_and_then(
    folder: RunFolder, clerk: Recorder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(recorder, "PAUSE_SECONDS", NEVER)
    record(clerk, folder, 1)
    clerk.write_queued()
    clerk._settle()
    assert rows(folder) == ["1"]
    record(clerk, folder, 2, 3)
    clerk.write_queued()
    assert rows(folder) == ["1"]
    clerk.write_queued(now=True)
    clerk._settle()
    assert rows(folder) == ["1", "2", "3"]
    assert genomes(folder) == 3
    assert pictures(folder) == [f"gen_0000{number}.png" for number in (1, 2, 3)]


def test_what_waits_is_written_once_the_disk_is_free(
    folder: RunFolder, clerk: Recorder, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Though no further generation comes, as in a run whose generations take long."""
    monkeypatch.setattr(recorder, "PAUSE_SECONDS", 0.0)
    free, write = threading.Event(), recorder.save_state

    def slow(path: Path, state: State) -> None:
        assert free.wait(30.0)
        write(path, state)

    monkeypatch.setattr(recorder, "save_state", slow)
    record(clerk, folder, 1)
    clerk.write_queued()
    record(clerk, folder, 2)
    clerk.write_queued()
    assert clerk._writing is not None
    assert rows(folder) in ([], ["1"])
    free.set()
    assert clerk._writing.exception() is None
    clerk.write_queued()
    clerk._settle()
    assert rows(folder) == ["1", "2"]


def test_the_loop_waits_for_a_disk_that_is_far_behind(
    folder: RunFolder, clerk: Recorder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(recorder, "PAUSE_SECONDS", NEVER)
    monkeypatch.setattr(recorder, "QUEUE", 3)
    record(clerk, folder, 1)
    clerk.write_queued()
    record(clerk, folder, *range(2, 12))
    assert len(clerk._queue) <= 3
    clerk._settle()
    assert len(rows(folder)) + len(clerk._queue) == 11


def test_no_checkpoint_is_ahead_of_the_log(
    folder: RunFolder, clerk: Recorder, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A run that is killed right after any checkpoint has the rows and genomes that it needs."""
    seen, write = [], recorder.save_state

    def looking(path: Path, state: State) -> None:
        seen.append((state["generation"], len(rows(folder)), genomes(folder)))
        write(path, state)

    monkeypatch.setattr(recorder, "save_state", looking)
    record(clerk, folder, 1, 2, 3, 4, 5, 6, seconds=0.6)
    clerk.close()
    assert seen == [(number, number, number) for number in (1, 3, 5, 6)]


def test_after_a_failure_nothing_more_is_written(
    folder: RunFolder, clerk: Recorder, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_picture = folder.write_picture

    def fail_once(path: Path, champion: Champion) -> None:
        if champion.generation == 2:
            raise OSError(errno.ENOSPC, "No space left on device")
        write_picture(path, champion)

    monkeypatch.setattr(folder, "write_picture", fail_once)
    with pytest.raises(OSError, match="No space left"):  # noqa: PT012  # raised here or there
        for number in (1, 2, 3, 4):
            record(clerk, folder, number)
            clerk.write_queued(now=number % 2 == 0)
        clerk.close()
    clerk.close()
    assert load_state(folder.path / "checkpoint")["generation"] == 1
    assert rows(folder) == ["1"]
    assert pictures(folder) == ["gen_00001.png"]


def test_a_row_that_could_not_be_written_is_not_written_again(
    folder: RunFolder, clerk: Recorder, monkeypatch: pytest.MonkeyPatch
) -> None:
    texts: list[str] = []

    class Full:
        def write(self, text: str) -> None:
            texts.append(text)
            raise OSError(errno.ENOSPC, "No space left on device")

        def flush(self) -> None:
            """Nothing is held back."""

        def close(self) -> None:
            """Nothing is open."""

    monkeypatch.setattr(clerk, "_log", Full())
    record(clerk, folder, 1, 2)
    with pytest.raises(OSError, match="No space left"):
        clerk.close()
    assert [text.split(",")[0] for text in texts] == ["1"]
