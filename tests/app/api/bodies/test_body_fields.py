"""Invalid, missing and unknown fields of a body: an error that names them, and no change."""

from __future__ import annotations

import json

import pytest

from tests.app.api.bodies.body_calls import CALLS, Call, each_call, invalid
from tests.support.api_requests import Api, refused
from tests.support.system.harness import SystemHarness
from tests.support.system.player import Player

pytestmark = pytest.mark.usefixtures("changes_nothing")


@pytest.fixture(scope="module")
def player(running_system: SystemHarness) -> Player:
    """One account for all tests here, because none of them changes it."""
    return running_system.register()


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
def test_an_unknown_field_is_named(api: Api, player: Player, call: Call) -> None:
    for name in ("userId", "score", "status", "__proto__", "Username", "a.b", " "):
        for value in (1, None, {"a": [1]}):
            invalid(api, player, call, call.good | {name: value}, {name})


@each_call
def test_all_invalid_fields_are_named_together(api: Api, player: Player, call: Call) -> None:
    bad = dict.fromkeys(call.good, 17)
    invalid(api, player, call, bad | {"more": 1}, {*call.good, "more"})


@each_call
def test_numbers_outside_json_are_not_text(api: Api, player: Player, call: Call) -> None:
    for number in (b"NaN", b"Infinity", b"-Infinity", b"1e999"):
        name = sorted(call.required)[0]
        body = json.dumps(call.good | {name: "?"}).encode().replace(b'"?"', number)
        invalid(api, player, call, body, {name})


@pytest.mark.parametrize("escape", ["\\u0000", "\\ud800", "\\udfff\\ud800"])
def test_nul_and_lone_surrogates_are_not_text(api: Api, player: Player, escape: str) -> None:
    for call in CALLS:
        for name in set(call.good) - {"refreshToken", "actionToken"}:
            text = json.dumps(call.good | {name: "longer than eight?"})
            invalid(api, player, call, text.replace("?", escape).encode(), {name})


def test_a_lone_surrogate_as_field_name_is_an_unknown_field(api: Api, player: Player) -> None:
    for call in CALLS:
        body = json.dumps(call.good | {"\ud800": 1}).encode()
        invalid(api, player, call, body, {"\ud800"})


def test_the_last_value_of_a_repeated_field_is_used(api: Api, player: Player) -> None:
    data = b'{"username": "unregistered", "username": 17, "password": "not a password"}'
    refused(api.post_raw("/api/auth/login", data), 400, "VALIDATION_ERROR", {"username"})
