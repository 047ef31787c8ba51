"""Pictures per second on a GPU: bare batched inference, the whole loop, and the loop's share.

    python -m benchmarks.gpu [--backend cuda] [--sizes 16,64,256,1024] [--seconds 5]
    python -m benchmarks.gpu --stand-in

Bare inference: one process calls the backend with ready-made inputs in batches of one size. The
loop: a run whose search has twice as many individuals, so that it asks for batches of that size,
two of them in flight, with one worker a core. Both are measured in turns. What the workers can
prepare at most is printed beside them: where the loop falls behind, it says why. For CUDA, bare
inference is measured with CUDA graphs and without.

`--stand-in` runs the same code with the provider replaced by the CPU's, on few pictures: it shows
that the code runs, and measures no GPU.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from benchmarks.scale import markdown, steady_rate
from benchmarks.table import Row, print_table
from evonsfw.backends import Network, load_backend
from evonsfw.composition import compose
from evonsfw.config import make_config
from evonsfw.cores import usable_cores
from evonsfw.genome import Encoding
from evonsfw.model_spec import DEFAULT, ModelSpec, read_spec
from evonsfw.preparation import Preparation, input_shape
from evonsfw.raster import Renderer, render
from evonsfw.stage import complete

ASKED = 0.8
"""The loop's share of bare inference."""
SIZES = (16, 32, 64, 128, 256, 512, 1024)
STAND_IN_SIZES = (16, 32, 64)
GENERATIONS = 1
"""Of a run, at least, beside the first two, which do not count; a stand-in has no more."""
CANVAS = (256, 256)
PICTURES = 64
"""Ready-made inputs: prepared from composed pictures, and repeated in larger batches."""
CPU = "CPUExecutionProvider"

Inputs = npt.NDArray[np.float32]


@dataclass(frozen=True)
class Rates:
    """Pictures per second for one size of batch, one entry a round.

    Attributes:
        bare: by what was measured: the backend as the loop opens it, and its variants.
        loop: of the whole loop.
    """

    size: int
    bare: dict[str, list[float]]
    loop: list[float]

    @property
    def share(self) -> float:
        """The loop's, of the backend as the loop opens it: the median over the rounds."""
        bare = next(iter(self.bare.values()))
        return statistics.median(a / b for a, b in zip(self.loop, bare, strict=True))


def replace_provider(backend: str) -> None:
    """Put the CPU's provider in a GPU's place; its code path stays as it is."""
    import onnxruntime as ort

    from evonsfw.backends import cuda, webgpu

    if backend == "cuda":
        cuda.PROVIDER, cuda.MEMORY = CPU, "cpu"
        cuda.missing = lambda: None
        return
    processors = [device for device in ort.get_ep_devices() if device.ep_name == CPU]
    webgpu._devices = lambda: processors
    _allow_cpu()


def _allow_cpu() -> None:
    """Let a session of a GPU's backend be one of the CPU's, which is otherwise an error."""
    import onnxruntime as ort

    from evonsfw import ort_session

    genuine = ort_session.open_session

    def open_session(*arguments: object) -> object:
        file, options, providers = arguments
        if providers is not None:
            return genuine(*arguments)  # type: ignore[arg-type]
        return ort.InferenceSession(str(file), options)

    ort_session.open_session = open_session  # type: ignore[assignment]


def prepared(spec: ModelSpec, size: int) -> Inputs:
    """(size, …) inputs."""
    encoding = Encoding()
    genomes = compose(encoding, np.random.default_rng(0), min(size, PICTURES))
    inputs, preparation = np.empty((size, *input_shape(spec)), np.float32), Preparation(spec)
    for picture, row in zip(render(genomes, encoding, CANVAS), inputs, strict=False):
        preparation(picture, row)
    for start in range(PICTURES, size, PICTURES):
        inputs[start : start + PICTURES] = inputs[: min(PICTURES, size - start)]
    return inputs


def preparation_rate() -> float:
    """Pictures per second that one process renders and prepares, times the cores."""
    spec, encoding = read_spec(DEFAULT), Encoding()
    genomes = compose(encoding, np.random.default_rng(0), PICTURES)
    row = np.empty(input_shape(spec), np.float32)
    renderer, preparation = Renderer(encoding, CANVAS), Preparation(spec)
    preparation(renderer(genomes[:1])[0], row)
    started = time.perf_counter()
    for genome in genomes:
        preparation(renderer(genome[None])[0], row)
    return usable_cores() * PICTURES / (time.perf_counter() - started)


