"""The painter: frames of the newest moment, in its thread; sketches where frames are large."""

from __future__ import annotations

import queue
import time
from collections.abc import Callable, Iterator
from dataclasses import replace

import numpy as np
import pytest

from evonsfw import painter as painter_module
from evonsfw.genome import Encoding
from evonsfw.moment import Chart, Look, Moment, Shown, View
from evonsfw.painter import Painted, Painter
from evonsfw.scene import draw

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

    def __init__(self, pace: float = 1000.0, share: float = 1.0) -> None:
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


def test_frames_take_no_more_than_their_share_and_keys_do_not_wait() -> None:
    bench = Bench(share=1e-9)
    try:
        bench.now = moment_of(1)
        bench.next()
        bench.now = moment_of(2)
        time.sleep(0.3)
        assert bench.idle
        bench.painter.wake()  # somebody has pressed a key
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
