"""The whole system behind PgBouncer in transaction mode, configured by deploy/pgbouncer/."""

from __future__ import annotations

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any

import psycopg2
import pytest
import requests

from app.storage.database import CALL_SECONDS
from app.storage.database_connections import server_limits
from tests.cluster.flow import counted_exactly_once, main_flow, operate
from tests.deploy.pgbouncer import BINARY, PgBouncer, configured_limits
from tests.support.servers import DatabaseServer, Stores, redis_server, store_folder
from tests.support.services import services_in
from tests.support.system.harness import SystemHarness
from tests.support.system.player import PASSWORD, Player
from tests.support.system.scoring_players import ScoringPlayers
from tests.support.waiting import await_true, is_lock_awaited
from tools.local.embedded import EmbeddedPostgres
from tools.local.embedded_server import EmbeddedServer

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not BINARY, reason="Debian's pgbouncer is not installed"),
]
POOL_SIZE = 3
PROMISED_SECONDS = 2.0
RECOVERY_SECONDS = 30.0


@dataclass(frozen=True)
class PooledSystem:
    """A system that uses its database only through the pooler, and direct access for the test."""

    system: SystemHarness
    pooler: PgBouncer
    postgres: EmbeddedPostgres
    database_url: str

    def ask(self, statement: str, url: str = "") -> list[Any]:
        """The rows of a statement, run by PostgreSQL itself or by the server at `url`."""
        connection = psycopg2.connect(url or self.database_url)
        connection.autocommit = True
        with connection.cursor() as cursor:
            cursor.execute(statement)
            rows = cursor.fetchall()
        connection.close()
        return rows


@pytest.fixture(scope="module")
def pooled(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PooledSystem]:
    logs = tmp_path_factory.mktemp("pooled")
    with ExitStack() as stack:
        folder = stack.enter_context(store_folder())
        postgres = stack.enter_context(EmbeddedPostgres(folder / "postgres", disposable=True))
        database_url = DatabaseServer(postgres).create(migrated=False)
        server = stack.enter_context(redis_server(folder / "redis"))
        pooler = stack.enter_context(PgBouncer(folder / "pooler", database_url, POOL_SIZE))
        stores = Stores(pooler.url, server.url)
        system = SystemHarness(stores, logs, variables={"WEB_WORKERS": "3"})
        release_beside_another(system, database_url)
        with system:
            yield PooledSystem(system, pooler, postgres, database_url)


def release_beside_another(system: SystemHarness, database_url: str) -> None:
    """Two releases wait for a third one, which takes longer than a request may."""
    third = psycopg2.connect(database_url)
    with third.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(7203411)")
    releases = [system.start_release() for _ in range(2)]
    await_true(lambda: is_lock_awaited(database_url), RECOVERY_SECONDS)
    time.sleep(1.2 * configured_limits()["lock_timeout"] / 1000)
    third.close()
    assert [release.wait(60) for release in releases] == [0, 0], system.log("release")


def test_the_main_flow_works_through_transactions_that_share_connections(
    pooled: PooledSystem,
) -> None:
    main_flow(pooled.system)
    player = pooled.system.register()
    login = {"username": player.username, "password": PASSWORD}
    tokens = requests.post(f"{player.url}/api/auth/login", json=login, timeout=10).json()
    player.access_token = tokens["accessToken"]
    player.score_point()
    assert player.call("GET", "/leaderboard/around-me").json()["leaderboard"]
    assert player.call("GET", "/leaderboard/history").ok
    assert player.call("GET", "/health").json()["database"] == "ok"
    assert player.call("POST", "/auth/logout").status_code == 204
    assert player.call("GET", "/users/me").json()["code"] == "SESSION_REVOKED"


