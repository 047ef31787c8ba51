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
