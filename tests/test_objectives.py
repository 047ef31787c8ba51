"""What every file in evonsfw/objectives/ keeps, and what each means."""

from __future__ import annotations

import sys
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from evonsfw.objectives import (
    Goal,
    is_comparison,
    is_error,
    is_term,
    load_objective,
    objective_names,
)
from evonsfw.objectives.edges import derivatives

SIDE = 8
GOAL = Goal(
    class_index=1,
    class_name="teapot",
    target_score=0.25,
    target=np.random.default_rng(0).integers(0, 256, (SIDE, SIDE, 3), np.uint8),
)
CERTAIN = np.array([[0, 1], [1, 0], [0.5, 0.5], [1 - 1e-7, 1e-7]], np.float32)
every_objective = pytest.mark.parametrize("name", objective_names())
WEIGHTS = np.random.default_rng(1).random((SIDE, SIDE), np.float32)
COMPARISONS = [n for n in objective_names() if is_comparison(n)]
every_comparison = pytest.mark.parametrize("name", COMPARISONS)
every_term = pytest.mark.parametrize("name", [n for n in objective_names() if is_term(n)])
every_plain_term = pytest.mark.parametrize(
    "name", [n for n in objective_names() if is_term(n) and not is_comparison(n)]
)
LABELS = {"likeness": "RMSE", "edges": "edge RMSE", "ssim": "SSIM"}
of_scores = pytest.mark.parametrize(
    "name", [n for n in objective_names() if load_objective(n).NEEDS == "probabilities"]
)


def _observed(name: str, count: int, seed: int = 1) -> np.ndarray:
    """What the objective needs: random pictures or probabilities, the certain ones among them."""
    rng = np.random.default_rng(seed)
    if load_objective(name).NEEDS == "pictures":
        pictures = rng.integers(0, 256, (count, SIDE, SIDE, 3), np.uint8)
        pictures[:1] = GOAL.target
        pictures[1:2] = 255 - GOAL.target
        return pictures
    high = rng.random(count, np.float32)
    probabilities = np.stack([1 - high, high], axis=1)
    probabilities[: len(CERTAIN)] = CERTAIN[:count]
    return probabilities


def _two(scores: Any) -> np.ndarray:
    """(B, 2) probabilities of which the second is the score."""
    p = np.asarray(scores, np.float32)
    return np.stack([1 - p, p], axis=1)


@every_objective
def test_shape_and_finiteness(name: str) -> None:
    objective = load_objective(name).build(GOAL)
    observed = _observed(name, 9)
    for values in (objective.fitness(observed), objective.scores(observed)):
        assert values.shape == (9,)
        assert values.dtype == np.float64
        assert np.all(np.isfinite(values))


@every_objective
@pytest.mark.parametrize("size", [1, 2, 3, 9])
def test_same_value_alone_and_in_any_batch(name: str, size: int) -> None:
    objective = load_objective(name).build(GOAL)
    observed = _observed(name, 9)
    for function in (objective.fitness, objective.scores):
        parts = [function(observed[start : start + size]) for start in range(0, 9, size)]
        np.testing.assert_array_equal(np.concatenate(parts), function(observed))


@every_objective
def test_what_is_observed_stays_as_it_is(name: str) -> None:
    observed = _observed(name, 5)
    before = observed.copy()
    load_objective(name).build(GOAL).fitness(observed)
    np.testing.assert_array_equal(observed, before)


@pytest.mark.parametrize(("name", "sign"), [("highest", 1), ("lowest", -1), ("likeness", -1)])
def test_fitness_and_score_agree_on_what_is_better(name: str, sign: int) -> None:
    objective = load_objective(name).build(GOAL)
    observed = _observed(name, 40)
    scores = objective.scores(observed)[np.argsort(objective.fitness(observed))]
    assert np.all(np.diff(sign * scores) >= 0)


@every_objective
def test_label_and_default_end(name: str) -> None:
    module = load_objective(name)
    label = name if module.NEEDS == "pictures" else "teapot"
    assert module.build(GOAL).label == LABELS.get(name, label)
    assert module.DEFAULT_UNTIL is None or 0 <= module.DEFAULT_UNTIL <= 1


@every_objective
def test_slopes_are_those_of_the_fitness(name: str) -> None:
    """In double precision, and for pictures by whole levels: what a kink comes to is its mean."""
    objective = load_objective(name).build(GOAL)
    rng = np.random.default_rng(3)
    if load_objective(name).NEEDS == "pictures":
        picture = rng.integers(1, 255, (SIDE, SIDE, 3), np.uint8)
        _assert_slopes(objective, picture)
        return
    logits = rng.normal(size=(1, 4))
    steps = 1e-5 * np.eye(4)
    ends = [objective.fitness(_softmax(logits + sign * steps)) for sign in (1, -1)]
    slopes = objective.slopes(_softmax(logits))
    assert slopes.shape == (1, 4)
    assert slopes.dtype == np.float32
    np.testing.assert_allclose(slopes[0], (ends[0] - ends[1]) / 2e-5, rtol=1e-4, atol=1e-6)


