"""Where everything lies in the window, and what a click means there."""

from __future__ import annotations

from itertools import combinations, pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from moments import GENOMES, LAST, chart, moment

from evonsfw.cells import Box, fitted
from evonsfw.layout import MOST_CELLS, NARROW, READABLE, WIDE, Hit, Layout, layout
from evonsfw.moment import MODES, Look
from evonsfw.shapes import Canvas

SIZES = st.tuples(st.integers(1, 3000), st.integers(1, 3000))
CANVASES = st.tuples(st.integers(16, 4096), st.integers(16, 4096))
WINDOW = (1280, 800)


def plan(size: Canvas = WINDOW, canvas: Canvas = (256, 256), **look: object) -> Layout:
    return layout(canvas, size, Look(**look))


def centre(box: Box) -> tuple[int, int]:
    return box.left + box.width // 2, box.top + box.height // 2


def inside(inner: Box, outer: Box) -> bool:
    across = outer.left <= inner.left and inner.right <= outer.right
    return across and outer.top <= inner.top and inner.bottom <= outer.bottom


def meet(one: Box, other: Box) -> bool:
    across = one.left < other.right and other.left < one.right
    return across and one.top < other.bottom and other.top < one.bottom


@pytest.mark.parametrize(
    ("canvas", "room", "box"),
    [
        ((256, 256), (0, 0, 100, 100), (0, 0, 100, 100)),
        ((200, 100), (0, 0, 100, 100), (0, 25, 100, 50)),
        ((100, 200), (10, 20, 100, 100), (35, 20, 50, 100)),
        ((256, 256), (7, 8, 1, 1), (7, 8, 1, 1)),
        ((4096, 16), (0, 0, 50, 40), (0, 19, 50, 1)),
    ],
)
def test_pictures_fill_their_room(canvas: Canvas, room: tuple, box: tuple) -> None:
    assert fitted(canvas, Box(*room)) == box


@settings(deadline=None)
@given(canvas=CANVASES, size=SIZES, hud=st.booleans())
def test_the_picture_keeps_its_proportions(canvas: Canvas, size: Canvas, hud: bool) -> None:
    found = plan(size, canvas, hud=hud)
    picture, room = found.picture, found.room.inner(found.unit) if found.panel else found.room
    assert inside(picture, found.room)
    scale = min(room.width / canvas[0], room.height / canvas[1])
    assert abs(picture.width - max(1, canvas[0] * scale)) <= 1
    assert abs(picture.height - max(1, canvas[1] * scale)) <= 1
    assert abs(picture.left - room.left - (room.right - picture.right)) <= 1
    assert abs(picture.top - room.top - (room.bottom - picture.bottom)) <= 1


@settings(deadline=None, max_examples=300)
@given(
    canvas=CANVASES,
    size=SIZES,
    mode=st.sampled_from(MODES),
    chosen=st.none() | st.just(3),
    thumbnails=st.integers(0, 60),
    count=st.integers(0, 300),
)
def test_nothing_overlaps_and_nothing_is_outside(
    canvas: Canvas, size: Canvas, mode: str, chosen: int | None, thumbnails: int, count: int
) -> None:
    found = plan(size, canvas, mode=mode, chosen=chosen)
    parts = [found.figures, found.graph, found.strip, found.ranking]
    boxes = [box for box in parts if box is not None]
    assert bool(boxes) == (found.panel is not None) == (min(size) >= READABLE)
    assert all(inside(box, found.panel) for box in boxes)
    assert not any(meet(*pair) for pair in combinations([found.room, *boxes], 2))
    assert inside(found.room, Box(0, 0, *size))
    if found.plot is not None:
        assert inside(found.plot, found.graph)
    cells = [cell for _, cell in found.thumbnails(thumbnails)]
    for cell in cells:
        assert inside(cell.picture, cell.box)
        assert inside(cell.box, found.strip)
    assert not any(meet(a.box, b.box) for a, b in combinations(cells[:12], 2))
    grid = found.cells(count)
    assert len(grid) == (min(count, MOST_CELLS) if mode == "population" and chosen is None else 0)
    for cell in grid:
        assert inside(cell.picture, cell.box)
    if min(size) > 200 and 1 / 4 < canvas[0] / canvas[1] < 4:
        assert all(inside(cell.box, found.grid) for cell in grid)
        assert not any(meet(a.box, b.box) for a, b in pairwise(grid))


