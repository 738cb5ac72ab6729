"""The end of the process (flow 10), and what viewers hear of the end of an API server."""

from __future__ import annotations

import json
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import datetime
from pathlib import Path

import psycopg2
import pytest

from app.contract import keys
from app.contract.messages import ServerShutdown
from tests.awaiting import await_true, catches_sigterm, somebody_waits_for_a_lock
from tests.broadcaster.frames_in import bare_viewer, handshake
from tests.broadcaster.stage import Stage, broadcaster_on
from tests.environment import base_environment
from tests.servers import Stores

pytestmark = pytest.mark.slow
FLOW_10 = [
    "shutting_down",
    "stopped_accepting",
    "viewers_told",
    "requests_finished",
    "background_stopped",
    "redis_closed",
    "database_closed",
    "stopped",
]


@pytest.fixture
def make_stage(stores: Stores, tmp_path: Path) -> Iterator[Callable[..., Stage]]:
    """Starts a broadcaster with these settings."""
    with ExitStack() as stack:

        def make(**variables: str) -> Stage:
            return stack.enter_context(broadcaster_on(stores, tmp_path, **variables))

        yield make


@pytest.mark.parametrize("ending", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_sends_everyone_away_politely(
    make_stage: Callable[..., Stage], ending: signal.Signals
) -> None:
    stage = make_stage(RECONNECT_SPREAD_MS="60000")
    token = stage.access_token(stage.person())
    with ExitStack() as stack:
        viewers = [stack.enter_context(bare_viewer(stage.port, token)) for _ in range(150)]
        begun = time.monotonic()
        stage.process.send_signal(ending)
        delays = []
        for viewer in viewers:
            *_, last = viewer.events()
            assert last["event"] == "disconnect"
            assert last["data"]["reason"] == "shutting_down"
            assert viewer.closed_with == 1001
            delays.append(last["data"]["reconnectInMs"])
        stage.process.send_signal(ending)
        assert stage.process.wait(10) == 0
    # These viewers never answer the close frame, so they cost the whole grace, but no more.
    assert time.monotonic() - begun < 6
    # Spread evenly over the setting: each third of it gets some.
    assert {delay // 20_000 for delay in delays} == {0, 1, 2}
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", stage.port), 1)
    steps = [event for event, _ in logged(stage) if event in FLOW_10]
    assert steps == FLOW_10


def test_shutdown_seconds_bound_the_farewell(make_stage: Callable[..., Stage]) -> None:
    stage = make_stage(SHUTDOWN_SECONDS="1")
    with bare_viewer(stage.port, stage.access_token(stage.person())):
        stage.process.terminate()
        assert stage.process.wait(10) == 0
    # By the log, since how long an interpreter takes to end is the machine's affair. The viewer,
    # who never answers its close frame, would be waited for a second longer.
    begun, ended = (logged_at(stage, event) for event in ("shutting_down", "stopped"))
    assert 1.0 <= (ended - begun).total_seconds() < 1.9


def logged(stage: Stage) -> list[tuple[str, datetime]]:
    """What the broadcaster logged, and when."""
    lines = (json.loads(line) for line in stage.log().splitlines() if line.startswith("{"))
    return [(line["event"], datetime.fromisoformat(line["timestamp"])) for line in lines]


def logged_at(stage: Stage, event: str) -> datetime:
    """When the broadcaster logged the event first."""
    return next(moment for name, moment in logged(stage) if name == event)


def test_a_handshake_in_flight_is_finished_and_sent_away_in_good_form(
    make_stage: Callable[..., Stage], stores: Stores
) -> None:
    stage = make_stage()
    token = stage.access_token(stage.person())
    stage.services.redis.flushall()
    with (
        socket.create_connection(("127.0.0.1", stage.port), 10) as sock,
        psycopg2.connect(stores.database_url) as lock,
    ):
        # Its session has to be looked up in PostgreSQL, which takes as long as this holds it.
        lock.cursor().execute("lock table sessions in access exclusive mode")
        sock.sendall(handshake(token))
        await_true(lambda: somebody_waits_for_a_lock(stores.database_url), 10)
        stage.process.terminate()
        stage.await_log("stopped_accepting", 1)
        lock.rollback()
        received = b""
        while data := sock.recv(65536):
            received += data
            if b"shutting_down" in received:
                break
    lock.close()
    assert received.startswith(b"HTTP/1.1 101 ")
    assert b"shutting_down" in received
    assert stage.process.wait(10) == 0


def test_viewers_hear_that_an_api_server_goes_and_stay(make_stage: Callable[..., Stage]) -> None:
    stage = make_stage()
    publish = stage.services.redis.publish
    stage.await_log('"subscribed"', 10)
    with stage.watch() as one, stage.watch() as other:
        publish(keys.SERVER_SHUTDOWN, "nonsense")
        publish(keys.SERVER_SHUTDOWN, ServerShutdown("blue").dump())
        for viewer in (one, other):
            events = [json.loads(viewer.recv(5)) for _ in range(3)]
            assert [event["event"] for event in events[:2]] == ["connected", "leaderboard_update"]
            assert events[2] == {"event": "server_shutdown", "data": {"instance": "blue"}}
            viewer.send('{"type": "ping"}')
            assert json.loads(viewer.recv(5)) == {"event": "pong"}


def test_sigterm_during_the_start_ends_it_cleanly(stores: Stores) -> None:
    places = {"DATABASE_URL": stores.database_url, "REDIS_URL": stores.redis_url}
    process = subprocess.Popen(
        [sys.executable, "-m", "broadcaster"],
        env=base_environment() | places | {"BROADCASTER_PORT": "1"},
        stderr=subprocess.PIPE,
    )
    await_true(lambda: catches_sigterm(process.pid), 30)
    process.terminate()
    _, said = process.communicate(timeout=30)
    assert (process.returncode, said) == (0, b"")
