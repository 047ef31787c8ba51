"""What somebody liked of a run: `likes.yaml` in its folder, a list in the order of liking."""

from __future__ import annotations

from pathlib import Path
from typing import Any, NamedTuple

import yaml

from evonsfw.strict_yaml import parse_yaml, read_text
from evonsfw.whole_file import whole_file

LIKES = "likes.yaml"


class Like(NamedTuple):
    """One picture that is liked.

    Attributes:
        generation: counted from 1; the best individual until then is meant where there is no
            `picture`.
        score: as people see it.
        genome_sha256: of the genome, in hexadecimal.
        picture: a file in the run folder that holds it, where it is no generation's best; or "".
    """

    generation: int
    score: float
    genome_sha256: str
    picture: str = ""


def read_likes(folder: Path) -> list[int]:
    """The generations whose best is liked, in ascending order, each once; none without a file.

    Raises:
        ValueError: as `all_likes`.
    """
    return sorted({like.generation for like in all_likes(folder) if not like.picture})


def all_likes(folder: Path) -> list[Like]:
    """Everything that is liked, in the order of liking; nothing where there is no file.

    Raises:
        ValueError: `likes.yaml` is damaged, or cannot be read.
    """
    path = folder / LIKES
    if not path.exists():
        return []
    text = read_text(path, "likes")
    try:
        entries = parse_yaml(text)
    except ValueError:
        raise _damaged(path, "not plain YAML") from None
    if not isinstance(entries, list):
        raise _damaged(path, "expected a list")
    return [_like(path, row, entry) for row, entry in enumerate(entries, start=1)]


def toggle_like(folder: Path, like: Like) -> bool:
    """Add a like, or take the genome's away where it is liked; whether it is liked after that.

    Raises:
        ValueError: as `all_likes`; the file stays as it is.
        OSError: the file cannot be written; it stays as it is.
    """
    known = all_likes(folder)
    others = [one for one in known if one.genome_sha256 != like.genome_sha256]
    added = len(others) == len(known)
    entries = [_entry(one) for one in (*others, *([like] if added else []))]
    with whole_file(folder / LIKES) as draft:
        draft.write_text(yaml.safe_dump(entries, sort_keys=False), encoding="utf-8")
    return added


def _entry(like: Like) -> dict[str, Any]:
    entry = {**like._asdict(), "score": round(like.score, 6)}
    return {key: value for key, value in entry.items() if value != ""}


def _like(path: Path, row: int, entry: Any) -> Like:
    """One entry, checked: the file may be somebody's own."""
    number = entry.get("generation") if isinstance(entry, dict) else None
    if not isinstance(number, int) or isinstance(number, bool) or number < 1:
        raise _damaged(path, f"entry {row}: expected `generation:` and a whole number above 0")
    score, code = entry.get("score", 0.0), entry.get("genome_sha256")
    if not isinstance(score, int | float) or not isinstance(code, str):
        raise _damaged(path, f"entry {row}: expected a `score:` and a `genome_sha256:`")
    picture = entry.get("picture", "")
    if not isinstance(picture, str) or picture != Path(picture).name:
        raise _damaged(path, f"entry {row}: expected the name of a file beside it as `picture:`")
    return Like(number, float(score), code, picture)


def _damaged(path: Path, reason: str) -> ValueError:
    return ValueError(f"likes {path}: {reason}; mend it, or delete it and like again")
