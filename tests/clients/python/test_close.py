"""Closing a client while other threads use it."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future

import pytest

from clients.python.live_scoreboard_client import Act, Scoreboard, Service, WatchEnded

SECONDS = 8.0
"""Less than a request waits for its reply."""
ACT = Act("quiz", 1, username="ada")


@pytest.fixture
def silent_server() -> Iterator[socket.socket]:
    """A server that replies to no request."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(SECONDS)
        yield server


def url_of(server: socket.socket) -> str:
    return f"http://127.0.0.1:{server.getsockname()[1]}"


def in_thread(function: Callable[[], object]) -> Future[object]:
    """What the function returns or raises in a thread that does not keep the tests from ending."""
    outcome = Future[object]()

    def run() -> None:
        try:
            outcome.set_result(function())
        except Exception as error:  # noqa: BLE001 - raised again by the future
            outcome.set_exception(error)

    threading.Thread(target=run, daemon=True).start()
    return outcome


def test_a_close_ends_the_call_of_another_thread(silent_server: socket.socket) -> None:
    service = Service(url_of(silent_server), "sk_1_key")
    call = in_thread(lambda: service.score([ACT]))
    connection, _ = silent_server.accept()
    with connection:
        service.close()
        assert isinstance(call.exception(SECONDS), RuntimeError)


def test_a_close_ends_the_wait_of_another_thread_for_a_watch(silent_server: socket.socket) -> None:
    scoreboard = Scoreboard(url_of(silent_server))
    watch = scoreboard.watch()
    wait = in_thread(watch.wait_until_ended)
    connection, _ = silent_server.accept()
    with connection:
        scoreboard.close()
        # The thread may call after the close.
        assert isinstance(wait.exception(SECONDS), WatchEnded | RuntimeError)


def test_a_closed_client_refuses_calls_and_may_be_closed_again(
    silent_server: socket.socket,
) -> None:
    service = Service(url_of(silent_server), "sk_1_key")
    closes = [in_thread(service.close) for _ in range(3)]
    assert [close.exception(SECONDS) for close in closes] == [None] * 3
    with pytest.raises(RuntimeError, match="closed"):
        service.score([ACT])
    service.close()
