"""Clients that hang up, and a clock that is wrong."""

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

from tests.awaiting import await_true
from tests.faults.load import Spend
from tests.faults.trial import RETURN_SECONDS, Trial
from tests.system.player import Player
from tests.system.running import await_health
from tools.processes import end

pytestmark = pytest.mark.slow
FAKETIME = next(Path("/usr/lib").glob("*/faketime/libfaketime.so.1"), None)
# libfaketime 0.9.10 breaks clock_nanosleep() when it leaves the monotonic clock alone, and waiting
# for locks when it doesn't.
WORKING_SLEEP = """
import select, time
time.sleep = lambda seconds: select.select([], [], [], seconds) and None
"""
HANG_UPS_OF_A_KIND = 20
RESET = struct.pack("ii", 1, 0)
"""SO_LINGER on, for no time: the connection is closed by a reset."""


def test_clients_that_hang_up_lose_nothing(begun: Trial) -> None:
    players = [Player.register(begun.system.url) for _ in range(4)]
    kinds = [
        [Spend(player, player.ask_token()) for player in players * (HANG_UPS_OF_A_KIND // 4)]
        for _ in range(3)
    ]
    in_the_body, after_sending, with_a_reset = kinds
    for number in range(HANG_UPS_OF_A_KIND):
        url = begun.system.urls[number % 2]
        hang_up(url, in_the_body[number], of_the_body=0.5)
        hang_up(url, after_sending[number])
        hang_up(url, with_a_reset[number], reset=True)
    # What was sent whole counts, though nobody waited for the answer.
    await_true(
        lambda: all(begun.truth.actions_of(spend) for spend in after_sending), RETURN_SECONDS
    )
    assert not any(begun.truth.actions_of(spend) for spend in in_the_body)
    with ThreadPoolExecutor(len(players)) as pool:
        list(pool.map(begun.load.settle, chain(*kinds)))
    assert {spend.final for spend in in_the_body} == {"200"}
    assert {spend.final for spend in after_sending} == {"TOKEN_USED"}
    assert {spend.final for spend in with_a_reset} <= {"200", "TOKEN_USED"}
    begun.verdict(time.monotonic())
    assert "Traceback" not in begun.system.log("web")


@pytest.mark.skipif(FAKETIME is None, reason="Debian's package faketime is not installed")
def test_an_api_whose_clock_is_five_seconds_off_loses_nothing(begun: Trial, tmp_path: Path) -> None:
    (tmp_path / "sitecustomize.py").write_text(WORKING_SLEEP)
    for seconds in (+5, -5):
        end(begun.system.web[-1], (signal.SIGTERM, 10))
        begun.system.start_web(
            begun.system.ports[1],
            LD_PRELOAD=str(FAKETIME),
            FAKETIME=f"{seconds:+d}s",
            FAKETIME_DONT_FAKE_MONOTONIC="1",
            PYTHONPATH=str(tmp_path),
        )
        await_health(begun.system.urls[1])
        assert seconds - 1.5 < clock_of(begun.system.urls[1]) - time.time() < seconds + 1
        begun.await_load()
        # Sessions and tokens of the one hold at the other.
        for there, here in (begun.system.urls, begun.system.urls[::-1]):
            player = Player.register(there)
            assert player.spend(player.ask_token(), url=here).status_code == 200
    begun.verdict(time.monotonic())


def hang_up(url: str, spend: Spend, *, of_the_body: float = 1.0, reset: bool = False) -> None:
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
    """What time that API believes it is."""
    timestamp = requests.get(f"{url}/health", timeout=5).json()["timestamp"]
    return datetime.fromisoformat(timestamp).timestamp()
