"""The command line that makes a run again."""

from __future__ import annotations

import shlex
from typing import Any

from evonsfw.config import RunConfig, make_config


def recipe(settings: dict[str, Any]) -> str:
    """The flags that differ from their defaults, the seed among them, quoted for a shell.

    Args:
        settings: as `RunConfig.to_dict` gives them.

    Raises:
        ValueError: they are no settings of this version.
    """
    given, plain = make_config(settings).to_dict(), RunConfig().to_dict()
    flags = (_flag(key, value) for key, value in given.items() if value != plain[key])
    return shlex.join(["evonsfw", *(word for words in flags for word in words)])


def _flag(key: str, value: Any) -> list[str]:
    """The words of one flag."""
    word = key.replace("_", "-")
    if isinstance(value, bool):
        return [f"--{word}" if value else f"--no-{word}"]
    if key == "alpha":
        return [f"--{word}", *(f"{bound:g}" for bound in value)]
    return [f"--{word}", ",".join(value) if isinstance(value, list) else str(value)]
