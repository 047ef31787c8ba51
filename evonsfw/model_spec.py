"""What a classifier's YAML says: where its file is, how a picture is prepared, what comes out."""

from __future__ import annotations

import functools
import hashlib
import importlib.util
from importlib import resources
from pathlib import Path
from typing import Annotated, Literal

import pydantic
from pydantic import BaseModel, ConfigDict, Field

from evonsfw.discovery import nearest
from evonsfw.strict_yaml import explain, read_yaml

Side = Annotated[int, Field(ge=1, le=4096)]
Spread = Annotated[float, Field(gt=0.0)]
DEFAULT = "open_nsfw"


class Crop(BaseModel):
    """A size in pixels, cut from the middle."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    width: Side
    height: Side


class Resize(Crop):
    """A size in pixels, and the filter that brings a picture to it."""

    filter: Literal["nearest", "bilinear", "bicubic", "lanczos", "box", "hamming"] = "bilinear"


class ModelSpec(BaseModel):
    """One classifier: the keys of models/NAME.yaml."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    name: str
    file: str
    """The .onnx, relative to the YAML, or to `package` where that is given."""
    package: str | None = None
    """An installed Python package that ships the file."""
    sha256: str | None = None
    layout: Literal["NHWC", "NCHW"]
    channels: Literal["RGB", "BGR"] = "RGB"
    resize: Resize
    crop: Crop | None = None
    jpeg: bool = False
    """Encode and decode as JPEG (Pillow's default quality) before the model sees the picture."""
    scale: float = 1 / 255
    """Each 8-bit value is multiplied by this, then `mean` is taken off and `std` divides."""
    mean: tuple[float, float, float] = (0.0, 0.0, 0.0)
    """In the order of `channels`."""
    std: tuple[Spread, Spread, Spread] = (1.0, 1.0, 1.0)
    output: Literal["probabilities", "logits"]
    """Whether the softmax has been applied in the file."""
    classes: tuple[str, ...] = Field(min_length=2)
    default_class: str | None = None
    licence: str = "unknown"
    source: str = "unknown"
    folder: str = ""
    """Where the YAML lies; filled in when it is read."""

    @pydantic.model_validator(mode="after")
    def _crop_lies_within(self) -> ModelSpec:
        crop, resize = self.crop, self.resize
        if crop and (crop.width > resize.width or crop.height > resize.height):
            raise ValueError(
                f"crop {crop.width}x{crop.height} is larger than resize "
                f"{resize.width}x{resize.height}"
            )
        return self

    @property
    def input_size(self) -> tuple[int, int]:
        """Width and height of what the model is given."""
        box = self.crop or self.resize
        return box.width, box.height

    @property
    def path(self) -> Path:
        """The .onnx file."""
        if self.package is None:
            return Path(self.folder) / self.file
        try:
            found = importlib.util.find_spec(self.package)
        except (ImportError, ValueError):
            found = None
        if found is None or not found.submodule_search_locations:
            raise ValueError(
                f"classifier '{self.name}' lies in the package '{self.package}', which is not "
                f"installed: pip install {self.package.replace('_', '-')}"
            )
        return Path(next(iter(found.submodule_search_locations))) / self.file

    def class_index(self, wanted: str | None) -> int:
        """Index of a class given by name or index; None is the default class.

        Raises:
            ValueError: there is no such class; the message gives the nearest names.
        """
        name = wanted if wanted is not None else (self.default_class or self.classes[-1])
        if name in self.classes:
            return self.classes.index(name)
        if name.isdecimal() and int(name) < len(self.classes):
            return int(name)
        raise ValueError(
            f"unknown class '{name}' of classifier '{self.name}' "
            f"({len(self.classes)} classes): {nearest(name, self.classes)}"
        )


def read_spec(classifier: str) -> ModelSpec:
    """The spec that a known name or a .yaml stands for.

    Raises:
        ValueError: no such name or file, or a YAML that does not fit.
    """
    path = Path(classifier)
    if path.suffix in (".yaml", ".yml"):
        return _from_yaml(path)
    known = {file.stem: file for file in models_folder().glob("*.yaml")}
    if classifier in known:
        return _from_yaml(known[classifier])
    raise ValueError(
        f"classifier '{classifier}': expected a .yaml or .onnx file, or a known name: "
        f"{nearest(classifier, known)}"
    )


def models_folder() -> Path:
    """The folder of the classifiers that come with the program."""
    packaged = Path(str(resources.files("evonsfw"))) / "models"
    return packaged if packaged.is_dir() else Path(__file__).parent.parent / "models"


def check_hash(spec: ModelSpec) -> str:
    """SHA-256 of the model file.

    Raises:
        ValueError: the file is missing, or is not the one that the spec's hash belongs to.
    """
    path = spec.path
    if not path.is_file():
        raise ValueError(f"classifier file {path}: not found; check `file` of '{spec.name}'")
    actual = _sha256(path, path.stat().st_mtime_ns)
    if spec.sha256 is not None and actual != spec.sha256.lower():
        raise ValueError(
            f"classifier file {path} has SHA-256 {actual[:16]}…, but '{spec.name}' expects "
            f"{spec.sha256[:16]}…: get the right file, or correct sha256"
        )
    return actual


@functools.cache
def _sha256(path: Path, _mtime: int) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _from_yaml(path: Path) -> ModelSpec:
    content = read_yaml(path, "classifier")
    try:
        return ModelSpec.model_validate({**content, "folder": str(path.parent.resolve())})
    except pydantic.ValidationError as error:
        raise ValueError(f"classifier {path}: {explain(error, ModelSpec)}") from None
