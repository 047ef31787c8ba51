"""The run folder: what is in it, what survives a crash or a full disk, what is refused."""

from __future__ import annotations

import base64
import errno
import json
import pickle
import subprocess
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml
from PIL import Image

import evonsfw
from evonsfw import recorder, runs
from evonsfw.config import FORMAT, RunConfig, make_config
from evonsfw.crew import EvaluationError
from evonsfw.genome import genome_from_text, genome_hash
from evonsfw.launch import resume_run, start_run
from evonsfw.logbook import COLUMNS
from evonsfw.raster import render
from evonsfw.runs import DamagedError, create_run, load_state, save_state
from evonsfw.stage import complete

Start = Callable[..., Path]


@pytest.fixture
def start(tiny_model: Callable[..., Path], tmp_path: Path) -> Start:
    """Run a small evolution in this process; returns its folder."""
    model = str(tiny_model())

    def run(name: str = "run", **settings: Any) -> Path:
        small = {"classifier": model, "n": 3, "size": "24x16", "population": 4, "seed": 5}
        small |= {"workers": 0, "backend": "onnxruntime", "generations": 4, "search": "genetic"}
        config = make_config({**small, **settings})
        start_run(config, tmp_path / name, "evonsfw --made-by test", False, lambda _line: None)
        return tmp_path / name

    return run


def resumed(folder: Path, **more: Any) -> list[str]:
    """Resume a run; returns what was printed."""
    lines: list[str] = []
    resume_run(folder, more, False, lines.append)
    return lines


def log(folder: Path) -> list[list[str]]:
    """The log's rows without the seconds."""
    rows = [line.split(",") for line in (folder / "log.csv").read_text().splitlines()]
    return [row[:2] + row[3:] for row in rows]


