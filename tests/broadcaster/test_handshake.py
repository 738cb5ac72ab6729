"""Who gets in, by which ways, and what the others are told."""

from __future__ import annotations

import json
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

from app.contract.identity import Identity
from app.contract.messages import SUBPROTOCOL
from tests.broadcaster.frames_in import UPGRADE, bare_viewer, handshake, say
from tests.broadcaster.stage import ORIGIN, Stage

pytestmark = pytest.mark.slow


def ways_to_show(token: str) -> dict[str, dict[str, Any]]:
    return {
        "subprotocol": {"subprotocols": [SUBPROTOCOL, token]},
        "header": {"additional_headers": {"Authorization": f"Bearer {token}"}},
        "query": {},
    }


@pytest.mark.parametrize("way", ["subprotocol", "header", "query"])
def test_a_viewer_gets_connected_and_then_the_board(stage: Stage, way: str) -> None:
    person = stage.person()
    token = stage.access_token(person)
    query = f"?token={token}" if way == "query" else ""
    with connect(stage.websocket_url + query, **ways_to_show(token)[way]) as viewer:
        connected, board = json.loads(viewer.recv(2)), json.loads(viewer.recv(2))
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


def refusal(stage: Stage, token: str | None, **headers: str) -> requests.Response:
    credentials = {} if token is None else {"Authorization": f"Bearer {token}"}
    return requests.get(
        f"{stage.url}/ws", headers=UPGRADE | credentials | headers, timeout=5, stream=True
    )


def assert_refused(reply: requests.Response, status: int, code: str) -> None:
    assert reply.status_code == status
    body = reply.json()
    assert body.keys() == {"error", "code", "message", "requestId"}
    assert body["code"] == code
    assert body["requestId"] == reply.headers["X-Request-Id"]


def test_without_a_token_the_answer_is_401(stage: Stage) -> None:
    assert_refused(refusal(stage, None), 401, "AUTH_REQUIRED")


def test_a_bad_token_is_refused(stage: Stage) -> None:
    person = stage.person()
    good = stage.access_token(person)
    admitted = stage.services.accounts.log_in(person.username, "correct horse battery")
    user, session, token = (str(uuid.uuid4()) for _ in range(3))
    stranger = Identity(user, session, token, int(time.time()) + 60)
    for bad in (
        "nonsense",
        good[:-4] + "AAAA",
        admitted.tokens.refresh_token,
        stage.access_token(person, seconds=-30),
        stage.sign(stranger),
    ):
        assert_refused(refusal(stage, bad), 401, "AUTH_INVALID")


def test_a_session_that_ended_is_refused(stage: Stage) -> None:
    person = stage.person()
    stage.services.sessions.end(person.identity)
    assert_refused(refusal(stage, stage.access_token(person)), 401, "SESSION_REVOKED")


def test_a_banned_user_is_refused(stage: Stage) -> None:
    person = stage.person()
    with stage.services.database.transaction() as connection:
        connection.exec_driver_sql(
            "UPDATE users SET status = 'banned' WHERE id = %(id)s", {"id": person.user_id}
        )
    # As if Redis had forgotten the user, so that PostgreSQL is asked.
    for name in stage.services.redis.keys(f"*{person.user_id}*"):
        stage.services.redis.delete(name)
    assert_refused(refusal(stage, stage.access_token(person)), 403, "USER_BANNED")


def test_only_pages_of_allowed_origins_get_in(stage: Stage) -> None:
    with stage.watch(origin=ORIGIN) as viewer:
        assert json.loads(viewer.recv(2))["event"] == "connected"
    for origin in ("https://evil.example", "null", "", ORIGIN + ".evil.example"):
        with pytest.raises(InvalidStatus) as refused:
            stage.watch(origin=origin)
        assert refused.value.response.status_code == 403
        body = json.loads(refused.value.response.body or b"")
        assert body["code"] == "ORIGIN_NOT_ALLOWED"


