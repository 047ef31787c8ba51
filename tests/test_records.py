"""Records through a pipe: each is taken once, whole, whoever takes it and whoever is killed."""

from __future__ import annotations

import multiprocessing
from collections.abc import Iterator
from multiprocessing.connection import Connection
from typing import Any

import pytest

from evonsfw.records import AT_ONCE, never_wait, put, take, take_all

SIZE = 8
CONTEXT = multiprocessing.get_context("spawn")
Pipe = tuple[Connection, Connection]


@pytest.fixture
def pipe() -> Iterator[Pipe]:
    source, sink = CONTEXT.Pipe(duplex=False)
    yield source, sink
    source.close()
    sink.close()


def records(count: int) -> list[bytes]:
    return [number.to_bytes(SIZE) for number in range(count)]


def pass_on(source: Connection, sink: Connection) -> None:
    """What a reader does: take records and put them elsewhere."""
    while record := take(source, SIZE):
        put(sink, [record])


def reader(source: Connection, sink: Connection) -> Any:
    process = CONTEXT.Process(target=pass_on, args=(source, sink), daemon=True)
    process.start()
    return process


def test_records_come_out_whole_and_in_order(pipe: Pipe) -> None:
    source, sink = pipe
    many = records(AT_ONCE // SIZE + 3)
    put(sink, many)
    assert [take(source, SIZE) for _ in many] == many


def test_nothing_is_put_where_there_is_nothing(pipe: Pipe) -> None:
    source, sink = pipe
    never_wait(source)
    put(sink, [])
    assert take_all(source, SIZE) == []


def test_what_is_there_is_taken_without_waiting(pipe: Pipe) -> None:
    source, sink = pipe
    never_wait(source)
    put(sink, records(5))
    assert take_all(source, SIZE) == records(5)
    assert take_all(source, SIZE) == []


def test_the_end_is_nothing(pipe: Pipe) -> None:
    source, sink = pipe
    put(sink, records(1))
    sink.close()
    assert take(source, SIZE) == records(1)[0]
    assert take(source, SIZE) == b""


def test_two_processes_take_each_record_once_and_a_killed_one_holds_nobody_up(pipe: Pipe) -> None:
    source, sink = pipe
    back, out = CONTEXT.Pipe(duplex=False)
    readers = [reader(source, out) for _ in range(2)]
    put(sink, records(1000))
    assert sorted(take(back, SIZE) for _ in range(1000)) == records(1000)
    readers[0].kill()  # while it waits for the next
    readers[0].join()
    put(sink, records(10))
    assert [take(back, SIZE) for _ in range(10)] == records(10)
    sink.close()
    readers[1].kill()
    readers[1].join()
    back.close()
    out.close()