def contents(folder: Path) -> dict[str, bytes]:
    return {str(p.relative_to(folder)): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


def pictures(folder: Path) -> list[str]:
    return sorted(path.name for path in (folder / "generations").iterdir())


def test_a_run_leaves_what_it_should_and_nothing_else(start: Start) -> None:
    folder = start()
    assert sorted(path.name for path in folder.iterdir()) == [
        "best.png",
        "bests.bin",
        "checkpoint",
        "checkpoint.previous",
        "command.txt",
        "config.yaml",
        "generations",
        "log.csv",
    ]
    assert pictures(folder) == [f"gen_0000{number}.png" for number in (1, 2, 3, 4)]
    assert (folder / "command.txt").read_text() == "evonsfw --made-by test\n"


def test_the_log_has_one_row_a_generation(start: Start) -> None:
    header, *rows = (start() / "log.csv").read_text().splitlines()
    columns = "generation,evaluations,seconds,best_score,best_fitness,mean_fitness,std_fitness"
    assert header == COLUMNS == f"{columns},rescored,mean_score"
    table = np.array([row.split(",") for row in rows], float)
    assert table[:, 0].tolist() == [1, 2, 3, 4]
    assert (np.diff(table[:, 1]) > 0).all()
    assert ((table[:, 3] >= 0) & (table[:, 3] <= 1) & (table[:, 4] >= table[:, 5])).all()
    assert not table[:, 7].any()
    assert ((table[:, 8] >= 0) & (table[:, 8] <= table[:, 3])).all()


def test_the_config_is_complete_and_readable(start: Start) -> None:
    values = yaml.safe_load((start() / "config.yaml").read_text())
    assert values["format"] == FORMAT
    assert values["version"] == evonsfw.__version__
    keys = {field.alias or name for name, field in RunConfig.model_fields.items()}
    assert set(values) == keys | {"format", "version"}
    assert values["objective"] == "highest"


def test_every_picture_holds_all_that_makes_it_again(start: Start) -> None:
    folder = start()
    rows = (folder / "log.csv").read_text().splitlines()[1:]
    for path in [*(folder / "generations").iterdir(), folder / "best.png"]:
        with Image.open(path) as image:
            text, pixels = image.text, np.asarray(image)
        settings = make_config(json.loads(text["evonsfw:settings"]))
        genome = genome_from_text(text["evonsfw:genome"])
        assert np.array_equal(render(genome[None], settings.encoding, settings.canvas)[0], pixels)
        assert text["evonsfw:genome_sha256"] == genome_hash(genome)
        assert text["evonsfw:seed"] == "5" == str(settings.seed)
        assert len(text["evonsfw:classifier_sha256"]) == 64
        assert text["evonsfw:version"] == evonsfw.__version__
        row = rows[int(text["evonsfw:generation"]) - 1]
        assert text["evonsfw:score"] == row.split(",")[3]


def test_best_is_the_best_of_all_generations(start: Start) -> None:
    folder = start(search="cmaes", generations=6)
    best = max(float(row[3]) for row in log(folder)[1:])
    with Image.open(folder / "best.png") as image:
        generation = int(image.text["evonsfw:generation"])
    assert float(log(folder)[generation][3]) == best


def test_every_k_keeps_every_kth_picture(start: Start) -> None:
    folder = start(every=3, generations=7)
    assert pictures(folder) == ["gen_00003.png", "gen_00006.png"]
    assert len(log(folder)) == 8


def test_a_state_survives_the_round_trip(tmp_path: Path) -> None:
    state = {
        "floats": np.array([0.1, np.pi], np.float64),
        "nested": {"genomes": np.arange(6, dtype=np.float32).reshape(2, 3), "none": None},
        "list": [1, "two", 3.5, np.uint64(2**63), np.zeros((0, 3))],
    }
    save_state(tmp_path / "checkpoint", state)
    back = load_state(tmp_path / "checkpoint")
    assert back["floats"].tobytes() == state["floats"].tobytes()
    genomes = back["nested"]["genomes"]
    assert genomes.dtype == np.float32
    assert genomes.tolist() == [[0, 1, 2], [3, 4, 5]]
    assert back["nested"]["none"] is None
    assert back["list"][:4] == [1, "two", 3.5, 2**63]
    assert back["list"][4].shape == (0, 3)


def test_a_checkpoint_holds_no_pickle(start: Start) -> None:
    with zipfile.ZipFile(start() / "checkpoint") as archive:
        names = archive.namelist()
        assert names
        for name in names:
            with archive.open(name) as member:
                np.lib.format.read_array(member, allow_pickle=False)


def test_a_checkpoint_with_a_pickle_in_it_is_not_opened(tmp_path: Path) -> None:
    ran = tmp_path / "ran"

    class Bomb:
        def __reduce__(self) -> Any:
            return Path.touch, (ran,)

    path = tmp_path / "checkpoint"
    with path.open("wb") as file:
        np.savez(file, tree=np.array([Bomb()], object), allow_pickle=True)
    with pytest.raises(DamagedError):
        load_state(path)
    path.write_bytes(pickle.dumps(Bomb()))
    with pytest.raises(DamagedError):
        load_state(path)
    assert not ran.exists()


DAMAGES = {
    "cut in half": lambda data: data[: len(data) // 2],
    "empty": lambda data: b"",
    "garbage": lambda data: b"\x93NUMPY" + bytes(range(256)),
    "an array": lambda data: base64.b64decode("k05VTVBZAQB2AHs="),
    "of an unknown compression": lambda data: data.replace(b"PK\x01\x02", b"PK\x01\x02\xff"),
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_of_a_damaged_checkpoint_the_one_before_is_used(start: Start, damage: str) -> None:
    whole, folder = start("whole", generations=7), start("cut")
    before = load_state(folder / "checkpoint.previous")["generation"]
    path = folder / "checkpoint"
    path.write_bytes(DAMAGES[damage](path.read_bytes()))
    lines = resumed(folder, generations=7 - before)
    assert "cut short or damaged" in lines[0]
    assert "using the one before" in lines[0]
    assert log(folder) == log(whole)


def test_a_missing_checkpoint_means_the_one_before(start: Start) -> None:
    whole, folder = start("whole", generations=7), start("cut")
    (folder / "checkpoint").unlink()
    before = load_state(folder / "checkpoint.previous")["generation"]
    resumed(folder, generations=7 - before)
    assert log(folder) == log(whole)


def test_a_run_killed_before_its_first_checkpoint_starts_anew(start: Start) -> None:
    whole, folder = start("whole"), start("cut")
    (folder / "checkpoint").unlink()
    (folder / "checkpoint.previous").unlink()
    (folder / "best.png").unlink()
    resumed(folder)
    assert log(folder) == log(whole)
    assert (folder / "best.png").read_bytes()[:4] == b"\x89PNG"


def test_two_damaged_checkpoints_are_refused_and_nothing_is_touched(start: Start) -> None:
    folder = start()
    for name in ("checkpoint", "checkpoint.previous"):
        (folder / name).write_bytes(b"no")
    before = contents(folder)
    with pytest.raises(ValueError, match=r"cut short or damaged.*no whole one.*--config"):
        resumed(folder, generations=3)
    assert contents(folder) == before


def test_a_newer_checkpoint_is_refused(start: Start) -> None:
    folder = start()
    with (folder / "checkpoint").open("wb") as file:
        tree = json.dumps({"format": FORMAT + 1, "state": {}}).encode()
        np.savez(file, tree=np.frombuffer(tree, np.uint8))
    before = contents(folder)
    with pytest.raises(ValueError, match=r"checkpoint .* newer evonsfw"):
        resumed(folder, generations=3)
    assert contents(folder) == before


def test_a_newer_run_folder_is_refused(start: Start) -> None:
    folder = start()
    config = folder / "config.yaml"
    text = config.read_text().replace(f"format: {FORMAT}", f"format: {FORMAT + 1}")
    config.write_text(text.replace(evonsfw.__version__, "99.0"))
    before = contents(folder)
    with pytest.raises(ValueError, match=r"newer evonsfw \(99\.0, format 2"):
        resumed(folder, generations=3)
    assert contents(folder) == before


def test_rows_cut_short_by_a_crash_are_written_again(start: Start) -> None:
    whole, folder = start("whole", generations=6), start("cut")
    with (folder / "log.csv").open("a") as file:
        file.write("5,99,0.1,0.5,0.5,0.5,0.5,0\n6,10")
    resumed(folder, generations=2)
    assert log(folder) == log(whole)


def test_existing_folders_and_files_are_left_alone(start: Start, tmp_path: Path) -> None:
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "mine.txt").write_text("mine")
    (tmp_path / "file").write_text("mine")
    for name in ("run", "file"):
        with pytest.raises(ValueError, match=f"run folder .*{name}: exists already"):
            start(name)
    with pytest.raises(ValueError, match="cannot be written: Not a directory"):
        start("file/run")
    assert contents(tmp_path) == {"run/mine.txt": b"mine", "file": b"mine"}


def test_missing_parents_are_made(start: Start) -> None:
    assert (start("some where/deep/run") / "best.png").is_file()


def test_a_read_only_folder_is_refused(start: Start, tmp_path: Path) -> None:
    locked = tmp_path / "locked"
    locked.mkdir(mode=0o555)
    name = "locked/run"
    try:
        (locked / "probe").touch()  # the superuser may write anyway
    except PermissionError:
        pass
    else:
        (locked / "probe").unlink()
        name = "/proc/evonsfw-run"
    with pytest.raises(ValueError, match="cannot be written: "):
        start(name)
    assert not list(locked.iterdir())


def test_the_default_name_says_time_objective_shapes_and_seed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    config = complete(make_config({"shapes": "circles,triangles", "n": 12, "seed": 3}))
    path = create_run(config, None, "evonsfw", "").path
    assert path.parent == Path("runs")
    time, objective, shapes, seed = path.name.split("_")
    assert (objective, shapes, seed) == ("highest", "circles+triangles-12", "s3")
    assert [len(part) for part in time.split("-")] == [8, 6]


@pytest.mark.parametrize("victim", ["save_state", "write_picture"])
def test_a_disk_that_fills_up_leaves_a_run_that_goes_on(
    start: Start, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, victim: str
) -> None:
    whole = start("whole", generations=9)
    where: Any = recorder if victim == "save_state" else runs.RunFolder
    write = getattr(where, victim)
    calls = iter(range(100))

    def full(*arguments: Any) -> None:
        if next(calls) >= 1:
            raise OSError(errno.ENOSPC, "No space left on device")
        write(*arguments)

    with monkeypatch.context() as patch:
        patch.setattr(where, victim, full)
        with pytest.raises(EvaluationError, match=r"cut: No space left .*: evonsfw resume .*cut$"):
            start("cut", generations=9)
    folder = tmp_path / "cut"
    for path in [*(folder / "generations").iterdir(), folder / "best.png"]:
        with Image.open(path) as image:
            image.load()
    assert not [name for name in contents(folder) if Path(name).name.startswith(".")]
    resumed(folder, generations=8)
    assert log(folder) == log(whole)
    assert pictures(folder) == pictures(whole)


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 128 kB."""
    disk = tmp_path / "disk"
    disk.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=128k", "tmpfs", str(disk)]
    try:
        subprocess.run(mount, check=True, capture_output=True)
    except (OSError, subprocess.CalledProcessError):
        pytest.skip("file systems cannot be mounted here")
    yield disk
    subprocess.run(["umount", str(disk)], check=True)


def test_a_really_full_disk(start: Start, small_disk: Path) -> None:
    whole = start("whole", generations=60)
    with pytest.raises(EvaluationError, match="No space left"):
        start(str(small_disk / "run"), generations=60)
    folder = small_disk / "run"
    subprocess.run(["mount", "-o", "remount,size=8m", str(small_disk)], check=True)
    done = load_state(folder / "checkpoint")["generation"]
    resumed(folder, generations=60 - done)
    assert log(folder) == log(whole)
    assert pictures(folder) == pictures(whole)


def test_a_run_does_not_go_on_with_another_model(
    start: Start, tiny_model: Callable[..., Path]
) -> None:
    folder = start()
    config = folder / "config.yaml"
    settings = yaml.safe_load(config.read_text(encoding="utf-8"))
    settings["classifier"] = str(tiny_model(softmax=False))
    config.write_text(yaml.safe_dump(settings), encoding="utf-8")
    before = contents(folder)
    with pytest.raises(ValueError, match="not the one that the run began with"):
        resumed(folder, generations=1)
    assert contents(folder) == before


def test_a_crash_between_two_checkpoints_leaves_one_of_that_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "checkpoint"
    save_state(path, {"generation": 1})

    move = Path.replace

    def crashed(draft: Path, target: Path) -> None:
        if target == path:
            raise RuntimeError("killed")
        move(draft, target)

    monkeypatch.setattr(Path, "replace", crashed)
    with pytest.raises(RuntimeError, match="killed"):
        save_state(path, {"generation": 2})
    assert load_state(path) == {"generation": 1}


def test_resuming_removes_what_a_killed_run_had_only_begun(start: Start) -> None:
    folder = start()
    begun = [
        "generations/.gen_00005.png.a_1b2c3d.png",
        ".best.png.zzzzzzzz.png",
        ".checkpoint.00000000",
        ".checkpoint.previous.0gc2fe6b.previous",
        ".log.csv.abcdefgh.csv",
    ]
    others = [".notes.txt", ".poster.png.abcdefgh.png", ".gen_00005.png", "generations/.keep"]
    others += [".best.png.notes_01.txt", ".log.csv.20260101"]
    for name in (*begun, *others):
        (folder / name).write_bytes(b"half")
    resumed(folder, generations=1)
    assert [name for name in begun if (folder / name).exists()] == []
    assert [name for name in others if (folder / name).exists()] == others
