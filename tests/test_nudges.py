"""Opacities, places and sizes that a drawing has other than its genome's."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from artworks import CANVAS, artwork
from hypothesis import given
from hypothesis import strategies as st

from evonsfw.exporters import Artwork, svg
from evonsfw.nudges import (
    GEOMETRY,
    MOST,
    MOST_PLACE,
    OPACITIES,
    from_texts,
    limits,
    nudged,
    to_texts,
    without,
)
from evonsfw.provenance import read_provenance
from evonsfw.shapes import shape_names
from evonsfw.vector import PLACES, SIZES, Element, digits_of, short_elements, unit_of


def circle(opacity: str) -> Element:
    return Element(
        "circle", {"cx": "-3", "cy": "0", "r": ".4", "fill": "#123456", "opacity": opacity}
    )


def line(opacity: str) -> Element:
    shown = {"stroke": "#123456", "stroke-width": "3", "stroke-opacity": opacity}
    return Element("line", {"x1": "5", **shown})


def triangle(points: str) -> Element:
    return Element("polygon", {"points": points, "fill": "#123456", "opacity": ".5"})


SHAPES = [circle(".5"), line(".5"), circle("1"), circle(".002"), line("0")]


def test_as_text_by_hand() -> None:
    texts = to_texts(np.array([2, -1, 0, 0, 0]), 5)
    assert texts == {OPACITIES: "olmmm"}
    one, two, *rest = nudged(SHAPES, from_texts(texts, SHAPES))
    assert one == circle(".502")
    assert two == line(".499")
    assert rest == SHAPES[2:]


def test_places_and_sizes_as_text_by_hand() -> None:
    texts = to_texts(np.array([1, 0, 1, -1, 5, 0, -5]), 2)
    assert texts == {OPACITIES: "nm", GEOMETRY: "nlrmh"}
    one, two = nudged(SHAPES[:2], from_texts({"Title": "t", **texts}, SHAPES[:2]))
    assert one.to_text() == '<circle cx="-2" cy="-1" r=".9" fill="#123456" opacity=".501"/>'
    assert two == Element("line", {**line(".5").attributes, "stroke-width": "2.5"})
    assert to_texts(np.array([0, 0, 1, 0]), 2) == {GEOMETRY: "nm"}


@pytest.mark.parametrize(
    ("points", "text", "moved"),
    [
        ("0-1 12,0 3-5", "mnmlnl", "0,0 12-1 4-6"),
        ("-1-1 10-1 0,0", "nnnnll", "0,0 11,0 -1-1"),
        ("1,2 30,40 5,6", "mmmmmm", "1,2 30,40 5,6"),
    ],
)
def test_corners_stay_apart(points: str, text: str, moved: str) -> None:
    shapes = [triangle(points)]
    assert nudged(shapes, from_texts({GEOMETRY: text}, shapes)) == [triangle(moved)]


@pytest.mark.parametrize(
    ("side", "unit"), [(64, 1), (1024, 1), (1500, 1), (2999, 1), (4096, 2), (16384, 10)]
)
def test_of_a_large_drawing_a_place_moves_by_several_units(side: int, unit: int) -> None:
    assert unit_of((side, side)) == unit_of((side // 2, side)) == unit
    shapes = [triangle("40,50 60,70 80,90")]
    texts = {GEOMETRY: "nlmmln"}
    moved = nudged(shapes, from_texts(texts, shapes, unit), unit)
    a, b, c, d = 40 + unit, 50 - unit, 80 - unit, 90 + unit
    assert moved == [triangle(f"{a},{b} 60,70 {c},{d}")]


def test_of_a_large_drawing_nothing_disappears_either() -> None:
    least, most = limits(SHAPES, 10)
    for bound in (least, most):
        for shape, own in zip(nudged(SHAPES, bound, 10), SHAPES, strict=True):
            for (name, digits), (_, before) in zip(digits_of(shape), digits_of(own), strict=True):
                assert name in PLACES or (digits > 0) == (before > 0)


def test_curves_are_moved_in_their_path_and_turned_shapes_in_their_corner() -> None:
    shown = {"stroke": "#123456", "stroke-opacity": ".5"}
    curve = Element("path", {"d": "M0 -1Q-7 8 9 10", "fill": "none", "stroke-width": "3", **shown})
    sides = {"x": "1", "y": "2", "width": "8.5", "height": "0"}
    shown = {"transform": "rotate(45.5 5 6)", "fill": "#123456", "opacity": ".5"}
    shapes = [curve, Element("rect", {**sides, **shown})]
    one, two = nudged(shapes, from_texts({GEOMETRY: "lnnmmlo" + "nlom"}, shapes))
    assert one.attributes == {**curve.attributes, "d": "M-1 0Q-6 8 9 9", "stroke-width": "3.2"}
    assert two.attributes == {**sides, "x": "2", "y": "1", "width": "8.7", **shown}


def test_limits_by_hand() -> None:
    """Nothing becomes more than opaque, disappears, or appears."""
    least, most = limits(SHAPES)
    below, above = np.split(least, [5])[1].tolist(), np.split(most, [5])[1].tolist()
    assert least[:5].tolist() == [-MOST, -MOST, -MOST, -1, 0]
    assert most[:5].tolist() == [MOST, MOST, 0, MOST, 0]
    assert below == [-1, -1, -3, -1, -MOST, -1, -1, -3, -1, -1, -3, 0, 0]
    assert above == [1, 1, MOST, 1, MOST, 1, 1, MOST, 1, 1, MOST, 0, 0]


@given(st.lists(st.integers(-MOST, MOST), min_size=18, max_size=18))
def test_text_comes_back(numbers: list[int]) -> None:
    least, most = limits(SHAPES)
    nudges = np.clip(numbers, least, most)
    assert from_texts(to_texts(nudges, 5), SHAPES).tolist() == nudges.tolist()


def test_everything_of_every_shape_can_be_moved_to_its_limits() -> None:
    what = artwork(n=90, alpha=(0.0, 1.0))
    what.encoding.rows(what.genome)[:, -1] = np.linspace(0.0, 1.0, 90)
    shapes = short_elements(what.encoding.decode(what.genome), CANVAS)
    assert set(what.encoding.shapes) == set(shape_names())
    own = np.array([_opacity(shape) for shape in shapes])
    numbers = np.array([digits for shape in shapes for _, digits in digits_of(shape)])
    for bound in limits(shapes):
        moved = nudged(shapes, bound)
        found = np.array([_opacity(shape) for shape in moved])
        np.testing.assert_allclose(found, own + bound[:90] / 1000, rtol=0, atol=1e-9)
        assert np.all((found >= 0) & (found <= 1))
        assert np.array_equal(found > 0, own > 0)
        digits = [(name, digits) for shape in moved for name, digits in digits_of(shape)]
        np.testing.assert_array_equal([one for _, one in digits], numbers + bound[90:])
        assert all(one > 0 for name, one in digits if name in SIZES)
        assert {
            abs(step) for (name, _), step in zip(digits, bound[90:], strict=True) if name in PLACES
        } == {0, MOST_PLACE}
        assert [shape.attributes.keys() for shape in moved] == [
            shape.attributes.keys() for shape in shapes
        ]
        assert nudged(moved, -bound) == shapes


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
        from_texts({OPACITIES: text}, SHAPES)
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 600


@pytest.mark.parametrize(
    "text",
    ["", "m" * 12, "m" * 14, "o" + "m" * 12, "k" + "m" * 12, "mmi" + "m" * 10, "m" * 12 + "n"],
)
def test_a_forged_geometry_is_refused_in_one_line(text: str) -> None:
    with pytest.raises(ValueError, match=f"{GEOMETRY} = .*: expected 13 letters, one a place or"):
        from_texts({GEOMETRY: text}, SHAPES)
    assert not from_texts({GEOMETRY: "m" * 13, OPACITIES: "m" * 5}, SHAPES).any()


def test_only_its_own_keywords_are_left_out() -> None:
    assert without({"Title": "t", OPACITIES: "mm", GEOMETRY: "mm"}) == {"Title": "t"}


def with_opacities(what: Artwork, text: str) -> Artwork:
    return replace(what, metadata={**what.metadata, OPACITIES: text})


@pytest.mark.parametrize("transparent", [False, True])
def test_a_drawing_has_the_opacities_that_it_says(transparent: bool, tmp_path: Path) -> None:
    path, what = tmp_path / "art.svg", artwork()
    moved = with_opacities(what, "nmlopkm")
    path.write_text(svg.to_svg(moved, CANVAS, transparent), encoding="utf-8")
    own, found = (svg.to_svg(one, CANVAS, transparent).splitlines() for one in (what, moved))
    assert sum(line not in own for line in found) == 1 + 5
    assert svg.read(path)[OPACITIES] == "nmlopkm"
    assert svg.same(path, moved) is True
    assert svg.same(path, what) is False
    assert svg.same(path, with_opacities(what, "nmlopkn")) is False


@pytest.mark.parametrize("transparent", [False, True])
def test_a_drawing_has_the_places_that_it_says(transparent: bool, tmp_path: Path) -> None:
    path, what = tmp_path / "art.svg", artwork()
    shapes = short_elements(what.encoding.decode(what.genome), CANVAS)
    nudges = limits(shapes)[1]
    nudges[: len(shapes)] = 0
    texts = to_texts(nudges, len(shapes))
    moved = replace(what, metadata={**what.metadata, **texts})
    path.write_text(svg.to_svg(moved, CANVAS, transparent), encoding="utf-8")
    own, found = (svg.to_svg(one, CANVAS, transparent).splitlines() for one in (what, moved))
    assert sum(line not in own for line in found) == 1 + len(shapes)
    assert svg.read(path)[GEOMETRY] == texts[GEOMETRY]
    assert svg.same(path, moved) is True
    assert svg.same(path, what) is False
    for place in np.flatnonzero(nudges):
        nudges[place] -= 1
        other = {**what.metadata, **to_texts(nudges, len(shapes))}
        assert svg.same(path, replace(what, metadata=other)) is False
        nudges[place] += 1


def test_a_former_drawing_has_none(tmp_path: Path) -> None:
    """Its opacities have four digits: it is told, although the shapes are the genome's."""
    former = Path(__file__).parent / "golden" / "former.svg"
    text = former.read_text(encoding="utf-8")
    last = text.index("</metadata>")
    more = f'<e:text keyword="{OPACITIES}">mmmmmmmmm</e:text>'
    (tmp_path / "art.svg").write_text(text[:last] + more + text[last:], encoding="utf-8")
    found = read_provenance(tmp_path / "art.svg")
    assert found is not None
    assert found.texts[OPACITIES] == "m" * 9
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
