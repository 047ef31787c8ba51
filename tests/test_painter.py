"""The painter: frames of the newest moment, in its thread; sketches where frames are large."""

from __future__ import annotations

import math
import queue
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from evonsfw import painter as painter_module
from evonsfw.genome import Encoding
from evonsfw.moment import Chart, Look, Moment, Shown, View
from evonsfw.painter import Painted, Painter
from evonsfw.scene import Frame, draw

ENCODING = Encoding(("triangles",), 12)
VIEW = View(ENCODING, (32, 32), "nsfw", 1)
SIZE = (300, 200)


def moment_of(number: int, message: str = "") -> Moment:
    genome = np.random.default_rng(number).random(ENCODING.length, np.float32)
    shown = Shown(number, genome, 0.5, 0.25, number, 1.0)
    one = np.array([0.5])
    return Moment(
        number, number, 1.0, False, False, message, shown, Chart(np.ones(1, int), one, one)
    )


class Bench:
    """A painter, and the frames that it has called for in order."""

    def __init__(self, pace: float = 1000.0, share: float = math.inf) -> None:
        self.now: Moment | None = None
        self.asked = 0
        self._drawn: queue.Queue[Painted | None] = queue.Queue()
        self.painter = Painter(self._moment, VIEW, SIZE, pace, share, self._keep)

    def _moment(self, _look: Look) -> Moment | None:
        now = self.now
        self.asked += 1
        return now

    def _keep(self) -> None:
        """Take each frame before the next one could take its place."""
        self._drawn.put(self.painter.take())

    def next(self) -> Painted:
        """The next frame that is drawn."""
        painted = self._drawn.get(timeout=60)
        assert painted is not None
        return painted

    @property
    def idle(self) -> bool:
        return self._drawn.empty()


@pytest.fixture
def bench() -> Iterator[Bench]:
    bench = Bench()
    yield bench
    bench.painter.close()


def test_nothing_is_drawn_before_there_is_a_moment(bench: Bench) -> None:
    while bench.asked < 5:
        pass
    assert bench.idle
    assert bench.painter.take() is None


def test_frames_are_those_of_the_scene(bench: Bench) -> None:
    for number in (1, 2):
        bench.now = moment_of(number)
        painted = bench.next()
        assert painted.moment is bench.now
        assert np.array_equal(painted.frame, draw(bench.now, VIEW, Look(), SIZE))
    assert bench.painter.take() is None


def test_what_looks_the_same_is_drawn_once(bench: Bench) -> None:
    bench.now = moment_of(1)
    bench.next()
    bench.now, asked = moment_of(1), bench.asked
    while bench.asked < asked + 5:
        pass
    assert bench.idle


CHANGES: list[Callable[[Moment], Moment]] = [
    lambda one: replace(one, paused=True),
    lambda one: replace(one, finished=True),
    lambda one: replace(one, message="saved"),
    lambda one: replace(one, every=5),
    lambda one: replace(one, liked=frozenset([1])),
    lambda one: replace(one, thumbnails=((1, one.shown.genome),)),
    lambda one: replace(one, shown=replace(one.shown, liked=True)),
    lambda one: replace(one, shown=replace(one.shown, past=True)),
    lambda one: replace(one, shown=replace(one.shown, near=True)),
    lambda one: replace(one, shown=replace(one.shown, score=0.75)),
    lambda one: replace(one, shown=replace(one.shown, drawing=ENCODING.decode(one.shown.genome))),
]


@pytest.mark.parametrize("change", CHANGES)
def test_whatever_changes_a_frame_is_drawn(
    bench: Bench, change: Callable[[Moment], Moment]
) -> None:
    bench.now = moment_of(1)
    bench.next()
    bench.now = change(bench.now)
    assert bench.next().moment is bench.now


class Clocks:
    """What a painter takes the time from; a frame costs what is set, and waiting takes no time."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now, self.spent, self.cost, self.looks = 0.0, 0.0, 0.02, 0
        monkeypatch.setattr(painter_module, "time", self)
        monkeypatch.setattr(painter_module, "draw", self._drawn)

    def monotonic(self) -> float:
        self.looks += 1
        return self.now

    def thread_time(self) -> float:
        return self.spent

    def _drawn(self, *arguments: Any) -> Frame:
        self.spent += self.cost
        return draw(*arguments)


@pytest.fixture
def clocks(monkeypatch: pytest.MonkeyPatch) -> Clocks:
    return Clocks(monkeypatch)


def polled(bench: Bench, clocks: Clocks) -> bool:
    """Whether the painter asks for a moment, now that it had time to."""
    asked, looks = bench.asked, clocks.looks
    while clocks.looks < looks + 5 and bench.asked == asked:
        pass
    return bench.asked > asked


@pytest.mark.parametrize(("cost", "rest"), [(0.002, 0.1), (0.01, 0.5), (5.0, 2.0)])
def test_the_longer_a_frame_takes_the_later_is_the_next(
    clocks: Clocks, cost: float, rest: float
) -> None:
    clocks.cost = cost
    bench = Bench(share=0.02)
    try:
        bench.now = moment_of(1)
        bench.next()
        bench.now = moment_of(2)
        clocks.now += 0.99 * rest
        assert not polled(bench, clocks)
        assert bench.idle
        clocks.now += 0.02 * rest
        assert bench.next().moment is bench.now
    finally:
        bench.painter.close()


def test_keys_do_not_wait_for_their_frame(clocks: Clocks) -> None:
    bench = Bench(share=1e-9)
    try:
        bench.now = moment_of(1)
        bench.next()
        bench.now = moment_of(2)
        assert not polled(bench, clocks)
        bench.painter.wake()
        assert bench.next().moment is bench.now
    finally:
        bench.painter.close()


@pytest.mark.parametrize("standing", [{"paused": True}, {"finished": True}])
def test_a_run_that_stands_leaves_time_for_frames(clocks: Clocks, standing: Any) -> None:
    bench = Bench(share=1e-9)
    try:
        bench.now = replace(moment_of(1), **standing)
        bench.next()
        bench.now = replace(moment_of(2), **standing)
        assert bench.next().moment is bench.now
    finally:
        bench.painter.close()


def test_another_look_or_size_is_drawn_at_once() -> None:
    bench = Bench(pace=1e-6)
    try:
        bench.now = moment_of(1)
        bench.painter.wake()
        bench.next()
        look = Look(hud=False)
        bench.painter.show(look)
        assert bench.next().look == look
        bench.painter.resize((120, 90))
        assert bench.next().frame.shape == (90, 120, 3)
        bench.painter.resize((0, 0))
        assert bench.next().frame.shape == (1, 1, 3)
    finally:
        bench.painter.close()


def test_a_large_frame_is_sketched_first_where_somebody_waits(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(painter_module, "LARGE", 10_000)
    bench = Bench(pace=1e-6)
    try:
        while not bench.asked:
            pass
        bench.now = moment_of(7)
        bench.painter.wake()
        frames = [bench.next().frame]
        whole = draw(bench.now, VIEW, Look(), SIZE)
        while not np.array_equal(frames[-1], whole):
            frames.append(bench.next().frame)
        assert len(frames) >= 2
        sketch = frames[0].astype(int)
        assert 0 < np.abs(sketch - whole).mean() < 20
        assert bench.idle
    finally:
        bench.painter.close()


def test_a_defect_is_raised_where_frames_are_taken(bench: Bench) -> None:
    bench.now = replace(moment_of(1), shown=None)  # type: ignore[arg-type]
    bench.painter._thread.join()
    with pytest.raises(AttributeError):
        bench.painter.take()
