"""The run folder: everything that a run leaves, readable at any moment, resumable after any.

Pictures, checkpoint and config are written beside their name and renamed; the log is appended to
and flushed. The checkpoint is a NumPy archive without pickle: opening a stranger's run folder
runs no stranger's code.
"""

from __future__ import annotations

import datetime
import json
import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import yaml

import evonsfw
from evonsfw.config import FORMAT, SERIES, START, RunConfig
from evonsfw.exporters import Artwork, png
from evonsfw.generation import Champion, Founder
from evonsfw.genome import genome_hash, genome_to_text
from evonsfw.logbook import COLUMNS, LOG, rewind_bests
from evonsfw.search import State
from evonsfw.views import SEARCHED
from evonsfw.whole_file import link_or_copy, sweep, whole_file

TARGET = "target.png"
"""The run folder's copy of the target picture, on the run's canvas."""
WEIGHT = "weight.png"
"""The same of the mask that says where likeness to it counts."""
ADDED = ("0", "nan")
"""What the last columns of the log hold where an older version has left them out."""


WRITTEN = r"gen_\d+\.png|best\.png|checkpoint|checkpoint\.previous|log\.csv|bests\.bin"
"""What a run writes while it goes on: names, as a regular expression."""


class DamagedError(ValueError):
    """A checkpoint that was cut short, or is not one."""


class RunFolder:
    """A run's folder.

    Args:
        path: where it is.
        config: the run's settings, complete.
        classifier_hash: SHA-256 of the model file, or "" where none is used.
        parent: what config.yaml is to say of where the run comes from.

    Attributes:
        every: the best picture of every so many generations is kept; may be changed at any time.
        label: what the score is called, for those who look without the classifier; "" for unknown.
    """

    def __init__(
        self,
        path: Path,
        config: RunConfig,
        classifier_hash: str,
        parent: Mapping[str, Any] | None = None,
    ) -> None:
        self.path = path
        self.config = config
        self.every = config.every
        self.label = ""
        self._classifier_hash = classifier_hash
        self._parent = dict(parent or {})
        start = {"from": START} if config.from_ is not None else {}
        # Without blanks: every file of a run holds it.
        self._settings = json.dumps({**config.to_dict(), **start}, separators=(",", ":"))

    @property
    def best(self) -> Path:
        """best.png."""
        return self.path / "best.png"

    def write_config(self) -> None:
        """config.yaml: `evonsfw --config THAT` repeats the run."""
        values = {"format": FORMAT, "version": evonsfw.__version__, **self.config.to_dict()}
        if self.config.target is not None:
            values["target"] = TARGET  # beside it, so that the folder repeats the run anywhere
        if self.config.weight is not None:
            values["weight"] = WEIGHT
        if self.config.from_ is not None:
            values["from"] = START
        if self._parent:
            values["parent"] = self._parent
        with whole_file(self.path / "config.yaml") as draft:
            text = yaml.safe_dump(values, sort_keys=False)
            draft.write_text(text, encoding="utf-8")

    def write_picture(self, path: Path, champion: Champion) -> None:
        """A PNG of one individual at the size that was scored, its provenance in text chunks."""
        png.write(path, self.artwork(champion), self.config.canvas)

    def artwork(self, champion: Champion) -> Artwork:
        """An individual with everything that is needed to make it again."""
        metadata = {
            "Title": f"evonsfw {self.config.goal_name}, generation {champion.generation}",
            "Software": f"evonsfw {evonsfw.__version__}",
            "evonsfw:genome": genome_to_text(champion.genome),
            "evonsfw:genome_sha256": genome_hash(champion.genome),
            "evonsfw:settings": self._settings,
            "evonsfw:seed": str(self.config.seed),
            "evonsfw:classifier_sha256": self._classifier_hash,
            "evonsfw:score": f"{champion.score:.6f}",
            "evonsfw:scored_size": self.config.size,
            "evonsfw:generation": str(champion.generation),
            "evonsfw:version": evonsfw.__version__,
            "evonsfw:format": str(FORMAT),
        }
        if self.label:
            metadata["evonsfw:label"] = self.label
        if self.config.robust:  # the file alone, as it is, scores better than this
            metadata["evonsfw:views"] = f"worst of {len(SEARCHED)} views"
        return Artwork(champion.genome, self.config.encoding, metadata)

    def read_checkpoint(self) -> tuple[State | None, str | None]:
        """The last whole checkpoint, or None where there is none yet, and what was wrong.

        Raises:
            ValueError: every checkpoint is damaged, or one was made by a newer version.
        """
        problem = None
        for name in ("checkpoint", "checkpoint.previous"):
            try:
                state = load_state(self.path / name)
            except FileNotFoundError:
                continue
            except DamagedError as error:
                problem = problem or str(error)
            else:
                return state, problem and f"{problem}; using the one before"
        if problem is not None:
            raise ValueError(
                f"{problem}, and there is no whole one before it; repeat the run: "
                f"evonsfw --config {self.path / 'config.yaml'}"
            )
        return None, None

    def rewind(self, best: Champion | None, generation: int) -> None:
        """Go back to what stood after a generation: the rest is about to be written again, and what
        was only begun is removed.
        """
        for folder in (self.path, self.path / "generations"):
            sweep(folder, WRITTEN)
        self.rewind_log(generation)
        rewind_bests(self.path, generation, self.config.encoding.length)
        for path in (self.path / "generations").iterdir():
            number = re.fullmatch(r"gen_(\d+)\.png", path.name)
            if number and int(number[1]) > generation:
                path.unlink()
        if best is not None:
            self.write_picture(self.best, best)

    def rewind_log(self, generation: int) -> None:
        """Drop the log's rows after a generation; fill in columns that it did not have yet."""
        path = self.path / LOG
        lines = path.read_text(encoding="utf-8").splitlines() if path.exists() else []
        commas = lines[0].count(",") if lines else 0
        missing = "".join(f",{value}" for value in ADDED[commas - COLUMNS.count(",") + 2 :])
        kept = [line + missing for line in lines[1:] if _row_number(line, commas) <= generation]
        with whole_file(path) as draft:
            draft.write_text("\n".join([COLUMNS, *kept]) + "\n", encoding="utf-8")


