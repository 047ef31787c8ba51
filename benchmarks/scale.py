"""How the cost grows: with shapes, canvas, population and workers, as tables and a plot.

    python -m benchmarks.scale [--rounds 3] [--plot docs/images/scale.svg]

Each series says what one costs, as a ratio to a named point of the same run, and how far its points
lie from a straight line. Tasks are taken in turns and the fastest turn counts: other work on the
machine can only add.

Pictures are composed (the more shapes, the smaller) or of shapes of one size; 256x256 pixels and
100 triangles where nothing else is said. A search alone is told random fitness; a whole run by
population has no workers and a cheap objective (likeness on 64x64 pixels).
"""

from __future__ import annotations

import argparse
import contextlib
import functools
import importlib.util
import itertools
import math
import tempfile
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image

from benchmarks.loop import PROBE
from evonsfw import jpeg
from evonsfw.backends import load_backend, usable_backends
from evonsfw.composition import compose
from evonsfw.config import RunConfig, make_config
from evonsfw.genome import Encoding
from evonsfw.launch import start_run
from evonsfw.model_spec import DEFAULT, read_spec
from evonsfw.preparation import Preparation, input_shape
from evonsfw.raster import Renderer, outlines, render
from evonsfw.search import load_search
from evonsfw.shapes import load_shape
from evonsfw.stage import complete, problem_of

SHAPES = (10, 30, 100, 300, 1000, 3000, 5000)
SIDES = (64, 128, 256, 512, 1024, 2048)
SEARCHES = ("genetic", "cmaes")
"""Those whose generations may be of any size."""
POPULATIONS = (8, 32, 128, 512, 2048, 4096)
WORKERS = (0, 1, 2)
CANVAS, PIXELS = (256, 256), 256 * 256
PICTURES = 4
"""Genomes of a task: their mean cost is that of one picture."""
RADIUS = 0.05  # of shapes of one size, as a share of the canvas side
TURNS, TURN_SECONDS = 5, 0.02
"""Turns of the short tasks in each round, and how long one takes, by repetition."""
RUN_SECONDS = 5.0  # of a run with a classifier
SCORINGS, GENERATIONS = 2000, 4
"""Of a run without a classifier, at least, beside the first two generations."""

Task = Callable[[], object]


@dataclass(frozen=True)
class Series:
    """What something costs: milliseconds by how many there are of what `panel` counts; `base` is
    the point that the others are compared with.
    """

    panel: str
    name: str
    points: Mapping[int, float]
    base: int

    @property
    def axes(self) -> npt.NDArray[np.float64]:
        """(2, P) how many, ascending, and milliseconds."""
        return np.array([list(self.points), list(self.points.values())], np.float64)

    def each(self, x: int) -> float:
        """Cost per one at x, relative to that at `base`."""
        return self.points[x] / x * self.base / self.points[self.base]


def fit(
    columns: Sequence[npt.ArrayLike], values: npt.NDArray[np.float64]
) -> tuple[list[float], float]:
    """Coefficients by least squares of relative errors, so that small costs count as much as
    large ones; and the largest relative error of a point.
    """
    terms = np.stack([np.broadcast_to(c, values.shape) for c in columns], 1)
    found = np.linalg.lstsq(terms / values[:, None], np.ones(len(values)), rcond=None)[0]
    return found.tolist(), float(np.abs(terms @ found / values - 1.0).max())


