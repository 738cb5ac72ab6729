"""Fixtures: a system with 120 finalists, one for each module."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.browser.conftest import system_with
from tests.browser.contest.sample_finals import insert_finalists
from tests.support.servers import DatabaseServer
from tests.support.services import Services, services_in
from tests.support.system.harness import SystemHarness


@pytest.fixture(scope="module")
def system(
    postgres: DatabaseServer, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[SystemHarness]:
    yield from system_with(postgres, tmp_path_factory, {})


@pytest.fixture(scope="module")
def services(system: SystemHarness) -> Iterator[Services]:
    with services_in(system.environment()) as opened:
        yield opened


@pytest.fixture(scope="module")
def finalists(services: Services) -> list[str]:
    return insert_finalists(services)