@every_comparison
def test_slopes_of_a_target_that_counts_here_and_there(name: str) -> None:
    objective = load_objective(name).build(replace(GOAL, weights=WEIGHTS))
    picture = np.random.default_rng(3).integers(1, 255, (SIDE, SIDE, 3), np.uint8)
    _assert_slopes(objective, picture)
    assert GOAL.target is not None
    np.testing.assert_allclose(objective.slopes(GOAL.target[None]), 0.0, atol=1e-12)


def _assert_slopes(objective: Any, picture: np.ndarray) -> None:
    slopes = objective.slopes(picture[None])[0]
    found = [_difference(objective, picture, place) for place in np.ndindex(picture.shape)]
    assert slopes.shape == picture.shape
    assert slopes.dtype == np.float32
    np.testing.assert_allclose(slopes.ravel(), found, rtol=0.02, atol=2e-6)


def _difference(objective: Any, picture: np.ndarray, place: tuple[int, ...]) -> float:
    more, less = picture.copy(), picture.copy()
    more[place] += 1
    less[place] -= 1
    high, low = objective.fitness(np.stack([more, less]))
    return float(high - low) / 2


def _softmax(logits: np.ndarray) -> np.ndarray:
    powers = np.exp(logits)
    return np.asarray(powers / powers.sum(axis=1, keepdims=True))


@every_term
def test_a_term_is_a_number_that_is_both_fitness_and_score(name: str) -> None:
    """Or an error, of which the fitness is the negative."""
    module = load_objective(name)
    term = module.build(GOAL)
    observed = _observed(name, 7)
    sign = -1.0 if is_error(name) else 1.0
    np.testing.assert_array_equal(term.fitness(observed), sign * term.scores(observed))
    assert module.NEEDS == "pictures"
    assert term.reached(1.5, 1.5)
    assert term.reached(sign * 1.6, sign * 1.5)
    assert not term.reached(sign * 1.4, sign * 1.5)


@every_plain_term
@pytest.mark.parametrize("shape", [(1, 1, 3), (1, 5, 3), (5, 1, 3), (16, 17, 3)])
def test_a_term_takes_any_picture(name: str, shape: tuple[int, int, int]) -> None:
    term = load_objective(name).build(Goal())
    for picture in (np.zeros(shape, np.uint8), np.full(shape, 255, np.uint8)):
        assert np.isfinite(term.fitness(picture[None])[0])
        np.testing.assert_array_equal(term.slopes(picture[None]), 0.0)


