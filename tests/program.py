"""What tests of the command line share: a call of the program, and input that it refuses."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from PIL import Image

from evonsfw.config import RunConfig

FLAGS = {
    name: "--" + (field.alias or name).replace("_", "-")
    for name, field in RunConfig.model_fields.items()
}
SWITCHES = [name for name, field in RunConfig.model_fields.items() if field.annotation is bool]
"""Fields that are yes or no."""


class Outcome(NamedTuple):
    """What one call of the program came to."""

    code: int
    out: str
    err: str


Call = Callable[..., Outcome]


END = ["--workers", "0", "--evaluations", "5"]


def files(folder: Path) -> dict[str, bytes]:
    return {str(p.relative_to(folder)): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


def assert_refused(outcome: Outcome, *words: str) -> None:
    """Exit code 2 and exactly one line on standard error, which holds these words."""
    assert outcome.code == 2, outcome
    assert outcome.err.count("\n") == 1
    assert outcome.err.startswith("evonsfw: ")
    assert outcome.err.endswith("\n")
    assert "Traceback" not in outcome.err
    for word in words:
        assert word in outcome.err


def picture(path: Path, size: tuple[int, int] = (20, 16), colour: str = "red") -> Path:
    Image.new("RGB", size, colour).save(path)
    return path


def png_header(path: Path, width: int, height: int) -> Path:
    """A PNG that claims a size and holds no pixels."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return (
            struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        )

    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    ends = chunk(b"IDAT", b"") + chunk(b"IEND", b"")
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + ends)
    return path


def bad_pictures(folder: Path) -> dict[str, str]:
    """Pictures that cannot be used, and what is said of each."""
    whole = picture(folder / "whole.png", (60, 60)).read_bytes()
    (folder / "cut.png").write_bytes(whole[: len(whole) - 40])
    (folder / "whole.png").unlink()
    picture(folder / "one.png", (1, 1))
    png_header(folder / "huge.png", 20_000, 20_000)
    png_header(folder / "large.png", 10_000, 10_000)
    frames = [Image.new("RGB", (9, 9), colour) for colour in ("red", "blue")]
    frames[0].save(folder / "moving.gif", save_all=True, append_images=frames[1:])
    (folder / "text.png").write_text("no picture")
    (folder / "empty.jpg").touch()
    return {
        "cut.png": "cannot be read",
        "one.png": "1x1 pixels: expected at least 2x2",
        "huge.png": "expected at most 89 million",
        "large.png": "10000x10000 pixels: expected at most 89 million",
        "moving.gif": "animated (2 frames)",
        "text.png": "not a picture",
        "empty.jpg": "not a picture",
        "missing.png": "no such file",
    }
