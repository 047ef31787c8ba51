"""PNG, SVG and JSON: what is theirs alone. What all exporters keep is in test_exporters.py."""

from __future__ import annotations

import re
import struct
import subprocess
import sys
import zlib
from io import BytesIO
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import numpy as np
import pytest
import resvg_py
from artworks import CANVAS, artwork, gridded
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from evonsfw.classifier import Classifier
from evonsfw.config import make_config
from evonsfw.exporters import Artwork, Manner, png, svg
from evonsfw.exporters.svg import to_svg
from evonsfw.generation import Champion
from evonsfw.genome import Encoding, genome_hash
from evonsfw.provenance import read_provenance
from evonsfw.raster import render
from evonsfw.runs import RunFolder
from evonsfw.shapes import Canvas, load_shape, shape_names
from evonsfw.vector import _rounded, elements, fine_units, short_elements, short_number

SVG = "{http://www.w3.org/2000/svg}"
SIZES = [CANVAS, (16, 16), (33, 70), (200, 150)]
CLEAR = Manner(transparent=True)
GOLDEN = Path(__file__).parent / "golden"
EVOLVED = sorted(GOLDEN.glob("evolved-*.json"))
FORMER = GOLDEN / "former.svg"
SIZES_IN_TENTHS = ("r", "rx", "ry", "width", "height", "stroke-width")


def _drawn(document: str, mode: str = "RGB") -> np.ndarray:
    """An SVG as resvg sees it."""
    content = bytes(resvg_py.svg_to_bytes(svg_string=document))
    return np.asarray(Image.open(BytesIO(content)).convert(mode))


def _rendered(what: Artwork, canvas: Canvas) -> np.ndarray:
    return render(what.genome[None], what.encoding, canvas)[0]


@pytest.mark.parametrize("canvas", SIZES)
def test_png_has_the_pixels_and_texts_of_pillows(canvas: Canvas, tmp_path: Path) -> None:
    """Written by Pillow from the whole picture, it says the same."""
    what = artwork()
    png.write(tmp_path / "ours.png", what, canvas)
    chunks = PngInfo()
    for keyword, text in what.metadata.items():
        chunks.add_text(keyword, text)
    Image.fromarray(_rendered(what, canvas)).save(tmp_path / "pillow.png", pnginfo=chunks)
    images = [Image.open(tmp_path / name) for name in ("ours.png", "pillow.png")]
    assert [image.mode for image in images] == ["RGB", "RGB"]
    assert images[0].text == images[1].text == what.metadata
    np.testing.assert_array_equal(*(np.asarray(image) for image in images))
    assert all(png.same(tmp_path / name, what) for name in ("ours.png", "pillow.png"))


