"""The shared memory that the main process and its workers write to."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from multiprocessing import shared_memory
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

WANTED = 1024
"""Bytes for what is wanted of a slice."""


@dataclass
class Board:
    """The shared memory that the main process and its workers write to."""

    blocks: tuple[shared_memory.SharedMemory, ...]
    shapes: tuple[tuple[int, ...], ...]

    TYPES: ClassVar = (
        *(np.float32, np.float64, np.float32, np.float32),
        *(np.uint8, np.int64, np.int64),
    )

    @classmethod
    def create(cls, capacity: int, lengths: Sequence[tuple[int, ...]], workers: int) -> Board:
        """Room for so many genomes, results, inputs and what comes back, each of a length; for what
        is wanted of a slice, the number of the task that was done there last, and that of the task
        that each worker took last.
        """
        shapes = (*((capacity, *one) for one in (*lengths, (WANTED,), ())), (workers,))
        sizes = [
            max(8, int(np.prod(shape)) * np.dtype(kind).itemsize)
            for shape, kind in zip(shapes, cls.TYPES, strict=True)
        ]
        blocks = tuple(shared_memory.SharedMemory(create=True, size=size) for size in sizes)
        return cls(blocks, shapes)

    @classmethod
    def attach(cls, names: tuple[tuple[str, tuple[int, ...]], ...]) -> Board:
        """The board that another process created."""
        blocks = tuple(shared_memory.SharedMemory(name=name) for name, _ in names)
        return cls(blocks, tuple(shape for _, shape in names))

    @property
    def names(self) -> tuple[tuple[str, tuple[int, ...]], ...]:
        """What `attach` needs."""
        return tuple((b.name, shape) for b, shape in zip(self.blocks, self.shapes, strict=True))

    def arrays(self) -> tuple[npt.NDArray[Any], ...]:
        """Of each block, as `create` names them."""
        return tuple(
            np.ndarray(shape, kind, buffer=block.buf)
            for block, shape, kind in zip(self.blocks, self.shapes, self.TYPES, strict=True)
        )

    def unlink(self) -> None:
        """Free the memory, once nobody holds its arrays."""
        for block in self.blocks:
            block.close()
            block.unlink()
