"""The whole system through PgBouncer in transaction mode, as deploy/pgbouncer/ has it."""

from __future__ import annotations

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import psycopg2
import pytest
import requests

from app.stores.database import CALL_SECONDS
from app.stores.database_connections import limits
from tests.awaiting import await_true, somebody_waits_for_a_lock
from tests.cluster.flow import counted_exactly_once, main_flow, operate, services_of
from tests.cluster.load import Load
from tests.deploy.pgbouncer import BINARY, PgBouncer, configured_limits
from tests.servers import DatabaseServer, Stores, redis_server
from tests.system.player import PASSWORD, Player
from tests.system.running import RunningSystem
from tools.embedded import EmbeddedPostgres
from tools.embedded_server import EmbeddedServer

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not BINARY, reason="Debian's pgbouncer is not installed"),
]
POOL_SIZE = 3
PROMISED_SECONDS = 2.0
RECOVERY_SECONDS = 30.0


@dataclass(frozen=True)
class Place:
    """A system that reaches its database through the pooler alone, and the way around it."""

    system: RunningSystem
    pooler: PgBouncer
    postgres: EmbeddedPostgres
    database_url: str

    def ask(self, statement: str, url: str = "") -> list[Any]:
        """What a statement gives, asked of PostgreSQL itself or of the server at `url`."""
        connection = psycopg2.connect(url or self.database_url)
        connection.autocommit = True
        with connection.cursor() as cursor:
            cursor.execute(statement)
            rows = cursor.fetchall()
        connection.close()
        return rows


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    logs = tmp_path_factory.mktemp("pooled")
    with ExitStack() as stack:
        folder = Path(stack.enter_context(TemporaryDirectory(prefix="scoreboard-")))
        postgres = stack.enter_context(EmbeddedPostgres(folder / "postgres", fsync=False))
        database_url = DatabaseServer(postgres).create(migrated=False)
        server = stack.enter_context(redis_server(folder / "redis"))
        pooler = stack.enter_context(PgBouncer(folder / "pooler", database_url, POOL_SIZE))
        stores = Stores(pooler.url, server.url)
        system = RunningSystem(stores, logs, variables={"WEB_WORKERS": "3"})
        release_beside_another(system, database_url)
        with system:
            yield Place(system, pooler, postgres, database_url)


def release_beside_another(system: RunningSystem, database_url: str) -> None:
    """Two releases take turns behind a third one, which takes longer than a request may."""
    third = psycopg2.connect(database_url)
    with third.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(7203411)")
    releases = [system.start_release() for _ in range(2)]
    await_true(lambda: somebody_waits_for_a_lock(database_url), RECOVERY_SECONDS)
    time.sleep(1.2 * configured_limits()["lock_timeout"] / 1000)
    third.close()
    assert [release.wait(60) for release in releases] == [0, 0], system.log("release")


def test_the_main_flow_works_through_transactions_that_share_connections(place: Place) -> None:
    main_flow(place.system)
    player = place.system.register()
    login = {"username": player.username, "password": PASSWORD}
    tokens = requests.post(f"{player.url}/api/auth/login", json=login, timeout=10).json()
    player.access_token = tokens["accessToken"]
    player.score_point()
    assert player.call("GET", "/leaderboard/around-me").json()["leaderboard"]
    assert player.call("GET", "/leaderboard/history").ok
    assert player.call("GET", "/health").json()["database"] == "ok"
    assert player.call("POST", "/auth/logout").status_code == 204
    assert player.call("GET", "/users/me").json()["code"] == "SESSION_REVOKED"


def test_under_load_every_point_counts_once_on_a_few_shared_connections(place: Place) -> None:
    players = [place.system.register() for _ in range(8)]
    with Load(players) as load:
        await_true(lambda: len(load.acknowledged) == len(players), RECOVERY_SECONDS)
        in_use = place.ask(
            "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()"
            " AND pid <> pg_backend_pid() AND backend_type = 'client backend'"
        )
        since = time.monotonic()
        await_true(lambda: load.everybody_scored_since(since), RECOVERY_SECONDS)
    assert load.surprises == []
    assert 0 < in_use[0][0] <= POOL_SIZE
    with services_of(place.system) as services:
        counted_exactly_once(services, load)
    assert "Sound:" in operate(place.system, "ledger", "verify")


def test_every_connection_has_the_limits_of_the_file_and_nobody_leaves_others_there(
    place: Place,
) -> None:
    assert configured_limits() == limits(CALL_SECONDS)
    # Health and the operators' check have limits of their own, where they reach PostgreSQL itself.
    assert requests.get(f"{place.system.url}/health", timeout=5).ok
    operate(place.system, "ledger", "verify")
    names = ", ".join(f"current_setting('{name}')::interval" for name in configured_limits())

    def limits_there(_number: int) -> tuple[int, ...]:
        # Slow enough for each to get a server connection of its own.
        ((*found, _),) = place.ask(f"SELECT {names}, pg_sleep(0.2)", place.pooler.url)
        return tuple(round(each.total_seconds() * 1000) for each in found)

    with ThreadPoolExecutor(POOL_SIZE) as pool:
        seen = set(pool.map(limits_there, range(POOL_SIZE)))
    assert seen == {tuple(configured_limits().values())}


def test_a_locked_row_holds_a_request_no_longer_than_promised(place: Place) -> None:
    player = place.system.register()
    token = player.ask_token()
    holder = psycopg2.connect(place.database_url)
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
def test_what_is_lost_is_answered_in_time_and_forgotten_when_it_is_back(
    place: Place, which: str, how: str
) -> None:
    player = place.system.register()
    token = player.ask_token()
    server: EmbeddedServer = getattr(place, which)
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
    # Each worker finds out by itself.
    await_true(lambda: all(score_of(player) == 1 for _ in range(12)), RECOVERY_SECONDS)


def score_of(player: Player) -> int | None:
    """Asked on a new connection, so of any worker; None: not told."""
    headers = {"Authorization": f"Bearer {player.access_token}"}
    reply = requests.get(f"{player.url}/api/users/me", headers=headers, timeout=10)
    score: int | None = reply.json().get("score")
    return score
