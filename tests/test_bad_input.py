"""Bad input: one line that says what was expected, exit code 2, nothing written."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import onnx
import pytest
from onnx import TensorProto, helper
from PIL import Image
from program import END, FLAGS, SWITCHES, Call, assert_refused, bad_pictures, files, picture

from evonsfw.config import RunConfig


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--shapes", "triangels"], ["unknown shape 'triangels'", "did you mean triangles or"]),
        (["--shapes", "xyz"], ["'xyz'", "circles, curves, ellipses, lines, polygons"]),
        (["--shapes", "polygons-2"], ["polygons-2: expected 3 to 12 corners"]),
        (["--shapes", ""], ["unknown shape ''"]),
        (["--shapes", "triangles,,circles"], ["unknown shape ''"]),
        (["--search", "cmase"], ["unknown search 'cmase'", "did you mean cmaes"]),
        (["--class", "gren"], ["unknown class 'gren'", "did you mean green"]),
        (["--class", "3"], ["unknown class '3'", "3 classes", "red"]),
        (["--class", "-1"], ["unknown class '-1'"]),
        (["--objective", "higest"], ["unknown objective 'higest'", "highest"]),
        (["--objective", "target-score"], ["needs --target-score"]),
        (["--objective", "likeness"], ["needs --target PICTURE"]),
        (["--objective", "ssim"], ["needs --target PICTURE"]),
        (["--objective", "likeness + 0.3*green"], ["likeness needs --target PICTURE"]),
        (["--objective", "likeness, green", "--pareto"], ["likeness needs --target PICTURE"]),
        (["--objective", "green - clutter", "--target", "x.png"], ["takes no target"]),
        (["--weight", "x.png"], ["--weight x.png is for a target", "--target PICTURE"]),
        (["--until-rmse", "9"], ["--until-rmse 9", "--target PICTURE"]),
        (["--until-rmse", "-1", "--target", "x.png"], ["until_rmse = '-1'"]),
        (["--until-rmse", "9", "--until", "9", "--target", "x.png"], ["not both"]),
        (["--until-rmse", "9", "--objective", "ssim", "--target", "x.png"], ["--until instead"]),
        (["--objective", "lowest", "--target-score", "0.5"], ["'lowest'", "leave one out"]),
        (["--target-score", "0.5", "--target", "x.png"], ["not both"]),
        (["--device", "cudo"], ["unknown device 'cudo'", "did you mean cuda"]),
        (["--backend", "openvion"], ["unknown backend 'openvion'", "did you mean openvino"]),
        (["--backend", "onnxruntime", "--device", "cuda"], ["leave out --device cuda"]),
        (["--n", "0"], ["n = '0'", "greater than or equal to 1"]),
        (["--n", "5001"], ["n = '5001'", "less than or equal to 5000"]),
        (["--n", "-3"], ["n = '-3'"]),
        (["--n", "1.5"], ["n = '1.5'", "valid integer"]),
        (["--population", "1"], ["population = '1'", "greater than or equal to 2"]),
        (["--population", "4097"], ["population = '4097'", "4096"]),
        (["--target-score", "1.01"], ["target_score = '1.01'", "less than or equal to 1"]),
        (["--target-score", "-0.1"], ["target_score = '-0.1'", "greater than or equal to 0"]),
        (["--seed", "-1"], ["seed = '-1'"]),
        (["--seed", "4294967296"], ["seed = '4294967296'"]),
        (["--minutes", "0"], ["minutes = '0'", "greater than 0"]),
        (["--generations", "0"], ["generations = '0'"]),
        (["--evaluations", "0"], ["evaluations = '0'"]),
        (["--until", "-1"], ["until = '-1'"]),
        (["--workers", "-1"], ["workers = '-1'"]),
        (["--workers", "257"], ["workers = '257'"]),
        (["--every", "0"], ["every = '0'"]),
        (["--size", "15"], ["15x15", "16 to 4096"]),
        (["--size", "4097x16"], ["4097x16", "16 to 4096"]),
        (["--size", "9x9x9"], ["9x9x9"]),
        (["--alpha", "0.9", "0.3"], ["0.9 0.3", "low <= high"]),
        (["--alpha", "0.3", "1.1"], ["0.3 1.1", "<= 1"]),
        (["--alpha", "0.3"], ["--alpha", "2 arguments"]),
        (["--background", "#12345"], ["#12345", "like #264653"]),
        (["--background", "blue"], ["blue", "like #264653"]),
        (["--palette", "#264653,red"], ["colour 'red'", "like #264653"]),
        (["--palette", "missing.yaml"], ["missing.yaml", "no such file"]),
        (["--classifier", "open_nsfv"], ["open_nsfv", "did you mean open_nsfw?"]),
        (["--classifier", "missing.onnx"], ["missing.onnx", "no such file"]),
        (["--classifier", "missing.yaml"], ["missing.yaml", "no such file"]),
        (["--config", "missing.yaml"], ["missing.yaml", "no such file"]),
        (["--target", "missing.png"], ["missing.png", "no such file"]),
        (["--target", "."], [".", "directory"]),
        (["--target", "missing.png", "--weight", "m.png"], ["target picture missing.png"]),
        (["--serach", "cmaes"], ["--serach", "--search"]),
        (["--window"], ["--window", "no display", "--no-window"]),
        (["evolv"], ["evolv"]),
        (["scor", "x.png"], ["scor", "score"]),
        (["resume"], ["run"]),
        (["resume", "missing"], ["missing", "config.yaml", "run folder"]),
        (["resume", "missing", "--minutes", "x"], ["minutes = 'x'"]),
        (["score"], ["pictures"]),
        (["--n", "5", "score", "x.png"], ["before 'score'", "after it"]),
        (["--no-window", "resume", "x"], ["before 'resume'", "after it"]),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else None,
)
def test_bad_input_gets_one_line(
    call: Call, tiny: list[str], tmp_path: Path, arguments: list[str], words: list[str]
) -> None:
    commands = {"resume", "score", "scor", "evolv"} & set(arguments)
    assert_refused(call(*([] if commands else tiny), *arguments), *words)
    assert not files(tmp_path)


@pytest.mark.parametrize("name", FLAGS)
def test_a_word_that_fits_no_flag_is_refused_by_every_flag(
    call: Call, tiny: list[str], tmp_path: Path, name: str
) -> None:
    values = ["@@", "@@"] if name == "alpha" else ["@@"]
    assert_refused(call(*tiny, FLAGS[name], *values), "@@")
    assert not files(tmp_path)


NUMBERS = [
    name
    for name, field in RunConfig.model_fields.items()
    if re.search(r"\b(int|float)\b", str(field.annotation)) and name != "alpha"
]


@pytest.mark.parametrize("value", ["nan", "inf", "-inf", "1e999", "", " ", "0x10", "9" * 5000])
@pytest.mark.parametrize("name", NUMBERS)
def test_no_number_is_infinite_or_none_at_all(
    call: Call, tiny: list[str], tmp_path: Path, name: str, value: str
) -> None:
    assert_refused(call(*tiny, FLAGS[name], value))
    assert not files(tmp_path)


@pytest.mark.parametrize("value", ["nan", "inf", "x"])
def test_opacities_are_numbers(call: Call, tiny: list[str], value: str) -> None:
    assert_refused(call(*tiny, "--alpha", "0.3", value), "alpha", value)


@pytest.mark.parametrize("value", ["{a: 1}", "[[1]]", "true", "no", ".nan", "2020-01-01"])
@pytest.mark.parametrize("name", FLAGS)
def test_a_wrong_type_is_refused_under_every_key(
    call: Call, tmp_path: Path, name: str, value: str
) -> None:
    key = FLAGS[name][2:].replace("-", "_")
    if key in SWITCHES and value in ("true", "no"):
        value = "maybe"
    (tmp_path / "c.yaml").write_text(f"{key}: {value}\n")
    assert_refused(call("--config", "c.yaml", *END), "config c.yaml", name.strip("_"))
    assert list(files(tmp_path)) == ["c.yaml"]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("n: !!python/object/apply:os.mkdir [ran]", ["not plain YAML", "os.mkdir"]),
        ("shaeps: circles", ["unknown key 'shaeps'", "did you mean shapes?"]),
        ("clas: red", ["unknown key 'clas'", "class"]),
        ("- a\n- b", ["key: value"]),
        ("", ["key: value"]),
        ("n: [1", ["not plain YAML", "line"]),
        ("seed: 1\nn: 3\nseed: 2", ["key 'seed' is there twice", "line 3"]),
        ("n: !!int x", ["not plain YAML"]),
        ("n: 2024-99-99", ["not plain YAML"]),
        ("n: " + "[" * 5000, ["not plain YAML"]),
        ("a: &a [*a]\n", ["unknown key 'a'"]),
        ("format: 2\nversion: 9.9", ["newer evonsfw", "9.9"]),
        ("1: 2", ["key: value"]),
        ("palette: 5", ["palette"]),
        ("shapes: 5", ["shapes"]),
        ("shapes: []", ["no shape given"]),
        ("\x00", ["not plain YAML"]),
    ],
)
def test_a_bad_config_gets_one_line(
    call: Call, tmp_path: Path, text: str, words: list[str]
) -> None:
    (tmp_path / "c.yaml").write_text(text)
    assert_refused(call("--config", "c.yaml", *END), "c.yaml", *words)
    assert list(files(tmp_path)) == ["c.yaml"]
    assert not (tmp_path / "ran").exists()


def test_a_config_that_is_no_text_gets_one_line(call: Call, tmp_path: Path) -> None:
    (tmp_path / "c.yaml").write_bytes(b"n: \xff\xfe")
    assert_refused(call("--config", "c.yaml", *END), "not UTF-8 text")
    (tmp_path / "c.yaml").write_bytes(b"#" * (1 << 20) + b"\n#")
    assert_refused(call("--config", "c.yaml", *END), "larger than 1 MB")
    assert_refused(call("--config", str(tmp_path), *END), "directory")


@pytest.mark.parametrize(
    "text",
    [
        "[1, 2]",
        "red",
        "{palette: 5}",
        "{palette: ['#123456'], palette: []}",
        "!!python/none",
        "[",
        "- '#12345'",
    ],
)
def test_a_bad_palette_file_gets_one_line(
    call: Call, tiny: list[str], tmp_path: Path, text: str
) -> None:
    (tmp_path / "p.yaml").write_text(text)
    assert_refused(call(*tiny, "--palette", "p.yaml"), "#")
    assert list(files(tmp_path)) == ["p.yaml"]


def test_a_target_that_is_no_still_picture_gets_one_line(
    call: Call, tiny: list[str], tmp_path: Path
) -> None:
    bad = bad_pictures(tmp_path)
    before = files(tmp_path)
    for name, reason in bad.items():
        assert_refused(call(*tiny, "--target", name), f"target picture {name}: ", reason)
    assert files(tmp_path) == before


def test_a_mask_that_is_no_still_picture_gets_one_line(
    call: Call, tiny: list[str], tmp_path: Path
) -> None:
    bad = bad_pictures(tmp_path)
    picture(tmp_path / "good.png")
    Image.new("L", (9, 9), 0).save(tmp_path / "black.png")
    before = files(tmp_path)
    for name, reason in {**bad, "black.png": "black all over"}.items():
        flags = ("--target", "good.png", "--weight", name)
        assert_refused(call(*tiny, *flags), f"weight mask {name}: ", reason)
    assert files(tmp_path) == before


def test_what_counts_at_the_border_alone_gets_one_line(
    call: Call, tiny: list[str], tmp_path: Path
) -> None:
    mask = Image.new("L", (16, 16), 0)
    mask.paste(255, (0, 0, 16, 2))
    mask.save(tmp_path / "m.png")
    picture(tmp_path / "good.png")
    flags = ["--target", "good.png", "--weight", "m.png", "--objective", "10*ssim + likeness"]
    assert_refused(call(*tiny, *flags), "objective ssim leaves out a border of 3 pixels")


def write_model(path: Path, shape: Sequence[Any], kind: int = TensorProto.FLOAT) -> None:
    """An ONNX file that hands its input back."""
    node = helper.make_node("Identity", ["x"], ["y"])
    info = [helper.make_tensor_value_info(name, kind, list(shape)) for name in ("x", "y")]
    graph = helper.make_graph([node], "odd", info[:1], info[1:])
    opset = [helper.make_opsetid("", 13)]
    onnx.save(helper.make_model(graph, opset_imports=opset, ir_version=8), path)


@pytest.mark.parametrize(
    ("shape", "kind", "reason"),
    [
        (["N", 3], TensorProto.FLOAT, "rank 2"),
        (["N", 3, "H", "W"], TensorProto.FLOAT, "write a YAML"),
        (["N", 5, 8, 8], TensorProto.FLOAT, "write a YAML"),
        (["N", 3, 8, 1], TensorProto.FLOAT, "expected two classes or more"),
        (["N", 3, 8, 8], TensorProto.UINT8, "float32"),
        ([], TensorProto.FLOAT, "float32"),
    ],
)
def test_a_bare_model_that_does_not_say_how_to_feed_it_is_refused(
    call: Call, tmp_path: Path, shape: list[Any], kind: int, reason: str
) -> None:
    write_model(tmp_path / "odd.onnx", shape, kind)
    assert_refused(call("--classifier", "odd.onnx", *END), "odd.onnx", reason)
    assert list(files(tmp_path)) == ["odd.onnx"]


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ("sha256: " + "ab" * 32, "has SHA-256"),
        ("file: other.onnx", "not found"),
        ("layout: NHWC", "check layout, resize and crop"),
        ("layout: CHWN", "layout = 'CHWN'"),
        ("resize: {width: 8, height: 8}", "check layout, resize and crop"),
        ("resize: {width: 0, height: 8}", "resize.width = 0"),
        ("classes: [one, two]", "3 outputs, but 2 class names"),
        ("classes: [one]", "at least 2"),
        ("colour: red", "unknown key 'colour'"),
        ("mean: grey", "mean = 'grey'"),
        ("jpeg: !!python/name:os.system ''", "not plain YAML"),
        ("package: no_such_package.part", "pip install"),
        ("output: softmax", "output = 'softmax'"),
    ],
)
def test_a_description_that_does_not_fit_its_model_is_refused(
    call: Call, tiny_model: Callable[..., Path], tmp_path: Path, change: str, reason: str
) -> None:
    yaml = tiny_model()
    key = change.partition(":")[0]
    kept = re.sub(rf"^{key}:.*\n(?:[ -].*\n)*", "", yaml.read_text(), flags=re.MULTILINE)
    yaml.write_text(kept + change + "\n")
    assert_refused(call("--classifier", str(yaml), *END), reason)
    assert not files(tmp_path)


def test_a_file_that_is_no_model_is_refused(
    call: Call, tiny_model: Callable[..., Path], tmp_path: Path
) -> None:
    (tmp_path / "no.onnx").write_text("no model")
    assert_refused(call("--classifier", "no.onnx", *END), "no.onnx", "cannot read it")
    yaml = tiny_model()
    model = yaml.with_suffix(".onnx")
    model.write_bytes(model.read_bytes()[:-50])
    assert_refused(call("--classifier", str(yaml), *END), "tiny.onnx", "cannot read it")
    assert list(files(tmp_path)) == ["no.onnx"]


def test_a_device_that_is_not_there_is_an_error(
    call: Call, tiny: list[str], tmp_path: Path
) -> None:
    from evonsfw.backends import load_backend, usable_backends

    for device in {"cuda", "webgpu"} - {load_backend(name).DEVICE for name in usable_backends()}:
        outcome = call(*tiny, "--device", device)
        assert_refused(outcome, f"device '{device}' is not there", "--device cpu")
        outcome = call(*tiny, "--backend", device)
        assert_refused(outcome, f"backend '{device}' is not there", "pip install", device)
    assert not files(tmp_path)


def test_folders_that_cannot_be_written_are_refused(
    call: Call, tiny: list[str], tmp_path: Path
) -> None:
    (tmp_path / "file").touch()
    (tmp_path / "folder").mkdir()
    for out, reason in {
        "file": "exists already",
        "folder": "exists already",
        "file/run": "Not a directory",
        "x" * 300: "File name too long",
        "/proc/run": "cannot be written",
    }.items():
        assert_refused(call(*tiny, "--out", out), f"run folder {out}", reason)
    assert files(tmp_path) == {"file": b""}


def test_a_full_disk_gets_one_line_and_keeps_what_was_finished(
    call: Call, tiny: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from evonsfw import recorder

    def full(*_: Any) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(recorder, "save_state", full)
    assert_refused(call(*tiny, "--out", "run"), "No space left on device", "kept")
    with Image.open(tmp_path / "run" / "best.png") as image:
        image.load()
