"""The picture that an instrument looks at."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from evonsfw.pictures import open_picture
from evonsfw.preparation import Pictures
from evonsfw.provenance import Provenance, parse_provenance


@dataclass(frozen=True, eq=False)
class Subject:
    """A picture file, read.

    Attributes:
        path: where it is from.
        pixels: (H, W, 3) uint8 sRGB, as `evonsfw score` scores it.
        provenance: what it can be rendered from again, where evonsfw made it.
    """

    path: Path
    pixels: Pictures
    provenance: Provenance | None


def open_subject(path: Path) -> Subject:
    """Read a picture of any mode.

    Raises:
        ValueError: it is missing, not a picture, damaged, animated, too small or too large.
    """
    image = open_picture(path, "picture")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Pillow's about palettes: it converts all the same
        pixels = np.array(image.convert("RGB"))
    return Subject(path, pixels, parse_provenance(image.info, path))
