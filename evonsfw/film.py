"""The film of a run: which picture is seen when, and the pictures themselves, one by one.

The film goes through the best pictures of the run in order. It is given to them by what is to be
seen: pictures that differ much get more of it than pictures that hardly differ.
"""

from __future__ import annotations

import functools
import json
import math
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from evonsfw.brush import GROUND
from evonsfw.exporters import Artwork, Manner, Step, Story
from evonsfw.genome import Drawing, Encoding, Genome
from evonsfw.interpolation import Glide, ease
from evonsfw.raster import Pictures, render, render_drawing
from evonsfw.shapes import Canvas

FPS, SECONDS = (1, 120), (0.1, 600.0)
"""Lowest and highest that can be asked for."""
HELD, LEAST_HELD, MOST_HELD = 0.18, 1.5, 10.0
"""The last picture is held for that share of a film; not below and above so many seconds."""
SHORT = 0.25
"""Of a film of few seconds, the last picture is held for no more than this share."""
OPENING, LONGEST_OPENING = 0.04, 0.5
"""The first picture is held for that share, and no more seconds."""
GLIDE_SECONDS = 0.25
"""The time from one picture to the next, on average, is no shorter."""
SAMPLES = 400
"""Of the pictures of a long run, so many are looked at."""
THUMBNAIL = (48, 48)
DAMPING = 0.65
"""Time given to a difference between two pictures is its power of this."""
FAINTEST = 0.1
"""A difference counts as no less than this share of the greatest."""


class Instant(NamedTuple):
    """What is seen at one moment of a film.

    Attributes:
        drawing: a best picture, or something between two.
        number: the generation that it is nearest to, counted from 1.
    """

    drawing: Drawing
    number: int


class Timetable:
    """Which picture is seen when.

    Args:
        story: the run.
        encoding: what its genomes mean.
        seconds: how long the film is.
        last: (L,) the genome that it ends with; None for that of the story's last step.
    """

    def __init__(
        self, story: Story, encoding: Encoding, seconds: float, last: Genome | None = None
    ) -> None:
        self._steps, self._encoding = story.steps, encoding
        self._last = story.steps[-1].genome if last is None else last
        self._number = story.steps[-1].number
        opening, end = motion(seconds)
        looked_at = _sample(changes(self._steps))
        if not np.array_equal(self._steps[looked_at[-1]].genome, self._last):
            looked_at.append(len(self._steps))  # which stands for the last genome
        room = max(1, int((end - opening) * seconds / GLIDE_SECONDS))
        self._keys, differences = _keyframes(looked_at, self._thumbnails(looked_at), room)
        shares = np.maximum(differences, FAINTEST * differences.max(initial=0.0)) ** DAMPING
        total = shares.sum() or 1.0
        self._times = opening + (end - opening) * np.concatenate([[0.0], shares.cumsum()]) / total
        self._glide = functools.lru_cache(maxsize=2)(self._make_glide)

    @property
    def keyframes(self) -> int:
        """How many pictures of the run are seen as they are."""
        return len(self._keys)

    def at(self, time: float) -> Instant:
        """What is seen at a time, from 0, the first picture, to 1, the last.

        Raises:
            OSError, ValueError: the run cannot be read there.
        """
        if time >= self._times[-1] or len(self._keys) == 1:
            return Instant(self._glide(len(self._keys) - 1).at(0.0), self._number)
        key = max(0, int(np.searchsorted(self._times, time, side="right")) - 1)
        start, end = self._times[key], self._times[key + 1]
        share = ease(float(np.clip((time - start) / (end - start), 0.0, 1.0)))
        first, second = self._number_of(key), self._number_of(key + 1)
        return Instant(self._glide(key).at(share), round(first + share * (second - first)))

    def _number_of(self, key: int) -> int:
        index = self._keys[key]
        return self._number if index == len(self._steps) else self._steps[index].number

    def _genome(self, index: int) -> Genome:
        return self._last if index == len(self._steps) else self._steps[index].genome

    def _make_glide(self, key: int) -> Glide:
        """From one picture to the next; from the last one to itself."""
        following = min(key + 1, len(self._keys) - 1)
        one, other = (self._genome(self._keys[index]) for index in (key, following))
        return Glide(self._encoding.decode(one), self._encoding.decode(other))

    def _thumbnails(self, indices: Sequence[int]) -> npt.NDArray[np.float32]:
        """(K, D) float32 in [0, 1]: the pictures, small and flat."""
        small = (render(self._genome(i)[None], self._encoding, THUMBNAIL) for i in indices)
        flat = [picture.reshape(-1) for picture in small]
        return np.stack(flat).astype(np.float32) / np.float32(255)


def motion(seconds: float) -> tuple[float, float]:
    """When a film begins to move and when it comes to rest, as shares of it."""
    held = max(HELD * seconds, min(LEAST_HELD, SHORT * seconds))
    opening = min(OPENING * seconds, LONGEST_OPENING)
    return opening / seconds, 1.0 - min(held, MOST_HELD) / seconds


def changes(steps: Sequence[Step]) -> list[int]:
    """Indices of the steps whose genome is another than the one before, the first included.

    A best so far that has been beaten never comes back: where two steps have the same, all between
    them have it, and are not read.
    """
    found = [0]
    ends = [(0, steps[0].genome.tobytes(), len(steps) - 1, steps[-1].genome.tobytes())]
    while ends:
        low, one, high, other = ends.pop()
        if one == other:
            continue
        if high - low == 1:
            found.append(high)
            continue
        middle = (low + high) // 2
        between = steps[middle].genome.tobytes()
        ends += [(middle, between, high, other), (low, one, middle, between)]
    return found