@pytest.mark.parametrize("size", [(1280, 800), (712, 800), (3840, 2160), (480, 360), (900, 560)])
def test_there_is_room_for_all_in_ordinary_windows(size: Canvas) -> None:
    found = plan(size)
    assert None not in (found.panel, found.figures, found.graph, found.plot, found.strip)
    assert found.plot.width > 8 * found.unit
    assert len(found.thumbnails(40)) >= 4


def test_the_panel_is_where_it_leaves_the_picture_larger() -> None:
    beside, below = plan((1280, 800)), plan((712, 800))
    assert beside.panel == (800, 0, 480, 800)
    assert beside.picture == (15, 15, 770, 770)
    assert below.panel == (0, 602, 712, 198)
    assert below.picture == (66, 11, 580, 580)


@pytest.mark.parametrize("size", [(159, 900), (900, 159), (1, 1)])
def test_small_windows_and_those_without_hud_are_all_picture(size: Canvas) -> None:
    for found in (plan(size), plan((1280, 800), hud=False)):
        assert found.panel is found.figures is found.graph is found.strip is None
        assert found.room == (0, 0, *found.size)
    assert plan((160, 160)).panel is not None


@pytest.mark.parametrize("size", [(1280, 800), (1180, 760), (1366, 768), (3840, 2160)])
def test_a_panel_takes_the_room_that_the_picture_leaves(size: Canvas) -> None:
    """And none that it needs: the picture is as high as the window lets it be."""
    found = plan(size)
    assert found.picture.height == size[1] - 2 * found.unit
    assert NARROW * found.unit * 0.7 < found.panel.width <= WIDE * found.unit
    spare = found.room.width - found.picture.width - 2 * found.unit
    assert spare <= 1 or found.panel.width == WIDE * found.unit


def test_contributions_take_the_place_of_the_thumbnails() -> None:
    """The graph stays, lower, so that there is something to drag on."""
    plain, shapes = plan(), plan(mode="shapes")
    assert shapes.strip is None
    assert shapes.thumbnails(5) == ()
    assert shapes.graph[:3] == plain.graph[:3]
    assert shapes.graph.height < plain.graph.height
    assert inside(shapes.plot, shapes.graph)
    assert shapes.ranking.top > shapes.graph.bottom
    assert (shapes.ranking.right, shapes.ranking.bottom) == (plain.strip.right, plain.strip.bottom)
    column = centre(shapes.plot)[0], shapes.graph.top
    number = shapes.generation_at(column[0], moment())
    assert shapes.target(column, moment()) == Hit("graph", number)


def test_where_the_panel_is_low_contributions_take_the_place_of_the_graph_too() -> None:
    plain, shapes = plan((712, 800)), plan((712, 800), mode="shapes")
    assert shapes.graph is shapes.plot is shapes.strip is None
    assert shapes.ranking[:2] == plain.graph[:2]
    assert (shapes.ranking.right, shapes.ranking.bottom) == (plain.strip.right, plain.strip.bottom)


@pytest.mark.parametrize("count", [1, 2, 3, 17, 40, 1000])
def test_thumbnails_are_chosen_evenly_with_the_first_and_the_last(count: int) -> None:
    found = plan().thumbnails(count)
    picks = [index for index, _ in found]
    assert len(picks) == min(count, 18)
    assert picks[-1] == count - 1
    assert picks[0] == 0
    steps = np.diff(picks)
    assert not len(steps) or (steps.min() >= 1 and steps.max() - steps.min() <= 1)


