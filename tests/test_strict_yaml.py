"""YAML that is exactly what is expected, or one line that says what is wrong."""

from __future__ import annotations

from pathlib import Path

import pydantic
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from evonsfw.strict_yaml import MAX_BYTES, explain, read_text, read_yaml


class Soup(pydantic.BaseModel):
    model_config = pydantic.ConfigDict(extra="forbid")
    salt: int = pydantic.Field(ge=0)
    leek: str = "green"
    stir: bool = pydantic.Field(False, alias="stirred")

    @pydantic.field_validator("leek")
    @classmethod
    def _green(cls, value: str) -> str:
        if value != "green":
            raise ValueError(f"'{value}': expected green")
        return value


def _refusal(path: Path) -> str:
    with pytest.raises(ValueError, match="soup") as caught:
        read_yaml(path, "soup")
    assert str(caught.value).startswith(f"soup {path}: ")
    assert "\n" not in str(caught.value)
    return str(caught.value).removeprefix(f"soup {path}: ")


def _refused(tmp_path: Path, text: str) -> str:
    path = tmp_path / "soup.yaml"
    path.write_text(text, encoding="utf-8")
    return _refusal(path)


def _outcome(path: Path) -> tuple[dict[str, object] | None, str]:
    try:
        return read_yaml(path, "soup"), ""
    except ValueError as error:
        return None, str(error)


def test_a_mapping(tmp_path: Path) -> None:
    path = tmp_path / "soup.yaml"
    path.write_text("salt: 3\nleek: [a, 1.5, {b: null}]  # more\n'ü': yes\n", encoding="utf-8")
    assert read_yaml(path, "soup") == {"salt": 3, "leek": ["a", 1.5, {"b": None}], "ü": True}


@pytest.mark.parametrize("text", ["", "# nothing", "- 1\n- 2", "salt", "3", "1: 2", "null: 1"])
def test_not_a_mapping_of_texts(tmp_path: Path, text: str) -> None:
    assert _refused(tmp_path, text) == "expected lines of the form `key: value`"


@pytest.mark.parametrize(
    "text",
    [
        "salt: [1, 2",
        "salt: {",
        "salt: 'x",
        "a: b: c",
        "salt: *leek",
        "\tsalt: 1",
        "salt: \x07",
        "? [a]\n: b",
        "salt: 2024-99-99",
        "salt: !!int leek",
        "salt: !!float leek",
        "salt: !!bool leek",
        "salt: !!timestamp leek",
        "salt: " + "[" * 3000,
        "salt: 1\n---\nsalt: 2",
    ],
)
def test_not_yaml(tmp_path: Path, text: str) -> None:
    assert _refused(tmp_path, text).startswith("not plain YAML: ")


@pytest.mark.parametrize(
    "tag", ["!!python/object/apply:os.getcwd []", "!!python/name:os.system", "!!python/tuple [1]"]
)
def test_python_tags(tmp_path: Path, tag: str) -> None:
    problem = _refused(tmp_path, f"leek: 1\nsalt: {tag}")
    assert problem.startswith("not plain YAML: could not determine a constructor for the tag")
    assert problem.endswith("(line 2)")


def test_missing(tmp_path: Path) -> None:
    assert _refusal(tmp_path / "none.yaml") == "no such file"


def test_folder(tmp_path: Path) -> None:
    assert "directory" in _refusal(tmp_path)


def test_not_text(tmp_path: Path) -> None:
    path = tmp_path / "soup.yaml"
    path.write_bytes(b"salt: \xff\xfe")
    assert _refusal(path) == "not UTF-8 text"


def test_too_large(tmp_path: Path) -> None:
    path = tmp_path / "soup.yaml"
    path.write_bytes(b"#" * (MAX_BYTES + 1))
    assert "larger than 1 MB" in _refusal(path)
    path.write_bytes(b"#" * MAX_BYTES)
    assert len(read_text(path, "soup")) == MAX_BYTES


@settings(
    deadline=None,
    max_examples=100,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(st.one_of(st.binary(max_size=40), st.text(max_size=40).map(lambda t: t.encode("utf-8"))))
def test_any_bytes_are_a_mapping_or_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "soup.yaml"
    path.write_bytes(content)
    result, problem = _outcome(path)
    if result is None:
        assert problem.startswith(f"soup {path}: ")
        assert "\n" not in problem
    else:
        assert all(isinstance(key, str) for key in result)


@pytest.mark.parametrize(
    ("values", "line"),
    [
        ({"salt": 1, "leak": "green"}, "unknown key 'leak': did you mean leek?"),
        ({"salt": 1, "stired": True}, "unknown key 'stired': did you mean stirred?"),
        ({}, "key 'salt' is missing"),
        ({"salt": "much"}, "salt = 'much': input should be a valid integer"),
        ({"salt": -1}, "salt = -1: input should be greater than or equal to 0"),
        ({"salt": 1, "leek": "blue"}, "leek: 'blue': expected green"),
    ],
)
def test_explain(values: dict[str, object], line: str) -> None:
    with pytest.raises(pydantic.ValidationError) as caught:
        Soup.model_validate(values)
    explained = explain(caught.value, Soup)
    assert explained.startswith(line)
    assert "\n" not in explained


def test_a_value_of_any_length_is_told_on_a_short_line() -> None:
    laughs: list[object] = ["ha"] * 10
    for _ in range(30):
        laughs = [laughs] * 10
    for value in (laughs, "x" * 10_000):
        for key in ("salt", "leek"):
            with pytest.raises(pydantic.ValidationError) as caught:
                Soup.model_validate({"salt": 1, key: value})
            assert len(explain(caught.value, Soup)) < 400
