"""The weigher: contributions of one genome at a time, given up when nobody waits for them."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

from evonsfw.config import make_config
from evonsfw.contribution import contributions
from evonsfw.genome import genome_hash
from evonsfw.moment import Contributions
from evonsfw.pipeline import Pipeline
from evonsfw.reference import reference_of
from evonsfw.weigher import Weigher

N = 20


class Bench:
    """A weigher whose pipeline can be held, and that counts how often it is opened."""

    def __init__(self, model: Path) -> None:
        self.config = make_config({"classifier": str(model), "n": N, "size": 32})
        self.pipeline = reference_of(self.config)[1]
        self.opened = 0
        self.free = threading.Event()
        self.free.set()
        self.failure: Exception | None = None
        self.weigher = Weigher(self._open, self.config.encoding, self.config.canvas)

    def _open(self) -> Pipeline:
        self.opened += 1
        self.free.wait()
        if self.failure is not None:
            raise self.failure
        return self.pipeline

    def genome(self, seed: int) -> np.ndarray:
        return np.random.default_rng(seed).random(self.config.encoding.length, np.float32)

    def by_hand(self, genome: np.ndarray) -> tuple[float, ...] | None:
        config = self.config
        return contributions(self.pipeline, genome, config.encoding, config.canvas)

    def join(self) -> None:
        for thread in self.weigher._threads:
            thread.join()

    def state(self) -> Contributions:
        state = self.weigher.state
        assert state is not None
        return state


@pytest.fixture
def bench(tiny_model: Callable[..., Path]) -> Iterator[Bench]:
    bench = Bench(tiny_model())
    yield bench
    bench.free.set()
    bench.weigher.close()


def test_nothing_is_opened_before_somebody_asks(bench: Bench) -> None:
    assert bench.weigher.state is None
    assert bench.weigher.known(bench.genome(1)) == ()
    assert bench.opened == 0


def test_it_comes_to_what_leaving_out_by_hand_gives(bench: Bench) -> None:
    genome = bench.genome(1)
    bench.weigher.weigh(genome)
    assert bench.state().genome_hash == genome_hash(genome)
    bench.join()
    expected = bench.by_hand(genome)
    assert bench.state() == Contributions(genome_hash(genome), expected, N)
    assert bench.weigher.known(genome) == expected


def test_what_is_known_is_not_worked_out_again(bench: Bench) -> None:
    genome = bench.genome(1)
    bench.weigher.weigh(genome)
    bench.weigher.weigh(genome)
    assert len(bench.weigher._threads) == 1
    bench.join()
    bench.weigher.give_up()
    assert bench.weigher.state is None
    bench.weigher.weigh(genome)
    assert bench.state().values == bench.by_hand(genome)
    assert bench.opened == 1


def test_another_genome_takes_the_place_of_the_one_in_work(bench: Bench) -> None:
    bench.free.clear()
    first, second = bench.genome(1), bench.genome(2)
    bench.weigher.weigh(first)
    bench.weigher.weigh(second)
    assert bench.state() == Contributions(genome_hash(second), None, 0)
    bench.free.set()
    bench.join()
    assert bench.state().values == bench.by_hand(second)
    assert bench.weigher.known(first) == ()


def test_giving_up_is_heard(bench: Bench) -> None:
    bench.free.clear()
    bench.weigher.weigh(bench.genome(1))
    bench.weigher.give_up()
    bench.free.set()
    bench.weigher.close()
    assert bench.weigher.state is None
    assert bench.weigher.known(bench.genome(1)) == ()


def test_what_hinders_it_is_told_and_asking_again_tries_again(bench: Bench) -> None:
    genome = bench.genome(1)
    bench.failure = ValueError("classifier tiny.onnx:\nno such file")
    bench.weigher.weigh(genome)
    bench.join()
    assert bench.state().message == "classifier tiny.onnx: no such file"
    assert bench.state().values is None
    bench.failure = None
    bench.weigher.give_up()
    bench.weigher.weigh(genome)
    bench.join()
    assert bench.state().values == bench.by_hand(genome)


def test_the_score_of_a_genome_is_the_references(bench: Bench) -> None:
    genome = bench.genome(3)
    expected = float(bench.pipeline.evaluate(genome[None]).scores[0])
    bench.free.clear()
    assert np.isnan(bench.weigher.score_soon(genome))
    bench.free.set()
    bench.join()
    assert bench.weigher.score_soon(genome) == bench.weigher.score(genome) == expected


def test_few_genomes_are_remembered(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("evonsfw.weigher.REMEMBERED", 2)
    for seed in range(4):
        bench.weigher.weigh(bench.genome(seed))
        bench.join()
    assert [bool(bench.weigher.known(bench.genome(seed))) for seed in range(4)] == [
        *(False, False, True, True)
    ]
