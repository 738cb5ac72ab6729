"""Action tokens that are changed, stolen or expired; test_floods.py replays them."""

from __future__ import annotations

import time

import pytest

from app.scoring.action_tokens import ActionToken, ActionTokenCodec
from tests.support.api_requests import but_request_id, refused
from tests.support.environment import base_environment
from tests.support.system.harness import SystemHarness
from tests.support.system.player import Player

LIFETIME_MS = 60_000


def made(player: Player, issued_at: int) -> str:
    """A token as the servers sign it, issued at another time."""
    codec = ActionTokenCodec(base_environment()["ACTION_TOKEN_SECRET"].encode())
    return codec.encode(ActionToken(player.user_id, issued_at, codec.new_nonce()))


def now_ms() -> int:
    return int(time.time() * 1000)


def test_a_token_with_a_changed_byte_is_refused(player: Player) -> None:
    token = player.ask_token()
    answers = set()
    for position, character in enumerate(token):
        other = "A" if character != "A" else "B"
        reply = player.spend(token[:position] + other + token[position + 1 :])
        refused(reply, 400, "TOKEN_INVALID")
        answers.add(but_request_id(reply))
    assert len(answers) == 1
    assert player.call("GET", "/users/me").json()["score"] == 0
    # The original token is still valid.
    assert player.spend(token).json()["newScore"] == 1


def test_a_token_of_another_user_is_refused_used_or_not(
    player: Player, running_system: SystemHarness
) -> None:
    owner = running_system.register()
    fresh, used = owner.ask_token(), owner.ask_token()
    assert owner.spend(used).ok
    for token in (fresh, used, made(owner, now_ms())):
        refused(player.spend(token), 400, "TOKEN_INVALID")
    assert owner.spend(fresh).json()["newScore"] == 2


def test_a_token_is_valid_for_sixty_seconds(player: Player) -> None:
    found: dict[int, bool] = {}
    points = 0
    for age in (*range(58_000, 60_000, 500), *range(60_000, 62_500, 250)):
        issued_at = now_ms() - age
        token, sent = made(player, issued_at), now_ms()
        reply = player.spend(token)
        received = now_ms()
        points += reply.ok
        # The time of the check is only known to be between `sent` and `received`.
        if received - issued_at <= LIFETIME_MS:
            assert reply.status_code == 200, (age, reply.text)
            found[age] = True
        elif sent - issued_at > LIFETIME_MS:
            refused(reply, 400, "TOKEN_EXPIRED")
            found[age] = False
    assert set(found.values()) == {True, False}
    assert player.call("GET", "/users/me").json()["score"] == points


@pytest.mark.parametrize("ahead", [LIFETIME_MS + 10_000, 3_600_000, 10**15])
def test_a_token_of_the_future_gives_no_point_even_if_signed(player: Player, ahead: int) -> None:
    # Redis' clock may be ahead of PostgreSQL's by less than a lifetime; see tests/faults.
    token = made(player, now_ms() + ahead)
    assert player.spend(token).status_code == 400
    assert player.call("GET", "/users/me").json()["score"] == 0
