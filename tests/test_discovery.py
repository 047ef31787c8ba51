"""Folders whose files are choices: one new file is one new word, a broken one breaks no other."""

from __future__ import annotations

import itertools
from pathlib import Path

import pytest

from evonsfw.discovery import Folder, nearest

NUMBERS = itertools.count()


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Folder[object]:
    """A package of two good files, a broken one and a private one."""
    package = f"discovered_{next(NUMBERS)}"
    home = tmp_path / package
    home.mkdir()
    files = {
        "__init__": "",
        "round": "WORD = 'round'",
        "very_square": "WORD = 'square'",
        "broken": "this is (",
        "_private": "WORD = 'private'",
    }
    for name, text in files.items():
        (home / f"{name}.py").write_text(text, encoding="utf-8")
    (home / "notes.txt").write_text("not a module", encoding="utf-8")
    monkeypatch.syspath_prepend(tmp_path)
    return Folder(package, "form")


def test_names_import_nothing(folder: Folder[object]) -> None:
    assert folder.names() == ["broken", "round", "very-square"]


def test_a_new_file_is_a_new_word(folder: Folder[object], tmp_path: Path) -> None:
    (tmp_path / folder._package / "new.py").write_text("WORD = 'new'", encoding="utf-8")
    assert "new" in folder.names()
    assert folder.load("new").WORD == "new"


def test_load(folder: Folder[object]) -> None:
    assert folder.load("round").WORD == "round"
    assert folder.load("very-square").WORD == "square"
    assert folder.load("round") is folder.load("round")


def test_a_broken_file_breaks_only_itself(folder: Folder[object]) -> None:
    with pytest.raises(SyntaxError):
        folder.load("broken")
    assert folder.load("round").WORD == "round"
    assert folder.names() == ["broken", "round", "very-square"]


@pytest.mark.parametrize(
    ("word", "hint"),
    [
        ("rond", "did you mean round"),
        ("very_square", "did you mean very-square"),
        ("zzz", "expected one of: broken, round, very-square"),
        ("_private", "unknown form '_private'"),
        ("", "expected one of"),
        ("notes", "unknown form 'notes'"),
        ("../round", "unknown form"),
        ("os.path", "unknown form"),
    ],
)
def test_unknown_words(folder: Folder[object], word: str, hint: str) -> None:
    with pytest.raises(ValueError, match=hint):
        folder.load(word)


def test_nearest() -> None:
    assert nearest("circels", ["triangles", "circles"]) == "did you mean circles?"
    assert nearest("zzz", ["b", "a"]) == "expected one of: a, b"
    many = nearest("zzz", [f"{number:02}" for number in range(20)])
    assert many == "expected one of: " + ", ".join(f"{n:02}" for n in range(12)) + ", …"
    assert "99" in nearest("990", (str(number) for number in range(1000)))
