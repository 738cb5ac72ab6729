"""Fixtures: one broadcaster that tests can share, and the making of others."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.broadcaster.stage import Stage, broadcaster_on
from tests.servers import DatabaseServer, Stores, redis_server


@pytest.fixture(scope="session")
def stage(postgres: DatabaseServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    """A broadcaster with the usual settings."""
    with redis_server(tmp_path_factory.mktemp("valkey")) as server:
        stores = Stores(postgres.create(), server.url)
        with broadcaster_on(stores, tmp_path_factory.mktemp("broadcaster")) as shared:
            yield shared
