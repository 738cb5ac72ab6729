"""Fixtures: relays in front of the running system, a board with a key, and short-lived tokens."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from tests.support.servers import DatabaseServer, Stores, redis_server
from tests.support.service_acts import OPERATOR, act_id, create_board, statuses
from tests.support.services import Services, services_in
from tests.support.system.harness import SystemHarness
from tests.support.system.relay import Relay

TOKEN_SECONDS = 8
"""Of short_tokens_system. A client has half of it to renew its token on a busy machine."""


@dataclass(frozen=True)
class Judge:
    """A board that only a service scores on, and its key."""

    board: str
    key: str


@pytest.fixture
def api_relay(running_system: SystemHarness) -> Iterator[Relay]:
    """In front of the API."""
    with Relay(running_system.ports[0]) as relay:
        yield relay


@pytest.fixture
def broadcaster_relay(running_system: SystemHarness) -> Iterator[Relay]:
    """In front of the broadcaster."""
    with Relay(running_system.broadcaster_port) as relay:
        yield relay


@pytest.fixture(scope="session")
def operator(running_system: SystemHarness) -> Iterator[Services]:
    """The services of the running system, as operators' commands use them."""
    with services_in(running_system.environment()) as services:
        yield services


@pytest.fixture
def judge(operator: Services) -> Judge:
    """A new board with a key for it."""
    board = f"quiz-{secrets.token_hex(4)}"
    create_board(operator, board)
    return Judge(board, operator.service_keys.create(OPERATOR, board, [board], None).text)


@dataclass(frozen=True)
class FrozenBoard:
    """A board on which a player has 10 points and 5 hidden ones."""

    key: str
    user_id: str
    services: Services

    def reveal(self) -> None:
        """Show the hidden points."""
        self.services.reveals.reveal(OPERATOR, self.key, "act", None)


@pytest.fixture
def frozen_board(operator: Services, running_system: SystemHarness) -> FrozenBoard:
    """A new board, frozen."""
    key = f"finals-{secrets.token_hex(4)}"
    create_board(operator, key)
    user_id = running_system.register().user_id

    def score(points: int) -> None:
        act = {"id": act_id(), "userId": user_id, "board": key, "points": points}
        assert statuses(operator, act, boards=(key,)) == ["counted"]

    score(10)
    operator.boards.edit(OPERATOR, key, times={"freezes_at": "now"})
    score(5)
    return FrozenBoard(key, user_id, operator)


@pytest.fixture(scope="session")
def short_tokens_system(
    postgres: DatabaseServer, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[SystemHarness]:
    """A system whose access tokens live for TOKEN_SECONDS."""
    with redis_server(tmp_path_factory.mktemp("valkey")) as server:
        stores = Stores(postgres.create(), server.url)
        variables = {"ACCESS_TOKEN_SECONDS": str(TOKEN_SECONDS)}
        with SystemHarness(
            stores, tmp_path_factory.mktemp("system"), variables=variables
        ) as system:
            yield system
