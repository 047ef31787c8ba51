"""What a classifier looks at, from Python: `from evonsfw import explain`.

Each function is the instrument that `evonsfw explain` has under the same name. It returns what was
found, as an `Explanation`: numbers to go on with, a plate to look at, and `save` for both.
A picture is a file's name or an array (H, W, 3) uint8 sRGB.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from evonsfw.backward_graph import ReluRule
from evonsfw.chronicle import Chronicle, read_picture
from evonsfw.config import RunConfig
from evonsfw.credit_plate import credit_plate
from evonsfw.evolving import Evolved
from evonsfw.explaining import Sliding
from evonsfw.explanation import Explanation, Opened, opened, quantity_of
from evonsfw.genome import Genome
from evonsfw.insight import Heard, unheard
from evonsfw.insight.disagreement import Disagreement, disagree, of_size
from evonsfw.insight.gradcam import GradCam
from evonsfw.insight.gradcam import gradcam as _gradcam
from evonsfw.insight.integrated import Baseline, Integrated
from evonsfw.insight.integrated import integrated as _integrated
from evonsfw.insight.occlusion import Occlusion, Sweep, occlude
from evonsfw.insight.saliency import Saliency, saliency
from evonsfw.insight.shapley import Credits, credit
from evonsfw.layers import default_layer, find_layer
from evonsfw.model_spec import DEFAULT
from evonsfw.occlusion_plates import Seen, compare_plate, occlusion_plate, told_classes
from evonsfw.picture_like import PictureLike
from evonsfw.preparation import Pictures
from evonsfw.provenance import parse_provenance
from evonsfw.quantity import Kind
from evonsfw.raster import render
from evonsfw.saliency_plates import cam_plate, integrated_plate, saliency_plate
from evonsfw.scorers import Scorers

__all__ = [
    "Compared",
    "Explanation",
    "Sliding",
    "compare",
    "deconvnet",
    "gradcam",
    "gradient",
    "guided",
    "integrated",
    "occlusion",
    "shapes",
]


def gradient(
    picture: PictureLike,
    classifier: str = DEFAULT,
    wanted: str | None = None,
    of: Kind = "logit",
    layer: str | None = None,
    channel: int | None = None,
) -> Explanation[Saliency]:
    """What a small change of each pixel would do to a number (Simonyan 2014).

    Args:
        picture: a file's name, or (H, W, 3) uint8.
        classifier: a known name, a .yaml or an .onnx.
        wanted: the class, by name or index; None is the classifier's own.
        of: what of the class: "logit", or "margin", how far it is above the others.
        layer: explain the mean of this layer instead of a class.
        channel: only this channel of it.

    Returns:
        its array is (H, W, 3) float32, change of the number for each level of 255.

    Raises:
        ValueError: one of them does not exist, or an operator has no backward rule.
    """
    return _saliency(picture, classifier, wanted, of, layer, channel, "gradient")


def guided(
    picture: PictureLike,
    classifier: str = DEFAULT,
    wanted: str | None = None,
    of: Kind = "logit",
    layer: str | None = None,
    channel: int | None = None,
) -> Explanation[Saliency]:
    """Guided backpropagation (Springenberg 2015): the structure that excites a class or a layer.

    Arguments, result and errors are those of `gradient`.
    """
    return _saliency(picture, classifier, wanted, of, layer, channel, "guided")


def deconvnet(
    picture: PictureLike,
    classifier: str = DEFAULT,
    wanted: str | None = None,
    of: Kind = "logit",
    layer: str | None = None,
    channel: int | None = None,
) -> Explanation[Saliency]:
    """The deconvnet (Zeiler and Fergus 2014): a class or a layer, projected back to the picture.

    Arguments, result and errors are those of `gradient`.
    """
    return _saliency(picture, classifier, wanted, of, layer, channel, "deconvnet")


def gradcam(
    picture: PictureLike,
    classifier: str = DEFAULT,
    wanted: str | None = None,
    of: Kind = "logit",
    layer: str | None = None,
) -> Explanation[GradCam]:
    """Grad-CAM (Selvaraju 2017): which places of a layer speak for a class.

    Args:
        picture: a file's name, or (H, W, 3) uint8.
        classifier: a known name, a .yaml or an .onnx.
        wanted: the class, by name or index; None is the classifier's own.
        of: what of the class, as for `gradient`.
        layer: whose places are weighed; None is the last that has places.

    Returns:
        its array is (H, W) float32: above 0 speaks for the class, below against it.

    Raises:
        ValueError: as `gradient`.
    """
    given = opened(picture, classifier, wanted)
    spec = given.spec
    where = find_layer(spec, layer) if layer is not None else default_layer(spec)
    quantity = quantity_of(given, None, of, None, None)
    found = _gradcam(spec, given.subject.pixels, quantity, where)
    figures = (*given.figures, (quantity.name, f"{found.value:+.4f}"), ("layer", where.name))
    plate = cam_plate(given.subject, quantity.name, found, figures)
    texts = {"quantity": quantity.name, "layer": where.name}
    return given.explained("gradcam", found, plate, found.signed, texts)


def integrated(
    picture: PictureLike,
    classifier: str = DEFAULT,
    wanted: str | None = None,
    of: Kind = "logit",
    layer: str | None = None,
    channel: int | None = None,
    baseline: Baseline = "black",
    steps: int = 50,
    heard: Heard = unheard,
) -> Explanation[Integrated]:
    """Integrated gradients (Sundararajan 2017): each pixel's share of the rise from a baseline.

    Args:
        picture: as for `gradient`, like what follows.
        classifier: likewise.
        wanted: likewise.
        of: likewise.
        layer: likewise.
        channel: likewise.
        baseline: "black", "grey", "white", or "blur", the picture without detail.
        steps: gradients that are taken, 1 or more.
        heard: is told how many are.

    Returns:
        its array is (H, W, 3) float32; it adds up to the rise, but for `found.error`.

    Raises:
        ValueError: as `gradient`.
    """
    given = opened(picture, classifier, wanted)
    quantity = quantity_of(given, wanted, of, layer, channel)
    found = _integrated(given.spec, given.subject.pixels, quantity, baseline, steps, heard)
    figures = (
        *given.figures,
        (quantity.name, f"{found.blank:+.4f} to {found.value:+.4f}"),
        ("baseline, steps", f"{baseline}, {steps}"),
        ("sum of shares less rise", f"{found.error:+.4f}"),
    )
    plate = integrated_plate(given.subject, quantity.name, found, figures)
    texts = {"quantity": quantity.name, "baseline": baseline, "steps": str(steps)}
    return given.explained("integrated", found, plate, found.shares, texts)


def occlusion(
    picture: PictureLike,
    classifier: str = DEFAULT,
    wanted: str | None = None,
    sliding: Sliding | None = None,
    workers: int | None = None,
    heard: Heard = unheard,
) -> Explanation[Occlusion]:
    """A window slides over the picture: scored alone, and covered.

    Args:
        picture: a file's name, or (H, W, 3) uint8.
        classifier: a known name, a .yaml or an .onnx.
        wanted: the class, by name or index; None is the classifier's own.
        sliding: window, stride, fill; None follows from the picture's size.
        workers: threads; None for one a core. It changes no result.
        heard: is told how many scorings are done.

    Returns:
        its array is (2, H, W) float32: windows, occlusion.

    Raises:
        ValueError: there is no such class, or the window does not fit.
    """
    given = opened(picture, classifier, wanted)
    sweep = (sliding or Sliding()).over(given.subject.pixels)
    with Scorers(given.spec, workers) as scorers:
        seen = _swept(given, scorers, sweep, heard)
    array = np.stack([seen.maps.windows, seen.maps.occlusion]).astype(np.float32)
    plate = occlusion_plate(seen, sweep)
    texts = {"sweep": repr(sweep)}
    return given.explained("occlusion", seen.maps, plate, array, texts)


def shapes(
    source: PictureLike | Evolved,
    classifier: str | None = None,
    wanted: str | None = None,
    samples: int | None = None,
    seed: int = 0,
    workers: int | None = None,
    heard: Heard = unheard,
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

    Returns:
        its array is (3, N) float64: Shapley values, their standard errors, and the score less
        that without the shape.

    Raises:
        ValueError: there is no genome in it, or no such class.
    """
    name, genome, config = _genome_of(source)
    drawing, canvas = config.encoding.decode(genome), config.canvas
    picture = render(genome[None], config.encoding, canvas)[0]
    word = config.class_ if wanted is None and classifier is None else wanted
    model = config.classifiers[0] if classifier is None else classifier
    given = opened(picture, model, word)
    with Scorers(given.spec, workers) as scorers:

        def worth(pictures: Iterable[Pictures]) -> Iterator[float]:
            return (float(one[given.index]) for one in scorers.probabilities(pictures))

        found = credit(drawing, canvas, worth, samples, seed, heard)
    plate = credit_plate(name, drawing, canvas, given.spec, given.index, found)
    array = np.stack([found.shapley, found.errors, found.left_out])
    texts = {"orders": str(found.orders), "seed": str(seed)}
    return given.explained("shapes", found, plate, array, texts)