def test_png_of_many_strips(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("evonsfw.exporters.png.STRIP_PIXELS", 1)
    what = artwork()
    for manner in (Manner(), CLEAR):
        png.write(tmp_path / "art.png", what, (200, 150), manner)
        assert png.same(tmp_path / "art.png", what)
    with Image.open(tmp_path / "art.png") as image:
        assert image.mode == "RGBA"


@pytest.mark.parametrize("canvas", SIZES)
def test_png_transparent(canvas: Canvas, tmp_path: Path) -> None:
    what = artwork()
    png.write(tmp_path / "art.png", what, canvas, CLEAR)
    with Image.open(tmp_path / "art.png") as image:
        ground = what.encoding.decode(what.genome).background * 255
        below = Image.new("RGBA", canvas, tuple(round(float(level)) for level in ground))
        laid = np.asarray(Image.alpha_composite(below, image).convert("RGB")).astype(int)
        assert image.getextrema()[3][0] < 255
    assert np.abs(laid - _rendered(what, canvas)).max() <= 1
    assert png.same(tmp_path / "art.png", what)
    assert png.read(tmp_path / "art.png") == what.metadata


def test_png_compresses_long_texts_only(tmp_path: Path) -> None:
    path = tmp_path / "art.png"
    what = artwork()
    long = {"evonsfw:genome": "A" * 5000, "Title": "short"}
    png.write(path, Artwork(what.genome, what.encoding, long), (16, 16))
    content = path.read_bytes()
    assert b"zTXtevonsfw:genome" in content
    assert b"tEXtTitle\0short" in content
    assert png.read(path) == long


@pytest.mark.parametrize("manner", [Manner(), CLEAR])
@pytest.mark.parametrize("place", [(0, 0), (99, 40), (119, 79)])
def test_png_with_one_pixel_changed(manner: Manner, place: Canvas, tmp_path: Path) -> None:
    path, what = tmp_path / "art.png", artwork()
    png.write(path, what, (120, 80), manner)
    with Image.open(path) as image:
        changed = image.copy()
    pixel = changed.getpixel(place)
    assert isinstance(pixel, tuple)
    changed.putpixel(place, (*pixel[:2], pixel[2] ^ 1, *pixel[3:]))
    changed.save(path)
    assert png.same(path, what) is False


@pytest.mark.parametrize("options", [{"optimize": True}, {"compress_level": 1}])
def test_png_saved_again_by_another_program(options: dict[str, Any], tmp_path: Path) -> None:
    path, what = tmp_path / "art.png", artwork()
    png.write(path, what, CANVAS)
    with Image.open(path) as image:
        image.convert("RGB").save(path, **options)
    assert png.same(path, what) is True


@pytest.mark.parametrize("manner", [Manner(), CLEAR])
def test_png_too_large_for_pillow(
    manner: Manner, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Read strip by strip; only as it was packed here, and no less carefully."""
    monkeypatch.setattr("evonsfw.exporters.png.MAX_PIXELS", 100)
    monkeypatch.setattr("evonsfw.exporters.png.STRIP_PIXELS", 1)
    path, what, other = tmp_path / "art.png", artwork(), artwork(1)
    png.write(path, what, (120, 80), manner)
    assert png.read(path) == what.metadata
    assert png.same(path, what) is True
    assert png.same(path, other) is False
    whole = path.read_bytes()
    path.write_bytes(whole[:-20])
    with pytest.raises(ValueError, match="cannot be read"):
        png.same(path, what)
    path.write_bytes(whole)
    with Image.open(path) as image:
        image.save(path)
    with pytest.raises(ValueError, match="another program packed it"):
        png.same(path, what)


@pytest.mark.parametrize("canvas", [(2**31 - 1, 2**31 - 1), (20_000, 20_000), (10**6, 1)])
def test_png_that_claims_to_be_huge(canvas: Canvas, tmp_path: Path) -> None:
    """Its size is believed by nobody who would make room for it."""
    path, what = tmp_path / "art.png", artwork()
    png.write(path, what, CANVAS)
    head = struct.pack(">4sIIBBBBB", b"IHDR", *canvas, 8, 2, 0, 0, 0)
    content = path.read_bytes()
    path.write_bytes(content[:12] + head + struct.pack(">I", zlib.crc32(head)) + content[33:])
    with pytest.raises(ValueError, match="expected at most 16384 a side"):
        png.same(path, what)


POSTER = """
import re
import numpy as np
from pathlib import Path
from evonsfw.exporters import Artwork, Manner, png
from evonsfw.genome import Encoding

def peak():
    return int(re.search(r"VmHWM:\\s*(\\d+) kB", Path("/proc/self/status").read_text())[1])

encoding = Encoding(("circles",), 2)
artwork = Artwork(np.full(encoding.length, 0.5, np.float32), encoding)
for clear in (False, True):
    png.write(Path("poster.png"), artwork, (256, 256), Manner(transparent=clear))
    before = peak()
    png.write(Path("poster.png"), artwork, (16384, 2048), Manner(transparent=clear))
    print(peak() - before)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="the peak is Linux's to tell")
def test_png_memory_does_not_grow_with_the_picture(tmp_path: Path) -> None:
    """34 million pixels: the finished pictures alone would be 101 and 134 MB."""
    command = [sys.executable, "-c", POSTER]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=True)
    opaque, clear = (int(line) for line in done.stdout.split())
    assert opaque < 60_000
    assert clear < 100_000


@pytest.mark.parametrize("canvas", SIZES)
def test_svg_is_the_picture_to_another_renderer(canvas: Canvas) -> None:
    what = artwork()
    assert np.abs(_drawn(to_svg(what, canvas)).astype(int) - _rendered(what, canvas)).mean() <= 1.0


