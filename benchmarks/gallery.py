"""Make the pictures of docs/gallery.md anew, each by the command beside it.

    python -m benchmarks.gallery [WORD]     only those whose file's name has WORD in it

A picture is the run's best.png, with --fewest its fewest.png, of a ladder all rungs in a row.
"""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
import tempfile
from pathlib import Path

from PIL import Image

PAGE = Path(__file__).parent.parent / "docs" / "gallery.md"
ENTRY = re.compile(r"!\[[^]]*\]\((?P<image>[^)]+)\)\s+```console\n(?P<command>evonsfw [^\n]+)\n```")
RUNG = 96
"""Width in pixels of a rung of a ladder."""


def picture_of(out: Path) -> Image.Image:
    """What a command left, as one picture."""
    rungs = sorted(out.glob("[0-9][0-9]_*.png"))
    if rungs:
        strip = Image.new("RGB", (RUNG * len(rungs), RUNG))
        for place, rung in enumerate(rungs):
            small = Image.open(rung).convert("RGB").resize((RUNG, RUNG), Image.Resampling.LANCZOS)
            strip.paste(small, (RUNG * place, 0))
        return strip
    fewest = out / "fewest.png"
    return Image.open(fewest if fewest.exists() else out / "best.png").convert("RGB")


def main() -> None:
    """Run every command and write its picture; the last line that each printed is shown."""
    wanted = sys.argv[1] if len(sys.argv) > 1 else ""
    for entry in ENTRY.finditer(PAGE.read_text(encoding="utf-8")):
        target = PAGE.parent / entry["image"]
        if wanted not in target.name:
            continue
        with tempfile.TemporaryDirectory() as folder:
            out = Path(folder) / "run"
            words = shlex.split(entry["command"])[1:]
            window = [] if words[0] == "ladder" else ["--no-window"]
            command = [sys.executable, "-m", "evonsfw", *words, *window, "--out", str(out)]
            done = subprocess.run(command, capture_output=True, text=True, check=True)
            target.parent.mkdir(parents=True, exist_ok=True)
            picture_of(out).save(target, optimize=True)
        print(f"{target.name}: {done.stdout.strip().splitlines()[-1]}", flush=True)


if __name__ == "__main__":
    main()
