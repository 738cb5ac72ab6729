"""Security headers on every reply of both processes, and no cookies."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import pytest
from werkzeug.datastructures import Headers

from app.factory import create_app
from app.http.reply_headers import SECURITY_HEADERS
from tests.support.api_requests import Api
from tests.support.broadcaster.harness import running_broadcaster
from tests.support.servers import Stores
from tests.support.services import Services
from tests.support.system.player import Player

pytestmark = pytest.mark.slow

UNREADABLE = b"GET / HTTP/1.1\r\nHost: a\r\nBad Header: x\r\n\r\n"
HEADERS = {
    "Content-Security-Policy": r"default-src 'none'; .*frame-ancestors 'none'.*",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}


def replies(api: Api, player: Player) -> Iterator[Mapping[str, str]]:
    """The headers of one reply of each kind."""
    for path in ("/", "/docs", "/assets/main.js", "/openapi.json", "/health", "/nowhere"):
        yield api.get(path).headers
    yield player.call("GET", "/users/me").headers
    yield player.call("POST", "/auth/logout").headers
    yield api.log_in(player.username).headers
    yield api.log_in("unregistered").headers
    yield api.call("PUT", "/api/health").headers
    yield api.call("OPTIONS", "/api/health").headers
    yield api.post_raw("/api/auth/login", b"x" * 20_000).headers
    head = api.exchange(UNREADABLE).decode().partition("\r\n\r\n")[0]
    yield dict(line.split(": ", 1) for line in head.split("\r\n")[1:])


def broadcaster_replies(broadcaster: Api) -> Iterator[Mapping[str, str]]:
    for path in ("/health", "/health/live", "/ws", "/ws?token=x", "/nowhere"):
        yield broadcaster.get(path).headers
    yield broadcaster.call("PUT", "/health").headers


def check(found: Mapping[str, str]) -> None:
    for name, pattern in HEADERS.items():
        assert re.fullmatch(pattern, found.get(name, "")), (name, found)
    assert "Set-Cookie" not in found
    assert "Server" not in found
    assert "X-Powered-By" not in found
    # Browsers ignore it over plain HTTP.
    assert "Strict-Transport-Security" not in found


def test_every_reply_of_the_api_has_security_headers_and_no_cookie(
    api: Api, player: Player
) -> None:
    assert HEADERS.keys() == SECURITY_HEADERS.keys()
    for found in replies(api, player):
        check(found)


def test_every_reply_of_the_broadcaster_has_security_headers_and_no_cookie(
    broadcaster: Api,
) -> None:
    for found in broadcaster_replies(broadcaster):
        check(found)


def test_only_a_trusted_proxy_can_claim_tls(api: Api, broadcaster: Api) -> None:
    claims = {"X-Forwarded-Proto": "https", "X-Forwarded-Ssl": "on", "Forwarded": "proto=https"}
    for name, value in claims.items():
        for server in (api, broadcaster):
            assert (
                "Strict-Transport-Security"
                not in server.get("/health/live", headers={name: value}).headers
            )
    assert "https://" not in api.get("/docs", headers=claims).text


@pytest.mark.parametrize(
    ("hops", "said", "strict"),
    [("0", "https", False), ("1", "https", True), ("1", "http", False), ("2", "https, http", True)],
)
def test_replies_behind_tls_have_strict_transport_security(
    make_services: Callable[..., Services], hops: str, said: str, strict: bool
) -> None:
    client = create_app(make_services(TRUSTED_PROXY_HOPS=hops)).test_client()
    found = client.get("/health/live", headers={"X-Forwarded-Proto": said}).headers
    assert is_strict_for_a_year(found) == strict


def test_replies_of_the_broadcaster_behind_tls_have_strict_transport_security(
    stores: Stores, tmp_path: Path
) -> None:
    with running_broadcaster(stores, tmp_path, TRUSTED_PROXY_HOPS="1") as running:
        behind = Api(running.url)
        said = {"X-Forwarded-For": "192.0.2.1", "X-Forwarded-Proto": "https"}
        assert is_strict_for_a_year(behind.get("/health/live", headers=said).headers)
        assert is_strict_for_a_year(behind.get("/ws", headers=said).headers)
        assert not is_strict_for_a_year(behind.get("/ws").headers)


def is_strict_for_a_year(found: Mapping[str, str] | Headers) -> bool:
    max_age = re.fullmatch(r"max-age=(\d+)", found.get("Strict-Transport-Security") or "")
    return max_age is not None and int(max_age[1]) >= 31_536_000
