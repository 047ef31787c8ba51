"""`evonsfw explain occlusion` and `shapes`: a picture file to a plate, and numbers beside it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

import evonsfw
from evonsfw.chronicle import Chronicle, read_picture
from evonsfw.classifier import describe
from evonsfw.credit_plate import credit_plate
from evonsfw.findings import (
    Findings,
    array_beside,
    default_out,
    require_free,
    require_suffix,
    write,
)
from evonsfw.insight import Heard, unheard
from evonsfw.insight.occlusion import Fill, Sweep, occlude, require_sweep, sweep_for
from evonsfw.insight.shapley import Credits, credit
from evonsfw.model_spec import DEFAULT
from evonsfw.occlusion_plates import Seen, occlusion_plate, told_peak
from evonsfw.preparation import Pictures
from evonsfw.provenance import Provenance, parse_provenance
from evonsfw.scorers import Scorers
from evonsfw.subject import open_subject

Say = Callable[[str], None]


@dataclass(frozen=True)
class Sliding:
    """How somebody wants a window to slide; what is None follows from the picture.

    Attributes:
        window: its side in pixels; None for a quarter of the picture's shorter side.
        stride: pixels between two places; None for a quarter of the window, coarse to fine an
            eighth.
        fill: what covers a place: grey, mean, blur or noise.
        seed: of the noise.
        coarse_to_fine: score a tenth of the places, and let the rest lie between them.
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


def free(out: Path, force: bool) -> Path:
    """The name of a plate that may be written, with its array.

    Raises:
        ValueError: it may not.
    """
    require_suffix(out)
    require_free((out, array_beside(out)), force)
    return out


def explain_occlusion(
    picture: Path,
    say: Say,
    classifier: str = DEFAULT,
    wanted: str | None = None,
    sliding: Sliding | None = None,
    out: Path | None = None,
    force: bool = False,
    heard: Heard = unheard,
) -> list[Path]:
    """Both maps of a sliding window, as a plate and an array (2, H, W) float32 beside it.

    Args:
        picture: the file.
        say: prints one line.
        classifier: a known name, a .yaml or an .onnx.
        wanted: the class that counts, a name or an index; None is the classifier's own.
        sliding: how the window slides.
        out: the PNG; None for the picture's name and the instrument's, in the current folder.
        force: whether files that are there may be written over.
        heard: called with the number of scorings done, and of all.

    Returns:
        the files; in the array windows come first, occlusion second.

    Raises:
        ValueError: whatever does not fit, in one line.
    """
    out = free(out or default_out(picture, "occlusion"), force)
    subject = open_subject(picture)
    spec = describe(classifier)
    index = spec.class_index(wanted)
    sweep = (sliding or Sliding()).over(subject.pixels)
    with Scorers(spec) as scorers:
        maps = occlude(subject.pixels, scorers.probabilities, index, sweep, heard)
    seen = Seen(picture.name, subject.pixels, spec, maps)
    array = np.stack([maps.windows, maps.occlusion]).astype(np.float32)
    texts = {
        "instrument": "occlusion",
        "version": evonsfw.__version__,
        "classifier": spec.name,
        "score": f"{seen.word} {maps.score:.6f}",
        "sweep": repr(sweep),
    }
    paths = write(Findings(occlusion_plate(seen, sweep), array, texts), out, force)
    say(f"{picture}: {seen.word} {maps.score:.6f}")
    say(f"  windows highest {told_peak(maps.windows)}; occlusion {told_peak(maps.occlusion)}")
    say(f"  {maps.scorings:,} scorings; {', '.join(map(str, paths))}")
    return paths


def explain_shapes(
    source: Path,
    say: Say,
    classifier: str | None = None,
    wanted: str | None = None,
    samples: int | None = None,
    seed: int = 0,
    out: Path | None = None,
    force: bool = False,
    heard: Heard = unheard,
) -> list[Path]:
    """What each shape does to the score, as a plate and an array (3, N) float64 beside it.

    Args:
        source: a run folder, whose best picture is taken, or a file with a genome in it.
        say: prints one line.
        classifier: a known name, a .yaml or an .onnx; None for the first one of the run.
        wanted: the class that counts; None for the run's own, else the classifier's.
        samples: orders that are drawn; None for as many as 2,500 scorings give.
        seed: of the orders.
        out: the PNG; None for the source's name and the instrument's, in the current folder.
        force: whether files that are there may be written over.
        heard: called with the number of scorings done, and of all.

    Returns:
        the files; the array's rows are Shapley values, their standard errors, and the score less
        that without the shape.

    Raises:
        ValueError: whatever does not fit, in one line.
    """
    out = free(out or default_out(source, "shapes"), force)
    found = _genome_of(source)
    config = found.config
    spec = describe(config.classifiers[0] if classifier is None else classifier)
    own = wanted is None and classifier is None
    index = spec.class_index(config.class_ if own else wanted)
    drawing = config.encoding.decode(found.genome)
    with Scorers(spec) as scorers:

        def worth(pictures: Iterable[Pictures]) -> Iterator[float]:
            return (float(one[index]) for one in scorers.probabilities(pictures))

        shares = credit(drawing, config.canvas, worth, samples, seed, heard)
    name = source.resolve().name
    plate = credit_plate(name, drawing, config.canvas, spec, index, shares)
    array = np.stack([shares.shapley, shares.errors, shares.left_out])
    texts = {
        "instrument": "shapes",
        "version": evonsfw.__version__,
        "classifier": spec.name,
        "score": f"{spec.classes[index]} {shares.score:.6f}",
        "orders": str(shares.orders),
        "seed": str(seed),
    }
    paths = write(Findings(plate, array, texts), out, force)
    _say_credits(source, spec.classes[index], shares, say)
    say(f"  {shares.scorings:,} scorings; {', '.join(map(str, paths))}")
    return paths


def _say_credits(source: Path, word: str, shares: Credits, say: Say) -> None:
    background, n = shares.background, len(shares.shapley)
    say(f"{source}: {word} {shares.score:.6f}, of the background alone {background:.6f}")
    best, worst = int(shares.shapley.argmax()), int(shares.shapley.argmin())
    how = f"{shares.orders} orders" if shares.orders else "every set"
    say(
        f"  {n} shape{'s' * (n != 1)}, {how}: "
        f"most from shape {best + 1} ({shares.shapley[best]:+.4f}), "
        f"least from shape {worst + 1} ({shares.shapley[worst]:+.4f})"
    )


def _genome_of(source: Path) -> Provenance:
    """What is to be explained: of a run its best picture."""
    if not source.exists():
        raise ValueError(f"{source}: no such run folder or file")
    if not source.is_dir():
        return read_picture(source)
    found = parse_provenance(Chronicle(source).best().metadata, source)
    assert found is not None, "every artwork of a run has its genome in it"
    return found
