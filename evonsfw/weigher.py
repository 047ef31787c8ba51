"""What each shape contributes, worked out in a thread of its own while somebody looks at it."""

from __future__ import annotations

import contextlib
import math
import os
import sys
import threading
from collections import OrderedDict
from collections.abc import Callable
from typing import TYPE_CHECKING

from evonsfw.genome import Encoding, Genome, genome_hash
from evonsfw.moment import Contributions
from evonsfw.shapes import Canvas

if TYPE_CHECKING:
    from evonsfw.pipeline import Pipeline

NICENESS = 10
"""Of the threads that weigh, where threads have one of their own: the frame that says how far they
are comes first.
"""
REMEMBERED = 64
"""Genomes whose contributions are not worked out again."""


class Weigher:
    """One at a time: asking for another genome gives up the one in work.

    Args:
        open_pipeline: opens a reference pipeline for this class alone, in a thread; called until
            it succeeds once. Its ValueError is told in the window.
        encoding: what the genes mean.
        canvas: width and height in pixels that were scored.
    """

    def __init__(
        self, open_pipeline: Callable[[], Pipeline], encoding: Encoding, canvas: Canvas
    ) -> None:
        self._open, self._encoding, self._canvas = open_pipeline, encoding, canvas
        self._pipeline: Pipeline | None = None
        self._in_use = threading.Lock()
        self._wanted = ""
        self._state: Contributions | None = None
        self._known: OrderedDict[str, tuple[float, ...]] = OrderedDict()
        self._scores: dict[str, float] = {}
        self._threads: list[threading.Thread] = []

    def weigh(self, genome: Genome) -> None:
        """Begin with a genome, unless it is known or in work already."""
        code = genome_hash(genome)
        if code == self._wanted:
            return
        self._wanted = code
        known = self._known.get(code)
        self._state = Contributions(code, known, self._encoding.n if known else 0)
        if known is None:
            self._begin(lambda: self._work(genome, code))

    def give_up(self) -> None:
        """Give up what is in work; another `weigh` begins again."""
        self._wanted, self._state = "", None

    def close(self) -> None:
        """Give up, and wait until the threads have heard of it."""
        self.give_up()
        for thread in self._threads:
            thread.join()

    @property
    def state(self) -> Contributions | None:
        """What was asked for last, and how far it is."""
        return self._state

    def known(self, genome: Genome) -> tuple[float, ...]:
        """The contributions of a genome's shapes; empty where they were not worked out."""
        return self._known.get(genome_hash(genome), ())

    def score(self, genome: Genome) -> float:
        """The score that people see of a genome, by the reference.

        Raises:
            ValueError: the pipeline cannot be opened.
        """
        with self._in_use:
            return float(self._opened().evaluate(genome[None]).scores[0])

    def score_soon(self, genome: Genome) -> float:
        """The same, or NaN until it is known; asking begins to work it out."""
        code = genome_hash(genome)
        if code not in self._scores:
            self._scores[code] = math.nan

            def work() -> None:
                with contextlib.suppress(ValueError, OSError, RuntimeError, ImportError):
                    self._scores[code] = self.score(genome)

            self._begin(work)
        return self._scores[code]

    def _begin(self, work: Callable[[], None]) -> None:
        def modestly() -> None:
            if sys.platform == "linux":
                os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), NICENESS)
            work()

        thread = threading.Thread(target=modestly, name="weigher", daemon=True)
        self._threads = [*(one for one in self._threads if one.is_alive()), thread]
        thread.start()

    def _opened(self) -> Pipeline:
        if self._pipeline is None:
            self._pipeline = self._open()
        return self._pipeline

    def _work(self, genome: Genome, code: str) -> None:
        """Weigh one genome, for as long as it is the one that is wanted."""

        def heard(done: int) -> bool:
            self._tell(Contributions(code, None, done))
            return self._wanted == code

        try:
            from evonsfw.contribution import contributions  # brings the classifier's runtime along

            with self._in_use:
                if self._wanted != code:
                    return
                whole = contributions(self._opened(), genome, self._encoding, self._canvas, heard)
        except (ValueError, OSError, RuntimeError, ImportError) as error:
            self._tell(Contributions(code, None, 0, " ".join(str(error).split())))
            return
        if whole is not None:
            self._known[code] = whole
            if len(self._known) > REMEMBERED:
                self._known.popitem(last=False)
            self._tell(Contributions(code, whole, self._encoding.n))

    def _tell(self, state: Contributions) -> None:
        if self._wanted == state.genome_hash:
            self._state = state
