"""Boards and acts for the tests of scores from a trusted server."""

from __future__ import annotations

import itertools
import secrets
import time
import uuid
from datetime import UTC, datetime
from typing import Any

from app.audit.audited_change import Initiator
from app.boards.board import Board, BoardSettings
from app.contract.standings import PeriodKind
from tests.support.players import Person
from tests.support.services import Services

OPERATOR = Initiator("operator:test", "a test")


_numbers = itertools.count()


def act_id(milliseconds_ago: int = 0) -> str:
    """A UUIDv7 of that time, greater than those made before for the same time."""
    issued_at = int(time.time() * 1000) - milliseconds_ago
    number = next(_numbers) % 4096
    value = issued_at << 80 | 7 << 76 | number << 64 | 0b10 << 62 | secrets.randbits(62)
    return str(uuid.UUID(int=value))


def zone_at_noon() -> str:
    """A time zone in which it is about noon, so that no period of a board ends during a test."""
    # The sign is inverted: Etc/GMT-2 is two hours ahead of UTC.
    return f"Etc/GMT{datetime.now(UTC).hour - 12:+d}"


def create_board(services: Services, key: str = "quiz", **settings: Any) -> Board:
    """A board for services with points from 0 to 1,000, unless the settings say otherwise."""
    given = {"min_points": 0, "max_points": 1000} | settings
    return services.boards.create(OPERATOR, BoardSettings(key, key.title(), **given))


def act(person: Person, points: int, board: str = "quiz", **fields: Any) -> dict[str, Any]:
    """An act as a service sends it, with a new id unless one is given."""
    return {"id": act_id(), "userId": person.user_id, "board": board, "points": points} | fields


def count(services: Services, *acts: Any, boards: tuple[str, ...] = ("quiz",)) -> list[Any]:
    """The answers to one call, as clients get them."""
    return [each.as_json() for each in services.service_scores.count(boards, acts)]


def statuses(services: Services, *acts: Any, boards: tuple[str, ...] = ("quiz",)) -> list[str]:
    """What became of the acts of one call."""
    return [answer["status"] for answer in count(services, *acts, boards=boards)]


def rows(
    services: Services, board: Board, kind: PeriodKind | None = None
) -> list[tuple[int, str, int]]:
    """(rank, user id, score) of the present period, from the top; by default of the first kind."""
    standings = services.standings
    page = standings.top(board, standings.period(board, kind, None), 100)
    return [(row.rank, row.user_id, row.score) for row in page.rows]
