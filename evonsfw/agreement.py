"""An SVG whose drawing by another program, resvg, scores as the picture does.

Programs round each layer and smooth each edge in their own way. Of a picture that is aimed at the
middle of the scale a classifier feels that, and much of what it feels is chance: opacities that are
a few thousandths others are seen by nobody and scored anew. Some are moved at random, and then by
turns: near to where a line through all tries says that the probabilities would be the picture's,
and a little away from the nearest tries, as a hill is climbed. Few shapes have few opacities to
choose from: where those do not get there, it is begun anew with their places and sizes beside them.
"""

from __future__ import annotations

import io
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
import resvg_py
from PIL import Image

from evonsfw import nudges
from evonsfw.classifier import Classifier
from evonsfw.exporters import Artwork
from evonsfw.nudges import Nudges
from evonsfw.preparation import Pictures
from evonsfw.raster import render
from evonsfw.shapes import Canvas
from evonsfw.vector import short_elements, unit_of

BAR = 0.01
"""How far a probability may be off."""
ENOUGH = BAR / 2
"""How near is near enough, once shapes are moved."""
FEW = 20
"""Shapes, at most, of which more than opacities is moved: of many it would not be needed, and a
letter each of all their numbers is long.
"""
VISIBLE = 1.0
"""Of 255, on average over the picture: a drawing that differs by more is not taken for it."""
TRIES, ROUNDS = 600, 3
"""Drawings that are looked at, at most, before it is begun anew by other chance, and how often that
is done: then whatever is within `BAR` is near enough.
"""
PIXELS = ROUNDS * TRIES * 512 * 512
"""Of all drawings of one search together, at most: two or three minutes."""
CHANCES = 50
"""To come upon nudges that were not looked at yet, before there are taken to be none."""
RANDOM, STEP = 8, 2
"""Tries before the first line, and last digits by which they move anything at most."""
RIDGE = 0.3
"""What keeps the line through few tries flat, in squared digits a number that is moved."""
FAINT = 0.1
"""Directions in which the line rises by less than this share of the steepest are not followed."""
SPREAD = 1.0
"""Last digits around the line's aim, as a standard deviation, where the next try is."""
NEAREST, DOUBLINGS = 4, 5
"""Every other try is one of so many nearest with 1, 2, 4, … numbers moved by a last digit."""
Differences = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Agreement:
    """What came of it.

    Attributes:
        artwork: with its nudges in its metadata, or as it was given where there are none.
        name: the class that is furthest off.
        picture: its probability in the picture.
        drawing: in the drawing.
        tries: drawings that were looked at beside the first.
    """

    artwork: Artwork
    name: str
    picture: float
    drawing: float
    tries: int

    @property
    def apart(self) -> float:
        """The largest difference of any class's probability, of any classifier's."""
        return abs(self.drawing - self.picture)


