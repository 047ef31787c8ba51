"""Make the pictures of docs/exports.md and docs/founding.md anew, from one run; of docs/shapes.md.

    python -m benchmarks.pictures

The page is photographed where there is Chromium.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import av
import numpy as np
import numpy.typing as npt
import resvg_py
from PIL import Image

from benchmarks.finished import finished_run
from evonsfw.composition import compose
from evonsfw.genome import Encoding
from evonsfw.plate import Panel, Plate, draw
from evonsfw.raster import render
from evonsfw.shapes import shape_names

Pixels = npt.NDArray[np.uint8]
IMAGES = Path(__file__).parent.parent / "docs" / "images"
FRAMES = 4
"""Of the film, that are shown."""
PAGE = (1180, 900)
BROWSERS = ("chromium", "chromium-browser", "google-chrome")


def program(*words: str | Path) -> None:
    """Run a command of evonsfw."""
    command = [sys.executable, "-m", "evonsfw", *map(str, words)]
    subprocess.run(command, capture_output=True, check=True)


def over_squares(picture: Image.Image) -> Pixels:
    """A transparent picture over grey squares, as programs that paint show it."""
    height, width = picture.height, picture.width
    rows, columns = np.indices((height, width)) // 64
    squares = np.where((rows + columns) % 2, 200, 240).astype(np.uint8)
    ground = Image.fromarray(squares).convert("RGBA")
    return np.asarray(Image.alpha_composite(ground, picture.convert("RGBA")).convert("RGB"))


def frames(film: Path) -> list[Pixels]:
    """A few pictures of a film, from its first to its last."""
    with av.open(str(film)) as container:
        found = [frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)]
    return [found[place] for place in np.linspace(0, len(found) - 1, FRAMES).astype(int)]


def save(name: str, pixels: Pixels) -> None:
    """Write a picture of the docs."""
    Image.fromarray(pixels).quantize(256, dither=Image.Dither.NONE).save(
        IMAGES / name, optimize=True
    )
    print(f"{name}: {pixels.shape[1]}x{pixels.shape[0]}", flush=True)


def stills(run: Path, folder: Path) -> None:
    """The poster, a corner of it, without its background, and the drawing."""
    poster, clear, drawing = (folder / name for name in ("poster.png", "clear.png", "plot.svg"))
    program("export", run, poster, drawing, "--size", "4096")
    program("export", run, clear, "--size", "1024", "--transparent")
    whole = np.asarray(Image.open(poster).convert("RGB"))
    middle = whole[1400:2040, 1400:2040]
    drawn = resvg_py.svg_to_bytes(svg_path=str(drawing), width=1024, height=1024)
    (folder / "plot.png").write_bytes(bytes(drawn))
    plot = np.asarray(Image.open(folder / "plot.png").convert("RGB"))
    panels = (
        Panel("poster.png --size 4096", whole),
        Panel("its middle, pixel by pixel", middle),
        Panel("clear.png --transparent", over_squares(Image.open(clear))),
        Panel("plot.svg, drawn by resvg", plot),
    )
    save("exports.png", draw(Plate("", panels), 280))


def film(run: Path, folder: Path) -> None:
    """Pictures of the film in a row."""
    out = folder / "film.mp4"
    program("export", run, out, "--size", "360", "--seconds", "6")
    found = frames(out)
    panels = tuple(Panel(f"{6.0 * place / (FRAMES - 1):.1f} s", f) for place, f in enumerate(found))
    save("film.png", draw(Plate("", panels), 300))


def page(run: Path, folder: Path) -> None:
    """The HTML page in a browser."""
    browser = next(filter(None, map(shutil.which, BROWSERS)), None)
    if browser is None:
        print("page.png: no Chromium here, left as it is")
        return
    out, shot = folder / "page.html", folder / "page.png"
    program("export", run, out)
    size = f"--window-size={PAGE[0]},{PAGE[1]}"
    flags = ["--headless", "--no-sandbox", "--hide-scrollbars", "--virtual-time-budget=4000"]
    command = [browser, *flags, size, f"--screenshot={shot}", out.as_uri()]
    subprocess.run(command, capture_output=True, check=True)
    save("page.png", np.asarray(Image.open(shot).convert("RGB")))


def founded(run: Path, folder: Path) -> None:
    """A picture, and what came of going on from it."""
    start = run / "best.png"
    panels = [Panel("best.png", np.asarray(Image.open(start).convert("RGB")))]
    for score in ("0.5", "0.1"):
        out = folder / f"at{score}"
        wish = ("--from", start, "--target-score", score)
        program(*wish, "--seed", "1", "--no-window", "--out", out)
        pixels = np.asarray(Image.open(out / "best.png").convert("RGB"))
        panels.append(Panel(f"--from best.png --target-score {score}", pixels))
    save("founding.png", draw(Plate("", tuple(panels)), 256))


def shapes() -> None:
    """First pictures: of every shape, of polygons with more corners, and of mixes."""
    words = [*shape_names(), "polygons-9", "circles,lines", ",".join(shape_names())]
    panels = []
    for seed, word in enumerate(words):
        encoding = Encoding(tuple(word.split(",")), 60)
        genomes = compose(encoding, np.random.default_rng(seed), 1)
        name = word if len(word) < 40 else "all of them"
        panels.append(Panel(name, render(genomes, encoding, (384, 384))[0]))
    save("shapes.png", draw(Plate("", tuple(panels)), 192))


def main() -> None:
    """Make them all."""
    shapes()
    settings = {"shapes": "circles,triangles", "n": 60, "seed": 12, "until": 0.999}
    with finished_run(**settings) as run, tempfile.TemporaryDirectory() as name:
        for make in (stills, film, page, founded):
            make(run, Path(name))


if __name__ == "__main__":
    main()
