"""Expressions: what they are read as, what they come to, and what is none."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evonsfw.expression import Look, parse

NAMES = {"a": 1.5, "b": -2.25, "c": 0.125}
numbers = st.integers(0, 40).map(lambda quarter: quarter / 4)
trees: st.SearchStrategy[str] = st.recursive(
    st.sampled_from(sorted(NAMES)) | numbers.map(str),
    lambda inner: st.one_of(
        st.tuples(inner, st.sampled_from("+-"), inner).map(" ".join),
        st.tuples(numbers.map(str), inner).map(lambda p: f"{p[0]}*({p[1]})"),
        st.tuples(inner, numbers.map(lambda n: str(n + 1))).map(lambda p: f"({p[0]})/{p[1]}"),
        inner.map(lambda one: f"-({one})"),
        st.lists(inner, min_size=2, max_size=3).map(lambda parts: f"min({', '.join(parts)})"),
    ),
    max_leaves=8,
)


@settings(deadline=None)
@given(trees)
def test_expressions_come_to_what_python_says(text: str) -> None:
    expected = eval(text, {"min": min}, NAMES)  # made above, of nothing else
    tree = parse(text + " + a - a")
    seen = {look: NAMES[look.name] for look in tree.looks()}
    assert tree.value(seen) == pytest.approx(expected, rel=1e-9, abs=1e-6)
    both = {look: np.array([0.0, value]) for look, value in seen.items()}
    assert tree.value(both)[1] == pytest.approx(expected, rel=1e-9, abs=1e-6)


@settings(deadline=None)
@given(trees)
def test_weights_are_the_slopes_of_the_value(text: str) -> None:
    tree = parse(text + " + a - a")
    rng = np.random.default_rng(len(text))
    seen = {look: float(rng.normal()) for look in tree.looks()}
    step = 1e-7
    for look, value in seen.items():
        ends = [tree.value({**seen, look: value + sign * step}) for sign in (1, -1)]
        slope = (ends[0] - ends[1]) / (2 * step)
        weight = tree.weights(seen).get(look, 0.0)
        assert weight == pytest.approx(slope, rel=1e-3, abs=1e-2)


def _outcome(text: str) -> tuple[list[Look], str]:
    """What is looked at, or why it is no expression."""
    try:
        return parse(text).looks(), ""
    except ValueError as error:
        return [], str(error)


@settings(deadline=None, max_examples=300)
@given(st.text(alphabet="ab1.e+-*/(),:\"' \n€p", max_size=20) | st.text(max_size=20))
def test_any_text_is_an_expression_or_one_line(text: str) -> None:
    looks, problem = _outcome(text)
    assert bool(looks) != problem.startswith("expression ")
    assert len(problem.splitlines()) == (not looks)
    assert len(problem) < 300


@pytest.mark.parametrize(
    ("text", "looks"),
    [
        ("nsfw", [Look("nsfw")]),
        ("logit(nsfw)+logit(sfw)", [Look("nsfw", "logit"), Look("sfw", "logit")]),
        ("p(cat)", [Look("cat", "p")]),
        ('logit("tabby cat")', [Look("tabby cat", "logit", quoted=True)]),
        ("other:cat", [Look("cat", model="other", quoted=True)]),
        ("'yolo-8':\"tabby cat\"", [Look("tabby cat", model="yolo-8", quoted=True)]),
        ("p(other:cat)", [Look("cat", "p", "other", True)]),
        ("'clutter' - clutter", [Look("clutter", quoted=True), Look("clutter")]),
        ("min(a, 3, min(b, a))", [Look("a"), Look("b")]),
        ("2*logit - p", [Look("logit"), Look("p")]),
    ],
)
def test_looks(text: str, looks: list[Look]) -> None:
    assert parse(text).looks() == looks


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "it ends too early: expected a class"),
        ("nsfw - 0.5*", "it ends too early"),
        ("nsfw -* 2", "found '*': expected a class, a picture term or a number"),
        ("nsfw clutter", "found 'clutter': expected +, -, * or /"),
        ("0.5nsfw", "found 'nsfw'"),
        ("(nsfw", "it ends too early: expected ')'"),
        ("nsfw)", "found ')'"),
        ("3 + 4", "depends on the picture"),
        ("min(1, 2)", "depends on the picture"),
        ("nsfw * sfw", "only a number may multiply"),
        ("1 / nsfw", "only a number other than 0 may divide"),
        ("nsfw / 0", "only a number other than 0 may divide"),
        ("nsfw / (1 - 1)", "only a number other than 0 may divide"),
        ("min(nsfw)", "two or more"),
        ("logti(nsfw)", "unknown function 'logti': did you mean logit?"),
        ("max(nsfw, sfw)", "unknown function 'max': expected one of: logit, min, p"),
        ("p(nsfw + sfw)", "found '+': expected ')'"),
        ("p(3)", "found '3'"),
        ("nsfw & sfw", "'&' has no meaning"),
        ('logit("cat)', "has no meaning"),
        ("a:b:c", "found ':'"),
        ("nsfw * 1e999", "come to more than 1e+09"),
        ("nsfw * 1e6 * 1e6", "come to more than 1e+09"),
        ("nsfw / 1e-300", "come to more than 1e+09"),
        ("nsfw * 1e6 * min(1e6, 1e6*sfw)", "only a number may multiply"),
        ("1e6 * min(1e6, 1e6*sfw)", "come to more than 1e+09"),
        ("(" * 41 + "a" + ")" * 41, "within each other"),
        ("-" * 900 + "a", "within each other"),
        ("a + " * 400 + "a", "expected at most 1000"),
    ],
)
def test_what_is_no_expression(text: str, words: str) -> None:
    with pytest.raises(ValueError, match="expression") as caught:
        parse(text)
    assert words in str(caught.value)
    assert len(str(caught.value).splitlines()) == 1


def test_a_long_sum_is_no_deep_one() -> None:
    assert parse("a+" * 499 + "a").value({Look("a"): 2.0}) == 1000.0
