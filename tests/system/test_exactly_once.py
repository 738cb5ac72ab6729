"""A token gives one point, whoever asks, however often, at whichever process."""

from __future__ import annotations

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
import requests

from app.services.action_tokens import ActionToken, ActionTokenCodec
from tests.environment import base_environment
from tests.servers import DatabaseServer, Stores, empty, redis_server
from tests.system.player import Player
from tests.system.running import RunningSystem

pytestmark = pytest.mark.slow
SPENDS = 200


@pytest.fixture(scope="module")
def system(
    postgres: DatabaseServer, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[RunningSystem]:
    """Two API processes, each with its workers, over one database and one Redis."""
    with redis_server(tmp_path_factory.mktemp("valkey")) as server:
        stores = Stores(postgres.create(), server.url)
        logs = tmp_path_factory.mktemp("logs")
        with RunningSystem(stores, logs, web_processes=2) as running:
            yield running


def test_200_concurrent_spends_of_one_token_over_two_processes_give_one_point(
    system: RunningSystem,
) -> None:
    player = system.register()
    token = player.ask_token()
    with ThreadPoolExecutor(SPENDS) as pool:

        def spend(number: int) -> requests.Response:
            return player.spend(token, url=system.urls[number % 2])

        replies = list(pool.map(spend, range(SPENDS)))
    counted = [reply.json() for reply in replies if reply.status_code == 200]
    refused = [reply.json() for reply in replies if reply.status_code == 400]
    assert len(counted) == 1
    assert len(refused) == SPENDS - 1
    assert {reply["code"] for reply in refused} == {"TOKEN_USED"}
    assert all(reply["details"] == counted[0] for reply in refused)
    assert player.call("GET", "/users/me").json()["score"] == 1


def test_200_concurrent_spends_of_200_tokens_of_one_user_give_200_points(
    system: RunningSystem,
) -> None:
    player = system.register()
    with ThreadPoolExecutor(SPENDS) as pool:

        def score(number: int) -> int:
            url = system.urls[number % 2]
            asked = player.call("POST", "/actions/token").json()["actionToken"]
            new_score: int = player.spend(asked, url=url).json()["newScore"]
            return new_score

        scores = list(pool.map(score, range(SPENDS)))
    assert sorted(scores) == list(range(1, SPENDS + 1))
    assert player.call("GET", "/users/me").json()["score"] == SPENDS


def test_a_token_whose_answer_was_lost_is_used_after_its_life_and_after_flushall(
    system: RunningSystem,
) -> None:
    player = system.register()
    spent, unspent = (token_aged(player, 57_000) for _ in range(2))
    first = player.spend(spent).json()
    assert first["newScore"] == 1
    empty(system.stores.redis_url)
    past_its_life = time.monotonic() + 4
    while time.monotonic() < past_its_life:
        repeated = player.spend(spent)
        assert (repeated.status_code, repeated.json()["code"]) == (400, "TOKEN_USED")
        assert repeated.json()["details"]["newScore"] == 1
    assert player.spend(unspent).json()["code"] == "TOKEN_EXPIRED"
    empty(system.stores.redis_url)
    assert player.spend(spent).json()["code"] == "TOKEN_USED"
    assert player.spend(unspent).json()["code"] == "TOKEN_EXPIRED"
    assert player.call("GET", "/users/me").json()["score"] == 1


def token_aged(player: Player, milliseconds: int) -> str:
    """A token as the system made it so long ago."""
    codec = ActionTokenCodec(base_environment()["ACTION_TOKEN_SECRET"].encode())
    issued_at = int(time.time() * 1000) - milliseconds
    return codec.encode(ActionToken(player.user_id, issued_at, codec.new_nonce()))
