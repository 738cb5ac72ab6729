"""Old months are detached, and every sum, order and refusal stays correct."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import psycopg2
import pytest
from sqlalchemy import text

from app.audit.audited_change import Initiator
from app.contract.errors import TokenExpired, ValidationFailed
from app.ledger.partition_rows import SETTLED
from app.maintenance import ledger_check
from tests.support.ledger_months import actions_of, month, replace_partitions, score_at
from tests.support.players import Person
from tests.support.servers import Stores
from tests.support.services import Services
from tests.support.waiting import await_true, is_lock_awaited

pytestmark = pytest.mark.slow

OPERATOR = Initiator("operator:test", "because")
DAY = timedelta(days=1)


@pytest.fixture(autouse=True)
def _settle_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ledger_check, "SETTLE_SECONDS", 0.05)


@pytest.fixture
def people(services: Services) -> list[Person]:
    """Three players with points in four past months, one of them also in this month."""
    replace_partitions(services, [month(-4)])
    services.partitions.prepare(OPERATOR)
    made = [Person.register(services, f"Player {number}") for number in range(3)]
    for number, person in enumerate(made):
        moments = [month(ago) + (number + 1) * DAY for ago in (-5, -4, -3, -2)]
        score_at(services, person, moments)
    made[2].score(2)
    return made


def sound(services: Services) -> bool:
    services.reconciler.run_pass()
    return services.ledger_check.verify().sound


def board(services: Services) -> list[tuple[int, str, int]]:
    services.local_board.clear()
    services.redis.flushdb()
    return [(row.rank, row.display_name, row.score) for row in services.leaderboard.top().rows]


def name(ago: int) -> str:
    return f"actions_{month(ago):%Y_%m}"


def test_each_users_sum_is_carried_over_by_one_action_and_nothing_else_changes(
    services: Services, people: list[Person]
) -> None:
    before = board(services)
    assert before == [(1, "Player 2", 6), (2, "Player 0", 4), (2, "Player 1", 4)]
    done = services.partitions.detach(OPERATOR, month(-3))
    assert done.tables == ["actions_part_0_detached", f"{name(-4)}_detached"]
    assert done.carried == 3
    assert board(services) == before
    # The carried sum is the first action of the first month that stays.
    assert actions_of(services, people[0]) == [(name(-3), 2, 2), (name(-3), 1, 3), (name(-2), 1, 4)]
    assert sound(services)
    entry = services.moderation_reads.audit(limit=1)[0]
    assert (entry.act, entry.user_id, entry.reason) == ("detach-partitions", None, "because")
    assert entry.details["carried"] == 3


def test_detached_months_stay_as_plain_tables_with_every_action(
    services: Services, people: list[Person]
) -> None:
    services.partitions.detach(OPERATOR, month(-3))
    with services.database.reading() as connection:
        rows = connection.execute(text(f"SELECT sum(points) FROM {name(-4)}_detached"))
        assert rows.scalar_one() == 3
        connection.execute(text(f"DROP TABLE {name(-4)}_detached"))
    assert sound(services)


def test_a_carried_sum_is_carried_over_again(services: Services, people: list[Person]) -> None:
    for ago in (-4, -3, -2, -1):
        services.partitions.detach(OPERATOR, month(ago))
        assert sound(services)
    assert actions_of(services, people[0]) == [(name(-1), 4, 4)]
    assert actions_of(services, people[2])[0] == (name(-1), 4, 4)
    assert [score for _, _, score in board(services)] == [6, 4, 4]
    people[0].score()
    assert sound(services)


def test_detaching_again_does_nothing(services: Services, people: list[Person]) -> None:
    services.partitions.detach(OPERATOR, month(-3))
    assert services.partitions.detach(OPERATOR, month(-3)).tables == ()
    assert sound(services)


def test_a_sum_of_zero_is_not_carried_over(services: Services, people: list[Person]) -> None:
    with services.database.transaction() as connection:
        connection.execute(
            text(
                "INSERT INTO actions (user_id, issued_at, nonce, points, score_after, created_at)"
                " VALUES (:id, :at, gen_random_uuid(), -2, 0, :at)"
            ),
            {"id": people[0].user_id, "at": month(-4) + 20 * DAY},
        )
        connection.execute(
            text("UPDATE users SET score = score - 2 WHERE id = :id"), {"id": people[0].user_id}
        )
    assert services.partitions.detach(OPERATOR, month(-3)).carried == 2
    assert sound(services)


def test_a_wrong_score_stays_wrong_by_the_same_amount(
    services: Services, people: list[Person]
) -> None:
    with services.database.transaction() as connection:
        connection.execute(
            text("UPDATE users SET score = 40 WHERE id = :id"), {"id": people[1].user_id}
        )
    before = services.ledger_check.verify().ledger
    services.partitions.detach(OPERATOR, month(-2))
    assert services.ledger_check.verify().ledger == before
    assert [(found.recorded, found.expected) for found in before] == [(40, 4)]


def test_a_token_of_a_detached_month_is_expired_and_not_counted(
    services: Services, people: list[Person]
) -> None:
    services.partitions.detach(OPERATOR, month(-3))
    age = (datetime.now(UTC) - month(-4)) - 3 * DAY
    for _ in range(2):
        with pytest.raises(TokenExpired):
            token = people[0].aged_token(int(age.total_seconds() * 1000))
            services.scoring.increment(people[0].identity, token)
    assert services.partitions.overview().outside == 0
    assert sound(services)


def test_a_month_with_tokens_that_may_still_be_counted_is_refused(
    services: Services, people: list[Person]
) -> None:
    for before in (month(1), month(24), month(-1) + (datetime.now(UTC) - month(-1))):
        with pytest.raises(ValidationFailed, match="may still be counted"):
            services.partitions.detach(OPERATOR, before)
    assert len(actions_of(services, people[0])) == 4


def test_history_begins_after_the_detached_months_and_is_correct_from_there_on(
    services: Services, people: list[Person], make_services: Callable[..., Services]
) -> None:
    asked = month(-5)
    whole = services.history.since(asked)
    services.partitions.detach(OPERATOR, month(-3))
    # Another process, which has no history in its cache.
    shortened = make_services().history.since(asked)
    begin = int((month(-3) + SETTLED).timestamp()) * 1_000_000
    assert (whole.since < begin, shortened.since) == (True, begin)
    for before, after in zip(whole.series, shortened.series, strict=True):
        assert before.standing == after.standing
        then = [point.score for point in before.points if point.at <= begin][-1]
        assert after.points[0].score == then > 0
        assert {p.score for p in after.points} <= {p.score for p in before.points}


def test_points_cannot_be_revoked_since_a_time_in_a_detached_month(
    services: Services, people: list[Person]
) -> None:
    services.partitions.detach(OPERATOR, month(-3))
    one = people[1].user_id
    with pytest.raises(ValidationFailed, match="are known only from"):
        services.moderation.revoke_points(OPERATOR, one, month(-4) + 10 * DAY)
    taken = services.moderation.revoke_points(OPERATOR, one, month(-2))
    assert (taken.done, taken.revoked_points) == (True, 1)
    taken = services.moderation.revoke_points(OPERATOR, one)
    assert (taken.done, taken.revoked_points) == (True, 3)
    assert sound(services)


def test_a_player_back_at_a_carried_score_is_ahead_of_one_that_reached_it_later(
    services: Services, people: list[Person]
) -> None:
    services.partitions.detach(OPERATOR, month(-3))
    late = Person.register(services, "Late")
    late.score(2)
    services.moderation.revoke_points(OPERATOR, people[0].user_id, month(-3) + SETTLED)
    assert board(services)[-2:] == [(3, "Player 0", 2), (3, "Late", 2)]


def test_while_a_reader_locks_the_tables_only_the_detaching_waits(
    services: Services, stores: Stores, people: list[Person]
) -> None:
    reader = psycopg2.connect(stores.database_url)
    reader.cursor().execute("SELECT count(*) FROM actions")
    with ThreadPoolExecutor(1) as pool:
        detaching = pool.submit(services.partitions.detach, OPERATOR, month(-3))
        await_true(lambda: is_lock_awaited(stores.database_url), 10)
        for _ in range(20):
            people[0].score()
        assert not detaching.done()
        assert services.ledger_check.verify().ledger == ()
        reader.close()
        assert detaching.result(timeout=30).carried == 3
    assert sound(services)
    assert actions_of(services, people[0])[-1][1:] == (1, 24)


def test_detaching_during_increments_and_checks_loses_no_point_and_counts_none_twice(
    services: Services, people: list[Person]
) -> None:
    stopped = threading.Event()
    expected = {person.user_id: person.score().score for person in people}
    wrong: list[object] = []

    def play(person: Person) -> None:
        while not stopped.is_set():
            assert person.score().score == expected[person.user_id] + 1
            expected[person.user_id] += 1

    def verify() -> None:
        while not stopped.is_set():
            wrong.extend(services.ledger_check.verify().ledger)

    with ThreadPoolExecutor(4) as pool:
        busy = [pool.submit(play, person) for person in people]
        busy.append(pool.submit(verify))
        try:
            for ago in (-4, -3, -2, -1):
                assert services.partitions.detach(OPERATOR, month(ago)).tables
                seen = dict(expected)
                await_true(lambda seen=seen: all(expected[u] > seen[u] for u in seen), 30)  # type: ignore[misc]
        finally:
            stopped.set()
        for each in busy:
            each.result()
    assert wrong == []
    assert sound(services)
    scores = {row.user_id: row.score for row in services.leaderboard.top().rows}
    assert scores == expected
