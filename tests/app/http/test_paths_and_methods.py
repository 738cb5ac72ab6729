"""Paths and methods that aren't there, and bytes that aren't HTTP: JSON by the contract."""

from __future__ import annotations

import json
from itertools import product

import pytest

from tests.app.http.asking import Api, hides_the_inside, refused
from tests.system.player import Player
from tests.system.running import RunningSystem

POSTS = (
    "/auth/register",
    "/auth/login",
    "/auth/refresh",
    "/auth/logout",
    "/auth/password",
    "/actions/token",
    "/scores/increment",
)
GETS = ("/users/me", "/leaderboard", "/leaderboard/around-me", "/health", "/openapi.json")
PREFIXES = ("", "/api")


@pytest.fixture(scope="module")
def player(running_system: RunningSystem) -> Player:
    """One account for all tests here, since none of them changes it."""
    return running_system.register()


@pytest.mark.usefixtures("changes_nothing")
@pytest.mark.parametrize("path", POSTS)
def test_a_call_that_is_posted_has_no_other_method(api: Api, player: Player, path: str) -> None:
    for prefix, method in product(PREFIXES, ("GET", "PUT", "PATCH", "DELETE", "TRACE", "PROPFIND")):
        reply = api.call(method, prefix + path, token=player.access_token)
        refused(reply, 405, "METHOD_NOT_ALLOWED")
        assert set(reply.headers["Allow"].split(", ")) == {"POST", "OPTIONS"}


@pytest.mark.usefixtures("changes_nothing")
@pytest.mark.parametrize("path", [*GETS, "/.well-known/jwks.json"])
def test_a_call_that_is_got_has_no_other_method(api: Api, player: Player, path: str) -> None:
    for prefix, method in product(PREFIXES, ("POST", "PUT", "PATCH", "DELETE", "TRACE")):
        reply = api.call(method, prefix + path, token=player.access_token)
        refused(reply, 405, "METHOD_NOT_ALLOWED")
        assert set(reply.headers["Allow"].split(", ")) == {"GET", "HEAD", "OPTIONS"}


@pytest.mark.parametrize("path", [*(f"/api{path}" for path in GETS), "/"])
def test_head_answers_as_get_does_but_without_a_body(api: Api, player: Player, path: str) -> None:
    got = api.get(path, token=player.access_token)
    head = api.call("HEAD", path, token=player.access_token)
    assert (head.status_code, head.content) == (got.status_code, b"")
    assert head.headers["Content-Type"] == got.headers["Content-Type"]


@pytest.mark.parametrize("path", POSTS)
def test_head_of_a_posted_call_is_405_without_a_body(api: Api, path: str) -> None:
    reply = api.call("HEAD", f"/api{path}")
    assert (reply.status_code, reply.content) == (405, b"")


@pytest.mark.parametrize("path", [*POSTS, *GETS])
def test_options_tells_the_methods_and_no_more(api: Api, path: str) -> None:
    reply = api.call("OPTIONS", f"/api{path}")
    assert (reply.status_code, reply.content) == (200, b"")
    assert "OPTIONS" in reply.headers["Allow"]


@pytest.mark.usefixtures("changes_nothing")
@pytest.mark.parametrize(
    "path",
    [
        "/nowhere",
        "/api",
        "/api/",
        "/api/nowhere",
        "/api/api/leaderboard",
        "/api/leaderboard/",
        "/api/auth/login/",
        "/api/users",
        "/api/users/you",
        "/API/leaderboard",
        "/api/%00",
        "/api/%FF%FE",
        "/%2e%2e/%2e%2e/etc/passwd",
        "/assets/",
        "/static/x",
        "/wsgi.py",
        "/.env",
        "/<script>",
        "/" + "x" * 3000,
    ],
)
def test_an_unknown_path_is_404_by_whatever_method(api: Api, path: str) -> None:
    for method in ("GET", "POST", "PUT", "DELETE", "OPTIONS"):
        body = refused(api.call(method, path), 404, "NOT_FOUND")
        assert "script" not in json.dumps(body)
    assert api.call("HEAD", path).status_code == 404


