"""What an instrument found, as files: a plate as PNG, and the raw numbers beside it as .npy."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image, PngImagePlugin

from evonsfw.plate import Plate, draw
from evonsfw.preparation import Pictures
from evonsfw.whole_file import whole_file

PREFIX = "evonsfw:"
"""Of the keywords of a PNG's texts."""


@dataclass(frozen=True, eq=False)
class Findings:
    """What there is to write.

    Attributes:
        plate: the picture to publish.
        array: the raw numbers, any shape; None where there are none.
        texts: what made it, by word: they go into the PNG as `evonsfw:<word>`.
    """

    plate: Plate
    array: npt.NDArray[np.generic] | None = None
    texts: Mapping[str, str] = field(default_factory=dict)


def default_out(source: Path, instrument: str, suffix: str = ".png") -> Path:
    """The file that an instrument writes unless it is told: in the current folder."""
    return Path(f"{source.resolve().stem}_{instrument}{suffix}")


def array_beside(out: Path) -> Path:
    """The file of raw numbers beside a picture."""
    return out.with_suffix(".npy")


def require_free(paths: Iterable[Path], force: bool = False) -> None:
    """Raise ValueError where a file cannot be written: to be asked before the work begins.

    Args:
        paths: files.
        force: whether those that are there may be written over.
    """
    for path in paths:
        if path.is_dir():
            raise ValueError(f"{path} is a folder: name a file")
        if path.exists() and not force:
            raise ValueError(f"{path} is there already: --force writes over it")
        if not path.parent.is_dir():
            raise ValueError(f"{path}: no such folder: {path.parent}")
        if not os.access(path.parent, os.W_OK | os.X_OK):
            raise ValueError(f"{path}: the folder {path.parent} is read-only")


def require_suffix(out: Path, suffix: str = ".png") -> None:
    """Raise ValueError where a file has another ending than the one that is written."""
    if out.suffix.lower() != suffix:
        raise ValueError(f"--out {out}: expected a name that ends in {suffix}")


def require_other(paths: Iterable[Path], original: Path) -> None:
    """Raise ValueError where a file that is written is the one that is looked at: even where files
    may be written over, that one may not.
    """
    for path in paths:
        if path.exists() and original.exists() and path.samefile(original):
            raise ValueError(f"--out {path}: that is the original: name another file")


def require_plate(out: Path, originals: Iterable[Path], force: bool = False) -> None:
    """Raise ValueError where a plate and its array cannot be written.

    Args:
        out: the PNG.
        originals: what is looked at.
        force: whether files that are there may be written over.
    """
    require_suffix(out)
    paths = out, array_beside(out)
    for original in originals:
        require_other(paths, original)
    require_free(paths, force)


def write(findings: Findings, out: Path, force: bool = False) -> list[Path]:
    """Write the plate, and the raw numbers beside it.

    Args:
        findings: what to write.
        out: the PNG.
        force: whether files that are there may be written over.

    Returns:
        the files.

    Raises:
        ValueError: one is there already, or the name does not end in .png.
        OSError: it cannot be written; then nothing is left under its name.
    """
    if findings.array is not None:
        return write_picture(out, draw(findings.plate), findings.array, findings.texts, force)
    require_suffix(out)
    require_free([out], force)
    write_png(out, draw(findings.plate), findings.texts)
    return [out]


def write_picture(
    out: Path,
    pixels: Pictures,
    array: npt.NDArray[np.generic],
    texts: Mapping[str, str],
    force: bool = False,
) -> list[Path]:
    """Write a picture, and raw numbers beside it.

    Args:
        out: the PNG.
        pixels: (H, W, 3) uint8.
        array: the raw numbers, any shape.
        texts: what made it, by word.
        force: whether files that are there may be written over.

    Returns:
        both files.

    Raises:
        ValueError: one is there already, or the name does not end in .png.
        OSError: it cannot be written; then nothing is left under its name.
    """
    require_suffix(out)
    paths = [out, array_beside(out)]
    require_free(paths, force)
    write_array(paths[1], array)
    write_png(out, pixels, texts)
    return paths


def write_png(path: Path, pixels: Pictures, texts: Mapping[str, str]) -> None:
    """(H, W, 3) uint8 as a PNG, with texts as `evonsfw:<word>`: whole, or not at all."""
    info = PngImagePlugin.PngInfo()
    for word, text in texts.items():
        info.add_itxt(f"{PREFIX}{word}", text)
    with whole_file(path) as draft:
        Image.fromarray(pixels).save(draft, "PNG", pnginfo=info, optimize=True)


def write_array(path: Path, array: npt.NDArray[np.generic]) -> None:
    """An array as .npy without pickle: whole, or not at all."""
    values = np.asarray(array, order="C")
    header = np.lib.format.header_data_from_array_1_0(values)
    with whole_file(path) as draft, draft.open("wb") as file:
        np.lib.format.write_array_header_1_0(file, header)
        file.write(values.data)  # of a full disk, np.save says no more than how much it wrote
