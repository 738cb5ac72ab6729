"""Action tokens changed, borrowed, and spent too late; test_floods.py replays them."""

from __future__ import annotations

import time

import pytest

from app.services.action_tokens import ActionToken, ActionTokenCodec
from tests.app.http.asking import but_request_id, refused
from tests.environment import base_environment
from tests.system.player import Player
from tests.system.running import RunningSystem

LIFE_MS = 60_000


def made(player: Player, issued_at: int) -> str:
    """A token as the servers make it, at another time."""
    codec = ActionTokenCodec(base_environment()["ACTION_TOKEN_SECRET"].encode())
    return codec.encode(ActionToken(player.user_id, issued_at, codec.new_nonce()))


def now_ms() -> int:
    return int(time.time() * 1000)


def test_no_byte_of_a_token_can_be_other(player: Player) -> None:
    token = player.ask_token()
    answers = set()
    for position, character in enumerate(token):
        other = "A" if character != "A" else "B"
        reply = player.spend(token[:position] + other + token[position + 1 :])
        refused(reply, 400, "TOKEN_INVALID")
        answers.add(but_request_id(reply))
    assert len(answers) == 1
    assert player.call("GET", "/users/me").json()["score"] == 0
    # None of them has spent or spoiled the true one.
    assert player.spend(token).json()["newScore"] == 1


def test_a_token_of_anothers_is_refused_used_or_not(
    player: Player, running_system: RunningSystem
) -> None:
    owner = running_system.register()
    fresh, used = owner.ask_token(), owner.ask_token()
    assert owner.spend(used).ok
    for token in (fresh, used, made(owner, now_ms())):
        refused(player.spend(token), 400, "TOKEN_INVALID")
    assert owner.spend(fresh).json()["newScore"] == 2


def test_a_token_is_good_for_sixty_seconds_and_not_a_moment_longer(player: Player) -> None:
    found = {}
    for age in (*range(58_000, 60_000, 500), *range(60_000, 62_500, 250)):
        issued_at = now_ms() - age
        token, sent = made(player, issued_at), now_ms()
        reply = player.spend(token)
        heard = now_ms()
        # When it was judged is known only so well; who falls in between shows nothing.
        if heard - issued_at <= LIFE_MS:
            assert reply.status_code == 200, (age, reply.text)
            found[age] = True
        elif sent - issued_at > LIFE_MS:
            refused(reply, 400, "TOKEN_EXPIRED")
            found[age] = False
    assert set(found.values()) == {True, False}
    assert player.call("GET", "/users/me").json()["score"] == sum(found.values())


@pytest.mark.parametrize("ahead", [LIFE_MS + 10_000, 3_600_000, 10**15])
def test_a_token_of_the_future_gives_no_point_whoever_signed_it(player: Player, ahead: int) -> None:
    # By less than a life Redis' clock may lead PostgreSQL's: tests/faults has clocks that jump.
    token = made(player, now_ms() + ahead)
    assert player.spend(token).status_code == 400
    assert player.call("GET", "/users/me").json()["score"] == 0
