"""Fixtures of the broadcaster's tests."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.support.broadcaster.harness import BroadcasterHarness, running_broadcaster
from tests.support.servers import DatabaseServer, Stores, redis_server
from tools.local.embedded import EmbeddedValkey


@pytest.fixture(scope="session")
def broadcaster(
    postgres: DatabaseServer, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[BroadcasterHarness]:
    """A broadcaster with default settings, shared by all tests."""
    with redis_server(tmp_path_factory.mktemp("valkey")) as server:
        stores = Stores(postgres.create(), server.url)
        with running_broadcaster(stores, tmp_path_factory.mktemp("broadcaster")) as shared:
            yield shared


@pytest.fixture
def own_valkey(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedValkey]:
    with redis_server(tmp_path_factory.mktemp("valkey")) as server:
        yield server


@pytest.fixture
def own_broadcaster(
    postgres: DatabaseServer, own_valkey: EmbeddedValkey, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[BroadcasterHarness]:
    """A broadcaster with a Redis that nothing else uses."""
    stores = Stores(postgres.create(), own_valkey.url)
    with running_broadcaster(stores, tmp_path_factory.mktemp("broadcaster")) as broadcaster:
        yield broadcaster
