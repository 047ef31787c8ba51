"""What keys and mouse mean in the window: no pygame, so that each is a word and a place."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from evonsfw.layout import Hit, Layout, layout
from evonsfw.live import Live
from evonsfw.moment import PICTURE, POPULATION, SHAPES, Look, Moment, Shown
from evonsfw.painter import Painted, Subject
from evonsfw.shapes import Canvas

STRIDE = 10
"""Generations that the arrow keys take with Shift."""
EVERY = (1, 2, 5, 10, 20, 50, 100, 200, 500, 1000)
"""Every how many generations the best picture is kept, from + to −."""
NO_POPULATION = "the population is there only while the run goes on, in its own window"
Act = Callable[[Callable[[], str]], None]


class Controls:
    """Turns keys and clicks into what is looked at and what is done.

    Args:
        live: the run: stopped by Q.
        subject: what is looked at.
        canvas: width and height that were scored.
        act: does something that may take long, in a thread of its own, and tells what comes of it.
        fullscreen: fills the screen with the window, or no longer; whether it is filled.

    Attributes:
        look: what keys and mouse have set.
    """

    def __init__(
        self,
        live: Live,
        subject: Subject,
        canvas: Canvas,
        act: Act,
        fullscreen: Callable[[], bool],
    ) -> None:
        self._live, self._subject, self._canvas = live, subject, canvas
        self._act, self._fullscreen = act, fullscreen
        self._filled = self._dragging = False
        self._cursor: int | None = None
        self._pinned = False
        self._every = 0
        self._painted: Painted | None = None
        self.look = Look()
        self._keys: dict[str, Callable[[], None]] = {
            "space": subject.pause,
            "n": subject.step,
            "left": lambda: self._scrub(-1),
            "right": lambda: self._scrub(1),
            "shift left": lambda: self._scrub(-STRIDE),
            "shift right": lambda: self._scrub(STRIDE),
            "home": lambda: self._seek(1),
            "end": lambda: self._seek(None),
            "b": lambda: self._with_shown(subject.branch),
            "s": lambda: self._with_shown(subject.save),
            "l": lambda: self._with_shown(subject.like),
            "p": self._population,
            "e": self._shapes,
            "f": self._fill,
            "+": lambda: self._keep(-1),
            "-": lambda: self._keep(1),
            "tab": lambda: self._set(hud=not self.look.hud),
            "h": lambda: self._set(keys=not self.look.keys),
            "escape": self._leave,
            "q": lambda: live.stop("Q was pressed", by_hand=True),
        }

    def on_screen(self, painted: Painted) -> None:
        """Say what is seen: that is what keys and clicks are about."""
        self._painted = painted

    def key(self, name: str) -> None:
        """A key was pressed; names as in the help sheet, in small letters."""
        action = self._keys.get(name)
        if action is not None:
            action()

    def press(self, position: tuple[int, int]) -> None:
        """The mouse was pressed at a place of the window."""
        hit = self._target(position)
        if hit is None or self._painted is None:
            return
        if self.look.keys:
            self._set(keys=False)
        elif hit.kind in ("graph", "thumbnail"):
            self._dragging = hit.kind == "graph"
            self._seek(hit.number)
        elif hit.kind == "individual":
            self._choose(self._painted.moment, hit.number)
        elif self.look.mode == POPULATION:
            self._population()

    def move(self, position: tuple[int, int] | None) -> None:
        """The mouse is at a place of the window, or outside."""
        if self._painted is None:
            return
        if self._dragging and position is not None:
            self._seek(self._layout().generation_at(position[0], self._painted.moment))
        hover = position if position is not None and self._matters(position) else None
        if hover != self.look.hover:
            self._set(hover=hover)

    def release(self) -> None:
        """The mouse was let go of."""
        self._dragging = False

    @property
    def busy(self) -> bool:
        """Whether somebody is looking at something else than how the run goes on."""
        away = self._cursor is not None or self.look.mode != PICTURE
        return away or self._dragging or self.look.keys

    def _layout(self) -> Layout:
        assert self._painted is not None
        height, width = self._painted.frame.shape[:2]
        return layout(self._canvas, (width, height), self._painted.look)

    def _target(self, position: tuple[int, int]) -> Hit | None:
        if self._painted is None:
            return None
        return self._layout().target(position, self._painted.moment)

    def _matters(self, position: tuple[int, int]) -> bool:
        """Whether a frame looks different with the mouse there: drawing it costs."""
        if self.look.mode == SHAPES:
            return True
        hit = self._target(position)
        return hit is not None and hit.kind != "picture"

    def _set(self, **changes: object) -> None:
        self.look = replace(self.look, **changes)  # type: ignore[arg-type]

    def _with_shown(self, action: Callable[[Shown], str]) -> None:
        """Do something with what is seen."""
        if self._painted is not None:
            shown = self._painted.moment.shown
            self._act(lambda: action(shown))

    def _seek(self, number: int | None) -> None:
        """Go to a generation; at the end of the graph, follow the run, but not while its shapes are
        weighed: that takes longer than the next best takes to come.
        """
        if self._painted is None:
            return
        if number is not None and number >= int(self._painted.moment.chart.numbers[-1]):
            number = None
        if self.look.mode == POPULATION:
            self._set(mode=PICTURE, chosen=None)
        self._set(chosen=None)
        self._cursor = number
        self._pinned = number is None and self.look.mode == SHAPES
        self._subject.seek(self._painted.moment.generation if self._pinned else number)

    def _scrub(self, generations: int) -> None:
        """Go on from where the last key has gone, whether that is on the screen yet or not."""
        if self._painted is not None:
            number = self._cursor or self._painted.moment.shown.number
            self._seek(max(1, number + generations))

    def _population(self) -> None:
        """Show the population, or go back from an individual to all, from all to the picture."""
        if self._painted is None:
            return
        if self.look.mode == POPULATION and self.look.chosen is None:
            self._set(mode=PICTURE)
        elif self._painted.moment.population:
            self._set(mode=POPULATION, chosen=None)
        else:
            self._live.say(NO_POPULATION)
            return
        self._cursor = None
        self._subject.seek(None)

    def _choose(self, moment: Moment, index: int) -> None:
        """Look at one of the population, as it is, whatever becomes of the run."""
        score = moment.scores[index] if index < len(moment.scores) else float("nan")
        shown = replace(
            moment.shown,
            number=moment.generation,
            genome=moment.population[index],
            score=score,
            past=True,
            liked=False,
        )
        self._subject.hold(replace(moment, shown=shown))
        self._set(chosen=index)

    def _shapes(self) -> None:
        """Show what each shape of the picture contributes, and keep that picture; or go back."""
        if self.look.mode != SHAPES:
            if self._painted is not None and self.look.chosen is None:
                self._subject.hold(self._painted.moment)
            self._set(mode=SHAPES)
        elif self.look.chosen is not None:
            self._set(mode=POPULATION)
        else:
            self._set(mode=PICTURE)
            self._subject.hold(None)
            if self._pinned:
                self._seek(None)

    def _fill(self) -> None:
        self._filled = self._fullscreen()

    def _keep(self, step: int) -> None:
        """Keep pictures more often, or less."""
        if self._painted is None:
            return
        every = self._every or self._painted.moment.every
        place = min(range(len(EVERY)), key=lambda index: abs(EVERY[index] - every))
        count = EVERY[min(max(0, place + step), len(EVERY) - 1)]
        self._every = count
        self._live.say(self._subject.keep_every(count))

    def _leave(self) -> None:
        """Close what is open; where nothing is, end."""
        if self.look.keys:
            self._set(keys=False)
        elif self.look.mode == SHAPES:
            self._shapes()
        elif self.look.mode == POPULATION:
            self._population()
        elif self._filled:
            self._fill()
        else:
            self._live.stop("Esc was pressed", by_hand=True)
