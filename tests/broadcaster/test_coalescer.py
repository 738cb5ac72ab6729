"""The coalescer over a board of its own."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import pairwise

import gevent
import pytest

from app.contract.errors import DatabaseUnavailable, RedisUnavailable
from app.contract.standings import Board, BoardVersion
from broadcaster.coalescer import Coalescer

pytestmark = pytest.mark.slow

INTERVAL_SECONDS = 0.05


def board(version: int) -> Board:
    return Board(BoardVersion(version, 0, 0), (), (), more=False)


class Source:
    """A board whose version the test sets, and what was published of it when."""

    def __init__(self, interval_seconds: float = INTERVAL_SECONDS) -> None:
        self.version = 1
        self.failures: list[Exception] = []
        self.published: list[tuple[float, int]] = []
        self.worked = 0.0
        self.reads = 0
        self.coalescer = Coalescer(self.read, self.publish, interval_seconds)

    def read(self, version: int) -> Board:
        self.reads += 1
        if self.failures:
            raise self.failures.pop(0)
        return board(self.version)

    def publish(self, board: Board) -> float:
        self.published.append((time.monotonic(), board.version.number))
        return self.worked

    def versions(self) -> list[int]:
        return [version for _, version in self.published]

    @contextmanager
    def running(self) -> Iterator[None]:
        greenlet = gevent.spawn(self.coalescer.run)
        try:
            yield
        finally:
            greenlet.kill()


@pytest.fixture
def source() -> Source:
    return Source()


def await_greenlets(condition: Callable[[], bool], seconds: float = 2.0) -> None:
    with gevent.Timeout(seconds):
        while not condition():
            gevent.sleep(0.001)


class Busy(Source):
    """A board that changes again while it is read."""

    def read(self, version: int) -> Board:
        found = super().read(version)
        self.version += 1
        self.coalescer.hear(self.version)
        return found


def test_a_board_that_changes_at_each_reading_is_no_failure_that_slows_the_next() -> None:
    busy = Busy()
    with busy.running():
        await_greenlets(lambda: len(busy.published) >= 20, 20 * INTERVAL_SECONDS + 1)
    waits = [later - earlier for (earlier, _), (later, _) in pairwise(busy.published)]
    assert max(waits) < 0.5
    assert busy.versions() == sorted(set(busy.versions()))


def test_the_first_board_is_published_without_any_news(source: Source) -> None:
    with pytest.raises(DatabaseUnavailable):
        source.coalescer.wait_for_first(0.01)
    with source.running():
        source.coalescer.wait_for_first(1)
    assert source.versions() == [1]


def test_a_board_without_a_version_is_not_shown_but_read_again(source: Source) -> None:
    source.version = 0
    with source.running():
        await_greenlets(lambda: source.reads > 2)
        assert source.published == []
        source.version = 7
        source.coalescer.wait_for_first(2)
    assert source.versions() == [7]


def test_a_burst_is_one_board_an_interval_and_ends_with_the_newest(source: Source) -> None:
    with source.running():
        for version in range(2, 102):
            source.version = version
            source.coalescer.hear(version)
            gevent.sleep(0.002)
        await_greenlets(lambda: source.versions()[-1] == 101)
    times = [moment for moment, _ in source.published]
    assert all(later - earlier >= INTERVAL_SECONDS * 0.99 for earlier, later in pairwise(times))
    assert len(times) >= 4


def test_broadcasting_takes_no_more_than_its_share_of_a_core(source: Source) -> None:
    source.worked = 0.12
    with source.running():
        for version in range(2, 60):
            source.version = version
            source.coalescer.hear(version)
            gevent.sleep(0.01)
        await_greenlets(lambda: source.versions()[-1] == 59)
    times = [moment for moment, _ in source.published]
    least = source.worked / 0.6
    assert all(later - earlier >= least * 0.99 for earlier, later in pairwise(times))
    assert len(times) >= 3


def test_the_interval_is_the_one_set_again_when_the_viewers_are_gone(source: Source) -> None:
    source.worked = 0.3
    with source.running():
        await_greenlets(lambda: source.versions() == [1])
        source.worked = 0.0
        for version in (2, 3):
            source.version = version
            source.coalescer.hear(version)
            await_greenlets(lambda version=version: source.versions()[-1] == version)  # type: ignore[misc]
    (first, second, third) = [moment for moment, _ in source.published]
    assert second - first >= 0.3 / 0.6 * 0.99
    assert third - second < 0.3


def test_after_a_quiet_time_news_is_published_at_once() -> None:
    source = Source(interval_seconds=0.4)
    with source.running():
        await_greenlets(lambda: source.versions() == [1])
        gevent.sleep(0.5)
        begun = time.monotonic()
        source.version = 2
        source.coalescer.hear(2)
        await_greenlets(lambda: source.versions() == [1, 2])
        assert time.monotonic() - begun < 0.3


def test_a_board_older_than_the_news_is_read_again(source: Source) -> None:
    with source.running():
        await_greenlets(lambda: source.versions() == [1])
        source.coalescer.hear(5)
        await_greenlets(lambda: source.reads >= 4)
        assert source.versions() == [1]
        source.version = 5
        await_greenlets(lambda: source.versions() == [1, 5])


def test_no_version_goes_back_or_comes_twice(source: Source) -> None:
    source.version = 9
    with source.running():
        await_greenlets(lambda: source.versions() == [9])
        for version in (8, 9, 3):
            source.version = version
            reads = source.reads
            source.coalescer.look()
            await_greenlets(lambda reads=reads: source.reads > reads)  # type: ignore[misc]
        source.version = 10
        source.coalescer.look()
        await_greenlets(lambda: source.versions() == [9, 10])


def test_news_that_is_no_news_reads_nothing(source: Source) -> None:
    source.version = 9
    with source.running():
        await_greenlets(lambda: source.versions() == [9])
        gevent.sleep(INTERVAL_SECONDS * 1.5)
        reads = source.reads
        source.coalescer.hear(9)
        gevent.sleep(INTERVAL_SECONDS)
        assert source.reads == reads


def test_failures_to_read_delay_but_end_nothing(source: Source) -> None:
    source.failures = [DatabaseUnavailable(), RedisUnavailable(), DatabaseUnavailable()]
    with source.running():
        await_greenlets(lambda: source.versions() == [1])
        source.failures = [DatabaseUnavailable()]
        source.version = 2
        source.coalescer.hear(2)
        await_greenlets(lambda: source.versions() == [1, 2])
