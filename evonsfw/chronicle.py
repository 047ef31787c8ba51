"""A run folder as exporters want it: the picture of any generation, and the story of all.

It is read as it is on disk, finished or still running; no classifier is needed.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar, overload

from evonsfw.config import RunConfig, make_config, read_config
from evonsfw.exporters import Artwork, Step, Story
from evonsfw.generation import Champion
from evonsfw.likes import all_likes
from evonsfw.logbook import Logbook
from evonsfw.provenance import Provenance, read_provenance
from evonsfw.runs import RunFolder

T = TypeVar("T")
BEST, LADDER = "best.png", "ladder.csv"
SCORE, GENERATION, LABEL = "evonsfw:score", "evonsfw:generation", "evonsfw:label"
CLASSIFIER = "evonsfw:classifier_sha256"
"""Keywords of what `runs` says of a picture."""
KEPT = 256
"""Genomes that are kept once they have been read."""


class Steps(Sequence[Step]):
    """A run's generations, each with the best individual so far; genomes are read when asked for.

    Args:
        logbook: the run's.
        numbers: generations, counted from 1.
    """

    def __init__(self, logbook: Logbook, numbers: range) -> None:
        self._logbook, self._numbers = logbook, numbers
        self._genome = functools.lru_cache(KEPT)(logbook.genome)

    def __len__(self) -> int:
        """How many generations."""
        return len(self._numbers)

    @overload
    def __getitem__(self, index: int) -> Step: ...

    @overload
    def __getitem__(self, index: slice) -> Steps: ...

    def __getitem__(self, index: int | slice) -> Step | Steps:
        """One generation, or a part of the run."""
        if isinstance(index, slice):
            return Steps(self._logbook, self._numbers[index])
        row = self._logbook.row(self._numbers[index])
        leader = self._logbook.leader(row.generation)
        score = self._logbook.row(leader).best_score
        counts = row.generation, row.evaluations, row.seconds
        return Step(*counts, score, row.mean_score, self._genome(leader))


class Chronicle:
    """A run folder, read only.

    Args:
        path: the folder.

    Attributes:
        config: the run's settings.

    Raises:
        ValueError: it is no run's folder, no generation is finished, or a newer version made it.
    """

    def __init__(self, path: Path) -> None:
        _require_run(path)
        self.path = path
        self.config = _settings(path)
        self._best = read_picture(path / BEST)
        if len(self._best.genome) != self.config.encoding.length:
            raise ValueError(f"run folder {path}: {BEST} is not of the settings in config.yaml")
        self._folder = RunFolder(path, self.config, self._best.texts.get(CLASSIFIER, ""))
        self._folder.label = self._best.texts.get(LABEL, "")
        self._logbook = Logbook(path, self.config.encoding.length)

    def best(self) -> Artwork:
        """The best picture of the run, with the story of all that is in the log."""
        score = _number(self._best.texts, SCORE, float)
        generation = _number(self._best.texts, GENERATION, int)
        champion = Champion(self._best.genome, math.nan, score, generation)
        return self._artwork(champion, len(self._logbook))

    def until(self, number: int) -> Artwork:
        """The best picture until a generation, with the story until then.

        Raises:
            ValueError: the run has no such generation.
        """
        count = len(self._logbook)
        if not count:
            raise ValueError(
                f"run folder {self.path}: bests.bin or log.csv is missing or empty, or an older "
                f"evonsfw made it: there are no past generations; leave out --generation"
            )
        if not 1 <= number <= count:
            raise ValueError(
                f"--generation {number}: run folder {self.path} has generations 1 to {count:,}"
            )
        leader = self._logbook.leader(number)
        row = self._logbook.row(leader)
        genome = self._logbook.genome(leader)
        return self._artwork(Champion(genome, row.best_fitness, row.best_score, leader), number)

    def liked(self) -> dict[str, Artwork]:
        """Everything that is liked, by a word for its file's name, in the order of liking.

        Raises:
            ValueError: nothing is, or likes.yaml or a picture that it names is damaged.
        """
        found = {}
        for like in all_likes(self.path):
            word = Path(like.picture).stem if like.picture else f"{like.generation:05}"
            found[word] = self._saved(like.picture) if like.picture else self.until(like.generation)
        if not found:
            raise ValueError(
                f"--generation liked: nothing is liked in run folder {self.path}: press L in the "
                f"window of evonsfw show {self.path}"
            )
        return found

    def _saved(self, name: str) -> Artwork:
        """A picture that lies in the folder."""
        found = read_picture(self.path / name)
        return Artwork(found.genome, found.config.encoding, found.texts)

    def _artwork(self, champion: Champion, last: int) -> Artwork:
        artwork = self._folder.artwork(champion)
        label = self._folder.label or self.config.goal_word
        if not last:
            return artwork
        steps = Steps(self._logbook, range(1, last + 1))
        return replace(artwork, story=Story(steps, label, _words(self.config)))


def read_picture(path: Path) -> Provenance:
    """What a file says of itself, and what it can be made from again.

    Raises:
        ValueError: it cannot be read, holds no genome, or is damaged or a newer version's.
    """
    found = read_provenance(path)
    if found is None:
        raise ValueError(f"{path}: there is no genome in it; expected a file that evonsfw wrote")
    return found


def _require_run(path: Path) -> None:
    """Raise ValueError where a folder is another than a run's."""
    if (path / LADDER).is_file():
        raise ValueError(f"run folder {path}: it is a ladder's; give one of the pictures in it")
    if not (path / "config.yaml").is_file():
        runs = sorted(one.parent.name for one in path.glob("*/config.yaml"))
        other = f"one of the runs in it, such as {runs[0]}" if runs else "one of the pictures in it"
        raise ValueError(
            f"run folder {path}: there is no config.yaml in it; give a run folder, or {other}"
        )
    if not (path / BEST).is_file():
        raise ValueError(f"run folder {path}: no generation is finished yet")


def _settings(path: Path) -> RunConfig:
    """The settings; files that they name are found from anywhere."""
    values = read_config(path / "config.yaml")
    for key in ("target", "weight", "from"):
        if values.get(key):
            values[key] = str(Path(values[key]).absolute())
    return make_config(values)


def _words(config: RunConfig) -> dict[str, str]:
    """Settings that were made, as text; of files the name alone."""
    return {key: _word(key, value) for key, value in config.to_dict().items() if _made(value)}


def _made(value: Any) -> bool:
    return value is not None and value != []


def _word(key: str, value: Any) -> str:
    if isinstance(value, list):
        return ", ".join(str(part) for part in value)
    if isinstance(value, bool):
        return "yes" if value else "no"
    if key in ("classifier", "target", "weight", "from"):
        return ", ".join(Path(part.strip()).name for part in value.split(","))
    return str(value)


def _number(texts: dict[str, str], keyword: str, kind: Callable[[str], T]) -> T:
    """A number in the best picture's texts; ValueError where it is none."""
    try:
        return kind(texts[keyword])
    except (KeyError, ValueError):
        raise ValueError(f"{BEST}: its {keyword} is damaged or missing") from None