def test_where_there_is_room_for_one_thumbnail_it_is_the_newest() -> None:
    found = plan((1280, 800), (4096, 64)).thumbnails(9)
    tall = [index for index, _ in plan((400, 330), (4000, 500)).thumbnails(9)]
    assert found[-1][0] == 8
    assert not tall or tall[-1] == 8


def test_every_column_of_the_graph_is_its_generation() -> None:
    found, there = plan(), moment()
    assert found.plot == (881, 255, 369, 195)
    right = found.plot.right - 1
    assert found.generation_at(found.plot.left, there) == 1
    assert found.generation_at(right, there) == LAST
    assert found.generation_at(found.plot.left + 184, there) == round(1 + 309 / 2)
    assert found.generation_at(found.plot.left - 500, there) == 1
    assert found.generation_at(10**6, there) == LAST
    columns = [found.generation_at(x, there) for x in range(found.plot.left, right + 1)]
    exact = 1 + np.arange(369) / 368 * 309
    assert np.abs(np.array(columns) - exact).max() <= 0.5


def test_generations_need_not_begin_with_the_first() -> None:
    found, there = plan(), moment(chart=chart(3, 100))
    plot = found.plot
    ends = [found.generation_at(x, there) for x in (plot.left, centre(plot)[0], plot.right)]
    assert ends == [100, 101, 102]
    one = moment(chart=chart(1, 7))
    assert {found.generation_at(x, one) for x in (0, plot.left, plot.right, 9999)} == {7}


def test_without_a_graph_dragging_stays_where_it_is() -> None:
    assert plan(hud=False).generation_at(50, moment()) == LAST


def test_clicks() -> None:
    found, there = plan(), moment()
    graph, plot, picture = found.graph, found.plot, found.picture
    assert found.target((plot.left, plot.top), there) == Hit("graph", 1)
    assert found.target((graph.left, graph.top), there) == Hit("graph", 1)
    assert found.target((graph.right - 1, graph.bottom - 1), there) == Hit("graph", LAST)
    assert found.target((picture.left, picture.top), there) == Hit("picture")
    assert found.target((picture.left - 1, picture.top), there) is None
    assert found.target((found.figures.left, found.figures.top), there) is None
    assert found.target((-5, 3), there) is None
    numbers = [number for number, _ in there.thumbnails]
    for index, cell in found.thumbnails(len(there.thumbnails)):
        last = cell.box.right - 1, cell.box.bottom - 1
        for position in ((cell.box.left, cell.box.top), last):
            assert found.target(position, there) == Hit("thumbnail", numbers[index])
        assert found.target((last[0] + 1, last[1]), there) is None


def test_clicks_on_the_population() -> None:
    found, there = plan(mode="population"), moment()
    cells = found.cells(len(GENOMES))
    assert found.grid == (15, 15, 770, 770)
    for index, cell in enumerate(cells):
        assert found.target(centre(cell.box), there) == Hit("individual", index)
        assert found.target((cell.box.left, cell.box.top), there) == Hit("individual", index)
    between = cells[0].box.right, cells[0].box.top
    assert found.target(between, there) is None
    assert found.target(centre(found.grid), moment(population=())) is None
    large = plan(mode="population", chosen=3)
    assert large.target(centre(large.picture), there) == Hit("picture")


@pytest.mark.parametrize(
    ("count", "columns", "rows"), [(1, 1, 1), (2, 2, 1), (4, 2, 2), (12, 4, 3), (256, 16, 16)]
)
def test_the_population_is_shown_as_large_as_it_fits(count: int, columns: int, rows: int) -> None:
    cells = plan(mode="population").cells(count)
    assert len({cell.box.left for cell in cells}) == columns
    assert len({cell.box.top for cell in cells}) == rows
    assert len({cell.picture[2:] for cell in cells}) == 1


def test_a_line_stays_free_where_not_all_are_shown() -> None:
    found = plan(mode="population")
    assert len(found.cells(257)) == MOST_CELLS
    assert max(cell.box.bottom for cell in found.cells(257)) <= found.grid.bottom - found.unit
