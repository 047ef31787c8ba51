"""The command line: what it prints, what it takes, and that help, docs and examples hold."""

from __future__ import annotations

import json
import re
import shlex
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from PIL import Image
from program import END, FLAGS, Call, assert_refused, bad_pictures, picture

import evonsfw
from evonsfw import explain
from evonsfw.backends import backend_names, choose_backend
from evonsfw.cli import app
from evonsfw.config import RunConfig

ROOT = Path(__file__).parent.parent


COMMANDS = [command.name or command.callback.__name__ for command in app.registered_commands]


def test_good_pictures_are_scored_among_bad_ones(
    call: Call, tiny: list[str], tmp_path: Path
) -> None:
    bad = bad_pictures(tmp_path)
    names = ["good one.png", *bad, "also.png"]
    picture(tmp_path / names[0])
    picture(tmp_path / names[-1], colour="blue")
    outcome = call("score", *names, *tiny[:2])
    assert outcome.code == 2
    assert [line.split(":")[0] for line in outcome.out.splitlines()] == [names[0], names[-1]]
    errors = outcome.err.splitlines()
    assert len(errors) == len(bad)
    for line, (name, reason) in zip(errors, bad.items(), strict=True):
        assert line.startswith(f"evonsfw: picture {name}: ")
        assert reason in line


def test_score_prints_the_classes_best_first(call: Call, tiny: list[str], tmp_path: Path) -> None:
    picture(tmp_path / "p.png")
    outcome = call("score", "p.png", *tiny[:2])
    assert (outcome.code, outcome.err) == (0, "")
    name, rest = outcome.out.split(": ")
    words = rest.split()
    shown = [float(word) for word in words[1::2]]
    assert name == "p.png"
    assert set(words[::2]) == {"red", "green", "blue"}
    assert shown == sorted(shown, reverse=True)
    assert sum(shown) == pytest.approx(1.0, abs=1e-5)


def test_score_prints_one_json_object_a_line(call: Call, tiny: list[str], tmp_path: Path) -> None:
    for name in ("p.png", "q.png"):
        picture(tmp_path / name)
    outcome = call("score", "p.png", "q.png", "--json", *tiny[:2])
    assert (outcome.code, outcome.err) == (0, "")
    one, two = (json.loads(line) for line in outcome.out.splitlines())
    assert (one["file"], two["file"]) == ("p.png", "q.png")
    assert list(one["scores"]) == ["red", "green", "blue"]
    assert one["scores"] == two["scores"]


def test_score_agrees_with_a_run(call: Call, tiny: list[str]) -> None:
    printed = call(*tiny, "--out", "run").out.splitlines()[-1]
    scored = call("score", "run/best.png", *tiny[:2]).out
    assert f"blue {printed.split()[-1]}" in scored


def test_names_that_are_no_utf8_work(call: Call, tiny: list[str], tmp_path: Path) -> None:
    name = b"run \xff".decode("utf-8", "surrogateescape")
    try:
        (tmp_path / name).mkdir()
    except OSError:
        pytest.skip("this file system takes UTF-8 names only")
    outcome = call(*tiny, "--out", f"{name}/deep")
    assert (outcome.code, outcome.err) == (0, "")
    assert b"run \xff" in (tmp_path / name / "deep" / "command.txt").read_bytes()
    assert call("score", f"{name}/deep/best.png", *tiny[:2]).code == 0
    assert_refused(call(*tiny, "--target", name), "target")


def test_a_run_is_told_its_command(call: Call, tiny: list[str], tmp_path: Path) -> None:
    outcome = call(*tiny, "--out", "my run")
    assert (outcome.code, outcome.err) == (0, "")
    written = (tmp_path / "my run" / "command.txt").read_text()
    assert shlex.split(written) == ["evonsfw", *tiny, "--out", "my run"]


def test_flags_win_over_the_config(call: Call, tiny: list[str], tmp_path: Path) -> None:
    from evonsfw.config import read_config

    (tmp_path / "c.yaml").write_text("n: 7\nsize: 32\nclass: red\n")
    assert call("--config", "c.yaml", *tiny[:2], "--n", "2", *END, "--out", "run").code == 0
    values = read_config(tmp_path / "run" / "config.yaml")
    assert (values["n"], values["size"], values["class"]) == (2, "32x32", "red")


