"""Viewers that mean harm; tests/broadcaster has each rule of the protocol, and the slow readers."""

from __future__ import annotations

import json
import random
import resource
import secrets
import socket
import struct
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress

import pytest
import requests
from websockets.sync.client import connect

from broadcaster.takeover import REQUEST_SECONDS
from tests.app.http.asking import Api
from tests.awaiting import await_true
from tests.broadcaster.frames_in import (
    CLOSE,
    CONTINUATION,
    PING,
    TEXT,
    UPGRADE,
    BareViewer,
    bare_viewer,
    frame,
    handshake,
    say,
)
from tests.security.effort import FACTOR, LONG
from tests.system.player import Player
from tests.system.running import RunningSystem

pytestmark = pytest.mark.slow

HALF_OPEN = 10_000 if LONG else 2000
GARBAGE, SEED = 60 * FACTOR, 8


@contextmanager
def viewer(system: RunningSystem, player: Player) -> Iterator[BareViewer]:
    """A viewer who has the board."""
    with bare_viewer(system.broadcaster_port, player.access_token) as bare:
        bare.next_event("leaderboard_update")
        yield bare


def sees_the_board(system: RunningSystem, player: Player) -> bool:
    """Whether somebody new gets in and sees the board within two seconds."""
    headers = {"Authorization": f"Bearer {player.access_token}"}
    with connect(system.websocket_url, additional_headers=headers, open_timeout=10) as ws:
        events = [json.loads(ws.recv(2))["event"] for _ in range(2)]
    return events == ["connected", "leaderboard_update"]


def claiming(length: int, *, opcode: int = TEXT) -> bytes:
    """The head of a masked frame that says it has so many bytes, in the longest way to say it."""
    return struct.pack("!BBQ", 0x80 | opcode, 0xFF, length) + b"mask" + b"x" * 100


ENDLESS: dict[str, tuple[bytes, int]] = {
    "a frame of 8 exabytes": (claiming(2**63 - 1), 1009),
    "a length with its first bit set": (claiming(2**63), 1002),
    "a frame of 4 gigabytes": (claiming(2**32), 1009),
    "a length said in more bytes than it needs": (claiming(100), 1002),
    "a close frame of a megabyte": (claiming(2**20, opcode=CLOSE), 1002),
    "a ping of a megabyte": (claiming(2**20, opcode=PING), 1002),
    "one byte in a fragment, five thousand times": (
        frame(TEXT, b"x", final=False) + frame(CONTINUATION, b"x", final=False) * 5000,
        1008,
    ),
    "pings between fragments without end": (
        frame(TEXT, b"x", final=False) + frame(PING, b"") * 500,
        1008,
    ),
    "text after the close frame": (frame(CLOSE, struct.pack("!H", 1000)) + say({}) * 9, 1000),
}


@pytest.mark.parametrize("what", ENDLESS)
def test_what_would_never_end_is_ended(
    running_system: RunningSystem, player: Player, what: str
) -> None:
    sent, code = ENDLESS[what]
    with viewer(running_system, player) as bare:
        bare.send(sent)
        assert bare.close_code() == code
    assert sees_the_board(running_system, player)


def test_the_mask_is_not_to_be_left_out_in_any_frame(
    running_system: RunningSystem, player: Player
) -> None:
    good = frame(TEXT, b'{"type":', final=False)
    for rest in (frame(CONTINUATION, b'"ping"}', mask=False), frame(PING, b"", mask=False)):
        with viewer(running_system, player) as bare:
            bare.send(good + rest)
            assert bare.close_code() == 1002


def test_a_mask_of_zeros_or_of_anything_hides_nothing(
    running_system: RunningSystem, player: Player
) -> None:
    text = b'{"type":"ping"}'
    with viewer(running_system, player) as bare:
        for mask in (b"\0\0\0\0", b"\xff\xff\xff\xff", text[:4]):
            masked = bytes(byte ^ mask[i % 4] for i, byte in enumerate(text))
            bare.send(struct.pack("!BB", 0x81, 0x80 | len(text)) + mask + masked)
            bare.next_event("pong")


def test_a_frame_that_comes_slowly_delays_nobody(
    running_system: RunningSystem, player: Player
) -> None:
    message = say({"type": "ping"})
    with ExitStack() as stack:
        slow = [stack.enter_context(viewer(running_system, player)) for _ in range(20)]
        other = stack.enter_context(viewer(running_system, player))
        for position in range(len(message) - 1):
            for each in slow:
                each.send(message[position : position + 1])
            if position % 4 == 0:
                other.send(message)
                other.next_event("pong")
        other.send(say({"type": "watch_me"}))
        assert other.next_event("rank_update")["data"]["score"] == 0
        player.score_point()
        assert other.next_event("rank_update")["data"]["score"] == 1
        for each in slow:
            each.send(message[-1:])
            each.next_event("pong")


def test_garbage_is_closed_and_never_answered_by_an_error_of_ours(
    running_system: RunningSystem, player: Player
) -> None:
    chance, before = random.Random(SEED), len(running_system.log("broadcaster"))
    for _ in range(GARBAGE):
        with viewer(running_system, player) as bare:
            bare.send(chance.randbytes(chance.randint(2, 4000)) + b"\x88\x82mask\x6e\x89")
            assert bare.close_code() in {1000, 1002, 1007, 1008, 1009, None}
    assert sees_the_board(running_system, player)
    assert "Traceback" not in running_system.log("broadcaster")[before:]


@contextmanager
def half_open(
    port: int, number: int, sent: Callable[[int], bytes]
) -> Iterator[list[socket.socket]]:
    """So many connections on which a handshake was begun and not ended."""
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


def test_thousands_of_half_open_handshakes_keep_nobody_out_and_are_closed(
    running_system: RunningSystem, player: Player
) -> None:
    begun = handshake(player.access_token)
    # Nothing at all, half a line, all but the last byte.
    beginnings = (b"", begun[:9], begun[:-1])
    with half_open(
        running_system.broadcaster_port, HALF_OPEN, lambda position: beginnings[position % 3]
    ) as sockets:
        assert sees_the_board(running_system, player)
        waiting = set(sockets)

        def all_closed() -> bool:
            # One of them sends a header now and then, and buys no time with it.
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


ALLOWED = "http://127.0.0.1"


def test_an_origin_that_only_looks_like_an_allowed_one_is_refused(
    running_system: RunningSystem, broadcaster: Api, player: Player
) -> None:
    own = running_system.url
    for origin in (
        own + "/",
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


def test_subprotocols_are_no_way_in_and_none_is_echoed_but_bearer(
    running_system: RunningSystem, broadcaster: Api, player: Player
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


def test_a_token_in_a_query_is_in_no_log_of_any_process(
    running_system: RunningSystem, api: Api, broadcaster: Api, player: Player
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
        ws.recv(2)
    await_true(lambda: mark in running_system.log("web"), 10)
    for part in (token, token.split(".")[2], token.split(".")[1]):
        assert part not in running_system.log("web")
        assert part not in running_system.log("broadcaster")
