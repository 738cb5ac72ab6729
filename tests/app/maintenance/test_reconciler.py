"""The reconciler rebuilds a lost rank index, and repairs what a dead process left out."""

from __future__ import annotations

import time
from contextlib import closing
from typing import Any

import psycopg2
import pytest
from redis.crc import key_slot
from sqlalchemy import text

from app.audit.audited_change import Initiator
from app.contract import keys
from app.contract.errors import DomainError, SessionRevoked
from app.contract.standings import MAIN_RANKING, Ranking
from app.leaderboard.index.index_changes import IndexChanges, RankingChanges
from app.leaderboard.index.index_rebuild import IndexRebuild
from app.ledger.action_rows import StandingChange
from tests.app.conftest import StartBackground
from tests.support.players import Person
from tests.support.rank_index import (
    index_equals_database,
    record_unpublished_point,
    stop_publishing_accounts,
)
from tests.support.servers import Stores, empty
from tests.support.services import Services
from tests.support.waiting import await_true

pytestmark = pytest.mark.slow


def fill(services: Services, players: int) -> None:
    """Insert players with scores into the table."""
    url = services.settings.database_url.replace("+psycopg2", "")
    with closing(psycopg2.connect(url)) as connection, connection, connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO users (id, username, display_name, password_hash, score, revision,"
            " reached_at, reached_action_id)"
            " SELECT gen_random_uuid(), 'filled_' || n, 'Filled ' || n, '', 1 + n %% 997, 1,"
            " clock_timestamp(), n FROM generate_series(1, %s) n",
            (players,),
        )


def test_ranks_are_counted_in_sql_until_the_index_is_complete(services: Services) -> None:
    fill(services, 50)
    person = Person.register(services)
    assert person.score().rank == 1 + higher(services, 1)
    services.reconciler.run_pass()
    assert index_equals_database(services)
    assert person.score().rank == 1 + higher(services, 2)


def higher(services: Services, score: int) -> int:
    with services.database.reading() as connection:
        return int(
            connection.execute(
                text("SELECT count(*) FROM users WHERE score > :score"), {"score": score}
            ).scalar_one()
        )


@pytest.mark.slow
def test_a_lost_index_is_rebuilt_within_five_seconds(
    services: Services, stores: Stores, start_background: StartBackground
) -> None:
    fill(services, 50_000)
    start_background(services)
    await_true(lambda: index_equals_database(services), 60)
    version = services.leaderboard.top().version.number
    empty(stores.redis_url)
    lost_at = time.monotonic()
    await_true(lambda: services.redis.exists(keys.INDEX_COMPLETE_UNTIL), 5)
    assert time.monotonic() - lost_at < 5
    assert index_equals_database(services)
    await_true(lambda: services.leaderboard.top().version.number > version, 3)


def test_an_unpublished_point_is_published_within_five_seconds(
    services: Services, start_background: StartBackground
) -> None:
    person = Person.register(services, "Ada")
    person.score()
    start_background(services)
    await_true(lambda: index_equals_database(services), 5)
    version = services.leaderboard.top().version.number
    record_unpublished_point(services, person)
    await_true(lambda: index_equals_database(services), 5)
    # The first pass may have raised the version too.
    await_true(lambda: services.leaderboard.top().rows[0].score == 2, 3)
    assert services.leaderboard.top().version.number > version


def test_changes_during_a_long_outage_of_redis_are_found(services: Services) -> None:
    person = Person.register(services)
    person.score()
    services.reconciler.run_pass()
    complete_until = int(services.redis.get(keys.INDEX_COMPLETE_UNTIL) or 0)
    record_unpublished_point(services, person, seconds_ago=300)
    # As after a restart from a snapshot that is ten minutes old.
    services.redis.set(keys.INDEX_COMPLETE_UNTIL, complete_until - 600_000_000)
    services.reconciler.run_pass()
    assert index_equals_database(services)


