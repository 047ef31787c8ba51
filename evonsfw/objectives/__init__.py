"""Objectives, one file each: the file's name is the word on the command line.

An objective turns pictures or class probabilities into fitness, larger is better, and into the
score that people are shown. It values each individual alone: never by its batch.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, Protocol

import numpy as np
import numpy.typing as npt

from evonsfw.discovery import Folder

Pictures = npt.NDArray[np.uint8]
Probabilities = npt.NDArray[np.float32]
Values = npt.NDArray[np.float64]
Slopes = npt.NDArray[np.float32]


@dataclass(frozen=True)
class Goal:
    """What a run asks for, in the terms of its classifier and canvas.

    Attributes:
        class_index: the class whose score counts.
        class_name: its name, for people.
        target_score: the exact score asked for, in [0, 1].
        target: (H, W, 3) uint8 picture on the run's canvas.
        weights: (H, W) float32 of at least 0, some above: how much each pixel's likeness to the
            target counts. None where all count alike.
    """

    class_index: int = 0
    class_name: str = "score"
    target_score: float | None = None
    target: Pictures | None = None
    weights: npt.NDArray[np.float32] | None = None

    def needed_target(self, objective: str) -> Pictures:
        """The target picture; ValueError where an objective needs one and there is none."""
        if self.target is None:
            raise ValueError(f"objective {objective} needs --target PICTURE")
        return self.target

    def shares(self, objective: str, border: int) -> Values:
        """What each pixel counts of the whole, for an objective that says nothing of the border.

        Args:
            objective: its name.
            border: pixels on each side that are left out.

        Returns:
            (H - 2 border, W - 2 border) float64 that add up to 1.

        Raises:
            ValueError: no pixel within the border counts.
        """
        height, width = self.needed_target(objective).shape[:2]
        weights = np.ones((height, width)) if self.weights is None else self.weights
        inner = weights[border : height - border, border : width - border].astype(np.float64)
        total = float(inner.sum())
        if total <= 0.0:
            raise ValueError(
                f"objective {objective} leaves out a border of {border} "
                f"pixel{'s' * (border != 1)}, and nothing within it counts: give another --weight "
                f"or --target"
            )
        return inner / total


class Objective(Protocol):
    """What `build` returns."""

    label: str
    """What the score is called on screen: the class's name, or "RMSE"."""

    def fitness(self, observed: Pictures | Probabilities) -> Values:
        """(B, …) pictures or probabilities, as `NEEDS` says, to (B,) fitness."""
        ...

    def scores(self, observed: Pictures | Probabilities) -> Values:
        """The same to the (B,) scores that people are shown."""
        ...

    def slopes(self, observed: Pictures | Probabilities) -> Slopes:
        """D fitness / d what was observed, of its shape: float32. With probabilities it is
        d fitness / d logit, where the probabilities are their softmax.
        """
        ...

    def reached(self, score: float, until: float) -> bool:
        """Whether a score is as good as `--until` asks."""
        ...


@dataclass(frozen=True)
class PictureTerm:
    """A property of a picture that has a number: an objective by itself, where more is better, and
    a term of expressions.

    Attributes:
        label: its name.
        value: (H, W, 3) uint8 to the number.
        slope: (H, W, 3) uint8 to (H, W, 3) float32 d value / d picture.
    """

    label: str
    value: Callable[[Pictures], float]
    slope: Callable[[Pictures], Slopes]

    def fitness(self, observed: Pictures) -> Values:
        """(B, H, W, 3) uint8 pictures to (B,) values."""
        return np.array([self.value(picture) for picture in observed], np.float64)

    def scores(self, observed: Pictures) -> Values:
        """The same."""
        return self.fitness(observed)

    def slopes(self, observed: Pictures) -> Slopes:
        """(B, H, W, 3) uint8 pictures to d value / d picture of their shape."""
        return np.stack([self.slope(picture) for picture in observed])

    def reached(self, score: float, until: float) -> bool:
        """At `until` or above."""
        return score >= until


class Distance(ABC):
    """How far a picture is from what it is to be: fitness is minus that error."""

    @abstractmethod
    def error(self, picture: Pictures) -> float:
        """(H, W, 3) uint8 to the error, at least 0."""

    @abstractmethod
    def slope(self, picture: Pictures) -> Slopes:
        """(H, W, 3) uint8 to (H, W, 3) float32 d error / d picture."""

    def fitness(self, observed: Pictures) -> Values:
        """(B, H, W, 3) uint8 pictures to (B,) negated errors."""
        return -self.scores(observed)

    def scores(self, observed: Pictures) -> Values:
        """(B, H, W, 3) uint8 pictures to (B,) errors."""
        return np.array([self.error(picture) for picture in observed], np.float64)

    def slopes(self, observed: Pictures) -> Slopes:
        """(B, H, W, 3) uint8 pictures to d fitness / d picture of their shape."""
        return -np.stack([self.slope(picture) for picture in observed])

    def reached(self, score: float, until: float) -> bool:
        """An error of `until` or below."""
        return score <= until


class ObjectiveModule(Protocol):
    """What a file in this folder provides, and what it may say of itself.

    ``OPTIMUM = 0.0``: the highest fitness there can be, where that is known. ``TERM = True``:
    expressions may use its fitness. ``ERROR = True``: its score is an error of at least 0, and
    the fitness minus that. ``TARGET = True``: it compares with the goal's target picture.
    """

    NEEDS: Literal["pictures", "probabilities"]
    DEFAULT_UNTIL: float | None
    """Where a run stops that was given no end; None leaves that to the number of scorings."""

    def build(self, goal: Goal) -> Objective:
        """The objective for a goal; ValueError where the goal lacks what it needs."""
        ...


FOLDER: Folder[ObjectiveModule] = Folder(__name__, "objective")


def objective_names() -> list[str]:
    """Every objective there is, sorted."""
    return FOLDER.names()


def load_objective(name: str) -> ObjectiveModule:
    """The objective called `name`; ValueError with the nearest names where there is none."""
    return FOLDER.load(name)


def is_term(name: str) -> bool:
    """Whether expressions may use the objective called `name`."""
    return _says(name, "TERM")


def is_error(name: str) -> bool:
    """Whether the score of the objective called `name` is an error, of at least 0."""
    return _says(name, "ERROR")


def is_comparison(name: str) -> bool:
    """Whether the objective called `name` compares with a target picture."""
    return _says(name, "TARGET")


def _says(name: str, word: str) -> bool:
    return name in objective_names() and bool(getattr(load_objective(name), word, False))
