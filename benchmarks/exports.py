"""Exports of runs of every kind: how many verify, and of how many changed copies it is told.

    python -m benchmarks.exports [--films]

Twenty short runs with open_nsfw (one with openvino, where that is installed) of different shapes,
sizes, seeds, searches and goals leave five files each; `--films` adds a GIF, an MP4, a WebM and a
page of some. Each is looked at by `evonsfw verify`, and so are copies of it: with one pixel changed
by one level, with a score that is 0.001 higher, and without its last tenth.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from PIL import Image, ImageDraw
from PIL.PngImagePlugin import PngInfo
from rich.console import Console
from rich.table import Table

from benchmarks.finished import finished_run
from evonsfw.backends import usable_backends
from evonsfw.export import export_files
from evonsfw.exporters import PLAIN, Manner, exporter_names, load_exporter
from evonsfw.provenance import read_texts
from evonsfw.verification import verify_files

OPENVINO = "openvino"
RUNS: tuple[dict[str, Any], ...] = (
    {},
    {"shapes": "circles", "n": 50},
    {"shapes": "circles,triangles", "n": 31, "size": "96x200"},
    {"shapes": "triangles,circles", "n": 7, "size": "300x64"},
    {"n": 1, "size": 64},
    {"n": 20, "background": "#102030", "size": 64},
    {"n": 30, "palette": "#264653,#2a9d8f,#e9c46a,#f4a261,#e76f51"},
    {"n": 40, "alpha": (0.0, 1.0), "size": "257x255"},
    {"n": 25, "objective": "lowest", "size": 128},
    {"n": 25, "target_score": 0.5},
    {"n": 25, "class": "sfw", "search": "genetic"},
    {"n": 20, "objective": "nsfw - 0.5*clutter", "size": 200},
    {"n": 20, "objective": "logit(nsfw) + symmetry"},
    {"n": 20, "objective": "symmetry", "size": 100},
    {"n": 30, "robust": True, "until": 0.9},
    {"n": 30, "target": "target.png"},
    {"n": 50, "search": "classic2016"},
    {"n": 12, "search": "cmaes", "shapes": "circles"},
    {"n": 20, "search": "memetic"},
    {"n": 20, "backend": OPENVINO, "gradient": False},
)
SHORT = {"evaluations": 80, "workers": 0}
FILM = Manner(fps=10, seconds=2.0)
FILMED = 4
"""Every so many runs leave films and a page."""


def target(path: Path) -> Path:
    """A picture to paint a likeness of."""
    picture = Image.new("RGB", (160, 120), "#203040")
    pen = ImageDraw.Draw(picture)
    pen.ellipse((20, 20, 90, 90), "#f0c040")
    pen.polygon([(60, 110), (150, 110), (110, 30)], "#b03040")
    picture.save(path)
    return path


def runs(folder: Path) -> Iterator[tuple[str, Path]]:
    """What each run was asked for, and its folder, which is gone after that."""
    usable = usable_backends()
    for seed, wanted in enumerate(RUNS, start=1):
        name = " ".join(f"{key}={value}" for key, value in wanted.items()) or "default"
        settings = {**SHORT, "seed": seed, **wanted}
        if "target" in wanted:
            settings["target"] = str(target(folder / wanted["target"]))
        if wanted.get("backend") == OPENVINO and OPENVINO not in usable:
            settings["backend"] = "auto"
        with finished_run(**settings) as out:
            yield name, out


def exports(run: Path, folder: Path, films: bool) -> list[Path]:
    """Five files of a run, and with `films` those that tell it."""
    folder.mkdir()
    plain = [folder / "scored.png", folder / "drawing.svg", folder / "genome.json"]
    _export(run, plain, None, PLAIN)
    _export(run, [folder / "large.png"], "1024", PLAIN)
    _export(run, [folder / "clear.png"], "333x500", Manner(transparent=True))
    telling = [name for name in exporter_names() if "story" in load_exporter(name).TAKES]
    told = [folder / f"told.{name}" for name in telling] if films else []
    if told:
        _export(run, told, "320", FILM)
    return [*plain, folder / "large.png", folder / "clear.png", *told]


def _export(run: Path, files: list[Path], size: str | None, manner: Manner) -> None:
    export_files(run, files, size, "best", manner, False, lambda _line: None)


def changed(path: Path, folder: Path) -> Iterator[tuple[str, Path]]:
    """Copies of a file, with what was done to each."""
    content = path.read_bytes()
    short = folder / f"cut{path.suffix}"
    short.write_bytes(content[: len(content) * 9 // 10])
    yield "cut short", short
    score = read_texts(path)["evonsfw:score"]
    other = f"{float(score) + 0.001:.6f}"
    if path.suffix == ".png":
        yield "another score", _png(path, folder / "score.png", {"evonsfw:score": other})
        yield "one pixel", _png(path, folder / "pixel.png", {}, pixel=True)
    elif path.suffix in (".svg", ".json"):
        copy = folder / f"score{path.suffix}"
        before, after = (score, other) if path.suffix == ".svg" else _fields(score, other)
        assert before.encode() in content, path
        copy.write_bytes(content.replace(before.encode(), after.encode()))
        yield "another score", copy


def _fields(*scores: str) -> list[str]:
    """The field of a JSON that holds a score."""
    return [f'"score": {json.dumps(float(score))},' for score in scores]


def _png(path: Path, out: Path, changes: dict[str, str], pixel: bool = False) -> Path:
    """A copy of a PNG with other texts, or one pixel changed by one level."""
    with Image.open(path) as image:
        picture = image.copy()
    if pixel:
        place = picture.width // 2, picture.height // 2
        red, *rest = picture.getpixel(place)  # type: ignore[misc]
        picture.putpixel(place, (red ^ 1, *rest))
    chunks = PngInfo()
    for key, text in {**read_texts(path), **changes}.items():
        chunks.add_text(key, text, zip=len(text) > 256)
    picture.save(out, pnginfo=chunks)
    return out


def main() -> None:
    """Print how many files verify, by format, and of how many changed copies it is told."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--films", action="store_true", help="films and pages of some runs too")
    films = parser.parse_args().films
    written, good, kinds, told = Counter[str](), Counter[str](), Counter[str](), Counter[str]()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for number, (words, run) in enumerate(runs(folder)):
            files = exports(run, folder / str(number), films and number % FILMED == 0)
            for path in files:
                written[path.suffix] += 1
                lines: list[str] = []
                good[path.suffix] += not verify_files([path], lines.append, lines.append)
                print(f"{words}: {lines[0].removeprefix(str(path.parent) + '/')}", flush=True)
                for what, copy in changed(path, folder):
                    kinds[what] += 1
                    found = verify_files([copy], lines.append, lines.append)
                    told[what] += bool(found)
                    if not found:
                        print(f"  NOT TOLD: {what}: {lines[-1]}")
    table = Table("what", "files", "as it should be")
    for kind, count in sorted(written.items()):
        table.add_row(f"{kind} verifies", str(count), str(good[kind]))
    for kind, count in sorted(kinds.items()):
        table.add_row(f"{kind}: told", str(count), str(told[kind]))
    Console(width=80).print(table)


if __name__ == "__main__":
    main()
