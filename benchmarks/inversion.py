"""How little moves the default classifier's score: `evonsfw invert` on pictures and photographs.

    python -m benchmarks.inversion [--iterations 200] [--norms linf l2] [--robust] [--only NAME …]
                                   [--out inversion]

Pictures that evonsfw evolved (docs/images), one drawn with Pillow and photographs of scikit-image
go up to 0.9, pictures that were evolved to 0.99 go down to 0.05. The score is that of the file,
read back. Published in 2016, for two paintings: from 0.0018 to 0.983 in 8,000 iterations.
With --robust the last column is the held-out view that is farthest from what was asked.
"""

from __future__ import annotations

import argparse
import importlib
import tempfile
import time
from pathlib import Path
from typing import cast

from PIL import Image, ImageDraw

from evonsfw.insight.invert import Inversion
from evonsfw.inverting import Asked, Inverted, invert_file
from evonsfw.nearest_change import NORMS, Norm, Wish

IMAGES = Path(__file__).parent.parent / "docs" / "images"
EVOLVED = {
    "neither": ("gallery/neither.png", 0.9),
    "decent": ("gallery/decent.png", 0.9),
    "circles": ("circles.png", 0.05),
    "triangles": ("triangles.png", 0.05),
}
PHOTOGRAPHS = ("astronaut", "coffee", "chelsea", "rocket")
HEAD = (
    f"{'picture':<10} {'size':>9} {'norm':>4} {'start':>8} {'asked':>5} {'reached':>8} {'at':>4} "
    f"{'of':>4} {'PSNR':>6} {'SSIM':>7} {'linf':>6} {'l2':>6} {'sec':>6}  held out"
)


def drawn(path: Path) -> None:
    """Flat shapes with sharp edges, as people draw them."""
    image = Image.new("RGB", (320, 240), (236, 229, 206))
    pen = ImageDraw.Draw(image)
    pen.rectangle((0, 170, 320, 240), (78, 127, 96))
    pen.ellipse((220, 24, 280, 84), (240, 196, 62))
    pen.polygon([(40, 170), (110, 70), (180, 170)], (96, 108, 140))
    pen.rectangle((200, 130, 260, 190), (178, 74, 58))
    image.save(path)


def pictures(folder: Path) -> dict[str, tuple[Path, float]]:
    """File and asked score of each, by name."""
    drawn(folder / "drawn.png")
    found = {name: (IMAGES / file, score) for name, (file, score) in EVOLVED.items()}
    found["drawn"] = folder / "drawn.png", 0.9
    data = importlib.import_module("skimage.data")
    for name in PHOTOGRAPHS:
        Image.fromarray(getattr(data, name)()).save(folder / f"{name}.png")
        found[name] = folder / f"{name}.png", 0.9
    return found


def row(name: str, report: Inverted, seconds: float) -> str:
    """One line of the table."""
    found: Inversion = report.found
    wish, (height, width, _) = found.wish, found.original.shape
    held = [row.score for _, row in report.views if row.held_out and row.score is not None]
    first = "-" if found.first is None else str(found.first + 1)
    ssim = "-" if report.ssim is None else f"{report.ssim:.4f}"
    return (
        f"{name:<10} {f'{width}x{height}':>9} {wish.norm:>4} {found.before:>8.5f} "
        f"{wish.score:>5} {report.score:>8.5f} {first:>4} {found.iterations:>4} "
        f"{found.psnr:>6.2f} {ssim:>7} {f'{found.linf * 255:.0f}/255':>6} {found.l2:>6.3f} "
        f"{seconds:>6.1f}  {min(held) if found.upward else max(held):.4f}"
        f"{'' if report.reached else '  not reached'}"
    )


def main() -> None:
    """Invert them all, and print the table as it grows."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--iterations", type=int, default=200)
    parser.add_argument("--norms", nargs="+", choices=NORMS, default=list(NORMS))
    parser.add_argument("--robust", action="store_true")
    parser.add_argument("--only", nargs="+")
    parser.add_argument("--out", type=Path)
    given = parser.parse_args()
    print(HEAD, flush=True)
    with tempfile.TemporaryDirectory() as temporary:
        folder = given.out or Path(temporary)
        folder.mkdir(parents=True, exist_ok=True)
        for name, (path, score) in pictures(folder).items():
            if given.only and name not in given.only:
                continue
            for norm in given.norms:
                wish = Wish(score, cast("Norm", norm), iterations=given.iterations)
                out = folder / f"{name}_{norm}{'_robust' * given.robust}.png"
                asked = Asked(path, wish, robust=given.robust, out=out, force=True)
                begun = time.perf_counter()
                report, _names = invert_file(asked, lambda _line: None)
                print(row(name, report, time.perf_counter() - begun), flush=True)


if __name__ == "__main__":
    main()
