"""The command line: words a person types, one call each."""

from __future__ import annotations

import inspect
import io
import shlex
import sys
import types
import typing
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any, NoReturn

import typer

import evonsfw
from evonsfw.config import RunConfig, make_config, read_config

EXAMPLES = """Evolve pictures of circles and triangles until an image classifier sees what you ask.

[bold]evonsfw --shapes triangles --n 100[/]  evolves 100 triangles that open_nsfw scores above 0.99.

[bold]evonsfw --shapes circles --n 50 --until 0.999[/]  goes further, with circles.

[bold]evonsfw --target picture.jpg --n 200 --evaluations 20000[/]  paints a likeness.

[bold]evonsfw resume runs/RUN --evaluations 2000[/]  goes on with a run.
"""

app = typer.Typer(
    name="evonsfw",
    add_completion=False,
    rich_markup_mode="rich",
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)


def main(arguments: list[str] | None = None) -> NoReturn:
    """Run the command line; every error that a user can cause is one line and exit code 2."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):  # file names may hold what cannot be printed
            stream.reconfigure(errors="backslashreplace")
    try:
        code = app(args=arguments, standalone_mode=False)
    except typer.TyperException as error:
        fail(f"{error.format_message()} (evonsfw --help shows how)")
    except typer.Abort:
        sys.exit(130)
    except (ValueError, OSError, RuntimeError) as error:
        fail(_in_words(error))
    sys.exit(code if isinstance(code, int) else 0)


def fail(message: str) -> NoReturn:
    """Print one line to standard error and exit with 2."""
    print(f"evonsfw: {' '.join(message.split())}", file=sys.stderr)
    sys.exit(2)


def _in_words(error: Exception) -> str:
    """An exception as one line; a defect of the program keeps its traceback."""
    if isinstance(error, OSError) and error.strerror:
        where = f"{error.filename}: " if error.filename else ""
        return f"{where}{error.strerror}; what was finished is kept"
    if isinstance(error, RuntimeError) and not type(error).__module__.startswith("evonsfw"):
        raise error
    return str(error)


def _say(line: str) -> None:
    print(line, flush=True)


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
    "every": "K",
    "shapes": "NAME[,NAME…]",
    "background": "COLOUR",
    "palette": "COLOURS|FILE",
    "classifier": "NAME|FILE",
    "class_": "NAME|INDEX",
}
_PANELS = {
    "Picture": ("shapes", "n", "size", "alpha", "background", "palette"),
    "Goal": ("classifier", "class_", "objective", "target_score", "target", "robust", "pareto"),
    "Search": ("search", "gradient", "population", "seed"),
    "End (the first one reached counts)": (
        *("generations", "evaluations", "minutes", "until", "fewest"),
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


def _with_flags(command: Callable[..., None]) -> Callable[..., None]:
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


def _given(settings: dict[str, Any], base: dict[str, Any] | None = None) -> RunConfig:
    """Flags that were given, over the values of a file, checked."""
    given = {key: value for key, value in settings.items() if value is not None}
    aliases = {name: field.alias or name for name, field in RunConfig.model_fields.items()}
    return make_config({**(base or {}), **{aliases[key]: value for key, value in given.items()}})


def _version(wanted: bool) -> None:
    if wanted:
        print(f"evonsfw {evonsfw.__version__}")
        raise typer.Exit


WindowFlag = Annotated[
    bool | None,
    typer.Option(
        "--window/--no-window",
        help="Show a window. Default: where there is a display.",
        rich_help_panel="Machine and files",
    ),
]


@app.callback(invoke_without_command=True, help=EXAMPLES)
@_with_flags
def evolve(
    context: typer.Context,
    out: Annotated[
        Path | None,
        typer.Option(
            help="Run folder. Default: runs/<time>_<objective>_<shapes>-<n>_s<seed>.",
            rich_help_panel="Machine and files",
        ),
    ] = None,
    config: Annotated[
        Path | None,
        typer.Option(
            help="Take settings from a config.yaml; flags beside it win.",
            rich_help_panel="Machine and files",
        ),
    ] = None,
    window: WindowFlag = None,
    version: Annotated[
        bool | None,
        typer.Option("--version", callback=_version, is_eager=True, help="Print the version."),
    ] = None,
    **settings: Any,
) -> None:
    """Evolve: the main job, when no command is given."""
    given = {key: value for key, value in settings.items() if value is not None}
    if context.invoked_subcommand is not None:
        if given or (out, config, window) != (None, None, None):
            raise ValueError(
                f"flags before '{context.invoked_subcommand}' have no effect: write them after it"
            )
        return
    base = read_config(config) if config is not None else {}
    checked = _given(settings, base)
    from evonsfw.launch import start_run

    start_run(checked, out, shlex.join(["evonsfw", *sys.argv[1:]]), _want_window(window), _say)


@app.command(epilog="Example: evonsfw resume runs/RUN --evaluations 2000")
def resume(
    run: Annotated[Path, typer.Argument(help="Run folder.", show_default=False)],
    generations: Annotated[
        str | None, typer.Option(metavar="INTEGER", help="This many more generations.")
    ] = None,
    evaluations: Annotated[
        str | None, typer.Option(metavar="INTEGER", help="This many more scorings.")
    ] = None,
    minutes: Annotated[
        str | None, typer.Option(metavar="NUMBER", help="This many more minutes.")
    ] = None,
    until: Annotated[str | None, typer.Option(metavar="NUMBER", help="Stop at this score.")] = None,
    workers: Annotated[
        str | None, typer.Option(metavar="INTEGER", help="Worker processes from now on.")
    ] = None,
    backend: Annotated[str | None, typer.Option(help="Backend from now on.")] = None,
    device: Annotated[str | None, typer.Option(help="Device from now on.")] = None,
    window: WindowFlag = None,
) -> None:
    """Go on with a run, exactly where it stopped or was killed."""
    more = {
        "generations": generations,
        "evaluations": evaluations,
        "minutes": minutes,
        "until": until,
        "workers": workers,
        "backend": backend,
        "device": device,
    }
    given = [key for key, value in more.items() if value is not None]
    checked = make_config({key: more[key] for key in given})
    from evonsfw.launch import resume_run

    further = {key: getattr(checked, key) for key in given}
    resume_run(run, further, _want_window(window), _say)


@app.command(epilog="Example: evonsfw score best.png photo.jpg --json")
def score(
    pictures: Annotated[list[Path], typer.Argument(help="Picture files.", show_default=False)],
    classifier: Annotated[
        str, typer.Option(help="A known name, a .yaml or an .onnx.")
    ] = "open_nsfw",
    json: Annotated[bool, typer.Option("--json", help="Print JSON, one object a line.")] = False,
    views: Annotated[
        bool,
        typer.Option("--views", help="Score each picture saved again, re-rendered, moved, turned."),
    ] = False,
    class_: Annotated[
        str | None,
        typer.Option(
            "--class",
            metavar="NAME|INDEX",
            help="With --views: the class whose score counts. Default: the classifier's own.",
            show_default=False,
        ),
    ] = None,
) -> None:
    """Print what a classifier says of pictures, by its own reference pipeline."""
    from evonsfw.scoring import score_files

    failures = score_files(pictures, classifier, json, _say, views, class_)
    for failure in failures:
        print(f"evonsfw: {failure}", file=sys.stderr)
    if failures:
        raise typer.Exit(2)


@app.command(epilog="Example: evonsfw ladder --steps 11 --shapes circles --n 50")
@_with_flags
def ladder(
    steps: Annotated[
        str,
        typer.Option(metavar="INTEGER", help="Pictures, those of 0 and 1 included. Default: 11."),
    ] = "11",
    out: Annotated[
        Path | None,
        typer.Option(
            help="Folder. Default: runs/<time>_ladder_<shapes>-<n>_s<seed>.",
            rich_help_panel="Machine and files",
        ),
    ] = None,
    **settings: Any,
) -> None:
    """Make a series of pictures, from a score of 0 to one of 1, by moving one picture along."""
    from evonsfw.ladder import make_ladder

    if not steps.isdecimal():
        raise ValueError(f"steps = '{steps}': expected a whole number, as in --steps 11")
    command = shlex.join(["evonsfw", *sys.argv[1:]])
    if not make_ladder(_given(settings), int(steps), out, command, _say):
        raise typer.Exit(1)


@app.command(epilog="Example: evonsfw doctor")
def doctor() -> None:
    """Print versions, backends, display, and what `auto` would choose."""
    from evonsfw.diagnosis import diagnose

    for line in diagnose():
        print(line)


def _want_window(wanted: bool | None) -> bool:
    """Whether to open a window; ValueError where one was asked for and cannot be."""
    from evonsfw.display import display_present

    if wanted and not display_present():
        raise ValueError("--window: there is no display here; leave it out, or use --no-window")
    return display_present() if wanted is None else wanted
