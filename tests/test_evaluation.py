"""Inline and pool: the same numbers, whoever does the work and whoever dies doing it."""

from __future__ import annotations

import dataclasses
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import pytest
from killing import kill_a_busy_worker

from evonsfw.composition import compose
from evonsfw.cores import usable_cores
from evonsfw.crew import (
    CAPACITY,
    MAX_DEATHS,
    CancelledError,
    Crew,
    EvaluationError,
    Task,
    _groups,
)
from evonsfw.evaluation import LANE, Evaluator, Inline, Pool, open_evaluator
from evonsfw.genome import Encoding
from evonsfw.model_spec import read_spec
from evonsfw.objectives import Goal
from evonsfw.pipeline import Job

ENCODING = Encoding(("triangles",), 4)
CANVAS = (32, 24)
MANY = CAPACITY + 44
"""More genomes than fit into shared memory at a time, and no multiple of any batch size."""


def never() -> bool:
    return False


@pytest.fixture(scope="module")
def job(tiny_model: Callable[..., Path]) -> Job:
    return Job(ENCODING, CANVAS, "highest", Goal(1, "green"), read_spec(str(tiny_model())))


@pytest.fixture(scope="module")
def likeness() -> Job:
    target = np.random.default_rng(3).integers(0, 256, (*CANVAS[::-1], 3), np.uint8)
    return Job(ENCODING, CANVAS, "likeness", Goal(target=target), None)


@pytest.fixture(scope="module")
def genomes() -> np.ndarray:
    return compose(ENCODING, np.random.default_rng(5), MANY)


@pytest.fixture(scope="module")
def pool(job: Job) -> Iterator[Pool]:
    """Two workers, for the tests that leave them as they were."""
    with closing(Pool(job, 2)) as pool:
        yield pool


def assert_same(evaluator: Evaluator, job: Job, genomes: np.ndarray, tolerance: float) -> None:
    """Fitness and scores equal those of one genome after another in this process."""
    expected = Inline(job).evaluate(genomes, never)
    found = evaluator.evaluate(genomes, never)
    np.testing.assert_allclose(found.fitness, expected.fitness, rtol=0, atol=tolerance)
    np.testing.assert_allclose(found.scores, expected.scores, rtol=0, atol=tolerance)


def test_inline_scores_each_genome_as_if_it_were_alone(job: Job, genomes: np.ndarray) -> None:
    whole = Inline(job).evaluate(genomes[:5], never)
    alone = [Inline(job).evaluate(genomes[i : i + 1], never) for i in range(5)]
    assert whole.fitness.tolist() == [part.fitness[0] for part in alone]
    assert whole.scores.tolist() == [part.scores[0] for part in alone]
    assert len(set(whole.scores)) == 5


@pytest.mark.parametrize("count", [1, 7, MANY])
def test_two_workers_give_the_same_bits(
    pool: Pool, job: Job, genomes: np.ndarray, count: int
) -> None:
    assert_same(pool, job, genomes[:count], 0.0)


def test_likeness_with_one_worker_gives_the_same_bits(likeness: Job, genomes: np.ndarray) -> None:
    with closing(open_evaluator(likeness, 1)) as evaluator:
        assert isinstance(evaluator, Pool)
        assert_same(evaluator, likeness, genomes, 0.0)


def test_without_workers_everything_is_inline(job: Job, likeness: Job) -> None:
    assert isinstance(open_evaluator(job, 0), Inline)
    assert isinstance(open_evaluator(dataclasses.replace(likeness, backend="cuda"), 0), Inline)


def test_a_killed_worker_is_replaced_and_its_slices_done_again(
    job: Job, genomes: np.ndarray
) -> None:
    with closing(Pool(job, 2)) as pool:
        crew = pool._crew
        killed: list[int] = []

        def kill_one() -> bool:
            if not killed:
                killed.append(kill_a_busy_worker(crew))
            return False

        found = pool.evaluate(genomes[:40], kill_one)
        expected = Inline(job).evaluate(genomes[:40], never)
        assert found.fitness.tolist() == expected.fitness.tolist()
        assert crew.deaths == 1
        assert len(crew._workers) == 2
        assert killed[0] not in [worker.process.pid for worker in crew._workers]


