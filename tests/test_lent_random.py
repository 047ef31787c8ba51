"""A random state of one's own: lent, given back, kept and restored."""

from __future__ import annotations

import random

import numpy as np

from evonsfw.lent_random import LentRandom


def _draws(lent: LentRandom) -> list[float]:
    with lent.lent():
        return [random.random(), random.gauss(0.0, 1.0), float(random.randrange(1000))]


def test_what_is_lent_is_given_back() -> None:
    one, two = (LentRandom(np.random.default_rng(seed)) for seed in (1, 2))
    random.seed(3)
    expected = random.Random(3).random()
    with one.lent():
        first = random.random()
        _draws(two)
        second = random.random()
    assert random.random() == expected
    with (again := LentRandom(np.random.default_rng(1))).lent():
        assert [random.random(), random.random()] == [first, second]
    assert _draws(again) == _draws(one)


def test_it_goes_on_from_its_state_and_from_that_of_a_former_version() -> None:
    one = LentRandom(np.random.default_rng(4))
    _draws(one)
    version, words, gauss = one.state()
    expected = _draws(one)
    for kept in (words, list(words), np.array(words, np.uint64)):
        other = LentRandom(np.random.default_rng(5))
        other.restore([version, kept, gauss])
        assert _draws(other) == expected
