"""Which PostgreSQL server the board is read from."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from app.contract import keys
from app.contract.standings import Board
from tests.support.replica import CAUGHT_UP_SECONDS, Pair, readers_of_users
from tests.support.services import Services
from tests.support.waiting import await_true


def read_by(services: Services, read: Callable[[], Any]) -> set[int | None]:
    """Clear the caches and read; returns the ports of the servers that were read."""
    services.local_board.clear()
    services.redis.delete(keys.CACHED_BOARD, keys.BOARD_LEASE)
    with readers_of_users() as ports:
        read()
    return set(ports)


def await_replica(services: Services, pair: Pair) -> None:
    """Return when the board is read from the replica."""
    top, port = services.leaderboard.top, pair.replica.port
    await_true(lambda: read_by(services, top) == {port}, CAUGHT_UP_SECONDS)


def scores(board: Board) -> list[tuple[str, int]]:
    return [(row.display_name, row.score) for row in board.rows]
