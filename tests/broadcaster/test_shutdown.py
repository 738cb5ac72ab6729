"""The shutdown of the process (flow 10), and the event about the shutdown of an API server."""

from __future__ import annotations

import json
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import datetime
from pathlib import Path

import psycopg2
import pytest

from app.contract import keys
from app.contract.channels import ServerShutdown
from tests.support.broadcaster.frames import handshake_request, raw_viewer
from tests.support.broadcaster.harness import BroadcasterHarness, running_broadcaster
from tests.support.environment import base_environment
from tests.support.servers import Stores
from tests.support.waiting import await_true, catches_sigterm, is_lock_awaited

pytestmark = pytest.mark.slow
FLOW_10 = [
    "shutting_down",
    "stopped_accepting",
    "viewers_notified",
    "requests_finished",
    "background_stopped",
    "redis_closed",
    "database_closed",
    "stopped",
]


@pytest.fixture
def start_broadcaster(
    stores: Stores, tmp_path: Path
) -> Iterator[Callable[..., BroadcasterHarness]]:
    """A function that starts a broadcaster with these settings."""
    with ExitStack() as stack:

        def start(**variables: str) -> BroadcasterHarness:
            return stack.enter_context(running_broadcaster(stores, tmp_path, **variables))

        yield start


@pytest.mark.parametrize("stop_signal", [signal.SIGTERM, signal.SIGINT])
def test_a_stop_signal_closes_all_viewers_with_spread_reconnect_delays(
    start_broadcaster: Callable[..., BroadcasterHarness], stop_signal: signal.Signals
) -> None:
    broadcaster = start_broadcaster(RECONNECT_SPREAD_MS="60000")
    token = broadcaster.access_token(broadcaster.register_player())
    with ExitStack() as stack:
        viewers = [stack.enter_context(raw_viewer(broadcaster.port, token)) for _ in range(150)]
        broadcaster.process.send_signal(stop_signal)
        delays = []
        for viewer in viewers:
            *_, last = viewer.events()
            assert last["event"] == "disconnect"
            assert last["data"]["reason"] == "shutting_down"
            assert viewer.closed_with == 1001
            delays.append(last["data"]["reconnectInMs"])
        broadcaster.process.send_signal(stop_signal)
        assert broadcaster.process.wait(30) == 0
    # These viewers never answer the close frame, so the process waits CLOSE_SECONDS for them, and
    # not SHUTDOWN_SECONDS, which is 30.
    started, ended = (logged_at(broadcaster, event) for event in ("shutting_down", "stopped"))
    assert (ended - started).total_seconds() < 10
    assert max(delays) <= 60_000
    # Spread over the setting: each third of it has some delays.
    assert {min(delay // 20_000, 2) for delay in delays} == {0, 1, 2}
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", broadcaster.port), 1)
    steps = [event for event, _ in logged(broadcaster) if event in FLOW_10]
    assert steps == FLOW_10


def test_the_shutdown_takes_at_most_shutdown_seconds(
    start_broadcaster: Callable[..., BroadcasterHarness],
) -> None:
    broadcaster = start_broadcaster(SHUTDOWN_SECONDS="1")
    with raw_viewer(broadcaster.port, broadcaster.access_token(broadcaster.register_player())):
        broadcaster.process.terminate()
        assert broadcaster.process.wait(30) == 0
    # By the log, because the time that the stores and the interpreter need depends on the machine.
    # Without the limit the viewer, which never answers its close frame, would take a second more.
    started, ended = (
        logged_at(broadcaster, event) for event in ("shutting_down", "requests_finished")
    )
    assert 1.0 <= (ended - started).total_seconds() < 1.9


def logged(broadcaster: BroadcasterHarness) -> list[tuple[str, datetime]]:
    """The logged events with their times."""
    lines = (json.loads(line) for line in broadcaster.log().splitlines() if line.startswith("{"))
    return [(line["event"], datetime.fromisoformat(line["timestamp"])) for line in lines]


def logged_at(broadcaster: BroadcasterHarness, event: str) -> datetime:
    """When the event was logged first."""
    return next(logged_time for name, logged_time in logged(broadcaster) if name == event)


def test_a_handshake_in_progress_is_finished_and_its_viewer_is_closed_with_a_reason(
    start_broadcaster: Callable[..., BroadcasterHarness], stores: Stores
) -> None:
    broadcaster = start_broadcaster()
    token = broadcaster.access_token(broadcaster.register_player())
    broadcaster.services.redis.flushall()
    with (
        socket.create_connection(("127.0.0.1", broadcaster.port), 10) as sock,
        psycopg2.connect(stores.database_url) as lock,
    ):
        # The session look-up in PostgreSQL waits for this lock.
        lock.cursor().execute("lock table sessions in access exclusive mode")
        sock.sendall(handshake_request(token))
        await_true(lambda: is_lock_awaited(stores.database_url), 10)
        broadcaster.process.terminate()
        broadcaster.await_log("stopped_accepting", 10)
        lock.rollback()
        received = b""
        while data := sock.recv(65536):
            received += data
            if b"shutting_down" in received:
                break
    lock.close()
    assert received.startswith(b"HTTP/1.1 101 ")
    assert b"shutting_down" in received
    assert broadcaster.process.wait(30) == 0


def test_viewers_get_an_event_when_an_api_server_shuts_down_and_stay_connected(
    start_broadcaster: Callable[..., BroadcasterHarness],
) -> None:
    broadcaster = start_broadcaster()
    publish = broadcaster.services.redis.publish
    with broadcaster.connect_viewer() as one, broadcaster.connect_viewer() as other:
        publish(keys.SERVER_SHUTDOWN, "nonsense")
        publish(keys.SERVER_SHUTDOWN, ServerShutdown("blue").dump())
        for viewer in (one, other):
            events = [json.loads(viewer.recv(5)) for _ in range(3)]
            assert [event["event"] for event in events[:2]] == ["connected", "leaderboard_update"]
            assert events[2] == {"event": "server_shutdown", "data": {"instance": "blue"}}
            viewer.send('{"type": "ping"}')
            assert json.loads(viewer.recv(5)) == {"event": "pong"}


def test_sigterm_during_the_start_ends_the_process_cleanly(stores: Stores) -> None:
    addresses = {"DATABASE_URL": stores.database_url, "REDIS_URL": stores.redis_url}
    process = subprocess.Popen(
        [sys.executable, "-m", "broadcaster"],
        env=base_environment() | addresses | {"BROADCASTER_PORT": "1"},
        stderr=subprocess.PIPE,
    )
    await_true(lambda: catches_sigterm(process.pid), 30)
    process.terminate()
    _, output = process.communicate(timeout=30)
    assert (process.returncode, output) == (0, b"")
