"""The leaders' scores over time: true at every point, reduced, and at a bounded cost."""

from __future__ import annotations

import random
from bisect import bisect_right
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import Connection, event, text
from sqlalchemy.engine import Engine

from app.audit.audited_change import Initiator
from app.contract.standings import Series
from app.leaderboard import history_rows
from app.ledger import action_rows
from app.storage.database import Database, connect_unpooled
from tests.support.players import Person
from tests.support.services import Services

pytestmark = pytest.mark.slow

HOUR = timedelta(hours=1)
_PAST_ACTIONS = text(
    "INSERT INTO actions (user_id, issued_at, nonce, points, score_after, created_at)"
    " SELECT :user_id, made, gen_random_uuid(), 1, n, made"
    " FROM generate_series(1, :actions) AS n, LATERAL"
    " (SELECT now() - make_interval(secs => :seconds * (1 - n / (:actions + 1.0))) AS made) AS m"
)
_SCORE = text(
    "UPDATE users SET score = :actions, reached_at = now(), reached_action_id = 1"
    " WHERE id = :user_id"
)


def without_deadline(services: Services) -> Database:
    """The same database without the deadline of requests, for a busy test machine."""
    return connect_unpooled(services.settings.database_url, 60)


def with_past(services: Services, actions: int, since: timedelta) -> Person:
    """A player with this number of points, spread evenly over the last `since`."""
    person = Person.register(services)
    with without_deadline(services).transaction() as connection:
        values = {"user_id": person.user_id, "actions": actions, "seconds": since.total_seconds()}
        connection.execute(_PAST_ACTIONS, values)
        connection.execute(_SCORE, {"user_id": person.user_id, "actions": actions})
    return person


def read(services: Services, since: timedelta) -> tuple[int, int, tuple[Series, ...]]:
    """Begin and end in µs, and the series between them."""
    with without_deadline(services).reading() as connection:
        until = action_rows.now(connection)
        begin = until - int(since.total_seconds() * 1_000_000)
        return begin, until, history_rows.series(connection, begin, until, 10)


def truth(services: Services, person: Person) -> tuple[list[int], list[int]]:
    """When the player's score changed, in µs, and the scores from each change on."""
    with services.database.reading() as connection:
        rows = connection.execute(
            text(
                "SELECT (extract(epoch FROM created_at) * 1000000)::bigint, score_after"
                " FROM actions WHERE user_id = :user_id ORDER BY created_at, id"
            ),
            {"user_id": person.user_id},
        ).all()
    return [row[0] for row in rows], [0, *(row[1] for row in rows)]


def test_every_point_is_true_and_no_bucket_is_missing(services: Services) -> None:
    chance = random.Random(5)
    people = {
        person.user_id: person
        for actions in (1, 40, 900, 1500)
        for person in [with_past(services, actions, HOUR * chance.uniform(0.2, 3))]
    }
    begin, until, found = read(services, HOUR)
    assert [series.points[-1].score for series in found] == [1500, 900, 40, 1]
    for series in found:
        times, scores = truth(services, people[series.standing.user_id])
        points = series.points
        assert (points[0].at, points[-1].at) == (begin, until)
        assert [p.at for p in points] == sorted(p.at for p in points)
        assert len(points) <= history_rows.POINTS
        assert [p.score for p in points] == [scores[bisect_right(times, p.at)] for p in points]
        width = (until - begin) / history_rows.BUCKETS
        for bucket in range(history_rows.BUCKETS):
            edge = begin + (bucket + 1) * width
            shown = [point.score for point in points[:-1] if point.at <= edge]
            # An edge between two µs may be rounded up or down.
            assert shown[-1] in {scores[bisect_right(times, edge + d)] for d in (-1, 0, 1)}


def test_revoked_points_disappear_from_the_series(services: Services) -> None:
    person = Person.register(services)
    person.score(3)
    assert services.moderation.revoke_points(
        Initiator("operator:x", "a script"), person.user_id
    ).done
    Person.register(services).score(2)
    person.score(1)
    _, _, (first, second) = read(services, HOUR)
    assert (first.standing.rank, first.standing.score) == (1, 2)
    assert second.standing.user_id == person.user_id
    times, scores = truth(services, person)
    assert scores == [0, 1, 2, 3, 0, 1]
    # Buckets of an hour are 18 s long, so the fall of the score needs a shorter span.
    with services.database.reading() as connection:
        begin, until = times[0] - 1, times[-1] + 1
        _, series = history_rows.series(connection, begin, until, 10)
    assert [point.score for point in series.points if point.at == times[3]] == [0]
    assert (series.points[0].score, series.points[-1].score) == (0, 1)


def test_banned_players_have_no_series_and_equal_scores_are_ordered_as_on_the_board(
    services: Services,
) -> None:
    banned, late, early = (Person.register(services) for _ in range(3))
    banned.score(5)
    for person in (early, late):
        person.score(2)
    services.moderation.ban(Initiator("operator:x", "cheats"), banned.user_id)
    _, _, found = read(services, HOUR)
    assert [(s.standing.rank, s.standing.user_id) for s in found] == [
        (1, early.user_id),
        (1, late.user_id),
    ]


def rows_read(plan: dict[str, Any]) -> float:
    """Rows that the scans of actions in the plan read, over all loops."""
    own = 0.0
    if plan.get("Relation Name", "").startswith("actions"):
        own = (plan["Actual Rows"] + plan.get("Rows Removed by Filter", 0)) * plan["Actual Loops"]
    return own + sum(rows_read(part) for part in plan.get("Plans", ()))


@pytest.mark.parametrize("span", [timedelta(minutes=1), HOUR, timedelta(days=300)])
def test_the_number_of_rows_read_does_not_grow_with_the_number_of_actions(
    services: Services, span: timedelta
) -> None:
    leaders = 3
    for number in range(leaders):
        with_past(services, 5_000 + number, HOUR)
    explained: list[float] = []

    def explain(
        connection: Connection, _cursor: object, statement: str, values: Any, *_: object
    ) -> None:
        if "generate_series" in statement and not statement.startswith("EXPLAIN"):
            (plan,) = connection.exec_driver_sql(
                f"EXPLAIN (ANALYZE, FORMAT JSON) {statement}", values
            ).one()
            explained.append(rows_read(plan[0]["Plan"]))

    with without_deadline(services).reading() as connection:
        connection.execute(text("ANALYZE actions, users"))
    event.listen(Engine, "before_cursor_execute", explain)
    try:
        read(services, span)
    finally:
        event.remove(Engine, "before_cursor_execute", explain)
    # Two per probe: the result, and one to see that no other row has the same µs.
    assert 0 < explained[0] <= leaders * 2 * history_rows.POINTS
