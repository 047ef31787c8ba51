"""A GPU's owner, with onnxruntime in its place: batches are cut alike, whoever prepares them."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from killing import kill_a_busy_worker

from evonsfw import evaluation
from evonsfw.backends import load_backend
from evonsfw.classifier import BatchScorer
from evonsfw.composition import compose
from evonsfw.crew import CancelledError
from evonsfw.evaluation import (
    LANE,
    OWNER_BATCH,
    OWNER_LANES,
    Inline,
    Owner,
    Pool,
    open_evaluator,
    owner_lane,
)
from evonsfw.genome import Encoding
from evonsfw.model_spec import read_spec
from evonsfw.objectives import Goal
from evonsfw.pipeline import Evaluation, Job
from evonsfw.preparation import input_shape

ENCODING = Encoding(("triangles",), 4)
CANVAS = (32, 24)
BATCHES = (4, 8)
"""Sizes of batches of the stand-in: nearly all genomes below need padding somewhere."""
SMALL = 32
"""Genomes of a lane: four of the largest batches, two of them in each half."""
COUNTS = (1, 5, 8, 13, SMALL, SMALL + 1, 75)


def never() -> bool:
    return False


@pytest.fixture(scope="module")
def job(tiny_model: Callable[..., Path]) -> Job:
    return Job(ENCODING, CANVAS, "highest", Goal(1, "green"), read_spec(str(tiny_model())))


@pytest.fixture(scope="module")
def genomes() -> np.ndarray:
    return compose(ENCODING, np.random.default_rng(5), COUNTS[-1])


def scorer_of(job: Job) -> BatchScorer:
    assert job.model is not None
    return BatchScorer(job.model, "onnxruntime", BATCHES)


@pytest.fixture(scope="module")
def inline(job: Job) -> Inline:
    return Inline(job, scorer_of(job))


@pytest.fixture(scope="module", params=[1, 2])
def owner(job: Job, request: pytest.FixtureRequest) -> Iterator[Owner]:
    """One and two workers, for the tests that leave them as they were."""
    with closing(Owner(job, request.param, scorer_of(job), SMALL)) as owner:
        yield owner


def assert_same_bits(found: Evaluation, expected: Evaluation) -> None:
    assert found.fitness.tolist() == expected.fitness.tolist()
    assert found.scores.tolist() == expected.scores.tolist()


@pytest.mark.parametrize("count", COUNTS)
def test_without_workers_it_agrees_with_the_reference(
    inline: Inline, job: Job, genomes: np.ndarray, count: int
) -> None:
    found = inline.evaluate(genomes[:count], never)
    expected = Inline(job).evaluate(genomes[:count], never)
    np.testing.assert_allclose(found.scores, expected.scores, rtol=0, atol=1e-5)
    np.testing.assert_allclose(found.fitness, expected.fitness, rtol=0, atol=1e-4)
    assert len(set(found.scores)) == count


def test_workers_change_no_bit(owner: Owner, inline: Inline, genomes: np.ndarray) -> None:
    for count in COUNTS:
        expected = inline.evaluate(genomes[:count], never)
        assert_same_bits(owner.evaluate(genomes[:count], never), expected)


@pytest.mark.parametrize(
    "sizes", [(3, 2, 3, 2), (SMALL, SMALL, 1), (SMALL + 1, SMALL, 75, 5), (75, 75, 75)]
)
def test_two_batches_may_be_begun(
    owner: Owner, inline: Inline, genomes: np.ndarray, sizes: tuple[int, ...]
) -> None:
    batches = [np.roll(genomes, 7 * i, axis=0)[:size] for i, size in enumerate(sizes)]
    owner.begin(batches[0])
    for batch, following in zip(batches, [*batches[1:], None], strict=True):
        if following is not None:
            owner.begin(following)
        assert_same_bits(owner.evaluate(batch, never), inline.evaluate(batch, never))


def test_results_stay_as_they_were_handed_out(owner: Owner, genomes: np.ndarray) -> None:
    first = owner.evaluate(genomes[:9], never)
    before = Evaluation(first.fitness.copy(), first.scores.copy())
    owner.evaluate(genomes[20:50], never)
    assert_same_bits(first, before)


def test_no_workers_are_cancelled_at_the_next_batch(inline: Inline, genomes: np.ndarray) -> None:
    answers = iter([False, True])
    with pytest.raises(CancelledError):
        inline.evaluate(genomes, lambda: next(answers))
    assert next(answers, None) is None


@pytest.mark.parametrize("count", [9, 75])
def test_an_owner_is_cancelled_with_batches_begun_and_closed_twice(
    job: Job, genomes: np.ndarray, count: int
) -> None:
    owner = Owner(job, 1, scorer_of(job), SMALL)
    blocks = [Path("/dev/shm") / name.lstrip("/") for name, _ in owner._crew._board.names]
    workers = [worker.process for worker in owner._crew._workers]
    owner.begin(genomes[:count])
    owner.begin(genomes[:count])
    with pytest.raises(CancelledError):
        owner.evaluate(genomes[:count], lambda: True)
    owner.close()
    owner.close()
    assert not any(block.exists() for block in blocks)
    assert not any(worker.is_alive() for worker in workers)


def test_a_killed_worker_of_an_owner_is_replaced(
    job: Job, inline: Inline, genomes: np.ndarray
) -> None:
    with closing(Owner(job, 1, scorer_of(job), SMALL)) as owner:
        killed: list[int] = []

        def kill_one() -> bool:
            if not killed:
                killed.append(kill_a_busy_worker(owner._crew))
            return False

        found = owner.evaluate(genomes, kill_one)
        assert_same_bits(found, inline.evaluate(genomes, never))
        assert owner._crew.deaths == 1


@pytest.mark.parametrize("workers", [0, 1])
def test_what_the_gpu_fails_with_is_told(job: Job, genomes: np.ndarray, workers: int) -> None:
    scorer = scorer_of(job)
    scorer._network = lambda _: (_ for _ in ()).throw(RuntimeError("out of memory"))
    evaluator = Owner(job, workers, scorer, SMALL) if workers else Inline(job, scorer)
    with closing(evaluator), pytest.raises(RuntimeError, match="out of memory"):
        evaluator.evaluate(genomes, never)


def test_a_model_for_one_picture_at_a_time_is_owned_too(
    tiny_model: Callable[..., Path], job: Job, genomes: np.ndarray
) -> None:
    model = read_spec(str(tiny_model(batch=1)))
    alone = dataclasses.replace(job, model=model)
    expected = Inline(alone).evaluate(genomes[:11], never)
    assert_same_bits(Inline(alone, scorer_of(alone)).evaluate(genomes[:11], never), expected)
    with closing(Owner(alone, 1, scorer_of(alone), SMALL)) as owner:
        assert_same_bits(owner.evaluate(genomes[:11], never), expected)


def free_memory(monkeypatch: pytest.MonkeyPatch, folder: Path, amount: int) -> None:
    monkeypatch.setattr(evaluation, "SHARED_MEMORY", folder)
    monkeypatch.setattr(
        "shutil.disk_usage", lambda path: SimpleNamespace(free=amount * (path == folder))
    )


@pytest.mark.parametrize(("inputs", "lane"), [(4096, 512), (2048, 512), (2047, 256), (1024, 256)])
def test_a_lane_fits_into_shared_memory(
    job: Job, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, inputs: int, lane: int
) -> None:
    """`inputs` fit into all that is free; two lanes may take half of it."""
    assert job.model is not None
    free_memory(monkeypatch, tmp_path, inputs * int(np.prod(input_shape(job.model))) * 4)
    assert owner_lane(job.model) == lane
    assert lane // 2 % OWNER_BATCH == 0


def test_too_little_shared_memory_is_refused(
    on_a_gpu: Job, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    free_memory(monkeypatch, tmp_path, 0)
    with pytest.raises(ValueError, match=r"0 MB are free.*--shm-size.*--workers 0"):
        open_evaluator(on_a_gpu, 2)


def test_where_memory_is_not_a_folder_a_lane_is_as_large_as_any(
    job: Job, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    assert job.model is not None
    monkeypatch.setattr(evaluation, "SHARED_MEMORY", tmp_path / "none")
    assert owner_lane(job.model) == OWNER_LANES[0]


@pytest.fixture
def on_a_gpu(job: Job, monkeypatch: pytest.MonkeyPatch) -> Job:
    """The job on a backend that says it is a GPU's."""
    gpu, cpu = load_backend("webgpu"), load_backend("onnxruntime")
    monkeypatch.setattr(gpu, "open_network", cpu.open_network)
    return dataclasses.replace(job, backend="webgpu")


