"""What Python calls a picture: a file's name, or its pixels."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import numpy.typing as npt

from evonsfw.pictures import MIN_SIDE
from evonsfw.subject import Subject, open_subject

PictureLike = str | os.PathLike[str] | npt.NDArray[np.uint8]
"""A file that Pillow reads, or (H, W, 3) uint8 sRGB."""
UNNAMED = Path("picture")
"""What pixels without a file are called."""


def subject_of(picture: PictureLike) -> Subject:
    """The picture, read.

    Raises:
        ValueError: the file is no picture, or the array is not (H, W, 3) uint8 of 2 pixels a side.
    """
    if isinstance(picture, str | os.PathLike):
        return open_subject(Path(picture))
    pixels = np.asarray(picture)
    if pixels.dtype != np.uint8 or pixels.ndim != 3 or pixels.shape[2] != 3:
        raise ValueError(
            f"picture of {pixels.dtype} {pixels.shape}: expected (H, W, 3) uint8, red first"
        )
    if min(pixels.shape[:2]) < MIN_SIDE:
        height, width = pixels.shape[:2]
        raise ValueError(f"picture of {width}x{height} pixels: expected at least 2x2")
    return Subject(UNNAMED, np.ascontiguousarray(pixels), None)
