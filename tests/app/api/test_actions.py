"""/actions and /scores: tokens that are issued, spent and refused."""

from __future__ import annotations

import base64
import re
import time

import pytest
import requests

from app.scoring.action_tokens import ActionToken, ActionTokenCodec
from tests.support.api_requests import Api, but_request_id, refused
from tests.support.environment import base_environment
from tests.support.system.harness import SystemHarness
from tests.support.system.player import Player

OTHER_SECRET = b"not the server's own secret, but as long"


def signed(player: Player, *, age_seconds: float, secret: bytes | None = None) -> str:
    """A token of this age, signed by the server's secret or by another."""
    codec = ActionTokenCodec(secret or base_environment()["ACTION_TOKEN_SECRET"].encode())
    issued_at = int((time.time() - age_seconds) * 1000)
    return codec.encode(ActionToken(player.user_id, issued_at, codec.new_nonce()))


def test_a_token_is_issued_with_its_lifetime(player: Player) -> None:
    reply = player.call("POST", "/actions/token")
    assert reply.status_code == 200
    assert set(reply.json()) == {"actionToken", "expiresIn"}
    assert reply.json()["expiresIn"] == 60


def test_a_token_is_the_signed_user_time_and_nonce_in_base64url(player: Player) -> None:
    payload, signature = player.ask_token().split(".")
    assert re.fullmatch(r"[A-Za-z0-9_-]{43}", signature)
    text = base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)).decode()
    user_id, issued_at, nonce = text.split(":")
    assert user_id == player.user_id
    assert abs(int(issued_at) / 1000 - time.time()) < 5
    assert len(nonce) >= 32


def test_each_token_is_unique(player: Player) -> None:
    tokens = [player.ask_token() for _ in range(20)]
    assert len(set(tokens)) == len(tokens)


def test_an_increment_replies_with_score_rank_and_the_board_version_that_shows_it(
    api: Api, player: Player
) -> None:
    reply = player.spend(player.ask_token())
    assert reply.status_code == 200
    outcome = reply.json()
    assert set(outcome) == {"newScore", "newRank", "boardVersion"}
    assert outcome["newScore"] == 1
    assert outcome["newRank"] >= 1
    board = api.get(f"/api/leaderboard?minVersion={outcome['boardVersion']}").json()
    assert board["version"] >= outcome["boardVersion"]


def test_a_token_spent_again_is_used_and_repeats_the_first_result(player: Player) -> None:
    token = player.ask_token()
    first = player.spend(token).json()
    for _ in range(3):
        reply = player.spend(token)
        details = refused(reply, 400, "TOKEN_USED", set(first))["details"]
        # Only the version may be later.
        assert details["boardVersion"] >= first["boardVersion"]
        assert details | {"boardVersion": None} == first | {"boardVersion": None}
    assert player.call("GET", "/users/me").json()["score"] == 1


def test_an_expired_token_stays_expired(player: Player) -> None:
    token = signed(player, age_seconds=61)
    for _ in range(2):
        refused(player.spend(token), 400, "TOKEN_EXPIRED")
    assert player.call("GET", "/users/me").json()["score"] == 0


@pytest.mark.usefixtures("changes_nothing")
def test_malformed_forged_stolen_and_unknown_tokens_get_the_same_reply(
    player: Player, running_system: SystemHarness
) -> None:
    real = player.ask_token()
    payload, _, signature = real.partition(".")
    swapped = {"A": "B", "B": "A"}.get(signature[0], "A") + signature[1:]
    padding = "=" * (-len(payload) % 4)
    tokens = [
        "",
        ".",
        "x",
        "x.y",
        "é",
        "\0",
        "\ud800",
        "a" * 10_000,
        payload,
        f"{payload}.",
        f".{signature}",
        f"{payload}.{swapped}",
        f"{payload}{padding}.{signature}",
        f"{real}.",
        f" {real}",
        f"{real}\n",
        f"{real}=",
        real.swapcase(),
        signed(player, age_seconds=0, secret=OTHER_SECRET),
        signed(player, age_seconds=-3600),
        player.access_token,
    ]
    replies = [player.spend(token) for token in tokens]
    for reply in replies:
        body = refused(reply, 400, "TOKEN_INVALID")
        assert (body["error"], body["message"]) == ("Invalid token", "Token not found")
    assert len({but_request_id(reply) for reply in replies}) == 1


def test_a_stolen_token_gets_the_reply_of_a_forged_one_and_stays_valid_for_its_owner(
    player: Player, running_system: SystemHarness
) -> None:
    thief = running_system.register()
    token = player.ask_token()
    stolen, forged = thief.spend(token), thief.spend("x.y")
    refused(stolen, 400, "TOKEN_INVALID")
    assert but_request_id(stolen) == but_request_id(forged)
    assert thief.call("GET", "/users/me").json()["score"] == 0
    assert player.spend(token).json()["newScore"] == 1


def test_a_used_token_of_another_user_is_invalid(
    player: Player, running_system: SystemHarness
) -> None:
    thief = running_system.register()
    token = player.ask_token()
    player.spend(token)
    refused(thief.spend(token), 400, "TOKEN_INVALID")


@pytest.mark.usefixtures("changes_nothing")
def test_authentication_precedes_validation(api: Api, player: Player) -> None:
    refused(api.post("/api/scores/increment", {"nonsense": 1}), 401, "AUTH_REQUIRED")
    token = player.ask_token()
    refused(api.post("/api/scores/increment", {"actionToken": token}), 401, "AUTH_REQUIRED")
    refused(api.post("/api/actions/token"), 401, "AUTH_REQUIRED")


def test_a_token_of_an_unknown_board_is_refused(api: Api, player: Player) -> None:
    def ask(board: object) -> requests.Response:
        return api.post("/api/actions/token", {"board": board}, token=player.access_token)

    refused(ask("no-such-board"), 404, "NOT_FOUND")
    refused(ask(7), 400, "VALIDATION_ERROR", {"board"})


def test_other_fields_in_a_request_for_a_token_are_ignored(api: Api, player: Player) -> None:
    body = {"action": "click"}
    assert api.post("/api/actions/token", body, token=player.access_token).status_code == 200