def _sample(indices: list[int]) -> list[int]:
    """At most `SAMPLES` of them, evenly, the first and the last included."""
    if len(indices) <= SAMPLES:
        return indices
    return [indices[i] for i in np.linspace(0, len(indices) - 1, SAMPLES).round().astype(int)]


def _keyframes(
    indices: list[int], thumbnails: npt.NDArray[np.float32], room: int
) -> tuple[list[int], npt.NDArray[np.float64]]:
    """Pictures to be seen as they are, at even distances along the way that all of them go.

    Returns:
        K of the indices, at most `room` + 1, and (K - 1,) how different neighbours look.
    """
    steps = _differences(thumbnails)
    way = np.concatenate([[0.0], steps.cumsum()])
    marks = np.linspace(0.0, way[-1], room + 1)
    nearest = np.abs(way[:, None] - marks).argmin(axis=0) if len(way) > room else range(len(way))
    picked = sorted({0, len(way) - 1, *(int(i) for i in nearest)})
    return [indices[i] for i in picked], _differences(thumbnails[picked])


def _differences(thumbnails: npt.NDArray[np.float32]) -> npt.NDArray[np.float64]:
    """(K - 1,) root mean square of what each differs from the one before."""
    return np.sqrt((np.diff(thumbnails, axis=0).astype(np.float64) ** 2).mean(axis=1))


def frame_count(fps: int, seconds: float) -> int:
    """Pictures of a film, at least one."""
    return max(1, round(fps * seconds))


def film_manner(
    manner: Manner, fps: int, seconds: float, fastest: int = FPS[1]
) -> tuple[int, float]:
    """Pictures a second and length in seconds that are asked for, or else a format's own.

    Raises:
        ValueError: they are out of range.
    """
    fps = fps if manner.fps is None else manner.fps
    seconds = seconds if manner.seconds is None else manner.seconds
    if not FPS[0] <= fps <= fastest:
        raise ValueError(f"--fps {fps}: expected {FPS[0]} to {fastest} pictures a second")
    if not (math.isfinite(seconds) and SECONDS[0] <= seconds <= SECONDS[1]):
        raise ValueError(
            f"--seconds {seconds:g}: expected {SECONDS[0]:g} to {SECONDS[1]:g} seconds"
        )
    return fps, seconds


class Film:
    """A run as a film, of which any picture can be asked for.

    Args:
        artwork: with its story.
        canvas: width and height in pixels. What the picture leaves of it is dark.
        seconds: how long it is.

    Raises:
        ValueError: the artwork has no story, or it is damaged.
        OSError: the story cannot be read.
    """

    def __init__(self, artwork: Artwork, canvas: Canvas, seconds: float) -> None:
        if artwork.story is None:
            raise ValueError("a film is made of a run, not of one picture: give a run folder")
        self._timetable = Timetable(artwork.story, artwork.encoding, seconds, artwork.genome)
        self._canvas, self._box = canvas, picture_box(proportions(artwork), canvas)

    def frames(self, count: int) -> Iterator[Pictures]:
        """So many pictures at even distances, the last one of them the artwork's.

        Yields:
            (H, W, 3) uint8 sRGB, not to be written to. Those that are held are one array.
        """
        last = None
        for index in range(count):
            drawing = self._timetable.at(index / (count - 1) if count > 1 else 1.0).drawing
            if drawing is not last:
                frame, last = self._painted(drawing), drawing
            yield frame

    def _painted(self, drawing: Drawing) -> Pictures:
        """A frame, and the picture in its box."""
        left, top, width, height = self._box
        picture = np.empty((height, width, 3), np.uint8)
        render_drawing(drawing, (width, height), picture)
        if (width, height) == self._canvas:
            return picture
        frame = np.full((*self._canvas[::-1], 3), GROUND, np.uint8)
        frame[top : top + height, left : left + width] = picture
        return frame


def to_comment(texts: dict[str, str]) -> str:
    """The texts of an artwork as one, for formats that have room for one comment: JSON."""
    return json.dumps(texts)


def from_comment(comment: str) -> dict[str, str]:
    """Read what `to_comment` wrote; of any other comment, nothing."""
    try:
        texts = json.loads(comment)
    except (ValueError, RecursionError):  # JSON may be nested as deep as it likes
        return {}
    pairs = texts.items() if isinstance(texts, dict) else ()
    return {key: text for key, text in pairs if isinstance(text, str)}


def proportions(artwork: Artwork) -> Canvas | None:
    """Width and height that were scored, or None where that is not said."""
    width, _, height = artwork.metadata.get("evonsfw:scored_size", "").partition("x")
    if not (width.isdecimal() and (height or width).isdecimal()):
        return None
    return int(width), int(height or width)


def picture_box(shape: Canvas | None, canvas: Canvas) -> tuple[int, int, int, int]:
    """Left, top, width, height of the largest box of a shape's proportions, in the middle. Bars of
    a pixel, which come of rounding, are left out.
    """
    scale = min(canvas[0] / shape[0], canvas[1] / shape[1]) if shape else 0.0
    width, height = (round(side * scale) for side in shape or canvas)
    if not shape or (canvas[0] - width <= 2 and canvas[1] - height <= 2):
        return 0, 0, *canvas
    width, height = max(1, width), max(1, height)
    return (canvas[0] - width) // 2, (canvas[1] - height) // 2, width, height
