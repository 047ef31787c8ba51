"""How people may spell a setting, on the command line and in YAML, and what is made of it.

None of these refuses anything but a palette's file: what they do not know they hand on as it is,
and the setting's own check says what is wrong with it.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from pydantic_core import PydanticCustomError

from evonsfw.strict_yaml import parse_yaml, read_text

AUTO_NUMBER = 0
"""What stands for as many shapes as it takes, until that is known."""


def words(value: Any) -> Any:
    """Take "a,b" or a YAML list to a tuple of words."""
    parts = value.split(",") if isinstance(value, str) else value
    if not isinstance(parts, list | tuple):
        return parts if parts is not None else ()
    return tuple(p.strip() if isinstance(p, str) else p for p in parts)


def palette(value: Any) -> Any:
    """Take "#rrggbb,…", a YAML list, or the name of a YAML file that holds one.

    Raises:
        ValueError: the file is missing, or holds no such list.
    """
    if isinstance(value, str) and Path(value).suffix in (".yaml", ".yml"):
        return _palette_file(Path(value))
    return words(value)


def _palette_file(path: Path) -> tuple[str, ...]:
    text = read_text(path, "palette")
    try:
        content = parse_yaml(text)
    except ValueError:
        content = None
    if isinstance(content, dict):
        content = content.get("palette")
    if not isinstance(content, list) or not all(isinstance(c, str) for c in content):
        raise ValueError(f"palette {path}: expected a YAML list of '#rrggbb' colours, in quotes")
    return tuple(content)


def size(value: Any) -> Any:
    """Take "256", 256 or "640x480" to "WxH"."""
    if isinstance(value, int) and not isinstance(value, bool):
        return f"{value}x{value}"
    if isinstance(value, str):
        sides = value.lower().replace("×", "x").split("x")
        if 1 <= len(sides) <= 2 and all(side.strip().isdecimal() for side in sides):
            return f"{int(sides[0])}x{int(sides[-1])}"
    return value


def number(value: Any) -> Any:
    """Take "auto" to AUTO_NUMBER; nothing else comes to that.

    Raises:
        PydanticCustomError: a whole number below 1.
    """
    text = str(value).strip()
    if text.removeprefix("-").isdecimal() and int(text) < 1:
        told = "Input should be greater than or equal to 1, or auto"
        raise PydanticCustomError("number", told)
    return AUTO_NUMBER if text == "auto" else value


def shown_number(number: int) -> int | str:
    """The other way round."""
    return number or "auto"


def index(value: Any) -> Any:
    """Take an index that YAML reads as a number to the text that a name would be."""
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else value
