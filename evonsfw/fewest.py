"""As few shapes as it takes: after a run has reached its score, shapes go for as long as it holds.

A round takes out the shapes that the score needs least, as many at a time as can be brought back by
climbing; then one at a time, where two near each other may also become one. It ends where no
picture with one shape less climbs back. What is left is certified: the score with all shapes is
good enough, and without any one of them it is not.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from evonsfw.climbing import QUICK, Climb, Climbing, Found, race
from evonsfw.config import FORMAT, RunConfig, make_config
from evonsfw.exporters import svg
from evonsfw.fewer import merged, nearest_pairs, without
from evonsfw.generation import Champion, read_only
from evonsfw.genome import Encoding, Genome, genome_to_text
from evonsfw.objectives import is_error
from evonsfw.pipeline import Job
from evonsfw.raster import render
from evonsfw.runs import RunFolder, save_picture
from evonsfw.stage import Stage
from evonsfw.telling import Say
from evonsfw.whole_file import whole_file

TRIED = 8
"""Pictures with one shape less that race: the best of all without a shape and of those with two
merged.
"""
PAIRS = 8
"""Pairs of shapes, nearest in place and colour, that are tried as one."""
PICTURE, FOLDER = "fewest.png", "fewest"
"""The picture that is left, and the folder of the pictures that its certificate is about."""


@dataclass(frozen=True)
class Certificate:
    """What shows that no shape can be spared.

    Attributes:
        n: shapes.
        until: what the score was to reach.
        score: with all shapes, of the file, by the reference.
        without: the score without each shape, in painting order, likewise.
        holds: whether `score` reaches `until`, and none of `without` does.
        complete: whether it was tried to the end to spare further ones; false where this was
            cancelled, and what there is may be had with fewer.
        scorings: spent on taking out and on climbing back.
    """

    n: int
    until: float
    score: float
    without: tuple[float, ...]
    holds: bool
    complete: bool
    scorings: int


def check_fewest(config: RunConfig) -> None:
    """Raise ValueError where `--fewest` has no meaning; settings are complete."""
    if not config.fewest:
        return
    if config.goal_name == "target-score" or is_error(config.goal_name):
        raise ValueError(f"--fewest is not for {config.goal_name}: leave it out")
    if config.until is None:
        raise ValueError("--fewest needs a score that is to hold: give --until, as in --until 0.99")
    if config.pareto:
        raise ValueError("--fewest is for one objective: leave out --pareto")
    if len(config.shapes) > 1:
        raise ValueError(
            f"--fewest is for one kind of shape, not {','.join(config.shapes)}: name one"
        )


def fewest_due(stage: Stage, path: Path, best: Champion) -> bool:
    """Whether a run that was ended while shapes were taken out has to take them out again."""
    until, wanted = stage.config.until, stage.config.fewest
    if not wanted or until is None or not stage.wish.reached(best.score, until):
        return False
    return not _finished((path / PICTURE).with_suffix(".json"), until)


def _finished(certificate: Path, until: float) -> bool:
    """Whether a certificate is there, of this score, and nothing was left to be tried."""
    try:
        content = json.loads(certificate.read_text(encoding="utf-8"))
        return content["complete"] is True and content["until"] == until
    except (FileNotFoundError, ValueError, TypeError, KeyError):
        return False


def leave_fewest(
    stage: Stage, folder: RunFolder, best: Champion, cancelled: Callable[[], bool], say: Say
) -> Certificate | None:
    """Take shapes out of a run's best picture and write what is left into its folder.

    Args:
        stage: the run's, which `check_fewest` has passed.
        folder: fewest.png, fewest.svg and fewest.json are written there.
        best: the run's best.
        cancelled: looked at before each batch; true ends it with what has been reached.
        say: prints one line.

    Returns:
        the certificate, or None where the run has not reached its score.
    """
    until = stage.config.until
    if until is None or not stage.wish.reached(best.score, until):
        wanted = "a score to hold" if until is None else f"{stage.label} {until:g}"
        say(f"fewest: {wanted} was not reached, so no shape was taken out")
        return None
    paring = Paring(stage, cancelled, say)
    job, found = paring.pare(best.genome)
    certificate = _certify(stage, folder.path, job, found.genome, paring)
    _write(stage, folder, found, certificate)
    least = (min if stage.config.goal_name == "lowest" else max)(certificate.without)
    if not certificate.complete:
        say(f"fewest: stopped; to try again from the start: evonsfw resume {folder.path}")
    say(
        f"{folder.path / PICTURE}: {certificate.n} {stage.config.shapes[0]}, "
        f"{stage.label} {certificate.score:.6f}; without any one of them at best {least:.6f}"
        f"{'' if certificate.holds else ', so they are not the fewest'}; "
        f"{certificate.scorings:,} scorings"
    )
    return certificate


def _certify(stage: Stage, path: Path, job: Job, genome: Genome, paring: Paring) -> Certificate:
    """Score the picture, and those without each shape, which are written beside it."""
    until, encoding = stage.config.until, job.encoding
    assert until is not None
    (path / FOLDER).mkdir(exist_ok=True)
    for old in (path / FOLDER).glob("*.png"):
        old.unlink()

    def score(genes: Genome, n: int, name: str) -> float:
        file = path / FOLDER / name
        save_picture(file, render(genes[None], replace(encoding, n=n), job.canvas)[0])
        if stage.config.robust:
            return paring.score(genes, n)
        return paring.score_file(file)

    whole = score(genome, encoding.n, "all.png")
    lesser = tuple(
        score(without(encoding, genome, [row]), encoding.n - 1, f"without_{row + 1:02}.png")
        for row in range(encoding.n)
    )
    reached = [stage.wish.reached(one, until) for one in (whole, *lesser)]
    holds = reached[0] and not any(reached[1:])
    spent, complete = paring.scorings, paring.complete
    return Certificate(encoding.n, until, whole, lesser, holds, complete, spent)


def _write(stage: Stage, folder: RunFolder, found: Found, certificate: Certificate) -> None:
    """The picture, with settings that have its number of shapes, and the certificate."""
    config = make_config({**stage.config.to_dict(), "n": certificate.n})
    fewer = RunFolder(folder.path, config, stage.classifier_hash)
    champion = Champion(read_only(found.genome), found.fitness, certificate.score, 0)
    fewer.write_picture(folder.path / PICTURE, champion)
    artwork = fewer.artwork(champion)
    svg.write((folder.path / PICTURE).with_suffix(svg.SUFFIX), artwork, config.canvas)
    content = {
        "format": FORMAT,
        "shapes": list(config.shapes),
        **asdict(certificate),
        "label": stage.label,
        "genome": genome_to_text(found.genome),
        "classifier_sha256": stage.classifier_hash,
    }
    with whole_file((folder.path / PICTURE).with_suffix(".json")) as draft:
        draft.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")


class Paring:
    """Takes shapes out while the score holds.

    Args:
        stage: the run's.
        cancelled: true ends it.
        say: prints one line.

    Attributes:
        complete: whether `pare` came to its end.
    """

    def __init__(self, stage: Stage, cancelled: Callable[[], bool], say: Say) -> None:
        self._stage = stage
        self._cancelled = cancelled
        self._say = say
        self._climbing = Climbing(stage)
        self.complete = False

    @property
    def scorings(self) -> int:
        """Spent so far."""
        return self._climbing.scorings

    def score(self, genome: Genome, n: int) -> float:
        """The score of a genome of n shapes."""
        return self._climbing.score(_job(self._climbing.job, n), [genome])[0].score

    def score_file(self, path: Path) -> float:
        """The score of a picture file, as it is."""
        return self._climbing.score_file(path)

    def pare(self, genome: Genome) -> tuple[Job, Found]:
        """A genome of the stage's encoding that reaches the score to one with fewer shapes that
        does too, and the job of its encoding.
        """
        job = self._climbing.job
        found = self._climbing.score(job, [genome])[0]
        while job.encoding.n > 1 and not self._cancelled():
            smaller = self._several(job, found) or self._one(job, found)
            if smaller is None:
                break
            job, found = smaller
            self._say(f"fewest: {job.encoding.n} shapes, {self._stage.label} {found.score:.6f}")
        self.complete = job.encoding.n == 1 or not self._cancelled()
        return job, found

    def _several(self, job: Job, found: Found) -> tuple[Job, Found] | None:
        """Half of the shapes out at a time, or a quarter, …; None where not even two can go."""
        encoding = job.encoding
        if encoding.n < 4:
            return None
        needed = self._needed_least(job, found)
        count = encoding.n // 2
        while count >= 2 and not self._cancelled():
            smaller = _job(job, encoding.n - count)
            start = self._climbing.score(smaller, [without(encoding, found.genome, needed[:count])])
            climb = Climb(self._climbing, smaller, start)
            if self._back(climb, QUICK):
                return smaller, climb.best
            count //= 2
        return None

    def _needed_least(self, job: Job, found: Found) -> list[int]:
        """Rows, first the one without which the picture is best."""
        encoding = job.encoding
        genomes = [without(encoding, found.genome, [row]) for row in range(encoding.n)]
        scored = self._climbing.score(_job(job, encoding.n - 1), genomes)
        return sorted(range(encoding.n), key=lambda row: -scored[row].fitness)

    def _one(self, job: Job, found: Found) -> tuple[Job, Found] | None:
        """One shape out, or two made one; None where none of those tried climbs back."""
        smaller = _job(job, job.encoding.n - 1)
        starts = self._lesser(job.encoding, smaller, found.genome)
        climbs = [Climb(self._climbing, smaller, [start]) for start in starts]
        first, back = race(climbs, self._back)
        return (smaller, first.best) if back else None

    def _lesser(self, encoding: Encoding, smaller: Job, genome: Genome) -> list[Found]:
        """The best pictures with one shape less, best first."""
        genomes = [without(encoding, genome, [row]) for row in range(encoding.n)]
        pairs = nearest_pairs(encoding, genome, PAIRS)
        genomes += [merged(encoding, genome, *pair) for pair in pairs]
        scored = self._climbing.score(smaller, genomes)
        return sorted(scored, key=lambda one: -one.fitness)[:TRIED]

    def _back(self, climb: Climb, scorings: int) -> bool:
        """Whether a climb comes back to the score that is to hold, within so many scorings."""
        limit = self.scorings + scorings
        while not self._holds(climb.best):
            if self.scorings >= limit or self._cancelled():
                return False
            climb.step()
        return True

    def _holds(self, found: Found) -> bool:
        until = self._stage.config.until
        assert until is not None
        return self._stage.wish.reached(found.score, until)


def _job(job: Job, n: int) -> Job:
    return replace(job, encoding=replace(job.encoding, n=n))
