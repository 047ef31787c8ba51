"""numba, the way this program uses it."""

from __future__ import annotations

import atexit
import functools
import os
import shutil
import tempfile
from collections.abc import Callable
from typing import Any, TypeVar, cast

import numba

F = TypeVar("F", bound=Callable[..., Any])


def compiled(function: F) -> F:
    """Compile without the GIL, cached on disk where any cache folder can be written."""
    try:
        return cast("F", numba.njit(nogil=True, cache=True)(function))
    except RuntimeError:  # numba: "no locator available": read-only package and home
        _use_scratch()
        return cast("F", numba.njit(nogil=True, cache=True)(function))


@functools.cache
def _use_scratch() -> None:
    """Have this process and its workers keep what is compiled in a folder of their own."""
    folder = tempfile.mkdtemp(prefix="evonsfw-")
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    os.environ["NUMBA_CACHE_DIR"] = numba.config.CACHE_DIR = folder  # type: ignore[attr-defined]