def test_a_batch_that_no_worker_tells_the_end_of_is_finished_all_the_same(
    job: Job, genomes: np.ndarray, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two workers that end at a time may each miss the other's mark."""
    post = Crew._post

    def unmarked(crew: Crew, tasks: Iterable[Task]) -> None:
        post(crew, [task._replace(base=sys.maxsize) for task in tasks])

    monkeypatch.setattr(Crew, "_post", unmarked)
    with closing(Pool(job, 2)) as pool:
        assert_same(pool, job, genomes[:9], 0.0)


@pytest.mark.parametrize(
    ("unit", "groups"),
    [
        (1, [[(0, 4)], [(4, 8)], [(8, 9)]]),
        (5, [[(0, 4), (4, 8)], [(8, 9)]]),
        (9, [[(0, 4), (4, 8), (8, 9)]]),
    ],
)
def test_slices_are_waited_for_in_groups(unit: int, groups: list[Any]) -> None:
    slices = [(0, 4), (4, 8), (8, 9)]
    assert _groups(slices, unit) == groups


def test_a_slice_that_kills_three_workers_ends_the_run(
    job: Job, genomes: np.ndarray, monkeypatch: pytest.MonkeyPatch
) -> None:
    start = Crew._start

    def start_and_kill(crew: Crew, place: int) -> Any:
        worker = start(crew, place)
        worker.process.kill()
        return worker

    monkeypatch.setattr(Crew, "_start", start_and_kill)
    with closing(Pool(job, 1)) as pool:
        with pytest.raises(EvaluationError, match=r"3 times.*evonsfw resume"):
            pool.evaluate(genomes[:1], never)
        assert pool._crew.deaths == MAX_DEATHS


@pytest.mark.parametrize(
    ("folder", "named"), [("gone", "gone"), ("\udcff", "udcff"), ("/".join(99 * ["€"]), "€")]
)
def test_an_error_in_a_worker_is_told_whatever_it_names(
    job: Job, genomes: np.ndarray, tmp_path: Path, folder: str, named: str
) -> None:
    assert job.model is not None
    gone = job.model.model_copy(update={"folder": str(tmp_path / folder)})
    broken = Job(job.encoding, job.canvas, job.objective, job.goal, gone)
    told = rf"a worker failed: ValueError: .*{named}.*not found"
    with closing(Pool(broken, 1)) as pool, pytest.raises(EvaluationError, match=told):
        pool.evaluate(genomes[:2], never)


def test_a_crew_whose_worker_cannot_be_replaced_still_closes(
    job: Job, genomes: np.ndarray, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(_crew: Crew, _place: int) -> Any:
        raise OSError("no more processes")

    with closing(Pool(job, 2)) as pool:
        pool._crew._workers[0].process.kill()
        monkeypatch.setattr(Crew, "_start", full)
        with pytest.raises(OSError, match="no more processes"):
            pool.evaluate(genomes[:8], never)


def test_a_cancelled_evaluation_stops_at_the_next_slice(job: Job, genomes: np.ndarray) -> None:
    answers = iter([False, True])
    with closing(Inline(job)) as evaluator, pytest.raises(CancelledError):
        evaluator.evaluate(genomes, lambda: next(answers))
    assert next(answers, None) is None


def test_a_pool_is_cancelled_and_leaves_nothing_behind(job: Job, genomes: np.ndarray) -> None:
    children = {child.pid for child in psutil.Process().children()}
    pool = Pool(job, 1)
    blocks = [Path("/dev/shm") / name.lstrip("/") for name, _ in pool._crew._board.names]
    workers = [worker.process.pid for worker in pool._crew._workers]
    with pytest.raises(CancelledError):
        pool.evaluate(genomes, lambda: True)
    if blocks[0].parent.is_dir():
        assert all(block.exists() for block in blocks)
    pool.close()
    pool.close()
    assert not any(block.exists() for block in blocks)
    left = {child.pid for child in psutil.Process().children()} - children
    assert not left & set(workers)


def test_ctrl_c_is_not_for_workers_not_even_while_they_start(pool: Pool) -> None:
    for worker in pool._crew._workers:
        status = Path(f"/proc/{worker.process.pid}/status")
        if not status.is_file():
            pytest.skip("no /proc here")
        fields = dict(line.split(":\t") for line in status.read_text().splitlines())
        assert int(fields["SigBlk"], 16) >> (signal.SIGINT - 1) & 1
    assert signal.SIGINT not in signal.pthread_sigmask(signal.SIG_BLOCK, ())


def test_there_is_at_least_one_usable_core() -> None:
    assert 1 <= usable_cores() <= (os.cpu_count() or 1)


@pytest.mark.parametrize("sizes", [(3, 2, 3, 2), (LANE, LANE, 1), (LANE + 1, LANE, MANY, 5)])
def test_a_batch_that_was_begun_ahead_is_scored_as_any_other(
    pool: Pool, job: Job, genomes: np.ndarray, sizes: tuple[int, ...]
) -> None:
    batches = [genomes[i : i + size] for i, size in enumerate(sizes)]
    expected = [Inline(job).evaluate(batch, never) for batch in batches]
    pool.begin(batches[0])
    for i, batch in enumerate(batches):
        if i + 1 < len(batches):
            pool.begin(batches[i + 1])
        found = pool.evaluate(batch, never)
        assert found.fitness.tolist() == expected[i].fitness.tolist()
        assert found.scores.tolist() == expected[i].scores.tolist()


def test_workers_that_die_before_they_know_their_job_end_the_run(tmp_path: Path) -> None:
    script = tmp_path / "dies.py"
    script.write_text(
        "import os\n"
        "if __name__ != '__main__':\n"
        "    os._exit(9)\n"
        "import numpy as np\n"
        "from evonsfw.evaluation import Pool\n"
        "from evonsfw.genome import Encoding\n"
        "from evonsfw.objectives import Goal\n"
        "from evonsfw.pipeline import Job\n"
        "target = np.zeros((512, 512, 3), np.uint8)  # more than a pipe holds\n"
        "job = Job(Encoding(n=1), (512, 512), 'likeness', Goal(target=target), None)\n"
        "pool = Pool(job, 1)\n"
        "pool.evaluate(np.zeros((1, job.encoding.length), np.float32), lambda: False)\n",
        encoding="utf-8",
    )
    done = subprocess.run(
        [sys.executable, str(script)], capture_output=True, text=True, timeout=100, check=False
    )
    assert f"a worker died {MAX_DEATHS} times" in done.stderr
