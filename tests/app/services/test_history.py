"""The leaders' scores over time: true at every point, thinned, and at a cost with a bound."""

from __future__ import annotations

import random
import threading
from bisect import bisect_right
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import Connection, event, text
from sqlalchemy.engine import Engine

from app.composition import Services
from app.contract.errors import DatabaseUnavailable
from app.contract.standings import Series
from app.services import history as service
from app.services.history import Histories
from app.services.moderation import Act
from app.stores import history, ledger
from app.stores.database import Database, connect_unpooled
from tests.app.people import Person

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


def patient(services: Services) -> Database:
    """The same database without a request's deadline, which a busy machine may miss here."""
    return connect_unpooled(services.settings.database_url, 60)


def with_past(services: Services, actions: int, since: timedelta) -> Person:
    """A player who made so many points, spread evenly over the time since then."""
    person = Person.register(services)
    with patient(services).transaction() as connection:
        values = {"user_id": person.user_id, "actions": actions, "seconds": since.total_seconds()}
        connection.execute(_PAST_ACTIONS, values)
        connection.execute(_SCORE, {"user_id": person.user_id, "actions": actions})
    return person


def read(services: Services, since: timedelta) -> tuple[int, int, tuple[Series, ...]]:
    """Begin and end in µs, and what the store has between them."""
    with patient(services).reading() as connection:
        until = ledger.now(connection)
        begin = until - int(since.total_seconds() * 1_000_000)
        return begin, until, history.series(connection, begin, until, 10)


def truth(services: Services, person: Person) -> tuple[list[int], list[int]]:
    """When the player's score changed, in µs, and what it was from then on."""
    with services.database.reading() as connection:
        rows = connection.execute(
            text(
                "SELECT (extract(epoch FROM created_at) * 1000000)::bigint, score_after"
                " FROM actions WHERE user_id = :user_id ORDER BY created_at, id"
            ),
            {"user_id": person.user_id},
        ).all()
    return [row[0] for row in rows], [0, *(row[1] for row in rows)]


def test_every_point_is_true_and_none_of_a_bucket_is_missing(services: Services) -> None:
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
        assert len(points) <= history.POINTS
        assert [p.score for p in points] == [scores[bisect_right(times, p.at)] for p in points]
        width = (until - begin) / history.BUCKETS
        for bucket in range(history.BUCKETS):
            edge = begin + (bucket + 1) * width
            shown = [point.score for point in points[:-1] if point.at <= edge]
            # An edge that falls between two µs may be rounded either way.
            assert shown[-1] in {scores[bisect_right(times, edge + d)] for d in (-1, 0, 1)}


def test_points_taken_back_are_seen_to_go(services: Services) -> None:
    person = Person.register(services)
    person.score(3)
    assert services.moderation.revoke_points(Act("operator:x", "a script"), person.user_id).done
    Person.register(services).score(2)
    person.score(1)
    _, _, (first, second) = read(services, HOUR)
    assert (first.standing.rank, first.standing.score) == (1, 2)
    assert second.standing.user_id == person.user_id
    times, scores = truth(services, person)
    assert scores == [0, 1, 2, 3, 0, 1]
    # An hour's buckets are 18 s long, so a closer look is needed to see the score go.
    with services.database.reading() as connection:
        begin, until = times[0] - 1, times[-1] + 1
        _, series = history.series(connection, begin, until, 10)
    assert [point.score for point in series.points if point.at == times[3]] == [0]
    assert (series.points[0].score, series.points[-1].score) == (0, 1)


def test_who_left_the_board_has_no_series_and_equals_stand_as_on_the_board(
    services: Services,
) -> None:
    banned, late, early = (Person.register(services) for _ in range(3))
    banned.score(5)
    for person in (early, late):
        person.score(2)
    services.moderation.ban(Act("operator:x", "cheats"), banned.user_id)
    _, _, found = read(services, HOUR)
    assert [(s.standing.rank, s.standing.user_id) for s in found] == [
        (1, early.user_id),
        (1, late.user_id),
    ]


def rows_read(plan: dict[str, Any]) -> float:
    """Rows that the plan's scans of actions gave, all loops together."""
    own = 0.0
    if plan.get("Relation Name", "").startswith("actions"):
        own = (plan["Actual Rows"] + plan.get("Rows Removed by Filter", 0)) * plan["Actual Loops"]
    return own + sum(rows_read(part) for part in plan.get("Plans", ()))


@pytest.mark.parametrize("span", [timedelta(minutes=1), HOUR, timedelta(days=300)])
def test_what_is_read_of_the_actions_does_not_grow_with_them(
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

    with patient(services).reading() as connection:
        connection.execute(text("ANALYZE actions, users"))
    event.listen(Engine, "before_cursor_execute", explain)
    try:
        read(services, span)
    finally:
        event.remove(Engine, "before_cursor_execute", explain)
    # Two of each probe: the one that is shown, and one to see that no other is of the same µs.
    assert 0 < explained[0] <= leaders * 2 * history.POINTS


@pytest.fixture
def readings(services: Services, monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """One entry for each time that PostgreSQL is asked."""
    found: list[int] = []
    series = history.series

    def counted(connection: Connection, since: int, *rest: int) -> tuple[Series, ...]:
        found.append(since)
        return series(connection, since, *rest)

    monkeypatch.setattr(history, "series", counted)
    return found


def test_a_thousand_readers_at_about_the_same_time_cost_a_reading_or_two(
    services: Services, readings: list[int]
) -> None:
    Person.register(services).score()
    barrier = threading.Barrier(20)
    # One bucket of an hour is 18 s, so the beginnings of 10 s are of two whole steps at most.
    begin = datetime.now(UTC) - HOUR

    def ask(number: int) -> None:
        barrier.wait()
        for turn in range(50):
            services.histories.since(begin + timedelta(milliseconds=10 * (number * 50 + turn)))

    with ThreadPoolExecutor(20) as pool:
        list(pool.map(ask, range(20)))
    assert 1 <= len(readings) <= 2
    assert all(begin.timestamp() - 18 < since / 1_000_000 for since in readings)


def test_a_new_version_is_read_after_a_second_at_most_and_the_same_one_is_kept(
    services: Services, readings: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    person, begin = Person.register(services), datetime.now(UTC) - HOUR
    person.score()
    first = services.histories.since(begin)
    person.score()
    assert services.histories.since(begin) is first
    monkeypatch.setattr(service, "BUSY_SECONDS", 0.0)
    second = services.histories.since(begin)
    assert second.version > first.version
    assert [series.points[-1].score for series in second.series] == [2]
    assert services.histories.since(begin) is second
    assert len(readings) == 2


def test_a_failed_reading_is_shared_and_the_next_one_tries_again(
    make_services: Callable[..., Services], monkeypatch: pytest.MonkeyPatch
) -> None:
    services = make_services()
    Person.register(services).score()
    histories = Histories(services.leaderboard._board_database, services.leaderboard)
    held, asked = threading.Event(), []

    def fail(*_: object) -> tuple[Series, ...]:
        asked.append(1)
        assert held.wait(10)
        raise DatabaseUnavailable

    begin = datetime.now(UTC) - HOUR
    with monkeypatch.context() as patched, ThreadPoolExecutor(3) as pool:
        patched.setattr(history, "series", fail)
        waiting = [pool.submit(histories.since, begin) for _ in range(3)]
        held.set()
        for each in waiting:
            assert isinstance(each.exception(10), DatabaseUnavailable)
    assert len(histories.since(begin).series) == 1
