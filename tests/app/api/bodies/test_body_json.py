"""Bodies that are not a JSON object, or not declared as JSON: an error, and no change."""

from __future__ import annotations

import gzip
import json

import pytest

from tests.app.api.bodies.body_calls import CALLS, Call, each_call, invalid
from tests.support.api_requests import Api, refused
from tests.support.system.harness import SystemHarness
from tests.support.system.player import PASSWORD, Player

pytestmark = pytest.mark.usefixtures("changes_nothing")


@pytest.fixture(scope="module")
def player(running_system: SystemHarness) -> Player:
    """One account for all tests here, because none of them changes it."""
    return running_system.register()


@each_call
def test_a_body_that_is_not_an_object_is_refused(api: Api, player: Player, call: Call) -> None:
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
        b'\xef\xbb\xbf\xef\xbb\xbf{"a": 1}',
        b'{"a": \xef\xbb\xbf1}',
        b"[" * 16_000,
        b"[" * 8_000 + b"]" * 8_000,
        b'{"a":' * 2_500 + b"1" + b"}" * 2_500,
        b'{"a": ' + b"9" * 10_000 + b"}",
        b'{"a": 1e' + b"9" * 10_000,
    ],
    ids=lambda data: data[:12].decode("latin1"),
)
def test_a_body_that_is_not_json_is_refused(api: Api, player: Player, data: bytes) -> None:
    for call in CALLS:
        invalid(api, player, call, data, {"body"})


@pytest.mark.parametrize(
    ("data", "problem"),
    [
        ('{"a": 1,, "b": 2}', "Invalid JSON at line 1, column 9."),
        ('{"a": 1,\n "é": [1,\n  2, x]}', "Invalid JSON at line 3, column 6."),
        ('{"a": 1', "Invalid JSON at line 1, column 8."),
        ('{"a":\n' + "[" * 8_000, "Nested too deeply, 8001 levels at line 2, column 8000."),
        ('{"a": "[[\\"", "b":' + "[" * 6_000 + "1", "Nested too deeply, 6001 levels at line 1,"),
        (
            '{"a": 1,\n "b": ' + "9" * 5_000 + "}",
            "A number with too many digits at line 2, column 7.",
        ),
        ('{"a": "' + "9" * 5_000 + '", "b":-' + "9" * 5_000, "digits at line 1, column 5016."),
    ],
    ids=lambda text: text[:9],
)
def test_the_reply_says_where_a_body_can_not_be_read(
    api: Api, player: Player, data: str, problem: str
) -> None:
    reply = api.post_raw(CALLS[0].path, data.encode(), token=player.access_token)
    assert problem in reply.json()["details"]["body"][0]


@each_call
def test_a_byte_order_mark_is_read_over(api: Api, player: Player, call: Call) -> None:
    data = json.dumps(call.good | {"more": 1}).encode("utf-8-sig")
    # All that is wrong is the additional field.
    invalid(api, player, call, data, {"more"})


@pytest.mark.parametrize(
    ("data", "explanation"),
    [
        ('{"a": "é"}'.encode("utf-16"), "UTF-16"),
        ('{"a": "é"}'.encode("utf-16-le"), "UTF-16"),
        ('{"a": "é"}'.encode("utf-16-be"), "UTF-16"),
        ('{"a": "é"}'.encode("utf-32"), "UTF-32"),
        ('{"a": "é"}'.encode("utf-32-be"), "UTF-32"),
        ('{"a": "é"}'.encode("latin-1"), "byte 8"),
        ("\ufeff".encode() + '{"é": 1}'.encode("latin-1"), "Latin-1"),
        (b'{"a": "\xed\xa0\x80"}', "Not UTF-8"),
        (b'{"a": "\xc0\x80"}', "Not UTF-8"),
        (gzip.compress(b'{"a": 1}', mtime=0), "compressed"),
    ],
)
def test_a_body_in_another_encoding_is_answered_with_what_is_wrong(
    api: Api, player: Player, data: bytes, explanation: str
) -> None:
    for call in CALLS:
        # What the header says about the characters does not matter (RFC 8259, section 11).
        for content_type in ("application/json", "application/json; charset=iso-8859-1"):
            reply = api.post_raw(call.path, data, content_type, token=player.access_token)
            body = refused(reply, 400, "VALIDATION_ERROR", {"body"})
            (message,) = body["details"]["body"]
            assert explanation in message


@pytest.mark.parametrize("encoding", ["gzip", "x-gzip", "br", "deflate", "zstd", "gzip, identity"])
def test_a_content_encoding_is_not_supported(api: Api, player: Player, encoding: str) -> None:
    for call in CALLS:
        data = gzip.compress(json.dumps(call.good).encode())
        headers = {"Content-Encoding": encoding, "Content-Type": "application/json"}
        reply = api.call("POST", call.path, data=data, headers=headers, token=player.access_token)
        body = refused(reply, 415, "UNSUPPORTED_MEDIA_TYPE")
        assert f"without Content-Encoding: {encoding}" in body["message"]


def test_the_content_encoding_identity_changes_nothing(api: Api) -> None:
    data = json.dumps({"username": "unregistered", "password": PASSWORD}).encode()
    headers = {"Content-Encoding": "Identity", "Content-Type": "application/json"}
    reply = api.call("POST", "/api/auth/login", data=data, headers=headers)
    refused(reply, 401, "INVALID_CREDENTIALS")


@each_call
def test_deeply_nested_values_are_refused(api: Api, player: Player, call: Call) -> None:
    deep = b"[" * 400 + b"]" * 400
    invalid(api, player, call, deep, {"body"})
    bad = b'{"more": ' + deep + b"}"
    invalid(api, player, call, bad, {*call.required, "more"})


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
def test_a_body_without_a_json_content_type_is_refused(
    api: Api, player: Player, content_type: str | None
) -> None:
    for call in CALLS:
        data = json.dumps(call.good).encode()
        reply = api.post_raw(call.path, data, content_type, token=player.access_token)
        body = refused(reply, 415, "UNSUPPORTED_MEDIA_TYPE")
        assert body["message"].endswith(f"it was {content_type or 'none'}")


@pytest.mark.parametrize(
    "content_type",
    [
        "application/json; charset=utf-8",
        "APPLICATION/JSON",
        "application/json;",
        "application/json ",
    ],
)
def test_the_json_content_type_is_accepted_in_every_http_notation(
    api: Api, content_type: str
) -> None:
    data = json.dumps({"username": "unregistered", "password": PASSWORD}).encode()
    reply = api.post_raw("/api/auth/login", data, content_type)
    refused(reply, 401, "INVALID_CREDENTIALS")
