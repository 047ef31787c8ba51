"""Between two genomes: shapes glide, go and come, instead of jumping.

Rows mostly keep their place from one genome to a better one, but where a shape is taken out, those
above it sink by one (`Problem.make_room`). So the rows are paired first, as two texts are that are
compared: the alignment that costs least (S. B. Needleman and C. D. Wunsch, "A general method
applicable to the search for similarities", 1970), whose pairs never cross, so that shapes of one
kind keep their painting order.
"""

from __future__ import annotations

from bisect import bisect_left
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from evonsfw.compiled import compiled
from evonsfw.genome import Drawing
from evonsfw.shapes import cyclic, load_shape

Floats = npt.NDArray[np.float32]
Pairs = npt.NDArray[np.int64]
"""(M, 2) rows of one drawing, each with a row of another, both rising within a kind."""

PLACE, ANGLE, COLOUR, OPACITY = 1.0, 0.25, 0.5, 0.25
"""What a difference counts: in x, y, size; in other genes; in red, green, blue; in alpha."""
UNLIKE = 0.3
"""Two rows at this distance cost half of what it costs that one goes and the other comes."""
GAP = 0.5
"""What a row without a partner costs; a pair costs less than two of them, however unlike."""
PULSE = 0.6
"""0: shapes glide evenly; 1: they come to rest at every genome."""
SOLID = 0.99
"""Whoever goes or comes is no more opaque, for nothing would be seen of its fading."""
STAYS, GOES, COMES = 0, 1, 2
BOTH, FIRST, SECOND = 0, 1, 2


class _Part(NamedTuple):
    """One of those who are painted on the way.

    Attributes:
        role: whether it stays, goes (its alpha falls to 0) or comes.
        old, new: row of the first drawing, and of the second; -1 where it has none there.
    """

    role: int
    old: int
    new: int


class Glide:
    """The way from one drawing to another of the same encoding.

    Args:
        one: where it starts.
        other: where it ends.
    """

    def __init__(self, one: Drawing, other: Drawing) -> None:
        self._one, self._other = one, other
        parts = np.array(_parts(one, other), np.int64).reshape(-1, 3)
        role, old, new = parts.T
        kinds = len(one.shapes)
        turns = np.where(old < 0, new, old) % kinds
        place = _places(turns, kinds)
        before, after = _table(one), _table(other)
        start = np.where((old < 0)[:, None], after[new], before[old])
        end = np.where((new < 0)[:, None], before[old], after[new])
        self._start = _spread(start, place)
        way = end - start
        way -= np.rint(way) * _come_round(one)[turns]
        self._way = _spread(way, place)
        self._role = _spread(role, place)

    def at(self, time: float) -> Drawing:
        """What is seen at a time.

        Args:
            time: 0 to 1; from there on, and until then, the ends themselves.

        Returns:
            a drawing of the same kinds in the same turns. Where none of a kind is next in painting
            order, the row of its turn has an alpha of 0.
        """
        if time <= 0.0 or time >= 1.0:
            return self._one if time <= 0.0 else self._other
        rows = self._start + time * self._way
        first, second = self._one.background, self._other.background
        return Drawing(
            shapes=self._one.shapes,
            background=first + np.float32(time) * (second - first),
            geometry=np.ascontiguousarray(rows[:, :-4]),
            colours=rows[:, -4:-1].astype(np.float32),
            alphas=_faded(rows[:, -1], self._role, time).astype(np.float32),
        )


def ease(time: float) -> float:
    """Take even time, 0 to 1, to time that starts and ends more slowly."""
    return time + PULSE * time * (time * (3.0 - 2.0 * time) - 1.0)


def paired(one: Drawing, other: Drawing) -> Pairs:
    """Rows that are one shape in two drawings of the same kinds; (M, 2), by row of `one`."""
    pairs = []
    kinds = len(one.shapes)
    for turn, name in enumerate(one.shapes):
        weights = _weights(name, one.geometry.shape[1])
        stacks = (_table(drawing)[turn::kinds] * weights for drawing in (one, other))
        pairs.append(turn + kinds * _aligned(*stacks))
    found = np.concatenate(pairs)
    return found[found[:, 0].argsort()]


def _come_round(drawing: Drawing) -> npt.NDArray[np.bool_]:
    """(K, G + 4): of each kind, the columns whose shorter way may be over 1 or 0."""
    found = np.zeros((len(drawing.shapes), drawing.geometry.shape[1] + 4), bool)
    for row, name in zip(found, drawing.shapes, strict=True):
        which = cyclic(name)
        row[: len(which)] = which
    return found


def _table(drawing: Drawing) -> npt.NDArray[np.float64]:
    """(N, G + 4) geometry, colour and alpha of each row."""
    return np.hstack([drawing.geometry, drawing.colours, drawing.alphas[:, None]]).astype(float)


def _weights(name: str, genes: int) -> npt.NDArray[np.float64]:
    """(G + 4,) what each column counts; 0 where rows are padded."""
    weights = np.zeros(genes + 4)
    weights[:3], weights[3 : len(load_shape(name).GENES)] = PLACE, ANGLE
    weights[-4:] = COLOUR, COLOUR, COLOUR, OPACITY
    return weights


