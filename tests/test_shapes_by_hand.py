"""Each shape against figures worked out by hand: corners, areas, and what SVG says of it."""

from __future__ import annotations

import math

import numpy as np
import pytest

from evonsfw.genome import Encoding
from evonsfw.raster import render
from evonsfw.shapes import load_shape, shape_names
from evonsfw.shapes.curves import BEND, SKEW
from evonsfw.shapes.polygons import NEAREST
from evonsfw.stretched import LEAST_TILT

CANVAS = (200, 50)
UNIT = 100.0
"""Square root of the canvas's area."""


def _genes(name: str, **genes: float) -> np.ndarray:
    """(1, G) genes, 0.5 where nothing is said; the size is a radius in pixels."""
    shape = load_shape(name)
    if "radius" in genes:
        share = genes.pop("radius") / UNIT / shape.MIN_RADIUS
        genes["size"] = math.log(share) / math.log(shape.MAX_RADIUS / shape.MIN_RADIUS)
    return np.array([[genes.get(gene, 0.5) for gene in shape.GENES]])


def _outline(name: str, **genes: float) -> np.ndarray:
    return load_shape(name).outline(_genes(name, **genes), CANVAS)[0]


def _svg(name: str, **genes: float) -> tuple[str, dict[str, str]]:
    return load_shape(name).svg(_genes(name, **genes)[0], CANVAS)


def _area(corners: np.ndarray) -> float:
    x, y = corners.T
    return 0.5 * abs(float(np.sum(x * np.roll(y, -1) - y * np.roll(x, -1))))


def _tilt(aspect: float) -> float:
    return LEAST_TILT + (math.pi / 2 - 2 * LEAST_TILT) * aspect


@pytest.mark.parametrize("name", ["rectangles", "ellipses", "rotated-rectangles"])
def test_middle_genes_are_as_wide_as_high(name: str) -> None:
    across = np.ptp(_outline(name, radius=10.0, angle=0.0), axis=0)
    assert across[0] == pytest.approx(across[1])


@pytest.mark.parametrize("aspect", [0.0, 0.3, 0.5, 1.0])
def test_rectangles(aspect: float) -> None:
    half, across = 10 * math.cos(_tilt(aspect)), 10 * math.sin(_tilt(aspect))
    corners = _outline("rectangles", radius=10.0, aspect=aspect, x=0.25)
    signs = np.array([(1, 1), (-1, 1), (-1, -1), (1, -1)])
    np.testing.assert_allclose(corners, [50, 25] + signs * [half, across])
    tag, attributes = _svg("rectangles", radius=10.0, aspect=aspect, x=0.25)
    assert tag == "rect"
    assert attributes == {
        "x": f"{50 - half:.3f}",
        "y": f"{25 - across:.3f}",
        "width": f"{2 * half:.3f}",
        "height": f"{2 * across:.3f}",
    }


def test_sides_of_rectangles_are_level_to_the_last_bit() -> None:
    corners = load_shape("rectangles").outline(np.random.default_rng(1).random((50, 4)), CANVAS)
    np.testing.assert_array_equal(corners[:, 0, 1], corners[:, 1, 1])
    np.testing.assert_array_equal(corners[:, 1, 0], corners[:, 2, 0])


@pytest.mark.parametrize("aspect", [0.0, 0.3, 0.5, 1.0])
def test_ellipses(aspect: float) -> None:
    half, across = 20 * math.cos(_tilt(aspect)), 20 * math.sin(_tilt(aspect))
    corners = _outline("ellipses", radius=20.0, aspect=aspect)
    assert _area(corners) == pytest.approx(math.pi * half * across)
    reach = np.hypot(*((corners - [100, 25]) / [half, across]).T)
    np.testing.assert_allclose(reach, 1.0, atol=0.02 / 20)
    assert _svg("ellipses", radius=20.0, aspect=aspect) == (
        "ellipse",
        {"cx": "100.000", "cy": "25.000", "rx": f"{half:.3f}", "ry": f"{across:.3f}"},
    )


@pytest.mark.parametrize("name", ["ellipses", "rectangles"])
@pytest.mark.parametrize("angle", [0.0, 0.25, 0.5, 0.9])
def test_rotated_shapes_are_the_others_turned_clockwise(name: str, angle: float) -> None:
    plain = _outline(name, radius=20.0, aspect=0.2) - [100, 25]
    turned = _outline(f"rotated-{name}", radius=20.0, aspect=0.2, angle=angle) - [100, 25]
    cosine, sine = math.cos(math.pi * angle), math.sin(math.pi * angle)
    np.testing.assert_allclose(turned, plain @ [[cosine, sine], [-sine, cosine]], atol=1e-9)
    tag, attributes = _svg(f"rotated-{name}", radius=20.0, aspect=0.2, angle=angle)
    assert attributes.pop("transform") == f"rotate({180 * angle:.4f} 100.000 25.000)"
    assert (tag, attributes) == _svg(name, radius=20.0, aspect=0.2)


def test_lines() -> None:
    corners = _outline("lines", radius=20.0, angle=0.5, width=1.0)
    half, aside = 20 * math.cos(0.3), 20 * math.sin(0.3)
    signs = np.array([(-1, 1), (-1, -1), (1, -1), (1, 1)])
    np.testing.assert_allclose(corners, [100, 25] + signs * [aside, half], atol=1e-9)
    tag, attributes = _svg("lines", radius=20.0, angle=0.0, width=1.0)
    assert tag == "line"
    assert attributes == {
        "x1": f"{100 - half:.3f}",
        "y1": "25.000",
        "x2": f"{100 + half:.3f}",
        "y2": "25.000",
        "stroke-width": f"{2 * aside:.3f}",
    }


