"""How faithful each backend is to the reference, and how fast, in one run.

    python -m benchmarks.backends [--pictures 256] [--rounds 100]

Faithful: margins (log p - log(1 - p) of the default class) of the same pictures against those of
the reference, onnxruntime in float32: rank correlation (Spearman), mean and largest difference.
The pictures are, in equal parts, composed at random, and the steps of a climb that the reference
led from such a picture to a high score: near the end of a run the search compares pictures like
those. Fast: one process, one thread, one picture at a time, in turns with the reference.
"""

from __future__ import annotations

import argparse
import statistics
import time

import numpy as np
import numpy.typing as npt
import onnxruntime as ort

from benchmarks.table import Row, print_table
from evonsfw.backends import Network, load_backend, usable_backends
from evonsfw.classifier import REFERENCE, run
from evonsfw.composition import compose
from evonsfw.genome import Encoding
from evonsfw.margin import margin
from evonsfw.model_spec import DEFAULT, ModelSpec, read_spec
from evonsfw.ort_session import network_of, open_session, single_threaded
from evonsfw.preparation import input_shape, prepare
from evonsfw.raster import render
from evonsfw.search import load_search
from evonsfw.stage import problem_of

CANVAS = (256, 256)
Margins = npt.NDArray[np.float64]


def open_one(spec: ModelSpec, name: str) -> Network:
    """A backend for one picture at a time."""
    module = load_backend(name)
    return module.open_network(module.model_file(spec), input_shape(spec), (1,))


def margins(spec: ModelSpec, network: Network, inputs: npt.NDArray[np.float32]) -> Margins:
    """(B,) margins of the default class, one picture at a time."""
    index = spec.class_index(None)
    return np.concatenate([margin(run(spec, network, row[None]), index) for row in inputs])


def prepared(spec: ModelSpec, genomes: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """(B, …) inputs of (B, L) genomes."""
    inputs = np.empty((len(genomes), *input_shape(spec)), np.float32)
    for picture, row in zip(render(genomes, Encoding(), CANVAS), inputs, strict=True):
        prepare(spec, picture, row)
    return inputs


def sample(spec: ModelSpec, network: Network, count: int) -> npt.NDArray[np.float32]:
    """Inputs: half composed, half from all stages of a climb that `network` leads."""
    problem = problem_of(Encoding())
    rng = np.random.default_rng(0)
    composed = compose(Encoding(), rng, count // 2)
    module = load_search("genetic")
    search = module.build(problem, module.default_population(problem), rng)
    seen: list[npt.NDArray[np.float32]] = []
    best = -np.inf
    while best < 6.0 and sum(map(len, seen)) < 4000:
        seen.append(search.ask())
        values = margins(spec, network, prepared(spec, seen[-1]))
        search.tell(values)
        best = max(best, float(values.max()))
    climbed = np.concatenate(seen)
    chosen = np.linspace(0, len(climbed) - 1, count - len(composed)).astype(int)
    return prepared(spec, np.concatenate([composed, climbed[chosen]]))


def rank_correlation(a: Margins, b: Margins) -> float:
    """Spearman's, of values without ties."""
    ranks = np.stack([np.argsort(np.argsort(values)) for values in (a, b)])
    return float(np.asarray(np.corrcoef(ranks))[0, 1])


def measure(pictures: int, rounds: int) -> list[Row]:
    """A row for each backend that is there, the reference left out."""
    spec = read_spec(DEFAULT)
    reference = open_one(spec, REFERENCE)
    inputs = sample(spec, reference, pictures)
    exact = margins(spec, reference, inputs)
    rows = []
    for name in usable_backends():
        module = load_backend(name)
        if name == REFERENCE or module.DEVICE != "cpu":
            continue
        network = open_one(spec, name)
        found = margins(spec, network, inputs)
        error = np.abs(found - exact)
        rows.append(
            Row(
                f"inference, {name} {module.arithmetic()}, one thread",
                f"{REFERENCE} fp32, one thread",
                speed(network, reference, inputs, rounds),
                None,
                f"rank correlation {rank_correlation(exact, found):.4f}, margin off by "
                f"{error.mean():.3f} on average, {error.max():.2f} at most, {pictures} pictures",
            )
        )
    return rows


def tuning(rounds: int) -> list[Row]:
    """The reference with one setting changed, against the settings that the reference has."""
    spec = read_spec(DEFAULT)
    levels = ort.GraphOptimizationLevel
    settings: dict[str, dict[str, object]] = {
        "without its blocked layout": {"graph_optimization_level": levels.ORT_ENABLE_EXTENDED},
        "without arena": {"enable_cpu_mem_arena": False},
        "without memory pattern": {"enable_mem_pattern": False},
    }
    inputs = prepared(spec, compose(Encoding(), np.random.default_rng(0), 1))
    reference = open_one(spec, REFERENCE)
    rows = []
    for name, changes in settings.items():
        options = single_threaded()
        for option, value in changes.items():
            setattr(options, option, value)
        network = network_of(open_session(spec.path, options, ["CPUExecutionProvider"]))
        rows.append(
            Row(
                f"onnxruntime {name}, one thread",
                f"{REFERENCE} as it is used",
                speed(network, reference, inputs, rounds),
                None,
                "",
            )
        )
    return rows


def speed(
    network: Network, reference: Network, inputs: npt.NDArray[np.float32], rounds: int
) -> float:
    """How many times as fast one is as the other, called in turns on the same input."""
    ratios = []
    for turn in range(rounds):
        row = inputs[turn % len(inputs)][None]
        times = []
        for candidate in (reference, network):
            started = time.perf_counter()
            candidate(row)
            times.append(time.perf_counter() - started)
        ratios.append(times[0] / times[1])
    return statistics.median(ratios)


def main() -> None:
    """Measure the backends that are there."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--pictures", type=int, default=256)
    parser.add_argument("--rounds", type=int, default=100)
    arguments = parser.parse_args()
    rows = measure(arguments.pictures, arguments.rounds)
    print_table([*rows, *tuning(arguments.rounds)])


if __name__ == "__main__":
    main()
