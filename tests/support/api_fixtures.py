"""Fixtures: the API of the running system, and a check that a test changes nothing."""

from __future__ import annotations

from collections.abc import Iterator

import psycopg2
import pytest
from psycopg2 import extensions

from tests.support.api_requests import Api
from tests.support.system.harness import SystemHarness
from tests.support.system.player import Player

_DIGEST = "SELECT '{0}', count(*), md5(string_agg({0}::text, '' ORDER BY id)) FROM {0}"
_ROWS = " UNION ALL ".join(_DIGEST.format(table) for table in ("users", "sessions", "actions"))


@pytest.fixture(scope="session")
def api(running_system: SystemHarness) -> Api:
    """The API of the shared system."""
    return Api(running_system.url)


@pytest.fixture(scope="session")
def database(running_system: SystemHarness) -> Iterator[extensions.connection]:
    """A connection in autocommit to the database of the shared system."""
    connection = psycopg2.connect(running_system.stores.database_url)
    connection.autocommit = True
    yield connection
    connection.close()


@pytest.fixture
def player(running_system: SystemHarness) -> Player:
    """A new account, logged in."""
    return running_system.register()


@pytest.fixture
def changes_nothing(database: extensions.connection, player: Player, api: Api) -> Iterator[None]:
    """Fail if the test changes a row of the database or the board."""

    def state() -> tuple[object, object]:
        board = api.get("/api/leaderboard?limit=100").json()["leaderboard"]
        with database.cursor() as cursor:
            cursor.execute(_ROWS)
            return cursor.fetchall(), board

    before = state()
    yield
    assert state() == before
