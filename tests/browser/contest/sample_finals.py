"""A contest of a few named players and many others: scores before a freeze, and hidden ones."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

from sqlalchemy import text

from app.audit.audited_change import Initiator
from app.boards.board import BoardSettings
from app.boards.clock import ClockChange
from tests.browser.sample_contest import PLAYERS
from tests.support.service_acts import act_id
from tests.support.services import Services

OPERATOR = Initiator("operator:test", "a test")
TITLE = "Finals of the winter cup"
OTHERS = 108
NAMES = [name for name, _ in PLAYERS.values()]
_INSERT = text(
    "INSERT INTO users (id, username, display_name, password_hash)"
    " SELECT gen_random_uuid(), 'finalist_' || number, name, '' FROM"
    " unnest(CAST(:names AS text[])) WITH ORDINALITY AS given (name, number)"
    " RETURNING id::text"
)


def create_finals(services: Services, key: str, times: ClockChange | None = None) -> str:
    """A board of this key that a judge scores on; returns the key."""
    settings = BoardSettings(key, TITLE, min_points=0, max_points=100_000)
    services.boards.create(OPERATOR, settings, times)
    return key


def insert_finalists(services: Services) -> list[str]:
    """The ids of 120 players without passwords, the named ones first."""
    names = [*NAMES, *(f"Team {number}" for number in range(1, OTHERS + 1))]
    with services.database.transaction() as connection:
        return [user_id for (user_id,) in connection.execute(_INSERT, {"names": names})]


def score(services: Services, key: str, points: Mapping[str, int]) -> None:
    """Count one act of each player, by the user's id."""
    acts = [
        {"id": act_id(), "userId": user_id, "board": key, "points": each}
        for user_id, each in points.items()
    ]
    for answer in services.service_scores.count((key,), acts):
        assert answer.as_json()["status"] == "counted"


def play_finals(services: Services, key: str, finalists: list[str]) -> None:
    """Freeze the board after the first scores, and hide four acts.

    The last one climbs from rank 120 to 83. The 12th climbs to the third place, the third to the
    first, and the first adds points without climbing back.
    """
    score(services, key, {user: 1210 - 10 * rank for rank, user in enumerate(finalists, 1)})
    services.boards.edit(OPERATOR, key, times={"freezes_at": "now"})
    score(services, key, {finalists[119]: 371, finalists[11]: 95, finalists[2]: 33})
    score(services, key, {finalists[0]: 6})


def after(**delta: int) -> datetime:
    """That long from now."""
    return datetime.now(UTC) + timedelta(**delta)