def test_resume_takes_its_flags(call: Call, tiny: list[str]) -> None:
    assert call(*tiny, "--search", "genetic", "--out", "run").code == 0
    assert_refused(call("resume", "run"), "at its end already")
    outcome = call("resume", "run", "--generations", "2", "--workers", "0", "--no-window")
    assert (outcome.code, outcome.err) == (0, "")
    assert "3 generations done" in outcome.out
    more = ["--generations", "1", "--backend", "onnxruntime", "--device", "cpu", "--no-window"]
    outcome = call("resume", "run", *more)
    assert (outcome.code, outcome.err) == (0, "")
    assert "by onnxruntime (fp32 on cpu), no workers\n" in outcome.out
    assert "backend: onnxruntime" in Path("run/config.yaml").read_text()
    assert_refused(call("resume", "run", "--backend", "cpu"), "unknown backend 'cpu'")


def test_help_names_every_flag_and_shows_examples(call: Call) -> None:
    outcome = call("--help")
    assert (outcome.code, outcome.err) == (0, "")
    for name in [*FLAGS.values(), "--out", "--config", "--window", "--no-window", *COMMANDS]:
        assert re.search(rf"(?<![\w-]){name}(?![\w-])", outcome.out), name
    assert outcome.out.count("evonsfw --shapes") >= 1


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_help_with_an_example(call: Call, command: str) -> None:
    outcome = call(command, "--help")
    assert (outcome.code, outcome.err) == (0, "")
    assert f"Example: evonsfw {command}" in outcome.out


def test_a_group_of_commands_alone_is_its_help(call: Call) -> None:
    outcome = call("explain")
    assert (outcome.code, outcome.err) == (2, "")
    assert "occlusion" in outcome.out


def test_the_version_is_printed(call: Call) -> None:
    assert call("--version") == (0, f"evonsfw {evonsfw.__version__}\n", "")


def test_the_doctor_reports(call: Call) -> None:
    outcome = call("doctor")
    assert (outcome.code, outcome.err) == (0, "")
    words = {line.split()[0] for line in outcome.out.splitlines()}
    expected = {"providers", "backend", "display", "classifier", "shapes", "searches", "auto"}
    assert expected | {"backends"} <= words
    reports = [line.split() for line in outcome.out.splitlines() if line.startswith("backend ")]
    assert [report[1] for report in reports] == backend_names()
    assert ["backend", "onnxruntime", "fp32", "on", "cpu"] in reports
    assert f"auto       backend {choose_backend('auto')}, " in outcome.out
    assert "as expected" in outcome.out
    assert "broken" not in outcome.out
    assert "no window" in outcome.out


def test_it_runs_as_a_module() -> None:
    command = [sys.executable, "-m", "evonsfw", "--version"]
    outcome = subprocess.run(command, capture_output=True, text=True, check=True)
    assert outcome.stdout == f"evonsfw {evonsfw.__version__}\n"


