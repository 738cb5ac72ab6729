"""A broadcaster that passes requests to the API: when that fails, and what stays its own."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest
import requests

from broadcaster.handshake.forwarding import forwarded_head
from tests.support.broadcaster.harness import BroadcasterHarness, running_broadcaster
from tests.support.servers import Stores

pytestmark = pytest.mark.slow


@contextmanager
def api(answer: Callable[[socket.socket], None]) -> Iterator[str]:
    """A server in place of the API, which handles each connection by `answer`; gives host:port."""
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve() -> None:
            while True:
                try:
                    connection, _ = listener.accept()
                except OSError:
                    return
                with connection:
                    answer(connection)

        threading.Thread(target=serve, daemon=True).start()
        yield f"127.0.0.1:{listener.getsockname()[1]}"
        listener.shutdown(socket.SHUT_RDWR)


@contextmanager
def forwarding(stores: Stores, folder: Path, upstream: str) -> Iterator[BroadcasterHarness]:
    with running_broadcaster(stores, folder, WEB_UPSTREAM=upstream) as broadcaster:
        yield broadcaster


def test_without_an_api_its_requests_are_refused_and_viewers_are_served(
    stores: Stores, tmp_path: Path
) -> None:
    with closing(socket.socket()) as closed:
        closed.bind(("127.0.0.1", 0))
        upstream = f"127.0.0.1:{closed.getsockname()[1]}"
        with forwarding(stores, tmp_path, upstream) as broadcaster:
            for method in ("GET", "POST"):
                reply = requests.request(
                    method, f"{broadcaster.url}/api/leaderboard", data=b"x" * 100_000, timeout=10
                )
                assert (reply.status_code, reply.json()["code"]) == (503, "API_NOT_REACHED")
                assert "Retry-After" in reply.headers
            assert requests.get(f"{broadcaster.url}/health", timeout=10).ok
            with broadcaster.connect_viewer() as viewer:
                assert "connected" in str(viewer.recv(5))


def test_an_api_that_closes_without_a_reply_is_reported(stores: Stores, tmp_path: Path) -> None:
    def read_only(connection: socket.socket) -> None:
        connection.recv(65536)

    with api(read_only) as upstream, forwarding(stores, tmp_path, upstream) as broadcaster:
        reply = requests.post(f"{broadcaster.url}/api/x", data=b"y" * 1000, timeout=10)
        assert (reply.status_code, reply.json()["code"]) == (503, "API_NOT_REACHED")


def test_a_long_reply_arrives_whole(stores: Stores, tmp_path: Path) -> None:
    content = b"z" * 3_000_000

    def answer(connection: socket.socket) -> None:
        connection.recv(65536)
        connection.sendall(b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n" + content)

    with api(answer) as upstream, forwarding(stores, tmp_path, upstream) as broadcaster:
        assert requests.get(f"{broadcaster.url}/", timeout=10).content == content


def test_without_the_setting_other_paths_are_not_found(stores: Stores, tmp_path: Path) -> None:
    with running_broadcaster(stores, tmp_path) as broadcaster:
        assert requests.get(f"{broadcaster.url}/api/leaderboard", timeout=10).status_code == 404


def test_the_head_for_the_api_ends_with_what_the_broadcaster_saw() -> None:
    spoofed = [b"X-Forwarded-For: 192.0.2.1\r\n", b"X-Forwarded-Host: evil.example\r\n"]
    lines = [b"Host: a:80\r\n", *spoofed, b"CONNECTION : keep-alive\r\n"]
    head = forwarded_head("GET /%C3%A4?b=1 HTTP/1.1", lines, "203.0.113.9", 5000)
    assert head.startswith(b"GET /%C3%A4?b=1 HTTP/1.1\r\nHost: a:80\r\n" + b"".join(spoofed))
    seen = {"For": "203.0.113.9", "Proto": "http", "Host": "a:80", "Port": "5000"}
    ours = "".join(f"X-Forwarded-{name}: {value}\r\n" for name, value in seen.items())
    assert head.endswith(ours.encode() + b"Connection: close\r\n\r\n")
    assert head.lower().count(b"connection") == 1


@pytest.mark.parametrize("host", [b"", b"Host: a\rb\r\n", b"Host: a, b\r\n"])
def test_a_host_that_could_be_another_header_is_not_repeated(host: bytes) -> None:
    head = forwarded_head("GET / HTTP/1.1", [host], "203.0.113.9", 5000)
    assert b"X-Forwarded-Host: invalid\r\n" in head