def _halves(left: int, right: int, side: int) -> np.ndarray:
    picture = np.full((1, side, side, 3), left, np.uint8)
    picture[:, :, side // 2 :] = right
    return picture


def test_clutter_is_the_length_of_edges() -> None:
    clutter = load_objective("clutter").build(Goal())
    assert clutter.fitness(_halves(9, 9, 64))[0] == 0.0
    one_edge = 1 / (2 * 10)  # a side long, and counted in one of two directions
    assert clutter.fitness(_halves(0, 255, 64))[0] == pytest.approx(one_edge)
    assert clutter.fitness(_halves(0, 255, 256))[0] == pytest.approx(one_edge)
    assert clutter.fitness(_halves(100, 151, 64))[0] == pytest.approx(one_edge / 5)


def test_symmetry_of_mirrored_and_of_opposite_halves() -> None:
    symmetry = load_objective("symmetry").build(Goal())
    half = np.random.default_rng(5).integers(0, 256, (1, 8, 4, 3), np.uint8)
    assert symmetry.fitness(np.concatenate([half, half[:, :, ::-1]], axis=2))[0] == 1.0
    assert symmetry.fitness(_halves(0, 255, 8))[0] == 0.0
    assert symmetry.fitness(_halves(0, 51, 8))[0] == pytest.approx(0.8)


def test_colourfulness_by_hand() -> None:
    """Of a picture that is red on one side and blue on the other: rg is 255 and 0, yb is 127.5
    and -255, so sigma is (127.5, 191.25) and mu is (127.5, -63.75).
    """
    colourfulness = load_objective("colourfulness").build(Goal())
    picture = np.zeros((1, 4, 4, 3), np.uint8)
    picture[:, :, :2, 0] = picture[:, :, 2:, 2] = 255
    expected = (np.hypot(127.5, 191.25) + 0.3 * np.hypot(127.5, 63.75)) / 255
    assert colourfulness.fitness(picture)[0] == pytest.approx(expected)
    assert colourfulness.fitness(_halves(3, 200, 8))[0] == 0.0


@of_scores
def test_scores_are_the_probabilities_of_the_class(name: str) -> None:
    observed = np.array([[0.1, 0.2, 0.7], [0.5, 0.25, 0.25]], np.float32)
    scores = load_objective(name).build(GOAL).scores(observed)
    np.testing.assert_array_equal(scores, observed[:, 1].astype(float))


def test_highest_and_lowest_mirror_each_other() -> None:
    observed = _observed("highest", 12)
    high = load_objective("highest").build(GOAL).fitness(observed)
    low = load_objective("lowest").build(GOAL).fitness(observed)
    np.testing.assert_array_equal(high, -low)


def test_highest_and_lowest_are_strictly_monotonic() -> None:
    observed = _two(np.linspace(0, 1, 101))
    assert np.all(np.diff(load_objective("highest").build(GOAL).fitness(observed)) > 0)
    assert np.all(np.diff(load_objective("lowest").build(GOAL).fitness(observed)) < 0)


@pytest.mark.parametrize("target", [0.0, 1e-6, 0.25, 0.5, 0.75, 1.0])
def test_target_score_is_best_on_target_and_falls_away_from_it(target: float) -> None:
    objective = load_objective("target-score").build(Goal(class_index=1, target_score=target))
    below = objective.fitness(_two(np.linspace(0, target, 50)))
    above = objective.fitness(_two(np.linspace(target, 1, 50)))
    assert np.all(np.diff(below) >= 0)
    assert np.all(np.diff(above) <= 0)
    assert objective.fitness(_two([target]))[0] == pytest.approx(0.0, abs=1e-6)


pictures = hnp.arrays(np.uint8, (2, SIDE, SIDE, 3))


@settings(deadline=None)
@given(pictures)
def test_likeness_is_the_root_mean_square_error(both: np.ndarray) -> None:
    objective = load_objective("likeness").build(Goal(target=both[0]))
    exact = np.sqrt(np.mean((both[1].astype(float) - both[0].astype(float)) ** 2))
    assert objective.scores(both)[0] == 0.0
    assert objective.scores(both)[1] == pytest.approx(exact)
    assert objective.fitness(both)[1] == -objective.scores(both)[1]


def test_likeness_of_black_and_white() -> None:
    objective = load_objective("likeness").build(Goal(target=np.zeros((4, 4, 3), np.uint8)))
    assert objective.scores(np.full((1, 4, 4, 3), 255, np.uint8))[0] == 255.0


def test_likeness_where_only_some_pixels_count() -> None:
    """Errors of 3, 4 and 100 at weights of 2, 1 and 0."""
    target = np.zeros((1, 3, 3), np.uint8)
    picture = target.copy()
    picture[0, :, 1] = (3, 4, 100)
    goal = Goal(target=target, weights=np.array([[2.0, 1.0, 0.0]], np.float32))
    found = load_objective("likeness").build(goal).scores(picture[None])[0]
    assert found == pytest.approx(np.sqrt((2 * 9 + 16) / (3 * 3)), rel=1e-15)


@every_comparison
def test_what_does_not_count_may_be_anything(name: str) -> None:
    """Far enough away for windows; the best there is, at the target itself."""
    rng = np.random.default_rng(6)
    target = rng.integers(0, 256, (12, 24, 3), np.uint8)
    weights = np.zeros((12, 24), np.float32)
    weights[:, :8] = 0.5
    other = target.copy()
    other[:, 14:] = rng.integers(0, 256, (12, 10, 3))
    objective = load_objective(name).build(Goal(target=target, weights=weights))
    np.testing.assert_allclose(objective.fitness(other[None]), load_objective(name).OPTIMUM)
    assert objective.fitness(255 - other[None]) < objective.fitness(other[None])


@every_comparison
def test_equal_weights_are_no_weights(name: str) -> None:
    even = np.full((SIDE, SIDE), 0.25, np.float32)
    with_weights = load_objective(name).build(replace(GOAL, weights=even))
    without = load_objective(name).build(GOAL)
    observed = _observed(name, 5)
    np.testing.assert_allclose(with_weights.fitness(observed), without.fitness(observed))
    np.testing.assert_allclose(
        with_weights.slopes(observed), without.slopes(observed), rtol=1e-5, atol=1e-9
    )


@every_comparison
def test_the_target_itself_has_the_highest_fitness_and_no_slope(name: str) -> None:
    objective = load_objective(name).build(GOAL)
    observed = _observed(name, 9)
    fitness = objective.fitness(observed)
    assert fitness[0] == load_objective(name).OPTIMUM
    assert np.all(fitness[1:] < fitness[0])
    np.testing.assert_allclose(objective.slopes(observed[:1]), 0.0, atol=1e-12)


def test_ssim_is_that_of_scikit_image() -> None:
    metrics = pytest.importorskip("skimage.metrics")
    objective = load_objective("ssim").build(GOAL)
    observed = _observed("ssim", 6)
    exact = [
        metrics.structural_similarity(GOAL.target, picture, channel_axis=2, data_range=255)
        for picture in observed
    ]
    np.testing.assert_allclose(objective.scores(observed), exact, rtol=1e-12)


def test_ssim_of_flat_pictures_is_that_of_their_means() -> None:
    """Equation 6 of the paper: no contrast, no pattern."""
    target, picture = (np.full((8, 8, 3), level, np.uint8) for level in (50, 200))
    found = load_objective("ssim").build(Goal(target=target)).scores(picture[None])[0]
    steady = 2.55**2
    assert found == pytest.approx((2 * 50 * 200 + steady) / (50**2 + 200**2 + steady), rel=1e-9)


def test_ssim_without_scikit_image_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "skimage.metrics", None)
    with pytest.raises(ValueError, match=r"pip install 'evonsfw\[instruments\]'$") as caught:
        load_objective("ssim").build(GOAL)
    assert "\n" not in str(caught.value)


