"""What the loop and its viewers share: the latest record, the curve, the rate, pause and stop."""

from __future__ import annotations

import threading

import numpy as np
import pytest

from evonsfw import live as live_module
from evonsfw.generation import Champion, Generation, read_only
from evonsfw.live import RATE_WINDOW, Live


def _generation(number: int, score: float = 0.5, seconds: float | None = None) -> Generation:
    """A record in which ten pictures were scored a generation, one generation a second."""
    champion = Champion(read_only(np.zeros(3, np.float32)), score, score, 1)
    return Generation(
        number=number,
        evaluations=10 * number,
        seconds=float(number) if seconds is None else seconds,
        best=champion,
        best_so_far=champion,
        mean_fitness=0.0,
        std_fitness=0.0,
        genomes=np.zeros((1, 3), np.float32),
        fitness=np.zeros(1),
    )


def test_nothing_before_the_first_generation() -> None:
    assert Live().snapshot() is None


def test_a_snapshot_is_of_the_latest() -> None:
    live = Live()
    for number in range(1, 4):
        live.publish(_generation(number, score=number / 10))
    snapshot = live.snapshot()
    assert snapshot.generation.number == 3
    assert snapshot.curve == (0.1, 0.2, 0.3)
    assert not snapshot.paused
    assert snapshot.message == ""


def test_a_snapshot_stays_as_it_was() -> None:
    live = Live()
    live.publish(_generation(1))
    snapshot = live.snapshot()
    live.publish(_generation(2))
    live.toggle_pause()
    live.say("saved")
    assert snapshot.generation.number == 1
    assert len(snapshot.curve) == 1
    assert not snapshot.paused
    assert snapshot.message == ""


def _curve(count: int, first: int = 1) -> tuple[float, ...]:
    """The curve after `count` generations; each score is its own number."""
    live = Live()
    for number in range(first, first + count):
        live.publish(_generation(number, score=float(number)))
    return live.snapshot().curve


@pytest.mark.parametrize("count", [1, 2, 15, 16, 17, 18, 33, 34, 100, 1000])
@pytest.mark.parametrize("first", [1, 8, 1001])
def test_the_curve_is_thinned_evenly(
    count: int, first: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """From the first generation to the latest; only the last step may be shorter."""
    monkeypatch.setattr(live_module, "HISTORY", 16)
    curve = _curve(count, first)
    assert len(curve) <= 17
    assert len(curve) >= min(count, 8)
    assert curve[0] == first
    assert curve[-1] == first + count - 1
    steps = np.diff(curve)
    assert len(set(steps[:-1])) <= 1
    assert np.all(steps > 0)
    assert np.all(steps <= (steps[0] if len(steps) else 0))


def test_the_rate_is_of_the_last_seconds() -> None:
    live = Live()
    for number in range(1, 21):
        live.publish(_generation(number))
    assert live.snapshot().rate == pytest.approx(10.0)
    for number in range(21, 80):
        live.publish(_generation(number, seconds=20 + (number - 20) / 2))
    assert live.snapshot().rate == pytest.approx(20.0, rel=0.1)
    assert RATE_WINDOW > 0


@pytest.mark.parametrize(("seconds", "rate"), [(0.0, 0.0), (2.0, 5.0)])
def test_the_rate_of_one_generation(seconds: float, rate: float) -> None:
    live = Live()
    live.publish(_generation(1, seconds=seconds))
    assert live.snapshot().rate == rate


def test_the_rate_after_a_long_generation() -> None:
    live = Live()
    for number, seconds in ((1, 1.0), (2, 2.0), (3, 102.0)):
        live.publish(_generation(number, seconds=seconds))
    assert live.snapshot().rate == pytest.approx(0.1)


def test_pause_holds_the_loop_until_it_goes_on() -> None:
    live = Live()
    live.wait_while_paused()
    live.publish(_generation(1))
    live.toggle_pause()
    assert live.paused
    assert live.snapshot().paused
    passed = threading.Event()

    def loop() -> None:
        live.wait_while_paused()
        passed.set()

    thread = threading.Thread(target=loop)
    thread.start()
    assert not passed.is_set()
    live.toggle_pause()
    thread.join()
    assert passed.is_set()
    assert not live.paused


def test_stop_ends_a_pause() -> None:
    live = Live()
    live.toggle_pause()
    live.stop("enough")
    live.wait_while_paused()
    assert live.stopping()
    assert not live.paused


def test_the_first_reason_counts() -> None:
    live = Live()
    assert live.stop_reason is None
    assert not live.stopping()
    live.stop("goal reached")
    live.stop("window closed", by_hand=True)
    assert live.stop_reason == "goal reached"
    assert live.stopped_by_hand


def test_by_hand_is_remembered() -> None:
    live = Live()
    live.stop("Q was pressed", by_hand=True)
    live.stop("goal reached")
    assert live.stopped_by_hand
    assert live.stop_reason == "Q was pressed"


def test_ending_by_itself_is_not_by_hand() -> None:
    live = Live()
    live.stop("goal reached")
    assert not live.stopped_by_hand
    assert not live.finished.is_set()


def test_messages_stay_until_the_next() -> None:
    live = Live()
    live.publish(_generation(1))
    live.say("saved a.png")
    live.publish(_generation(2))
    assert live.snapshot().message == "saved a.png"
    live.say("saved b.png")
    assert live.snapshot().message == "saved b.png"


def test_publishing_and_looking_from_two_threads() -> None:
    """Every moment is of one piece: the curve's end is the score of the record beside it."""
    live = Live()
    seen = []

    def look() -> None:
        while not live.finished.is_set():
            snapshot = live.snapshot()
            if snapshot is not None:
                seen.append((snapshot.generation.best_so_far.score, snapshot.curve[-1]))

    thread = threading.Thread(target=look)
    thread.start()
    for number in range(1, 400):
        live.publish(_generation(number, score=float(number)))
    live.finished.set()
    thread.join()
    assert live.snapshot().curve[-1] == 399.0
    assert all(score == last for score, last in seen)
