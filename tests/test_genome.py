"""Genomes: what their genes mean, and the forms that they travel in."""

from __future__ import annotations

import base64
import copy
import hashlib
import multiprocessing
import pickle

import numpy as np
import pytest
from deap import creator
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from evonsfw.genome import (
    BACKGROUND_GENES,
    Drawing,
    Encoding,
    Fitness,
    Individual,
    genome_from_text,
    genome_hash,
    genome_to_text,
)
from evonsfw.shapes import load_shape, shape_names

MIX = tuple(shape_names())
genes = st.floats(0, 1, width=32)


def test_lengths() -> None:
    assert Encoding(("circles",), 5).row_length == 3 + 4
    assert Encoding(("circles",), 5).length == 3 + 5 * 7
    assert Encoding(("circles", "triangles"), 5).row_length == 6 + 4
    assert Encoding(("circles", "triangles"), 5).length == 3 + 5 * 10


def test_decode_by_hand() -> None:
    encoding = Encoding(("circles",), 2, (0.2, 0.6))
    genome = np.array(
        [0.1, 0.2, 0.3, 0.5, 0.6, 0.7, 1.0, 0.0, 0.5, 0.0, 0.8, 0.9, 0.4, 0.25, 0.75, 0.125, 1.0],
        np.float32,
    )
    drawing = encoding.decode(genome)
    np.testing.assert_array_equal(drawing.background, genome[:3])
    np.testing.assert_array_equal(drawing.geometry, genome[[[3, 4, 5], [10, 11, 12]]].astype(float))
    np.testing.assert_array_equal(drawing.colours, [[1.0, 0.0, 0.5], [0.25, 0.75, 0.125]])
    np.testing.assert_allclose(drawing.alphas, [0.2, 0.6], rtol=1e-6)
    assert drawing.geometry.dtype == np.float64
    assert drawing.colours.dtype == drawing.alphas.dtype == drawing.background.dtype == np.float32


def test_decoded_alphas_are_within_their_range() -> None:
    encoding = Encoding(("circles",), 11, (0.3, 0.9))
    genome = np.zeros(encoding.length, np.float32)
    encoding.rows(genome)[:, -1] = np.linspace(0, 1, 11)
    np.testing.assert_allclose(encoding.decode(genome).alphas, np.linspace(0.3, 0.9, 11), rtol=1e-6)


def test_rows_are_a_view() -> None:
    encoding = Encoding(("circles",), 3)
    genome = np.zeros(encoding.length, np.float32)
    encoding.rows(genome)[1] = 1.0
    assert genome.sum() == encoding.row_length
    assert genome[BACKGROUND_GENES + encoding.row_length] == 1.0


def test_genes_outside_are_clipped() -> None:
    encoding = Encoding(("circles",), 1)
    wild = np.linspace(-3, 4, encoding.length).astype(np.float32)
    inside = encoding.decode(np.clip(wild, 0, 1))
    outside = encoding.decode(wild)
    np.testing.assert_array_equal(inside.geometry, outside.geometry)
    np.testing.assert_array_equal(inside.colours, outside.colours)
    np.testing.assert_array_equal(inside.background, outside.background)


def test_decode_does_not_touch_the_genome() -> None:
    encoding = Encoding(MIX, 4, palette=("#000000", "#ffffff"))
    genome = np.random.default_rng(0).random(encoding.length, np.float32)
    before = genome.copy()
    encoding.decode(genome)
    np.testing.assert_array_equal(genome, before)


@pytest.mark.parametrize("shape", [(0,), (37,), (39,), (38, 1), (1, 38)])
def test_a_genome_of_another_length(shape: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match=r"expected \(38,\)"):
        Encoding(("circles",), 5).decode(np.zeros(shape, np.float32))


def test_fixed_background() -> None:
    encoding = Encoding(("circles",), 1, background="#ff8000")
    drawing = encoding.decode(np.zeros(encoding.length, np.float32))
    np.testing.assert_array_equal(drawing.background, np.float32([255, 128, 0]) / np.float32(255))
    assert encoding.length == 3 + 7


@given(hnp.arrays(np.float32, (6, 3), elements=genes))
def test_palette_takes_the_nearest(colours: np.ndarray) -> None:
    palette = ("#000000", "#ffffff", "#ff0000", "#2a9d8f")
    encoding = Encoding(("circles",), 5, palette=palette)
    genome = np.zeros(encoding.length, np.float32)
    genome[:3] = colours[0]
    encoding.rows(genome)[:, -4:-1] = colours[1:]
    drawing = encoding.decode(genome)
    painted = np.concatenate([drawing.background[None], drawing.colours])
    distances = np.linalg.norm(colours[:, None].astype(float) - encoding.swatches, axis=-1)
    chosen = np.linalg.norm(colours.astype(float) - painted, axis=-1)
    assert all(any(np.array_equal(c, swatch) for swatch in encoding.swatches) for c in painted)
    np.testing.assert_allclose(chosen, distances.min(axis=1), atol=1e-6)


