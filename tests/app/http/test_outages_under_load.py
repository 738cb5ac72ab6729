"""Many requests at once while PostgreSQL or Redis is away: answers, health, and alerts."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

import psutil
import pytest
import redis
import requests

from app.contract import keys
from tests.alert_receiver import SECRET, AlertReceiver, alert_receiver
from tests.app.http.asking import refused
from tests.app.http.place import WORKERS, Place, place_of_its_own, without
from tests.awaiting import await_true
from tests.system.player import Player

pytestmark = pytest.mark.slow
THREADS = 8
CROWD = 100
PROMISED_SECONDS = 2.0
QUEUE_SECONDS = 1.0
"""What a crowd's own work may add on a machine that does other things."""
HEALTH_SECONDS = 1.5


@pytest.fixture(scope="module")
def receiver() -> Iterator[AlertReceiver]:
    with alert_receiver() as made:
        yield made


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory, receiver: AlertReceiver) -> Iterator[Place]:
    with place_of_its_own(
        tmp_path_factory.mktemp,
        WEB_THREADS=str(THREADS),
        ALERT_URLS=receiver.url,
        LOG_LEVEL="DEBUG",
    ) as made:
        yield made


@pytest.fixture(scope="module")
def player(place: Place) -> Player:
    return place.system.register()


@pytest.fixture(autouse=True)
def asked_before(place: Place, player: Player) -> None:
    """So that no worker makes its first connection while it is measured."""
    with ThreadPoolExecutor(WORKERS * THREADS) as pool:
        assert all(reply.ok for reply, _ in pool.map(lambda _: me(place, player), range(40)))


def timed(call: Callable[[], requests.Response]) -> tuple[requests.Response, float]:
    begun = time.monotonic()
    return call(), time.monotonic() - begun


def get(place: Place, path: str, **headers: str) -> tuple[requests.Response, float]:
    """A GET on a connection of its own."""
    headers["Connection"] = "close"
    return timed(lambda: requests.get(f"{place.system.url}{path}", headers=headers, timeout=30))


def me(place: Place, player: Player) -> tuple[requests.Response, float]:
    """A request that PostgreSQL has to answer."""
    return get(place, "/api/users/me", Authorization=f"Bearer {player.access_token}")


def workers(place: Place) -> list[psutil.Process]:
    return psutil.Process(place.system.web[0].pid).children()


def test_a_crowd_is_answered_in_time_by_a_frozen_postgresql(place: Place, player: Player) -> None:
    with without(place, place.postgres, "paused"), ThreadPoolExecutor(CROWD) as pool:
        answers = list(pool.map(lambda _: me(place, player), range(CROWD)))
        later = [me(place, player) for _ in range(20)]
    for reply, _ in answers + later:
        refused(reply, 500, "DB_ERROR")
    assert max(taken for _, taken in answers) < PROMISED_SECONDS + QUEUE_SECONDS
    assert max(taken for _, taken in later) < PROMISED_SECONDS
    # Nobody waits while somebody else finds out whether PostgreSQL is back.
    assert sorted(taken for _, taken in later)[len(later) // 2] < 0.5


def test_health_is_told_in_time_while_every_thread_waits(place: Place, player: Player) -> None:
    with without(place, place.postgres, "paused"), ThreadPoolExecutor(CROWD) as pool:
        crowd = [pool.submit(me, place, player) for _ in range(WORKERS * THREADS * 3)]
        time.sleep(0.3)
        lives = list(pool.map(lambda _: get(place, "/api/health/live"), range(8)))
        assert not any(each.done() for each in crowd)
        checks = list(pool.map(lambda _: get(place, "/health"), range(8)))
    for reply, _ in lives:
        assert reply.json()["status"] == "alive"
    for reply, _ in checks:
        assert (reply.status_code, reply.json()["database"]) == (503, "timeout")
    assert max(taken for _, taken in lives) < 1.0
    assert max(taken for _, taken in checks) < HEALTH_SECONDS


def test_a_hundred_health_checks_of_a_frozen_postgresql_leave_nothing_behind(
    place: Place,
) -> None:
    def used() -> int:
        return sum(each.num_threads() + each.num_fds() for each in workers(place))

    with without(place, place.postgres, "paused"), ThreadPoolExecutor(10) as pool:
        first = list(pool.map(lambda _: get(place, "/health"), range(20)))
        before = used()
        checks = []
        for _ in range(10):
            checks += list(pool.map(lambda _: get(place, "/health"), range(10)))
            # Until a bad answer is no longer told again, so that each round asks anew.
            time.sleep(0.5)
        after = used()
    for reply, taken in first + checks:
        assert (reply.status_code, reply.json()["database"]) == (503, "timeout")
        assert taken < HEALTH_SECONDS
    # A connection of each worker's check, and those of our own that are being closed.
    assert after - before < 10


@pytest.mark.parametrize(
    ("server", "code", "status"),
    [("postgres", "DB_ERROR", 500), ("valkey", "REDIS_UNAVAILABLE", 503)],
)
def test_hundreds_of_failures_are_one_alert_and_then_it_is_well_again(
    place: Place, player: Player, receiver: AlertReceiver, server: str, code: str, status: int
) -> None:
    # Earlier tests' outages were alerted of too.
    await_true(lambda: all(title.endswith("again") for title in receiver.titles()[-1:]), 30)
    forget_alerts(place)
    receiver.messages.clear()

    def fail() -> requests.Response:
        if server == "postgres":
            return me(place, player)[0]
        return player.call("POST", "/actions/token", headers={"Connection": "close"})

    with (
        without(place, getattr(place, server), "killed"),
        ThreadPoolExecutor(WORKERS * THREADS) as pool,
    ):
        for reply in pool.map(lambda _: fail(), range(300)):
            refused(reply, status, code)
        await_true(lambda: receiver.titles() == [code], 5)
        time.sleep(2.5)
        # The workers have looked again meanwhile, and it is not well.
        assert receiver.titles() == [code]
    await_true(lambda: len(receiver.messages) > 1, 30)
    assert receiver.titles() == [code, f"{code} is well again"]
    alarm, all_clear = receiver.messages
    assert (alarm["type"], all_clear["type"]) == ("failure", "success")
    assert "requestId req_" in alarm["message"]
    assert counted(alarm["message"]) + counted(all_clear["message"]) == 300
    # Logged after the receiver has answered, so perhaps after we have seen the message.
    await_true(lambda: place.system.log("web").count('"event": "alert_sent"') >= 2, 5)
    assert SECRET not in place.system.log("web")


def counted(text: str) -> int:
    """How many occurrences the message tells of."""
    times = re.search(r"(\d+) times within|(\d+) more were held back", text)
    return 1 if times is None else int(times[1] or times[2])


def forget_alerts(place: Place) -> None:
    """As if five minutes had passed since the last."""

    with redis.Redis.from_url(place.valkey.url) as client:
        client.delete(keys.ALERTS)