def agreeing(
    artwork: Artwork,
    canvas: Canvas,
    classifiers: Sequence[Classifier],
    size: Canvas,
    document: Callable[[Artwork, Canvas], str],
    heard: Callable[[int], bool] = lambda _: True,
) -> Agreement:
    """Move opacities, and places where it takes that, of a drawing whose probabilities are not the
    picture's.

    Args:
        artwork: what is drawn; what its metadata move is forgotten.
        canvas: width and height in pixels that were scored.
        classifiers: the reference pipelines, at least one.
        size: of the document, in the same proportions.
        document: the SVG of an artwork and a size, with the background in it.
        heard: called with the number of tries; false gives up, and the nearest so far is taken.

    Returns:
        the artwork as it is where its drawing is within `BAR`; else the first that is within
        `ENOUGH`, or the nearest of all tries, none of them `VISIBLE`.

    Raises:
        ValueError: resvg does not draw it.
    """
    bare = replace(artwork, metadata=nudges.without(artwork.metadata))
    ours = render(bare.genome[None], bare.encoding, canvas)[0]
    wanted = _probabilities(classifiers, ours)

    def found(tried: Nudges) -> Differences:
        picture = drawn(document(_moved(bare, tried), size), canvas)
        off = _probabilities(classifiers, picture) - wanted
        visible = np.abs(picture - ours.astype(np.float64)).mean() > VISIBLE
        return np.ones_like(off) if tried.any() and visible else off

    shapes = short_elements(bare.encoding.decode(bare.genome), size)
    tries = min(ROUNDS * TRIES, PIXELS // (canvas[0] * canvas[1]))
    tried, off = _both_searched(
        found, nudges.limits(shapes, unit_of(size)), len(shapes), tries, heard
    )
    best = int(np.argmin([_apart(one) for one in off]))
    # In tenths of a thousandth: of two classes both are as far off, and the last is the model's.
    furthest = int(np.flatnonzero(_tenths(off[best]) == _tenths(off[best]).max())[-1])
    names = [name for classifier in classifiers for name in classifier.spec.classes]
    picture = float(wanted[furthest])
    drawing = picture + float(off[best][furthest])
    return Agreement(_moved(bare, tried[best]), names[furthest], picture, drawing, len(tried) - 1)


def drawn(document: str, canvas: Canvas) -> Pictures:
    """(H, W, 3) uint8: an opaque SVG as resvg draws it, stretched to a canvas.

    Raises:
        ValueError: resvg does not draw it.
    """
    width, height = canvas
    size = f'width="{width}" height="{height}" preserveAspectRatio="none"'
    text = re.sub(r'width="\d+" height="\d+"', size, document, count=1)
    content = resvg_py.svg_to_bytes(svg_string=text, skip_system_fonts=True)
    return np.asarray(Image.open(io.BytesIO(content)).convert("RGB"))


def _both_searched(
    found: Callable[[Nudges], Differences],
    limits: tuple[Nudges, Nudges],
    count: int,
    tries: int,
    heard: Callable[[int], bool],
) -> tuple[list[Nudges], list[Differences]]:
    """All that was tried of so many shapes' opacities, then of their places too where it takes
    that; and what is off with each.
    """
    least, most = limits
    goes_on = True

    def told(now: int) -> bool:
        nonlocal goes_on
        goes_on = goes_on and heard(now)
        return goes_on

    tried, off = _searched(found, least[:count], most[:count], tries, False, told)
    if count > FEW or min(map(_apart, off)) <= BAR or not goes_on:
        return tried, off
    done = len(tried) - 1
    more, off_more = _searched(found, least, most, tries, True, lambda now: told(done + now))
    return [*tried, *more[1:]], [*off, *off_more[1:]]


def _searched(
    found: Callable[[Nudges], Differences],
    least: Nudges,
    most: Nudges,
    tries: int,
    everywhere: bool,
    heard: Callable[[int], bool],
) -> tuple[list[Nudges], list[Differences]]:
    """All nudges that were tried, the first of them none, and what is off with each; any that are
    left, too, where none are left near to where it has come.
    """
    rng = np.random.default_rng(0)
    tried = [np.zeros_like(least)]
    off = [found(tried[0])]
    known = {tried[0].tobytes()}
    enough = BAR
    while min(map(_apart, off)) > enough and len(tried) <= tries and heard(len(tried)):
        enough = ENOUGH if len(tried) < TRIES else BAR
        first = (len(tried) - 1) // TRIES * TRIES  # of this round, after what is tried in none
        here = [tried[0], *tried[first + 1 :]], [off[0], *off[first + 1 :]]
        for chance in range(CHANCES * (1 + everywhere)):
            any_left = chance >= CHANCES
            aim = rng.integers(least, most + 1) if any_left else _step(*here, rng)
            step = np.clip(np.rint(aim), least, most).astype(np.int64)
            if step.tobytes() not in known:
                break
        else:
            break  # one shape, or hardly to be seen: there are no others
        known.add(step.tobytes())
        tried.append(step)
        off.append(found(step))
    return tried, off


def _step(
    tried: Sequence[Nudges], off: Sequence[Differences], rng: np.random.Generator
) -> Differences:
    """The nudges to try next."""
    count = len(tried[0])
    if len(tried) <= RANDOM:
        return rng.integers(-STEP, STEP + 1, count).astype(np.float64)
    if len(tried) % 2:
        nearest = np.argsort([_apart(one) for one in off], kind="stable")[:NEAREST]
        step = tried[int(rng.choice(nearest))].astype(np.float64)
        moved = 2 ** int(rng.integers(0, DOUBLINGS))
        step[rng.integers(0, count, moved)] += rng.choice([-1.0, 1.0], moved)
        return step
    aim = np.clip(_aim(np.array(tried, np.float64), np.array(off)), -nudges.MOST, nudges.MOST)
    return aim + rng.normal(0.0, SPREAD, count)


def _aim(tried: Differences, off: Differences) -> Differences:
    """(T, N) nudges and (T, K) differences to the (N,) smallest nudges at which the line through
    them, by ridge regression, has none.
    """
    centre, level = tried.mean(axis=0), off.mean(axis=0)
    apart = tried - centre
    ridge = RIDGE * tried.shape[1] * np.eye(len(tried))
    slopes = apart.T @ np.linalg.solve(apart @ apart.T + ridge, off - level)
    aim: Differences = np.linalg.lstsq(slopes.T, centre @ slopes - level, rcond=FAINT)[0]
    return aim


def _moved(artwork: Artwork, tried: Nudges) -> Artwork:
    if not tried.any():
        return artwork
    texts = {**artwork.metadata, **nudges.to_texts(tried, artwork.encoding.n)}
    return replace(artwork, metadata=texts)


def _probabilities(classifiers: Sequence[Classifier], picture: Pictures) -> Differences:
    """(K,) of all classes of all classifiers."""
    parts = [classifier.probabilities(picture[None])[0] for classifier in classifiers]
    return np.concatenate(parts).astype(np.float64)


def _apart(off: Differences) -> float:
    return float(np.abs(off).max())


def _tenths(off: Differences) -> Differences:
    return np.rint(np.abs(off) * 1e4)
