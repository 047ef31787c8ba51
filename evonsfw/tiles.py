"""Vectors for compiled code: a tile of pixels as one value, a float32 in each of its lanes.

numba leaves it to LLVM to find vectors in loops, which fails where rows are short and loops have
remainders. A tile is a value of its own type instead, and what can be done with it is told to LLVM
directly, by numba's extension interface: the arithmetic is IEEE float32, lane by lane, in this
order and no other. On a processor whose vectors are shorter, LLVM takes several.

After a change here, touch the files that use it: numba's cache looks at a kernel's own file alone.
"""

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import Any

from llvmlite import ir  # type: ignore[import-untyped]
from numba.core import types
from numba.extending import lower_builtin, models, register_model, type_callable

WIDE, TALL = 4, 8
"""Width and height of a tile in pixels."""
LANES = WIDE * TALL


class _Tile(types.Type):
    """A value in compiled code: a float32 for each pixel of a tile, row by row."""


@register_model(_Tile)
class _TileModel(models.PrimitiveModel):
    def __init__(self, manager: Any, kind: Any) -> None:
        super().__init__(manager, kind, _FLOATS)  # type: ignore[no-untyped-call]


_TILE, _WORD = _Tile("tile"), ir.IntType(32)
_FLOATS, _WORDS = ir.VectorType(ir.FloatType(), LANES), ir.VectorType(_WORD, LANES)


def _define(name: Any, kinds: list[Any], result: Callable[..., Any], emit: Any) -> None:
    """Let compiled code call `name` by what `emit` adds to LLVM's code; arrays are pointers."""

    def lower(context: Any, to: Any, signature: Any, given: Any) -> Any:
        if isinstance(array := signature.args[0], types.Array):
            given = [context.make_array(array)(context, to, given[0]).data, *given[1:]]
        return emit(to, *given) or context.get_dummy_value()

    type_callable(name)(lambda _: result)
    lower_builtin(name, *kinds)(lower)  # type: ignore[no-untyped-call]


def _at(to: Any, array: Any, index: Any, kind: Any = _FLOATS) -> Any:
    return to.bitcast(to.gep(array, [index]), kind.as_pointer())


def _emit_save(to: Any, array: Any, index: Any, tile: Any) -> None:
    to.store(tile, _at(to, array, index), align=4)


def _emit_all(to: Any, value: Any) -> Any:
    one = to.insert_element(ir.Constant(_FLOATS, ir.Undefined), value, _WORD(0))
    return to.shuffle_vector(one, one, ir.Constant(_WORDS, [0] * LANES))


def _emit_pixels(to: Any, array: Any, index: Any, row: Any, *channels: Any) -> None:
    """Bytes: red, green, blue and 0 of each pixel in a word; then three of each four stored."""
    pixels = ir.Constant(_WORDS, [0] * LANES)
    for shift, channel in zip((0, 8, 16), channels, strict=True):
        shifts = ir.Constant(_WORDS, [shift] * LANES)
        pixels = to.or_(pixels, to.shl(to.fptosi(channel, _WORDS), shifts))
    pixels = to.bitcast(pixels, ir.VectorType(ir.IntType(8), 4 * LANES))
    for y in range(TALL):
        lanes = [4 * (WIDE * y + x) + c for x in range(WIDE) for c in range(3)] + [0] * 4
        pick = ir.Constant(ir.VectorType(_WORD, 16), lanes)
        words = to.bitcast(to.shuffle_vector(pixels, pixels, pick), ir.VectorType(_WORD, 4))
        for i in range(3):
            place = _at(to, array, to.add(index, ir.Constant(index.type, 4 * i)), _WORD)
            to.store(to.extract_element(words, _WORD(i)), place, align=1)
        index = to.add(index, row)


def load(_array: Any, _index: Any) -> Any:
    """A tile from a flat float32 array, from an index on."""


def save(_array: Any, _index: Any, _tile: Any) -> None:
    """Write a tile to a flat float32 array, from an index on."""


def save_pixels(_array: Any, _index: Any, _row: Any, _red: Any, _green: Any, _blue: Any) -> None:
    """Write three tiles, in 0…255, cut to bytes, as pixels of a flat uint8 array.

    `_index` is that of the upper left pixel's red, `_row` the length of the picture's rows.
    """


def every(_value: Any) -> Any:
    """A tile with a float32 in every lane."""


def least(_one: Any, _two: Any) -> Any:
    """The smaller of two tiles, lane by lane."""


def most(_one: Any, _two: Any) -> Any:
    """The larger of two tiles, lane by lane."""


_ANY, _BOTH = types.Any, lambda a, b: _TILE if a == b == _TILE else None
_define(load, [_ANY] * 2, lambda a, i: _TILE, lambda to, a, i: to.load(_at(to, a, i), align=4))
_define(save, [_ANY] * 3, lambda a, i, tile: types.void, _emit_save)
_define(save_pixels, [_ANY] * 6, lambda a, i, s, r, g, b: types.void, _emit_pixels)
_define(every, [_ANY], lambda value: _TILE, _emit_all)
_define(least, [_Tile] * 2, _BOTH, lambda to, a, b: to.select(to.fcmp_ordered("<", a, b), a, b))
_define(most, [_Tile] * 2, _BOTH, lambda to, a, b: to.select(to.fcmp_ordered(">", a, b), a, b))
_define(operator.add, [_Tile] * 2, _BOTH, ir.IRBuilder.fadd)
_define(operator.sub, [_Tile] * 2, _BOTH, ir.IRBuilder.fsub)
_define(operator.mul, [_Tile] * 2, _BOTH, ir.IRBuilder.fmul)
_define(operator.truediv, [_Tile] * 2, _BOTH, ir.IRBuilder.fdiv)
