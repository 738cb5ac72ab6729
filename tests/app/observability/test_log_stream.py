"""Log lines that can't be written are dropped, counted and reported; no caller waits or fails."""

from __future__ import annotations

import os
import select
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from app.observability.log_stream import WAIT_MS, LogStream

LINE = b"x" * 199 + b"\n"
LONG = b"y" * 20_000 + b"\n"


def make_stream(descriptor: int) -> LogStream:
    return LogStream(descriptor, lambda lines: b"dropped %d\n" % lines, select.poll)


@pytest.fixture
def descriptor() -> Iterator[int]:
    """A descriptor of a full disk."""
    full = os.open("/dev/full", os.O_WRONLY)
    yield full
    os.close(full)


@pytest.fixture
def replace(descriptor: int, tmp_path: Path) -> Callable[[], Path]:
    """Replaces the full disk by one with space, and returns the file."""

    def replace() -> Path:
        file = tmp_path / "log"
        replacement = os.open(file, os.O_WRONLY | os.O_CREAT)
        os.dup2(replacement, descriptor)
        os.close(replacement)
        return file

    return replace


def test_lines_dropped_on_a_full_disk_are_counted_and_reported_once(
    descriptor: int, replace: Callable[[], Path]
) -> None:
    stream = make_stream(descriptor)
    for _ in range(3):
        stream.write(LINE)
    file = replace()
    stream.write(b"first\n")
    stream.write(b"second\n")
    assert file.read_bytes() == b"dropped 3\nfirst\nsecond\n"
    assert stream.take_dropped() == 3
    assert stream.take_dropped() == 0


def test_a_pipe_whose_reader_is_gone_fails_no_caller() -> None:
    reader, writer = os.pipe()
    os.close(reader)
    stream = make_stream(writer)
    stream.write(LINE)
    os.close(writer)
    assert stream.take_dropped() == 1


@pytest.mark.parametrize("line", [LINE, LONG], ids=["short lines", "long lines"])
def test_a_reader_that_stops_delays_callers_once_and_tears_no_further_line(line: bytes) -> None:
    reader, writer = os.pipe()
    stream = make_stream(writer)
    begun = time.monotonic()
    dropped = 0
    while dropped < 40:
        stream.write(line)
        dropped += stream.take_dropped()
    # Each of the dropped lines would wait alone.
    assert time.monotonic() - begun < 20 * WAIT_MS / 1000
    received = os.read(reader, 1 << 20)
    stream.write(b"again\n")
    received += os.read(reader, 1 << 20)
    os.close(reader)
    os.close(writer)
    assert received.endswith(b"\ndropped 40\nagain\n")
    cut = [each for each in received.splitlines() if each not in {line.strip(), b"again"}]
    assert len(cut) <= 2