@pytest.mark.parametrize("free", [0, 2**40])
def test_sizes_do_not_depend_on_memory(
    on_a_gpu: Job, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, free: int
) -> None:
    free_memory(monkeypatch, tmp_path, free)
    evaluator = open_evaluator(on_a_gpu, 0)
    assert isinstance(evaluator, Inline)
    assert evaluator._scorer is not None
    assert evaluator._scorer.sizes == (8, 16, 32, 64, OWNER_BATCH)


def test_an_owner_is_opened_where_the_backend_is_a_gpus(on_a_gpu: Job, genomes: np.ndarray) -> None:
    assert on_a_gpu.model is not None
    expected = open_evaluator(on_a_gpu, 0).evaluate(genomes, never)
    with closing(open_evaluator(on_a_gpu, 2)) as owner:
        assert isinstance(owner, Owner)
        assert not isinstance(owner, Pool)
        assert len(owner._crew.genomes) == len(owner._crew.inputs) == 2 * owner_lane(on_a_gpu.model)
        assert_same_bits(owner.evaluate(genomes, never), expected)


def test_a_pool_is_opened_where_the_backend_is_a_cpus(job: Job) -> None:
    with closing(open_evaluator(job, 1)) as pool:
        assert isinstance(pool, Pool)
        assert len(pool._crew.genomes) == 2 * LANE
        assert not pool._crew.inputs.size