def _aligned(one: npt.NDArray[np.float64], other: npt.NDArray[np.float64]) -> Pairs:
    """The alignment of two stacks of rows. Equal rows at both ends are not worth a search."""
    shorter = min(len(one), len(other))
    equal = (one[:shorter] == other[:shorter]).all(axis=1)
    head = shorter if equal.all() else int(equal.argmin())
    equal = (one[::-1][: shorter - head] == other[::-1][: shorter - head]).all(axis=1)
    tail = shorter - head if equal.all() else int(equal.argmin())
    middle = _searched(
        np.ascontiguousarray(one[head : len(one) - tail], np.float32),
        np.ascontiguousarray(other[head : len(other) - tail], np.float32),
    )
    heads = np.repeat(np.arange(head)[:, None], 2, axis=1)
    tails = np.arange(-tail, 0)[:, None] + np.array([len(one), len(other)])
    return np.concatenate([heads, head + middle, tails])


@compiled
def _searched(one: Any, other: Any) -> Any:  # pragma: no cover - compiled
    """The alignment that costs least, by dynamic programming, as pairs."""
    rows, columns = len(one), len(other)
    choice = np.full((rows + 1, columns + 1), SECOND, np.uint8)
    choice[1:, 0] = FIRST
    above, here = np.arange(columns + 1) * GAP, np.empty(columns + 1)
    for i in range(rows):
        here[0] = (i + 1) * GAP
        for j in range(columns):
            total = np.float32(0.0)
            for k in range(one.shape[1]):
                total += (one[i, k] - other[j, k]) ** 2
            distance = np.sqrt(total)
            both = above[j] + 2.0 * GAP * distance / (distance + UNLIKE)
            first, second = above[j + 1] + GAP, here[j] + GAP
            here[j + 1] = min(both, first, second)
            if both <= min(first, second):
                choice[i + 1, j + 1] = BOTH
            elif first <= second:
                choice[i + 1, j + 1] = FIRST
        above, here = here, above
    pairs = np.empty((min(rows, columns), 2), np.int64)
    i, j, count = rows, columns, 0
    while i > 0 or j > 0:
        chosen = choice[i, j]
        i, j = i - (chosen != SECOND), j - (chosen != FIRST)
        if chosen == BOTH:
            pairs[count, 0], pairs[count, 1] = i, j
            count += 1
    return pairs[:count][::-1].copy()


def _parts(one: Drawing, other: Drawing) -> list[_Part]:
    """Everyone who is painted on the way, lowest first.

    A pair that has changed its place among shapes of other kinds is there twice: one goes where it
    was, one comes where it will be, so that nothing pops to the top.
    """
    pairs = paired(one, other)
    partner = {int(old): int(new) for old, new in pairs}
    source = {new: old for old, new in partner.items()}
    keeping = [(int(old), int(new)) for old, new in pairs[_rising(pairs[:, 1])]]
    parts: list[_Part] = []
    old = new = 0
    for next_old, next_new in [*keeping, (len(one.alphas), len(other.alphas))]:
        parts += [_Part(GOES, row, partner.get(row, -1)) for row in range(old, next_old)]
        parts += [_Part(COMES, source.get(row, -1), row) for row in range(new, next_new)]
        parts.append(_Part(STAYS, next_old, next_new))
        old, new = next_old + 1, next_new + 1
    return parts[:-1]


def _rising(values: npt.NDArray[np.int64]) -> list[int]:
    """Indices of a longest rising subsequence (C. Schensted, 1961), in order."""
    ends: list[int] = []
    last: list[int] = []
    before: list[int] = []
    for index, value in enumerate(values.tolist()):
        length = bisect_left(ends, value)
        before.append(last[length - 1] if length else -1)
        ends[length:] = [value, *ends[length + 1 :]]
        last[length:] = [index, *last[length + 1 :]]
    chain = []
    index = last[-1] if last else -1
    while index >= 0:
        chain.append(index)
        index = before[index]
    return chain[::-1]


def _places(kind: npt.NDArray[np.int64], kinds: int) -> npt.NDArray[np.int64]:
    """(M,) rows that shapes of these kinds are given, rising, where kinds take turns."""
    steps = np.diff(kind, prepend=-1)
    return np.cumsum((steps - 1) % kinds + 1) - 1


def _spread(values: npt.NDArray[Any], place: npt.NDArray[np.int64]) -> npt.NDArray[Any]:
    """Values at their places, zeros between them."""
    spread = np.zeros((int(place[-1]) + 1 if len(place) else 0, *values.shape[1:]), values.dtype)
    spread[place] = values
    return spread


def _faded(
    alphas: npt.NDArray[np.float64], role: npt.NDArray[np.int64], time: float
) -> npt.NDArray[np.float64]:
    """(M,) alphas of those who go and come. Light that passes the one that goes and the one that
    comes is that which passes one that stays: a pair that is there twice does not grow thin.
    """
    share = np.select([role == GOES, role == COMES], [1.0 - time, time], 1.0)
    return np.where(role == STAYS, alphas, 1.0 - (1.0 - np.minimum(alphas, SOLID)) ** share)
