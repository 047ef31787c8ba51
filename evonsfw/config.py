"""RunConfig: a flag is a YAML key is a field, each with its range and its help text."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated, Any

import pydantic
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, PlainSerializer

from evonsfw import spelling, wishes
from evonsfw.backends import AUTO, backend_names, device_names, load_backend
from evonsfw.colour import parse_colour
from evonsfw.discovery import nearest
from evonsfw.genome import Encoding
from evonsfw.model_spec import DEFAULT
from evonsfw.objectives import objective_names
from evonsfw.search import load_search, search_names, use_of_gradient, use_of_improvement
from evonsfw.several import SEARCH, check_list
from evonsfw.shapes import Canvas, load_shape, shape_names
from evonsfw.strict_yaml import explain, read_yaml

FORMAT = 1
"""Version of the run folder's files; a higher one is refused."""
MIN_SIDE, MAX_SIDE = 16, 4096
DEFAULT_EVALUATIONS = 20_000
"""Where a run ends that was given no other end and does not reach its score."""
EXPRESSION_EVALUATIONS = 2_000
"""The same, where no score is known that would be good enough."""
PARETO_EVALUATIONS = 4_000
"""The same, where several objectives are sought at once."""
FOUNDED_EVALUATIONS = 2_000
"""The same, where a run goes on from a picture that has come to its end already."""
SERIES = "series.yaml"
"""What a folder of several runs is known by."""
START = "start.png"
"""The run folder's copy of the picture that a run goes on from."""
MAX_WORD = 40
"""Characters of an expression in a folder's name."""

Words = Annotated[tuple[str, ...], BeforeValidator(spelling.words)]
Number = Annotated[int, BeforeValidator(spelling.number), PlainSerializer(spelling.shown_number)]
Count = Annotated[int, Field(ge=1)]


