"""Fixtures: the running system's API, and a witness that nothing changes."""

from __future__ import annotations

from collections.abc import Iterator

import psycopg2
import pytest
from psycopg2 import extensions

from tests.app.http.asking import Api
from tests.system.player import Player
from tests.system.running import RunningSystem

_DIGEST = "SELECT '{0}', count(*), md5(string_agg({0}::text, '' ORDER BY id)) FROM {0}"
_ROWS = " UNION ALL ".join(_DIGEST.format(table) for table in ("users", "sessions", "actions"))


@pytest.fixture(scope="session")
def api(running_system: RunningSystem) -> Api:
    """The API of the system that tests share."""
    return Api(running_system.url)


@pytest.fixture(scope="session")
def database(running_system: RunningSystem) -> Iterator[extensions.connection]:
    """A connection, in autocommit, to what the system that tests share has stored."""
    connection = psycopg2.connect(running_system.stores.database_url)
    connection.autocommit = True
    yield connection
    connection.close()


@pytest.fixture
def player(running_system: RunningSystem) -> Player:
    """An account of the test's own, logged in."""
    return running_system.register()


@pytest.fixture
def changes_nothing(database: extensions.connection, player: Player, api: Api) -> Iterator[None]:
    """Fails a test after which a row of the database or the board is not what it was before."""

    def state() -> tuple[object, object]:
        board = api.get("/api/leaderboard?limit=100").json()["leaderboard"]
        with database.cursor() as cursor:
            cursor.execute(_ROWS)
            return cursor.fetchall(), board

    before = state()
    yield
    assert state() == before
