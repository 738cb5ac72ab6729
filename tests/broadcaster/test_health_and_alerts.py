"""The broadcaster's health while PostgreSQL hangs, and its alerts."""

from __future__ import annotations

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
import requests

from tests.support.broadcaster.harness import BroadcasterHarness, running_broadcaster
from tests.support.servers import DatabaseServer, Stores, redis_server, store_folder
from tests.support.system.alert_receiver import AlertReceiver, alert_receiver
from tests.support.waiting import await_true
from tools.local.embedded import EmbeddedPostgres

pytestmark = pytest.mark.slow
HEALTH_SECONDS = 1.5


@pytest.fixture(scope="module")
def receiver() -> Iterator[AlertReceiver]:
    with alert_receiver() as made:
        yield made


@pytest.fixture(scope="module")
def own_postgres() -> Iterator[EmbeddedPostgres]:
    with store_folder() as folder, EmbeddedPostgres(folder, fsync=False) as server:
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


def timed_get(broadcaster: BroadcasterHarness, path: str) -> tuple[requests.Response, float]:
    started = time.monotonic()
    reply = requests.get(f"{broadcaster.url}{path}", headers={"Connection": "close"}, timeout=30)
    return reply, time.monotonic() - started


def test_health_checks_of_a_frozen_postgresql_delay_no_other_request(
    own_broadcaster: BroadcasterHarness, own_postgres: EmbeddedPostgres
) -> None:
    own_postgres.pause()
    try:
        with ThreadPoolExecutor(20) as pool:
            checks, descriptors = [], []
            for _ in range(5):
                running = [pool.submit(timed_get, own_broadcaster, "/health") for _ in range(19)]
                time.sleep(0.2)
                alive, seconds = timed_get(own_broadcaster, "/health/live")
                assert not any(each.done() for each in running)
                assert alive.json()["status"] == "alive"
                assert seconds < 0.5
                checks += [each.result() for each in running]
                descriptors.append(own_broadcaster.open_descriptors())
                # Until the cached report has expired.
                time.sleep(0.5)
    finally:
        own_postgres.resume()
    for reply, seconds in checks:
        assert (reply.status_code, reply.json()["database"]) == (503, "timeout")
        assert seconds < HEALTH_SECONDS
    assert descriptors[-1] - descriptors[0] < 5
    await_true(lambda: timed_get(own_broadcaster, "/health")[0].ok, 10)


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
        await_true(lambda: "DB_ERROR" in receiver.titles(), 5)
        # The board can't be read either. Viewers see an old one, so this alert comes later.
        await_true(lambda: "BOARD_NOT_READ" in receiver.titles(), 20)
    finally:
        own_postgres.start()