def test_edges_of_an_upright_step() -> None:
    """From black to 100 against black alone: of six inner columns two differ, by 100, across."""
    target = np.zeros((8, 8, 3), np.uint8)
    picture = target.copy()
    picture[:, 4:] = 100
    objective = load_objective("edges").build(Goal(target=target))
    expected = np.sqrt(2 / 6 * 100**2 / 2)
    found = objective.scores(np.stack([picture, picture.transpose(1, 0, 2)]))
    np.testing.assert_allclose(found, expected)
    assert objective.scores(np.full((1, 8, 8, 3), 77, np.uint8))[0] == pytest.approx(0.0, abs=1e-9)


def test_edges_are_those_of_scikit_image() -> None:
    filters = pytest.importorskip("skimage.filters")
    luma = np.random.default_rng(2).random((9, 7)) * 255
    across, down = derivatives(luma)
    np.testing.assert_allclose(across, filters.sobel_v(luma)[1:-1, 1:-1], atol=1e-9)
    np.testing.assert_allclose(down, filters.sobel_h(luma)[1:-1, 1:-1], atol=1e-9)


@pytest.mark.parametrize(("name", "border"), [("edges", 1), ("ssim", 3)])
def test_weights_on_the_border_alone(name: str, border: int) -> None:
    weights = np.zeros((SIDE, SIDE), np.float32)
    weights[:border] = 1.0
    with pytest.raises(ValueError, match=f"a border of {border} pixel") as caught:
        load_objective(name).build(replace(GOAL, weights=weights))
    assert "--weight" in str(caught.value)


@pytest.mark.parametrize(
    ("name", "score", "until", "reached"),
    [
        ("highest", 0.99, 0.99, True),
        ("highest", 0.9899, 0.99, False),
        ("lowest", 0.001, 0.001, True),
        ("lowest", 0.0011, 0.001, False),
        ("target-score", 0.2505, 0.001, True),
        ("target-score", 0.2495, 0.001, True),
        ("target-score", 0.252, 0.001, False),
        ("target-score", 0.248, 0.001, False),
        ("likeness", 4.0, 4.0, True),
        ("likeness", 4.1, 4.0, False),
    ],
)
def test_reached(name: str, score: float, until: float, reached: bool) -> None:
    assert load_objective(name).build(GOAL).reached(score, until) is reached


@pytest.mark.parametrize(
    ("name", "flag"),
    [*((name, "--target PICTURE") for name in COMPARISONS), ("target-score", "--target-score")],
)
def test_a_missing_goal_names_its_flag(name: str, flag: str) -> None:
    with pytest.raises(ValueError, match=flag):
        load_objective(name).build(Goal())


def test_an_unknown_objective() -> None:
    with pytest.raises(ValueError, match="did you mean highest"):
        load_objective("higest")


@settings(deadline=None)
@given(st.floats(0, 1), st.floats(0, 1))
def test_target_score_prefers_the_nearer_on_one_side(target: float, score: float) -> None:
    objective = load_objective("target-score").build(Goal(class_index=1, target_score=target))
    halfway = (target + score) / 2
    far, near = objective.fitness(_two([score, halfway]))
    assert near >= far
