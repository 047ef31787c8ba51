"""Make the pictures of docs/window.md anew: one run in the real window, driven by real events.

    python -m benchmarks.window_pictures [--generations 240] [--folder docs/images]

The window is opened on SDL's dummy driver, whose screen can be read as any other. A picture that
is still large in full colours is kept in 256.
"""

from __future__ import annotations

import argparse
import os
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from PIL import Image

from evonsfw.brush import ACCENT, HEART, SECOND
from evonsfw.config import make_config
from evonsfw.launch import start_run
from evonsfw.moment import PICTURE, POPULATION, SHAPES, Moment, Shown

SETTINGS = {"search": "genetic", "backend": "onnxruntime", "seed": 4, "evaluations": 1_000_000}
IMAGES = Path(__file__).parent.parent / "docs" / "images"
LARGEST = 140_000
"""Bytes of a picture in full colours, at most."""
INKS = (ACCENT, SECOND, HEART)
"""Colours that few pixels have, and that are told apart."""
SETTLED = 12
"""Turns of the main loop after which everything that was said has come to the screen."""
FADED = 200
"""Turns after which no message is left on it."""


class Tour:
    """Walks through the modes of a window, between the turns of its main loop.

    Args:
        window: the window of a run.
        generations: how long the run goes on before the first picture is taken.
        folder: where pictures go.
    """

    def __init__(self, window: Any, generations: int, folder: Path) -> None:
        self._window, self._generations, self._folder = window, generations, folder

    def steps(self) -> Iterator[None]:
        """One step a turn."""
        yield from self._until(lambda: self._painted is not None)
        yield from self._until(lambda: self._moment.generation >= self._generations)
        yield from self._taken("picture", SETTLED)
        yield from self._toggled("h", lambda: self._painted.look.keys, "help")
        yield from self._past()
        yield from self._toggled("p", lambda: self._mode == POPULATION, "population")
        yield from self._toggled("e", self._weighed, "shapes")
        self._press("q")

    def _past(self) -> Iterator[None]:
        """Drag to generations, like two of them, come back."""
        for share in (0.3, 0.62):
            plot = self._window._controls._layout().plot
            x = plot.left + round(share * plot.width)
            self._mouse("MOUSEBUTTONDOWN", (x - 9, plot.top + 20))
            self._mouse("MOUSEMOTION", (x, plot.top + 20))
            self._mouse("MOUSEBUTTONUP", (x, plot.top + 20))
            number = self._window._controls._layout().generation_at(x, self._moment)
            yield from self._until(lambda number=number: abs(self._shown.number - number) < 9)  # type: ignore[misc]
            for _ in range(SETTLED):
                yield
            self._press("l")
            yield from self._until(lambda: self._shown.liked)
        yield from self._taken("past", SETTLED)
        self._press("end")
        yield from self._until(lambda: not self._shown.past)
        for _ in range(FADED):
            yield

    def _toggled(self, key: str, there: Callable[[], bool], word: str) -> Iterator[None]:
        """Take a picture of what a key leads to, and go back."""
        self._press(key)
        yield from self._until(there)
        yield from self._taken(word, SETTLED)
        self._press(key)
        yield from self._until(lambda: self._mode == PICTURE and not self._painted.look.keys)

    def _weighed(self) -> bool:
        known = self._moment.contributions
        return self._mode == SHAPES and known is not None and known.values is not None

    def _until(self, condition: Callable[[], bool]) -> Iterator[None]:
        while not condition():
            yield

    def _taken(self, word: str, turns: int) -> Iterator[None]:
        """Let things settle, and write what is on the screen."""
        import pygame

        for _ in range(turns):
            yield
        surface = pygame.display.get_surface()
        assert surface is not None
        pixels = pygame.image.tobytes(surface, "RGB")
        _write(Image.frombytes("RGB", surface.get_size(), pixels), self._folder, word)

    @property
    def _painted(self) -> Any:
        return self._window._controls._painted

    @property
    def _moment(self) -> Moment:
        moment: Moment = self._painted.moment
        return moment

    @property
    def _shown(self) -> Shown:
        return self._moment.shown

    @property
    def _mode(self) -> str:
        return str(self._painted.look.mode)

    def _press(self, name: str) -> None:
        import pygame

        key = getattr(pygame, f"K_{name if len(name) == 1 else name.upper()}")
        for kind in (pygame.KEYDOWN, pygame.KEYUP):
            pygame.event.post(pygame.event.Event(kind, key=key))

    def _mouse(self, kind: str, place: tuple[int, int]) -> None:
        import pygame

        more = {"buttons": (1, 0, 0)} if kind == "MOUSEMOTION" else {"button": 1}
        pygame.event.post(pygame.event.Event(getattr(pygame, kind), pos=place, **more))


def _write(image: Image.Image, folder: Path, word: str) -> None:
    path = folder / f"window-{word}.png"
    image.save(path, optimize=True)
    if path.stat().st_size > LARGEST:
        _in_few_colours(image).save(path, optimize=True)
    print(f"{path.name}: {path.stat().st_size / 1000:.0f} kB", flush=True)


def _in_few_colours(image: Image.Image) -> Image.Image:
    """In 256 colours, among them those that words, lines and hearts are written in."""
    width, height = image.size
    swatches = Image.new("RGB", (width, 2 * height))
    swatches.paste(image, (0, 0))
    for place, colour in enumerate(INKS):
        swatches.paste(colour, (0, height + 90 * place, width, height + 90 * place + 90))
    palette = swatches.quantize(256, Image.Quantize.MEDIANCUT)
    return image.quantize(palette=palette, dither=Image.Dither.NONE)


def main() -> None:
    """Run, walk through the modes, write the pictures."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--generations", type=int, default=240)
    parser.add_argument("--folder", type=Path, default=IMAGES)
    arguments = parser.parse_args()
    os.environ["SDL_VIDEODRIVER"] = "dummy"
    from evonsfw import window

    arguments.folder.mkdir(parents=True, exist_ok=True)
    steps: list[Iterator[None]] = []
    show = window.Window._show

    def show_and_step(self: Any) -> None:
        if not steps:
            steps.append(Tour(self, arguments.generations, arguments.folder).steps())
        show(self)
        next(steps[0], None)

    window._fitting = lambda size: size
    window.Window._show = show_and_step  # type: ignore[method-assign]
    with tempfile.TemporaryDirectory() as folder:
        start_run(make_config(SETTINGS), Path(folder) / "run", "benchmark", True, print)


if __name__ == "__main__":
    main()
