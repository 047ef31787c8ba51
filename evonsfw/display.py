"""Whether there is a screen; asked before pygame is imported."""

from __future__ import annotations

import os
import platform


def display_present() -> bool:
    """Whether a window can be opened at all, as far as the environment tells."""
    if platform.system() == "Linux":
        driver = os.environ.get("SDL_VIDEODRIVER")
        return bool(driver or os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"))
    return True


def require_display() -> None:
    """Raise ValueError where a command that is nothing but a window cannot open it."""
    if not display_present():
        raise ValueError("no display here; evonsfw export RUN page.html makes a page to look at")
