"""Usernames, passwords and display names at and beyond the limits of the contract."""

from __future__ import annotations

import secrets

import pytest
import requests

from tests.support.api_requests import Api, refused
from tests.support.system.harness import SystemHarness
from tests.support.system.player import PASSWORD, Player


@pytest.fixture(scope="module")
def player(running_system: SystemHarness) -> Player:
    """One account for all tests here, because none of them changes it."""
    return running_system.register()


def name() -> str:
    return f"p_{secrets.token_hex(6)}"


def register(api: Api, **fields: str) -> requests.Response:
    """Register with these fields; the others are valid."""
    return api.post("/api/auth/register", {"username": name(), "password": PASSWORD} | fields)


@pytest.mark.parametrize(
    "password",
    ["8 chars.", "x" * 72, "é" * 8, "é" * 36, "🙂" * 8, "🙂" * 18, "日本語の合言葉です", " " * 8],
)
def test_a_password_of_8_characters_to_72_bytes_is_accepted(api: Api, password: str) -> None:
    username = name()
    assert register(api, username=username, password=password).status_code == 201
    assert api.log_in(username, password).status_code == 200
    refused(api.log_in(username, password[:-1] + "?"), 401, "INVALID_CREDENTIALS")


@pytest.mark.usefixtures("changes_nothing")
@pytest.mark.parametrize(
    "password",
    [
        "",
        "7 chars",
        "🙂" * 7,
        "x" * 73,
        "é" * 36 + "x",
        "🙂" * 18 + "x",
        "x" * 10_000,
        "null\0byte",
    ],
)
def test_a_shorter_or_longer_password_is_refused(api: Api, player: Player, password: str) -> None:
    refused(register(api, password=password), 400, "VALIDATION_ERROR", {"password"})
    body = {"oldPassword": PASSWORD, "newPassword": password}
    reply = player.call("POST", "/auth/password", json=body)
    refused(reply, 400, "VALIDATION_ERROR", {"newPassword"})


def test_a_password_is_never_truncated(api: Api) -> None:
    username = name()
    register(api, username=username, password="x" * 72)
    refused(api.log_in(username, "x" * 71), 401, "INVALID_CREDENTIALS")
    refused(api.log_in(username, "x" * 73), 400, "VALIDATION_ERROR", {"password"})


@pytest.mark.parametrize("shape", ["{:.3}", "{:.32}", "_{:.8}", ".{:.8}", "-{:.8}", "{:.8}.-_"])
def test_a_username_has_3_to_32_of_the_allowed_characters(api: Api, shape: str) -> None:
    username = shape.format(secrets.token_hex(16))
    reply = register(api, username=username)
    assert reply.status_code == 201, reply.text
    assert reply.json()["username"] == username


@pytest.mark.usefixtures("changes_nothing")
@pytest.mark.parametrize(
    "username",
    [
        "",
        "ab",
        "x" * 33,
        "x" * 10_000,
        "with space",
        "trailing\n",
        " \tleading",
        "x" * 33 + " ",
        " ab ",
        "tab\tbed",
        "née",
        "\u0440\u0430ypal",
        "\uff21\uff22\uff23",
        "日本語",
        "🙂🙂🙂",
        "a@b.c",
        "a/b/c",
        "a:b:c",
        "<b>",
        "null\0",
        "a\u200db",
        "a' OR 1=1 --",
        "\ud800\ud800\ud800",
    ],
)
def test_any_other_username_is_refused(api: Api, username: str) -> None:
    refused(register(api, username=username), 400, "VALIDATION_ERROR", {"username"})


@pytest.mark.parametrize("spaces", [" ", "   ", "\u00a0", "\u3000", "\u202f "])
def test_spaces_around_a_username_are_cut(api: Api, spaces: str) -> None:
    username = name()
    made = register(api, username=f"{spaces}{username}{spaces}")
    assert made.status_code == 201, made.text
    assert (made.json()["username"], made.json()["displayName"]) == (username, username)
    for typed in (username + spaces, spaces + username, username):
        assert api.log_in(typed).status_code == 200
        refused(register(api, username=typed), 409, "USERNAME_TAKEN")


@pytest.mark.usefixtures("changes_nothing")
@pytest.mark.parametrize("change", [str.upper, str.title, str.swapcase, str])
def test_a_username_that_differs_only_in_case_is_taken(
    api: Api, player: Player, change: type[str]
) -> None:
    refused(register(api, username=change(player.username)), 409, "USERNAME_TAKEN")


@pytest.mark.parametrize(
    "display_name",
    [
        "x",
        "x" * 100,
        "🙂" * 100,
        "Côte d'Ivoire",
        "日本",
        "محمد",
        "\u0645\u06cc\u200c\u062e\u0648\u0627\u0647\u0645",
        "क्षत्रिय",
        "👩\u200d👩\u200d👧",
        "🏴\U000e0067\U000e0062\U000e0073\U000e0063\U000e0074\U000e007f",
        "🇨🇮",
        "❤\ufe0f",
        "<script>alert(1)</script>",
        "'\"\\",
        "{{7*7}}",
        "a b",
        "\u0301a",
    ],
)
def test_a_display_name_of_any_script_is_stored_unchanged(api: Api, display_name: str) -> None:
    made = register(api, displayName=display_name)
    assert made.status_code == 201, made.text
    assert made.json()["displayName"] == display_name
    me = api.get("/api/users/me", token=made.json()["accessToken"])
    assert me.json()["displayName"] == display_name


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("e\u0301", "é"),
        ("\u1112\u1161\u11ab", "한"),
        ("\u212b", "Å"),
        ("e\u0301" * 100, "é" * 100),
        ("  Ada  ", "Ada"),
        ("\u3000Ada\u00a0", "Ada"),
        (" " * 60 + "x" + " " * 60, "x"),
    ],
)
def test_a_display_name_is_stored_in_nfc_without_surrounding_spaces(
    api: Api, given: str, kept: str
) -> None:
    assert register(api, displayName=given).json()["displayName"] == kept


@pytest.mark.usefixtures("changes_nothing")
@pytest.mark.parametrize(
    "display_name",
    [
        "",
        " ",
        " " * 50,
        "\u00a0\u3000",
        "x" * 101,
        "🙂" * 101,
        "\u0958" * 51,
        "line\nbreak",
        "line end\n",
        "tab\tbed",
        "\x1b[31m",
        "del\x7f",
        "c1\x9b",
        "null\0",
        "\u2028x",
        "x\u2029y",
        "\u202egnp.exe",
        "x\u2066y\u2069",
        "x\u200fy",
        "zero\u200bwidth",
        "\ufeffx",
        "soft\u00adhyphen",
        "\ue000",
        "\ud800",
        "\u200d",
        "\u200d \u200c",
        "\u0301\u0302",
        "\ufe0f",
        "\u3164",
        "\u2800\u2800",
        "\u115f\u1160",
        "\U000e0067\U000e007f",
    ],
)
def test_a_display_name_that_is_too_long_or_invisible_is_refused(
    api: Api, display_name: str
) -> None:
    reply = register(api, displayName=display_name)
    refused(reply, 400, "VALIDATION_ERROR", {"displayName"})
