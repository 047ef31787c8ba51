"""What the loop and its viewers share: the latest record, the curve, the rate, pause and stop."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator

import numpy as np
import pytest

from evonsfw.generation import Champion, Generation, read_only
from evonsfw.live import RATE_WINDOW, Branch, Live


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
    assert snapshot.generation.best_so_far.score == 0.5
    assert not snapshot.paused
    assert snapshot.message == ""


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
    """Every moment is of one piece: its rate is that of the generation beside it."""
    live = Live()
    seen = []

    def look() -> None:
        while not live.finished.is_set():
            snapshot = live.snapshot()
            if snapshot is not None:
                seen.append(snapshot)

    thread = threading.Thread(target=look)
    thread.start()
    for number in range(1, 400):
        live.publish(_generation(number, score=float(number)))
    live.finished.set()
    thread.join()
    assert live.snapshot().generation.number == 399
    assert all(snapshot.rate == 10.0 for snapshot in seen)


def test_one_step_holds_a_running_loop_after_its_generation() -> None:
    live = Live()
    live.step()
    assert live.paused
    passed = _passing(live, 1)
    assert next(passed) == 0
    live.stop("enough")
    assert next(passed) == 1


def test_steps_let_a_held_loop_go_on_for_as_many_generations() -> None:
    live = Live()
    live.toggle_pause()
    live.step()
    live.step()
    passed = _passing(live, 3)
    assert next(passed) == 2
    assert live.paused
    live.toggle_pause()
    assert next(passed) == 3


def test_going_on_forgets_the_steps_that_were_left() -> None:
    live = Live()
    live.step()
    live.step()
    live.toggle_pause()
    live.wait_while_paused()
    live.toggle_pause()
    assert next(passed := _passing(live, 1)) == 0
    live.stop("enough")
    assert next(passed) == 1


def _passing(live: Live, generations: int) -> Iterator[int]:
    """How many generations a loop comes past its pause: first those that it comes past until it
    is held for good, then all of them.
    """
    held = threading.Event()
    wait_for = live._changed.wait_for

    def told(predicate: Callable[[], bool]) -> bool:
        if not predicate():
            held.set()
        return wait_for(predicate)

    live._changed.wait_for = told
    count = 0

    def loop() -> None:
        nonlocal count
        for _ in range(generations):
            live.wait_while_paused()
            count += 1

    thread = threading.Thread(target=loop)
    thread.start()
    held.wait()
    yield count
    thread.join()
    yield count


def test_a_branch_ends_the_run_by_hand() -> None:
    live = Live()
    live.toggle_pause()
    assert live.branch is None
    branch = Branch(np.zeros(3, np.float32), 42, 0.5)
    live.branch_off(branch)
    assert live.branch is branch
    assert live.stopped_by_hand
    assert live.stop_reason == "branched at generation 42"
    live.wait_while_paused()