def test_under_load_every_point_counts_once_on_a_few_shared_connections(
    pooled: PooledSystem,
) -> None:
    players = [pooled.system.register() for _ in range(8)]
    with ScoringPlayers(players) as load:
        await_true(lambda: len(load.acknowledged) == len(players), RECOVERY_SECONDS)
        in_use = pooled.ask(
            "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()"
            " AND pid <> pg_backend_pid() AND backend_type = 'client backend'"
        )
        since = time.monotonic()
        await_true(lambda: load.all_scored_since(since), RECOVERY_SECONDS)
    assert load.unexpected == []
    assert 0 < in_use[0][0] <= POOL_SIZE
    with services_in(pooled.system.environment()) as services:
        counted_exactly_once(services, load)
    assert "Sound:" in operate(pooled.system, "ledger", "verify")


def test_every_connection_has_the_limits_of_the_file_and_no_client_changes_them(
    pooled: PooledSystem,
) -> None:
    assert configured_limits() == server_limits(CALL_SECONDS)
    # Without a pooler, the health check and `ledger verify` set other limits.
    assert requests.get(f"{pooled.system.url}/health", timeout=5).ok
    operate(pooled.system, "ledger", "verify")
    names = ", ".join(f"current_setting('{name}')::interval" for name in configured_limits())

    def limits_there(_number: int) -> tuple[int, ...]:
        # Slow enough that each gets a server connection of its own.
        ((*found, _),) = pooled.ask(f"SELECT {names}, pg_sleep(0.2)", pooled.pooler.url)
        return tuple(round(each.total_seconds() * 1000) for each in found)

    with ThreadPoolExecutor(POOL_SIZE) as pool:
        seen = set(pool.map(limits_there, range(POOL_SIZE)))
    assert seen == {tuple(configured_limits().values())}


def test_a_request_waits_for_a_locked_row_no_longer_than_promised(pooled: PooledSystem) -> None:
    player = pooled.system.register()
    token = player.ask_token()
    holder = psycopg2.connect(pooled.database_url)
    try:
        with holder.cursor() as cursor:
            cursor.execute("SELECT 1 FROM users WHERE id = %s FOR UPDATE", (player.user_id,))
            begun = time.monotonic()
            assert player.spend(token).json()["code"] == "DB_ERROR"
            assert time.monotonic() - begun < PROMISED_SECONDS
    finally:
        holder.close()
    await_true(lambda: player.spend(token).status_code in {200, 400}, RECOVERY_SECONDS)
    assert player.call("GET", "/users/me").json()["score"] == 1


@pytest.mark.parametrize("which", ["pooler", "postgres"])
@pytest.mark.parametrize("how", ["killed", "frozen"])
def test_without_pooler_or_postgresql_requests_fail_in_time_and_work_after_its_return(
    pooled: PooledSystem, which: str, how: str
) -> None:
    player = registered(pooled)
    token = player.ask_token()
    server: EmbeddedServer = getattr(pooled, which)
    if how == "killed":
        server.kill()
    else:
        server.pause()
    try:
        begun = time.monotonic()
        assert player.spend(token).json()["code"] == "DB_ERROR"
        assert time.monotonic() - begun < PROMISED_SECONDS
    finally:
        if how == "killed":
            server.start()
        else:
            server.resume()
    await_true(lambda: player.spend(token).status_code in {200, 400}, RECOVERY_SECONDS)
    # Each worker has a circuit breaker of its own.
    await_true(lambda: all(score_of(player) == 1 for _ in range(12)), RECOVERY_SECONDS)


def registered(pooled: PooledSystem) -> Player:
    """A new player. Retries, because a worker may not have recovered from the last case."""
    players: list[Player] = []

    def register() -> bool:
        try:
            players.append(pooled.system.register())
        except AssertionError:
            return False
        return True

    await_true(register, RECOVERY_SECONDS)
    return players[0]


def score_of(player: Player) -> int | None:
    """The player's score, from any worker, over a new connection; None if the request failed."""
    headers = {"Authorization": f"Bearer {player.access_token}"}
    reply = requests.get(f"{player.url}/api/users/me", headers=headers, timeout=10)
    score: int | None = reply.json().get("score")
    return score