@dataclass(frozen=True, eq=False)
class Compared:
    """Two that were shown in parts, and where they disagree.

    Attributes:
        first: what came of the one.
        second: what came of the other.
        windows: the second's windows less the first's.
        falls: the second's falls of the score while covered less the first's.
    """

    first: Occlusion
    second: Occlusion
    windows: Disagreement
    falls: Disagreement


def compare(
    first: PictureLike,
    second: PictureLike | None = None,
    classifier: str = DEFAULT,
    other: str | None = None,
    wanted: str | None = None,
    sliding: Sliding | None = None,
    workers: int | None = None,
    heard: Heard = unheard,
) -> Explanation[Compared]:
    """Two pictures under one classifier, or one under two: where do they disagree?

    Args:
        first: a file's name, or (H, W, 3) uint8.
        second: the other picture; None for the same one.
        classifier: of the first picture.
        other: of the second; None for the same one.
        wanted: the class of each, by name or index; None is each classifier's own.
        sliding: window, stride, fill, of each picture; None follows from its size.
        workers: threads; None for one a core. It changes no result.
        heard: is told how many scorings are done, of the first and then of the second.

    Returns:
        its array is (6, H, W) float32: the first one's windows and falls of the score while
        covered, the second one's, and the second's less the first's; of the first picture's size.

    Raises:
        ValueError: nothing differs, or as `occlusion`.
    """
    if second is None and other is None:
        raise ValueError("compare: expected a second picture, or another classifier")
    given = opened(first, classifier, wanted)
    twin = opened(first if second is None else second, other or classifier, wanted)
    sides: list[Seen] = []
    for one in (given, twin):
        sweep = (sliding or Sliding()).over(one.subject.pixels)
        with Scorers(one.spec, workers) as scorers:
            sides.append(_swept(one, scorers, sweep, heard))
    a, b = sides
    windows = disagree(a.maps.windows, b.maps.windows)
    falls = disagree(a.maps.fall, b.maps.fall)
    title = f"{a.word} in {a.name} and {b.word} in {b.name}"
    text = "On the right, over A in grey: red where B is higher, blue where A is."
    plate = compare_plate(title, (a, b), windows, falls, told_classes((a, b)), text)
    shape = a.maps.windows.shape
    others = (of_size(one, shape) for one in (b.maps.windows, b.maps.fall))
    maps = (a.maps.windows, a.maps.fall, *others, windows.difference, falls.difference)
    array = np.stack(maps).astype(np.float32)
    texts = {"other": twin.spec.name, "other_score": f"{twin.word} {twin.score:.6f}"}
    found = Compared(a.maps, b.maps, windows, falls)
    return given.explained("compare", found, plate, array, texts)


