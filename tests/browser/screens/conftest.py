"""Systems for the pictures, which only `make screens` starts. All files here share them."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from bench.full_board import fill_board
from tests.browser.boards.sample_boards import RACE, create_boards, report
from tests.browser.conftest import system_with
from tests.browser.sample_contest import play_sample_contest
from tests.support.servers import DatabaseServer, Stores, redis_server
from tests.support.service_acts import create_board
from tests.support.services import Services, services_in
from tests.support.system.harness import SystemHarness
from tests.support.system.player import Player

SITE = "http://scores.example:8000"


@pytest.fixture(scope="session")
def empty_system(
    postgres: DatabaseServer, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[SystemHarness]:
    """A system without points, that phones reach at SITE."""
    yield from system_with(postgres, tmp_path_factory, {"ALLOWED_ORIGINS": f"{SITE},*"})


@pytest.fixture(scope="session")
def contest(
    postgres: DatabaseServer, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[SystemHarness]:
    """A system with a full board: long names, several scripts and equal scores."""
    settings = {"INCREMENT_LIMIT": "60 per minute", "FRAUD_RAPID_MAX": "100"}
    for system in system_with(postgres, tmp_path_factory, settings):
        play_sample_contest(system)
        yield system


@pytest.fixture(scope="session")
def crowded(
    postgres: DatabaseServer, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[SystemHarness]:
    """A system with 2,000 players, the default limits and a fraud rule that is easy to break."""
    settings = {"INCREMENT_LIMIT": "2 per minute", "FRAUD_RAPID_MAX": "8"}
    with redis_server(tmp_path_factory.mktemp("valkey")) as server:
        stores = Stores(postgres.create(), server.url)
        fill_board(stores.database_url, 2_000)
        folder = tmp_path_factory.mktemp("system")
        with SystemHarness(stores, folder, variables=settings) as system:
            yield system


@pytest.fixture(scope="session")
def board_evening(
    postgres: DatabaseServer, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[SystemHarness, list[Player]]]:
    """A system with boards beside `main`: two with 14 players, one with three, one for players."""
    for system in system_with(postgres, tmp_path_factory, {"ALLOWED_ORIGINS": f"{SITE},*"}):
        with services_in(system.environment()) as services:
            create_boards(services)
            create_board(services, "duel")
            create_board(services, "clicks", scored_by="players", min_points=1, max_points=1)
            players = [system.register(f"Player of Table {number}") for number in range(14)]
            for number, player in enumerate(players):
                report(services, player, 990 - 61 * number)
                report(services, player, 41_250 + 317 * number**2, RACE.key)
            long_name = "Wolfeschlegelsteinhausenbergerdorff, Hubert Blaine"
            for player in (*players[:2], system.register(long_name)):
                report(services, player, 7, "duel")
            yield system, players


@pytest.fixture(scope="session")
def services(contest: SystemHarness) -> Iterator[Services]:
    """The services of `contest`, as operators' commands use them."""
    with services_in(contest.environment()) as opened:
        yield opened
