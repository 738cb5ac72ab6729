"""The coalescer, with a board that the test sets."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import pairwise

import gevent
import pytest

from app.contract.errors import DatabaseUnavailable, RedisUnavailable
from app.contract.standings import MAX_VERSION_LEAD_MS, Board, BoardVersion
from broadcaster.board.broadcast_budget import BroadcastBudget
from broadcaster.board.coalescer import Coalescer
from tests.support.broadcaster.greenlets import await_greenlets

pytestmark = pytest.mark.slow

INTERVAL_SECONDS = 0.05


def board(version: int) -> Board:
    return Board(BoardVersion(version, 0, 0), (), (), more=False)


class Source:
    """A board whose version the test sets; `sent` has the time and version of each broadcast."""

    def __init__(self, interval_seconds: float = INTERVAL_SECONDS) -> None:
        self.version = 1
        self.failures: list[Exception] = []
        self.sent: list[tuple[float, int]] = []
        self.cpu_seconds = 0.0
        self.reads = 0
        self.coalescer = Coalescer(self.read, self.send, BroadcastBudget(interval_seconds))

    def read(self, version: int) -> Board:
        self.reads += 1
        if self.failures:
            raise self.failures.pop(0)
        return board(self.version)

    def send(self, board: Board) -> float:
        self.sent.append((time.monotonic(), board.version.number))
        return self.cpu_seconds

    def versions(self) -> list[int]:
        return [version for _, version in self.sent]

    @contextmanager
    def running(self) -> Iterator[None]:
        greenlet = gevent.spawn(self.coalescer.run, lambda: None)
        try:
            yield
        finally:
            greenlet.kill()


@pytest.fixture
def source() -> Source:
    return Source()


class Busy(Source):
    """A board that changes during each read."""

    def read(self, version: int) -> Board:
        found = super().read(version)
        self.version += 1
        self.coalescer.announce(self.version)
        return found


def test_a_board_that_changes_during_each_read_does_not_count_as_a_failed_read() -> None:
    busy = Busy()
    with busy.running():
        await_greenlets(lambda: len(busy.sent) >= 20, 20)
    waits = [later - earlier for (earlier, _), (later, _) in pairwise(busy.sent)]
    assert max(waits) < 1.5  # Two seconds follow some failed reads.
    assert busy.versions() == sorted(set(busy.versions()))


def test_the_first_board_is_sent_without_an_announcement(source: Source) -> None:
    with pytest.raises(DatabaseUnavailable):
        source.coalescer.wait_for_first(0.01)
    with source.running():
        source.coalescer.wait_for_first(10)
    assert source.versions() == [1]


def test_a_board_without_a_version_is_not_sent_but_read_again(source: Source) -> None:
    source.version = 0
    with source.running():
        await_greenlets(lambda: source.reads > 2)
        assert source.sent == []
        source.version = 7
        source.coalescer.wait_for_first(10)
    assert source.versions() == [7]


@pytest.mark.parametrize("failed", [RedisUnavailable, DatabaseUnavailable])
def test_without_a_first_board_the_error_names_the_store_that_failed(
    source: Source, failed: type[RedisUnavailable | DatabaseUnavailable]
) -> None:
    source.failures = [failed() for _ in range(5)]
    with source.running():
        await_greenlets(lambda: source.reads > 1)
        with pytest.raises(failed):
            source.coalescer.wait_for_first(0.01)


def test_without_a_version_of_the_first_board_the_error_names_redis(source: Source) -> None:
    source.version = 0
    with source.running():
        await_greenlets(lambda: source.reads > 1)
        with pytest.raises(RedisUnavailable):
            source.coalescer.wait_for_first(0.01)


def test_a_burst_of_changes_sends_one_board_an_interval_and_the_newest_last(source: Source) -> None:
    with source.running():
        for version in range(2, 102):
            source.version = version
            source.coalescer.announce(version)
            gevent.sleep(0.002)
        await_greenlets(lambda: source.versions()[-1] == 101)
    times = [sent_at for sent_at, _ in source.sent]
    assert all(later - earlier >= INTERVAL_SECONDS * 0.99 for earlier, later in pairwise(times))
    assert len(times) >= 4


def test_broadcasting_takes_at_most_its_share_of_a_core(source: Source) -> None:
    source.cpu_seconds = 0.12
    with source.running():
        for version in range(2, 60):
            source.version = version
            source.coalescer.announce(version)
            gevent.sleep(0.01)
        await_greenlets(lambda: source.versions()[-1] == 59)
    times = [sent_at for sent_at, _ in source.sent]
    least = source.cpu_seconds / 0.6
    assert all(later - earlier >= least * 0.99 for earlier, later in pairwise(times))
    assert len(times) >= 3


def test_the_interval_returns_to_the_configured_one_when_broadcasting_is_cheap_again(
    source: Source,
) -> None:
    source.cpu_seconds = 0.3
    with source.running():
        await_greenlets(lambda: source.versions() == [1])
        source.cpu_seconds = 0.0
        for version in (2, 3):
            source.version = version
            source.coalescer.announce(version)
            await_greenlets(lambda version=version: source.versions()[-1] == version)  # type: ignore[misc]
    (first, second, third) = [sent_at for sent_at, _ in source.sent]
    assert second - first >= 0.3 / 0.6 * 0.99
    assert third - second < 0.45


def test_after_a_quiet_time_a_change_is_sent_at_once() -> None:
    source = Source(interval_seconds=1.0)
    with source.running():
        await_greenlets(lambda: source.versions() == [1])
        gevent.sleep(1.1)
        started = time.monotonic()
        source.version = 2
        source.coalescer.announce(2)
        await_greenlets(lambda: source.versions() == [1, 2])
        assert time.monotonic() - started < 0.7


def test_a_board_older_than_the_announced_version_is_read_again(source: Source) -> None:
    with source.running():
        await_greenlets(lambda: source.versions() == [1])
        source.coalescer.announce(5)
        await_greenlets(lambda: source.reads >= 4)
        assert source.versions() == [1]
        source.version = 5
        await_greenlets(lambda: source.versions() == [1, 5])


def test_no_version_is_sent_twice_or_after_a_newer_one(source: Source) -> None:
    source.version = 9
    with source.running():
        await_greenlets(lambda: source.versions() == [9])
        for version in (8, 9, 3):
            source.version = version
            reads = source.reads
            source.coalescer.check()
            await_greenlets(lambda reads=reads: source.reads > reads)  # type: ignore[misc]
        source.version = 10
        source.coalescer.check()
        await_greenlets(lambda: source.versions() == [9, 10])


def test_an_announcement_of_a_sent_version_causes_no_read(source: Source) -> None:
    source.version = 9
    with source.running():
        await_greenlets(lambda: source.versions() == [9])
        gevent.sleep(INTERVAL_SECONDS * 1.5)
        reads = source.reads
        source.coalescer.announce(9)
        gevent.sleep(INTERVAL_SECONDS)
        assert source.reads == reads


def test_an_announcement_that_cannot_be_true_causes_one_read(source: Source) -> None:
    with source.running():
        await_greenlets(lambda: source.versions() == [1])
        reads = source.reads
        source.coalescer.announce(1_795_906_336_785_000_000)
        await_greenlets(lambda: source.reads > reads)
        source.version = 2
        source.coalescer.announce(2)
        await_greenlets(lambda: source.versions() == [1, 2])
        gevent.sleep(INTERVAL_SECONDS * 3)
        assert source.reads <= reads + 3


def test_boards_are_sent_again_after_redis_clock_was_a_day_ahead(source: Source) -> None:
    source.version = MAX_VERSION_LEAD_MS + 1
    with source.running():
        await_greenlets(lambda: source.versions() == [MAX_VERSION_LEAD_MS + 1])
        for version in (5, 6):
            source.version = version
            source.coalescer.announce(version)
            source.coalescer.check()
            await_greenlets(lambda version=version: source.versions()[-1] == version)  # type: ignore[misc]


def test_a_stopped_coalescer_reads_no_more(source: Source) -> None:
    with source.running():
        await_greenlets(lambda: source.versions() == [1])
        source.coalescer.stop()
        gevent.sleep(INTERVAL_SECONDS * 2)
        assert source.reads == 1


def test_failed_reads_are_retried(source: Source) -> None:
    source.failures = [DatabaseUnavailable(), RedisUnavailable(), DatabaseUnavailable()]
    with source.running():
        await_greenlets(lambda: source.versions() == [1])
        source.failures = [DatabaseUnavailable()]
        source.version = 2
        source.coalescer.announce(2)
        await_greenlets(lambda: source.versions() == [1, 2])
