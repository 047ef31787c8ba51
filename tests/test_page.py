"""The page of a run: whole, exact, and deaf to whatever its texts try."""

from __future__ import annotations

import base64
import hashlib
import json
import shutil
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest
from pages import CANVAS, Outline, a_page, a_run, an_artwork

from evonsfw.exporters import Artwork, Manner, exporter_names, load_exporter
from evonsfw.keyframes import fine_elements
from evonsfw.page_source import METADATA, PICTURE
from evonsfw.shape_table import shape_table
from evonsfw.shapes import Canvas

html = load_exporter("html")
QUICK = Manner(fps=5, seconds=1.0)
ATTACK = "</script><script>document.title='broken'</script>\"'><img src=x onerror=alert(1)>&lt;<!--"
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
FLAGS = ("--headless", "--no-sandbox", "--disable-gpu", "--enable-logging=stderr", "--dump-dom")
TRY = """
{
  const [picture, slider] = ["evonsfw-picture", "slider"].map((id) => document.getElementById(id));
  const shapes = () => picture.querySelector("g").innerHTML;
  const words = () => document.getElementById("words").textContent;
  const move = (to) => { slider.value = to; slider.dispatchEvent(new Event("input")); };
  const said = { begin: [shapes(), words()] };
  move(0);
  said.first = [shapes(), words()];
  document.getElementById("back").click();
  said.back = [shapes(), words()];
  document.querySelector("thead th:nth-child(8) button").click();
  document.querySelector("thead th:nth-child(8) button").click();
  said.sorted = [...document.querySelectorAll("tbody th")].map((cell) => cell.textContent);
  document.querySelector("tbody tr").click();
  said.marks = picture.querySelectorAll(".mark").length;
  said.held = document.querySelector("tbody button").getAttribute("aria-pressed");
  document.body.dataset.said = JSON.stringify(said);
}
"""
"""What a person does with a page."""


def test_structure() -> None:
    outline = Outline(a_page(an_artwork()))
    assert outline.errors == []
    assert outline.all("html") == [{"lang": "en"}]
    assert outline.text("title") == outline.text("h1") == "Nr. 7 <größer>"
    assert len(outline.all("h1")) == 1
    identities = [attributes["id"] for _, attributes in outline.tags if attributes.get("id")]
    assert len(identities) == len(set(identities))
    for _, attributes in outline.tags:
        assert attributes.get("aria-labelledby", identities[0]) in identities
    assert all(control.get("aria-label") for control in outline.all("input"))
    assert "0.8750" in outline.text("header")
    assert "--seed 3" in outline.text("pre")
    assert "below 0, the shape raises the score" in outline.text("main")
    assert len(outline.all("tr")) == 1 + 6


def test_the_picture_is_drawn_element_by_element() -> None:
    artwork = an_artwork()
    outline = Outline(a_page(artwork))
    names = [(tag, dict(attributes)) for tag, attributes in outline.tags]
    begin = next(i for i, (_, attributes) in enumerate(names) if attributes.get("id") == PICTURE)
    assert names[begin][1]["viewbox"] == "0 0 1000 750"
    assert (names[begin][1]["width"], names[begin][1]["height"]) == ("40", "30")
    assert names[begin + 1][0] == "rect"
    drawing = artwork.encoding.decode(artwork.genome)
    drawn = [(element.tag, element.attributes) for element in fine_elements(drawing, CANVAS)]
    assert names[begin + 3 : begin + 9] == drawn


def test_no_address_leads_out_of_the_page() -> None:
    text = a_page(an_artwork())
    for tag, attributes in Outline(text).tags:
        for name in ("src", "href", "srcset", "action", "data", "poster"):
            assert (attributes.get(name) or "data:").startswith("data:"), (tag, name)
        assert not [name for name in attributes if name.startswith("on") or name == "style"]
    assert "://" not in text
    assert "url(" not in text
    assert "@import" not in text


