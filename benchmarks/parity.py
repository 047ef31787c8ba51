"""How far other programs' drawings of an SVG are from the picture that was scored.

    python -m benchmarks.parity [RUNS [KIND ...]]

A run each of circles, triangles and both, and one that aims at a score of 0.5, over and over with
other seeds; or only runs of one of these kinds, or of `few`, which aim at 0.5 with 1 to 9 shapes of
several kinds on canvases of several sizes. Exported as `evonsfw export` does, which moves opacities
by a few thousandths, and places of few shapes by a unit, where resvg's drawing would score
otherwise than the picture. resvg draws all; Chromium too, where there is one. What moving them does
is told by the score of drawings with nothing moved; what a score owes to where a difference lies,
and what to its size alone, by the same differences dealt out among the pixels by chance.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
from collections import defaultdict
from itertools import cycle, islice
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import resvg_py
from PIL import Image

from benchmarks.finished import finished_run
from evonsfw.chronicle import read_picture
from evonsfw.classifier import Classifier
from evonsfw.exporters import Artwork, svg
from evonsfw.model_spec import read_spec
from evonsfw.nudges import KEYWORDS

Pixels = npt.NDArray[np.uint8]
BROWSERS = ("chromium", "chromium-browser", "google-chrome")
PLACE = "--window-size=800,600"
KINDS: dict[str, dict[str, Any]] = {
    "circles": {"shapes": "circles", "n": 50},
    "triangles": {"shapes": "triangles", "n": 100},
    "both": {"shapes": "circles,triangles", "n": 60},
    "aimed at 0.5": {"shapes": "circles", "n": 50, "target_score": 0.5},
    "few": {"target_score": 0.5, "until": 0.001, "evaluations": 2000},
}
FEW = ("circles", "triangles", "circles,triangles", "ellipses", "lines")
SIDES = ("64x64", "128x128", "256x256", "512x512")


def settings(kind: str, turn: int) -> dict[str, Any]:
    """Of the run of a kind that is made in a turn, counted from 0."""
    if kind != "few":
        return KINDS[kind]
    several = {"n": 1 + turn % 9, "shapes": FEW[turn % len(FEW)], "size": SIDES[turn % len(SIDES)]}
    return KINDS[kind] | several


def browser() -> str | None:
    """A Chromium, where there is one."""
    return next(filter(None, map(shutil.which, BROWSERS)), None)


def by_resvg(drawing: Path, folder: Path) -> Pixels:
    """(H, W, 3) uint8, as resvg draws it."""
    out = folder / "resvg.png"
    out.write_bytes(bytes(resvg_py.svg_to_bytes(svg_path=str(drawing))))
    return np.asarray(Image.open(out).convert("RGB"))


def by_chromium(drawing: Path, folder: Path) -> Pixels:
    """(H, W, 3) uint8, as Chromium draws it at the top left of its window."""
    out = folder / "chromium.png"
    flags = ("--headless", "--no-sandbox", "--hide-scrollbars", "--force-color-profile=srgb")
    command = [str(browser()), *flags, PLACE, f"--screenshot={out}", drawing.as_uri()]
    subprocess.run(command, capture_output=True, check=True)
    return np.asarray(Image.open(out).convert("RGB"))


def dealt_out(ours: Pixels, theirs: Pixels) -> Pixels:
    """(H, W, 3) uint8: the differences of all pixels, shuffled."""
    apart = (theirs.astype(int) - ours).reshape(-1, 3)
    shuffled = np.random.default_rng(0).permutation(apart).reshape(ours.shape)
    return np.clip(ours + shuffled, 0, 255).astype(np.uint8)


def unmoved(drawing: Path) -> tuple[Path, bool]:
    """The same with the genome's own opacities and places, beside it, and whether it has others."""
    found, plain = read_picture(drawing), drawing.with_name("plain.svg")
    svg.write(plain, Artwork(found.genome, found.config.encoding), found.config.canvas)
    return plain, not KEYWORDS.isdisjoint(found.texts)


def main() -> None:
    """Measure, and print the largest differences of each kind of run by each program."""
    runs = int(sys.argv[1]) if len(sys.argv) > 1 else 12
    programs = {"resvg": by_resvg} | ({"Chromium": by_chromium} if browser() else {})
    classifier = Classifier(read_spec("open_nsfw"))
    found: dict[tuple[str, str], list[tuple[float, ...]]] = defaultdict(list)
    kinds = sys.argv[2:] or [kind for kind in KINDS if kind != "few"]
    for number, kind in enumerate(islice(cycle(kinds), runs)):
        with (
            finished_run(**settings(kind, number // len(kinds)), seed=number) as run,
            tempfile.TemporaryDirectory() as name,
        ):
            drawing = Path(name) / "plot.svg"
            command = [sys.executable, "-m", "evonsfw", "export", str(run), str(drawing)]
            subprocess.run(command, capture_output=True, check=True)
            ours = np.asarray(Image.open(run / "best.png").convert("RGB"))
            plain, is_moved = unmoved(drawing)
            for program, draw in programs.items():
                theirs, before = (
                    draw(path, Path(name))[: len(ours), : len(ours[0])] for path in (drawing, plain)
                )
                apart = float(np.abs(ours.astype(int) - theirs).mean())
                pictures = [ours, theirs, before, dealt_out(ours, theirs)]
                score, *others = classifier.probabilities(pictures)[:, 1].tolist()
                off = (abs(one - score) for one in others)
                found[kind, program].append((float(is_moved), apart, *off))
    print(
        "of several runs, the most:            moved  255ths   score  unmoved  dealt out by chance"
    )
    for (kind, program), rows in found.items():
        _, apart, score, before, dealt = np.max(rows, axis=0)
        moved = sum(row[0] for row in rows)
        about = f"{kind:15}  {program:9}  {len(rows):2} runs  {moved:3.0f}"
        print(f"{about}  {apart:6.3f}  {score:.4f}   {before:.4f}  {dealt:.4f}")


if __name__ == "__main__":
    main()
