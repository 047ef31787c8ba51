"""What is said of a whole picture whose parts were scored by any backend."""

from __future__ import annotations

from dataclasses import dataclass

from evonsfw.classifier import Probabilities

Figures = tuple[tuple[str, str], ...]


@dataclass(frozen=True, eq=False)
class WholeScore:
    """A picture's score twice: as people see it, and as that of its parts is compared with it.

    Attributes:
        probabilities: (C,) float32 by the reference.
        index: the class that counts.
        own: its score by the backend that scored the parts.
        by: that backend and its arithmetic; "" where it is the reference.
    """

    probabilities: Probabilities
    index: int
    own: float
    by: str = ""

    @property
    def score(self) -> float:
        """Of the class that counts, by the reference."""
        return float(self.probabilities[self.index])

    @property
    def beside(self) -> str:
        """For a line that names the score: what the backend gives; "" for the reference."""
        return f"; by {self.by} {self.own:.6f}" if self.by else ""

    @property
    def figures(self) -> Figures:
        """For a plate: what scored the parts, and the whole likewise; none for the reference."""
        if not self.by:
            return ()
        return ("parts scored by", self.by), ("the whole by that", f"{self.own:.6f}")

    @property
    def texts(self) -> dict[str, str]:
        """For a file: what scored the parts; nothing for the reference."""
        return {"backend": self.by} if self.by else {}