def test_the_policy_names_the_script_and_the_style_and_nothing_else() -> None:
    outline = Outline(a_page(an_artwork()))
    policy = next(
        str(meta["content"])
        for meta in outline.all("meta")
        if meta.get("http-equiv") == "Content-Security-Policy"
    )
    assert policy.startswith("default-src 'none'; ")
    scripts = [
        outline.texts[i]
        for i, (tag, attributes) in enumerate(outline.tags)
        if tag == "script" and not attributes
    ]
    assert len(scripts) == 1
    for kind, text in (("script", scripts[0]), ("style", outline.text("style"))):
        digest = base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
        assert f"{kind}-src 'sha256-{digest}';" in policy
    assert "unsafe" not in policy
    assert "http" not in policy


@pytest.mark.parametrize("where", ["Title", "evonsfw:path", "label", "settings", "keyword"])
def test_texts_cannot_break_out(where: str) -> None:
    artwork = an_artwork()
    assert artwork.story is not None
    plain = [tag for tag, _ in Outline(a_page(artwork)).tags]
    if where == "label":
        artwork = replace(artwork, story=replace(artwork.story, label=ATTACK))
    elif where == "settings":
        story = replace(artwork.story, settings={**artwork.story.settings, "target": ATTACK})
        artwork = replace(artwork, story=story)
    elif where == "keyword":
        artwork = replace(artwork, metadata={**artwork.metadata, ATTACK: "x"})
    else:
        artwork = replace(artwork, metadata={**artwork.metadata, where: ATTACK})
    outline = Outline(a_page(artwork))
    more = ["div", "dt", "dd"] if where in ("evonsfw:path", "keyword") else []
    assert sorted(tag for tag, _ in outline.tags) == sorted([*plain, *more])
    assert outline.errors == []
    assert json.loads(outline.text("script", METADATA)) == artwork.metadata
    assert ATTACK in outline.text("html")
    if where == "label":
        assert ATTACK in json.loads(outline.text("script", "evonsfw-run"))["frames"][0]["words"]


@pytest.mark.parametrize(
    "text",
    [ATTACK, "a\r\nb\tc", "\x00\x1f", "größer \u2028 \U0001f3a8", "\udcff", "", "$title ${x}"],
)
def test_metadata_comes_back_exactly(text: str, tmp_path: Path) -> None:
    artwork = an_artwork(extra=text)
    path = tmp_path / "page.html"
    path.write_bytes(a_page(artwork).encode("utf-8"))
    assert html.read(path) == artwork.metadata
    assert html.same(path, artwork) is True


def test_the_whole_page(tmp_path: Path) -> None:
    """With the film and the files of the other exporters that there are."""
    path, artwork = tmp_path / "page.html", an_artwork()
    html.write(path, artwork, CANVAS, QUICK)
    assert html.read(path) == artwork.metadata
    assert html.same(path, artwork) is True
    outline = Outline(path.read_text(encoding="utf-8"))
    files = {str(link["download"]): str(link["href"]) for link in outline.all("a")}
    kept = [name for name in ("svg", "png", "json") if name in exporter_names()]
    assert list(files) == [f"Nr-7-gr-er.{name}" for name in kept]
    for name, address in files.items():
        file = tmp_path / name
        file.write_bytes(base64.b64decode(address.partition(";base64,")[2]))
        assert load_exporter(file.suffix[1:]).read(file) == artwork.metadata
    assert len(outline.all("video")) == ("mp4" in exporter_names())


def test_same_artwork_same_bytes(tmp_path: Path) -> None:
    one, two = tmp_path / "one.html", tmp_path / "two.html"
    for path in (one, two):
        html.write(path, an_artwork(), CANVAS, QUICK)
    assert one.read_bytes() == two.read_bytes()


