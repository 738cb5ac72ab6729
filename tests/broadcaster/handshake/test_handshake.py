"""Handshakes: the ways to send a token, and the reply to each refused request."""

from __future__ import annotations

import json
import re
import secrets
import socket
import time
import uuid
from itertools import islice
from typing import Any

import pytest
import requests
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect

from app.contract.commands import SUBPROTOCOL
from app.contract.identity import Identity
from tests.support.broadcaster.frames import UPGRADE, handshake_request, json_frame, raw_viewer
from tests.support.broadcaster.harness import ORIGIN, BroadcasterHarness

pytestmark = pytest.mark.slow


def ways_to_send(token: str) -> dict[str, dict[str, Any]]:
    return {
        "subprotocol": {"subprotocols": [SUBPROTOCOL, token]},
        "header": {"additional_headers": {"Authorization": f"Bearer {token}"}},
        "query": {},
    }


@pytest.mark.parametrize("way", ["subprotocol", "header", "query"])
def test_a_viewer_gets_connected_and_then_the_board(
    broadcaster: BroadcasterHarness, way: str
) -> None:
    person = broadcaster.register_player()
    token = broadcaster.access_token(person)
    query = f"?token={token}" if way == "query" else ""
    with connect(broadcaster.websocket_url + query, **ways_to_send(token)[way]) as viewer:
        connected, board = json.loads(viewer.recv(10)), json.loads(viewer.recv(10))
        assert viewer.subprotocol == (SUBPROTOCOL if way == "subprotocol" else None)
    assert connected["event"] == "connected"
    expires_in = connected["data"].pop("tokenExpiresIn")
    assert connected["data"] == {
        "userId": person.user_id,
        "room": "leaderboard",
        "heartbeatSeconds": 25,
    }
    assert 890 <= expires_in <= 900
    assert board["event"] == "leaderboard_update"
    assert board["data"].keys() == {"version", "updatedAt", "committedAt", "leaderboard"}


def assert_refused(reply: requests.Response, status: int, code: str) -> None:
    assert reply.status_code == status
    body = reply.json()
    assert body.keys() == {"error", "code", "message", "requestId"}
    assert body["code"] == code
    assert body["requestId"] == reply.headers["X-Request-Id"]


def test_a_handshake_without_a_token_is_answered_401(broadcaster: BroadcasterHarness) -> None:
    assert_refused(broadcaster.request_handshake(None), 401, "AUTH_REQUIRED")


def test_an_invalid_token_is_refused(broadcaster: BroadcasterHarness) -> None:
    person = broadcaster.register_player()
    good = broadcaster.access_token(person)
    login = broadcaster.services.accounts.log_in(person.username, "correct horse battery")
    user, session, token = (str(uuid.uuid4()) for _ in range(3))
    unknown = Identity(user, session, token, int(time.time()) + 60)
    for bad in (
        "nonsense",
        good[:-4] + "AAAA",
        login.tokens.refresh_token,
        broadcaster.access_token(person, seconds=-30),
        broadcaster.sign(unknown),
    ):
        assert_refused(broadcaster.request_handshake(bad), 401, "AUTH_INVALID")


def test_the_token_of_an_ended_session_is_refused(broadcaster: BroadcasterHarness) -> None:
    person = broadcaster.register_player()
    broadcaster.services.sessions.end(person.identity)
    assert_refused(
        broadcaster.request_handshake(broadcaster.access_token(person)), 401, "SESSION_REVOKED"
    )


def test_a_banned_user_is_refused(broadcaster: BroadcasterHarness) -> None:
    person = broadcaster.register_player()
    with broadcaster.services.database.transaction() as connection:
        connection.exec_driver_sql(
            "UPDATE users SET status = 'banned' WHERE id = %(id)s", {"id": person.user_id}
        )
    # Remove the user from Redis, so that PostgreSQL is read.
    for name in broadcaster.services.redis.keys(f"*{person.user_id}*"):
        broadcaster.services.redis.delete(name)
    assert_refused(
        broadcaster.request_handshake(broadcaster.access_token(person)), 403, "USER_BANNED"
    )


def test_only_pages_of_allowed_origins_and_of_its_own_host_can_connect(
    broadcaster: BroadcasterHarness,
) -> None:
    for origin in (ORIGIN, broadcaster.url):
        with broadcaster.connect_viewer(origin=origin) as viewer:
            assert json.loads(viewer.recv(10))["event"] == "connected"
    for origin in ("https://evil.example", "null", "", ORIGIN + ".evil.example"):
        with pytest.raises(InvalidStatus) as refused:
            broadcaster.connect_viewer(origin=origin)
        assert refused.value.response.status_code == 403
        body = json.loads(refused.value.response.body or b"")
        assert body["code"] == "ORIGIN_NOT_ALLOWED"
        assert {"ALLOWED_ORIGINS", "CORS_ORIGINS"} <= set(
            re.findall(r"[A-Z_]{12,}", body["message"])
        )


