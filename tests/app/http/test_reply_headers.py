"""Headers of every reply: the request id, which logs and errors have too, and safe defaults."""

from __future__ import annotations

import json

import pytest

from app.http.reply_headers import SECURITY_HEADERS
from tests.support.api_requests import Api, refused
from tests.support.system.harness import SystemHarness
from tests.support.system.player import Player
from tests.support.waiting import await_true

VALID_IDS = ("a", "req-1", "0a1b2c3d-4e5f", "a.b_c", "x" * 64)
INVALID_IDS = ("", "a b", "x" * 65, "<script>", "a;b", "a\tb", 'a"b', "é", "{}", "a/b", "a,b")


@pytest.mark.parametrize("given", VALID_IDS)
def test_a_valid_request_id_is_returned(api: Api, given: str) -> None:
    headers = {"X-Request-Id": given}
    assert api.get("/api/health", headers=headers).headers["X-Request-Id"] == given
    assert refused(api.get("/nowhere", headers=headers), 404, "NOT_FOUND")["requestId"] == given


@pytest.mark.parametrize("given", INVALID_IDS)
def test_an_invalid_request_id_is_replaced(api: Api, given: str) -> None:
    reply = api.get("/nowhere", headers={"X-Request-Id": given.encode()})
    new = refused(reply, 404, "NOT_FOUND")["requestId"]
    assert new.strip() not in {"", given.strip()}
    assert new.isascii()


def test_two_request_ids_are_both_ignored(api: Api) -> None:
    lines = ("GET /api/health HTTP/1.1", "Host: localhost", "Connection: close")
    ids = ("X-Request-Id: first", "X-Request-Id: second")
    reply = api.exchange("\r\n".join((*lines, *ids, "", "")).encode())
    assert b"200 OK" in reply
    assert b"first" not in reply
    assert b"second" not in reply


def test_each_generated_request_id_is_unique(api: Api) -> None:
    ids = {api.get("/api/health").headers["X-Request-Id"] for _ in range(20)}
    assert len(ids) == 20


def test_the_request_id_is_in_the_log_of_its_request(
    api: Api, running_system: SystemHarness
) -> None:
    api.get("/api/users/me", headers={"X-Request-Id": "to-be-found-in-the-log"})

    def lines() -> list[dict[str, object]]:
        log = running_system.log("web").splitlines()
        return [json.loads(line) for line in log if "to-be-found-in-the-log" in line]

    await_true(lines, seconds=5)
    assert lines()[-1]["requestId"] == "to-be-found-in-the-log"
    assert (lines()[-1]["path"], lines()[-1]["status"]) == ("/api/users/me", 401)


def test_no_token_or_password_is_in_a_log(
    api: Api, player: Player, running_system: SystemHarness
) -> None:
    token = player.ask_token()
    player.spend(token)
    password = "a password that no other test uses"
    api.log_in(player.username, password)
    api.post("/api/auth/refresh", {"refreshToken": player.refresh_token})
    api.get("/nowhere", headers={"X-Request-Id": "the-last-of-it"})
    await_true(lambda: "the-last-of-it" in running_system.log("web"), seconds=5)
    log = running_system.log("web")
    for secret in (token, password, player.access_token, player.refresh_token):
        assert secret not in log


def test_every_kind_of_reply_has_the_common_headers(api: Api, player: Player) -> None:
    replies = [
        api.get("/api/health"),
        api.get("/nowhere"),
        api.get("/"),
        api.get("/openapi.json"),
        api.call("PUT", "/api/health"),
        api.call("OPTIONS", "/api/health"),
        api.call("HEAD", "/api/leaderboard"),
        api.get("/api/users/me"),
        player.call("GET", "/users/me"),
        player.call("POST", "/auth/logout"),
        api.post_raw("/api/auth/login", b"x" * 20_000),
    ]
    for reply in replies:
        assert reply.headers["X-Request-Id"]
        assert reply.headers["X-Content-Type-Options"] == "nosniff"


def test_private_replies_are_not_cached(api: Api, player: Player) -> None:
    for reply in (player.call("GET", "/users/me"), api.log_in(player.username)):
        assert reply.headers["Cache-Control"] == "no-store"


def test_every_401_names_the_authentication_scheme(api: Api) -> None:
    for reply in (api.get("/api/users/me"), api.log_in("unregistered")):
        assert reply.headers["WWW-Authenticate"] == "Bearer"


@pytest.mark.parametrize("path", ["/", "/embed/main", "/docs", "/api/leaderboard", "/nowhere"])
def test_every_reply_has_each_security_header_once(api: Api, path: str) -> None:
    # A second policy would forbid what the policy of a page allows.
    headers = api.get(path).raw.headers
    for name in SECURITY_HEADERS:
        assert len(headers.getlist(name)) == 1, name
