"""Who alerts and who holds back: the same over Redis and in the file of one machine."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from app.stores.alert_host_record import HostAlertRecord
from app.stores.alert_record import AlertRecord, RedisAlertRecord
from app.stores.redis import connect
from config.redis_url import parse_redis_url
from tests.awaiting import await_true
from tests.servers import Stores
from tools.embedded import EmbeddedValkey

pytestmark = pytest.mark.slow

MakeRecord = Callable[[float], AlertRecord]


@pytest.fixture(params=["redis", "host"])
def make_record(
    request: pytest.FixtureRequest, valkey: EmbeddedValkey, stores: Stores, tmp_path: Path
) -> Iterator[MakeRecord]:
    """Makes what one process has, with so many seconds of holding back."""
    clients = []

    def make(hold_seconds: float) -> AlertRecord:
        if request.param == "host":
            return HostAlertRecord(tmp_path / "alerts", hold_seconds)
        clients.append(connect(parse_redis_url(valkey.url), 4))
        return RedisAlertRecord(clients[-1], hold_seconds)

    yield make
    for client in clients:
        client.close()


def test_of_many_processes_one_alerts_and_the_rest_is_told_in_the_next(
    make_record: MakeRecord,
) -> None:
    records = [make_record(2.0) for _ in range(8)]
    with ThreadPoolExecutor(8) as pool:
        told = list(pool.map(lambda record: record.note("DB_ERROR", 5), records))
    assert sorted(told, key=str) == [0, *[None] * 7]
    assert make_record(2.0).note("INTERNAL_ERROR", 1) == 0
    next_told: list[int] = []

    def note_again() -> bool:
        held = records[0].note("DB_ERROR", 0)
        next_told.extend([] if held is None else [held])
        return held is not None

    await_true(note_again, 5)
    assert next_told == [35]
    assert records[1].note("DB_ERROR", 1) is None


def test_its_end_is_told_to_one_and_not_before_it_is_quiet(make_record: MakeRecord) -> None:
    records = [make_record(300) for _ in range(8)]
    assert records[0].note("DB_ERROR", 1) == 0
    time.sleep(0.05)
    records[1].note("DB_ERROR", 4)
    assert records[2].open() == {"DB_ERROR"}
    assert records[3].settle("DB_ERROR", 60) is None
    with ThreadPoolExecutor(8) as pool:
        ended = list(pool.map(lambda record: record.settle("DB_ERROR", 0), records))
    (end,) = [each for each in ended if each is not None]
    assert end.held == 4
    assert 0.04 < end.seconds < 30
    assert records[4].open() == frozenset()


def test_what_comes_and_goes_is_not_alerted_of_each_time(make_record: MakeRecord) -> None:
    record = make_record(1.0)
    assert record.note("DB_ERROR", 1) == 0
    assert record.settle("DB_ERROR", 0) is not None
    assert record.note("DB_ERROR", 2) is None
    # Nobody was told that it is back, so nobody is told that it ended.
    assert record.open() == frozenset()
    assert record.settle("DB_ERROR", 0) is None
    time.sleep(1.05)
    assert record.note("DB_ERROR", 1) == 2
    assert record.open() == {"DB_ERROR"}


def test_without_a_file_it_is_kept_in_memory(tmp_path: Path) -> None:
    (tmp_path / "elsewhere").write_text("somebody's")
    (tmp_path / "link").symlink_to(tmp_path / "elsewhere")
    for path in (tmp_path / "missing" / "file", tmp_path / "link"):
        record = HostAlertRecord(path, 300)
        assert record.note("DB_ERROR", 1) == 0
        assert record.note("DB_ERROR", 1) is None
        assert record.open() == {"DB_ERROR"}
    assert (tmp_path / "elsewhere").read_text() == "somebody's"


def test_a_file_that_was_half_written_is_begun_anew(tmp_path: Path) -> None:
    path = tmp_path / "alerts"
    path.write_text('{"DB_ERROR": {"he')
    assert HostAlertRecord(path, 300).note("DB_ERROR", 1) == 0
    assert HostAlertRecord(path, 300).note("DB_ERROR", 1) is None
