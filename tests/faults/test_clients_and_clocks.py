"""Clients that disconnect, and a clock that is wrong."""

from __future__ import annotations

import json
import signal
import socket
import struct
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from itertools import chain
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import requests

from tests.support.environment import FAKETIME
from tests.support.faults.harness import RETURN_SECONDS, FaultHarness
from tests.support.faults.token_load import Spend
from tests.support.system.harness import await_health
from tests.support.system.player import Player
from tests.support.waiting import await_true
from tools.local.processes import end

pytestmark = pytest.mark.slow
# libfaketime 0.9.10 breaks clock_nanosleep() if it leaves the monotonic clock unchanged, and waits
# for locks if it changes it.
WORKING_SLEEP = """
import select, time
time.sleep = lambda seconds: select.select([], [], [], seconds) and None
"""
DISCONNECTS_PER_KIND = 20
RESET = struct.pack("ii", 1, 0)
"""SO_LINGER with 0 s: closing sends a reset."""


def test_clients_that_disconnect_lose_no_point(harness: FaultHarness) -> None:
    players = [Player.register(harness.system.url) for _ in range(4)]
    kinds = [
        [Spend(player, player.ask_token()) for player in players * (DISCONNECTS_PER_KIND // 4)]
        for _ in range(3)
    ]
    in_the_body, after_sending, with_a_reset = kinds
    for number in range(DISCONNECTS_PER_KIND):
        url = harness.system.urls[number % 2]
        disconnect(url, in_the_body[number], of_the_body=0.5)
        disconnect(url, after_sending[number])
        disconnect(url, with_a_reset[number], reset=True)
    # A complete request counts, although its client did not wait for the answer.
    await_true(
        lambda: all(harness.ledger.actions_of(spend) for spend in after_sending), RETURN_SECONDS
    )
    assert not any(harness.ledger.actions_of(spend) for spend in in_the_body)
    with ThreadPoolExecutor(len(players)) as pool:
        list(pool.map(harness.load.settle, chain(*kinds)))
    assert {spend.final for spend in in_the_body} == {"200"}
    assert {spend.final for spend in after_sending} == {"TOKEN_USED"}
    assert {spend.final for spend in with_a_reset} <= {"200", "TOKEN_USED"}
    harness.check_nothing_lost(time.monotonic())
    assert "Traceback" not in harness.system.log("web")


@pytest.mark.skipif(FAKETIME is None, reason="Debian's package faketime is not installed")
def test_an_api_whose_clock_is_five_seconds_off_loses_no_point(
    own_harness: FaultHarness, tmp_path: Path
) -> None:
    (tmp_path / "sitecustomize.py").write_text(WORKING_SLEEP)
    for seconds in (+5, -5):
        end(own_harness.system.web[-1], (signal.SIGTERM, 10))
        own_harness.system.start_web(
            own_harness.system.ports[1],
            LD_PRELOAD=str(FAKETIME),
            FAKETIME=f"{seconds:+d}s",
            FAKETIME_DONT_FAKE_MONOTONIC="1",
            PYTHONPATH=str(tmp_path),
        )
        await_health(own_harness.system.urls[1])
        assert abs(clock_of(own_harness.system.urls[1]) - time.time() - seconds) < 3
        own_harness.await_increments()
        # Each API accepts the sessions and tokens of the other.
        for there, here in (own_harness.system.urls, own_harness.system.urls[::-1]):
            player = Player.register(there)
            assert player.spend(player.ask_token(), url=here).status_code == 200
    own_harness.check_nothing_lost(time.monotonic())


def disconnect(url: str, spend: Spend, *, of_the_body: float = 1.0, reset: bool = False) -> None:
    """Send an increment, or the first part of it, and close without reading."""
    address = urlsplit(url)
    body = json.dumps({"actionToken": spend.token}).encode()
    head = (
        f"POST /api/scores/increment HTTP/1.1\r\nHost: {address.netloc}\r\n"
        f"Authorization: Bearer {spend.player.access_token}\r\n"
        f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    ).encode()
    assert address.hostname and address.port
    with socket.create_connection((address.hostname, address.port), timeout=10) as connection:
        connection.sendall(head + body[: int(len(body) * of_the_body)])
        if reset:
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)


def clock_of(url: str) -> float:
    """The time by the clock of that API, in seconds since 1970."""
    timestamp = requests.get(f"{url}/health", timeout=5).json()["timestamp"]
    return datetime.fromisoformat(timestamp).timestamp()