def markdown(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table as documents have it."""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def fastest(tasks: Mapping[int, Task], rounds: int) -> dict[int, float]:
    """Milliseconds of each task at its fastest, in turns with the others."""
    repeats = {}
    for x, task in tasks.items():
        task()
        repeats[x] = max(1, round(TURN_SECONDS / _seconds(task, 1)))
    best = dict.fromkeys(tasks, math.inf)
    for _ in range(rounds * TURNS):
        for x, task in tasks.items():
            best[x] = min(best[x], 1000.0 * _seconds(task, repeats[x]) / repeats[x])
    return best


def _seconds(task: Task, times: int) -> float:
    started = time.perf_counter()
    for _ in range(times):
        task()
    return time.perf_counter() - started


def covered(genomes: npt.NDArray[np.float32], encoding: Encoding) -> int:
    """Pixels that the shapes of one picture cover, on average, each shape counted for itself."""
    one = Encoding(encoding.shapes, 1, alpha=(1.0, 1.0), background="#000000")
    rows = np.concatenate([encoding.rows(genome) for genome in genomes])
    single = np.zeros((len(rows), one.length), np.float32)
    single[:, 3:] = rows
    single[:, -4:] = 1.0
    parts = np.array_split(single, max(1, len(single) // 256))
    total = sum(float(render(part, one, CANVAS).sum(dtype=np.int64)) for part in parts)
    return round(total / (3 * 255) / len(genomes))


def of_one_size(encoding: Encoding) -> npt.NDArray[np.float32]:
    """Genomes whose shapes are of one size, at random places, none of them cut off."""
    genomes = np.random.default_rng(0).random((PICTURES, encoding.length), np.float32)
    shape = load_shape(encoding.shapes[0])
    gene = math.log(RADIUS / shape.MIN_RADIUS) / math.log(shape.MAX_RADIUS / shape.MIN_RADIUS)
    for genome in genomes:
        rows = encoding.rows(genome)
        rows[:, :2] = 2 * RADIUS + (1 - 4 * RADIUS) * rows[:, :2]
        rows[:, 2] = gene
    return genomes


def shapes(rounds: int) -> list[Series]:
    """Rendering at 256x256, by the number of shapes and by the pixels that they cover."""
    encodings = {n: Encoding(n=n) for n in SHAPES}
    rng = np.random.default_rng(0)
    sets = {
        "composed": {n: compose(e, rng, PICTURES) for n, e in encodings.items()},
        "one size": {n: of_one_size(e) for n, e in encodings.items()},
    }
    found, by_area = [], []
    for name, genomes in sets.items():
        tasks = {
            n: functools.partial(Renderer(e, CANVAS), genomes[n]) for n, e in encodings.items()
        }
        times = {n: ms / PICTURES for n, ms in fastest(tasks, rounds).items()}
        areas = {n: covered(genomes[n], e) for n, e in encodings.items()}
        found.append(Series("shapes", f"render, {name}", times, 100))
        by_pixels = {areas[n]: times[n] for n in SHAPES}
        by_area.append(Series("covered pixels", f"render, {name}", by_pixels, areas[100]))
    one = {n: genomes[0] for n, genomes in sets["composed"].items()}
    drawings = {n: e.decode(one[n]) for n, e in encodings.items()}
    decode = {n: functools.partial(e.decode, one[n]) for n, e in encodings.items()}
    outline = {n: functools.partial(outlines, d, CANVAS) for n, d in drawings.items()}
    found.append(Series("shapes", "decode, composed", fastest(decode, rounds), 100))
    found.append(Series("shapes", "outline, composed", fastest(outline, rounds), 100))
    return found + by_area


def canvases(rounds: int) -> list[Series]:
    """Rendering and preparation by the pixels of the canvas; 256x256 needs no resize."""
    encoding, spec = Encoding(), read_spec(DEFAULT)
    genome = compose(encoding, np.random.default_rng(0), 1)
    out, preparation = np.empty(input_shape(spec), np.float32), Preparation(spec)
    drawn = {s * s: functools.partial(Renderer(encoding, (s, s)), genome) for s in SIDES}
    prepared = {
        pixels: functools.partial(preparation, draw()[0], out)
        for pixels, draw in drawn.items()
        if pixels != PIXELS
    }
    return [
        Series("pixels", "render", fastest(drawn, rounds), PIXELS),
        Series("pixels", "prepare, with resize", fastest(prepared, rounds), 4 * PIXELS),
    ]


def steady_rate(config: RunConfig) -> float:
    """Scorings per second of a run, its first two generations left out: from the second on as
    many are in flight at the end of each.
    """
    with tempfile.TemporaryDirectory() as folder, contextlib.redirect_stdout(None):
        out = Path(folder) / "run"
        start_run(config, out, "benchmark", False, lambda _line: None)
        rows = np.loadtxt(out / "log.csv", delimiter=",", skiprows=1)
    scorings, seconds = rows[-1, 1:3] - rows[1, 1:3]
    return float(scorings / seconds)


def populations(rounds: int) -> list[Series]:
    """A generation of each search alone, and of whole runs."""
    found = []
    for name in SEARCHES:
        tasks = {count: _generations(name, count) for count in POPULATIONS}
        times = [{count: task() for count, task in tasks.items()} for _ in range(rounds + 1)]
        points = {count: min(turn[count] for turn in times) for count in POPULATIONS}
        found.append(Series("population, search alone", name, points, 128))
    with tempfile.TemporaryDirectory() as folder:
        target = Path(folder) / "target.png"
        encoding = Encoding()
        genome = compose(encoding, np.random.default_rng(1), 1)
        Image.fromarray(render(genome, encoding, (64, 64))[0]).save(target)
        for name in SEARCHES:
            configs = {count: _likeness(target, name, count) for count in POPULATIONS}
            rates = [
                {c: steady_rate(config) for c, config in configs.items()} for _ in range(rounds)
            ]
            points = {c: 1000.0 * c / max(turn[c] for turn in rates) for c in POPULATIONS}
            found.append(Series("population, whole run", name, points, 128))
    return found


def _generations(name: str, count: int) -> Callable[[], float]:
    """Milliseconds of one generation of a search that is told random fitness."""
    problem, rng = problem_of(Encoding()), np.random.default_rng(0)
    search = load_search(name).build(problem, count, rng)
    search.tell(rng.random(len(search.ask())))

    def once() -> float:
        told, generations, started = 0, 0, time.perf_counter()
        while told < SCORINGS or generations < 2:
            batch = search.ask()
            search.tell(rng.random(len(batch)))
            told += len(batch)
            generations += search.complete
        return 1000.0 * (time.perf_counter() - started) * count / told

    return once


def _likeness(target: Path, search: str, count: int) -> RunConfig:
    """A run whose scoring costs little: 100 triangles on 64x64 pixels, no classifier."""
    generations = 2 + max(GENERATIONS, SCORINGS // count)
    settings = {"target": str(target), "size": 64, "workers": 0, "seed": 1, "search": search}
    more = {"population": count, "generations": generations}
    return complete(make_config({**settings, **more}))


def workers(rounds: int) -> dict[str, dict[int, float]]:
    """Scorings per second, by backend and number of workers."""
    names = [name for name in ("onnxruntime", "openvino") if name in usable_backends()]
    configs = {}
    for name, count in itertools.product(names, WORKERS):
        settings = {"workers": count, "backend": name, "seed": 1, "search": "genetic"}
        rate = steady_rate(complete(make_config({**settings, "evaluations": PROBE})))
        scorings = round(max(PROBE, rate * RUN_SECONDS))
        configs[name, count] = complete(make_config({**settings, "evaluations": scorings}))
    rates = [{key: steady_rate(config) for key, config in configs.items()} for _ in range(rounds)]
    return {
        name: {count: max(turn[name, count] for turn in rates) for count in WORKERS}
        for name in names
    }


def steps(rounds: int) -> dict[str, float]:
    """Milliseconds of each step of one picture: 100 triangles at 256x256, one thread."""
    encoding, spec = Encoding(), read_spec(DEFAULT)
    genome = compose(encoding, np.random.default_rng(0), 1)
    drawing = encoding.decode(genome[0])
    picture = render(genome, encoding, CANVAS)[0]
    inputs = np.empty((1, *input_shape(spec)), np.float32)
    cut = np.ascontiguousarray(picture[16:240, 16:240])
    preparation = Preparation(spec)
    preparation(picture, inputs[0])
    tasks: dict[str, Task] = {
        "decode": functools.partial(encoding.decode, genome[0]),
        "outline": functools.partial(outlines, drawing, CANVAS),
        "render, all of it": functools.partial(Renderer(encoding, CANVAS), genome),
        "JPEG": functools.partial(jpeg.round_trip, cut),
        "prepare, all of it": functools.partial(preparation, picture, inputs[0]),
    }
    for name in usable_backends():
        module = load_backend(name)
        if module.DEVICE == "cpu":
            network = module.open_network(module.model_file(spec), input_shape(spec), (1,))
            label = f"inference, {name} {module.arithmetic()}"
            tasks[label] = functools.partial(network, inputs)
    found = fastest(dict(enumerate(tasks.values())), rounds)
    return {name: found[i] for i, name in enumerate(tasks)}


def print_steps(found: Mapping[str, float]) -> None:
    """What one picture costs, against inference by the reference."""
    whole = next(ms for name, ms in found.items() if name.startswith("inference, onnxruntime"))
    head = ["step", "ms a picture", "share of inference, onnxruntime"]
    rows = [[name, f"{ms:.3f}", f"{ms / whole:.1%}"] for name, ms in found.items()]
    print(markdown(head, rows), flush=True)


def print_series(found: Sequence[Series]) -> None:
    """Each panel's series: milliseconds, cost per one, and how straight it is."""
    for panel, group in itertools.groupby(found, lambda series: series.panel):
        for xs, alike in itertools.groupby(group, lambda series: tuple(series.points)):
            head = [panel, *(f"{x:,}" for x in xs)]
            rows = []
            for series in alike:
                rows.append([f"{series.name}, ms", *(f"{y:.3g}" for y in series.axes[1])])
                each = [f"{series.each(x):.2f}" for x in xs]
                rows.append([f"each, ÷ that at {series.base:,}", *each])
            print("\n" + markdown(head, rows))
    head = ["series", "straight line, ms", "worst point off by", "exponent between the last two"]
    print("\n" + markdown(head, [_line(series) for series in found]), flush=True)


def _line(series: Series) -> list[str]:
    (a, b), worst = fit([1.0, series.axes[0]], series.axes[1])
    x, y = np.log(series.axes[:, -2:])
    name = f"{series.name} by {series.panel}"
    return [name, f"{a:.3g} + {b:.3g} x", f"{worst:.0%}", f"{(y[1] - y[0]) / (x[1] - x[0]):.2f}"]


def print_sums(found: Sequence[Series]) -> None:
    """Rendering as a sum of what it consists of: where one line cannot fit, this has to."""
    by_shapes = [s for s in found if s.panel == "shapes" and s.name.startswith("render")]
    by_area = [s for s in found if s.panel == "covered pixels"]
    count, ms = np.concatenate([series.axes for series in by_shapes], axis=1)
    area, _ = np.concatenate([series.axes for series in by_area], axis=1)
    (a, b, c), worst = fit([1.0, count, area], ms)
    print(
        f"\nRender, both kinds of picture: {a:.3f} ms + {1e3 * b:.3g} µs a shape + "
        f"{1e6 * c:.3g} ns a covered pixel; worst point off by {worst:.0%}"
    )
    pixels, ms = next(series for series in found if series.panel == "pixels").axes
    (a, b, c), worst = fit([1.0, np.sqrt(pixels), pixels], ms)
    print(
        f"Render by canvas: {a:.3f} ms + {1e3 * b:.3g} µs a pixel of its side (edges) + "
        f"{1e6 * c:.3g} ns a pixel (insides); worst point off by {worst:.0%}",
        flush=True,
    )


def print_workers(found: Mapping[str, Mapping[int, float]]) -> None:
    """Rates, and as a ratio to one worker's."""
    head = ["scorings per second, ÷ one worker's", *(f"{count} workers" for count in WORKERS)]
    rows = [
        [name, *(f"{rates[count]:.1f}, {rates[count] / rates[1]:.2f}" for count in WORKERS)]
        for name, rates in found.items()
    ]
    print("\n" + markdown(head, rows), flush=True)


def plot(path: Path, found: Sequence[Series], rates: Mapping[str, Mapping[int, float]]) -> None:
    """Panels, each axis logarithmic but the workers'; a dotted line grows in proportion."""
    import matplotlib as mpl

    mpl.use("Agg")
    from matplotlib import pyplot as plt

    mpl.rcParams.update(
        {"svg.hashsalt": "evonsfw", "svg.fonttype": "none", "font.size": 8, "legend.fontsize": 7}
    )
    figure, grid = plt.subplots(2, 3, figsize=(10.5, 6.2), layout="constrained")
    *axes, last = grid.flat
    panels = [(x, list(group)) for x, group in itertools.groupby(found, lambda s: s.panel)]
    for axis, (panel, group) in zip(axes, panels, strict=True):
        for series in group:
            axis.loglog(*series.axes, marker=".", label=series.name)
        x, y = max((series.axes for series in group), key=lambda axes: axes[1, -1])
        axis.loglog(x, y[-1] / x[-1] * x, ":", color="grey", label="in proportion")
        axis.set(xlabel=panel, ylabel=f"ms a {'generation' if 'popul' in panel else 'picture'}")
    for name, by_count in rates.items():
        last.plot(list(by_count), list(by_count.values()), marker=".", label=name)
    last.set(xlabel="workers", ylabel="scorings a second", xticks=WORKERS, ylim=(0, None))
    for axis in grid.flat:
        axis.grid(alpha=0.3)
        axis.legend()
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=150, metadata={"Date": None} if path.suffix == ".svg" else {})


def main() -> None:
    """Measure, print and plot."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--plot", type=Path, help="where the picture goes: .svg or .png")
    arguments = parser.parse_args()
    if arguments.plot is not None and importlib.util.find_spec("matplotlib") is None:
        parser.error("--plot needs matplotlib: pip install 'evonsfw[benchmarks]'")
    print_steps(steps(arguments.rounds))
    measures = (shapes, canvases, populations)
    found = [series for measure in measures for series in measure(arguments.rounds)]
    print_series(found)
    print_sums(found)
    rates = workers(arguments.rounds)
    print_workers(rates)
    if arguments.plot is not None:
        plot(arguments.plot, found, rates)


if __name__ == "__main__":
    main()