def test_a_refused_origin_is_logged_with_the_name_of_the_setting(
    broadcaster: BroadcasterHarness,
) -> None:
    origin = f"https://{secrets.token_hex(8)}.example"
    with pytest.raises(InvalidStatus):
        broadcaster.connect_viewer(origin=origin)
    broadcaster.await_log(re.escape(origin), 10)
    (line,) = [line for line in broadcaster.log().splitlines() if origin in line]
    logged = json.loads(line)
    assert (logged["origin"], logged["setting"]) == (origin, "ALLOWED_ORIGINS")
    assert (logged["code"], logged["status"]) == ("ORIGIN_NOT_ALLOWED", 403)


def test_a_plain_http_request_is_answered_that_an_upgrade_is_required(
    broadcaster: BroadcasterHarness,
) -> None:
    assert_refused(requests.get(f"{broadcaster.url}/ws", timeout=5), 401, "AUTH_REQUIRED")
    token = broadcaster.access_token(broadcaster.register_player())
    reply = requests.get(f"{broadcaster.url}/ws", params={"token": token}, timeout=5)
    assert_refused(reply, 426, "UPGRADE_REQUIRED")
    assert reply.headers["Sec-WebSocket-Version"] == "13"
    assert_refused(
        broadcaster.request_handshake(token, **{"Sec-WebSocket-Version": "8"}),
        426,
        "UPGRADE_REQUIRED",
    )


def test_an_invalid_handshake_is_refused_with_a_json_body(broadcaster: BroadcasterHarness) -> None:
    token = broadcaster.access_token(broadcaster.register_player())
    assert_refused(
        broadcaster.request_handshake(token, **{"Sec-WebSocket-Key": ""}), 400, "VALIDATION_ERROR"
    )
    assert_refused(
        broadcaster.request_handshake(token, **{"Content-Length": "7"}), 400, "VALIDATION_ERROR"
    )


def test_other_paths_are_answered_with_json(broadcaster: BroadcasterHarness) -> None:
    assert_refused(requests.get(f"{broadcaster.url}/nothing", timeout=5), 404, "NOT_FOUND")
    assert_refused(requests.post(f"{broadcaster.url}/health", timeout=5), 405, "METHOD_NOT_ALLOWED")
    health = requests.get(f"{broadcaster.url}/health", timeout=5)
    assert health.status_code == 200
    assert health.json()["redis"] == health.json()["database"] == "ok"


def test_a_valid_request_id_of_the_client_is_returned(broadcaster: BroadcasterHarness) -> None:
    assert broadcaster.request_handshake(None, **{"X-Request-Id": "abc.DEF-1_2"}).json()[
        "requestId"
    ] == ("abc.DEF-1_2")
    assert (
        broadcaster.request_handshake(None, **{"X-Request-Id": "a b"})
        .json()["requestId"]
        .startswith("req_")
    )


def test_a_message_sent_together_with_the_handshake_is_answered(
    broadcaster: BroadcasterHarness,
) -> None:
    token = broadcaster.access_token(broadcaster.register_player())
    with raw_viewer(broadcaster.port, token, early=json_frame({"type": "ping"})) as viewer:
        names = [event["event"] for event in islice(viewer.events(), 3)]
        assert names == ["connected", "leaderboard_update", "pong"]


def test_half_a_frame_sent_together_with_the_handshake_is_completed_later(
    broadcaster: BroadcasterHarness,
) -> None:
    message = json_frame({"type": "ping"})
    token = broadcaster.access_token(broadcaster.register_player())
    with raw_viewer(broadcaster.port, token, early=message[:3]) as viewer:
        viewer.next_event("leaderboard_update")
        viewer.send(message[3:])
        viewer.next_event("pong")


def test_no_token_is_ever_logged(broadcaster: BroadcasterHarness) -> None:
    secret = f"s3cret{secrets.token_hex(8)}"
    token = broadcaster.access_token(broadcaster.register_player())
    requests.get(f"{broadcaster.url}/ws?token={secret}", headers=UPGRADE, timeout=5)
    requests.get(f"{broadcaster.url}/nothing?token={secret}", timeout=5)
    broadcaster.request_handshake(secret)
    with connect(f"{broadcaster.websocket_url}?token={token}") as viewer:
        viewer.recv(10)
    with socket.create_connection(("127.0.0.1", broadcaster.port), 5) as sock:
        sock.sendall(f"NONSENSE /ws?token={secret}\r\n\r\n".encode())
        assert sock.recv(4096).startswith(b"HTTP/1.1 400")
    broadcaster.await_log(r'"status": 400', 10)
    assert secret not in broadcaster.log()
    assert token not in broadcaster.log()


def test_a_connection_that_sends_no_whole_request_does_not_delay_others(
    broadcaster: BroadcasterHarness,
) -> None:
    with socket.create_connection(("127.0.0.1", broadcaster.port), 5) as idle:
        idle.sendall(handshake_request("x")[:20])
        with broadcaster.connect_viewer() as viewer:
            assert json.loads(viewer.recv(10))["event"] == "connected"