@pytest.mark.parametrize("path", EVOLVED, ids=lambda path: path.stem)
def test_svg_of_an_evolved_picture_scores_the_same(path: Path, open_nsfw: Classifier) -> None:
    """Evolved to nsfw 0.99: such pictures feel a twentieth of a level."""
    found = read_provenance(path)
    assert found is not None
    config = found.config
    what = Artwork(found.genome, config.encoding, found.texts)
    ours, second = _rendered(what, config.canvas), _drawn(to_svg(what, config.canvas))
    assert np.abs(ours.astype(int) - second).mean() <= 1.0
    scores = [float(open_nsfw.probabilities([picture])[0, 1]) for picture in (ours, second)]
    assert scores[0] == pytest.approx(float(found.texts["evonsfw:score"]), abs=1e-4)
    assert scores[1] == pytest.approx(scores[0], abs=0.01)


def test_svg_drawn_much_larger_is_the_poster() -> None:
    """A unit is a twenty-fourth of a pixel at 64, 1.3 pixels at 2048."""
    what = artwork(n=60)
    document = to_svg(what, (64, 48)).replace('width="64" height="48"', 'width="2048"', 1)
    large = _drawn(document)
    assert large.shape == (1536, 2048, 3)
    assert np.abs(large.astype(np.int16) - _rendered(what, (2048, 1536))).mean() <= 1.0


def test_svg_transparent() -> None:
    what = artwork()
    picture = _drawn(to_svg(what, (120, 90), True), "RGBA").astype(float)
    alpha = picture[:, :, 3:] / 255
    ground = what.encoding.decode(what.genome).background * 255
    laid = picture[:, :, :3] * alpha + ground * (1 - alpha)
    assert np.abs(laid - _rendered(what, (120, 90))).mean() <= 1.0
    assert alpha.min() < 1.0


def test_svg_by_hand() -> None:
    encoding = Encoding(("circles", "triangles"), 2, (0.25, 0.75), "#102030")
    genome = np.zeros(encoding.length, np.float32)
    rows = encoding.rows(genome)
    rows[:, :3] = 0.5
    rows[0, -4:] = [1.0, 0.5, 0.0, 1.0]
    texts = {"evonsfw:score": "0.991000", "evonsfw:seed": "7"}
    what = Artwork(genome, encoding, texts, (0.125, -1 / 3))
    root = ElementTree.fromstring(to_svg(what, (100, 50)))
    assert root.attrib == {
        "width": "100",
        "height": "50",
        "viewBox": "0 0 1500 750",
    }
    title, words, metadata, ground, circle, triangle = root
    assert title.text == "evonsfw"
    assert words.text == (
        "A picture of 2 semi-transparent circles and triangles, scored 0.991000, "
        "evolved by evonsfw from seed 7."
    )
    assert {chunk.get("k"): chunk.text for chunk in metadata[0]} == texts
    assert ground.attrib == {"width": "1500", "height": "750", "fill": "#102030"}
    shape = load_shape("circles")
    radius = 15 * np.sqrt(100 * 50) * np.sqrt(shape.MIN_RADIUS * shape.MAX_RADIUS)
    assert circle.tag == f"{SVG}circle"
    assert float(circle.attrib.pop("r")) == pytest.approx(radius, abs=0.051)
    assert circle.attrib == {
        "cx": "750",
        "cy": "375",
        "fill": "#ff8000",
        "opacity": ".75",
        "data-contribution": ".125",
    }
    assert triangle.tag == f"{SVG}polygon"
    assert re.fullmatch(r"-?\d+[,-]\d+( -?\d+[,-]\d+){2}", triangle.attrib.pop("points"))
    assert triangle.attrib == {
        "fill": "#000000",
        "opacity": ".25",
        "data-contribution": "-.333",
    }


