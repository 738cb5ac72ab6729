"""Fixtures: a system with the sample boards and players on them, one for each module."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest

from tests.browser.boards.framing_site import FramingSite
from tests.browser.boards.sample_boards import RACE, create_boards, report
from tests.browser.conftest import system_with
from tests.support.servers import DatabaseServer
from tests.support.services import Services, services_in
from tests.support.system.harness import SystemHarness
from tests.support.system.player import Player


@pytest.fixture(scope="module")
def players(system: SystemHarness, services: Services) -> list[Player]:
    """Three players with 300, 200 and 100 points in the quiz, and the opposite in the race."""
    create_boards(services)
    found = [system.register(name) for name in ("Ada", "Bea", "Cem")]
    for number, player in enumerate(found):
        report(services, player, 300 - 100 * number)
        report(services, player, 50 + 10 * number, RACE.key)
    return found


@pytest.fixture(scope="module")
def site() -> Iterator[FramingSite]:
    site = FramingSite()
    thread = threading.Thread(target=site.server.serve_forever)
    thread.start()
    yield site
    site.server.shutdown()
    thread.join()
    site.server.server_close()


@pytest.fixture(scope="module")
def evening(
    postgres: DatabaseServer, tmp_path_factory: pytest.TempPathFactory, site: FramingSite
) -> Iterator[tuple[SystemHarness, list[Player]]]:
    """A system whose boards a page of the site may frame, with three players on the quiz."""
    variables = {"EMBED_ORIGINS": site.origin}
    for system in system_with(postgres, tmp_path_factory, variables):
        with services_in(system.environment()) as services:
            create_boards(services)
            players = [system.register(f"Player {number}") for number in range(3)]
            for number, player in enumerate(players):
                report(services, player, 30 - 10 * number)
        yield system, players
