"""The genome in plain named fields: as its schema says, bit for bit, and nothing taken on trust."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from artworks import CANVAS, artwork
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from evonsfw.exporters import Artwork
from evonsfw.exporters import json as json_exporter
from evonsfw.genome import Encoding, genome_from_text, genome_to_text
from evonsfw.provenance import read_provenance
from evonsfw.shapes import load_shape, shape_names

SCHEMA = json.loads(
    (Path(__file__).parents[1] / "docs" / "genome.schema.json").read_text(encoding="utf-8")
)
TYPES = {"object": dict, "array": list, "string": str, "number": int | float, "integer": int}
SAID = {"$schema", "title", "description", "$defs", "required"}
"""Keywords that need no check of their own, and one that `_check` looks at with its object."""


def _check(value: Any, schema: dict[str, Any], where: str = "$") -> None:
    """Validate by the keywords of JSON Schema that ours uses; any other fails."""
    for keyword, wanted in schema.items():
        match keyword:
            case "$ref":
                _check(value, SCHEMA["$defs"][wanted.removeprefix("#/$defs/")], where)
            case "type":
                assert isinstance(value, TYPES[wanted]), f"{where}: {value} is no {wanted}"
                assert not isinstance(value, bool), f"{where}: {value}"
            case "const":
                assert value == wanted, where
            case "minimum":
                assert value >= wanted, where
            case "maximum":
                assert value <= wanted, where
            case "pattern":
                assert re.search(wanted, value), where
            case "items":
                for i, item in enumerate(value):
                    _check(item, wanted, f"{where}[{i}]")
            case "properties":
                for key in value.keys() & wanted.keys():
                    _check(value[key], wanted[key], f"{where}.{key}")
            case "additionalProperties":
                for key in value.keys() - schema.get("properties", {}).keys():
                    assert wanted is not False, f"{where}: unknown field {key}"
                    _check(value[key], wanted, f"{where}.{key}")
            case _:
                assert keyword in SAID, f"the test knows no {keyword}"
    for key in schema.get("required", []):
        assert key in value, f"{where}: {key} is missing"


def _written(path: Path, what: Artwork) -> dict[str, Any]:
    json_exporter.write(path / "art.json", what, CANVAS)
    return json.loads((path / "art.json").read_text(encoding="utf-8"))


@pytest.mark.parametrize("shapes", [*shape_names(), ",".join(shape_names())])
@pytest.mark.parametrize("palette", [[], ["#102030"]])
def test_it_is_as_the_schema_says(shapes: str, palette: list[str], tmp_path: Path) -> None:
    what = artwork(shapes=shapes, palette=palette)
    fields = _written(tmp_path, what)
    _check(fields, SCHEMA)
    assert fields.keys() == SCHEMA["properties"].keys()
    silent = Artwork(what.genome, what.encoding)
    _check(_written(tmp_path, silent), SCHEMA)


@pytest.mark.parametrize(
    "change",
    [
        {"kind": "photo"},
        {"format": "1"},
        {"score": "0.5"},
        {"settings": []},
        {"extra": 1},
        {"background": {"red": 0.0, "green": 0.0}},
        {"shapes": [{"shape": "circles"}]},
    ],
)
def test_the_schema_refuses_what_is_otherwise(change: dict[str, Any], tmp_path: Path) -> None:
    with pytest.raises(AssertionError):
        _check(_written(tmp_path, artwork()) | change, SCHEMA)


def test_fields_by_hand(tmp_path: Path) -> None:
    encoding = Encoding(("circles", "triangles"), 2)
    genome = np.linspace(0.0, 1.0, encoding.length, dtype=np.float32)
    texts = {"evonsfw:score": "0.100000", "evonsfw:seed": "12", "Title": "t", "evonsfw:views": "v"}
    fields = _written(tmp_path, Artwork(genome, encoding, texts, (0.5, -0.25)))
    short = [float(str(gene)) for gene in genome]
    assert fields["background"] == dict(zip(("red", "green", "blue"), short[:3], strict=True))
    assert fields["score"] == 0.1
    assert fields["seed"] == 12
    assert fields["texts"] == {"Title": "t", "evonsfw:views": "v"}
    circle, triangle = fields["shapes"]
    assert list(circle) == [
        *("shape", *load_shape("circles").GENES, "padding"),
        *("red", "green", "blue", "alpha", "contribution"),
    ]
    assert circle["padding"] == short[6:9]
    assert circle["alpha"] == short[12]
    assert circle["contribution"] == 0.5
    assert list(triangle)[:7] == ["shape", *load_shape("triangles").GENES]
    assert triangle["x"] == short[13]
    assert triangle["contribution"] == -0.25


@settings(deadline=None, max_examples=60)
@given(
    genes=hnp.arrays(np.float32, 3 + 2 * 10, elements=st.floats(0, 1, width=32)),
    name=st.sampled_from(["genes"]),
)
def test_any_genome_comes_back_bit_for_bit(
    genes: np.ndarray, name: str, tmp_path_factory: pytest.TempPathFactory
) -> None:
    path = tmp_path_factory.getbasetemp() / f"{name}.json"
    what = Artwork(genes, Encoding(("circles", "triangles"), 2))
    json_exporter.write(path, what, CANVAS)
    found = genome_from_text(json_exporter.read(path)["evonsfw:genome"])
    assert found.tobytes() == genes.tobytes()
    assert json_exporter.same(path, what) is True


@pytest.mark.parametrize(
    "texts",
    [
        {"evonsfw:score": "nan"},
        {"evonsfw:score": "1e-3"},
        {"evonsfw:score": "-0.250000"},
        {"evonsfw:seed": "007"},
        {"evonsfw:seed": "true"},
        {"evonsfw:generation": "12.5"},
        {"evonsfw:settings": "no JSON"},
        {"evonsfw:settings": "[1]"},
        {"evonsfw:settings": '{"a":  1}'},
        {"evonsfw:settings": '{"a": NaN}'},
        {"evonsfw:version": "", "text": "", "kind": "other"},
    ],
)
def test_any_text_comes_back(texts: dict[str, str], tmp_path: Path) -> None:
    """Written as a number or an object only where that gives the text back."""
    what = artwork()
    path = tmp_path / "art.json"
    json_exporter.write(path, Artwork(what.genome, what.encoding, texts), CANVAS)
    _check(json.loads(path.read_text(encoding="utf-8")), SCHEMA)
    assert json_exporter.read(path) == {**texts, "evonsfw:genome": genome_to_text(what.genome)}


def test_what_is_edited_by_hand_is_read(tmp_path: Path) -> None:
    fields = _written(tmp_path, artwork())
    fields["shapes"][2] |= {"red": 1, "x": 0.25, "note": "mine"}
    path = tmp_path / "mine.json"
    path.write_text(json.dumps(fields, indent=4), encoding="utf-8")
    found = read_provenance(path)
    assert found is not None
    row = found.config.encoding.rows(found.genome)[2]
    assert row[0] == 0.25
    assert row[-4] == 1.0
    assert json_exporter.same(path, artwork()) is False


@pytest.mark.parametrize(
    ("path", "value", "reason"),
    [
        (("shapes", 1, "x"), float("nan"), "NaN: expected a number"),
        (("shapes", 1, "x"), float("inf"), "Infinity: expected a number"),
        (("shapes", 1, "x"), 1.5, "shape 2: x = 1.5: expected a number from 0 to 1"),
        (("shapes", 1, "x"), -1e-9, "shape 2: x"),
        pytest.param(("shapes", 1, "x"), 10**400, "shape 2: x = 1000", id="huge gene"),
        (("shapes", 1, "x"), "0.5", "shape 2: x = 0.5"),
        (("shapes", 1, "x"), True, "shape 2: x = True"),
        (("shapes", 1, "x"), None, "shape 2: x = None"),
        (("shapes", 1, "x"), [[[[]]]], "shape 2: x"),
        (("shapes", 0, "padding"), 0.5, "padding"),
        (("shapes", 0, "padding"), [0.5], "one length"),
        (("shapes", 0, "padding"), ["a", 0, 0], "shape 1: padding = a"),
        (("shapes", 1, "shape"), "../evil", "shape 2 is of ../evil: the settings have curves"),
        (("shapes", 1, "shape"), 5, "shape 2 is of 5"),
        (("shapes", 1), "circle", "expected objects"),
        (("shapes",), {}, "expected a list"),
        (("background", "red"), 2, "background: red = 2"),
        (("background",), [], "background = \\[\\]: expected an object"),
        (("texts",), 5, "texts = 5: expected an object"),
        (("texts", "Title"), 5, "Title = 5: expected a text"),
        (("score",), "high", "score = high: expected a number"),
        pytest.param(("score",), 10**400, "too large", id="huge score"),
        (("seed",), 1.5, "seed = 1.5: expected a whole number"),
        (("settings",), "none", "settings = none: expected an object"),
        (("format",), "1", "format = 1: expected a whole number"),
        (("format",), 2, r"made by a newer evonsfw \(0.1.0\): update evonsfw"),
    ],
)
def test_a_wrong_value_is_one_line(
    path: tuple[Any, ...], value: object, reason: str, tmp_path: Path
) -> None:
    fields = _written(tmp_path, artwork())
    place: Any = fields
    for key in path[:-1]:
        place = place[key]
    place[path[-1]] = value
    file = tmp_path / "bad.json"
    file.write_text(json.dumps(fields), encoding="utf-8")
    with pytest.raises(ValueError, match=reason) as caught:
        json_exporter.read(file)
    assert "\n" not in str(caught.value)
    assert str(caught.value).startswith(f"picture {file}: ")


@pytest.mark.parametrize("field", ["format", "background", "shapes"])
def test_a_missing_field_is_one_line(field: str, tmp_path: Path) -> None:
    fields = _written(tmp_path, artwork())
    del fields[field]
    (tmp_path / "bad.json").write_text(json.dumps(fields), encoding="utf-8")
    with pytest.raises(ValueError, match=f"{field} = None: expected"):
        json_exporter.read(tmp_path / "bad.json")


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        ("[" * 100_000, "nested too deeply"),
        ('{"kind": ' * 100_000, "nested too deeply"),
        ("1" * 5000, "digits"),
        ('{"kind": "evonsfw genome", "format": 1', "damaged, or no JSON"),
        ("", "damaged, or no JSON"),
    ],
)
def test_a_hostile_file_is_one_line(content: str, reason: str, tmp_path: Path) -> None:
    (tmp_path / "bad.json").write_text(content)
    with pytest.raises(ValueError, match=reason) as caught:
        json_exporter.read(tmp_path / "bad.json")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("content", ["{}", "[1, 2]", '"text"', '{"name": "a package"}'])
def test_json_about_other_things_holds_no_genome(content: str, tmp_path: Path) -> None:
    path = tmp_path / "other.json"
    path.write_text(content)
    assert json_exporter.read(path) == {}
    assert read_provenance(path) is None
    assert json_exporter.same(path, artwork()) is False


def test_without_settings_a_shape_is_taken_at_its_word(tmp_path: Path) -> None:
    fields = _written(tmp_path, artwork())
    del fields["settings"]
    path = tmp_path / "bad.json"
    for shape, reason in (("../evil", "evil"), (5, "expected a text"), ("circles", "one length")):
        fields["shapes"][1]["shape"] = shape
        path.write_text(json.dumps(fields), encoding="utf-8")
        with pytest.raises(ValueError, match=reason):
            json_exporter.read(path)


def test_shapes_in_another_order_than_the_settings_say(tmp_path: Path) -> None:
    """Curves where the settings have circles: what would be painted is not what is written."""
    fields = _written(tmp_path, artwork())
    fields["shapes"] = fields["shapes"][1:] + fields["shapes"][:1]
    (tmp_path / "bad.json").write_text(json.dumps(fields), encoding="utf-8")
    with pytest.raises(ValueError, match="shape 1 is of curves: the settings have circles"):
        json_exporter.read(tmp_path / "bad.json")