def networks(spec: ModelSpec, backend: str, size: int) -> Iterator[tuple[str, Network]]:
    """The backend as the loop opens it, then its variants."""
    module = load_backend(backend)
    file, shape = module.model_file(spec), input_shape(spec)
    yield backend, module.open_network(file, shape, (size,))
    if backend == "cuda":
        from evonsfw.backends import cuda

        yield "cuda without graphs", cuda.open_network(file, shape, (size,), graphs=False)


def bare_rate(network: Network, inputs: Inputs, seconds: float) -> float:
    """Pictures per second, for about so many seconds, two calls at least."""
    network(inputs)
    calls, started = 0, time.perf_counter()
    while calls < 2 or time.perf_counter() - started < seconds:
        network(inputs)
        calls += 1
    return calls * len(inputs) / (time.perf_counter() - started)


def run_rate(backend: str, size: int, rate: float, seconds: float) -> float:
    """Scorings per second of a run that asks for batches of a size, for about so many seconds."""
    generations = 2 + max(GENERATIONS, round(rate * seconds / (2 * size)))
    settings = {"backend": backend, "search": "genetic", "seed": 1}
    settings |= {"population": 2 * size, "generations": generations}
    return steady_rate(complete(make_config(settings)))


def measure_size(backend: str, size: int, rounds: int, seconds: float) -> Rates:
    """Bare inference and the loop in turns, for one size of batch."""
    spec = read_spec(DEFAULT)
    inputs = prepared(spec, size)
    found = Rates(size, {}, [])
    for _ in range(rounds):
        for name, network in networks(spec, backend, size):
            found.bare.setdefault(name, []).append(bare_rate(network, inputs, seconds))
        rate = found.bare[backend][-1] if seconds else 0.0
        found.loop.append(run_rate(backend, size, rate, seconds))
    print(f"batches of {size}: loop {statistics.median(found.loop):.0f}/s", file=sys.stderr)
    return found


def print_rates(found: list[Rates], most: float) -> None:
    """Pictures per second, size by size."""
    names = list(found[0].bare)
    rows = [
        [
            str(rates.size),
            *(f"{statistics.median(rates.bare[name]):.0f}" for name in names),
            f"{statistics.median(rates.loop):.0f}",
            f"{rates.share:.1%}",
        ]
        for rates in found
    ]
    print(markdown(["batch", *(f"bare {name}" for name in names), "loop", "loop ÷ bare"], rows))
    print(f"\nWhat the workers can prepare, at most: {most:.0f} pictures per second.\n", flush=True)


def row(backend: str, found: list[Rates]) -> Row:
    """The loop at its fastest size against bare inference at that size."""
    best = max(found, key=lambda rates: statistics.median(rates.loop))
    return Row(
        f"loop, batches of {best.size}, {backend}",
        f"bare {backend}, batches of {best.size}",
        best.share,
        ASKED,
        f"{statistics.median(best.loop):.0f}/s, the fastest size; "
        f"all sizes: {min(r.share for r in found):.2f} to {max(r.share for r in found):.2f}",
    )


def main() -> None:
    """Measure one GPU backend, or show that its code runs."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--backend", choices=("cuda", "webgpu"), default="cuda")
    parser.add_argument("--sizes", help="of batches, with commas between")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=5.0)
    parser.add_argument("--stand-in", action="store_true", help="the CPU in the GPU's place")
    arguments = parser.parse_args()
    backend, rounds, seconds = arguments.backend, arguments.rounds, arguments.seconds
    sizes: tuple[int, ...] = SIZES
    if arguments.stand_in:
        print("STAND-IN: the CPU's provider in the GPU's place. No figure here measures a GPU.\n")
        replace_provider(backend)
        sizes, rounds, seconds = STAND_IN_SIZES, 1, 0.0
    reason = load_backend(backend).missing()
    if reason is not None:
        print(f"nothing measured: {backend} {reason}; or try --stand-in", file=sys.stderr)
        sys.exit(2)
    if arguments.sizes:
        sizes = tuple(int(size) for size in arguments.sizes.split(","))
    found = [measure_size(backend, size, rounds, seconds) for size in sizes]
    print_rates(found, preparation_rate())
    print_table([row(f"{backend}{' STAND-IN' * arguments.stand_in}", found)])


if __name__ == "__main__":
    main()
