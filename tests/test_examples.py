"""Every example runs, with small settings, and says and leaves what it should."""

from __future__ import annotations

import re
import runpy
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from evonsfw import explain

ROOT = Path(__file__).parent.parent
FOLDER = ROOT / "examples"


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Run an example in an empty folder; its names."""
    monkeypatch.chdir(tmp_path)

    def example(name: str, *arguments: str) -> dict[str, Any]:
        monkeypatch.setattr(sys, "argv", [name, *arguments])
        return runpy.run_path(str(FOLDER / f"{name}.py"))

    return example


def files() -> list[str]:
    return sorted(path.name for path in Path().iterdir())


def test_score_pictures(run: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    Image.new("RGB", (40, 30), "green").save(tmp_path / "green.png")
    names = run("score_pictures", "green.png")
    assert len(set(names["scores"].values())) == 3
    assert "green.png: nsfw 0." in capsys.readouterr().out


def test_evolve_circles(run: Any) -> None:
    names = run("evolve_circles", "12", "0.2")
    assert names["evolved"].score >= 0.2
    assert files() == ["circles.json", "circles.png", "circles.svg"]


def test_explain_picture(run: Any) -> None:
    names = run("explain_picture", "4", "0.02")
    assert files() == ["gradcam.npy", "gradcam.png", "shapes.npy", "shapes.png"]
    assert names["covered"].found.scorings == 19
    shares = names["shares"].found
    total = names["evolved"].score - shares.background
    assert shares.shapley.sum() == pytest.approx(total, abs=1e-5)


def test_dream_of_circles(run: Any) -> None:
    names = run("dream_of_circles", "1")
    assert files() == ["dream.npy", "dream.png", "pattern.npy", "pattern.png"]
    assert not np.array_equal(names["dreamt"].picture, names["picture"])


def test_invert_picture(run: Any) -> None:
    names = run("invert_picture", "3")
    assert files() == ["hills_changed.npy", "hills_changed.png"]
    assert names["inverted"].after > names["score"]
    assert names["limited"].found.linf <= 2 / 255


def test_every_example_is_tested_and_listed() -> None:
    readme = (FOLDER / "README.md").read_text(encoding="utf-8")
    tests = Path(__file__).read_text(encoding="utf-8")
    tests += (ROOT / "tests" / "test_docs.py").read_text(encoding="utf-8")
    for path in FOLDER.glob("*.py"):
        assert f"({path.name})" in readme
        assert f'"{path.stem}"' in tests or f'"{path.name}"' in tests


def test_the_pages_of_python_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    page = (ROOT / "docs" / "python.md").read_text(encoding="utf-8")
    blocks = re.findall(r"```python\n(.*?)```", page, re.DOTALL)
    names: dict[str, Any] = {}
    for block in blocks:
        exec(compile(block, "docs/python.md", "exec"), names)
    assert len(blocks) == 6
    assert names["evolved"].score >= 0.3
    assert sorted(names["classifier"].scores(names["picture"])) == ["nsfw", "sfw"]
    assert {"circles.svg", "places.png", "changed.png", "dream.png"} <= set(files())


def test_every_instrument_of_explain_is_listed() -> None:
    page = (ROOT / "docs" / "python.md").read_text(encoding="utf-8")
    for name in explain.__all__:
        assert (
            f"`{name}" in page or name in ("Compared", "Explanation") or f"explain.{name}" in page
        )
