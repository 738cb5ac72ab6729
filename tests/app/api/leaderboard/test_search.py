"""/leaderboard/search: its query and its reply."""

from __future__ import annotations

import secrets

import pytest

from tests.support.api_requests import Api, refused
from tests.support.system.harness import SystemHarness
from tests.support.system.player import Player


@pytest.fixture(scope="module")
def scorers(running_system: SystemHarness) -> list[Player]:
    """Three players on the board."""
    players = [running_system.register("Ada") for _ in range(3)]
    for player in players:
        player.score_point()
    return players


@pytest.mark.parametrize("path", ["/leaderboard/search", "/api/leaderboard/search"])
def test_players_are_found_without_an_account(api: Api, scorers: list[Player], path: str) -> None:
    for player in scorers:
        reply = api.get(path, params={"username": f" {player.username[:-1].upper()}"})
        assert reply.status_code == 200
        board = reply.json()
        assert set(board) == {"version", "updatedAt", "leaderboard", "more"}
        assert not board["more"]
        own = player.call("GET", "/leaderboard/around-me?span=0").json()["leaderboard"]
        assert board["leaderboard"] == own


def test_more_says_that_the_limit_left_players_out(api: Api, scorers: list[Player]) -> None:
    query = {"username": "player_", "limit": 2}
    board = api.get("/api/leaderboard/search", params=query).json()
    usernames = [row["username"] for row in board["leaderboard"]]
    assert len(usernames) == 2
    assert usernames == sorted(usernames) <= sorted(each.username for each in scorers)
    assert board["more"]


@pytest.mark.parametrize("username", ["no-such-player", "Łukasz", "محمد", "%", "🦊"])
def test_a_username_that_no_player_has_is_an_empty_list(api: Api, username: str) -> None:
    reply = api.get("/api/leaderboard/search", params={"username": username})
    assert reply.status_code == 200
    assert reply.json()["leaderboard"] == []
    assert not reply.json()["more"]


@pytest.mark.parametrize(
    ("field", "value"),
    [
        *(("username", value) for value in ("", "  ", "\u3000", "a" * 101, "a\0", "a" * 3000)),
        *(("limit", value) for value in ("0", "101", "x", "")),
    ],
)
def test_an_invalid_search_is_refused_by_field(api: Api, field: str, value: str) -> None:
    query = {"username": "ada", field: value}
    reply = api.get("/api/leaderboard/search", params=query)
    refused(reply, 400, "VALIDATION_ERROR", {field})


def test_a_search_needs_a_username(api: Api) -> None:
    refused(api.get("/api/leaderboard/search"), 400, "VALIDATION_ERROR", {"username"})


def test_a_player_is_found_by_a_word_of_the_display_name(
    api: Api, running_system: SystemHarness
) -> None:
    word = secrets.token_hex(4)
    name = f"Žofie {word}"
    running_system.register(name).score_point()
    for typed in (f" žofie  {word.upper()}", word.upper()):
        reply = api.get("/api/leaderboard/search", params={"username": typed})
        found = [row["displayName"] for row in reply.json()["leaderboard"]]
        assert found == [name]