@pytest.mark.parametrize(
    ("canvas", "film"),
    [
        ((256, 256), (540, 540)),
        ((40, 30), (720, 540)),
        ((30, 40), (540, 720)),
        ((900, 100), (1080, 120)),
    ],
)
@pytest.mark.parametrize("manner", [Manner(), Manner(fps=12, seconds=2.0)])
def test_the_film_within(
    canvas: Canvas, film: Canvas, manner: Manner, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[tuple[Canvas, Manner]] = []

    class Film:
        def write(self, path: Path, artwork: Artwork, canvas: Canvas, manner: Manner) -> None:
            assert artwork.story is not None
            asked.append((canvas, manner))
            path.write_bytes(b"a film")

    monkeypatch.setattr(html, "exporter_names", lambda: ["mp4"])
    monkeypatch.setattr(html, "load_exporter", lambda _: Film())
    html.write(tmp_path / "page.html", an_artwork(), canvas, manner)
    assert asked == [(film, Manner(fps=manner.fps or 24, seconds=manner.seconds or 8.0))]
    outline = Outline((tmp_path / "page.html").read_text(encoding="utf-8"))
    (video,) = outline.all("video")
    assert video["src"] == "data:video/mp4;base64," + base64.b64encode(b"a film").decode()
    assert {"controls", "loop", "muted", "playsinline"} <= set(video)
    assert "autoplay" not in video


def test_a_page_needs_a_run(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="give a run folder"):
        html.write(tmp_path / "page.html", replace(an_artwork(), story=None), CANVAS)
    assert list(tmp_path.iterdir()) == []


def _written(tmp_path: Path) -> tuple[Path, Artwork, str]:
    artwork, path = an_artwork(), tmp_path / "page.html"
    text = a_page(artwork)
    path.write_bytes(text.encode("utf-8"))
    return path, artwork, text


def test_another_picture_is_told(tmp_path: Path) -> None:
    path, artwork, _ = _written(tmp_path)
    moved = artwork.genome.copy()
    moved[3] += 0.01 if moved[3] < 0.5 else -0.01
    assert html.same(path, replace(artwork, genome=moved)) is False
    other = replace(artwork, encoding=replace(artwork.encoding, background="#102030"))
    assert html.same(path, other) is False


@pytest.mark.parametrize("what", ["fill=", "0.8750", '"frames"', "triangles", "use strict"])
def test_a_change_anywhere_is_told(what: str, tmp_path: Path) -> None:
    path, artwork, text = _written(tmp_path)
    assert what in text
    flipped = "x" if what[-1] != "x" else "y"
    path.write_bytes(text.replace(what, what[:-1] + flipped, 1).encode("utf-8"))
    assert html.same(path, artwork) is False


@pytest.mark.parametrize("share", [0.01, 0.3, 0.6, 0.9, 0.9999])
def test_a_cut_page_is_told(share: float, tmp_path: Path) -> None:
    path, artwork, text = _written(tmp_path)
    path.write_bytes(text.encode("utf-8")[: int(share * len(text.encode("utf-8")))])
    for call in (lambda: html.read(path), lambda: html.same(path, artwork)):
        with pytest.raises(ValueError, match=r"page .*: (cut short|damaged)") as error:
            call()
        assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ('{"Title"', '{"Title'),
        ('{"Title"', '[{"Title"'),
        ('"evonsfw:generation":"8"', '"evonsfw:generation":8'),
        ('"evonsfw:generation":"8"', '"deep":' + "[" * 100_000),
        (f'id="{METADATA}"', 'id="other"'),
    ],
)
def test_damaged_metadata_is_told(old: str, new: str, tmp_path: Path) -> None:
    path, _, text = _written(tmp_path)
    assert old in text
    path.write_bytes(text.replace(old, new).encode("utf-8"))
    with pytest.raises(ValueError, match="damaged: its metadata"):
        html.read(path)


@pytest.mark.parametrize(
    ("old", "new"), [('width="40"', 'width="0"'), ('width="40"', 'width="x"'), (PICTURE, "other")]
)
def test_a_damaged_picture_is_told(old: str, new: str, tmp_path: Path) -> None:
    path, artwork, text = _written(tmp_path)
    assert old in text
    path.write_bytes(text.replace(old, new).encode("utf-8"))
    with pytest.raises(ValueError, match="its picture"):
        html.same(path, artwork)


