"""Sums side by side: sixteen float32 as one value of compiled code.

Scoring a trial adds the same nine numbers for every pixel of a rim and for every row inside. As one
vector of sixteen they cost what one number costs. How LLVM is told is described in `tiles`.
"""

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import Any

from llvmlite import ir  # type: ignore[import-untyped]
from numba.core import types
from numba.extending import lower_builtin, models, register_model, type_callable

SUMS = 16
"""Lanes; a cache line holds them."""


class _Lanes(types.Type):
    """A value in compiled code: sixteen float32."""


@register_model(_Lanes)
class _LanesModel(models.PrimitiveModel):
    def __init__(self, manager: Any, kind: Any) -> None:
        super().__init__(manager, kind, _FLOATS)  # type: ignore[no-untyped-call]


_LANES, _WORD = _Lanes("lanes"), ir.IntType(32)
_FLOATS = ir.VectorType(ir.FloatType(), SUMS)


def _define(name: Any, kinds: list[Any], result: Callable[..., Any], emit: Any) -> None:
    """Let compiled code call `name` by what `emit` adds to LLVM's code; arrays are pointers."""

    def lower(context: Any, to: Any, signature: Any, given: Any) -> Any:
        if isinstance(array := signature.args[0], types.Array):
            given = [context.make_array(array)(context, to, given[0]).data, *given[1:]]
        return emit(to, *given) or context.get_dummy_value()

    type_callable(name)(lambda _: result)
    lower_builtin(name, *kinds)(lower)  # type: ignore[no-untyped-call]


def _at(to: Any, array: Any, index: Any) -> Any:
    return to.bitcast(to.gep(array, [index]), _FLOATS.as_pointer())


def _emit_put(to: Any, array: Any, index: Any, lanes: Any) -> None:
    to.store(lanes, _at(to, array, index), align=4)


def _emit_all(to: Any, value: Any) -> Any:
    one = to.insert_element(ir.Constant(_FLOATS, ir.Undefined), value, _WORD(0))
    return to.shuffle_vector(one, one, ir.Constant(ir.VectorType(_WORD, SUMS), [0] * SUMS))


def take(_array: Any, _index: Any) -> Any:
    """Sixteen numbers from a flat float32 array, from an index on."""


def put(_array: Any, _index: Any, _lanes: Any) -> None:
    """Write sixteen numbers to a flat float32 array, from an index on."""


def alike(_value: Any) -> Any:
    """A float32 in every lane."""


_ANY, _BOTH = types.Any, lambda a, b: _LANES if a == b == _LANES else None
_define(take, [_ANY] * 2, lambda a, i: _LANES, lambda to, a, i: to.load(_at(to, a, i), align=4))
_define(put, [_ANY] * 3, lambda a, i, lanes: types.void, _emit_put)
_define(alike, [_ANY], lambda value: _LANES, _emit_all)
_define(operator.add, [_Lanes] * 2, _BOTH, ir.IRBuilder.fadd)
_define(operator.sub, [_Lanes] * 2, _BOTH, ir.IRBuilder.fsub)
_define(operator.mul, [_Lanes] * 2, _BOTH, ir.IRBuilder.fmul)
