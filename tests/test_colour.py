"""Colours: text to sRGB and back; OKLCH against values known from its author."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from evonsfw.colour import format_colour, from_oklch, parse_colour


@given(st.tuples(*[st.integers(0, 255)] * 3))
def test_text_round_trip(levels: tuple[int, int, int]) -> None:
    text = "#{:02x}{:02x}{:02x}".format(*levels)
    colour = parse_colour(text)
    assert colour.dtype == np.float32
    np.testing.assert_allclose(colour * 255, levels, atol=1e-4)
    assert format_colour(colour) == text
    assert format_colour(parse_colour(text.upper())) == text


@pytest.mark.parametrize(
    "text", ["", "#", "264653", "#26465", "#2646533", "#26465g", "red", "#264653 ", "#264653\n"]
)
def test_other_texts(text: str) -> None:
    with pytest.raises(ValueError, match="six hexadecimal digits"):
        parse_colour(text)


def test_format_takes_the_nearest_level() -> None:
    assert format_colour(np.float32([0.4999 / 255, 0.5001 / 255, 1.0])) == "#0001ff"


@pytest.mark.parametrize(
    ("oklch", "srgb"),
    [
        ((1.0, 0.0, 0.0), "#ffffff"),
        ((0.0, 0.0, 0.0), "#000000"),
        ((0.62796, 0.25768, 29.234 / 360), "#ff0000"),
        ((0.86644, 0.29483, 142.495 / 360), "#00ff00"),
        ((0.45201, 0.31321, 264.052 / 360), "#0000ff"),
    ],
)
def test_oklch_of_primaries(oklch: tuple[float, float, float], srgb: str) -> None:
    """CSS Color 4 gives these coordinates for the corners of the sRGB cube."""
    colour = from_oklch(*([value] for value in oklch))[0]
    np.testing.assert_allclose(colour, parse_colour(srgb), atol=0.004)


@given(st.floats(0, 1), st.floats(0, 0.4), st.floats(-2, 2))
def test_oklch_stays_in_the_gamut(lightness: float, chroma: float, hue: float) -> None:
    colour = from_oklch([lightness], [chroma], [hue])
    assert colour.shape == (1, 3)
    assert colour.dtype == np.float32
    assert np.all((colour >= 0) & (colour <= 1))


@given(st.floats(0.05, 0.95))
def test_no_chroma_is_grey_whatever_the_hue(lightness: float) -> None:
    greys = from_oklch(np.full(8, lightness), 0.0, np.linspace(0, 1, 8))
    np.testing.assert_allclose(greys, greys[0, 0], atol=2e-5)


def test_hue_is_in_turns() -> None:
    np.testing.assert_allclose(
        from_oklch([0.6], [0.1], [0.3]), from_oklch([0.6], [0.1], [1.3]), atol=1e-6
    )


def test_scalars_give_one_colour() -> None:
    assert from_oklch(0.5, 0.1, 0.2).shape == (3,)
