"""Fixtures: a system with the sample boards and players on them, one for each module."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.browser.boards.sample_boards import RACE, create_boards, report
from tests.browser.conftest import system_with
from tests.support.servers import DatabaseServer
from tests.support.services import Services, services_in
from tests.support.system.harness import SystemHarness
from tests.support.system.player import Player


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
def players(system: SystemHarness, services: Services) -> list[Player]:
    """Three players with 300, 200 and 100 points in the quiz, and the opposite in the race."""
    create_boards(services)
    found = [system.register(name) for name in ("Ada", "Bea", "Cem")]
    for number, player in enumerate(found):
        report(services, player, 300 - 100 * number)
        report(services, player, 50 + 10 * number, RACE.key)
    return found
