"""The docs say what the program does: flags, files that are linked to, Python examples."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image

from evonsfw.classifier import Classifier
from evonsfw.config import RunConfig

ROOT = Path(__file__).parent.parent
PAGES = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"), *ROOT.glob("*/README.md")])
TABLE = re.compile(r"(?<=<!-- flags -->\n).*?(?=<!-- end of flags -->)", re.DOTALL)


def _flags() -> str:
    """The table of settings, from the fields themselves."""
    rows = ["| flag | `config.yaml` | default | what it says |", "|---|---|---|---|"]
    for name, field in RunConfig.model_fields.items():
        key = field.alias or name
        default = field.get_default()
        shown = " ".join(map(str, default)) if isinstance(default, tuple) else default
        words = f"`{shown}`" if shown not in (None, "") else ""
        flag = f"`--{key.replace('_', '-')}`"
        rows.append(f"| {flag} | `{key}` | {words} | {field.description} |")
    return "\n".join(rows) + "\n"


def test_the_table_of_flags_is_that_of_the_fields(request: pytest.FixtureRequest) -> None:
    page = ROOT / "docs" / "cli.md"
    text = page.read_text(encoding="utf-8")
    if request.config.getoption("--update-golden"):
        text = TABLE.sub(lambda _: _flags(), text)
        page.write_text(text, encoding="utf-8")
    found = TABLE.search(text)
    assert found is not None
    assert found.group() == _flags()


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_files_that_a_page_links_to_are_there(page: Path) -> None:
    links = re.findall(r'(?:\]\(|src=")(?!https?://)([^)#"]+)', page.read_text(encoding="utf-8"))
    missing = [link for link in links if not (page.parent / link).exists()]
    assert missing == []


def test_pages_name_no_machine_and_no_registry_host() -> None:
    text = "\n".join(page.read_text(encoding="utf-8") for page in PAGES)
    assert not re.search(r"/(work|root|home)/", text)


def test_python_examples_of_the_run_folder_page_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import numpy as np

    from evonsfw.config import make_config
    from evonsfw.generation import Champion
    from evonsfw.runs import RunFolder

    monkeypatch.chdir(tmp_path)
    config = make_config({"n": 3, "seed": 1, "size": 32})
    genome = np.full(config.encoding.length, 0.5, np.float32)
    folder = RunFolder(tmp_path, config, "")
    folder.write_picture(folder.best, Champion(genome, 0.0, 0.5, 1))
    page = (ROOT / "docs" / "run-folder.md").read_text(encoding="utf-8")
    example = re.search(r"```python\n(.*?)```", page, re.DOTALL)
    assert example is not None
    exec(compile(example.group(1), "docs/run-folder.md", "exec"), {})
    assert (tmp_path / "poster.png").stat().st_size > 0


def test_the_example_in_python_improves(tmp_path: Path) -> None:
    import runpy

    example = runpy.run_path(str(ROOT / "examples" / "evolve_in_python.py"))
    start = example["main"](1, tmp_path / "start.png")
    assert example["main"](12, tmp_path / "end.png") > start
    assert (tmp_path / "end.png").is_file()


@pytest.mark.parametrize(("name", "least"), [("triangles", 0.99), ("circles", 0.999)])
def test_the_pictures_of_the_readme_score_what_it_says(
    open_nsfw: Classifier, name: str, least: float
) -> None:
    with Image.open(ROOT / "docs" / "images" / f"{name}.png") as image:
        assert open_nsfw.score_image(image)[1] >= least


def _home_after(folder: Path, *arguments: str) -> list[str]:
    """Names of what a call of the program leaves in a home folder that was empty."""
    command = [sys.executable, "-m", "evonsfw", *arguments]
    environment = {**os.environ, "HOME": str(folder), "XDG_CACHE_HOME": str(folder)}
    for name in ("ORT_DISABLE_TELEMETRY", "CI"):  # either would keep telemetry quiet
        environment.pop(name, None)
    subprocess.run(command, env=environment, check=True, capture_output=True, cwd=folder)
    return [path.name for path in folder.rglob("*")]


def test_onnxruntime_leaves_nothing_in_the_home_folder(tmp_path: Path) -> None:
    left = _home_after(tmp_path, "score", str(ROOT / "docs" / "images" / "circles.png"))
    assert not [name for name in left if "onnxruntime" in name]


def test_openvino_leaves_nothing_in_the_home_folder(tmp_path: Path) -> None:
    pytest.importorskip("openvino")
    left = _home_after(tmp_path, "doctor")
    assert not [name for name in left if "intel" in name or "openvino" in name]
