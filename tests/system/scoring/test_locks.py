"""Rows and tables that another session has locked: which requests wait, and how long."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial

import psycopg2
import pytest
import requests

from tests.support.api_harness import ApiHarness
from tests.support.servers import DatabaseServer, Stores, redis_server
from tests.support.system.harness import SystemHarness
from tests.support.system.player import Player

pytestmark = pytest.mark.slow
PROMISED_SECONDS = 2.0
LOCKED_PLAYERS, CLIENTS_OF_EACH, READERS = 10, 3, 60
Timed = tuple[requests.Response, float]


@pytest.fixture(scope="module")
def system(
    postgres: DatabaseServer, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[SystemHarness]:
    """An API of one worker."""
    with redis_server(tmp_path_factory.mktemp("valkey")) as server:
        stores = Stores(postgres.create(), server.url)
        variables = {"WEB_WORKERS": "1"}
        with ApiHarness(stores, tmp_path_factory.mktemp("api"), variables=variables) as running:
            yield running


@contextmanager
def held(system: SystemHarness, statement: str, *values: object) -> Iterator[None]:
    """Hold the locks of a statement during the block."""
    connection = psycopg2.connect(system.stores.database_url)
    with connection.cursor() as cursor:
        cursor.execute(statement, values)
        try:
            yield
        finally:
            connection.close()


def timed(call: Callable[[], requests.Response]) -> Timed:
    begun = time.monotonic()
    return call(), time.monotonic() - begun


def test_ten_locked_players_with_thirty_clients_delay_no_other_player(
    system: SystemHarness,
) -> None:
    scorer, *locked = [system.register() for _ in range(1 + LOCKED_PLAYERS)]
    spends = [partial(player.spend, player.ask_token()) for player in locked * CLIENTS_OF_EACH]
    tokens = [scorer.ask_token() for _ in range(10)]
    ids = [player.user_id for player in locked]
    with (
        held(system, "SELECT FROM users WHERE id = ANY(%s::uuid[]) FOR UPDATE", ids),
        ThreadPoolExecutor(len(spends)) as pool,
    ):
        waiting = [pool.submit(timed, spend) for spend in spends]
        others = [timed(partial(scorer.spend, token)) for token in tokens]
        refused = [each.result() for each in waiting]
    assert [reply.json()["newScore"] for reply, _ in others] == list(range(1, 11))
    # Each lock is held for longer than all of these requests take together.
    assert sum(seconds for _, seconds in others) < PROMISED_SECONDS
    assert {reply.json()["code"] for reply, _ in refused} == {"DB_ERROR"}
    assert max(seconds for _, seconds in refused) < PROMISED_SECONDS
    assert [spend().json()["newScore"] for spend in spends[:LOCKED_PLAYERS]] == [1] * LOCKED_PLAYERS


def test_a_locked_table_delays_neither_the_board_nor_any_answer_beyond_the_promise(
    system: SystemHarness,
) -> None:
    reader: Player = system.register()
    reader.score_point()
    spends = [partial(reader.spend, reader.ask_token()) for _ in range(4)]
    board = f"{system.url}/api/leaderboard"
    before = requests.get(board, timeout=5).json()["leaderboard"]
    authorization = {"Authorization": f"Bearer {reader.access_token}"}
    me = partial(requests.get, f"{system.url}/api/users/me", headers=authorization, timeout=30)
    with (
        held(system, "LOCK TABLE users IN ACCESS EXCLUSIVE MODE"),
        ThreadPoolExecutor(READERS + len(spends)) as pool,
    ):
        readings = [pool.submit(timed, me) for _ in range(READERS)]
        spendings = [pool.submit(timed, spend) for spend in spends]
        time.sleep(0.2)
        shown, board_seconds = timed(partial(requests.get, board, timeout=30))
        answers = [each.result() for each in (*readings, *spendings)]
    assert shown.json()["leaderboard"] == before
    assert board_seconds < PROMISED_SECONDS
    assert {reply.json()["code"] for reply, _ in answers} == {"DB_ERROR"}
    assert max(seconds for _, seconds in answers) < PROMISED_SECONDS
