"""The alerts of an API whose PostgreSQL or Redis is down while hundreds of requests fail."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
import requests

from tests.support.api_requests import refused
from tests.support.faults.outage_harness import WORKERS, OutageHarness, outage_harness
from tests.support.system.alert_receiver import SECRET, AlertReceiver, alert_receiver
from tests.support.waiting import await_true

pytestmark = pytest.mark.slow
FAILURES = 300


@pytest.fixture
def receiver() -> Iterator[AlertReceiver]:
    with alert_receiver() as made:
        yield made


@pytest.fixture
def harness(
    tmp_path_factory: pytest.TempPathFactory, receiver: AlertReceiver
) -> Iterator[OutageHarness]:
    with outage_harness(
        tmp_path_factory.mktemp, ALERT_URLS=receiver.url, LOG_LEVEL="DEBUG"
    ) as made:
        yield made


@pytest.mark.parametrize(
    ("server", "code", "status", "alerts"),
    [
        ("postgres", "DB_ERROR", 500, 1),
        # Without Redis the workers can't agree.
        ("valkey", "REDIS_UNAVAILABLE", 503, WORKERS),
    ],
)
def test_hundreds_of_failures_are_one_alert_or_without_redis_one_of_each_worker(
    harness: OutageHarness,
    receiver: AlertReceiver,
    server: str,
    code: str,
    status: int,
    alerts: int,
) -> None:
    player = harness.api.register()

    def fail() -> requests.Response:
        headers = {"Connection": "close"}
        if server == "postgres":
            return player.call("GET", "/users/me", headers=headers)
        return player.call("POST", "/actions/token", headers=headers)

    with (
        harness.without(getattr(harness, server), "killed"),
        ThreadPoolExecutor(8) as pool,
    ):
        for reply in pool.map(lambda _: fail(), range(FAILURES)):
            refused(reply, status, code)

        def has_alerted() -> bool:
            # Perhaps one worker has answered all requests so far.
            refused(fail(), status, code)
            return len(receiver.messages) == alerts

        await_true(has_alerted, 15)
        # The workers have collected again in the meantime, and the outage continues.
        refused(fail(), status, code)
        time.sleep(2.5)
    assert receiver.titles() == [code] * alerts
    for message in receiver.messages:
        assert message["type"] == "failure"
        assert re.search(r"Once\.|\d+ times within a second\.", message["message"])
        assert "requestId req_" in message["message"]
    # The worker logs after the receiver's reply, perhaps after this test has seen the message.
    await_true(lambda: harness.api.log("web").count('"event": "alert_sent"') == alerts, 5)
    assert SECRET not in harness.api.log("web")
