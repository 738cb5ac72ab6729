"""Fixtures: one PostgreSQL and two Valkeys a run, fresh databases, and one running system."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from unittest.mock import patch

import pytest

from app.composition import Services, build_services
from config.settings import load_settings
from tests.environment import base_environment
from tests.servers import DatabaseServer, Stores, database_server, empty, redis_server
from tests.system.running import RunningSystem
from tools.embedded import EmbeddedValkey


@pytest.fixture(scope="session")
def postgres() -> Iterator[DatabaseServer]:
    """The run's PostgreSQL."""
    # Not in pytest's own folder, which another run closes to the user that PostgreSQL runs as.
    with (
        TemporaryDirectory(prefix="scoreboard-") as folder,
        database_server(Path(folder)) as server,
    ):
        yield server


@pytest.fixture(scope="session")
def valkey() -> Iterator[EmbeddedValkey]:
    """The Valkey of tests without processes; a running system has its own."""
    with TemporaryDirectory(prefix="scoreboard-") as folder, redis_server(Path(folder)) as server:
        yield server


@pytest.fixture
def stores(postgres: DatabaseServer, valkey: EmbeddedValkey) -> Stores:
    """A migrated database without rows and an empty Redis."""
    empty(valkey.url)
    return Stores(postgres.create(), valkey.url)


@pytest.fixture
def make_services(stores: Stores) -> Iterator[Callable[..., Services]]:
    """Builds the services of one process over the test's stores; settings by variable name."""
    built: list[Services] = []

    def make(**variables: str) -> Services:
        places = {"DATABASE_URL": stores.database_url, "REDIS_URL": stores.redis_url}
        with patch.dict("os.environ", base_environment() | places | variables):
            built.append(build_services(load_settings()))
        return built[-1]

    yield make
    for services in built:
        services.close()


@pytest.fixture
def services(make_services: Callable[..., Services]) -> Services:
    """The services of one process over empty stores."""
    return make_services()


@pytest.fixture(scope="session")
def running_system(
    postgres: DatabaseServer, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[RunningSystem]:
    """Real processes, as the Procfile starts them, for tests that can share one."""
    with redis_server(tmp_path_factory.mktemp("system-valkey")) as server:
        stores = Stores(postgres.create(), server.url)
        with RunningSystem(stores, tmp_path_factory.mktemp("system")) as system:
            yield system
