"""likes.yaml: what is liked stays liked, and what is no such file is told in one line."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from evonsfw.likes import LIKES, Like, all_likes, read_likes, toggle_like

FIRST = Like(42, 0.25, "a" * 64)
SECOND = Like(7, 0.5, "b" * 64)
OTHER = Like(42, 0.125, "c" * 64, "saved_00042-c.png")


def test_without_a_file_nothing_is_liked(tmp_path: Path) -> None:
    assert read_likes(tmp_path) == []
    assert all_likes(tmp_path) == []


def test_likes_are_listed_in_the_order_of_liking(tmp_path: Path) -> None:
    assert all(toggle_like(tmp_path, like) for like in (FIRST, SECOND, OTHER))
    assert all_likes(tmp_path) == [FIRST, SECOND, OTHER]
    assert read_likes(tmp_path) == [7, 42]


def test_a_second_time_takes_a_like_away(tmp_path: Path) -> None:
    toggle_like(tmp_path, FIRST)
    toggle_like(tmp_path, SECOND)
    assert not toggle_like(tmp_path, FIRST._replace(generation=43))
    assert all_likes(tmp_path) == [SECOND]
    assert not toggle_like(tmp_path, SECOND)
    assert all_likes(tmp_path) == []


def test_a_person_can_read_the_file(tmp_path: Path) -> None:
    toggle_like(tmp_path, FIRST)
    toggle_like(tmp_path, OTHER)
    assert yaml.safe_load((tmp_path / LIKES).read_text()) == [
        {"generation": 42, "score": 0.25, "genome_sha256": "a" * 64},
        {
            "generation": 42,
            "score": 0.125,
            "genome_sha256": "c" * 64,
            "picture": "saved_00042-c.png",
        },
    ]


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("[", "plain YAML"),
        ("a: 1", "expected a list"),
        ("", "expected a list"),
        ("- 3", "entry 1"),
        ("- generation: yes\n  genome_sha256: a", "whole number above 0"),
        ("- generation: 0\n  genome_sha256: a", "whole number above 0"),
        ("- generation: 3", "genome_sha256"),
        ("- {generation: 3, genome_sha256: a, score: b}", "score"),
        ("- {generation: 3, genome_sha256: a, picture: ../a.png}", "picture"),
        ("- !!python/object/apply:os.getcwd []", "plain YAML"),
        ("- !!map [a]", "plain YAML"),
        ("- !!bool x", "plain YAML"),
        ("- 2024-99-99", "plain YAML"),
        ("[" * 3000, "plain YAML"),
        ("- {generation: 3, generation: 4}", "plain YAML"),
    ],
)
def test_a_damaged_file_is_told_and_stays(tmp_path: Path, text: str, word: str) -> None:
    (tmp_path / LIKES).write_text(text)
    with pytest.raises(ValueError, match=word) as caught:
        read_likes(tmp_path)
    assert str(tmp_path / LIKES) in str(caught.value)
    assert "\n" not in str(caught.value)
    with pytest.raises(ValueError, match=word):
        toggle_like(tmp_path, FIRST)
    assert (tmp_path / LIKES).read_text() == text