class RunConfig(BaseModel):
    """Everything a run depends on.

    Raises:
        pydantic.ValidationError: a value of the wrong type, out of range or unknown.
    """

    model_config = ConfigDict(
        extra="forbid", frozen=True, populate_by_name=True, allow_inf_nan=False
    )

    shapes: Words = Field(
        ("triangles",),
        description=f"Shapes to paint with: {', '.join(shape_names())}, or a mix. polygons have 5 "
        "corners, polygons-K have K.",
    )
    n: Number = Field(
        100,
        le=5000,
        description="Number of shapes; or auto, with --until-rmse: as many as that may take.",
    )
    size: Annotated[str, BeforeValidator(spelling.size)] = Field(
        "256x256",
        description="Canvas that is scored, in pixels: a side or WxH, 16 to 4096. With --target, "
        "the default has its proportions.",
    )
    alpha: tuple[float, float] = Field(
        (0.3, 0.9), description="Lowest and highest opacity of a shape, 0 to 1."
    )
    background: str = Field("evolve", description="'evolve', or a fixed colour like '#102030'.")
    palette: Annotated[tuple[str, ...], BeforeValidator(spelling.palette)] = Field(
        (), description="Colours to choose from: '#264653,#2a9d8f,…' or a YAML file with a list."
    )
    classifier: str = Field(
        DEFAULT,
        description="Classifier: a known name, a .yaml (see models/README.md) or an .onnx; or "
        "several, with commas between them, for an --objective that looks at all.",
    )
    class_: Annotated[str | None, BeforeValidator(spelling.index)] = Field(
        None,
        alias="class",
        description="Class whose score counts: a name or an index. Default: the classifier's own "
        "(nsfw).",
    )
    objective: str | None = Field(
        None,
        description=f"What to reach: {', '.join(objective_names())}; or an expression, as in "
        "'nsfw - 0.5*clutter' (docs/objectives.md). Default: highest, or what --target-score or "
        "--target ask for.",
    )
    target_score: float | None = Field(
        None, ge=0.0, le=1.0, description="Reach exactly this score, 0 to 1."
    )
    target: str | None = Field(
        None,
        description="Reach likeness to this picture: by RMSE, without a classifier, or as "
        "--objective says. Where it is transparent, nothing counts.",
    )
    weight: str | None = Field(
        None,
        description="How much each part of the --target counts: a picture, from black (nothing) to "
        "white.",
    )
    search: str = Field("auto", description=f"Search algorithm: {', '.join(search_names())}.")
    gradient: bool = Field(
        True,
        description="Use the classifier's gradient, where the search can: each is counted as two "
        "more scorings.",
    )
    robust: bool = Field(
        False,
        description="The worst view counts: saved as JPEG or WebP, at other sizes, moved, flipped.",
    )
    fewest: bool = Field(
        False,
        description="When the score is reached, take out and merge shapes for as long as it holds.",
    )
    pareto: bool = Field(
        False,
        description="Several objectives, separated by commas: leave the pictures that none beats "
        "in all of them.",
    )
    population: int | None = Field(
        None, ge=2, le=4096, description="Individuals a generation. Default: the search's own."
    )
    seed: int | None = Field(
        None, ge=0, lt=2**32, description="The same seed gives the same run. Default: drawn, shown."
    )
    from_: str | None = Field(
        None,
        alias="from",
        description="Go on from a picture that evonsfw wrote, with its settings: PNG, SVG or JSON.",
    )
    generations: Count | None = Field(None, description="Stop after this many generations.")
    evaluations: Count | None = Field(
        None, description="Stop at the end of the generation that reaches this many scorings."
    )
    minutes: Annotated[float, Field(gt=0.0)] | None = Field(
        None, description="Stop after this many minutes."
    )
    until: float | None = Field(
        None,
        description="Stop when the best score is this good (for --target-score: this close; for "
        "--target: an RMSE this low). Default, if no other end is given: 0.99 for the highest "
        "(0.999 with --robust), 0.0001 for the lowest, 0.001 for a target score.",
    )
    until_rmse: Annotated[float, Field(ge=0.0)] | None = Field(
        None, description="Stop when the likeness to the --target has come to this RMSE, 0 to 255."
    )
    workers: int | None = Field(
        None, ge=0, le=256, description="Worker processes; 0 scores in this one. Default: cores."
    )
    backend: str = Field(
        AUTO,
        description=f"What runs the classifier: {AUTO}, {', '.join(backend_names())}. Only "
        "onnxruntime is exact; whatever is shown is scored again by it.",
    )
    device: str = Field(
        AUTO, description=f"Where the classifier runs: {AUTO}, {', '.join(device_names())}."
    )
    every: Count = Field(1, description="Keep the best picture of every K-th generation.")

    @pydantic.field_validator("shapes")
    @classmethod
    def _known_shapes(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        if not value:
            raise ValueError(f"no shape given: expected one of {', '.join(shape_names())}")
        for name in value:
            load_shape(name)
        if len(set(value)) < len(value):
            raise ValueError(f"{','.join(value)}: a mix names each shape once")
        return value

    @pydantic.field_validator("size")
    @classmethod
    def _sides(cls, value: str) -> str:
        sides = [int(side) for side in value.split("x") if side.isdecimal()]
        if len(sides) != 2 or not all(MIN_SIDE <= side <= MAX_SIDE for side in sides):
            raise ValueError(
                f"size '{value}': expected a side or WxH, each {MIN_SIDE} to {MAX_SIDE}"
            )
        return value

    @pydantic.field_validator("alpha")
    @classmethod
    def _opacities(cls, value: tuple[float, float]) -> tuple[float, float]:
        if not 0.0 <= value[0] <= value[1] <= 1.0:
            raise ValueError(f"{value[0]} {value[1]}: expected 0 <= low <= high <= 1")
        return value

    @pydantic.field_validator("background")
    @classmethod
    def _background(cls, value: str) -> str:
        if value != "evolve":
            parse_colour(value)
        return value

    @pydantic.field_validator("palette")
    @classmethod
    def _colours(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for colour in value:
            parse_colour(colour)
        return value

    @pydantic.field_validator("objective")
    @classmethod
    def _known_objective(cls, value: str | None) -> str | None:
        if value is not None:
            wishes.check_objective(value)
        return value

    @pydantic.field_validator("search")
    @classmethod
    def _known_search(cls, value: str) -> str:
        load_search(value)
        return value

    @pydantic.field_validator("backend")
    @classmethod
    def _known_backend(cls, value: str) -> str:
        if value != AUTO:
            load_backend(value)
        return value

    @pydantic.field_validator("device")
    @classmethod
    def _known_device(cls, value: str) -> str:
        choices = (AUTO, *device_names())
        if value not in choices:
            raise ValueError(f"unknown device '{value}': {nearest(value, choices)}")
        return value

    @pydantic.field_validator("*", mode="before")
    @classmethod
    def _no_truth(cls, value: Any, info: pydantic.ValidationInfo) -> Any:
        """YAML's `yes` and `true` would pass for the number 1."""
        if cls.model_fields[str(info.field_name)].annotation is bool:
            return value
        parts = value if isinstance(value, list | tuple) else [value]
        if any(isinstance(part, bool) for part in parts):
            raise ValueError(f"{str(value).lower()}: expected a number or a text, not yes or no")
        return value

    @pydantic.model_validator(mode="after")
    def _one_goal(self) -> RunConfig:
        values = self.to_dict()
        keys = ("target", "weight", "target_score", "class", "robust")
        given = {key: values[key] for key in keys if values[key] not in (None, False)}
        wishes.check_goal(self.goal_name, given)
        if use_of_gradient(self.search) == "needs" and not self.gradient:
            raise ValueError(f"search '{self.search}' needs gradients: leave out --no-gradient")
        if use_of_improvement(self.search) == "needs" and not self.improves:
            raise ValueError(f"search '{self.search}' is for a likeness: give --target PICTURE")
        wishes.check_until(self.goal_name, self.until, self.until_rmse)
        if self.n == spelling.AUTO_NUMBER and self.until_rmse is None:
            raise ValueError("--n auto: as many as what takes? give --until-rmse")
        check_list(self.goal_name, self.pareto, self.search)
        if self.pareto and self.fewest:
            raise ValueError("--fewest is for one objective: leave it out with --pareto")
        return self

    @pydantic.model_validator(mode="before")
    @classmethod
    def _search_of_several(cls, values: Any) -> Any:
        if isinstance(values, dict) and values.get("pareto") is True:
            return {"search": SEARCH, **values}
        return values

    @property
    def goal_name(self) -> str:
        """The objective's name, worked out where it was not given."""
        if self.objective is not None:
            return self.objective
        if self.target is not None:
            return wishes.LIKENESS
        return "highest" if self.target_score is None else "target-score"

    @property
    def goal_word(self) -> str:
        """The objective's name for a file: an expression's has letters, digits and - only."""
        if not wishes.is_expression(self.goal_name):
            return self.goal_name
        word = re.sub(r"[^a-z0-9]+", "-", self.goal_name.lower()).strip("-")
        return word[:MAX_WORD].strip("-") or "expression"

    @property
    def classifiers(self) -> tuple[str, ...]:
        """Each classifier as it was given, the first one first."""
        if "," not in self.classifier or Path(self.classifier).is_file():
            return (self.classifier,)
        return tuple(part.strip() for part in self.classifier.split(","))

    @property
    def canvas(self) -> Canvas:
        """Width and height in pixels."""
        width, height = self.size.split("x")
        return int(width), int(height)

    @property
    def encoding(self) -> Encoding:
        """What the genes mean."""
        return Encoding(self.shapes, self.n, self.alpha, self.background, self.palette)

    @property
    def takes_gradients(self) -> bool:
        """Whether the search may want gradients."""
        return self.gradient and bool(use_of_gradient(self.search))

    @property
    def looks_at_target(self) -> bool:
        """Whether the objective compares with the target picture, whatever else it looks at."""
        return wishes.looks_at_target(self.goal_name)

    @property
    def plain_likeness(self) -> bool:
        """Whether the objective is the likeness to the target picture and nothing else."""
        return self.goal_name == wishes.LIKENESS

    @property
    def improves(self) -> bool:
        """Whether the search may have genomes made more like the target."""
        return self.looks_at_target and use_of_improvement(self.search) != ""

    @property
    def has_end(self) -> bool:
        """Whether any stop was asked for."""
        ends = (self.generations, self.evaluations, self.minutes, self.until, self.until_rmse)
        return any(end is not None for end in ends)

    def to_dict(self) -> dict[str, Any]:
        """The fields as YAML and JSON write them."""
        return self.model_dump(mode="json", by_alias=True)


def make_config(values: dict[str, Any]) -> RunConfig:
    """Check values by field name or YAML key.

    Raises:
        ValueError: the first problem, on one line.
    """
    try:
        return RunConfig.model_validate(values)
    except pydantic.ValidationError as error:
        raise ValueError(explain(error, RunConfig)) from None


def read_config(path: Path) -> dict[str, Any]:
    """The values of a config.yaml; files that it names beside itself are found from anywhere.

    Raises:
        ValueError: not such a file, an unknown key, a wrong value, or a newer format.
    """
    values = read_yaml(path, "config")
    newest = values.pop("format", FORMAT)
    version = values.pop("version", None)
    if version is not None and values.get("device", AUTO) in (AUTO, "cpu"):
        values.setdefault("backend", "onnxruntime")  # before there were others
    values.pop("parent", None)
    if not isinstance(newest, int) or newest > FORMAT:
        raise ValueError(
            f"config {path}: made by a newer evonsfw ({version or 'unknown'}, format {newest}; "
            f"this one reads up to {FORMAT}): update evonsfw"
        )
    for key in ("target", "weight", "classifier", "from"):
        if values.get(key):
            values[key] = _found_beside(path.parent, values[key])
    try:
        make_config(values)
    except ValueError as error:
        raise ValueError(f"config {path}: {error}") from None
    return values


def read_parent(path: Path) -> dict[str, Any]:
    """What a config.yaml says of where its run comes from; empty where it began anew.

    Raises:
        ValueError: not such a file.
    """
    parent = read_yaml(path, "config").get("parent")
    return parent if isinstance(parent, dict) else {}


def _found_beside(folder: Path, value: Any) -> Any:
    """The name of a file, or names with commas between them; those in the folder with it."""
    if not isinstance(value, str) or (folder / value).is_file():
        return str(folder / value) if isinstance(value, str) else value
    parts = [part.strip() for part in value.split(",")]
    if not any((folder / part).is_file() for part in parts):
        return value
    return ",".join(str(folder / part) if (folder / part).is_file() else part for part in parts)