def test_fixed_background_need_not_be_of_the_palette() -> None:
    encoding = Encoding(("circles",), 1, background="#123456", palette=("#ffffff",))
    drawing = encoding.decode(np.zeros(encoding.length, np.float32))
    np.testing.assert_allclose(drawing.background * 255, [0x12, 0x34, 0x56], rtol=1e-6)


def test_shapes_of_a_mix_take_turns() -> None:
    encoding = Encoding(("circles", "triangles"), 5)
    drawing = encoding.decode(np.zeros(encoding.length, np.float32))
    assert dict(drawing.rows_by_shape()) == {
        "circles": slice(0, None, 2),
        "triangles": slice(1, None, 2),
    }


def test_a_mix_of_more_shapes_than_rows() -> None:
    encoding = Encoding(("circles", "triangles"), 1)
    drawing = encoding.decode(np.zeros(encoding.length, np.float32))
    assert [name for name, _ in drawing.rows_by_shape()] == ["circles"]
    assert encoding.row_length == len(load_shape("triangles").GENES) + 4


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"shapes": ("circels",)}, "did you mean circles"),
        ({"background": "blue"}, "colour 'blue'"),
        ({"palette": ("#12345",)}, "colour '#12345'"),
    ],
)
def test_a_wrong_encoding_is_told_at_once(arguments: dict, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Encoding(**arguments)


def test_encodings_compare_hash_and_pickle() -> None:
    one, two = Encoding(MIX, 7), Encoding(MIX, 7)
    assert one == two
    assert hash(one) == hash(two)
    assert pickle.loads(pickle.dumps(one)) == one
    assert Encoding(MIX, 8) != one


def test_a_drawing_is_frozen() -> None:
    drawing = Encoding(("circles",), 1).decode(np.zeros(10, np.float32))
    assert isinstance(drawing, Drawing)
    with pytest.raises(AttributeError):
        drawing.shapes = ()


@given(hnp.arrays(np.float32, st.integers(1, 40), elements=genes))
def test_text_round_trip(genome: np.ndarray) -> None:
    text = genome_to_text(genome)
    again = genome_from_text(text)
    assert again.dtype == np.float32
    assert text.isascii()
    assert again.tobytes() == genome.tobytes()
    assert genome_hash(again) == genome_hash(genome)


@given(st.integers(1, 5), st.integers(5, 99), st.data())
def test_text_of_a_genome_on_the_grid_is_short(n: int, row: int, data: st.DataObject) -> None:
    """Twelve bits a geometric gene, eight a colour's, in base85; every bit comes back."""
    geometry = data.draw(hnp.arrays(np.uint16, (n, row - 4), elements=st.integers(0, 4095)))
    colours = data.draw(hnp.arrays(np.uint8, (n, 4)))
    background = data.draw(hnp.arrays(np.uint8, 3))
    rows = np.concatenate([geometry / 4095, colours / 255], axis=1)
    genome = np.concatenate([background / 255, rows.ravel()]).astype(np.float32)
    text = genome_to_text(genome)
    assert genome_from_text(text).tobytes() == genome.tobytes()
    assert not set(text) & set("<>&\"'\\")
    count = 3 + -(-n * (row - 4) * 3 // 2) + 4 * n
    assert len(text.partition(":")[2]) <= -(-count * 5 // 4)


@pytest.mark.parametrize(
    ("rows", "geometry"),
    [
        ([[1, 2, 256, 0, 1, 2, 3], [3, 4, 4095, 255, 0, 0, 1]], "001 002 100 003 004 fff"),
        ([[1, 2, 4095, 0, 1, 2, 3]], "001 002 fff 0"),
    ],
    ids=["even", "odd"],
)
def test_short_text_by_hand(rows: list[list[int]], geometry: str) -> None:
    """The background's bytes; three digits for each of x, y, size; then colours and alphas."""
    genes = [[k / 4095 for k in row[:3]] + [k / 255 for k in row[3:]] for row in rows]
    genome = np.array([0, 1 / 255, 1, *np.concatenate(genes)]).astype(np.float32)
    levels = "".join(f"{k:02x}" for row in rows for k in row[3:])
    data = bytes.fromhex("0001ff" + geometry.replace(" ", "") + levels)
    letters = bytes.maketrans(b"<>&", b".,/")
    text = "7:" + base64.b85encode(data).translate(letters).decode()
    assert genome_to_text(genome) == text
    assert genome_from_text(text).tobytes() == genome.tobytes()


@pytest.mark.parametrize("place", [0, 3, 9, 12])
@pytest.mark.parametrize("change", ["one bit", "minus zero", "the other's step", "not finite"])
def test_one_gene_beside_the_grid_is_kept(place: int, change: str) -> None:
    """Of two rows of five genes; 0, 9 and 12 are a colour's, 3 is a geometric one."""
    genome = np.full(13, 17 / 255, np.float32)
    genome[[3, 8]] = np.float32(17 / 4095)
    assert genome_to_text(genome).startswith("5:")
    changes = {
        "one bit": np.nextafter(genome[place], np.float32(1.0)),
        "minus zero": np.float32(-0.0),
        "the other's step": np.float32(18 / 255 if place == 3 else 18 / 4095),
        "not finite": np.float32(np.inf),
    }
    genome[place] = changes[change]
    text = genome_to_text(genome)
    assert text == base64.b64encode(genome.tobytes()).decode()
    if change != "not finite":
        assert genome_from_text(text).tobytes() == genome.tobytes()


def test_text_of_genomes_without_rows() -> None:
    for length in (0, 1, 3):
        genome = np.zeros(length, np.float32)
        assert genome_to_text(genome) == base64.b64encode(genome.tobytes()).decode()
        assert len(genome_from_text(genome_to_text(genome))) == length


def test_hash_is_of_the_little_endian_bytes() -> None:
    genome = np.array([0.0, 0.5, 1.0], np.float32)  # one half is on no grid
    written = bytes.fromhex("00000000 0000003f 0000803f")
    assert genome_hash(genome) == hashlib.sha256(written).hexdigest()
    assert genome_to_text(genome) == base64.b64encode(written).decode()
    assert genome_hash(genome.astype(">f4")) == genome_hash(genome)
    assert genome_hash(np.repeat(genome, 2)[::2]) == genome_hash(genome)
    assert genome_hash(genome[::-1]) != genome_hash(genome)


@pytest.mark.parametrize(
    "text",
    [
        "AAA",
        "AAAAA===",
        "not base64!",
        "ÄÖÜ=",
        base64.b64encode(b"12345").decode(),
        genome_to_text(np.array([0.5, np.nan], np.float32)),
        genome_to_text(np.array([0.5, np.inf], np.float32)),
        genome_to_text(np.array([-0.001], np.float32)),
        genome_to_text(np.array([1.0000001], np.float32)),
        ":",
        "5:",
        "5:00",
        "5:0000000000",
        "4:000000000",
        "0:000000000",
        "100:" + "0" * 500,
        "-7:000000000",
        "\N{SUPERSCRIPT TWO}:000000000",
        "9" * 5000 + ":000000000",
        "10:ÄÖÜ",
        '10:"000000000',
        "10:~~~~~~~~~~",
        "10:0000:00000",
    ],
)
def test_damaged_text(text: str) -> None:
    with pytest.raises(ValueError, match=r"\S"):
        genome_from_text(text)


@settings(deadline=None)
@given(st.text(max_size=40) | st.from_regex(r"[0-9]{1,2}:[!-~]{0,40}", fullmatch=True))
def test_any_text_is_a_genome_or_a_value_error(text: str) -> None:
    try:
        genome = genome_from_text(text)
    except ValueError:
        return
    assert np.all((genome >= 0) & (genome <= 1))


def test_an_individual_copies_and_starts_without_fitness() -> None:
    genome = np.array([0.25, 0.5], np.float64)
    individual = Individual(genome)
    genome[:] = 0.0
    assert individual.dtype == np.float32
    assert individual.tolist() == [0.25, 0.5]
    assert not individual.fitness.valid
    assert not hasattr(creator, "Individual"), "declared at module level, not by creator.create"


@pytest.mark.parametrize("clone", [copy.deepcopy, lambda i: pickle.loads(pickle.dumps(i))])
@pytest.mark.parametrize("values", [(), (2.5,)])
def test_copies_keep_genes_and_fitness(clone, values: tuple[float, ...]) -> None:
    individual = Individual([0.25, 0.5])
    if values:
        individual.fitness.values = values
    twin = clone(individual)
    assert type(twin) is Individual
    assert isinstance(twin.fitness, Fitness)
    assert twin.tolist() == [0.25, 0.5]
    assert twin.fitness.values == values
    twin[0] = 1.0
    twin.fitness.values = (9.0,)
    assert individual[0] == 0.25
    assert individual.fitness.values == values


def test_individuals_pickle_by_their_module() -> None:
    """Spawned workers find the class by name; nothing is made at run time."""
    assert Individual.__module__ == Fitness.__module__ == "evonsfw.genome"
    assert (
        b"evonsfw.genome"
        in multiprocessing.reduction.ForkingPickler.dumps(Individual([0.5])).tobytes()
    )


def test_views_and_sums_have_a_fitness_of_their_own() -> None:
    individual = Individual([0.25, 0.5])
    individual.fitness.values = (1.0,)
    assert not individual[:1].fitness.valid
    assert not (individual + individual).fitness.valid
    assert individual.fitness.valid


def test_larger_fitness_is_better() -> None:
    low, high = Fitness((1.0,)), Fitness((2.0,))
    assert high > low
    assert high.dominates(low)