def test_svg_paints_in_row_order() -> None:
    encoding = Encoding(("circles", "triangles"), 6)
    genome = np.zeros(encoding.length, np.float32)
    encoding.rows(genome)[:, -2] = np.arange(6) * 40 / 255
    root = ElementTree.fromstring(to_svg(Artwork(genome, encoding), (64, 64)))
    fills = [element.get("fill") for element in list(root)[4:]]
    assert fills == [f"#0000{level:02x}" for level in range(0, 240, 40)]
    tags = [element.tag.removeprefix(SVG) for element in list(root)[4:]]
    assert tags == ["circle", "polygon"] * 3


@pytest.mark.parametrize("name", shape_names())
@pytest.mark.parametrize("canvas", [(64, 48), (256, 256), (5000, 30)])
def test_svg_is_as_exact_as_its_units(name: str, canvas: Canvas) -> None:
    """Each number is the shape's own, in units and rounded; opacity, to a thousandth."""
    drawing = artwork(3, n=9, shapes=name).encoding.decode(artwork(3, n=9, shapes=name).genome)
    units = fine_units(canvas)
    assert units * max(canvas) >= 1500 > (units - 1) * max(canvas)
    exact = elements(drawing, (canvas[0] * units, canvas[1] * units))
    for short, long in zip(short_elements(drawing, canvas), exact, strict=True):
        assert short.attributes[long.paint] == long.attributes[long.paint]
        opacity = float(long.attributes.pop(f"{long.paint}-opacity"))
        name = "opacity" if long.paint == "fill" else "stroke-opacity"
        assert float(short.attributes[name]) == pytest.approx(opacity, abs=0.00051)
        assert short.to_text().count("opacity") == 1
        assert short.tag == long.tag
        for key, value in long.attributes.items():
            off = np.abs(_numbers(short.attributes[key]) - _numbers(value)) if key[-1] != "l" else 0
            assert np.all(off <= (0.051 if key in SIZES_IN_TENTHS else 0.501))
            assert len(short.attributes[key]) <= len(value)


def _numbers(text: str) -> np.ndarray:
    return np.array(re.findall(r"-?(?:\d+\.?\d*|\.\d+)", text), float)


@pytest.mark.parametrize(
    ("points", "short"),
    [
        ("0.000,0.000 10.000,0.000 10.000,-5.000", "0,0 10,0 10-5"),
        ("1000.400,1000.600 -1.000,2.000 3.400,-3.600", "1000,1001 -1,2 3-4"),
        ("-0.400,-0.400 -7.000,-7.000 7.000,7.000", "0,0 -7-7 7,7"),
    ],
)
def test_svg_points_by_hand(points: str, short: str) -> None:
    """A minus sign parts x and y, but no corners."""
    assert _rounded("points", points) == short


@pytest.mark.parametrize(
    ("number", "digits", "text"),
    [
        (0.5, 3, ".5"),
        (-0.5, 1, "-.5"),
        (0.0004, 3, "0"),
        (-0.0004, 3, "0"),
        (1.0, 3, "1"),
        (10.0, 0, "10"),
        (100.04, 1, "100"),
        (-20.06, 1, "-20.1"),
    ],
)
def test_short_numbers(number: float, digits: int, text: str) -> None:
    assert short_number(number, digits) == text


@pytest.mark.parametrize(
    ("values", "texts"),
    [
        ((0.0, -0.0), ["0", "0"]),
        ((12.345, -0.04, 0.06), ["12.3", "0", ".1"]),
        ((1234.5, -3.2), ["1234", "-3"]),
        ((-0.0123456, 0.0009), ["-.0123", ".0009"]),
        ((1e-9,), ["0"]),
        ((float("inf"), 1.0), ["inf", "1"]),
        ((), []),
    ],
)
@pytest.mark.parametrize("transparent", [False, True])
def test_svg_contributions(values: tuple[float, ...], texts: list[str], transparent: bool) -> None:
    """Of the first shapes; three digits of the largest, at most six decimals."""
    what = artwork()
    document = to_svg(Artwork(what.genome, what.encoding, {}, values), CANVAS, transparent)
    shapes = list(ElementTree.fromstring(document))[3 if transparent else 4 :]
    told = [element.get("data-contribution") for element in shapes]
    assert told == texts + [None] * (what.encoding.n - len(texts))


