"""A system with more players than a page of the standings has rows."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from bench.full_board import fill_board
from tests.support.servers import DatabaseServer, Stores, redis_server
from tests.support.system.harness import SystemHarness

PLAYERS = 60


@pytest.fixture(scope="module")
def crowded(
    postgres: DatabaseServer, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[SystemHarness]:
    """A system with PLAYERS players filled_1 (2 points) to filled_60 (61 points)."""
    with redis_server(tmp_path_factory.mktemp("valkey")) as server:
        stores = Stores(postgres.create(), server.url)
        fill_board(stores.database_url, PLAYERS)
        with SystemHarness(stores, tmp_path_factory.mktemp("system")) as system:
            yield system
