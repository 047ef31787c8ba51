"""What a page is put together from: pictures in few numbers, graph, table, command."""

from __future__ import annotations

import json
import math
import re

import numpy as np
import pytest
from pages import CANVAS, SETTINGS, Outline, a_run, a_story

from evonsfw.config import make_config
from evonsfw.exporters import Step, Story
from evonsfw.genome import Encoding
from evonsfw.keyframes import (
    FINE,
    MOST,
    MOST_SHAPES,
    course,
    fine_canvas,
    fine_elements,
    key_frames,
    key_steps,
    thinned,
)
from evonsfw.recipe import recipe
from evonsfw.score_graph import SIDE, ScoreGraph
from evonsfw.shape_table import shape_table
from evonsfw.shapes import shape_names
from evonsfw.vector import elements


def test_key_frames_give_every_picture_back() -> None:
    encoding = make_config(SETTINGS).encoding
    steps = list(a_story(a_run(encoding, 9)).steps)
    found = json.loads(json.dumps(key_frames(steps, encoding, CANVAS)))
    before: list[list[object]] = []
    repeated = 0
    for step, frame in zip(steps, found["frames"], strict=True):
        before = [
            old if new == 0 else new
            for new, old in zip(frame["shapes"], before or frame["shapes"], strict=True)
        ]
        repeated += frame["shapes"].count(0)
        shown = [
            (found["kinds"][kind][0], dict(zip(found["kinds"][kind][1:], values, strict=True)))
            for kind, *values in before
        ]
        drawing = encoding.decode(step.genome)
        assert shown == [tuple(element) for element in fine_elements(drawing, CANVAS)]
    assert repeated == 2 * 6 + 6 * 5  # all of every third one, else all but one


@pytest.mark.parametrize("name", shape_names())
def test_short_numbers_stay_within_half_a_tenth(name: str) -> None:
    encoding = make_config(SETTINGS | {"shapes": name}).encoding
    drawing = encoding.decode(a_run(encoding, 1)[0])
    exact = elements(drawing, fine_canvas(CANVAS))
    for short, long in zip(fine_elements(drawing, CANVAS), exact, strict=True):
        assert short.tag == long.tag
        assert short.attributes[long.paint] == long.attributes[long.paint]
        assert short.attributes.keys() == long.attributes.keys()
        for name, tolerance in ((n, 0.0505) for n in long.attributes if n != long.paint):
            numbers = [
                [float(number) for number in re.findall(r"-?[\d.]+", which.attributes[name])]
                for which in (short, long)
            ]
            limit = 0.00051 if name == f"{long.paint}-opacity" else tolerance
            np.testing.assert_allclose(numbers[0], numbers[1], rtol=0, atol=limit)
            assert len(short.attributes[name]) <= len(long.attributes[name])


def test_key_steps_by_hand() -> None:
    encoding = Encoding(("circles",), 1)
    zeros = np.zeros(encoding.length, np.float32)
    genomes = [zeros, zeros, zeros + 1, zeros + 1, zeros, zeros]
    run = course(a_story(genomes))
    assert run.changes.tolist() == [0, 2, 4]
    assert key_steps(run, encoding, None) == [0, 2, 4, 5]
    assert key_steps(run, encoding, 3) == [0, 2, 3, 4, 5]


