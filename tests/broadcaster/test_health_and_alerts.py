"""The broadcaster's health while PostgreSQL hangs, and its alerts."""

from __future__ import annotations

import select
import time
from collections.abc import Iterator

import pytest
import requests

from tests.support.broadcaster.harness import BroadcasterHarness, running_broadcaster
from tests.support.servers import DatabaseServer, Stores, redis_server, store_folder
from tests.support.system.alert_receiver import AlertReceiver, alert_receiver
from tests.support.system.raw_clients import opened, read_reply
from tests.support.waiting import await_true
from tools.local.embedded import EmbeddedPostgres

pytestmark = pytest.mark.slow
HEALTH = b"GET /health HTTP/1.1\r\nHost: here\r\nConnection: close\r\n\r\n"
CHECKS = 19
HEALTH_SECONDS = 2.5
"""For CHECKS checks at the same time: each takes at most a second, and the machine may be busy."""


@pytest.fixture(scope="module")
def receiver() -> Iterator[AlertReceiver]:
    with alert_receiver() as made:
        yield made


@pytest.fixture(scope="module")
def own_postgres() -> Iterator[EmbeddedPostgres]:
    with store_folder() as folder, EmbeddedPostgres(folder, disposable=True) as server:
        yield server


@pytest.fixture(scope="module")
def own_broadcaster(
    own_postgres: EmbeddedPostgres,
    receiver: AlertReceiver,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[BroadcasterHarness]:
    """A broadcaster whose PostgreSQL the test can freeze; its host name needs a look-up."""
    with redis_server(tmp_path_factory.mktemp("valkey")) as valkey:
        url = DatabaseServer(own_postgres).create().replace("127.0.0.1", "localhost")
        folder = tmp_path_factory.mktemp("broadcaster")
        with running_broadcaster(
            Stores(url, valkey.url), folder, ALERT_URLS=receiver.url
        ) as broadcaster:
            yield broadcaster


def test_health_checks_of_a_frozen_postgresql_delay_no_other_request(
    own_broadcaster: BroadcasterHarness, own_postgres: EmbeddedPostgres
) -> None:
    own_postgres.pause()
    try:
        descriptors = []
        for _ in range(5):
            started = time.monotonic()
            with opened(own_broadcaster.url, [HEALTH] * CHECKS) as waiting:
                time.sleep(0.1)
                assert requests.get(f"{own_broadcaster.url}/health/live", timeout=30).ok
                answered, _, _ = select.select(waiting, [], [], 0)
                assert answered == []
                replies = [read_reply(each) for each in waiting]
            assert time.monotonic() - started < HEALTH_SECONDS
            for reply in replies:
                assert reply.startswith(b"HTTP/1.1 503 ")
                assert b'"database":"timeout"' in reply
            descriptors.append(own_broadcaster.open_descriptors())
            # Until the cached report has expired.
            time.sleep(1)
    finally:
        own_postgres.resume()
    assert descriptors[-1] - descriptors[0] < 5
    await_true(lambda: requests.get(f"{own_broadcaster.url}/health", timeout=30).ok, 10)


def test_a_handshake_that_fails_because_of_postgresql_raises_an_alert(
    own_broadcaster: BroadcasterHarness, own_postgres: EmbeddedPostgres, receiver: AlertReceiver
) -> None:
    person = own_broadcaster.register_player()
    token = own_broadcaster.access_token(person)
    own_broadcaster.services.redis.flushall()
    own_postgres.kill()
    try:
        reply = own_broadcaster.request_handshake(token)
        assert (reply.status_code, reply.json()["code"]) == (500, "DB_ERROR")
        await_true(lambda: "DB_ERROR" in receiver.titles(), 20)
        # The board can't be read either. Viewers see an old one, so this alert comes later.
        await_true(lambda: "BOARD_NOT_READ" in receiver.titles(), 40)
    finally:
        own_postgres.start()
