"""Imports point downward only; files stay short; a folder's `__init__` names none of its files."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

import evonsfw

PACKAGE = Path(evonsfw.__file__).parent
GROUND = (
    (
        "discovery",
        "colour",
        "compiled",
        "whole_file",
        "display",
        "lent_random",
        "telling",
        "kriging",
    ),
    ("margin", "cores", "heat", "coarse", "resampling", "inline_page", "adam", "prior", "lanes"),
    ("variants",),
    ("ticks", "series_index"),
    (
        "shapes",
        "strict_yaml",
        "expression",
        "backward_graph",
        "front_plot",
        "scales",
        "curve_plot",
        "patches",
    ),
    ("stretched",),
    ("shapes.*", "genome", "pictures", "model_spec", "jpeg_transforms", "tiles", "trials"),
    (
        "cells",
        "page_source",
        "board",
        "records",
        "spelling",
        "likes",
        "moment",
        "vector",
        "feeding",
        "labelled_folder",
        "proposals",
    ),
    ("crossings", "backward_windows", "score_table", "proposals", "nudges"),
    ("jpeg", "composition", "raster", "objectives", "search", "exporters", "logbook"),
    ("ort_session", "backward_rules", "raster_gradient", "objectives.*", "observed"),
    ("brush", "strips", "video", "gif_blocks", "palette", "past", "keyframes", "interpolation"),
    ("layout", "score_graph", "shape_table"),
    (
        "portrait",
        "preparation",
        "generation",
        "backends",
        "gradient",
        "composite",
        "film",
        "gallery",
    ),
    ("division", "joint_colours"),
    ("refinement", "several", "variation", "moves", "graph", "weighing", "figures", "sheet"),
    ("growth", "backends.*", "wishes", "views", "live", "ranking"),
    ("config", "classifier", "layers", "plate", "improvement"),
    ("exactness", "whole_score"),
    ("pipeline", "provenance", "recipe", "scorers", "findings", "insight"),
    ("quantity", "looks", "truncated", "fourier", "cppn"),
    (
        "crew",
        "scene",
        "contribution",
        "agreement",
        "page",
        "subject",
        "probe",
        "aim",
        "nearest_change",
    ),
    ("evaluation", "painter", "weigher", "folder_scores", "picture_like"),
    ("controls",),
)
"""Ground floor, lowest first: a module imports modules of lower rows only."""
WINGS = (
    *("search.*", "exporters.*", "insight.*", "runs", "window", "progress", "scoring", "diagnosis"),
)
"""A wing imports from the ground floor only."""
TOP = (
    (
        "evolution",
        "chronicle",
        "recorder",
        "curves_tables",
        "saliency_plates",
        "frames_film",
        "credit_plate",
        "occlusion_plates",
        "explanation",
    ),
    ("ends", "curves_page", "saliency_maps", "dreaming", "explaining", "inverting", "exciting"),
    ("stage", "folder_curves", "comparing"),
    ("climbing", "front", "reference"),
    ("fewer", "founding"),
    ("fewest", "ladder"),
    ("viewing",),
    ("launch",),
    ("export", "verification", "series", "showing", "evolving"),
    ("flags", "commands", "api"),
    ("explain",),
    ("commands.*",),
    ("cli",),
    ("__main__",),
)
"""Above the wings, lowest first."""
EXCEPTIONS = {
    ("search.auto", "search.memetic"): "it is that, with one climber",
    ("runs", "exporters.png"): "the picture that was scored is the picture that is saved",
}
PICTURES = ("raster", "classifier", "preparation", "pictures")


def _name(path: Path) -> str:
    """A file's dotted name below evonsfw; "" for evonsfw itself."""
    parts = list(path.relative_to(PACKAGE).with_suffix("").parts)
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


FILES = {_name(path): path for path in sorted(PACKAGE.rglob("*.py"))}
TREES = {name: ast.parse(path.read_text(encoding="utf-8")) for name, path in FILES.items()}
FOLDERS = sorted(name for name, path in FILES.items() if path.name == "__init__.py" and name)


def _nodes(tree: ast.AST, lazy: bool) -> Iterator[ast.AST]:
    """Every node outside `if TYPE_CHECKING`; those inside functions only where `lazy`."""
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test):
            continue
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and not lazy:
            continue
        yield node
        yield from _nodes(node, lazy)


