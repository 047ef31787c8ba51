"""Opacities that a drawing has other than its genome's."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from artworks import CANVAS, artwork
from hypothesis import given
from hypothesis import strategies as st

from evonsfw.exporters import Artwork, svg
from evonsfw.nudges import KEYWORD, MOST, from_text, limits, nudged, to_text, without
from evonsfw.provenance import read_provenance
from evonsfw.shapes import shape_names
from evonsfw.vector import Element, short_elements


def circle(opacity: str) -> Element:
    return Element("circle", {"r": "5", "fill": "#123456", "opacity": opacity})


def line(opacity: str) -> Element:
    shown = {"stroke": "#123456", "stroke-width": "3", "stroke-opacity": opacity}
    return Element("line", {"x1": "5", **shown})


SHAPES = [circle(".5"), line(".5"), circle("1"), circle(".002"), line("0")]


def test_as_text_by_hand() -> None:
    text = to_text(np.array([2, -1, 0, 0, 0]))
    assert text == "olmmm"
    one, two, *rest = nudged(SHAPES, from_text(text, SHAPES))
    assert one == circle(".502")
    assert two == line(".499")
    assert rest == SHAPES[2:]


def test_limits_by_hand() -> None:
    """Nothing becomes more than opaque, disappears, or appears."""
    least, most = limits(SHAPES)
    assert least.tolist() == [-MOST, -MOST, -MOST, -1, 0]
    assert most.tolist() == [MOST, MOST, 0, MOST, 0]


@given(st.lists(st.integers(-MOST, MOST), min_size=5, max_size=5))
def test_text_comes_back(numbers: list[int]) -> None:
    least, most = limits(SHAPES)
    nudges = np.clip(numbers, least, most)
    assert from_text(to_text(nudges), SHAPES).tolist() == nudges.tolist()


def test_every_opacity_of_every_shape_can_be_moved_to_its_limits() -> None:
    what = artwork(n=90, alpha=(0.0, 1.0))
    what.encoding.rows(what.genome)[:, -1] = np.linspace(0.0, 1.0, 90)
    shapes = short_elements(what.encoding.decode(what.genome), CANVAS)
    assert set(what.encoding.shapes) == set(shape_names())
    own = np.array([_opacity(shape) for shape in shapes])
    for bound in limits(shapes):
        found = np.array([_opacity(shape) for shape in nudged(shapes, bound)])
        np.testing.assert_allclose(found, own + bound / 1000, rtol=0, atol=1e-9)
        assert np.all((found >= 0) & (found <= 1))
        assert np.array_equal(found > 0, own > 0)


def _opacity(shape: Element) -> float:
    (value,) = (value for key, value in shape.attributes.items() if key.endswith("opacity"))
    return float(value)


FORGED = [
    "",
    "mmmm",
    "mmmmmm",
    f"{chr(ord('m') + MOST + 1)}mmmm",
    f"{chr(ord('m') - MOST - 1)}mmmm",
    "mmnmm",
    "mmmkm",
    "mmmmn",
    "mm\nmm",
    "😀mmmm",
    "M" * 99_999,
]


@pytest.mark.parametrize("text", FORGED, ids=lambda text: ascii(text[:9]))
def test_what_is_forged_is_refused_in_one_line(text: str) -> None:
    with pytest.raises(ValueError, match="expected 5 letters, one a shape, from h to r") as caught:
        from_text(text, SHAPES)
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 600


def test_only_its_own_keyword_is_left_out() -> None:
    assert without({"Title": "t", KEYWORD: "mm"}) == {"Title": "t"}


def with_opacities(what: Artwork, text: str) -> Artwork:
    return replace(what, metadata={**what.metadata, KEYWORD: text})


@pytest.mark.parametrize("transparent", [False, True])
def test_a_drawing_has_the_opacities_that_it_says(transparent: bool, tmp_path: Path) -> None:
    path, what = tmp_path / "art.svg", artwork()
    moved = with_opacities(what, "nmlopkm")
    path.write_text(svg.to_svg(moved, CANVAS, transparent), encoding="utf-8")
    own, found = (svg.to_svg(one, CANVAS, transparent).splitlines() for one in (what, moved))
    assert sum(line not in own for line in found) == 1 + 5
    assert svg.read(path)[KEYWORD] == "nmlopkm"
    assert svg.same(path, moved) is True
    assert svg.same(path, what) is False
    assert svg.same(path, with_opacities(what, "nmlopkn")) is False


def test_a_former_drawing_has_none(tmp_path: Path) -> None:
    """Its opacities have four digits: it is told, although the shapes are the genome's."""
    former = Path(__file__).parent / "golden" / "former.svg"
    text = former.read_text(encoding="utf-8")
    last = text.index("</metadata>")
    more = f'<e:text keyword="{KEYWORD}">mmmmmmmmm</e:text>'
    (tmp_path / "art.svg").write_text(text[:last] + more + text[last:], encoding="utf-8")
    found = read_provenance(tmp_path / "art.svg")
    assert found is not None
    assert found.texts[KEYWORD] == "m" * 9
    what = Artwork(found.genome, found.config.encoding, found.texts)
    assert svg.same(tmp_path / "art.svg", what) is False


@pytest.mark.parametrize("text", ["mmm", "zmmmmmm", "0+1 5-2"])
def test_a_drawing_with_what_is_forged_is_refused(text: str, tmp_path: Path) -> None:
    path, what = tmp_path / "art.svg", artwork()
    svg.write(path, what, CANVAS)
    with pytest.raises(ValueError, match=r"art\.svg: evonsfw:opacities = .* expected 7 letters"):
        svg.same(path, with_opacities(what, text))
    with pytest.raises(ValueError, match="expected 7 letters"):
        svg.to_svg(with_opacities(what, text), CANVAS)
