"""The stream of tools/watch.py against servers that do what a real broadcaster seldom does."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http import HTTPStatus
from typing import Any

import pytest
from websockets.http11 import Request, Response
from websockets.sync.server import ServerConnection, serve

from tests.support.system.harness import free_ports
from tools.watcher.address import WatchFailed
from tools.watcher.stream import BoardStream
from tools.watcher.tokens import GivenToken

pytestmark = pytest.mark.slow


class Finished(Exception):
    """The view has received what the test waits for."""


class RecordingView:
    """Records board versions and retry delays; ends the stream after a number of either."""

    def __init__(self, boards: int, retries: int = 1000) -> None:
        self.versions: list[int] = []
        self.retry_seconds: list[float] = []
        self._boards, self._retries = boards, retries

    def show_frame(self, message: dict[str, Any]) -> None:
        if message["event"] == "leaderboard_update":
            self.versions.append(message["data"]["version"])
            if len(self.versions) == self._boards:
                raise Finished

    def show_disconnected(self, cause: str, retry_seconds: float) -> None:
        self.retry_seconds.append(retry_seconds)
        if len(self.retry_seconds) == self._retries:
            raise Finished

    def on_idle(self) -> None:
        """Nothing to do."""


def board(version: int) -> str:
    data = {"version": version, "updatedAt": "2026-11-24T00:00:00.000Z", "leaderboard": []}
    return json.dumps({"event": "leaderboard_update", "data": data})


def disconnect(reconnect_ms: int | None) -> str:
    data = {"reason": "shutting_down", "reconnectInMs": reconnect_ms}
    return json.dumps({"event": "disconnect", "data": data})


@contextmanager
def broadcaster(*connections: list[str], status: HTTPStatus | None = None) -> Iterator[str]:
    """A WebSocket server that sends the next list of frames to each connection, then closes it.

    With a status, it refuses every handshake with it.
    """
    frames = iter(connections)

    def send_frames(socket: ServerConnection) -> None:
        for frame in next(frames):
            socket.send(frame)

    def refuse(socket: ServerConnection, request: Request) -> Response | None:
        return None if status is None else socket.respond(status, "no")

    with serve(send_frames, "127.0.0.1", 0, process_request=refuse) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"ws://127.0.0.1:{server.socket.getsockname()[1]}/ws"
        server.shutdown()
        thread.join()


def watch(url: str, view: RecordingView, **backoff: float) -> RecordingView:
    with pytest.raises(Finished):
        BoardStream(url, GivenToken("t"), view, **backoff).run()
    return view


def test_an_older_board_never_follows_a_newer_one() -> None:
    connections = ([board(5), board(7), board(6), disconnect(0)], [board(3), board(7), board(8)])
    with broadcaster(*connections) as url:
        assert watch(url, RecordingView(boards=4)).versions == [5, 7, 7, 8]


def test_the_delay_that_the_server_gave_is_used() -> None:
    with broadcaster([board(1), disconnect(120)], [board(2)]) as url:
        assert watch(url, RecordingView(boards=2)).retry_seconds == [0.12]


def test_without_a_delay_from_the_server_the_backoff_grows_with_jitter() -> None:
    (port,) = free_ports(1)
    for _ in range(2):
        view = RecordingView(boards=1, retries=6)
        url = f"ws://127.0.0.1:{port}/ws"
        delays = watch(
            url, view, first_backoff_seconds=0.01, max_backoff_seconds=0.08
        ).retry_seconds
        for delay, most in zip(delays, (0.01, 0.02, 0.04, 0.08, 0.08, 0.08), strict=True):
            assert most / 2 <= delay <= most
        assert len(set(delays)) == 6


def test_a_disconnect_without_a_delay_ends_the_stream() -> None:
    with (
        broadcaster([board(1), disconnect(None)]) as url,
        pytest.raises(WatchFailed, match="closed the connection for good: shutting_down"),
    ):
        BoardStream(url, GivenToken("t"), RecordingView(boards=9)).run()


@pytest.mark.parametrize("status", [HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN])
def test_a_refused_token_is_not_sent_again(status: HTTPStatus) -> None:
    with (
        broadcaster(status=status) as url,
        pytest.raises(WatchFailed, match="refused the connection"),
    ):
        BoardStream(url, GivenToken("t"), RecordingView(boards=1)).run()


def test_a_handshake_is_retried_after_a_server_error() -> None:
    with broadcaster(status=HTTPStatus.SERVICE_UNAVAILABLE) as url:
        assert len(watch(url, RecordingView(boards=1, retries=2)).retry_seconds) == 2