def test_svg_is_small() -> None:
    """100 triangles and what each contributes."""
    what = artwork(n=100, shapes="triangles", size="256")
    document = to_svg(Artwork(what.genome, what.encoding, {}, what.contributions), (256, 256))
    assert len(document) < 11_000


def test_svg_of_200_triangles_in_20_kilobytes(tmp_path: Path) -> None:
    """Genes at random on the grid, so that nothing is shorter than it must be, and all that a run
    says of itself; as a likeness is exported.
    """
    config = make_config({"n": 200, "shapes": "triangles", "size": "256", "seed": 2**31 - 1})
    genome = gridded(np.random.default_rng(5).random(config.encoding.length), config.encoding)
    what = RunFolder(tmp_path, config, "ab" * 32).artwork(Champion(genome, -12.3, 12.345678, 99999))
    path = tmp_path / "art.svg"
    svg.write(path, what, config.canvas)
    assert path.stat().st_size < 19_600
    assert svg.same(path, what) is True
    found = read_provenance(path)
    assert found is not None
    assert found.config == config
    assert found.genome.tobytes() == genome.tobytes()


def test_svg_of_a_former_version() -> None:
    """Written with coordinates in pixels, and an opacity of colours."""
    found = read_provenance(FORMER)
    assert found is not None
    assert found.config.encoding.n == 9
    assert genome_hash(found.genome) == found.texts["evonsfw:genome_sha256"]
    assert svg.same(FORMER, Artwork(found.genome, found.config.encoding)) is True
    other = found.genome.copy()
    found.config.encoding.rows(other)[4, 0] += 0.01
    assert svg.same(FORMER, Artwork(other, found.config.encoding)) is False


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("<circle", "<ellipse"),
        (' opacity=".', ' opacity="1.'),
        ("</svg>", '<circle cx="1" cy="1" r="9"/></svg>'),
        ("</svg>", "<style>circle{fill:red}</style></svg>"),
        ('viewBox="0 0 ', 'viewBox="9 0 '),
        ("<circle", '<circle xmlns=""'),
        ("<svg ", '<svg style="opacity:.5" '),
    ],
)
def test_svg_with_a_change(before: str, after: str, tmp_path: Path) -> None:
    path, what = tmp_path / "art.svg", artwork()
    svg.write(path, what, CANVAS)
    text = path.read_text(encoding="utf-8")
    path.write_text(text.replace(before, after, 1), encoding="utf-8")
    assert svg.same(path, what) is False
    path.write_text(text.replace("<title>", "<title>my "), encoding="utf-8")
    assert svg.same(path, what) is True


LAUGHS = "".join(f'<!ENTITY l{i} "{f"&l{i - 1};" * 10}">' for i in range(1, 10))


@pytest.mark.parametrize(
    ("document", "reason"),
    [
        (f'<!DOCTYPE svg [<!ENTITY l0 "ha">{LAUGHS}]><svg>&l9;</svg>', "DOCTYPE"),
        ('<!DOCTYPE svg [<!ENTITY e SYSTEM "file:///etc/passwd">]><svg>&e;</svg>', "DOCTYPE"),
        ('<?xml-stylesheet href="evil.css"?><svg/>', "stylesheet"),
        ("<svg>" * 100_000, "damaged"),
        ("<svg>", "damaged"),
        ("<html/>", "html"),
        ('<svg xmlns="http://www.w3.org/2000/svg" width="1e9" height="5"/>', "whole pixels"),
        ('<svg xmlns="http://www.w3.org/2000/svg" width="99999" height="5"/>', "whole pixels"),
        ('<svg xmlns="http://www.w3.org/2000/svg"/>', "whole pixels"),
    ],
)
def test_svg_of_a_stranger(document: str, reason: str, tmp_path: Path) -> None:
    (tmp_path / "art.svg").write_text(document)
    with pytest.raises(ValueError, match=reason) as caught:
        svg.same(tmp_path / "art.svg", artwork())
    assert "\n" not in str(caught.value)


def test_svg_larger_than_any(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("evonsfw.pictures.MAX_TEXT", 100)
    (tmp_path / "art.svg").write_text(to_svg(artwork(), CANVAS))
    with pytest.raises(ValueError, match="larger than"):
        svg.read(tmp_path / "art.svg")