def _all_imports(name: str, lazy: bool = True) -> set[str]:
    """Dotted names that a module imports, as they are written."""
    found: set[str] = set()
    for node in _nodes(TREES[name], lazy):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        if isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{name}: relative import"
            found.add(str(node.module))
            found |= {f"{node.module}.{alias.name}" for alias in node.names}
    return found


def _imports(name: str, lazy: bool = True) -> set[str]:
    """The modules of evonsfw that a module imports, itself and evonsfw's version left out."""
    inside = {module.removeprefix("evonsfw.") for module in _all_imports(name, lazy)}
    return {module for module in inside if module in FILES and module not in ("", name)}


def _row(name: str) -> str:
    """The entry of the tables above that a module is: its name, or its folder's "folder.*"."""
    folder = name.rpartition(".")[0]
    return f"{folder}.*" if folder else name


def _floor(name: str) -> int:
    """Height: 0 and up for the ground floor, 100 for wings, above for the top."""
    row = _row(name)
    for height, floor in enumerate(GROUND):
        if row in floor:
            return height
    if row in WINGS:
        return 100
    for height, floor in enumerate(TOP, start=101):
        if row in floor:
            return height
    pytest.fail(f"evonsfw/{name}: give it a floor in tests/test_architecture.py")


def _closure(name: str) -> set[str]:
    """All that importing a module brings in, from evonsfw."""
    seen: set[str] = set()
    left = [name]
    while left:
        module = left.pop()
        if module not in seen:
            seen.add(module)
            left += [*_imports(module, lazy=False), module.rpartition(".")[0] or module]
    return seen


@pytest.mark.parametrize("name", [name for name in FILES if name])
def test_imports_point_downward(name: str) -> None:
    allowed = {other for module, other in EXCEPTIONS if module == name}
    floor = _floor(name)
    wrong = [other for other in _imports(name) - allowed if not _floor(other) < floor]
    assert not wrong, f"{name} imports {wrong}: up, or across"


def test_the_package_itself_imports_nothing_of_weight() -> None:
    assert _all_imports("") == {"os"}


@pytest.mark.parametrize(("module", "other"), sorted(EXCEPTIONS))
def test_exceptions_are_still_needed(module: str, other: str) -> None:
    assert other in _imports(module)
    assert _floor(other) >= _floor(module)


def test_no_cycle_at_module_level() -> None:
    left = {name: _imports(name, lazy=False) for name in FILES}
    while ready := {name for name, imports in left.items() if not imports & left.keys()}:
        left = {name: imports for name, imports in left.items() if name not in ready}
    assert not left, f"these import each other in a circle: {sorted(left)}"


@pytest.mark.parametrize("row", [row for floor in GROUND for row in floor] + list(WINGS))
def test_every_row_of_the_tables_exists(row: str) -> None:
    assert any(_row(name) == row for name in FILES)


@pytest.mark.parametrize("name", FILES)
def test_files_are_short(name: str) -> None:
    assert len(FILES[name].read_text(encoding="utf-8").splitlines()) <= 400


@pytest.mark.parametrize("folder", FOLDERS)
def test_a_folder_names_none_of_its_files(folder: str) -> None:
    """Adding a shape, a search, … needs one new file, no edit of an `__init__`."""
    words = {name.rpartition(".")[2] for name in FILES if name.startswith(folder + ".")}
    assert words
    said = set()
    for node in ast.walk(TREES[folder]):
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load):
            said.add(node.id)
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            said.add(node.value.replace("-", "_"))
    said |= {module.rpartition(".")[2] for module in _all_imports(folder)}
    assert not words & said


@pytest.mark.parametrize("name", [name for name in FILES if name.startswith("search")])
def test_searches_know_numbers_never_pictures(name: str) -> None:
    brought = _closure(name)
    assert not brought & set(PICTURES)
    assert not any(
        module.split(".")[0] == "PIL" for other in brought for module in _all_imports(other)
    )


@pytest.mark.parametrize("name", [name for name in FILES if name != "window"])
def test_only_the_window_knows_pygame(name: str) -> None:
    assert not any(module.split(".")[0] == "pygame" for module in _all_imports(name))
    assert name in ("cli", "launch", "__main__") or "window" not in _closure(name)
