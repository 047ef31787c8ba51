"""What tests of pages share: a small run without a classifier, and a page's outline."""

from __future__ import annotations

import json
from html.parser import HTMLParser

import numpy as np

from evonsfw.config import make_config
from evonsfw.exporters import Artwork, Step, Story
from evonsfw.genome import Encoding, Genome, genome_to_text
from evonsfw.page import make_page
from evonsfw.shapes import shape_names

CANVAS = (40, 30)
SETTINGS = {"shapes": shape_names(), "n": 6, "size": "40x30", "seed": 3}


def a_run(encoding: Encoding, count: int, seed: int = 0) -> list[Genome]:
    """Each as the one before but for one row, and every third one all the same."""
    rng = np.random.default_rng(seed)
    genomes = [rng.random(encoding.length, np.float32)]
    for number in range(1, count):
        genome = genomes[-1].copy()
        if number % 3:
            encoding.rows(genome)[number % encoding.n] = rng.random(encoding.row_length, np.float32)
        genomes.append(genome)
    return genomes


def a_story(genomes: list[Genome], mean: float = 0.25) -> Story:
    count = len(genomes)
    steps = [
        Step(i + 1, 4 * (i + 1), 0.5 * i, (i + 1) / (count + 1), mean * (i + 1) / count, genome)
        for i, genome in enumerate(genomes)
    ]
    return Story(steps, "nsfw", {"shapes": "circles, triangles", "seed": "3", "target": ""})


def an_artwork(count: int = 8, **metadata: str) -> Artwork:
    config = make_config(SETTINGS)
    genomes = a_run(config.encoding, count)
    texts = {
        "Title": "Nr. 7 <größer>",
        "evonsfw:genome": genome_to_text(genomes[-1]),
        "evonsfw:settings": json.dumps(config.to_dict()),
        "evonsfw:score": "0.875000",
        "evonsfw:generation": str(count),
        **metadata,
    }
    values = tuple(0.01 * (i - 2) for i in range(config.n))
    return Artwork(genomes[-1], config.encoding, texts, values, a_story(genomes))


def a_page(artwork: Artwork) -> str:
    """The document without film and files, which other exporters write."""
    assert artwork.story is not None
    return make_page(artwork, artwork.story, CANVAS, None, [])


class Outline(HTMLParser):
    """Elements in order, the text of each, and that every one is closed where it should be."""

    VOID = ("meta", "link", "input", "img", "br")

    def __init__(self, text: str) -> None:
        super().__init__(convert_charrefs=True)
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.texts: dict[int, str] = {}
        self.errors: list[str] = []
        self._open: list[tuple[str, int]] = []
        self.feed(text)
        self.close()
        self.errors += [f"<{tag}> stays open" for tag, _ in self._open]

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        self.texts[len(self.tags) - 1] = ""
        if tag not in self.VOID:
            self._open.append((tag, len(self.tags) - 1))

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        if not self._open or self._open.pop()[0] != tag:
            self.errors.append(f"</{tag}> closes nothing")

    def handle_data(self, data: str) -> None:
        for _, index in self._open:
            self.texts[index] += data

    def all(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.tags if name == tag]

    def text(self, tag: str, identity: str | None = None) -> str:
        for index, (name, attributes) in enumerate(self.tags):
            if name == tag and identity in (None, attributes.get("id")):
                return self.texts[index]
        raise AssertionError(f"no <{tag}>")
