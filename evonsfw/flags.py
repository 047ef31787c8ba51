"""Flags: one for each field of the settings, made from the field itself."""

from __future__ import annotations

import inspect
import math
import types
import typing
from collections.abc import Callable
from typing import Annotated, Any

import typer

from evonsfw.config import RunConfig, make_config


def _flags() -> dict[str, typing.Any]:
    """One option for each field of RunConfig: name, type, help, and default in the help."""
    options: dict[str, Any] = {}
    for name, field in RunConfig.model_fields.items():
        kind = _option_type(field.annotation)
        shown = _shown(field.get_default())
        default = f" Default: {shown}." if shown else ""
        word = (field.alias or name).replace("_", "-")
        flag = field.annotation is bool
        option = typer.Option(
            f"--{word}/--no-{word}" if flag else f"--{word}",
            help=_escaped(f"{field.description}{default}"),
            show_default=False,
            metavar=None if flag else _metavar(name, field.annotation),
            rich_help_panel=_panel(name),
        )
        options[name] = Annotated[kind, option]
    return options


def _metavar(name: str, annotation: Any) -> str:
    return _METAVARS.get(name) or _number_word(annotation) or "WORD"


_METAVARS = {
    "alpha": "LOW HIGH",
    "size": "N|WxH",
    "target": "PICTURE",
    "weight": "PICTURE",
    "from_": "FILE",
    "every": "K",
    "shapes": "NAME[,NAME…]",
    "background": "COLOUR",
    "palette": "COLOURS|FILE",
    "classifier": "NAME|FILE",
    "class_": "NAME|INDEX",
}
_PANELS = {
    "Picture": ("shapes", "n", "size", "alpha", "background", "palette"),
    "Goal": (
        *("classifier", "class_", "objective", "target_score", "target", "weight", "robust"),
        "pareto",
    ),
    "Search": ("search", "gradient", "population", "seed", "from_"),
    "End (the first one reached counts)": (
        *("generations", "evaluations", "minutes", "until", "until_rmse", "fewest"),
    ),
}


def _panel(name: str) -> str:
    return next((panel for panel, names in _PANELS.items() if name in names), "Machine and files")


def _option_type(annotation: Any) -> Any:
    """Words, as many as a field takes: the field itself checks and converts them; a field that
    is true or false is a flag and its opposite.
    """
    if annotation is bool:
        return bool | None
    return tuple[str, str] | None if typing.get_args(annotation) == (float, float) else str | None


def _number_word(annotation: Any) -> str | None:
    """What the help calls a number's value."""
    inner = [part for part in typing.get_args(annotation) if part is not types.NoneType]
    if typing.get_origin(annotation) in (typing.Union, types.UnionType) and len(inner) == 1:
        annotation = inner[0]
    while typing.get_origin(annotation) is Annotated:
        annotation = typing.get_args(annotation)[0]
    return {int: "INTEGER", float: "NUMBER"}.get(annotation)


def _shown(default: Any) -> str:
    if isinstance(default, tuple):
        return " ".join(str(part) for part in default)
    if isinstance(default, bool):
        return "yes" if default else "no"
    return "" if default is None else str(default)


def _escaped(text: str) -> str:
    return text.replace("[", r"\[")


def with_flags(command: Callable[..., None]) -> Callable[..., None]:
    """Give a command that takes **settings one parameter for each field of RunConfig."""
    flags = _flags()
    own = [
        parameter.replace(annotation=typing.get_type_hints(command, include_extras=True)[name])
        for name, parameter in inspect.signature(command).parameters.items()
        if parameter.kind is not inspect.Parameter.VAR_KEYWORD
    ]
    added = [
        inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=None, annotation=kind)
        for name, kind in flags.items()
    ]
    keyword = [parameter.replace(kind=inspect.Parameter.KEYWORD_ONLY) for parameter in own]
    command.__signature__ = inspect.Signature(added + keyword)  # type: ignore[attr-defined]
    command.__annotations__ = {p.name: p.annotation for p in added + keyword}
    return command


def given_config(settings: dict[str, Any], base: dict[str, Any] | None = None) -> RunConfig:
    """Flags that were given, over the values of a file, checked."""
    given = {key: value for key, value in settings.items() if value is not None}
    aliases = {name: field.alias or name for name, field in RunConfig.model_fields.items()}
    return make_config({**(base or {}), **{aliases[key]: value for key, value in given.items()}})


def positive(flag: str, text: str, whole: bool = False) -> float:
    """The number above 0 that a flag of one command was given.

    Raises:
        ValueError: it is none.
    """
    try:
        value = float(int(text) if whole else float(text))
    except ValueError:
        value = math.nan
    if not 0.0 < value < math.inf:
        kind = "whole number" if whole else "number"
        raise ValueError(f"--{flag} {text}: expected a {kind} above 0")
    return value
