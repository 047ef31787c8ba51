"""The command line: words a person types, one call each."""

from __future__ import annotations

import io
import shlex
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any, NoReturn

import typer

import evonsfw
from evonsfw.commands import curves, dream, excite, invert, occlusion, saliency, shapes
from evonsfw.config import SERIES, make_config, read_config
from evonsfw.flags import given_config, positive, with_flags
from evonsfw.model_spec import DEFAULT
from evonsfw.whole_file import tidy_when_terminated

EXAMPLES = """Evolve pictures of simple shapes until an image classifier sees what you ask.

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
        with tidy_when_terminated():
            code = app(args=arguments, standalone_mode=False)
    except typer.TyperException as error:
        message = error.format_message()
        if not message:  # a group of commands without a command: its help has been printed
            sys.exit(2)
        fail(f"{message} (evonsfw --help shows how)")
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
@with_flags
def evolve(
    context: typer.Context,
    seeds: Annotated[
        str | None,
        typer.Option(
            metavar="A..B",
            help="A series: one run for each of these seeds, side by side in one folder.",
            rich_help_panel="Search",
            show_default=False,
        ),
    ] = None,
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
        if given or (seeds, out, config, window) != (None, None, None, None):
            raise ValueError(
                f"flags before '{context.invoked_subcommand}' have no effect: write them after it"
            )
        return
    base = read_config(config) if config is not None else {}
    start = given.get("from_", base.get("from"))
    if start is not None:
        from evonsfw.founding import settings_from

        base = {**settings_from(Path(start), {**base, **given}), **base}
    checked = given_config(settings, base)
    command = shlex.join(["evonsfw", *sys.argv[1:]])
    if seeds is not None:
        _require_series(given, window)
        from evonsfw.series import run_series

        if not run_series(checked, seeds, out, command, _say):
            raise typer.Exit(1)
        return
    from evonsfw.launch import start_run

    start_run(checked, out, command, _want_window(window), _say)


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
    further = {key: getattr(checked, key) for key in given}
    if (run / SERIES).is_file():
        from evonsfw.series import resume_series

        if not resume_series(run, further, _say):
            raise typer.Exit(1)
        return
    from evonsfw.launch import resume_run

    resume_run(run, further, _want_window(window), _say)


@app.command(epilog="Example: evonsfw show runs/RUN")
def show(run: Annotated[Path, typer.Argument(help="Run folder.", show_default=False)]) -> None:
    """Open a run in the window, finished or still running; no classifier is needed."""
    from evonsfw.display import require_display
    from evonsfw.showing import show_run

    require_display()
    show_run(run, _say)


@app.command(epilog="Example: evonsfw replay runs/RUN --seconds 30")
def replay(
    run: Annotated[Path, typer.Argument(help="Run folder.", show_default=False)],
    seconds: Annotated[
        str, typer.Option(metavar="NUMBER", help="How long the whole run takes.")
    ] = "20",
) -> None:
    """Play a run as a film in the window; no classifier is needed."""
    from evonsfw.display import require_display
    from evonsfw.showing import replay_run

    require_display()
    replay_run(run, positive("seconds", seconds), _say)


@app.command(epilog="Example: evonsfw export runs/RUN poster.png plot.svg film.mp4 --size 4096")
def export(
    source: Annotated[
        Path, typer.Argument(help="Run folder, or a picture that evonsfw made.", show_default=False)
    ],
    files: Annotated[
        list[Path],
        typer.Argument(
            metavar="OUT...",
            help="Files to write; the ending says how: .png .svg .json .gif .mp4 .webm .html",
            show_default=False,
        ),
    ],
    size: Annotated[
        str | None,
        typer.Option(
            metavar="N|WxH",
            help="In pixels: the longer side, or WxH. Default: what was scored; films 1920x1080.",
            show_default=False,
        ),
    ] = None,
    generation: Annotated[
        str,
        typer.Option(
            metavar="NUMBER|best|liked", help="Which picture of the run; liked: all that are."
        ),
    ] = "best",
    transparent: Annotated[
        bool, typer.Option("--transparent", help="Leave the background out (PNG, SVG).")
    ] = False,
    fps: Annotated[
        str | None,
        typer.Option(metavar="INTEGER", help="Pictures a second of a film.", show_default=False),
    ] = None,
    seconds: Annotated[
        str | None, typer.Option(metavar="NUMBER", help="Length of a film.", show_default=False)
    ] = None,
    contributions: Annotated[
        bool, typer.Option("--contributions", help="Of each shape, in the SVG of a likeness too.")
    ] = False,
    force: Annotated[
        bool, typer.Option("--force", help="Write over files that are there.")
    ] = False,
) -> None:
    """Write a run or a picture as PNG, SVG, JSON, GIF, MP4, WebM or an HTML page."""
    from evonsfw.export import export_files
    from evonsfw.exporters import Manner

    manner = Manner(
        transparent,
        None if fps is None else int(positive("fps", fps, whole=True)),
        None if seconds is None else positive("seconds", seconds),
        contributions,
    )
    export_files(source, files, size, generation, manner, force, _say)


@app.command(epilog="Example: evonsfw verify poster.png plot.svg genome.json")
def verify(
    files: Annotated[
        list[Path], typer.Argument(help="Files that evonsfw wrote.", show_default=False)
    ],
) -> None:
    """Draw files again from the genome inside, score them again, and say what is as claimed."""
    from evonsfw.verification import verify_files

    raise typer.Exit(verify_files(files, _say))


@app.command(epilog="Example: evonsfw score best.png photo.jpg --json")
def score(
    pictures: Annotated[list[Path], typer.Argument(help="Picture files.", show_default=False)],
    classifier: Annotated[str, typer.Option(help="A known name, a .yaml or an .onnx.")] = DEFAULT,
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
@with_flags
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
    if not make_ladder(given_config(settings), int(steps), out, command, _say):
        raise typer.Exit(1)


@app.command(epilog="Example: evonsfw doctor")
def doctor() -> None:
    """Print versions, backends, display, and what `auto` would choose."""
    from evonsfw.diagnosis import diagnose

    for line in diagnose():
        print(line)


Commands = tuple[tuple[Callable[..., None], str], ...]
"""Commands of other files, each with an example."""
EXPLAINING: Commands = (
    (occlusion.occlusion, occlusion.OCCLUSION_EXAMPLE),
    (shapes.shapes, shapes.EXAMPLE),
    (saliency.gradient, saliency.GRADIENT_EXAMPLE),
    (saliency.guided, saliency.GUIDED_EXAMPLE),
    (saliency.deconvnet, saliency.DECONVNET_EXAMPLE),
    (saliency.gradcam, saliency.GRADCAM_EXAMPLE),
    (saliency.integrated, saliency.INTEGRATED_EXAMPLE),
    (occlusion.compare, occlusion.COMPARE_EXAMPLE),
)
INSTRUMENTS: Commands = (
    (dream.dream, dream.EXAMPLE),
    (excite.excite, excite.EXAMPLE),
    (invert.invert, invert.EXAMPLE),
    (curves.curves, curves.EXAMPLE),
)
explain = typer.Typer(help="Show what a classifier looks at in a picture.", no_args_is_help=True)
app.add_typer(explain, name="explain")
for group, commands in ((explain, EXPLAINING), (app, INSTRUMENTS)):
    for command, example in commands:
        group.command(epilog=f"Example: {example}")(command)


def _require_series(given: dict[str, Any], window: bool | None) -> None:
    """Raise ValueError where a flag has no meaning beside --seeds."""
    if "seed" in given:
        raise ValueError("give either --seed or --seeds, not both")
    if window:
        raise ValueError("--window: a series of runs has none; leave it out")


def _want_window(wanted: bool | None) -> bool:
    """Whether to open a window; ValueError where one was asked for and cannot be."""
    from evonsfw.display import display_present

    if wanted and not display_present():
        raise ValueError("--window: there is no display here; leave it out, or use --no-window")
    return display_present() if wanted is None else wanted
