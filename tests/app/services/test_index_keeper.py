"""The rank index: one way in, rebuilt when lost, repaired when a process died."""

from __future__ import annotations

import time
from contextlib import closing
from typing import Any

import psycopg2
import pytest
from redis.crc import key_slot
from sqlalchemy import text

from app.composition import Services
from app.contract import keys
from app.contract.errors import DomainError, SessionRevoked
from app.services.moderation import Act
from app.stores.ledger import Change
from app.stores.rank_index import RankIndex
from tests.app.conftest import StartBackground
from tests.app.index import count_without_placing, index_equals_database
from tests.app.people import Person
from tests.awaiting import await_true
from tests.servers import Stores, empty

pytestmark = pytest.mark.slow


def fill(services: Services, players: int) -> None:
    """So many players with scores, straight into the table."""
    url = services.settings.database_url.replace("+psycopg2", "")
    with closing(psycopg2.connect(url)) as connection, connection, connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO users (id, username, display_name, password_hash, score, revision,"
            " reached_at, reached_action_id)"
            " SELECT gen_random_uuid(), 'filled_' || n, 'Filled ' || n, '', 1 + n %% 997, 1,"
            " clock_timestamp(), n FROM generate_series(1, %s) n",
            (players,),
        )


def test_until_the_index_is_whole_ranks_are_counted_in_sql(services: Services) -> None:
    fill(services, 50)
    person = Person.register(services)
    assert person.score().rank == 1 + higher(services, 1)
    services.index_keeper.keep()
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
def test_an_index_that_redis_lost_is_rebuilt_by_itself_within_five_seconds(
    services: Services, stores: Stores, start_background: StartBackground
) -> None:
    fill(services, 100_000)
    start_background(services)
    await_true(lambda: index_equals_database(services), 20)
    version = services.leaderboard.top().version.number
    empty(stores.redis_url)
    lost = time.monotonic()
    await_true(lambda: services.redis.exists(keys.INDEX_COMPLETE_UNTIL), 5)
    assert time.monotonic() - lost < 5
    assert index_equals_database(services)
    assert services.leaderboard.top().version.number > version


def test_a_point_whose_process_died_before_the_index_is_placed_within_five_seconds(
    services: Services, start_background: StartBackground
) -> None:
    person = Person.register(services, "Ada")
    person.score()
    start_background(services)
    await_true(lambda: index_equals_database(services), 5)
    version = services.leaderboard.top().version.number
    count_without_placing(services, person)
    await_true(lambda: index_equals_database(services), 5)
    await_true(lambda: services.leaderboard.top().version.number > version, 1)
    assert services.leaderboard.top().rows[0].score == 2


def test_what_changed_while_redis_was_away_for_long_is_found(services: Services) -> None:
    person = Person.register(services)
    person.score()
    services.index_keeper.keep()
    complete_until = int(services.redis.get(keys.INDEX_COMPLETE_UNTIL) or 0)
    count_without_placing(services, person, seconds_ago=300)
    # As after a restart from a snapshot of ten minutes ago.
    services.redis.set(keys.INDEX_COMPLETE_UNTIL, complete_until - 600_000_000)
    services.index_keeper.keep()
    assert index_equals_database(services)


def test_a_rebuild_that_redis_lost_half_of_is_not_called_whole(
    services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill(services, 12_000)
    chunk = RankIndex.rebuild_chunk
    chunks: list[int] = []

    def lose_after_the_first(index: RankIndex, token: str, changes: list[Change]) -> bool:
        done = chunk(index, token, changes)
        chunks.append(len(changes))
        if len(chunks) == 1:
            services.redis.flushall()
        return done

    monkeypatch.setattr(RankIndex, "rebuild_chunk", lose_after_the_first)
    services.index_keeper.keep()
    assert services.redis.exists(keys.INDEX_COMPLETE_UNTIL) == 0
    services.index_keeper.keep()
    assert index_equals_database(services)


def test_late_repeated_and_overtaking_changes_do_no_harm(services: Services) -> None:
    index = RankIndex(services.redis)
    user = "00000000-0000-4000-8000-000000000001"
    older = Change(user, 1, revision=1, reached_at=1, changed_at=1)
    newer = Change(user, 2, revision=2, reached_at=2, changed_at=2)
    gone = Change(user, 0, revision=3, reached_at=2, changed_at=3)
    for change, applied, score in (
        (newer, 1, 2.0),
        (older, 0, 2.0),
        (newer, 0, 2.0),
        (gone, 1, None),
        (newer, 0, None),
    ):
        assert index.place([change], 0).applied == applied
        assert services.redis.zscore(keys.INDEX_SCORES, user) == score


def test_an_ended_session_that_redis_was_not_told_of_is_announced_by_the_next_pass(
    services: Services, stores: Stores, monkeypatch: pytest.MonkeyPatch
) -> None:
    services.index_keeper.keep()
    person = Person.register(services)
    monkeypatch.setattr(services.sessions, "announce_end", lambda *_: None)
    services.sessions.end(person.identity)
    monkeypatch.undo()
    services.sessions.verify(person.identity)
    services.index_keeper.keep()
    with pytest.raises(SessionRevoked):
        services.sessions.verify(person.identity)


def test_a_ban_that_redis_was_not_told_of_is_told_before_the_end_of_its_sessions(
    services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    person = Person.register(services)
    services.index_keeper.keep()
    with monkeypatch.context() as redis_is_away:
        redis_is_away.setattr(services.moderation._propagation, "tell", lambda _: False)
        services.moderation.ban(Act("test", "too fast"), person.user_id)
    answers: list[str] = []
    announce = services.sessions.announce_end

    def announce_as_the_player_asks(*ended: Any) -> bool:
        told = announce(*ended)
        with pytest.raises(DomainError) as refusal:
            person.token()
        answers.append(refusal.value.code)
        return told

    monkeypatch.setattr(services.sessions, "announce_end", announce_as_the_player_asks)
    services.index_keeper.keep()
    assert answers == ["USER_BANNED"]


def test_what_could_not_be_told_keeps_the_mark_behind_it(
    services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else a ban told by nobody would be forgotten once it is older than the overlap."""
    services.index_keeper.keep()
    mark = services.redis.get(keys.INDEX_COMPLETE_UNTIL)
    person = Person.register(services)
    propagation = services.moderation._propagation
    monkeypatch.setattr(propagation, "tell", lambda _: False)
    services.moderation.ban(Act("test", "because"), person.user_id)
    monkeypatch.setattr(services.sessions, "announce_end", lambda *_: True)
    services.index_keeper.keep()
    assert services.redis.get(keys.INDEX_COMPLETE_UNTIL) == mark
    monkeypatch.undo()
    services.index_keeper.keep()
    assert services.redis.get(keys.INDEX_COMPLETE_UNTIL) != mark
    assert services.redis.hget(keys.account(person.user_id), "status") == "banned"


def test_every_script_keeps_its_keys_in_one_slot_of_a_cluster() -> None:
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
