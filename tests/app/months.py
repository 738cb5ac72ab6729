"""A ledger whose months are where a test wants them, with points made long ago."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

from sqlalchemy import text

from app.composition import Services
from app.stores.months import later, month_of
from tests.app.people import Person


def month(months: int) -> datetime:
    """The month that is so many after the present one."""
    return later(month_of(datetime.now(UTC)), months)


def lay_out(services: Services, ends: Sequence[datetime]) -> None:
    """Only these partitions, without actions: the first from the beginning, and the default."""
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


def play_at(services: Services, person: Person, moments: Sequence[datetime]) -> None:
    """A point at each of these moments, as if made then."""
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


def where(services: Services, person: Person) -> list[tuple[str, int, int]]:
    """Partition, points and score of each action of the player, in their order."""
    with services.database.reading() as connection:
        rows = connection.execute(
            text(
                "SELECT tableoid::regclass::text, points, score_after FROM actions"
                " WHERE user_id = :id ORDER BY created_at, id"
            ),
            {"id": person.user_id},
        )
        return [(row[0], row[1], row[2]) for row in rows]
