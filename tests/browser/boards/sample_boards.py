"""Boards of a sample evening: a quiz with weeks and days, and a race for the lowest time."""

from __future__ import annotations

from datetime import UTC, datetime

from sqlalchemy import text

from app.audit.audited_change import Initiator
from app.boards.board import BoardSettings
from tests.support.service_acts import act_id
from tests.support.services import Services
from tests.support.system.player import Player


def _zone_at_noon() -> str:
    """A time zone in which it is noon now, so that no day or week ends during the tests."""
    # The sign in the names is the opposite of the offset's.
    return f"Etc/GMT{datetime.now(UTC).hour - 12:+d}"


OPERATOR = Initiator("operator:test", "a test")
QUIZ = BoardSettings(
    "quiz-night",
    "Quiz night at the old town library",
    min_points=-1000,
    max_points=1000,
    periods=("all", "day", "week", "month"),
    time_zone=_zone_at_noon(),
)
RACE = BoardSettings("race", "Race", better="low", combine="best", min_points=0, max_points=100_000)


def create_boards(services: Services) -> None:
    """Create both boards, as if they had existed for a year."""
    for settings in (QUIZ, RACE):
        services.boards.create(OPERATOR, settings)
    with services.database.transaction() as connection:
        connection.execute(text("UPDATE boards SET created_at = now() - interval '1 year'"))


def report(services: Services, player: Player, points: int, board: str = QUIZ.key) -> None:
    """Count one act of the player, as its game server does."""
    act = {"id": act_id(), "userId": player.user_id, "board": board, "points": points}
    (answer,) = services.service_scores.count((board,), [act])
    assert answer.as_json()["status"] == "counted"
