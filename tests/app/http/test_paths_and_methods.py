"""Unknown paths and methods, and bytes that are not HTTP: errors in JSON."""

from __future__ import annotations

import json
from itertools import product

import pytest

from app.factory import create_app
from tests.support.api_requests import Api, assert_hides_internals, refused
from tests.support.services import Services
from tests.support.system.harness import SystemHarness
from tests.support.system.player import Player

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
def player(running_system: SystemHarness) -> Player:
    """One account for all tests here, because none of them changes it."""
    return running_system.register()


@pytest.mark.usefixtures("changes_nothing")
@pytest.mark.parametrize("path", POSTS)
def test_a_post_path_has_no_other_method(api: Api, player: Player, path: str) -> None:
    for prefix, method in product(PREFIXES, ("GET", "PUT", "PATCH", "DELETE", "TRACE", "PROPFIND")):
        reply = api.call(method, prefix + path, token=player.access_token)
        refused(reply, 405, "METHOD_NOT_ALLOWED")
        assert set(reply.headers["Allow"].split(", ")) == {"POST", "OPTIONS"}


@pytest.mark.usefixtures("changes_nothing")
@pytest.mark.parametrize("path", [*GETS, "/.well-known/jwks.json"])
def test_a_get_path_has_no_other_method(api: Api, player: Player, path: str) -> None:
    for prefix, method in product(PREFIXES, ("POST", "PUT", "PATCH", "DELETE", "TRACE")):
        reply = api.call(method, prefix + path, token=player.access_token)
        refused(reply, 405, "METHOD_NOT_ALLOWED")
        assert set(reply.headers["Allow"].split(", ")) == {"GET", "HEAD", "OPTIONS"}


@pytest.mark.parametrize("path", [*(f"/api{path}" for path in GETS), "/"])
def test_head_replies_as_get_does_but_without_a_body(api: Api, player: Player, path: str) -> None:
    got = api.get(path, token=player.access_token)
    head = api.call("HEAD", path, token=player.access_token)
    assert (head.status_code, head.content) == (got.status_code, b"")
    assert head.headers["Content-Type"] == got.headers["Content-Type"]


@pytest.mark.parametrize("path", POSTS)
def test_head_of_a_post_path_is_405_without_a_body(api: Api, path: str) -> None:
    reply = api.call("HEAD", f"/api{path}")
    assert (reply.status_code, reply.content) == (405, b"")


@pytest.mark.parametrize("path", [*POSTS, *GETS])
def test_options_lists_the_methods(api: Api, path: str) -> None:
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
        "/api//",
        "/api//leaderboard",
        "/docs//",
        "/assets//main.js",
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
def test_an_unknown_path_is_404_for_every_method(api: Api, path: str) -> None:
    for method in ("GET", "POST", "PUT", "DELETE", "OPTIONS"):
        body = refused(api.call(method, path), 404, "NOT_FOUND")
        assert "script" not in json.dumps(body)
    assert api.call("HEAD", path).status_code == 404


@pytest.mark.parametrize(
    "path", ["//", "///", "//evil.example", "///evil.example/..", "//api/leaderboard", "/api//"]
)
def test_slashes_that_precede_a_path_are_404_and_no_redirect(api: Api, path: str) -> None:
    # Written to the socket, because clients merge the slashes before they send.
    for method in ("GET", "POST", "OPTIONS"):
        sent = f"{method} {path} HTTP/1.1\r\nHost: evil.example\r\nConnection: close\r\n\r\n"
        head, _, body = api.exchange(sent.encode()).partition(b"\r\n\r\n")
        assert head.startswith(b"HTTP/1.1 404 ")
        assert b"\r\nLocation:" not in head
        assert json.loads(body)["code"] == "NOT_FOUND"
        assert b"evil" not in body


def test_no_path_is_redirected(services: Services) -> None:
    # Flask redirects to rules that end with a slash, in HTML and to the Host of the client.
    rules = {rule.rule for rule in create_app(services).url_map.iter_rules()}
    assert {rule for rule in rules if rule.endswith("/")} == {"/"}


@pytest.mark.parametrize("path", ["nothing.js", "..%2f..%2fpage.py", "%2e%2e/page.py", "%00"])
def test_an_unknown_file_of_the_page_is_404(api: Api, path: str) -> None:
    refused(api.get(f"/assets/{path}"), 404, "NOT_FOUND")


def test_a_path_with_dots_does_not_leave_the_directory_of_the_page(api: Api) -> None:
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
def test_bytes_that_are_not_http_get_an_error_in_json(api: Api, sent: bytes, status: int) -> None:
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
def test_an_invented_host_has_no_effect(api: Api, host: str) -> None:
    for path in ("/api/leaderboard", "/nowhere"):
        reply = api.get(path, headers={"Host": host})
        assert reply.status_code < 500
        assert reply.headers["Content-Type"] == "application/json"
        assert_hides_internals(reply)
    page = api.get("/", headers={"Host": host})
    assert page.status_code < 500
    assert host not in page.text or host == ""
