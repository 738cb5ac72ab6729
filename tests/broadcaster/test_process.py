"""The process: how it starts, how it ends, and what silence does."""

from __future__ import annotations

import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
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
