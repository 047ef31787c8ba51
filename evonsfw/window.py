"""The pygame window: a thin shell over `scene`. It belongs to the main thread.

Frames are drawn in a thread of its own, so that a large window or a slow frame never delays a
key; the main thread looks for events and for a frame to show, and sleeps in between.
"""

from __future__ import annotations

import os
import sys
import threading
from collections import deque
from collections.abc import Callable
from dataclasses import replace

from evonsfw.live import Live, Snapshot
from evonsfw.scene import Frame, View, draw
from evonsfw.shapes import Canvas

os.environ.setdefault("PYGAME_HIDE_SUPPORT_PROMPT", "1")
if sys.platform == "linux" and os.environ.get("SDL_VIDEODRIVER", "x11") == "x11":
    # Without a GPU's driver, SDL would draw the window with OpenGL on all cores.
    os.environ.setdefault("SDL_FRAMEBUFFER_ACCELERATION", "0")
import pygame  # the lines above must come first

LOOKS_PER_SECOND = 30
"""How often the main thread looks for events and frames: a key is answered within 33 ms."""
FRAMES_PER_SECOND = 8
"""How often the painter draws what the run has come to: each frame costs what scoring could use.
What a key changes is drawn at once."""
FIRST_SIZE = (712, 800)
MESSAGE_SECONDS = 4.0
"""How long a line such as "saved …" stays."""
HOLD_SECONDS = 3.0
"""How long the last picture stays when a run has reached its end by itself."""


class Painter:
    """Draws frames in a thread, always from the newest moment; older ones are skipped."""

    def __init__(self, live: Live, view: View, size: Canvas) -> None:
        self._live = live
        self._view = view
        self._size = size
        self._wake = threading.Event()
        self._ended = False
        self._newest: deque[Frame] = deque(maxlen=1)
        self._thread = threading.Thread(target=self._paint, name="painter", daemon=True)
        self._thread.start()

    def resize(self, size: Canvas) -> None:
        """Draw at this size from now on."""
        self._size = (max(1, size[0]), max(1, size[1]))
        self._wake.set()

    def toggle_keys(self) -> None:
        """Show or hide the help sheet."""
        self._view = replace(self._view, keys=not self._view.keys)
        self._wake.set()

    def wake(self) -> None:
        """Draw now, if there is something new."""
        self._wake.set()

    def take(self) -> Frame | None:
        """The newest frame, if there is one that was not taken yet."""
        try:
            return self._newest.popleft()
        except IndexError:
            return None

    def close(self) -> None:
        """End the thread."""
        self._ended = True
        self._wake.set()
        self._thread.join()

    def _paint(self) -> None:
        shown: tuple[object, ...] | None = None
        while not self._ended:
            snapshot = self._live.snapshot()
            wanted = (_moment(snapshot), self._view, self._size)
            if snapshot is not None and wanted != shown:
                self._newest.append(draw(snapshot, self._view, self._size))
                shown = wanted
            self._wake.wait(1.0 / FRAMES_PER_SECOND)
            self._wake.clear()


class Window:
    """Opens on creation, on the main thread.

    Args:
        live: the run.
        view: how to draw it.
        save: called with the moment on show when S is pressed; returns what to tell.

    Raises:
        RuntimeError: no window can be opened here.
    """

    def __init__(self, live: Live, view: View, save: Callable[[Snapshot], str]) -> None:
        self._live = live
        self._save = save
        self._message_left = 0.0
        try:
            pygame.display.init()
            self._surface = pygame.display.set_mode(_fitting(FIRST_SIZE), pygame.RESIZABLE)
        except pygame.error as error:
            raise RuntimeError(f"no window can be opened: {error}") from None
        pygame.display.set_caption("evonsfw")
        self._painter = Painter(live, view, self._surface.get_size())

    def run(self) -> None:
        """Show the run until it is over; returns at its end, after holding the last picture."""
        clock = pygame.time.Clock()
        held = 0.0
        try:
            while held < HOLD_SECONDS and not (
                self._live.finished.is_set() and self._live.stopped_by_hand
            ):
                for event in pygame.event.get():
                    if self._handle(event) and self._live.finished.is_set():
                        return
                self._show()
                passed = clock.tick(LOOKS_PER_SECOND) / 1000.0
                self._fade(passed)
                held += passed if self._live.finished.is_set() else 0.0
        finally:
            self._painter.close()
            pygame.display.quit()

    def _handle(self, event: pygame.event.Event) -> bool:
        """React to one event; true when it asks for the end."""
        if event.type == pygame.QUIT:
            self._live.stop("the window was closed", by_hand=True)
            return True
        if event.type in (pygame.VIDEORESIZE, pygame.WINDOWSIZECHANGED):
            self._surface = pygame.display.get_surface() or self._surface
            self._painter.resize(self._surface.get_size())
        if event.type == pygame.WINDOWEXPOSED:
            pygame.display.flip()
        if event.type != pygame.KEYDOWN:
            return False
        if event.key in (pygame.K_q, pygame.K_ESCAPE):
            self._live.stop("Q was pressed", by_hand=True)
            return True
        if event.key == pygame.K_SPACE:
            self._live.toggle_pause()
        elif event.key == pygame.K_h:
            self._painter.toggle_keys()
        elif event.key == pygame.K_s:
            snapshot = self._live.snapshot()
            if snapshot is not None:
                self._live.say(self._save(snapshot))
                self._message_left = MESSAGE_SECONDS
        self._painter.wake()
        return False

    def _fade(self, passed: float) -> None:
        """Take a message away when its time is over."""
        if self._message_left > 0.0:
            self._message_left -= passed
            if self._message_left <= 0.0:
                self._live.say("")

    def _show(self) -> None:
        frame = self._painter.take()
        if frame is None:
            return
        height, width = frame.shape[:2]
        picture = pygame.image.frombuffer(frame.data, (width, height), "RGB")
        if (width, height) != self._surface.get_size():
            self._surface.fill((0, 0, 0))
        self._surface.blit(picture, (0, 0))
        pygame.display.flip()


def _moment(snapshot: Snapshot | None) -> tuple[object, ...] | None:
    """What of a snapshot changes a frame."""
    if snapshot is None:
        return None
    return snapshot.generation.number, snapshot.paused, snapshot.message


def _fitting(size: Canvas) -> Canvas:
    """The first size, made smaller where the desktop is."""
    desktop = pygame.display.get_desktop_sizes()[0]
    return min(size[0], max(320, desktop[0] - 80)), min(size[1], max(320, desktop[1] - 120))