def test_other_files(tmp_path: Path) -> None:
    path = tmp_path / "page.html"
    path.write_text("<!-- hello -->\n<!doctype HTML><title>Somebody's</title>", encoding="utf-8")
    assert html.read(path) == {}
    with pytest.raises(ValueError, match="its picture is gone"):
        html.same(path, an_artwork())
    for content in (b"", b"plain text", b"\x89PNG\r\n\x1a\n\xff", b"<svg></svg>"):
        path.write_bytes(content)
        with pytest.raises(ValueError, match="not an HTML page"):
            html.read(path)


def test_a_huge_file_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("evonsfw.page_source.LARGEST", 1000)
    path, _, _ = _written(tmp_path)
    with pytest.raises(ValueError, match="expected at most 1,000"):
        html.read(path)


def test_table_without_contributions() -> None:
    artwork = an_artwork()
    table = Outline(shape_table(artwork.encoding.decode(artwork.genome), CANVAS, ()))
    assert len(table.all("th")) == 7 + 6
    assert "below 0" not in a_page(replace(artwork, contributions=()))


@pytest.mark.parametrize("text", ["", "[", "[]", '"x"', '{"n": 0}', '{"newer": 1}', "[" * 100_000])
def test_settings_of_no_use_give_no_command(text: str) -> None:
    assert "<pre>" not in a_page(an_artwork(**{"evonsfw:settings": text}))


@pytest.mark.parametrize("number", ["3", "0", "99", "x", "", "9" * 5000])
def test_the_slider_begins_at_the_picture(number: str) -> None:
    outline = Outline(a_page(an_artwork(**{"evonsfw:generation": number})))
    frames = json.loads(outline.text("script", "evonsfw-run"))["frames"]
    (slider,) = outline.all("input")
    begin = frames[int(str(slider["value"]))]
    assert begin["number"] == (3 if number == "3" else 8)
    assert int(str(slider["max"])) == len(frames) - 1
    assert outline.text("span", "words") == begin["words"]


@pytest.mark.skipif(CHROMIUM is None, reason="no Chromium here")
def test_in_chromium(tmp_path: Path) -> None:
    """The script does what it should, within the policy, and nothing is said on the console."""
    path, artwork = tmp_path / "page.html", an_artwork(Title=ATTACK)
    html.write(path, artwork, CANVAS, QUICK)
    text = path.read_text(encoding="utf-8")
    digest = base64.b64encode(hashlib.sha256(TRY.encode()).digest()).decode()
    text = text.replace("script-src ", f"script-src 'sha256-{digest}' ")
    path.write_bytes(text.replace("</body>", f"<script>{TRY}</script></body>").encode())
    outline, console = _browsed(path, tmp_path / "profile")
    assert console == []
    assert outline.text("title") == ATTACK
    assert [a.get("hidden", "no") for _, a in outline.tags if a.get("class") == "player"] == ["no"]
    said = json.loads(str(outline.all("body")[0]["data-said"]))
    drawings = [artwork.encoding.decode(g) for g in (artwork.genome, a_run(artwork.encoding, 1)[0])]
    for (shapes, words), drawing, number in (
        (said["begin"], drawings[0], 8),
        (said["first"], drawings[1], 1),
        (said["back"], drawings[0], 8),
    ):
        shown = [(tag, attributes) for tag, attributes in Outline(shapes).tags]
        assert shown == [tuple(element) for element in fine_elements(drawing, CANVAS)]
        assert words.startswith(f"generation {number} · nsfw {number / 9:.4f}")
    assert said["sorted"] == ["6", "5", "4", "3", "2", "1"]
    assert (said["marks"], said["held"]) == (2, "true")


def _browsed(path: Path, profile: Path) -> tuple[Outline, list[str]]:
    """The page as Chromium has it in the end, and what it says on its console."""
    shown = subprocess.run(
        [str(CHROMIUM), *FLAGS, f"--user-data-dir={profile}", path.as_uri()],
        capture_output=True,
        encoding="utf-8",
        timeout=120,
        check=True,
    )
    return Outline(shown.stdout), [line for line in shown.stderr.splitlines() if "CONSOLE" in line]
