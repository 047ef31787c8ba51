"""Pictures of genomes at any size, remembered; thumbnails in rows."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable

import numpy as np
import numpy.typing as npt
from PIL import Image

from evonsfw.brush import ACCENT, GROUND, MUTED, PANEL, TEXT, Colour, fill, frame, write
from evonsfw.cells import Box, Cell
from evonsfw.genome import Encoding, Genome, genome_hash
from evonsfw.layout import MOST_CELLS, Layout
from evonsfw.moment import Moment, View, format_score
from evonsfw.raster import render
from evonsfw.shapes import Canvas

Frame = npt.NDArray[np.uint8]
ROOM = 192 * 2**20
"""Bytes of frames that are remembered: some pictures at the size of a 4K window, with all their
thumbnails.
"""

COARSE = 3
"""Pixels a side of a pixel in a sketch."""


class Memory:
    """Frames by what they were made from; those unused for longest are forgotten. Thread-safe.

    Args:
        room: bytes of all frames together; a frame that is larger is not remembered.
    """

    def __init__(self, room: int) -> None:
        self._room, self._taken = room, 0
        self._frames: OrderedDict[Hashable, Frame] = OrderedDict()
        self._lock = threading.Lock()

    def __call__(self, key: Hashable, make: Callable[[], Frame]) -> Frame:
        """The frame of that key, made if need be; not to be written to."""
        with self._lock:
            found = self._frames.get(key)
            if found is not None:
                self._frames.move_to_end(key)
                return found
        made = make()
        made.setflags(write=False)
        with self._lock:
            if key not in self._frames and made.nbytes <= self._room:
                self._frames[key] = made
                self._taken += made.nbytes
            while self._taken > self._room:
                self._taken -= self._frames.popitem(last=False)[1].nbytes
        return made

    def known(self, key: Hashable) -> Frame | None:
        """The frame of that key, where it is remembered."""
        with self._lock:
            return self._frames.get(key)


remembered = Memory(ROOM)
"""What all parts of a frame are remembered in."""


def picture_at(genome: Genome, encoding: Encoding, size: Canvas) -> Frame:
    """(H, W, 3) uint8 picture of a genome drawn anew at a size; not to be written to."""
    key = ("picture", genome_hash(genome), encoding, size)
    return remembered(key, lambda: render(genome[None], encoding, size)[0])


def sketch_at(genome: Genome, encoding: Encoding, size: Canvas) -> Frame:
    """The same in coarse pixels, unless it is remembered: for the moment until it is drawn."""
    known = remembered.known(("picture", genome_hash(genome), encoding, size))
    if known is not None:
        return known
    small = max(1, size[0] // COARSE), max(1, size[1] // COARSE)
    coarse = Image.fromarray(render(genome[None], encoding, small)[0])
    return np.array(coarse.resize(size, Image.Resampling.NEAREST))


def strip(moment: Moment, view: View, plan: Layout, box: Box) -> Frame:
    """The best of past generations, the one nearest to what is on show framed; as large as `box`,
    the plan's strip.
    """
    picked = [
        (*moment.thumbnails[index], _moved(cell, box))
        for index, cell in plan.thumbnails(len(moment.thumbnails))
    ]
    shown = moment.shown.number
    lit = min((number for number, _, _ in picked), key=lambda n: abs(n - shown), default=None)
    prints = tuple((number, genome_hash(genome)) for number, genome, _ in picked)

    def make() -> Frame:
        image = Image.new("RGB", box[2:], PANEL)
        for number, genome, cell in picked:
            chosen = number == lit
            _place(image, genome, view.encoding, cell, plan.unit, chosen)
            _below(image, cell, f"{number:,}", plan.unit, TEXT if chosen else MUTED)
        return np.array(image)

    return remembered(("strip", prints, lit, view.encoding, box[2:], plan.unit), make)


def grid(moment: Moment, view: View, plan: Layout, box: Box, hover: Canvas | None) -> Frame:
    """The population, best first, the one under the mouse framed; as large as `box`, the plan's
    grid.
    """
    cells = plan.cells(len(moment.population))
    prints = tuple(genome_hash(genome) for genome in moment.population[: len(cells)])

    def make() -> Frame:
        image = Image.new("RGB", box[2:], GROUND)
        for index, cell in enumerate(cells):
            _individual(image, moment, view, index, _moved(cell, box), plan.unit, False)
        _left_out(image, len(moment.population), plan.unit)
        return np.array(image)

    key = "grid", prints, moment.scores, len(moment.population), view.encoding, box[2:], plan.unit
    drawn = remembered(key, make)
    lit = [index for index, cell in enumerate(cells) if hover and cell.box.holds(hover)]
    if not lit:
        return drawn
    image = Image.fromarray(drawn)
    _individual(image, moment, view, lit[0], _moved(cells[lit[0]], box), plan.unit, True)
    return np.array(image)


def _individual(
    image: Image.Image, moment: Moment, view: View, index: int, cell: Cell, unit: int, lit: bool
) -> None:
    """Its picture, and its score below."""
    _place(image, moment.population[index], view.encoding, cell, unit, lit)
    if index < len(moment.scores):
        colour = TEXT if lit else ACCENT if index == 0 else MUTED
        _below(image, cell, format_score(moment.scores[index]), unit, colour)


def _left_out(image: Image.Image, count: int, unit: int) -> None:
    """Say what is not shown of so many individuals."""
    if count > MOST_CELLS:
        text = f"the best {MOST_CELLS} of {count:,}; {count - MOST_CELLS:,} are not shown"
        write(image, (image.width / 2, image.height - 0.7 * unit), text, unit, MUTED, "middle")
    if not count:
        text = "this generation's population is not known here"
        place = image.width / 2, image.height / 2
        write(image, place, text, unit, MUTED, "middle", image.width)


def _moved(cell: Cell, box: Box) -> Cell:
    """A cell of the window as it lies in a box."""
    return Cell(*(Box(b.left - box.left, b.top - box.top, b.width, b.height) for b in cell))


def _place(
    image: Image.Image, genome: Genome, encoding: Encoding, cell: Cell, unit: int, lit: bool
) -> None:
    """Put a genome's picture into its cell, framed where it is lit."""
    left, top, width, height = cell.picture
    image.paste(Image.fromarray(picture_at(genome, encoding, (width, height))), (left, top))
    if lit:
        edge = max(2, unit // 7)
        inside = cell.picture.inner(edge)
        fill(image, frame(inside.left, inside.top, inside.right, inside.bottom, edge), ACCENT)


def _below(image: Image.Image, cell: Cell, text: str, unit: int, colour: Colour) -> None:
    """Write below a cell's picture, where there is room."""
    room = cell.box.height - cell.picture.height
    if room > 0:
        x = cell.picture.left + cell.picture.width / 2
        y = cell.picture.bottom + room * 0.55
        write(image, (x, y), text, unit * 0.78, colour, "middle", cell.picture.width + unit * 0.3)
