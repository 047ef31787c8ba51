"""The pygame window: a thin shell over `scene`. It belongs to the main thread.

Frames are drawn in a thread of its own, so that a large window or a slow frame never delays a
key. The main thread sleeps until there is a frame to show, and looks for keys and mouse in between.
"""

from __future__ import annotations

import math
import os
import sys
import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor

from evonsfw.controls import Controls
from evonsfw.live import Live
from evonsfw.moment import View
from evonsfw.painter import Painted, Painter, Subject
from evonsfw.shapes import Canvas

os.environ.setdefault("PYGAME_HIDE_SUPPORT_PROMPT", "1")
os.environ.setdefault("SDL_VIDEO_X11_WMCLASS", "evonsfw")  # else it is named after the script
if sys.platform == "linux" and os.environ.get("SDL_VIDEODRIVER", "x11") == "x11":
    # Without a GPU's driver, SDL would draw the window with OpenGL on all cores.
    os.environ.setdefault("SDL_FRAMEBUFFER_ACCELERATION", "0")
import pygame  # the lines above must come first

GLANCE = 0.02
"""Seconds after which the main thread looks for keys and mouse. pygame's own waiting looks a
thousand times a second, which takes 3% of a core."""
QUICK, AWAKE = 0.002, 2.0
"""Seconds instead, for so many seconds after somebody has done something: more will come."""
FRAMES_PER_SECOND = 5.0
"""How often the painter draws what the run has come to, at most."""
SHARE = 0.0125
"""Of a core, about what such frames may take: each costs what scoring could use. What keys and
mouse change is drawn at once."""
FIRST_SIZE = (1180, 760)
"""Of the window, in pixels: with its frame it fits a laptop's screen of 1280x800."""
MESSAGE_SECONDS = 4.0
"""How long a line such as "saved …" stays."""
HOLD_SECONDS = 6.0
"""How long the last picture stays when a run has reached its end by itself and nobody stirs."""
STAYING = "the run is over: any key or click keeps this window open"
REPEAT = (300, 40)
"""Milliseconds until a key that is held down repeats, and between repeats."""
REPEATING = frozenset({"left", "right", "shift left", "shift right", "n"})
NAMES = {
    pygame.K_SPACE: "space",
    pygame.K_LEFT: "left",
    pygame.K_RIGHT: "right",
    pygame.K_HOME: "home",
    pygame.K_END: "end",
    pygame.K_TAB: "tab",
    pygame.K_ESCAPE: "escape",
    pygame.K_PLUS: "+",
    pygame.K_KP_PLUS: "+",
    pygame.K_EQUALS: "+",
    pygame.K_MINUS: "-",
    pygame.K_KP_MINUS: "-",
    **{getattr(pygame, f"K_{letter}"): letter for letter in "befhlnpqs"},
}
"""The controls' names of keys."""


