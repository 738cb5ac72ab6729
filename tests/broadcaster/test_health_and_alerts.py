"""The broadcaster's health while PostgreSQL hangs, and what it alerts operators of."""

from __future__ import annotations

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
import requests

from tests.alert_receiver import AlertReceiver, alert_receiver
from tests.awaiting import await_true
from tests.broadcaster.stage import Stage, broadcaster_on
from tests.servers import DatabaseServer, Stores, redis_server
from tools.embedded import EmbeddedPostgres

pytestmark = pytest.mark.slow
HEALTH_SECONDS = 1.5


@pytest.fixture(scope="module")
def receiver() -> Iterator[AlertReceiver]:
    with alert_receiver() as made:
        yield made


@pytest.fixture(scope="module")
def own_postgres() -> Iterator[EmbeddedPostgres]:
    # Not in pytest's own folder, which another run closes to the user that PostgreSQL runs as.
    with (
        TemporaryDirectory(prefix="scoreboard-") as data,
        EmbeddedPostgres(Path(data), fsync=False) as server,
    ):
        yield server


@pytest.fixture(scope="module")
def own_stage(
    own_postgres: EmbeddedPostgres,
    receiver: AlertReceiver,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Stage]:
    """A stage whose PostgreSQL may be frozen, by a name that has to be looked up."""
    with redis_server(tmp_path_factory.mktemp("valkey")) as valkey:
        url = DatabaseServer(own_postgres).create().replace("127.0.0.1", "localhost")
        folder = tmp_path_factory.mktemp("broadcaster")
        with broadcaster_on(Stores(url, valkey.url), folder, ALERT_URLS=receiver.url) as stage:
            yield stage


def asked(stage: Stage, path: str) -> tuple[requests.Response, float]:
    begun = time.monotonic()
    reply = requests.get(f"{stage.url}{path}", headers={"Connection": "close"}, timeout=30)
    return reply, time.monotonic() - begun


def test_checks_of_a_frozen_postgresql_hold_up_nothing_else(
    own_stage: Stage, own_postgres: EmbeddedPostgres
) -> None:
    own_postgres.pause()
    try:
        with ThreadPoolExecutor(20) as pool:
            checks, descriptors = [], []
            for _ in range(5):
                running = [pool.submit(asked, own_stage, "/health") for _ in range(19)]
                time.sleep(0.2)
                alive, taken = asked(own_stage, "/health/live")
                assert not any(each.done() for each in running)
                assert alive.json()["status"] == "alive"
                assert taken < 0.5
                checks += [each.result() for each in running]
                descriptors.append(own_stage.descriptors())
                # Until a bad answer is no longer told again.
                time.sleep(0.5)
    finally:
        own_postgres.resume()
    for reply, taken in checks:
        assert (reply.status_code, reply.json()["database"]) == (503, "timeout")
        assert taken < HEALTH_SECONDS
    assert descriptors[-1] - descriptors[0] < 5
    await_true(lambda: asked(own_stage, "/health")[0].ok, 10)


def test_a_handshake_that_postgresql_cannot_answer_is_alerted_of(
    own_stage: Stage, own_postgres: EmbeddedPostgres, receiver: AlertReceiver
) -> None:
    person = own_stage.person()
    token = own_stage.access_token(person)
    own_stage.services.redis.flushall()
    own_postgres.kill()
    try:
        reply = requests.get(
            f"{own_stage.url}/ws",
            headers={
                "Connection": "Upgrade",
                "Upgrade": "websocket",
                "Sec-WebSocket-Version": "13",
                "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
                "Authorization": f"Bearer {token}",
            },
            timeout=10,
        )
        assert (reply.status_code, reply.json()["code"]) == (500, "DB_ERROR")
        await_true(lambda: "DB_ERROR" in receiver.titles(), 5)
        # The board can't be read either; viewers see an old one, so it is said after a while.
        await_true(lambda: "BOARD_NOT_READ" in receiver.titles(), 20)
    finally:
        own_postgres.start()
    await_true(lambda: "BOARD_NOT_READ is well again" in receiver.titles(), 30)
