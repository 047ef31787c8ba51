"""What a running evolution and whoever watches it share: the latest record, pause, stop."""

from __future__ import annotations

import threading
from collections import deque
from dataclasses import dataclass
from typing import NamedTuple

from evonsfw.generation import Generation
from evonsfw.genome import Genome

RATE_WINDOW = 10.0
"""Seconds over which scorings per second are averaged."""


@dataclass(frozen=True)
class Snapshot:
    """One moment of a run, as a viewer needs it.

    Attributes:
        generation: the latest record.
        rate: scorings per second over the last seconds.
        paused: whether the loop is held.
        message: one line that the viewer shows until the next one.
    """

    generation: Generation
    rate: float
    paused: bool
    message: str


class Branch(NamedTuple):
    """Where a new run is to leave a run.

    Attributes:
        genome: (L,) float32, its first individual.
        generation: the one that it is taken from.
        score: as people see it.
    """

    genome: Genome
    generation: int
    score: float


class Live:
    """Safe to use from any thread."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._latest: Generation | None = None
        self._ticks: deque[tuple[float, int]] = deque()
        self._paused = False
        self._steps = 0
        self._stop_reason: str | None = None
        self._by_hand = False
        self._branch: Branch | None = None
        self._message = ""
        self.finished = threading.Event()

    def publish(self, generation: Generation) -> None:
        """Show a new record to whoever watches."""
        with self._changed:
            self._latest = generation
            self._ticks.append((generation.seconds, generation.evaluations))
            while generation.seconds - self._ticks[0][0] > RATE_WINDOW and len(self._ticks) > 2:
                self._ticks.popleft()

    def snapshot(self) -> Snapshot | None:
        """The latest moment, or None before the first generation."""
        with self._changed:
            if self._latest is None:
                return None
            return Snapshot(self._latest, self._rate(), self._paused, self._message)

    def _rate(self) -> float:
        (t0, n0), (t1, n1) = self._ticks[0], self._ticks[-1]
        if t1 > t0:
            return (n1 - n0) / (t1 - t0)
        return n1 / t1 if t1 > 0 else 0.0

    def say(self, message: str) -> None:
        """Have the viewer show one line."""
        with self._changed:
            self._message = message

    @property
    def message(self) -> str:
        """What the viewer was given to show last."""
        return self._message

    @property
    def paused(self) -> bool:
        """Whether the loop is held between generations, or for one generation let go."""
        return self._paused

    def toggle_pause(self) -> None:
        """Hold the loop, or let it go on."""
        with self._changed:
            self._paused, self._steps = not self._paused, 0
            self._changed.notify_all()

    def step(self) -> None:
        """Hold the loop after the generation in work; where it is held, after one more."""
        with self._changed:
            self._steps += self._paused
            self._paused = True
            self._changed.notify_all()

    def wait_while_paused(self) -> None:
        """Called by the loop after each generation: returns at once unless paused."""
        with self._changed:
            self._changed.wait_for(lambda: not self._paused or self._steps > 0)
            self._steps = max(0, self._steps - 1)

    def stop(self, reason: str, by_hand: bool = False) -> None:
        """End the run soon; the first reason counts. `by_hand`: somebody asked for it."""
        with self._changed:
            if self._stop_reason is None:
                self._stop_reason = reason
            self._by_hand = self._by_hand or by_hand
            self._paused, self._steps = False, 0
            self._changed.notify_all()

    def branch_off(self, branch: Branch) -> None:
        """End the run soon, and have a new one begin with one of its individuals."""
        self._branch = branch
        self.stop(f"branched at generation {branch.generation}", by_hand=True)

    @property
    def branch(self) -> Branch | None:
        """Where a new run is to begin, or None where nobody asked for one."""
        return self._branch

    @property
    def stopped_by_hand(self) -> bool:
        """Whether somebody asked for the end, so that nothing need stay on show."""
        return self._by_hand

    @property
    def stop_reason(self) -> str | None:
        """Why the run ends, or None while it goes on."""
        return self._stop_reason

    def stopping(self) -> bool:
        """Whether a stop was asked for."""
        return self._stop_reason is not None
