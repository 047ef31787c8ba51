"""Instruments that score thousands of crops by any backend: what is its, what the reference's."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from conftest import drawn
from PIL import Image
from program import Call, assert_refused

from evonsfw import evolve, explain
from evonsfw.backends import Inputs, Network, cuda, int8, load_backend
from evonsfw.classifier import REFERENCE, Classifier, backend_for, describe, file_for
from evonsfw.commands import BACKEND
from evonsfw.explanation import Explanation
from evonsfw.preparation import Pictures
from evonsfw.scorers import BATCH, BATCHES, Scorers, ScoringError

Make = Callable[..., Path]
PICTURE = np.asarray(drawn(24, 20))
SLIDING = explain.Sliding(window=8, stride=4)
NEAR = {"int8": 0.03, "openvino": 0.03, "cuda": 1e-5}


@pytest.fixture(autouse=True)
def _cache(int8_cache: Path) -> None:
    """Quantised models are kept in this session's own cache."""


@pytest.fixture(params=["int8", "openvino", "cuda"])
def backend(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Two of the CPU, and a GPU's own code on what every machine has."""
    name: str = request.param
    if name == "openvino":
        pytest.importorskip("openvino")
    if name == "cuda":
        monkeypatch.setattr(cuda, "PROVIDER", "CPUExecutionProvider")
        monkeypatch.setattr(cuda, "MEMORY", "cpu")
        monkeypatch.setattr(cuda, "missing", lambda: None)
    return name


@pytest.fixture
def halved(monkeypatch: pytest.MonkeyPatch) -> str:
    """A backend whose scores are half of the reference's."""

    def open_network(*how: Any) -> Network:
        network = load_backend(REFERENCE).open_network(*how)
        return lambda inputs: network(inputs) / 2

    monkeypatch.setattr(int8, "open_network", open_network)
    monkeypatch.setattr(int8, "model_file", lambda spec: spec.path)
    return "int8"


def _pictures(count: int) -> list[Pictures]:
    random = np.random.default_rng(count)
    sides = random.integers(2, 40, (count, 2))
    return [random.integers(0, 256, (a, b, 3), dtype=np.uint8) for a, b in sides]


def _instruments(model: Path, **how: Any) -> Iterator[Explanation[Any]]:
    """Each of the three."""
    yield explain.occlusion(PICTURE, str(model), "red", SLIDING, **how)
    yield explain.compare(PICTURE, PICTURE[::-1], str(model), None, "red", SLIDING, **how)
    evolved = evolve(
        classifier=str(model), shapes="circles", n=3, size=16, seed=1, class_="red", generations=2
    )
    yield explain.shapes(evolved, **how)


def _figures(found: Explanation[Any]) -> dict[str, str]:
    return dict(found.findings.plate.figures)


@pytest.mark.parametrize("workers", [1, 2, 3])
def test_scores_are_the_backends_in_order(tiny_model: Make, backend: str, workers: int) -> None:
    spec = describe(str(tiny_model()))
    pictures = _pictures(2 * BATCH + 3)
    with Scorers(spec, workers, backend) as scorers:
        assert scorers.backend == backend
        found = np.array(list(scorers.probabilities(iter(pictures))))
        again = np.array(list(scorers.probabilities(iter(pictures))))
        single = scorers.score(pictures[0])
    np.testing.assert_array_equal(found, again)
    expected = np.array([Classifier(spec).probabilities(one[None])[0] for one in pictures])
    np.testing.assert_allclose(found, expected, atol=NEAR[backend])
    np.testing.assert_allclose(single, found[0], atol=1e-6)
    if load_backend(backend).DEVICE == "cpu":
        alone = Classifier(spec, backend)
        np.testing.assert_array_equal(found, [alone.probabilities([one])[0] for one in pictures])


def test_the_number_of_workers_changes_nothing(tiny_model: Make, backend: str) -> None:
    model = tiny_model()
    first, *others = [
        [one.array for one in _instruments(model, backend=backend, workers=workers)]
        for workers in (1, 2, 3)
    ]
    for other in others:
        for one, same in zip(first, other, strict=True):
            np.testing.assert_array_equal(one, same)
    for one, exact in zip(first, _instruments(model), strict=True):
        np.testing.assert_allclose(one, exact.array, atol=2 * NEAR[backend])


def test_few_batches_are_made_ahead(tiny_model: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(load_backend(REFERENCE), "DEVICE", "npu")
    made = 0

    def pictures() -> Iterator[Pictures]:
        nonlocal made
        for _ in range(1000):
            made += 1
            yield np.zeros((4, 4, 3), np.uint8)

    with Scorers(describe(str(tiny_model())), 2) as scorers:
        next(scorers.probabilities(pictures()))
    assert made <= BATCHES * BATCH


def test_a_gpu_scores_batches_of_few_sizes(
    tiny_model: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    reference = load_backend(REFERENCE)
    opened = reference.open_network
    scored: list[int] = []

    def open_network(*how: Any) -> Network:
        network = opened(*how)

        def counted(inputs: Inputs) -> Any:
            scored.append(len(inputs))
            return network(inputs)

        return counted

    monkeypatch.setattr(reference, "DEVICE", "npu")
    monkeypatch.setattr(reference, "open_network", open_network)
    pictures = _pictures(BATCH + 10)
    with Scorers(describe(str(tiny_model())), 3) as scorers:
        assert len(list(scorers.probabilities(pictures))) == len(pictures)
    assert scored == [BATCH, 16]


def test_a_model_for_one_picture_at_a_time(tiny_model: Make, backend: str) -> None:
    spec = describe(str(tiny_model(batch=1)))
    with Scorers(spec, 2, backend) as scorers:
        found = list(scorers.probabilities(_pictures(5)))
    expected = [Classifier(spec).probabilities([one])[0] for one in _pictures(5)]
    np.testing.assert_allclose(found, expected, atol=NEAR[backend])


def test_what_a_gpu_cannot_do_is_one_line(
    tiny_model: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(inputs: Inputs) -> Any:
        raise RuntimeError("CUDA failure 2:\n out of memory")

    reference = load_backend(REFERENCE)
    monkeypatch.setattr(reference, "DEVICE", "npu")
    monkeypatch.setattr(reference, "open_network", lambda *_: fail)
    told = pytest.raises(ScoringError, match=r"^backend 'onnxruntime' failed: CUDA .* of memory$")
    with Scorers(describe(str(tiny_model())), 2) as scorers, told:
        list(scorers.probabilities(_pictures(3)))


def test_what_goes_wrong_before_is_no_failure_of_the_gpu(
    tiny_model: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(load_backend(REFERENCE), "DEVICE", "npu")

    def pictures() -> Iterator[Pictures]:
        yield from _pictures(3)
        raise ValueError("no more of these")

    told = pytest.raises(ValueError, match="no more of these")
    with Scorers(describe(str(tiny_model())), 2) as scorers, told:
        list(scorers.probabilities(pictures()))


def test_a_models_file_is_made_once(tiny_model: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[str] = []
    ours = int8.model_file
    monkeypatch.setattr(int8, "model_file", lambda spec: [made.append(spec.name), ours(spec)][1])
    with Scorers(describe(str(tiny_model())), 3, "int8"):
        assert made == ["tiny"]


def test_the_whole_pictures_score_is_the_references(tiny_model: Make, backend: str) -> None:
    model = tiny_model()
    by = f"{backend} ({load_backend(backend).arithmetic()})"
    for exact, found in zip(_instruments(model), _instruments(model, backend=backend), strict=True):
        texts = dict(found.findings.texts)
        assert texts.pop("backend") == by
        assert texts == exact.findings.texts
        assert [one.note for one in found.findings.plate.panels] == [
            one.note for one in exact.findings.plate.panels
        ]
        assert _figures(found)["parts scored by"] == by
        assert f"; by {by} 0." in found.said[0]
        assert found.said[0].startswith(exact.said[0].split(",")[0])


def test_differences_are_taken_from_the_backends_own_score(tiny_model: Make, halved: str) -> None:
    """Half of every score is half of every difference: no offset between the two gets in."""
    model = tiny_model()
    exact = list(_instruments(model))
    found = list(_instruments(model, backend=halved))
    np.testing.assert_allclose(found[0].found.fall, exact[0].found.fall / 2, atol=1e-6)
    np.testing.assert_allclose(found[1].array, exact[1].array / 2, atol=1e-6)
    shares = found[2].array
    np.testing.assert_allclose(shares[[0, 2]], exact[2].array[[0, 2]] / 2, atol=1e-6)
    assert np.ptp(exact[1].array[1]) > 0.001
    whole = Classifier(describe(str(model))).probabilities([PICTURE])[0, 0]
    assert found[0].said[0].endswith(f"red {whole:.6f}; by int8 (int8) {whole / 2:.6f}")
    assert _figures(found[0])["the whole by that"] == f"{whole / 2:.6f}"
    assert _figures(found[1])["the wholes by that: A, B"].startswith(f"{whole / 2:.6f}, ")
    assert _figures(found[1])["red: A, B"].startswith(f"{whole:.6f}, ")
    own = found[2].found
    assert own.shapley.sum() == pytest.approx(own.score - own.background)
    assert _figures(found[2])["the whole by that"] == f"{own.score:.6f}"


def test_the_reference_is_what_scores_unless_it_is_told(tiny_model: Make) -> None:
    assert BACKEND == REFERENCE
    model = tiny_model()
    for one, other in zip(_instruments(model), _instruments(model, backend=REFERENCE), strict=True):
        np.testing.assert_array_equal(one.array, other.array)
        np.testing.assert_array_equal(one.plate(), other.plate())
        assert one.said == other.said
        assert dict(one.findings.texts) == dict(other.findings.texts)
        assert "backend" not in one.findings.texts
        assert not any("scored by" in word for word in _figures(one))
        assert " by " not in one.said[0]


def test_auto_takes_what_takes_both(tiny_model: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    """The fastest that is there would refuse the second model."""
    first, second = (describe(str(tiny_model())) for _ in range(2))
    monkeypatch.setattr(cuda, "missing", lambda: None)
    monkeypatch.setattr(load_backend("openvino"), "missing", lambda: "not here")
    monkeypatch.setattr(load_backend("webgpu"), "missing", lambda: "not here")
    assert backend_for("auto", [first, second]) == "cuda"
    refuses = lambda file, shape: "too large" if file == second.path else None  # noqa: E731
    monkeypatch.setattr(cuda, "refuses", refuses)
    assert backend_for("auto", [first]) == "cuda"
    assert backend_for("auto", [first, second]) == REFERENCE
    with pytest.raises(ValueError, match="backend 'cuda' cannot run it: too large; use --backend"):
        file_for("cuda", second)


def test_a_refusal_comes_before_any_scoring(
    tiny_model: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = tiny_model(), tiny_model()
    path = describe(str(second)).path
    refuses = lambda file, shape: "too large" if file == path else None  # noqa: E731
    monkeypatch.setattr(int8, "model_file", lambda spec: spec.path)
    monkeypatch.setattr(int8, "refuses", refuses)
    heard: list[int] = []
    with pytest.raises(ValueError, match="backend 'int8' cannot run it: too large"):
        explain.compare(
            PICTURE,
            classifier=str(first),
            other=str(second),
            heard=lambda done, _: heard.append(done),
            backend="int8",
        )
    assert heard == []


@pytest.mark.parametrize("instrument", ["occlusion", "compare", "shapes"])
@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("opnevino", "unknown backend 'opnevino': did you mean openvino"),
        ("webgpu", "backend 'webgpu' is not there: needs a GPU"),
        ("int8", "backend 'int8' cannot run it: too large; use --backend onnxruntime"),
    ],
)
def test_a_backend_that_does_not_work_out_is_one_line(
    call: Call,
    tiny: list[str],
    monkeypatch: pytest.MonkeyPatch,
    instrument: str,
    name: str,
    told: str,
) -> None:
    monkeypatch.setattr(load_backend("webgpu"), "missing", lambda: "needs a GPU")
    monkeypatch.setattr(int8, "refuses", lambda file, shape: "too large")
    assert call(*tiny, "--seed", "1", "--out", "run").code == 0
    Image.fromarray(PICTURE).save("picture.png")
    sources = {"compare": ["picture.png", "run/best.png"], "shapes": ["run"]}
    flags = ["--classifier", tiny[1], "--backend", name]
    before = sorted(Path().rglob("*"))
    given = ["explain", instrument, *sources.get(instrument, ["picture.png"]), *flags]
    assert_refused(call(*given), told)
    assert sorted(Path().rglob("*")) == before


@pytest.mark.parametrize("instrument", ["occlusion", "compare", "shapes"])
def test_the_flag_reaches_them(call: Call, tiny: list[str], instrument: str) -> None:
    assert call(*tiny, "--seed", "1", "--out", "run").code == 0
    Image.fromarray(PICTURE).save("picture.png")
    sources = {"compare": ["picture.png", "run/best.png"], "shapes": ["run"]}
    given = ["explain", instrument, *sources.get(instrument, ["picture.png"])]
    outcome = call(*given, "--classifier", tiny[1], "--backend", "int8", "--out", "found.png")
    assert outcome.code == 0, outcome
    assert "; by int8 (int8) 0." in outcome.out
    with Image.open("found.png") as image:
        assert image.info["evonsfw:backend"] == "int8 (int8)"
