"""Activation maximisation: a picture made from nothing that excites a classifier.

Erhan, Bengio, Courville, Vincent 2009, "Visualizing Higher-Layer Features of a Deep Network"; with
priors that were written down instead of a trained generator, and with views that move and scale, so
that no pixel can be relied upon (Olah, Mordvintsev, Schubert 2017, "Feature Visualization").
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from cmaes import SepCMA

from evonsfw.adam import Adam
from evonsfw.classifier import to_probabilities
from evonsfw.cppn import CPPN
from evonsfw.feeding import Floats, feed, feed_back
from evonsfw.fourier import Fourier, Pixels
from evonsfw.gradient import Differentiable, Kept
from evonsfw.model_spec import ModelSpec
from evonsfw.preparation import input_shape
from evonsfw.prior import Prior, View, overhang
from evonsfw.quantity import Quantity
from evonsfw.telling import Heard, unheard

PRIORS = ("fourier", "cppn", "pixels")
SEARCHES = ("gradient", "cma")
SMALLER, LARGER = 0.9, 1.1
"""What the picture is scaled by before a view of it is taken."""
CEILING = 0.99
"""Score of the classifier's default class beyond which nothing is climbed."""
IN_A_ROW = 3
"""Views that must be there."""
SIGMA = 0.2
"""First step size of the evolved network's weights."""


@dataclass(frozen=True, eq=False)
class Excited:
    """What was found.

    Attributes:
        pixels: (side, side, 3) float32 in 0…255.
        trace: (steps,) float64, the objective's value at each, as it was seen; they are fewer than
            were asked for where the ceiling was reached.
    """

    pixels: Floats
    trace: npt.NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Answer:
    """What a classifier says of a view.

    Attributes:
        value: the quantity.
        score: probability of its default class, 0 to 1; 0 where it names none.
        slope: (h, w, 3) float32 derivative of the value.
    """

    value: float
    score: float
    slope: Floats


class Ceiling:
    """Says when the classifier's default class has been near certain for several views in a row.

    Far beyond that, a prior of natural pictures draws what the class was made to recognise; for a
    classifier of explicit pictures that is what nobody wants to be shown. Up to it, what is drawn
    stays abstract.
    """

    def __init__(self) -> None:
        self._row = 0

    def reached(self, score: float) -> bool:
        """Take note of a view's score; whether to stop."""
        self._row = self._row + 1 if score >= CEILING else 0
        return self._row >= IN_A_ROW


class Aim:
    """A quantity of a classifier, as a function of what a view shows.

    Args:
        spec: the classifier.
        quantity: what is to become large.

    Raises:
        ValueError: the file cannot be read, or holds an operator without backward rule.
    """

    def __init__(self, spec: ModelSpec, quantity: Quantity) -> None:
        self.spec, self._quantity = spec, quantity
        at_output = spec.output == "logits"
        self._network = Differentiable(
            spec.path,
            input_shape(spec),
            of=quantity.tensor,
            at_output=at_output,
            instead="take an earlier layer, or another classifier",
        )
        self._softmax = at_output or self._network.ends_in_softmax

    def value(self, pixels: Floats) -> tuple[float, float]:
        """(h, w, 3) float32 pixels in 0…255, of the model's size, to the quantity and the score."""
        kept = self._network.forward(feed(self.spec, pixels)[None])
        return self._quantity.value(kept.logits, self._softmax), self._score(kept)

    def answer(self, pixels: Floats) -> Answer:
        """The same, and the derivative."""
        kept = self._network.forward(feed(self.spec, pixels)[None])
        slopes = self._quantity.slopes(kept.logits, self._softmax)
        slope = feed_back(self.spec, self._network.backward(kept, slopes)[0])
        return Answer(self._quantity.value(kept.logits, self._softmax), self._score(kept), slope)

    def _score(self, kept: Kept) -> float:
        if self.spec.default_class is None:
            return 0.0
        return float(to_probabilities(self.spec, kept.output)[0, self.spec.class_index(None)])


def prior_of(name: str, spec: ModelSpec, search: str = "gradient") -> Prior:
    """A prior for a classifier: one of `PRIORS`, by name; an evolved CPPN is smaller."""
    if name == "cppn":
        return CPPN(4, 10, spread=0.5) if search == "cma" else CPPN()
    size = max(spec.resize.width, spec.resize.height)
    side = size + 2 * overhang(size)
    return Fourier(side) if name == "fourier" else Pixels(side)


def excite(
    aim: Aim,
    prior: Prior,
    rng: np.random.Generator,
    iterations: int,
    side: int,
    heard: Heard = unheard,
) -> Excited:
    """Climb from nearly nothing, by gradients.

    Args:
        aim: what is to become large.
        prior: what the picture is made of.
        rng: of the start and the views.
        iterations: steps, each a forward and a backward pass.
        side: of the picture that is drawn in the end; nothing else depends on it.
        heard: told of each step.
    """
    numbers, climber, ceiling = prior.start(rng), Adam(prior.rate), Ceiling()
    trace: list[float] = []
    for step in range(iterations):
        view = random_view(aim.spec, rng)
        pixels, kept = prior.see(numbers, view)
        answer = aim.answer(pixels)
        trace.append(answer.value)
        heard(step + 1, iterations)
        if ceiling.reached(answer.score):
            break
        numbers = climber.step(numbers, prior.back(answer.slope, view, kept))
    return Excited(prior.draw(numbers, side), np.array(trace))


def evolve(
    aim: Aim,
    prior: Prior,
    rng: np.random.Generator,
    generations: int,
    side: int,
    heard: Heard = unheard,
) -> Excited:
    """The same without gradients, by separable CMA-ES (Ros & Hansen 2008); all are seen as the
    classifier's own preparation would show them.
    """
    start = prior.start(rng).astype(np.float64)
    seed = int(rng.integers(2**32))
    strategy = SepCMA(mean=start, sigma=SIGMA, seed=seed)
    best, found, view, trace = -np.inf, start, whole_view(aim.spec), []
    for number in range(generations):
        tried = [strategy.ask() for _ in range(strategy.population_size)]
        answers = [aim.value(prior.see(x.astype(np.float32), view)[0]) for x in tried]
        strategy.tell([(x, -value) for x, (value, _) in zip(tried, answers, strict=True)])
        first = max(range(len(tried)), key=lambda index: answers[index][0])
        trace.append(answers[first][0])
        heard(number + 1, generations)
        if trace[-1] > best:
            best, found = trace[-1], tried[first]
        if answers[first][1] >= CEILING:
            break
    return Excited(prior.draw(found.astype(np.float32), side), np.array(trace))


def whole_view(spec: ModelSpec) -> View:
    """What the classifier's preparation shows: the resized picture's middle."""
    width, height = spec.input_size
    top, left = (spec.resize.height - height) // 2, (spec.resize.width - width) // 2
    return View((spec.resize.height, spec.resize.width), top, left, (height, width))


def random_view(spec: ModelSpec, rng: np.random.Generator) -> View:
    """A view that is a little larger or smaller than that, and moved."""
    width, height = spec.input_size
    resize = spec.resize
    least = max(SMALLER, width / resize.width, height / resize.height)
    factor = rng.uniform(least, least + LARGER - SMALLER)
    size = max(height, round(resize.height * factor)), max(width, round(resize.width * factor))
    top, left = (
        int(rng.integers(0, a - b + 1)) for a, b in zip(size, (height, width), strict=True)
    )
    return View(size, top, left, (height, width))
