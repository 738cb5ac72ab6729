"""Fixtures: one PostgreSQL and two Valkeys per run, new databases, and a running system."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from unittest.mock import patch

import pytest
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from app.concurrency.garbage_collection import making_permanent_objects
from config.settings import load_settings
from tests.schedule import longest_first
from tests.support.environment import base_environment
from tests.support.servers import (
    DatabaseServer,
    Stores,
    database_server,
    empty,
    redis_server,
    store_folder,
)
from tests.support.services import Services, build_services, services_in
from tests.support.system.harness import SystemHarness
from tools.local.embedded import EmbeddedValkey


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Generator[None, object, object]:
    with making_permanent_objects():
        return (yield)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    items[:] = longest_first(items)


def pytest_make_parametrize_id(val: object, argname: str) -> str | None:
    """Leave bytes out of the names of tests.

    Each pytest worker collects the tests by itself, and all names have to be the same; bytes may be
    masked with a random key or hold the time.
    """
    return argname if isinstance(val, bytes) else None


@pytest.fixture(scope="session", autouse=True)
def _each_private_key_checked_once() -> Iterator[None]:
    """The check takes 50 ms, and the settings of a run have one key hundreds of times."""
    with patch("config.rsa_keys.load_pem_private_key", cache(load_pem_private_key)):
        yield


@pytest.fixture(scope="session")
def postgres() -> Iterator[DatabaseServer]:
    """The PostgreSQL of this run."""
    with store_folder() as folder, database_server(folder) as server:
        yield server


@pytest.fixture(scope="session")
def valkey() -> Iterator[EmbeddedValkey]:
    """The Valkey of tests without a running system, which has its own."""
    with TemporaryDirectory(prefix="scoreboard-") as folder, redis_server(Path(folder)) as server:
        yield server


@pytest.fixture
def stores(postgres: DatabaseServer, valkey: EmbeddedValkey) -> Iterator[Stores]:
    """A migrated database without rows, and an empty Redis."""
    empty(valkey.url)
    database_url = postgres.create()
    yield Stores(database_url, valkey.url)
    postgres.drop(database_url)


@pytest.fixture
def make_services(stores: Stores) -> Iterator[Callable[..., Services]]:
    """Builds services over the stores of the test; settings by variable name."""
    built: list[Services] = []

    def make(**variables: str) -> Services:
        urls = {"DATABASE_URL": stores.database_url, "REDIS_URL": stores.redis_url}
        with patch.dict("os.environ", base_environment() | urls | variables):
            built.append(build_services(load_settings()))
        return built[-1]

    yield make
    for services in built:
        services.close()


@pytest.fixture
def services(make_services: Callable[..., Services]) -> Services:
    """The services over empty stores, with default settings."""
    return make_services()


@pytest.fixture(scope="session")
def shared_services(postgres: DatabaseServer, valkey: EmbeddedValkey) -> Iterator[Services]:
    """Services over stores that several tests use: for tests that write nothing."""
    urls = {"DATABASE_URL": postgres.create(), "REDIS_URL": valkey.url}
    with services_in(base_environment() | urls) as built:
        yield built


@pytest.fixture(scope="session")
def running_system(
    postgres: DatabaseServer, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[SystemHarness]:
    """Real processes, as the Procfile starts them, shared by all tests of a run."""
    with redis_server(tmp_path_factory.mktemp("system-valkey")) as server:
        stores = Stores(postgres.create(), server.url)
        folder, two = tmp_path_factory.mktemp("system"), {"WEB_WORKERS": "2"}
        with SystemHarness(stores, folder, variables=two) as system:
            yield system
