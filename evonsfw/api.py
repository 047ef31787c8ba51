"""evonsfw from Python: `from evonsfw import Classifier, evolve, explain, invert, dream`.

A thin layer: each call opens what it is given and hands it to what the command of the same name
hands it to. A picture is a file's name or an array (H, W, 3) uint8 sRGB; whatever does not fit
raises ValueError with one line.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from evonsfw import classifier as classifiers
from evonsfw.dreaming import Dreamt, dream
from evonsfw.evolving import Evolved, evolve
from evonsfw.inverting import Inverted, invert
from evonsfw.model_spec import DEFAULT
from evonsfw.picture_like import PictureLike, subject_of

__all__ = ["Classifier", "Dreamt", "Evolved", "Inverted", "dream", "evolve", "invert"]


class Classifier:
    """A classifier, opened: scores pictures by its own reference pipeline, as `evonsfw score` does.

    Not to be called from several threads at a time.

    Args:
        name: a known name, a .yaml or an .onnx.
        wanted: the class that counts, by name or index; None is the classifier's own.

    Attributes:
        name: what it is called.
        classes: names of its classes, in order.
        wanted: the name of the class that counts.

    Raises:
        ValueError: there is no such classifier or class.
    """

    def __init__(self, name: str = DEFAULT, wanted: str | None = None) -> None:
        self._model = classifiers.Classifier(classifiers.describe(name))
        spec = self._model.spec
        self._index = spec.class_index(wanted)
        self.name, self.classes, self.wanted = spec.name, spec.classes, spec.classes[self._index]

    def __repr__(self) -> str:
        """As it is made."""
        return f"Classifier({self.name!r}, {self.wanted!r})"

    def score(self, picture: PictureLike) -> float:
        """Probability of the class that counts, 0 to 1.

        Raises:
            ValueError: it is no picture.
        """
        return float(self._probabilities(picture)[self._index])

    def scores(self, picture: PictureLike) -> dict[str, float]:
        """Probability of each class, by name.

        Raises:
            ValueError: it is no picture.
        """
        return dict(zip(self.classes, self._probabilities(picture).tolist(), strict=True))

    def _probabilities(self, picture: PictureLike) -> npt.NDArray[np.float32]:
        return self._model.probabilities(subject_of(picture).pixels[None])[0]
