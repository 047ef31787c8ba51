"""RunConfig: defaults, spellings, round trips, and every kind of wrong value."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from evonsfw.config import FORMAT, RunConfig, make_config, read_config
from evonsfw.objectives import objective_names
from evonsfw.search import search_names
from evonsfw.shapes import shape_names

INTEGERS = ("n", "population", "seed", "generations", "evaluations", "workers", "every")
FLOATS = ("target_score", "minutes", "until", "until_rmse")
NO_TARGET = {"target": None, "weight": None, "until_rmse": None}
"""What a goal without a target picture has no use for."""
TEXTS = (
    *("background", "classifier", "class", "objective", "target", "weight", "search", "size"),
    "from",
)
PLACES = ("backend", "device")
FULL: dict[str, Any] = {
    "shapes": ["triangles", "circles"],
    "n": 42,
    "size": "640x480",
    "alpha": [0.1, 0.5],
    "background": "#102030",
    "palette": ["#264653", "#2a9d8f"],
    "classifier": "some/model.yaml",
    "class": "teapot",
    "objective": "target-score",
    "target_score": 0.25,
    "search": "cmaes",
    "gradient": False,
    "robust": True,
    "fewest": True,
    "pareto": False,
    "population": 17,
    "seed": 4294967295,
    "from": "some/picture.png",
    "generations": 5,
    "evaluations": 600,
    "minutes": 1.5,
    "until": 0.01,
    "workers": 0,
    "backend": "openvino",
    "device": "cpu",
    "every": 3,
}


def _refusal(**values: Any) -> str:
    """The message of a refusal, which is one line."""
    with pytest.raises(ValueError, match=r"\S") as caught:
        make_config(values)
    assert type(caught.value) is ValueError
    assert "\n" not in str(caught.value)
    return str(caught.value)


def _outcome(values: dict[str, Any]) -> tuple[RunConfig | None, str]:
    try:
        return make_config(values), ""
    except ValueError as error:
        return None, str(error)


def test_defaults() -> None:
    config = make_config({})
    assert config == RunConfig()
    assert config.encoding.n == config.n == 100
    assert config.canvas == (256, 256)
    assert config.goal_name == "highest"
    assert not config.has_end
    assert config.class_ is None


def test_every_field_has_help() -> None:
    for field in RunConfig.model_fields.values():
        assert field.description
        assert field.description.endswith(".")


def test_every_field_can_be_given() -> None:
    config = make_config(FULL)
    given_and_default = {**FULL, **NO_TARGET}
    assert config.to_dict() == given_and_default
    assert set(given_and_default) == set(config.to_dict())


TOWARDS = {"target": "picture.png", "weight": "mask.png", "until_rmse": 7.5}


@pytest.mark.parametrize("values", [{}, FULL, {"target": "picture.png"}, TOWARDS])
def test_round_trips(values: dict[str, Any]) -> None:
    config = make_config(values)
    written = config.to_dict()
    assert make_config(yaml.safe_load(yaml.safe_dump(written))) == config
    assert make_config(json.loads(json.dumps(written))) == config


@settings(deadline=None)
@given(
    n=st.integers(1, 5000),
    width=st.integers(16, 4096),
    height=st.integers(16, 4096),
    alpha=st.tuples(st.floats(0, 1), st.floats(0, 1)).map(sorted),
    until=st.floats(0, 1),
)
def test_any_good_values_round_trip(
    n: int, width: int, height: int, alpha: list[float], until: float
) -> None:
    config = make_config({"n": n, "size": f"{width}x{height}", "alpha": alpha, "until": until})
    assert config.canvas == (width, height)
    assert make_config(yaml.safe_load(yaml.safe_dump(config.to_dict()))) == config


def test_a_config_is_frozen() -> None:
    with pytest.raises(ValueError, match="frozen"):
        make_config({}).n = 3


def test_class_by_alias_and_by_name() -> None:
    assert make_config({"class": "cat"}) == make_config({"class_": "cat"})
    assert make_config({"class": "cat"}).to_dict()["class"] == "cat"


@pytest.mark.parametrize("key", INTEGERS)
@pytest.mark.parametrize(
    "value", ["abc", "", 1.5, math.nan, math.inf, True, False, [], {}, -1, "1e3", "0x10"]
)
def test_not_such_an_integer(key: str, value: Any) -> None:
    assert key in _refusal(**{key: value})


@pytest.mark.parametrize("key", FLOATS)
@pytest.mark.parametrize("value", ["abc", "", math.nan, math.inf, -math.inf, True, [], -0.1, "nan"])
def test_not_such_a_number(key: str, value: Any) -> None:
    assert key in _refusal(**{key: value})


@pytest.mark.parametrize("key", TEXTS + PLACES)
@pytest.mark.parametrize("value", [True, 1.5, [], {}, ["a"]])
def test_not_a_text(key: str, value: Any) -> None:
    assert key in _refusal(**{key: value})


@pytest.mark.parametrize(
    ("key", "low", "high"),
    [
        ("n", 1, 5000),
        ("population", 2, 4096),
        ("seed", 0, 2**32 - 1),
        ("workers", 0, 256),
        ("target_score", 0.0, 1.0),
    ],
)
def test_ranges(key: str, low: float, high: float) -> None:
    for value in (low, high):
        assert make_config({key: value}).to_dict()[key] == value
    step = 1 if isinstance(low, int) else 0.001
    for value in (low - step, high + step):
        assert f"{key} = {value}" in _refusal(**{key: value})


@pytest.mark.parametrize("key", ["generations", "evaluations", "every", "minutes"])
def test_nothing_is_no_end(key: str) -> None:
    assert key in _refusal(**{key: 0})


@pytest.mark.parametrize("key", ["generations", "evaluations", "minutes", "until", "until_rmse"])
def test_each_end_is_an_end(key: str) -> None:
    assert make_config({"target": "x.png", key: 1}).has_end


@pytest.mark.parametrize(
    ("size", "canvas"),
    [
        (64, (64, 64)),
        ("64", (64, 64)),
        ("640x480", (640, 480)),
        ("640X480", (640, 480)),
        ("640×480", (640, 480)),
        (" 640 x 480 ", (640, 480)),
        ("0016x4096", (16, 4096)),
    ],
)
def test_spellings_of_size(size: Any, canvas: tuple[int, int]) -> None:
    assert make_config({"size": size}).canvas == canvas


@pytest.mark.parametrize(
    "size",
    ["", "x", "640x", "x480", "1x2x3", "15", 15, 4097, "16x4097", "a", "64.0", "-64", "6_4", 0, -1],
)
def test_not_a_size(size: Any) -> None:
    assert "size" in _refusal(size=size)


@pytest.mark.parametrize(
    ("shapes", "expected"),
    [
        ("circles", ("circles",)),
        ("circles,triangles", ("circles", "triangles")),
        (" circles , triangles ", ("circles", "triangles")),
        (["triangles", "circles"], ("triangles", "circles")),
        (("circles",), ("circles",)),
    ],
)
def test_spellings_of_shapes(shapes: Any, expected: tuple[str, ...]) -> None:
    config = make_config({"shapes": shapes})
    assert config.shapes == expected
    assert config.encoding.shapes == expected


@pytest.mark.parametrize(
    ("shapes", "hint"),
    [
        ("circels", "did you mean circles"),
        (["circles", "squares"], "unknown shape 'squares'"),
        ("", "shape"),
        ([], "no shape given"),
        (None, "no shape given"),
        ("circles,,triangles", "unknown shape ''"),
        (5, "shapes"),
        (True, "shapes"),
        ([1], "shapes"),
        ([["circles"]], "shapes"),
    ],
)
def test_not_shapes(shapes: Any, hint: str) -> None:
    assert hint in _refusal(shapes=shapes)


@pytest.mark.parametrize(
    "palette", ["#264653,#2a9d8f", " #264653 , #2a9d8f ", ["#264653", "#2a9d8f"]]
)
def test_spellings_of_palette(palette: Any) -> None:
    assert make_config({"palette": palette}).palette == ("#264653", "#2a9d8f")


@pytest.mark.parametrize("empty", [[], (), None])
def test_no_palette(empty: Any) -> None:
    assert make_config({"palette": empty}).palette == ()


@pytest.mark.parametrize("content", ["['#264653', '#2a9d8f']", "palette: ['#264653', '#2a9d8f']"])
def test_palette_of_a_file(tmp_path: Path, content: str) -> None:
    path = tmp_path / "sea.yaml"
    path.write_text(content, encoding="utf-8")
    assert make_config({"palette": str(path)}).palette == ("#264653", "#2a9d8f")


@pytest.mark.parametrize(
    "content", ["", "#264653", "3", "[1, 2]", "{colours: ['#264653']}", "[", "- !!bool x", "[[]]"]
)
def test_not_a_palette_file(tmp_path: Path, content: str) -> None:
    path = tmp_path / "sea.yaml"
    path.write_text(content, encoding="utf-8")
    assert f"palette {path}: expected a YAML list" in _refusal(palette=str(path))


def test_palette_file_is_missing(tmp_path: Path) -> None:
    assert "no such file" in _refusal(palette=str(tmp_path / "none.yaml"))


@pytest.mark.parametrize("palette", ["blue", "#264653,blue", ["#26465"], [5], 5, True, {"a": 1}])
def test_not_a_palette(palette: Any) -> None:
    assert "palette" in _refusal(palette=palette)


@pytest.mark.parametrize("background", ["blue", "#12345", "evolv", ""])
def test_not_a_background(background: str) -> None:
    assert f"colour '{background}'" in _refusal(background=background)


@pytest.mark.parametrize("alpha", [(0.0, 0.0), (1.0, 1.0), (0.0, 1.0), (0, 1)])
def test_alphas(alpha: tuple[float, float]) -> None:
    assert make_config({"alpha": alpha}).alpha == alpha


@pytest.mark.parametrize(
    "alpha",
    [
        (0.9, 0.3),
        (-0.1, 0.5),
        (0.5, 1.1),
        (0.5,),
        (0.1, 0.2, 0.3),
        0.5,
        "0.3,0.9",
        (math.nan, 1.0),
        (0.0, math.nan),
        (0.0, math.inf),
        ("a", "b"),
        (False, True),
    ],
)
def test_not_alphas(alpha: Any) -> None:
    assert "alpha" in _refusal(alpha=alpha)


@pytest.mark.parametrize(
    ("key", "value", "hint"),
    [
        ("search", "genetics", "did you mean genetic"),
        ("objective", "higest", "did you mean highest"),
        ("backend", "int9", "did you mean int8"),
        ("device", "cdua", "did you mean cuda"),
        ("targt", "x.png", "unknown key 'targt': did you mean target"),
        ("clas", "x", "unknown key 'clas': did you mean class"),
        ("class_x", "x", "unknown key 'class_x'"),
        ("zzzzz", 1, "unknown key 'zzzzz': expected one of"),
    ],
)
def test_nearest_names(key: str, value: Any, hint: str) -> None:
    assert hint in _refusal(**{key: value})


def test_help_names_what_there_is() -> None:
    for field, names in (
        ("shapes", shape_names()),
        ("objective", objective_names()),
        ("search", search_names()),
    ):
        for name in names:
            assert name in str(RunConfig.model_fields[field].description)


@pytest.mark.parametrize(
    ("values", "goal"),
    [
        ({}, "highest"),
        ({"objective": "lowest"}, "lowest"),
        ({"target_score": 0.5}, "target-score"),
        ({"target_score": 0.0}, "target-score"),
        ({"target": "x.png"}, "likeness"),
        ({"target": "x.png", "objective": "likeness"}, "likeness"),
        ({"target": "x.png", "objective": "ssim"}, "ssim"),
        ({"target": "x.png", "objective": "likeness + 0.3*nsfw"}, "likeness + 0.3*nsfw"),
        ({"target_score": 0.5, "objective": "target-score"}, "target-score"),
    ],
)
def test_goals(values: dict[str, Any], goal: str) -> None:
    assert make_config(values).goal_name == goal


@pytest.mark.parametrize(
    "values",
    [
        {"target": "x.png", "target_score": 0.5},
        {"target": "x.png", "objective": "lowest"},
        {"target_score": 0.5, "objective": "likeness"},
        {"target_score": 0.5, "objective": "ssim - clutter"},
        {"target": "x.png", "objective": "target-score"},
        {"target": "x.png", "objective": "nsfw - clutter"},
        {"target": "x.png", "objective": "'likeness' + nsfw"},
        {"target": "x.png", "objective": "p(ssim)"},
        {"target": "x.png", "objective": "symmetry"},
    ],
)
def test_two_goals(values: dict[str, Any]) -> None:
    assert "target" in _refusal(**values)


@pytest.mark.parametrize(
    ("objective", "looks", "plain"),
    [
        (None, True, True),
        ("likeness", True, True),
        ("edges", True, False),
        ("ssim", True, False),
        ("likeness + 0.3*nsfw", True, False),
        ("min(nsfw, 5*ssim)", True, False),
    ],
)
def test_what_looks_at_the_target(objective: str | None, looks: bool, plain: bool) -> None:
    config = make_config({"target": "x.png", "objective": objective})
    assert (config.looks_at_target, config.plain_likeness) == (looks, plain)
    assert config.improves
    assert config.takes_gradients


@pytest.mark.parametrize("objective", ["highest", "symmetry", "nsfw - clutter", "+'edges'"])
def test_what_looks_at_no_target(objective: str) -> None:
    config = make_config({"objective": objective})
    assert not config.looks_at_target
    assert not config.plain_likeness


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"weight": "m.png"}, "--weight m.png is for a target: give --target PICTURE"),
        ({"weight": "m.png", "objective": "+nsfw"}, "give --target PICTURE"),
        ({"until_rmse": 7}, "--until-rmse 7 is for a likeness alone"),
        ({"until_rmse": 7, "target": "x.png", "objective": "edges"}, "--until instead"),
        ({"until_rmse": 7, "until": 8, "target": "x.png"}, "not both"),
        ({"until_rmse": -0.5, "target": "x.png"}, "until_rmse = -0.5"),
        ({"until": -1, "target": "x.png", "objective": "edges"}, "until = '-1'"),
        ({"class": "nsfw", "target": "x.png", "objective": "ssim"}, "leave out --class"),
        ({"robust": True, "target": "x.png", "objective": "ssim + nsfw"}, "leave out --robust"),
        ({"search": "portrait", "objective": "+nsfw"}, "is for a likeness"),
    ],
)
def test_what_needs_a_target_of_its_kind(values: dict[str, Any], words: str) -> None:
    assert words in _refusal(**values)


@pytest.mark.parametrize(("objective", "until"), [("edges", 20.0), ("ssim", -0.2), ("+ssim", 9.0)])
def test_ends_of_comparisons(objective: str, until: float) -> None:
    config = make_config({"target": "x.png", "objective": objective, "until": until})
    assert config.until == until


def _file(folder: Path, **values: Any) -> Path:
    path = folder / "config.yaml"
    path.write_text(yaml.safe_dump(values), encoding="utf-8")
    return path


def test_read_what_a_run_writes(tmp_path: Path) -> None:
    config = make_config(FULL)
    path = _file(tmp_path, format=FORMAT, version="0.1.0", **config.to_dict())
    assert make_config(read_config(path)) == config


def test_read_only_some_keys(tmp_path: Path) -> None:
    assert make_config(read_config(_file(tmp_path, n=7))).n == 7


def test_files_beside_a_config_are_found(tmp_path: Path) -> None:
    (tmp_path / "goal.png").write_bytes(b"")
    (tmp_path / "mask.png").write_bytes(b"")
    written = {"target": "goal.png", "weight": "mask.png", "classifier": "elsewhere.yaml"}
    values = read_config(_file(tmp_path, **written))
    assert values["target"] == str(tmp_path / "goal.png")
    assert values["weight"] == str(tmp_path / "mask.png")
    assert values["classifier"] == "elsewhere.yaml"


@pytest.mark.parametrize("newer", [FORMAT + 1, 99, "two", None, []])
def test_newer_format(tmp_path: Path, newer: Any) -> None:
    path = _file(tmp_path, format=newer, version="9.9")
    with pytest.raises(ValueError, match=r"made by a newer evonsfw .*update evonsfw") as caught:
        read_config(path)
    assert str(path) in str(caught.value)


@pytest.mark.parametrize(
    "values",
    [{"n": "abc"}, {"nn": 3}, {"minutes": math.inf}, {"target": 5}, {"classifier": ["a"]}],
)
def test_a_wrong_file_is_named(tmp_path: Path, values: dict[str, Any]) -> None:
    path = _file(tmp_path, **values)
    with pytest.raises(ValueError, match="config") as caught:
        read_config(path)
    assert str(caught.value).startswith(f"config {path}: ")
    assert "\n" not in str(caught.value)


def test_python_tags(tmp_path: Path) -> None:
    path = tmp_path / "config.yaml"
    path.write_text("n: !!python/object/apply:os.getcwd []", encoding="utf-8")
    with pytest.raises(ValueError, match="not plain YAML"):
        read_config(path)


def test_a_long_wrong_value_is_shortened() -> None:
    assert len(_refusal(n="x" * 10_000)) < 400
    assert len(_refusal(shapes="x" * 10_000)) < 400


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=2)
    ),
    max_leaves=4,
)


@settings(deadline=None, max_examples=200)
@given(st.dictionaries(st.sampled_from([*FULL, *NO_TARGET, "n n"]), json_values, max_size=3))
def test_any_values_are_a_config_or_one_line(values: dict[str, Any]) -> None:
    config, problem = _outcome(values)
    if config is None:
        assert problem
        assert "\n" not in problem
    else:
        assert make_config(config.to_dict()) == config


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"until": 1.5}, "a score is at most 1"),
        ({"target": "x.png", "class": "nsfw"}, "leave out --class"),
        ({"shapes": "circles,circles"}, "each shape once"),
    ],
)
def test_settings_that_cannot_mean_anything_are_refused(
    values: dict[str, object], words: str
) -> None:
    with pytest.raises(ValueError, match=words):
        make_config(values)
    assert make_config({"target": "x.png", "until": 20.0}).until == 20.0


def test_what_goes_together() -> None:
    assert _refusal(search="memetic", gradient=False) == (
        "search 'memetic' needs gradients: leave out --no-gradient"
    )
    assert "leave out --robust" in _refusal(target="picture.png", robust=True)
    assert len(_refusal(objective="q" * 10_000)) < 120


def test_a_number_of_shapes_that_is_to_be_found() -> None:
    config = make_config({"n": "auto", "target": "x.png", "until_rmse": 20})
    assert make_config(config.to_dict()) == config
    assert config.to_dict()["n"] == "auto"
    assert "--until-rmse" in _refusal(n="auto", target="x.png")
