"""YAML files that must be exactly what is expected, and errors that fit on one line."""

from __future__ import annotations

import reprlib
from pathlib import Path
from typing import Any

import pydantic
import yaml

from evonsfw.discovery import nearest

MAX_BYTES = 1 << 20
MAX_MESSAGE = 300
"""Characters of a message, which may quote a value of any length."""
_SHORT = reprlib.Repr()
_SHORT.maxstring = _SHORT.maxother = 80
_SHORT.maxlevel = 2


class _Loader(yaml.SafeLoader):
    """PyYAML's safe one; it would take the last of several equal keys."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        """Where a key is there twice, somebody believes in the other one."""
        seen: set[str] = set()
        pairs = node.value if isinstance(node, yaml.MappingNode) else []  # as of `!!map [a]`
        for key in (key for key, _ in pairs if isinstance(key, yaml.ScalarNode)):
            if key.value in seen:
                problem, mark = f"key '{key.value}' is there twice", key.start_mark
                raise yaml.constructor.ConstructorError(problem=problem, problem_mark=mark)
            seen.add(key.value)
        return super().construct_mapping(node, deep)


def parse_yaml(text: str) -> Any:
    """What plain YAML says.

    Raises:
        ValueError: it is not YAML, or has a Python tag or a key twice.
    """
    try:
        return yaml.load(text, _Loader)  # noqa: S506  # a safe one
    except Exception as error:  # noqa: BLE001  # of 2024-99-99, !!bool x, [[[[… PyYAML raises others
        raise ValueError(f"not plain YAML: {_first_problem(error)}") from None


def read_yaml(path: Path, what: str) -> dict[str, Any]:
    """Read a YAML mapping.

    Args:
        path: the file.
        what: what it is, for error messages ("classifier").

    Raises:
        ValueError: it is missing, unreadable, not YAML, has a Python tag or a key twice, or is
            not a mapping.
    """
    text = read_text(path, what)
    try:
        content = parse_yaml(text)
    except ValueError as error:
        raise ValueError(f"{what} {path}: {error}") from None
    if not isinstance(content, dict) or not all(isinstance(key, str) for key in content):
        raise ValueError(f"{what} {path}: expected lines of the form `key: value`")
    return content


def read_text(path: Path, what: str) -> str:
    """Read a small UTF-8 file.

    Raises:
        ValueError: it is missing, unreadable, not text, or larger than 1 MB.
    """
    try:
        if path.stat().st_size > MAX_BYTES:
            raise ValueError(f"{what} {path}: larger than 1 MB: not such a file")
        return path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise ValueError(f"{what} {path}: no such file") from None
    except UnicodeDecodeError:
        raise ValueError(f"{what} {path}: not UTF-8 text") from None
    except OSError as error:
        raise ValueError(f"{what} {path}: {error.strerror}") from None


def explain(error: pydantic.ValidationError, model: type[pydantic.BaseModel]) -> str:
    """The first problem of a validation, as one line that names key, value and expectation."""
    first = error.errors(include_url=False)[0]
    key = ".".join(str(part) for part in first["loc"])
    if first["type"] == "extra_forbidden":
        known = [field.alias or name for name, field in model.model_fields.items()]
        return f"unknown key '{key}': {nearest(key, known)}"
    if first["type"] == "missing":
        return f"key '{key}' is missing"
    message = _one_line(first["msg"].removeprefix("Value error, "))
    if first["type"] == "value_error":
        return f"{key}: {message}" if key else message
    return f"{key} = {_SHORT.repr(first['input'])}: {message[0].lower()}{message[1:]}"


def _one_line(message: str) -> str:
    words = " ".join(message.split())
    return words if len(words) <= MAX_MESSAGE else words[:MAX_MESSAGE] + "…"


def _first_problem(error: Exception) -> str:
    problem = getattr(error, "problem", None) or str(error).partition("\n")[0]
    mark = getattr(error, "problem_mark", None)
    where = f" (line {mark.line + 1})" if mark else ""
    return f"{problem}{where}"
