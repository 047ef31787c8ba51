"""What a running evolution and whoever watches it share: the latest record, pause, stop."""

from __future__ import annotations

import threading
from collections import deque
from dataclasses import dataclass

from evonsfw.generation import Generation

RATE_WINDOW = 10.0
"""Seconds over which scorings per second are averaged."""
HISTORY = 4096
"""Points of the score's curve that are kept; beyond, every second one is dropped."""


@dataclass(frozen=True)
class Snapshot:
    """One moment of a run, as a viewer needs it.

    Attributes:
        generation: the latest record.
        curve: best score so far, from the first generation to the latest, evenly thinned.
        rate: scorings per second over the last seconds.
        paused: whether the loop is held.
        message: one line that the viewer shows until the next one.
    """

    generation: Generation
    curve: tuple[float, ...]
    rate: float
    paused: bool
    message: str


class Live:
    """Safe to use from any thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._latest: Generation | None = None
        self._curve: list[float] = []
        self._stride = 1
        self._published = 0
        self._ticks: deque[tuple[float, int]] = deque()
        self._running = threading.Event()
        self._running.set()
        self._stop_reason: str | None = None
        self._by_hand = False
        self._message = ""
        self.finished = threading.Event()

    def publish(self, generation: Generation) -> None:
        """Show a new record to whoever watches."""
        with self._lock:
            self._latest = generation
            if self._published % self._stride == 0:
                self._curve.append(generation.best_so_far.score)
            self._published += 1
            if len(self._curve) > HISTORY:
                self._curve = self._curve[::2]
                self._stride *= 2
            self._ticks.append((generation.seconds, generation.evaluations))
            while generation.seconds - self._ticks[0][0] > RATE_WINDOW and len(self._ticks) > 2:
                self._ticks.popleft()

    def snapshot(self) -> Snapshot | None:
        """The latest moment, or None before the first generation."""
        with self._lock:
            if self._latest is None:
                return None
            curve = tuple(self._curve)
            if (self._published - 1) % self._stride:
                curve += (self._latest.best_so_far.score,)
            return Snapshot(self._latest, curve, self._rate(), self.paused, self._message)

    def _rate(self) -> float:
        (t0, n0), (t1, n1) = self._ticks[0], self._ticks[-1]
        if t1 > t0:
            return (n1 - n0) / (t1 - t0)
        return n1 / t1 if t1 > 0 else 0.0

    def say(self, message: str) -> None:
        """Have the viewer show one line."""
        with self._lock:
            self._message = message

    @property
    def paused(self) -> bool:
        """Whether the loop is held between generations."""
        return not self._running.is_set()

    def toggle_pause(self) -> None:
        """Hold the loop, or let it go on."""
        if self._running.is_set():
            self._running.clear()
        else:
            self._running.set()

    def wait_while_paused(self) -> None:
        """Called by the loop: returns at once unless paused."""
        self._running.wait()

    def stop(self, reason: str, by_hand: bool = False) -> None:
        """End the run soon; the first reason counts. `by_hand`: somebody asked for it."""
        with self._lock:
            if self._stop_reason is None:
                self._stop_reason = reason
            self._by_hand = self._by_hand or by_hand
        self._running.set()

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
