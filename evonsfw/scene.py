"""A moment of a run to the frame that the window shows: pure, no pygame, no clock, no disk."""

from __future__ import annotations

import functools
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw, ImageFont

from evonsfw.genome import Encoding, Genome
from evonsfw.live import Snapshot
from evonsfw.raster import render
from evonsfw.shapes import Canvas

Frame = npt.NDArray[np.uint8]

GROUND = (18, 19, 23)
PANEL = (27, 29, 35)
TEXT = (236, 234, 228)
MUTED = (150, 152, 160)
ACCENT = (242, 180, 84)
KEYS = (
    ("Space", "pause, go on"),
    ("S", "save the picture on show"),
    ("H", "show or hide these keys"),
    ("Q  Esc", "end the run; everything is kept"),
)


@dataclass(frozen=True)
class View:
    """What a frame depends on, beside the moment itself.

    Attributes:
        encoding: what the genes mean.
        canvas: width and height that were scored, for the picture's proportions.
        label: what the score is called.
        keys: whether the help sheet is shown.
    """

    encoding: Encoding
    canvas: Canvas
    label: str
    keys: bool = False


def draw(snapshot: Snapshot, view: View, size: Canvas) -> Frame:
    """The whole frame.

    Args:
        snapshot: the moment.
        view: how it is looked at.
        size: width and height of the frame in pixels, at least 1x1.

    Returns:
        (H, W, 3) uint8 array.
    """
    left, top, width, height = picture_box(view.canvas, size)
    genome = snapshot.generation.best_so_far.genome
    frame = _ground(size).copy()
    frame[top : top + height, left : left + width] = picture_at(
        genome, view.encoding, (width, height)
    )
    panel = panel_height(size)
    if panel:
        strip = Image.new("RGB", (size[0], panel), PANEL)
        _draw_panel(ImageDraw.Draw(strip), snapshot, view, strip.size)
        frame[size[1] - panel :] = np.asarray(strip)
    if not view.keys:
        return frame
    whole = Image.fromarray(frame)
    _draw_keys(whole, size)
    return np.asarray(whole)


@functools.lru_cache(maxsize=1)
def _ground(size: Canvas) -> Frame:
    """An empty frame; not to be written to."""
    return np.asarray(Image.new("RGB", size, GROUND))


def panel_height(size: Canvas) -> int:
    """Height of the strip below the picture; none where the window is too small to read."""
    return 0 if min(size) < 160 else int(np.clip(size[1] * 0.11, 52, 120))


def picture_box(canvas: Canvas, size: Canvas) -> tuple[int, int, int, int]:
    """Left, top, width, height: the largest box of the canvas's proportions above the panel."""
    room_w, room_h = size[0], max(1, size[1] - panel_height(size))
    scale = min(room_w / canvas[0], room_h / canvas[1])
    width, height = max(1, round(canvas[0] * scale)), max(1, round(canvas[1] * scale))
    return (room_w - width) // 2, (room_h - height) // 2, width, height


@functools.lru_cache(maxsize=4)
def _picture(genes: bytes, encoding: Encoding, size: Canvas) -> Frame:
    genome = np.frombuffer(genes, np.float32)
    return render(genome[None], encoding, size)[0]


def picture_at(genome: Genome, encoding: Encoding, size: Canvas) -> Frame:
    """The genome drawn anew at a size, remembered while it stays on show."""
    return _picture(genome.tobytes(), encoding, size)


def format_score(score: float) -> str:
    """A probability with as many digits as tell it from 1, or an RMSE with two."""
    if score > 1.0:
        return f"{score:.2f}"
    return f"{score:.4f}" if score < 0.9995 else f"{score:.6f}"


def _draw_panel(pen: ImageDraw.ImageDraw, snapshot: Snapshot, view: View, size: Canvas) -> None:
    """Score, figures and curve: the strip along the bottom edge."""
    width, panel = size
    pad = panel // 6
    generation = snapshot.generation
    big, small = _font(panel * 0.42), _font(panel * 0.2)
    score = format_score(generation.best_so_far.score)
    pen.text((pad * 2, panel * 0.48), score, font=big, fill=TEXT, anchor="lm")
    x = pad * 2 + pen.textlength(score, font=big) + pad * 1.2
    pen.text((x, panel * 0.53), view.label, font=small, fill=ACCENT, anchor="lm")
    x = max(x + pen.textlength(view.label, font=small) + pad * 3, width * 0.3)
    state = "paused" if snapshot.paused else f"{snapshot.rate:.0f} scorings/s"
    lines = (
        f"generation {generation.number:,}",
        f"{generation.evaluations:,} scorings   {state}",
    )
    if snapshot.message:
        lines = (lines[0] + f"   {state}", snapshot.message)
    for line, y in zip(lines, (0.32, 0.68), strict=True):
        pen.text((x, panel * y), line, font=small, fill=MUTED, anchor="lm")
    right = x + max(pen.textlength(line, font=small) for line in lines) + pad * 3
    if width - right > panel:
        _draw_curve(pen, snapshot.curve, (right, pad, width - pad * 2, panel - pad))


def _draw_curve(
    pen: ImageDraw.ImageDraw, curve: tuple[float, ...], box: tuple[float, float, float, float]
) -> None:
    """A sparkline of the best score so far: from its lowest to its highest value."""
    x0, y0, x1, y1 = box
    low, high = min(curve), max(curve)
    span = high - low or 1.0
    columns = max(2, int(x1 - x0))
    picks = np.linspace(0, len(curve) - 1, min(columns, max(2, len(curve)))).round().astype(int)
    xs = np.linspace(x0, x1, len(picks))
    ys = [y1 - (curve[i] - low) / span * (y1 - y0) for i in picks]
    pen.line((x0, y1, x1, y1), fill=(52, 55, 64))
    pen.line(list(zip(xs.tolist(), ys, strict=True)), fill=ACCENT, width=2, joint="curve")


def _draw_keys(frame: Image.Image, size: Canvas) -> None:
    """The help sheet, over the middle of the frame."""
    unit = int(np.clip(min(size) / 22, 9, 34))
    width, height = unit * 20, unit * (len(KEYS) * 2 + 2)
    left, top = (size[0] - width) // 2, (size[1] - height) // 2
    sheet = Image.new("RGBA", size, (0, 0, 0, 0))
    pen = ImageDraw.Draw(sheet)
    box = (left, top, left + width, top + height)
    pen.rounded_rectangle(box, unit // 2, fill=(*GROUND, 232))
    font = _font(unit)
    for row, (key, meaning) in enumerate(KEYS):
        y = top + unit * (2 * row + 2)
        pen.text((left + unit, y), key, font=font, fill=ACCENT, anchor="lm")
        pen.text((left + unit * 5, y), meaning, font=font, fill=TEXT, anchor="lm")
    frame.paste(sheet, (0, 0), sheet)


@functools.lru_cache(maxsize=32)
def _sized_font(size: int) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    return ImageFont.load_default(size)


def _font(size: float) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    return _sized_font(max(8, round(size)))