@pytest.mark.parametrize("path", ["nothing.js", "..%2f..%2fpage.py", "%2e%2e/page.py", "%00"])
def test_a_file_that_the_page_has_not_is_404(api: Api, path: str) -> None:
    refused(api.get(f"/assets/{path}"), 404, "NOT_FOUND")


def test_a_path_with_dots_does_not_leave_the_pages_directory(api: Api) -> None:
    # Written to the socket, because clients resolve the dots before they send.
    for path in (b"/assets/../page.py", b"/assets/../../../wsgi.py", b"//etc/passwd"):
        reply = api.exchange(
            b"GET " + path + b" HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
        )
        assert reply.startswith(b"HTTP/1.1 404 ")
        assert b"import" not in reply


@pytest.mark.parametrize(
    ("sent", "status"),
    [
        (b"GET /api/leaderboard?after=" + b"x" * 5000 + b" HTTP/1.1\r\n\r\n", 414),
        (b"GET / HTTP/1.1\r\nX-Long: " + b"x" * 9000 + b"\r\n\r\n", 431),
        (b"GET / HTTP/1.1\r\n" + b"X-Many: x\r\n" * 150 + b"\r\n", 431),
        (b"GET / HTTP/1.1\r\nAuthorization: Bearer \0\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nBad Header: x\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nno colon\r\n\r\n", 400),
        (b"GET / HTTP/9.9\r\n\r\n", 400),
        (b"get / HTTP/1.1\r\n\r\n", 400),
        (b"GET\r\n\r\n", 400),
        (b"\x16\x03\x01\x02\0\x01\r\n\r\n", 400),
        (b"POST / HTTP/1.1\r\nContent-Length: -1\r\n\r\n", 400),
        (b"POST / HTTP/1.1\r\nContent-Length: x\r\n\r\n", 400),
        (b"POST / HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nxx", 400),
        (
            b"POST / HTTP/1.1\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
            400,
        ),
        (b"POST / HTTP/1.1\r\nTransfer-Encoding: unknown\r\n\r\n", 501),
        (b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n\r\n", 400),
        (b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n-5\r\n\r\n", 400),
        (b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nabcd\r\n0\r\n\r\n", 400),
    ],
    ids=lambda value: value[:60].decode("latin1") if isinstance(value, bytes) else str(value),
)
def test_bytes_that_are_not_http_are_refused_in_json_too(
    api: Api, sent: bytes, status: int
) -> None:
    reply = api.exchange(sent)
    head, _, text = reply.partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 %d " % status)
    headers = dict(line.split(": ", 1) for line in head.decode().split("\r\n")[1:])
    assert headers["Content-Type"] == "application/json"
    body = json.loads(text)
    assert set(body) == {"error", "code", "message", "requestId"}
    assert body["code"] == "VALIDATION_ERROR"
    assert body["requestId"] == headers["X-Request-Id"]


@pytest.mark.parametrize("header", ["SCRIPT_NAME: /x", "PATH_INFO: /x", "X-Forwarded-Prefix: /x"])
def test_a_client_can_not_change_its_path_by_a_header(api: Api, header: str) -> None:
    lines = ("GET /api/health HTTP/1.1", "Host: localhost", "Connection: close", header, "", "")
    assert b'"healthy"' in api.exchange("\r\n".join(lines).encode())


@pytest.mark.parametrize("host", ["", "a b", "<script>", "x" * 1000, "evil.example", "[::1"])
def test_a_host_that_is_made_up_does_no_harm(api: Api, host: str) -> None:
    for path in ("/api/leaderboard", "/nowhere"):
        reply = api.get(path, headers={"Host": host})
        assert reply.status_code < 500
        assert reply.headers["Content-Type"] == "application/json"
        hides_the_inside(reply)
    page = api.get("/", headers={"Host": host})
    assert page.status_code < 500
    assert host not in page.text or host == ""
