"""Instruments that score a picture without a part of it: windows that slide, shapes left out.

`evonsfw explain occlusion` and `shapes`, for the command line and for Python.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from evonsfw.chronicle import Chronicle, read_picture
from evonsfw.classifier import REFERENCE, describe
from evonsfw.credit_plate import credit_plate
from evonsfw.explanation import Explanation, opened, texts_of
from evonsfw.findings import Findings
from evonsfw.insight.occlusion import Fill, Occlusion, Sweep, occlude, require_sweep, sweep_for
from evonsfw.insight.shapley import Credits, credit
from evonsfw.model_spec import DEFAULT
from evonsfw.occlusion_plates import Seen, occlusion_plate, told_peak
from evonsfw.picture_like import PictureLike
from evonsfw.preparation import Pictures
from evonsfw.provenance import Provenance, parse_provenance
from evonsfw.raster import render
from evonsfw.scorers import Scorers
from evonsfw.telling import Heard, unheard

if TYPE_CHECKING:
    from evonsfw.evolving import Evolved


@dataclass(frozen=True)
class Sliding:
    """How somebody wants a window to slide; what is None follows from the picture.

    Attributes:
        window: its side in pixels; None for a quarter of the picture's shorter side.
        stride: pixels between two places; None for a quarter of the window, coarse to fine
            1/22, rounded up.
        fill: what covers a place: grey, mean, blur or noise.
        seed: of the noise.
        coarse_to_fine: score a tenth of the places, and tell the rest from them.
    """

    window: int | None = None
    stride: int | None = None
    fill: Fill = "grey"
    seed: int = 0
    coarse_to_fine: bool = False

    def over(self, pixels: Pictures) -> Sweep:
        """What it comes to for a picture of (H, W, 3) uint8.

        Raises:
            ValueError: the window or the stride does not fit.
        """
        sweep = sweep_for(pixels, self.window, self.stride, self.coarse_to_fine)
        sweep = replace(sweep, fill=self.fill, seed=self.seed)
        require_sweep(pixels, sweep)
        return sweep


def occlusion(
    picture: PictureLike,
    classifier: str = DEFAULT,
    wanted: str | None = None,
    sliding: Sliding | None = None,
    workers: int | None = None,
    heard: Heard = unheard,
    backend: str = REFERENCE,
) -> Explanation[Occlusion]:
    """A window slides over the picture: scored alone, and covered.

    Args:
        picture: a file's name, or (H, W, 3) uint8.
        classifier: a known name, a .yaml or an .onnx.
        wanted: the class, by name or index; None is the classifier's own.
        sliding: window, stride, fill; None follows from the picture's size.
        workers: threads; None for one a core. It changes no result.
        heard: is told how many scorings are done.
        backend: what scores crops and covers, "auto" for the fastest; the score that is shown of
            the whole picture is always the reference's.

    Returns:
        its array is (2, H, W) float32: windows, occlusion.

    Raises:
        ValueError: there is no such class, the window does not fit, or the backend is not there.
    """
    given = opened(picture, classifier, wanted)
    pixels = given.subject.pixels
    sweep = (sliding or Sliding()).over(pixels)
    with Scorers(given.spec, workers, backend) as scorers:
        maps = occlude(pixels, scorers.probabilities, given.index, sweep, heard)
        whole = scorers.whole(pixels, given.index, maps.score)
    seen = Seen(given.subject.path.name, pixels, given.spec, maps, whole)
    array = np.stack([maps.windows, maps.occlusion]).astype(np.float32)
    texts = texts_of("occlusion", given.spec, given.index, seen.score) | whole.texts
    texts |= {"sweep": repr(sweep)}
    lines = (
        f"{given.subject.path}: {seen.word} {seen.score:.6f}{whole.beside}",
        f"  windows highest {told_peak(maps.windows)}; occlusion {told_peak(maps.occlusion)}",
    )
    findings = Findings(occlusion_plate(seen, sweep), array, texts)
    return Explanation(maps, findings, lines, f"{maps.scorings:,} scorings")


def shapes(
    source: PictureLike | Evolved,
    classifier: str | None = None,
    wanted: str | None = None,
    samples: int | None = None,
    seed: int = 0,
    workers: int | None = None,
    heard: Heard = unheard,
    backend: str = REFERENCE,
) -> Explanation[Credits]:
    """Which shapes make the score: each left out, and Shapley values.

    Args:
        source: what `evolve` returned, a run folder, or a file with a genome in it.
        classifier: a known name, a .yaml or an .onnx; None for the first one of the run.
        wanted: the class, by name or index; None is the run's own, else the classifier's.
        samples: orders that are drawn; None for as many as 2,500 scorings give.
        seed: of the orders.
        workers: threads; None for one a core. It changes no result.
        heard: is told how many scorings are done.
        backend: what scores sets of shapes, "auto" for the fastest; the score that is shown of
            all of them is always the reference's.

    Returns:
        its array is (3, N) float64: Shapley values, their standard errors, and the score less
        that without the shape.

    Raises:
        ValueError: there is no genome in it, no such class, or the backend is not there.
    """
    whose = _source_of(source)
    config = whose.provenance.config
    spec = describe(config.classifiers[0] if classifier is None else classifier)
    own = wanted is None and classifier is None
    index = spec.class_index(config.class_ if own else wanted)
    drawing = config.encoding.decode(whose.provenance.genome)
    with Scorers(spec, workers, backend) as scorers:

        def worth(pictures: Iterable[Pictures]) -> Iterator[float]:
            return (float(one[index]) for one in scorers.probabilities(pictures))

        found = credit(drawing, config.canvas, worth, samples, seed, heard)
        picture = render(whose.provenance.genome[None], config.encoding, config.canvas)[0]
        whole = scorers.whole(picture, index, found.score)
    plate = credit_plate(whose.name, drawing, config.canvas, spec, found, whole)
    array = np.stack([found.shapley, found.errors, found.left_out])
    texts = texts_of("shapes", spec, index, whole.score) | whole.texts
    texts |= {"orders": str(found.orders), "seed": str(seed)}
    told = f"{whose.told}: {spec.classes[index]} {whole.score:.6f}{whole.beside}"
    lines = _credit_lines(told, found)
    return Explanation(found, Findings(plate, array, texts), lines, f"{found.scorings:,} scorings")


def _credit_lines(told: str, found: Credits) -> tuple[str, ...]:
    background, n = found.background, len(found.shapley)
    best, worst = int(found.shapley.argmax()), int(found.shapley.argmin())
    how = f"{found.orders} orders" if found.orders else "every set"
    return (
        f"{told}, of the background alone {background:.6f}",
        f"  {n} shape{'s' * (n != 1)}, {how}: "
        f"most from shape {best + 1} ({found.shapley[best]:+z.4f}), "
        f"least from shape {worst + 1} ({found.shapley[worst]:+z.4f})",
    )


class _Source(NamedTuple):
    """Whose shapes are weighed: as it was given, its name, and what it can be drawn from."""

    told: str
    name: str
    provenance: Provenance


def _source_of(source: PictureLike | Evolved) -> _Source:
    """What is to be explained: of a run its best picture."""
    if isinstance(source, np.ndarray):
        raise ValueError("shapes: expected a run folder or a file, for pixels hold no genome")
    if isinstance(source, str | os.PathLike):
        path = Path(source)
        return _Source(str(path), path.resolve().name, _provenance_of(path))
    found = parse_provenance(source.texts, Path("evolved"))
    assert found is not None, "every picture of an evolution has its genome in it"
    return _Source("evolved", "evolved", found)


def _provenance_of(path: Path) -> Provenance:
    if not path.exists():
        raise ValueError(f"{path}: no such run folder or file")
    if not path.is_dir():
        return read_picture(path)
    found = parse_provenance(Chronicle(path).best().metadata, path)
    assert found is not None, "every artwork of a run has its genome in it"
    return found
