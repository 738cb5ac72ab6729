"""Bodies that can't be used: the contract's error for each, and nothing changed."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest

from tests.app.http.asking import Api, refused
from tests.system.player import PASSWORD, Player
from tests.system.running import RunningSystem

pytestmark = pytest.mark.usefixtures("changes_nothing")
LONGEST = 16 * 1024


@pytest.fixture(scope="module")
def player(running_system: RunningSystem) -> Player:
    """One account for all tests here, since none of them changes it."""
    return running_system.register()


@dataclass(frozen=True)
class Call:
    """A call that takes a body: one that would do, and which fields it may leave out."""

    path: str
    good: dict[str, str]
    optional: set[str] = field(default_factory=set)

    @property
    def required(self) -> set[str]:
        return set(self.good) - self.optional


CALLS = [
    Call(
        "/api/auth/register",
        {"username": "new_name", "password": PASSWORD, "displayName": "New"},
        {"displayName"},
    ),
    Call("/api/auth/login", {"username": "nobody", "password": PASSWORD}),
    Call("/api/auth/refresh", {"refreshToken": "x.y.z"}),
    Call("/api/auth/password", {"oldPassword": "not the old", "newPassword": PASSWORD}),
    Call("/api/scores/increment", {"actionToken": "x.y"}),
]
each_call = pytest.mark.parametrize("call", CALLS, ids=lambda call: call.path)


def longer_bodies() -> list[Any]:
    """A byte too much at once, in chunks, and in chunks whose first 16 KiB would do."""
    return [b" " * (LONGEST + 1), chunks(b" " * (LONGEST + 1)), chunks(b"{}".ljust(20_000))]


def chunks(data: bytes) -> Iterator[bytes]:
    """The data for a body whose length is not told beforehand."""
    return (data[start : start + 1000] for start in range(0, len(data), 1000))


def invalid(api: Api, player: Player, call: Call, body: Any, fields: set[str]) -> None:
    """The call refuses the body, given as JSON's Python or as bytes, for these fields."""
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    reply = api.post_raw(call.path, data, token=player.access_token)
    refused(reply, 400, "VALIDATION_ERROR", fields)


@each_call
def test_a_field_of_another_type_is_named(api: Api, player: Player, call: Call) -> None:
    for name in call.good:
        for value in (None, True, 0, 1.5, 10**30, [], ["x"], {}, {"a": {"b": 1}}):
            invalid(api, player, call, call.good | {name: value}, {name})


@each_call
def test_a_missing_field_is_named(api: Api, player: Player, call: Call) -> None:
    for name in call.required:
        left = {given: value for given, value in call.good.items() if given != name}
        invalid(api, player, call, left, {name})
    invalid(api, player, call, {}, call.required)
    invalid(api, player, call, b"", call.required)


@each_call
def test_a_field_that_nobody_knows_is_named(api: Api, player: Player, call: Call) -> None:
    for name in ("userId", "score", "status", "__proto__", "Username", "a.b", " "):
        for value in (1, None, {"a": [1]}):
            invalid(api, player, call, call.good | {name: value}, {name})


@each_call
def test_every_bad_field_is_named_at_once(api: Api, player: Player, call: Call) -> None:
    bad = dict.fromkeys(call.good, 17)
    invalid(api, player, call, bad | {"more": 1}, {*call.good, "more"})


@each_call
def test_what_is_no_object_is_refused(api: Api, player: Player, call: Call) -> None:
    for body in ([], [call.good], "x", 1, 1.5, True, None):
        invalid(api, player, call, body, {"body"})


@pytest.mark.parametrize(
    "data",
    [
        b"{",
        b"}",
        b"{}{}",
        b'{"a":1,}',
        b"{'a': 1}",
        b"{a: 1}",
        b'{"a": "\n"}',
        b'{"a": "\\x"}',
        b'{"a": "\\u12"}',
        b"\0",
        b"nonsense",
        b"a=1&b=2",
        b'\xef\xbb\xbf{"a": 1}',
        '{"a": 1}'.encode("utf-16"),
        b'{"a": "\xff"}',
        b'{"a": "\xed\xa0\x80"}',
        b'{"a": "\xc0\x80"}',
        b"[" * 16_000,
        b"[" * 8_000 + b"]" * 8_000,
        b'{"a":' * 2_500 + b"1" + b"}" * 2_500,
        b'{"a": ' + b"9" * 10_000 + b"}",
        b'{"a": 1e' + b"9" * 10_000,
    ],
    ids=lambda data: data[:12].decode("latin1"),
)
def test_what_is_no_json_is_refused(api: Api, player: Player, data: bytes) -> None:
    for call in CALLS:
        invalid(api, player, call, data, {"body"})


