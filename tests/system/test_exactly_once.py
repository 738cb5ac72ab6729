"""A token gives one point, however often and at whichever process it is spent."""

from __future__ import annotations

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
import requests

from app.scoring.action_tokens import ActionToken, ActionTokenCodec
from tests.support.environment import base_environment
from tests.support.servers import DatabaseServer, Stores, empty, redis_server
from tests.support.system.harness import SystemHarness
from tests.support.system.player import Player
from tests.support.system.workers import WORKERS

pytestmark = pytest.mark.slow
SPENDS = 200
REPEATS = 20
"""How often used tokens of a user are answered within 10 s."""


@pytest.fixture(scope="module", params=WORKERS)
def system(
    postgres: DatabaseServer,
    tmp_path_factory: pytest.TempPathFactory,
    request: pytest.FixtureRequest,
) -> Iterator[SystemHarness]:
    """Two API processes with one database and one Redis, under each kind of worker."""
    with redis_server(tmp_path_factory.mktemp("valkey")) as server:
        stores = Stores(postgres.create(), server.url)
        logs = tmp_path_factory.mktemp("logs")
        variables = {"WEB_WORKER": request.param, "WEB_WORKERS": "2"}
        with SystemHarness(stores, logs, web_processes=2, variables=variables) as running:
            yield running


def test_200_concurrent_spends_of_one_token_over_two_processes_give_one_point(
    system: SystemHarness,
) -> None:
    player = system.register()
    token = player.ask_token()
    with ThreadPoolExecutor(SPENDS) as pool:

        def spend(number: int) -> requests.Response:
            return player.spend(token, url=system.urls[number % 2])

        replies = list(pool.map(spend, range(SPENDS)))
    counted = [reply.json() for reply in replies if reply.status_code == 200]
    refused = [reply.json() for reply in replies if reply.status_code != 200]
    assert len(counted) == 1
    assert len(refused) == SPENDS - 1
    assert {reply["code"] for reply in refused} == {"TOKEN_USED", "RATE_LIMITED"}
    used = [reply for reply in refused if reply["code"] == "TOKEN_USED"]
    assert len(used) >= REPEATS
    assert all(reply["details"] == counted[0] for reply in used)
    assert player.call("GET", "/users/me").json()["score"] == 1


def test_200_concurrent_spends_of_200_tokens_of_one_user_give_200_points(
    system: SystemHarness,
) -> None:
    player = system.register()
    with ThreadPoolExecutor(SPENDS) as pool:

        def score(number: int) -> int:
            url = system.urls[number % 2]
            token = player.call("POST", "/actions/token", timeout=30).json()["actionToken"]
            new_score: int = player.spend(token, url=url).json()["newScore"]
            return new_score

        scores = list(pool.map(score, range(SPENDS)))
    assert sorted(scores) == list(range(1, SPENDS + 1))
    assert player.call("GET", "/users/me").json()["score"] == SPENDS


def test_a_used_token_stays_used_after_its_expiry_and_after_flushall(
    system: SystemHarness,
) -> None:
    player = system.register()
    used, unused = (token_aged(player, 57_000) for _ in range(2))
    first = player.spend(used).json()
    assert first["newScore"] == 1
    empty(system.stores.redis_url)
    after_its_expiry = time.monotonic() + 4
    while time.monotonic() < after_its_expiry:
        time.sleep(0.3)  # So that the repeats stay within their limit.
        repeated = player.spend(used)
        assert (repeated.status_code, repeated.json()["code"]) == (400, "TOKEN_USED")
        assert repeated.json()["details"]["newScore"] == 1
    assert player.spend(unused).json()["code"] == "TOKEN_EXPIRED"
    empty(system.stores.redis_url)
    assert player.spend(used).json()["code"] == "TOKEN_USED"
    assert player.spend(unused).json()["code"] == "TOKEN_EXPIRED"
    assert player.call("GET", "/users/me").json()["score"] == 1


def token_aged(player: Player, milliseconds: int) -> str:
    """A token as the system issued it `milliseconds` ago."""
    codec = ActionTokenCodec(base_environment()["ACTION_TOKEN_SECRET"].encode())
    issued_at = int(time.time() * 1000) - milliseconds
    return codec.encode(ActionToken(player.user_id, issued_at, codec.new_nonce()))