@pytest.mark.parametrize("n", [1, 200, 5000])
def test_a_long_run_is_thinned(n: int) -> None:
    encoding = Encoding(("circles",), n)
    changing = [np.full(1, i / 1000, np.float32) for i in range(1000)]
    keys = key_steps(course(a_story(changing)), encoding, 500)
    assert {0, 500, 999} <= set(keys)
    assert len(keys) <= min(MOST, max(2, MOST_SHAPES // n)) + 1
    assert np.ptp(np.diff(thinned(1000, min(MOST, MOST_SHAPES // n)))) <= 1


@pytest.mark.parametrize(
    ("canvas", "fine"),
    [((256, 256), (1000, 1000)), ((40, 30), (1000, 750)), ((9, 900), (10, FINE))],
)
def test_fine_canvas(canvas: tuple[int, int], fine: tuple[int, int]) -> None:
    assert fine_canvas(canvas) == fine


def _graph(best: list[float], mean: list[float]) -> ScoreGraph:
    zeros = np.zeros(1, np.float32)
    pairs = zip(best, mean, strict=True)
    steps = [Step(i, 4 * i, 0.5 * i, b, m, zeros) for i, (b, m) in enumerate(pairs, start=1)]
    return ScoreGraph(course(Story(steps, "nsfw", {})), "nsfw")


def test_graph_by_hand() -> None:
    graph = _graph([0.0, 0.5, 1.0], [math.nan, 0.0, 0.5])
    assert [graph.place(i) for i in range(3)] == [(0.0, 963.0), (500.0, 500.0), (1000.0, 37.0)]
    assert [point[3] for point in graph.points()] == [None, 963.0, 500.0]
    assert graph.points()[0][4] == "generation 1 · nsfw 0.0000 · 4 scorings · 0.5 s"
    assert graph.words(1) == "generation 2 · nsfw 0.5000 · mean 0.0000 · 8 scorings · 1.0 s"
    parts = graph.svg()
    assert '<path class="best" d="M0.0 963.0h.1L500.0 500.0L1000.0 37.0"/>' in parts["lines"]
    assert '<path class="mean" d="M500.0 963.0h.1L1000.0 500.0"/>' in parts["lines"]
    assert re.findall(r">([^<]+)<", parts["generations"]) == ["1", "2", "3"]
    assert set(re.findall(r">([^<]+)<", parts["scores"])) >= {"0.0", "0.5", "1.0"}


@pytest.mark.parametrize(
    ("best", "mean"),
    [
        ([0.5], [math.nan]),
        ([0.5, 0.5], [0.5, 0.5]),
        ([math.nan], [math.nan]),
        ([1e-9] * 3, [0.0] * 3),
    ],
)
def test_a_graph_of_next_to_nothing(best: list[float], mean: list[float]) -> None:
    graph = _graph(best, mean)
    json.dumps(graph.points(), allow_nan=False)
    assert "nan" not in "".join(graph.svg().values())
    assert all(0 <= x <= SIDE and 0 <= y <= SIDE for _, x, y, *_ in graph.points())


def test_table_by_hand() -> None:
    encoding = Encoding(("circles", "triangles"), 2, (0.5, 0.5))
    genome = np.zeros(encoding.length, np.float32)
    encoding.rows(genome)[:, :2] = [[0.5, 0.25], [1.0, 0.0]]
    encoding.rows(genome)[0, -4] = 1.0
    table = Outline(shape_table(encoding.decode(genome), (100, 200), (-0.02, 0.01)))
    assert table.errors == []
    cells = [text for i, text in table.texts.items() if table.tags[i][0] in ("th", "td")]
    assert cells[:8] == ["No.", "Shape", "Colour", "Opacity", "x", "y", "Radius", "Contribution"]
    radius = f"{math.sqrt(100 * 200) * 0.008:.1f}"
    assert cells[8:16] == ["1", "circles", "#ff0000", "0.50", "50", "50", radius, "−0.0200"]
    assert cells[16:22] == ["2", "triangles", "#000000", "0.50", "100", "0"]
    assert cells[23] == "+0.0100"
    assert [(bar["class"], bar["x"], bar["width"]) for bar in table.all("rect")] == [
        ("raises", "-100.0", "100.0"),
        ("lowers", "0.0", "50.0"),
    ]


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({}, "evonsfw"),
        ({"seed": 0, "n": 50, "shapes": ["circles"]}, "evonsfw --shapes circles --n 50 --seed 0"),
        ({"alpha": [0.1, 0.5]}, "evonsfw --alpha 0.1 0.5"),
        ({"gradient": False, "robust": True}, "evonsfw --no-gradient --robust"),
        ({"objective": "nsfw - 0.5*clutter"}, "evonsfw --objective 'nsfw - 0.5*clutter'"),
        ({"target_score": 0.5}, "evonsfw --target-score 0.5"),
        ({"target": "a b.png"}, "evonsfw --target 'a b.png'"),
        ({"palette": ["#112233", "#445566"]}, "evonsfw --palette '#112233,#445566'"),
    ],
)
def test_recipe(settings: dict[str, object], words: str) -> None:
    assert recipe(make_config(settings).to_dict()) == words