def test_a_curve_that_is_not_bent_is_a_rectangle() -> None:
    corners = _outline("curves", radius=13.0, width=1.0, angle=0.0)
    np.testing.assert_allclose(corners, [(90, 28), (110, 28), (110, 22), (90, 22)])


@pytest.mark.parametrize("bend", [0.0, 0.3, 0.5, 1.0])
@pytest.mark.parametrize("skew", [0.0, 0.5, 1.0])
@pytest.mark.parametrize("width", [0.0, 1.0])
def test_curves(bend: float, skew: float, width: float) -> None:
    """Of one width all along, about the curve that SVG is told; no edge ever turns back."""
    genes = {"radius": 20.0, "angle": 0.3, "bend": bend, "skew": skew, "width": width}
    tag, attributes = _svg("curves", **genes)
    assert tag == "path"
    path = attributes["d"].replace("M", "").replace("Q", " ").split()
    ends = np.array([float(number) for number in path]).reshape(3, 2)
    corners = _outline("curves", **genes)
    one, other = corners[: len(corners) // 2], corners[: len(corners) // 2 - 1 : -1]
    times = np.linspace(0.0, 1.0, len(one))[:, None]
    curve = (1 - times) ** 2 * ends[0] + 2 * times * (1 - times) * ends[1] + times**2 * ends[2]
    np.testing.assert_allclose((one + other) / 2, curve, atol=0.001)
    wide = float(attributes["stroke-width"])
    np.testing.assert_allclose(np.hypot(*(one - other).T), wide, atol=0.001)
    velocity = (1 - times) * (ends[1] - ends[0]) + times * (ends[2] - ends[1])
    np.testing.assert_allclose(((one - other) * velocity).sum(axis=1), 0.0, atol=0.1)
    for edge in (one, other):
        assert np.all((np.diff(edge, axis=0) * velocity[1:]).sum(axis=1) > 0.0)
    length = np.hypot(*np.diff(curve, axis=0).T).sum()
    assert _area(corners) == pytest.approx(wide * length, rel=0.01)


def test_how_far_a_curve_is_drawn() -> None:
    _, attributes = _svg("curves", radius=13.0, width=1.0, angle=0.0, bend=1.0, skew=0.0)
    assert (
        attributes["d"]
        == f"M90.000 25.000Q{100 - 10 * SKEW:.3f} {25 + 10 * BEND:.3f} 110.000 25.000"
    )


@pytest.mark.parametrize("count", [3, 5, 12])
def test_polygons(count: int) -> None:
    name = f"polygons-{count}"
    corners = _outline(name, radius=10.0, reach_1=1.0, reach_2=0.0) - [100, 25]
    angles = np.arctan2(corners[:, 1], corners[:, 0]) % (2 * math.pi)
    np.testing.assert_allclose(angles, (np.arange(count) + 0.5) * 2 * math.pi / count)
    reach = np.hypot(*corners.T) / 10
    np.testing.assert_allclose(reach, [1.0, NEAREST] + [(1 + NEAREST) / 2] * (count - 2))
    assert len(load_shape(name).GENES) == 3 + 2 * count


def test_polygons_without_a_number_have_five_corners() -> None:
    genes = np.random.default_rng(2).random((4, 13))
    plain, five = load_shape("polygons"), load_shape("polygons-5")
    assert plain.GENES == five.GENES
    np.testing.assert_array_equal(plain.outline(genes, CANVAS), five.outline(genes, CANVAS))


@pytest.mark.parametrize("name", ["polygons-6", "polygons-12"])
@pytest.mark.parametrize("seed", range(20))
def test_edges_of_polygons_do_not_cross(name: str, seed: int) -> None:
    """Seen from its middle, each corner lies further round than the one before."""
    genes = np.random.default_rng(seed).integers(0, 2, (1, len(load_shape(name).GENES)))
    corners = load_shape(name).outline(genes.astype(float), CANVAS)[0]
    ways = corners - genes[0, :2] * CANVAS
    following = np.roll(ways, -1, axis=0)
    assert np.all(ways[:, 0] * following[:, 1] - ways[:, 1] * following[:, 0] > 0.0)


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("polygons-2", "polygons-2: expected 3 to 12 corners"),
        ("polygons-13", "polygons-13: expected 3 to 12 corners"),
        ("polygons-05", "did you mean polygons"),
        ("polygons-", "did you mean polygons"),
        ("polygons-five", "did you mean polygons"),
        ("circles-5", "circles have no number, expected circles"),
        ("-5", "expected one of"),
    ],
)
def test_families_have_numbers(name: str, told: str) -> None:
    with pytest.raises(ValueError, match=told):
        load_shape(name)


@pytest.mark.parametrize("name", shape_names())
def test_one_shape_alone_is_drawn_in_its_colour(name: str) -> None:
    """Opaque red on blue: purple at the rim only, and both colours pure."""
    encoding = Encoding((name,), 1, (1.0, 1.0), background="#0000ff")
    genome = np.full(encoding.length, 0.5, np.float32)
    row = encoding.rows(genome)[0]
    row[2], row[-4:] = 0.7, (1.0, 0.0, 0.0, 1.0)
    picture = render(genome[None], encoding, (64, 64))[0].astype(int)
    assert np.any(np.all(picture == [255, 0, 0], axis=-1))
    assert np.any(np.all(picture == [0, 0, 255], axis=-1))
    assert np.abs(picture.sum(axis=-1) - 255).max() <= 1
