"""A ledger with the partitions that a test needs, and points that were scored long ago."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

from sqlalchemy import text

from app.ledger.months import add_months, month_of
from tests.support.players import Person
from tests.support.services import Services


def month(months: int) -> datetime:
    """The first moment of the month that is this number of months after the current one."""
    return add_months(month_of(datetime.now(UTC)), months)


def replace_partitions(services: Services, ends: Sequence[datetime]) -> None:
    """Replace all partitions by empty ones with these ends; the first has no lower bound."""
    begin = "MINVALUE"
    with services.database.transaction() as connection:
        for partition in services.partitions.overview().partitions:
            connection.execute(text(f"DROP TABLE {partition.name}"))
        for number, end in enumerate(ends):
            connection.exec_driver_sql(
                f"CREATE TABLE actions_part_{number} PARTITION OF actions"
                f" FOR VALUES FROM ({begin}) TO ('{end}')"
            )
            begin = f"'{end}'"


def score_at(services: Services, person: Person, moments: Sequence[datetime]) -> None:
    """Score a point at each of these times, in the past."""
    with services.database.transaction() as connection:
        for moment in moments:
            connection.execute(
                text(
                    "WITH action AS ("
                    " INSERT INTO actions (user_id, issued_at, nonce, points, score_after,"
                    " created_at) SELECT id, :at, gen_random_uuid(), 1, score + 1, :at"
                    " FROM users WHERE id = :id RETURNING id, score_after, created_at)"
                    " UPDATE users SET score = score_after, revision = revision + 1,"
                    " reached_at = action.created_at, reached_action_id = action.id,"
                    " changed_at = now() FROM action WHERE users.id = :id"
                ),
                {"id": person.user_id, "at": moment},
            )


def actions_of(services: Services, person: Person) -> list[tuple[str, int, int]]:
    """Partition, points and resulting score of each action of the player, the oldest first."""
    with services.database.reading() as connection:
        rows = connection.execute(
            text(
                "SELECT tableoid::regclass::text, points, score_after FROM actions"
                " WHERE user_id = :id ORDER BY created_at, id"
            ),
            {"id": person.user_id},
        )
        return [(row[0], row[1], row[2]) for row in rows]
