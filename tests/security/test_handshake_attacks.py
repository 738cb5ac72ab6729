"""Attacks on the handshake: half-open connections, origins, subprotocols, and tokens in queries."""

from __future__ import annotations

import json
import resource
import secrets
import socket
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress

import pytest
import requests
from websockets.sync.client import connect

from broadcaster.handshake.socket_handover import REQUEST_SECONDS
from tests.security.fuzz.effort import LONG
from tests.security.viewers import sees_the_board
from tests.support.api_requests import Api
from tests.support.broadcaster.frames import UPGRADE, handshake_request
from tests.support.system.harness import SystemHarness
from tests.support.system.player import Player
from tests.support.waiting import await_true

pytestmark = pytest.mark.slow

HALF_OPEN = 10_000 if LONG else 2000
ALLOWED = "http://127.0.0.1"


@contextmanager
def half_open(
    port: int, number: int, sent: Callable[[int], bytes]
) -> Iterator[list[socket.socket]]:
    """Connections with an incomplete handshake."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, number + 2000), hard))
    with ExitStack() as stack:
        stack.callback(resource.setrlimit, resource.RLIMIT_NOFILE, (soft, hard))
        sockets = []
        for position in range(number):
            sock = stack.enter_context(socket.create_connection(("127.0.0.1", port), 10))
            sock.sendall(sent(position))
            sock.setblocking(False)
            sockets.append(sock)
        yield sockets


def test_thousands_of_half_open_handshakes_are_closed_and_exclude_no_viewer(
    running_system: SystemHarness, player: Player
) -> None:
    request = handshake_request(player.access_token)
    # Nothing, half a line, and all but the last byte.
    beginnings = (b"", request[:9], request[:-1])
    with half_open(
        running_system.broadcaster_port, HALF_OPEN, lambda position: beginnings[position % 3]
    ) as sockets:
        assert sees_the_board(running_system, player)
        waiting = set(sockets)

        def all_closed() -> bool:
            # One connection sends more bytes, which gives it no more time.
            trickle(sockets[1])
            waiting.difference_update([sock for sock in waiting if ended(sock)])
            return not waiting

        await_true(all_closed, REQUEST_SECONDS + 20)
    assert sees_the_board(running_system, player)


def trickle(sock: socket.socket) -> None:
    with suppress(OSError):
        sock.send(b" ")


def ended(sock: socket.socket) -> bool:
    """Whether the server has closed the connection."""
    try:
        return sock.recv(4096) == b""
    except BlockingIOError:
        return False
    except ConnectionError:
        return True


def test_an_origin_that_only_looks_like_an_allowed_one_is_refused(
    running_system: SystemHarness, broadcaster: Api, player: Player
) -> None:
    own = running_system.url
    for origin in (
        own + "/",
        # The broadcaster's own host, by another name, port or address.
        f"{broadcaster.url}0",
        f"{broadcaster.url}.evil.example",
        f"{broadcaster.url}/",
        f"{broadcaster.url}, https://evil.example",
        broadcaster.url.replace("127.0.0.1", "localhost"),
        broadcaster.url.replace("http://", "http://evil.example@"),
        broadcaster.url.replace("http://", "file://"),
        own + ".evil.example",
        own.replace("http://", "http://evil.example@"),
        own.replace("http://", "https://"),
        own + "0",
        own.upper(),
        own.rpartition(":")[0],
        f"{own}, https://evil.example",
        f"https://evil.example#{own}",
        f"{own}%20",
        "null",
        "file://",
        "http://[::ffff:127.0.0.1]",
        ALLOWED + ":0",
    ):
        headers = UPGRADE | {"Origin": origin}
        reply = broadcaster.get("/ws", token=player.access_token, headers=headers)
        assert (reply.status_code, reply.json()["code"]) == (403, "ORIGIN_NOT_ALLOWED"), origin
    # The log says what was refused, and which setting would allow it.
    line = next(
        line for line in running_system.log("broadcaster").splitlines() if "file://" in line
    )
    logged = json.loads(line)
    assert (logged["setting"], logged["status"]) == ("ALLOWED_ORIGINS", 403)
    assert logged["host"] == broadcaster.url.removeprefix("http://")


def test_subprotocols_give_no_access_and_only_bearer_is_echoed(
    running_system: SystemHarness, broadcaster: Api, player: Player
) -> None:
    token = player.access_token
    for offered in (
        "bearer",
        "bearer,",
        "bearer, bearer",
        token,
        f"chat, {token}",
        f"Bearer, {token}",
        f"bearer {token}",
        f"bearer, x.y.z, {token}",
        "bearer, " + "a" * 4000,
        ", ".join(["bearer", *("x" for _ in range(1000))]),
    ):
        reply = broadcaster.get("/ws", headers=UPGRADE | {"Sec-WebSocket-Protocol": offered})
        assert reply.status_code == 401, offered
        assert "Sec-WebSocket-Protocol" not in reply.headers
    for offered in (f"bearer, {token}", f"chat, bearer, {token}", f"{token}, bearer"):
        with requests.get(
            f"{broadcaster.url}/ws",
            headers=UPGRADE | {"Sec-WebSocket-Protocol": offered},
            timeout=5,
            stream=True,
        ) as reply:
            if reply.status_code == 101:
                assert reply.headers["Sec-WebSocket-Protocol"] == "bearer"
            else:
                assert reply.status_code == 401


def test_a_token_in_a_query_is_in_no_log(
    running_system: SystemHarness, api: Api, broadcaster: Api, player: Player
) -> None:
    token, mark = player.access_token, f"mark_{secrets.token_hex(8)}"
    for server in (api, broadcaster):
        for path in ("/ws", "/health", "/nowhere", "/api/leaderboard", "/api/users/me"):
            server.get(f"{path}?token={token}", headers={"X-Request-Id": mark})
            server.call("PUT", f"{path}?a=b&token={token}", headers={"Referer": f"/?token={token}"})
        server.exchange(f"GET /ws?token={token} HTTP/9.9\r\n\r\n".encode())
        server.exchange(f"NONSENSE ?token={token}\r\n\r\n".encode())
        server.exchange(f"GET /ws?token={token} {token} HTTP/1.1\r\n\r\n".encode())
    with connect(f"{running_system.websocket_url}?token={token}") as ws:
        ws.recv(10)
    await_true(lambda: mark in running_system.log("web"), 10)
    for part in (token, token.split(".")[2], token.split(".")[1]):
        assert part not in running_system.log("web")
        assert part not in running_system.log("broadcaster")
