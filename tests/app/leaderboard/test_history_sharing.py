"""Histories are read once for many requests of about the same time, and cached."""

from __future__ import annotations

import sys
import threading
import traceback
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import Connection

from app.concurrency.single_flight import SingleFlight
from app.contract.errors import DatabaseUnavailable
from app.contract.standings import Series
from app.leaderboard import history as service
from app.leaderboard import history_rows
from app.leaderboard.board_cache import SharedBoard
from app.leaderboard.history import HistoryReader
from app.leaderboard.replica_reads import ReplicaReads
from tests.support.players import Person
from tests.support.services import Services
from tests.support.waiting import await_true

pytestmark = pytest.mark.slow

HOUR = timedelta(hours=1)


@pytest.fixture
def readings(services: Services, monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """One entry for each reading from PostgreSQL."""
    found: list[int] = []
    series = history_rows.series

    def counted(connection: Connection, since: int, *rest: int) -> tuple[Series, ...]:
        found.append(since)
        return series(connection, since, *rest)

    monkeypatch.setattr(history_rows, "series", counted)
    return found


def test_a_thousand_requests_for_about_the_same_time_cost_one_or_two_readings(
    services: Services, readings: list[int]
) -> None:
    Person.register(services).score()
    barrier = threading.Barrier(20)
    # A bucket of an hour has 18 s and the step 15 s, so beginnings within 10 s are in two steps.
    begin = datetime.now(UTC) - HOUR

    def ask(number: int) -> None:
        barrier.wait()
        for turn in range(50):
            services.history.since(begin + timedelta(milliseconds=10 * (number * 50 + turn)))

    with ThreadPoolExecutor(20) as pool:
        list(pool.map(ask, range(20)))
    assert 1 <= len(readings) <= 2
    assert all(begin.timestamp() - 18 < since / 1_000_000 for since in readings)


def test_a_new_version_is_read_within_a_second_and_the_same_version_is_cached(
    services: Services, readings: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    person, begin = Person.register(services), datetime.now(UTC) - HOUR
    person.score()
    monkeypatch.setattr(service, "CHANGING_CACHE_SECONDS", 60.0)
    first = services.history.since(begin)
    person.score()
    assert services.history.since(begin) is first
    monkeypatch.setattr(service, "CHANGING_CACHE_SECONDS", 0.0)
    second = services.history.since(begin)
    assert second.version > first.version
    assert [series.points[-1].score for series in second.series] == [2]
    assert services.history.since(begin) is second
    assert len(readings) == 2


def threads_in_flight() -> int:
    """The threads that read a history, or wait for another one that reads it."""
    calls = [
        (frame.f_code, frame.f_back.f_code)
        for top in sys._current_frames().values()  # noqa: SLF001 - its documented name
        for frame, _ in traceback.walk_stack(top)
        if frame.f_back is not None
    ]
    return calls.count((SingleFlight.run.__code__, HistoryReader.since.__code__))


def test_a_failed_reading_is_shared_and_the_next_one_tries_again(
    make_services: Callable[..., Services], monkeypatch: pytest.MonkeyPatch
) -> None:
    services = make_services()
    Person.register(services).score()
    histories = HistoryReader(
        ReplicaReads(services.database, None, SharedBoard(services.redis)), services.leaderboard
    )
    held, asked = threading.Event(), []

    def fail(*_: object) -> tuple[Series, ...]:
        asked.append(1)
        assert held.wait(10)
        raise DatabaseUnavailable

    begin = datetime.now(UTC) - HOUR
    with monkeypatch.context() as patched, ThreadPoolExecutor(3) as pool:
        patched.setattr(history_rows, "series", fail)
        waiting = [pool.submit(histories.since, begin) for _ in range(3)]
        await_true(lambda: threads_in_flight() == 3, 10)
        held.set()
        for each in waiting:
            assert isinstance(each.exception(10), DatabaseUnavailable)
        assert asked == [1]
    assert len(histories.since(begin).series) == 1