def require_new(path: Path) -> None:
    """Raise ValueError where there is something of that name already."""
    if os.path.lexists(path):
        is_run = (path / "config.yaml").is_file() and (path / "generations").is_dir()
        is_run = is_run or (path / SERIES).is_file()
        other = f", or go on with it: evonsfw resume {path}" if is_run else ""
        raise ValueError(f"run folder {path}: exists already; choose another --out{other}")


def create_run(
    config: RunConfig,
    out: Path | None,
    command: str,
    classifier_hash: str,
    founder: Founder | None = None,
) -> RunFolder:
    """Make a new run folder.

    Args:
        config: complete settings, the seed included.
        out: where; None for runs/<time>_<objective>_<shapes>-<n>_s<seed>.
        command: the command line, for command.txt.
        classifier_hash: SHA-256 of the model file.
        founder: the picture that the run begins with; it is written as start.png.

    Raises:
        ValueError: the folder exists, or cannot be written.
    """
    path = out if out is not None else Path("runs") / run_name(config)
    try:
        path.mkdir(parents=True, exist_ok=False)
        (path / "generations").mkdir()
        folder = RunFolder(path, config, classifier_hash, founder.parent if founder else None)
        if founder is not None:
            start = Artwork(founder.genome, config.encoding, founder.texts)
            png.write(path / START, start, config.canvas)
        folder.write_config()
        command_line = (command + "\n").encode("utf-8", "surrogateescape")  # names of any bytes
        (path / "command.txt").write_bytes(command_line)
        folder.rewind_log(0)
    except FileExistsError:
        require_new(path)
        raise
    except OSError as error:
        raise ValueError(f"run folder {path}: cannot be written: {error.strerror}") from None
    return folder


def save_picture(path: Path, picture: npt.NDArray[np.uint8]) -> None:
    """Write a picture as PNG: (H, W) uint8 grey, or (H, W, 3 or 4) RGB without or with alpha."""
    from PIL import Image

    with whole_file(path) as draft:
        Image.fromarray(picture).save(draft, format="PNG")


def save_state(path: Path, state: State) -> None:
    """Write a state without pickle; the checkpoint before it is kept as `….previous`."""
    arrays: dict[str, npt.NDArray[Any]] = {}
    tree = json.dumps({"format": FORMAT, "state": _flatten(state, arrays)})
    with whole_file(path) as draft:
        with draft.open("wb") as file:
            np.savez(file, tree=np.frombuffer(tree.encode(), np.uint8), **arrays)  # type: ignore[arg-type]
        if path.exists():  # a second name, not another one: there is a checkpoint at any moment
            link_or_copy(path, path.with_name(path.name + ".previous"))


def load_state(path: Path) -> State:
    """Read what `save_state` wrote.

    Raises:
        FileNotFoundError: there is none.
        DamagedError: it is cut short, or something else altogether.
        ValueError: it is of a newer format.
    """
    try:
        with path.open("rb") as file, np.load(file, allow_pickle=False) as archive:
            arrays = {name: archive[name] for name in archive.files}
        content = json.loads(arrays.pop("tree").tobytes())
        version = int(content["format"])
        state: State | None = _unflatten(content["state"], arrays) if version <= FORMAT else None
    except FileNotFoundError:
        raise
    except Exception:  # noqa: BLE001  # damaged archives make zipfile and NumPy raise nearly anything
        raise DamagedError(f"checkpoint {path}: cut short or damaged") from None
    if state is None:
        raise ValueError(f"checkpoint {path}: made by a newer evonsfw; update evonsfw")
    return state


def _flatten(value: Any, arrays: dict[str, npt.NDArray[Any]]) -> Any:
    """Replace arrays by references, so that the rest is JSON."""
    if isinstance(value, np.ndarray):
        name = f"array_{len(arrays)}"
        arrays[name] = value
        return {"$array": name}
    if isinstance(value, Mapping):
        return {str(key): _flatten(item, arrays) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_flatten(item, arrays) for item in value]
    return value.item() if isinstance(value, np.generic) else value


def _unflatten(value: Any, arrays: dict[str, npt.NDArray[Any]]) -> Any:
    if isinstance(value, dict):
        if "$array" in value:
            return arrays[value["$array"]]
        return {key: _unflatten(item, arrays) for key, item in value.items()}
    if isinstance(value, list):
        return [_unflatten(item, arrays) for item in value]
    return value


def _row_number(line: str, commas: int) -> float:
    """A log row's generation; a row cut short by a crash counts as after every generation."""
    cells = line.split(",")
    whole = len(cells) == commas + 1 and cells[0].isdecimal()
    return int(cells[0]) if whole else float("inf")


def run_name(config: RunConfig) -> str:
    """A folder's name for a run that begins at this moment."""
    time = datetime.datetime.now().strftime("%Y%m%d-%H%M%S")
    shapes = "+".join(config.shapes)
    return f"{time}_{config.goal_word}_{shapes}-{config.n}_s{config.seed}"