class Window:
    """Opens on creation, on the main thread.

    Args:
        live: the run.
        view: how to draw it.
        subject: what is looked at.
        hold: seconds that the last picture stays once the run is over; infinite for a window that
            stays until somebody closes it.
        pace: frames a second, at most, where nobody touches anything.
        share: of a core, about what such frames may take; infinite for no limit.

    Raises:
        RuntimeError: no window can be opened here.
    """

    def __init__(
        self,
        live: Live,
        view: View,
        subject: Subject,
        hold: float | None = None,
        pace: float = FRAMES_PER_SECOND,
        share: float = SHARE,
    ) -> None:
        self._live, self._subject = live, subject
        self._hold = HOLD_SECONDS if hold is None else hold
        self._message, self._message_left = "", math.inf
        self._down: set[str] = set()
        self._stirred = self._ended = False
        self._still = 0.0
        try:
            pygame.display.init()
            self._surface = pygame.display.set_mode(_fitting(FIRST_SIZE), pygame.RESIZABLE)
        except pygame.error as error:
            raise RuntimeError(f"no window can be opened: {error}") from None
        pygame.display.set_caption("evonsfw")
        pygame.key.set_repeat(*REPEAT)
        self._windowed = self._surface.get_size()
        self._called = threading.Event()
        self._hands = ThreadPoolExecutor(1, thread_name_prefix="hands")
        self._controls = Controls(live, subject, view.canvas, self._act, self._toggle_fullscreen)
        size = self._surface.get_size()
        self._painter = Painter(subject.moment, view, size, pace, share, self._called.set)

    def run(self) -> None:
        """Show the run until it is over; returns at its end, after holding the last picture."""
        clock = pygame.time.Clock()
        try:
            while not self._over():
                self._called.wait(QUICK if self._still < AWAKE else GLANCE)
                self._called.clear()
                for event in pygame.event.get():
                    self._handle(event)
                    self._still = 0.0
                self._show()
                self._pass(clock.tick() / 1000.0)
        finally:
            self._close()

    def _over(self) -> bool:
        """Whether to close: what somebody still looks at stays open."""
        if not self._live.finished.is_set():
            return False
        return self._live.stopped_by_hand or (self._hold <= 0.0 and not self._stirred)

    def _pass(self, seconds: float) -> None:
        """Let time pass."""
        self._still += seconds
        self._fade(seconds)
        if not self._live.finished.is_set():
            self._stirred = self._controls.busy  # what was touched before the end does not count
            return
        if not self._ended and math.isfinite(self._hold) and not self._stirred:
            self._live.say(STAYING)
            self._painter.wake()
        self._ended = True
        self._hold -= seconds

    def _close(self) -> None:
        self._painter.close()
        self._hands.shutdown()
        self._subject.close()
        pygame.display.quit()

    def _act(self, action: Callable[[], str]) -> None:
        """Do something that may take long, and tell what comes of it."""

        def tell(done: Future[str]) -> None:
            self._live.say(done.result() if done.exception() is None else str(done.exception()))
            self._painter.wake()

        self._hands.submit(action).add_done_callback(tell)

    def _handle(self, event: pygame.event.Event) -> None:
        """React to one event."""
        before = self._controls.look
        if event.type == pygame.QUIT:
            self._live.stop("the window was closed", by_hand=True)
        elif event.type in (pygame.VIDEORESIZE, pygame.WINDOWSIZECHANGED):
            self._resized()
        elif event.type == pygame.WINDOWEXPOSED:
            pygame.display.flip()
        elif event.type == pygame.WINDOWLEAVE:
            self._controls.move(None)
        elif event.type == pygame.MOUSEMOTION:
            self._controls.move(event.pos)
        elif event.type == pygame.MOUSEBUTTONUP and event.button == pygame.BUTTON_LEFT:
            self._controls.release()
        elif event.type == pygame.KEYUP:
            self._down.discard(NAMES.get(event.key, ""))
        elif event.type == pygame.MOUSEBUTTONDOWN and event.button == pygame.BUTTON_LEFT:
            self._stirred = True
            self._controls.press(event.pos)
            self._painter.wake()
        elif event.type == pygame.KEYDOWN:
            self._stirred = True
            self._press(event)
            self._painter.wake()
        if self._controls.look != before:
            self._painter.show(self._controls.look)
        elif event.type == pygame.MOUSEMOTION and event.buttons[0]:
            self._painter.wake()

    def _press(self, event: pygame.event.Event) -> None:
        """React to a key; one that is held down counts once, but for a few."""
        written = getattr(event, "unicode", "")
        key = written if written in ("+", "-") and written else NAMES.get(event.key, "")
        shift = key in ("left", "right") and getattr(event, "mod", 0) & pygame.KMOD_SHIFT
        name = f"shift {key}" if shift else key
        if name in REPEATING or key not in self._down:
            self._controls.key(name)
        self._down.add(NAMES.get(event.key, ""))

    def _resized(self) -> None:
        self._surface = pygame.display.get_surface() or self._surface
        self._painter.resize(self._surface.get_size())

    def _toggle_fullscreen(self) -> bool:
        """Fill the screen with the window, or no longer; whether it is filled."""
        if pygame.display.is_fullscreen():
            for _ in range(2):  # the first time, pygame keeps the size of the screen
                pygame.display.set_mode(self._windowed, pygame.RESIZABLE)
        else:
            self._windowed = self._surface.get_size()
            pygame.display.set_mode((0, 0), pygame.FULLSCREEN)
        self._resized()
        return bool(pygame.display.is_fullscreen())

    def _fade(self, passed: float) -> None:
        """Take a message away when its time is over."""
        if self._live.message != self._message:
            self._message = self._live.message
            self._message_left = self._hold if self._message == STAYING else MESSAGE_SECONDS
        self._message_left -= passed
        if self._message and self._message_left <= 0.0:
            self._live.say("")
            self._painter.wake()

    def _show(self) -> None:
        painted = self._painter.take()
        if painted is not None:
            self._put(painted)

    def _put(self, painted: Painted) -> None:
        """Bring a frame to the screen; from then on, clicks are about it."""
        height, width = painted.frame.shape[:2]
        picture = pygame.image.frombuffer(painted.frame.data, (width, height), "RGB")
        if (width, height) != self._surface.get_size():
            self._surface.fill((0, 0, 0))
        self._surface.blit(picture, (0, 0))
        pygame.display.flip()
        self._controls.on_screen(painted)


def _fitting(size: Canvas) -> Canvas:
    """The first size, made smaller where the desktop is."""
    desktop = pygame.display.get_desktop_sizes()[0]
    return min(size[0], max(320, desktop[0] - 40)), min(size[1], max(320, desktop[1] - 40))