def _saliency(
    picture: PictureLike,
    classifier: str,
    wanted: str | None,
    of: Kind,
    layer: str | None,
    channel: int | None,
    relu: ReluRule,
) -> Explanation[Saliency]:
    given = opened(picture, classifier, wanted)
    quantity = quantity_of(given, wanted, of, layer, channel)
    found = saliency(given.spec, given.subject.pixels, quantity, relu)
    figures = (*given.figures, (quantity.name, f"{found.value:+.4f}"))
    plate = saliency_plate(given.subject, relu, quantity.name, found, figures)
    return given.explained(relu, found, plate, found.signal, {"quantity": quantity.name})


def _swept(given: Opened, scorers: Scorers, sweep: Sweep, heard: Heard) -> Seen:
    pixels = given.subject.pixels
    maps = occlude(pixels, scorers.probabilities, given.index, sweep, heard)
    return Seen(given.subject.path.name, pixels, given.spec, maps)


def _genome_of(source: PictureLike | Evolved) -> tuple[str, Genome, RunConfig]:
    """Its name, its genome, and the settings that say what the genes mean."""
    if isinstance(source, Evolved):
        found, name = parse_provenance(source.texts, Path("evolved")), "evolved"
    elif isinstance(source, np.ndarray):
        raise ValueError("shapes: expected a run folder or a file, for pixels hold no genome")
    elif Path(source).is_dir():
        found = parse_provenance(Chronicle(Path(source)).best().metadata, Path(source))
        name = Path(source).resolve().name
    else:
        found, name = read_picture(Path(source)), Path(source).name
    assert found is not None, "each of them has its genome in it"
    return name, found.genome, found.config
