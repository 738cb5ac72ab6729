"""Bodies that are larger than MAX_BODY_BYTES: an error, and no change."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from app.contract.limits import MAX_BODY_BYTES
from tests.app.api.bodies.body_calls import Call, each_call
from tests.support.api_requests import Api, refused
from tests.support.system.harness import SystemHarness
from tests.support.system.player import PASSWORD, Player

pytestmark = pytest.mark.usefixtures("changes_nothing")


@pytest.fixture(scope="module")
def player(running_system: SystemHarness) -> Player:
    """One account for all tests here, because none of them changes it."""
    return running_system.register()


def too_long_bodies() -> list[Any]:
    """One byte too many: whole, in chunks, and in chunks whose first 16 KiB are valid JSON."""
    return [
        b" " * (MAX_BODY_BYTES + 1),
        chunks(b" " * (MAX_BODY_BYTES + 1)),
        chunks(b"{}".ljust(20_000)),
    ]


def chunks(data: bytes) -> Iterator[bytes]:
    """The data in parts, for a body without Content-Length."""
    return (data[start : start + 1000] for start in range(0, len(data), 1000))


def test_a_body_may_have_16_kib_at_most(api: Api) -> None:
    good = json.dumps({"username": "unregistered", "password": PASSWORD}).encode()
    for piece in (bytes, chunks):
        fits, too_long = piece(good.ljust(MAX_BODY_BYTES)), piece(good.ljust(MAX_BODY_BYTES + 1))
        refused(api.post_raw("/api/auth/login", fits), 401, "INVALID_CREDENTIALS")
        refused(api.post_raw("/api/auth/login", too_long), 413, "PAYLOAD_TOO_LARGE")


@each_call
def test_a_longer_body_is_refused_whole_and_in_chunks(api: Api, player: Player, call: Call) -> None:
    for data in too_long_bodies():
        reply = api.post_raw(call.path, data, token=player.access_token)
        refused(reply, 413, "PAYLOAD_TOO_LARGE")


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "/api/actions/token"),
        ("POST", "/api/auth/logout"),
        ("GET", "/api/leaderboard"),
        ("GET", "/api/health"),
        ("POST", "/nowhere"),
        ("GET", "/"),
    ],
)
def test_a_long_body_is_refused_even_if_no_body_is_expected(
    api: Api, player: Player, method: str, path: str
) -> None:
    for data in too_long_bodies():
        reply = api.call(method, path, data=data, token=player.access_token)
        refused(reply, 413, "PAYLOAD_TOO_LARGE")


def test_the_rest_of_a_refused_body_is_not_read_as_a_request(api: Api) -> None:
    inner = b"GET /api/health HTTP/1.1\r\nHost: localhost\r\n\r\n"
    for length in (MAX_BODY_BYTES + 1, 100_000):
        body = b"x" * length + inner * 5
        head = b"POST /api/auth/login HTTP/1.1\r\nConnection: close\r\nContent-Length: %d\r\n\r\n"
        replies = api.exchange(head % len(body) + body)
        assert replies.count(b"HTTP/1.1 ") <= 1
        assert b"healthy" not in replies
