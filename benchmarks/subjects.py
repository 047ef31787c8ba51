"""Pictures that likeness is measured on: scikit-image's photographs, and two drawn here."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw
from skimage import data

PHOTOGRAPHS = ("astronaut", "coffee", "chelsea", "rocket", "camera")
Picture = npt.NDArray[np.uint8]


def at_side(picture: Image.Image, side: int) -> Picture:
    """An RGB picture whose longer side is `side` pixels: (H, W, 3) uint8."""
    scale = side / max(picture.size)
    size = max(1, round(picture.width * scale)), max(1, round(picture.height * scale))
    return np.asarray(picture.convert("RGB").resize(size, Image.Resampling.LANCZOS))


def photograph(name: str) -> Image.Image:
    """One that scikit-image ships, in full."""
    return Image.fromarray(getattr(data, name)())


def line_art() -> Image.Image:
    """Black lines on white."""
    picture = Image.new("RGB", (512, 512), "white")
    draw = ImageDraw.Draw(picture)
    for k in range(9):
        draw.arc((40 + 20 * k, 60, 470, 440 - 25 * k), 30 * k, 30 * k + 250, "black", 5)
    draw.line([(30, 480), (140, 300), (256, 470), (380, 260), (490, 480)], "black", 7)
    return picture


def drawing() -> Image.Image:
    """Flat colours with sharp edges."""
    picture = Image.new("RGB", (512, 512), "#f2e3c6")
    draw = ImageDraw.Draw(picture)
    draw.rectangle((0, 340, 512, 512), "#3b7a57")
    draw.ellipse((330, 40, 450, 160), "#f4a300")
    draw.polygon([(90, 230), (210, 110), (330, 230)], "#a33b20")
    draw.rectangle((120, 230, 300, 400), "#d9c9a3", "#40302a", 4)
    draw.rectangle((190, 300, 240, 400), "#5a3d2b")
    draw.ellipse((380, 240, 480, 350), "#2f5d34")
    return picture


def pictures(side: int, files: list[Path], only: list[str] | None = None) -> dict[str, Picture]:
    """Pictures by name: those of `files` first.

    Args:
        side: pixels of the longer side.
        files: further pictures; each is called by its file's name.
        only: names that are wanted; None for all.

    Raises:
        ValueError: a name that no picture has.
    """
    found: dict[str, Image.Image] = {file.stem: Image.open(file) for file in files}
    found |= {name: photograph(name) for name in PHOTOGRAPHS}
    found |= {"drawing": drawing(), "line art": line_art()}
    for name in only or ():
        if name not in found:
            raise ValueError(f"no picture '{name}': expected one of {', '.join(found)}")
    return {name: at_side(found[name], side) for name in found if not only or name in only}
