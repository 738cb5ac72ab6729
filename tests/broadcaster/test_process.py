"""The process: its start, its failures to start, and its heartbeat."""

from __future__ import annotations

import json
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.support.broadcaster.frames import raw_viewer
from tests.support.broadcaster.harness import BroadcasterHarness, running_broadcaster
from tests.support.environment import base_environment
from tests.support.servers import Stores
from tests.support.system.harness import await_health
from tests.support.waiting import await_true
from tools.local.processes import end, spawn

pytestmark = pytest.mark.slow


@pytest.fixture
def start_broadcaster(
    stores: Stores, tmp_path: Path
) -> Iterator[Callable[..., BroadcasterHarness]]:
    """A function that starts a broadcaster with these settings."""
    with ExitStack() as stack:

        def start(**variables: str) -> BroadcasterHarness:
            return stack.enter_context(running_broadcaster(stores, tmp_path, **variables))

        yield start


def test_a_silent_viewer_is_pinged_and_dropped_if_it_stays_silent(
    start_broadcaster: Callable[..., BroadcasterHarness],
) -> None:
    broadcaster = start_broadcaster(HEARTBEAT_SECONDS="1")
    token = broadcaster.access_token(broadcaster.register_player())
    with (
        raw_viewer(broadcaster.port, token) as silent,
        broadcaster.connect_viewer() as answering,
    ):
        assert silent.next_event("connected")["data"]["heartbeatSeconds"] == 1
        started = time.monotonic()
        silent.next_event("PING")
        assert time.monotonic() - started < 5
        assert silent.close_code() is None
        assert time.monotonic() - started < 8
        # The library answers pings in the background, so this viewer is still connected.
        answering.send('{"type": "ping"}')
        assert any("pong" in str(answering.recv(10)) for _ in range(3))
    await_true(lambda: '"viewers": 0, "event": "viewer_left"' in broadcaster.log(), 10)


def start(**variables: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "broadcaster"],
        env=variables,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_invalid_settings_end_the_process_with_one_message() -> None:
    ended = start(DATABASE_URL="mysql://x", HEARTBEAT_SECONDS="never")
    assert ended.returncode == 2
    assert "Traceback" not in ended.stderr
    for name in ("DATABASE_URL", "REDIS_URL", "HEARTBEAT_SECONDS", "JWT_PRIVATE_KEY"):
        assert name in ended.stderr


def test_a_port_in_use_ends_the_process_with_one_line(stores: Stores) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        addresses = {"DATABASE_URL": stores.database_url, "REDIS_URL": stores.redis_url}
        ended = start(**base_environment(), **addresses, BROADCASTER_PORT=port)
    assert ended.returncode == 1
    assert ended.stderr.count("\n") == 1
    assert port in ended.stderr
    assert "set BROADCASTER_PORT" in ended.stderr


def test_a_broadcaster_says_that_it_ignores_port(
    start_broadcaster: Callable[..., BroadcasterHarness], stores: Stores, tmp_path: Path
) -> None:
    assert "port_not_used" not in start_broadcaster(PORT="54321").log()
    addresses = {"DATABASE_URL": stores.database_url, "REDIS_URL": stores.redis_url}
    # The default port is free at an address that no other test uses.
    variables = base_environment() | addresses | {"PORT": "54321", "HOST": "127.0.0.77"}
    log_file = tmp_path / "log"
    with log_file.open("wb") as output:
        process = spawn([sys.executable, "-m", "broadcaster"], output=output, environment=variables)
    try:
        await_health("http://127.0.0.77:8001")
    finally:
        end(process, (signal.SIGTERM, 10))
    (line,) = [line for line in log_file.read_text().splitlines() if "port_not_used" in line]
    assert json.loads(line)["port"] == "54321"
    assert json.loads(line)["listens_on"] == 8001
    assert "BROADCASTER_PORT=$PORT" in line
