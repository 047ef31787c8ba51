"""What each shape contributes, against leaving each out by hand."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from evonsfw.contribution import BATCH, contributions
from evonsfw.fewer import without
from evonsfw.genome import Encoding
from evonsfw.model_spec import read_spec
from evonsfw.objectives import Goal
from evonsfw.pipeline import Job, Pipeline

CANVAS = (48, 32)


def _pipeline(model: Path, encoding: Encoding) -> Pipeline:
    spec = read_spec(str(model))
    return Pipeline(Job(encoding, CANVAS, "highest", Goal(class_index=0), spec))


@pytest.mark.parametrize("n", [1, BATCH - 1, BATCH, 2 * BATCH + 1])
def test_it_is_the_score_without_a_shape_minus_the_score_with_it(
    n: int, tiny_model: Callable[..., Path]
) -> None:
    encoding = Encoding(("triangles",), n)
    genome = np.random.default_rng(n).random(encoding.length, np.float32)
    pipeline = _pipeline(tiny_model(), encoding)
    found = contributions(pipeline, genome, encoding, CANVAS)
    whole = pipeline.evaluate(genome[None]).scores[0]
    assert found is not None
    assert len(found) == n
    for row, value in enumerate(found):
        if n > 1:
            fewer = replace(encoding, n=n - 1)
            job = replace(pipeline._job, encoding=fewer)
            alone = pipeline.with_job(job).evaluate(without(encoding, genome, [row])[None])
            assert value == alone.scores[0] - whole
    assert any(found)


def test_a_mix_keeps_what_the_other_shapes_are(tiny_model: Callable[..., Path]) -> None:
    """Where opacity can be 0, a shape without any is a shape left out."""
    encoding = Encoding(("circles", "triangles"), 5, alpha=(0.0, 1.0))
    genome = np.random.default_rng(1).random(encoding.length, np.float32)
    pipeline = _pipeline(tiny_model(), encoding)
    found = contributions(pipeline, genome, encoding, CANVAS)
    clear = np.tile(genome, (6, 1))
    for row in range(5):
        encoding.rows(clear[row + 1])[row, -1] = 0.0
    scores = pipeline.evaluate(clear).scores
    assert found == tuple(scores[1:] - scores[0])


def test_it_can_be_given_up(tiny_model: Callable[..., Path]) -> None:
    encoding = Encoding(("circles",), 40)
    genome = np.random.default_rng(1).random(encoding.length, np.float32)
    done: list[int] = []

    def heard(count: int) -> bool:
        done.append(count)
        return len(done) < 2

    assert contributions(_pipeline(tiny_model(), encoding), genome, encoding, CANVAS, heard) is None
    assert done == [BATCH - 1, 2 * BATCH - 1]
