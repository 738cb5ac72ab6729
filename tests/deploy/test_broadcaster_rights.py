"""The broadcaster works with a database user that can only read, as docs/deploy.md sets it up."""

from __future__ import annotations

import signal
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import psycopg2
import pytest

from tests.support.environment import without_api_secrets
from tests.support.servers import DatabaseServer, Stores, redis_server
from tests.support.system.harness import SystemHarness, await_health
from tests.support.system.player import Player
from tests.support.system.viewer import ViewerClient
from tests.support.waiting import await_true
from tools.local.processes import end, spawn

pytestmark = pytest.mark.slow
ROLE = "scoreboard-broadcaster"


@pytest.fixture
def system(postgres: DatabaseServer, tmp_path: Path) -> Iterator[SystemHarness]:
    with redis_server(tmp_path / "valkey") as server:
        stores = Stores(postgres.create(), server.url)
        with SystemHarness(stores, tmp_path, broadcasters=0) as running:
            yield running


@pytest.fixture
def reader_url(system: SystemHarness) -> str:
    """The database's URL for a user with the role of docs/deploy.md."""
    url = system.stores.database_url
    with closing(psycopg2.connect(url)) as connection, connection, connection.cursor() as cursor:
        cursor.execute(f"""CREATE ROLE "{ROLE}" LOGIN PASSWORD 'only-reads'""")
        cursor.execute(f"""GRANT pg_read_all_data TO "{ROLE}" """)
    return f"postgresql://{ROLE}:only-reads@{url.partition('@')[2]}"


def test_a_point_and_a_logout_reach_its_viewers(
    system: SystemHarness, reader_url: str, tmp_path: Path
) -> None:
    variables = without_api_secrets(system.environment()) | {"DATABASE_URL": reader_url}
    log_file = tmp_path / "reading.log"
    with log_file.open("wb") as output:
        process = spawn([sys.executable, "-m", "broadcaster"], output=output, environment=variables)
    try:
        await_health(f"http://127.0.0.1:{system.broadcaster_port}")
        player = Player.register(system.url)
        with ViewerClient(system.websocket_url, player.access_token) as viewer:
            version = player.score_point()["boardVersion"]
            assert viewer.await_board(version, 10)["leaderboard"][0]["score"] == 1
            assert player.call("POST", "/auth/logout").ok
            await_true(lambda: viewer.closed_with == 4401, 20)
    finally:
        end(process, (signal.SIGTERM, 10))
    assert '"level": "error"' not in log_file.read_text()
    with (
        closing(psycopg2.connect(reader_url)) as connection,
        connection.cursor() as cursor,
        pytest.raises(psycopg2.errors.InsufficientPrivilege),
    ):
        cursor.execute("UPDATE users SET score = 1000")
