"""Fixtures: the shared system, and one with low limits."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.security.floods import LIMITS
from tests.support.api_harness import ApiHarness
from tests.support.api_requests import Api
from tests.support.servers import DatabaseServer, Stores, redis_server
from tests.support.system.harness import SystemHarness
from tests.support.system.player import Player


@pytest.fixture(scope="session")
def api(running_system: SystemHarness) -> Api:
    """The API of the shared system."""
    return Api(running_system.url)


@pytest.fixture(scope="session")
def broadcaster(running_system: SystemHarness) -> Api:
    """The broadcaster over HTTP."""
    return Api(f"http://127.0.0.1:{running_system.broadcaster_port}")


@pytest.fixture
def player(running_system: SystemHarness) -> Player:
    """A new account, logged in."""
    return running_system.register()


@pytest.fixture(scope="package")
def limited_system(
    postgres: DatabaseServer, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[SystemHarness]:
    """Two API processes with LIMITS, behind a proxy that they trust."""
    with redis_server(tmp_path_factory.mktemp("valkey")) as server:
        stores = Stores(postgres.create(), server.url)
        logs = tmp_path_factory.mktemp("logs")
        with ApiHarness(stores, logs, web_processes=2, variables=LIMITS) as running:
            yield running
