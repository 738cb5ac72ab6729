"""The limit of alerts: over all processes with Redis, in each process without it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from app.alerting.alert_limit import AlertLimit
from app.storage.redis import connect
from config.redis_url import parse_redis_url
from tests.support.servers import Stores, redis_server
from tests.support.system.harness import free_ports
from tests.support.waiting import await_true

pytestmark = pytest.mark.slow

MakeLimit = Callable[..., AlertLimit]


@pytest.fixture
def make_limit(stores: Stores) -> Iterator[MakeLimit]:
    """Makes the limit of one process, for one alert in that many seconds."""
    clients = []

    def make(interval_seconds: int, *, redis_url: str = stores.redis_url) -> AlertLimit:
        clients.append(connect(parse_redis_url(redis_url), 4))
        return AlertLimit(clients[-1], interval_seconds)

    yield make
    for client in clients:
        client.close()


def test_one_of_many_processes_may_alert_of_each_kind(make_limit: MakeLimit) -> None:
    processes = [make_limit(300) for _ in range(8)]
    with ThreadPoolExecutor(8) as pool:
        allowed = list(pool.map(lambda each: each.allows("DB_ERROR"), processes))
    assert sorted(allowed) == [*[False] * 7, True]
    assert processes[0].allows("INTERNAL_ERROR")
    assert not make_limit(300).allows("INTERNAL_ERROR")


def test_after_the_interval_one_process_may_alert_again(make_limit: MakeLimit) -> None:
    first, second = make_limit(1), make_limit(1)
    assert first.allows("DB_ERROR")
    assert not second.allows("DB_ERROR")
    # Refused attempts must not extend the interval.
    await_true(lambda: second.allows("DB_ERROR"), 3)
    assert not first.allows("DB_ERROR")


def test_without_redis_each_process_may_alert_once(make_limit: MakeLimit) -> None:
    (unused_port,) = free_ports(1)
    url = f"redis://127.0.0.1:{unused_port}/0"
    for process in (make_limit(300, redis_url=url), make_limit(300, redis_url=url)):
        assert process.allows("REDIS_UNAVAILABLE")
        assert not process.allows("REDIS_UNAVAILABLE")


def test_a_process_that_alerted_does_not_alert_again_because_redis_comes_or_is_emptied(
    make_limit: MakeLimit, tmp_path: Path
) -> None:
    with redis_server(tmp_path) as server:
        process = make_limit(300, redis_url=server.url)
        assert process.allows("DB_ERROR")
        server.kill()
        assert not process.allows("DB_ERROR")
        assert process.allows("REDIS_UNAVAILABLE")
        server.start()
        assert not process.allows("DB_ERROR")
        assert not process.allows("REDIS_UNAVAILABLE")