def test_plain_http_is_told_to_upgrade(stage: Stage) -> None:
    assert_refused(requests.get(f"{stage.url}/ws", timeout=5), 401, "AUTH_REQUIRED")
    token = stage.access_token(stage.person())
    reply = requests.get(f"{stage.url}/ws", params={"token": token}, timeout=5)
    assert_refused(reply, 426, "UPGRADE_REQUIRED")
    assert reply.headers["Sec-WebSocket-Version"] == "13"
    assert_refused(refusal(stage, token, **{"Sec-WebSocket-Version": "8"}), 426, "UPGRADE_REQUIRED")


def test_a_handshake_that_is_none_is_refused_as_json(stage: Stage) -> None:
    token = stage.access_token(stage.person())
    assert_refused(refusal(stage, token, **{"Sec-WebSocket-Key": ""}), 400, "VALIDATION_ERROR")
    assert_refused(refusal(stage, token, **{"Content-Length": "7"}), 400, "VALIDATION_ERROR")


def test_other_paths_answer_json(stage: Stage) -> None:
    assert_refused(requests.get(f"{stage.url}/nothing", timeout=5), 404, "NOT_FOUND")
    assert_refused(requests.post(f"{stage.url}/health", timeout=5), 405, "METHOD_NOT_ALLOWED")
    health = requests.get(f"{stage.url}/health", timeout=5)
    assert health.status_code == 200
    assert health.json()["redis"] == health.json()["database"] == "ok"


def test_the_callers_request_id_comes_back_when_it_is_sane(stage: Stage) -> None:
    assert refusal(stage, None, **{"X-Request-Id": "abc.DEF-1_2"}).json()["requestId"] == (
        "abc.DEF-1_2"
    )
    assert refusal(stage, None, **{"X-Request-Id": "a b"}).json()["requestId"].startswith("req_")


def test_compression_is_not_agreed_to(stage: Stage) -> None:
    with stage.watch(compression="deflate") as viewer:
        assert viewer.response is not None
        assert "Sec-WebSocket-Extensions" not in viewer.response.headers


def test_what_is_sent_right_behind_the_handshake_is_understood(stage: Stage) -> None:
    token = stage.access_token(stage.person())
    with bare_viewer(stage.port, token, right_behind=say({"type": "ping"})) as viewer:
        names = [event["event"] for event in islice(viewer.events(), 3)]
        assert names == ["connected", "leaderboard_update", "pong"]


def test_half_a_frame_behind_the_handshake_is_completed_by_what_follows(stage: Stage) -> None:
    message = say({"type": "ping"})
    token = stage.access_token(stage.person())
    with bare_viewer(stage.port, token, right_behind=message[:3]) as viewer:
        viewer.next_event("leaderboard_update")
        viewer.send(message[3:])
        viewer.next_event("pong")


def test_no_token_is_ever_logged(stage: Stage) -> None:
    secret = f"s3cret{secrets.token_hex(8)}"
    token = stage.access_token(stage.person())
    requests.get(f"{stage.url}/ws?token={secret}", headers=UPGRADE, timeout=5)
    requests.get(f"{stage.url}/nothing?token={secret}", timeout=5)
    refusal(stage, secret)
    with connect(f"{stage.websocket_url}?token={token}") as viewer:
        viewer.recv(2)
    with socket.create_connection(("127.0.0.1", stage.port), 5) as sock:
        sock.sendall(f"NONSENSE /ws?token={secret}\r\n\r\n".encode())
        assert sock.recv(4096).startswith(b"HTTP/1.1 400")
    stage.await_log(r'"status": 400', 2)
    assert secret not in stage.log()
    assert token not in stage.log()


def test_a_connection_that_never_asks_holds_up_nobody(stage: Stage) -> None:
    with socket.create_connection(("127.0.0.1", stage.port), 5) as idle:
        idle.sendall(handshake("x")[:20])
        with stage.watch() as viewer:
            assert json.loads(viewer.recv(2))["event"] == "connected"