def test_a_rebuild_that_redis_lost_half_of_is_not_marked_complete(
    services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill(services, 12_000)
    chunk = IndexRebuild.rebuild_chunk
    chunks: list[int] = []

    def lose_after_the_first(
        index: IndexRebuild, ranking: Ranking, token: str, changes: list[StandingChange]
    ) -> bool:
        done = chunk(index, ranking, token, changes)
        chunks.append(len(changes))
        if len(chunks) == 1:
            services.redis.flushall()
        return done

    monkeypatch.setattr(IndexRebuild, "rebuild_chunk", lose_after_the_first)
    services.reconciler.run_pass()
    assert services.redis.exists(keys.INDEX_COMPLETE_UNTIL) == 0
    services.reconciler.run_pass()
    assert index_equals_database(services)


def test_late_and_repeated_changes_are_not_applied(services: Services) -> None:
    index = IndexChanges(services.redis)
    user = "00000000-0000-4000-8000-000000000001"
    older = StandingChange(user, 1, revision=1, reached_at=1, changed_at=1, listed=True)
    newer = StandingChange(user, 2, revision=2, reached_at=2, changed_at=2, listed=True)
    gone = StandingChange(user, 0, revision=3, reached_at=2, changed_at=3, listed=False)
    for change, applied, score in (
        (newer, 1, 2.0),
        (older, 0, 2.0),
        (newer, 0, 2.0),
        (gone, 1, None),
        (newer, 0, None),
    ):
        (result,) = index.apply([RankingChanges(MAIN_RANKING, [change], 0)]).results
        assert result.applied_changes == applied
        assert services.redis.zscore(keys.INDEX_SCORES, user) == score


def test_an_unannounced_end_of_a_session_is_announced_by_the_next_pass(
    services: Services, stores: Stores, monkeypatch: pytest.MonkeyPatch
) -> None:
    services.reconciler.run_pass()
    person = Person.register(services)
    monkeypatch.setattr(services.sessions, "publish_end", lambda *_: None)
    services.sessions.end(person.identity)
    monkeypatch.undo()
    services.sessions.verify(person.identity)
    services.reconciler.run_pass()
    with pytest.raises(SessionRevoked):
        services.sessions.verify(person.identity)


def test_an_unpublished_ban_is_published_before_the_end_of_its_sessions(
    services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    person = Person.register(services)
    services.reconciler.run_pass()
    with monkeypatch.context() as without_redis:
        stop_publishing_accounts(without_redis)
        services.moderation.ban(Initiator("test", "too fast"), person.user_id)
    answers: list[str] = []
    announce = services.sessions.publish_end

    def announce_and_ask(*ended: Any) -> bool:
        announced = announce(*ended)
        with pytest.raises(DomainError) as refusal:
            person.token()
        answers.append(refusal.value.code)
        return announced

    monkeypatch.setattr(services.sessions, "publish_end", announce_and_ask)
    services.reconciler.run_pass()
    assert answers == ["USER_BANNED"]


def test_the_mark_stays_behind_an_account_that_could_not_be_published(
    services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Otherwise no pass would publish the ban once it is older than the overlap."""
    services.reconciler.run_pass()
    mark = services.redis.get(keys.INDEX_COMPLETE_UNTIL)
    person = Person.register(services)
    stop_publishing_accounts(monkeypatch)
    services.moderation.ban(Initiator("test", "because"), person.user_id)
    monkeypatch.setattr(services.sessions, "publish_end", lambda *_: True)
    services.reconciler.run_pass()
    assert services.redis.get(keys.INDEX_COMPLETE_UNTIL) == mark
    monkeypatch.undo()
    services.reconciler.run_pass()
    assert services.redis.get(keys.INDEX_COMPLETE_UNTIL) != mark
    assert services.redis.hget(keys.account(person.user_id), "status") == "banned"


def test_the_keys_of_a_script_are_in_one_slot_of_a_cluster() -> None:
    """A cluster refuses a script whose keys are in several slots."""
    user = "00000000-0000-4000-8000-000000000001"
    of_user = [
        keys.session(user, "s"),
        keys.account(user),
        keys.attempts(user, "token"),
        keys.charges(user, "token"),
        keys.action_token(user, "n"),
    ]
    of_board = [value for name, value in vars(keys).items() if name.startswith(("INDEX", "BOARD"))]
    assert len({key_slot(key.encode()) for key in of_user}) == 1
    assert {key_slot(key.encode()) for key in [*of_board, keys.LAST_BOARD]} == {
        key_slot(keys.CACHED_BOARD.encode())
    }
