"""Objectives, one file each: the file's name is the word on the command line.

An objective turns pictures or class probabilities into fitness, larger is better, and into the
score that people are shown. It values each individual alone: never by its batch.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, Protocol

import numpy as np
import numpy.typing as npt

from evonsfw.discovery import Folder

Pictures = npt.NDArray[np.uint8]
Probabilities = npt.NDArray[np.float32]
Values = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Goal:
    """What a run asks for, in the terms of its classifier and canvas.

    Attributes:
        class_index: the class whose score counts.
        class_name: its name, for people.
        target_score: the exact score asked for, in [0, 1].
        target: (H, W, 3) uint8 picture on the run's canvas.
    """

    class_index: int = 0
    class_name: str = "score"
    target_score: float | None = None
    target: Pictures | None = None


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

    def reached(self, score: float, until: float) -> bool:
        """Whether a score is as good as `--until` asks."""
        ...


class ObjectiveModule(Protocol):
    """What a file in this folder provides."""

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
