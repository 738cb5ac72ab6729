"""The process: how it starts, how it ends, and what silence does."""

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

import pytest

from tests.awaiting import await_true
from tests.broadcaster.frames_in import bare_viewer
from tests.broadcaster.stage import Stage, broadcaster_on
from tests.environment import base_environment
from tests.servers import Stores

pytestmark = pytest.mark.slow


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
    stage = make_stage()
    token = stage.access_token(stage.person())
    with ExitStack() as stack:
        viewers = [stack.enter_context(bare_viewer(stage.port, token)) for _ in range(150)]
        begun = time.monotonic()
        stage.process.send_signal(ending)
        delays = set()
        for viewer in viewers:
            *_, last = viewer.events()
            assert last["event"] == "disconnect"
            assert last["data"]["reason"] == "shutting_down"
            assert viewer.closed_with == 1001
            delays.add(last["data"]["reconnectInMs"])
    assert min(delays) >= 0
    assert len(delays) > 100
    assert stage.process.wait(5) == 0
    # These viewers never answer the close frame, so they cost the whole grace, but no more.
    assert time.monotonic() - begun < 6
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", stage.port), 1)


def test_shutdown_seconds_bound_the_farewell(make_stage: Callable[..., Stage]) -> None:
    stage = make_stage(SHUTDOWN_SECONDS="1")
    with bare_viewer(stage.port, stage.access_token(stage.person())):
        stage.process.terminate()
        assert stage.process.wait(10) == 0
    # By the log, since how long an interpreter takes to end is the machine's affair. The viewer,
    # who never answers its close frame, would be waited for a second longer.
    begun, ended = (logged_at(stage, event) for event in ("shutting_down", "stopped"))
    assert 1.0 <= (ended - begun).total_seconds() < 1.9


def logged_at(stage: Stage, event: str) -> datetime:
    """When the broadcaster logged the event first."""
    lines = (json.loads(line) for line in stage.log().splitlines() if line.startswith("{"))
    return next(
        datetime.fromisoformat(line["timestamp"]) for line in lines if line["event"] == event
    )


def test_the_silent_are_pinged_and_who_stays_silent_is_dropped(
    make_stage: Callable[..., Stage],
) -> None:
    stage = make_stage(HEARTBEAT_SECONDS="1")
    token = stage.access_token(stage.person())
    with (
        bare_viewer(stage.port, token) as silent,
        stage.watch() as answering,
    ):
        assert silent.next_event("connected")["data"]["heartbeatSeconds"] == 1
        begun = time.monotonic()
        silent.next_event("PING")
        assert time.monotonic() - begun < 3
        assert silent.close_code() is None
        assert time.monotonic() - begun < 5
        # The library answers pings in the background, so this one is still here.
        answering.send('{"type": "ping"}')
        assert any("pong" in str(answering.recv(2)) for _ in range(3))
    await_true(lambda: '"viewers": 0, "event": "viewer_left"' in stage.log(), 3)


def start(**variables: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "broadcaster"],
        env=variables,
        capture_output=True,
        text=True,
        timeout=10,
        check=False,
    )


def test_bad_settings_end_it_with_one_clear_message() -> None:
    ended = start(DATABASE_URL="mysql://x", HEARTBEAT_SECONDS="never")
    assert ended.returncode == 2
    assert "Traceback" not in ended.stderr
    for name in ("DATABASE_URL", "REDIS_URL", "HEARTBEAT_SECONDS", "JWT_PRIVATE_KEY"):
        assert name in ended.stderr


def test_a_taken_port_ends_it_with_one_line(stores: Stores) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        places = {"DATABASE_URL": stores.database_url, "REDIS_URL": stores.redis_url}
        ended = start(**base_environment(), **places, BROADCASTER_PORT=port)
    assert ended.returncode == 1
    assert ended.stderr.count("\n") == 1
    assert port in ended.stderr