def test_a_closed_pipe_ends_a_run_without_a_traceback(tiny: list[str], tmp_path: Path) -> None:
    run = [sys.executable, "-m", "evonsfw", *tiny, "--no-window", "--out", str(tmp_path / "run")]
    with subprocess.Popen(
        run, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.close()
        errors = process.stderr.read()
    assert "Traceback" not in errors
    assert errors.count("\n") <= 1


INSTRUMENTS = (
    *("dreaming.dream_file", "dreaming.layer_lines", "exciting.excite_file"),
    "folder_curves.measure",
)
FOUND = SimpleNamespace(save=lambda *_: [], lines=lambda *_: [])
REACHED = SimpleNamespace(reached=True)
"""What commands of instruments call once they have understood what they are told."""


def examples() -> list[str]:
    """The `evonsfw` commands of the ```bash blocks of README and docs."""
    found = []
    for path in [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]:
        text = path.read_text(encoding="utf-8") if path.is_file() else ""
        for block in re.findall(r"(?ms)^ *```(?:bash|sh|console)\n(.*?)^ *```", text):
            lines = block.replace("\\\n", " ").splitlines()
            commands = [line.strip().removeprefix("$ ") for line in lines]
            found += [line for line in commands if line.split(" ")[0] == "evonsfw"]
    return found


@pytest.mark.parametrize("example", [*dict.fromkeys(examples())])
def test_every_documented_command_is_understood(
    call: Call, monkeypatch: pytest.MonkeyPatch, example: str
) -> None:
    words = shlex.split(example, comments=True)[1:]
    ends = [i for i, word in enumerate(words) if word in {"|", ">", "&&", ";", "2>", "&"}]
    arguments = words[: ends[0]] if ends else words
    done: list[str] = []
    monkeypatch.setattr("evonsfw.launch.start_run", lambda *_: done.append("start"))
    monkeypatch.setattr("evonsfw.launch.resume_run", lambda *_: done.append("resume"))
    monkeypatch.setattr("evonsfw.scoring.score_files", lambda *_: done.append("score") or [])
    monkeypatch.setattr("evonsfw.diagnosis.diagnose", lambda: done.append("doctor") or ())
    monkeypatch.setattr("evonsfw.export.export_files", lambda *_: done.append("export"))
    monkeypatch.setattr("evonsfw.verification.verify_files", lambda *_: done.append("verify") or 0)
    monkeypatch.setattr("evonsfw.showing.show_run", lambda *_: done.append("show"))
    monkeypatch.setattr("evonsfw.showing.replay_run", lambda *_: done.append("replay"))
    monkeypatch.setattr("evonsfw.series.run_series", lambda *_: not done.append("series"))
    for instrument in INSTRUMENTS:
        monkeypatch.setattr(f"evonsfw.{instrument}", lambda *_: done.append("instrument") or ())
    monkeypatch.setattr("evonsfw.findings.require_plate", lambda *_: None)
    for name in set(explain.__all__) - {"Compared", "Explanation", "Sliding"}:
        found = f"evonsfw.explain.{name}"
        monkeypatch.setattr(found, lambda *_, **__: done.append("explained") or FOUND)
    inverted = "evonsfw.inverting.invert_file"
    monkeypatch.setattr(inverted, lambda *_: done.append("invert") or (REACHED, ()))
    monkeypatch.setattr("evonsfw.founding.settings_from", lambda *_: {})
    monkeypatch.setattr("evonsfw.ladder.make_ladder", lambda *_: not done.append("ladder"))
    monkeypatch.setattr("evonsfw.cli.read_config", lambda _path: {})
    monkeypatch.setattr("evonsfw.cli._want_window", lambda _wanted: False)
    monkeypatch.setattr("evonsfw.display.require_display", lambda: None)
    monkeypatch.setattr("evonsfw.spelling._palette_file", lambda _path: ("#102030",))
    outcome = call(*arguments)
    assert (outcome.code, outcome.err) == (0, "")
    asked = {"--help", "-h", "--version"} & set(arguments)
    assert len(done) == (0 if asked else 1)


def test_examples_in_the_help_are_understood(call: Call, monkeypatch: pytest.MonkeyPatch) -> None:
    started: list[RunConfig] = []
    monkeypatch.setattr("evonsfw.launch.start_run", lambda config, *_: started.append(config))
    text = call("--help").out
    commands = re.findall(r"evonsfw (--(?:[\w-]+ [\w.]+ ?)(?:--[\w-]+ [\w.]+ ?)*)", text)
    assert len(commands) >= 2
    for command in commands:
        assert call(*command.split()).code == 0
    assert len(started) == len(commands)


def test_a_random_picture_scores_the_same_as_in_the_classifier(
    call: Call, tiny: list[str], tmp_path: Path
) -> None:
    from evonsfw.classifier import Classifier
    from evonsfw.model_spec import read_spec

    noise = np.random.default_rng(1).integers(0, 256, (30, 40, 3), np.uint8)
    Image.fromarray(noise).save(tmp_path / "noise.png")
    outcome = call("score", "noise.png", "--json", *tiny[:2])
    expected = Classifier(read_spec(tiny[1])).probabilities(noise[None])[0]
    found = list(json.loads(outcome.out)["scores"].values())
    np.testing.assert_allclose(found, expected, atol=1e-6)
