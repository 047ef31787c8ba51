"""Pictures of numbers that are not whole, brought to another size."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from PIL import Image

Floats = npt.NDArray[np.float32]
Box = tuple[float, float, float, float]


def resized(
    pixels: Floats, size: tuple[int, int], method: Image.Resampling, box: Box | None = None
) -> Floats:
    """Pillow's resize, channel by channel.

    Args:
        pixels: (H, W, 3) float32.
        size: height and width to come to.
        method: the filter.
        box: left, top, right and bottom of the part that is taken, in pixels; None for all.

    Returns:
        (h, w, 3) float32.
    """
    if box is None and pixels.shape[:2] == size:
        return pixels
    planes = [Image.fromarray(np.ascontiguousarray(plane)) for plane in pixels.transpose(2, 0, 1)]
    small = [plane.resize((size[1], size[0]), method, box) for plane in planes]
    return np.stack([np.asarray(plane) for plane in small], axis=-1)