@each_call
def test_values_nested_as_deep_as_can_be_read_are_refused(
    api: Api, player: Player, call: Call
) -> None:
    deep = b"[" * 400 + b"]" * 400
    invalid(api, player, call, deep, {"body"})
    bad = b'{"more": ' + deep + b"}"
    invalid(api, player, call, bad, {*call.required, "more"})


@each_call
def test_numbers_that_json_does_not_have_are_no_text(api: Api, player: Player, call: Call) -> None:
    for number in (b"NaN", b"Infinity", b"-Infinity", b"1e999"):
        name = sorted(call.required)[0]
        body = json.dumps(call.good | {name: "?"}).encode().replace(b'"?"', number)
        invalid(api, player, call, body, {name})


@pytest.mark.parametrize("escape", ["\\u0000", "\\ud800", "\\udfff\\ud800"])
def test_nul_and_lone_surrogates_are_no_text(api: Api, player: Player, escape: str) -> None:
    for call in CALLS:
        for name in set(call.good) - {"refreshToken", "actionToken"}:
            text = json.dumps(call.good | {name: "longer than eight?"})
            invalid(api, player, call, text.replace("?", escape).encode(), {name})


def test_a_lone_surrogate_as_a_fields_name_is_a_field_that_is_not_known(
    api: Api, player: Player
) -> None:
    for call in CALLS:
        body = json.dumps(call.good | {"\ud800": 1}).encode()
        invalid(api, player, call, body, {"\ud800"})


@pytest.mark.parametrize(
    "content_type",
    [
        None,
        "",
        "text/plain",
        "text/json",
        "application/x-www-form-urlencoded",
        "multipart/form-data; boundary=x",
        "application/octet-stream",
        "application/jsonp",
        "application",
        "application/xml",
        "application/json, text/plain",
    ],
)
def test_a_body_that_does_not_say_it_is_json_is_refused(
    api: Api, player: Player, content_type: str | None
) -> None:
    for call in CALLS:
        data = json.dumps(call.good).encode()
        reply = api.post_raw(call.path, data, content_type, token=player.access_token)
        refused(reply, 415, "UNSUPPORTED_MEDIA_TYPE")


@pytest.mark.parametrize(
    "content_type",
    [
        "application/json; charset=utf-8",
        "APPLICATION/JSON",
        "application/json;",
        "application/json ",
    ],
)
def test_json_may_be_named_as_http_lets_it_be(api: Api, content_type: str) -> None:
    data = json.dumps({"username": "nobody", "password": PASSWORD}).encode()
    reply = api.post_raw("/api/auth/login", data, content_type)
    refused(reply, 401, "INVALID_CREDENTIALS")


def test_of_a_field_written_twice_the_last_counts(api: Api, player: Player) -> None:
    data = b'{"username": "nobody", "username": 17, "password": "not a password"}'
    refused(api.post_raw("/api/auth/login", data), 400, "VALIDATION_ERROR", {"username"})


def test_a_body_may_have_16_kib_and_no_byte_more(api: Api) -> None:
    good = json.dumps({"username": "nobody", "password": PASSWORD}).encode()
    for piece in (bytes, chunks):
        fits, too_long = piece(good.ljust(LONGEST)), piece(good.ljust(LONGEST + 1))
        refused(api.post_raw("/api/auth/login", fits), 401, "INVALID_CREDENTIALS")
        refused(api.post_raw("/api/auth/login", too_long), 413, "PAYLOAD_TOO_LARGE")


@each_call
def test_a_longer_body_is_refused_in_one_piece_and_in_chunks(
    api: Api, player: Player, call: Call
) -> None:
    for data in longer_bodies():
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
def test_a_long_body_is_refused_where_none_is_expected_too(
    api: Api, player: Player, method: str, path: str
) -> None:
    for data in longer_bodies():
        reply = api.call(method, path, data=data, token=player.access_token)
        refused(reply, 413, "PAYLOAD_TOO_LARGE")


def test_what_is_left_of_a_refused_body_is_not_taken_for_a_request(api: Api) -> None:
    inner = b"GET /api/health HTTP/1.1\r\nHost: localhost\r\n\r\n"
    for length in (LONGEST + 1, 100_000):
        body = b"x" * length + inner * 5
        head = b"POST /api/auth/login HTTP/1.1\r\nConnection: close\r\nContent-Length: %d\r\n\r\n"
        replies = api.exchange(head % len(body) + body)
        assert replies.count(b"HTTP/1.1 ") <= 1
        assert b"healthy" not in replies
