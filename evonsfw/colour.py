"""Colours: "#rrggbb" to sRGB and back, and OKLCH, in which equal steps look equal."""

from __future__ import annotations

import re

import numpy as np
import numpy.typing as npt

Colours = npt.NDArray[np.float32]


def parse_colour(text: str) -> Colours:
    """Take "#rrggbb" to (3,) float32 sRGB in [0, 1].

    Raises:
        ValueError: `text` is anything else.
    """
    if not re.fullmatch(r"#[0-9a-fA-F]{6}", text):
        raise ValueError(f"colour '{text}': expected # and six hexadecimal digits, like #264653")
    return np.frombuffer(bytes.fromhex(text[1:]), np.uint8).astype(np.float32) / np.float32(255)


def format_colour(colour: Colours) -> str:
    """(3,) sRGB in [0, 1] to the nearest "#rrggbb"."""
    return "#" + bytes(round(255 * float(c)) for c in colour).hex()


def from_oklch(lightness: npt.ArrayLike, chroma: npt.ArrayLike, hue: npt.ArrayLike) -> Colours:
    """OKLCH to sRGB, clipped to its gamut (B. Ottosson, "A perceptual color space", 2020).

    Args:
        lightness: (M,) in [0, 1].
        chroma: (M,) from 0 (grey) to about 0.3.
        hue: (M,) in turns.

    Returns:
        (M, 3) float32 in [0, 1].
    """
    angle = 2.0 * np.pi * np.asarray(hue, float)
    lab = np.stack(
        np.broadcast_arrays(
            np.asarray(lightness, float),
            np.asarray(chroma) * np.cos(angle),
            np.asarray(chroma) * np.sin(angle),
        ),
        axis=-1,
    )
    cone = (lab @ _LAB_TO_CONE.T) ** 3
    linear = np.clip(cone @ _CONE_TO_LINEAR.T, 0.0, 1.0)
    srgb = np.where(linear <= 0.0031308, 12.92 * linear, 1.055 * linear ** (1 / 2.4) - 0.055)
    return srgb.astype(np.float32)


_LAB_TO_CONE = np.array(
    [
        [1.0, 0.3963377774, 0.2158037573],
        [1.0, -0.1055613458, -0.0638541728],
        [1.0, -0.0894841775, -1.2914855480],
    ]
)
_CONE_TO_LINEAR = np.array(
    [
        [4.0767416621, -3.3077115913, 0.2309699292],
        [-1.2684380046, 2.6097574011, -0.3413193965],
        [-0.0041960863, -0.7034186147, 1.7076147010],
    ]
)
