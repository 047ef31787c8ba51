"""The gallery of portraits: one picture in every kind of shape, and in 50, 200 and 1,000 of them.

    python -m benchmarks.portraits [--seconds 10] [--shapes lines ...] [--picture FILE] [--out FILE]

Each portrait is grown and improved in the CPU seconds that `benchmarks.target` gives so many
shapes, on 256 pixels; with all of them that is a quarter of an hour. The sheet shows them drawn
anew at its own size. The sitter is the astronaut that scikit-image ships: Eileen Collins, a NASA
photograph, in the public domain.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import NamedTuple

from PIL import Image

from benchmarks.subjects import Picture, at_side, photograph
from benchmarks.target import SECONDS, SIDE, compile_all, reach
from evonsfw.brush import GROUND, MUTED, TEXT, write
from evonsfw.genome import Encoding, Genome
from evonsfw.raster import render
from evonsfw.shapes import shape_names

COUNTS = (50, 200, 1000)
ALPHA = (0.1, 1.0)
"""Lowest and highest opacity."""
FACE = (88, 0, 358, 270)
"""Left, top, right, bottom of the sitter's head and shoulders, in pixels of the photograph."""
SHEET = Path(__file__).parent.parent / "docs" / "images" / "portraits.png"
CELL, GAP, BLOCK_GAP, MARGIN = 160, 6, 28, 24
"""Pixels: a portrait's side, between those of one kind, between kinds, around all."""
TITLE, CAPTION = 15, 12  # letters
ABOVE, BELOW = 30, 24
"""Pixels for a kind's name, and for what is said of a portrait."""
ACROSS = 2
"""Kinds beside each other."""
LINE_PITCH = 20
SAID = ("50, 200 and 1,000 shapes of each kind.", "RMSE of 0 to 255, at 256 pixels.")
"""Beside the photograph."""
COLOURS = 256
"""Of the sheet's palette."""


class Portrait(NamedTuple):
    """One cell of the sheet: (S, S, 3) uint8, and what is said below it."""

    picture: Picture
    caption: str


def sitter(file: Path | None) -> Picture:
    """The middle square of a file, or the astronaut's face: (SIDE, SIDE, 3) uint8."""
    if file is None:
        return at_side(photograph("astronaut").crop(FACE), SIDE)
    image = Image.open(file)
    side = min(image.size)
    left, top = (image.width - side) // 2, (image.height - side) // 2
    return at_side(image.crop((left, top, left + side, top + side)), SIDE)


def drawn(genome: Genome, encoding: Encoding) -> Picture:
    """A genome at the size of the sheet."""
    return render(genome[None], encoding, (CELL, CELL))[0]


def portray(target: Picture, shape: str, n: int, seconds: float, seed: int) -> Portrait:
    """One portrait; prints what it came to."""
    encoding = Encoding(shapes=(shape,), n=n, alpha=ALPHA)
    reached = reach(target, encoding, seconds, seed)
    print(f"| {n} {shape} | {reached.error:.2f} | {reached.seconds:.1f} |", flush=True)
    return Portrait(drawn(reached.genome, encoding), f"{n:,} · RMSE {reached.error:.1f}")


def block(sheet: Image.Image, place: int, title: str, portraits: list[Portrait]) -> tuple[int, int]:
    """One kind's portraits beside each other, and its name above them; where the last one ends."""
    row, column = divmod(place, ACROSS)
    left = MARGIN + column * (_block_width() + BLOCK_GAP)
    top = MARGIN + row * (ABOVE + CELL + BELOW)
    write(sheet, (left, top + ABOVE // 2), title, TITLE, TEXT)
    for k, portrait in enumerate(portraits):
        x, y = left + k * (CELL + GAP), top + ABOVE
        sheet.paste(Image.fromarray(portrait.picture), (x, y))
        write(sheet, (x, y + CELL + BELOW // 2), portrait.caption, CAPTION, MUTED)
    return left + len(portraits) * (CELL + GAP) - GAP, top + ABOVE


def _block_width() -> int:
    return len(COUNTS) * CELL + (len(COUNTS) - 1) * GAP


def paint_sheet(target: Picture, kinds: dict[str, list[Portrait]]) -> Image.Image:
    """All kinds, and the photograph in the place after them."""
    rows = -(-(len(kinds) + 1) // ACROSS)
    width = 2 * MARGIN + ACROSS * _block_width() + (ACROSS - 1) * BLOCK_GAP
    sheet = Image.new("RGB", (width, 2 * MARGIN + rows * (ABOVE + CELL + BELOW)), GROUND)
    for place, (kind, portraits) in enumerate(kinds.items()):
        block(sheet, place, kind, portraits)
    small = at_side(Image.fromarray(target), CELL)
    x, y = block(sheet, len(kinds), "the photograph", [Portrait(small, "")])
    for k, line in enumerate(SAID):
        write(sheet, (x + BLOCK_GAP, y + CELL // 2 + (k - 0.5) * LINE_PITCH), line, CAPTION, MUTED)
    return sheet


def save(sheet: Image.Image, out: Path) -> None:
    """As a PNG with a palette: a third of the bytes, and one sitter has few colours."""
    few = sheet.quantize(COLOURS, Image.Quantize.MEDIANCUT, dither=Image.Dither.FLOYDSTEINBERG)
    few.save(out, optimize=True)
    print(f"{out.name}: {out.stat().st_size / 1000:.0f} kB")


def main() -> None:
    """Make the portraits and their sheet."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--seconds", type=float, help="CPU seconds for each")
    parser.add_argument("--shapes", action="append", help="only this kind; repeatable")
    parser.add_argument("--picture", type=Path, help="another sitter: the file's middle square")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--out", type=Path, default=SHEET)
    given = parser.parse_args()
    target = sitter(given.picture)
    kinds: dict[str, list[Portrait]] = {}
    print("| portrait | RMSE | CPU s |\n|---|---|---|")
    for shape in given.shapes or shape_names():
        compile_all(Encoding(shapes=(shape,), n=3))
        kinds[shape] = [
            portray(target, shape, n, given.seconds or SECONDS[n], given.seed) for n in COUNTS
        ]
    save(paint_sheet(target, kinds), given.out)


if __name__ == "__main__":
    main()
