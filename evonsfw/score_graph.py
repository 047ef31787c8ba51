"""The graph of a run's scores as SVG that stretches: lines in a box, numbers beside it.

The box is stretched to whatever room there is; numbers stand in strips of their own at shares of
its width and height, so that they keep their size on a telephone and on a wall.
"""

from __future__ import annotations

import math
from html import escape
from typing import Any

import numpy as np
import numpy.typing as npt

from evonsfw.keyframes import Course, thinned
from evonsfw.moment import format_score
from evonsfw.ticks import Axis

SIDE = 1000
"""The box is this many units wide and high."""
POINTS = 600
"""Generations that are drawn."""
ROOM = 0.04
"""Of the scores' range, above and below."""
ACROSS, UP = 6, 4
"""Numbers on the axes, about."""


class ScoreGraph:
    """Best and mean score over a run.

    Args:
        run: its figures.
        label: what the score is called.
    """

    def __init__(self, run: Course, label: str) -> None:
        self._run, self._label = run, label
        first, last = int(run.numbers[0]), int(run.numbers[-1])
        self._across = Axis(first, max(last, first + 1), 0, SIDE)
        self._up = _score_axis(np.concatenate([run.best, run.mean]))
        self._picks = thinned(len(run.numbers), POINTS)

    def svg(self) -> dict[str, str]:
        """Parts of a page: "lines" within the box, "scores" left of it, "generations" below."""
        across = self._across
        ticks = list(across.ticks(min(ACROSS, int(across.high - across.low))))
        grid = [f"M{x:.1f} 0V{SIDE}" for x, _ in ticks]
        grid += [f"M0 {y:.1f}H{SIDE}" for y, _ in self._up.ticks(UP)]
        lines = {
            "grid": "".join(grid),
            "mean": self._path(self._run.mean),
            "best": self._path(self._run.best),
        }
        return {
            "lines": "".join(
                f'<path class="{name}" d="{path}"/>' for name, path in lines.items() if path
            ),
            "scores": "".join(
                f'<text x="100%" y="{100 * y / SIDE:.2f}%">{text}</text>'
                for y, text in self._up.ticks(UP)
            ),
            "generations": "".join(
                f'<text x="{100 * x / SIDE:.2f}%" y="1em">{text}</text>' for x, text in ticks
            ),
        }

    def summary(self) -> str:
        """The graph in words."""
        run = self._run
        return escape(
            f"{self._label} from {format_score(float(run.best[0]))} in generation {run.numbers[0]} "
            f"to {format_score(float(run.best[-1]))} in generation {run.numbers[-1]}"
        )

    def points(self) -> list[list[Any]]:
        """For each point: generation, across, up to the best, up to the mean or null, in words."""
        return [self._point(i) for i in self._picks.tolist()]

    def place(self, index: int) -> tuple[float, float]:
        """Where the best score of the generation with that index is drawn."""
        x = self._across.place(float(self._run.numbers[index]))
        return round(x, 1), self._height(float(self._run.best[index])) or 0.0

    def words(self, index: int) -> str:
        """One generation's figures."""
        run = self._run
        parts = [
            f"generation {run.numbers[index]:,}",
            f"{self._label} {format_score(float(run.best[index]))}",
            f"mean {format_score(float(run.mean[index]))}",
            f"{run.evaluations[index]:,} scorings",
            f"{run.seconds[index]:,.1f} s",
        ]
        if not math.isfinite(run.mean[index]):
            del parts[2]
        return " · ".join(parts)

    def _point(self, index: int) -> list[Any]:
        up = self._height(float(self._run.mean[index]))
        return [int(self._run.numbers[index]), *self.place(index), up, self.words(index)]

    def _height(self, score: float) -> float | None:
        return round(self._up.place(score), 1) if math.isfinite(score) else None

    def _path(self, values: npt.NDArray[np.float64]) -> str:
        """A line through the values, broken where there is none; one alone is drawn as a dot."""
        parts, pen = [], "M"
        for i in self._picks.tolist():
            if not math.isfinite(values[i]):
                pen = "M"
                continue
            x, y = self._across.place(float(self._run.numbers[i])), self._up.place(float(values[i]))
            parts.append(f"{pen}{x:.1f} {y:.1f}" + ("h.1" if pen == "M" else ""))
            pen = "L"
        return "".join(parts)


def _score_axis(values: npt.NDArray[np.float64]) -> Axis:
    """An axis with a little room at its ends, for values that may all be the same."""
    known = values[np.isfinite(values)]
    low, high = (float(known.min()), float(known.max())) if known.size else (0.0, 1.0)
    room = ROOM * (high - low)
    if room <= 1e-9 * max(1.0, abs(low)):
        room = 0.05 * max(abs(low), 1.0)
    return Axis(low - room, high + room, SIDE, 0)
